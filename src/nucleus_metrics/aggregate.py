"""How scores become one result."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from nucleus_metrics.errors import KernelInputError

if TYPE_CHECKING:
    from numpy.typing import NDArray


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
        values = present.tolist()
        return WeightedMean(math.fsum(values) / n, float(n), float(np.abs(present).sum() / n), n)
    used = weights[is_scored]
    if not np.isfinite(used).all() or (used < 0).any():
        raise KernelInputError("weights: expected finite numbers of at least 0, got others")
    weight_sum = math.fsum(used.tolist())
    if weight_sum == 0.0:
        return WeightedMean(math.nan, 0.0, math.nan, len(present))
    # Only the ratios of weights matter: scaled by a power of two, which is exact, no product of small numbers underflows.
    exponent = int(np.frexp(used.max())[1])
    products = present * np.ldexp(used, -exponent)
    scaled_sum = math.ldexp(weight_sum, -exponent)
    value = math.fsum(products.tolist()) / scaled_sum
    return WeightedMean(value, weight_sum, float(np.abs(products).sum() / scaled_sum), len(present))
