"""Objects of our SDK and of the official clients: the same arguments make the same JSON, the same JSON the same objects."""

from __future__ import annotations

import json
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tests.support.official import VERSIONS, official_python

DRIVER = Path(__file__).parent / "drivers" / "payloads.py"

LATER = {
    "Dataset": {
        "autotag_items",
        "autotag_training_items",
        "calculate_evaluation_metrics",
        "create_custom_index",
        "create_image_index",
        "create_object_index",
        "deduplicate",
        "deduplicate_by_ids",
        "delete_custom_index",
        "embedding_indexes",
        "export_embeddings",
        "get_image_indexing_status",
        "get_object_indexing_status",
        "items_and_annotation_chip_generator",
        "list_autotags",
        "query_items",
        "query_objects",
        "query_scenes",
        "set_continuous_indexing",
        "set_primary_index",
        "update_autotag",
    },
    "Model": {"delete_weights", "download_weights", "upload_weights", "weights"},
    "NucleusClient": {
        "add_benchmark_items",
        "create_benchmark",
        "create_benchmark_evaluation_v2",
        "create_custom_index",
        "create_evaluation_v2_preset",
        "create_image_index",
        "create_object_index",
        "delete_autotag",
        "delete_benchmark",
        "delete_custom_index",
        "delete_evaluation_v2_preset",
        "delete_model_weights",
        "download_model_weights",
        "finalize_benchmark",
        "get_autotag_refinement_metrics",
        "get_benchmark",
        "get_evaluation_v2",
        "get_evaluation_v2_filter_schema",
        "get_model_weights",
        "leaderboard_f1_curve",
        "leaderboard_ranking",
        "list_autotags",
        "list_benchmark_items",
        "list_benchmarks",
        "list_evaluation_v2_presets",
        "list_evaluations_v2",
        "remove_benchmark_items",
        "set_continuous_indexing",
        "set_primary_index",
        "update_benchmark",
        "update_evaluation_v2_preset",
        "upload_model_weights",
    },
    "Slice": {"export_embeddings"},
}
"""Queries, deduplication, embeddings, autotags, weights, Evaluations V2, benchmarks, leaderboards: no server route yet."""

NEVER = {
    "Dataset": {"append_scenes", "export_scale_task_info", "ingest_tasks", "upload_lidar_semseg_predictions"},
    "LidarScene": {"validate_frames_dict"},
    "Model": {"run"},
    "NucleusClient": {
        "create_dataset_from_project",
        "create_launch_model",
        "create_launch_model_from_dir",
        "delete",
        "download_pointcloud_task",
        "download_pointcloud_tasks",
        "get",
        "ingest_tasks",
        "make_request",
        "patch",
        "populate_dataset",
        "post",
        "put",
        "valid_dirname",
    },
    "ScenarioTest": {"from_id", "from_response"},
    "Slice": {"export_scale_task_info", "from_request", "send_to_labeling"},
}
"""What needs the hosted product's labelling or Launch, the client's own plumbing, and what its newer generation removed."""

CALLED_OTHERWISE = {
    ("Dataset", "append"),  # the two generations disagree on the order behind `update`; ours is the newer one's
    ("Model", "remove_trained_slice_ids"),  # its argument is misspelt there
    ("NucleusClient", "list_jobs"),  # date_limit is ignored there too
}


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(
    "part",
    [
        "payloads",
        "in a scene",
        "attributes",
        "same",
        "different",
        "read",
        "read as predictions",
        "refused",
        "scenes",
        "words",
    ],
)
def test_objects_are_the_same(version: str, part: str) -> None:
    """What objects send, what can be read of them, which are equal and which are refused."""
    theirs, ours = _described(official_python(version))[part], _described(Path(sys.executable))[part]
    if version == "0.18.4":  # which knows no item ids of the server's
        ours = _without(ours, {"dataset_item_id", "dataset_id"} if part != "payloads" else set())
        theirs = _without(theirs, {"dataset_item_id", "dataset_id"} if part != "payloads" else set())
    # As text: 1, 1.0 and True are different things to whoever reads a file.
    assert json.dumps(ours, sort_keys=True, indent=1) == json.dumps(theirs, sort_keys=True, indent=1)


@pytest.mark.parametrize("version", VERSIONS)
def test_methods_can_be_called_in_the_same_way(version: str) -> None:
    """Every public method, its arguments by place and by name; what is left out is named above."""
    theirs, ours = _described(official_python(version))["signatures"], _described(Path(sys.executable))["signatures"]
    wrong = [problem for name in theirs for problem in _differences(name, ours[name], theirs[name])]
    assert wrong == []


def _differences(cls: str, ours: dict[str, Any], theirs: dict[str, Any]) -> list[str]:
    wrong = []
    left_out = LATER.get(cls, set()) | NEVER.get(cls, set())
    for name, called in theirs.items():
        # Results are no pydantic models here; objects that come from calls have our connection, not the client.
        if cls == "EvaluationResult" or name == "from_json" or (name == "__init__" and cls in _MADE_BY_CALLS):
            continue
        if name not in ours:
            wrong += [] if name in left_out else [f"{cls}.{name} is not there"]
        elif name in left_out:
            wrong.append(f"{cls}.{name} is there: take it off the list")
        elif "property" in (called, ours[name]):
            wrong += [] if called == ours[name] else [f"{cls}.{name} is a property in one of them only"]
        elif (cls, name) not in CALLED_OTHERWISE and not _takes(ours[name], called):
            wrong.append(f"{cls}.{name}: {called} can not be {ours[name]}")
    return wrong


_MADE_BY_CALLS = ("AsyncJob", "Dataset", "Frame", "Model", "ModelRun", "ScenarioTest", "Slice")


def _takes(ours: list[list[Any]], theirs: list[list[Any]]) -> bool:
    """Whether a call that one accepts is a call of the other; a parameter is [name, kind, whether it may be left out]."""
    by_place = [name for name, kind, _ in theirs if kind == "POSITIONAL_OR_KEYWORD"]
    names = {name for name, _, _ in theirs}
    must = {name for name, kind, optional in theirs if not optional and not kind.startswith("VAR")}
    return (
        [name for name, kind, _ in ours if kind == "POSITIONAL_OR_KEYWORD"][: len(by_place)] == by_place
        and names <= {name for name, _, _ in ours}
        and all(optional or name in must for name, _, optional in ours)
    )


@cache
def _described(python: Path) -> Any:
    done = subprocess.run([str(python), str(DRIVER)], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def _without(value: Any, keys: set[str]) -> Any:
    if isinstance(value, dict):
        return {key: _without(each, keys) for key, each in value.items() if key not in keys}
    return [_without(each, keys) for each in value] if isinstance(value, list) else value
