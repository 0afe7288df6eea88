"""Release reports, releases, and waivers."""

from __future__ import annotations

from dataclasses import dataclass

from nucleus_server.dashboard.contexts.forms import Form
from nucleus_server.dashboard.contexts.intervals import IntervalPlot
from nucleus_server.dashboard.contexts.shared import Frame, Picture, Verdict, doc
from nucleus_server.dashboard.contexts.uploads import Progress
from nucleus_server.dashboard.contexts.verdicts import WaiverNote


@dataclass(frozen=True, slots=True)
class ReportLine:
    """One of the five lines that sum a report up."""

    label: str = doc("Verdict, blockers, inconclusive, waivers or coverage.")
    text: str = doc("What there is to say.")
    details: tuple[str, ...] = doc("What it is about, one by one; the first of them if they are many.")
    n_more: int = doc("How many more there are.")


@dataclass(frozen=True, slots=True)
class EntryRow:
    """One function of one test in a report."""

    outcome: Verdict = doc("Passed, failed, inconclusive, new or missing.")
    waiver: WaiverNote | None = doc("What makes it acceptable all the same.")
    test_name: str = doc("The test.")
    test_path: str = doc("The test's page.")
    function_name: str = doc("The function.")
    is_blocking: bool = doc("Whether the test blocks releases; its p is adjusted more strictly then.")
    tags: tuple[str, ...] = doc("The test's tags.")
    mode: str = doc("How it was decided.")
    candidate: str = doc("The candidate's result, or – without an evaluation.")
    candidate_path: str | None = doc("The candidate's evaluation.")
    baseline: str = doc("The baseline's result, or – without an evaluation.")
    baseline_path: str | None = doc("The baseline's evaluation.")
    delta: str = doc("Candidate − baseline on the members that both scored, or –.")
    interval: str = doc("The unadjusted interval of the difference; empty without a comparison.")
    plot: IntervalPlot | None = doc("The difference as a drawing.")
    verdict: Verdict | None = doc("The verdict after adjustment; None without a comparison.")
    p_value: str = doc("The adjusted p value with the name of the method, or – without a comparison.")
    clusters: str = doc("How many clusters, and by what; empty without a comparison.")
    threshold: str = doc("The threshold and how the result stands to it; empty if the mode needs none.")
    coverage: str = doc("The share of members that the candidate scored, or –.")
    is_partial: bool = doc("Whether members were left without a score.")
    detectable: str = doc("The minimum detectable effect, or –.")
    compare_path: str | None = doc("The page that compares both evaluations.")
    reason: str = doc("Why the outcome is what it is.")
    settles: str | None = doc("What would settle it, if it is inconclusive.")
    warnings: tuple[str, ...] = doc("What looks odd.")


@dataclass(frozen=True, slots=True)
class TopItemRow:
    """An item that weighs most in what did not pass."""

    picture: Picture = doc("Its image.")
    where: str = doc("The test and the function.")
    compare_path: str | None = doc("The page that compares both evaluations there.")
    scores: str = doc("What the baseline and the candidate scored on it.")
    contribution: str = doc("What it adds to the difference.")


@dataclass(frozen=True, slots=True)
class ReportPart:
    """A report: what the report's page and a release's page have in common."""

    outcome: Verdict | None = doc("Passed, failed, inconclusive or missing; None while it is computed.")
    sentence: str = doc("The answer in one sentence.")
    lines: tuple[ReportLine, ...] = doc("The five lines; none while verdicts are computed.")
    entries: tuple[EntryRow, ...] = doc("All entries, what failed first; none while verdicts are computed.")
    top_items: tuple[TopItemRow, ...] = doc("The items that weigh most in what did not pass.")
    options: tuple[tuple[str, str], ...] = doc("What the report was asked for: names and values.")
    files: tuple[str, str] = doc("Where its entries are as files: what stands before the ending and what after it.")
    verdicts: str = doc("How many are better, worse, equivalent and inconclusive; empty while that is computed.")
    compare_path: str | None = doc("The models over the suite; None if no address can say what the baseline is.")


