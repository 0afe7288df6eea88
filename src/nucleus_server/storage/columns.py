"""Packed columns: how bulk data is laid out in the database's blobs.

A column is cut into chunks of `CHUNK` members. Scores are raw little-endian float64, so that one member of thousands of
evaluations can be read with `substr`; everything else is compressed. Missing is NaN.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
import zstandard

from nucleus_server.errors import StorageCorrupt

if TYPE_CHECKING:
    from numpy.typing import NDArray

CHUNK = 8192
REFERENCE_ID = "reference_id"
SCORE = "score"
WEIGHT = "weight"

_LEVEL = 3  # the fastest of zstd's levels that still halves uniform random weights' exponents


def split(values: NDArray[np.generic], *, start: int = 0) -> Iterator[tuple[int, NDArray[np.generic]]]:
    """(chunk number, its values) for a column whose first value stands at position `start`, a chunk boundary."""
    for offset in range(0, len(values), CHUNK):
        yield (start + offset) // CHUNK, values[offset : offset + CHUNK]


def pack_scores(values: NDArray[np.float64]) -> bytes:
    """Raw little-endian float64."""
    return values.astype("<f8", copy=False).tobytes()


def unpack_scores(chunks: Iterable[bytes], n_members: int) -> NDArray[np.float64]:
    """The whole column of `n_members` scores."""
    return _joined(chunks, "<f8", n_members).astype(np.float64, copy=False)


def pack_weights(values: NDArray[np.float64]) -> bytes:
    """Compressed little-endian float64."""
    return zstandard.compress(values.astype("<f8", copy=False).tobytes(), _LEVEL)


def unpack_weights(chunks: Iterable[bytes], n_members: int) -> NDArray[np.float64]:
    """The whole column of `n_members` weights."""
    return _joined(map(_decompressed, chunks), "<f8", n_members).astype(np.float64, copy=False)


def pack_ordinals(values: NDArray[np.int64]) -> bytes:
    """Compressed little-endian int64."""
    return zstandard.compress(values.astype("<i8", copy=False).tobytes(), _LEVEL)


def unpack_ordinals(chunks: Iterable[bytes], n_members: int) -> NDArray[np.int64]:
    """The whole list of `n_members` dataset ordinals."""
    return _joined(map(_decompressed, chunks), "<i8", n_members).astype(np.int64, copy=False)


def pack_texts(values: Sequence[str | None] | pl.Series) -> bytes:
    """An Arrow stream of one string column."""
    series = values if isinstance(values, pl.Series) else pl.Series(values, dtype=pl.String)
    buffer = io.BytesIO()
    series.alias("").to_frame().write_ipc_stream(buffer, compression="zstd")
    return buffer.getvalue()


def unpack_texts(chunks: Iterable[bytes]) -> pl.Series:
    """The whole string column, null where there is no value."""
    parts = []
    for data in chunks:
        try:
            parts.append(pl.read_ipc_stream(io.BytesIO(data)).to_series())
        except pl.exceptions.PolarsError as error:
            raise StorageCorrupt("a stored column of reference ids cannot be read; restore a backup") from error
    return pl.concat(parts) if parts else pl.Series([], dtype=pl.String)


def _decompressed(data: bytes) -> bytes:
    try:
        return zstandard.decompress(data)
    except zstandard.ZstdError as error:
        raise StorageCorrupt("a stored column cannot be decompressed; restore a backup") from error


def _joined(chunks: Iterable[bytes], dtype: str, n_members: int) -> NDArray[np.generic]:
    data = b"".join(chunks)
    n_expected = n_members * np.dtype(dtype).itemsize
    if len(data) < n_expected:
        raise StorageCorrupt(
            f"expected a column of {n_members} members ({n_expected} bytes), got {len(data)} bytes; restore a backup"
        )
    return np.frombuffer(data[:n_expected], dtype=dtype)
