"""Annotations: what is true of items and scenes. One class for each kind, as it is written and as it is sent."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from nucleus._geometry import Keypoint, Point, Point3D, points_of

_REMOTE = re.compile(r"(https?|s3|gs)://", re.IGNORECASE)


def ours() -> Any:
    """The field of the server's item id, which objects of yours do not have."""
    return field(default=None, repr=False, compare=False, kw_only=True)


class Annotation:
    """What all kinds of annotations have in common.

    Attributes:
        reference_id: Of the item, or of the scene, that it is on.
        dataset_item_id: The server's id of this item, on annotations that it answers with.
    """

    reference_id: str
    dataset_item_id: str | None
    _kinds: ClassVar[dict[str, type[Annotation]]] = {}

    def __init_subclass__(cls, kind: str | None = None) -> None:
        if kind is not None:
            Annotation._kinds[kind] = cls

    @classmethod
    def from_json(cls, payload: Mapping[str, Any]) -> Annotation:
        """The annotation that the server describes, of the class that its `type` says."""
        return Annotation._kinds.get(payload.get("type", ""), SegmentationAnnotation).from_json(payload)

    def to_payload(self) -> dict[str, Any]:
        """What is sent of it."""
        raise NotImplementedError

    def to_json(self) -> str:
        """The same as JSON text.

        Raises:
            ValueError: A number is NaN or infinite, which JSON does not have.
        """
        return json.dumps(self.to_payload(), allow_nan=False)

    def has_local_files_to_upload(self) -> bool:
        """Whether it is a mask in a local file; raises FileNotFoundError if that is not there."""
        return False


@dataclass
class BoxAnnotation(Annotation, kind="box"):
    """An axis-aligned box on an image.

    Attributes:
        label: Its class.
        x: Of its left edge, in pixels from the image's left edge.
        y: Of its top edge, in pixels from the image's top edge.
        width: In pixels.
        height: In pixels.
        reference_id: Of the item it is on.
        annotation_id: Your own id of it, unique among the item's annotations; made of the box itself if you give none, so
            that the same box is never stored twice.
        metadata: Anything that JSON can hold.
        embedding_vector: Numbers that describe what is in it; of one length in a dataset.
        track_reference_id: Of the track that it is one sighting of.
    """

    label: str
    x: float
    y: float
    width: float
    height: float
    reference_id: str
    annotation_id: str | None = None
    metadata: dict[str, Any] | None = None
    embedding_vector: list[float] | None = None
    track_reference_id: str | None = None
    _task_id: str | None = field(default=None, repr=False)
    dataset_item_id: str | None = ours()

    def __post_init__(self) -> None:
        self.metadata = self.metadata or {}
        if self.annotation_id is None:
            self.annotation_id = f"{self.label}-{self.x}-{self.y}-{self.width}-{self.height}-{self.reference_id}"

    @classmethod
    def from_json(cls, payload: Mapping[str, Any]) -> BoxAnnotation:
        """The box that the server describes."""
        geometry = payload["geometry"]
        return cls(
            label=payload["label"],
            x=geometry["x"],
            y=geometry["y"],
            width=geometry["width"],
            height=geometry["height"],
            embedding_vector=payload.get("embedding_vector"),
            **common(payload),
        )

    def to_payload(self) -> dict[str, Any]:
        """What is sent of it."""
        return {
            "label": self.label,
            "type": "box",
            "geometry": {"x": self.x, "y": self.y, "width": self.width, "height": self.height},
            "reference_id": self.reference_id,
            "annotation_id": self.annotation_id,
            "metadata": self.metadata,
            "embedding_vector": self.embedding_vector,
            "track_reference_id": self.track_reference_id,
            "task_id": self._task_id,
        }


@dataclass
class LineAnnotation(Annotation, kind="line"):
    """A line through points of an image; it does not close.

    Attributes:
        label: Its class.
        vertices: Its points, in order.
        reference_id: Of the item it is on.
        annotation_id: Your own id of it, unique among the item's annotations; the server gives it one if you do not.
        metadata: Anything that JSON can hold.
        track_reference_id: Of the track that it is one sighting of.
    """

    label: str
    vertices: list[Point]
    reference_id: str
    annotation_id: str | None = None
    metadata: dict[str, Any] | None = None
    track_reference_id: str | None = None
    _task_id: str | None = field(default=None, repr=False)
    dataset_item_id: str | None = ours()

    def __post_init__(self) -> None:
        self.metadata = self.metadata or {}
        self.vertices = points_of(self.vertices)

    @classmethod
    def from_json(cls, payload: Mapping[str, Any]) -> LineAnnotation:
        """The line that the server describes."""
        vertices = [Point.from_json(vertex) for vertex in payload["geometry"]["vertices"]]
        return cls(label=payload["label"], vertices=vertices, **common(payload))

    def to_payload(self) -> dict[str, Any]:
        """What is sent of it."""
        return {
            "label": self.label,
            "type": "line",
            "geometry": {"vertices": [vertex.to_payload() for vertex in self.vertices]},
            "reference_id": self.reference_id,
            "annotation_id": self.annotation_id,
            "metadata": self.metadata,
            "track_reference_id": self.track_reference_id,
            "task_id": self._task_id,
        }


