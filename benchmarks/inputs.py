"""The same made-up results for everyone: reference ids, scores and weights, of a fixed seed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_SEED = 3
_IDS_AT_ONCE = 1_000_000


@dataclass(frozen=True)
class Inputs:
    """A folder with the columns of n results.

    Files: `ids.txt`, one reference id a line; `scores.npy` and `weights.npy`, float64 [n]; `order.npy`, a permutation of them;
    `group.npy`, int64 [n], a metadata key of few values.
    """

    folder: Path
    n: int


def write_inputs(folder: Path, n: int) -> Inputs:
    """Write them; the ids look like those of a driving dataset (`aec019e2-93ce64eb.jpg`), the scores have all their digits."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(_SEED)
    with (folder / "ids.txt").open("wb") as file:
        for start in range(0, n, _IDS_AT_ONCE):
            file.write(_reference_ids(start, min(_IDS_AT_ONCE, n - start)))
    np.save(folder / "scores.npy", rng.beta(5, 2, n))
    np.save(folder / "weights.npy", np.round(rng.uniform(0.001, 1.0, n), 3))
    np.save(folder / "order.npy", rng.permutation(n))
    np.save(folder / "group.npy", rng.integers(0, 20, n))
    return Inputs(folder, n)


def _reference_ids(start: int, n: int) -> bytes:
    """n different ids, one a line."""
    # An odd multiplier permutes the 64-bit numbers: no two ids are the same, and none tells its place.
    numbers = np.arange(start, start + n, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    nibbles = (numbers[:, None] >> np.arange(60, -4, -4, dtype=np.uint64)) & np.uint64(15)
    digits = np.frombuffer(b"0123456789abcdef", dtype=np.uint8)[nibbles]
    lines: NDArray[np.uint8] = np.empty((n, 22), dtype=np.uint8)
    lines[:, :8] = digits[:, :8]
    lines[:, 8] = ord("-")
    lines[:, 9:17] = digits[:, 8:]
    lines[:, 17:] = np.frombuffer(b".jpg\n", dtype=np.uint8)
    return lines.tobytes()
