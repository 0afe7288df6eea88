"""The list of uploads, and the report on one of them."""

from __future__ import annotations

from dataclasses import dataclass

from nucleus_server.dashboard.contexts.shared import Chart, Choice, Frame, Verdict, doc


@dataclass(frozen=True, slots=True)
class StatusBadge:
    """How far an upload is, in words: colour is never the only sign."""

    word: str = doc("completed, committing, staging or rejected; or what came of it instead.")
    icon: str = doc("A sign that differs for each word.")
    kind: str = doc("pass, busy, none or fail: what the stylesheet colours.")
    why: str = doc("What the word means.")


@dataclass(frozen=True, slots=True)
class UploadRow:
    """An upload in a list."""

    path: str = doc("Its report.")
    when: str = doc("When it was begun, UTC.")
    user_name: str = doc("Who uploaded it.")
    status: StatusBadge = doc("How far it is.")
    model_name: str = doc("The model that was scored.")
    dataset_name: str = doc("The dataset whose items were scored.")
    functions: str = doc("The functions that scored them.")
    n_rows: str = doc("How many rows it has.")
    purpose: str = doc("The test that it is for, or how many tests were evaluated.")
    n_warnings: int | None = doc("How many things look odd about it; None unless it is completed.")


@dataclass(frozen=True, slots=True)
class Filter:
    """Something that a list can be limited to."""

    name: str = doc("The parameter in the page's address.")
    label: str = doc("What it is.")
    choices: tuple[Choice, ...] = doc("What it can be limited to, beginning with everything.")


@dataclass(frozen=True, slots=True)
class Turn:
    """Where a list without a known end is, and where one can go from there."""

    first: int = doc("The number of the first row shown, from 1.")
    last: int = doc("The number of the last row shown.")
    newer_path: str | None = doc("The page before.")
    older_path: str | None = doc("The page after.")


@dataclass(frozen=True, slots=True)
class UploadsPage:
    """The list of uploads."""

    frame: Frame = doc("What surrounds the page.")
    uploads: tuple[UploadRow, ...] = doc("A page of them, newest first.")
    filters: tuple[Filter, ...] = doc("What the list can be limited to.")
    is_filtered: bool = doc("Whether it is limited.")
    files_query: str = doc("What limits the list's files in the same way, from the question mark on.")
    turn: Turn = doc("Where the list is.")
    code: str = doc("What to run to upload scores.")


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the work on an unfinished upload is."""

    text: str = doc("What has happened, in words.")
    share: float | None = doc("How much of it is done, in percent; None if nobody can say.")
    path: str = doc("Where the browser asks for the next state.")
    page_path: str = doc("The upload's page, for browsers that do not ask.")


@dataclass(frozen=True, slots=True)
class ProgressPart:
    """The part of the page that is asked for again and again."""

    progress: Progress = doc("How far the work is.")


@dataclass(frozen=True, slots=True)
class WarningRow:
    """Something about a column that is allowed and looks like a mistake."""

    code: str = doc("Its stable name.")
    message: str = doc("What looks odd.")


@dataclass(frozen=True, slots=True)
class FunctionSection:
    """The scores of one function in an upload."""

    name: str = doc("The function.")
    path: str | None = doc("Its page; None if it was deleted.")
    summary: str = doc("How many scores there are, and how they were weighted.")
    mean: str = doc("The weighted mean over all rows.")
    warnings: tuple[WarningRow, ...] = doc("What looks odd.")
    header: tuple[str, ...] = doc("The names of the quantiles.")
    spreads: tuple[tuple[str, tuple[str, ...]], ...] = doc(
        "The quantiles of the scores, and of the weights if there are any."
    )
    charts: tuple[Chart, ...] = doc("The distribution of the scores, and of the weights if there are any.")


@dataclass(frozen=True, slots=True)
class UploadTestRow:
    """What the upload means for one function of one test."""

    test_name: str = doc("The test.")
    test_path: str | None = doc("Its page; None if it was deleted.")
    function_name: str = doc("The function.")
    coverage: str = doc("Scored members of all, and the share.")
    share: str | None = doc("The share in percent, for the bar; None if the test has no members.")
    is_partial: bool = doc("Whether members were left without a score.")
    result: str = doc("The weighted mean over the test's members, or – if there is none.")
    evaluation_path: str | None = doc("The evaluation's page; None if there is none, or its test was deleted.")
    verdict: Verdict | None = doc("The result against the criterion in force; None without a result.")
    note: str = doc("Why there is no evaluation, or how it came about; empty if there is nothing to say.")


@dataclass(frozen=True, slots=True)
class UploadPage:
    """The report on one upload."""

    frame: Frame = doc("What surrounds the page.")
    upload_id: str = doc("The upload's id.")
    status: StatusBadge = doc("How far it is.")
    model_name: str = doc("The model that was scored.")
    model_uploads_path: str = doc("The list of the model's uploads.")
    dataset_name: str = doc("The dataset whose items were scored.")
    dataset_uploads_path: str = doc("The list of the dataset's uploads.")
    purpose: str = doc("The test that it is for, or that it is for all tests of the dataset.")
    user_name: str = doc("Who uploaded it.")
    begun: str = doc("When it was begun, UTC.")
    completed: str | None = doc("When it was completed, UTC; None if it is not.")
    n_rows: str = doc("How many rows it has.")
    n_items: str | None = doc("How many items the dataset had then; None if it is not completed.")
    n_evaluated: str | None = doc("How many tests got an evaluation, of how many; None if it is not completed.")
    rule: str = doc("Which tests get an evaluation.")
    n_warnings: int = doc("How many things look odd.")
    progress: Progress | None = doc("How far the work is; None if there is none to wait for.")
    note: str | None = doc("What came of an upload that was not stored.")
    bad_rows_path: str | None = doc("What was wrong with it, row by row; None if nothing can be said.")
    functions: tuple[FunctionSection, ...] = doc("The report on each function; empty unless it is completed.")
    tests: tuple[UploadTestRow, ...] = doc("What it means for each test; empty unless it is completed.")


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row of a rejected upload that is wrong."""

    row: str = doc("Its number, from 0, as the uploaded table has it.")
    reference_id: str = doc("The user's id of the item.")
    function: str = doc(
        "Whose score or weight is wrong; – if it is the row's id, or a weight that all functions share."
    )
    field: str = doc("reference_id, score or weight.")
    value: str = doc("The wrong number; – if the id itself is wrong.")
    problem: str = doc("What is wrong.")


@dataclass(frozen=True, slots=True)
class BadRowsPage:
    """What is wrong with a rejected upload, row by row."""

    frame: Frame = doc("What surrounds the page.")
    upload_id: str = doc("The upload's id.")
    upload_path: str = doc("The upload's page.")
    download_path: str = doc("All bad rows as CSV.")
    n_rows: int = doc("How many bad rows there are.")
    rows: tuple[BadRow, ...] = doc("The first of them.")
    problem: str | None = doc("Why they cannot be listed.")
