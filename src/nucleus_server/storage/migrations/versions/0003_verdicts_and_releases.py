"""Verdicts, what they depend on, releases and waivers."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "releases",
        sa.Column("key", KEY, autoincrement=True, nullable=False),
        sa.Column("workspace_key", KEY, nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("model_key", KEY, nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("options", sa.Text(), nullable=False),
        sa.Column("snapshot", sa.Text(), nullable=True),
        sa.Column("report", sa.Text(), nullable=True),
        sa.Column("user_key", KEY, nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("decided_by_key", KEY, nullable=True),
        sa.Column("decided_at", sa.BigInteger(), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("promoted_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["workspace_key", "decided_by_key"],
            ["users.workspace_key", "users.key"],
            name=op.f("fk_releases_workspace_key_decided_by_key"),
        ),
        sa.ForeignKeyConstraint(
            ["workspace_key", "model_key"],
            ["models.workspace_key", "models.key"],
            name=op.f("fk_releases_workspace_key_model_key"),
        ),
        sa.ForeignKeyConstraint(
            ["workspace_key", "user_key"],
            ["users.workspace_key", "users.key"],
            name=op.f("fk_releases_workspace_key_user_key"),
        ),
        sa.ForeignKeyConstraint(["workspace_key"], ["workspaces.key"], name=op.f("fk_releases_workspace_key")),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_releases")),
        sa.UniqueConstraint("id", name=op.f("uq_releases_id")),
        sa.UniqueConstraint("workspace_key", "key", name=op.f("uq_releases_workspace_key_key")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "cluster_choices",
        sa.Column("key", KEY, autoincrement=True, nullable=False),
        sa.Column("workspace_key", KEY, nullable=False),
        sa.Column("dataset_key", KEY, nullable=True),
        sa.Column("test_key", KEY, nullable=True),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("metadata_key", sa.Text(), nullable=True),
        sa.Column("user_key", KEY, nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["workspace_key", "dataset_key"],
            ["datasets.workspace_key", "datasets.key"],
            name=op.f("fk_cluster_choices_workspace_key_dataset_key"),
        ),
        sa.ForeignKeyConstraint(
            ["workspace_key", "test_key"],
            ["scenario_tests.workspace_key", "scenario_tests.key"],
            name=op.f("fk_cluster_choices_workspace_key_test_key"),
        ),
        sa.ForeignKeyConstraint(
            ["workspace_key", "user_key"],
            ["users.workspace_key", "users.key"],
            name=op.f("fk_cluster_choices_workspace_key_user_key"),
        ),
        sa.ForeignKeyConstraint(["workspace_key"], ["workspaces.key"], name=op.f("fk_cluster_choices_workspace_key")),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_cluster_choices")),
        sa.UniqueConstraint("workspace_key", "key", name=op.f("uq_cluster_choices_workspace_key_key")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_cluster_choices_dataset_key", "cluster_choices", ["dataset_key", "key"], unique=False)
    op.create_index("ix_cluster_choices_test_key", "cluster_choices", ["test_key", "key"], unique=False)
    op.create_table(
        "waivers",
        sa.Column("key", KEY, autoincrement=True, nullable=False),
        sa.Column("workspace_key", KEY, nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("test_key", KEY, nullable=False),
        sa.Column("function_key", KEY, nullable=False),
        sa.Column("model_key", KEY, nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("user_key", KEY, nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("revoked_at", sa.BigInteger(), nullable=True),
        sa.Column("revoked_by_key", KEY, nullable=True),
        sa.ForeignKeyConstraint(
            ["workspace_key", "function_key"],
            ["eval_functions.workspace_key", "eval_functions.key"],
            name=op.f("fk_waivers_workspace_key_function_key"),
        ),
        sa.ForeignKeyConstraint(
            ["workspace_key", "model_key"],
            ["models.workspace_key", "models.key"],
            name=op.f("fk_waivers_workspace_key_model_key"),
        ),
        sa.ForeignKeyConstraint(
            ["workspace_key", "revoked_by_key"],
            ["users.workspace_key", "users.key"],
            name=op.f("fk_waivers_workspace_key_revoked_by_key"),
        ),
        sa.ForeignKeyConstraint(
            ["workspace_key", "test_key"],
            ["scenario_tests.workspace_key", "scenario_tests.key"],
            name=op.f("fk_waivers_workspace_key_test_key"),
        ),
        sa.ForeignKeyConstraint(
            ["workspace_key", "user_key"],
            ["users.workspace_key", "users.key"],
            name=op.f("fk_waivers_workspace_key_user_key"),
        ),
        sa.ForeignKeyConstraint(["workspace_key"], ["workspaces.key"], name=op.f("fk_waivers_workspace_key")),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_waivers")),
        sa.UniqueConstraint("id", name=op.f("uq_waivers_id")),
        sa.UniqueConstraint("workspace_key", "key", name=op.f("uq_waivers_workspace_key_key")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_waivers_test_key", "waivers", ["test_key"], unique=False)
    op.create_table(
        "verdicts",
        sa.Column("key", KEY, autoincrement=True, nullable=False),
        sa.Column("workspace_key", KEY, nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("baseline_key", KEY, nullable=True),
        sa.Column("candidate_key", KEY, nullable=False),
        sa.Column("payload", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["workspace_key", "baseline_key"],
            ["evaluations.workspace_key", "evaluations.key"],
            name=op.f("fk_verdicts_workspace_key_baseline_key"),
        ),
        sa.ForeignKeyConstraint(
            ["workspace_key", "candidate_key"],
            ["evaluations.workspace_key", "evaluations.key"],
            name=op.f("fk_verdicts_workspace_key_candidate_key"),
        ),
        sa.ForeignKeyConstraint(["workspace_key"], ["workspaces.key"], name=op.f("fk_verdicts_workspace_key")),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_verdicts")),
        sa.UniqueConstraint("workspace_key", "digest", name=op.f("uq_verdicts_workspace_key_digest")),
        sa.UniqueConstraint("workspace_key", "key", name=op.f("uq_verdicts_workspace_key_key")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_verdicts_baseline_key", "verdicts", ["baseline_key"], unique=False)
    op.create_index("ix_verdicts_candidate_key", "verdicts", ["candidate_key"], unique=False)
    op.add_column("criteria", sa.Column("mode", sa.Text(), nullable=True))
    op.add_column("criteria", sa.Column("margin", sa.Float(), nullable=True))
    op.add_column("scenario_tests", sa.Column("is_blocking", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.add_column("scenario_tests", sa.Column("tags", sa.Text(), server_default=sa.text("'[]'"), nullable=False))


def downgrade() -> None:
    raise RuntimeError("verdicts and releases have no place in the schema before: restore a backup")
