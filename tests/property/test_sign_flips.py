"""Sign vectors, their sums by look-up, and how many of them a decision gets."""

from __future__ import annotations

import itertools
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from nucleus_metrics import KernelInputError, Verdict, compare
from nucleus_metrics.sign_flip import plausible
from nucleus_metrics.signs import all_sums, drawn_sums, flipped, largest_p

totals = st.lists(st.integers(-(2**40), 2**40), min_size=1, max_size=9)


def plain_sums(values: NDArray[np.float64], n_draws: int, seed: int) -> NDArray[np.float64]:
    """Σ s·values by the definition: a set bit of the generator's words flips, the least significant one first."""
    n_words = -(-len(values) // 64)
    words = np.random.PCG64(seed).random_raw(n_draws * n_words).reshape(n_draws, n_words)
    octets = words.astype("<u8").view(np.uint8)
    bits = np.unpackbits(octets, axis=1, bitorder="little")[:, : len(values)].astype(float)
    return np.asarray((1 - 2 * bits) @ values)


@given(st.integers(1, 200), st.integers(0, 2**32))
def test_looked_up_sums_are_the_sums(n_groups: int, seed: int) -> None:
    """Bit for bit those of whole vectors, for any number of groups; a longer list begins with a shorter one."""
    rng = np.random.default_rng(seed)
    differences, weights = (np.rint(rng.normal(size=n_groups) * 2**36) for _ in range(2))
    found = drawn_sums(differences, weights, 300, seed)
    assert found.differences[0] == differences.sum() and found.weights[0] == weights.sum()
    assert (found.differences[1:] == plain_sums(differences, 300, seed)).all()
    assert (found.weights[1:] == plain_sums(weights, 300, seed)).all()
    assert (flipped(weights, 100, 250, seed) == found.weights[101:251]).all()


def test_streamed_draws_are_the_same() -> None:
    """Draws that are too many to be kept in memory continue those that are kept."""
    values = np.rint(np.random.default_rng(1).normal(size=1024) * 2**36)
    found = flipped(values, 0, 160_000, seed=3)
    assert (found[150_000:] == flipped(values, 150_000, 160_000, seed=3)).all()
    assert (found[:500] == plain_sums(values, 500, seed=3)).all()


def test_threads_share_draws() -> None:
    """Comparisons in many threads, with seeds that push each other out of memory, are those of one thread."""
    rng = np.random.default_rng(4)
    a, b = rng.normal(size=(2, 300))
    plan = [(seed, n) for seed in range(6) for n in (20, 80, 300)] * 4
    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(lambda job: compare(a[: job[1]], b[: job[1]], seed=job[0]), plan))
    assert found == [compare(a[:n], b[:n], seed=seed) for seed, n in plan]


@given(totals, st.floats(0, 1))
def test_bound_is_never_below_the_enumerated_share(values: list[int], part: float) -> None:
    """It holds wherever the sum is, ties included, and is at least as sharp as Hoeffding's."""
    differences = np.array(values, dtype=np.float64)
    sums = np.abs(all_sums(differences, differences).differences)
    # Each sum that there is, where a bound would be broken first, and something between.
    for reach in [*np.unique(sums), part * sums.max()]:
        bound = largest_p(differences, float(reach))
        assert 0 < bound <= 1 and bound >= np.count_nonzero(sums >= reach) / len(sums)
        if reach > 1:
            assert bound <= min(1.0, 2 * np.exp(-(reach**2) / (2 * (differences**2).sum()))) * (1 + 1e-8)


@pytest.mark.parametrize("shape", ["equal", "normal", "one large", "a few"])
def test_bound_of_sixteen(shape: str) -> None:
    """The same up to the largest number that is enumerated, at the observed sum of clear and of unclear differences."""
    rng = np.random.default_rng(5)
    for shift in (0.0, 0.5, 2.0):
        values = {
            "equal": np.ones(16),
            "normal": rng.normal(shift, 1, 16),
            "one large": np.array([100.0, *rng.normal(shift, 1, 15)]),
            "a few": np.array([0.0] * 10 + list(rng.normal(shift, 1, 6))),
        }[shape]
        differences = np.rint(values * 2**40)
        sums = np.abs(all_sums(differences, differences).differences)
        for reach in np.quantile(sums, np.linspace(0, 1, 50)):
            assert largest_p(differences, float(reach)) >= np.count_nonzero(sums >= reach) / len(sums)
    assert largest_p(np.ones(16), 16.0) == pytest.approx(2 * 2.0**-16, rel=0.01)


