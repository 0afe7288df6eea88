"""Two files joined by item: what both have, what only one has, with weights and clusters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from nucleus.gate.loading import Scores
from nucleus.gate.score_files import InvalidScoreFile

if TYPE_CHECKING:
    from numpy.typing import NDArray

_EXAMPLES = 3


@dataclass(frozen=True)
class Pairs:
    """The items of the baseline, in its order; n of them.

    Attributes:
        baseline: float64 [n]; NaN where it has no score.
        candidate: float64 [n], likewise; also NaN where the candidate does not know the item.
        weights: float64 [n]; None: every weight is 1. Of an item that only the baseline has, when only the candidate has
            weights, it is the largest one.
        clusters: int64 [n], a number for each cluster; None: each item is its own.
        n_without_cluster_value: Compared items whose cluster cell is empty: each is its own.
        n_only_in_candidate: Items that the candidate has a score for and the baseline has none.
        weights_differ: Whether both files have weights and they are not the same; the baseline's count.
    """

    ids: Sequence[str]
    baseline: NDArray[np.float64]
    candidate: NDArray[np.float64]
    weights: NDArray[np.float64] | None
    clusters: NDArray[np.int64] | None
    n_without_cluster_value: int
    n_only_in_candidate: int
    weights_differ: bool
    groups: dict[str, NDArray[np.int64]]

    @property
    def has_both(self) -> NDArray[np.bool_]:
        """Which items are compared."""
        return ~np.isnan(self.baseline) & ~np.isnan(self.candidate)

    @property
    def is_missing(self) -> NDArray[np.bool_]:
        """Which items the baseline has a score for and the candidate has none."""
        return ~np.isnan(self.baseline) & np.isnan(self.candidate)


def join(baseline: Scores, candidate: Scores, cluster: str | None) -> Pairs:
    """Join by item id.

    Raises:
        InvalidScoreFile: The cluster column is in neither file, or the files say different clusters of an item; or no item
            has a score in both.
    """
    n = len(baseline.ids)
    place_of = dict(zip(baseline.ids, range(n)))
    places = np.array([place_of.get(text, -1) for text in candidate.ids], dtype=np.int64)
    is_known = places >= 0
    known = places[is_known]
    scores = np.full(n, np.nan)
    scores[known] = candidate.scores[is_known]
    has_no_baseline = ~is_known
    has_no_baseline[is_known] = np.isnan(baseline.scores[known])
    both = ~np.isnan(baseline.scores) & ~np.isnan(scores)
    if not both.any():
        raise InvalidScoreFile(
            f"expected items with a score in both files, got none: {baseline.path} has {_examples(baseline)}, "
            f"{candidate.path} has {_examples(candidate)}"
        )
    weights, weights_differ = _weights(baseline, candidate, is_known, known, both)
    clusters, n_without = _clusters(baseline, candidate, place_of, cluster, both)
    return Pairs(
        ids=baseline.ids,
        baseline=baseline.scores,
        candidate=scores,
        weights=weights,
        clusters=clusters,
        n_without_cluster_value=n_without,
        n_only_in_candidate=int(np.count_nonzero(has_no_baseline & ~np.isnan(candidate.scores))),
        weights_differ=weights_differ,
        groups={**_moved(candidate.groups, is_known, known, n), **baseline.groups},
    )


def _examples(scores: Scores) -> str:
    some = [text for text, score in zip(scores.ids, scores.scores.tolist()) if score == score][:_EXAMPLES]
    return ", ".join(map(repr, some)) + (", …" if len(scores.ids) > len(some) else "")


def _weights(
    baseline: Scores,
    candidate: Scores,
    is_known: NDArray[np.bool_],
    known: NDArray[np.int64],
    both: NDArray[np.bool_],
) -> tuple[NDArray[np.float64] | None, bool]:
    if candidate.weights is None:
        return (None if baseline.weights is None else np.nan_to_num(baseline.weights)), False
    own = np.full(len(baseline.ids), np.nan)
    own[known] = candidate.weights[is_known]
    if baseline.weights is None:
        # The worst case is about items that the candidate does not name: none of them counts for less than it might.
        return np.where(np.isnan(own), np.nanmax(candidate.weights), own), False
    differ = bool((own[both] != baseline.weights[both]).any())
    return np.nan_to_num(baseline.weights), differ


def _clusters(
    baseline: Scores, candidate: Scores, place_of: dict[str, int], cluster: str | None, both: NDArray[np.bool_]
) -> tuple[NDArray[np.int64] | None, int]:
    if cluster is None:
        return None, 0
    if baseline.clusters is None and candidate.clusters is None:
        raise InvalidScoreFile(
            f"expected a column {cluster!r} to cluster by in {baseline.path} or {candidate.path}, got it in neither"
        )
    values: list[str | None] = [None] * len(baseline.ids) if baseline.clusters is None else list(baseline.clusters)
    for text, value in zip(candidate.ids, candidate.clusters or ()):
        place = place_of.get(text)
        if place is None or value is None or values[place] == value:
            continue
        if values[place] is not None:
            raise InvalidScoreFile(
                f"expected one {cluster!r} for each item, got {values[place]!r} for item {text!r} in {baseline.path} and "
                f"{value!r} in {candidate.path}"
            )
        values[place] = value
    # Numbered in the order of the values: whatever the order of the rows, the same clusters are dealt the same signs.
    numbers = {value: number for number, value in enumerate(sorted({value for value in values if value is not None}))}
    codes = np.array([-1 if value is None else numbers[value] for value in values], dtype=np.int64)
    has_none = codes < 0
    codes[has_none] = len(numbers) + np.arange(np.count_nonzero(has_none))
    return codes, int(np.count_nonzero(has_none & both))


def _moved(
    groups: dict[str, NDArray[np.int64]], is_known: NDArray[np.bool_], known: NDArray[np.int64], n: int
) -> dict[str, NDArray[np.int64]]:
    """The candidate's groups for the baseline's items; those that the candidate does not know are one more group."""
    moved = {}
    for name, codes in groups.items():
        of_baseline = np.full(n, int(codes.max()) + 1, dtype=np.int64)
        of_baseline[known] = codes[is_known]
        moved[name] = of_baseline
    return moved
