"""Evaluations with their scores, and the uploads that they came with."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
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

# The members of scene and track evaluations, resolved at upload and deduplicated by digest; items use the slice itself.
member_lists = root(
    "member_lists",
    Column("dataset_key", Key, nullable=False),
    Column("level", Text, nullable=False),
    Column("digest", LargeBinary, nullable=False),
    Column("n_members", BigInteger, nullable=False),
    Column("created_at", Micros, nullable=False),
    refers("dataset_key", "datasets"),
    UniqueConstraint("dataset_key", "level", "digest"),
)
member_list_chunks = chunks("member_list_chunks", "member_list_key", "member_lists", named=False)

evaluations = root(
    "evaluations",
    Column("id", Text, nullable=False, unique=True),
    Column("test_key", Key, nullable=False),
    Column("function_key", Key, nullable=False),
    Column("model_key", Key, nullable=False),
    Column("level", Text, nullable=False),
    Column("status", Text, nullable=False),
    # The pinned member list: the first `n_members` of the slice, or a member list of scenes or tracks.
    Column("slice_key", Key, nullable=False),
    Column("member_list_key", Key),
    Column("n_members", BigInteger, nullable=False),
    Column("n_deleted", BigInteger, nullable=False),
    Column("n_scored", BigInteger, nullable=False),
    Column("result", Float),
    Column("weight_sum", Float, nullable=False),
    Column("is_weighted", Boolean, nullable=False),
    # SHA-256 of the score and weight columns: equal to the newest one's means the upload is a replay.
    Column("digest", LargeBinary, nullable=False),
    # What the dataset's annotations and the model's predictions had become when it was made; null in older ones.
    Column("annotation_revision", BigInteger),
    Column("prediction_run_key", Key),
    Column("prediction_revision", BigInteger),
    Column("user_key", Key, nullable=False),
    Column("created_at", Micros, nullable=False),
    Column("completed_at", Micros),
    refers("test_key", "scenario_tests"),
    refers("function_key", "eval_functions"),
    refers("model_key", "models"),
    refers("slice_key", "slices"),
    refers("member_list_key", "member_lists"),
    refers("user_key", "users"),
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
evaluation_chunks = chunks("evaluation_chunks", "evaluation_key", "evaluations", named=True)

# One act of uploading scores: of one model, by some functions, for one test or (test_key null) for a whole dataset.
score_uploads = root(
    "score_uploads",
    Column("id", Text, nullable=False, unique=True),
    Column("dataset_key", Key, nullable=False),
    Column("model_key", Key, nullable=False),
    Column("test_key", Key),
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
    Column("user_key", Key, nullable=False),
    Column("created_at", Micros, nullable=False),
    Column("completed_at", Micros),
    # When what nobody needs any more is swept: all of an unfinished or rejected upload, the parts of a completed one.
    Column("expires_at", Micros),
    refers("dataset_key", "datasets"),
    refers("model_key", "models"),
    refers("test_key", "scenario_tests"),
    refers("user_key", "users"),
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
    Column("workspace_key", Key, nullable=False),
    Column("upload_key", Key, nullable=False),
    Column("number", Integer, nullable=False),
    Column("digest", Text, nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
    Column("n_rows", BigInteger, nullable=False),
    PrimaryKeyConstraint("upload_key", "number"),
    refers("upload_key", "score_uploads"),
)
Index("ix_upload_parts_digest", upload_parts.c.workspace_key, upload_parts.c.digest)

# The scores of a whole dataset by one function, in the order of dataset ordinals, of an upload that is for no single test.
score_columns = root(
    "score_columns",
    Column("upload_key", Key, nullable=False),
    Column("function_key", Key, nullable=False),
    Column("n_ordinals", BigInteger, nullable=False),
    Column("n_scored", BigInteger, nullable=False),
    Column("is_weighted", Boolean, nullable=False),
    Column("digest", LargeBinary, nullable=False),
    refers("upload_key", "score_uploads"),
    refers("function_key", "eval_functions"),
    UniqueConstraint("upload_key", "function_key"),
)
Index("ix_score_columns_function_key", score_columns.c.function_key, score_columns.c.key)

# "score" and "weight": float64 by dataset ordinal, zstd; a chunk without any score is absent.
score_chunks = chunks("score_chunks", "column_key", "score_columns", named=True)

# Which upload an evaluation's scores came with.
upload_evaluations = root(
    "upload_evaluations",
    Column("upload_key", Key, nullable=False),
    Column("evaluation_key", Key, nullable=False),
    refers("upload_key", "score_uploads"),
    refers("evaluation_key", "evaluations"),
    UniqueConstraint("evaluation_key"),
)
Index("ix_upload_evaluations_upload_key", upload_evaluations.c.upload_key)
