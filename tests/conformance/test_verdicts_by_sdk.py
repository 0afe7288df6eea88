"""Verdicts, rules, releases and waivers: what our SDK asks is what the real application answers, on both databases."""

from __future__ import annotations

import dataclasses
from datetime import datetime, timedelta, timezone
from typing import Any

import numpy as np
import pytest

import nucleus
from nucleus.validate import ClusterKey
from nucleus.validate.comparison import Comparison, PairedComparison, Side, ThresholdCheck
from nucleus.validate.explanation import Explanation, GroupContribution, ItemContribution
from nucleus.validate.release_report import ReleaseReport, TopItem
from nucleus.validate.releases import Release
from nucleus.validate.waivers import Waiver
from nucleus_server.domain import Role
from nucleus_server.services.worker import Worker
from tests.support.api import Api
from tests.support.suites import Suite, made_up_scores, make_suite


@pytest.fixture
def suite(api: Api) -> Suite:
    """Two models on one test of 24 drives; the new one is worse."""
    suite = make_suite(api)
    old = made_up_scores(suite.n_items, 1)
    suite.upload(suite.old, old)
    suite.upload(suite.new, old - 0.05 + np.random.default_rng(2).normal(0, 0.03, suite.n_items))
    suite.dataset.set_cluster_key("drive")
    return suite


def end(days: int = 14) -> datetime:
    """When a waiver ends."""
    return datetime.now(timezone.utc) + timedelta(days=days)


def test_two_models(suite: Suite) -> None:
    """Compared, explained and looked at through the power of the test."""
    found = suite.test.compare(suite.old, suite.new.id, eval_functions=["quality"])
    entry = found["quality"]
    assert found.is_complete and (found.n_comparisons, found.n_computed, found.job_id) == (1, 1, None)
    assert (entry.outcome, entry.verdict, entry.mode) == ("failed", "worse", "non-inferior")
    assert entry.comparison is not None and entry.comparison.cluster.source == "dataset"
    assert str(entry).startswith("'quality' of test 'roads': failed, worse by 0.0") and "24 clusters by drive" in str(
        entry
    )
    assert entry.url == f"http://testserver/compare/{_id(entry.baseline)}/{_id(entry.candidate)}"

    why = suite.test.explain(suite.old, suite.new, suite.function, by="night", limit=3)
    assert len(why.items) == len(why.clusters) == 3 and why.cluster == ClusterKey("metadata", "drive")
    assert why.groups is not None and why.delta == pytest.approx(sum(g.contribution for g in why.groups), abs=1e-12)
    assert why.delta == pytest.approx(entry.delta, abs=1e-12) and {"drive", "night"} == set(why.metadata_keys)

    metric = suite.test.get_eval_functions()[0]
    power = metric.power(effect=0.001)
    assert power.n_clusters == 24 and (power.clusters_needed or 0) > 24 and power.minimum_detectable_effect
    proposal = metric.margin_proposal()
    assert (proposal.n_repeats, proposal.n_steps) == (0, 1) and str(proposal) == f"margin 0.025: {proposal.how}"


def _id(side: Side | None) -> str:
    assert side is not None
    return side.evaluation_id


def test_every_key_of_an_answer_is_an_attribute(suite: Suite) -> None:
    """What the server says of a verdict, the SDK says too; only what the reader knows already is left out."""
    left_out = {"status", "worst_case_result", "seed", "method_version"}

    def check(row: dict[str, Any] | None, kind: type[Any]) -> None:
        assert row is not None
        assert set(row) - left_out <= {field.name for field in dataclasses.fields(kind)}, kind

    suite.rule(threshold=0.4, mode="confident")
    suite.api.client().validate.create_waiver("roads", "quality", reason="r", owner="o", expires_at=end())
    report = suite.report()
    (entry,) = report["entries"]
    check(report, ReleaseReport)
    check(entry, Comparison)
    check(entry["threshold_check"], ThresholdCheck)
    check(entry["candidate"], Side)
    check(suite.entry(mode="non-inferior")["comparison"], PairedComparison)
    check(suite.entry(mode="non-inferior")["waiver"], Waiver)
    check(suite.report(mode="non-inferior")["top_items"][0], TopItem)
    route = f"validate/compare/{entry['baseline']['evaluation_id']}/{entry['candidate']['evaluation_id']}/explanation"
    explanation = suite.api.get(f"{route}?by=drive").json()
    check(explanation, Explanation)
    check(explanation["items"][0], ItemContribution)
    check(explanation["groups"][0], GroupContribution)
    body = {"name": "v", "model_id": suite.new.id, "baseline_model_id": suite.old.id}
    check(suite.api.post("validate/releases", body).json(), Release)


