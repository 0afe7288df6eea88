"""Release reports, releases, waivers and the audit log."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

import nucleus
from nucleus.validate import ScenarioTest, Validate
from tests.unit.sdk.verdicts import (
    FUNCTION_ID,
    TEST_ID,
    computing,
    entry,
    paired,
    release,
    release_report,
    waiver,
)
from tests.unit.sdk.wire import Wire, function_entry, job, one_after_the_other

REPORT = ("POST", "validate/release_report")
RELEASES = ("POST", "validate/releases")
DEFAULTS = {"allow_missing": False, "require_coverage": 0.0, "false_discovery_rate": 0.05}


@pytest.fixture
def validate(wire: Wire) -> Validate:
    """A client's `validate`."""
    return wire.client().validate


def test_a_report_is_asked_for(wire: Wire, validate: Validate) -> None:
    """Tests by object, id and name; what is left out is left to the server."""
    wire.routes[REPORT] = release_report()
    validate.release_report("prj_b")
    assert wire.body() == {"model_id": "prj_b", **DEFAULTS, "wait_s": 1.0}
    model = nucleus.Model("prj_b", "b", "b", None, validate.connection)
    test = ScenarioTest(TEST_ID, "night", "slc_1", validate.connection)
    validate.release_report(
        model,
        "prj_a",
        tests=[test, TEST_ID, "st_day"],
        tags=["perception"],
        mode="point",
        allow_missing=True,
        require_coverage=1.0,
        false_discovery_rate=0.1,
        wait=False,
    )
    assert wire.body() == {
        "model_id": "prj_b",
        "baseline_model_id": "prj_a",
        "test_ids": [TEST_ID, TEST_ID],
        "test_names": ["st_day"],
        "tags": ["perception"],
        "mode": "point",
        "allow_missing": True,
        "require_coverage": 1.0,
        "false_discovery_rate": 0.1,
        "wait_s": 0.0,
    }
    validate.release_report(model, "last-approved")
    assert wire.body() == {"model_id": "prj_b", "baseline": "last-approved", **DEFAULTS, "wait_s": 1.0}


@pytest.mark.parametrize(
    "wrong, problem",
    [
        ({"tests": []}, "at least one of tests, got an empty list: leave it out for all tests"),
        ({"tests": "night"}, "a list of tests, got the text 'night'"),
        ({"tags": ()}, "at least one of tags"),
        ({"tags": "a"}, "a list of tags"),
        ({"require_coverage": float("nan")}, "finite numbers"),
    ],
)
def test_no_tests_are_not_all_tests(validate: Validate, wrong: dict[str, Any], problem: str) -> None:
    """An empty list, which a script made by mistake, is refused before anything is sent."""
    with pytest.raises(ValueError, match=problem):
        validate.release_report("prj_b", **wrong)


def test_a_report_is_read(wire: Wire, validate: Validate) -> None:
    """What it says, as values and as it was sent."""
    sent = release_report(entry(comparison=paired(interval=[None, -0.1])), news=1)
    wire.routes[REPORT] = sent
    report = validate.release_report("prj_b")
    assert (report.status, report.outcome, report.is_complete) == ("complete", "failed", True)
    assert str(report) == report.sentence == sent["sentence"]
    assert (report.model.name, str(report.baseline), report.baseline.kind) == ("model b", "model a", "model")
    assert (report.counts.failed, report.counts.passed, report.coverage.lowest) == (1, 0, 1.0)
    assert report.entries["recall"].outcome == "failed" and report.top_items[0].reference_id == "frame-1"
    assert report.url == "http://nucleus.test/report?model=prj_b"
    assert report.to_json() == sent and json.dumps(report.to_json(), allow_nan=False)
    report.to_json()["entries"].clear()
    assert report.to_json() == sent
    with pytest.raises(TypeError, match=r"use \.outcome"):
        bool(report)
    own = {"kind": "own", "model_id": None, "model_name": None}
    wire.routes[REPORT] = release_report(baseline=own)
    assert str(validate.release_report("prj_b").baseline) == "each test's own baseline"
    wire.routes[REPORT] = release_report(baseline={**own, "kind": "last-approved"})
    assert str(validate.release_report("prj_b").baseline) == "the model approved last for each test"


