"""The cluster sign-flip test and its inverted interval, on clusters' totals."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from nucleus_metrics.columns import summed
from nucleus_metrics.signs import (
    ALL_UP_TO,
    DRAWS,
    MAX_GROUPS,
    FlippedSums,
    all_sums,
    deal,
    drawn_sums,
    flipped,
    largest_p,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

_GRID_BITS = 51
"""The grid's step is 2^-51 of the sum of all magnitudes, so that no sum of whole steps leaves float64's 2^53."""
SMALLEST_P = 1 / (DRAWS[-1] + 1)
"""The floor of p where not all sign vectors are enumerated."""


class Interval(NamedTuple):
    """A closed interval."""

    low: float
    high: float


class ClusterTotals(NamedTuple):
    """Clusters' totals as whole steps of a grid, in float64: every sum of them is exact, in any order.

    Attributes:
        differences: float64 [G], Σ w(b−a) of each cluster, in steps of `step`.
        weights: float64 [G], Σ w of each cluster, in steps of `weight_step`.
        tolerance: Steps that rounding can have moved a sum of differences by: ties that are exact in the data stay ties.
    """

    differences: NDArray[np.float64]
    weights: NDArray[np.float64]
    step: float
    weight_step: float
    tolerance: float

    @classmethod
    def of(
        cls,
        a: NDArray[np.float64],
        b: NDArray[np.float64],
        w: NDArray[np.float64],
        codes: NDArray[np.int64] | None,
        n_clusters: int,
    ) -> ClusterTotals:
        """Of scores, weights and the numbers of members' clusters; without those each member is its own."""
        # A power of two takes the weights near 1, so that nothing under- or overflows; only their ratios matter.
        w = np.ldexp(w, -int(np.frexp(w.max())[1]))
        contributions = w * (b - a)
        step = grid_step(contributions)
        in_steps = np.rint(contributions / step)
        weight_step = grid_step(w)
        # What the subtraction of two rounded scores and one rounding to the grid can be off by.
        is_moved = contributions != 0
        noise = float((w * (np.abs(a) + np.abs(b)) * is_moved).sum()) * 2.0**-52
        return cls(
            summed(codes, in_steps, n_clusters),
            summed(codes, np.rint(w / weight_step), n_clusters),
            step,
            weight_step,
            tolerance=float(np.count_nonzero(is_moved)) + math.ceil(noise / step),
        )

    @property
    def unit(self) -> float:
        """What a quotient of sums has to be multiplied by to be in the scores' unit."""
        return self.step / self.weight_step

    @property
    def delta(self) -> float:
        """Weighted mean of the differences."""
        return float(self.differences.sum() / self.weights.sum() * self.unit)

    @property
    def standard_error(self) -> float:
        """Of `delta`, robust to clusters; NaN of one cluster."""
        n = len(self.differences)
        if n < 2:
            return math.nan
        total = self.weights.sum()
        residuals = self.differences - self.differences.sum() / total * self.weights
        return float(math.sqrt(n / (n - 1) * float((residuals**2).sum())) / total * self.unit)


def grid_step(values: NDArray[np.float64]) -> float:
    """A power of two that sums of these values are less than 2^52 of."""
    magnitude = float(np.abs(values).sum())
    # Below 2^-1074 there is no number: float64 itself is a grid of such steps there.
    return math.ldexp(1.0, max(int(math.frexp(magnitude)[1]) - _GRID_BITS, -1074)) if magnitude else 1.0


class FlipTest(NamedTuple):
    """What the test says.

    Attributes:
        p_value: Two-sided, in (0, 1].
        interval: {θ: p(θ) > alpha}, in the scores' unit.
        n_draws: Sign vectors that were drawn, or 0 if all were enumerated.
        is_p_bound: Whether `p_value` is what the exact p is certainly not above, and not the share of drawn vectors.
    """

    p_value: float
    interval: Interval
    n_draws: int
    is_p_bound: bool


