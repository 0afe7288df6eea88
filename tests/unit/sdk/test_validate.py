"""Evaluation functions, scenario tests and their history."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

import nucleus
from nucleus.validate import (
    Direction,
    EntityLevel,
    EvaluationCriterion,
    ScenarioTest,
    ScenarioTestEvaluationStatus,
    ThresholdComparison,
)
from tests.unit.sdk.wire import JOB_HANDLE, Wire, criterion, evaluation_row, function_entry

TEST_ROW = {"id": "st_1", "name": "t", "slice_id": "slc_1", "baseline_model_id": None}
METRIC = {
    "scenario_test_id": "st_1",
    "eval_function_id": "ef_f",
    "threshold": None,
    "eval_func_arguments": {},
    "threshold_comparison": "greater_than_equal_to",
}


def public_entry(name: str) -> dict[str, Any]:
    """A built-in function in a listing."""
    return function_entry(name, is_public=True, is_external_function=False)


@pytest.fixture
def test(wire: Wire) -> ScenarioTest:
    """A scenario test."""
    wire.routes["GET", "validate/scenario_test/st_1"] = {"unit_test": TEST_ROW}
    return wire.client().validate.get_scenario_test("st_1")


def test_functions_are_told_apart(wire: Wire) -> None:
    """Public, private and external ones, by name and by id."""
    private = function_entry("mine", is_external_function=False)
    both = function_entry("both", is_public=True)
    wire.routes["GET", "validate/eval_fn"] = {
        "eval_functions": [public_entry("bbox_iou"), private, both, function_entry()]
    }
    functions = wire.client().validate.eval_functions
    assert list(functions.public_functions) == ["bbox_iou", "both"]
    assert list(functions.private_functions) == ["mine"]
    assert list(functions.external_functions) == ["both", "f"]
    assert functions.bbox_iou is functions.public_functions["bbox_iou"]
    assert functions.from_id("ef_f") is functions.external_functions["f"]
    assert "bbox_iou" in dir(functions)
    with pytest.raises(AttributeError, match="no public evaluation function 'nothing'"):
        _ = functions.nothing
    with pytest.raises(ValueError, match="'ef_x'"):
        functions.from_id("ef_x")


FILTERS = {"annotation_filters": None, "prediction_filters": None}
NO_LABEL = {"enforce_label_match": False, "confidence_threshold": 0.0, **FILTERS}
LABEL = {"enforce_label_match": True, "confidence_threshold": 0.0, "iou_threshold": 0.0, **FILTERS}
ARGUMENTS = {
    "bbox_iou": {**NO_LABEL, "iou_threshold": 0.0},
    "bbox_map": {"iou_threshold": 0.5, **FILTERS},
    "bbox_precision": {**NO_LABEL, "iou_threshold": 0.5},
    "bbox_recall": {**NO_LABEL, "iou_threshold": 0.5},
    "cat_f1": {"confidence_threshold": None, "f1_method": None, **FILTERS},
    "cuboid_iou_2d": {**LABEL, "iou_2d": True},
    "cuboid_iou_3d": {**LABEL, "iou_2d": False},
    "cuboid_precision": LABEL,
    "cuboid_recall": LABEL,
    "poly_iou": {**NO_LABEL, "iou_threshold": 0.0},
    "poly_map": {"iou_threshold": 0.5, **FILTERS},
    "poly_precision": {**NO_LABEL, "iou_threshold": 0.5},
    "poly_recall": {**NO_LABEL, "iou_threshold": 0.5},
    "seg_fwavacc": FILTERS,
    "seg_iou": FILTERS,
    "seg_map": FILTERS,
    "seg_precision": FILTERS,
    "seg_recall": FILTERS,
    "segmentation_to_poly_ap": {"label": "label", "iou_threshold": 0.5, **FILTERS},
    "segmentation_to_poly_iou": {**NO_LABEL, "iou_threshold": 0.0},
    "segmentation_to_poly_map": {"iou_thresholds": "coco", **FILTERS},
    "segmentation_to_poly_precision": {**NO_LABEL, "iou_threshold": 0.5},
    "segmentation_to_poly_recall": {**NO_LABEL, "iou_threshold": 0.5},
}


@pytest.mark.parametrize("name", ARGUMENTS)
def test_calling_a_public_function_sends_all_its_arguments(wire: Wire, name: str) -> None:
    """The defaults of the protocol, and what the caller chose in their place; uncalled it has none."""
    assert len(ARGUMENTS) == 23
    wire.routes["GET", "validate/eval_fn"] = {"eval_functions": [public_entry(name)]}
    function = getattr(wire.client().validate.eval_functions, name)
    assert function.eval_func_arguments == {}
    assert function().eval_func_arguments == ARGUMENTS[name]
    chosen = function(prediction_filters=[["label", "in", ["a"], False, "field"]])
    assert chosen.eval_func_arguments == {
        **ARGUMENTS[name],
        "prediction_filters": [["label", "in", ["a"], False, "field"]],
    }
    assert function.eval_func_arguments == {}


def test_comparisons_make_criteria(wire: Wire) -> None:
    """A criterion is data, and no part of a test."""
    wire.routes["GET", "validate/eval_fn"] = {"eval_functions": [function_entry()]}
    validate = wire.client().validate
    f = validate.eval_functions.external_functions["f"]
    made = [f > 0.1, f >= 0.2, f < 0.3, f <= 0.4]
    words = ["greater_than", "greater_than_equal_to", "less_than", "less_than_equal_to"]
    expected = [(word, threshold) for word, threshold in zip(words, (0.1, 0.2, 0.3, 0.4))]
    assert [(c.threshold_comparison.value, c.threshold) for c in made] == expected
    assert made[0] == EvaluationCriterion("ef_f", ThresholdComparison.GREATER_THAN, 0.1)
    with pytest.raises(nucleus.CreateScenarioTestError, match="set_threshold"):
        validate.create_scenario_test("t", "slc_1", [f > 0.5])  # type: ignore[list-item]


def test_a_new_external_function_is_ready_for_use(wire: Wire) -> None:
    """What creating it returns goes into a test as it is."""
    wire.routes["POST", "validate/eval_fn"] = {"eval_fn": function_entry(level="scene", score_range=[0, 100])}
    validate = wire.client().validate
    f = validate.create_external_eval_function("f", EntityLevel.SCENE, Direction.LOWER_IS_BETTER, (0, 100))
    assert wire.body() == {
        "name": "f",
        "is_external_function": True,
        "serialized_fn": None,
        "raw_source": None,
        "level": "scene",
        "direction": "lower_is_better",
        "score_range": [0, 100],
    }
    assert (f.id, f.eval_func_entry.level, f.eval_func_entry.score_range) == ("ef_f", EntityLevel.SCENE, (0, 100))
    wire.routes["POST", "validate/scenario_test"] = {"scenario_test_id": "st_1"}
    wire.routes["GET", "validate/scenario_test/st_1"] = {"unit_test": TEST_ROW}
    created = validate.create_scenario_test("t", "slc_1", [f])
    assert (created.id, created.name, created.slice_id) == ("st_1", "t", "slc_1")
    assert wire.sent()[1:] == [("POST", "validate/scenario_test"), ("GET", "validate/scenario_test/st_1")]
    assert wire.requests[1].content == (
        b'{"name":"t","slice_id":"slc_1","evaluation_functions":[{"id":"ef_f","eval_func_arguments":{}}]}'
    )


def test_properties_of_a_function(wire: Wire) -> None:
    """What is left out is not sent and stays; None takes a word away; the history is the server's."""
    wire.routes["POST", "validate/eval_fn"] = {"eval_fn": function_entry(unit="ms", description="d")}
    wire.routes["POST", "validate/eval_fn/ef_f/properties"] = {"eval_fn": function_entry(default_cluster_key="drive")}
    wire.routes["GET", "validate/eval_fn/ef_f/history"] = {"changes": [{"property": "unit"}]}
    validate = wire.client().validate
    made = validate.create_external_eval_function("f", unit="ms", description="d").eval_func_entry
    assert (made.unit, made.description, made.default_cluster_key) == ("ms", "d", None)
    assert {key: wire.body().get(key) for key in ("unit", "description", "default_cluster_key")} == {
        "unit": "ms",
        "description": "d",
        "default_cluster_key": None,
    }
    changed = validate.set_eval_function_properties("ef_f", unit=None, score_range=(0, 60), direction="lower_is_better")
    assert wire.body() == {"unit": None, "score_range": [0, 60], "direction": "lower_is_better"}
    assert changed.eval_func_entry.default_cluster_key == "drive"
    assert validate.get_eval_function_history("ef_f") == [{"property": "unit"}]
    n_requests = len(wire.requests)
    with pytest.raises(ValueError, match="at least one of direction, score_range"):
        validate.set_eval_function_properties("ef_f")
    with pytest.raises(ValueError, match="upwards"):
        validate.set_eval_function_properties("ef_f", direction="upwards")
    assert len(wire.requests) == n_requests


