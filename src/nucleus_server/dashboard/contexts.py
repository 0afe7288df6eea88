"""What each page is made of: the template may use these names and no others, and a test holds it to that."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


def _doc(text: str) -> Any:
    return field(metadata={"help": text})


@dataclass(frozen=True, slots=True)
class Frame:
    """What surrounds every page."""

    title: str = _doc("The page's title.")
    user_name: str | None = _doc("Who is logged in; None on the login page.")
    role: str | None = _doc("The role that this session acts with.")
    csrf_token: str = _doc("The token that every form of the page carries.")
    version: str = _doc("The server's version.")


@dataclass(frozen=True, slots=True)
class Verdict:
    """A result against its criterion, in words: colour is never the only sign."""

    word: str = _doc("passed, failed, or no criterion.")
    icon: str = _doc("✓, ✗ or –.")
    kind: str = _doc("pass, fail or none: what the stylesheet colours.")
    why: str = _doc("The comparison that was made, or why there is none.")


@dataclass(frozen=True, slots=True)
class Cell:
    """One model's newest result under one function."""

    evaluation_path: str = _doc("The evaluation's page.")
    model_name: str = _doc("The model.")
    function_name: str = _doc("The evaluation function.")
    result: str = _doc("The weighted mean, or – if undefined.")
    criterion: str = _doc("Comparison and threshold, or – if there is none.")
    verdict: Verdict = _doc("Passed, failed, or no criterion.")
    coverage: str = _doc("Scored members of all, and the share.")
    is_partial: bool = _doc("Whether members were left without a score.")
    upload: str = _doc("Which of the uploads of this model and function this is: upload 3 of 3.")
    when: str = _doc("When it was uploaded, UTC.")
    user_name: str = _doc("Who uploaded it.")


@dataclass(frozen=True, slots=True)
class TestSummary:
    """A scenario test in the list."""

    path: str = _doc("The test's page.")
    name: str = _doc("Its name.")
    slice_name: str = _doc("Its slice.")
    dataset_name: str = _doc("The slice's dataset.")
    n_members: int = _doc("Members of the slice.")
    n_failed: int = _doc("How many newest results fail.")
    cells: tuple[Cell, ...] = _doc("Newest result of every function and model, failing first.")


@dataclass(frozen=True, slots=True)
class LoginPage:
    """The login page."""

    frame: Frame = _doc("What surrounds the page.")
    problem: str | None = _doc("Why the last attempt failed.")
    next_path: str = _doc("Where to go after logging in.")


@dataclass(frozen=True, slots=True)
class ErrorPage:
    """A page that could not be shown."""

    frame: Frame = _doc("What surrounds the page.")
    status: int = _doc("The HTTP status.")
    message: str = _doc("What was expected, what was got, what to do.")
    request_id: str = _doc("What the operator finds the request by.")


@dataclass(frozen=True, slots=True)
class TestsPage:
    """The list of scenario tests."""

    frame: Frame = _doc("What surrounds the page.")
    tests: tuple[TestSummary, ...] = _doc("All tests, those with failures first.")
    n_failing: int = _doc("How many tests have a failure.")
    code: str = _doc("What to run to make the first test.")


@dataclass(frozen=True, slots=True)
class FunctionRow:
    """A function of a test."""

    name: str = _doc("Its name.")
    direction: str = _doc("Whether higher or lower is better.")
    score_range: str = _doc("Lowest and highest score.")
    criterion: str = _doc("The criterion in force.")


@dataclass(frozen=True, slots=True)
class CriterionRow:
    """One entry of the criteria history."""

    when: str = _doc("When, UTC.")
    user_name: str = _doc("Who.")
    what: str = _doc("What was put in force.")


@dataclass(frozen=True, slots=True)
class Chart:
    """A picture of numbers, and the numbers."""

    name: str = _doc("Its id on the page.")
    title: str = _doc("What it shows.")
    description: str = _doc("What a reader who cannot see it should know.")
    spec: dict[str, Any] = _doc("Its Vega-Lite specification.")
    header: tuple[str, ...] = _doc("The columns of the table below it.")
    rows: tuple[tuple[str, ...], ...] = _doc("The rows of that table.")


