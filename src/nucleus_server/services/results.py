"""Reading an evaluation: its items worst first, what is missing, and the distribution of its scores."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from nucleus_server.domain import Direction, EvalFunction, Evaluation, Item, JudgedEvaluation
from nucleus_server.services.upload_report import range_of
from nucleus_server.storage import WorkspaceStore
from nucleus_server.storage.ids import item_id

if TYPE_CHECKING:
    from numpy.typing import NDArray


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


@dataclass(frozen=True, slots=True)
class ScoredItem:
    """One item of an evaluation; `position` is its place in the member list, from 0."""

    item: Item
    score: float
    weight: float
    passed: bool | None
    position: int


@dataclass(frozen=True, slots=True, eq=False)
class Histogram:
    """How many scores fall between neighbouring edges; the last bin holds its right edge too.

    Attributes:
        edges: float64 [n_bins + 1], ascending, in the function's unit.
        counts: int64 [n_bins].
    """

    edges: NDArray[np.float64]
    counts: NDArray[np.int64]


def item_results(ws: WorkspaceStore, judged: JudgedEvaluation) -> ItemResults:
    """Every scored member of the evaluation."""
    evaluation = judged.evaluation
    scores, weights = scored_columns(ws, evaluation)
    positions = np.flatnonzero(~np.isnan(scores))
    dataset_key = ws.get_slice_by_key(evaluation.slice_key).dataset_key
    ordinals = ws.slice_ordinals(evaluation.slice_key, evaluation.n_members)[positions]
    prefix = ws.item_prefix(dataset_key)
    references = ws.reference_ids(dataset_key).gather(ordinals)
    is_deleted = references.is_null().to_numpy()
    names = references.to_list()
    if is_deleted.any():
        gone = np.flatnonzero(is_deleted)
        for place, item in zip(gone, ws.items_at(dataset_key, ordinals[gone]), strict=True):
            names[place] = item.reference_id
    return ItemResults(
        item_ids=[item_id(prefix, ordinal) for ordinal in ordinals.tolist()],
        reference_ids=names,
        scores=scores[positions],
        weights=weights[positions],
        passed=passed_of(judged, scores[positions]),
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
    evaluation = judged.evaluation
    scores, weights = scored_columns(ws, evaluation)
    lowest_first = worst_first == (function.direction is Direction.HIGHER_IS_BETTER)
    positions = _page(scores if lowest_first else -scores, offset, limit)
    dataset_key = ws.get_slice_by_key(evaluation.slice_key).dataset_key
    ordinals = ws.slice_ordinals(evaluation.slice_key, evaluation.n_members)[positions]
    passed = passed_of(judged, scores[positions])
    return [
        ScoredItem(
            item=item,
            score=float(scores[position]),
            weight=float(weights[position]),
            passed=None if passed is None else bool(passed[i]),
            position=int(position),
        )
        for i, (position, item) in enumerate(zip(positions, ws.items_at(dataset_key, ordinals), strict=True))
    ]


def missing_items(ws: WorkspaceStore, evaluation: Evaluation, *, offset: int, limit: int) -> tuple[int, list[Item]]:
    """How many members have no score, and a page of them in member order; items that were deleted do not count."""
    if not evaluation.is_partial:  # who has no score was deleted before; a million ids need not be read to know that
        return 0, []
    dataset_key = ws.get_slice_by_key(evaluation.slice_key).dataset_key
    unscored = np.flatnonzero(np.isnan(ws.read_scores(evaluation)))
    ordinals = ws.slice_ordinals(evaluation.slice_key, evaluation.n_members)[unscored]
    present = ordinals[ws.reference_ids(dataset_key).gather(ordinals).is_not_null().to_numpy()]
    return len(present), ws.items_at(dataset_key, present[offset : offset + limit])


def score_histogram(ws: WorkspaceStore, evaluation: Evaluation, function: EvalFunction, n_bins: int = 20) -> Histogram:
    """The distribution of the scores: over [0, 1] if that is the function's range, else over the scores' own."""
    scores = ws.read_scores(evaluation)
    present = scores[~np.isnan(scores)]
    is_unit = (function.score_min, function.score_max) == (0.0, 1.0)
    counts, edges = np.histogram(present, bins=n_bins, range=(0.0, 1.0) if is_unit else range_of(present))
    return Histogram(edges=edges, counts=counts)


def passed_of(judged: JudgedEvaluation, scores: NDArray[np.float64]) -> NDArray[np.bool_] | None:
    """Each score compared with the number that the evaluation's result is compared with; None without a criterion."""
    judgement = judged.judgement
    if judgement is None:
        return None
    return np.asarray(judgement.comparison.compare(scores, judgement.threshold), dtype=np.bool_)


def scored_columns(ws: WorkspaceStore, evaluation: Evaluation) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Scores (NaN where there is none) and weights of all members, float64 [n_members] each."""
    weights = ws.read_weights(evaluation)
    return ws.read_scores(evaluation), np.ones(evaluation.n_members) if weights is None else weights


def _page(values: NDArray[np.float64], offset: int, limit: int) -> NDArray[np.int64]:
    """Positions of the values at places `offset` to `offset + limit` in ascending order, NaN nowhere."""
    present = np.flatnonzero(~np.isnan(values))
    end = min(offset + limit, len(present))
    if offset >= end:
        return present[:0]
    kept = values[present]
    if end < len(present) // 2:
        # Only values up to the page's last one need sorting; all ties with it are kept, so pages never overlap.
        last = np.partition(kept, end - 1)[end - 1]
        candidates = np.flatnonzero(kept <= last)
        order = candidates[np.argsort(kept[candidates], kind="stable")]
    else:
        order = np.argsort(kept, kind="stable")
    return present[order[offset:end]]
