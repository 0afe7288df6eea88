"""Reading an evaluation: its items in any order, what is missing, and the distribution of its scores."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from nucleus_server.domain import Direction, EvalFunction, Evaluation, Item, JudgedEvaluation, Population
from nucleus_server.services.upload_report import range_of
from nucleus_server.storage import WorkspaceStore

if TYPE_CHECKING:
    from numpy.typing import NDArray


_FEW = 10_000
"""So many texts are sorted at once."""


@dataclass(frozen=True, slots=True, eq=False)
class ItemResults:
    """The scored members of an evaluation as columns, in member order.

    Attributes:
        item_ids: [n] public item ids.
        reference_ids: [n] the user's ids.
        scores: float64 [n].
        weights: float64 [n].
        passed: bool [n], each score against the evaluation's own criterion; None if there is none.
        is_deleted: bool [n], whether the item was deleted since.
    """

    item_ids: list[str]
    reference_ids: list[str]
    scores: NDArray[np.float64]
    weights: NDArray[np.float64]
    passed: NDArray[np.bool_] | None
    is_deleted: NDArray[np.bool_]


class Order(StrEnum):
    """How a list of scored items is sorted; ties stay in member order."""

    WORST = "worst"
    BEST = "best"
    HEAVIEST = "heaviest"
    LIGHTEST = "lightest"
    A_TO_Z = "a-z"
    """By reference id, character by character; deleted items, whose ids may be another item's by now, come last."""
    Z_TO_A = "z-a"
    FIRST = "first"
    """As the slice has them."""
    LAST = "last"


@dataclass(frozen=True, slots=True)
class ScoredItem:
    """One item of an evaluation; `position` is its place in the member list, from 0."""

    item: Item
    score: float
    weight: float
    passed: bool | None
    position: int


@dataclass(frozen=True, slots=True, eq=False)
class Members:
    """The columns of an evaluation in member order, read once for all that a page shows of it.

    Attributes:
        population: What the ordinals are of.
        scores: float64 [n_members], NaN where a member has no score.
        weights: float64 [n_members]; None if every weight is 1.
        ordinals: int64 [n_members], each member's place in the dataset.
    """

    population: Population
    scores: NDArray[np.float64]
    weights: NDArray[np.float64] | None
    ordinals: NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Histogram:
    """How many scores fall between neighbouring edges; the last bin holds its right edge too.

    Attributes:
        edges: float64 [n_bins + 1], ascending, in the function's unit.
        counts: int64 [n_bins].
    """

    edges: NDArray[np.float64]
    counts: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class WeightEffect:
    """What the weights make of a result.

    Attributes:
        unweighted: The mean of the scores if each counted once.
        n_effective: As many items of equal weight would be worth as much: (Σw)² / Σw².
        heaviest_tenth: The share of the whole weight that the tenth of the scored items with the largest weights has.
    """

    unweighted: float
    n_effective: float
    heaviest_tenth: float


