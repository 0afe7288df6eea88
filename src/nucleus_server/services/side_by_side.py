"""Several models' scores of the same members beside each other: the baseline first, on what all of them scored.

Two evaluations on the page that compares them are the case of one candidate.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING

import numpy as np

from nucleus_metrics.explanation import contributions
from nucleus_server.domain import (
    ClusterBy,
    Direction,
    Evaluation,
    Population,
    ResolvedCluster,
    ScenarioTest,
    TestFunction,
)
from nucleus_server.services.clusters import Clusters
from nucleus_server.services.comparing import Matter, matter_of
from nucleus_server.services.item_filters import Condition, satisfying
from nucleus_server.services.item_slices import SavedItems, n_to_save, slice_of
from nucleus_server.services.results import smallest
from nucleus_server.services.upload_report import range_of
from nucleus_server.services.verdicts import Question, pair_columns
from nucleus_server.storage import WorkspaceStore

if TYPE_CHECKING:
    from numpy.typing import NDArray

_EACH_ITEM = ResolvedCluster(ClusterBy.ITEM, None, "none")  # scores and weights are the same by any cluster key
_DIGITS = 12


class Change(StrEnum):
    """How a candidate's score of an item is to the baseline's, in the function's direction."""

    BETTER = "better"
    WORSE = "worse"
    EQUAL = "equal"


class Kind(StrEnum):
    """What a list of items is sorted by; ties stay in member order."""

    HEAVIEST = "heaviest"
    """By what an item adds to the candidate's difference, in either direction."""
    AGAINST = "against"
    """What speaks most against the candidate first."""
    FOR = "for"
    SPREAD = "spread"
    """By the largest difference between any two models."""
    LOW = "low"
    """By one model's score, lowest first."""
    HIGH = "high"
    SLICE = "slice"


@dataclass(frozen=True, slots=True)
class Order:
    """What a list is sorted by; `model` is the place of the model whose scores sort, for LOW and HIGH."""

    kind: Kind = Kind.HEAVIEST
    model: int = 0

    def __str__(self) -> str:
        return f"{self.kind}-{self.model}" if self.kind in (Kind.LOW, Kind.HIGH) else self.kind.value


