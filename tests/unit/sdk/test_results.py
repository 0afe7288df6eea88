"""External results: what one is, and what is refused before any request."""

from __future__ import annotations

import math
from decimal import Decimal
from typing import Any

import pytest

import nucleus
from nucleus.validate import EvaluationResult, ExternalEvalFunction, InvalidUpload, PublicEvalFunction, ScenarioTest
from nucleus.validate.eval_functions import EvalFunctionEntry
from tests.unit.sdk.wire import (
    Wire,
    evaluation_row,
    function_entry,
    one_after_the_other,
    packed,
    part_of,
    report,
)

UPLOAD = ("POST", "dataset/ds_1/scores")
OTHER_LEVEL = ("POST", "validate/scenario_test/upload_results")


def item(ref: Any, score: Any = 0.5, **more: Any) -> EvaluationResult:
    """The score of an item."""
    return EvaluationResult(item_ref_id=ref, score=score, **more)


def function(**changes: Any) -> ExternalEvalFunction:
    """An external function."""
    return ExternalEvalFunction(EvalFunctionEntry.from_json(function_entry(**changes)))


@pytest.fixture
def test(wire: Wire) -> ScenarioTest:
    """A scenario test that takes results."""
    wire.routes[UPLOAD] = {"report": report()}
    wire.routes["GET", "validate/eval/ev_1/row"] = {"evaluation": evaluation_row()}
    return ScenarioTest("st_1", "t", "slc_1", wire.client().connection, dataset_id="ds_1")


def sent_part(wire: Wire) -> dict[str, Any]:
    """The part of the last upload."""
    (request,) = (r for r in wire.requests[-2:] if r.method == "POST")
    return part_of(packed(request)["part"])


def test_a_result() -> None:
    """Keyword arguments with the official client's defaults; it is a value."""
    result = EvaluationResult(item_ref_id="a")
    assert (result.score, result.weight, result.scene_ref_id, result.track_ref_id) == (0, 1, None, None)
    assert result == EvaluationResult(item_ref_id="a", score=0.0)
    with pytest.raises(AttributeError):
        result.score = 1.0  # type: ignore[misc]


@pytest.mark.parametrize("references", [{}, {"item_ref_id": "a", "scene_ref_id": "b"}, {"track_ref_id": None}])
def test_a_result_belongs_to_exactly_one_thing(references: dict[str, Any]) -> None:
    """An item, a scene or a track."""
    with pytest.raises(ValueError, match="exactly one"):
        EvaluationResult(score=1.0, **references)


@pytest.mark.parametrize("weight", [-0.01, 1.01, math.nan, math.inf, "0.5", None])
def test_a_weight_is_between_zero_and_one(weight: Any) -> None:
    """Refused where it is written."""
    with pytest.raises(ValueError, match=r"weight in \[0, 1\]"):
        EvaluationResult(item_ref_id="a", weight=weight)


def test_what_is_sent(wire: Wire, test: ScenarioTest) -> None:
    """Packed columns with what they are for; what comes back is the report and the entry of the history."""
    rows = [item("a", 0.1, weight=0.5), item("b", 1), item("ü", 0.7, weight=0)]
    answer = test.upload_external_evaluation_results(function(), iter(rows), "prj_1")
    assert answer == {
        "evaluation": evaluation_row(),
        "replayed": False,
        "report": nucleus.UploadReport.from_json(report()),
    }
    assert wire.sent() == [UPLOAD, ("GET", "validate/eval/ev_1/row")]
    body = packed(wire.requests[0])
    assert part_of(body.pop("part")) == {
        "reference_ids": ["a", "b", "ü"],
        "scores": {"ef_f": [0.1, 1.0, 0.7]},
        "weights": {"*": [0.5, 1.0, 0.0]},
    }
    assert body == {"model_id": "prj_1", "test_id": "st_1", "min_coverage": 1.0, "dry_run": False}


def test_a_dry_run_stores_nothing(wire: Wire, test: ScenarioTest) -> None:
    """The server is told, and there is no evaluation."""
    tests = [{**report()["tests"][0], "evaluation_id": None}]
    wire.routes[UPLOAD] = {"report": report(upload_id=None, dry_run=True, tests=tests)}
    answer = test.upload_external_evaluation_results(function(), [item("a")], "prj_1", dry_run=True)
    assert (answer["evaluation"], answer["report"].dry_run) == (None, True)
    assert packed(wire.last)["dry_run"] is True


def test_a_test_of_an_older_server_has_its_dataset_from_its_slice(wire: Wire, test: ScenarioTest) -> None:
    """It is asked for once."""
    test.dataset_id = ""
    wire.routes["GET", "slice/slc_1/info"] = {"dataset_id": "ds_1"}
    for _ in range(2):
        test.upload_external_evaluation_results(function(), [item("a")], "prj_1")
    assert [route for _, route in wire.sent()].count("slice/slc_1/info") == 1


def test_a_lost_answer_is_asked_for_again(wire: Wire, test: ScenarioTest) -> None:
    """The server knows the same upload when it sees it twice."""
    wire.routes[UPLOAD] = one_after_the_other((504, {}), {"report": report(replayed=True)})
    assert test.upload_external_evaluation_results(function(), [item("a")], "prj_1")["replayed"] is True
    assert wire.requests[0].content == wire.requests[1].content