@dataclass(frozen=True, slots=True)
class Picture:
    """An item's image, or why it cannot be shown."""

    reference_id: str = _doc("The user's id of the item.")
    url: str | None = _doc("What the browser may load; None if it may not.")
    link: str | None = _doc("The image's own address.")
    reason: str = _doc("Why it is not shown.")


@dataclass(frozen=True, slots=True)
class TestPage:
    """One scenario test."""

    frame: Frame = _doc("What surrounds the page.")
    test_id: str = _doc("The test's id.")
    name: str = _doc("Its name.")
    slice_name: str = _doc("Its slice.")
    slice_id: str = _doc("The slice's id.")
    dataset_name: str = _doc("The slice's dataset.")
    n_members: int = _doc("Members of the slice.")
    baseline: str | None = _doc("The baseline model's name.")
    functions: tuple[FunctionRow, ...] = _doc("Its functions with their criteria.")
    criteria: tuple[CriterionRow, ...] = _doc("The history of criteria, newest first.")
    charts: tuple[Chart, ...] = _doc("The history of results over models, one chart a function.")
    evaluations: tuple[Cell, ...] = _doc("All evaluations, newest first.")
    thumbnails: tuple[Picture, ...] = _doc("The slice's first items.")
    code: str = _doc("What to run to upload results to this test.")


@dataclass(frozen=True, slots=True)
class ItemRow:
    """One scored item."""

    rank: int = _doc("Its place in the order shown, from 1.")
    picture: Picture = _doc("Its image.")
    score: str = _doc("Its score.")
    weight: str = _doc("How much the score counts.")
    verdict: Verdict = _doc("The score against the evaluation's criterion.")
    metadata: tuple[tuple[str, str], ...] = _doc("Its metadata.")


@dataclass(frozen=True, slots=True)
class Pages:
    """Where a listing is, and where one can go from there."""

    number: int = _doc("This page, from 1.")
    n_pages: int = _doc("How many there are.")
    n_rows: int = _doc("How many rows there are in all.")
    previous_path: str | None = _doc("The page before.")
    next_path: str | None = _doc("The page after.")


@dataclass(frozen=True, slots=True)
class KeyLink:
    """A metadata key to break the result down by."""

    key: str = _doc("The key.")
    path: str = _doc("The same page with this breakdown.")
    is_current: bool = _doc("Whether it is the one that is shown.")


@dataclass(frozen=True, slots=True)
class GroupRow:
    """The items that share a value of the chosen key."""

    value: str = _doc("The value, a range of numbers, or – for items without one.")
    n_items: str = _doc("How many scored items have it.")
    result: str = _doc("Their weighted mean.")
    verdict: Verdict = _doc("That result against the evaluation's criterion.")


@dataclass(frozen=True, slots=True)
class EvaluationPage:
    """One evaluation."""

    frame: Frame = _doc("What surrounds the page.")
    evaluation_id: str = _doc("The evaluation's id.")
    test_name: str = _doc("Its test.")
    test_path: str = _doc("The test's page.")
    cell: Cell = _doc("Model, function, result, criterion, coverage.")
    weights: str = _doc("Whether scores were weighted, and the sum of weights.")
    comparison_note: str | None = _doc("What was compared, if it was not simply the result.")
    chart: Chart = _doc("The distribution of scores.")
    keys: tuple[KeyLink, ...] = _doc("The metadata keys of the items.")
    groups: tuple[GroupRow, ...] = _doc("The breakdown by the chosen key, worst first; empty if none is chosen.")
    order: str = _doc("worst or best: which end the list begins with.")
    other_order_path: str = _doc("The same list from its other end.")
    items: tuple[ItemRow, ...] = _doc("A page of the scored items.")
    pages: Pages = _doc("Where the list is.")
    n_missing: int = _doc("How many members have no score.")
    missing: tuple[Picture, ...] = _doc("The first of them.")