@dataclass
class PolygonAnnotation(Annotation, kind="polygon"):
    """A closed area of an image.

    Attributes:
        label: Its class.
        vertices: Its corners, in order; the last is joined to the first.
        reference_id: Of the item it is on.
        annotation_id: Your own id of it, unique among the item's annotations; the server gives it one if you do not.
        metadata: Anything that JSON can hold.
        embedding_vector: Numbers that describe what is in it; of one length in a dataset.
        track_reference_id: Of the track that it is one sighting of.
    """

    label: str
    vertices: list[Point]
    reference_id: str
    annotation_id: str | None = None
    metadata: dict[str, Any] | None = None
    embedding_vector: list[float] | None = None
    track_reference_id: str | None = None
    _task_id: str | None = field(default=None, repr=False)
    dataset_item_id: str | None = ours()

    def __post_init__(self) -> None:
        self.metadata = self.metadata or {}
        self.vertices = points_of(self.vertices)

    @classmethod
    def from_json(cls, payload: Mapping[str, Any]) -> PolygonAnnotation:
        """The polygon that the server describes."""
        return cls(
            label=payload["label"],
            vertices=[Point.from_json(vertex) for vertex in payload["geometry"]["vertices"]],
            embedding_vector=payload.get("embedding_vector"),
            **common(payload),
        )

    def to_payload(self) -> dict[str, Any]:
        """What is sent of it."""
        return {
            "label": self.label,
            "type": "polygon",
            "geometry": {"vertices": [vertex.to_payload() for vertex in self.vertices]},
            "reference_id": self.reference_id,
            "annotation_id": self.annotation_id,
            "metadata": self.metadata,
            "embedding_vector": self.embedding_vector,
            "track_reference_id": self.track_reference_id,
            "task_id": self._task_id,
        }


@dataclass
class KeypointsAnnotation(Annotation, kind="keypoints"):
    """The joints of one object on an image.

    Attributes:
        label: Its class.
        keypoints: Its joints.
        names: What each is called; as many as there are joints, each once.
        reference_id: Of the item it is on.
        skeleton: Which joints are joined, as pairs of their places in the list, from 0.
        annotation_id: Your own id of it, unique among the item's annotations; made of label and reference id if you give none.
        metadata: Anything that JSON can hold.
        track_reference_id: Of the track that it is one sighting of.

    Raises:
        ValueError: The names do not fit the joints, or the skeleton joins what is not there.
    """

    label: str
    keypoints: list[Keypoint]
    names: list[str]
    reference_id: str
    skeleton: list[list[int]] | None = None
    annotation_id: str | None = None
    metadata: dict[str, Any] | None = None
    track_reference_id: str | None = None
    _task_id: str | None = field(default=None, repr=False)
    dataset_item_id: str | None = ours()

    def __post_init__(self) -> None:
        self.metadata = self.metadata or {}
        _check_skeleton(len(self.keypoints), self.names, self.skeleton)
        if self.annotation_id is None:
            self.annotation_id = f"{self.label}-{self.reference_id}-keypoints"

    @classmethod
    def from_json(cls, payload: Mapping[str, Any]) -> KeypointsAnnotation:
        """The keypoints that the server describes."""
        geometry = payload["geometry"]
        return cls(
            label=payload["label"],
            keypoints=[Keypoint.from_json(point) for point in geometry["keypoints"]],
            names=geometry["names"],
            skeleton=geometry.get("skeleton"),
            **common(payload),
        )

    def to_payload(self) -> dict[str, Any]:
        """What is sent of it."""
        return {
            "label": self.label,
            "type": "keypoints",
            "geometry": {
                "keypoints": [point.to_payload() for point in self.keypoints],
                "names": self.names,
                "skeleton": self.skeleton,
            },
            "reference_id": self.reference_id,
            "annotation_id": self.annotation_id,
            "metadata": self.metadata,
            "track_reference_id": self.track_reference_id,
            "task_id": self._task_id,
        }


@dataclass
class CuboidAnnotation(Annotation, kind="cuboid"):
    """A box in a point cloud, upright, turned about the vertical axis.

    Attributes:
        label: Its class.
        position: Its centre.
        dimensions: How long it is along its own axes.
        yaw: How far it is turned about the z axis, in radians.
        reference_id: Of the item it is on.
        annotation_id: Your own id of it, unique among the item's annotations; the server gives it one if you do not.
        metadata: Anything that JSON can hold.
        track_reference_id: Of the track that it is one sighting of.
    """

    label: str
    position: Point3D
    dimensions: Point3D
    yaw: float
    reference_id: str
    annotation_id: str | None = None
    metadata: dict[str, Any] | None = None
    track_reference_id: str | None = None
    _task_id: str | None = field(default=None, repr=False)
    dataset_item_id: str | None = ours()

    def __post_init__(self) -> None:
        self.metadata = self.metadata or {}

    @classmethod
    def from_json(cls, payload: Mapping[str, Any]) -> CuboidAnnotation:
        """The cuboid that the server describes."""
        geometry = payload["geometry"]
        return cls(
            label=payload["label"],
            position=Point3D.from_json(geometry["position"]),
            dimensions=Point3D.from_json(geometry["dimensions"]),
            yaw=geometry.get("yaw", 0),
            **common(payload),
        )

    def to_payload(self) -> dict[str, Any]:
        """What is sent of it; of the other keys, those that have a value."""
        others = {
            "annotation_id": self.annotation_id,
            "metadata": self.metadata,
            "track_reference_id": self.track_reference_id,
            "task_id": self._task_id,
        }
        return {
            "label": self.label,
            "type": "cuboid",
            "geometry": {
                "position": self.position.to_payload(),
                "dimensions": self.dimensions.to_payload(),
                "yaw": self.yaw,
            },
            "reference_id": self.reference_id,
            **{key: value for key, value in others.items() if value},
        }


