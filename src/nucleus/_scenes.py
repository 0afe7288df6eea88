"""Scenes: items in the order in which they were recorded, from one camera or from several sensors."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from nucleus._connection import Connection
from nucleus._dataset_item import DatasetItem
from nucleus._tracks import Track


class Frame:
    """What the sensors of a scene recorded at one moment.

    Args:
        items: The item of each sensor, by the sensor's name: exactly one point cloud, and any number of images.

    Raises:
        ValueError: A value is no item, or two have one reference id.
    """

    def __init__(self, **items: DatasetItem) -> None:
        for sensor, item in items.items():
            if not isinstance(item, DatasetItem):
                raise ValueError(f"expected a DatasetItem of sensor {sensor!r}, got {type(item).__name__}")
        _check_repeated(items.values())
        self.items: dict[str, DatasetItem] = dict(items)

    def __repr__(self) -> str:
        return f"Frame(items={self.items})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Frame) and self.items == other.items

    __hash__ = None  # type: ignore[assignment]

    def add_item(self, item: DatasetItem, sensor_name: str) -> None:
        """Set the item of a sensor."""
        self.items[sensor_name] = item

    def get_item(self, sensor_name: str) -> DatasetItem:
        """The item of a sensor.

        Raises:
            ValueError: The frame has none of it.
        """
        if sensor_name not in self.items:
            raise ValueError(f"expected a sensor of this frame, {_listed(self.items)}, got {sensor_name!r}")
        return self.items[sensor_name]

    def get_items(self) -> list[DatasetItem]:
        """Its items."""
        return list(self.items.values())

    def get_sensors(self) -> list[str]:
        """The names of its sensors."""
        return list(self.items)

    @classmethod
    def from_json(cls, payload: Mapping[str, Any]) -> Frame:
        """The frame that the server describes."""
        return cls(**{sensor: DatasetItem.from_json(item) for sensor, item in payload.items()})

    def to_payload(self) -> dict[str, Any]:
        """What is sent of it."""
        return {sensor: item.to_payload(is_scene=True) for sensor, item in self.items.items()}


class Scene(ABC):
    """What lidar scenes and video scenes have in common.

    Attributes:
        reference_id: Your own id of it, unique in its dataset.
        metadata: Anything that JSON can hold.
        tracks: What is seen on several of its items; on scenes that the server answers with.
    """

    reference_id: str
    metadata: dict[str, Any]
    tracks: list[Track]

    @staticmethod
    def from_json(
        payload: Mapping[str, Any], connection: Connection | None = None, skip_validate: bool = False
    ) -> Scene:
        """The scene that the server describes: a video if it has a frame rate or the URL of one, else a lidar scene."""
        tracks = [Track.from_json(row, connection) for row in payload.get("tracks") or ()] if connection else []
        metadata = payload.get("metadata") or {}
        frames = payload.get("frames") or ()
        if "frame_rate" in payload or "video_url" in payload:
            return VideoScene(
                reference_id=payload["reference_id"],
                frame_rate=payload.get("frame_rate"),
                video_location=payload.get("video_url"),
                items=[DatasetItem.from_json(item) for item in frames],
                metadata=metadata,
                tracks=tracks,
            )
        return LidarScene(
            payload["reference_id"],
            [Frame.from_json(frame) for frame in frames],
            metadata=metadata,
            tracks=tracks,
            skip_validate=skip_validate,
        )

    @abstractmethod
    def to_payload(self) -> dict[str, Any]:
        """What is sent of it; raises ValueError if it cannot be a scene."""

    @abstractmethod
    def all_items(self) -> Iterable[DatasetItem]:
        """Its items, none of a video by URL."""

    def to_json(self) -> str:
        """What is sent of it, as JSON text.

        Raises:
            ValueError: It cannot be a scene, or a number is NaN or infinite, which JSON does not have.
        """
        return json.dumps(self.to_payload(), allow_nan=False)

    def check_remote(self) -> None:
        """Raise ValueError if something of it is a local file: scenes are given by URL."""
        for item in self.all_items():
            if item.local:
                raise ValueError(
                    f"scene {self.reference_id!r}: expected URLs, got the local file {item.image_location!r}: put it where the "
                    "server's users can read it, and give its URL"
                )

    def _common(self) -> dict[str, Any]:
        payload: dict[str, Any] = {"reference_id": self.reference_id}
        if self.metadata:
            payload["metadata"] = self.metadata
        if self.tracks:
            payload["tracks"] = [track.to_payload() for track in self.tracks]
        return payload


class LidarScene(Scene):
    """A recording of several sensors: point clouds and, for each, images taken at the same moment.

    Args:
        reference_id: Your own id of it, unique in its dataset.
        frames: Its moments, in order; at least one.
        metadata: Anything that JSON can hold.
        tracks: What is seen on several of its items.
        skip_validate: Do not look at the frames yet.

    Raises:
        ValueError: There is no frame, or one has not exactly one point cloud.
    """

    def __init__(
        self,
        reference_id: str,
        frames: Iterable[Frame] = (),
        metadata: dict[str, Any] | None = None,
        tracks: Iterable[Track] = (),
        skip_validate: bool = False,
    ) -> None:
        self.reference_id = reference_id
        self.metadata = metadata or {}
        self.tracks = list(tracks)
        self.frames_dict: dict[int, Frame] = dict(enumerate(frames))
        if not skip_validate:
            self.validate()

    def __repr__(self) -> str:
        return f"LidarScene(reference_id={self.reference_id!r}, frames={self.get_frames()}, metadata={self.metadata})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, LidarScene) and (self.reference_id, self.frames_dict, self.metadata, self.tracks) == (
            other.reference_id,
            other.frames_dict,
            other.metadata,
            other.tracks,
        )

    __hash__ = None  # type: ignore[assignment]

    @property
    def frames(self) -> list[Frame]:
        """Its frames, in order."""
        return self.get_frames()

    @property
    def length(self) -> int:
        """How many frames it has."""
        return len(self.frames_dict)

    @property
    def num_sensors(self) -> int:
        """How many sensors it has."""
        return len(self.get_sensors())

    def validate(self) -> None:
        """Raise ValueError if it cannot be a lidar scene."""
        if not self.frames_dict:
            raise ValueError(f"scene {self.reference_id!r}: expected at least one frame, got none")
        if sorted(self.frames_dict) != list(range(len(self.frames_dict))):
            raise ValueError(
                f"scene {self.reference_id!r}: expected frames numbered from 0 without a gap, got {sorted(self.frames_dict)}"
            )
        for number, frame in self.frames_dict.items():
            n_clouds = sum(item.pointcloud_location is not None for item in frame.get_items())
            if n_clouds != 1:
                raise ValueError(
                    f"scene {self.reference_id!r}: expected one point cloud in every frame, got {n_clouds} in frame {number}"
                )

    def add_item(self, index: int, sensor_name: str, item: DatasetItem) -> None:
        """Set the item of a sensor in frame `index`, which is made if it is not there."""
        self.frames_dict.setdefault(index, Frame()).add_item(item, sensor_name)

    def add_frame(self, frame: Frame, index: int, update: bool = False) -> None:
        """Add a frame; one that has this place stays, unless `update` says to replace it."""
        if update or index not in self.frames_dict:
            self.frames_dict[index] = frame

    def get_frame(self, index: int) -> Frame:
        """The frame at place `index`, from 0.

        Raises:
            ValueError: There is none.
        """
        if index not in self.frames_dict:
            raise ValueError(f"expected a frame of the {self.length} of scene {self.reference_id!r}, got {index}")
        return self.frames_dict[index]

    def get_frames(self) -> list[Frame]:
        """Its frames, in order."""
        return [frame for _, frame in sorted(self.frames_dict.items())]

    def get_sensors(self) -> list[str]:
        """The names of its sensors."""
        return list(dict.fromkeys(sensor for frame in self.get_frames() for sensor in frame.items))

    def get_item(self, index: int, sensor_name: str) -> DatasetItem:
        """The item of a sensor in frame `index`; raises ValueError if there is none."""
        return self.get_frame(index).get_item(sensor_name)

    def get_items_from_sensor(self, sensor_name: str) -> list[DatasetItem | None]:
        """The items of a sensor, frame by frame; None where it recorded nothing.

        Raises:
            ValueError: The scene has no such sensor.
        """
        if sensor_name not in self.get_sensors():
            raise ValueError(
                f"expected a sensor of scene {self.reference_id!r}, {_listed(self.get_sensors())}, got {sensor_name!r}"
            )
        return [frame.items.get(sensor_name) for frame in self.get_frames()]

    def get_items(self) -> list[DatasetItem]:
        """All its items, frame by frame."""
        return [item for frame in self.get_frames() for item in frame.get_items()]

    def all_items(self) -> list[DatasetItem]:
        """The same as `get_items`."""
        return self.get_items()

    def info(self) -> dict[str, Any]:
        """`reference_id`, `length` in frames, and `num_sensors`."""
        return {"reference_id": self.reference_id, "length": self.length, "num_sensors": self.num_sensors}

    def to_payload(self) -> dict[str, Any]:
        """What is sent of it; raises ValueError if it cannot be a lidar scene."""
        self.validate()
        return {**self._common(), "frames": [frame.to_payload() for frame in self.get_frames()]}


class VideoScene(Scene):
    """A recording of one camera: images in order, or a video by URL.

    Args:
        reference_id: Your own id of it, unique in its dataset.
        frame_rate: Images in a second; only with `items`.
        video_location: URL of a video, instead of `items`; in privacy mode beside them.
        items: Its images, in order.
        metadata: Anything that JSON can hold.
        attachment_type: Accepted for compatibility and not sent.
        tracks: What is seen on several of its items.
        use_privacy_mode: Its media stay where they are.

    Raises:
        ValueError: It has neither items nor a video, or both; items without a frame rate, or a video with one.
    """

    def __init__(
        self,
        reference_id: str,
        frame_rate: float | None = None,
        video_location: str | None = None,
        items: Iterable[DatasetItem] = (),
        metadata: dict[str, Any] | None = None,
        attachment_type: str | None = None,
        tracks: Iterable[Track] = (),
        use_privacy_mode: bool = False,
    ) -> None:
        self.reference_id = reference_id
        self.frame_rate = frame_rate
        self.video_location = video_location
        self.items = list(items)
        self.metadata = metadata or {}
        self.attachment_type = attachment_type
        self.tracks = list(tracks)
        self.use_privacy_mode = use_privacy_mode

    def __repr__(self) -> str:
        return (
            f"VideoScene(reference_id={self.reference_id!r}, frame_rate={self.frame_rate!r}, "
            f"video_location={self.video_location!r}, items={self.items}, metadata={self.metadata})"
        )

    def __eq__(self, other: object) -> bool:
        return isinstance(other, VideoScene) and self._identity() == other._identity()

    __hash__ = None  # type: ignore[assignment]

    def _identity(self) -> tuple[object, ...]:
        return self.reference_id, self.frame_rate, self.video_location, self.items, self.metadata, self.tracks

    @property
    def length(self) -> int:
        """How many images it has.

        Raises:
            ValueError: It is a video by URL, of which only the server can know.
        """
        self._check_has_items()
        return len(self.items)

    def validate(self) -> None:
        """Raise ValueError if it cannot be a video scene."""
        what = f"scene {self.reference_id!r}: "
        if not self.items and not self.video_location:
            raise ValueError(f"{what}expected items or a video_location, got neither")
        if self.items:
            if self.video_location and not self.use_privacy_mode:
                raise ValueError(f"{what}expected either items or a video_location, got both: leave one out")
            if not self.frame_rate or self.frame_rate <= 0:
                raise ValueError(f"{what}expected a frame_rate above 0 with items, got {self.frame_rate!r}")
            clouds = [item.reference_id for item in self.items if item.pointcloud_location]
            if clouds:
                raise ValueError(f"{what}expected images, got the point cloud {clouds[0]!r}: that is for a LidarScene")
            _check_repeated(self.items)
        elif self.frame_rate and not self.use_privacy_mode:
            raise ValueError(
                f"{what}expected no frame_rate with a video_location, got {self.frame_rate!r}: leave it out"
            )

    def add_item(self, item: DatasetItem, index: int | None = None, update: bool = False) -> None:
        """Add an image at the end; with `index` and `update`, replace the one that has this place.

        Raises:
            ValueError: It is a video by URL, or the place is beyond the end.
        """
        self._check_has_items()
        place = len(self.items) if index is None else index
        if not 0 <= place <= len(self.items):
            raise ValueError(f"expected a place from 0 to {len(self.items)}, got {place}: images follow without a gap")
        if update and place < len(self.items):
            self.items[place] = item
        else:
            self.items.append(item)

    def get_item(self, index: int) -> DatasetItem:
        """The image at place `index`, from 0.

        Raises:
            ValueError: There is none, or it is a video by URL.
        """
        self._check_has_items()
        if not 0 <= index < len(self.items):
            raise ValueError(f"expected an image of the {len(self.items)} of scene {self.reference_id!r}, got {index}")
        return self.items[index]

    def get_items(self) -> list[DatasetItem]:
        """Its images, in order; raises ValueError for a video by URL."""
        self._check_has_items()
        return self.items

    def all_items(self) -> list[DatasetItem]:
        """Its images; none of a video by URL."""
        return self.items

    def info(self) -> dict[str, Any]:
        """`reference_id`, and of `frame_rate`, `video_url` and `length` what it has."""
        payload: dict[str, Any] = {"reference_id": self.reference_id}
        if self.frame_rate:
            payload["frame_rate"] = self.frame_rate
        if self.video_location:
            payload["video_url"] = self.video_location
        if self.items:
            payload["length"] = len(self.items)
        return payload

    def to_payload(self) -> dict[str, Any]:
        """What is sent of it; raises ValueError if it cannot be a video scene."""
        self.validate()
        payload = {**self._common(), "upload_to_scale": not self.use_privacy_mode}
        if self.frame_rate:
            payload["frame_rate"] = self.frame_rate
        if self.video_location:
            payload["video_url"] = self.video_location
        if self.items:
            payload["frames"] = [item.to_payload(is_scene=True) for item in self.items]
        return payload

    def check_remote(self) -> None:
        """Raise ValueError if something of it is a local file: scenes are given by URL."""
        super().check_remote()
        if self.video_location and "://" not in self.video_location:
            raise ValueError(
                f"scene {self.reference_id!r}: expected the URL of a video, got the local file {self.video_location!r}"
            )

    def _check_has_items(self) -> None:
        if self.video_location and not self.use_privacy_mode:
            raise ValueError(
                f"scene {self.reference_id!r}: expected a video of items, got one by URL, which has none of its own"
            )


def _check_repeated(items: Iterable[DatasetItem]) -> None:
    counts = Counter(item.reference_id for item in items)
    repeated = [reference for reference, n in counts.items() if n > 1]
    if repeated:
        raise ValueError(f"expected every reference id once, got {repeated[0]!r} more than once")


def _listed(names: Iterable[str]) -> str:
    return ", ".join(map(repr, names)) or "of which there are none"
