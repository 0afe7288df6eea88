"""Two models compared on a test: what is asked, what is waited for, what is read."""

from __future__ import annotations

import json
import math
from datetime import datetime, timezone
from typing import Any

import pytest

import nucleus
from nucleus.validate import Comparison, Comparisons, ScenarioTest
from tests.unit.sdk.verdicts import (
    FUNCTION_ID,
    TEST_ID,
    comparisons,
    computing,
    entry,
    missing,
    paired,
    side,
    waiver,
)
from tests.unit.sdk.wire import Wire, function_entry, job, one_after_the_other

COMPARE = ("POST", f"validate/scenario_test/{TEST_ID}/compare")


@pytest.fixture
def test(wire: Wire) -> ScenarioTest:
    """A scenario test."""
    return ScenarioTest(TEST_ID, "night", "slc_1", wire.client().connection)


def read(wire: Wire, *rows: dict[str, Any]) -> Comparisons:
    """Entries as values."""
    return Comparisons.from_json(comparisons(*rows), wire.client().connection)


def test_a_comparison_is_asked_for_and_read(wire: Wire, test: ScenarioTest) -> None:
    """Models by object or id, functions by object, id or name; every number is where the documentation says."""
    wire.routes[COMPARE] = comparisons(entry())
    wire.routes["GET", "validate/eval_fn"] = {"eval_functions": [function_entry("recall", id=FUNCTION_ID)]}
    model = nucleus.Model("prj_b", "b", "b", None, wire.client().connection)
    function = wire.client().validate.eval_functions.from_id(FUNCTION_ID)
    found = test.compare("prj_a", model, eval_functions=[function, "recall", FUNCTION_ID])
    assert wire.body() == {
        "baseline_model_id": "prj_a",
        "candidate_model_id": "prj_b",
        "eval_function_ids": [FUNCTION_ID] * 3,
        "wait_s": 1.0,
    }
    (only,) = found
    assert found["recall"] is only is found[0] and found.is_complete
    assert (only.verdict, only.delta, only.p_value) == ("worse", -0.021, 0.0004)
    assert only.interval == (-0.034, -0.009) and only.interval.low == -0.034
    assert only.comparison is not None and only.comparison.cluster == nucleus.validate.ClusterKey("metadata", "drive")
    assert only.comparison.cluster.source == "dataset"
    assert only.candidate is not None and only.candidate.created_at == datetime(2026, 1, 1, tzinfo=timezone.utc)
    assert only.url == "http://nucleus.test/compare/ev_a/ev_b"
    with pytest.raises(nucleus.NotFoundError, match="'nothing'"):
        test.compare("prj_a", "prj_b", eval_functions=["nothing"])


def test_a_verdict_is_waited_for(wire: Wire, test: ScenarioTest, pauses: list[float]) -> None:
    """Asked again in growing pauses, until nothing is computed any more."""
    running = comparisons(computing(), job_id="job_1")
    wire.routes[COMPARE] = one_after_the_other(running, running, running, comparisons(entry()))
    wire.routes["GET", "job/job_1"] = job("Running")
    assert test.compare("prj_a", "prj_b")["recall"].verdict == "worse"
    assert pauses == [0.05, 0.1, 0.2]


def test_without_waiting_it_is_computing(wire: Wire, test: ScenarioTest, pauses: list[float]) -> None:
    """The entry says so, and has no verdict."""
    wire.routes[COMPARE] = comparisons(computing(), entry(eval_function_name="precision"), job_id="job_1")
    found = test.compare("prj_a", "prj_b", wait=False)
    assert wire.body()["wait_s"] == 0 and not pauses
    assert (found.is_complete, found.n_comparisons, found.n_computed, found.job_id) == (False, 2, 1, "job_1")
    assert found["recall"].is_computing and found["recall"].comparison is None and found["recall"].interval is None
    assert (found[0].verdict, found[0].delta, found[0].p_value) == (None, None, None)
    assert str(found[0]) == "'recall' of test 'night': inconclusive, the verdict is being computed"


