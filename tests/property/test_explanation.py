"""What a difference is made of: parts that add up, whatever was scored."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nucleus_metrics import KernelInputError, compare, contributions, decompose, grouped_contributions, weighted_mean

seeds = st.integers(0, 2**32)
powers = st.integers(-60, 60)


def made_up(rng: np.random.Generator, n: int, power: int) -> tuple[np.ndarray, ...]:
    """Two models' scores, some of them missing, weights, some of them 0, and labels."""
    a, b = rng.normal(size=(2, n)) * 2.0**power
    a[rng.uniform(size=n) < 0.1] = np.nan
    b[rng.uniform(size=n) < 0.1] = np.nan
    w = rng.uniform(size=n) * (rng.uniform(size=n) > 0.1)
    return a, b, w, rng.integers(0, 6, n)


@given(st.integers(1, 300), seeds, powers)
def test_contributions_add_up(n: int, seed: int, power: int) -> None:
    """To the difference of the comparison; NaN just where a score is missing; each is w(b−a) / Σ w."""
    a, b, w, _ = made_up(np.random.default_rng(seed), n, power)
    parts = contributions(a, b, weights=w)
    is_both = ~np.isnan(a) & ~np.isnan(b)
    if not w[is_both].any():
        assert np.isnan(parts).all()
        return
    assert (np.isnan(parts) == ~is_both).all()
    expected = w[is_both] * (b - a)[is_both] / w[is_both].sum()
    scale = np.abs(expected).sum()
    assert parts[is_both] == pytest.approx(expected, rel=1e-9, abs=1e-13 * scale)
    assert parts[is_both].sum() == pytest.approx(compare(a, b, weights=w).delta, rel=0, abs=1e-12 * max(scale, 1e-300))


@given(st.integers(1, 300), seeds, powers)
def test_groups_add_up_exactly(n: int, seed: int, power: int) -> None:
    """Groups, and members in any order, have one sum, to the bit."""
    rng = np.random.default_rng(seed)
    a, b, w, labels = made_up(rng, n, power)
    found = grouped_contributions([f"group {label}" for label in labels], a, b, weights=w)
    parts = contributions(a, b, weights=w)
    is_both = ~np.isnan(a) & ~np.isnan(b)
    assert found.n.sum() == is_both.sum()
    assert found.groups.tolist() == sorted({f"group {label}" for label in labels[is_both]})
    if w[is_both].any():
        present = parts[is_both]
        assert found.contributions.sum() == present.sum() == rng.permutation(present).sum() == math.fsum(present)
    order = rng.permutation(n)
    assert np.array_equal(contributions(a[order], b[order], weights=w[order]), parts[order], equal_nan=True)


def test_a_million_members_add_up() -> None:
    """The sum of a million contributions is the difference to 1e-12."""
    rng = np.random.default_rng(1)
    a, b, w = rng.uniform(size=(3, 1_000_000))
    assert abs(contributions(a, b, weights=w).sum() - compare(a, b, weights=w).delta) <= 1e-12


@given(st.integers(1, 200), seeds)
def test_decomposition_adds_up(n: int, seed: int) -> None:
    """Mix and quality sum to the difference of the two results, also with groups that one model lacks."""
    rng = np.random.default_rng(seed)
    a, b, w_a, labels = made_up(rng, n, 0)
    w_b = rng.uniform(size=n)
    a[labels == 4], b[labels == 5] = np.nan, np.nan
    found = decompose(labels, a, b, w_a, w_b)
    result_a, result_b = weighted_mean(a, w_a).value, weighted_mean(b, w_b).value
    if math.isnan(result_a) or math.isnan(result_b):
        assert np.isnan(found.mix).all() and np.isnan(found.quality).all() and math.isnan(found.difference)
        return
    assert found.difference == result_b - result_a
    assert found.mix.sum() + found.quality.sum() == pytest.approx(result_b - result_a, rel=0, abs=1e-12)
    assert found.baseline_share.sum() == pytest.approx(1) and found.candidate_share.sum() == pytest.approx(1)
    is_alone = np.isnan(found.baseline_mean) | np.isnan(found.candidate_mean)
    assert (found.quality[is_alone] == 0).all()
    back = decompose(labels, b, a, w_b, w_a)
    assert back.groups.tolist() == found.groups.tolist()
    assert back.mix == pytest.approx(-found.mix, abs=1e-12) and back.quality == pytest.approx(-found.quality, abs=1e-12)


def test_decomposition_by_hand() -> None:
    """The same members: all is quality. The same means on other shares: all is mix. A new group of average quality: nothing."""
    labels = ["easy", "easy", "hard", "hard"]
    same = decompose(labels, [0.8, 0.9, 0.3, 0.5], [0.9, 1.0, 0.3, 0.5])
    assert same.mix.tolist() == [0.0, 0.0] and same.quality == pytest.approx([0.05, 0.0])
    # The baseline is on 3 easy and 1 hard, the candidate on 1 easy and 3 hard, at 1.0 and 0.5 each.
    labels = ["easy"] * 4 + ["hard"] * 4
    a = [1.0, 1.0, 1.0, np.nan, 0.5, np.nan, np.nan, np.nan]
    b = [np.nan, np.nan, np.nan, 1.0, np.nan, 0.5, 0.5, 0.5]
    moved = decompose(labels, a, b)
    assert moved.difference == -0.25 and moved.quality.tolist() == [0.0, 0.0] and moved.mix.tolist() == [-0.125, -0.125]
    grown = decompose(["old", "new"], [0.6, np.nan], [0.6, 0.6])
    assert grown.groups.tolist() == ["new", "old"] and grown.difference == 0.0
    assert grown.mix == pytest.approx([0.0, 0.0], abs=1e-15) and math.isnan(grown.baseline_mean[0])


def test_bad_arguments() -> None:
    """Columns that do not fit are refused; nothing at all is an empty answer."""
    with pytest.raises(KernelInputError, match="lengths"):
        contributions([0.1, 0.2], [0.1])
    with pytest.raises(KernelInputError, match="lengths"):
        grouped_contributions(["a"], [0.1, 0.2], [0.1, 0.2])
    with pytest.raises(KernelInputError, match="weights"):
        decompose(["a"], [0.1], [0.1], candidate_weights=[-1.0])
    assert len(decompose([], [], []).groups) == len(grouped_contributions([], [], []).groups) == 0
