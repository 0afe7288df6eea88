"""Scenes, which are items in time and by sensor, and tracks, which are one thing seen in many of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from nucleus_server.domain.base import Json
from nucleus_server.domain.datasets import Item, NewItem


class SceneKind(str, Enum):
    """What a scene is made of."""

    LIDAR = "lidar"
    VIDEO = "video"
    VIDEO_URL = "video_url"


@dataclass(frozen=True, slots=True)
class SceneFrameItem:
    """An item of a scene: at which frame, from 0, and in a lidar scene by which sensor."""

    frame: int
    sensor: str | None
    item: NewItem


@dataclass(frozen=True, slots=True)
class NewTrack:
    """A track as a user sends it."""

    reference_id: str
    metadata: Json


@dataclass(frozen=True, slots=True)
class NewScene:
    """A scene as a user sends it, checked: frames of items with a frame rate, frames of sensors, or a video's address."""

    reference_id: str
    kind: SceneKind
    metadata: Json
    items: tuple[SceneFrameItem, ...] = ()
    frame_rate: float | None = None
    video_url: str | None = None
    tracks: tuple[NewTrack, ...] = ()


@dataclass(frozen=True, slots=True)
class Scene:
    """A scene of a dataset as stored; a deleted one is a tombstone that keeps ordinal and reference id."""

    dataset_key: int
    ordinal: int
    id: str
    reference_id: str
    kind: SceneKind
    n_frames: int
    frame_rate: float | None
    video_url: str | None
    metadata: Json
    created_at: datetime
    deleted_at: datetime | None


@dataclass(frozen=True, slots=True)
class PlacedItem:
    """An item of a scene and its place there."""

    frame: int
    sensor: str | None
    item: Item


@dataclass(frozen=True, slots=True)
class SceneCounts:
    """What an upload of scenes did; `errors` names those that could not be stored, each in a sentence."""

    new_scenes: int
    updated_scenes: int
    ignored_scenes: int
    errors: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Track:
    """One thing that annotations or predictions of several items belong to."""

    dataset_id: str
    ordinal: int
    reference_id: str
    metadata: Json
