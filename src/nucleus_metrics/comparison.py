"""Is a model better than another one? Paired, weighted, clustered, by the cluster sign-flip test and its inverted interval."""

from __future__ import annotations

import math
from collections.abc import Sequence
from enum import Enum
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from nucleus_metrics.columns import checked_columns, cluster_codes
from nucleus_metrics.errors import KernelInputError
from nucleus_metrics.sign_flip import ClusterTotals, Interval, sign_flip
from nucleus_metrics.student import t_quantile

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

FEWEST_CLUSTERS = 6
"""Of fewer clusters no two-sided sign-flip test has a p below 0.05."""
DEFAULT_SEED = 20_260_101
_POWER = 0.80
_AT_MARGIN = 1e-9  # of the margin: what an end may be off by for rounding
_MOST_CLUSTERS = 10**15


class Verdict(str, Enum):
    """What a comparison says of the candidate."""

    BETTER = "better"
    WORSE = "worse"
    EQUIVALENT = "equivalent"
    INCONCLUSIVE = "inconclusive"
    TOO_FEW_CLUSTERS = "too few clusters"


class Comparison(NamedTuple):
    """A candidate against a baseline, on the members that both have a score for.

    Attributes:
        delta: Weighted mean of candidate − baseline, in the scores' unit; NaN if no member with a weight has both scores.
        interval: All differences θ that the test does not reject at `alpha`: 1 − alpha confidence; ends may be infinite.
        p_value: Two-sided, of the hypothesis that the models are exchangeable, in (0, 1]; not below 1e-6 if signs are drawn.
        verdict: See `Verdict`; `margin` and `higher_is_better` decide what counts.
        standard_error: Cluster-robust, of `delta`; for the minimum detectable effect and as a cross-check only.
        minimum_detectable_effect: The difference that would be found with 80 % probability.
        n: Members with both scores and a weight above 0.
        n_effective: (Σw)² / Σw².
        n_clusters: Clusters with a weight above 0.
        n_left_out: Members with a score of one model only.
        n_draws: Sign vectors that were drawn, or 0 if all were enumerated.
        seed: What the draws began with: the same seed gives the same bits on any machine.
        alpha: 1 − the confidence of the interval, and what the verdict is decided at.
        margin: Differences up to it are of no importance.
        higher_is_better: Whether a larger score is better.
        is_p_bound: Whether `p_value` is a number that the exact p is certainly not above, and not the share of drawn vectors.
    """

    delta: float
    interval: Interval
    p_value: float
    verdict: Verdict
    standard_error: float
    minimum_detectable_effect: float
    n: int
    n_effective: float
    n_clusters: int
    n_left_out: int
    n_draws: int
    seed: int
    alpha: float
    margin: float
    higher_is_better: bool
    is_p_bound: bool = False

    @property
    def is_non_inferior(self) -> bool:
        """Whether the candidate is certainly not worse than the baseline by the margin or more: a gate's question."""
        if self.n_clusters < FEWEST_CLUSTERS or math.isnan(self.delta):
            return False
        worst = self.interval.low if self.higher_is_better else -self.interval.high
        if math.isclose(worst, -self.margin, rel_tol=_AT_MARGIN):
            # Scores in tenths: by exact numbers the end is just at the margin, on whichever side float64 rounds it to.
            return worst == 0.0 == self.interval.low == self.interval.high
        return worst > -self.margin


