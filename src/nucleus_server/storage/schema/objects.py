"""Annotations and predictions with the runs that made them, scenes, tracks and taxonomies."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
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

from nucleus_server.storage.schema.base import Key, Micros, metadata, refers, root


def _packed(name: str, *owner: str, refers_to: str) -> Table:
    """Packed objects, one row for each (owner, item or scene, kind).

    `data` holds numbers, labels and sequences, `details` ids and metadata, which only those who show them read. A public id
    is this row's key and a sequence, and neither is ever given again.
    """
    return Table(
        name,
        metadata,
        Column("key", Key, primary_key=True, autoincrement=True),
        *[Column(column, Key, nullable=False) for column in owner],
        Column("owner", Text, nullable=False),
        Column("ordinal", BigInteger, nullable=False),
        Column("kind", Text, nullable=False),
        Column("n_objects", Integer, nullable=False),
        Column("next_sequence", BigInteger, nullable=False),
        # The owner's revision in which the row was last written.
        Column("revision", BigInteger, nullable=False),
        Column("data", LargeBinary, nullable=False),
        Column("details", LargeBinary, nullable=False),
        # Of a mask whose bytes are kept here.
        Column("media_digest", Text),
        UniqueConstraint(*owner, "owner", "ordinal", "kind"),
        ForeignKeyConstraint(["dataset_key"], ["datasets.key"]),
        *([ForeignKeyConstraint(["run_key"], ["model_runs.key"])] if refers_to == "model_runs" else []),
        sqlite_autoincrement=True,
    )


annotations: Table = _packed("annotations", "dataset_key", refers_to="datasets")
predictions: Table = _packed("predictions", "run_key", "dataset_key", refers_to="model_runs")
for _table in (annotations, predictions):
    Index(
        f"ix_{_table.name}_media_digest",
        _table.c.media_digest,
        sqlite_where=text("media_digest IS NOT NULL"),
        postgresql_where=text("media_digest IS NOT NULL"),
    )
Index("ix_predictions_dataset_key", predictions.c.dataset_key, predictions.c.owner, predictions.c.ordinal)

# How often each label stands in a dataset's annotations, so that the labels are known without reading them all.
annotation_labels = Table(
    "annotation_labels",
    metadata,
    Column("dataset_key", Key, nullable=False),
    Column("label", Text, nullable=False),
    Column("n_annotations", BigInteger, nullable=False),
    PrimaryKeyConstraint("dataset_key", "label"),
    ForeignKeyConstraint(["dataset_key"], ["datasets.key"]),
)

model_runs = root(
    "model_runs",
    Column("id", Text, nullable=False, unique=True),
    Column("model_key", Key, nullable=False),
    Column("name", Text, nullable=False),
    Column("metadata", Text, nullable=False),
    Column("annotation_metadata_schema", Text),
    # Predictions that were uploaded for a model without a run: one such run for each model, in no list.
    Column("is_run_free", Boolean, nullable=False),
    # What was said at the commit, as JSON; empty until then.
    Column("committed", Text, nullable=False),
    Column("revision", BigInteger, nullable=False),
    Column("user_key", Key, nullable=False),
    Column("created_at", Micros, nullable=False),
    Column("hidden_at", Micros),
    refers("model_key", "models"),
    refers("user_key", "users"),
)
Index(
    "uq_model_runs_run_free",
    model_runs.c.model_key,
    unique=True,
    sqlite_where=text("is_run_free AND hidden_at IS NULL"),
    postgresql_where=text("is_run_free AND hidden_at IS NULL"),
)
Index("ix_model_runs_model_key", model_runs.c.model_key)

# Which datasets a run is of: the one it was made for, and those that predictions were added for.
model_run_datasets = Table(
    "model_run_datasets",
    metadata,
    Column("run_key", Key, nullable=False),
    Column("dataset_key", Key, nullable=False),
    PrimaryKeyConstraint("run_key", "dataset_key"),
    ForeignKeyConstraint(["run_key"], ["model_runs.key"]),
    ForeignKeyConstraint(["dataset_key"], ["datasets.key"]),
)
Index("ix_model_run_datasets_dataset_key", model_run_datasets.c.dataset_key)

scenes = Table(
    "scenes",
    metadata,
    Column("dataset_key", Key, nullable=False),
    Column("ordinal", BigInteger, nullable=False),
    Column("reference_id", Text, nullable=False),
    # "lidar", "video" or "video_url"
    Column("kind", Text, nullable=False),
    Column("n_frames", Integer, nullable=False),
    Column("frame_rate", Float),
    Column("video_url", Text),
    Column("metadata", Text, nullable=False),
    Column("created_at", Micros, nullable=False),
    Column("deleted_at", Micros),
    PrimaryKeyConstraint("dataset_key", "ordinal"),
    ForeignKeyConstraint(["dataset_key"], ["datasets.key"]),
    sqlite_with_rowid=False,
)
Index(
    "uq_scenes_live_reference_id",
    scenes.c.dataset_key,
    scenes.c.reference_id,
    unique=True,
    sqlite_where=text("deleted_at IS NULL"),
    postgresql_where=text("deleted_at IS NULL"),
)

tracks = Table(
    "tracks",
    metadata,
    Column("dataset_key", Key, nullable=False),
    Column("ordinal", BigInteger, nullable=False),
    Column("reference_id", Text, nullable=False),
    Column("metadata", Text, nullable=False),
    Column("created_at", Micros, nullable=False),
    Column("deleted_at", Micros),
    PrimaryKeyConstraint("dataset_key", "ordinal"),
    ForeignKeyConstraint(["dataset_key"], ["datasets.key"]),
    sqlite_with_rowid=False,
)
Index(
    "uq_tracks_live_reference_id",
    tracks.c.dataset_key,
    tracks.c.reference_id,
    unique=True,
    sqlite_where=text("deleted_at IS NULL"),
    postgresql_where=text("deleted_at IS NULL"),
)

taxonomies = Table(
    "taxonomies",
    metadata,
    Column("dataset_key", Key, nullable=False),
    Column("name", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("labels", Text, nullable=False),
    Column("created_at", Micros, nullable=False),
    PrimaryKeyConstraint("dataset_key", "name"),
    ForeignKeyConstraint(["dataset_key"], ["datasets.key"]),
)
