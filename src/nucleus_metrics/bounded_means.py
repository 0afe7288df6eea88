"""Intervals for the weighted mean of bounded scores in clusters; everything here is in units of the scores' range."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from nucleus_metrics.columns import summed
from nucleus_metrics.sign_flip import Interval
from nucleus_metrics.signs import MAX_GROUPS, deal
from nucleus_metrics.student import t_quantile

if TYPE_CHECKING:
    from numpy.typing import NDArray

_ENOUGH_SEEN = 12
_ORDERS = 8  # the capital is the mean over so many orders of the clusters, so that the order of the data decides little
_LARGEST_BET = 0.75
_HALVINGS = 40


class Clusters(NamedTuple):
    """Totals of each cluster.

    Attributes:
        sums: float64 [G], Σ w·s with s in [0, 1].
        weights: float64 [G], Σ w, all above 0.
    """

    sums: NDArray[np.float64]
    weights: NDArray[np.float64]

    @property
    def mean(self) -> float:
        """Σ w·s / Σ w, in [0, 1]."""
        return min(1.0, float(self.sums.sum() / self.weights.sum()))

    @property
    def standard_error(self) -> float:
        """Of the mean, by leaving out one cluster at a time: a cluster that the mean hangs on counts as the risk that it is.

        Source: Efron and Tibshirani 1993, chapter 11; CR3 of MacKinnon, Nielsen and Webb 2023 for a mean.
        """
        n = len(self.sums)
        moves = (self.sums - self.mean * self.weights) / (self.weights.sum() - self.weights)
        return math.sqrt((n - 1) / n * float((moves**2).sum()))

    @property
    def n_equal(self) -> float:
        """How many clusters of equal weight these are worth, (ΣW)² / ΣW², at most G."""
        return float(self.weights.sum() ** 2 / (self.weights**2).sum())

    @property
    def degrees_of_freedom(self) -> int:
        """Of the standard error: G − 1 for equal clusters, fewer for unequal ones, at least 1.

        A cluster's share of the variance is its weight if members have nothing in common, and the square of that if they have
        everything; the power of 1.5 is between the two.

        Source: Satterthwaite 1946.
        """
        shares = (self.weights / self.weights.max()) ** 1.5
        return max(1, round(float(shares.sum() ** 2 / (shares**2).sum())) - 1)


def wilson(clusters: Clusters, n_effective: float, alpha: float) -> Interval:
    """Of scores that are 0 or 1: Wilson's interval with as many members as the standard error is worth.

    That is r(1 − r) / SE², at most (Σw)² / Σw². Where less than 12 clusters' worth of the rarer outcome was seen, and in less
    than half of the clusters, the standard error cannot be trusted, and each cluster counts as one observation. Where that
    is less than 12 members' worth, the end at its side is corrected for continuity: at r = 0.99 and n = 100 that end alone
    would miss 8 % of the time.

    Source: Wilson 1927; Korn and Graubard 1998 (effective size); Newcombe 1998 (method 4, the correction).
    """
    if clusters.mean > 0.5:
        mirrored = _wilson_of_rarer(Clusters(clusters.weights - clusters.sums, clusters.weights), n_effective, alpha)
        return Interval(1.0 - mirrored.high, 1.0 - mirrored.low)
    return _wilson_of_rarer(clusters, n_effective, alpha)


def _wilson_of_rarer(clusters: Clusters, n_effective: float, alpha: float) -> Interval:
    """Of a mean of at most one half, or above it by no more than rounding."""
    mean, error = clusters.mean, clusters.standard_error
    variance = mean * (1 - mean)
    n = min((math.sqrt(variance) / error) ** 2, n_effective) if error > 0 and variance > 0 else clusters.n_equal
    seen = clusters.sums / clusters.sums.max() if mean else clusters.sums  # scaled, so that no square underflows
    n_seen = float(seen.sum() ** 2 / (seen**2).sum()) if mean else 0.0
    if n_seen < min(_ENOUGH_SEEN, clusters.n_equal / 2):
        n = min(n, clusters.n_equal)
    z = t_quantile(1 - alpha / 2, clusters.degrees_of_freedom)
    centre = (mean + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(variance / n + z * z / (4 * n * n))
    low = centre - half
    if n * mean < _ENOUGH_SEEN:
        root = math.sqrt(max(0.0, z * z - 2 - 1 / n + 4 * mean * (n * (1 - mean) + 1)))
        low = (2 * n * mean + z * z - 1 - z * root) / (2 * (n + z * z)) if mean else 0.0
    return _around(low, mean, centre + half)


def padded_t(clusters: Clusters, alpha: float) -> Interval:
    """Each end is that of a t interval of the clusters and of one more whose scores are all at that end of the range.

    So many clusters may have missed a rare failure; one that is made up keeps the interval from being too sure.
    """
    # The size of the cluster that a member drawn by weight is in.
    weight = float((clusters.weights**2).sum() / clusters.weights.sum())
    ends = []
    for end in (0.0, 1.0):
        padded = Clusters(np.append(clusters.sums, weight * end), np.append(clusters.weights, weight))
        half = t_quantile(1 - alpha / 2, padded.degrees_of_freedom) * padded.standard_error
        ends.append(padded.mean + (half if end else -half))
    return _around(ends[0], clusters.mean, ends[1])


def betting(clusters: Clusters, alpha: float, seed: int) -> Interval:
    """The means against which nobody who bets fairly on the clusters, one after the other, would have won 2/alpha.

    More than 1,024 clusters are dealt into as many groups.

    Source: Waudby-Smith and Ramdas 2024, JRSS B 86(1): hedged capital with predictable plug-in bets, here with the clusters'
    weights as known sizes of the bets, and averaged over orders.
    """
    sums, weights = clusters
    if len(sums) > MAX_GROUPS:
        groups = deal(len(sums), seed)
        sums, weights = summed(groups, sums, MAX_GROUPS), summed(groups, weights, MAX_GROUPS)
    generator = np.random.PCG64(seed)
    orders = np.stack([np.argsort(generator.random_raw(len(sums)), kind="stable") for _ in range(_ORDERS)])
    means, shares = np.clip(sums / weights, 0.0, 1.0)[orders], (weights / weights.max())[orders]
    mean, wanted = clusters.mean, math.log(2 / alpha)
    low = _lowest_plausible(means, shares, mean, wanted)
    return _around(low, mean, 1.0 - _lowest_plausible(1.0 - means, shares, 1.0 - mean, wanted))


def _lowest_plausible(means: NDArray[np.float64], shares: NDArray[np.float64], mean: float, wanted: float) -> float:
    """The mean below which bets that the mean is larger have won: the capital falls as the supposed mean grows."""
    # What is known before each bet: a running mean and variance, begun with a cluster of mean one half and variance one quarter.
    n_orders = len(means)
    size, square = shares.mean(), (shares**2).mean()
    running = (0.5 * size + np.cumsum(shares * means, axis=1)) / (size + np.cumsum(shares, axis=1))
    before = np.concatenate([np.full((n_orders, 1), 0.5), running[:, :-1]], axis=1)
    spread = 0.25 * square + np.cumsum((shares * (means - before)) ** 2, axis=1)
    variances = spread / (square + np.cumsum(shares**2, axis=1))
    known = np.concatenate([np.full((n_orders, 1), 0.25), variances[:, :-1]], axis=1)
    stakes = shares * np.sqrt(2 * wanted / ((shares**2).sum(axis=1, keepdims=True) * known))
    low, high = 0.0, mean
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        if not low < middle < high:
            break
        # A bet may lose at most three quarters of what there is.
        placed = np.minimum(stakes, shares * (_LARGEST_BET / middle))
        capitals = np.log1p(placed * (means - middle)).sum(axis=1)
        if np.logaddexp.reduce(capitals) - math.log(n_orders) < wanted:
            high = middle
        else:
            low = middle
    return low


def _around(low: float, mean: float, high: float) -> Interval:
    return Interval(max(0.0, min(low, mean)), min(1.0, max(high, mean)))
