"""Sign vectors: what a sign-flip test draws, or enumerates; the same bits on any machine."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

ALL_UP_TO = 16
"""Up to so many clusters all sign vectors are enumerated."""
MAX_GROUPS = 1024
"""More clusters are dealt into so many groups."""
DRAWS = (9_999, 99_999, 999_999)
"""How many vectors are drawn: first, and when a decision is near."""

_BATCH = 4096  # sign vectors at a time: 32 MB of float64 for 1,024 groups


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


def deal(n_clusters: int, seed: int) -> NDArray[np.int64]:
    """The group of each cluster, int64 [n_clusters], in at most `MAX_GROUPS` groups of about the same number."""
    if n_clusters <= MAX_GROUPS:
        return np.arange(n_clusters)
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
    """The sums under `n_draws` random sign vectors, and under the identity.

    The first draws of a longer list are those of a shorter one with the same seed.
    """
    columns = np.stack([differences, weights], axis=1)
    totals = columns.sum(axis=0)
    parts = [totals - 2 * (bits @ columns) for bits in _bits(n_draws, len(differences), seed)]
    sums = np.concatenate([totals[np.newaxis], *parts])
    return FlippedSums(sums[:, 0], sums[:, 1], n_draws + 1, is_exact=False)


def _bits(n_draws: int, n_groups: int, seed: int) -> Iterator[NDArray[np.float64]]:
    """Batches of random 0 and 1, float64 [at most _BATCH, n_groups]."""
    generator = np.random.PCG64(seed)
    n_words = -(-n_groups // 64)
    for start in range(0, n_draws, _BATCH):
        n = min(_BATCH, n_draws - start)
        words = generator.random_raw(n * n_words).reshape(n, n_words)
        # Least significant bit first in little-endian bytes: the same bits whatever the machine's own order is.
        octets = words.astype("<u8", copy=False).view(np.uint8)
        yield np.unpackbits(octets, axis=1, bitorder="little")[:, :n_groups].astype(np.float64)
