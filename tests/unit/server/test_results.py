"""Reading an evaluation: order, distribution, and what is missing."""

from __future__ import annotations

import pytest

from nucleus import DatasetItem
from nucleus.validate import EvaluationResult
from nucleus_server.domain import Comparison, Item
from nucleus_server.services.breakdown import breakdown
from nucleus_server.services.judging import judge_one
from nucleus_server.services.results import missing_items, read_members, score_histogram, worst_items
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
    members = read_members(ws, judged.evaluation)
    n_missing, missing = missing_items(ws, judged.evaluation, members, offset=0, limit=10)
    assert n_missing == 1 and [i.reference_id for i in missing if isinstance(i, Item)] == ["e"]
    histogram = score_histogram(members, entry.function, n_bins=4)
    assert histogram.edges.tolist() == [-50, -20, 10, 40, 70] and histogram.counts.tolist() == [1, 2, 0, 1]


def test_breakdown(sqlite_api: Api) -> None:
    """Groups by value, worst first, whose weighted results combine to the whole; many values are put together."""
    client = sqlite_api.client()
    dataset = client.create_dataset("d")
    n = 200
    metadata = [
        {"lane": i % 3, "speed": i / 2, "driver": f"d{i % 40}", "night": i % 2 == 0} if i % 10 else {} for i in range(n)
    ]
    items = [DatasetItem(reference_id=f"r{i}", text="t", metadata=entry) for i, entry in enumerate(metadata)]
    dataset.append(items)
    part = dataset.create_slice("s", [f"r{i}" for i in reversed(range(n))])
    function = client.validate.create_external_eval_function("f")
    test = client.validate.create_scenario_test("t", part.id, [function])
    test.get_eval_functions()[0].set_threshold(0.5)
    scores = [(i * 37 % 100) / 100 for i in range(n)]
    weights = [1.0 if i % 4 else 0.25 for i in range(n)]
    results = [
        EvaluationResult(item_ref_id=f"r{i}", score=s, weight=w)
        for i, (s, w) in enumerate(zip(scores, weights))
        if i != 7
    ]
    test.upload_external_evaluation_results(function, results, client.create_model("m", "m").id)

    operator = sqlite_api.services.access.operator()
    ws = sqlite_api.services.store.workspace(operator.workspace_id, operator)
    judged = judge_one(ws, test.get_eval_history()[0].id)
    (entry,) = ws.list_test_functions(test.id)
    members = read_members(ws, judged.evaluation)
    scored = [i for i in range(n) if i != 7]

    def weighted(chosen: list[int]) -> float:
        return sum(scores[i] * weights[i] for i in chosen) / sum(weights[i] for i in chosen)

    for key, n_groups in (("lane", 4), ("night", 3), ("speed", 7), ("driver", 13)):
        groups = breakdown(ws, judged, entry.function, members, key)
        assert len(groups) == n_groups, key
        assert sum(group.n_items for group in groups) == len(scored)
        assert [g.result for g in groups] == sorted(g.result for g in groups if g.result is not None)
        assert all(g.passed is (g.result is not None and g.result >= 0.5) for g in groups)
        (without,) = [g for g in groups if g.value is None]
        assert without.n_items == 20
    by_lane = {g.value: g for g in breakdown(ws, judged, entry.function, members, "lane")}
    for lane in (0, 1, 2):
        chosen = [i for i in scored if metadata[i].get("lane") == lane]
        group = by_lane[str(lane)]
        assert group.n_items == len(chosen) and group.result == pytest.approx(weighted(chosen), rel=1e-13)
    assert any(g.value == "25 other values" for g in breakdown(ws, judged, entry.function, members, "driver"))
    (only,) = breakdown(ws, judged, entry.function, members, "no such key")
    assert only.value is None and only.result == pytest.approx(weighted(scored), rel=1e-13)


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
