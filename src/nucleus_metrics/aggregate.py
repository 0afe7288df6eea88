"""How scores become one result."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from nucleus_metrics.errors import KernelInputError

if TYPE_CHECKING:
    from numpy.typing import NDArray


_LARGEST_EXPONENT = 1000
"""Up to it two to that power, and to minus it, are normal numbers: products with it are rounded as `ldexp` rounds."""


class WeightedMean(NamedTuple):
    """A weighted mean and what it was made of.

    Attributes:
        value: Σ w·s / Σ w; NaN if nothing has a score or all weights are zero.
        weight_sum: Σ w over the scored members.
        magnitude: Σ w·|s| / Σ w: the scale that rounding errors of `value` are relative to.
        n_scored: How many members have a score.
    """

    value: float
    weight_sum: float
    magnitude: float
    n_scored: int


class GroupedMeans(NamedTuple):
    """The weighted mean of each group; see `grouped_means`.

    Attributes:
        values: float64 [n_groups] in the scores' unit; NaN where a group has no score or all its weights are zero.
        n_scored: int64 [n_groups], members with a score.
    """

    values: NDArray[np.float64]
    n_scored: NDArray[np.int64]


def weighted_mean(scores: NDArray[np.float64], weights: NDArray[np.float64] | None = None) -> WeightedMean:
    """The weighted mean of the scores that are there, summed exactly: the order of members never changes a bit.

    Args:
        scores: float64 [n], any finite unit; NaN where a member has no score.
        weights: float64 [n], at least 0 and finite where there is a score; None means all 1.

    Returns:
        The mean in the scores' unit, NaN where it is undefined, and its parts.

    Raises:
        KernelInputError: The shapes differ, a score is infinite, or a weight is negative or not finite.

    Source: https://en.wikipedia.org/wiki/Weighted_arithmetic_mean, summed by Shewchuk's exact algorithm (`math.fsum`).

    >>> weighted_mean(np.array([1.0, 0.0, np.nan]), np.array([0.5, 0.25, 1.0])).value
    0.6666666666666666
    """
    if scores.ndim != 1 or (weights is not None and weights.shape != scores.shape):
        got = scores.shape if weights is None else (scores.shape, weights.shape)
        raise KernelInputError(f"scores and weights: expected one dimension and equal lengths, got shapes {got}")
    is_scored = ~np.isnan(scores)
    present = scores[is_scored]
    if not np.isfinite(present).all():
        raise KernelInputError("scores: expected finite numbers or NaN, got an infinite one")
    if weights is None:
        n = len(present)
        if n == 0:
            return WeightedMean(math.nan, 0.0, math.nan, 0)
        return WeightedMean(exact_sum(present) / n, float(n), float(np.abs(present).sum() / n), n)
    used = weights[is_scored]
    if not np.isfinite(used).all() or (used < 0).any():
        raise KernelInputError("weights: expected finite numbers of at least 0, got others")
    weight_sum = exact_sum(used)
    if weight_sum == 0.0:
        return WeightedMean(math.nan, 0.0, math.nan, len(present))
    # Only the ratios of weights matter: scaled by a power of two, which is exact, no product of small numbers underflows.
    exponent = int(np.frexp(used.max())[1])
    products = present * np.ldexp(used, -exponent)
    scaled_sum = math.ldexp(weight_sum, -exponent)
    value = exact_sum(products) / scaled_sum
    return WeightedMean(value, weight_sum, float(np.abs(products).sum() / scaled_sum), len(present))


def grouped_means(
    scores: NDArray[np.float64],
    codes: NDArray[np.integer[Any]],
    n_groups: int,
    weights: NDArray[np.float64] | None = None,
) -> GroupedMeans:
    """The weighted mean of each group of members, summed exactly as `weighted_mean` sums, in a few passes for all groups.

    Args:
        scores: float64 [n], any finite unit; NaN where a member has no score.
        codes: int [n], each member's group, from 0 to `n_groups` - 1.
        n_groups: How many groups there are; one may have no member.
        weights: float64 [n], at least 0 and finite where there is a score; None means all 1.

    Raises:
        KernelInputError: The shapes differ, a code is out of range, a score is infinite, or a weight is negative or not finite.

    Source: the sums are exact because each is of whole steps of a power of two that float64 can count, as in Demmel and Hida,
        Accurate and efficient floating point summation (2003).

    >>> grouped_means(np.array([1.0, 0.5, np.nan, 0.25]), np.array([0, 1, 1, 1]), 2).values.tolist()
    [1.0, 0.375]
    """
    if scores.ndim != 1 or codes.shape != scores.shape or (weights is not None and weights.shape != scores.shape):
        shapes = (scores.shape, codes.shape, None if weights is None else weights.shape)
        raise KernelInputError(
            f"scores, codes and weights: expected one dimension and equal lengths, got shapes {shapes}"
        )
    if len(codes) and not (codes.min() >= 0 and codes.max() < n_groups):
        raise KernelInputError(f"codes: expected 0 to {n_groups - 1}, got {codes.min()} to {codes.max()}")
    is_scored = ~np.isnan(scores)
    if not is_scored.all():
        scores, codes = scores[is_scored], codes[is_scored]
        weights = None if weights is None else weights[is_scored]
    if not np.isfinite(scores).all():
        raise KernelInputError("scores: expected finite numbers or NaN, got an infinite one")
    n_scored = np.bincount(codes, minlength=n_groups)
    with np.errstate(invalid="ignore", divide="ignore"):
        if weights is None:
            return GroupedMeans(_exact_sums(scores, codes, n_groups) / n_scored, n_scored)
        if not np.isfinite(weights).all() or (weights < 0).any():
            raise KernelInputError("weights: expected finite numbers of at least 0, got others")
        # Each group's weights are scaled as `weighted_mean` scales them, so that a group's mean has the same bits there.
        largest = np.zeros(n_groups)
        np.maximum.at(largest, codes, weights)
        scaled = np.ldexp(weights, -np.frexp(largest)[1][codes])
        return GroupedMeans(
            _exact_sums(scores * scaled, codes, n_groups) / _exact_sums(scaled, codes, n_groups), n_scored
        )


def _exact_sums(values: NDArray[np.float64], codes: NDArray[np.integer[Any]], n_groups: int) -> NDArray[np.float64]:
    """The sum of the values of each code, rounded once: what `math.fsum` gives, without a Python object for each value."""
    n_bits = 52 - len(values).bit_length()  # so many of each value can be added up without rounding
    parts = []
    rest = values
    while (largest := float(np.abs(rest).max(initial=0.0))) > 0.0:
        exponent = n_bits - math.frexp(largest)[1]
        steps = np.rint(_scaled(rest, exponent))
        sums = np.bincount(codes, weights=steps, minlength=n_groups)
        parts.append((sums, exponent))
        rest = rest - _scaled(steps, -exponent)
    return np.array(
        [math.fsum(math.ldexp(sums[group], -exponent) for sums, exponent in parts) for group in range(n_groups)]
    )


def exact_sum(values: NDArray[np.float64]) -> float:
    """The sum of finite values, rounded once: what `math.fsum` gives, without a Python object for each value."""
    n_bits = 52 - len(values).bit_length()
    parts = []
    rest = values
    while (largest := float(np.abs(rest).max(initial=0.0))) > 0.0:
        exponent = n_bits - math.frexp(largest)[1]
        steps = np.rint(_scaled(rest, exponent))
        parts.append(math.ldexp(float(steps.sum()), -exponent))
        rest = rest - _scaled(steps, -exponent)
    return math.fsum(parts)


def _scaled(values: NDArray[np.float64], exponent: int) -> NDArray[np.float64]:
    """The values times a power of two, as `ldexp` gives them; a product is a tenth of its time."""
    if abs(exponent) > _LARGEST_EXPONENT:
        return np.asarray(np.ldexp(values, exponent))
    return values * math.ldexp(1.0, exponent)