@dataclass(frozen=True, slots=True)
class ReportPage:
    """A release report."""

    frame: Frame = doc("What surrounds the page.")
    model_name: str | None = doc("The candidate; None if none was chosen yet.")
    baseline: str = doc("What it is compared with, in words.")
    progress: Progress | None = doc("How far the verdicts are; None if they are there.")
    report: ReportPart | None = doc("The report; None if no candidate was chosen yet.")
    start: Form | None = doc(
        "The form that starts a release; None if the reader may not, or there is nothing to start."
    )
    chooser: Form = doc("The form that asks for a report.")
    problem: str | None = doc("Why there is no report for what was asked.")


@dataclass(frozen=True, slots=True)
class ReleaseRow:
    """A release in the list."""

    path: str = doc("Its page.")
    name: str = doc("Its name.")
    status: Verdict = doc("Open, approved or rejected.")
    model_name: str = doc("The candidate.")
    created: str = doc("When it was started, UTC.")
    user_name: str = doc("Who started it.")
    decided: str = doc("When it was decided, UTC, and by whom, or –.")
    note: str = doc("What was noted at the decision; empty for nothing.")
    promoted: str = doc("When the candidate became the baseline, or –.")


@dataclass(frozen=True, slots=True)
class ReleasesPage:
    """The list of releases."""

    frame: Frame = doc("What surrounds the page.")
    releases: tuple[ReleaseRow, ...] = doc("The newest releases, newest first.")
    code: str = doc("What to run to start a release from a program.")


@dataclass(frozen=True, slots=True)
class SuiteChangeRow:
    """Something that is not as it was when the release before was decided."""

    test_name: str = doc("The test.")
    what: str = doc("What changed.")
    before: str = doc("What it was, or – if it was not there.")
    after: str = doc("What it is, or – if it is gone.")


@dataclass(frozen=True, slots=True)
class WaiverRow:
    """A waiver in a list."""

    status: Verdict = doc("Active, expired or revoked.")
    test_name: str = doc("The test.")
    test_path: str = doc("The test's page.")
    function_name: str = doc("The function.")
    model_name: str = doc("The candidate it is for, or any model.")
    reason: str = doc("Why the regression is acceptable.")
    owner: str = doc("Who answers for it.")
    expires: str = doc("Until when, UTC.")
    made: str = doc("When it was made and by whom.")
    revoke_path: str | None = doc(
        "Where revoking it is sent; None if there is nothing to revoke, or the reader may not."
    )


@dataclass(frozen=True, slots=True)
class WaiverForm:
    """A form that waives one entry of a release."""

    title: str = doc("The test and the function.")
    outcome: Verdict = doc("What came of it.")
    reason: str = doc("Why the outcome is what it is.")
    form: Form = doc("The form.")
    is_open: bool = doc("Whether it is shown unfolded.")


@dataclass(frozen=True, slots=True)
class ReleasePage:
    """One release."""

    frame: Frame = doc("What surrounds the page.")
    release_id: str = doc("The release's id.")
    release: ReleaseRow = doc("What it is, and how far.")
    baseline: str = doc("What the candidate is compared with, in words.")
    report_path: str | None = doc("The report's own page; None of a release that was decided.")
    progress: Progress | None = doc("How far the verdicts are; None if they are there.")
    report: ReportPart = doc("The report: live while it is open, frozen by the decision.")
    changes: tuple[SuiteChangeRow, ...] = doc("What is not as it was when the release before was decided.")
    previous: tuple[str, str] | None = doc("Name and page of the release before; None if there is none.")
    blockers: str | None = doc("Why it cannot be approved now.")
    decision: Form | None = doc("The form that decides; None if it was decided, or the reader may not.")
    no_decision: str = doc("Why there is no form; empty if there is one.")
    promote: Form | None = doc("The form that makes the candidate the baseline; None if that is not possible now.")
    waiver_forms: tuple[WaiverForm, ...] = doc("A form for each entry that failed and is not waived.")
    waivers: tuple[WaiverRow, ...] = doc("Active waivers of this suite's tests for this candidate.")
    notice: str | None = doc("What has just happened.")
    problem: str | None = doc("Why what was sent was refused.")


@dataclass(frozen=True, slots=True)
class WaiversPage:
    """All waivers."""

    frame: Frame = doc("What surrounds the page.")
    waivers: tuple[WaiverRow, ...] = doc("Those that are shown, newest first.")
    filters: tuple[tuple[str, str, bool], ...] = doc("What can be shown: words, path, and whether it is.")
    files_query: str = doc("What limits the files in the same way, from the question mark on.")
    is_filtered: bool = doc("Whether only some are shown.")
    notice: str | None = doc("What has just happened.")