def weight_effect(members: Members) -> WeightEffect | None:
    """What the weights of the scored members do; None if every weight is 1, or none is above 0."""
    if members.weights is None:
        return None
    scores, weights = members.scores, members.weights
    is_missing = np.isnan(scores)
    if is_missing.any():
        scores, weights = scores[~is_missing], weights[~is_missing]
    total = float(weights.sum())
    if total == 0.0:
        return None
    n_heaviest = max(1, len(weights) // 10)
    heaviest = np.partition(weights, len(weights) - n_heaviest)[-n_heaviest:]
    return WeightEffect(
        unweighted=float(scores.mean()),  # in member order, and so the same wherever it is asked for
        n_effective=total**2 / float(weights @ weights),
        heaviest_tenth=float(heaviest.sum()) / total,
    )


def read_members(ws: WorkspaceStore, evaluation: Evaluation) -> Members:
    """The evaluation's columns."""
    return Members(
        population=Population(ws.get_slice_by_key(evaluation.slice_key).dataset_key, evaluation.level),
        scores=ws.read_scores(evaluation),
        weights=ws.read_weights(evaluation),
        ordinals=ws.member_ordinals(evaluation),
    )


def item_results(ws: WorkspaceStore, judged: JudgedEvaluation) -> ItemResults:
    """Every scored member of the evaluation."""
    members = read_members(ws, judged.evaluation)
    positions = scored_positions(members)
    ordinals = members.ordinals[positions]
    references = ws.reference_ids(members.population).gather(ordinals)
    is_deleted = references.is_null().to_numpy()
    names = references.to_list()
    if is_deleted.any():
        gone = np.flatnonzero(is_deleted)
        for place, item in zip(gone, ws.items_at(members.population, ordinals[gone]), strict=True):
            names[place] = item.reference_id
    scores = members.scores[positions]
    return ItemResults(
        item_ids=ws.member_ids(members.population, ordinals).tolist(),
        reference_ids=names,
        scores=scores,
        weights=np.ones(len(positions)) if members.weights is None else members.weights[positions],
        passed=passed_of(judged, scores),
        is_deleted=is_deleted,
    )


def worst_items(
    ws: WorkspaceStore,
    judged: JudgedEvaluation,
    function: EvalFunction,
    *,
    offset: int,
    limit: int,
    worst_first: bool = True,
) -> list[ScoredItem]:
    """A page of the scored members, sorted by score in the function's direction; ties in member order."""
    members = read_members(ws, judged.evaluation)
    order = Order.WORST if worst_first else Order.BEST
    positions = sorted_positions(ws, function, members, scored_positions(members), order, offset=offset, limit=limit)
    return items_of(ws, judged, members, positions)


def scored_positions(members: Members) -> NDArray[np.int64]:
    """The places of the members that have a score, in member order."""
    return np.flatnonzero(~np.isnan(members.scores))


def sorted_positions(
    ws: WorkspaceStore,
    function: EvalFunction,
    members: Members,
    positions: NDArray[np.int64],
    order: Order,
    *,
    offset: int,
    limit: int,
) -> NDArray[np.int64]:
    """Places `offset` to `offset + limit` of these scored members in an order; `positions` are in member order."""
    if order in (Order.FIRST, Order.LAST):
        return (positions if order is Order.FIRST else positions[::-1])[offset : offset + limit]
    if order in (Order.A_TO_Z, Order.Z_TO_A):
        ids = ws.reference_ids(members.population).gather(members.ordinals[positions])
        return positions[alphabetical(ids, offset, limit, is_descending=order is Order.Z_TO_A)]
    if order in (Order.HEAVIEST, Order.LIGHTEST):
        if members.weights is None:
            return positions[offset : offset + limit]
        values, is_ascending = members.weights[positions], order is Order.LIGHTEST
    else:
        values = members.scores[positions]
        is_ascending = (order is Order.WORST) == (function.direction is Direction.HIGHER_IS_BETTER)
    return positions[smallest(values if is_ascending else -values, offset, limit)]


def items_of(
    ws: WorkspaceStore, judged: JudgedEvaluation, members: Members, positions: NDArray[np.int64]
) -> list[ScoredItem]:
    """These scored members, in this order, with their items."""
    passed = passed_of(judged, members.scores[positions])
    found = ws.items_at(members.population, members.ordinals[positions])
    return [
        ScoredItem(
            item=item,
            score=float(members.scores[position]),
            weight=1.0 if members.weights is None else float(members.weights[position]),
            passed=None if passed is None else bool(passed[i]),
            position=int(position),
        )
        for i, (position, item) in enumerate(zip(positions, found, strict=True))
    ]


def missing_items(
    ws: WorkspaceStore,
    evaluation: Evaluation,
    members: Members,
    *,
    offset: int,
    limit: int,
    is_meant: NDArray[np.bool_] | None = None,
) -> tuple[int, list[Item]]:
    """How many members have no score, and a page of them in member order; items that were deleted do not count.

    `is_meant`, bool [n_members], narrows them down.
    """
    if not evaluation.is_partial:  # who has no score was deleted before; a million ids need not be read to know that
        return 0, []
    is_shown = missing_members(ws, members)
    if is_meant is not None:
        is_shown &= is_meant
    ordinals = members.ordinals[is_shown]
    return len(ordinals), ws.items_at(members.population, ordinals[offset : offset + limit])


def missing_members(ws: WorkspaceStore, members: Members) -> NDArray[np.bool_]:
    """Which members have no score though their items were not deleted, bool [n_members]."""
    is_missing = np.isnan(members.scores)
    if is_missing.any() and ws.has_deleted_items(members.population):
        is_live = ws.reference_ids(members.population).gather(members.ordinals).is_not_null().to_numpy()
        is_missing &= is_live
    return is_missing


def score_histogram(members: Members, function: EvalFunction, n_bins: int = 20) -> Histogram:
    """The distribution of the scores: over [0, 1] if that is the function's range, else over the scores' own."""
    present = members.scores[~np.isnan(members.scores)]
    is_unit = (function.score_min, function.score_max) == (0.0, 1.0)
    if is_unit and len(present):  # the range may have been another one when the scores came
        is_unit = bool(present.min() >= 0.0 and present.max() <= 1.0)
    counts, edges = np.histogram(present, bins=n_bins, range=(0.0, 1.0) if is_unit else range_of(present))
    return Histogram(edges=edges, counts=counts)


def passed_of(judged: JudgedEvaluation, scores: NDArray[np.float64]) -> NDArray[np.bool_] | None:
    """Each score compared with the number that the evaluation's result is compared with; None without a criterion."""
    judgement = judged.judgement
    if judgement is None:
        return None
    return np.asarray(judgement.comparison.compare(scores, judgement.threshold), dtype=np.bool_)


def smallest(values: NDArray[np.float64], offset: int, limit: int) -> NDArray[np.int64]:
    """Places of the values that come `offset` to `offset + limit` in ascending order, int64; no NaN. Ties stay in order."""
    end = min(offset + limit, len(values))
    if offset >= end:
        return np.zeros(0, dtype=np.int64)
    if end < len(values) // 2:
        # Only values up to the page's last one need sorting; all ties with it are kept, so pages never overlap.
        last = np.partition(values, end - 1)[end - 1]
        candidates = np.flatnonzero(values <= last)
        order = candidates[np.argsort(values[candidates], kind="stable")]
    else:
        order = np.argsort(values, kind="stable")
    return order[offset:end]


def alphabetical(ids: pl.Series, offset: int, limit: int, *, is_descending: bool) -> NDArray[np.int64]:
    """Places `offset` to `offset + limit` of texts in their order, int64; null last, and those in member order.

    A page of a million texts needs no sorting of all: those before and behind it are told apart by eight bytes of each,
    the first ones in which any two differ.
    """
    present = np.flatnonzero(ids.is_not_null().to_numpy())
    page = np.arange(len(ids), dtype=np.int64)[offset : offset + limit]
    n_live, n_before = len(present), 0
    if offset < n_live and n_live > _FEW:
        texts = ids.gather(present)
        keys = _eight_bytes(texts)
        if is_descending:
            keys = ~keys
        ends = (offset, min(offset + limit, n_live) - 1)
        first, last = np.partition(keys, ends)[list(ends)]
        n_before = int(np.count_nonzero(keys < first))
        present = present[(keys >= first) & (keys <= last)]
    sorted_ = ids.gather(present).arg_sort(descending=is_descending).to_numpy()
    found = present[sorted_][offset - n_before : offset - n_before + limit] if offset < n_live else present[:0]
    if len(found) < len(page):  # the page goes on with deleted items
        gone = np.flatnonzero(ids.is_null().to_numpy())
        start = max(0, offset - n_live)
        found = np.concatenate([found, gone[start : start + len(page) - len(found)]])
    return found


def _eight_bytes(texts: pl.Series) -> NDArray[np.uint64]:
    """Eight bytes of each text behind what all of them begin with, as a number in the order of the texts; no null."""
    low, high = (str(end).encode() for end in (texts.min(), texts.max()))
    n_shared = next((i for i, (a, b) in enumerate(zip(low, high, strict=False)) if a != b), min(len(low), len(high)))
    padded = (texts + "\0" * 8).cast(pl.Binary).bin.slice(n_shared, 8)
    return padded.bin.reinterpret(dtype=pl.UInt64, endianness="big").to_numpy().copy()
