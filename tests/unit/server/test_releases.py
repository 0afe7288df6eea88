"""Releases: blocked until what fails is waived, decided for good, remembered, and made the new baseline."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest

from nucleus import DatasetItem
from nucleus_server.domain import Role
from nucleus_server.services import UploadPlan
from nucleus_server.services.comparing import compare_matters
from nucleus_server.services.worker import Worker
from tests.support.api import Api, assert_error
from tests.support.suites import Suite, made_up_scores, make_suite


@pytest.fixture
def suite(sqlite_api: Api) -> Suite:
    """Two models on one test: the new one is worse."""
    suite = make_suite(sqlite_api)
    old = made_up_scores(suite.n_items, 1)
    suite.upload(suite.old, old)
    suite.upload(suite.new, old - 0.05 + np.random.default_rng(2).normal(0, 0.03, suite.n_items))
    return suite


def create(suite: Suite, name: str = "r1", **options: Any) -> dict[str, Any]:
    """A release of the new model."""
    body = {"name": name, "model_id": suite.new.id, "baseline_model_id": suite.old.id, "wait_s": 30} | options
    answer = suite.api.post("validate/releases", {k: v for k, v in body.items() if v is not None})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def waive(suite: Suite, **changes: Any) -> Any:
    """A waiver of the test's function."""
    body = {
        "scenario_test_id": suite.test.id,
        "eval_function_id": suite.function.id,
        "reason": "the sensor is being replaced",
        "owner": "Ada",
        "expires_at": (datetime.now(UTC) + timedelta(days=7)).isoformat(),
    }
    return suite.api.post("validate/waivers", body | changes)


def decide(suite: Suite, release_id: str, decision: str, note: str = "") -> Any:
    """The answer to a decision."""
    return suite.api.post(f"validate/releases/{release_id}/decision", {"decision": decision, "note": note})


def test_blocked_waived_approved_promoted(suite: Suite) -> None:
    """A failing release is approved only with a waiver; then its model becomes the baseline, and all of it is in the log."""
    release = create(suite)
    assert (release["status"], release["report"]["outcome"], release["previous_release_id"]) == ("open", "failed", None)
    assert "fails without a waiver" in release["blockers"]
    assert_error(decide(suite, release["id"], "approved"), 409, "release_blocked")
    assert_error(suite.api.post(f"validate/releases/{release['id']}/promote", {}), 409, "release_not_approved")

    assert waive(suite, model_id=suite.old.id).status_code == 200  # of another model: of no use here
    assert_error(decide(suite, release["id"], "approved"), 409, "release_blocked")
    waiver = waive(suite).json()
    report = suite.api.get(f"validate/releases/{release['id']}").json()["report"]
    assert (report["outcome"], report["counts"]["waived"], report["counts"]["failed"]) == ("passed", 1, 0)
    assert report["entries"][0]["outcome"] == "failed" and report["entries"][0]["waiver"]["id"] == waiver["id"]

    decided = decide(suite, release["id"], "approved", "known").json()
    assert (decided["status"], decided["note"], decided["decided_by"]) == ("approved", "known", "admin")
    assert_error(decide(suite, release["id"], "rejected"), 409, "release_decided")
    promoted = suite.api.post(f"validate/releases/{release['id']}/promote", {}).json()
    assert promoted["promoted_at"] is not None
    assert suite.client.validate.get_scenario_test(suite.test.id).baseline_model_id == suite.new.id

    actions = [entry["action"] for entry in suite.api.get("validate/audit_log").json()["entries"]]
    assert actions[:5] == ["release.promote", "release.approved", "waiver.create", "waiver.create", "release.create"]
    one = suite.api.get(f"validate/audit_log?object_id={release['id']}&limit=2").json()["entries"]
    assert [entry["action"] for entry in one] == ["release.promote", "release.approved"]
    older = suite.api.get(f"validate/audit_log?before={one[1]['created_at']}").json()["entries"]
    assert older[0]["action"] == "waiver.create"


def test_frozen_once_decided(suite: Suite) -> None:
    """A decided release shows what it was decided on, whatever was uploaded since."""
    release = create(suite)
    before = decide(suite, release["id"], "rejected", "too bad").json()["report"]
    suite.upload(suite.new, made_up_scores(suite.n_items, 1) + 0.1)
    suite.rule(threshold=0.1)
    after = suite.api.get(f"validate/releases/{release['id']}").json()["report"]
    assert after == before and after["outcome"] == "failed"
    assert create(suite, "r2")["report"]["outcome"] == "passed"


