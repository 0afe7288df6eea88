"""Where a difference between two models comes from: members, groups, and what differs in what was scored."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from nucleus_metrics.aggregate import exact_sum, weighted_mean
from nucleus_metrics.columns import checked_columns, cluster_codes, summed

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray


class GroupedContributions(NamedTuple):
    """What each group adds to the difference of two models; see `grouped_contributions`.

    Attributes:
        groups: [k], the different labels of members that both models scored, in their order.
        n: int64 [k], members that both models scored.
        contributions: float64 [k], Σ w(b−a) / Σ w with the second sum over all groups, in the scores' unit.
    """

    groups: NDArray[Any]
    n: NDArray[np.int64]
    contributions: NDArray[np.float64]


class Decomposition(NamedTuple):
    """The difference of two models' results, each over its own members, by group; see `decompose`.

    Attributes:
        groups: [k], the different labels of members with a weight that either model scored, in their order.
        mix: float64 [k], what comes from the group's share of the weight, in the scores' unit.
        quality: float64 [k], what comes from the group's mean, in the scores' unit.
        baseline_share: float64 [k] in [0, 1], of the baseline's weight; 0 where it scored none of the group.
        candidate_share: float64 [k] in [0, 1], the same of the candidate.
        baseline_mean: float64 [k], weighted; NaN where the baseline scored none of the group.
        candidate_mean: float64 [k], the same of the candidate.
        difference: The candidate's weighted mean less the baseline's: the sum of `mix` and `quality`.
    """

    groups: NDArray[Any]
    mix: NDArray[np.float64]
    quality: NDArray[np.float64]
    baseline_share: NDArray[np.float64]
    candidate_share: NDArray[np.float64]
    baseline_mean: NDArray[np.float64]
    candidate_mean: NDArray[np.float64]
    difference: float


def contributions(
    baseline: ArrayLike, candidate: ArrayLike, *, weights: ArrayLike | None = None
) -> NDArray[np.float64]:
    """What each member adds to the difference that `compare` gives: w(b−a) / Σ w.

    They are whole steps of a power of two, so any sum of them is exact: groups add up to their parts, in any order.

    Args:
        baseline: float [n], any finite unit; NaN where a member has no score.
        candidate: float [n], the same members in the same order.
        weights: float [n], at least 0 and finite; None means all 1.

    Returns:
        float64 [n] in the scores' unit; NaN where one model has no score, or no member that both scored has a weight. The sum
        of the others is the difference, to 1e-12 of Σ |w(b−a)| / Σ w.

    Raises:
        KernelInputError: Shapes differ, a score is infinite, or a weight is negative or not finite.

    >>> contributions([0.5, 0.5, 0.5], [0.75, 0.25, 1.0], weights=[1, 1, 2]).tolist()
    [0.0625, -0.0625, 0.25]
    """
    a, b, w, _ = checked_columns(baseline, candidate, weights, None)
    is_both = ~np.isnan(a) & ~np.isnan(b)
    found = np.full(len(a), math.nan)
    used = w[is_both]
    if not used.any():
        return found
    used = np.ldexp(used, -int(np.frexp(used.max())[1]))
    parts = used * (b[is_both] - a[is_both]) / exact_sum(used)
    magnitude = float(np.abs(parts).sum())
    if magnitude > 0:
        # Below the smallest normal number there are no finer steps than those that float64 has anyway.
        step = math.ldexp(1.0, max(int(math.frexp(magnitude)[1]) - 51, -1022))
        parts = np.rint(parts / step) * step
    found[is_both] = parts
    return found


def grouped_contributions(
    groups: Sequence[Any] | NDArray[Any],
    baseline: ArrayLike,
    candidate: ArrayLike,
    *,
    weights: ArrayLike | None = None,
    parts: NDArray[np.float64] | None = None,
) -> GroupedContributions:
    """What each group of members adds to the difference of two models on the members that both scored.

    Args:
        groups: [n], labels: a cluster, or the value of a metadata key.
        baseline: float [n], as for `contributions`.
        candidate: float [n], the same members in the same order.
        weights: float [n], as for `contributions`.
        parts: float64 [n], what `contributions` gave for the same columns, if that is known already.

    Raises:
        KernelInputError: As `contributions`, or there is not a label for each member.

    >>> grouped_contributions(["day", "night", "day"], [0, 0, 0], [0.25, 1, 0.5]).groups.tolist()
    ['day', 'night']
    """
    a, b, _, labels = checked_columns(baseline, candidate, weights, groups)
    assert labels is not None
    if parts is None:
        parts = contributions(baseline, candidate, weights=weights)
    is_both = ~np.isnan(a) & ~np.isnan(b)
    names, codes = _named(labels[is_both])
    return GroupedContributions(
        names, np.bincount(codes, minlength=len(names)), summed(codes, parts[is_both], len(names))
    )


def decompose(
    groups: Sequence[Any] | NDArray[Any],
    baseline: ArrayLike,
    candidate: ArrayLike,
    baseline_weights: ArrayLike | None = None,
    candidate_weights: ArrayLike | None = None,
) -> Decomposition:
    """Split the difference of two results into what the models' members are and how good the models are on them.

    For results over different members, such as those of two versions of a test or of two datasets: each model's mean is over
    its own scored members. With shares P and means R of a group, P̄ and R̄ those halfway between the models, and r̄ the
    halfway of the two results: mix = (P_b − P_a)(R̄ − r̄) and quality = (R_b − R_a) P̄. Less r̄, which changes no sum, a group
    that grows has an effect only if it is better or worse than the rest. A group that only one model scored has no quality
    effect: its share came or went, with the mean that it has.

    Args:
        groups: [n], labels.
        baseline: float [n], any finite unit; NaN where the baseline has no score.
        candidate: float [n], the same of the candidate.
        baseline_weights: float [n], at least 0 and finite; None means all 1.
        candidate_weights: float [n], the same of the candidate.

    Returns:
        Effects that sum to the difference, to 1e-12 of the scores' magnitude; all NaN if a model has no score with a weight.

    Raises:
        KernelInputError: Shapes differ, a score is infinite, or a weight is negative or not finite.

    Source: Kitagawa 1955, Journal of the American Statistical Association 50(272), the symmetric form.

    >>> decompose(["easy", "hard", "hard"], [0.9, 0.5, math.nan], [0.9, 0.5, 0.5]).quality.tolist()
    [0.0, 0.0]
    """
    a, b, w_a, labels = checked_columns(baseline, candidate, baseline_weights, groups)
    w_b = checked_columns(baseline, candidate, candidate_weights, groups)[2]
    assert labels is not None
    is_a, is_b = ~np.isnan(a) & (w_a > 0), ~np.isnan(b) & (w_b > 0)
    is_any = is_a | is_b
    names, codes = _named(labels[is_any])
    share_a, mean_a = _shares_and_means(codes, a[is_any], w_a[is_any], is_a[is_any], len(names))
    share_b, mean_b = _shares_and_means(codes, b[is_any], w_b[is_any], is_b[is_any], len(names))
    result_a, result_b = weighted_mean(a[is_a], w_a[is_a]).value, weighted_mean(b[is_b], w_b[is_b]).value
    from_a, from_b = np.where(np.isnan(mean_a), mean_b, mean_a), np.where(np.isnan(mean_b), mean_a, mean_b)
    return Decomposition(
        groups=names,
        mix=(share_b - share_a) * ((from_a + from_b) / 2 - (result_a + result_b) / 2),
        quality=(from_b - from_a) * ((share_a + share_b) / 2),
        baseline_share=share_a,
        candidate_share=share_b,
        baseline_mean=mean_a,
        candidate_mean=mean_b,
        difference=result_b - result_a,
    )


def _shares_and_means(
    codes: NDArray[np.int64],
    scores: NDArray[np.float64],
    weights: NDArray[np.float64],
    is_used: NDArray[np.bool_],
    n: int,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Each group's share of the weight and weighted mean, float64 [n] each; without any weight all NaN."""
    if not is_used.any():
        return np.full(n, math.nan), np.full(n, math.nan)
    codes, scores, weights = codes[is_used], scores[is_used], weights[is_used]
    weights = np.ldexp(weights, -int(np.frexp(weights.max())[1]))
    totals = summed(codes, weights, n)
    with np.errstate(invalid="ignore"):
        means = summed(codes, weights * scores, n) / totals
    return totals / math.fsum(totals.tolist()), means


def _named(labels: NDArray[Any]) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """The different labels in their order, and the place of each label among them."""
    if not len(labels):
        return labels, np.empty(0, dtype=np.int64)
    codes = cluster_codes(labels)
    firsts = np.empty(int(codes.max()) + 1, dtype=np.int64)
    firsts[codes[::-1]] = np.arange(len(codes))[::-1]
    return labels[firsts], codes
