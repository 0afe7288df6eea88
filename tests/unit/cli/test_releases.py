"""`nucleus releases`."""

from __future__ import annotations

import pytest

from tests.unit.cli.gate_answers import MODEL_ID, TEST_ID, GateCli, entry, release, report

RELEASE = "rel_00000000000000000001"


@pytest.fixture
def releases() -> GateCli:
    """The command line, with one open release."""
    cli = GateCli()
    cli.wire.routes |= {
        ("GET", "validate/releases"): {"releases": [release(report=None)]},
        ("GET", f"validate/releases/{RELEASE}"): release(),
    }
    return cli


def test_list(releases: GateCli) -> None:
    """All, or those of a status."""
    (row,) = releases.json("releases", "list")
    assert (row["id"], row["status"], row["created_at"]) == (RELEASE, "open", "2026-01-01T00:00:00Z")
    releases.wire.routes["GET", "validate/releases?status=approved&limit=3"] = {"releases": []}
    assert "nothing yet" in releases.run("releases", "list", "--status", "approved", "--limit", 3).stdout
    assert "2026.1" in releases.run("releases", "list").stdout


def test_show(releases: GateCli) -> None:
    """By name or id: the facts, the report as the gate shows it, what changed."""
    shown = releases.run("releases", "show", "2026.1").stdout
    assert all(word in shown for word in ("Detector 4", "✗ failed", "Blockers", "threshold", "/releases/rel_"))
    row = releases.json("releases", "show", RELEASE)
    assert row["report"] == report([entry()])
    assert row["changes"] == [{"scenario_test_name": "night", "what": "threshold", "before": 0.7, "after": 0.8}]
    assert "no release" in releases.run("releases", "show", "nothing", code=3).stderr


def test_create(releases: GateCli) -> None:
    """With the options of the gate; it waits for verdicts."""
    releases.wire.routes["POST", "validate/releases"] = release()
    options = ["--baseline", "last-approved", "--tests", "night", "--mode", "point", "--require-coverage", 1]
    made = releases.json("releases", "create", "2026.1", "--model", "detector-v4", *options)
    assert made["id"] == RELEASE
    asked = releases.wire.body()
    assert asked.pop("wait_s") > 0
    assert asked == {
        "name": "2026.1",
        "model_id": MODEL_ID,
        "baseline": "last-approved",
        "test_ids": [TEST_ID],
        "mode": "point",
        "allow_missing": False,
        "require_coverage": 1.0,
        "false_discovery_rate": 0.05,
    }


@pytest.mark.parametrize(("command", "decision"), [("approve", "approved"), ("reject", "rejected")])
def test_decisions(releases: GateCli, command: str, decision: str) -> None:
    """With a note."""
    decided = release(decision, decided_by="maria", note="because", decided_at="2026-01-02T00:00:00Z")
    releases.wire.routes["POST", f"validate/releases/{RELEASE}/decision"] = decided
    assert decision in releases.run("releases", command, "2026.1", "--note", "because").stdout
    assert releases.wire.body() == {"decision": decision, "note": "because"}


def test_what_blocks_a_release_is_1(releases: GateCli) -> None:
    """A check failed; any other conflict is 3."""
    route = "POST", f"validate/releases/{RELEASE}/decision"
    releases.wire.routes[route] = (409, {"error": "1 entry failed: waive it", "code": "release_blocked"})
    result = releases.run("releases", "approve", "2026.1", code=1)
    assert (result.stdout, result.stderr) == ("", "Error: 1 entry failed: waive it\n")
    releases.wire.routes[route] = (409, {"error": "it is approved already", "code": "conflict"})
    releases.run("releases", "approve", "2026.1", code=3)


def test_promote(releases: GateCli) -> None:
    """After a question."""
    promoted = release("approved", promoted_at="2026-01-02T00:00:00Z")
    releases.wire.routes["POST", f"validate/releases/{RELEASE}/promote"] = promoted
    assert "Nothing was changed" in releases.run("releases", "promote", "2026.1", answer="n\n", code=3).stderr
    assert releases.wire.last.method == "GET"
    result = releases.run("releases", "promote", "2026.1", answer="y\n")
    assert "Make Detector 4 the baseline of the tests of 2026.1" in result.stderr
    assert releases.json("releases", "promote", RELEASE, "--yes")["promoted_at"] == "2026-01-02T00:00:00Z"
