"""Items on their way in: JSON, NDJSON and multipart lists, each row checked and named where it is wrong."""

from __future__ import annotations

from typing import Annotated, Any, TypeVar

import msgspec
from msgspec import Meta

from nucleus_server.api import codec
from nucleus_server.api.names import MAX_REFERENCE_ID
from nucleus_server.domain import NewItem
from nucleus_server.errors import MAX_LISTED, InvalidInput, MalformedRequest, NucleusServerError, Problem

T = TypeVar("T")

Pixels = Annotated[int, Meta(ge=1, le=2**31 - 1)]
URL_SCHEMES = ("http://", "https://", "s3://", "gs://", "gcs://", "azure://", "data:image/")
_EXACT_UP_TO = 1 << 20


class ItemBody(msgspec.Struct):
    """An item as clients send it; keys of other kinds of data are read by other routes."""

    reference_id: str
    metadata: dict[str, Any] | None = None
    image_url: str | None = None
    pointcloud_url: str | None = None
    url: str | None = None
    text: str | None = None
    width: Pixels | None = None
    height: Pixels | None = None
    update: bool | None = None


class AppendBody(msgspec.Struct):
    """The synchronous append."""

    items: list[ItemBody]
    update: bool = False


class AppendSignedBody(msgspec.Struct):
    """The append of a payload that was PUT to a signed URL."""

    requestId: str  # the wire's own spelling
    update: bool = False


def items_of_list(raw: bytes, body_type: type[AppendBody] = AppendBody) -> tuple[list[ItemBody], bool]:
    """The items of a JSON body, and whether to update."""
    body = codec.decode(raw, body_type)
    return body.items, body.update


def items_of_part(raw: bytes) -> list[ItemBody]:
    """The items of the JSON part of a multipart body."""
    return codec.decode(b'{"items":' + raw + b"}", AppendBody).items


def items_of_lines(raw: bytes) -> list[ItemBody]:
    """The items of an NDJSON payload; an error names its line."""
    return bodies_of_lines(raw, ItemBody)


def bodies_of_lines(raw: bytes, body_type: type[T]) -> list[T]:
    """The objects of an NDJSON payload; an error names its line."""
    try:
        bodies = msgspec.json.Decoder(body_type).decode_lines(raw)
        is_suspicious = b"\\u0000" in raw or len(raw) <= _EXACT_UP_TO
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        is_suspicious = True
        bodies = []
    if not is_suspicious:
        return bodies
    bodies = []
    for number, line in enumerate(raw.split(b"\n"), start=1):
        if line.strip():
            try:
                bodies.append(codec.decode(line, body_type))
            except NucleusServerError as error:
                raise type(error)(
                    f"line {number} of the payload: {error.message}", code=error.code, problems=error.problems
                ) from error
    return bodies


def checked_items(bodies: list[ItemBody], media_digests: list[str] | None = None) -> list[NewItem]:
    """The items ready for the store; `media_digests` are the uploaded files, one per item in order.

    Raises:
        InvalidInput: Rows are wrong; the first 20 are named with their number (from 0) and reference id.
    """
    if not bodies:
        raise InvalidInput("expected at least one item, got none", code="no_items")
    if media_digests is not None and len(media_digests) != len(bodies):
        raise MalformedRequest(
            f"expected one image part per item, got {len(media_digests)} for {len(bodies)} items: send them in the same "
            "order",
            code="image_count_mismatch",
        )
    problems: list[Problem] = []
    items = []
    for i, body in enumerate(bodies):
        wrong = _what_is_wrong(body, has_file=media_digests is not None)
        if wrong is not None:
            problems.append(Problem(f"items[{i}]", wrong, body.reference_id[:MAX_REFERENCE_ID]))
            continue
        items.append(
            NewItem(
                reference_id=body.reference_id,
                metadata=body.metadata or {},
                location=None if media_digests is not None else body.image_url or body.url,
                pointcloud_location=body.pointcloud_url,
                media_digest=None if media_digests is None else media_digests[i],
                text=body.text or None,
                width=body.width,
                height=body.height,
            )
        )
    if problems:
        first = problems[0]
        raise InvalidInput(
            f"{len(problems)} of {len(bodies)} items are not as expected, the first ({first.field}, {first.value!r}): "
            f"{first.message}. Nothing was stored",
            code="invalid_items",
            problems=problems[:MAX_LISTED],
            n_problems=len(problems),
        )
    return items


def _what_is_wrong(body: ItemBody, *, has_file: bool) -> str | None:
    if not body.reference_id or len(body.reference_id) > MAX_REFERENCE_ID:
        return f"expected a reference_id of 1 to {MAX_REFERENCE_ID} characters, got {len(body.reference_id)}"
    if has_file:
        return None
    image = body.image_url or body.url
    if image and body.pointcloud_url:
        return "expected an image or a point cloud, got both"
    location = image or body.pointcloud_url
    if location and not location.lower().startswith(URL_SCHEMES):
        return (
            f"expected a URL that starts with {', '.join(URL_SCHEMES[:4])}, got {location[:80]!r}: send local files "
            "as multipart parts"
        )
    if not location and not body.text and not body.metadata:
        return "expected an image_url, a pointcloud_url, a text, or metadata, got none of them"
    return None
