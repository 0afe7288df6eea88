"""Verdicts of the server: the kernels' numbers on the right members, stored once, decided by the mode."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import nucleus_metrics
from nucleus import DatasetItem
from nucleus.validate import EvaluationResult
from nucleus_server.domain import Role
from nucleus_server.services.clusters import Clusters
from nucleus_server.services.worker import Worker
from tests.support.api import Api, assert_error
from tests.support.suites import Suite, made_up_scores, make_suite


@pytest.fixture
def suite(sqlite_api: Api) -> Suite:
    """Two models, not yet evaluated."""
    return make_suite(sqlite_api)


def evaluate_both(suite: Suite, shift: float = -0.05, **options: Any) -> tuple[Any, Any]:
    """Upload both models, the new one differing by about `shift`; returns their scores."""
    old = made_up_scores(suite.n_items, 1)
    new = old + shift + np.random.default_rng(2).normal(0, 0.03, suite.n_items)
    suite.upload(suite.old, old)
    suite.upload(suite.new, new, **options)
    return old, new


def test_numbers_are_the_kernels(suite: Suite) -> None:
    """A verdict is `nucleus_metrics.compare` on the uploaded scores, by the cluster key in force, and says which that is."""
    old, new = evaluate_both(suite)
    suite.api.post(f"dataset/{suite.dataset.id}/cluster_key", {"cluster": {"by": "metadata", "key": "drive"}})
    entry = suite.entry()
    expected = nucleus_metrics.compare(old, new, clusters=suite.drives)
    found = entry["comparison"]
    assert found["cluster"] == {"by": "metadata", "key": "drive", "source": "dataset"} and found["n_clusters"] == 24
    assert found["delta"] == pytest.approx(expected.delta, abs=1e-15)
    assert found["interval"] == pytest.approx(list(expected.interval), abs=1e-15)
    assert found["p_value"] == expected.p_value == found["adjusted_p"] and found["seed"] == expected.seed
    assert found["minimum_detectable_effect"] == pytest.approx(expected.minimum_detectable_effect)
    assert (found["verdict"], entry["outcome"]) == ("worse", "failed") and entry["warnings"] == []


def test_weights_are_the_candidates(suite: Suite) -> None:
    """Weights are the candidate's; where both uploads have some that differ, the baseline's, and that is said."""
    old, new = made_up_scores(suite.n_items, 1), made_up_scores(suite.n_items, 2)
    rng = np.random.default_rng(3)
    first, second = rng.uniform(0.1, 1, suite.n_items), rng.uniform(0.1, 1, suite.n_items)
    suite.upload(suite.old, old)
    suite.upload(suite.new, new, weights=second)  # type: ignore[arg-type]
    found = suite.entry()["comparison"]
    assert found["delta"] == pytest.approx(np.average(new - old, weights=second), abs=1e-14) and found["weights_differ"]
    suite.upload(suite.old, old, weights=first)  # type: ignore[arg-type]
    entry = suite.entry()
    assert entry["comparison"]["delta"] == pytest.approx(np.average(new - old, weights=first), abs=1e-14)
    assert any("weigh" in warning for warning in entry["warnings"])
    suite.upload(suite.new, new, weights=first)  # type: ignore[arg-type]
    assert not suite.entry()["comparison"]["weights_differ"]


def test_equal_uploads_are_equivalent(suite: Suite) -> None:
    """Identical scores: difference 0, p 1, equivalent, and a pass."""
    evaluate_both(suite, 0.0)
    suite.upload(suite.new, made_up_scores(suite.n_items, 1))
    entry = suite.entry()
    assert (entry["comparison"]["delta"], entry["comparison"]["p_value"]) == (0.0, 1.0)
    assert (entry["comparison"]["verdict"], entry["outcome"]) == ("equivalent", "passed")


@pytest.mark.parametrize("mode", ["non-inferior", "point", "confident", "not-proven-worse"])
def test_leaving_out_the_worst_never_passes(suite: Suite, mode: str) -> None:
    """A candidate without its worst tenth passes in no mode in which the whole would not, unless missing items are fine."""
    old = np.full(suite.n_items, 0.93)
    new = np.where(np.arange(suite.n_items) % 10 == 0, 0.0, 0.95)
    suite.rule(threshold=None if mode == "non-inferior" else 0.93, mode=mode, margin=0.01)
    suite.upload(suite.old, old)
    suite.upload(suite.new, new, left_out=np.flatnonzero(new == 0.0).tolist())
    entry = suite.entry()
    assert entry["outcome"] == "inconclusive" and "24 members" in entry["reason"] and "24 members" in entry["settles"]
    assert suite.entry(allow_missing=True)["outcome"] == "passed"
    strict = suite.entry(require_coverage=1.0)
    assert strict["outcome"] == "failed" and "90.0 %" in strict["reason"]


@pytest.mark.parametrize("mode", ["non-inferior", "point"])
def test_missing_members_weigh_as_much_as_others(suite: Suite, mode: str) -> None:
    """Where only the baseline weighs its members, those that the candidate left out do not count for less than the others."""
    old, new = np.full(suite.n_items, 0.9), np.where(np.arange(suite.n_items) % 10 == 0, 0.3, 0.95)
    suite.upload(suite.old, old, weights=[0.01] * suite.n_items)
    suite.upload(suite.new, new, left_out=np.flatnonzero(new == 0.3).tolist())
    entry = suite.entry(mode=mode)
    assert entry["outcome"] == "inconclusive" and "24 members" in entry["reason"]
    assert entry["comparison"]["worst_case"]["delta"] == pytest.approx(0.9 * 0.05 - 0.1 * 0.9)


@pytest.mark.parametrize("mode", ["point", "confident", "not-proven-worse"])
def test_the_comparison_says_what_is_good(suite: Suite, mode: str) -> None:
    """A criterion that wants less of a function whose direction is more is decided as it says, by the interval too."""
    suite.upload(suite.new, np.full(suite.n_items, 0.9))
    outcomes = {}
    for comparison in ("less_than", "less_than_equal_to", "greater_than", "greater_than_equal_to"):
        suite.rule(threshold=0.5, threshold_comparison=comparison, mode=mode)
        outcomes[comparison] = suite.entry()["outcome"]
    assert outcomes == {
        "less_than": "failed",
        "less_than_equal_to": "failed",
        "greater_than": "passed",
        "greater_than_equal_to": "passed",
    }
    suite.upload(
        suite.new, np.where(np.arange(suite.n_items) % 10 == 0, 1.0, 0.3), left_out=range(0, suite.n_items, 10)
    )
    suite.rule(threshold=0.32, threshold_comparison="less_than_equal_to", mode=mode)
    assert suite.entry()["outcome"] == "inconclusive"
    assert suite.entry(allow_missing=True)["outcome"] == "passed"


def test_point_against_a_baseline_by_a_comparison_that_wants_less(suite: Suite) -> None:
    """There the best score is the worst that a member which was left out can have."""
    suite.upload(suite.old, np.full(suite.n_items, 0.35))
    suite.upload(
        suite.new, np.where(np.arange(suite.n_items) % 10 == 0, 1.0, 0.3), left_out=range(0, suite.n_items, 10)
    )
    suite.rule(threshold_comparison="less_than_equal_to", mode="point")
    assert suite.entry()["outcome"] == "inconclusive"


@pytest.mark.parametrize(
    ("score", "comparison", "threshold", "outcomes"),
    [
        (0.0, "greater_than", 0.0, ("failed", "inconclusive", "passed")),
        (0.0, "greater_than_equal_to", 0.0, ("passed", "passed", "passed")),
        (1.0, "greater_than", 1.0, ("failed", "failed", "failed")),
        (1.0, "less_than", 1.0, ("failed", "inconclusive", "passed")),
        (0.0, "less_than", 0.0, ("failed", "failed", "failed")),
    ],
)
def test_strict_comparisons(
    suite: Suite, score: float, comparison: str, threshold: float, outcomes: tuple[str, str, str]
) -> None:
    """An end of the interval that only reaches the threshold is not above it: nothing passes `confident` that fails `point`."""
    suite.upload(suite.new, np.full(suite.n_items, score))
    found = []
    for mode in ("point", "confident", "not-proven-worse"):
        suite.rule(threshold=threshold, threshold_comparison=comparison, mode=mode)
        found.append(suite.entry()["outcome"])
    assert tuple(found) == outcomes


def test_numbers_at_the_end_of_float64(suite: Suite) -> None:
    """Scores, weights and margins as small as there are any get an answer."""
    suite.upload(suite.old, np.full(suite.n_items, 1e-310))
    suite.upload(suite.new, np.zeros(suite.n_items))
    assert suite.entry()["outcome"] == "failed"
    suite.upload(suite.old, made_up_scores(suite.n_items, 1))
    suite.upload(suite.new, made_up_scores(suite.n_items, 2))
    suite.rule(margin=1e-300)
    assert suite.entry()["comparison"]["clusters_needed"] is None
    route = f"validate/scenario_test/{suite.test.id}/rules/{suite.function.id}/power"
    assert suite.api.get(f"{route}?effect=1e-300").json()["clusters_needed"] is None
    suite.rule(threshold=0.5, mode="confident")
    made_up = made_up_scores(suite.n_items, 2)
    for scores in ((made_up > 0.5).astype(np.float64), made_up):
        for tiny in (1e-300, 5e-324, 1e-17):
            suite.upload(suite.new, scores, weights=[1.0] + [tiny] * (suite.n_items - 1))
            assert suite.entry()["outcome"] == "inconclusive"


def test_modes_of_thresholds(suite: Suite) -> None:
    """By the point alone, by the whole interval, by some of it."""
    scores = np.tile([1.0, 1.0, 1.0, 0.0], 60)
    suite.upload(suite.new, scores)
    outcomes = {}
    for threshold in (0.6, 0.74, 0.76, 0.9):
        for mode in ("point", "confident", "not-proven-worse"):
            suite.rule(threshold=threshold, mode=mode)
            outcomes[threshold, mode] = suite.entry(baseline_model_id=None)["outcome"]
    assert [outcomes[t, "point"] for t in (0.6, 0.74, 0.76, 0.9)] == ["passed", "passed", "failed", "failed"]
    assert [outcomes[t, "confident"] for t in (0.6, 0.74, 0.76, 0.9)] == [
        "passed",
        "inconclusive",
        "inconclusive",
        "failed",
    ]
    assert [outcomes[t, "not-proven-worse"] for t in (0.6, 0.74, 0.76, 0.9)] == ["passed", "passed", "passed", "failed"]
    suite.rule(threshold=None)
    assert suite.entry(baseline_model_id=None)["outcome"] == "new"


def test_new_and_missing_are_no_pass(suite: Suite) -> None:
    """Without a baseline evaluation the threshold decides, without one nothing does; without a candidate it is missing."""
    missing = suite.report()
    assert missing["outcome"] == "missing" and missing["entries"][0]["outcome"] == "missing"
    suite.upload(suite.new, made_up_scores(suite.n_items, 1))
    new = suite.report()
    assert new["entries"][0]["outcome"] == "new" and new["outcome"] == "inconclusive"
    suite.rule(threshold=0.4, mode="non-inferior")
    entry = suite.entry()
    assert entry["outcome"] == "passed" and any("threshold" in warning for warning in entry["warnings"])


def test_margin_and_direction(sqlite_api: Api) -> None:
    """Within the margin a worse model is non-inferior; lower-is-better mirrors all of it."""
    suite = make_suite(sqlite_api, direction="lower_is_better", score_range=(0, 100), unit="ms")
    old = made_up_scores(suite.n_items, 1) * 100
    suite.upload(suite.old, old)
    suite.upload(suite.new, old + 1 + made_up_scores(suite.n_items, 2))
    entry = suite.entry()
    assert (entry["comparison"]["verdict"], entry["outcome"]) == ("worse", "failed") and "ms" in entry["reason"]
    suite.rule(margin=3.0)
    entry = suite.entry()
    assert (entry["comparison"]["verdict"], entry["outcome"]) == ("equivalent", "passed")


def test_growing_slices_meet_in_the_prefix(suite: Suite) -> None:
    """Evaluations of two versions of a slice are compared on the members that both have."""
    old, new = evaluate_both(suite)
    suite.dataset.append([DatasetItem(reference_id="later", text="t")])
    suite.client.get_slice(suite.test.slice_id).append(["later"])
    results = [*(nucleus_result(f"r{i}", s) for i, s in enumerate(new)), nucleus_result("later", 1.0)]
    suite.test.upload_external_evaluation_results(suite.function, results, suite.new.id)
    found = suite.entry()["comparison"]
    assert found["n"] == suite.n_items and found["delta"] == pytest.approx(float(np.mean(new - old)), abs=1e-14)
    assert not any("grown" in warning for warning in suite.entry()["warnings"])
    assert any(
        "grown by 1" in warning
        for warning in suite.entry(model_id=suite.old.id, baseline_model_id=suite.new.id)["warnings"]
    )


def nucleus_result(reference_id: str, score: float) -> Any:
    """A result of the SDK."""
    return EvaluationResult(item_ref_id=reference_id, score=float(score))


def test_computed_once_and_again_when_clusters_change(suite: Suite) -> None:
    """A verdict waits for a job, is the same whoever asks, and is computed anew when the metadata under its key changes."""
    evaluate_both(suite)
    suite.api.post(f"dataset/{suite.dataset.id}/cluster_key", {"cluster": {"by": "metadata", "key": "drive"}})
    first = suite.report(wait_s=0)
    entry = first["entries"][0]
    assert (first["status"], first["n_computed"], entry["comparison"]) == ("computing", 0, {"status": "computing"})
    assert entry["outcome"] == "inconclusive"
    assert suite.report(wait_s=0)["job_id"] == first["job_id"]
    worker = Worker(suite.api.services.store, suite.api.services.media)
    while worker.run_once():
        pass
    done = suite.report(wait_s=0)
    assert done["status"] == "complete" and done["entries"][0]["comparison"]["n_clusters"] == 24
    moved = [
        DatasetItem(reference_id=f"r{i}", text="t", metadata={"drive": f"drive-{i % 12}"}) for i in range(suite.n_items)
    ]
    suite.dataset.append(moved, update=True)
    assert suite.report(wait_s=0)["status"] == "computing"
    assert suite.report()["entries"][0]["comparison"]["n_clusters"] == 12


def test_clusters_that_change_meanwhile(suite: Suite, monkeypatch: pytest.MonkeyPatch) -> None:
    """A verdict that was computed on other clusters than its digest names is not kept."""
    evaluate_both(suite)
    suite.api.post(f"dataset/{suite.dataset.id}/cluster_key", {"cluster": {"by": "metadata", "key": "drive"}})
    of_members = Clusters.of_members

    def late(*arguments: Any) -> Any:
        monkeypatch.undo()
        suite.dataset.append([DatasetItem(reference_id="r0", text="t", metadata={"drive": "another"})], update=True)
        return of_members(*arguments)

    monkeypatch.setattr(Clusters, "of_members", late)
    assert suite.report()["status"] == "computing"
    assert suite.report()["entries"][0]["comparison"]["n_clusters"] == 25


def test_deleted_members_are_no_clusters_of_their_own(suite: Suite) -> None:
    """An item that was deleted takes its drive with it: those of four drives do not become enough clusters by that."""
    items = [
        DatasetItem(reference_id=f"r{i}", text="t", metadata={"drive": f"drive-{i % 4}"}) for i in range(suite.n_items)
    ]
    suite.dataset.append(items, update=True)
    suite.api.post(f"dataset/{suite.dataset.id}/cluster_key", {"cluster": {"by": "metadata", "key": "drive"}})
    evaluate_both(suite, 0.2)
    suite.rule(threshold=0.1, mode="confident")
    assert suite.entry()["outcome"] == "inconclusive" == suite.entry(mode="non-inferior")["outcome"]
    for i in range(8):
        suite.dataset.delete_item(reference_id=f"r{i}")
    for mode in ("confident", "non-inferior"):
        entry = suite.entry(mode=mode)
        assert entry["outcome"] == "inconclusive" and entry["comparison"]["n_clusters"] == 5
        assert entry["comparison"]["delta"] == pytest.approx(0.2, abs=0.01)


def test_deleting_what_was_left_out_makes_the_verdict_anew(suite: Suite) -> None:
    """A member that no longer exists is missing no more, whether or not a verdict was stored before."""
    old, new = np.full(suite.n_items, 0.9), np.full(suite.n_items, 0.95)
    suite.upload(suite.old, old)
    suite.upload(suite.new, new, left_out=[7])
    assert suite.entry()["comparison"]["n_missing"] == 1
    suite.dataset.delete_item(reference_id="r7")
    assert suite.entry()["comparison"]["n_missing"] == 0


def test_a_range_that_was_narrowed(sqlite_api: Api) -> None:
    """Scores that came before it get their verdict all the same."""
    suite = make_suite(sqlite_api, score_range=(0, 100))
    for model in (suite.old, suite.new):
        suite.upload(model, made_up_scores(suite.n_items, 1) * 100, left_out=[3] if model is suite.new else [])
    properties = {"score_range": [0, 1]}
    assert suite.api.post(f"validate/eval_fn/{suite.function.id}/properties", properties).status_code == 200
    suite.rule(threshold=10.0, mode="confident")
    entry = suite.entry()
    assert entry["outcome"] == "passed" and entry["threshold_check"]["interval"][1] > 40


def test_warns_of_clusters_that_nobody_named(suite: Suite) -> None:
    """A metadata key that looks like a group is named in every verdict until somebody decides."""
    evaluate_both(suite)
    assert any("'drive'" in warning for warning in suite.entry()["warnings"])
    shown = suite.api.get(f"dataset/{suite.dataset.id}/cluster_key").json()
    assert [s["cluster"]["key"] for s in shown["suggestions"]] == ["drive"] and shown["cluster"]["by"] == "inherit"
    settings = f"validate/scenario_test/{suite.test.id}/settings"
    found = suite.api.post(settings, {"cluster": {"by": "item"}}).json()
    assert found["resolved_cluster"] == {"by": "item", "key": None, "source": "test"}
    assert suite.entry()["warnings"] == []
    assert_error(suite.api.post(settings, {"cluster": {"by": "metadata", "key": "x"}}), 422, "unknown_cluster_key")
    assert_error(suite.api.post(settings, {"cluster": {"by": "item", "key": "drive"}}), 422, "invalid_cluster")


def test_families(suite: Suite) -> None:
    """Blocking tests are adjusted by Holm among themselves, the others by Benjamini and Hochberg."""
    rng = np.random.default_rng(5)
    old = made_up_scores(suite.n_items, 1)
    tests = [suite.test]
    tests += [
        suite.client.validate.create_scenario_test(f"t{i}", suite.test.slice_id, [suite.function]) for i in range(5)
    ]
    for i, test in enumerate(tests):
        suite.upload(suite.old, old, test=test)
        suite.upload(suite.new, old - 0.004 * i + rng.normal(0, 0.05, suite.n_items), test=test)
        if i % 2:
            suite.api.post(f"validate/scenario_test/{test.id}/settings", {"is_blocking": True, "tags": ["core"]})
    entries = suite.report()["entries"]
    assert len(entries) == 6
    for is_blocking, adjust in ((True, nucleus_metrics.holm), (False, nucleus_metrics.benjamini_hochberg)):
        family = [e["comparison"] for e in entries if e["is_blocking"] is is_blocking]
        assert [c["adjusted_p"] for c in family] == pytest.approx(adjust([c["p_value"] for c in family]).tolist())
        assert {c["adjustment"] for c in family} == {"holm" if is_blocking else "benjamini-hochberg"}
    for entry in entries:
        found = entry["comparison"]
        assert (found["verdict"] == "worse") == (found["unadjusted_verdict"] == "worse" and found["adjusted_p"] <= 0.05)
    assert len(suite.report(tags=["core"])["entries"]) == 3
    assert len(suite.report(test_names=["t0", "t1"])["entries"]) == 2


def test_explanation_adds_up(suite: Suite) -> None:
    """Items, clusters and metadata values add up to the difference; mix and quality to that of the results."""
    evaluate_both(suite, left_out=[1, 2, 3])
    suite.api.post(f"dataset/{suite.dataset.id}/cluster_key", {"cluster": {"by": "metadata", "key": "drive"}})
    entry = suite.entry()
    pair = f"{entry['baseline']['evaluation_id']}/{entry['candidate']['evaluation_id']}"
    found = suite.api.get(f"validate/compare/{pair}/explanation?by=night&limit=1000").json()
    assert found["n"] == suite.n_items - 3 == len(found["items"])
    for rows in (found["items"], found["clusters"], found["groups"]):
        assert math.fsum(row["contribution"] for row in rows) == pytest.approx(found["delta"], abs=1e-12)
    whole = found["candidate_result"] - found["baseline_result"]
    effects = math.fsum(group["mix_effect"] + group["quality_effect"] for group in found["groups"])
    assert effects == pytest.approx(whole, abs=1e-12) and {g["value"] for g in found["groups"]} == {"true", "false"}
    weights = [abs(row["contribution"]) for row in found["items"]]
    assert weights == sorted(weights, reverse=True)
    few = suite.api.get(f"validate/compare/{pair}/explanation?limit=3").json()
    assert few["items"] == found["items"][:3] and few["groups"] is None
    assert_error(suite.api.get(f"validate/compare/{pair}/explanation?by=x"), 422, "unknown_metadata_key")
    other = pair.split("/")[0]
    assert_error(suite.api.get(f"validate/compare/{other}/{other}/explanation"), 422, "evaluations_not_comparable")


def test_effects_add_up_by_each_models_weights(suite: Suite) -> None:
    """Mix and quality are of the two results, each by the weights that it came with."""
    rng = np.random.default_rng(6)
    for model in (suite.old, suite.new):
        weights = rng.choice([0.1, 0.5, 1.0], suite.n_items).tolist()
        suite.upload(
            model, rng.uniform(0, 1, suite.n_items), weights=weights, left_out=rng.choice(suite.n_items, 9).tolist()
        )
    entry = suite.entry()
    pair = f"{entry['baseline']['evaluation_id']}/{entry['candidate']['evaluation_id']}"
    found = suite.api.get(f"validate/compare/{pair}/explanation?by=night").json()
    effects = math.fsum(group["mix_effect"] + group["quality_effect"] for group in found["groups"])
    assert effects == pytest.approx(found["candidate_result"] - found["baseline_result"], abs=1e-12)
    assert math.fsum(group["contribution"] for group in found["groups"]) == pytest.approx(found["delta"], abs=1e-12)


def test_power_and_margin(suite: Suite) -> None:
    """What a test can see is known from two models; a margin is proposed from repeated uploads, else from steps."""
    route = f"validate/scenario_test/{suite.test.id}/rules/{suite.function.id}"
    assert suite.api.get(f"{route}/power").json()["minimum_detectable_effect"] is None
    assert suite.api.get(f"{route}/margin_proposal").json()["margin"] is None
    old, new = evaluate_both(suite)
    expected = nucleus_metrics.compare(old, new)
    found = suite.api.get(f"{route}/power?effect=0.001").json()
    assert found["minimum_detectable_effect"] == pytest.approx(expected.minimum_detectable_effect)
    assert found["clusters_needed"] == nucleus_metrics.clusters_needed(expected, 0.001)
    assert_error(suite.api.get(f"{route}/power?effect=-1"), 422, "invalid_effect")
    step = abs(np.mean(new) - np.mean(old))
    assert suite.api.get(f"{route}/margin_proposal").json()["margin"] == pytest.approx(step / 2, rel=0.05)
    suite.upload(suite.old, old + 0.002)
    proposal = suite.api.get(f"{route}/margin_proposal").json()
    assert (proposal["margin"], proposal["n_repeats"]) == (0.004, 1) and "(1 pair)" in proposal["how"]


def test_viewers_may_ask(suite: Suite) -> None:
    """A viewer sees verdicts, also new ones, and changes no rule."""
    evaluate_both(suite)
    key = suite.api.new_key("eve", Role.VIEWER)
    body = {"baseline_model_id": suite.old.id, "candidate_model_id": suite.new.id}
    found = suite.api.post(f"validate/scenario_test/{suite.test.id}/compare", body, key=key).json()
    assert found["status"] == "complete" and found["entries"][0]["comparison"]["verdict"] == "worse"
    rule = f"validate/scenario_test/{suite.test.id}/rules/{suite.function.id}"
    assert_error(suite.api.post(rule, {"margin": 0.1}, key=key), 403, "permission_denied")


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"mode": "best"}, "invalid_mode"),
        ({"require_coverage": 1.5}, "invalid_require_coverage"),
        ({"false_discovery_rate": 0}, "invalid_false_discovery_rate"),
        ({"baseline_model_id": None, "baseline": "x"}, "invalid_baseline"),
        ({"tags": ["nobody"]}, "no_scenario_tests"),
        ({"tags": ["nobody"], "test_names": ["roads"]}, "no_scenario_tests"),
        ({"test_ids": []}, "no_scenario_tests"),
    ],
)
def test_bad_options(suite: Suite, options: dict[str, Any], code: str) -> None:
    """What a report cannot be asked for is refused by name."""
    body = {"model_id": suite.new.id, "baseline_model_id": suite.old.id} | options
    body = {key: value for key, value in body.items() if value is not None}
    assert_error(suite.api.post("validate/release_report", body), 422, code)


def test_bad_rules(suite: Suite) -> None:
    """A margin below 0 and an unknown mode are refused; what is left out of a rule stays."""
    route = f"validate/scenario_test/{suite.test.id}/rules/{suite.function.id}"
    assert_error(suite.api.post(route, {"margin": -0.1}), 422, "invalid_margin")
    assert_error(suite.api.post(route, {"mode": "best"}), 422, "invalid_mode")
    suite.rule(threshold=0.5, mode="confident", margin=0.02)
    suite.rule(margin=0.03)
    (rule,) = suite.api.get(f"validate/scenario_test/{suite.test.id}/rules").json()["rules"]
    assert (rule["threshold"], rule["mode"], rule["margin"]) == (0.5, "confident", 0.03)
    metric = suite.test.get_eval_functions()[0]
    metric.set_threshold(0.6)
    (rule,) = suite.api.get(f"validate/scenario_test/{suite.test.id}/rules").json()["rules"]
    assert (rule["threshold"], rule["mode"], rule["margin"]) == (0.6, "confident", 0.03)
    suite.rule(threshold=None, mode=None)
    (rule,) = suite.api.get(f"validate/scenario_test/{suite.test.id}/rules").json()["rules"]
    assert (rule["threshold"], rule["mode"], rule["effective_mode"]) == (None, None, "non-inferior")