def test_a_report_is_waited_for(wire: Wire, validate: Validate, pauses: list[float]) -> None:
    """Until it is complete, or too long."""
    wire.routes["GET", "job/job_1"] = job("Running")
    running = release_report(computing(), job_id="job_1", outcome="inconclusive")
    wire.routes[REPORT] = one_after_the_other(running, release_report(), running, running)
    assert validate.release_report("prj_b", show_progress=True).outcome == "failed"
    assert validate.release_report("prj_b", wait=False).status == "computing"
    with pytest.raises(nucleus.JobTimeoutError, match="'recall' of test 'night'"):
        validate.release_report("prj_b", timeout_s=0)
    assert pauses == [0.05]


def test_a_report_that_is_refused(wire: Wire, validate: Validate) -> None:
    """As any other request."""
    wire.routes[REPORT] = (404, {"error": "no model prj_b", "code": "not_found"})
    with pytest.raises(nucleus.ObjectNotFoundError, match="no model prj_b"):
        validate.release_report("prj_b")


def test_the_life_of_a_release(wire: Wire, validate: Validate) -> None:
    """Opened, approved, promoted; the object goes along."""
    wire.routes[RELEASES] = release()
    opened = validate.create_release("v2", "prj_b", "last-approved", tests=["night"])
    asked = {"name": "v2", "model_id": "prj_b", "baseline": "last-approved", "test_names": ["night"]}
    assert wire.body() == asked | DEFAULTS | {"wait_s": 1}
    assert opened.blockers == "1 criterion fails without a waiver" and not opened.may_need_note
    assert (opened.status, opened.url, opened.created_at.year) == ("open", "http://nucleus.test/releases/rel_1", 2026)
    assert opened.report is not None and opened.report.outcome == "failed"
    assert opened.changes[0].after == "0.5" and opened.decided_at is None

    wire.routes["POST", "validate/releases/rel_1/decision"] = (
        409,
        {"error": "1 entry failed", "code": "release_blocked"},
    )
    with pytest.raises(nucleus.ConflictError) as info:
        opened.approve("now")
    assert info.value.code == "release_blocked" and opened.status == "open"
    assert wire.body() == {"decision": "approved", "note": "now"}

    decided = {"status": "approved", "decided_by": "ann", "note": "fine", "decided_at": "2026-01-03T00:00:00.000Z"}
    wire.routes["POST", "validate/releases/rel_1/decision"] = release(**decided)
    assert opened.approve("fine") is opened
    assert (opened.status, opened.decided_by, opened.note) == ("approved", "ann", "fine")
    assert opened.decided_at == datetime(2026, 1, 3, tzinfo=timezone.utc)
    wire.routes["POST", "validate/releases/rel_1/promote"] = release(**decided, promoted_at="2026-01-04T00:00:00.000Z")
    assert opened.promote().promoted_at == datetime(2026, 1, 4, tzinfo=timezone.utc)
    assert str(opened).startswith("Release 'v2' (rel_1) of 'model b', approved by ann: model b fails")
    wire.routes["POST", "validate/releases/rel_1/decision"] = release(status="rejected")
    assert opened.reject().status == "rejected" and wire.body() == {"decision": "rejected", "note": ""}
    wire.routes["GET", "validate/releases/rel_1"] = release()
    assert opened.refresh() == validate.get_release("rel_1")


def test_a_release_is_waited_for(wire: Wire, validate: Validate, pauses: list[float]) -> None:
    """Its report is computed after it is made."""
    running = release(report=release_report(computing(), job_id="job_1"))
    wire.routes[RELEASES] = running
    wire.routes["GET", "job/job_1"] = job("Running")
    wire.routes["GET", "validate/releases/rel_1"] = one_after_the_other(running, release(), release())
    made = validate.create_release("v2", "prj_b")
    assert made.report is not None and made.report.is_complete and pauses == [0.05, 0.1]
    assert [route for method, route in wire.sent() if method == "POST"] == ["validate/releases"]
    report = validate.create_release("v2", "prj_b", wait=False).report
    assert report is not None and report.status == "computing"


