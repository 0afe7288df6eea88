"""Routes of evaluation functions, scenario tests, criteria and evaluations."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
import numpy as np
from fastapi import APIRouter, Query, Request
from msgspec import Meta
from starlette.responses import Response

from nucleus_server.api import codec, wire
from nucleus_server.api.http import Answer, JsonBody, Services, Workspace, base_url, services_of, takes
from nucleus_server.api.names import checked_function_name, checked_name
from nucleus_server.domain import (
    LARGEST_SCORE,
    MAX_DESCRIPTION,
    MAX_METADATA_KEY,
    MAX_UNIT,
    Comparison,
    Direction,
    JudgedEvaluation,
    Level,
)
from nucleus_server.errors import InvalidInput, NotAvailable
from nucleus_server.services.filling import fill_now
from nucleus_server.services.judging import judge_one, judge_test, upload_numbers
from nucleus_server.services.results import item_results, worst_items
from nucleus_server.services.uploads import upload_results

router = APIRouter(prefix="/validate")


Unit = Annotated[str, Meta(min_length=1, max_length=MAX_UNIT)]
Description = Annotated[str, Meta(min_length=1, max_length=MAX_DESCRIPTION)]
MetadataKey = Annotated[str, Meta(min_length=1, max_length=MAX_METADATA_KEY)]


class CreateEvalFunction(msgspec.Struct):
    """A new external evaluation function; `direction` and `score_range` are this server's extension."""

    name: str
    is_external_function: bool = True
    level: str | None = None
    serialized_fn: str | None = None
    raw_source: str | None = None
    direction: str = Direction.HIGHER_IS_BETTER.value
    score_range: tuple[float, float] = (0.0, 1.0)
    unit: Unit | None = None
    description: Description | None = None
    default_cluster_key: MetadataKey | None = None


class FunctionProperties(msgspec.Struct):
    """Properties of a function to set; what is left out stays, null clears a text."""

    direction: str | msgspec.UnsetType = msgspec.UNSET
    score_range: tuple[float, float] | msgspec.UnsetType = msgspec.UNSET
    unit: Unit | msgspec.UnsetType | None = msgspec.UNSET
    description: Description | msgspec.UnsetType | None = msgspec.UNSET
    default_cluster_key: MetadataKey | msgspec.UnsetType | None = msgspec.UNSET


class FunctionInTest(msgspec.Struct):
    """A function of a new test."""

    id: str
    eval_func_arguments: dict[str, Any] | None = None


class CreateScenarioTest(msgspec.Struct):
    """A new scenario test."""

    name: str
    slice_id: str
    evaluation_functions: list[FunctionInTest]


class AddFunction(msgspec.Struct):
    """One more function of a test, which is addressed by its name."""

    scenario_test_name: str
    eval_function_id: str


class SetThreshold(msgspec.Struct):
    """A new criterion; null clears the threshold. `threshold_comparison` is this server's extension."""

    threshold: float | None = None
    threshold_comparison: str | None = None


class Evaluate(msgspec.Struct):
    """Tests to evaluate a model on, by their names."""

    test_names: list[str]


def parse_choice(kind: type[Any], text: str, code: str, what: str) -> Any:
    """The member of an enumeration that a text names."""
    try:
        return kind(text)
    except ValueError as error:
        choices = ", ".join(member.value for member in kind)
        raise InvalidInput(f"expected {what} to be one of {choices}, got {text[:40]!r}", code=code) from error


def _level(text: str | None) -> Level | None:
    return None if text is None else parse_choice(Level, text, "invalid_level", "level")


@router.get("/eval_fn")
def list_eval_functions(ws: Workspace) -> Answer:
    """All evaluation functions, public ones first."""
    return Answer({"eval_functions": [wire.function_entry(f) for f in ws.list_eval_functions()]})


