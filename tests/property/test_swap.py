"""Metrics that are no means: swapped outputs, the exact p, and an interval that says how it was made."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nucleus_metrics import KernelInputError, Verdict, compare, compare_metric, compare_ratios

Counts = tuple[int, int]
counts = st.tuples(st.integers(0, 6), st.integers(0, 6)).map(lambda pair: (min(pair), max(pair)))
outputs = st.lists(st.tuples(counts, counts), min_size=1, max_size=8)
seeds = st.integers(0, 2**32)


def precision(clusters: Sequence[Counts]) -> float:
    """Σ N / Σ D, or NaN."""
    found = sum(d for _, d in clusters)
    return sum(n for n, _ in clusters) / found if found else math.nan


def brute_force_p(rows: list[tuple[Counts, Counts]]) -> float:
    """The share of swaps, in fractions, that reach the observed difference; those without a ratio do."""

    def difference(swaps: Sequence[bool]) -> Fraction | None:
        pairs = [(b, a) if swap else (a, b) for (a, b), swap in zip(rows, swaps)]
        sums = [sum(pair[model][k] for pair in pairs) for model in (0, 1) for k in (0, 1)]
        return None if sums[1] == 0 or sums[3] == 0 else Fraction(sums[2], sums[3]) - Fraction(sums[0], sums[1])

    observed = difference([False] * len(rows))
    if observed is None:
        return 1.0
    found = [difference(swaps) for swaps in itertools.product((False, True), repeat=len(rows))]
    return sum(x is None or abs(x) >= abs(observed) for x in found) / len(found)


@given(outputs)
def test_p_is_the_enumerated_one(rows: list[tuple[Counts, Counts]]) -> None:
    """In fractions, with their ties; for ratios, and for the same ratio as any metric."""
    columns = np.array(rows, dtype=float).reshape(len(rows), 4).T
    found = compare_ratios(*columns)
    assert found.p_value == pytest.approx(brute_force_p(rows), rel=1e-12) and found.n_draws == 0
    by_metric = compare_metric(precision, [a for a, _ in rows], [b for _, b in rows])
    assert by_metric.p_value == pytest.approx(found.p_value, rel=1e-12)
    assert by_metric.delta == pytest.approx(found.delta, abs=1e-12, nan_ok=True)
    assert (by_metric.interval_method, found.interval_method) == ("cluster bootstrap", "inverted swap test")


@given(st.integers(1, 60), seeds, st.sampled_from([0.0, 0.1, 0.3]))
def test_symmetric_and_never_at_odds(n: int, seed: int, shift: float) -> None:
    """The models exchanged, everything is mirrored; 0 is outside of the interval just if p is at most alpha."""
    rng = np.random.default_rng(seed)
    d_a, d_b = rng.integers(0, 9, (2, n))
    n_a, n_b = rng.binomial(d_a, 0.6), rng.binomial(d_b, 0.6 + shift)
    found = compare_ratios(n_a, d_a, n_b, d_b)
    back = compare_ratios(n_b, d_b, n_a, d_a, higher_is_better=False)
    if math.isnan(found.delta):
        assert found.p_value == 1 and found.interval == (-math.inf, math.inf)
        return
    assert found.interval.low - 1e-12 <= found.delta <= found.interval.high + 1e-12
    assert (found.p_value <= 0.05) == (not found.interval.low <= 0 <= found.interval.high)
    assert back.p_value == found.p_value and back.delta == -found.delta and back.verdict == found.verdict
    assert back.interval == pytest.approx((-found.interval.high, -found.interval.low), abs=1e-9)


@given(st.integers(1, 40), seeds)
def test_the_interval_is_what_the_test_does_not_reject(n: int, seed: int) -> None:
    """With the candidate's ratio taken down by θ, p is above alpha inside of the interval and at most alpha outside."""
    rng = np.random.default_rng(seed)
    d_a, d_b = rng.integers(1, 9, (2, n))
    n_a, n_b = rng.binomial(d_a, 0.6), rng.binomial(d_b, 0.7)
    low, high = compare_ratios(n_a, d_a, n_b, d_b).interval
    for theta in (low - 0.01, low + 0.01, (low + high) / 2, high - 0.01, high + 0.01):
        if math.isfinite(theta) and min(abs(theta - low), abs(theta - high)) > 1e-9:
            p_value = compare_ratios(n_a, d_a, n_b - theta * d_b, d_b).p_value
            assert (p_value > 0.05) == (low <= theta <= high)