def test_releases_are_listed(wire: Wire, validate: Validate) -> None:
    """Without reports."""
    row = release()
    del row["report"]
    wire.routes["GET", "validate/releases"] = {"releases": [row]}
    wire.routes["GET", "validate/releases?status=open&limit=5"] = {"releases": []}
    (found,) = validate.releases()
    assert found.report is None and found.id == "rel_1"
    assert validate.releases(status="open", limit=5) == []


TOMORROW = datetime(2026, 1, 2, 12, tzinfo=timezone(timedelta(hours=1)))


def test_a_waiver_is_made_and_revoked(wire: Wire, validate: Validate) -> None:
    """For a test and a function by object, id or name."""
    wire.routes["POST", "validate/waivers"] = waiver()
    test = ScenarioTest(TEST_ID, "night", "slc_1", validate.connection)
    made = validate.create_waiver(test, FUNCTION_ID, reason="r", owner="ann", expires_at=TOMORROW)
    asked = {"scenario_test_id": TEST_ID, "eval_function_id": FUNCTION_ID, "reason": "r", "owner": "ann"}
    assert wire.body() == {**asked, "model_id": None, "expires_at": "2026-01-02T12:00:00+01:00"}
    assert made.expires_at == datetime(2026, 12, 31, tzinfo=timezone.utc)
    assert str(made) == (
        "'recall' of test 'night': waived by ann until 2026-12-31 00:00 UTC (active): labels are wrong there"
    )
    wire.routes["GET", "validate/scenario_test/details"] = [{"id": TEST_ID, "name": "night", "slice_id": "slc_1"}]
    wire.routes["GET", "validate/eval_fn"] = {"eval_functions": [function_entry("recall", id=FUNCTION_ID)]}
    model = nucleus.Model("prj_b", "b", "b", None, validate.connection)
    validate.create_waiver("night", "recall", model=model, reason="r", owner="ann", expires_at=TOMORROW)
    assert wire.body()["model_id"] == "prj_b" and wire.body()["scenario_test_id"] == TEST_ID
    with pytest.raises(nucleus.NotFoundError, match="scenario test, got 'day', which none has"):
        validate.create_waiver("day", "recall", reason="r", owner="ann", expires_at=TOMORROW)
    with pytest.raises(ValueError, match="a time with a time zone, got 2026-01-02T12:00:00"):
        validate.create_waiver(test, FUNCTION_ID, reason="r", owner="ann", expires_at=TOMORROW.replace(tzinfo=None))
    wire.routes["POST", "validate/waivers/wv_1/revoke"] = waiver(
        status="revoked", model_id="prj_b", model_name="model b"
    )
    assert made.revoke() is made and made.status == "revoked"
    assert "'night' for model 'model b': waived" in str(made)


def test_waivers_are_listed_and_shown(wire: Wire, validate: Validate) -> None:
    """In force by default, and at the entry that they hold for, where they can be revoked too."""
    wire.routes["GET", "validate/waivers?active=true"] = {"waivers": [waiver()]}
    wire.routes["GET", "validate/waivers"] = {"waivers": [waiver(), waiver(status="expired")]}
    (found,) = validate.waivers()
    assert [w.status for w in validate.waivers(active=False)] == ["active", "expired"]
    wire.routes[REPORT] = release_report(entry(waiver=waiver()))
    shown = validate.release_report("prj_b").entries[0].waiver
    assert shown == found
    wire.routes["POST", "validate/waivers/wv_1/revoke"] = waiver(status="revoked")
    assert shown is not None and shown.revoke().status == "revoked"


def test_the_audit_log(wire: Wire, validate: Validate) -> None:
    """Newest first, of one object if asked."""
    step = {
        "user_name": "ann",
        "action": "release.decide",
        "object_id": "rel_1",
        "detail": {"decision": "approved"},
        "created_at": "2026-01-03T00:00:00.000Z",
    }
    wire.routes["GET", "validate/audit_log?limit=100"] = {"entries": [step]}
    (found,) = validate.audit_log()
    assert (found.user_name, found.action, found.detail) == ("ann", "release.decide", {"decision": "approved"})
    assert found.created_at == datetime(2026, 1, 3, tzinfo=timezone.utc)
    wire.routes["GET", "validate/audit_log?limit=1&before=2026-01-02T12%3A00%3A00%2B01%3A00&object_id=rel_1"] = {
        "entries": []
    }
    assert validate.audit_log(1, TOMORROW, "rel_1") == []
