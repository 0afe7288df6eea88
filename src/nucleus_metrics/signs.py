"""Sign vectors: what a sign-flip test draws, or enumerates; the same bits on any machine."""

from __future__ import annotations

import math
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

ALL_UP_TO = 16
"""Up to so many clusters all sign vectors are enumerated."""
MAX_GROUPS = 1024
"""More clusters are dealt into so many groups."""
DRAWS = (9_999, 99_999, 999_999)
"""How many vectors are drawn: first, and when a decision is near."""

_LARGEST_KEPT = 16 << 20
_KEPT_BYTES = 48 << 20
_STREAMED = 4096  # sign vectors at a time, of those that are too many to keep
_SHARPER = (1.0, 1.1, 1.25, 1.5, 2.0, 3.0, 6.0, 20.0, 100.0)
"""Factors on the rate λ that is best for normal sums: the best one for few or unequal totals is larger."""


class FlippedSums(NamedTuple):
    """Sums under each sign vector, in units of a grid: whole numbers in float64, exact.

    Attributes:
        differences: float64 [n], Σ s·D.
        weights: float64 [n], Σ s·W.
        n_vectors: How many vectors there are, the identity counted.
        is_exact: Whether they are all there are.
    """

    differences: NDArray[np.float64]
    weights: NDArray[np.float64]
    n_vectors: int
    is_exact: bool


class _Kept:
    """Arrays that are costly to make and the same for every comparison of a report; the least recently used ones go."""

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self._arrays: OrderedDict[Any, NDArray[Any]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: Any, make: Callable[[], NDArray[Any]]) -> NDArray[Any]:
        with self._lock:
            if key in self._arrays:
                self._arrays.move_to_end(key)
                return self._arrays[key]
        # Made outside of the lock: two threads may both make it, and one of the equal arrays stays.
        array = make()
        array.flags.writeable = False
        if array.nbytes <= _LARGEST_KEPT:
            with self._lock:
                self._arrays[key] = array
                self._arrays.move_to_end(key)
                while sum(x.nbytes for x in self._arrays.values()) > self._most_bytes:
                    self._arrays.popitem(last=False)
        return array


_kept = _Kept(_KEPT_BYTES)


def deal(n_clusters: int, seed: int) -> NDArray[np.int64]:
    """The group of each cluster, int64 [n_clusters], in at most `MAX_GROUPS` groups of about the same number."""
    if n_clusters <= MAX_GROUPS:
        return np.arange(n_clusters)
    return _kept.get(("deal", n_clusters, seed), lambda: _dealt(n_clusters, seed))


def _dealt(n_clusters: int, seed: int) -> NDArray[np.int64]:
    keys = np.random.PCG64(seed).random_raw(n_clusters)
    groups = np.empty(n_clusters, dtype=np.int64)
    groups[np.argsort(keys, kind="stable")] = np.arange(n_clusters) % MAX_GROUPS
    return groups


def all_sums(differences: NDArray[np.float64], weights: NDArray[np.float64]) -> FlippedSums:
    """The sums under all 2^G sign vectors of G clusters."""
    sums = np.zeros((1, 2))
    for pair in np.stack([differences, weights], axis=1):
        sums = np.concatenate([sums + pair, sums - pair])
    return FlippedSums(sums[:, 0], sums[:, 1], len(sums), is_exact=True)


def drawn_sums(differences: NDArray[np.float64], weights: NDArray[np.float64], n_draws: int, seed: int) -> FlippedSums:
    """The sums under the identity and under `n_draws` random sign vectors.

    The first draws of a longer list are those of a shorter one with the same seed.
    """
    # One look-up of a pair costs little more than one of a number: the real parts are differences, the imaginary ones weights.
    pairs = differences + 1j * weights
    sums = np.concatenate([[pairs.sum()], flipped(pairs, 0, n_draws, seed)])
    return FlippedSums(sums.real.copy(), sums.imag.copy(), n_draws + 1, is_exact=False)


