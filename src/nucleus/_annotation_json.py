"""Annotations and predictions as the JSON that is sent, and what in them cannot be sent."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from nucleus._annotations import (
    Annotation,
    BoxAnnotation,
    CuboidAnnotation,
    KeypointsAnnotation,
    LineAnnotation,
    PolygonAnnotation,
    SegmentationAnnotation,
)
from nucleus._categories import MultiCategoryAnnotation
from nucleus._columns import MAX_LISTED
from nucleus._exceptions import DuplicateIDError, InvalidUpload
from nucleus._predictions import BoxPrediction

_PLAIN = frozenset((str, int, bool, type(None)))

PDF_TOLERANCE = 0.01
"""How far from 1 the sum of a class_pdf may be: half precision over a thousand classes is that coarse."""


class BoxGeometry(msgspec.Struct, gc=False):
    """Where a box is."""

    x: float
    y: float
    width: float
    height: float


class Vertex(msgspec.Struct, gc=False):
    """A corner of a polygon."""

    x: float
    y: float


class PolygonGeometry(msgspec.Struct, gc=False):
    """Where a polygon is."""

    vertices: list[Vertex]


class Box(msgspec.Struct, gc=False, omit_defaults=True, tag_field="type", tag="box"):
    """A box on the wire; a key without a value is left out."""

    label: str
    geometry: BoxGeometry
    reference_id: str | None = None
    annotation_id: str | None = None
    metadata: msgspec.Raw | None = None
    confidence: float | None = None
    class_pdf: dict[str, float] | None = None
    embedding_vector: list[float] | None = None
    track_reference_id: str | None = None
    item_id: str | None = None
    dataset_id: str | None = None
    task_id: str | None = None


class Polygon(msgspec.Struct, gc=False, omit_defaults=True, tag_field="type", tag="polygon"):
    """A polygon on the wire, with the same other keys as a box."""

    label: str
    geometry: PolygonGeometry
    reference_id: str | None = None
    annotation_id: str | None = None
    metadata: msgspec.Raw | None = None
    confidence: float | None = None
    class_pdf: dict[str, float] | None = None
    embedding_vector: list[float] | None = None
    track_reference_id: str | None = None
    item_id: str | None = None
    dataset_id: str | None = None


class Problem(NamedTuple):
    """What is wrong with one annotation.

    Attributes:
        row: Its place among all that were given, from 0.
        reference_id: Of the item it is on.
        field: Where the wrong value is.
        expected: What should be there, and what to do.
    """

    row: int
    reference_id: object
    field: str
    value: object
    expected: str


EXPECTED_TEXT = "a text that is not empty and has no U+0000"
EXPECTED_FINITE = "finite numbers (JSON has no NaN and no infinities): leave the annotation out"
EXPECTED_SIZE = "sizes of 0 or more"


def encode(value: object) -> bytes:
    """JSON; numbers of numpy are numbers.

    Raises:
        InvalidUpload: It holds what JSON cannot, such as half of a character.
    """
    try:
        return _ENCODER.encode(value)
    except (ValueError, TypeError) as error:
        raise _no_json(error) from error


def encode_lines(values: Iterable[object]) -> bytes:
    """JSON, a value on each line; raises as `encode` does."""
    try:
        return _ENCODER.encode_lines(values)
    except (ValueError, TypeError) as error:
        raise _no_json(error) from error


def _no_json(error: Exception) -> InvalidUpload:
    return InvalidUpload(f"expected annotations that JSON can hold, got one that it cannot: {error}")


def wire_form(annotation: Annotation) -> object:
    """What is encoded for an annotation that has been checked."""
    if type(annotation) is BoxAnnotation:
        return Box(
            label=annotation.label,
            geometry=BoxGeometry(annotation.x, annotation.y, annotation.width, annotation.height),
            reference_id=annotation.reference_id,
            annotation_id=annotation.annotation_id,
            metadata=json_text(annotation.metadata),
            embedding_vector=annotation.embedding_vector,
            track_reference_id=annotation.track_reference_id,
            task_id=annotation._task_id,
        )
    if type(annotation) is BoxPrediction:
        return Box(
            label=annotation.label,
            geometry=BoxGeometry(annotation.x, annotation.y, annotation.width, annotation.height),
            reference_id=annotation.reference_id,
            annotation_id=annotation.annotation_id,
            confidence=annotation.confidence,
            class_pdf=annotation.class_pdf,
            metadata=json_text(annotation.metadata),
            embedding_vector=annotation.embedding_vector,
            track_reference_id=annotation.track_reference_id,
            item_id=annotation.dataset_item_id,
            dataset_id=annotation.dataset_id,
        )
    payload = annotation.to_payload()
    if payload.get("metadata"):
        payload["metadata"] = json_text(payload["metadata"])
    return payload


def json_text(metadata: Mapping[str, Any] | None) -> msgspec.Raw | None:
    """Metadata as JSON; raises ValueError or TypeError if that is impossible, where msgspec would write NaN as null."""
    if not metadata:
        return None
    # The common case at the least cost: texts and numbers, which there may be millions of.
    for value in metadata.values():
        kind = type(value)
        if not (kind in _PLAIN or (kind is float and math.isfinite(value))):
            return msgspec.Raw(
                json.dumps(metadata, allow_nan=False, ensure_ascii=False, separators=(",", ":")).encode()
            )
    return msgspec.Raw(msgspec.json.encode(metadata))


def check(annotations: Sequence[Any], first_row: int = 0) -> None:
    """Look at all annotations before any is sent.

    Raises:
        InvalidUpload: Some cannot be sent; the first 20 are named, and `bad_rows()` lists all.
    """
    for row, annotation in enumerate(annotations, first_row):
        if not isinstance(annotation, Annotation):
            raise InvalidUpload(
                "expected annotations or predictions, such as nucleus.BoxAnnotation, got "
                f"{type(annotation).__name__} in row {row}"
            )
    problems = [
        problem
        for row, annotation in enumerate(annotations, first_row)
        if not _is_plain_box(annotation)
        for problem in _problems(annotation, row)
    ]
    if problems:
        raise refusal(problems)
    check_repeated(
        [
            (a.reference_id or a.dataset_item_id, getattr(a, "annotation_id", None), getattr(a, "_task_id", None))
            for a in annotations
        ],
        first_row,
    )


def check_repeated(keys: Sequence[tuple[object, object, object]], first_row: int) -> None:
    """Look at (item, annotation id, task id) of annotations that are sent together; those without an id are all different.

    Raises:
        DuplicateIDError: Two have all three in common.
    """
    with_id = [key for key in keys if key[1] is not None]
    if len(set(with_id)) == len(with_id):
        return
    counts = Counter(with_id)
    repeated = [row for row, key in enumerate(keys, first_row) if key[1] is not None and counts[key] > 1]
    shown = ", ".join(f"{key[1]!r} on item {key[0]!r}" for key in [k for k, n in counts.items() if n > 1][:MAX_LISTED])
    raise DuplicateIDError(
        f"expected every annotation_id once on an item, got {len(repeated)} annotations that share theirs with another: "
        f"{shown}; leave copies out, or give ids of your own",
        [
            {
                "row": row,
                "reference_id": keys[row - first_row][0],
                "function": "",
                "field": "annotation_id",
                "value": keys[row - first_row][1],
                "problem": "given more than once",
            }
            for row in repeated
        ],
    )


def refusal(problems: Sequence[Problem]) -> InvalidUpload:
    """The error about annotations that cannot be sent: the first kind of problem in words, all in its rows."""
    first = problems[0]
    alike = [p for p in problems if (p.field, p.expected) == (first.field, first.expected)]
    shown = ", ".join(f"{p.value!r} in row {p.row} (item {p.reference_id!r})" for p in alike[:MAX_LISTED])
    rest = f" and {len(alike) - MAX_LISTED} more" if len(alike) > MAX_LISTED else ""
    others = f"; {len(problems) - len(alike)} other problems, see bad_rows()" if len(problems) > len(alike) else ""
    return InvalidUpload(
        f"expected as {first.field} {first.expected}; got {shown}{rest}{others}",
        [
            {
                "row": p.row,
                "reference_id": p.reference_id,
                "function": "",
                "field": p.field,
                "value": p.value,
                "problem": f"expected {p.expected}",
            }
            for p in problems
        ],
    )


def is_finite(numbers: Sequence[Any]) -> bool:
    """Whether all of them are finite numbers."""
    # The sum of finite numbers is finite unless it overflows; only then each is looked at.
    try:
        return math.isfinite(sum(numbers)) or all(map(math.isfinite, numbers))
    except (TypeError, OverflowError):
        return False


def _is_plain_box(box: Any) -> bool:
    """Whether it is a box without anything wrong or unusual: the common case at the least cost, there may be millions."""
    kind = type(box)
    if kind is not BoxAnnotation and kind is not BoxPrediction:
        return False
    try:
        return bool(
            type(box.label) is type(box.reference_id) is type(box.annotation_id) is str
            and box.label
            and box.reference_id
            and box.annotation_id
            and "\0" not in box.annotation_id
            and "\0" not in box.label
            and "\0" not in box.reference_id
            and box.width >= 0
            and box.height >= 0
            and math.isfinite(box.x + box.y + box.width + box.height)
            and not box.metadata
            and box.embedding_vector is None
            and (
                kind is BoxAnnotation
                or ((box.confidence is None or 0 <= box.confidence <= 1) and box.class_pdf is None)
            )
        )
    except TypeError:
        return False


def _problems(annotation: Annotation, row: int) -> Iterable[Problem]:
    reference: object = annotation.reference_id
    if not is_text(reference) and not (reference is None and annotation.dataset_item_id):
        yield Problem(row, reference, "reference_id", reference, EXPECTED_TEXT)
    if isinstance(annotation, MultiCategoryAnnotation):
        if not annotation.labels:
            yield Problem(row, reference, "labels", annotation.labels, "at least one label")
        yield from (Problem(row, reference, "label", x, EXPECTED_TEXT) for x in annotation.labels if not is_text(x))
    elif not isinstance(annotation, SegmentationAnnotation) and not is_text(
        label := getattr(annotation, "label", None)
    ):
        yield Problem(row, reference, "label", label, EXPECTED_TEXT)
    annotation_id = getattr(annotation, "annotation_id", None)
    if annotation_id is not None and not is_text(annotation_id):
        yield Problem(row, reference, "annotation_id", annotation_id, f"{EXPECTED_TEXT}, or None")
    if not is_finite(numbers := _numbers(annotation)):
        yield Problem(row, reference, "geometry", _odd(numbers), EXPECTED_FINITE)
    else:
        yield from (Problem(row, reference, "geometry", x, EXPECTED_SIZE) for x in _sizes(annotation) if x < 0)
    for name, is_wrong, expected in CELL_CHECKS:
        if is_wrong(value := getattr(annotation, name, None)):
            yield Problem(row, reference, name, value, expected)


def is_text(value: object) -> bool:
    """Whether it can be a label, or an id."""
    return isinstance(value, str) and bool(value) and "\0" not in value


def _sizes(annotation: Annotation) -> Sequence[Any]:
    if isinstance(annotation, BoxAnnotation):
        return annotation.width, annotation.height
    return annotation.dimensions.to_list() if isinstance(annotation, CuboidAnnotation) else ()


def _numbers(annotation: Annotation) -> Sequence[Any]:
    if isinstance(annotation, BoxAnnotation):
        return (annotation.x, annotation.y, annotation.width, annotation.height)
    if isinstance(annotation, (LineAnnotation, PolygonAnnotation)):
        return [number for vertex in annotation.vertices for number in (vertex.x, vertex.y)]
    if isinstance(annotation, CuboidAnnotation):
        return [*annotation.position.to_list(), *annotation.dimensions.to_list(), annotation.yaw]
    if isinstance(annotation, KeypointsAnnotation):
        return [n for point in annotation.keypoints for n in (point.x, point.y) if n is not None]
    return ()


def _odd(numbers: Sequence[Any]) -> object:
    return next((number for number in numbers if not is_finite((number,))), None)


def _is_no_confidence(value: Any) -> bool:
    if value is None:
        return False
    try:
        return not 0 <= value <= 1
    except TypeError:
        return True


def _is_no_distribution(value: Any) -> bool:
    if value is None:
        return False
    if not isinstance(value, Mapping) or any(p is None or _is_no_confidence(p) for p in value.values()):
        return True
    return abs(math.fsum(value.values()) - 1) > PDF_TOLERANCE


def _is_no_vector(value: Any) -> bool:
    return value is not None and not is_finite(value)


def _is_no_json(value: Any) -> bool:
    if not value:
        return False
    try:
        return not isinstance(value, Mapping) or json_text(value) is None
    except (ValueError, TypeError, RecursionError):
        return True


def _python_value(value: Any) -> Any:
    """What a number of numpy, or an array, is in Python."""
    for name in ("tolist", "item"):
        convert = getattr(value, name, None)
        if callable(convert):
            return convert()
    raise TypeError(f"{type(value).__name__} cannot be sent as JSON")


_ENCODER = msgspec.json.Encoder(enc_hook=_python_value)

CELL_CHECKS: tuple[tuple[str, Callable[[Any], bool], str], ...] = (
    ("confidence", _is_no_confidence, "a number in [0, 1], or None without one"),
    (
        "class_pdf",
        _is_no_distribution,
        "a probability in [0, 1] of every class, 1 in all; leave class_pdf out if you have less than that",
    ),
    ("embedding_vector", _is_no_vector, EXPECTED_FINITE),
    ("metadata", _is_no_json, "a mapping of what JSON can hold: texts, finite numbers, lists and mappings of them"),
)
"""Attributes, which are columns of tables too: what is wrong as one, and what is expected."""
