"""Annotations (ground truth) and predictions (of a model): what both are is called an object.

The values are in the form in which clients send and read them, so that a body becomes objects, and objects an answer, in
one pass. Numbers stay what they were: an `int` comes back as an `int`. What was not sent is None. The garbage collector
leaves them out, because nothing that comes from JSON refers back to itself, and there are many of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Annotated, NamedTuple, TypeAlias

from msgspec import Meta, Struct

from nucleus_server.domain.base import Json

LARGEST_WHOLE = 2**53

Coordinate: TypeAlias = Annotated[int, Meta(ge=-LARGEST_WHOLE, le=LARGEST_WHOLE)] | float
"""Pixels, metres or radians, finite; integers of at most 2^53, which float64 holds exactly."""

Size: TypeAlias = Annotated[int, Meta(ge=0, le=LARGEST_WHOLE)] | Annotated[float, Meta(ge=0)]
"""A width, a height or a dimension: a number that is not negative."""

Confidence: TypeAlias = Annotated[int, Meta(ge=0, le=1)] | Annotated[float, Meta(ge=0, le=1)]
"""From 0 to 1."""


class ObjectKind(str, Enum):
    """What an object's geometry is."""

    BOX = "box"
    LINE = "line"
    POLYGON = "polygon"
    KEYPOINTS = "keypoints"
    CUBOID = "cuboid"
    CATEGORY = "category"
    MULTICATEGORY = "multicategory"
    MASK = "mask"

    __hash__ = str.__hash__  # looked up for every object: an enum's own is a function in Python


GEOMETRIC = (ObjectKind.BOX, ObjectKind.LINE, ObjectKind.POLYGON, ObjectKind.KEYPOINTS, ObjectKind.CUBOID)
"""The kinds of which an item has many, each known by the user's id of it."""

CATEGORICAL = (ObjectKind.CATEGORY, ObjectKind.MULTICATEGORY)
"""The kinds of which an item has one for each taxonomy."""


class ObjectOwner(str, Enum):
    """What an object is about."""

    ITEM = "item"
    SCENE = "scene"

    __hash__ = str.__hash__


class Object(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False, tag_field="type"):
    """What all kinds share.

    `reference_id` is the item's or the scene's; run-free predictions may name their item by `item_id` instead. `id` and
    `dataset_item_id`, our ids of the object and its item, stand in answers only.
    """

    id: str | None = None
    dataset_item_id: str | None = None
    reference_id: str | None = None
    item_id: str | None = None
    dataset_id: str | None = None
    metadata: Json | None = None
    track_reference_id: str | None = None
    confidence: Confidence | None = None
    class_pdf: dict[str, Confidence] | None = None


class GeometricObject(Object, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """An object that has a place on its item, and an id of its user's."""

    label: str
    annotation_id: str | None = None
    task_id: str | None = None
    embedding_vector: list[Coordinate] | None = None


class BoxGeometry(Struct, frozen=True, gc=False):
    """A rectangle: `x`, `y` its left top corner, in pixels, with continuous edges."""

    x: Coordinate
    y: Coordinate
    width: Size
    height: Size


class Point(Struct, frozen=True, gc=False):
    """A point, in pixels."""

    x: Coordinate
    y: Coordinate


class Vertices(Struct, frozen=True, gc=False):
    """The vertices of a line or a polygon, in order."""

    vertices: list[Point]


class Keypoint(Struct, frozen=True, gc=False):
    """A named point; one that is not placed has no coordinates."""

    x: Coordinate | None = None
    y: Coordinate | None = None
    visible: bool | int | None = None


class KeypointsGeometry(Struct, frozen=True, gc=False):
    """Points with their names, and which of them are joined; `names` and `skeleton` are of the whole skeleton."""

    keypoints: list[Keypoint]
    names: list[str]
    skeleton: list[list[int]] | None = None


class Vector(Struct, frozen=True, gc=False):
    """A place in space, in metres."""

    x: Coordinate
    y: Coordinate
    z: Coordinate


class Dimensions(Struct, frozen=True, gc=False):
    """An extent in space, in metres."""

    x: Size
    y: Size
    z: Size


class CuboidGeometry(Struct, frozen=True, gc=False):
    """A box in space: its centre, its extent along its own axes, and its rotation about the vertical axis in radians."""

    position: Vector
    dimensions: Dimensions
    yaw: Coordinate


class NoGeometry(Struct, frozen=True, gc=False):
    """The geometry of what is said of a whole item."""


class Box(GeometricObject, frozen=True, kw_only=True, omit_defaults=True, gc=False, tag="box"):
    """A rectangle on an image."""

    geometry: BoxGeometry


class Line(GeometricObject, frozen=True, kw_only=True, omit_defaults=True, gc=False, tag="line"):
    """A line of several segments on an image."""

    geometry: Vertices


class Polygon(GeometricObject, frozen=True, kw_only=True, omit_defaults=True, gc=False, tag="polygon"):
    """An area on an image."""

    geometry: Vertices


class Keypoints(GeometricObject, frozen=True, kw_only=True, omit_defaults=True, gc=False, tag="keypoints"):
    """A skeleton on an image."""

    geometry: KeypointsGeometry


class Cuboid(GeometricObject, frozen=True, kw_only=True, omit_defaults=True, gc=False, tag="cuboid"):
    """A box in a point cloud."""

    geometry: CuboidGeometry


class Category(Object, frozen=True, kw_only=True, omit_defaults=True, gc=False, tag="category"):
    """A label of a whole item or scene, of one taxonomy or of none."""

    label: str
    geometry: NoGeometry | None = None
    taxonomy_name: str | None = None


class Multicategory(Object, frozen=True, kw_only=True, omit_defaults=True, gc=False, tag="multicategory"):
    """Several labels of a whole item, of one taxonomy or of none."""

    labels: list[str]
    geometry: NoGeometry | None = None
    taxonomy_name: str | None = None


class Segment(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """What the pixels of one value in a mask are."""

    label: str
    index: Annotated[int, Meta(ge=0, le=LARGEST_WHOLE)]
    metadata: Json | None = None


class Mask(Object, frozen=True, kw_only=True, omit_defaults=True, gc=False, tag="mask"):
    """A picture whose pixel values say what is there; an item has at most one."""

    mask_url: str
    annotations: list[Segment]
    annotation_id: str | None = None


AnyObject: TypeAlias = Box | Line | Polygon | Keypoints | Cuboid | Category | Multicategory | Mask


class StoredObject(NamedTuple):
    """An object as stored, with its public id and the item or scene that it is about."""

    id: str
    owner: ObjectOwner
    ordinal: int
    value: AnyObject


@dataclass(frozen=True, slots=True)
class ObjectCounts:
    """What an upload of objects did; `errors` names those that could not be stored, each in a sentence."""

    n_processed: int
    n_ignored: int
    errors: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Taxonomy:
    """The labels that a kind of category may have; `kind` is "category" or "multicategory"."""

    name: str
    kind: str
    labels: tuple[str, ...]
