"""One model against a threshold: what an interval must do, and that it covers."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from nucleus_metrics import KernelInputError, Standing, against_threshold, weighted_mean

seeds = st.integers(0, 2**32)


@given(
    st.integers(1, 150), seeds, st.floats(0, 1), st.booleans(), st.sampled_from(["binary", "continuous", "constant"])
)
def test_interval_and_standing(n: int, seed: int, threshold: float, is_lower_better: bool, kind: str) -> None:
    """The interval holds the result and stays in the range; the standing follows from it; fewer than six never decide."""
    rng = np.random.default_rng(seed)
    scores = {
        "binary": (rng.uniform(size=n) < 0.8) * 1.0,
        "continuous": rng.beta(8, 2, n),
        "constant": np.full(n, 0.7),
    }[kind]
    weights = rng.uniform(0, 1, n)
    clusters = rng.integers(0, rng.integers(1, n + 1), n)
    found = against_threshold(
        scores, threshold, weights=weights, clusters=clusters, higher_is_better=not is_lower_better
    )
    low, high = found.interval
    assert 0 <= low <= high <= 1 and low - 1e-9 <= found.result <= high + 1e-9
    assert found.result == weighted_mean(scores, weights).value
    assert found.n == n and found.n_clusters == len(np.unique(clusters))
    if found.n_clusters < 6:
        assert found.standing is Standing.INCONCLUSIVE
    elif found.standing is Standing.PASSES:
        assert high <= threshold if is_lower_better else low >= threshold
    elif found.standing is Standing.FAILS:
        assert low > threshold if is_lower_better else high < threshold
    else:
        assert low <= threshold <= high
    # 1 − s is the same model seen from the other side.
    mirrored = against_threshold(
        1 - scores, 1 - threshold, weights=weights, clusters=clusters, higher_is_better=is_lower_better
    )
    assert mirrored.interval == pytest.approx((1 - high, 1 - low), abs=1e-9)


@given(st.integers(7, 200), seeds)
def test_range_and_order(n: int, seed: int) -> None:
    """Scores in another unit give the interval in that unit; a row without a score or a weight changes nothing."""
    rng = np.random.default_rng(seed)
    scores, weights = rng.beta(5, 2, n), rng.uniform(0.1, 1, n)
    found = against_threshold(scores, 0.5, weights=weights)
    scaled = against_threshold(20 * scores - 10, 0.0, weights=weights * 8, score_range=(-10, 10))
    assert scaled.interval == pytest.approx([20 * end - 10 for end in found.interval], abs=1e-8)
    more = against_threshold([*scores, math.nan, 0.3], 0.5, weights=[*weights, 1.0, 0.0])
    assert more == found
    assert found.n_effective == pytest.approx(weights.sum() ** 2 / (weights**2).sum())


def test_independent_binary_scores_have_wilsons_interval() -> None:
    """The textbook's formula, with Student's quantile."""
    scores = np.repeat([1.0, 0.0], [70, 30])
    found = against_threshold(scores, 0.5)
    n, z = 100 * 99 / 100, stats.t.ppf(0.975, 99)  # the standard error is that of n − 1
    low, high = (
        (0.7 + z * z / (2 * n) + sign * z * math.sqrt(0.21 / n + z * z / (4 * n * n))) / (1 + z * z / n)
        for sign in (-1, 1)
    )
    assert found.method == "wilson" and found.interval == pytest.approx((low, high), abs=1e-9)
    assert found.standard_error == pytest.approx(stats.sem(scores), rel=1e-9)


def test_copies_in_a_cluster_say_nothing_new() -> None:
    """Every score ten times over, in one cluster, is the same evidence as once."""
    rng = np.random.default_rng(1)
    for scores in ((rng.uniform(size=60) < 0.8) * 1.0, rng.beta(5, 2, 60), rng.beta(5, 2, 300)):
        once = against_threshold(scores, 0.5)
        tenfold = against_threshold(np.tile(scores, 10), 0.5, clusters=np.tile(np.arange(len(scores)), 10))
        assert tenfold.interval == pytest.approx(once.interval, abs=1e-9)


def test_nothing_missed_is_not_certainty() -> None:
    """Twenty right answers of twenty leave room for one failure in seven; equal copies of them do not fill it."""
    assert against_threshold(np.ones(20), 0.9).standing is Standing.INCONCLUSIVE
    assert against_threshold(np.ones(20), 0.8).standing is Standing.PASSES
    copies = against_threshold(np.ones(2000), 0.9, clusters=np.arange(2000) % 20)
    assert copies.standing is Standing.INCONCLUSIVE
    assert against_threshold(np.full(20, 0.99), 0.9).standing is Standing.INCONCLUSIVE
    assert against_threshold([], 0.5).method == "none" and math.isnan(against_threshold([], 0.5).result)
    assert against_threshold([1.0, 1.0], 0.5, clusters=[1, 1]).interval == (0.0, 1.0)


@pytest.mark.parametrize("tiny", [1e-10, 1e-17, 1e-160, 1e-300, 5e-324])
def test_one_cluster_that_has_all_the_weight_proves_nothing(tiny: float) -> None:
    """However many others there are beside it, and whatever their scores."""
    for scores in ([0.9] + [0.1] * 8, [1] + [0] * 8, [0] + [1] * 8, [1] * 9, [0.5] + [0.3] * 199):
        found = against_threshold(scores, 0.2, weights=[1] + [tiny] * (len(scores) - 1))
        assert found.standing is Standing.INCONCLUSIVE and 0 <= found.interval.low < found.interval.high <= 1
    half = against_threshold([0, 1, 1, 0, 0, 1, 0], 0.2, weights=[1, 1, 1e-160, 1e-16, 5e-324, 0.3, 0.3])
    assert half.standing is Standing.INCONCLUSIVE


@pytest.mark.parametrize("shape", [(1.0, 1.0), (10.0, 10.0)])
def test_many_clusters_are_not_wasted(shape: tuple[float, float]) -> None:
    """Of a thousand clusters the interval is at most a third wider than Student's."""
    scores = np.random.default_rng(2).beta(*shape, 1000)
    low, high = against_threshold(scores, 0.5).interval
    assert high - low <= 1.35 * 2 * stats.t.ppf(0.975, 999) * stats.sem(scores)


