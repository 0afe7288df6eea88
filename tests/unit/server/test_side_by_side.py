"""Several models beside each other: numbers as numpy has them, on the members that all of them scored."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

import nucleus_metrics
from nucleus import DatasetItem
from nucleus_server.errors import InvalidInput
from nucleus_server.services import WorkspaceStore
from nucleus_server.services.item_filters import Condition, Operator
from nucleus_server.services.model_comparison import compare_models, evaluated_models
from nucleus_server.services.moved_values import moved_most
from nucleus_server.services.side_by_side import (
    Change,
    Kind,
    Order,
    ScoreRange,
    SideBySide,
    Wanted,
    changes,
    contributions_of,
    ordered_positions,
    save_beside,
    score_grid,
    shown_positions,
)
from tests.support.api import Api

N = 120


@dataclass(frozen=True)
class World:
    """Three models on one test; the third lacks every tenth score; a function in each direction."""

    ws: WorkspaceStore
    test_id: str
    model_ids: dict[str, str]
    scores: dict[str, np.ndarray]
    weights: np.ndarray

    def compare(self, *names: str, baseline: str = "a") -> SideBySide:
        """These models against the baseline."""
        known = evaluated_models(self.ws, self.test_id, None)
        ids = [self.model_ids[name] for name in names]
        return compare_models(self.ws, known, self.model_ids[baseline], ids, wait_s=10).view


def make_world(api: Api, direction: str = "higher_is_better") -> World:
    """Scores in steps of 0.05, so that many are the same."""
    client = api.client()
    dataset = client.create_dataset("d")
    ids = [f"r{i}" for i in range(N)]
    metadata = [{"weather": "rain" if i % 3 else "sun", "all": "same", "speed": i / 2} for i in range(N)]
    dataset.append([DatasetItem(reference_id=r, text="t", metadata=m) for r, m in zip(ids, metadata, strict=True)])
    part = dataset.create_slice("s", ids)
    function = client.validate.create_external_eval_function("f", direction=direction)
    test = client.validate.create_scenario_test("t", part.id, [function])
    rng = np.random.default_rng(5)
    weights = rng.choice([0.25, 0.5, 1.0], N)
    scores, model_ids = {}, {}
    for name in "abc":
        column = rng.integers(0, 21, N) / 20
        is_scored = np.ones(N, dtype=bool) if name != "c" else np.arange(N) % 10 != 0
        model = client.create_model(name, name)
        table = {
            "item_ref_id": [ref for ref, is_in in zip(ids, is_scored, strict=True) if is_in],
            "f": column[is_scored].tolist(),
            "weight": weights[is_scored].tolist(),
        }
        dataset.upload_scores({"f": "f"}, model, table, weight="weight", min_coverage=0.5)
        scores[name], model_ids[name] = np.where(is_scored, column, np.nan), model.id
    operator = api.services.access.operator()
    ws = api.services.store.workspace(operator.workspace_id, operator)
    return World(ws, test.id, model_ids, scores, weights)


@pytest.fixture
def world(sqlite_api: Api) -> World:
    """Higher is better."""
    return make_world(sqlite_api)


@pytest.mark.parametrize("direction", ["higher_is_better", "lower_is_better"])
def test_only_what_all_scored_counts(api: Api, direction: str) -> None:
    """Results, counts, contributions and verdicts are of the intersection, and say what it leaves out; on both databases."""
    world = make_world(api, direction)
    known = evaluated_models(world.ws, world.test_id, None)
    found = compare_models(
        world.ws, known, world.model_ids["a"], [world.model_ids["b"], world.model_ids["c"]], wait_s=10
    )
    view, common = found.view, ~np.isnan(world.scores["c"])
    assert view.n_common == common.sum() == N - N // 10
    assert [view.n_left_out(place) for place in range(3)] == [N // 10, N // 10, 0]
    a, b = world.scores["a"][common], world.scores["b"][common]
    sign = 1 if direction == "higher_is_better" else -1
    counts = changes(view, 1)
    assert counts.n_better == (sign * (b - a) > 0).sum() and counts.n_worse == (sign * (b - a) < 0).sum()
    assert counts.n_equal == (a == b).sum() > 0
    weights = world.weights[common]
    parts = contributions_of(view, 1)
    assert np.allclose(parts[common], weights * (b - a) / weights.sum()) and np.isnan(parts[~common]).all()
    for entry, name in zip(found.entries, "bc", strict=True):
        pair = entry.comparison
        other = world.scores[name][common]
        expected = nucleus_metrics.compare(
            a, other, weights=weights, higher_is_better=sign > 0, seed=pair.seed if pair else 0
        )
        assert pair is not None and pair.n == common.sum() and pair.delta == expected.delta
        assert pair.p_value == expected.p_value and pair.baseline_result == pytest.approx(
            np.average(a, weights=weights)
        )
    adjusted = nucleus_metrics.benjamini_hochberg([e.comparison.p_value for e in found.entries if e.comparison])
    assert [entry.adjusted_p for entry in found.entries] == adjusted.tolist()


def test_a_complete_model_leaves_stored_verdicts_as_they_are(world: World) -> None:
    """Beside a model that scored everything, the verdict of two is found under the same digest: nothing is computed anew."""
    alone = evaluated_models(world.ws, world.test_id, None)
    a, b, c = (world.model_ids[name] for name in "abc")
    assert compare_models(world.ws, alone, a, [c], wait_s=10).found.n_computed == 1
    again = compare_models(world.ws, alone, a, [b, c], wait_s=0)
    assert [entry.comparison is not None for entry in again.entries] == [False, True]


def test_orders_and_filters(world: World) -> None:
    """By contribution either way, by spread, by a score; ranges of both scores, kinds of change, metadata."""
    view = world.compare("b")
    a, b = world.scores["a"], world.scores["b"]
    parts = contributions_of(view)
    everything = shown_positions(world.ws, view, Wanted())
    assert everything.tolist() == list(range(N))

    def order(kind: Kind, model: int = 0, *, offset: int = 0, limit: int = N) -> list[int]:
        found = ordered_positions(view, everything, Order(kind, model), parts, offset=offset, limit=limit)
        return [int(place) for place in found]

    def sorted_by(keys: np.ndarray) -> list[int]:
        return [int(place) for place in np.argsort(keys, kind="stable")]

    assert order(Kind.HEAVIEST) == sorted_by(-np.abs(parts))
    assert order(Kind.AGAINST) == sorted_by(parts) and order(Kind.FOR) == sorted_by(-parts)
    assert order(Kind.SPREAD) == sorted_by(-np.abs(b - a)) and order(Kind.SLICE) == list(range(N))
    assert order(Kind.LOW, 1) == sorted_by(b) and order(Kind.HIGH, 0) == sorted_by(-a)
    assert order(Kind.AGAINST, offset=7, limit=5) == sorted_by(parts)[7:12]

    def shown(wanted: Wanted) -> list[int]:
        return [int(place) for place in shown_positions(world.ws, view, wanted)]

    wanted = Wanted(ScoreRange(0.2, 0.5), ScoreRange(0.5, 0.8, is_open=True), Change.BETTER)
    expected = np.flatnonzero((a >= 0.2) & (a <= 0.5) & (b >= 0.5) & (b < 0.8) & (b > a))
    assert shown(wanted) == expected.tolist() != []
    rain = Wanted(change=Change.EQUAL, conditions=(Condition("weather", Operator.EQUAL, "rain"),))
    assert shown(rain) == np.flatnonzero((a == b) & (np.arange(N) % 3 != 0)).tolist()
    with pytest.raises(InvalidInput, match="texts"):
        shown(Wanted(conditions=(Condition("weather", Operator.ABOVE, "3"),)))


def test_cells_of_the_grid_are_their_lists(world: World) -> None:
    """Each cell's count is the length of the list that its ranges narrow down to, also where scores lie on edges."""
    view = world.compare("b", "c")
    grid = score_grid(view)
    assert (
        grid.edges.tolist() == [0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1]
        and grid.counts.sum() == view.n_common
    )
    for i in range(10):
        for j in range(10):
            a, b = (ScoreRange(grid.edges[k], grid.edges[k + 1], is_open=k < 9) for k in (i, j))
            assert len(shown_positions(world.ws, view, Wanted(a, b))) == grid.counts[i, j]