def test_changes_since_the_last_decision(suite: Suite) -> None:
    """What a release is judged by is compared with what the one before was judged by."""
    decide(suite, create(suite)["id"], "rejected")
    second = suite.client.validate.create_scenario_test("second", suite.test.slice_id, [suite.function])
    suite.rule(threshold=0.5, margin=0.1)
    suite.api.post(f"validate/scenario_test/{suite.test.id}/settings", {"is_blocking": True})
    suite.test.set_baseline_model(suite.old.id)
    suite.dataset.append([DatasetItem(reference_id="x", text="t")])
    suite.client.get_slice(suite.test.slice_id).append(["x"])
    release = create(suite, "r2")
    found = {(c["scenario_test_name"], c["what"]): (c["before"], c["after"]) for c in release["changes"]}
    assert found == {
        ("roads", "slice"): ("240 members", "241 members"),
        ("roads", "baseline"): (None, "old"),
        ("roads", "blocking"): ("no", "yes"),
        ("roads", "threshold of quality"): (None, "≥ 0.5"),
        ("roads", "mode of quality"): ("non-inferior", "point"),
        ("roads", "margin of quality"): ("0", "0.1"),
        ("second", "test"): ("not in the suite", "second"),
    }
    assert second.id in release["options"]["test_ids"]


def test_unclear_ones_need_a_note(suite: Suite) -> None:
    """What could not be told may be approved by somebody who says why."""
    suite.upload(suite.new, made_up_scores(suite.n_items, 1) + np.random.default_rng(4).normal(0, 0.05, suite.n_items))
    release = create(suite)
    assert release["report"]["outcome"] == "inconclusive" and release["may_need_note"] and release["blockers"] is None
    assert_error(decide(suite, release["id"], "approved", "  "), 422, "note_needed")
    assert decide(suite, release["id"], "approved", "seen by hand").json()["status"] == "approved"


def test_last_approved_is_the_baseline(suite: Suite) -> None:
    """The candidate of the newest approved release that holds a test is what the next one is compared with."""
    none = suite.report(baseline_model_id=None, baseline="last-approved")
    assert none["entries"][0]["baseline"] is None and none["entries"][0]["outcome"] == "new"
    waive(suite)
    decide(suite, create(suite)["id"], "approved")
    newest = suite.client.create_model("newest", "newest")
    suite.upload(newest, made_up_scores(suite.n_items, 1))
    report = suite.report(model_id=newest.id, baseline_model_id=None, baseline="last-approved")
    assert report["entries"][0]["baseline"]["model_id"] == suite.new.id and report["outcome"] == "passed"


def test_waivers_end(suite: Suite) -> None:
    """A waiver that was revoked counts no more; one in the past, without a reason or of a foreign function is refused."""
    waiver = waive(suite).json()
    assert suite.report()["outcome"] == "passed"
    assert suite.api.post(f"validate/waivers/{waiver['id']}/revoke", {}).json()["status"] == "revoked"
    assert suite.report()["outcome"] == "failed"
    assert suite.api.get("validate/waivers?active=true").json()["waivers"] == []
    assert len(suite.api.get("validate/waivers").json()["waivers"]) == 1
    assert_error(waive(suite, expires_at="2020-01-01"), 422, "waiver_expired")
    assert_error(waive(suite, expires_at="soon"), 422, "invalid_date")
    for nothing in ("", " \n"):
        assert_error(waive(suite, reason=nothing), 422, "invalid_type")
        assert_error(waive(suite, owner=nothing), 422, "invalid_type")
    other = suite.client.validate.create_external_eval_function("other")
    assert_error(waive(suite, eval_function_id=other.id), 404, "function_not_in_test")


def test_who_may(suite: Suite) -> None:
    """A viewer reads releases and decides none; a member promotes only over own tests, and half of them is none."""
    release = create(suite)
    viewer, member = suite.api.new_key("eve", Role.VIEWER), suite.api.new_key("mel", Role.MEMBER)
    assert suite.api.get(f"validate/releases/{release['id']}", key=viewer).status_code == 200
    decision = f"validate/releases/{release['id']}/decision"
    assert_error(suite.api.post(decision, {"decision": "rejected"}, key=viewer), 403, "permission_denied")
    waive(suite)
    assert decide(suite, release["id"], "approved").status_code == 200
    promote = f"validate/releases/{release['id']}/promote"
    assert_error(suite.api.post(promote, {}, key=member), 403, "not_scenario_test_owner")
    assert suite.client.validate.get_scenario_test(suite.test.id).baseline_model_id is None
    assert suite.api.post(promote, {}).status_code == 200


