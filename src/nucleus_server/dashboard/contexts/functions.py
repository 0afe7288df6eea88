"""The list of evaluation functions, and one of them with its form."""

from __future__ import annotations

from dataclasses import dataclass

from nucleus_server.dashboard.contexts.forms import FormField
from nucleus_server.dashboard.contexts.shared import Frame, Verdict, doc
from nucleus_server.dashboard.contexts.uploads import UploadRow


@dataclass(frozen=True, slots=True)
class FunctionSummary:
    """A function in the list."""

    path: str = doc("Its page.")
    name: str = doc("Its name.")
    description: str = doc("What it is, shortened; empty if nobody said.")
    kind: str = doc("external or public.")
    direction: str = doc("Whether higher or lower is better.")
    score_range: str = doc("Lowest and highest score.")
    unit: str = doc("What its scores are measured in, or – if it was not set.")
    n_tests: int = doc("How many tests use it.")
    owner: str = doc("Who made it, or – if it comes with the server.")


@dataclass(frozen=True, slots=True)
class FunctionsPage:
    """The list of functions."""

    frame: Frame = doc("What surrounds the page.")
    external: tuple[FunctionSummary, ...] = doc("Names for scores that users compute, in alphabetical order.")
    public: tuple[FunctionSummary, ...] = doc("Functions that the server computes.")
    code: str = doc("What to run to make an external function.")


@dataclass(frozen=True, slots=True)
class FunctionTestRow:
    """A test that uses the function."""

    path: str = doc("The test's page.")
    name: str = doc("The test.")
    dataset_name: str = doc("The dataset of its slice.")
    criterion: str = doc("The criterion in force for this function.")
    result: str = doc("The newest result by it there, or – if there is none.")
    result_path: str | None = doc("The page of that evaluation.")
    model_name: str = doc("Its model; empty without one.")
    verdict: Verdict = doc("That result against the criterion.")


@dataclass(frozen=True, slots=True)
class ChangeRow:
    """One entry of the function's history."""

    when: str = doc("When, UTC.")
    user_name: str = doc("Who.")
    property: str = doc("What was set.")
    before: str = doc("What it was, or – if it was not set.")
    after: str = doc("What it became, or – if it was taken away.")


@dataclass(frozen=True, slots=True)
class FunctionForm:
    """The form that sets a function's properties."""

    path: str = doc("Where it is sent.")
    fields: tuple[FormField, ...] = doc("What can be set.")
    n_problems: int = doc("How many fields were refused.")


@dataclass(frozen=True, slots=True)
class FunctionPage:
    """One evaluation function."""

    frame: Frame = doc("What surrounds the page.")
    function_id: str = doc("The function's id.")
    summary: FunctionSummary = doc("What it is.")
    level: str = doc("What kind of member it scores.")
    default_cluster_key: str = doc("The metadata key that groups items which are alike, or – if it was not set.")
    description: str | None = doc("What it is, as its owner wrote it.")
    created: str = doc("When it was made, UTC.")
    tests: tuple[FunctionTestRow, ...] = doc("The tests that use it.")
    changes: tuple[ChangeRow, ...] = doc("What was set on it, newest first.")
    uploads: tuple[UploadRow, ...] = doc("The newest uploads of its scores.")
    uploads_path: str | None = doc("All uploads of its scores; None if those above are all.")
    form: FunctionForm | None = doc("The form; None if the reader may not set anything.")
    no_form: str = doc("Why there is no form.")
    notice: str | None = doc("What has just happened.")
    code: str = doc("What to run to upload its scores.")
