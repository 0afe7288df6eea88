"""Uploads of scores for whole datasets, in parts, and functions whose properties can change."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "function_changes",
        sa.Column("key", KEY, autoincrement=True, nullable=False),
        sa.Column("workspace_key", KEY, nullable=False),
        sa.Column("function_key", KEY, nullable=False),
        sa.Column("property", sa.Text(), nullable=False),
        sa.Column("before", sa.Text(), nullable=False),
        sa.Column("after", sa.Text(), nullable=False),
        sa.Column("user_key", KEY, nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["workspace_key", "function_key"],
            ["eval_functions.workspace_key", "eval_functions.key"],
            name=op.f("fk_function_changes_workspace_key_function_key"),
        ),
        sa.ForeignKeyConstraint(
            ["workspace_key", "user_key"],
            ["users.workspace_key", "users.key"],
            name=op.f("fk_function_changes_workspace_key_user_key"),
        ),
        sa.ForeignKeyConstraint(["workspace_key"], ["workspaces.key"], name=op.f("fk_function_changes_workspace_key")),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_function_changes")),
        sa.UniqueConstraint("workspace_key", "key", name=op.f("uq_function_changes_workspace_key_key")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_function_changes_function_key", "function_changes", ["function_key", "key"], unique=False)
    op.create_table(
        "score_uploads",
        sa.Column("key", KEY, autoincrement=True, nullable=False),
        sa.Column("workspace_key", KEY, nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("dataset_key", KEY, nullable=False),
        sa.Column("model_key", KEY, nullable=False),
        sa.Column("test_key", KEY, nullable=True),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("function_ids", sa.Text(), nullable=False),
        sa.Column("min_coverage", sa.Float(), nullable=False),
        sa.Column("is_dry_run", sa.Boolean(), nullable=False),
        sa.Column("first_part", sa.Text(), nullable=True),
        sa.Column("n_rows", sa.BigInteger(), nullable=False),
        sa.Column("report", sa.Text(), nullable=False),
        sa.Column("job_id", sa.Text(), nullable=True),
        sa.Column("fence", sa.BigInteger(), nullable=False),
        sa.Column("user_key", KEY, nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("completed_at", sa.BigInteger(), nullable=True),
        sa.Column("expires_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["workspace_key", "dataset_key"],
            ["datasets.workspace_key", "datasets.key"],
            name=op.f("fk_score_uploads_workspace_key_dataset_key"),
        ),
        sa.ForeignKeyConstraint(
            ["workspace_key", "model_key"],
            ["models.workspace_key", "models.key"],
            name=op.f("fk_score_uploads_workspace_key_model_key"),
        ),
        sa.ForeignKeyConstraint(
            ["workspace_key", "test_key"],
            ["scenario_tests.workspace_key", "scenario_tests.key"],
            name=op.f("fk_score_uploads_workspace_key_test_key"),
        ),
        sa.ForeignKeyConstraint(
            ["workspace_key", "user_key"],
            ["users.workspace_key", "users.key"],
            name=op.f("fk_score_uploads_workspace_key_user_key"),
        ),
        sa.ForeignKeyConstraint(["workspace_key"], ["workspaces.key"], name=op.f("fk_score_uploads_workspace_key")),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_score_uploads")),
        sa.UniqueConstraint("id", name=op.f("uq_score_uploads_id")),
        sa.UniqueConstraint("workspace_key", "key", name=op.f("uq_score_uploads_workspace_key_key")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_score_uploads_dataset_key", "score_uploads", ["dataset_key", "key"], unique=False)
    op.create_index(
        "ix_score_uploads_expires_at",
        "score_uploads",
        ["expires_at"],
        unique=False,
        sqlite_where=sa.text("expires_at IS NOT NULL"),
        postgresql_where=sa.text("expires_at IS NOT NULL"),
    )
    op.create_index("ix_score_uploads_model_key", "score_uploads", ["model_key"], unique=False)
    op.create_index("ix_score_uploads_test_key", "score_uploads", ["test_key"], unique=False)
    op.create_table(
        "score_columns",
        sa.Column("key", KEY, autoincrement=True, nullable=False),
        sa.Column("workspace_key", KEY, nullable=False),
        sa.Column("upload_key", KEY, nullable=False),
        sa.Column("function_key", KEY, nullable=False),
        sa.Column("n_ordinals", sa.BigInteger(), nullable=False),
        sa.Column("n_scored", sa.BigInteger(), nullable=False),
        sa.Column("is_weighted", sa.Boolean(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["workspace_key", "function_key"],
            ["eval_functions.workspace_key", "eval_functions.key"],
            name=op.f("fk_score_columns_workspace_key_function_key"),
        ),
        sa.ForeignKeyConstraint(
            ["workspace_key", "upload_key"],
            ["score_uploads.workspace_key", "score_uploads.key"],
            name=op.f("fk_score_columns_workspace_key_upload_key"),
        ),
        sa.ForeignKeyConstraint(["workspace_key"], ["workspaces.key"], name=op.f("fk_score_columns_workspace_key")),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_score_columns")),
        sa.UniqueConstraint("upload_key", "function_key", name=op.f("uq_score_columns_upload_key_function_key")),
        sa.UniqueConstraint("workspace_key", "key", name=op.f("uq_score_columns_workspace_key_key")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_score_columns_function_key", "score_columns", ["function_key", "key"], unique=False)
    op.create_table(
        "upload_evaluations",
        sa.Column("key", KEY, autoincrement=True, nullable=False),
        sa.Column("workspace_key", KEY, nullable=False),
        sa.Column("upload_key", KEY, nullable=False),
        sa.Column("evaluation_key", KEY, nullable=False),
        sa.ForeignKeyConstraint(
            ["workspace_key", "evaluation_key"],
            ["evaluations.workspace_key", "evaluations.key"],
            name=op.f("fk_upload_evaluations_workspace_key_evaluation_key"),
        ),
        sa.ForeignKeyConstraint(
            ["workspace_key", "upload_key"],
            ["score_uploads.workspace_key", "score_uploads.key"],
            name=op.f("fk_upload_evaluations_workspace_key_upload_key"),
        ),
        sa.ForeignKeyConstraint(
            ["workspace_key"], ["workspaces.key"], name=op.f("fk_upload_evaluations_workspace_key")
        ),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_upload_evaluations")),
        sa.UniqueConstraint("evaluation_key", name=op.f("uq_upload_evaluations_evaluation_key")),
        sa.UniqueConstraint("workspace_key", "key", name=op.f("uq_upload_evaluations_workspace_key_key")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_upload_evaluations_upload_key", "upload_evaluations", ["upload_key"], unique=False)
    op.create_table(
        "upload_parts",
        sa.Column("workspace_key", KEY, nullable=False),
        sa.Column("upload_key", KEY, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("n_rows", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["workspace_key", "upload_key"],
            ["score_uploads.workspace_key", "score_uploads.key"],
            name=op.f("fk_upload_parts_workspace_key_upload_key"),
        ),
        sa.PrimaryKeyConstraint("upload_key", "number", name=op.f("pk_upload_parts")),
    )
    op.create_index("ix_upload_parts_digest", "upload_parts", ["workspace_key", "digest"], unique=False)
    op.create_table(
        "score_chunks",
        sa.Column("column_key", KEY, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("chunk", sa.Integer(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["column_key"], ["score_columns.key"], name=op.f("fk_score_chunks_column_key")),
        sa.PrimaryKeyConstraint("column_key", "name", "chunk", name=op.f("pk_score_chunks")),
    )
    op.add_column("eval_functions", sa.Column("unit", sa.Text(), nullable=True))
    op.add_column("eval_functions", sa.Column("description", sa.Text(), nullable=True))
    op.add_column("eval_functions", sa.Column("default_cluster_key", sa.Text(), nullable=True))


def downgrade() -> None:
    raise RuntimeError("uploads for whole datasets have no place in the schema before: restore a backup")
