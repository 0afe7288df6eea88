"""Comparing two models: exact where it can be, the same in any order, and never at odds with itself."""

from __future__ import annotations

import itertools
import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from statsmodels.regression.linear_model import WLS

from nucleus_metrics import (
    KernelInputError,
    Verdict,
    benjamini_hochberg,
    clusters_needed,
    compare,
    holm,
    with_missing_scores,
)
from nucleus_metrics.student import t_quantile

thirtieths = st.integers(0, 30)
pairs = st.lists(st.tuples(thirtieths, thirtieths), min_size=1, max_size=11)


def exact_p(differences: list[Fraction]) -> Fraction:
    """Two-sided, over all sign vectors, in fractions."""
    observed = abs(sum(differences))
    signs = itertools.product((1, -1), repeat=len(differences))
    hits = [abs(sum(s * d for s, d in zip(vector, differences, strict=True))) >= observed for vector in signs]
    return Fraction(sum(hits), len(hits))


def test_fisher_on_darwins_plants() -> None:
    """The textbook: fifteen pairs of plants, 863 of 16,384 one-sided sums reach the observed one."""
    differences = [49, -67, 8, 16, 6, 23, 28, 41, 14, 29, 56, 24, 75, 60, -48]
    found = compare(np.zeros(15), differences)
    assert found.p_value == 2 * 863 / 2**15
    assert found.delta == pytest.approx(np.mean(differences), rel=1e-15)
    assert found.standard_error == pytest.approx(stats.sem(differences), rel=1e-12)


@given(st.integers(2, 40), st.integers(0, 2**32))
def test_standard_error_is_that_of_a_clustered_regression(n_clusters: int, seed: int) -> None:
    """The weighted differences regressed on a constant: its cluster-robust error, with the factor G / (G − 1)."""
    rng = np.random.default_rng(seed)
    clusters = np.concatenate([np.arange(n_clusters), rng.integers(0, n_clusters, 60)])
    a, b = rng.normal(size=(2, len(clusters)))
    weights = rng.uniform(0.1, 1, len(clusters))
    fit = WLS(b - a, np.ones(len(clusters)), weights).fit(cov_type="cluster", cov_kwds={"groups": clusters})
    found = compare(a, b, weights=weights, clusters=clusters)
    assert found.delta == pytest.approx(fit.params[0], rel=1e-9, abs=1e-12)
    assert found.standard_error == pytest.approx(fit.bse[0], rel=1e-9)


@given(pairs)
def test_p_is_exact_with_ties(scores: list[tuple[int, int]]) -> None:
    """Ties that are exact in thirtieths are ties, although no thirtieth is a float64."""
    a, b = ([row[i] / 30 for row in scores] for i in (0, 1))
    expected = exact_p([Fraction(y - x, 30) for x, y in scores])
    assert compare(a, b).p_value == float(expected)


@given(pairs, st.randoms(use_true_random=False), st.integers(-40, 40))
def test_order_and_scale_change_nothing(scores: list[tuple[int, int]], random: object, power: int) -> None:
    """Not a bit of p or the interval by the order of members; a power of two scales the interval and keeps p."""
    rows = list(enumerate(scores))
    random.shuffle(rows)  # type: ignore[attr-defined]
    columns = np.array([(x / 30, y / 30, (i % 3 + 1) / 4, i % 4) for i, (x, y) in enumerate(scores)])
    a, b, w, c = columns.T
    found = compare(a, b, weights=w, clusters=c)
    order = [i for i, _ in rows]
    assert compare(a[order], b[order], weights=w[order], clusters=c[order])[:5] == found[:5]
    factor = 2.0**power
    scaled = compare(a * factor, b * factor, weights=w * factor, clusters=c)
    assert scaled.p_value == found.p_value
    assert scaled.interval == pytest.approx((found.interval.low * factor, found.interval.high * factor), rel=1e-12)


@given(st.integers(1, 60), st.integers(0, 2**32), st.sampled_from([0.0, 0.3, 1.0]), st.booleans())
def test_never_at_odds_with_itself(n_clusters: int, seed: int, shift: float, is_lower_better: bool) -> None:
    """0 is outside the interval just if p is at most alpha; the other way round everything is mirrored."""
    rng = np.random.default_rng(seed)
    clusters = rng.integers(0, n_clusters, 80)
    a = rng.normal(0, 1, 80)
    b = a + rng.normal(shift, 1, 80)
    w = rng.uniform(0, 1, 80)
    found = compare(a, b, weights=w, clusters=clusters, higher_is_better=not is_lower_better)
    assert (found.p_value <= 0.05) == (not found.interval.low <= 0 <= found.interval.high)
    assert found.interval.low <= found.delta <= found.interval.high
    mirrored = compare(b, a, weights=w, clusters=clusters, higher_is_better=is_lower_better)
    assert mirrored.p_value == found.p_value and mirrored.delta == -found.delta
    assert mirrored.interval == (-found.interval.high, -found.interval.low)
    if found.verdict in (Verdict.BETTER, Verdict.WORSE):
        assert mirrored.verdict is found.verdict
        is_up = found.delta > 0
        assert (found.verdict is Verdict.BETTER) == (is_up != is_lower_better)
    if found.n_clusters < 6:
        assert found.verdict is Verdict.TOO_FEW_CLUSTERS