def sign_flip(totals: ClusterTotals, alpha: float, seed: int, decisions: Sequence[float] = ()) -> FlipTest:
    """Test, with as many draws as the decisions at `alpha` and at the other levels need, and the interval at `alpha`.

    The interval comes from the first number of draws whose p is three Monte-Carlo errors away from alpha, or from the most;
    p from the first number where it is that far from every level and some drawn vector reaches the observed sum. Where none
    does and the exact p is certainly no more than ten times as many draws could show, that bound is p. Where p has more
    draws than the interval and they put it on the other side of alpha, the interval takes all of them: 0 is outside of it
    just if p is at most alpha.
    """
    differences, weights = totals.differences, totals.weights
    observed, total = float(differences.sum()), float(weights.sum())
    reach = abs(observed) - totals.tolerance

    def inverted(sums: FlippedSums) -> Interval:
        low, high = plausible(sums.differences, sums.weights, observed, total, reach, alpha)
        return Interval(low * totals.unit, high * totals.unit)

    if len(differences) <= ALL_UP_TO:
        sums = all_sums(differences, weights)
        p_value = count_reaching(sums.differences, reach) / sums.n_vectors
        return FlipTest(p_value, inverted(sums), 0, is_p_bound=False)
    if len(differences) > MAX_GROUPS:
        groups = deal(len(differences), seed)
        differences, weights = summed(groups, differences, MAX_GROUPS), summed(groups, weights, MAX_GROUPS)

    sums = drawn_sums(differences, weights, DRAWS[0], seed)
    for n_draws in DRAWS[1:]:
        if not is_near(count_reaching(sums.differences, reach), sums.n_vectors, [alpha]):
            break
        sums = _grown(sums, differences, weights, n_draws, seed)
    interval = inverted(sums)
    flips, n_draws = sums.differences, sums.n_vectors - 1
    n_reaching = count_reaching(flips, reach)
    is_rejected = n_reaching / len(flips) <= alpha

    for more in (n for n in DRAWS if n > n_draws):
        if n_reaching == 1:
            bound = max(largest_p(differences, reach), SMALLEST_P)
            # As low as the next draws could tell, and no level is below that they could tell it from.
            if is_rejected and bound <= 1 / (more + 1) and not any(SMALLEST_P <= level < bound for level in decisions):
                return FlipTest(bound, interval, n_draws, is_p_bound=True)
        elif not is_near(n_reaching, len(flips), decisions):
            break
        flips = np.concatenate([flips, flipped(differences, n_draws, more, seed)])
        n_reaching, n_draws = count_reaching(flips, reach), more
    p_value = n_reaching / len(flips)
    if (p_value <= alpha) != is_rejected:
        interval = inverted(_grown(sums, differences, weights, n_draws, seed))
    return FlipTest(p_value, interval, n_draws, is_p_bound=False)


def count_reaching(flips: NDArray[np.float64], reach: float) -> int:
    """How many vectors, the identity among them, are at least as far from 0 as the observed statistic."""
    return int(np.count_nonzero(np.abs(flips) >= reach))


def is_near(n_reaching: int, n_vectors: int, levels: Sequence[float]) -> bool:
    """Whether p is within three Monte-Carlo errors of a level."""
    p_value = n_reaching / n_vectors
    error = math.sqrt(p_value * (1 - p_value) / n_vectors)
    return any(abs(p_value - level) <= 3 * error for level in levels)


def _grown(
    sums: FlippedSums, differences: NDArray[np.float64], weights: NDArray[np.float64], n_draws: int, seed: int
) -> FlippedSums:
    """The sums and those of the draws that follow, up to `n_draws`."""
    more = flipped(differences + 1j * weights, sums.n_vectors - 1, n_draws, seed)
    return FlippedSums(
        np.concatenate([sums.differences, more.real]),
        np.concatenate([sums.weights, more.imag]),
        n_draws + 1,
        is_exact=False,
    )


def plausible(
    flips: NDArray[np.float64],
    slopes: NDArray[np.float64],
    observed: float,
    slope: float,
    reach: float,
    alpha: float,
) -> Interval:
    """All θ that the test of a statistic that is linear in θ does not reject: its ends are order statistics of roots.

    A vector counts where |flip − θ·its slope| ≥ |observed − θ·slope|, which is between its two roots.

    Args:
        flips: float64 [n], the statistic under each vector at θ = 0, the identity included.
        slopes: float64 [n], how it falls with θ, in [−slope, slope].
        observed: The statistic of the identity.
        slope: Its slope, above 0.
        reach: What a flip's magnitude counts from at θ = 0.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        one = (observed - flips) / (slope - slopes)
        other = (observed + flips) / (slope + slopes)
    low, high = np.minimum(one, other), np.maximum(one, other)
    is_whole = np.abs(slopes) >= slope  # the vector flips all or nothing: it never rejects
    low[is_whole], high[is_whole] = -math.inf, math.inf
    # A vector that ties with the observed one up to rounding counts at 0, as it does in p.
    is_tied = np.abs(flips) >= reach
    low[is_tied], high[is_tied] = np.minimum(low[is_tied], 0.0), np.maximum(high[is_tied], 0.0)
    n = len(flips)
    k = math.floor(alpha * n) + 1
    if k / n <= alpha:
        k += 1  # the product was rounded down: p of k vectors, which is this very quotient, rejects too
    k = min(k, n)
    return Interval(float(np.partition(low, k - 1)[k - 1]), float(np.partition(high, n - k)[n - k]))
