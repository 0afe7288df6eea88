"""The binary form of uploaded scores: reference ids and columns of float64 in one msgpack map."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import numpy as np
import polars as pl

from nucleus_server.errors import InvalidInput, MalformedRequest
from nucleus_server.services.score_checks import ALL_FUNCTIONS, ScorePart

if TYPE_CHECKING:
    from numpy.typing import NDArray

MAX_ROWS = 1_000_000
_SEPARATOR = "\0"


class PartBody(msgspec.Struct):
    """Rows of an upload.

    Attributes:
        reference_ids: UTF-8 of the ids, joined by U+0000.
        scores: Function id → little-endian float64 [n]; NaN where an item has no score by the function.
        weights: Function id, or "*" for all others → little-endian float64 [n]; absent means 1.
    """

    reference_ids: bytes
    scores: dict[str, bytes]
    weights: dict[str, bytes] = {}


def decode_part(raw: bytes) -> ScorePart:
    """The rows of a part's body.

    Raises:
        MalformedRequest: It is no such map, or its columns are not all as long as the list of ids.
    """
    try:
        body = msgspec.msgpack.decode(raw, type=PartBody)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
        raise malformed(f"it is not the msgpack map of a part: {error}") from error
    return part_of(body)


def part_of(body: PartBody) -> ScorePart:
    """The rows of a decoded part."""
    if not body.scores:
        raise malformed("it has no scores")
    if any(_SEPARATOR in function_id for function_id in (*body.scores, *body.weights)):
        raise InvalidInput("expected function ids without the character U+0000: remove it", code="nul_character")
    stray = [function_id for function_id in body.weights if function_id not in (*body.scores, ALL_FUNCTIONS)]
    if stray:
        raise malformed(f"it has weights for {stray[0][:40]!r}, which has no scores")
    scores = {function_id: _floats(function_id, data) for function_id, data in body.scores.items()}
    weights = {function_id: _floats(function_id, data) for function_id, data in body.weights.items()}
    lengths = {len(column) for column in (*scores.values(), *weights.values())}
    if len(lengths) != 1:
        raise malformed(f"its columns have different lengths: {sorted(lengths)}")
    (n_rows,) = lengths
    if n_rows > MAX_ROWS:
        raise malformed(f"it has {n_rows} rows, more than {MAX_ROWS}: send several parts")
    return ScorePart(_texts(body.reference_ids, n_rows), scores, weights)


def _floats(function_id: str, data: bytes) -> NDArray[np.float64]:
    if len(data) % 8:
        raise malformed(f"the column of {function_id[:40]!r} has {len(data)} bytes, which is no multiple of 8")
    return np.frombuffer(data, dtype="<f8").astype(np.float64, copy=False)


def _texts(data: bytes, n_rows: int) -> pl.Series:
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise malformed(f"its reference ids are not UTF-8 at byte {error.start}") from error
    n_texts = text.count(_SEPARATOR) + 1 if n_rows or text else 0
    if n_texts != n_rows:
        raise malformed(f"it has {n_texts} reference ids and columns of {n_rows} rows")
    if n_rows == 0:
        return pl.Series([], dtype=pl.String)
    return pl.Series([text], dtype=pl.String).str.split(_SEPARATOR).explode()


def malformed(what: str) -> MalformedRequest:
    """The refusal of a body that cannot be read."""
    return MalformedRequest(f"expected a part of an upload, got another body: {what}", code="malformed_part")
