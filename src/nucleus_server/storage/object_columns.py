"""How the objects of one item and one kind become two blobs, and become objects again, exactly as they were sent.

`data` is what numbers are computed from: labels, sequences, coordinates, confidences. `details` is the rest: users' ids,
metadata, tracks, tasks. Numbers are float64 with a bitmap of those that were whole, so that `10` does not come back as
`10.0`; NaN stands for a number that was not sent.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import zstandard
from msgspec import Struct

from nucleus_server.domain import (
    AnyObject,
    Box,
    BoxGeometry,
    Category,
    Cuboid,
    CuboidGeometry,
    Dimensions,
    Keypoint,
    Keypoints,
    KeypointsGeometry,
    Line,
    Mask,
    Multicategory,
    NoGeometry,
    ObjectKind,
    Point,
    Polygon,
    Segment,
    Vector,
    Vertices,
)
from nucleus_server.errors import StorageCorrupt

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Numbers = Sequence[int | float | None]

_LEVEL = 3


class _Data(Struct, array_like=True):
    n: int
    sequences: bytes  # <u4 [n]
    labels: list[str]  # the different ones
    codes: bytes  # <u2 or <u4 [sum of label counts], places in `labels`
    lengths: bytes  # <u4 [n], how many parts each object has; empty where every one has the same number
    numbers: bytes  # <f8, the numbers of all objects one after another
    whole: bytes  # a bit for each of them: it was an int
    confidences: bytes  # <f8 [n], empty if there are none
    whole_confidences: bytes


class _Details(Struct, array_like=True):
    annotation_ids: list[str | None] | None = None
    task_ids: list[str | None] | None = None
    tracks: list[str | None] | None = None
    metadata: list[dict[str, Any] | None] | None = None
    embeddings: list[list[int | float] | None] | None = None
    class_pdfs: list[dict[str, int | float] | None] | None = None
    taxonomies: list[str | None] | None = None
    # What only one kind has: names, skeleton and visibility of keypoints; the address and the segments' metadata of a mask.
    rest: list[Any] | None = None


_ENCODER = msgspec.json.Encoder()
_DATA = msgspec.msgpack.Decoder(_Data)
_DETAILS = msgspec.json.Decoder(_Details)


@dataclass(frozen=True, slots=True)
class PackedNumbers:
    """The numbers of a row, for functions on arrays.

    Attributes:
        sequences: int64 [n], each object's part of its public id.
        labels: The different labels.
        codes: int64, places in `labels`: one for each object, or for kinds that have several, for each part.
        lengths: int64 [n], how many parts (points, labels, segments) each object has, or None.
        numbers: float64, the coordinates of all objects one after another; NaN where none was sent.
        confidences: float64 [n], NaN where none was sent, or None.
    """

    sequences: NDArray[np.int64]
    labels: tuple[str, ...]
    codes: NDArray[np.int64]
    lengths: NDArray[np.int64] | None
    numbers: NDArray[np.float64]
    confidences: NDArray[np.float64] | None


def pack(kind: ObjectKind, objects: Sequence[AnyObject], sequences: Sequence[int]) -> tuple[bytes, bytes]:
    """(data, details) of the objects of one item and kind."""
    take, _ = _FORMS[kind]
    labels, lengths, numbers, rest = take(objects)
    known: dict[str, int] = {}
    places = [known.setdefault(label, len(known)) for label in labels]
    codes = np.array(places, dtype="<u4" if len(known) > 0xFFFF else "<u2")
    values, whole = _as_floats(numbers)
    confidences = [o.confidence for o in objects]
    has_confidences = any(c is not None for c in confidences)
    confidence_values, whole_confidences = _as_floats(confidences) if has_confidences else (b"", b"")
    data = _Data(
        len(objects),
        np.array(sequences, dtype="<u4").tobytes(),
        list(known),
        codes.tobytes(),
        b"" if lengths is None else np.array(lengths, dtype="<u4").tobytes(),
        values,
        whole,
        confidence_values,
        whole_confidences,
    )
    details = _Details(
        _column([getattr(o, "annotation_id", None) for o in objects]),
        _column([getattr(o, "task_id", None) for o in objects]),
        _column([o.track_reference_id for o in objects]),
        _column([o.metadata for o in objects]),
        _column([getattr(o, "embedding_vector", None) for o in objects]),
        _column([o.class_pdf for o in objects]),
        _column([getattr(o, "taxonomy_name", None) for o in objects]),
        rest,
    )
    return (
        zstandard.compress(msgspec.msgpack.encode(data), _LEVEL),
        zstandard.compress(_ENCODER.encode(details), _LEVEL),
    )


def unpack_numbers(data: bytes) -> PackedNumbers:
    """The numbers of a row, without making objects of them."""
    packed = _read(data)
    return PackedNumbers(
        sequences=np.frombuffer(packed.sequences, dtype="<u4").astype(np.int64),
        labels=tuple(packed.labels),
        codes=np.frombuffer(packed.codes, dtype="<u4" if len(packed.labels) > 0xFFFF else "<u2").astype(np.int64),
        lengths=np.frombuffer(packed.lengths, dtype="<u4").astype(np.int64) if packed.lengths else None,
        numbers=np.frombuffer(packed.numbers, dtype="<f8"),
        confidences=np.frombuffer(packed.confidences, dtype="<f8") if packed.confidences else None,
    )


def unpack_sequences(data: bytes) -> list[int]:
    """The sequences of a row's objects."""
    return list(np.frombuffer(_read(data).sequences, dtype="<u4").tolist())


