"""`nucleus gate`: options, exit codes, files, what is said where."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest

from nucleus._cli.gate_output.words import COLUMNS
from tests.unit.cli.gate_answers import (
    BASELINE_ID,
    HOSTILE,
    MODEL_ID,
    TEST_ID,
    URL,
    GateCli,
    entry,
    report,
    top_item,
    waiver,
)


@pytest.fixture
def gate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> GateCli:
    """The command line in an empty folder."""
    monkeypatch.chdir(tmp_path)
    return GateCli()


@pytest.mark.parametrize(
    ("outcome", "inconclusive", "code"),
    [
        ("passed", "warn", 0),
        ("failed", "pass", 1),
        ("inconclusive", "warn", 2),
        ("inconclusive", "fail", 1),
        ("inconclusive", "pass", 0),
        ("new", "warn", 2),
        ("missing", "pass", 3),
    ],
)
def test_exit_codes(gate: GateCli, outcome: str, inconclusive: str, code: int) -> None:
    """By the outcome of the report; only what is inconclusive can be configured."""
    gate.gate(report([entry(outcome)]), "--inconclusive", inconclusive, code=code)


def test_inconclusive_is_a_warning_by_default(gate: GateCli) -> None:
    """Exit code 2, never a pass."""
    gate.gate(report([entry("inconclusive")]), code=2)


def test_failed_counts_more_than_missing(gate: GateCli) -> None:
    """Exit code 1; what is missing is named all the same."""
    result = gate.gate(report([entry("failed"), entry("missing", "latency")]), code=1)
    assert result.stderr == "No evaluation of Detector 4 by:\n  night / latency\n"


def test_missing_evaluations_are_named(gate: GateCli) -> None:
    """On stderr, the first 20, in every format."""
    answer = report([entry("missing", f"f{n}") for n in range(22)])
    for options in ((), ("--json",)):
        lines = gate.gate(answer, *options, code=3).stderr.splitlines()
        assert lines[:2] == ["No evaluation of Detector 4 by:", "  night / f0"]
        assert lines[-2:] == ["  night / f19", "  and 2 more"]


def test_what_is_asked_for(gate: GateCli) -> None:
    """Models by name or reference id, tests by name; options as they are."""
    answer = report([entry("passed")])
    gate.gate(answer, code=0)
    plain = gate.wire.body()
    del plain["wait_s"]
    assert plain == {
        "model_id": MODEL_ID,
        "allow_missing": False,
        "require_coverage": 0.0,
        "false_discovery_rate": 0.05,
    }
    options = ["--baseline", "Detector 3", "--tests", "night", "--mode", "non-inferior", "--require-coverage", 1.0]
    gate.gate(answer, *options, "--allow-missing", "--false-discovery-rate", 0.1, "--no-wait", code=0)
    assert gate.wire.body() == {
        "model_id": MODEL_ID,
        "baseline_model_id": BASELINE_ID,
        "test_ids": [TEST_ID],
        "mode": "non-inferior",
        "require_coverage": 1.0,
        "allow_missing": True,
        "false_discovery_rate": 0.1,
        "wait_s": 0.0,
    }
    gate.gate(answer, "--baseline", "last-approved", "--tag", "release", "--tag", "night", code=0)
    asked = gate.wire.body()
    assert (asked["baseline"], asked["tags"]) == ("last-approved", ["release", "night"])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--model", "nobody"], "no model has the id or name 'nobody'"),
        (["--model", "detector-v4", "--baseline", "nobody"], "no model"),
        (["--model", "detector-v4", "--tests", "nothing"], "no scenario test"),
        (["--model", "detector-v4", "--tests", "night", "--tag", "x"], "got both"),
        (["--model", "detector-v4", "--mode", "nonsense"], "nonsense"),
        (["--model", "detector-v4", "--require-coverage", "2"], "Error"),
        ([], "--model"),
    ],
)
def test_wrong_usage_is_3(gate: GateCli, options: list[str], message: str) -> None:
    """Before anything is asked of the server's statistics."""
    result = gate.run("gate", *options, code=3)
    assert message in result.stderr and result.stdout == ""