def compare(
    baseline: ArrayLike,
    candidate: ArrayLike,
    *,
    weights: ArrayLike | None = None,
    clusters: Sequence[Any] | NDArray[Any] | None = None,
    margin: float = 0.0,
    higher_is_better: bool = True,
    alpha: float = 0.05,
    seed: int = DEFAULT_SEED,
    decisions: Sequence[float] = (),
) -> Comparison:
    """Compare two models by their scores on the same members.

    Assumptions: clusters are independent, and under the null hypothesis the cluster differences are symmetric around 0, which
    holds if the two models are exchangeable. Members of one cluster may depend on each other in any way.

    Args:
        baseline: float [n], any finite unit; NaN where a member has no score.
        candidate: float [n], the same members in the same order.
        weights: float [n], at least 0 and finite; None means all 1.
        clusters: [n], anything whose equal values form a cluster (a scene, a drive, a patient); None means each member is
            its own.
        margin: At least 0; with 0 only identical scores are equivalent.
        alpha: In (0, 1).
        seed: Of the random sign vectors, and of the deal of more than 1,024 clusters into groups.
        decisions: Levels in (0, 1), beside `alpha`, that somebody will compare p with, such as q/m for one of m tests: near
            them p is drawn more exactly.

    Up to 16 clusters p and the interval are exact. Of more, 9,999 sign vectors are drawn, and tenfold up to 999,999 while p
    is within three Monte-Carlo errors of `alpha`; p alone, and not the interval, goes on growing while no drawn vector
    reaches the observed difference or p is near a level of `decisions`. If no vector reaches it and a bound that is never above
    Hoeffding's 2·exp(−A² / 2ΣD²) says that the exact p is at most what tenfold the draws could show, p is that bound, at
    least 1e-6. 0 is outside of the interval just if p ≤ alpha.

    Raises:
        KernelInputError: Shapes differ, a score is infinite, a weight is negative or not finite, or an argument is outside
            its range.

    Source: sign-flip test and its inversion: Fisher 1935, Hemerik and Goeman 2018 (random draws, the identity counted);
    bounds: Hoeffding 1963, Bentkus and Dzindzalieta 2015; clustered, paired evaluation of models: Miller 2024, arXiv 2411.00640.

    >>> compare([0.5] * 8, [0.6, 0.7, 0.6, 0.8, 0.6, 0.9, 0.7, 0.6]).verdict.value
    'better'
    """
    if not 0 < alpha < 1 or not 0 <= margin < math.inf:
        raise KernelInputError(f"expected alpha in (0, 1) and a margin of at least 0, got {alpha} and {margin}")
    if not all(0 < level < 1 for level in decisions):
        raise KernelInputError(f"expected decisions in (0, 1), got {list(decisions)}")
    a, b, w, labels = checked_columns(baseline, candidate, weights, clusters)
    is_a, is_b = ~np.isnan(a), ~np.isnan(b)
    n_left_out = int(np.count_nonzero(is_a ^ is_b))
    is_used = is_a & is_b & (w > 0)
    if not is_used.all():
        a, b, w = a[is_used], b[is_used], w[is_used]
        labels = None if labels is None else labels[is_used]
    codes = None if labels is None else cluster_codes(labels)
    n_clusters = len(a) if codes is None else int(codes.max()) + 1 if len(codes) else 0
    if n_clusters == 0:
        return Comparison(
            delta=math.nan,
            interval=Interval(-math.inf, math.inf),
            p_value=1.0,
            verdict=Verdict.TOO_FEW_CLUSTERS,
            standard_error=math.nan,
            minimum_detectable_effect=math.nan,
            n=0,
            n_effective=0.0,
            n_clusters=0,
            n_left_out=n_left_out,
            n_draws=0,
            seed=seed,
            alpha=alpha,
            margin=margin,
            higher_is_better=higher_is_better,
        )
    totals = ClusterTotals.of(a, b, w, codes, n_clusters)
    test = sign_flip(totals, alpha, seed, decisions)
    delta = totals.delta
    standard_error = totals.standard_error
    detectable = (
        (t_quantile(1 - alpha / 2, n_clusters - 1) + t_quantile(_POWER, n_clusters - 1)) * standard_error
        if n_clusters > 1
        else math.nan
    )
    scaled = w / w.max()
    return Comparison(
        delta=delta,
        interval=test.interval,
        p_value=test.p_value,
        verdict=verdict_of(test.interval, n_clusters, margin, higher_is_better),
        standard_error=standard_error,
        minimum_detectable_effect=detectable,
        n=len(a),
        n_effective=float(scaled.sum() ** 2 / (scaled**2).sum()),
        n_clusters=n_clusters,
        n_left_out=n_left_out,
        n_draws=test.n_draws,
        seed=seed,
        alpha=alpha,
        margin=margin,
        higher_is_better=higher_is_better,
        is_p_bound=test.is_p_bound,
    )


def clusters_needed(comparison: Comparison, effect: float) -> int | None:
    """How many clusters like these would show a difference of this size with 80 % probability.

    None if nobody knows, or if it is more than anybody could have (10^15).

    Args:
        effect: Above 0, in the scores' unit.

    Source: the minimum detectable effect, (t(1 − alpha/2) + t(0.80)) · SE, solved for the number of clusters.
    """
    if not 0 < effect < math.inf:
        raise KernelInputError(f"expected an effect above 0, got {effect}")
    n, error = comparison.n_clusters, comparison.standard_error
    if n < 2 or not error > 0:
        return None

    def detectable(clusters: int) -> float:
        quantiles = t_quantile(1 - comparison.alpha / 2, clusters - 1) + t_quantile(_POWER, clusters - 1)
        return quantiles * error * math.sqrt(n / clusters)

    low, high = FEWEST_CLUSTERS, FEWEST_CLUSTERS
    while detectable(high) > effect:
        low, high = high, 2 * high
        if high > _MOST_CLUSTERS:
            return None
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if detectable(middle) <= effect else (middle + 1, high)
    return high


def with_missing_scores(
    baseline: ArrayLike, candidate: ArrayLike, score_range: tuple[float, float], **arguments: Any
) -> tuple[Comparison, Comparison]:
    """The comparison with the candidate's missing scores at the worst and at the best they could be.

    So that leaving hard members out cannot turn a test green: a verdict that the worst case does not share is not proven.
    The worst case's interval never lies above that of the scores that are missing, whatever they are: each root of a sign
    vector is a sum of cluster differences over weights, and falls with each of them. Without any missing score both are the
    comparison itself.

    Args:
        score_range: The lowest and the highest score that there can be.
        arguments: As for `compare`.
    """
    a, b = np.asarray(baseline, dtype=np.float64), np.asarray(candidate, dtype=np.float64)
    low, high = score_range
    if not (math.isfinite(low) and math.isfinite(high) and low < high):
        raise KernelInputError(f"expected a score_range of two finite numbers, lowest first, got {score_range}")
    worst, best = (low, high) if arguments.get("higher_is_better", True) else (high, low)
    is_missing = np.isnan(b) & ~np.isnan(a)
    if not is_missing.any():
        found = compare(a, b, **arguments)
        return found, found
    return (
        compare(a, np.where(is_missing, worst, b), **arguments),
        compare(a, np.where(is_missing, best, b), **arguments),
    )


def verdict_of(interval: Interval, n_clusters: int, margin: float, higher_is_better: bool) -> Verdict:
    """What an interval of differences says of the candidate."""
    low, high = interval
    if n_clusters < FEWEST_CLUSTERS:
        return Verdict.TOO_FEW_CLUSTERS
    if (margin > 0 and -margin <= low and high <= margin) or low == high == 0.0:
        return Verdict.EQUIVALENT
    if low > 0:
        return Verdict.BETTER if higher_is_better else Verdict.WORSE
    if high < 0:
        return Verdict.WORSE if higher_is_better else Verdict.BETTER
    return Verdict.INCONCLUSIVE