@pytest.mark.parametrize("name", ["", "x" * 256, "with blank", "tab\t"])
def test_function_names_are_checked_before_any_request(wire: Wire, name: str) -> None:
    """Empty, too long, with blanks."""
    with pytest.raises(ValueError, match="1 to 255 characters without blanks"):
        wire.client().validate.create_external_eval_function(name)
    assert wire.requests == []


def test_tests_that_cannot_be_are_refused_before_any_request(wire: Wire) -> None:
    """Without functions, with a mix of them, of something that is no slice."""
    wire.routes["GET", "validate/eval_fn"] = {"eval_functions": [public_entry("bbox_iou"), function_entry()]}
    validate = wire.client().validate
    functions = validate.eval_functions
    f = functions.external_functions["f"]
    with pytest.raises(nucleus.CreateScenarioTestError, match="at least one"):
        validate.create_scenario_test("t", "slc_1", [])
    with pytest.raises(nucleus.CreateScenarioTestError, match="got both"):
        validate.create_scenario_test("t", "slc_1", [f, functions.bbox_iou()])
    with pytest.raises(ValueError, match="slc_"):
        validate.create_scenario_test("t", "ds_1", [f])
    assert len(wire.requests) == 1


def test_listing_and_deleting(wire: Wire) -> None:
    """Tests and functions."""
    wire.routes = {
        ("GET", "validate/scenario_test/details"): [{**TEST_ROW, "baseline_model_id": "prj_1"}],
        ("DELETE", "validate/scenario_test/st_1"): {"success": True},
        ("DELETE", "validate/eval_fn/ef_f"): {"success": True},
    }
    validate = wire.client().validate
    (listed,) = validate.scenario_tests
    assert (listed.id, listed.baseline_model_id) == ("st_1", "prj_1")
    assert validate.delete_scenario_test("st_1") is True
    assert validate.delete_eval_function("ef_f") is True


