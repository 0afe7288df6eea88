"""Is a model better than another one? Paired, weighted, clustered, by the cluster sign-flip test and its inverted interval."""

from __future__ import annotations

import math
from collections.abc import Sequence
from enum import Enum
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from nucleus_metrics.errors import KernelInputError
from nucleus_metrics.signs import ALL_UP_TO, DRAWS, FlippedSums, all_sums, deal, drawn_sums
from nucleus_metrics.student import t_quantile

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

FEWEST_CLUSTERS = 6
"""Of fewer clusters no two-sided sign-flip test has a p below 0.05."""
DEFAULT_SEED = 20_260_101
_POWER = 0.80
_GRID_BITS = 51
"""The grid's step is 2^-51 of the sum of all magnitudes, so that no sum of whole steps leaves float64's 2^53."""


class Verdict(str, Enum):
    """What a comparison says of the candidate."""

    BETTER = "better"
    WORSE = "worse"
    EQUIVALENT = "equivalent"
    INCONCLUSIVE = "inconclusive"
    TOO_FEW_CLUSTERS = "too few clusters"


class Interval(NamedTuple):
    """A closed interval."""

    low: float
    high: float


class Comparison(NamedTuple):
    """A candidate against a baseline, on the members that both have a score for.

    Attributes:
        delta: Weighted mean of candidate − baseline, in the scores' unit; NaN if no member with a weight has both scores.
        interval: All differences θ that the test does not reject at `alpha`: 1 − alpha confidence; ends may be infinite.
        p_value: Two-sided, of the hypothesis that the models are exchangeable, in (0, 1].
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

    @property
    def is_non_inferior(self) -> bool:
        """Whether the candidate is certainly not worse than the baseline by the margin or more: a gate's question."""
        if self.n_clusters < FEWEST_CLUSTERS or math.isnan(self.delta):
            return False
        worst = self.interval.low if self.higher_is_better else -self.interval.high
        return worst > -self.margin or (worst == 0.0 == self.interval.low == self.interval.high)


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

    Raises:
        KernelInputError: Shapes differ, a score is infinite, a weight is negative or not finite, or an argument is outside
            its range.

    Source: sign-flip test and its inversion: Fisher 1935, Hemerik and Goeman 2018 (random draws, the identity counted);
    clustered, paired evaluation of models: Miller 2024, arXiv 2411.00640.

    >>> compare([0.5] * 8, [0.6, 0.7, 0.6, 0.8, 0.6, 0.9, 0.7, 0.6]).verdict.value
    'better'
    """
    if not 0 < alpha < 1 or not 0 <= margin < math.inf:
        raise KernelInputError(f"expected alpha in (0, 1) and a margin of at least 0, got {alpha} and {margin}")
    a, b, w, labels = checked_columns(baseline, candidate, weights, clusters)
    has_both = ~np.isnan(a) & ~np.isnan(b)
    n_left_out = int(np.count_nonzero((~np.isnan(a) | ~np.isnan(b)) & ~has_both))
    is_used = has_both & (w > 0)
    a, b, w = a[is_used], b[is_used], w[is_used]
    codes = np.arange(len(a)) if labels is None else cluster_codes(labels[is_used])
    n_clusters = int(codes.max()) + 1 if len(codes) else 0
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
    totals = _Totals.of(a, b, w, codes, n_clusters)
    test = _sign_flip(totals, alpha, seed)
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
        verdict=_verdict(test.interval, n_clusters, margin, higher_is_better),
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
    )


def clusters_needed(comparison: Comparison, effect: float) -> int | None:
    """How many clusters like these would show a difference of this size with 80 % probability; None if nobody knows.

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
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if detectable(middle) <= effect else (middle + 1, high)
    return high


def with_missing_scores(
    baseline: ArrayLike, candidate: ArrayLike, score_range: tuple[float, float], **arguments: Any
) -> tuple[Comparison, Comparison]:
    """The comparison with the candidate's missing scores at the worst and at the best they could be.

    So that leaving hard members out cannot turn a test green: a verdict that the worst case does not share is not proven.

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
    return (
        compare(a, np.where(is_missing, worst, b), **arguments),
        compare(a, np.where(is_missing, best, b), **arguments),
    )


class _Totals(NamedTuple):
    """Clusters' totals as whole steps of a grid, in float64: every sum of them is exact, in any order.

    Attributes:
        differences: Σ w(b−a) of each cluster, in steps of `step`.
        weights: Σ w of each cluster, in steps of `weight_step`.
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
        codes: NDArray[np.int64],
        n_clusters: int,
    ) -> _Totals:
        # A power of two takes the weights near 1, so that nothing under- or overflows; only their ratios matter.
        w = np.ldexp(w, -int(np.frexp(w.max())[1]))
        contributions = w * (b - a)
        step = _step(contributions)
        in_steps = np.rint(contributions / step)
        weight_step = _step(w)
        # What the subtraction of two rounded scores and one rounding to the grid can be off by.
        is_moved = contributions != 0
        noise = float((w[is_moved] * (np.abs(a[is_moved]) + np.abs(b[is_moved]))).sum()) * 2.0**-52
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


