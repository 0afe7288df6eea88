"""Points, rotations and cameras: what annotations and scenes are made of."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

_CAMERA_KEYS = ("position", "heading", "fx", "fy", "cx", "cy")
_DISTORTION_KEYS = ("k1", "k2", "k3", "k4", "p1", "p2")


@dataclass
class Point:
    """A point of an image.

    Attributes:
        x: Pixels from the left edge of the image.
        y: Pixels from its top edge.
    """

    x: float
    y: float

    @classmethod
    def from_json(cls, payload: Mapping[str, float]) -> Point:
        """The point that the server describes."""
        return cls(payload["x"], payload["y"])

    def to_payload(self) -> dict[str, float]:
        """What is sent of it."""
        return {"x": self.x, "y": self.y}


@dataclass
class Point3D:
    """A point, or an extent, in the world's coordinates.

    Attributes:
        x: Along the first axis, in the unit of your point clouds.
        y: Along the second.
        z: Along the third.
    """

    x: float
    y: float
    z: float

    @classmethod
    def from_json(cls, payload: Mapping[str, float]) -> Point3D:
        """The point that the server describes."""
        return cls(payload["x"], payload["y"], payload["z"])

    def to_payload(self) -> dict[str, float]:
        """What is sent of it."""
        return {"x": self.x, "y": self.y, "z": self.z}

    def to_list(self) -> list[float]:
        """Its coordinates in the order of the axes."""
        return [self.x, self.y, self.z]


@dataclass
class LidarPoint(Point3D):
    """A point of a point cloud.

    Attributes:
        i: The intensity of the return.
    """

    i: float

    @classmethod
    def from_json(cls, payload: Mapping[str, float]) -> LidarPoint:
        """The point that the server describes."""
        return cls(payload["x"], payload["y"], payload["z"], payload["i"])

    def to_payload(self) -> dict[str, float]:
        """What is sent of it."""
        return {**super().to_payload(), "i": self.i}

    def to_list(self) -> list[float]:
        """Its coordinates in the order of the axes, then the intensity."""
        return [*super().to_list(), self.i]

    def to_numpy(self) -> Any:
        """The same as a numpy array of shape (4,)."""
        import numpy

        return numpy.array(self.to_list())


@dataclass
class Keypoint:
    """One joint of a keypoints annotation.

    Attributes:
        x: Pixels from the left edge of the image; None where the joint is not in it.
        y: Pixels from its top edge; likewise.
        visible: Whether it can be seen.

    Raises:
        ValueError: It is visible and has no place.
    """

    x: float | None = None
    y: float | None = None
    visible: bool = True

    def __post_init__(self) -> None:
        if self.visible and (self.x is None or self.y is None):
            raise ValueError(
                f"expected x and y of a visible keypoint, got x={self.x!r}, y={self.y!r}: give both, or say visible=False"
            )

    @classmethod
    def from_json(cls, payload: Mapping[str, Any]) -> Keypoint:
        """The keypoint that the server describes."""
        return cls(payload.get("x"), payload.get("y"), bool(payload["visible"]))

    def to_payload(self) -> dict[str, Any]:
        """What is sent of it."""
        return {"x": self.x, "y": self.y, "visible": self.visible}


@dataclass
class Quaternion:
    """A rotation, `w + x·i + y·j + z·k`, right-handed (Hamilton)."""

    x: float
    y: float
    z: float
    w: float

    @classmethod
    def from_json(cls, payload: Mapping[str, float]) -> Quaternion:
        """The rotation that the server describes."""
        return cls(payload["x"], payload["y"], payload["z"], payload["w"])

    def to_payload(self) -> dict[str, float]:
        """What is sent of it."""
        return {"x": self.x, "y": self.y, "z": self.z, "w": self.w}


class CameraModels(str, Enum):
    """How a lens distorts."""

    BROWN_CONRADY = "brown_conrady"
    FISHEYE = "fisheye"


@dataclass
class CameraParams:
    """Where a camera was and how it projects; an image of a scene has it in its metadata, under `camera_params`.

    Attributes:
        position: Where it was, in the coordinates of the scene's point clouds.
        heading: Which way it looked: the z axis is the optical axis.
        fx: Focal length in pixels, along the image's width.
        fy: Likewise along its height.
        cx: Principal point, in pixels from the left edge.
        cy: Likewise from the top edge.
        camera_model: `brown_conrady`, `fisheye`, or None without distortion.
        k1: Radial distortion; so are k2, k3 and k4.
        p1: Tangential distortion; so is p2.

    Raises:
        ValueError: The model is none of these.
    """

    position: Point3D
    heading: Quaternion
    fx: float
    fy: float
    cx: float
    cy: float
    camera_model: str | None = None
    k1: float | None = None
    k2: float | None = None
    k3: float | None = None
    k4: float | None = None
    p1: float | None = None
    p2: float | None = None

    def __post_init__(self) -> None:
        known = [model.value for model in CameraModels]
        if self.camera_model is not None and self.camera_model not in known:
            raise ValueError(f"expected the camera_model {' or '.join(known)}, or None, got {self.camera_model!r}")

    @classmethod
    def from_json(cls, payload: Mapping[str, Any]) -> CameraParams:
        """The camera that a mapping describes.

        Raises:
            ValueError: One of position, heading, fx, fy, cx and cy is missing.
        """
        missing = [key for key in _CAMERA_KEYS if key not in payload]
        if missing:
            raise ValueError(
                f"expected camera_params with {', '.join(_CAMERA_KEYS)}, got them without {', '.join(missing)}"
            )
        return cls(
            Point3D.from_json(payload["position"]),
            Quaternion.from_json(payload["heading"]),
            payload["fx"],
            payload["fy"],
            payload["cx"],
            payload["cy"],
            payload.get("camera_model"),
            *(payload.get(key) for key in _DISTORTION_KEYS),
        )

    def to_payload(self) -> dict[str, Any]:
        """What is sent of it; without the distortion that it does not have."""
        payload: dict[str, Any] = {"position": self.position.to_payload(), "heading": self.heading.to_payload()}
        payload |= {key: getattr(self, key) for key in _CAMERA_KEYS[2:]}
        payload |= {key: value for key in _DISTORTION_KEYS if (value := getattr(self, key))}
        if self.camera_model:
            payload["camera_model"] = self.camera_model
        return payload


def points_of(vertices: Iterable[Any]) -> list[Point]:
    """Vertices as points; a vertex may also be a mapping of `x` and `y`, or a pair.

    Raises:
        ValueError: One is none of these.
    """
    points = list(vertices)
    # The common case first: scripts make points, and there may be millions of them.
    if set(map(type, points)) <= {Point}:
        return points
    return [_point(vertex, place) for place, vertex in enumerate(points)]


def _point(vertex: Any, place: int) -> Point:
    if isinstance(vertex, Point):
        return vertex
    try:
        if isinstance(vertex, Mapping):
            return Point(vertex["x"], vertex["y"])
        x, y = vertex
    except (KeyError, TypeError, ValueError):
        raise ValueError(
            f"expected vertices such as nucleus.Point(x=1, y=2), got {vertex!r} as vertex {place}"
        ) from None
    return Point(x, y)