def test_rules_settings_and_cluster_keys(suite: Suite) -> None:
    """What is set is what is read, and what is left out stays."""
    metric = suite.test.get_eval_functions()[0]
    assert metric.set_rule(threshold=0.4, mode="confident", margin=0.01).effective_mode == "confident"
    (rule,) = suite.test.rules()
    assert (rule.threshold, rule.mode, rule.margin) == (0.4, "confident", 0.01)
    entry = suite.client.validate.release_report(suite.new, suite.old).entries["quality"]
    assert entry.threshold_check is not None and entry.threshold_check.n_clusters == 24
    assert " over 24 clusters by drive: " in str(entry) and entry.margin == 0.01
    assert metric.set_rule(threshold=None, mode=None).effective_mode == "non-inferior"
    assert metric.threshold is None and suite.test.rules()[0].margin == 0.01
    with pytest.raises(nucleus.BadRequestError):
        metric.set_rule(margin=-1.0)
    with pytest.raises(nucleus.BadRequestError):
        metric.set_rule(mode="hopeful")

    suite.test.set_blocking(True)
    suite.test.set_tags(["perception", "night"])
    settings = suite.test.set_cluster_key(nucleus.EACH_ITEM)
    assert settings.is_blocking and set(settings.tags) == {"perception", "night"}
    assert settings.cluster == settings.resolved_cluster == nucleus.EACH_ITEM
    assert settings.resolved_cluster.source == "test"
    settings = suite.test.set_cluster_key(None)
    assert settings == suite.test.settings and settings.resolved_cluster == ClusterKey("metadata", "drive")
    assert suite.dataset.set_cluster_key(None).cluster.by == "inherit"
    assert ClusterKey("metadata", "drive") in [s.cluster for s in suite.dataset.cluster_key().suggestions]
    with pytest.raises(nucleus.BadRequestError):
        suite.dataset.set_cluster_key("nothing")


def test_a_verdict_that_a_worker_computes(suite: Suite) -> None:
    """Without waiting it is computing; when the job is done it is there."""
    found = suite.test.compare(suite.old, suite.new, wait=False)
    assert found["quality"].is_computing and not found.is_complete and found.job_id is not None
    assert Worker(suite.api.services.store, suite.api.services.media).run_once()
    assert suite.test.compare(suite.old, suite.new, wait=False)["quality"].verdict == "worse"


def test_a_release(suite: Suite) -> None:
    """Blocked, waived, approved and promoted; all of it in the log."""
    validate = suite.client.validate
    report = validate.release_report(suite.new, suite.old, tests=["roads", suite.test], require_coverage=1.0)
    assert (report.outcome, report.counts.failed, report.coverage.n_complete) == ("failed", 1, 1)
    assert len(report.top_items) == 3 and report.url.startswith("http://testserver/report?")
    assert suite.api.http.get(report.path, follow_redirects=False).status_code in (200, 303)
    release = validate.create_release("v2", suite.new, suite.old, tests=["roads"])
    assert release.blockers is not None and release.report is not None
    assert release.report.to_json()["entries"] == report.to_json()["entries"]
    with pytest.raises(nucleus.ConflictError) as refused:
        release.approve("now")
    assert refused.value.code == "release_blocked"
    with pytest.raises(nucleus.ConflictError):
        release.promote()
    waiver = validate.create_waiver(
        suite.test, "quality", model=suite.new, reason="known", owner="ann", expires_at=end()
    )
    assert [w.id for w in validate.waivers()] == [waiver.id]
    shown = release.refresh().report
    assert shown is not None and shown.entries["quality"].waiver == waiver and shown.counts.waived == 1
    assert validate.get_release(release.id).blockers is None
    assert release.approve("known").status == "approved" and release.decided_at is not None
    assert release.promote().promoted_at is not None
    assert validate.get_scenario_test(suite.test.id).baseline_model_id == suite.new.id
    with pytest.raises(nucleus.ConflictError):
        release.reject()
    assert waiver.revoke().status == "revoked" and validate.waivers() == []
    assert [w.status for w in validate.waivers(active=False)] == ["revoked"]
    assert [r.id for r in validate.releases("approved")] == [release.id] and validate.releases("open") == []
    frozen = validate.get_release(release.id)
    assert frozen.report is not None and frozen.report.entries["quality"].waiver is not None
    log = validate.audit_log(object_id=release.id)
    assert {entry.object_id for entry in log} == {release.id} and len(log) >= 3
    assert validate.audit_log(before=log[-1].created_at, object_id=release.id) == []
    third = suite.client.create_model("third", "third")
    approved = validate.release_report(third, "last-approved")
    assert (approved.outcome, str(approved.baseline)) == ("missing", "the model approved last for each test")
    side = approved.entries[0].baseline
    assert side is not None and side.model_id == suite.new.id and approved.entries[0].candidate is None
    assert str(approved.entries[0]).endswith("has no evaluation here")


def test_what_is_refused(suite: Suite) -> None:
    """By the class that belongs to the status, with the server's sentence."""
    validate = suite.client.validate
    with pytest.raises(nucleus.ObjectNotFoundError):
        validate.release_report("prj_nothing", suite.old)
    with pytest.raises(nucleus.BadRequestError, match="twice"):
        suite.test.compare(suite.old, suite.old)
    with pytest.raises(nucleus.ObjectNotFoundError):
        validate.release_report(suite.new, tests=["nothing"])
    with pytest.raises(nucleus.BadRequestError):
        validate.release_report(suite.new, suite.old, require_coverage=2.0)
    with pytest.raises(nucleus.ObjectNotFoundError):
        validate.get_release("rel_nothing")
    with pytest.raises(nucleus.BadRequestError):
        validate.create_waiver("roads", "quality", reason="r", owner="o", expires_at=end(-1))
    with pytest.raises(nucleus.BadRequestError, match="metadata key"):
        suite.test.explain(suite.old, suite.new, "quality", by="nothing")
    viewer = suite.api.client(suite.api.new_key("viewer", Role.VIEWER))
    with pytest.raises(nucleus.PermissionDeniedError):
        viewer.validate.create_release("v", suite.new, suite.old)
    assert viewer.validate.release_report(suite.new, suite.old).outcome == "failed"
    third = suite.client.create_model("third", "third")
    with pytest.raises(nucleus.NotFoundError, match="none of the candidate model"):
        suite.test.explain(suite.old, third, "quality")