@router.post("/eval_fn", openapi_extra=takes(CreateEvalFunction))
def create_eval_function(raw: JsonBody, ws: Workspace) -> Answer:
    """Create an external evaluation function: a name for scores that are computed elsewhere."""
    body = codec.decode(raw, CreateEvalFunction)
    if not body.is_external_function or body.serialized_fn is not None or body.raw_source is not None:
        raise InvalidInput(
            "expected an external evaluation function, got code: this server takes none over HTTP; upload the scores "
            "that your code computes",
            code="only_external_functions",
        )
    low, high = _checked_range(body.score_range)
    function = ws.create_eval_function(
        checked_function_name(body.name),
        level=_level(body.level) or Level.ITEM,
        direction=parse_choice(Direction, body.direction, "invalid_direction", "direction"),
        score_min=low,
        score_max=high,
        unit=body.unit,
        description=body.description,
        default_cluster_key=body.default_cluster_key,
    )
    return Answer({"eval_fn": wire.function_entry(function)})


@router.post("/eval_fn/{function_id}/properties", openapi_extra=takes(FunctionProperties))
def set_function_properties(function_id: str, raw: JsonBody, ws: Workspace) -> Answer:
    """Set properties of an external function; stored scores never change."""
    body = codec.decode(raw, FunctionProperties)
    texts = {
        name: getattr(body, name)
        for name in ("unit", "description", "default_cluster_key")
        if getattr(body, name) is not msgspec.UNSET
    }
    function = ws.set_eval_function_properties(
        function_id,
        direction=None
        if body.direction is msgspec.UNSET
        else parse_choice(Direction, body.direction, "invalid_direction", "direction"),
        score_range=None if body.score_range is msgspec.UNSET else _checked_range(body.score_range),
        texts=texts,
    )
    return Answer({"eval_fn": wire.function_entry(function)})


@router.get("/eval_fn/{function_id}/history")
def function_history(function_id: str, ws: Workspace) -> Answer:
    """What was set on the function, oldest first."""
    return Answer({"changes": [wire.function_change_row(c) for c in ws.list_function_changes(function_id)]})


def _checked_range(score_range: tuple[float, float]) -> tuple[float, float]:
    low, high = score_range
    if not -LARGEST_SCORE <= low < high <= LARGEST_SCORE:
        raise InvalidInput(
            f"expected score_range as [lowest, highest] within ±{LARGEST_SCORE:g}, got [{low:g}, {high:g}]",
            code="invalid_score_range",
        )
    return low, high


@router.delete("/eval_fn/{function_id}")
def delete_eval_function(function_id: str, ws: Workspace) -> Answer:
    """Delete an external function; tests that use it keep their history."""
    ws.delete_eval_function(function_id)
    return Answer({"success": True})


@router.post("/scenario_test", openapi_extra=takes(CreateScenarioTest))
def create_scenario_test(raw: JsonBody, services: Services, ws: Workspace) -> Answer:
    """Create a scenario test of a slice, and fill it with what was uploaded before."""
    body = codec.decode(raw, CreateScenarioTest)
    test = ws.create_scenario_test(
        checked_name(body.name, "scenario test"),
        body.slice_id,
        [(f.id, f.eval_func_arguments or {}) for f in body.evaluation_functions],
    )
    fill_now(services.store, test.id)
    return Answer({"scenario_test_id": test.id})


@router.get("/scenario_test/details")
def list_scenario_tests(ws: Workspace) -> Answer:
    """All scenario tests."""
    return Answer([wire.test_row(t) for t in ws.list_scenario_tests()])


@router.post("/scenario_test/upload_results")
def upload(raw: JsonBody, ws: Workspace) -> Answer:
    """Store external results as a completed evaluation; the same upload again changes nothing."""
    judged, is_replay = upload_results(ws, codec.decode_results(raw, _level))
    return Answer({"evaluation": _row(ws, judged), "replayed": is_replay})


@router.get("/scenario_test/{test_id}")
def get_scenario_test(test_id: str, ws: Workspace) -> Answer:
    """One scenario test."""
    return Answer({"unit_test": wire.test_row(ws.get_scenario_test(test_id))})


@router.get("/scenario_test/{test_id}/info")
def scenario_test_info(test_id: str, ws: Workspace) -> Answer:
    """One scenario test, flat."""
    return Answer(wire.test_row(ws.get_scenario_test(test_id)))


