"""The page of one scenario test."""

from __future__ import annotations

from dataclasses import dataclass

from nucleus_server.dashboard.contexts.choosers import CompareChooser
from nucleus_server.dashboard.contexts.releases import WaiverRow
from nucleus_server.dashboard.contexts.settings import CriterionRow, SettingsPart
from nucleus_server.dashboard.contexts.shared import Chart, Frame, Pages, Picture, Verdict, doc
from nucleus_server.dashboard.contexts.verdicts import WaiverNote


@dataclass(frozen=True, slots=True)
class Cell:
    """One model's result under one function."""

    evaluation_path: str = doc("The evaluation's page.")
    model_name: str = doc("The model.")
    function_name: str = doc("The evaluation function.")
    function_path: str | None = doc("The function's page; None if it was deleted.")
    result: str = doc("The weighted mean, or – if undefined.")
    criterion: str = doc("Comparison and threshold, or – if there is none.")
    verdict: Verdict = doc("Passed, failed, or no criterion.")
    coverage: str = doc("Scored members of all, and the share.")
    is_partial: bool = doc("Whether members were left without a score.")
    upload: str = doc("Which of the uploads of this model and function this is: upload 3 of 3.")
    upload_path: str | None = doc("The report of that upload; None if it has none.")
    when: str = doc("When it was uploaded, UTC.")
    user_name: str = doc("Who uploaded it.")
    compare_path: str | None = doc("The page that compares it with the baseline; None if there is nothing to compare.")
    against: Verdict | None = doc("What that comparison says; None if it was not looked at, or is being computed.")
    difference: str = doc("The difference to the baseline with its interval; empty if it is not known yet.")
    p_value: str = doc(
        "The p value of that difference, not adjusted for other comparisons; empty if it is not known yet."
    )
    waiver: WaiverNote | None = doc("What makes a failure acceptable for now; None if nothing does.")


@dataclass(frozen=True, slots=True)
class FunctionRow:
    """A function of a test."""

    name: str = doc("Its name.")
    path: str | None = doc("Its page; None if it was deleted.")
    direction: str = doc("Whether higher or lower is better.")
    score_range: str = doc("Lowest and highest score.")
    criterion: str = doc("The criterion in force.")
    mode: str = doc("How a gate decides.")
    margin: str = doc("A worsening up to it is of no importance.")
    rule_path: str = doc("The page of the criterion, with what can be detected.")


@dataclass(frozen=True, slots=True)
class ViewLink:
    """One of the ways to look at a history."""

    text: str = doc("What is shown then.")
    path: str = doc("The page with it.")
    is_current: bool = doc("Whether it is the one that is shown.")


@dataclass(frozen=True, slots=True)
class HistoryChangeRow:
    """What changed while results came in."""

    mark: str = doc("The letter of its mark in the chart; several changes between two results share one.")
    kind: str = doc("slice, criterion, baseline or function.")
    what: str = doc("What is in force since.")
    where: str = doc("Between which results.")
    when: str = doc("When, UTC.")
    user_name: str = doc("Who.")


@dataclass(frozen=True, slots=True)
class HistoryPart:
    """The results of one function on a test, in the order of upload."""

    part_id: str = doc("Its id on the page.")
    function_name: str = doc("The function.")
    function_path: str | None = doc("The function's page; None if it was deleted.")
    views: tuple[ViewLink, ...] = doc("Which results can be looked at; empty if there is no choice.")
    chart: Chart = doc("The results with their intervals and what they were compared with.")
    changes: tuple[HistoryChangeRow, ...] = doc("What changed, newest first.")
    waiting: str | None = doc("How many intervals are still being computed; None if none.")
    waiting_path: str = doc("Where this part is asked for again until they are.")


@dataclass(frozen=True, slots=True)
class HistoryPlace:
    """A history that is loaded after the page."""

    part_id: str = doc("Its id on the page.")
    function_name: str = doc("The function.")
    path: str = doc("Where it comes from.")


@dataclass(frozen=True, slots=True)
class TestPage:
    """One scenario test."""

    frame: Frame = doc("What surrounds the page.")
    test_id: str = doc("The test's id.")
    name: str = doc("Its name.")
    slice_name: str = doc("Its slice.")
    slice_id: str = doc("The slice's id.")
    slice_path: str | None = doc("The slice's page; None if it was deleted.")
    dataset_name: str = doc("The slice's dataset.")
    dataset_path: str = doc("The dataset's page.")
    n_members: int = doc("Members of the slice.")
    versions: str = doc("How many members the slice had for the evaluations; empty if always as many as now.")
    baseline: str | None = doc("The baseline model's name.")
    functions: tuple[FunctionRow, ...] = doc("Its functions with their criteria.")
    criteria: tuple[CriterionRow, ...] = doc(
        "The history of criteria and of what was set on the functions, newest first."
    )
    no_criteria_form: str = doc("Why the reader cannot set criteria; empty if they can.")
    histories: tuple[HistoryPlace, ...] = doc("The history of results over models, one a function.")
    evaluations: tuple[Cell, ...] = doc("A page of the evaluations, newest first.")
    pages: Pages = doc("Where that page is.")
    thumbnails: tuple[Picture, ...] = doc("The slice's first items.")
    settings: SettingsPart = doc("What the owner decides beside criteria.")
    waivers: tuple[WaiverRow, ...] = doc("Its active waivers.")
    notice: str | None = doc("What has just happened.")
    compare_chooser: CompareChooser | None = doc("Chooses models to compare; None with fewer than two.")
    code: str = doc("What to run to upload results to this test.")
