"""Gate, releases and waivers with the application itself."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

import nucleus
from tests.unit.cli.conftest import Cli
from tests.unit.cli.gate_answers import entry, release, report, top_item, waiver

N_ITEMS = 120
REFS = [f"item-{n:03}" for n in range(N_ITEMS)]


@dataclass(frozen=True)
class Road:
    """A test "night" of 120 items of 20 drives, by which the model "in use" is the baseline."""

    cli: Cli
    dataset: nucleus.Dataset

    def add(self, name: str, shift: float, noise: float = 0.01, refs: Sequence[str] = REFS) -> None:
        """A model whose scores are those of the one in use, moved by `shift`."""
        chance = random.Random(name)
        rows = [
            {"item_ref_id": ref, "custom_mAP": 0.5 + 0.002 * n + shift + chance.gauss(0, noise)}
            for n, ref in enumerate(REFS)
            if ref in refs
        ]
        model = self.cli.api.client().create_model(name, name)
        self.dataset.upload_scores({"custom_mAP": "custom_mAP"}, model, rows, min_coverage=0.1)


@pytest.fixture
def road(cli: Cli) -> Road:
    """With a worse model, a better one, and one that nobody can tell about."""
    client = cli.api.client()
    dataset = client.create_dataset("road")
    dataset.append(
        [nucleus.DatasetItem(reference_id=ref, text=ref, metadata={"drive": n // 6}) for n, ref in enumerate(REFS)]
    )
    dataset.set_cluster_key("drive")
    function = client.validate.create_external_eval_function("custom_mAP")
    test = client.validate.create_scenario_test("night", dataset.create_slice("night", REFS).id, [function])
    made = Road(cli, dataset)
    for name, shift, noise in (("in use", 0, 0.01), ("worse", -0.05, 0.01), ("better", 0.05, 0.01), ("odd", 0, 0.1)):
        made.add(name, shift, noise)
    test.set_baseline_model(next(m.id for m in client.models if m.name == "in use"))
    return made


def unknown_keys(prepared: Any, real: Any, path: str = "") -> list[str]:
    """The keys of prepared JSON, however deep, that the real one lacks; of a list its first element is looked at."""
    if isinstance(prepared, list) and isinstance(real, list) and prepared and real:
        return unknown_keys(prepared[0], real[0], f"{path}[0]")
    if not isinstance(prepared, dict) or not isinstance(real, dict):
        return []
    return [
        found
        for key, value in prepared.items()
        for found in ([f"{path}.{key}"] if key not in real else unknown_keys(value, real[key], f"{path}.{key}"))
    ]


def test_exit_codes(road: Road) -> None:
    """Passed, failed, inconclusive, missing."""
    run = road.cli.run
    assert "✓ passed" in run("gate", "--model", "better", "--require-coverage", 1).stdout
    assert "✗ failed" in run("gate", "--model", "worse", code=1).stdout
    assert "to settle it: about" in run("gate", "--model", "odd", code=2).stdout
    run("gate", "--model", "odd", "--inconclusive", "fail", code=1)
    road.cli.api.client().create_model("empty", "empty")
    assert "night / custom_mAP" in run("gate", "--model", "empty", code=3).stderr


def test_leaving_items_out_is_no_pass(road: Road) -> None:
    """Unless it is said that they do not matter; demanded coverage fails."""
    road.add("partial", 0.01, refs=REFS[:100])
    run = road.cli.run
    run("gate", "--model", "partial", code=2)
    run("gate", "--model", "partial", "--allow-missing", code=0)
    assert "83.3 %" in run("gate", "--model", "partial", "--require-coverage", 1, code=1).stdout


def test_nothing_to_compare_with_is_new(road: Road) -> None:
    """No release was approved yet: no verdict, never a pass."""
    assert "+ new" in road.cli.run("gate", "--model", "better", "--baseline", "last-approved", code=2).stdout


def test_tests_and_tags(road: Road) -> None:
    """By name and by tag; a tag that nothing has is wrong usage."""
    (test,) = road.cli.api.client().validate.scenario_tests
    test.set_tags(["release"])
    for options in (["--tests", "night"], ["--tests", test.id], ["--tag", "release"]):
        road.cli.run("gate", "--model", "better", *options)
    assert "typo" in road.cli.error("gate", "--model", "better", "--tag", "typo")


def test_prepared_answers_are_like_real_ones(road: Road) -> None:
    """What the other tests prepare has no key that the server does not send."""
    accepted = ["--owner", "o", "--reason", "r", "--expires", "2999-01-01"]
    assert not unknown_keys(waiver(), road.cli.json("waivers", "create", "night", "custom_mAP", *accepted))
    real = json.loads(road.cli.run("gate", "--model", "worse", "--json").stdout)
    first = real["entries"][0]
    assert first["waiver"] and first["comparison"] and first["candidate"] and real["top_items"]
    assert not unknown_keys(report([entry(waiver=waiver())], top_items=[top_item()]), real)
    made = road.cli.api.post("validate/releases", {"name": "1", "model_id": real["model"]["id"]})
    assert not unknown_keys(release(), made.json())


def test_a_release_from_its_opening_to_the_next(road: Road) -> None:
    """Blocked, waived, approved, promoted; then it is what the next one is compared with."""
    run, printed = road.cli.run, road.cli.json
    printed("releases", "create", "1", "--model", "worse", "--tests", "night")
    assert "waiv" in run("releases", "approve", "1", "--note", "n", code=1).stderr
    accepted = ["--reason", "labels are wrong", "--owner", "maria", "--expires", "2999-01-01"]
    waived = printed("waivers", "create", "night", "custom_mAP", "--model", "worse", *accepted)
    shown = run("gate", "--model", "worse", code=0).stdout
    assert "✗ failed, waived" in shown and "labels are wrong (maria, until 2999-01-01 23:59 UTC)" in shown
    assert printed("releases", "approve", "1", "--note", "known")["decided_by"] == "admin"
    assert printed("releases", "promote", "1", "--yes")["promoted_at"] is not None
    run("gate", "--model", "in use", "--baseline", "last-approved", code=0)
    assert "nothing yet" in run("releases", "list", "--status", "open").stdout
    assert "counts again" in run("waivers", "revoke", waived["id"], "--yes").stdout
    assert [w["status"] for w in printed("waivers", "list", "--all")] == ["revoked"]
    run("gate", "--model", "worse", "--baseline", "in use", code=1)


def test_files(road: Road) -> None:
    """As people and CI systems read them."""
    road.cli.run("gate", "--model", "worse", "--junit", "g.xml", "--markdown", "g.md", "--json-file", "g.json", code=1)
    assert ElementTree.parse("g.xml").getroot().attrib["failures"] == "1"
    text = Path("g.md").read_text(encoding="utf-8")
    assert text.count("\n* item-") == 3 and "must not be released" in text
    assert json.loads(Path("g.json").read_text(encoding="utf-8"))["outcome"] == "failed"
