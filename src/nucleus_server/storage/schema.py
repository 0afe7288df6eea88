"""The tables: the readable truth of the database, the same on SQLite and PostgreSQL.

Conventions
* `key` is an internal integer, never reused and never shown; `id` is the public, prefixed id.
* Root tables carry `workspace_key`, and foreign keys between them are composite, so that a row can only refer to rows
  of its own workspace: a reference across tenants cannot be inserted.
* Times are integer microseconds since the epoch, UTC.
* Bulk data is packed numpy columns in chunks of `CHUNK` members, never one row per score (see `columns.py`).
* Criteria and baselines are append-only: the newest row is in force, the older ones are the history.
* `hidden_at` marks what evaluations still refer to: gone for its users, kept for the numbers' sake.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
    false,
    text,
)

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
    }
)

_Key = BigInteger().with_variant(Integer, "sqlite")
_Micros = BigInteger


def _root(name: str, *columns: Column[object] | UniqueConstraint | ForeignKeyConstraint | Index) -> Table:
    """A table of objects that belong to one workspace: `key`, `workspace_key`, and the target of composite references."""
    return Table(
        name,
        metadata,
        Column("key", _Key, primary_key=True, autoincrement=True),
        Column("workspace_key", _Key, nullable=False),
        *columns,
        ForeignKeyConstraint(["workspace_key"], ["workspaces.key"]),
        UniqueConstraint("workspace_key", "key"),
        sqlite_autoincrement=True,
    )


def _refers(column: str, table: str) -> ForeignKeyConstraint:
    """`column` refers to a row of `table` in the same workspace."""
    return ForeignKeyConstraint(["workspace_key", column], [f"{table}.workspace_key", f"{table}.key"])


def _visible_unique(name: str, *columns: str) -> Index:
    """Unique among rows that are not hidden, so that a name is free again after its holder is deleted."""
    condition = text("hidden_at IS NULL")
    return Index(name, *columns, unique=True, sqlite_where=condition, postgresql_where=condition)


def _chunks(name: str, owner: str, owner_table: str, *, named: bool) -> Table:
    """Packed columns of one owner, in chunks of `CHUNK` members; `name` tells several columns of one owner apart."""
    columns = ["name"] if named else []
    return Table(
        name,
        metadata,
        Column(owner, _Key, nullable=False),
        *[Column(column, Text, nullable=False) for column in columns],
        Column("chunk", Integer, nullable=False),
        Column("data", LargeBinary, nullable=False),
        PrimaryKeyConstraint(owner, *columns, "chunk"),
        ForeignKeyConstraint([owner], [f"{owner_table}.key"]),
    )


workspaces = Table(
    "workspaces",
    metadata,
    Column("key", _Key, primary_key=True, autoincrement=True),
    Column("id", Text, nullable=False, unique=True),
    Column("name", Text, nullable=False, unique=True),
    Column("created_at", _Micros, nullable=False),
    sqlite_autoincrement=True,
)

users = _root(
    "users",
    Column("id", Text, nullable=False, unique=True),
    Column("name", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("created_at", _Micros, nullable=False),
    UniqueConstraint("workspace_key", "name"),
)

api_keys = _root(
    "api_keys",
    Column("id", Text, nullable=False, unique=True),
    Column("user_key", _Key, nullable=False),
    Column("digest", LargeBinary, nullable=False, unique=True),
    Column("hint", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("created_at", _Micros, nullable=False),
    Column("expires_at", _Micros),
    Column("revoked_at", _Micros),
    Column("last_used_at", _Micros),
    _refers("user_key", "users"),
)

login_links = Table(
    "login_links",
    metadata,
    Column("digest", LargeBinary, primary_key=True),
    Column("user_key", _Key, nullable=False),
    Column("created_at", _Micros, nullable=False),
    Column("expires_at", _Micros, nullable=False),
    Column("used_at", _Micros),
    ForeignKeyConstraint(["user_key"], ["users.key"]),
)

datasets = _root(
    "datasets",
    Column("id", Text, nullable=False, unique=True),
    # An item's public id is this prefix and its ordinal: unique for ever, without a column or an index of its own.
    Column("item_prefix", Text, nullable=False, unique=True),
    Column("name", Text, nullable=False),
    Column("is_scene", Boolean, nullable=False),
    Column("use_privacy_mode", Boolean, nullable=False),
    Column("annotation_metadata_schema", Text),
    Column("item_metadata_schema", Text),
    Column("owner_key", _Key, nullable=False),
    Column("n_items", BigInteger, nullable=False),
    Column("n_live_items", BigInteger, nullable=False),
    Column("created_at", _Micros, nullable=False),
    Column("hidden_at", _Micros),
    _refers("owner_key", "users"),
)

items = Table(
    "items",
    metadata,
    Column("dataset_key", _Key, nullable=False),
    Column("ordinal", BigInteger, nullable=False),
    Column("reference_id", Text, nullable=False),
    Column("location", Text),
    Column("pointcloud_location", Text),
    Column("media_digest", Text),
    Column("text", Text),
    Column("width", Integer),
    Column("height", Integer),
    Column("metadata", Text, nullable=False),
    Column("created_at", _Micros, nullable=False),
    Column("deleted_at", _Micros),
    PrimaryKeyConstraint("dataset_key", "ordinal"),
    ForeignKeyConstraint(["dataset_key"], ["datasets.key"]),
    sqlite_with_rowid=False,
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
item_chunks = _chunks("item_chunks", "dataset_key", "datasets", named=True)

media = Table(
    "media",
    metadata,
    Column("workspace_key", _Key, nullable=False),
    Column("digest", Text, nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
    Column("content_type", Text, nullable=False),
    Column("created_at", _Micros, nullable=False),
    # Set when the last item that showed the file is deleted: not served from then on, removed by the next sweep.
    Column("released_at", _Micros),
    PrimaryKeyConstraint("workspace_key", "digest"),
    ForeignKeyConstraint(["workspace_key"], ["workspaces.key"]),
)

signed_uploads = Table(
    "signed_uploads",
    metadata,
    Column("workspace_key", _Key, nullable=False),
    Column("dataset_key", _Key, nullable=False),
    Column("request_id", Text, nullable=False),
    Column("media_digest", Text, nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
    Column("created_at", _Micros, nullable=False),
    Column("expires_at", _Micros, nullable=False),
    # The job that its consumption produced: a retried append finds its answer instead of doing the work twice.
    Column("job_id", Text),
    PrimaryKeyConstraint("dataset_key", "request_id"),
    _refers("dataset_key", "datasets"),
)
Index("ix_signed_uploads_expires_at", signed_uploads.c.expires_at)

slices = _root(
    "slices",
    Column("id", Text, nullable=False, unique=True),
    Column("dataset_key", _Key, nullable=False),
    Column("name", Text, nullable=False),
    Column("owner_key", _Key, nullable=False),
    Column("n_members", BigInteger, nullable=False),
    Column("created_at", _Micros, nullable=False),
    Column("hidden_at", _Micros),
    _refers("dataset_key", "datasets"),
    _refers("owner_key", "users"),
)
Index("ix_slices_dataset_key", slices.c.dataset_key)

# int64 dataset ordinals, append-only: the first n of them are version n of the slice for ever.
slice_chunks = _chunks("slice_chunks", "slice_key", "slices", named=False)

models = _root(
    "models",
    Column("id", Text, nullable=False, unique=True),
    Column("name", Text, nullable=False),
    Column("reference_id", Text, nullable=False),
    Column("metadata", Text, nullable=False),
    Column("tags", Text, nullable=False),
    Column("trained_slice_ids", Text, nullable=False),
    Column("owner_key", _Key, nullable=False),
    Column("created_at", _Micros, nullable=False),
    Column("hidden_at", _Micros),
    _refers("owner_key", "users"),
    _visible_unique("uq_models_visible_reference_id", "workspace_key", "reference_id"),
)

eval_functions = _root(
    "eval_functions",
    Column("id", Text, nullable=False, unique=True),
    Column("name", Text, nullable=False),
    Column("is_public", Boolean, nullable=False),
    Column("is_external", Boolean, nullable=False),
    Column("level", Text, nullable=False),
    Column("direction", Text, nullable=False),
    Column("score_min", Float, nullable=False),
    Column("score_max", Float, nullable=False),
    Column("owner_key", _Key, nullable=False),
    Column("created_at", _Micros, nullable=False),
    Column("hidden_at", _Micros),
    Column("unit", Text),
    Column("description", Text),
    Column("default_cluster_key", Text),
    _refers("owner_key", "users"),
    _visible_unique("uq_eval_functions_visible_name", "workspace_key", "name"),
)

# What was set on a function after it was made; `before` and `after` are JSON.
function_changes = _root(
    "function_changes",
    Column("function_key", _Key, nullable=False),
    Column("property", Text, nullable=False),
    Column("before", Text, nullable=False),
    Column("after", Text, nullable=False),
    Column("user_key", _Key, nullable=False),
    Column("created_at", _Micros, nullable=False),
    _refers("function_key", "eval_functions"),
    _refers("user_key", "users"),
)
Index("ix_function_changes_function_key", function_changes.c.function_key, function_changes.c.key)

scenario_tests = _root(
    "scenario_tests",
    Column("id", Text, nullable=False, unique=True),
    Column("name", Text, nullable=False),
    Column("slice_key", _Key, nullable=False),
    Column("owner_key", _Key, nullable=False),
    Column("created_at", _Micros, nullable=False),
    Column("hidden_at", _Micros),
    Column("is_blocking", Boolean, nullable=False, server_default=false()),
    Column("tags", Text, nullable=False, server_default=text("'[]'")),
    _refers("slice_key", "slices"),
    _refers("owner_key", "users"),
    _visible_unique("uq_scenario_tests_visible_name", "workspace_key", "name"),
)
Index("ix_scenario_tests_slice_key", scenario_tests.c.slice_key)

test_functions = _root(
    "test_functions",
    Column("test_key", _Key, nullable=False),
    Column("function_key", _Key, nullable=False),
    Column("arguments", Text, nullable=False),
    Column("created_at", _Micros, nullable=False),
    _refers("test_key", "scenario_tests"),
    _refers("function_key", "eval_functions"),
    UniqueConstraint("test_key", "function_key"),
)

criteria = _root(
    "criteria",
    Column("test_key", _Key, nullable=False),
    Column("function_key", _Key, nullable=False),
    Column("threshold", Float),
    Column("comparison", Text, nullable=False),
    Column("user_key", _Key, nullable=False),
    Column("created_at", _Micros, nullable=False),
    # How a gate decides; null: by the threshold if there is one, else by the baseline.
    Column("mode", Text),
    Column("margin", Float),
    _refers("test_key", "scenario_tests"),
    _refers("function_key", "eval_functions"),
    _refers("user_key", "users"),
)
Index("ix_criteria_test_key_function_key", criteria.c.test_key, criteria.c.function_key, criteria.c.key)

baselines = _root(
    "baselines",
    Column("test_key", _Key, nullable=False),
    Column("model_key", _Key),
    Column("user_key", _Key, nullable=False),
    Column("created_at", _Micros, nullable=False),
    _refers("test_key", "scenario_tests"),
    _refers("model_key", "models"),
    _refers("user_key", "users"),
)
Index("ix_baselines_test_key", baselines.c.test_key, baselines.c.key)

# What makes items alike, for a dataset or (in its place) for one test: append-only, the newest row is in force.
cluster_choices = _root(
    "cluster_choices",
    Column("dataset_key", _Key),
    Column("test_key", _Key),
    Column("by", Text, nullable=False),
    Column("metadata_key", Text),
    Column("user_key", _Key, nullable=False),
    Column("created_at", _Micros, nullable=False),
    _refers("dataset_key", "datasets"),
    _refers("test_key", "scenario_tests"),
    _refers("user_key", "users"),
)
Index("ix_cluster_choices_dataset_key", cluster_choices.c.dataset_key, cluster_choices.c.key)
Index("ix_cluster_choices_test_key", cluster_choices.c.test_key, cluster_choices.c.key)

# The members of scene and track evaluations, resolved at upload and deduplicated by digest; items use the slice itself.
member_lists = _root(
    "member_lists",
    Column("dataset_key", _Key, nullable=False),
    Column("level", Text, nullable=False),
    Column("digest", LargeBinary, nullable=False),
    Column("n_members", BigInteger, nullable=False),
    Column("created_at", _Micros, nullable=False),
    _refers("dataset_key", "datasets"),
    UniqueConstraint("dataset_key", "level", "digest"),
)
member_list_chunks = _chunks("member_list_chunks", "member_list_key", "member_lists", named=False)

evaluations = _root(
    "evaluations",
    Column("id", Text, nullable=False, unique=True),
    Column("test_key", _Key, nullable=False),
    Column("function_key", _Key, nullable=False),
    Column("model_key", _Key, nullable=False),
    Column("level", Text, nullable=False),
    Column("status", Text, nullable=False),
    # The pinned member list: the first `n_members` of the slice, or a member list of scenes or tracks.
    Column("slice_key", _Key, nullable=False),
    Column("member_list_key", _Key),
    Column("n_members", BigInteger, nullable=False),
    Column("n_deleted", BigInteger, nullable=False),
    Column("n_scored", BigInteger, nullable=False),
    Column("result", Float),
    Column("weight_sum", Float, nullable=False),
    Column("is_weighted", Boolean, nullable=False),
    # SHA-256 of the score and weight columns: equal to the newest one's means the upload is a replay.
    Column("digest", LargeBinary, nullable=False),
    Column("user_key", _Key, nullable=False),
    Column("created_at", _Micros, nullable=False),
    Column("completed_at", _Micros),
    _refers("test_key", "scenario_tests"),
    _refers("function_key", "eval_functions"),
    _refers("model_key", "models"),
    _refers("slice_key", "slices"),
    _refers("member_list_key", "member_lists"),
    _refers("user_key", "users"),
)
Index(
    "ix_evaluations_series",
    evaluations.c.test_key,
    evaluations.c.function_key,
    evaluations.c.model_key,
    evaluations.c.key,
)
Index("ix_evaluations_model_key", evaluations.c.model_key)
Index("ix_evaluations_function_key", evaluations.c.function_key)
Index("ix_evaluations_slice_key", evaluations.c.slice_key)

# "score": raw float64 in member order, NaN = missing; "weight": float64, zstd, absent when every weight is 1.
evaluation_chunks = _chunks("evaluation_chunks", "evaluation_key", "evaluations", named=True)

# One act of uploading scores: of one model, by some functions, for one test or (test_key null) for a whole dataset.
score_uploads = _root(
    "score_uploads",
    Column("id", Text, nullable=False, unique=True),
    Column("dataset_key", _Key, nullable=False),
    Column("model_key", _Key, nullable=False),
    Column("test_key", _Key),
    Column("status", Text, nullable=False),
    Column("function_ids", Text, nullable=False),
    Column("min_coverage", Float, nullable=False),
    Column("is_dry_run", Boolean, nullable=False),
    # SHA-256 of the first part: what a client that comes back finds its unfinished upload by.
    Column("first_part", Text),
    Column("n_rows", BigInteger, nullable=False),
    # What was accepted, as JSON; empty until then.
    Column("report", Text, nullable=False),
    Column("job_id", Text),
    # Which attempt at storing it may finish it: a worker that was overtaken may not.
    Column("fence", BigInteger, nullable=False),
    Column("user_key", _Key, nullable=False),
    Column("created_at", _Micros, nullable=False),
    Column("completed_at", _Micros),
    # When what nobody needs any more is swept: all of an unfinished or rejected upload, the parts of a completed one.
    Column("expires_at", _Micros),
    _refers("dataset_key", "datasets"),
    _refers("model_key", "models"),
    _refers("test_key", "scenario_tests"),
    _refers("user_key", "users"),
)
Index("ix_score_uploads_dataset_key", score_uploads.c.dataset_key, score_uploads.c.key)
Index("ix_score_uploads_model_key", score_uploads.c.model_key)
Index("ix_score_uploads_test_key", score_uploads.c.test_key)
Index(
    "ix_score_uploads_expires_at",
    score_uploads.c.expires_at,
    sqlite_where=text("expires_at IS NOT NULL"),
    postgresql_where=text("expires_at IS NOT NULL"),
)

# Payloads that wait for the commit of their upload; the files are the media store's.
upload_parts = Table(
    "upload_parts",
    metadata,
    Column("workspace_key", _Key, nullable=False),
    Column("upload_key", _Key, nullable=False),
    Column("number", Integer, nullable=False),
    Column("digest", Text, nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
    Column("n_rows", BigInteger, nullable=False),
    PrimaryKeyConstraint("upload_key", "number"),
    _refers("upload_key", "score_uploads"),
)
Index("ix_upload_parts_digest", upload_parts.c.workspace_key, upload_parts.c.digest)

# The scores of a whole dataset by one function, in the order of dataset ordinals, of an upload that is for no single test.
score_columns = _root(
    "score_columns",
    Column("upload_key", _Key, nullable=False),
    Column("function_key", _Key, nullable=False),
    Column("n_ordinals", BigInteger, nullable=False),
    Column("n_scored", BigInteger, nullable=False),
    Column("is_weighted", Boolean, nullable=False),
    Column("digest", LargeBinary, nullable=False),
    _refers("upload_key", "score_uploads"),
    _refers("function_key", "eval_functions"),
    UniqueConstraint("upload_key", "function_key"),
)
Index("ix_score_columns_function_key", score_columns.c.function_key, score_columns.c.key)

# "score" and "weight": float64 by dataset ordinal, zstd; a chunk without any score is absent.
score_chunks = _chunks("score_chunks", "column_key", "score_columns", named=True)

# Which upload an evaluation's scores came with.
upload_evaluations = _root(
    "upload_evaluations",
    Column("upload_key", _Key, nullable=False),
    Column("evaluation_key", _Key, nullable=False),
    _refers("upload_key", "score_uploads"),
    _refers("evaluation_key", "evaluations"),
    UniqueConstraint("evaluation_key"),
)
Index("ix_upload_evaluations_upload_key", upload_evaluations.c.upload_key)

# What comparing an evaluation with another one (or, without one, with a threshold) gave: never changed, computed once.
verdicts = _root(
    "verdicts",
    # SHA-256 of everything that it depends on: the evaluations, the settings, the clusters and the method's version.
    Column("digest", LargeBinary, nullable=False),
    Column("baseline_key", _Key),
    Column("candidate_key", _Key, nullable=False),
    Column("payload", Text, nullable=False),
    Column("created_at", _Micros, nullable=False),
    _refers("baseline_key", "evaluations"),
    _refers("candidate_key", "evaluations"),
    UniqueConstraint("workspace_key", "digest"),
)
Index("ix_verdicts_baseline_key", verdicts.c.baseline_key)
Index("ix_verdicts_candidate_key", verdicts.c.candidate_key)

# The question whether a model may be released, and its answer: `report` and `snapshot` are frozen by the decision.
releases = _root(
    "releases",
    Column("id", Text, nullable=False, unique=True),
    Column("name", Text, nullable=False),
    Column("model_key", _Key, nullable=False),
    Column("status", Text, nullable=False),
    Column("options", Text, nullable=False),
    Column("snapshot", Text),
    Column("report", Text),
    Column("user_key", _Key, nullable=False),
    Column("created_at", _Micros, nullable=False),
    Column("decided_by_key", _Key),
    Column("decided_at", _Micros),
    Column("note", Text),
    Column("promoted_at", _Micros),
    _refers("model_key", "models"),
    _refers("user_key", "users"),
    _refers("decided_by_key", "users"),
)

# A known regression that somebody answers for, until it expires.
waivers = _root(
    "waivers",
    Column("id", Text, nullable=False, unique=True),
    Column("test_key", _Key, nullable=False),
    Column("function_key", _Key, nullable=False),
    Column("model_key", _Key),
    Column("reason", Text, nullable=False),
    Column("owner", Text, nullable=False),
    Column("expires_at", _Micros, nullable=False),
    Column("user_key", _Key, nullable=False),
    Column("created_at", _Micros, nullable=False),
    Column("revoked_at", _Micros),
    Column("revoked_by_key", _Key),
    _refers("test_key", "scenario_tests"),
    _refers("function_key", "eval_functions"),
    _refers("model_key", "models"),
    _refers("user_key", "users"),
    _refers("revoked_by_key", "users"),
)
Index("ix_waivers_test_key", waivers.c.test_key)

jobs = _root(
    "jobs",
    Column("id", Text, nullable=False, unique=True),
    Column("type", Text, nullable=False),
    Column("status", Text, nullable=False),
    # Plain text, not a reference: the row outlives the dataset that it was about.
    Column("dataset_id", Text),
    Column("payload", Text, nullable=False),
    Column("message", Text, nullable=False),
    Column("errors", Text, nullable=False),
    Column("completed_steps", BigInteger, nullable=False),
    Column("total_steps", BigInteger, nullable=False),
    Column("attempts", Integer, nullable=False),
    # The lease runs on the database's clock; the fence is checked by every transaction of the work.
    Column("leased_until", _Micros),
    Column("fence", BigInteger, nullable=False),
    Column("user_key", _Key, nullable=False),
    Column("created_at", _Micros, nullable=False),
    Column("finished_at", _Micros),
    _refers("user_key", "users"),
)
Index(
    "ix_jobs_open",
    jobs.c.key,
    sqlite_where=text("finished_at IS NULL"),
    postgresql_where=text("finished_at IS NULL"),
)

audit_log = _root(
    "audit_log",
    Column("user_key", _Key, nullable=False),
    Column("action", Text, nullable=False),
    Column("object_id", Text, nullable=False),
    Column("detail", Text, nullable=False),
    Column("created_at", _Micros, nullable=False),
    _refers("user_key", "users"),
)
Index("ix_audit_log_workspace_key", audit_log.c.workspace_key, audit_log.c.key)