def test_equal_scores() -> None:
    """No difference, p of 1, an interval of one point: equivalent, and non-inferior by any margin."""
    scores = np.linspace(0, 1, 100)
    found = compare(scores, scores)
    assert (found.delta, found.p_value, found.interval, found.verdict) == (0.0, 1.0, (0.0, 0.0), Verdict.EQUIVALENT)
    assert found.is_non_inferior


def test_margin() -> None:
    """A small certain difference is equivalent within a margin that holds its interval, and non-inferior."""
    a = np.linspace(0, 1, 200)
    b = a - 0.01 - 0.002 * np.sin(np.arange(200))
    found, within = compare(a, b), compare(a, b, margin=0.02)
    assert found.verdict is Verdict.WORSE and not found.is_non_inferior
    assert within.verdict is Verdict.EQUIVALENT and within.is_non_inferior
    assert compare(b, a, margin=0.02, higher_is_better=False).is_non_inferior


def test_an_end_at_the_margin_is_not_within_it() -> None:
    """Scores in thirtieths that are all worse by just the margin: which side float64 rounds the end to decides nothing."""
    a = np.arange(8) / 30 + 0.1
    for steps in range(1, 9):
        b = (np.arange(8) - steps) / 30 + 0.1
        assert not compare(a, b, margin=steps / 30).is_non_inferior
        assert not compare(b, a, margin=steps / 30, higher_is_better=False).is_non_inferior
        assert compare(a, b, margin=steps / 30 + 1e-6).is_non_inferior


def test_members_without_a_score() -> None:
    """Only members with both scores count; leaving out the candidate's worst cannot look better than scoring them low."""
    rng = np.random.default_rng(1)
    a = rng.uniform(0.4, 0.9, 300)
    b = np.clip(a + rng.normal(0, 0.1, 300), 0, 1)
    hidden = np.where(b <= np.quantile(b, 0.1), np.nan, b)
    found = compare(a, hidden)
    assert (found.n, found.n_left_out) == (270, 30)
    worst, best = with_missing_scores(a, hidden, (0, 1))
    assert worst.n == best.n == 300 and worst.delta < compare(a, b).delta < best.delta
    assert worst.verdict is Verdict.WORSE
    low, high = with_missing_scores(a, hidden, (0, 1), higher_is_better=False)
    assert (low.delta, high.delta) == (best.delta, worst.delta)


