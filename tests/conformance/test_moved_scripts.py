"""One script with each official client and with our SDK, against the real program: its user gets the same."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.images import write_png
from tests.support.official import OURS, VERSIONS, run_driver
from tests.support.server import LiveServer

DRIVER = Path(__file__).parent / "drivers" / "moved_script.py"

NEWER_ONLY = {"without a run", "merged"}
"""What 0.18.4 cannot do."""


@pytest.mark.parametrize("version", VERSIONS)
def test_a_script_gets_the_same_from_our_sdk(version: str, both_servers: LiveServer, tmp_path: Path) -> None:
    """Objects of every kind, counts, errors, exports, runs, slices, scenes, jobs."""
    mask = str(write_png(tmp_path / "mask.png"))
    theirs = run_driver(version, DRIVER, both_servers, f"{version}, theirs: ", mask)
    ours = run_driver(OURS, DRIVER, both_servers, f"{version}, ours: ", mask)
    left_out = NEWER_ONLY if version == "0.18.4" else set()
    assert set(ours) - left_out == set(theirs)
    for part, value in theirs.items():
        assert _text(ours[part]) == _text(value), part
    _check(theirs)


def _check(seen: dict[str, Any]) -> None:
    """What users of the hosted product rely on, beyond that both clients agree."""
    counts = [
        (seen[part]["annotations_processed"], seen[part]["annotations_ignored"]) for part in ("annotate", "again")
    ]
    assert counts == [(11, 0), (0, 11)]
    assert seen["in batches"]["annotations_ignored"] == 11
    assert seen["unknown item"][0]["annotations_processed"] == 1 and seen["unknown item"][1] is True
    assert seen["export, by page"] is True and seen["slice"][4] is True
    assert seen["predict again"]["predictions_ignored"] == 8
    assert seen["scenes left"] == ["video 1", "video 2"]


def _text(value: Any) -> str:
    # As text: 1, 1.0 and True are different things to whoever reads a file.
    return json.dumps(value, sort_keys=True, indent=1)
