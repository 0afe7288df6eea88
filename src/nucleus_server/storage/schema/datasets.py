"""Workspaces with their users and keys, datasets with their items, media and slices."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from nucleus_server.storage.schema.base import Key, Micros, chunks, metadata, refers, root

workspaces = Table(
    "workspaces",
    metadata,
    Column("key", Key, primary_key=True, autoincrement=True),
    Column("id", Text, nullable=False, unique=True),
    Column("name", Text, nullable=False, unique=True),
    Column("created_at", Micros, nullable=False),
    sqlite_autoincrement=True,
)

users = root(
    "users",
    Column("id", Text, nullable=False, unique=True),
    Column("name", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("created_at", Micros, nullable=False),
    UniqueConstraint("workspace_key", "name"),
    Column("deactivated_at", Micros),
)

api_keys = root(
    "api_keys",
    Column("id", Text, nullable=False, unique=True),
    Column("user_key", Key, nullable=False),
    Column("digest", LargeBinary, nullable=False, unique=True),
    Column("hint", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("created_at", Micros, nullable=False),
    Column("expires_at", Micros),
    Column("revoked_at", Micros),
    Column("last_used_at", Micros),
    refers("user_key", "users"),
)

login_links = Table(
    "login_links",
    metadata,
    Column("digest", LargeBinary, primary_key=True),
    Column("user_key", Key, nullable=False),
    Column("created_at", Micros, nullable=False),
    Column("expires_at", Micros, nullable=False),
    Column("used_at", Micros),
    ForeignKeyConstraint(["user_key"], ["users.key"]),
)

datasets = root(
    "datasets",
    Column("id", Text, nullable=False, unique=True),
    # An item's public id is this prefix and its ordinal: unique for ever, without a column or an index of its own.
    Column("item_prefix", Text, nullable=False, unique=True),
    Column("name", Text, nullable=False),
    Column("is_scene", Boolean, nullable=False),
    Column("use_privacy_mode", Boolean, nullable=False),
    Column("annotation_metadata_schema", Text),
    Column("item_metadata_schema", Text),
    Column("owner_key", Key, nullable=False),
    Column("n_items", BigInteger, nullable=False),
    Column("n_live_items", BigInteger, nullable=False),
    Column("n_scenes", BigInteger, nullable=False, server_default=text("0")),
    Column("n_tracks", BigInteger, nullable=False, server_default=text("0")),
    Column("tags", Text, nullable=False, server_default=text("'[]'")),
    # Grows by one with each change of annotations: what an evaluation has seen, and what changed since.
    Column("annotation_revision", BigInteger, nullable=False, server_default=text("0")),
    Column("created_at", Micros, nullable=False),
    Column("hidden_at", Micros),
    refers("owner_key", "users"),
)

items = Table(
    "items",
    metadata,
    Column("dataset_key", Key, nullable=False),
    Column("ordinal", BigInteger, nullable=False),
    Column("reference_id", Text, nullable=False),
    Column("location", Text),
    Column("pointcloud_location", Text),
    Column("media_digest", Text),
    Column("text", Text),
    Column("width", Integer),
    Column("height", Integer),
    Column("metadata", Text, nullable=False),
    Column("created_at", Micros, nullable=False),
    Column("deleted_at", Micros),
    # Of an item of a scene: the scene, which frame of it, from 0, and in a lidar scene which sensor.
    Column("scene_ordinal", BigInteger),
    Column("frame", Integer),
    Column("sensor", Text),
    PrimaryKeyConstraint("dataset_key", "ordinal"),
    ForeignKeyConstraint(["dataset_key"], ["datasets.key"]),
    sqlite_with_rowid=False,
)
Index(
    "ix_items_scene_ordinal",
    items.c.dataset_key,
    items.c.scene_ordinal,
    sqlite_where=text("scene_ordinal IS NOT NULL"),
    postgresql_where=text("scene_ordinal IS NOT NULL"),
)
Index(
    "uq_items_live_reference_id",
    items.c.dataset_key,
    items.c.reference_id,
    unique=True,
    sqlite_where=text("deleted_at IS NULL"),
    postgresql_where=text("deleted_at IS NULL"),
)
Index(
    "ix_items_media_digest",
    items.c.media_digest,
    sqlite_where=text("media_digest IS NOT NULL"),
    postgresql_where=text("media_digest IS NOT NULL"),
)

# Derived from `items`, by ordinal, rebuilt in the same transaction: `reference_id` holds the live ids, null where deleted.
item_chunks = chunks("item_chunks", "dataset_key", "datasets", named=True)

media = Table(
    "media",
    metadata,
    Column("workspace_key", Key, nullable=False),
    Column("digest", Text, nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
    Column("content_type", Text, nullable=False),
    Column("created_at", Micros, nullable=False),
    # Set when the last item that showed the file is deleted: not served from then on, removed by the next sweep.
    Column("released_at", Micros),
    PrimaryKeyConstraint("workspace_key", "digest"),
    ForeignKeyConstraint(["workspace_key"], ["workspaces.key"]),
)

signed_uploads = Table(
    "signed_uploads",
    metadata,
    Column("workspace_key", Key, nullable=False),
    Column("dataset_key", Key, nullable=False),
    Column("request_id", Text, nullable=False),
    Column("media_digest", Text, nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
    Column("created_at", Micros, nullable=False),
    Column("expires_at", Micros, nullable=False),
    # The job that its consumption produced: a retried append finds its answer instead of doing the work twice.
    Column("job_id", Text),
    PrimaryKeyConstraint("dataset_key", "request_id"),
    refers("dataset_key", "datasets"),
)
Index("ix_signed_uploads_expires_at", signed_uploads.c.expires_at)

slices = root(
    "slices",
    Column("id", Text, nullable=False, unique=True),
    Column("dataset_key", Key, nullable=False),
    Column("name", Text, nullable=False),
    Column("owner_key", Key, nullable=False),
    Column("n_members", BigInteger, nullable=False),
    # What its members are: "item", "scene" or "object".
    Column("member", Text, nullable=False, server_default=text("'item'")),
    Column("tags", Text, nullable=False, server_default=text("'[]'")),
    Column("created_at", Micros, nullable=False),
    Column("hidden_at", Micros),
    refers("dataset_key", "datasets"),
    refers("owner_key", "users"),
)
Index("ix_slices_dataset_key", slices.c.dataset_key)

# int64 dataset ordinals, or numbers that name objects; append-only: the first n of them are version n of the slice for ever.
slice_chunks = chunks("slice_chunks", "slice_key", "slices", named=False)
