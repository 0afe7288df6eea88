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

from nucleus_server.storage.schema.base import metadata
from nucleus_server.storage.schema.datasets import (
    api_keys,
    datasets,
    item_chunks,
    items,
    login_links,
    media,
    signed_uploads,
    slice_chunks,
    slices,
    users,
    workspaces,
)
from nucleus_server.storage.schema.evaluations import (
    evaluation_chunks,
    evaluations,
    member_list_chunks,
    member_lists,
    score_chunks,
    score_columns,
    score_uploads,
    upload_evaluations,
    upload_parts,
)
from nucleus_server.storage.schema.objects import (
    annotation_labels,
    annotations,
    model_run_datasets,
    model_runs,
    predictions,
    scenes,
    taxonomies,
    tracks,
)
from nucleus_server.storage.schema.scenario_tests import (
    baselines,
    cluster_choices,
    criteria,
    eval_functions,
    function_changes,
    models,
    scenario_tests,
    test_functions,
)
from nucleus_server.storage.schema.work import audit_log, jobs, releases, verdicts, waivers

__all__ = [
    "annotation_labels",
    "annotations",
    "api_keys",
    "audit_log",
    "baselines",
    "cluster_choices",
    "criteria",
    "datasets",
    "eval_functions",
    "evaluation_chunks",
    "evaluations",
    "function_changes",
    "item_chunks",
    "items",
    "jobs",
    "login_links",
    "media",
    "member_list_chunks",
    "member_lists",
    "metadata",
    "model_run_datasets",
    "model_runs",
    "models",
    "predictions",
    "releases",
    "scenario_tests",
    "scenes",
    "score_chunks",
    "score_columns",
    "score_uploads",
    "signed_uploads",
    "slice_chunks",
    "slices",
    "taxonomies",
    "test_functions",
    "tracks",
    "upload_evaluations",
    "upload_parts",
    "users",
    "verdicts",
    "waivers",
    "workspaces",
]
