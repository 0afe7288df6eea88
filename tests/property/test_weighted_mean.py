"""The weighted mean that every result is."""

from __future__ import annotations

import math
import random
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nucleus_metrics import KernelInputError, grouped_means, weighted_mean
from nucleus_metrics.aggregate import exact_sum

scores = st.floats(-1e6, 1e6, allow_subnormal=False)
weights = st.floats(0, 1, allow_subnormal=False)
rows = st.lists(st.tuples(scores, weights), min_size=1, max_size=60)


@given(rows, st.randoms(use_true_random=False))
def test_order_never_changes_a_bit(pairs: list[tuple[float, float]], shuffler: random.Random) -> None:
    """Any order of the same members gives the same float."""
    shuffled = list(pairs)
    shuffler.shuffle(shuffled)
    first, second = (weighted_mean(*map(np.array, zip(*p))) for p in (pairs, shuffled))
    assert first.value == second.value or (math.isnan(first.value) and math.isnan(second.value))
    assert first.weight_sum == second.weight_sum


@given(rows)
def test_equals_the_exact_value(pairs: list[tuple[float, float]]) -> None:
    """Within rounding of the products, the sum and the division: 1e-14 of the scores' magnitude."""
    mean = weighted_mean(*map(np.array, zip(*pairs)))
    total = sum((Fraction(w) for _, w in pairs), Fraction(0))
    if total == 0:
        assert math.isnan(mean.value)
        return
    exact = sum((Fraction(s) * Fraction(w) for s, w in pairs), Fraction(0)) / total
    assert abs(Fraction(mean.value) - exact) <= Fraction(1e-14) * (Fraction(mean.magnitude) + Fraction(1e-290))


@given(rows, st.integers(-20, 20))
def test_scale_of_weights_does_not_matter(pairs: list[tuple[float, float]], power: int) -> None:
    """All weights times a power of two change nothing."""
    s, w = map(np.array, zip(*[(s, max(w, 1e-3)) for s, w in pairs]))
    assert weighted_mean(s, w).value == weighted_mean(s, w * 2.0**power).value


@given(rows, st.integers(0, 5))
def test_missing_members_do_not_count(pairs: list[tuple[float, float]], n_missing: int) -> None:
    """NaN scores change neither the value nor the sum of weights."""
    s, w = map(np.array, zip(*pairs))
    padded = weighted_mean(np.append(s, [np.nan] * n_missing), np.append(w, [1.0] * n_missing))
    assert repr(padded) == repr(weighted_mean(s, w))


def test_small_numbers_do_not_vanish() -> None:
    """The product of a small score and a small weight may be below the smallest float; the mean is not."""
    assert weighted_mean(np.array([4e-184]), np.array([4e-184])).value == 4e-184
    mean = weighted_mean(np.array([1e-200, 3e-200]), np.array([1e-200, 1e-200]))
    assert mean.value == pytest.approx(2e-200, rel=1e-15)


def test_no_weights_means_ones() -> None:
    """The plain mean, summed exactly."""
    s = np.array([0.1] * 10)
    assert weighted_mean(s).value == weighted_mean(s, np.ones(10)).value == 0.1
    assert weighted_mean(s) == weighted_mean(s, np.ones(10))


def test_undefined_is_nan() -> None:
    """Nothing scored, or nothing but zero weights."""
    assert math.isnan(weighted_mean(np.array([])).value)
    assert math.isnan(weighted_mean(np.array([np.nan])).value)
    assert math.isnan(weighted_mean(np.array([1.0]), np.array([0.0])).value)


@pytest.mark.parametrize(
    ("s", "w"),
    [([1.0], [1.0, 2.0]), ([[1.0]], None), ([np.inf], None), ([1.0], [-1.0]), ([1.0], [np.nan]), ([1.0], [np.inf])],
)
def test_bad_arguments(s: list[float], w: list[float] | None) -> None:
    """Refused with what was expected."""
    with pytest.raises(KernelInputError, match="expected"):
        weighted_mean(np.array(s), None if w is None else np.array(w))


wide = st.floats(-1e300, 1e300) | st.just(math.nan)


@given(st.lists(st.tuples(wide, st.floats(0, 1), st.integers(0, 2)), max_size=40), st.booleans())
def test_groups_have_the_means_of_their_members(members: list[tuple[float, float, int]], is_weighted: bool) -> None:
    """Bit by bit what each group's own weighted mean is; a group without a score has none."""
    columns = np.array(members, dtype=np.float64).reshape(-1, 3)
    s, w, codes = columns[:, 0], columns[:, 1], columns[:, 2].astype(np.int64)
    means = grouped_means(s, codes, 4, w if is_weighted else None)
    for group in range(4):
        alone = weighted_mean(s[codes == group], w[codes == group] if is_weighted else None)
        assert repr(float(means.values[group])) == repr(alone.value)
        assert means.n_scored[group] == alone.n_scored


@pytest.mark.parametrize(
    ("s", "codes", "w"),
    [
        ([0.5, 0.5], [0], None),
        ([0.5], [0], [0.5, 0.5]),
        ([0.5], [2], None),
        ([0.5], [-1], None),
        ([math.inf], [0], None),
        ([0.5], [0], [-1.0]),
        ([0.5], [0], [math.nan]),
    ],
)
def test_groups_refuse_what_has_no_mean(s: list[float], codes: list[int], w: list[float] | None) -> None:
    """As a mean does, and codes that are none."""
    with pytest.raises(KernelInputError):
        grouped_means(np.array(s), np.array(codes), 2, None if w is None else np.array(w))


@given(st.lists(st.floats(-1e300, 1e300), max_size=60))
def test_exact_sum(values: list[float]) -> None:
    """To the bit what `math.fsum` gives, with the smallest and the largest numbers beside each other."""
    assert exact_sum(np.array(values)) == math.fsum(values)