@given(st.integers(1, 60), seeds)
def test_equal_denominators_are_weights(n: int, seed: int) -> None:
    """Then a pooled ratio is a weighted mean, and the comparison is `compare`."""
    rng = np.random.default_rng(seed)
    d = rng.integers(1, 9, n).astype(float)
    n_a, n_b = rng.binomial(d.astype(int), 0.5), rng.binomial(d.astype(int), 0.6)
    clusters = rng.integers(0, 40, n)
    found = compare_ratios(n_a, d, n_b, d, clusters=clusters)
    mean = compare(n_a / d, n_b / d, weights=d, clusters=clusters)
    assert found.delta == pytest.approx(mean.delta, abs=1e-12) and found.n_clusters == mean.n_clusters
    assert found.interval == pytest.approx(mean.interval, abs=1e-9)
    assert found.p_value == pytest.approx(mean.p_value, rel=1e-9)


def test_equal_models() -> None:
    """No difference, p of 1, an interval of one point, by both ways."""
    rng = np.random.default_rng(1)
    d = rng.integers(1, 9, 30)
    n = rng.binomial(d, 0.5)
    rows = list(zip(n.tolist(), d.tolist()))
    for found in (compare_ratios(n, d, n, d), compare_metric(precision, rows, rows, n_draws=199)):
        assert (found.delta, found.p_value, found.interval) == (0.0, 1.0, (0.0, 0.0))
        assert found.verdict is Verdict.EQUIVALENT


def test_drawn_swaps() -> None:
    """More than 1,024 clusters, and a metric with drawn swaps, find a clear difference, the same for the same seed."""
    rng = np.random.default_rng(2)
    d_a, d_b = rng.integers(1, 5, (2, 4000))
    n_a, n_b = rng.binomial(d_a, 0.6), rng.binomial(d_b, 0.66)
    found = compare_ratios(n_a, d_a, n_b, d_b, clusters=np.arange(4000) // 2)
    assert found.verdict is Verdict.BETTER and found.n_clusters == 2000 and found.p_value <= 1e-4
    assert found == compare_ratios(n_a, d_a, n_b, d_b, clusters=np.arange(4000) // 2)
    a, b = list(zip(n_a[:40].tolist(), d_a[:40].tolist())), list(zip(d_b[:40].tolist(), d_b[:40].tolist()))
    by_metric = compare_metric(precision, a, b, n_draws=499)
    assert by_metric.verdict is Verdict.BETTER and by_metric.p_value == 1 / 500 and by_metric.n_draws == 499
    assert compare_metric(precision, b, a, n_draws=499, higher_is_better=False).verdict is Verdict.BETTER


def test_left_out_and_undefined() -> None:
    """Members without numbers are left out; a model without predictions has no precision, and nothing is concluded."""
    nan = math.nan
    found = compare_ratios([1, 2, nan, 1], [2, 3, 4, 2], [1, 1, 1, nan], [1, 2, 2, 1])
    assert (found.n, found.n_left_out, found.n_clusters) == (2, 2, 2) and found.verdict is Verdict.TOO_FEW_CLUSTERS
    nothing = compare_ratios([1] * 9, [2] * 9, [0] * 9, [0] * 9)
    assert math.isnan(nothing.delta) and nothing.p_value == 1 and nothing.verdict is Verdict.INCONCLUSIVE
    assert compare_ratios([], [], [], []).verdict is Verdict.TOO_FEW_CLUSTERS
    assert compare_metric(precision, [], []).verdict is Verdict.TOO_FEW_CLUSTERS


def test_level() -> None:
    """Two equal detectors in few scenes of unequal sizes are called different about one time in twenty: 400 runs."""
    rng = np.random.default_rng(3)
    n_alarms = n_covered = 0
    for _ in range(400):
        sizes = np.maximum(1, np.rint(12 * np.exp(rng.normal(-0.5, 1, 14)))).astype(int)
        quality = np.clip(0.7 + rng.normal(0, 0.15, (2, 14)), 0.05, 0.95)
        d_a, d_b = rng.poisson(sizes * rng.uniform(0.5, 1.5, 14), (2, 14)) + 1
        found = compare_ratios(rng.binomial(d_a, quality[0]), d_a, rng.binomial(d_b, quality[1]), d_b)
        n_alarms += found.p_value <= 0.05
        n_covered += found.interval.low <= 0 <= found.interval.high
    assert n_alarms / 400 <= 0.08 and n_alarms + n_covered == 400


def test_bad_arguments() -> None:
    """What means nothing is refused."""
    with pytest.raises(KernelInputError, match="lengths"):
        compare_ratios([1], [1], [1, 1], [1, 1])
    with pytest.raises(KernelInputError, match="denominators"):
        compare_ratios([1], [1], [1], [-1])
    with pytest.raises(KernelInputError, match="alpha"):
        compare_ratios([1], [1], [1], [1], alpha=1.5)
    with pytest.raises(KernelInputError, match="clusters"):
        compare_metric(precision, [(1, 1)], [])
    with pytest.raises(KernelInputError, match="draws"):
        compare_metric(precision, [(1, 1)], [(1, 1)], n_draws=10)
    with pytest.raises(KernelInputError, match="finite"):
        compare_metric(lambda _: math.inf, [(1, 1)], [(1, 1)])