def flipped(totals: NDArray[Any], start: int, stop: int, seed: int) -> NDArray[Any]:
    """Σ s·totals under the random sign vectors `start` to `stop`, float64 or complex128 [stop − start], like the totals.

    Eight signs are an octet, whose 256 partial sums are in a table: a sum of 1,024 groups is 128 look-ups. On a grid every
    partial sum is exact, so the order of adding does not matter.

    Args:
        totals: float64 or complex128 [n_groups], whole numbers whose magnitudes sum to less than 2^53.
    """
    n_octets = -(-len(totals) // 8)
    padded = np.zeros(8 * n_octets, dtype=totals.dtype)
    padded[: len(totals)] = totals
    tables = np.zeros((n_octets, 1), dtype=totals.dtype)
    for bit in padded.reshape(n_octets, 8).T:
        # A set bit flips: the indices with it are the upper half.
        tables = np.concatenate([tables + bit[:, np.newaxis], tables - bit[:, np.newaxis]], axis=1)
    parts = []
    for octets in _octets(len(totals), start, stop, seed):
        total = np.zeros(octets.shape[1], dtype=totals.dtype)
        found = np.empty_like(total)
        for table, column in zip(tables, octets):
            np.take(table, column, out=found, mode="clip")
            total += found
        parts.append(total)
    return np.concatenate(parts) if parts else np.empty(0, dtype=totals.dtype)


def _octets(n_groups: int, start: int, stop: int, seed: int) -> Iterator[NDArray[np.uint8]]:
    """Random octets of the sign vectors `start` to `stop`, uint8 [at least n_groups / 8, some vectors].

    Bit i of octet j is group 8·j + i; it flips if set.
    """
    n_words = -(-n_groups // 64)
    at_once = stop - start if (stop - start) * 8 * n_words <= _LARGEST_KEPT else _STREAMED
    for first in range(start, stop, at_once):
        last = min(first + at_once, stop)
        if at_once == stop - start:
            yield _kept.get((n_words, first, last, seed), lambda: _drawn_octets(n_words, start, stop, seed))
        else:
            yield _drawn_octets(n_words, first, last, seed)


def _drawn_octets(n_words: int, start: int, stop: int, seed: int) -> NDArray[np.uint8]:
    words = np.random.PCG64(seed).advance(start * n_words).random_raw((stop - start) * n_words)
    # Least significant bit first in little-endian bytes: the same bits whatever the machine's own order is.
    octets = words.astype("<u8", copy=False).view(np.uint8).reshape(stop - start, 8 * n_words)
    return np.ascontiguousarray(octets.T)


def largest_p(totals: NDArray[np.float64], reach: float) -> float:
    """A number that the share of all sign vectors with |Σ s·totals| ≥ reach is certainly not above, in (0, 1].

    The smallest of three, with x = reach / √ΣD² and doubled for the two tails. Hoeffding: exp(−x²/2). Chernoff, for every
    λ > 0: exp(−λ·reach) · Π cosh(λD), which is Hoeffding's or less at λ = reach / ΣD², since cosh y ≤ exp(y²/2), and much
    less for few totals. Bentkus and Dzindzalieta: P(Z ≥ x) / 4P(Z ≥ √2) of a standard normal Z, 3.2 times what the share
    is near for many totals.

    Args:
        totals: float64 [n_groups], as they are flipped: of the groups, if clusters were dealt into groups.
        reach: What a sum's magnitude counts from: the observed one less what rounding can have moved it by.

    Source: Hoeffding 1963, theorem 2 and its proof; Bentkus and Dzindzalieta 2015, Bernoulli 21(2), theorem 1.1.
    """
    magnitudes = np.abs(totals[totals != 0])
    if len(magnitudes) == 0 or not reach > 1e-6 * float(magnitudes.max()):
        return 1.0
    magnitudes = magnitudes / reach
    squares = float((magnitudes**2).sum())
    log_share = -0.5 / squares
    for factor in _SHARPER:
        rate = factor / squares
        y = rate * magnitudes
        # log cosh y, without the overflow of cosh itself
        log_cosh = y + np.log1p(np.exp(-2 * y)) - math.log(2)
        log_share = min(log_share, float(log_cosh.sum()) - rate)
    share = min(math.exp(log_share), math.erfc(math.sqrt(0.5 / squares)) / (4 * math.erfc(1.0)))
    return min(1.0, 2 * share * (1 + 1e-9))  # what float64 has rounded counts against the claim
