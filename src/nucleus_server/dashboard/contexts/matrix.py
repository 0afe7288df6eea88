"""The home page: the newest results of models on scenario tests."""

from __future__ import annotations

from dataclasses import dataclass

from nucleus_server.dashboard.contexts.shared import Frame, Pages, Verdict, doc
from nucleus_server.dashboard.contexts.uploads import Filter
from nucleus_server.dashboard.contexts.verdicts import WaiverNote


@dataclass(frozen=True, slots=True)
class ResultCell:
    """One model's newest result by one function on one test."""

    path: str = doc("The evaluation's page.")
    model_name: str = doc("The model.")
    result: str = doc("The weighted mean, or – if undefined.")
    verdict: Verdict = doc("Passed, failed, or no criterion; a partial one is never coloured as passed.")
    partial: str = doc("How many members were scored if some were not; else empty.")
    delta: str = doc("The difference to the baseline, or – if only a comparison can tell it.")
    compare_path: str | None = doc("The page that compares it with the baseline; None if there is nothing to compare.")
    against: Verdict | None = doc("What that comparison says beyond chance; None if it was not computed yet.")
    difference: str = doc("What the difference is of, with its interval if there is a verdict.")
    waiver: WaiverNote | None = doc("What makes a failure acceptable for now; None if nothing does.")


@dataclass(frozen=True, slots=True)
class ModelColumn:
    """A column: one model."""

    name: str = doc("The model.")
    path: str = doc("Its page.")


@dataclass(frozen=True, slots=True)
class FunctionResults:
    """A row: one function of one test over models."""

    function_name: str = doc("The evaluation function.")
    function_path: str | None = doc("The function's page; None if it was deleted.")
    criterion: str = doc("What a result must fulfil.")
    rule_path: str = doc("The page of the criterion.")
    change: Verdict | None = doc("Whether the newest result passes where the one before failed, or the reverse.")
    baseline: ResultCell | None = doc("The baseline model's result; None if there is none.")
    cells: tuple[ResultCell | None, ...] = doc("One for each model; None where it was not evaluated.")


@dataclass(frozen=True, slots=True)
class TestResults:
    """A test with its rows."""

    path: str = doc("The test's page.")
    name: str = doc("Its name.")
    slice_name: str = doc("Its slice.")
    slice_path: str | None = doc("The slice's page; None if it was deleted.")
    dataset_name: str = doc("The slice's dataset.")
    dataset_path: str | None = doc("The dataset's page; None if it was deleted.")
    size: str = doc("How many items the slice has.")
    is_blocking: bool = doc("Whether it blocks releases.")
    tags: tuple[tuple[str, str], ...] = doc("Its tags, and the matrix of the tests with each.")
    rows: tuple[FunctionResults, ...] = doc("Its functions.")


@dataclass(frozen=True, slots=True)
class CountLink:
    """A number of rows, and where to see them."""

    text: str = doc("The number and what it counts.")
    kind: str = doc("fail if it is bad news; else empty.")
    path: str | None = doc("The page limited to them; None if it cannot be.")
    is_chosen: bool = doc("Whether the page is limited to them.")


@dataclass(frozen=True, slots=True)
class MatrixPage:
    """The release matrix."""

    frame: Frame = doc("What surrounds the page.")
    has_tests: bool = doc("Whether there is any test.")
    summary: str = doc("How many tests, functions of tests and models there are.")
    counts: tuple[CountLink, ...] = doc("What came of the newest results.")
    filters: tuple[Filter, ...] = doc("What the rows can be limited to, and their order.")
    text: str = doc("What names must contain.")
    is_failing: bool = doc("Whether only failing rows are shown.")
    is_changed: bool = doc("Whether only changed rows are shown.")
    is_filtered: bool = doc("Whether rows are left out.")
    files_query: str = doc("What limits the matrix's files in the same way, from the question mark on.")
    models: tuple[ModelColumn, ...] = doc("The columns' models, newest left.")
    has_baselines: bool = doc("Whether a test has a baseline.")
    model_pages: Pages = doc("Which models are shown.")
    tests: tuple[TestResults, ...] = doc("The tests of this page.")
    test_pages: Pages = doc("Which tests are shown.")
    code: str = doc("What to run to make the first test.")
