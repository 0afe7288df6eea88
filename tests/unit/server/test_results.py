"""Reading an evaluation: order, distribution, and what is missing."""

from __future__ import annotations

import pytest

from nucleus import DatasetItem
from nucleus.validate import EvaluationResult
from nucleus_server.domain import Comparison, Item
from nucleus_server.services.judging import judge_one
from nucleus_server.services.results import missing_items, score_histogram, worst_items
from tests.support.api import Api


@pytest.mark.parametrize("direction", ["higher_is_better", "lower_is_better"])
def test_worst_first_by_direction(sqlite_api: Api, direction: str) -> None:
    """The worst is the lowest score or the highest one; what is missing is counted without deleted items."""
    client = sqlite_api.client()
    dataset = client.create_dataset("d")
    dataset.append([DatasetItem(reference_id=r, text="t") for r in "abcdef"])
    part = dataset.create_slice("s", list("abcdef"))
    function = client.validate.create_external_eval_function("f", direction=direction, score_range=(-100, 100))
    test = client.validate.create_scenario_test("t", part.id, [function])
    model = client.create_model("m", "m")
    scores = {"a": 5.0, "b": -50.0, "c": 5.0, "d": 70.0}
    results = [EvaluationResult(item_ref_id=r, score=s) for r, s in scores.items()]
    test.upload_external_evaluation_results(function, results, model.id)
    dataset.delete_item("f")

    operator = sqlite_api.services.access.operator()
    ws = sqlite_api.services.store.workspace(operator.workspace_id, operator)
    judged = judge_one(ws, test.get_eval_history()[0].id)
    (entry,) = ws.list_test_functions(test.id)

    def order(worst_first: bool) -> list[str]:
        page = worst_items(ws, judged, entry.function, offset=0, limit=10, worst_first=worst_first)
        return [row.item.reference_id for row in page]

    lowest, highest = ["b", "a", "c", "d"], ["d", "a", "c", "b"]
    is_higher = direction == "higher_is_better"
    assert order(True) == (lowest if is_higher else highest)
    assert order(False) == (highest if is_higher else lowest)
    n_missing, missing = missing_items(ws, judged.evaluation, offset=0, limit=10)
    assert n_missing == 1 and [i.reference_id for i in missing if isinstance(i, Item)] == ["e"]
    histogram = score_histogram(ws, judged.evaluation, entry.function, n_bins=4)
    assert histogram.edges.tolist() == [-50, -20, 10, 40, 70] and histogram.counts.tolist() == [1, 2, 0, 1]


@pytest.mark.parametrize(
    ("comparison", "below", "equal", "above"),
    [
        (Comparison.GREATER_THAN, False, False, True),
        (Comparison.GREATER_THAN_EQUAL_TO, False, True, True),
        (Comparison.LESS_THAN, True, False, False),
        (Comparison.LESS_THAN_EQUAL_TO, True, True, False),
    ],
)
def test_comparisons(comparison: Comparison, below: bool, equal: bool, above: bool) -> None:
    """All four, at the threshold and beside it."""
    assert [comparison.holds(r, 0.5) for r in (0.4, 0.5, 0.6)] == [below, equal, above]