@router.delete("/scenario_test/{test_id}")
def delete_scenario_test(test_id: str, ws: Workspace) -> Answer:
    """Delete a scenario test."""
    ws.delete_scenario_test(test_id)
    return Answer({"success": True})


@router.post("/scenario_test_eval_function", openapi_extra=takes(AddFunction))
def add_eval_function(raw: JsonBody, services: Services, ws: Workspace) -> Answer:
    """Add a function to a test, and fill it with what was uploaded before."""
    body = codec.decode(raw, AddFunction)
    test = ws.get_scenario_test_by_name(checked_name(body.scenario_test_name, "scenario test"))
    entry = ws.add_test_function(test.id, body.eval_function_id)
    fill_now(services.store, test.id)
    return Answer(wire.metric_row(entry))


@router.get("/scenario_test/{test_id}/metrics")
def scenario_test_metrics(test_id: str, ws: Workspace) -> Answer:
    """The test's functions with the criteria in force."""
    return Answer({"scenario_test_metrics": [wire.metric_row(entry) for entry in ws.list_test_functions(test_id)]})


@router.get("/scenario_test/{test_id}/criteria")
def scenario_test_criteria(test_id: str, ws: Workspace) -> Answer:
    """Every criterion the test ever had, oldest first."""
    return Answer({"criteria": [wire.criterion_row(change) for change in ws.list_criteria(test_id)]})


@router.post("/metric/set_threshold/{test_id}/{function_id}", openapi_extra=takes(SetThreshold))
def set_threshold(test_id: str, function_id: str, raw: JsonBody, ws: Workspace) -> Answer:
    """Put a new criterion in force."""
    body = codec.decode(raw, SetThreshold)
    comparison = (
        None
        if body.threshold_comparison is None
        else parse_choice(Comparison, body.threshold_comparison, "invalid_comparison", "threshold_comparison")
    )
    return Answer(wire.metric_row(ws.set_threshold(test_id, function_id, body.threshold, comparison)))


@router.post("/scenario_test/{test_id}/set_baseline_model/{model_id}")
def set_baseline_model(test_id: str, model_id: str, ws: Workspace) -> Answer:
    """Make a model that was evaluated on the test its baseline."""
    return Answer({"baseline_model_id": ws.set_baseline_model(test_id, model_id).baseline_model_id})


@router.delete("/scenario_test/{test_id}/baseline_model")
def clear_baseline_model(test_id: str, ws: Workspace) -> Answer:
    """Take the test's baseline away."""
    return Answer({"baseline_model_id": ws.set_baseline_model(test_id, None).baseline_model_id})


@router.get("/scenario_test/{test_id}/items")
def scenario_test_items(test_id: str, request: Request, ws: Workspace) -> Answer:
    """The test's members: its items, their scenes, and the tracks on them; the client picks its level's key."""
    test = ws.get_scenario_test(test_id)
    part = ws.get_slice_by_key(test.slice_key)
    images, base = services_of(request).images, base_url(request)
    found = ws.items_at(test.dataset_key, ws.slice_item_ordinals(part))
    items = [item for item in found if item.deleted_at is None]
    scenes = ws.scenes_at(test.dataset_key, ws.resolve_members(part, Level.SCENE).tolist())
    tracks = ws.tracks_at(test.dataset_id, ws.resolve_members(part, Level.TRACK))
    return Answer(
        {
            "dataset_items": [wire.item_row(item, images, ws.actor.workspace_id, base) for item in items],
            "scenes": [wire.scene_row(scene) for scene in scenes if scene.deleted_at is None],
            "tracks": [wire.track_row(track) for track in tracks],
        }
    )


@router.get("/scenario_test/{test_id}/eval_history/details")
def evaluation_history(test_id: str, ws: Workspace) -> Answer:
    """The test's evaluations, oldest first, each beside the criterion in force."""
    history = judge_test(ws, test_id)
    numbers = upload_numbers(judged.evaluation for judged in history)
    return Answer([wire.evaluation_row(judged, numbers[judged.evaluation.id]) for judged in history])


@router.get("/eval/{evaluation_id}/row")
def evaluation_alone(evaluation_id: str, ws: Workspace) -> Answer:
    """An evaluation as the history has it, without its items."""
    return Answer({"evaluation": _row(ws, judge_one(ws, evaluation_id))})


