"""A function of the user's, run over items and uploaded."""

from __future__ import annotations

import math
import os
import pickle
from collections.abc import Callable
from typing import Any

import pytest

import nucleus
from nucleus import DatasetItem, _scoring
from nucleus.validate import InvalidUpload, ScenarioTest
from tests.unit.sdk import scoring
from tests.unit.sdk.scoring import closeness
from tests.unit.sdk.wire import Wire, evaluation_row, function_entry, packed, part_of, report

ENTRY = function_entry("closeness", score_range=[0, 10])
TRUTHS = {"a": 1.0, "b": 2.0, "c": 3.0}
ROWS = [{"reference_id": ref, "metadata": {"truth": truth}, "text": "t"} for ref, truth in TRUTHS.items()]
SCORES = ("POST", "dataset/ds_1/scores")
PAGE = {"items": ROWS, "nextPageToken": None}


@pytest.fixture
def client(wire: Wire) -> nucleus.NucleusClient:
    """A workspace with the function, a dataset, a slice and a test."""
    wire.routes = {
        ("GET", "validate/eval_fn"): {"eval_functions": [ENTRY]},
        ("POST", "validate/eval_fn"): {"eval_fn": ENTRY},
        ("GET", "validate/scenario_test/st_1/metrics"): {
            "scenario_test_metrics": [
                {
                    "scenario_test_id": "st_1",
                    "eval_function_id": "ef_closeness",
                    "threshold": None,
                    "eval_func_arguments": {},
                    "threshold_comparison": "greater_than",
                }
            ]
        },
        ("GET", "validate/scenario_test/st_1/items"): {"dataset_items": ROWS},
        ("GET", "dataset/ds_1/size"): {"count": 3},
        ("POST", "dataset/ds_1/itemsPage"): PAGE,
        ("GET", "slice/slc_1/info"): {"dataset_id": "ds_1", "n_members": 3},
        ("POST", "slice/slc_1/itemsPage"): PAGE,
        SCORES: {"report": report()},
        ("GET", "validate/eval/ev_1/row"): {"evaluation": evaluation_row()},
    }
    return wire.client()


@pytest.fixture
def test(client: nucleus.NucleusClient) -> ScenarioTest:
    """The test."""
    return ScenarioTest("st_1", "t", "slc_1", client.connection, dataset_id="ds_1")


def uploaded(wire: Wire) -> dict[str, Any]:
    """The part of the upload."""
    (request,) = (r for r in wire.requests if r.url.path.endswith("/scores"))
    body = packed(request)
    return {**part_of(body.pop("part")), **body}


def test_it_is_still_the_function() -> None:
    """Called, it computes a score; it has the function's name, words, and pickles as functions do."""
    item = DatasetItem(reference_id="a", metadata={"truth": 1.0})
    assert closeness(item, 2.0) == (5.0, 0.5)
    assert closeness.__name__ == "closeness"
    assert (closeness.__doc__ or "").startswith("How close")
    assert pickle.loads(pickle.dumps(closeness)) is closeness


@pytest.mark.parametrize("kind", ["test", "slice", "dataset"])
def test_all_items_of_a_target_are_scored(
    wire: Wire, client: nucleus.NucleusClient, test: ScenarioTest, kind: str
) -> None:
    """To a test the upload is for this test, of the others for every test that is covered."""
    targets: dict[str, Any] = {
        "test": test,
        "slice": client.get_slice("slc_1"),
        "dataset": client.get_dataset("ds_1"),
    }
    run = closeness.evaluate(targets[kind], TRUTHS, "prj_1", min_coverage=0.9)
    assert (run.n_scored, run.errors) == (3, ())
    assert run.report == nucleus.UploadReport.from_json(report())
    assert uploaded(wire) == {
        "reference_ids": ["a", "b", "c"],
        "scores": {"ef_closeness": [10.0, 10.0, 10.0]},
        "weights": {"*": [0.5, 0.5, 0.5]},
        "model_id": "prj_1",
        "test_id": "st_1" if kind == "test" else None,
        "min_coverage": 1.0 if kind == "test" else 0.9,
        "dry_run": False,
    }
    assert str(run).startswith("3 items scored, 0 not\nUpload up_1")


def test_errors_are_kept_and_the_others_uploaded(wire: Wire, test: ScenarioTest) -> None:
    """A missing prediction, one that cannot be made, an exception with its place."""

    def predict(item: DatasetItem) -> Any:
        if item.reference_id == "b":
            raise OSError("no file")
        return {"a": "one", "c": 3.0}[item.reference_id or ""]

    run = closeness.evaluate(test, predict, "prj_1")
    assert uploaded(wire)["reference_ids"] == ["c"]
    by_id = {error.reference_id: error for error in run.errors}
    assert by_id["b"].exception == "OSError: no file"
    assert by_id["a"].exception.startswith("TypeError: unsupported operand")
    assert "scoring.py" in by_id["a"].traceback
    partial = closeness.evaluate(test, {"a": 1.0}, "prj_1")
    assert [str(error) for error in partial.errors] == [
        "'b': there is no prediction for it",
        "'c': there is no prediction for it",
    ]
    assert str(partial).splitlines()[:3] == [
        "1 items scored, 2 not",
        "  'b': there is no prediction for it",
        "  'c': there is no prediction for it",
    ]