@dataclass(frozen=True, slots=True)
class ScoreRange:
    """Scores from `low` to `high`, both in it; `is_open` leaves `high` out, as the cells of a grid do. None: no bound."""

    low: float | None = None
    high: float | None = None
    is_open: bool = False

    def holds(self, scores: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Which scores are in it, bool [n]; NaN never is."""
        is_in = ~np.isnan(scores)
        if self.low is not None:
            is_in &= scores >= self.low
        if self.high is not None:
            is_in &= scores < self.high if self.is_open else scores <= self.high
        return is_in


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which common members a list shows: all of this holds.

    Attributes:
        baseline, candidate: What the two models scored.
        change: How the candidate's score is to the baseline's; None for any.
        conditions: On metadata.
    """

    baseline: ScoreRange | None = None
    candidate: ScoreRange | None = None
    change: Change | None = None
    conditions: tuple[Condition, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether it shows every common member."""
        return self == Wanted()


@dataclass(frozen=True, slots=True)
class Changes:
    """How many common members a candidate scored better, worse and as the baseline did."""

    n_better: int
    n_worse: int
    n_equal: int


@dataclass(frozen=True, slots=True, eq=False)
class Grid:
    """How many members fall into each cell of both models' scores.

    Attributes:
        edges: float64 [k + 1], ascending, of both axes, in the function's unit. The last cell holds its upper edge too.
        counts: int64 [k, k], by baseline and candidate.
    """

    edges: NDArray[np.float64]
    counts: NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class SideBySide:
    """Models beside each other on one function of one test.

    Attributes:
        evaluations: The baseline's first, then the candidates'.
        ordinals: int64 [n], the members' places in the dataset; n is that of the shortest list.
        scores: float64 [n] for each evaluation, NaN where any of them has no score.
        weights: float64 [n] for each candidate: how much the members count in the comparison with the baseline.
    """

    test: ScenarioTest
    entry: TestFunction
    evaluations: tuple[Evaluation, ...]
    ordinals: NDArray[np.int64]
    scores: tuple[NDArray[np.float64], ...]
    weights: tuple[NDArray[np.float64], ...]
    _contributions: dict[int, NDArray[np.float64]] = field(default_factory=dict, init=False, repr=False)

    @property
    def n_common(self) -> int:
        """How many members all of them scored."""
        return int(np.count_nonzero(self.is_common))

    @property
    def population(self) -> Population:
        """What the ordinals are of."""
        return Population(self.test.dataset_key, self.entry.function.level)

    @property
    def is_common(self) -> NDArray[np.bool_]:
        """Which members all of them scored, bool [n]."""
        return ~np.isnan(self.scores[0])

    @property
    def higher_is_better(self) -> bool:
        """The function's direction."""
        return self.entry.function.direction is Direction.HIGHER_IS_BETTER

    def n_left_out(self, place: int) -> int:
        """How many scores of one evaluation the others leave out."""
        return self.evaluations[place].n_scored - self.n_common


def beside(ws: WorkspaceStore, matters: Sequence[Matter]) -> SideBySide:
    """Candidates beside the baseline that all matters have in common; at least one.

    Args:
        matters: One for each candidate, of the same function and test, with both evaluations.
    """
    clusters, first = Clusters(ws), matters[0]
    assert first.baseline is not None
    candidates = [matter.candidate for matter in matters if matter.candidate is not None]
    evaluations = (first.baseline, *candidates)
    scores = {evaluation.key: ws.read_scores(evaluation) for evaluation in evaluations}
    pairs = [
        pair_columns(
            ws,
            clusters,
            Question(
                first.baseline,
                candidate,
                first.entry.function,
                first.test.dataset_key,
                _EACH_ITEM,
                others=tuple(other for other in candidates if other is not candidate),
            ),
            scores,
        )
        for candidate in candidates
    ]
    # What one of the two has no score for is in neither: so they are all defined on the same members.
    is_left_out = np.isnan(pairs[0].baseline) | np.isnan(pairs[0].candidate)
    columns = [pairs[0].baseline, *(pair.candidate for pair in pairs)]
    for column in columns:
        column[is_left_out] = np.nan
    return SideBySide(
        test=first.test,
        entry=first.entry,
        evaluations=evaluations,
        ordinals=pairs[0].ordinals,
        scores=tuple(columns),
        weights=tuple(pair.weights for pair in pairs),
    )


def pair_beside(ws: WorkspaceStore, baseline_evaluation_id: str, candidate_evaluation_id: str) -> SideBySide:
    """Two evaluations of one test and function.

    Raises:
        NotFound: An evaluation does not exist.
        InvalidInput: They are of different tests or functions.
    """
    return beside(ws, [matter_of(ws, baseline_evaluation_id, candidate_evaluation_id)])


def narrowing(matters: Sequence[Matter]) -> list[Matter]:
    """The same matters, compared only on the members that all of the candidates scored.

    A candidate that has a score for every member leaves nothing out, and is not asked: verdicts that are stored are found.
    """
    candidates = [matter.candidate for matter in matters if matter.candidate is not None]
    narrowed = []
    for matter in matters:
        pair = [each for each in (matter.baseline, matter.candidate) if each is not None]
        n_members = min((each.n_members for each in pair), default=0)
        others = tuple(
            other
            for other in candidates
            if other not in pair and (other.n_scored < other.n_members or other.n_members < n_members)
        )
        narrowed.append(replace(matter, others=others))
    return narrowed


def changes(view: SideBySide, candidate: int = 1) -> Changes:
    """How many members a candidate (its place, from 1) scored better, worse and the same."""
    a, b = view.scores[0], view.scores[candidate]
    n_more, n_less = int(np.count_nonzero(b > a)), int(np.count_nonzero(b < a))
    n_equal = int(np.count_nonzero(b == a))
    return Changes(n_more, n_less, n_equal) if view.higher_is_better else Changes(n_less, n_more, n_equal)


def contributions_of(view: SideBySide, candidate: int = 1) -> NDArray[np.float64]:
    """What each member adds to a candidate's difference, float64 [n] in the function's unit; NaN where it adds nothing.

    Read only, and computed once: lists, explanations and what moved are all made of it.
    """
    if candidate not in view._contributions:
        parts = contributions(view.scores[0], view.scores[candidate], weights=view.weights[candidate - 1])
        parts.setflags(write=False)
        view._contributions[candidate] = parts
    return view._contributions[candidate]


def shown_positions(ws: WorkspaceStore, view: SideBySide, wanted: Wanted, candidate: int = 1) -> NDArray[np.int64]:
    """The places of the common members that a list shows, in member order.

    Raises:
        InvalidInput: A condition compares a text with a number, or there are too many.
    """
    a, b = view.scores[0], view.scores[candidate]
    is_shown = view.is_common
    if wanted.baseline is not None:
        is_shown &= wanted.baseline.holds(a)
    if wanted.candidate is not None:
        is_shown &= wanted.candidate.holds(b)
    if wanted.change is Change.EQUAL:
        is_shown &= a == b
    elif wanted.change is not None:
        is_shown &= b > a if (wanted.change is Change.BETTER) is view.higher_is_better else b < a
    if wanted.conditions:
        is_shown &= satisfying(ws, view.population, view.ordinals, wanted.conditions)
    return np.flatnonzero(is_shown)


def ordered_positions(
    view: SideBySide,
    positions: NDArray[np.int64],
    order: Order,
    parts: NDArray[np.float64],
    *,
    offset: int,
    limit: int,
) -> NDArray[np.int64]:
    """Places `offset` to `offset + limit` of these members in an order.

    Args:
        positions: In member order.
        parts: What each member adds to the candidate's difference, as `contributions_of` gives it.
    """
    if order.kind is Kind.SLICE:
        return positions[offset : offset + limit]
    return positions[smallest(_keys(view, order, parts, positions), offset, limit)]


def save_beside(
    ws: WorkspaceStore,
    view: SideBySide,
    name: str,
    wanted: Wanted,
    order: Order,
    *,
    candidate: int = 1,
    n_first: int | None = None,
) -> SavedItems:
    """A slice of the items that a list shows, in its order, or of the first `n_first` of them; one transaction.

    Raises:
        InvalidInput: There are none, or too many.
        PermissionDenied: The actor is a viewer.
    """
    found = shown_positions(ws, view, wanted, candidate)
    n_members = n_to_save(len(found), n_first)
    parts = contributions_of(view, candidate)
    chosen = ordered_positions(view, found, order, parts, offset=0, limit=n_members)
    made = slice_of(ws, view.test.dataset_id, name, view.population, view.ordinals[chosen])
    return SavedItems(made, n_members - made.n_members)


def score_grid(view: SideBySide, candidate: int = 1, n_bins: int = 10) -> Grid:
    """How the members spread over both models' scores: over [0, 1] if that is the function's range, else over their own."""
    is_common = view.is_common
    a, b = view.scores[0][is_common], view.scores[candidate][is_common]
    edges = _edges(view, a, b, n_bins)
    # A pass for each edge: as quick as a division for few cells, and it agrees with the lists of the cells to the last bit.
    codes = [np.zeros(len(a), dtype=np.int64), np.zeros(len(a), dtype=np.int64)]
    for column, code in zip((a, b), codes, strict=True):
        for edge in edges[1:-1].tolist():
            code += column >= edge
    counts = np.bincount(codes[0] * n_bins + codes[1], minlength=n_bins * n_bins)
    return Grid(edges, counts.reshape(n_bins, n_bins))


def _keys(
    view: SideBySide, order: Order, parts: NDArray[np.float64], positions: NDArray[np.int64]
) -> NDArray[np.float64]:
    """What these members are sorted by, smallest first: float64 [k]."""
    if order.kind in (Kind.LOW, Kind.HIGH):
        column = view.scores[order.model][positions]
        return column if order.kind is Kind.LOW else -column
    if order.kind is Kind.SPREAD:
        columns = [column[positions] for column in view.scores]
        return np.asarray(np.minimum.reduce(columns) - np.maximum.reduce(columns))
    added = np.nan_to_num(parts[positions])  # where no member has a weight, none adds anything
    if order.kind is Kind.HEAVIEST:
        return -np.abs(added)
    return added if (order.kind is Kind.AGAINST) is view.higher_is_better else -added


def _edges(view: SideBySide, a: NDArray[np.float64], b: NDArray[np.float64], n_bins: int) -> NDArray[np.float64]:
    function = view.entry.function
    lows, highs = zip(range_of(a), range_of(b), strict=True)
    low, high = min(lows), max(highs)
    if (function.score_min, function.score_max) == (0.0, 1.0):  # it may have been narrowed after the scores came
        low, high = min(0.0, low), max(1.0, high)
    edges = np.linspace(low, high, n_bins + 1)
    rounded = np.round(edges, _DIGITS)  # 0.3, not 0.30000000000000004: people read them, and type them
    return rounded if (np.diff(rounded) > 0).all() and rounded[0] <= low and rounded[-1] >= high else edges
