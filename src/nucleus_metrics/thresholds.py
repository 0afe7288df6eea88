"""Does a model pass a threshold, beyond chance? An interval for one model's weighted mean, with clusters."""

from __future__ import annotations

import math
from collections.abc import Sequence
from enum import Enum
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from nucleus_metrics.aggregate import weighted_mean
from nucleus_metrics.bounded_means import Clusters, betting, padded_t, wilson
from nucleus_metrics.columns import checked_columns, cluster_codes, summed
from nucleus_metrics.comparison import DEFAULT_SEED, FEWEST_CLUSTERS
from nucleus_metrics.errors import KernelInputError
from nucleus_metrics.sign_flip import Interval

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

ENOUGH_CLUSTERS = 100
"""From so many clusters of equal weight on, a t interval with one made-up cluster at the end of the range covers."""


class Standing(str, Enum):
    """Where a result stands to a threshold."""

    PASSES = "passes"
    FAILS = "fails"
    INCONCLUSIVE = "inconclusive"


class ThresholdComparison(NamedTuple):
    """One model's result against a threshold.

    Attributes:
        result: Weighted mean, as `weighted_mean` gives it; NaN if no member with a weight has a score.
        threshold: What it is compared with.
        interval: For the weighted mean over clusters like these, 1 − alpha confidence; within the scores' range.
        standing: `PASSES` if the whole interval is on the good side, `FAILS` if none of it is, else `INCONCLUSIVE`; with fewer
            than six clusters always that.
        standard_error: Of `result`, by leaving out one cluster at a time; NaN of fewer than two clusters.
        n: Members with a score and a weight above 0.
        n_effective: (Σw)² / Σw².
        n_clusters: Clusters with a weight above 0.
        method: How the interval was made: `wilson`, `betting` or `padded t`; `none` of fewer than two clusters, or where one
            has all of the weight that float64 can tell, and then the interval is the whole range.
        alpha: 1 − the confidence of the interval.
        seed: Of the orders in which clusters are bet on.
    """

    result: float
    threshold: float
    interval: Interval
    standing: Standing
    standard_error: float
    n: int
    n_effective: float
    n_clusters: int
    method: str
    alpha: float
    seed: int


def against_threshold(
    scores: ArrayLike,
    threshold: float,
    *,
    weights: ArrayLike | None = None,
    clusters: Sequence[Any] | NDArray[Any] | None = None,
    score_range: tuple[float, float] = (0.0, 1.0),
    higher_is_better: bool = True,
    alpha: float = 0.05,
    seed: int = DEFAULT_SEED,
) -> ThresholdComparison:
    """Compare one model's weighted mean with a threshold.

    The mean is Σ w·s / Σ w over all members: clusters count by their weight. Scores that are all at an end of their range
    (0 and 1): Wilson's interval. Others: a betting interval for bounded means, which needs no assumption on how scores are
    spread; from the weight of 100 equal clusters on, where it is needlessly wide, a t interval with one made-up cluster.
    In simulation each covers at least 94 % at 95 % (`docs/design/verdict-statistics.md`).

    Assumption: the clusters are a random sample of clusters.

    Args:
        scores: float [n] in `score_range`; NaN where a member has no score.
        threshold: Finite; reaching it is passing.
        weights: float [n], at least 0 and finite; None means all 1.
        clusters: [n], as for `compare`.
        score_range: The lowest and the highest score that there can be.
        alpha: In (0, 1).
        seed: Of the orders in which clusters are bet on.

    Raises:
        KernelInputError: Shapes differ, a score is outside of its range, or an argument is.

    Source: Wilson 1927; Korn and Graubard 1998 (effective sample size); Waudby-Smith and Ramdas 2024 (betting).

    >>> against_threshold([1, 1, 1, 0, 1, 1, 1, 1, 1, 1] * 10, 0.8).standing.value
    'passes'
    """
    low, high = score_range
    if not (math.isfinite(low) and math.isfinite(high) and low < high and math.isfinite(threshold) and 0 < alpha < 1):
        raise KernelInputError(
            "expected a finite threshold, alpha in (0, 1) and a score_range of two finite numbers, lowest first, got "
            f"{threshold}, {alpha} and {score_range}"
        )
    s, _, w, labels = checked_columns(scores, scores, weights, clusters)
    if (w > 0).any():
        # Only the ratios of weights matter; one that is nothing beside the largest is none.
        w = np.ldexp(w, -int(np.frexp(w[~np.isnan(s)].max(initial=0.0))[1]))
    is_used = ~np.isnan(s) & (w > 0)
    if not is_used.all():
        s, w = s[is_used], w[is_used]
        labels = None if labels is None else labels[is_used]
    if (s < low).any() or (s > high).any():
        raise KernelInputError(f"expected scores in [{low:g}, {high:g}], got others")
    codes = None if labels is None else cluster_codes(labels)
    n_clusters = len(s) if codes is None else int(codes.max()) + 1 if len(codes) else 0
    result, error, n_effective, unit, method = math.nan, math.nan, 0.0, Interval(0.0, 1.0), "none"
    if n_clusters:
        in_unit = (s - low) / (high - low)
        found = Clusters(summed(codes, w * in_unit, n_clusters), summed(codes, w, n_clusters))
        result = weighted_mean(s, w).value
        n_effective = float(w.sum() ** 2 / (w**2).sum())
    if n_clusters > 1 and (found.weights < found.weights.sum()).all():
        error = found.standard_error * (high - low)
        if ((s == low) | (s == high)).all():
            unit, method = wilson(found, n_effective, alpha), "wilson"
        elif found.n_equal < ENOUGH_CLUSTERS:
            unit, method = betting(found, alpha, seed), "betting"
        else:
            unit, method = padded_t(found, alpha), "padded t"
    interval = Interval(low + unit.low * (high - low), low + unit.high * (high - low))
    return ThresholdComparison(
        result=result,
        threshold=threshold,
        interval=interval,
        standing=_standing(interval, threshold, n_clusters, higher_is_better),
        standard_error=error,
        n=len(s),
        n_effective=n_effective,
        n_clusters=n_clusters,
        method=method,
        alpha=alpha,
        seed=seed,
    )


def _standing(interval: Interval, threshold: float, n_clusters: int, higher_is_better: bool) -> Standing:
    if n_clusters < FEWEST_CLUSTERS:
        return Standing.INCONCLUSIVE
    is_good, is_bad = interval.low >= threshold, interval.high < threshold
    if not higher_is_better:
        is_good, is_bad = interval.high <= threshold, interval.low > threshold
    if is_good:
        return Standing.PASSES
    return Standing.FAILS if is_bad else Standing.INCONCLUSIVE