def test_too_long_a_wait_names_what_is_missing(wire: Wire, test: ScenarioTest) -> None:
    """With the job, so that a script can go on with it."""
    rows = [computing(eval_function_name=f"f{i}") for i in range(5)]
    wire.routes[COMPARE] = comparisons(*rows, job_id="job_1")
    wire.routes["GET", "job/job_1"] = job("Running")
    with pytest.raises(
        nucleus.JobTimeoutError, match=r"got 0 of 5; missing: 'f0' of test 'night'.* and 2 more"
    ) as info:
        test.compare("prj_a", "prj_b", timeout_s=0)
    assert info.value.job_id == "job_1"


def test_a_failed_job_ends_the_wait(wire: Wire, test: ScenarioTest, pauses: list[float]) -> None:
    """It would never be done."""
    wire.routes[COMPARE] = comparisons(computing(), job_id="job_1")
    wire.routes["GET", "job/job_1"] = job("Errored", "the disk is full")
    with pytest.raises(nucleus.JobError, match="the disk is full"):
        test.compare("prj_a", "prj_b")
    assert not pauses


def test_open_ends_are_infinite(wire: Wire) -> None:
    """Null on the wire, infinity in Python, on every level."""
    bound = {"delta": -0.1, "interval": [None, 0.1], "verdict": "inconclusive", "is_non_inferior": False}
    (only,) = read(wire, entry(comparison=paired(interval=[None, None], worst_case=bound, n_missing=3)))
    assert only.interval == (-math.inf, math.inf) and str(only.interval) == "[-∞, ∞]"
    assert only.comparison is not None and only.comparison.worst_case is not None
    assert only.comparison.worst_case.interval == (-math.inf, 0.1)


def test_what_a_newer_server_adds_is_left_out(wire: Wire) -> None:
    """On every level; and what is missing is an error of ours, not a KeyError."""
    news = {"news": [1]}
    row = entry(comparison=paired(**news, cluster={"by": "item", **news}), candidate=side("prj_b", **news), **news)
    (only,) = read(wire, row)
    assert not hasattr(only, "news") and only.verdict == "worse"
    with pytest.raises(nucleus.NucleusError, match=r"sent a Comparison .* `outcome`"):
        read(wire, {key: value for key, value in row.items() if key != "outcome"})


CHECK = {
    "result": 0.912,
    "threshold": 0.9,
    "interval": [0.89, 0.93],
    "standing": "inconclusive",
    "method": "betting",
    "n": 1000,
    "n_clusters": 40,
    "alpha": 0.05,
    "seed": 0,
    "method_version": 1,
    "cluster": {"by": "metadata", "key": "drive", "source": "test"},
    "worst_case_standing": None,
    "worst_case_result": None,
}
ITEMS = {"by": "item", "key": None, "source": "none"}


@pytest.mark.parametrize(
    "row, sentence",
    [
        (entry(), "failed, worse by 0.021 [0.009, 0.034], p = 0.0004 over 812 clusters by drive"),
        (
            entry(
                outcome="passed", comparison=paired(verdict="better", delta=0.5, interval=[0.25, None], cluster=ITEMS)
            ),
            "passed, better by 0.5 [0.25, ∞], p = 0.0004 over 812 items",
        ),
        (
            entry(
                outcome="failed",
                higher_is_better=False,
                comparison=paired(delta=3, interval=[1, 5], adjusted_p=0.012, adjustment="holm"),
            ),
            "failed, worse by 3 [1, 5], p = 0.0004 (0.012 adjusted) over 812 clusters by drive",
        ),
        (
            entry(
                outcome="inconclusive", comparison=paired(verdict="inconclusive", delta=0.003, interval=[-0.01, 0.016])
            ),
            "inconclusive: difference +0.003 [-0.01, 0.016], p = 0.0004 over 812 clusters by drive; a difference "
            "of 0.017 could have been seen",
        ),
        (
            entry(
                outcome="inconclusive",
                comparison=paired(
                    verdict="too few clusters", delta=None, interval=[None, None], p_value=1.0, adjusted_p=1.0
                ),
            ),
            "inconclusive, too few clusters: no item has scores of both, p = 1 over 812 clusters by drive",
        ),
        (
            entry(outcome="inconclusive", mode="confident", threshold=0.9, threshold_check=CHECK),
            "inconclusive, 0.912 [0.89, 0.93] over 40 clusters by drive: inconclusive at 0.9",
        ),
        (
            entry(waiver=waiver()),
            "failed, worse by 0.021 [0.009, 0.034], p = 0.0004 over 812 clusters by drive; waived by ann until 2026-12-31",
        ),
        (missing(), "missing, the candidate has no evaluation here"),
        (
            entry(comparison=paired(p_value=0.0000012, adjusted_p=0.0000012)),
            "failed, worse by 0.021 [0.009, 0.034], p = 1.2e-06 over 812 clusters by drive",
        ),
    ],
)
def test_a_comparison_is_a_sentence(wire: Wire, row: dict[str, Any], sentence: str) -> None:
    """Numbers without a sign where the word has the direction."""
    (only,) = read(wire, row)
    assert str(only) == f"'recall' of test 'night': {sentence}"