def test_functions_of_a_test(wire: Wire, test: ScenarioTest) -> None:
    """One that was added equals the one that is listed; the test is addressed by its name."""
    wire.routes["POST", "validate/scenario_test_eval_function"] = METRIC
    wire.routes["GET", "validate/scenario_test/st_1/metrics"] = {"scenario_test_metrics": [METRIC]}
    wire.routes["GET", "validate/eval_fn"] = {"eval_functions": [function_entry()]}
    f = wire.client().validate.eval_functions.external_functions["f"]
    added = test.add_eval_function(f)
    assert wire.body() == {"scenario_test_name": "t", "eval_function_id": "ef_f"}
    assert test.get_eval_functions() == [added]
    assert (added.threshold, added.threshold_comparison) == (None, ThresholdComparison.GREATER_THAN_EQUAL_TO)


def test_thresholds(wire: Wire, test: ScenarioTest) -> None:
    """Without a comparison none is sent, as in the protocol; None clears the threshold."""
    route = ("POST", "validate/metric/set_threshold/st_1/ef_f")
    wire.routes["GET", "validate/scenario_test/st_1/metrics"] = {"scenario_test_metrics": [METRIC]}
    (metric,) = test.get_eval_functions()
    wire.routes[route] = {"threshold": 0.5, "threshold_comparison": "less_than"}
    metric.set_threshold(0.5, ThresholdComparison.LESS_THAN)
    assert wire.body() == {"threshold": 0.5, "threshold_comparison": "less_than"}
    assert (metric.threshold, metric.threshold_comparison) == (0.5, ThresholdComparison.LESS_THAN)
    wire.routes[route] = {"threshold": None, "threshold_comparison": "less_than"}
    metric.set_threshold(None)
    assert wire.body() == {"threshold": None}
    assert metric.threshold is None
    with pytest.raises(ValueError, match="equals"):
        metric.set_threshold(0.5, "equals")


def test_the_baseline_model(wire: Wire, test: ScenarioTest) -> None:
    """Set, and taken away."""
    wire.routes["POST", "validate/scenario_test/st_1/set_baseline_model/prj_1"] = {"baseline_model_id": "prj_1"}
    wire.routes["DELETE", "validate/scenario_test/st_1/baseline_model"] = {"baseline_model_id": None}
    assert test.set_baseline_model("prj_1") == test.baseline_model_id == "prj_1"
    assert test.set_baseline_model(None) is test.baseline_model_id is None


