"""What can be recorded of an item, and when a pass or fail is a score."""

from __future__ import annotations

from typing import Any

import pytest

import nucleus
from nucleus._pytest.item_scores import ItemScores, chosen_by
from nucleus._pytest.loading import LoadedFunction, LoadedTest
from nucleus.pytest_plugin import RecordError, Scenario

RECALL = LoadedFunction("ef_1", "recall", 0.0, 1.0, True)
MISSES = LoadedFunction("ef_2", "misses", 0.0, 1.0, False)
LATENCY = LoadedFunction("ef_3", "latency", 0.0, 1000.0, False)
ITEM = nucleus.DatasetItem(reference_id="frame-1", text="a frame")


def scores_of(*functions: LoadedFunction, names: list[str] | None = None) -> ItemScores:
    """The scores of an item of a test with these functions."""
    return ItemScores(chosen_by(LoadedTest("st_1", "night", functions, ()), names), "frame-1")


def given(scores: ItemScores) -> dict[str, tuple[float, float]]:
    """Score and weight by the function's name."""
    return {row.function_name: (row.score, row.weight) for row in scores.recorded()}


def test_scores_are_recorded_by_function() -> None:
    """With a weight or without; the only function needs no name."""
    only = scores_of(RECALL)
    Scenario(ITEM, None, only).record(0.25)
    assert given(only) == {"recall": (0.25, 1.0)}
    both = scores_of(RECALL, LATENCY)
    scenario = Scenario(ITEM, "detector", both)
    scenario.record(250, 0.5, "latency")
    scenario.record(1, function="ef_1")
    assert given(both) == {"recall": (1.0, 1.0), "latency": (250.0, 0.5)}
    assert (scenario.test_id, scenario.test_name, scenario.functions) == ("st_1", "night", ("recall", "latency"))
    assert (scenario.item, scenario.model) == (ITEM, "detector")
    row = both.recorded()[0]
    assert (row.test_id, row.test_name, row.reference_id) == ("st_1", "night", "frame-1")


@pytest.mark.parametrize("score", [1.5, -0.1, float("nan"), float("inf"), "0.5", True, None])
def test_a_score_is_a_number_in_the_range(score: Any) -> None:
    """Anything else is said where it is recorded, and does not count."""
    scores = scores_of(RECALL)
    with pytest.raises(RecordError, match=r"expected a score in \[0, 1\] by 'recall' for item 'frame-1', got"):
        Scenario(ITEM, None, scores).record(score)
    assert not scores.recorded()


def test_what_else_cannot_be_recorded() -> None:
    """Odd weights, a second score, functions that the mark does not have; it is no assertion that failed."""
    scores = scores_of(RECALL, MISSES)
    scenario = Scenario(ITEM, None, scores)
    with pytest.raises(RecordError, match=r"a weight in \[0, 1\]"):
        scenario.record(1, 2, "recall")
    with pytest.raises(RecordError, match="one of 'recall', 'misses', got none"):
        scenario.record(1)
    with pytest.raises(RecordError, match="one of 'recall', 'misses', got 'recal'"):
        scenario.record(1, function="recal")
    scenario.record(0.5, function="recall")
    with pytest.raises(RecordError, match=r"one score by 'recall' .* got a second one, 0.75: it has 0.5"):
        scenario.record(0.75, function="recall")
    assert given(scores) == {"recall": (0.5, 1.0)}
    assert not issubclass(RecordError, AssertionError)


@pytest.mark.parametrize(("is_passed", "best"), [(True, 1.0), (False, 0.0)])
def test_a_pass_is_the_best_score_and_a_fail_the_worst(is_passed: bool, best: float) -> None:
    """By the direction of the function, if the mark names it or the test has no other."""
    scores = scores_of(RECALL, MISSES, LATENCY, names=["recall", "misses"])
    assert scores.end(is_passed=is_passed) is None
    assert given(scores) == {"recall": (best, 1.0), "misses": (1 - best, 1.0)}
    scores = scores_of(RECALL)
    assert scores.end(is_passed=is_passed) is None
    assert given(scores) == {"recall": (best, 1.0)}


@pytest.mark.parametrize("word", ["pass", "fail"])
def test_where_a_pass_is_no_score(word: str) -> None:
    """With several functions and none named, and in another range than [0, 1]: that is said, not guessed."""
    problem = scores_of(RECALL, MISSES).end(is_passed=word == "pass")
    assert problem is not None and f"function=... which ones a {word} is" in problem and "recall, misses" in problem
    problem = scores_of(LATENCY).end(is_passed=word == "pass")
    assert problem is not None and f"[0, 1000]: record it; only in [0, 1] is a {word} a score" in problem


def test_what_a_test_that_records_leaves_out() -> None:
    """After a pass it stays without a score; after a fail it is the worst."""
    scores = scores_of(RECALL, MISSES, names=["recall", "misses"])
    scores.record(0.5, None, "recall")
    assert scores.end(is_passed=True) is None
    assert given(scores) == {"recall": (0.5, 1.0)}
    assert scores.end(is_passed=False) is None
    assert given(scores) == {"recall": (0.5, 1.0), "misses": (1.0, 1.0)}