@dataclass
class Segment:
    """What one value of a mask's pixels means.

    Attributes:
        label: The class of these pixels.
        index: The value.
        metadata: Anything that JSON can hold.
    """

    label: str
    index: int | None = None
    metadata: dict[str, Any] | None = None

    @classmethod
    def from_json(cls, payload: Mapping[str, Any]) -> Segment:
        """The segment that the server describes."""
        return cls(payload.get("label", ""), payload.get("index"), payload.get("metadata"))

    def to_payload(self) -> dict[str, Any]:
        """What is sent of it."""
        payload: dict[str, Any] = {"label": self.label, "index": self.index}
        return payload if self.metadata is None else {**payload, "metadata": self.metadata}


@dataclass(eq=False)
class SegmentationAnnotation(Annotation, kind="mask"):
    """A mask of an image's size that says of every pixel what it belongs to. An item has at most one.

    Two are equal whatever the order of their segments.

    Attributes:
        mask_url: URL of the mask, a PNG of one channel; or the path of a local file, which is uploaded.
        annotations: What the values of its pixels mean.
        reference_id: Of the item it is on.
        annotation_id: Kept and given back; what counts is the item.

    Raises:
        ValueError: There is no mask.
    """

    mask_url: str
    annotations: list[Segment]
    reference_id: str
    annotation_id: str | None = None
    dataset_item_id: str | None = ours()

    def __post_init__(self) -> None:
        if not self.mask_url:
            raise ValueError("expected the mask_url of a segmentation, got none: give a URL or the path of a PNG file")
        self.mask_url = os.fspath(self.mask_url)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SegmentationAnnotation) and self._identity() == other._identity()

    __hash__ = None  # type: ignore[assignment]

    def _identity(self) -> tuple[object, ...]:
        segments = sorted(self.annotations, key=lambda segment: str(segment.index))
        return self.mask_url, segments, self.reference_id, self.annotation_id

    @classmethod
    def from_json(cls, payload: Mapping[str, Any]) -> SegmentationAnnotation:
        """The segmentation that the server describes."""
        return cls(
            mask_url=payload["mask_url"],
            annotations=[Segment.from_json(segment) for segment in payload.get("annotations") or ()],
            reference_id=payload["reference_id"],
            annotation_id=payload.get("annotation_id"),
            dataset_item_id=payload.get("dataset_item_id"),
        )

    def to_payload(self) -> dict[str, Any]:
        """What is sent of it."""
        return {
            "type": "mask",
            "mask_url": self.mask_url,
            "annotations": [segment.to_payload() for segment in self.annotations],
            "annotation_id": self.annotation_id,
            "reference_id": self.reference_id,
        }

    def has_local_files_to_upload(self) -> bool:
        """Whether the mask is a local file; raises FileNotFoundError if that is not there."""
        if _REMOTE.match(self.mask_url):
            return False
        if not os.path.isfile(self.mask_url):
            raise FileNotFoundError(
                f"expected a mask file, {self.mask_url!r} is not there: correct the path, or use a URL that starts with "
                "http://, https://, s3:// or gs://"
            )
        return True


def common(payload: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments that most kinds share."""
    return {
        "reference_id": payload["reference_id"],
        "annotation_id": payload.get("annotation_id"),
        "metadata": payload.get("metadata"),
        "track_reference_id": payload.get("track_reference_id"),
        "_task_id": payload.get("task_id"),
        "dataset_item_id": payload.get("dataset_item_id"),
    }


def _check_skeleton(n_points: int, names: Sequence[str], skeleton: Sequence[Sequence[int]] | None) -> None:
    if len(names) != n_points:
        raise ValueError(f"expected a name for every keypoint, got {n_points} keypoints and {len(names)} names")
    repeated = [name for place, name in enumerate(names) if name in names[:place]]
    if repeated:
        raise ValueError(f"expected every name of a keypoint once, got {repeated[0]!r} more than once")
    for line in skeleton or ():
        if len(line) != 2 or not all(0 <= place < n_points for place in line):
            raise ValueError(
                f"expected a skeleton of pairs of places from 0 to {n_points - 1}, got {list(line)!r} in it"
            )