def test_lists_and_unknown_ones(suite: Suite) -> None:
    """Releases are listed newest first, by status; unknown ones and foreign words are refused."""
    first, second = create(suite), create(suite, "r2")
    decide(suite, first["id"], "rejected")
    rows = suite.api.get("validate/releases").json()["releases"]
    assert [row["id"] for row in rows] == [second["id"], first["id"]]
    assert [r["id"] for r in suite.api.get("validate/releases?status=open").json()["releases"]] == [second["id"]]
    assert_error(suite.api.get("validate/releases/rel_none"), 404, "release_not_found")
    assert_error(suite.api.get("validate/releases?status=x"), 422, "invalid_release_status")
    for decision in ("maybe", "open"):
        assert_error(decide(suite, second["id"], decision), 422, "invalid_decision")
    assert_error(suite.api.post("validate/waivers/wv_none/revoke", {}), 404, "waiver_not_found")


def test_no_address_has_u0000(api: Api) -> None:
    """It is refused on both databases alike, before anything is looked for."""
    for route in ("validate/releases/a%00b", "validate/audit_log?object_id=%00", "validate/scenario_test/%00/rules"):
        assert_error(api.get(route), 422, "nul_character")
    assert_error(api.post("validate/waivers/%00/revoke", {}), 422, "nul_character")


def test_deleting_what_a_release_was_about(suite: Suite) -> None:
    """The model of a release, a waived function and the dataset can be deleted; the decided report stays readable."""
    waive(suite, model_id=suite.new.id)
    release = create(suite)
    decide(suite, release["id"], "approved")
    suite.client.delete_dataset(suite.dataset.id)
    worker = Worker(suite.api.services.store, suite.api.services.media)
    while worker.run_once():
        pass
    assert suite.api.get(f"validate/releases/{release['id']}").json()["report"]["outcome"] == "passed"
    assert suite.api.get("validate/waivers").json()["waivers"] == []


def test_scores_on_their_way_are_waited_for(suite: Suite, monkeypatch: pytest.MonkeyPatch) -> None:
    """A report is not complete while scores of its models are being stored, says so, and is no pass."""
    waive(suite)
    release = create(suite)
    operator = suite.api.services.access.operator()
    ws = suite.api.services.store.workspace(operator.workspace_id, operator)
    plan = UploadPlan(suite.dataset.id, suite.new.id, (suite.function.id,))
    upload = ws.open_upload(plan, 1)
    report = suite.report()
    assert (report["status"], report["n_uploads_running"]) == ("computing", 1) and "stored" in report["sentence"]
    assert report["outcome"] == "inconclusive" and report["counts"]["waived"] == 1
    assert_error(decide(suite, release["id"], "approved"), 409, "release_blocked")
    assert suite.report(model_id=suite.old.id, baseline_model_id=None)["status"] == "complete"

    def compare_late(*arguments: Any, **settings: Any) -> Any:
        ws.reject_upload(upload.id)
        return compare_matters(*arguments, **settings)

    monkeypatch.setattr("nucleus_server.services.release_report.compare_matters", compare_late)
    assert suite.report()["status"] == "computing"  # what ended meanwhile may not have been read
    monkeypatch.undo()
    report = suite.report()
    assert (report["status"], report["outcome"]) == ("complete", "passed")


def test_a_suite_without_tests_is_not_approved(suite: Suite) -> None:
    """Deleting what fails leaves nothing that could pass."""
    release = create(suite, test_ids=[suite.test.id])
    suite.client.validate.delete_scenario_test(suite.test.id)
    shown = suite.api.get(f"validate/releases/{release['id']}").json()
    assert shown["report"]["outcome"] == "inconclusive" and "none of the suite's tests" in shown["report"]["sentence"]
    assert_error(decide(suite, release["id"], "approved", "all right"), 409, "release_blocked")
    assert decide(suite, release["id"], "rejected").status_code == 200


def test_the_baseline_itself_is_no_pass(suite: Suite) -> None:
    """A model that is the baseline of a test is judged by its threshold, and without one by nothing."""
    suite.test.set_baseline_model(suite.old.id)
    entry = suite.entry(model_id=suite.old.id, baseline_model_id=None)
    assert (entry["outcome"], entry["comparison"], entry["reason"]) == (
        "new",
        None,
        "the candidate is the baseline here: nothing to compare it with",
    )
    suite.rule(threshold=0.99)
    assert suite.entry(model_id=suite.old.id, baseline_model_id=None)["outcome"] == "failed"
