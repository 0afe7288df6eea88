"""Packed columns: how bulk data is laid out in the database's blobs.

A column is cut into chunks of `CHUNK` members. Scores are raw little-endian float64, so that one member of thousands of
evaluations can be read with `substr`; everything else is compressed. Missing is NaN.
"""

from __future__ import annotations

import io
import json
import math
import sys
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


def split_floats(values: NDArray[np.float64], *, fill: float) -> Iterator[tuple[int, bytes]]:
    """(chunk number, its compressed values), without the chunks that hold nothing but `fill`, which may be NaN."""
    for chunk, part in split(values):
        floats = part.astype(np.float64, copy=False)
        if not (np.isnan(floats) if math.isnan(fill) else floats == fill).all():
            yield chunk, pack_weights(floats)


def joined_floats(chunks: Iterable[tuple[int, bytes]], n_values: int, *, fill: float) -> NDArray[np.float64]:
    """The column of `n_values` values from (chunk number, compressed values); absent chunks are full of `fill`."""
    column = np.full(n_values, fill)
    for chunk, data in chunks:
        part = np.frombuffer(_decompressed(data), dtype="<f8")
        column[chunk * CHUNK : chunk * CHUNK + len(part)] = part
    return column


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


Value = bool | int | float | str | None


def pack_values(values: Sequence[Value]) -> bytes:
    """An Arrow stream of one column of one type; texts are dictionary-coded, values of several types become texts."""
    buffer = io.BytesIO()
    _typed(values).alias("").to_frame().write_ipc_stream(buffer, compression="zstd")
    return buffer.getvalue()


def unpack_values(data: bytes) -> pl.Series:
    """The column as Boolean, Int64, Float64 or, for texts, Categorical."""
    try:
        return pl.read_ipc_stream(io.BytesIO(data)).to_series()
    except pl.exceptions.PolarsError as error:
        raise StorageCorrupt("a stored column of metadata cannot be read; restore a backup") from error


def joined_values(parts: Sequence[tuple[pl.Series | None, int]]) -> pl.Series:
    """One column of (chunk, length) parts; shorter and absent chunks are filled with null, types that differ meet."""
    types = {series.dtype for series, _ in parts if series is not None}
    joined: pl.DataType | type[pl.DataType]
    if len(types) == 1:
        (joined,) = types
    else:
        joined = pl.Float64 if types and types <= {pl.Int64(), pl.Float64()} else pl.String
    filled = []
    for series, length in parts:
        # What has the type and the length already is left alone: each step of a hundred chunks costs as much as reading it.
        part = pl.Series([], dtype=joined) if series is None else series
        part = part if part.dtype == joined else part.cast(joined)
        filled.append(part if len(part) == length else part.extend_constant(None, length - len(part)))
    return pl.concat(filled) if filled else pl.Series([], dtype=pl.String)


def _typed(values: Sequence[Value]) -> pl.Series:
    types = {type(value) for value in values if value is not None}
    if types == {bool}:
        return pl.Series(values, dtype=pl.Boolean)
    has_giants = any(isinstance(v, int) and abs(v) > sys.float_info.max for v in values)
    if types and types <= {int, float} and not has_giants:
        is_whole = types == {int} and all(abs(v) < 2**63 for v in values if isinstance(v, int))
        return pl.Series(
            [None if v is None else (v if is_whole else float(v)) for v in values],
            dtype=pl.Int64 if is_whole else pl.Float64,
        )
    return pl.Series([None if v is None else _text(v) for v in values], dtype=pl.String).cast(pl.Categorical)


def _text(value: bool | int | float | str) -> str:
    return value if isinstance(value, str) else json.dumps(value)


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
