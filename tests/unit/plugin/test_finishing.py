"""The end of a run with a gate: what is sent, what each outcome of the report does."""

from __future__ import annotations

from typing import Any

import pytest

from nucleus._pytest.finishing import Ending, Options, finish
from nucleus._pytest.item_scores import Recorded
from tests.unit.sdk.verdicts import FUNCTION_ID, TEST_ID, entry, missing, release_report
from tests.unit.sdk.wire import ORIGIN, Wire, evaluation_row, function_entry, report

REPORT = ("POST", "validate/release_report")


def recorded(reference_id: str, score: float) -> Recorded:
    """A score by the function of the report."""
    return Recorded(TEST_ID, "night", FUNCTION_ID, "recall", reference_id, score, 1.0)


BY_TEST = {"test_x.py::test[b]": [recorded("b", 0.5)], "test_x.py::test[a]": [recorded("a", 1.0)]}


@pytest.fixture
def wire() -> Wire:
    """A server that takes the upload; the report is each test's."""
    models = [
        {"id": f"prj_{name}", "name": f"model {name}", "ref_id": f"model-{name}", "metadata": None} for name in "ab"
    ]
    test = {"id": TEST_ID, "name": "night", "slice_id": "slc_1", "dataset_id": "ds_1", "baseline_model_id": None}
    uploaded = report(test_id=TEST_ID)
    uploaded["tests"][0] |= {"test_id": TEST_ID}
    return Wire(
        {
            ("GET", "models/"): {"models": models},
            ("GET", "validate/eval_fn"): {"eval_functions": [function_entry("recall", id=FUNCTION_ID)]},
            ("GET", f"validate/scenario_test/{TEST_ID}"): {"unit_test": test},
            ("POST", "dataset/ds_1/scores"): {"report": uploaded},
            ("GET", "validate/eval/ev_1/row"): {"evaluation": evaluation_row()},
        }
    )


def ending_of(wire: Wire, answer: Any, **options: Any) -> Ending:
    """How a run ends whose gate gets this answer."""
    wire.routes[REPORT] = answer
    return finish(wire.client, BY_TEST, Options("model-b", has_gate=True, **options), "")


def test_the_report_is_of_the_tests_that_ran(wire: Wire) -> None:
    """With the baseline by any of its names, and the options of the command line."""
    ending_of(wire, release_report())
    body = wire.body()
    assert (body["model_id"], body["test_ids"]) == ("prj_b", [TEST_ID])
    assert not {"baseline_model_id", "baseline", "mode"} & {key for key, value in body.items() if value is not None}
    ending_of(wire, release_report(), baseline="model a", mode="point", require_coverage=0.9)
    body = wire.body()
    assert (body["baseline_model_id"], body["mode"], body["require_coverage"]) == ("prj_a", "point", 0.9)
    ending_of(wire, release_report(), baseline="last-approved")
    assert wire.body()["baseline"] == "last-approved"


@pytest.mark.parametrize(
    ("outcome", "inconclusive", "is_failed", "color"),
    [
        ("passed", "warn", False, "green"),
        ("failed", "pass", True, "red"),
        ("missing", "pass", True, "red"),
        ("inconclusive", "warn", False, "yellow"),
        ("inconclusive", "fail", True, "red"),
        ("inconclusive", "pass", False, ""),
    ],
)
def test_outcomes(wire: Wire, outcome: str, inconclusive: str, is_failed: bool, color: str) -> None:
    """The run fails if the report failed or the candidate's evaluations are missing; what is unclear is up to the user."""
    ending = ending_of(wire, release_report(outcome=outcome, sentence="So it is."), inconclusive=inconclusive)
    assert ending.is_failed is is_failed
    assert ending.lines[-2:] == [(f"gate: {outcome}. So it is.", color), (f"    {ORIGIN}/report?model=prj_b", "")]


def test_each_function_has_its_verdict(wire: Wire) -> None:
    """With what would settle it, warnings and a link."""
    unclear = entry(outcome="inconclusive", settles="About 900 clusters would.", warnings=["No cluster key is set."])
    lines = [text for text, _ in ending_of(wire, release_report(unclear, missing())).lines]
    first = next(i for i, line in enumerate(lines) if "worse by 0.021" in line)
    assert lines[first + 1 : first + 5] == [
        "    the candidate is worse than the baseline",
        "    No cluster key is set.",
        "    About 900 clusters would.",
        f"    {ORIGIN}/compare/ev_a/ev_b",
    ]
    assert "missing, the candidate has no evaluation here" in lines[first + 5]


def test_without_the_server_there_is_no_pass(wire: Wire) -> None:
    """An upload that was refused and a report that did not come fail the run."""
    ending = ending_of(wire, (500, {"error": "the server failed", "code": "internal", "request_id": "r"}))
    assert ending.is_failed
    assert ending.lines[-1][0] == "gate: failed. The server could not do all of it: the server failed"
    refused = {"error": "the function is gone", "code": "not_found", "request_id": "r"}
    wire.routes["POST", "dataset/ds_1/scores"] = (404, refused)
    ending = finish(wire.client, BY_TEST, Options("model-b"), "")
    assert ending.is_failed and ending.lines[-1][0] == "The server could not do all of it: the function is gone"


def test_a_name_of_two_models_is_no_new_one(wire: Wire) -> None:
    """A model is created only if there is none of that name."""
    wire.routes["GET", "models/"]["models"][1]["name"] = "model a"
    ending = finish(wire.client, BY_TEST, Options("model a", may_create_model=True), "")
    assert (
        ending.is_failed
        and "2 models are named 'model a'; say which one by its id: prj_a, prj_b" in ending.lines[-1][0]
    )
