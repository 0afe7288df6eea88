"""What models are tested on: datasets, items and slices."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from nucleus_server.domain.base import Json

MAX_REFERENCE_ID = 512
"""Characters of a user's own id: PostgreSQL indexes hold 2,704 bytes, into which so many fit in any script."""


@dataclass(frozen=True, slots=True)
class Dataset:
    """A growing list of items; an item's ordinal is its place in it and never moves."""

    key: int
    id: str
    item_prefix: str
    name: str
    is_scene: bool
    use_privacy_mode: bool
    annotation_metadata_schema: Json | None
    item_metadata_schema: Json | None
    owner_id: str
    n_items: int
    n_live_items: int
    tags: tuple[str, ...]
    annotation_revision: int
    created_at: datetime


@dataclass(frozen=True, slots=True)
class NewItem:
    """An item as a user sends it, checked: has a location, an uploaded file, a text or metadata."""

    reference_id: str
    metadata: Json
    location: str | None = None
    pointcloud_location: str | None = None
    media_digest: str | None = None
    text: str | None = None
    width: int | None = None
    height: int | None = None


@dataclass(frozen=True, slots=True)
class Item:
    """An item of a dataset as stored; a deleted one is a tombstone that keeps ordinal and reference id."""

    dataset_key: int
    ordinal: int
    id: str
    reference_id: str
    metadata: Json
    location: str | None
    pointcloud_location: str | None
    media_digest: str | None
    text: str | None
    width: int | None
    height: int | None
    created_at: datetime
    deleted_at: datetime | None


@dataclass(frozen=True, slots=True)
class AppendCounts:
    """What an append did, item by item."""

    new_items: int
    updated_items: int
    ignored_items: int


class SliceMember(str, Enum):
    """What the members of a slice are."""

    ITEM = "item"
    SCENE = "scene"
    OBJECT = "object"


@dataclass(frozen=True, slots=True)
class Slice:
    """An append-only list of members of one dataset; its first n members are version n for ever."""

    key: int
    id: str
    dataset_key: int
    dataset_id: str
    name: str
    owner_key: int
    owner_id: str
    n_members: int
    created_at: datetime
    member: SliceMember = SliceMember.ITEM