@pytest.mark.parametrize("level", ["scene", "track"])
def test_other_levels_go_the_way_of_the_official_client(wire: Wire, test: ScenarioTest, level: str) -> None:
    """Scores, weights and their mean as JSON; the level is the function's; tables are for items."""
    wire.routes[OTHER_LEVEL] = {"evaluation": evaluation_row(), "replayed": False}
    results = [EvaluationResult(**{f"{level}_ref_id": ref, "score": s, "weight": w}) for ref, s, w in ABC]
    test.upload_external_evaluation_results(function(level=level), results, "prj_1")
    assert wire.body() == {
        "unit_test_id": "st_1",
        "eval_function_id": "ef_f",
        "result_per_ref_id": {"a": 0.1, "b": 1.0, "ü": 0.7},
        "weight_per_ref_id": {"a": 0.5, "b": 1.0, "ü": 0.0},
        "overall_metric": math.fsum([0.1 * 0.5, 1.0]) / 1.5,
        "model_id": "prj_1",
        "slice_id": "slc_1",
        "level": level,
    }
    with pytest.raises(InvalidUpload, match=f"level {level}"):
        test.upload_external_evaluation_results(function(level=level), {"item_ref_id": ["a"], "score": [1]}, "prj_1")


ABC = [("a", 0.1, 0.5), ("b", 1, 1), ("ü", 0.7, 0)]


class ArrayScalar:
    """A number of an array library."""

    def __init__(self, value: float, dtype: str) -> None:
        self.value, self.dtype = value, dtype

    def __float__(self) -> float:
        return self.value


class TextOfAnotherType(str):
    """As numpy has them."""


def test_numbers_and_texts_of_other_libraries(wire: Wire, test: ScenarioTest) -> None:
    """What is a number or a text is sent as one."""
    rows = [item(TextOfAnotherType("a"), ArrayScalar(0.25, "float32")), item("b", Decimal("0.5")), item("c", 1)]
    test.upload_external_evaluation_results(function(), rows, "prj_1")
    assert sent_part(wire) == {"reference_ids": ["a", "b", "c"], "scores": {"ef_f": [0.25, 0.5, 1.0]}}


SCENE = EvaluationResult(scene_ref_id="s")


@pytest.mark.parametrize(
    ("results", "match"),
    [
        ([], "at least one result, got none"),
        ([item("a"), item("b"), item("a")], "once, got 1 given more than once: 'a'"),
        ([item("a"), item("b", math.nan), item("c", math.inf)], "finite number as every score, got 2.*'b', 'c'"),
        ([item("a", 10**400)], "finite number as every score"),
        ([item("a", True)], "a number as every score, got 1 of another type: 'a'"),
        ([item("a", ArrayScalar(1.0, "bool"))], "a number as every score"),
        ([item("a", "0.5")], "a number as every score"),
        ([item("a", None)], "a number as every score"),
        ([item("a", weight=True)], "a number as every weight, got 1 of another type: 'a'"),
        ([item("a", 1.5), item("b", -0.5)], r"in \[0, 1\], got 2 outside: 'a', 'b'; .* score_range="),
        ([item("a", weight=0), item("b", weight=0.0)], "got only zeros"),
        ([item("a"), SCENE], "at one level, item, got 1 without item_ref_id: 's'"),
        ([SCENE], "level of the function, item, got 1 without item_ref_id: 's'"),
        ([item(7)], "reference id as a text, got 1 of another type: 7"),
        ([item("a\0b")], "without U\\+0000, got 1"),
        ([item("a"), item("\ud800")], "as a text, got 1 of another type: .*first in row 1"),
        ([{"item_ref_id": "a"}], "EvaluationResult objects, got dict"),
        ("ab", "EvaluationResult objects, .* got str"),
        (None, "EvaluationResult objects, .* got NoneType"),
    ],
)
def test_bad_results_are_refused_before_any_request(wire: Wire, test: ScenarioTest, results: Any, match: str) -> None:
    """The error names the rows; it is what existing scripts catch, a ValueError and an AssertionError."""
    with pytest.raises(InvalidUpload, match=match) as caught:
        test.upload_external_evaluation_results(function(), results, "prj_1")
    assert isinstance(caught.value, ValueError)
    assert isinstance(caught.value, AssertionError)
    assert isinstance(caught.value, nucleus.NucleusError)
    assert wire.requests == []


def test_the_first_twenty_rows_are_named(test: ScenarioTest) -> None:
    """And the others are counted."""
    with pytest.raises(InvalidUpload, match=r"got 25 NaN or infinite: 'r0', .*'r19' and 5 more$"):
        test.upload_external_evaluation_results(function(), [item(f"r{i}", math.nan) for i in range(25)], "prj_1")


def test_scores_of_the_function_s_own_range(wire: Wire, test: ScenarioTest) -> None:
    """Any range that it was created with."""
    test.upload_external_evaluation_results(function(score_range=[-10, 100]), [item("a", -10), item("b", 99)], "prj_1")
    assert sent_part(wire)["scores"] == {"ef_f": [-10.0, 99.0]}


def test_results_of_functions_that_the_server_computes(wire: Wire, test: ScenarioTest) -> None:
    """They cannot be uploaded."""
    public = PublicEvalFunction(EvalFunctionEntry.from_json(function_entry(is_external_function=False)))
    with pytest.raises(InvalidUpload, match="expected an external evaluation function, got 'f'"):
        test.upload_external_evaluation_results(public, [item("a")], "prj_1")
    assert wire.requests == []
