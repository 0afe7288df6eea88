"""Annotations and predictions in the shapes that clients read."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import msgspec
from msgspec import structs
from starlette.responses import Response, StreamingResponse

from nucleus_server.domain import AnyObject, ObjectCounts, ObjectKind, StoredObject
from nucleus_server.errors import NotFound

SEGMENTATION = "segmentation"
EXPORTED_KINDS = tuple(kind for kind in ObjectKind if kind is not ObjectKind.MASK)
PREDICTED_KINDS = tuple(kind for kind in ObjectKind if kind is not ObjectKind.MULTICATEGORY)
"""What a client can read of a run: it knows no predictions of several labels."""

_ENCODER = msgspec.json.Encoder()


class ObjectsAnswer(Response):
    """Compact JSON that holds objects as they are; their numbers were checked when they came."""

    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        """The body."""
        return _ENCODER.encode(content)


def streamed(before: bytes, rows: Iterable[object], after: bytes) -> StreamingResponse:
    """A list of rows that is written while it is read, between what stands before and after it."""

    def chunks() -> Iterator[bytes]:
        yield before
        separator = b""
        batch: list[bytes] = []
        for row in rows:
            batch.append(separator + _ENCODER.encode(row))
            separator = b","
            if len(batch) == 100:
                yield b"".join(batch)
                batch = []
        yield b"".join(batch) + after

    return StreamingResponse(chunks(), media_type="application/json")


def shown(stored: StoredObject, item_id: str | None = None) -> AnyObject:
    """The object with our ids of it and of its item."""
    return structs.replace(stored.value, id=stored.id, dataset_item_id=item_id)


def by_type(objects: Sequence[StoredObject], item_id: str | None = None) -> dict[str, list[AnyObject]]:
    """The objects under the names of their types, without types of which there are none."""
    found: dict[str, list[AnyObject]] = {}
    for stored in objects:
        found.setdefault(type_name(stored), []).append(shown(stored, item_id))
    return found


def type_name(stored: StoredObject) -> str:
    """The type's name in answers: a mask is a segmentation there."""
    tag = type(stored.value).__struct_config__.tag
    return SEGMENTATION if tag == ObjectKind.MASK.value else str(tag)


def export_row(item: dict[str, Any], objects: Sequence[StoredObject], item_id: str) -> dict[str, Any]:
    """A row of an export: the item, a list for each type of object, and its mask or null."""
    found = by_type(objects, item_id)
    row: dict[str, Any] = {"item": item}
    row.update((kind.value, found.get(kind.value, [])) for kind in EXPORTED_KINDS)
    row[SEGMENTATION] = next(iter(found.get(SEGMENTATION, [])), None)
    return row


def annotation_counts(dataset_id: str, counts: ObjectCounts) -> dict[str, Any]:
    """What an upload of annotations did; clients add up the answers of several."""
    answer: dict[str, Any] = {
        "dataset_id": dataset_id,
        "annotations_processed": counts.n_processed,
        "annotations_ignored": counts.n_ignored,
    }
    return answer | ({"errors": list(counts.errors)} if counts.errors else {})


def prediction_counts(counts: ObjectCounts, **ids: str) -> dict[str, Any]:
    """What an upload of predictions did; clients add up the answers of several."""
    answer: dict[str, Any] = {
        **ids,
        "predictions_processed": counts.n_processed,
        "predictions_ignored": counts.n_ignored,
    }
    return answer | ({"errors": list(counts.errors)} if counts.errors else {})


def named_object(place: str, find: Callable[[str, str], StoredObject]) -> StoredObject:
    """The object of a path `{reference id}/{annotation id}`, either of which may have slashes of its own.

    Raises:
        NotFound: No way to cut the path names one.
    """
    parts = place.split("/")
    missing = NotFound(
        f"expected a path that ends with REFERENCE_ID/ANNOTATION_ID, got {place!r}", code="annotation_not_found"
    )
    for cut in range(1, len(parts)):
        try:
            return find("/".join(parts[:cut]), "/".join(parts[cut:]))
        except NotFound as error:
            missing = error
    raise missing