@pytest.mark.parametrize("status", [403, 404, 409, 422, 500, 501])
def test_errors_of_the_server_are_3(gate: GateCli, status: int) -> None:
    """With its sentence."""
    result = gate.gate((status, {"error": "the sentence", "code": "c"}), code=3)
    assert "the sentence" in result.stderr and result.stdout == ""


def test_no_tests_is_no_pass(gate: GateCli) -> None:
    """A tag that no test has: 3."""
    assert "without tests is never passed" in gate.gate(report(), "--tag", "typo", code=3).stderr


def test_verdicts_that_are_still_computed(gate: GateCli) -> None:
    """Without waiting: what is known, how many are missing, exit code 3."""
    answer = report(
        [entry("inconclusive", comparison={"status": "computing"})],
        status="computing",
        n_comparisons=1_200,
        n_computed=7,
        job_id="job_1",
        outcome="passed",
    )
    result = gate.gate(answer, "--no-wait", code=3)
    assert "7 of 1,200" in result.stderr and "computing" in result.stdout


def test_waiting_too_long_is_3(gate: GateCli) -> None:
    """It names what is missing."""
    answer = report([entry("inconclusive", comparison={"status": "computing"})], status="computing")
    result = gate.gate(answer, "--timeout", 0, code=3)
    assert "'custom_mAP' of test 'night'" in result.stderr


def test_terminal(gate: GateCli) -> None:
    """The table, five lines, three items, the link; names are no markup and no control characters."""
    bad = entry("inconclusive", HOSTILE.replace("\ud800", ""), "[red]day", warnings=["drive looks like groups"])
    answer = report(
        [entry(), bad, entry("failed", "old", waiver=waiver())], top_items=[top_item(f"frame-{n}") for n in range(3)]
    )
    shown = gate.gate(answer, code=1).stdout
    assert all(name in shown.splitlines()[1] for name in COLUMNS)
    assert "\x1b" not in shown and "\x00" not in shown and "[red]day" in shown
    after = shown.partition("└")[2].splitlines()[1:]
    assert [line.partition(":")[0] for line in after[:5]] == [
        "Verdict",
        "Blockers",
        "Inconclusive",
        "Waivers",
        "Coverage",
    ]
    assert (
        after[5] == "Items that weigh most:"
        and after[6].startswith("  frame-0: −0.021")
        and after[9:] == ["! [red]day: drive looks like groups", URL]
    )


def test_json_is_the_report(gate: GateCli) -> None:
    """As the server sent it, and nothing else on stdout; in a file too."""
    answer = report([entry("inconclusive")])
    assert json.loads(gate.gate(answer, "--json", "--json-file", "r.json", code=2).stdout) == answer
    assert json.loads(Path("r.json").read_text()) == answer


def test_files(gate: GateCli) -> None:
    """JUnit and Markdown beside the table, whatever the outcome; `--inconclusive fail` is seen in both."""
    options = ["--junit", "gate.xml", "--markdown", "gate.md"]
    gate.gate(report([entry("missing")]), *options, code=3)
    assert ElementTree.parse("gate.xml").getroot().attrib["errors"] == "1"
    assert URL in Path("gate.md").read_text(encoding="utf-8")
    gate.gate(report([entry("new")]), *options, "--inconclusive", "fail", code=1)
    assert ElementTree.parse("gate.xml").getroot().attrib["failures"] == "1"


def test_a_file_that_cannot_be_written_is_3(gate: GateCli) -> None:
    """The table was printed before."""
    result = gate.gate(report([entry("passed")]), "--junit", "nowhere/gate.xml", code=3)
    assert "nowhere/gate.xml" in result.stderr and "✓ passed" in result.stdout
