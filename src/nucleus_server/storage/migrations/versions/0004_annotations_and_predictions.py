"""Annotations, predictions, scenes and tracks."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "annotation_labels",
        sa.Column("dataset_key", KEY, nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("n_annotations", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["dataset_key"], ["datasets.key"], name=op.f("fk_annotation_labels_dataset_key")),
        sa.PrimaryKeyConstraint("dataset_key", "label", name=op.f("pk_annotation_labels")),
    )
    op.create_table(
        "annotations",
        sa.Column("key", KEY, autoincrement=True, nullable=False),
        sa.Column("dataset_key", KEY, nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("ordinal", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("n_objects", sa.Integer(), nullable=False),
        sa.Column("next_sequence", sa.BigInteger(), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.Column("details", sa.LargeBinary(), nullable=False),
        sa.Column("media_digest", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["dataset_key"], ["datasets.key"], name=op.f("fk_annotations_dataset_key")),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_annotations")),
        sa.UniqueConstraint(
            "dataset_key", "owner", "ordinal", "kind", name=op.f("uq_annotations_dataset_key_owner_ordinal_kind")
        ),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "ix_annotations_media_digest",
        "annotations",
        ["media_digest"],
        unique=False,
        sqlite_where=sa.text("media_digest IS NOT NULL"),
        postgresql_where=sa.text("media_digest IS NOT NULL"),
    )
    op.create_table(
        "model_runs",
        sa.Column("key", KEY, autoincrement=True, nullable=False),
        sa.Column("workspace_key", KEY, nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("model_key", KEY, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("metadata", sa.Text(), nullable=False),
        sa.Column("annotation_metadata_schema", sa.Text(), nullable=True),
        sa.Column("is_run_free", sa.Boolean(), nullable=False),
        sa.Column("committed", sa.Text(), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("user_key", KEY, nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("hidden_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["workspace_key", "model_key"],
            ["models.workspace_key", "models.key"],
            name=op.f("fk_model_runs_workspace_key_model_key"),
        ),
        sa.ForeignKeyConstraint(
            ["workspace_key", "user_key"],
            ["users.workspace_key", "users.key"],
            name=op.f("fk_model_runs_workspace_key_user_key"),
        ),
        sa.ForeignKeyConstraint(["workspace_key"], ["workspaces.key"], name=op.f("fk_model_runs_workspace_key")),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_model_runs")),
        sa.UniqueConstraint("id", name=op.f("uq_model_runs_id")),
        sa.UniqueConstraint("workspace_key", "key", name=op.f("uq_model_runs_workspace_key_key")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_model_runs_model_key", "model_runs", ["model_key"], unique=False)
    op.create_index(
        "uq_model_runs_run_free",
        "model_runs",
        ["model_key"],
        unique=True,
        sqlite_where=sa.text("is_run_free AND hidden_at IS NULL"),
        postgresql_where=sa.text("is_run_free AND hidden_at IS NULL"),
    )
    op.create_table(
        "scenes",
        sa.Column("dataset_key", KEY, nullable=False),
        sa.Column("ordinal", sa.BigInteger(), nullable=False),
        sa.Column("reference_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("n_frames", sa.Integer(), nullable=False),
        sa.Column("frame_rate", sa.Float(), nullable=True),
        sa.Column("video_url", sa.Text(), nullable=True),
        sa.Column("metadata", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("deleted_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["dataset_key"], ["datasets.key"], name=op.f("fk_scenes_dataset_key")),
        sa.PrimaryKeyConstraint("dataset_key", "ordinal", name=op.f("pk_scenes")),
        sqlite_with_rowid=False,
    )
    op.create_index(
        "uq_scenes_live_reference_id",
        "scenes",
        ["dataset_key", "reference_id"],
        unique=True,
        sqlite_where=sa.text("deleted_at IS NULL"),
        postgresql_where=sa.text("deleted_at IS NULL"),
    )
    op.create_table(
        "taxonomies",
        sa.Column("dataset_key", KEY, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("labels", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["dataset_key"], ["datasets.key"], name=op.f("fk_taxonomies_dataset_key")),
        sa.PrimaryKeyConstraint("dataset_key", "name", name=op.f("pk_taxonomies")),
    )
    op.create_table(
        "tracks",
        sa.Column("dataset_key", KEY, nullable=False),
        sa.Column("ordinal", sa.BigInteger(), nullable=False),
        sa.Column("reference_id", sa.Text(), nullable=False),
        sa.Column("metadata", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("deleted_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["dataset_key"], ["datasets.key"], name=op.f("fk_tracks_dataset_key")),
        sa.PrimaryKeyConstraint("dataset_key", "ordinal", name=op.f("pk_tracks")),
        sqlite_with_rowid=False,
    )
    op.create_index(
        "uq_tracks_live_reference_id",
        "tracks",
        ["dataset_key", "reference_id"],
        unique=True,
        sqlite_where=sa.text("deleted_at IS NULL"),
        postgresql_where=sa.text("deleted_at IS NULL"),
    )
    op.create_table(
        "model_run_datasets",
        sa.Column("run_key", KEY, nullable=False),
        sa.Column("dataset_key", KEY, nullable=False),
        sa.ForeignKeyConstraint(["dataset_key"], ["datasets.key"], name=op.f("fk_model_run_datasets_dataset_key")),
        sa.ForeignKeyConstraint(["run_key"], ["model_runs.key"], name=op.f("fk_model_run_datasets_run_key")),
        sa.PrimaryKeyConstraint("run_key", "dataset_key", name=op.f("pk_model_run_datasets")),
    )
    op.create_index("ix_model_run_datasets_dataset_key", "model_run_datasets", ["dataset_key"], unique=False)
    op.create_table(
        "predictions",
        sa.Column("key", KEY, autoincrement=True, nullable=False),
        sa.Column("run_key", KEY, nullable=False),
        sa.Column("dataset_key", KEY, nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("ordinal", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("n_objects", sa.Integer(), nullable=False),
        sa.Column("next_sequence", sa.BigInteger(), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.Column("details", sa.LargeBinary(), nullable=False),
        sa.Column("media_digest", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["dataset_key"], ["datasets.key"], name=op.f("fk_predictions_dataset_key")),
        sa.ForeignKeyConstraint(["run_key"], ["model_runs.key"], name=op.f("fk_predictions_run_key")),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_predictions")),
        sa.UniqueConstraint(
            "run_key",
            "dataset_key",
            "owner",
            "ordinal",
            "kind",
            name=op.f("uq_predictions_run_key_dataset_key_owner_ordinal_kind"),
        ),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_predictions_dataset_key", "predictions", ["dataset_key", "owner", "ordinal"], unique=False)
    op.create_index(
        "ix_predictions_media_digest",
        "predictions",
        ["media_digest"],
        unique=False,
        sqlite_where=sa.text("media_digest IS NOT NULL"),
        postgresql_where=sa.text("media_digest IS NOT NULL"),
    )
    op.add_column("datasets", sa.Column("n_scenes", sa.BigInteger(), server_default=sa.text("0"), nullable=False))
    op.add_column("datasets", sa.Column("n_tracks", sa.BigInteger(), server_default=sa.text("0"), nullable=False))
    op.add_column("datasets", sa.Column("tags", sa.Text(), server_default=sa.text("'[]'"), nullable=False))
    op.add_column(
        "datasets", sa.Column("annotation_revision", sa.BigInteger(), server_default=sa.text("0"), nullable=False)
    )
    op.add_column("evaluations", sa.Column("annotation_revision", sa.BigInteger(), nullable=True))
    op.add_column("evaluations", sa.Column("prediction_run_key", KEY, nullable=True))
    op.add_column("evaluations", sa.Column("prediction_revision", sa.BigInteger(), nullable=True))
    op.add_column("items", sa.Column("scene_ordinal", sa.BigInteger(), nullable=True))
    op.add_column("items", sa.Column("frame", sa.Integer(), nullable=True))
    op.add_column("items", sa.Column("sensor", sa.Text(), nullable=True))
    op.create_index(
        "ix_items_scene_ordinal",
        "items",
        ["dataset_key", "scene_ordinal"],
        unique=False,
        sqlite_where=sa.text("scene_ordinal IS NOT NULL"),
        postgresql_where=sa.text("scene_ordinal IS NOT NULL"),
    )
    op.add_column("slices", sa.Column("member", sa.Text(), server_default=sa.text("'item'"), nullable=False))
    op.add_column("slices", sa.Column("tags", sa.Text(), server_default=sa.text("'[]'"), nullable=False))


def downgrade() -> None:
    raise RuntimeError("annotations and predictions have no place in the schema before: restore a backup")