def _row(ws: Workspace, judged: JudgedEvaluation) -> dict[str, Any]:
    return wire.evaluation_row(judged, ws.count_uploads(judged.evaluation))


class _ItemRow(msgspec.Struct):
    evaluation_id: str
    scenario_test_id: str
    eval_function_id: str
    dataset_item_id: str
    result: float
    passed: bool = msgspec.field(name="pass")
    reference_id: str = ""
    weight: float = 1.0
    deleted: bool = False
    scene_ref_id: str | msgspec.UnsetType = msgspec.UNSET
    track_ref_id: str | msgspec.UnsetType = msgspec.UNSET


@router.get("/eval/{evaluation_id}/info")
def evaluation_info(evaluation_id: str, ws: Workspace) -> Response:
    """An evaluation and its scored items in member order."""
    judged = judge_one(ws, evaluation_id)
    results = item_results(ws, judged)
    evaluation = judged.evaluation
    passed = np.zeros(len(results.scores), dtype=bool) if results.passed is None else results.passed
    is_scene, is_track = evaluation.level is Level.SCENE, evaluation.level is Level.TRACK
    rows = [
        _ItemRow(
            evaluation.id,
            evaluation.test_id,
            evaluation.function_id,
            item_id,
            score,
            has_passed,
            ref,
            weight,
            gone,
            ref if is_scene else msgspec.UNSET,
            ref if is_track else msgspec.UNSET,
        )
        for item_id, score, has_passed, ref, weight, gone in zip(
            results.item_ids,
            results.scores.tolist(),
            passed.tolist(),
            results.reference_ids,
            results.weights.tolist(),
            results.is_deleted.tolist(),
            strict=True,
        )
    ]
    # Every row has a score that was checked to be finite at upload, so msgspec, which writes NaN as null, writes none.
    body = b'{"scenario_test_evaluation":%b,"scenario_test_item_evaluations":%b}' % (
        codec.encode(_row(ws, judged)),
        msgspec.json.encode(rows),
    )
    return Response(body, media_type="application/json")


@router.get("/eval/{evaluation_id}/worst_items")
def worst(
    evaluation_id: str,
    ws: Workspace,
    limit: Annotated[int, Query(ge=1, le=10_000)] = 100,
    offset: Annotated[int, Query(ge=0, le=2**53)] = 0,
) -> Answer:
    """A page of the scored items, worst first by the function's direction; ties in member order."""
    judged = judge_one(ws, evaluation_id)
    evaluation = judged.evaluation
    function = ws.get_eval_function_of(evaluation)
    rows = worst_items(ws, judged, function, offset=offset, limit=limit)
    return Answer(
        {
            "scenario_test_item_evaluations": [
                {
                    "evaluation_id": evaluation.id,
                    "scenario_test_id": evaluation.test_id,
                    "eval_function_id": evaluation.function_id,
                    "dataset_item_id": row.item.id,
                    "result": row.score,
                    "pass": bool(row.passed),
                    "reference_id": row.item.reference_id,
                    "weight": row.weight,
                    "deleted": row.item.deleted_at is not None,
                }
                for row in rows
            ]
        }
    )


@router.post("/{model_id}/evaluate", openapi_extra=takes(Evaluate))
def evaluate(model_id: str, raw: JsonBody, ws: Workspace) -> Answer:
    """Evaluate a model with built-in functions: not offered yet."""
    body = codec.decode(raw, Evaluate)
    ws.get_model(model_id)
    for name in body.test_names:
        ws.get_scenario_test_by_name(checked_name(name, "scenario test"))
    raise _not_yet()


@router.post("/{model_id}/metrics")
def metrics(model_id: str, ws: Workspace) -> Answer:
    """Compute a model's built-in metrics: not offered yet."""
    ws.get_model(model_id)
    raise _not_yet()


def _not_yet() -> NotAvailable:
    return NotAvailable(
        "this server lists the built-in evaluation functions but does not compute them yet: upload scores of an external "
        "function with upload_external_evaluation_results",
        code="built_in_functions_not_available",
    )