def unpack_labels(data: bytes) -> list[str]:
    """The label of each object, or of each of its parts."""
    packed = unpack_numbers(data)
    return [packed.labels[code] for code in packed.codes]


def unpack_tracks(details: bytes) -> list[str | None] | None:
    """The track of each object; None if no object has one."""
    return _read_details(details).tracks


def unpack(kind: ObjectKind, data: bytes, details: bytes, reference_id: str) -> tuple[list[AnyObject], list[int]]:
    """(objects, sequences) of a row; `reference_id` is that of the item or scene that they are about."""
    packed, more = _read(data), _read_details(details)
    n = packed.n
    numbers = _as_numbers(packed.numbers, packed.whole)
    confidences = _as_numbers(packed.confidences, packed.whole_confidences) if packed.confidences else [None] * n
    codes = np.frombuffer(packed.codes, dtype="<u4" if len(packed.labels) > 0xFFFF else "<u2").tolist()
    labels = [packed.labels[code] for code in codes]
    lengths = np.frombuffer(packed.lengths, dtype="<u4").tolist() if packed.lengths else [0] * n
    shared: list[dict[str, Any]] = [
        {"reference_id": reference_id, "confidence": confidence, "track_reference_id": track, "metadata": metadata,
         "class_pdf": class_pdf}
        for confidence, track, metadata, class_pdf in zip(
            confidences,
            more.tracks or [None] * n,
            more.metadata or [None] * n,
            more.class_pdfs or [None] * n,
            strict=True,
        )
    ]  # fmt: skip
    if kind in _WITH_TAXONOMY:
        for fields, taxonomy in zip(shared, more.taxonomies or [None] * n, strict=True):
            fields["taxonomy_name"] = taxonomy
    elif kind is ObjectKind.MASK:
        for fields, annotation_id in zip(shared, more.annotation_ids or [None] * n, strict=True):
            fields["annotation_id"] = annotation_id
    else:
        ids, tasks = more.annotation_ids or [None] * n, more.task_ids or [None] * n
        for fields, annotation_id, task_id, vector in zip(
            shared, ids, tasks, more.embeddings or [None] * n, strict=True
        ):
            fields.update(annotation_id=annotation_id, task_id=task_id, embedding_vector=vector)
    _, make = _FORMS[kind]
    objects = make(_Parts(labels, lengths, numbers, more.rest or []), shared)
    return objects, np.frombuffer(packed.sequences, dtype="<u4").tolist()


_WITH_TAXONOMY = (ObjectKind.CATEGORY, ObjectKind.MULTICATEGORY)


def _read(data: bytes) -> _Data:
    try:
        return _DATA.decode(zstandard.decompress(data))
    except (zstandard.ZstdError, msgspec.MsgspecError) as error:
        raise StorageCorrupt("stored annotations cannot be read; restore a backup") from error


def _read_details(details: bytes) -> _Details:
    try:
        return _DETAILS.decode(zstandard.decompress(details))
    except (zstandard.ZstdError, msgspec.MsgspecError) as error:
        raise StorageCorrupt("details of stored annotations cannot be read; restore a backup") from error