def simulated_scores(rng: np.random.Generator, scenes: np.ndarray[Any, Any], icc: float, kind: str, mean: float) -> Any:
    """Scores whose expectation is the mean, of members that resemble each other in a scene."""
    n_scenes = int(scenes[-1]) + 1
    latent = rng.normal(0, icc**0.5, n_scenes)[scenes] + rng.normal(0, (1 - icc) ** 0.5, len(scenes))
    share = stats.norm.cdf(latent)
    return (share > 1 - mean) * 1.0 if kind == "binary" else np.where(share < 1 - mean, 0.0, 0.9) / 0.9 * 0.95


@pytest.mark.parametrize(
    ("n_scenes", "size", "spread", "icc", "kind", "mean"),
    [
        (20, 1, 0.0, 0.0, "binary", 0.99),
        (20, 20, 0.0, 0.5, "binary", 0.9),
        (50, 20, 1.5, 0.5, "binary", 0.99),
        (100, 20, 1.0, 0.5, "binary", 0.5),
        (30, 1, 0.0, 0.0, "rare failures", 0.97),
        (150, 1, 0.0, 0.0, "rare failures", 0.98),
        (300, 5, 0.5, 0.3, "rare failures", 0.99),
    ],
)
def test_coverage(n_scenes: int, size: int, spread: float, icc: float, kind: str, mean: float) -> None:
    """The interval holds the true mean nine times in ten and more, where a t interval does not: 300 runs, fixed seeds."""
    rng = np.random.default_rng(n_scenes)
    truth = mean if kind == "binary" else mean * 0.95
    n_covered = 0
    for _ in range(300):
        sizes = np.maximum(1, np.rint(size * np.exp(rng.normal(0, spread, n_scenes) - spread**2 / 2))).astype(int)
        scenes = np.repeat(np.arange(n_scenes), sizes)
        scores = simulated_scores(rng, scenes, icc, kind, mean)
        low, high = against_threshold(scores, 0.5, weights=rng.uniform(0.2, 1, len(scenes)), clusters=scenes).interval
        n_covered += low <= truth <= high
    assert n_covered / 300 >= 0.91  # 94 % less two and a half standard errors


def test_bad_arguments() -> None:
    """Scores outside of their range, and settings that mean nothing, are refused."""
    for arguments in (
        {"scores": [1.5]},
        {"threshold": math.nan},
        {"alpha": 1.0},
        {"score_range": (1.0, 0.0)},
        {"score_range": (0.0, math.inf)},
        {"weights": [-1.0]},
        {"clusters": ["a", "b"]},
    ):
        with pytest.raises(KernelInputError, match="expected"):
            against_threshold(**({"scores": [0.5], "threshold": 0.5} | arguments))  # type: ignore[arg-type]