def test_items_of_a_test(wire: Wire, test: ScenarioTest) -> None:
    """One answer has all levels; tracks and scenes come without what is in them."""
    row = {"reference_id": "a", "metadata": {}, "image_url": "https://x/a.jpg"}
    wire.routes["GET", "validate/scenario_test/st_1/items"] = {
        "dataset_items": [row],
        "scenes": [{"reference_id": "s", "metadata": {"k": 1}}],
        "tracks": [{"reference_id": "t", "dataset_id": "ds_1"}],
    }
    assert test.get_items() == [nucleus.DatasetItem("https://x/a.jpg", reference_id="a")]
    (scene,) = test.get_items(EntityLevel.SCENE)
    assert isinstance(scene, nucleus.Scene) and (scene.reference_id, scene.metadata) == ("s", {"k": 1})
    (track,) = test.get_items(EntityLevel("track"))
    assert isinstance(track, nucleus.Track) and track.reference_id == "t"


def test_the_history_and_its_item_evaluations(wire: Wire, test: ScenarioTest) -> None:
    """`passed` is None without a criterion, whatever the wire says of it; item evaluations are asked for on access."""
    rows = [
        evaluation_row(),
        evaluation_row(id="ev_2", criterion=criterion(), **{"pass": True}),
        evaluation_row(id="ev_3", result=None, coverage=None, criterion=criterion(0.6)),
    ]
    item_row = {
        "evaluation_id": "ev_1",
        "scenario_test_id": "st_1",
        "eval_function_id": "ef_f",
        "dataset_item_id": "di_1",
        "result": 0.5,
        "pass": True,
        "reference_id": "a",
        "weight": 0.25,
        "deleted": True,
    }
    wire.routes["GET", "validate/scenario_test/st_1/eval_history/details"] = rows
    wire.routes["GET", "validate/eval/ev_1/info"] = {
        "scenario_test_evaluation": rows[0],
        "scenario_test_item_evaluations": [item_row],
    }
    history = test.get_eval_history()
    assert [e.passed for e in history] == [None, True, False]
    assert [e.result for e in history] == [0.5, 0.5, None]
    first = history[0]
    assert first.status is ScenarioTestEvaluationStatus.COMPLETED
    assert (first.coverage, first.n_scored, first.n_members, first.level) == (0.75, 3, 4, EntityLevel.ITEM)
    assert history[2].criterion == criterion(0.6)
    assert (first.upload_id, first.upload_number, first.n_uploads) == (None, 1, 1)
    wire.routes["GET", "validate/eval/ev_1/row"] = {
        "evaluation": evaluation_row(upload_id="up_1", upload_number=2, n_uploads=3)
    }
    again = wire.client().validate.get_evaluation("ev_1")
    assert (again.upload_id, again.upload_number, again.n_uploads) == ("up_1", 2, 3)
    (item,) = first.item_evals
    assert dataclasses.asdict(item) == {**{k: v for k, v in item_row.items() if k != "pass"}, "passed": True}


def test_criteria_history(wire: Wire, test: ScenarioTest) -> None:
    """As the server tells it."""
    wire.routes["GET", "validate/scenario_test/st_1/criteria"] = {"criteria": [{"kind": "threshold"}]}
    assert test.get_criteria_history() == [{"kind": "threshold"}]


def test_built_in_evaluation(wire: Wire) -> None:
    """Jobs, or the server's word that it does not offer it."""
    wire.routes["POST", "validate/prj_1/evaluate"] = JOB_HANDLE
    wire.routes["POST", "validate/prj_1/metrics"] = (501, {"error": "later", "code": "not_available"})
    validate = wire.client().validate
    assert validate.evaluate_model_on_scenario_tests("prj_1", ["t"]).job_id == "job_1"
    assert wire.body() == {"test_names": ["t"]}
    with pytest.raises(nucleus.NotAvailableError, match="later"):
        validate.metrics("prj_1")
    wire.routes["GET", "model/prj_1"] = {"id": "prj_1", "name": "m", "ref_id": "r", "metadata": {}}
    assert wire.client().get_model("prj_1").evaluate(["t"]).job_id == "job_1"