def _column(values: list[Any]) -> list[Any] | None:
    return values if any(value is not None for value in values) else None


def _as_floats(numbers: Numbers) -> tuple[bytes, bytes]:
    # As floats, None becomes NaN.
    values = np.array(numbers, dtype="<f8")
    # Only numbers that could be ints are looked at one by one.
    may_be = np.flatnonzero(np.rint(values) == values)
    is_whole = np.zeros(len(values), dtype=bool)
    is_whole[may_be] = [type(numbers[place]) is int for place in may_be.tolist()]
    return values.tobytes(), np.packbits(is_whole).tobytes()


def _as_numbers(values: bytes, whole: bytes) -> list[int | float | None]:
    floats = np.frombuffer(values, dtype="<f8")
    is_whole = np.unpackbits(np.frombuffer(whole, dtype=np.uint8), count=len(floats)).astype(bool)
    numbers: list[int | float | None] = floats.tolist()
    for place in np.flatnonzero(is_whole).tolist():
        numbers[place] = int(floats[place])
    for place in np.flatnonzero(np.isnan(floats)).tolist():
        numbers[place] = None
    return numbers


@dataclass(slots=True)
class _Parts:
    """The columns of a row, of which each object takes its share in turn."""

    labels: list[str]
    lengths: list[int]
    numbers: list[Any]
    rest: list[Any]


_Taken = tuple[list[str], "list[int] | None", "list[int | float | None]", "list[Any] | None"]


def _take_boxes(objects: Sequence[Any]) -> _Taken:
    numbers: list[int | float | None] = []
    for o in objects:
        g = o.geometry
        numbers += (g.x, g.y, g.width, g.height)
    return [o.label for o in objects], None, numbers, None


def _make_boxes(parts: _Parts, shared: list[dict[str, Any]]) -> list[AnyObject]:
    n = parts.numbers
    return [
        Box(label=label, geometry=BoxGeometry(*n[4 * i : 4 * i + 4]), **fields)
        for i, (label, fields) in enumerate(zip(parts.labels, shared, strict=True))
    ]


def _take_vertices(objects: Sequence[Any]) -> _Taken:
    numbers: list[int | float | None] = []
    for o in objects:
        for point in o.geometry.vertices:
            numbers += (point.x, point.y)
    return [o.label for o in objects], [len(o.geometry.vertices) for o in objects], numbers, None


def _shapes_maker(shape: type[Line] | type[Polygon]) -> Callable[[_Parts, list[dict[str, Any]]], list[AnyObject]]:
    def make(parts: _Parts, shared: list[dict[str, Any]]) -> list[AnyObject]:
        made: list[AnyObject] = []
        place = 0
        for label, length, fields in zip(parts.labels, parts.lengths, shared, strict=True):
            end = place + 2 * length
            points = [Point(parts.numbers[i], parts.numbers[i + 1]) for i in range(place, end, 2)]
            made.append(shape(label=label, geometry=Vertices(points), **fields))
            place = end
        return made

    return make


def _take_keypoints(objects: Sequence[Any]) -> _Taken:
    numbers: list[int | float | None] = []
    rest = []
    for o in objects:
        for point in o.geometry.keypoints:
            numbers += (point.x, point.y)
        rest.append([o.geometry.names, o.geometry.skeleton, [point.visible for point in o.geometry.keypoints]])
    return [o.label for o in objects], [len(o.geometry.keypoints) for o in objects], numbers, rest


def _make_keypoints(parts: _Parts, shared: list[dict[str, Any]]) -> list[AnyObject]:
    made: list[AnyObject] = []
    place = 0
    for label, (names, skeleton, visible), fields in zip(parts.labels, parts.rest, shared, strict=True):
        points = [
            Keypoint(parts.numbers[place + 2 * i], parts.numbers[place + 2 * i + 1], is_visible)
            for i, is_visible in enumerate(visible)
        ]
        place += 2 * len(visible)
        made.append(Keypoints(label=label, geometry=KeypointsGeometry(points, names, skeleton), **fields))
    return made


