"""The script of `docs/how-to/official-client.md`, by both official clients."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.support.official import VERSIONS, official_python
from tests.support.pages import blocks_of, differences, settings_of_readers
from tests.support.server import LiveServer, environment, running_server

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "official-client.md"


@pytest.mark.parametrize("version", VERSIONS)
def test_script_is_the_official_clients_too(version: str, tmp_path: Path) -> None:
    """Word by word, with the output that the page shows."""
    script = next(block for block in blocks_of(PAGE) if block.language == "python")
    (tmp_path / "script.py").write_text(script.text)
    with running_server(tmp_path / "server") as server:
        done = _run(version, tmp_path / "script.py", server)
    assert done.returncode == 0, done.stdout + done.stderr
    assert not differences(PAGE, [(script, done.stdout.splitlines()[-1] + "\n")])


def _run(version: str, script: Path, server: LiveServer) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(official_python(version)), str(script)],
        env=environment(**settings_of_readers(server.endpoint)),
        capture_output=True,
        text=True,
        timeout=120,
    )
