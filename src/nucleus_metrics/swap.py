"""Two models by a metric that is not a mean of scores: precision, recall, F1, mAP. The test swaps their outputs."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import numpy as np

from nucleus_metrics.columns import checked_columns, cluster_codes, summed
from nucleus_metrics.comparison import DEFAULT_SEED, Verdict, verdict_of
from nucleus_metrics.errors import KernelInputError
from nucleus_metrics.sign_flip import Interval, count_reaching, grid_step, is_near, plausible
from nucleus_metrics.signs import ALL_UP_TO, DRAWS, MAX_GROUPS, all_sums, deal, flipped

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

Output = TypeVar("Output")

INVERTED = "inverted swap test"
BOOTSTRAP = "cluster bootstrap"
_ROUNDING = 1e-12  # of the metric's magnitude: what a tie may be off by
_RESAMPLES = 1_999


class SwapComparison(NamedTuple):
    """A candidate against a baseline by a metric of all their outputs.

    Attributes:
        delta: The metric of the candidate less that of the baseline; NaN where one of them is undefined.
        interval: For `delta`, 1 − alpha confidence; ends may be infinite.
        interval_method: `inverted swap test`: the differences that the test of p does not reject, so that the two never
            disagree; or `cluster bootstrap`, which is too short for few or unequal clusters and may disagree with p.
        p_value: Two-sided, of the hypothesis that the models are exchangeable, in (0, 1].
        verdict: See `Verdict`; of a bootstrapped interval better and worse need p ≤ alpha too.
        baseline: The metric of the baseline.
        candidate: The metric of the candidate.
        n: Members, or clusters where outputs are given by cluster, that both models have outputs for.
        n_clusters: Clusters that are swapped.
        n_left_out: Members that one of the models has no numbers for.
        n_draws: Swaps that were drawn, or 0 if all were enumerated.
        seed: What the draws began with.
        alpha: 1 − the confidence of the interval, and what the verdict is decided at.
        margin: Differences up to it are of no importance.
        higher_is_better: Whether a larger metric is better.
    """

    delta: float
    interval: Interval
    interval_method: str
    p_value: float
    verdict: Verdict
    baseline: float
    candidate: float
    n: int
    n_clusters: int
    n_left_out: int
    n_draws: int
    seed: int
    alpha: float
    margin: float
    higher_is_better: bool


def compare_ratios(
    baseline_numerators: ArrayLike,
    baseline_denominators: ArrayLike,
    candidate_numerators: ArrayLike,
    candidate_denominators: ArrayLike,
    *,
    clusters: Sequence[Any] | NDArray[Any] | None = None,
    margin: float = 0.0,
    higher_is_better: bool = True,
    alpha: float = 0.05,
    seed: int = DEFAULT_SEED,
) -> SwapComparison:
    """Compare two models by a pooled ratio, ΣN / ΣD over members.

    Precision: N true positives, D predictions. Recall: N true positives, D objects. F1: N twice the true positives, D
    predictions and objects.

    p: for each cluster the two models' N and D are swapped at random, and the difference of the two ratios is computed anew.
    Interval: {θ: p(θ) > alpha}, where p(θ) is of the same test after N_b is replaced by N_b − θ·D_b, which takes the
    candidate's ratio down by θ. Under a swap that statistic is the difference of ratios less θ times the difference of the
    candidate's shares in the two denominators, linear in θ with a slope of at most 1, so that the inversion is exact. Where
    both models have the same denominators, that is what `compare` does with them as weights.

    Assumptions: clusters are independent, and under the null hypothesis a cluster's outputs of the two models are exchangeable.

    Args:
        baseline_numerators: float [n], finite; NaN where a member has no output.
        baseline_denominators: float [n], at least 0 and finite; NaN as above.
        candidate_numerators: float [n], the same of the candidate, for the same members in the same order.
        candidate_denominators: float [n], the same of the candidate.
        clusters: [n], as for `compare`.
        margin: At least 0.
        alpha: In (0, 1).
        seed: Of the swaps, and of the deal of more than 1,024 clusters into groups.

    Up to 16 clusters p and the interval are exact; of more, 9,999 swaps are drawn, and tenfold up to 999,999 while p is within
    three Monte-Carlo errors of alpha, or once if no swap reaches the observed difference.

    Raises:
        KernelInputError: Shapes differ, or an argument is outside its range.

    Source: swapping: Yeh 2000, ACL C00-2137 (approximate randomization); its inversion as in `compare`.

    >>> compare_ratios([3] * 8, [4] * 8, [4] * 8, [4] * 8).verdict.value
    'better'
    """
    _check_settings(margin, alpha)
    n_a, n_b, d_a, labels = checked_columns(
        baseline_numerators, candidate_numerators, _without_nan(baseline_denominators), clusters
    )
    d_b = checked_columns(n_a, n_b, _without_nan(candidate_denominators), clusters)[2]
    is_a = ~np.isnan(n_a) & ~np.isnan(np.asarray(baseline_denominators, dtype=np.float64))
    is_b = ~np.isnan(n_b) & ~np.isnan(np.asarray(candidate_denominators, dtype=np.float64))
    is_used = is_a & is_b
    columns = [column[is_used] for column in (n_a, d_a, n_b, d_b)]
    codes = np.arange(len(columns[0])) if labels is None else cluster_codes(labels[is_used])
    n_clusters = int(codes.max()) + 1 if len(codes) else 0
    ratios = _Ratios.of(*(summed(codes, column, n_clusters) for column in columns))
    test = _swap_ratios(ratios, alpha, seed)
    return SwapComparison(
        delta=ratios.candidate - ratios.baseline,
        interval=test.interval,
        interval_method=INVERTED,
        p_value=test.p_value,
        verdict=verdict_of(test.interval, len(ratios.d_a), margin, higher_is_better),
        baseline=ratios.baseline,
        candidate=ratios.candidate,
        n=len(codes),
        n_clusters=len(ratios.d_a),
        n_left_out=int(np.count_nonzero(is_a ^ is_b)),
        n_draws=test.n_draws,
        seed=seed,
        alpha=alpha,
        margin=margin,
        higher_is_better=higher_is_better,
    )


def compare_metric(
    metric: Callable[[Sequence[Output]], float],
    baseline_outputs: Sequence[Output],
    candidate_outputs: Sequence[Output],
    *,
    margin: float = 0.0,
    higher_is_better: bool = True,
    alpha: float = 0.05,
    seed: int = DEFAULT_SEED,
    n_draws: int = 9_999,
) -> SwapComparison:
    """Compare two models by any metric of all their outputs, such as mAP.

    p by swapping the two models' outputs of a cluster. The interval is a percentile cluster bootstrap: it is labelled so,
    because with 8 to 30 unequal clusters it has left out the truth in 9 to 11 % of simulations instead of 5 %. Better and
    worse therefore need p ≤ alpha too.

    Args:
        metric: Of a list with an output for each cluster; a finite number, or NaN where it is undefined. It is called twice
            for every swap and 3,998 times for the interval, so it should be fast.
        baseline_outputs: [G], whatever the metric takes of a cluster: its items' matches, for example.
        candidate_outputs: [G], of the same clusters in the same order.
        margin: At least 0.
        alpha: In (0, 1).
        seed: Of the swaps and of the resamples.
        n_draws: At least 99. If there are no more swaps than that (up to 14 clusters for 9,999), all are enumerated.

    Raises:
        KernelInputError: The numbers of clusters differ, an argument is outside its range, or the metric is infinite.

    Source: swapping: Yeh 2000, ACL C00-2137; bootstrap: Efron and Tibshirani 1993, chapter 13.

    >>> compare_metric(max, [0.5, 0.6], [0.5, 0.6]).p_value
    1.0
    """
    _check_settings(margin, alpha)
    n_clusters = len(baseline_outputs)
    if len(candidate_outputs) != n_clusters or n_draws < 99:
        raise KernelInputError(
            f"expected outputs of the same clusters and at least 99 draws, got {n_clusters} and {len(candidate_outputs)} "
            f"clusters and {n_draws} draws"
        )

    def measured(outputs: Sequence[Output]) -> float:
        value = float(metric(outputs))
        if math.isinf(value):
            raise KernelInputError("expected a metric that is finite or NaN, got an infinite value")
        return value

    def difference(is_swapped: NDArray[np.bool_]) -> float:
        pairs = [(b, a) if swap else (a, b) for a, b, swap in zip(baseline_outputs, candidate_outputs, is_swapped)]
        return measured([b for _, b in pairs]) - measured([a for a, _ in pairs])

    baseline, candidate = (measured(x) if n_clusters else math.nan for x in (baseline_outputs, candidate_outputs))
    delta = candidate - baseline
    p_value, drawn, interval = 1.0, 0, Interval(-math.inf, math.inf)
    if not math.isnan(delta):
        reach = abs(delta) - _ROUNDING * max(abs(baseline), abs(candidate))
        # The difference of a swap and of its opposite are mirror images: half of all are enough.
        is_exact = n_clusters <= ALL_UP_TO and 2 ** (n_clusters - 1) <= n_draws + 1
        swaps = _all_swaps(n_clusters) if is_exact else _drawn_swaps(n_clusters, n_draws, seed)
        found = np.array([difference(swap) for swap in swaps])
        # An undefined metric speaks for nothing, so it counts against a difference.
        n_reaching = int(np.count_nonzero(~(np.abs(found) < reach)))
        p_value = n_reaching / len(found) if is_exact else (n_reaching + 1) / (n_draws + 1)
        drawn = 0 if is_exact else n_draws
        interval = _bootstrapped(measured, baseline_outputs, candidate_outputs, alpha, seed)
    verdict = verdict_of(interval, n_clusters, margin, higher_is_better)
    if verdict in (Verdict.BETTER, Verdict.WORSE) and p_value > alpha:
        verdict = Verdict.INCONCLUSIVE
    return SwapComparison(
        delta=delta,
        interval=interval,
        interval_method=BOOTSTRAP,
        p_value=p_value,
        verdict=verdict,
        baseline=baseline,
        candidate=candidate,
        n=n_clusters,
        n_clusters=n_clusters,
        n_left_out=0,
        n_draws=drawn,
        seed=seed,
        alpha=alpha,
        margin=margin,
        higher_is_better=higher_is_better,
    )


class _Ratios(NamedTuple):
    """Clusters' numerators and denominators of both models, as whole steps of a grid each, float64 [G]: their sums are exact."""

    n_a: NDArray[np.float64]
    d_a: NDArray[np.float64]
    n_b: NDArray[np.float64]
    d_b: NDArray[np.float64]
    unit: float

    @classmethod
    def of(
        cls, n_a: NDArray[np.float64], d_a: NDArray[np.float64], n_b: NDArray[np.float64], d_b: NDArray[np.float64]
    ) -> _Ratios:
        # A cluster where nobody has anything is none.
        is_some = (d_a != 0) | (d_b != 0) | (n_a != 0) | (n_b != 0)
        n_step, d_step = grid_step(np.concatenate([n_a, n_b])), grid_step(np.concatenate([d_a, d_b]))
        in_steps = [
            np.rint(column[is_some] / step)
            for column, step in ((n_a, n_step), (d_a, d_step), (n_b, n_step), (d_b, d_step))
        ]
        return cls(in_steps[0], in_steps[1], in_steps[2], in_steps[3], unit=n_step / d_step)

    @property
    def baseline(self) -> float:
        """Pooled; NaN where there is no denominator."""
        return self._ratio(self.n_a, self.d_a)

    @property
    def candidate(self) -> float:
        """Pooled; NaN where there is no denominator."""
        return self._ratio(self.n_b, self.d_b)

    def _ratio(self, numerators: NDArray[np.float64], denominators: NDArray[np.float64]) -> float:
        total = float(denominators.sum())
        return float(numerators.sum()) / total * self.unit if total > 0 else math.nan