def test_floor() -> None:
    """A clear difference gets a bound as p, and an interval from the first draws; without a bound the draws go on."""
    rng = np.random.default_rng(6)
    a = rng.normal(size=400)
    shifts = rng.normal(0, 1, 400)
    found = compare(a, a + shifts + 1)
    assert (found.p_value, found.n_draws, found.is_p_bound) == (1e-6, 9_999, True)
    # Between 1e-6 and 1e-5 it is a bound too, unless a level is there that draws can tell it from.
    small = compare(a, a + shifts - shifts.mean() + 0.24)
    assert 1e-6 < small.p_value < 1e-5 and small.is_p_bound and small.n_draws == 9_999
    drawn = compare(a, a + shifts - shifts.mean() + 0.24, decisions=[small.p_value / 2])
    assert drawn.n_draws == 999_999 and not drawn.is_p_bound and drawn.p_value <= small.p_value
    assert drawn.interval == small.interval
    # Of clusters that all agree p is 2 / 2^G: of 18 the bound says so, of 17 it is too large, and the draws go on.
    found = compare(np.zeros(18), np.ones(18))
    assert found.is_p_bound and found.p_value == pytest.approx(2 * 2.0**-18, rel=0.01)
    found = compare(np.zeros(17), np.ones(17))
    assert found.n_draws > 9_999 and not found.is_p_bound and found.p_value == pytest.approx(2 * 2.0**-17, rel=1)
    assert found.verdict is Verdict.BETTER


@given(st.integers(17, 40), st.integers(0, 2**32), st.floats(0, 1), st.sampled_from([1e-5, 0.003, 0.05, 0.2]))
def test_p_and_interval_agree_at_any_level(n: int, seed: int, shift: float, alpha: float) -> None:
    """However many draws each of them got, 0 is outside of the interval just if p is at most alpha."""
    rng = np.random.default_rng(seed)
    a = rng.normal(size=n)
    found = compare(a, a + rng.normal(shift, 1, n), alpha=alpha, decisions=[0.001, 0.01])
    assert (found.p_value <= alpha) == (not found.interval.low <= 0 <= found.interval.high)


def test_p_and_interval_agree_at_a_level_that_is_p() -> None:
    """Also where p is a level that float64 makes a little less of when it is multiplied by the number of vectors."""
    for alpha in (0.043, 0.051, 0.071, 0.29):
        n_rejected = round(alpha * 10_000)
        rest = np.arange(10_000 - n_rejected, dtype=np.float64) % 50
        flips = np.concatenate([np.full(n_rejected, 60.0), rest])
        low, high = plausible(flips, np.zeros(10_000), 60.0, 100.0, 60.0, alpha)
        assert n_rejected / 10_000 <= alpha and not low <= 0 <= high


def test_tiny_differences_are_exact() -> None:
    """Scores next to the smallest number there is differ like any others."""
    a = np.zeros(8)
    assert compare(a, a - 1e-310).verdict is Verdict.WORSE
    assert compare(a, a + 1e-320).p_value == 2 / 2**8


def test_decisions_draw_more() -> None:
    """Near a level that p will be compared with it has more draws; the interval stays, and elsewhere nothing changes."""
    rng = np.random.default_rng(7)
    a = rng.normal(size=60)
    differences = rng.normal(0.42, 1, 60)
    plain = compare(a, a + differences)
    assert plain.n_draws == 9_999 and plain.p_value < 0.02
    near = compare(a, a + differences, decisions=[plain.p_value])
    assert near.n_draws > 9_999 and near.interval == plain.interval
    assert near.p_value == pytest.approx(plain.p_value, rel=0.5)
    assert compare(a, a + differences, decisions=[0.5]) == plain
    for level in (0.0, 1.0, float("nan")):
        with pytest.raises(KernelInputError, match="decisions"):
            compare(a, a, decisions=[level])


def test_labels_of_any_kind() -> None:
    """Whole numbers, fractions, texts and objects that name the same clusters in the same order give the same bits."""
    rng = np.random.default_rng(8)
    codes = rng.integers(0, 90, 600)
    a, b = rng.uniform(size=(2, 600))
    texts = np.array([f"scene-{code:03}" for code in codes])
    assert compare(a, b, clusters=[None if code == 0 else f"s{code:02}" for code in codes]).n_clusters == 90
    assert compare([0.1] * 6, [0.2] * 6, clusters=["a", "b", None, 1, 2.5, False]).n_clusters == 6
    found = compare(a, b, clusters=codes)
    for labels in (codes.astype(np.uint64), codes + 10**9, codes / 7, texts, texts.astype(object), texts.tolist()):
        assert compare(a, b, clusters=labels) == found
    orders = [rng.permutation(600) for _ in range(3)]
    for order, labels in itertools.product(orders, (texts, codes)):
        assert compare(a[order], b[order], clusters=labels[order])[:3] == found[:3]