@pytest.mark.parametrize(
    ("value", "wrong"),
    [
        (True, "expected a number, or a number and a weight, got True"),
        (None, "expected a number"),
        ("1", "expected a number"),
        ((1, 0.5, 3), "expected a number"),
        (math.nan, r"expected a score in [0, 10], got nan"),
        (11, r"expected a score in [0, 10], got 11"),
        ((1, 2), r"expected a weight in [0, 1], got 2"),
    ],
)
def test_scores_that_are_none(value: Any, wrong: str) -> None:
    """Each is an error of its item."""
    scored = _scoring.score_items(
        lambda item, prediction: prediction,
        [DatasetItem(text="t", reference_id="a")],
        {"a": value},
        (0, 10),
        lambda _: None,
    )
    (error,) = scored.errors
    assert error.exception.startswith(wrong)


def test_without_any_score_it_raises(wire: Wire, test: ScenarioTest) -> None:
    """With the first error; nothing is uploaded."""
    with pytest.raises(
        InvalidUpload, match="not one of 3 items could be scored; the first, 'a': there is no"
    ) as caught:
        closeness.evaluate(test, {}, "prj_1")
    assert len(caught.value.bad_rows()) == 3
    wire.routes["GET", "validate/scenario_test/st_1/items"] = {"dataset_items": []}
    with pytest.raises(InvalidUpload, match="the target is empty"):
        closeness.evaluate(test, {}, "prj_1")
    assert SCORES not in wire.sent()


def test_the_function_is_created_if_it_is_not_there(wire: Wire, client: nucleus.NucleusClient) -> None:
    """With the properties of the decorator and the first line of its words; a dry run creates nothing."""
    wire.routes["GET", "validate/eval_fn"] = {"eval_functions": []}
    dataset = client.get_dataset("ds_1")
    run = closeness.evaluate(dataset, TRUTHS, "prj_1", dry_run=True)
    assert (run.report, run.n_scored) == (None, 3)
    assert {method for method, route in wire.sent() if "items" not in route} == {"GET"}
    wire.requests.clear()
    closeness.evaluate(dataset, TRUTHS, "prj_1")
    (created,) = (r for r in wire.requests if (r.method, r.url.path[-7:]) == ("POST", "eval_fn"))
    assert b'"score_range":[0,10]' in created.content
    assert b'"unit":"points","description":"How close the prediction is."' in created.content


@pytest.mark.parametrize(
    "entry",
    [
        {**ENTRY, "direction": "lower_is_better"},
        {**ENTRY, "score_range": [0, 1]},
        {**ENTRY, "level": "scene"},
        {**ENTRY, "is_public": True, "is_external_function": False},
    ],
)
def test_a_function_that_is_there_otherwise(wire: Wire, test: ScenarioTest, entry: dict[str, Any]) -> None:
    """Said before anything is scored."""
    wire.routes["GET", "validate/eval_fn"] = {"eval_functions": [entry]}
    with pytest.raises(InvalidUpload, match="'closeness'"):
        closeness.evaluate(test, TRUTHS, "prj_1")
    assert wire.sent() == [("GET", "validate/eval_fn")]


def test_a_test_without_the_function(wire: Wire, test: ScenarioTest) -> None:
    """The error says how to add it."""
    wire.routes["GET", "validate/scenario_test/st_1/metrics"] = {"scenario_test_metrics": []}
    with pytest.raises(InvalidUpload, match="add_eval_function"):
        closeness.evaluate(test, TRUTHS, "prj_1")


def test_several_processes_give_the_same(
    wire: Wire, client: nucleus.NucleusClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the same order, errors included; predictions are made in this process."""
    monkeypatch.setattr(_scoring, "_ITEMS_PER_TASK", 2)
    rows = [{"reference_id": f"r{i}", "metadata": {"truth": i}, "text": "t"} for i in range(9)]
    wire.routes["POST", "dataset/ds_1/itemsPage"] = {"items": rows, "nextPageToken": None}
    here: set[int] = set()

    def predict(item: DatasetItem) -> Any:
        here.add(os.getpid())
        return "none" if item.reference_id == "r4" else 1.0

    dataset = client.get_dataset("ds_1")
    alone = closeness.evaluate(dataset, predict, "prj_1")
    expected = uploaded(wire)
    wire.requests.clear()
    run = closeness.evaluate(dataset, predict, "prj_1", processes=2)
    assert uploaded(wire) == expected
    assert [e.exception for e in run.errors] == [e.exception for e in alone.errors]
    assert "scoring.py" in run.errors[0].traceback
    assert here == {os.getpid()}


def local() -> Any:
    """A function that nobody can import."""

    @nucleus.external_function("local")
    def score(item: DatasetItem, prediction: float) -> float:
        return prediction

    return score


@pytest.mark.parametrize("make", [local, lambda: scoring.hidden_function_itself])
def test_functions_that_other_processes_cannot_find(wire: Wire, test: ScenarioTest, make: Callable[[], Any]) -> None:
    """Said before anything is scored."""
    with pytest.raises(ValueError, match="processes=1, or move it into a module"):
        make().evaluate(test, TRUTHS, "prj_1", processes=2)
    with pytest.raises(ValueError, match="at least one process"):
        closeness.evaluate(test, TRUTHS, "prj_1", processes=0)
    with pytest.raises(InvalidUpload, match="got list"):
        closeness.evaluate(test, [1.0], "prj_1")  # type: ignore[arg-type]
    assert wire.requests == []