class _Swaps(NamedTuple):
    p_value: float
    interval: Interval
    n_draws: int


def _swap_ratios(ratios: _Ratios, alpha: float, seed: int) -> _Swaps:
    delta = ratios.candidate - ratios.baseline
    if math.isnan(delta):
        return _Swaps(1.0, Interval(-math.inf, math.inf), 0)
    reach = abs(delta) - _ROUNDING * max(abs(ratios.baseline), abs(ratios.candidate))
    columns = [ratios.n_b - ratios.n_a, ratios.d_b - ratios.d_a, ratios.d_b]
    totals = [float((ratios.n_a + ratios.n_b).sum()), float((ratios.d_a + ratios.d_b).sum()), float(ratios.d_b.sum())]

    def tested(sums: Sequence[NDArray[np.float64]], n_draws: int) -> _Swaps:
        flips, slopes = _statistics(sums, totals, ratios.unit)
        interval = plausible(flips, slopes, delta, 1.0, reach, alpha)
        return _Swaps(count_reaching(flips, reach) / len(flips), interval, n_draws)

    if len(ratios.d_a) <= ALL_UP_TO:
        both = all_sums(columns[0], columns[1])
        return tested([both.differences, both.weights, all_sums(columns[2], columns[2]).differences], 0)
    if len(ratios.d_a) > MAX_GROUPS:
        groups = deal(len(ratios.d_a), seed)
        columns = [summed(groups, column, MAX_GROUPS) for column in columns]
    sums = [np.array([column.sum()]) for column in columns]
    drawn = 0
    for n_draws in DRAWS:
        sums = [np.concatenate([old, flipped(column, drawn, n_draws, seed)]) for old, column in zip(sums, columns)]
        drawn = n_draws
        test = tested(sums, n_draws)
        n_reaching = round(test.p_value * (n_draws + 1))
        is_at_floor = n_reaching == 1 and n_draws == DRAWS[0]
        if not is_at_floor and not is_near(n_reaching, n_draws + 1, [alpha]):
            break
    return test