def _take_cuboids(objects: Sequence[Any]) -> _Taken:
    numbers: list[int | float | None] = []
    for o in objects:
        p, d = o.geometry.position, o.geometry.dimensions
        numbers += (p.x, p.y, p.z, d.x, d.y, d.z, o.geometry.yaw)
    return [o.label for o in objects], None, numbers, None


def _make_cuboids(parts: _Parts, shared: list[dict[str, Any]]) -> list[AnyObject]:
    made: list[AnyObject] = []
    for i, (label, fields) in enumerate(zip(parts.labels, shared, strict=True)):
        n = parts.numbers[7 * i : 7 * i + 7]
        geometry = CuboidGeometry(Vector(*n[:3]), Dimensions(*n[3:6]), n[6])
        made.append(Cuboid(label=label, geometry=geometry, **fields))
    return made


def _take_categories(objects: Sequence[Any]) -> _Taken:
    return [o.label for o in objects], None, [], None


def _make_categories(parts: _Parts, shared: list[dict[str, Any]]) -> list[AnyObject]:
    return [
        Category(label=label, geometry=NoGeometry(), **fields)
        for label, fields in zip(parts.labels, shared, strict=True)
    ]


def _take_multicategories(objects: Sequence[Any]) -> _Taken:
    return [label for o in objects for label in o.labels], [len(o.labels) for o in objects], [], None


def _make_multicategories(parts: _Parts, shared: list[dict[str, Any]]) -> list[AnyObject]:
    labels = iter(parts.labels)
    return [
        Multicategory(labels=[next(labels) for _ in range(length)], geometry=NoGeometry(), **fields)
        for length, fields in zip(parts.lengths, shared, strict=True)
    ]


def _take_masks(objects: Sequence[Any]) -> _Taken:
    segments = [segment for o in objects for segment in o.annotations]
    return (
        [segment.label for segment in segments],
        [len(o.annotations) for o in objects],
        [segment.index for segment in segments],
        [[o.mask_url, [segment.metadata for segment in o.annotations]] for o in objects],
    )


def _make_masks(parts: _Parts, shared: list[dict[str, Any]]) -> list[AnyObject]:
    made: list[AnyObject] = []
    place = 0
    for length, (mask_url, metadata), fields in zip(parts.lengths, parts.rest, shared, strict=True):
        segments = [
            Segment(label=parts.labels[place + i], index=parts.numbers[place + i], metadata=metadata[i])
            for i in range(length)
        ]
        place += length
        made.append(Mask(mask_url=mask_url, annotations=segments, **fields))
    return made


_Take = Callable[[Sequence[Any]], _Taken]
_Make = Callable[[_Parts, list[dict[str, Any]]], list[AnyObject]]
_FORMS: dict[ObjectKind, tuple[_Take, _Make]] = {
    ObjectKind.BOX: (_take_boxes, _make_boxes),
    ObjectKind.LINE: (_take_vertices, _shapes_maker(Line)),
    ObjectKind.POLYGON: (_take_vertices, _shapes_maker(Polygon)),
    ObjectKind.KEYPOINTS: (_take_keypoints, _make_keypoints),
    ObjectKind.CUBOID: (_take_cuboids, _make_cuboids),
    ObjectKind.CATEGORY: (_take_categories, _make_categories),
    ObjectKind.MULTICATEGORY: (_take_multicategories, _make_multicategories),
    ObjectKind.MASK: (_take_masks, _make_masks),
}


def kind_of(value: AnyObject) -> ObjectKind:
    """The kind of an object."""
    return _KINDS[type(value)]


_KINDS: dict[type, ObjectKind] = {
    Box: ObjectKind.BOX,
    Line: ObjectKind.LINE,
    Polygon: ObjectKind.POLYGON,
    Keypoints: ObjectKind.KEYPOINTS,
    Cuboid: ObjectKind.CUBOID,
    Category: ObjectKind.CATEGORY,
    Multicategory: ObjectKind.MULTICATEGORY,
    Mask: ObjectKind.MASK,
}


def labels_of(objects: Iterable[AnyObject]) -> list[str]:
    """Every label that stands in these objects, as often as it does."""
    found: list[str] = []
    for value in objects:
        if isinstance(value, Multicategory):
            found += value.labels
        elif isinstance(value, Mask):
            found += [segment.label for segment in value.annotations]
        else:
            found.append(value.label)
    return found