def test_a_list_becomes_a_slice_in_its_order(world: World) -> None:
    """What speaks most against a candidate first, the first three of them; an empty list is none."""
    view = world.compare("b", "c")
    made = save_beside(
        world.ws, view, "worst", Wanted(change=Change.WORSE), Order(Kind.AGAINST), candidate=2, n_first=3
    ).made
    parts = contributions_of(view, 2)
    assert [item.reference_id for item in world.ws.slice_items(made.id)] == [
        f"r{place}" for place in np.argsort(np.where(np.isnan(parts), np.inf, parts), kind="stable")[:3]
    ]
    with pytest.raises(InvalidInput, match="expected at least one item"):
        save_beside(world.ws, view, "none", Wanted(ScoreRange(2, 3)), Order())


def test_metadata_values_that_moved_most(world: World) -> None:
    """Over all keys, the largest contribution first; values of one key add up to the difference; uniform keys are named."""
    view = world.compare("b")
    found = moved_most(world.ws, view, limit=100)
    assert found.keys == ("speed", "weather") and found.uniform_keys == ("all",)
    delta = np.average(world.scores["b"] - world.scores["a"], weights=world.weights)
    sizes = [abs(each.contribution) for each in found.values]
    assert sizes == sorted(sizes, reverse=True)
    for key in found.keys:
        own = [each for each in found.values if each.key == key]
        assert sum(each.contribution for each in own) == pytest.approx(delta)
        assert sum(each.share or 0 for each in own) == pytest.approx(1) == sum(each.weight_share for each in own)
        for each in own:
            places = shown_positions(world.ws, view, Wanted(conditions=each.conditions))
            change = (world.scores["b"] - world.scores["a"])[places]
            assert each.n == len(places) and each.mean == pytest.approx(
                np.average(change, weights=world.weights[places])
            )
    assert len(moved_most(world.ws, view, limit=2).values) == 2
    assert moved_most(world.ws, world.compare("a", baseline="b"), limit=1).values[0].share is not None