def _statistics(
    sums: Sequence[NDArray[np.float64]], totals: Sequence[float], unit: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The difference of the two ratios under each swap, and its slope in θ; infinite and 1 where a ratio is undefined."""
    (n, d, own), (n_total, d_total, own_total) = sums, totals
    first, second = d_total + d, d_total - d  # twice the denominators in the candidate's and in the baseline's place
    is_undefined = (first <= 0) | (second <= 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        flips = ((n_total + n) / first - (n_total - n) / second) * unit
        slopes = (own_total + own) / first - (own_total - own) / second
    flips[is_undefined], slopes[is_undefined] = math.inf, 1.0
    return flips, slopes


def _all_swaps(n_clusters: int) -> NDArray[np.bool_]:
    """All swaps that leave the first cluster alone, bool [2^(G−1), G]."""
    numbers = 2 * np.arange(2 ** (n_clusters - 1))
    return np.asarray((numbers[:, np.newaxis] >> np.arange(n_clusters)) & 1, dtype=np.bool_)


def _drawn_swaps(n_clusters: int, n_draws: int, seed: int) -> NDArray[np.bool_]:
    n_words = -(-n_clusters // 64)
    words = np.random.PCG64(seed).random_raw(n_draws * n_words).reshape(n_draws, n_words)
    octets = words.astype("<u8", copy=False).view(np.uint8)
    return np.unpackbits(octets, axis=1, bitorder="little")[:, :n_clusters].astype(np.bool_)


def _bootstrapped(
    measured: Callable[[Sequence[Output]], float],
    baseline_outputs: Sequence[Output],
    candidate_outputs: Sequence[Output],
    alpha: float,
    seed: int,
) -> Interval:
    """Order statistics of the difference on clusters drawn with replacement, the same for both models."""
    n = len(baseline_outputs)
    shares = (np.random.PCG64(seed).random_raw(_RESAMPLES * n) >> np.uint64(11)) * 2.0**-53
    found = []
    for chosen in (shares.reshape(_RESAMPLES, n) * n).astype(np.int64).tolist():
        baseline = measured([baseline_outputs[i] for i in chosen])
        found.append(measured([candidate_outputs[i] for i in chosen]) - baseline)
    # Where the metric is undefined, the difference may be anything.
    low = np.sort(np.nan_to_num(np.array(found), nan=-math.inf, posinf=math.inf, neginf=-math.inf))
    high = np.sort(np.nan_to_num(np.array(found), nan=math.inf, posinf=math.inf, neginf=-math.inf))
    k = max(1, math.floor(alpha / 2 * (_RESAMPLES + 1)))
    return Interval(float(low[k - 1]), float(high[-k]))


def _without_nan(values: ArrayLike) -> NDArray[np.float64]:
    """Denominators with NaN as 0, which is none."""
    array = np.asarray(values, dtype=np.float64)
    if np.isinf(array).any() or (array < 0).any():
        raise KernelInputError("expected finite denominators of at least 0, got others")
    return np.where(np.isnan(array), 0.0, array)


def _check_settings(margin: float, alpha: float) -> None:
    if not 0 < alpha < 1 or not 0 <= margin < math.inf:
        raise KernelInputError(f"expected alpha in (0, 1) and a margin of at least 0, got {alpha} and {margin}")
