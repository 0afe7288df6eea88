"""Models, evaluation functions, scenario tests and what they are judged by."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Float, Index, Text, UniqueConstraint, false, text

from nucleus_server.storage.schema.base import Key, Micros, refers, root, visible_unique

models = root(
    "models",
    Column("id", Text, nullable=False, unique=True),
    Column("name", Text, nullable=False),
    Column("reference_id", Text, nullable=False),
    Column("metadata", Text, nullable=False),
    Column("tags", Text, nullable=False),
    Column("trained_slice_ids", Text, nullable=False),
    Column("owner_key", Key, nullable=False),
    Column("created_at", Micros, nullable=False),
    Column("hidden_at", Micros),
    refers("owner_key", "users"),
    visible_unique("uq_models_visible_reference_id", "workspace_key", "reference_id"),
)

eval_functions = root(
    "eval_functions",
    Column("id", Text, nullable=False, unique=True),
    Column("name", Text, nullable=False),
    Column("is_public", Boolean, nullable=False),
    Column("is_external", Boolean, nullable=False),
    Column("level", Text, nullable=False),
    Column("direction", Text, nullable=False),
    Column("score_min", Float, nullable=False),
    Column("score_max", Float, nullable=False),
    Column("owner_key", Key, nullable=False),
    Column("created_at", Micros, nullable=False),
    Column("hidden_at", Micros),
    Column("unit", Text),
    Column("description", Text),
    Column("default_cluster_key", Text),
    refers("owner_key", "users"),
    visible_unique("uq_eval_functions_visible_name", "workspace_key", "name"),
)

# What was set on a function after it was made; `before` and `after` are JSON.
function_changes = root(
    "function_changes",
    Column("function_key", Key, nullable=False),
    Column("property", Text, nullable=False),
    Column("before", Text, nullable=False),
    Column("after", Text, nullable=False),
    Column("user_key", Key, nullable=False),
    Column("created_at", Micros, nullable=False),
    refers("function_key", "eval_functions"),
    refers("user_key", "users"),
)
Index("ix_function_changes_function_key", function_changes.c.function_key, function_changes.c.key)

scenario_tests = root(
    "scenario_tests",
    Column("id", Text, nullable=False, unique=True),
    Column("name", Text, nullable=False),
    Column("slice_key", Key, nullable=False),
    Column("owner_key", Key, nullable=False),
    Column("created_at", Micros, nullable=False),
    Column("hidden_at", Micros),
    Column("is_blocking", Boolean, nullable=False, server_default=false()),
    Column("tags", Text, nullable=False, server_default=text("'[]'")),
    refers("slice_key", "slices"),
    refers("owner_key", "users"),
    visible_unique("uq_scenario_tests_visible_name", "workspace_key", "name"),
)
Index("ix_scenario_tests_slice_key", scenario_tests.c.slice_key)

test_functions = root(
    "test_functions",
    Column("test_key", Key, nullable=False),
    Column("function_key", Key, nullable=False),
    Column("arguments", Text, nullable=False),
    Column("created_at", Micros, nullable=False),
    refers("test_key", "scenario_tests"),
    refers("function_key", "eval_functions"),
    UniqueConstraint("test_key", "function_key"),
)

criteria = root(
    "criteria",
    Column("test_key", Key, nullable=False),
    Column("function_key", Key, nullable=False),
    Column("threshold", Float),
    Column("comparison", Text, nullable=False),
    Column("user_key", Key, nullable=False),
    Column("created_at", Micros, nullable=False),
    # How a gate decides; null: by the threshold if there is one, else by the baseline.
    Column("mode", Text),
    Column("margin", Float),
    refers("test_key", "scenario_tests"),
    refers("function_key", "eval_functions"),
    refers("user_key", "users"),
)
Index("ix_criteria_test_key_function_key", criteria.c.test_key, criteria.c.function_key, criteria.c.key)

baselines = root(
    "baselines",
    Column("test_key", Key, nullable=False),
    Column("model_key", Key),
    Column("user_key", Key, nullable=False),
    Column("created_at", Micros, nullable=False),
    refers("test_key", "scenario_tests"),
    refers("model_key", "models"),
    refers("user_key", "users"),
)
Index("ix_baselines_test_key", baselines.c.test_key, baselines.c.key)

# What makes items alike, for a dataset or (in its place) for one test: append-only, the newest row is in force.
cluster_choices = root(
    "cluster_choices",
    Column("dataset_key", Key),
    Column("test_key", Key),
    Column("by", Text, nullable=False),
    Column("metadata_key", Text),
    Column("user_key", Key, nullable=False),
    Column("created_at", Micros, nullable=False),
    refers("dataset_key", "datasets"),
    refers("test_key", "scenario_tests"),
    refers("user_key", "users"),
)
Index("ix_cluster_choices_dataset_key", cluster_choices.c.dataset_key, cluster_choices.c.key)
Index("ix_cluster_choices_test_key", cluster_choices.c.test_key, cluster_choices.c.key)
