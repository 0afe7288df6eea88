"""Verdicts, releases and waivers; jobs and the audit log."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, Text, UniqueConstraint, text

from nucleus_server.storage.schema.base import Key, Micros, refers, root

# What comparing an evaluation with another one (or, without one, with a threshold) gave: never changed, computed once.
verdicts = root(
    "verdicts",
    # SHA-256 of everything that it depends on: the evaluations, the settings, the clusters and the method's version.
    Column("digest", LargeBinary, nullable=False),
    Column("baseline_key", Key),
    Column("candidate_key", Key, nullable=False),
    Column("payload", Text, nullable=False),
    Column("created_at", Micros, nullable=False),
    refers("baseline_key", "evaluations"),
    refers("candidate_key", "evaluations"),
    UniqueConstraint("workspace_key", "digest"),
)
Index("ix_verdicts_baseline_key", verdicts.c.baseline_key)
Index("ix_verdicts_candidate_key", verdicts.c.candidate_key)

# The question whether a model may be released, and its answer: `report` and `snapshot` are frozen by the decision.
releases = root(
    "releases",
    Column("id", Text, nullable=False, unique=True),
    Column("name", Text, nullable=False),
    Column("model_key", Key, nullable=False),
    Column("status", Text, nullable=False),
    Column("options", Text, nullable=False),
    Column("snapshot", Text),
    Column("report", Text),
    Column("user_key", Key, nullable=False),
    Column("created_at", Micros, nullable=False),
    Column("decided_by_key", Key),
    Column("decided_at", Micros),
    Column("note", Text),
    Column("promoted_at", Micros),
    refers("model_key", "models"),
    refers("user_key", "users"),
    refers("decided_by_key", "users"),
)

# A known regression that somebody answers for, until it expires.
waivers = root(
    "waivers",
    Column("id", Text, nullable=False, unique=True),
    Column("test_key", Key, nullable=False),
    Column("function_key", Key, nullable=False),
    Column("model_key", Key),
    Column("reason", Text, nullable=False),
    Column("owner", Text, nullable=False),
    Column("expires_at", Micros, nullable=False),
    Column("user_key", Key, nullable=False),
    Column("created_at", Micros, nullable=False),
    Column("revoked_at", Micros),
    Column("revoked_by_key", Key),
    refers("test_key", "scenario_tests"),
    refers("function_key", "eval_functions"),
    refers("model_key", "models"),
    refers("user_key", "users"),
    refers("revoked_by_key", "users"),
)
Index("ix_waivers_test_key", waivers.c.test_key)

jobs = root(
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
    Column("leased_until", Micros),
    Column("fence", BigInteger, nullable=False),
    Column("user_key", Key, nullable=False),
    Column("created_at", Micros, nullable=False),
    Column("finished_at", Micros),
    refers("user_key", "users"),
)
Index(
    "ix_jobs_open",
    jobs.c.key,
    sqlite_where=text("finished_at IS NULL"),
    postgresql_where=text("finished_at IS NULL"),
)

audit_log = root(
    "audit_log",
    Column("user_key", Key, nullable=False),
    Column("action", Text, nullable=False),
    Column("object_id", Text, nullable=False),
    Column("detail", Text, nullable=False),
    Column("created_at", Micros, nullable=False),
    refers("user_key", "users"),
)
Index("ix_audit_log_workspace_key", audit_log.c.workspace_key, audit_log.c.key)
