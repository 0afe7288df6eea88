"""The first schema."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "workspaces",
        sa.Column("key", KEY, autoincrement=True, nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_workspaces")),
        sa.UniqueConstraint("id", name=op.f("uq_workspaces_id")),
        sa.UniqueConstraint("name", name=op.f("uq_workspaces_name")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "media",
        sa.Column("workspace_key", KEY, nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("content_type", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("released_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["workspace_key"], ["workspaces.key"], name=op.f("fk_media_workspace_key")),
        sa.PrimaryKeyConstraint("workspace_key", "digest", name=op.f("pk_media")),
    )
    op.create_table(
        "users",
        sa.Column("key", KEY, autoincrement=True, nullable=False),
        sa.Column("workspace_key", KEY, nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["workspace_key"], ["workspaces.key"], name=op.f("fk_users_workspace_key")),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_users")),
        sa.UniqueConstraint("id", name=op.f("uq_users_id")),
        sa.UniqueConstraint("workspace_key", "key", name=op.f("uq_users_workspace_key_key")),
        sa.UniqueConstraint("workspace_key", "name", name=op.f("uq_users_workspace_key_name")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "api_keys",
        sa.Column("key", KEY, autoincrement=True, nullable=False),
        sa.Column("workspace_key", KEY, nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("user_key", KEY, nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("hint", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=True),
        sa.Column("revoked_at", sa.BigInteger(), nullable=True),
        sa.Column("last_used_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["workspace_key", "user_key"],
            ["users.workspace_key", "users.key"],
            name=op.f("fk_api_keys_workspace_key_user_key"),
        ),
        sa.ForeignKeyConstraint(["workspace_key"], ["workspaces.key"], name=op.f("fk_api_keys_workspace_key")),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_api_keys")),
        sa.UniqueConstraint("digest", name=op.f("uq_api_keys_digest")),
        sa.UniqueConstraint("id", name=op.f("uq_api_keys_id")),
        sa.UniqueConstraint("workspace_key", "key", name=op.f("uq_api_keys_workspace_key_key")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "audit_log",
        sa.Column("key", KEY, autoincrement=True, nullable=False),
        sa.Column("workspace_key", KEY, nullable=False),
        sa.Column("user_key", KEY, nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("object_id", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["workspace_key", "user_key"],
            ["users.workspace_key", "users.key"],
            name=op.f("fk_audit_log_workspace_key_user_key"),
        ),
        sa.ForeignKeyConstraint(["workspace_key"], ["workspaces.key"], name=op.f("fk_audit_log_workspace_key")),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_audit_log")),
        sa.UniqueConstraint("workspace_key", "key", name=op.f("uq_audit_log_workspace_key_key")),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("audit_log", schema=None) as batch_op:
        batch_op.create_index("ix_audit_log_workspace_key", ["workspace_key", "key"], unique=False)

    op.create_table(
        "datasets",
        sa.Column("key", KEY, autoincrement=True, nullable=False),
        sa.Column("workspace_key", KEY, nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("item_prefix", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("is_scene", sa.Boolean(), nullable=False),
        sa.Column("use_privacy_mode", sa.Boolean(), nullable=False),
        sa.Column("annotation_metadata_schema", sa.Text(), nullable=True),
        sa.Column("item_metadata_schema", sa.Text(), nullable=True),
        sa.Column("owner_key", KEY, nullable=False),
        sa.Column("n_items", sa.BigInteger(), nullable=False),
        sa.Column("n_live_items", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("hidden_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["workspace_key", "owner_key"],
            ["users.workspace_key", "users.key"],
            name=op.f("fk_datasets_workspace_key_owner_key"),
        ),
        sa.ForeignKeyConstraint(["workspace_key"], ["workspaces.key"], name=op.f("fk_datasets_workspace_key")),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_datasets")),
        sa.UniqueConstraint("id", name=op.f("uq_datasets_id")),
        sa.UniqueConstraint("item_prefix", name=op.f("uq_datasets_item_prefix")),
        sa.UniqueConstraint("workspace_key", "key", name=op.f("uq_datasets_workspace_key_key")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "eval_functions",
        sa.Column("key", KEY, autoincrement=True, nullable=False),
        sa.Column("workspace_key", KEY, nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("is_public", sa.Boolean(), nullable=False),
        sa.Column("is_external", sa.Boolean(), nullable=False),
        sa.Column("level", sa.Text(), nullable=False),
        sa.Column("direction", sa.Text(), nullable=False),
        sa.Column("score_min", sa.Float(), nullable=False),
        sa.Column("score_max", sa.Float(), nullable=False),
        sa.Column("owner_key", KEY, nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("hidden_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["workspace_key", "owner_key"],
            ["users.workspace_key", "users.key"],
            name=op.f("fk_eval_functions_workspace_key_owner_key"),
        ),
        sa.ForeignKeyConstraint(["workspace_key"], ["workspaces.key"], name=op.f("fk_eval_functions_workspace_key")),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_eval_functions")),
        sa.UniqueConstraint("id", name=op.f("uq_eval_functions_id")),
        sa.UniqueConstraint("workspace_key", "key", name=op.f("uq_eval_functions_workspace_key_key")),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("eval_functions", schema=None) as batch_op:
        batch_op.create_index(
            "uq_eval_functions_visible_name",
            ["workspace_key", "name"],
            unique=True,
            sqlite_where=sa.text("hidden_at IS NULL"),
            postgresql_where=sa.text("hidden_at IS NULL"),
        )

    op.create_table(
        "jobs",
        sa.Column("key", KEY, autoincrement=True, nullable=False),
        sa.Column("workspace_key", KEY, nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("dataset_id", sa.Text(), nullable=True),
        sa.Column("payload", sa.Text(), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("errors", sa.Text(), nullable=False),
        sa.Column("completed_steps", sa.BigInteger(), nullable=False),
        sa.Column("total_steps", sa.BigInteger(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("leased_until", sa.BigInteger(), nullable=True),
        sa.Column("fence", sa.BigInteger(), nullable=False),
        sa.Column("user_key", KEY, nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("finished_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["workspace_key", "user_key"],
            ["users.workspace_key", "users.key"],
            name=op.f("fk_jobs_workspace_key_user_key"),
        ),
        sa.ForeignKeyConstraint(["workspace_key"], ["workspaces.key"], name=op.f("fk_jobs_workspace_key")),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_jobs")),
        sa.UniqueConstraint("id", name=op.f("uq_jobs_id")),
        sa.UniqueConstraint("workspace_key", "key", name=op.f("uq_jobs_workspace_key_key")),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("jobs", schema=None) as batch_op:
        batch_op.create_index(
            "ix_jobs_open",
            ["key"],
            unique=False,
            sqlite_where=sa.text("finished_at IS NULL"),
            postgresql_where=sa.text("finished_at IS NULL"),
        )

    op.create_table(
        "login_links",
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("user_key", KEY, nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("used_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["user_key"], ["users.key"], name=op.f("fk_login_links_user_key")),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_login_links")),
    )
    op.create_table(
        "models",
        sa.Column("key", KEY, autoincrement=True, nullable=False),
        sa.Column("workspace_key", KEY, nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("reference_id", sa.Text(), nullable=False),
        sa.Column("metadata", sa.Text(), nullable=False),
        sa.Column("tags", sa.Text(), nullable=False),
        sa.Column("trained_slice_ids", sa.Text(), nullable=False),
        sa.Column("owner_key", KEY, nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("hidden_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["workspace_key", "owner_key"],
            ["users.workspace_key", "users.key"],
            name=op.f("fk_models_workspace_key_owner_key"),
        ),
        sa.ForeignKeyConstraint(["workspace_key"], ["workspaces.key"], name=op.f("fk_models_workspace_key")),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_models")),
        sa.UniqueConstraint("id", name=op.f("uq_models_id")),
        sa.UniqueConstraint("workspace_key", "key", name=op.f("uq_models_workspace_key_key")),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("models", schema=None) as batch_op:
        batch_op.create_index(
            "uq_models_visible_reference_id",
            ["workspace_key", "reference_id"],
            unique=True,
            sqlite_where=sa.text("hidden_at IS NULL"),
            postgresql_where=sa.text("hidden_at IS NULL"),
        )

    op.create_table(
        "item_chunks",
        sa.Column("dataset_key", KEY, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("chunk", sa.Integer(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["dataset_key"], ["datasets.key"], name=op.f("fk_item_chunks_dataset_key")),
        sa.PrimaryKeyConstraint("dataset_key", "name", "chunk", name=op.f("pk_item_chunks")),
    )
    op.create_table(
        "items",
        sa.Column("dataset_key", KEY, nullable=False),
        sa.Column("ordinal", sa.BigInteger(), nullable=False),
        sa.Column("reference_id", sa.Text(), nullable=False),
        sa.Column("location", sa.Text(), nullable=True),
        sa.Column("pointcloud_location", sa.Text(), nullable=True),
        sa.Column("media_digest", sa.Text(), nullable=True),
        sa.Column("text", sa.Text(), nullable=True),
        sa.Column("width", sa.Integer(), nullable=True),
        sa.Column("height", sa.Integer(), nullable=True),
        sa.Column("metadata", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("deleted_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["dataset_key"], ["datasets.key"], name=op.f("fk_items_dataset_key")),
        sa.PrimaryKeyConstraint("dataset_key", "ordinal", name=op.f("pk_items")),
        sqlite_with_rowid=False,
    )
    with op.batch_alter_table("items", schema=None) as batch_op:
        batch_op.create_index(
            "ix_items_media_digest",
            ["media_digest"],
            unique=False,
            sqlite_where=sa.text("media_digest IS NOT NULL"),
            postgresql_where=sa.text("media_digest IS NOT NULL"),
        )
        batch_op.create_index(
            "uq_items_live_reference_id",
            ["dataset_key", "reference_id"],
            unique=True,
            sqlite_where=sa.text("deleted_at IS NULL"),
            postgresql_where=sa.text("deleted_at IS NULL"),
        )

    op.create_table(
        "member_lists",
        sa.Column("key", KEY, autoincrement=True, nullable=False),
        sa.Column("workspace_key", KEY, nullable=False),
        sa.Column("dataset_key", KEY, nullable=False),
        sa.Column("level", sa.Text(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("n_members", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["workspace_key", "dataset_key"],
            ["datasets.workspace_key", "datasets.key"],
            name=op.f("fk_member_lists_workspace_key_dataset_key"),
        ),
        sa.ForeignKeyConstraint(["workspace_key"], ["workspaces.key"], name=op.f("fk_member_lists_workspace_key")),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_member_lists")),
        sa.UniqueConstraint("dataset_key", "level", "digest", name=op.f("uq_member_lists_dataset_key_level_digest")),
        sa.UniqueConstraint("workspace_key", "key", name=op.f("uq_member_lists_workspace_key_key")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "signed_uploads",
        sa.Column("workspace_key", KEY, nullable=False),
        sa.Column("dataset_key", KEY, nullable=False),
        sa.Column("request_id", sa.Text(), nullable=False),
        sa.Column("media_digest", sa.Text(), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("job_id", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["workspace_key", "dataset_key"],
            ["datasets.workspace_key", "datasets.key"],
            name=op.f("fk_signed_uploads_workspace_key_dataset_key"),
        ),
        sa.PrimaryKeyConstraint("dataset_key", "request_id", name=op.f("pk_signed_uploads")),
    )
    with op.batch_alter_table("signed_uploads", schema=None) as batch_op:
        batch_op.create_index("ix_signed_uploads_expires_at", ["expires_at"], unique=False)

    op.create_table(
        "slices",
        sa.Column("key", KEY, autoincrement=True, nullable=False),
        sa.Column("workspace_key", KEY, nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("dataset_key", KEY, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("owner_key", KEY, nullable=False),
        sa.Column("n_members", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("hidden_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["workspace_key", "dataset_key"],
            ["datasets.workspace_key", "datasets.key"],
            name=op.f("fk_slices_workspace_key_dataset_key"),
        ),
        sa.ForeignKeyConstraint(
            ["workspace_key", "owner_key"],
            ["users.workspace_key", "users.key"],
            name=op.f("fk_slices_workspace_key_owner_key"),
        ),
        sa.ForeignKeyConstraint(["workspace_key"], ["workspaces.key"], name=op.f("fk_slices_workspace_key")),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_slices")),
        sa.UniqueConstraint("id", name=op.f("uq_slices_id")),
        sa.UniqueConstraint("workspace_key", "key", name=op.f("uq_slices_workspace_key_key")),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("slices", schema=None) as batch_op:
        batch_op.create_index("ix_slices_dataset_key", ["dataset_key"], unique=False)

    op.create_table(
        "member_list_chunks",
        sa.Column("member_list_key", KEY, nullable=False),
        sa.Column("chunk", sa.Integer(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["member_list_key"], ["member_lists.key"], name=op.f("fk_member_list_chunks_member_list_key")
        ),
        sa.PrimaryKeyConstraint("member_list_key", "chunk", name=op.f("pk_member_list_chunks")),
    )
    op.create_table(
        "scenario_tests",
        sa.Column("key", KEY, autoincrement=True, nullable=False),
        sa.Column("workspace_key", KEY, nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("slice_key", KEY, nullable=False),
        sa.Column("owner_key", KEY, nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("hidden_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["workspace_key", "owner_key"],
            ["users.workspace_key", "users.key"],
            name=op.f("fk_scenario_tests_workspace_key_owner_key"),
        ),
        sa.ForeignKeyConstraint(
            ["workspace_key", "slice_key"],
            ["slices.workspace_key", "slices.key"],
            name=op.f("fk_scenario_tests_workspace_key_slice_key"),
        ),
        sa.ForeignKeyConstraint(["workspace_key"], ["workspaces.key"], name=op.f("fk_scenario_tests_workspace_key")),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_scenario_tests")),
        sa.UniqueConstraint("id", name=op.f("uq_scenario_tests_id")),
        sa.UniqueConstraint("workspace_key", "key", name=op.f("uq_scenario_tests_workspace_key_key")),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("scenario_tests", schema=None) as batch_op:
        batch_op.create_index("ix_scenario_tests_slice_key", ["slice_key"], unique=False)
        batch_op.create_index(
            "uq_scenario_tests_visible_name",
            ["workspace_key", "name"],
            unique=True,
            sqlite_where=sa.text("hidden_at IS NULL"),
            postgresql_where=sa.text("hidden_at IS NULL"),
        )

    op.create_table(
        "slice_chunks",
        sa.Column("slice_key", KEY, nullable=False),
        sa.Column("chunk", sa.Integer(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["slice_key"], ["slices.key"], name=op.f("fk_slice_chunks_slice_key")),
        sa.PrimaryKeyConstraint("slice_key", "chunk", name=op.f("pk_slice_chunks")),
    )
    op.create_table(
        "baselines",
        sa.Column("key", KEY, autoincrement=True, nullable=False),
        sa.Column("workspace_key", KEY, nullable=False),
        sa.Column("test_key", KEY, nullable=False),
        sa.Column("model_key", KEY, nullable=True),
        sa.Column("user_key", KEY, nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["workspace_key", "model_key"],
            ["models.workspace_key", "models.key"],
            name=op.f("fk_baselines_workspace_key_model_key"),
        ),
        sa.ForeignKeyConstraint(
            ["workspace_key", "test_key"],
            ["scenario_tests.workspace_key", "scenario_tests.key"],
            name=op.f("fk_baselines_workspace_key_test_key"),
        ),
        sa.ForeignKeyConstraint(
            ["workspace_key", "user_key"],
            ["users.workspace_key", "users.key"],
            name=op.f("fk_baselines_workspace_key_user_key"),
        ),
        sa.ForeignKeyConstraint(["workspace_key"], ["workspaces.key"], name=op.f("fk_baselines_workspace_key")),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_baselines")),
        sa.UniqueConstraint("workspace_key", "key", name=op.f("uq_baselines_workspace_key_key")),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("baselines", schema=None) as batch_op:
        batch_op.create_index("ix_baselines_test_key", ["test_key", "key"], unique=False)

    op.create_table(
        "criteria",
        sa.Column("key", KEY, autoincrement=True, nullable=False),
        sa.Column("workspace_key", KEY, nullable=False),
        sa.Column("test_key", KEY, nullable=False),
        sa.Column("function_key", KEY, nullable=False),
        sa.Column("threshold", sa.Float(), nullable=True),
        sa.Column("comparison", sa.Text(), nullable=False),
        sa.Column("user_key", KEY, nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["workspace_key", "function_key"],
            ["eval_functions.workspace_key", "eval_functions.key"],
            name=op.f("fk_criteria_workspace_key_function_key"),
        ),
        sa.ForeignKeyConstraint(
            ["workspace_key", "test_key"],
            ["scenario_tests.workspace_key", "scenario_tests.key"],
            name=op.f("fk_criteria_workspace_key_test_key"),
        ),
        sa.ForeignKeyConstraint(
            ["workspace_key", "user_key"],
            ["users.workspace_key", "users.key"],
            name=op.f("fk_criteria_workspace_key_user_key"),
        ),
        sa.ForeignKeyConstraint(["workspace_key"], ["workspaces.key"], name=op.f("fk_criteria_workspace_key")),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_criteria")),
        sa.UniqueConstraint("workspace_key", "key", name=op.f("uq_criteria_workspace_key_key")),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("criteria", schema=None) as batch_op:
        batch_op.create_index("ix_criteria_test_key_function_key", ["test_key", "function_key", "key"], unique=False)

    op.create_table(
        "evaluations",
        sa.Column("key", KEY, autoincrement=True, nullable=False),
        sa.Column("workspace_key", KEY, nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("test_key", KEY, nullable=False),
        sa.Column("function_key", KEY, nullable=False),
        sa.Column("model_key", KEY, nullable=False),
        sa.Column("level", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("slice_key", KEY, nullable=False),
        sa.Column("member_list_key", KEY, nullable=True),
        sa.Column("n_members", sa.BigInteger(), nullable=False),
        sa.Column("n_deleted", sa.BigInteger(), nullable=False),
        sa.Column("n_scored", sa.BigInteger(), nullable=False),
        sa.Column("result", sa.Float(), nullable=True),
        sa.Column("weight_sum", sa.Float(), nullable=False),
        sa.Column("is_weighted", sa.Boolean(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("user_key", KEY, nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("completed_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["workspace_key", "function_key"],
            ["eval_functions.workspace_key", "eval_functions.key"],
            name=op.f("fk_evaluations_workspace_key_function_key"),
        ),
        sa.ForeignKeyConstraint(
            ["workspace_key", "member_list_key"],
            ["member_lists.workspace_key", "member_lists.key"],
            name=op.f("fk_evaluations_workspace_key_member_list_key"),
        ),
        sa.ForeignKeyConstraint(
            ["workspace_key", "model_key"],
            ["models.workspace_key", "models.key"],
            name=op.f("fk_evaluations_workspace_key_model_key"),
        ),
        sa.ForeignKeyConstraint(
            ["workspace_key", "slice_key"],
            ["slices.workspace_key", "slices.key"],
            name=op.f("fk_evaluations_workspace_key_slice_key"),
        ),
        sa.ForeignKeyConstraint(
            ["workspace_key", "test_key"],
            ["scenario_tests.workspace_key", "scenario_tests.key"],
            name=op.f("fk_evaluations_workspace_key_test_key"),
        ),
        sa.ForeignKeyConstraint(
            ["workspace_key", "user_key"],
            ["users.workspace_key", "users.key"],
            name=op.f("fk_evaluations_workspace_key_user_key"),
        ),
        sa.ForeignKeyConstraint(["workspace_key"], ["workspaces.key"], name=op.f("fk_evaluations_workspace_key")),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_evaluations")),
        sa.UniqueConstraint("id", name=op.f("uq_evaluations_id")),
        sa.UniqueConstraint("workspace_key", "key", name=op.f("uq_evaluations_workspace_key_key")),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("evaluations", schema=None) as batch_op:
        batch_op.create_index("ix_evaluations_function_key", ["function_key"], unique=False)
        batch_op.create_index("ix_evaluations_model_key", ["model_key"], unique=False)
        batch_op.create_index("ix_evaluations_series", ["test_key", "function_key", "model_key", "key"], unique=False)
        batch_op.create_index("ix_evaluations_slice_key", ["slice_key"], unique=False)

    op.create_table(
        "test_functions",
        sa.Column("key", KEY, autoincrement=True, nullable=False),
        sa.Column("workspace_key", KEY, nullable=False),
        sa.Column("test_key", KEY, nullable=False),
        sa.Column("function_key", KEY, nullable=False),
        sa.Column("arguments", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["workspace_key", "function_key"],
            ["eval_functions.workspace_key", "eval_functions.key"],
            name=op.f("fk_test_functions_workspace_key_function_key"),
        ),
        sa.ForeignKeyConstraint(
            ["workspace_key", "test_key"],
            ["scenario_tests.workspace_key", "scenario_tests.key"],
            name=op.f("fk_test_functions_workspace_key_test_key"),
        ),
        sa.ForeignKeyConstraint(["workspace_key"], ["workspaces.key"], name=op.f("fk_test_functions_workspace_key")),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_test_functions")),
        sa.UniqueConstraint("test_key", "function_key", name=op.f("uq_test_functions_test_key_function_key")),
        sa.UniqueConstraint("workspace_key", "key", name=op.f("uq_test_functions_workspace_key_key")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "evaluation_chunks",
        sa.Column("evaluation_key", KEY, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("chunk", sa.Integer(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["evaluation_key"], ["evaluations.key"], name=op.f("fk_evaluation_chunks_evaluation_key")
        ),
        sa.PrimaryKeyConstraint("evaluation_key", "name", "chunk", name=op.f("pk_evaluation_chunks")),
    )
    if op.get_bind().dialect.name == "postgresql":
        # Uncompressed and out of line, so that `substr` reads one member's score without reading the chunk.
        op.execute("ALTER TABLE evaluation_chunks ALTER COLUMN data SET STORAGE EXTERNAL")


def downgrade() -> None:
    raise RuntimeError("the first schema has nothing before it: restore a backup")