@given(
    st.integers(60, 200), st.integers(0, 2**32), st.sampled_from([-0.05, 0.0, 0.05]), st.sampled_from([0.0, 0.02, 0.1])
)
def test_leaving_out_the_worst_never_helps(n: int, seed: int, shift: float, margin: float) -> None:
    """The worst tenth left out: the worst case is non-inferior or better only where all of the data are."""
    rng = np.random.default_rng(seed)
    a = rng.uniform(0.2, 0.8, n)
    b = np.clip(a + rng.normal(shift, 0.1, n), 0, 1)
    clusters = rng.integers(0, n // 3, n)
    for higher_is_better in (True, False):
        order = np.argsort(b if higher_is_better else -b)
        hidden = b.copy()
        hidden[order[: n // 10]] = np.nan
        arguments = {"clusters": clusters, "margin": margin, "higher_is_better": higher_is_better}
        full = compare(a, b, **arguments)  # type: ignore[arg-type]
        worst, _ = with_missing_scores(a, hidden, (0, 1), **arguments)
        sign = 1 if higher_is_better else -1
        assert sign * worst.delta <= sign * full.delta + 1e-12
        assert full.is_non_inferior or not worst.is_non_inferior
        assert full.verdict is Verdict.BETTER or worst.verdict is not Verdict.BETTER


def test_nothing_missing_is_compared_once() -> None:
    """Both bounds are then the comparison itself."""
    a, b = np.random.default_rng(1).uniform(size=(2, 50))
    worst, best = with_missing_scores(a, b, (0, 1))
    assert worst is best and worst == compare(a, b)


@pytest.mark.parametrize(("n", "expected"), [(0, Verdict.TOO_FEW_CLUSTERS), (1, Verdict.TOO_FEW_CLUSTERS)])
def test_next_to_nothing(n: int, expected: Verdict) -> None:
    """One cluster or none says nothing, and nothing is made up."""
    found = compare(np.zeros(n), np.ones(n))
    assert found.verdict is expected and not found.is_non_inferior
    assert math.isnan(found.standard_error) and clusters_needed(found, 0.1) is None
    assert compare([0.5], [0.7], weights=[0.0]).n == 0


def test_more_clusters_than_groups() -> None:
    """Thousands of clusters are dealt into groups, the same ones for the same seed; a clear difference is found."""
    rng = np.random.default_rng(2)
    clusters = rng.integers(0, 3000, 9000)
    a = rng.uniform(0, 1, 9000)
    b = a + rng.normal(0, 0.2, 9000)
    found = compare(a, b, clusters=clusters)
    assert found.n_clusters == len(set(clusters.tolist())) and found.verdict is Verdict.INCONCLUSIVE
    assert compare(a, b, clusters=clusters.astype(str)).verdict is Verdict.INCONCLUSIVE
    assert compare(a, b, clusters=clusters) == found
    better = compare(a, b + 0.02, clusters=clusters)
    # At its floor p is a bound of a millionth, which leaves hundreds of tests room for an adjustment.
    assert better.verdict is Verdict.BETTER and better.p_value == 1e-6
    assert better.is_p_bound and better.n_draws == 9_999


def test_power() -> None:
    """As many clusters as are needed detect the effect that they were asked for."""
    rng = np.random.default_rng(3)
    a = rng.uniform(0, 1, 50)
    found = compare(a, a + rng.normal(0, 0.2, 50))
    assert clusters_needed(found, found.minimum_detectable_effect) == 50
    n = clusters_needed(found, found.minimum_detectable_effect / 2)
    assert n is not None and 180 < n < 200
    assert clusters_needed(found, 10.0) == 6
    assert clusters_needed(found, 1e-300) is None


@pytest.mark.parametrize(("row", "n_scenes", "size", "spread"), [(4, 8, 20, 0.0), (5, 8, 20, 1.0), (6, 12, 20, 1.5)])
def test_false_alarms(row: int, n_scenes: int, size: int, spread: float) -> None:
    """Two equal models whose items come in few scenes of unequal sizes: about one in twenty is called different."""
    rng = np.random.default_rng(row)
    n_runs, n_alarms = 600, 0
    for _ in range(n_runs):
        sizes = np.maximum(1, np.rint(size * np.exp(rng.normal(0, spread, n_scenes) - spread**2 / 2))).astype(int)
        scenes = np.repeat(np.arange(n_scenes), sizes)
        item = rng.normal(0, 0.6**0.5, len(scenes))
        a, b = (
            stats.norm.cdf(item + rng.normal(0, 0.2**0.5, n_scenes)[scenes] + rng.normal(0, 0.2**0.5, len(scenes)))
            for _ in range(2)
        )
        n_alarms += compare(a, b, weights=rng.uniform(0.2, 1, len(scenes)), clusters=scenes).p_value <= 0.05
    assert n_alarms / n_runs <= 0.075  # 5 % and two standard errors of 600 runs


@given(st.lists(st.floats(0, 1), max_size=30))
def test_adjusted_p_values(p_values: list[float]) -> None:
    """As scipy's; Holm's by its definition; never below the p value itself."""
    adjusted = benjamini_hochberg(p_values)
    if p_values:
        assert adjusted == pytest.approx(stats.false_discovery_control(p_values), rel=1e-12)
    held = holm(p_values)
    order = np.argsort(p_values, kind="stable")
    largest = 0.0
    for rank, i in enumerate(order):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[i]))
        assert held[i] == pytest.approx(largest, rel=1e-12)
    assert (adjusted >= np.array(p_values) - 1e-15).all() and (held >= adjusted - 1e-12).all()
    assert np.isnan(benjamini_hochberg([0.5, math.nan])[1])


@given(st.floats(0.001, 0.9999), st.integers(1, 5000))
def test_students_quantiles(probability: float, degrees_of_freedom: int) -> None:
    """As scipy's, to nine digits."""
    expected = stats.t.ppf(probability, degrees_of_freedom)
    assert t_quantile(probability, degrees_of_freedom) == pytest.approx(expected, rel=1e-8, abs=1e-12)


def test_bad_arguments() -> None:
    """Shapes, infinities, weights and settings that mean nothing are refused."""
    for arguments in (
        {"candidate": [0.1]},
        {"candidate": [0.1, math.inf]},
        {"weights": [1.0, -1.0]},
        {"weights": [1.0, math.nan]},
        {"clusters": ["a"]},
        {"margin": -0.1},
        {"alpha": 0.0},
    ):
        with pytest.raises(KernelInputError, match="expected"):
            compare(**({"baseline": [0.1, 0.2], "candidate": [0.1, 0.2]} | arguments))
    with pytest.raises(KernelInputError):
        holm([1.5])
