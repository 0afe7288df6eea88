"""Why a difference is what it is: what each member, cluster and group adds to it, and mix apart from quality."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from nucleus_metrics.columns import checked_columns, summed
from nucleus_metrics.errors import KernelInputError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray


class GroupedContributions(NamedTuple):
    """What groups of members add to a difference; group g is that of code g.

    Attributes:
        n: Members with a contribution, int64 [n_groups].
        contributions: Their sums, float64 [n_groups]; all of them add up to the difference.
    """

    n: NDArray[np.int64]
    contributions: NDArray[np.float64]


class Decomposition(NamedTuple):
    """A difference of two results by groups; the effects of all groups add up to it.

    Attributes:
        mix_effects: Of the groups' shares of the weight having changed, float64 [n_groups]: above 0 if a group that scores
            above the average has grown.
        quality_effects: Of the groups' own means having changed, float64 [n_groups].
        n_baseline: Members that the baseline scored, int64 [n_groups].
        n_candidate: Members that the candidate scored, int64 [n_groups].
    """

    mix_effects: NDArray[np.float64]
    quality_effects: NDArray[np.float64]
    n_baseline: NDArray[np.int64]
    n_candidate: NDArray[np.int64]


def contributions(
    baseline: ArrayLike, candidate: ArrayLike, *, weights: ArrayLike | None = None
) -> NDArray[np.float64]:
    """What each member adds to the weighted mean of candidate − baseline: w(b − a) / Σw.

    Args:
        baseline: float [n], NaN where a member has no score.
        candidate: float [n], the same members in the same order.
        weights: float [n], at least 0 and finite; None means all 1.

    Returns:
        float64 [n]; NaN for members that were not scored for both, or if no such member has a weight. The sum is
        `compare(...).delta`, up to rounding.

    Raises:
        KernelInputError: As `compare` does.

    >>> contributions([0.5, 0.5], [1.0, 0.25]).tolist()
    [0.25, -0.125]
    """
    a, b, w, _ = checked_columns(baseline, candidate, weights, None)
    is_common = ~np.isnan(a) & ~np.isnan(b)
    total = math.fsum(w[is_common].tolist()) if is_common.any() else 0.0
    if total == 0.0:
        return np.full(len(a), np.nan)
    return np.asarray(w * (b - a) / total, dtype=np.float64)


def grouped_contributions(codes: ArrayLike, contributions: ArrayLike) -> GroupedContributions:
    """The contributions of members added up by group.

    Args:
        codes: int [n], at least 0: the group of each member.
        contributions: float [n], NaN where a member has none.

    Raises:
        KernelInputError: Shapes differ, or a code is negative.

    >>> grouped_contributions([0, 1, 0], [0.25, -0.125, 0.5]).contributions.tolist()
    [0.75, -0.125]
    """
    groups, values = np.asarray(codes), np.asarray(contributions, dtype=np.float64)
    _check_codes(groups, values.shape)
    is_there = ~np.isnan(values)
    n_groups = int(groups.max()) + 1 if len(groups) else 0
    return GroupedContributions(
        np.bincount(groups[is_there], minlength=n_groups).astype(np.int64),
        summed(groups[is_there], values[is_there], n_groups),
    )


def decompose(
    codes: ArrayLike,
    baseline: ArrayLike,
    candidate: ArrayLike,
    *,
    baseline_weights: ArrayLike | None = None,
    candidate_weights: ArrayLike | None = None,
) -> Decomposition:
    """Split the difference of two models' results, each over its own members, into mix and quality.

    With p the group's share of the weight and m its mean: mix (p_b − p_a)·((m_a + m_b)/2 − M), quality
    (m_b − m_a)·(p_a + p_b)/2, where M is the mean of the two results; Σ(p_b − p_a) = 0, so M only moves effects between
    groups. A group that one model did not score has no mean there: all of its effect is mix.

    Args:
        codes: int [n], at least 0: the group of each member.
        baseline, candidate: float [n], NaN where a member has no score.
        baseline_weights, candidate_weights: float [n], at least 0 and finite; None means all 1.

    Raises:
        KernelInputError: Shapes differ, a code is negative, or a model has no member with a weight.

    Source: Kitagawa 1955, in its symmetric form.

    >>> found = decompose([0, 0, 1, 1], [0.5, 0.5, 1, 1], [0.7, 0.7, 1, float("nan")])
    >>> round(float(found.mix_effects.sum() + found.quality_effects.sum()), 6)
    0.05
    """
    groups = np.asarray(codes)
    a, _, wa, _ = checked_columns(baseline, baseline, baseline_weights, None)
    b, _, wb, _ = checked_columns(candidate, candidate, candidate_weights, None)
    _check_codes(groups, a.shape)
    _check_codes(groups, b.shape)
    n_groups = int(groups.max()) + 1 if len(groups) else 0
    n_a, share_a, mean_a, result_a = _groups(groups, a, wa, n_groups)
    n_b, share_b, mean_b, result_b = _groups(groups, b, wb, n_groups)
    mean_a, mean_b = np.where(share_a > 0, mean_a, mean_b), np.where(share_b > 0, mean_b, mean_a)
    is_used = (share_a > 0) | (share_b > 0)
    centre = (result_a + result_b) / 2
    mix = np.where(is_used, (share_b - share_a) * ((mean_a + mean_b) / 2 - centre), 0.0)
    quality = np.where(is_used, (mean_b - mean_a) * (share_a + share_b) / 2, 0.0)
    return Decomposition(mix, quality, n_a, n_b)


def _groups(
    codes: NDArray[np.int64], scores: NDArray[np.float64], weights: NDArray[np.float64], n_groups: int
) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64], float]:
    """Members, share of the weight and mean of each group (NaN without weight), and the mean over all."""
    is_scored = ~np.isnan(scores)
    group, score, weight = codes[is_scored], scores[is_scored], weights[is_scored]
    totals = summed(group, weight, n_groups)
    total = float(totals.sum())
    if total == 0.0:
        raise KernelInputError(
            "expected both models to have a score of a member with a weight above 0, got one without"
        )
    with np.errstate(invalid="ignore"):
        means = summed(group, weight * score, n_groups) / totals
    counts = np.bincount(group, minlength=n_groups).astype(np.int64)
    return counts, totals / total, means, float(np.nansum(means * totals / total))


def _check_codes(codes: NDArray[np.int64], shape: tuple[int, ...]) -> None:
    if codes.shape != shape or codes.dtype.kind not in "iu" or (len(codes) and codes.min() < 0):
        raise KernelInputError(
            f"expected codes as whole numbers of at least 0, of shape {shape}, got {codes.dtype} of shape {codes.shape}"
        )
