"""Annotations and predictions in a payload of lines: checked whole before the first of them is stored."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from nucleus_server.domain import AnyObject, Category, Mask, Multicategory
from nucleus_server.domain.datasets import MAX_REFERENCE_ID
from nucleus_server.errors import InvalidInput

_BLOCK_BYTES = 4 << 20
_LONGEST_ANNOTATION_ID = 4 * MAX_REFERENCE_ID
"""Clients make it of label, coordinates and reference id."""
_CATEGORICAL = (Category, Multicategory)
_LINE: msgspec.json.Decoder[AnyObject] = msgspec.json.Decoder(AnyObject)


def blocks_of_lines(path: Path) -> Iterator[list[AnyObject]]:
    """The objects of an NDJSON payload, block by block: a few MB of it in memory at a time.

    Raises:
        InvalidInput: A line is not as expected; its number is named.
    """
    first = 1
    with path.open("rb") as file:
        while block := file.readlines(_BLOCK_BYTES):
            yield _objects_of([(first + i, line) for i, line in enumerate(block) if line.strip()])
            first += len(block)


def _objects_of(lines: list[tuple[int, bytes]]) -> list[AnyObject]:
    raw = b"".join(line for _, line in lines)
    try:
        objects = _LINE.decode_lines(raw)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        objects = [_object_of(number, line) for number, line in lines]
    if b"\\u0000" in raw:
        number = next(number for number, line in lines if b"\\u0000" in line)
        raise InvalidInput(
            f"line {number} of the payload: expected text without the character U+0000, got it: remove it",
            code="nul_character",
        )
    check_objects(objects, [number for number, _ in lines])
    return objects


def _object_of(number: int, line: bytes) -> AnyObject:
    try:
        return _LINE.decode(line)
    except msgspec.ValidationError as error:
        raise InvalidInput(
            f"line {number} of the payload: expected another shape: {error}", code="invalid_type"
        ) from error
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
        raise InvalidInput(f"line {number} of the payload: expected JSON: {error}", code="malformed_json") from error


def check_objects(objects: Sequence[AnyObject], lines: Sequence[int] | None = None) -> None:
    """What the shape alone does not say; `lines` are the numbers of their lines in a payload.

    Raises:
        InvalidInput: One names no item, an id is empty or too long, a mask says twice what a pixel's value means.
    """
    for place, value in enumerate(objects):
        try:
            _check(value)
        except InvalidInput as error:
            where = f"object {place} of the body" if lines is None else f"line {lines[place]} of the payload"
            raise InvalidInput(f"{where}: {error.message}", code=error.code) from error


def _check(value: AnyObject) -> None:
    reference_id, item_id = value.reference_id, value.item_id
    if reference_id is None and item_id is None:
        raise InvalidInput("expected the reference_id of an item, got none", code="reference_id_missing")
    _check_length("reference_id", reference_id, MAX_REFERENCE_ID)
    _check_length("item_id", item_id, MAX_REFERENCE_ID)
    _check_length("track_reference_id", value.track_reference_id, MAX_REFERENCE_ID)
    if isinstance(value, _CATEGORICAL):
        if isinstance(value, Multicategory) and not value.labels:
            raise InvalidInput("expected at least one label, got none", code="label_missing")
        return
    _check_length("annotation_id", value.annotation_id, _LONGEST_ANNOTATION_ID)
    if isinstance(value, Mask) and len({segment.index for segment in value.annotations}) != len(value.annotations):
        raise InvalidInput("expected every index once among a mask's annotations, got one twice", code="index_repeated")


def _check_length(name: str, text: str | None, longest: int) -> None:
    if text is not None and not 1 <= len(text) <= longest:
        raise InvalidInput(f"expected {name} to have 1 to {longest} characters, got {len(text)}", code="invalid_name")