def summed(codes: NDArray[np.intp] | NDArray[np.int64], values: NDArray[np.float64], n: int) -> NDArray[np.float64]:
    """The sum of the values of each code, float64 [n]."""
    return np.asarray(np.bincount(codes, weights=values, minlength=n), dtype=np.float64)


def cluster_codes(labels: NDArray[Any]) -> NDArray[np.int64]:
    """A number from 0 on for each label, the same for equal ones."""
    if labels.dtype.kind in "iu" and len(labels) and labels.min() >= 0 and labels.max() < 4 * len(labels):
        # Small whole numbers are counted instead of sorted: a tenth of the time.
        is_there = np.bincount(labels) > 0
        places = np.cumsum(is_there) - 1
        return np.asarray(places[labels], dtype=np.int64)
    return np.asarray(np.unique(labels, return_inverse=True)[1], dtype=np.int64)


def _step(values: NDArray[np.float64]) -> float:
    magnitude = float(np.abs(values).sum())
    return math.ldexp(1.0, int(math.frexp(magnitude)[1]) - _GRID_BITS) if magnitude else 1.0


class _Test(NamedTuple):
    p_value: float
    interval: Interval
    n_draws: int


def _sign_flip(totals: _Totals, alpha: float, seed: int) -> _Test:
    differences, weights = totals.differences, totals.weights
    observed, total = float(differences.sum()), float(weights.sum())
    reach = abs(observed) - totals.tolerance
    if len(differences) <= ALL_UP_TO:
        sums = all_sums(differences, weights)
        p_value = float(np.count_nonzero(np.abs(sums.differences) >= reach)) / sums.n_vectors
        return _Test(p_value, _interval(sums, observed, total, reach, totals.unit, alpha), 0)
    groups = deal(len(differences), seed)
    n_groups = int(groups.max()) + 1
    grouped = summed(groups, differences, n_groups), summed(groups, weights, n_groups)
    for n_draws in DRAWS:
        sums = drawn_sums(*grouped, n_draws, seed)
        n_reaching = int(np.count_nonzero(np.abs(sums.differences) >= reach))
        p_value = n_reaching / sums.n_vectors
        error = math.sqrt(p_value * (1 - p_value) / sums.n_vectors)
        if n_reaching > 1 and abs(p_value - alpha) > 3 * error:
            break
    return _Test(p_value, _interval(sums, observed, total, reach, totals.unit, alpha), sums.n_vectors - 1)


def _interval(sums: FlippedSums, observed: float, total: float, reach: float, unit: float, alpha: float) -> Interval:
    """All θ that the test of the differences D − θW does not reject: its ends are order statistics of each vector's roots."""
    with np.errstate(divide="ignore", invalid="ignore"):
        one = (observed - sums.differences) / (total - sums.weights)
        other = (observed + sums.differences) / (total + sums.weights)
    low, high = np.minimum(one, other), np.maximum(one, other)
    is_whole = np.abs(sums.weights) >= total  # the vector flips all or nothing: it never rejects
    low[is_whole], high[is_whole] = -math.inf, math.inf
    # A vector that ties with the observed one up to rounding counts at 0, as it does in p.
    is_tied = np.abs(sums.differences) >= reach
    low[is_tied], high[is_tied] = np.minimum(low[is_tied], 0.0), np.maximum(high[is_tied], 0.0)
    k = math.floor(alpha * sums.n_vectors) + 1
    k = min(k, sums.n_vectors)
    return Interval(
        float(np.partition(low, k - 1)[k - 1]) * unit,
        float(np.partition(high, len(high) - k)[len(high) - k]) * unit,
    )


def _verdict(interval: Interval, n_clusters: int, margin: float, higher_is_better: bool) -> Verdict:
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


def checked_columns(
    baseline: ArrayLike,
    candidate: ArrayLike,
    weights: ArrayLike | None,
    clusters: Sequence[Any] | NDArray[Any] | None,
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], NDArray[Any] | None]:
    """The columns as arrays of one length; raises KernelInputError if they are none."""
    a, b = np.asarray(baseline, dtype=np.float64), np.asarray(candidate, dtype=np.float64)
    w = np.ones(a.shape) if weights is None else np.asarray(weights, dtype=np.float64)
    labels = None if clusters is None else np.asarray(clusters)
    shapes = [x.shape for x in (a, b, w)] + ([] if labels is None else [labels.shape])
    if a.ndim != 1 or len(set(shapes)) != 1:
        raise KernelInputError(f"expected columns of one dimension and of equal lengths, got shapes {shapes}")
    if np.isinf(a).any() or np.isinf(b).any():
        raise KernelInputError("expected finite scores, or NaN where there is none, got an infinite one")
    if not np.isfinite(w).all() or (w < 0).any():
        raise KernelInputError("expected finite weights of at least 0, got others")
    return a, b, w, labels