def test_a_comparison_has_no_truth_value(wire: Wire) -> None:
    """`if comparison:` would be right by chance."""
    (only,) = read(wire, entry())
    with pytest.raises(TypeError, match=r"use \.outcome or \.verdict"):
        bool(only)


def test_comparisons_are_found_by_name(wire: Wire) -> None:
    """Of one test by the function's name, of several after choosing the test."""
    day = {"scenario_test_id": "st_day", "scenario_test_name": "day"}
    found = read(wire, entry(), computing(**day), missing(**day, eval_function_name="precision"))
    assert isinstance(found["precision"], Comparison) and len(found) == 3
    with pytest.raises(KeyError, match=r"\['night', 'day'\] have: use for_test"):
        found["recall"]
    with pytest.raises(KeyError, match=r"got 'f'; there are \['precision', 'recall'\]"):
        found["f"]
    chosen = found.for_test("day")
    assert chosen == found.for_test("st_day") == found[1:] and chosen["recall"] is found[1]
    assert (chosen.n_comparisons, chosen.n_computed, chosen.is_complete) == (2, 1, False)  # of the whole answer
    assert not found.for_test("dusk")
    assert str(found).count("\n") == 2


EXPLANATION = {
    "delta": -0.021,
    "baseline_result": 0.921,
    "candidate_result": 0.9,
    "n": 1000,
    "unit": "m",
    "items": [
        {
            "item_id": "di_1",
            "reference_id": "frame-1",
            "contribution": -0.001,
            "baseline_score": 1.0,
            "candidate_score": 0.0,
            "weight": 1.0,
        }
    ],
    "cluster": {"by": "metadata", "key": "drive", "source": "dataset"},
    "clusters": [{"value": "drive-1", "n": 12, "contribution": -0.01}],
    "groups": [{"value": None, "n": 1000, "contribution": -0.021, "mix_effect": 0.0, "quality_effect": -0.021}],
    "metadata_keys": ["drive", "weather"],
}


def test_a_difference_is_explained(wire: Wire, test: ScenarioTest) -> None:
    """By the two evaluations that are compared."""
    wire.routes[COMPARE] = comparisons(computing())
    wire.routes["GET", "validate/compare/ev_a/ev_b/explanation?limit=3&by=weather"] = EXPLANATION
    why = test.explain("prj_a", "prj_b", FUNCTION_ID, by="weather", limit=3)
    assert json.loads(wire.requests[0].content)["eval_function_ids"] == [FUNCTION_ID]
    assert why.groups is not None and why.groups[0].quality_effect == why.delta == -0.021
    assert (why.items[0].reference_id, why.clusters[0].n) == ("frame-1", 12)
    assert str(why) == "difference -0.021 m (0.921 to 0.9) over 1,000 items"


def test_nothing_to_explain(wire: Wire, test: ScenarioTest) -> None:
    """The sentence names the model whose scores are missing."""
    wire.routes[COMPARE] = comparisons(missing())
    with pytest.raises(nucleus.NotFoundError, match="'recall' on test 'night', got none of the candidate model"):
        test.explain("prj_a", "prj_b", FUNCTION_ID)
