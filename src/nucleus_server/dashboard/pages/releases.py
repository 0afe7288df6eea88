"""The page of a release report, the list of releases, and one of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

from nucleus_server.dashboard.contexts import (
    Form,
    Frame,
    Picture,
    Progress,
    ReleasePage,
    ReleaseRow,
    ReleasesPage,
    ReportPage,
    SuiteChangeRow,
    Verdict,
    WaiverForm,
)
from nucleus_server.dashboard.pages.forms import FormMaker, button
from nucleus_server.dashboard.pages.pictures import pictures
from nucleus_server.dashboard.pages.reports import baseline_text, report_part, report_progress
from nucleus_server.dashboard.pages.shared import UNDEFINED, shortened, when
from nucleus_server.dashboard.pages.verdict_words import outcome_verdict, sentence
from nucleus_server.dashboard.pages.waivers import waiver_rows
from nucleus_server.dashboard.sent_forms import SentForm
from nucleus_server.domain import Actor, Mode, Outcome, Release, ReleaseReport, ReleaseStatus, ReportEntry, Waiver
from nucleus_server.errors import InvalidInput, NotFound
from nucleus_server.services import WorkspaceStore
from nucleus_server.services.app_services import AppServices
from nucleus_server.services.release_report import options_of_query, release_report, report_path
from nucleus_server.services.releases import ReleaseView, get_release, list_releases

_PATIENCE_S = 0.5
"""How long a page waits for verdicts before it says that they are being computed."""
_N_RELEASES = 100
_WAIVED_DAYS = 14
"""What a waiver's form proposes."""
_STATUSES = {
    ReleaseStatus.OPEN: Verdict("open", "○", "busy", "Nobody has decided yet."),
    ReleaseStatus.APPROVED: Verdict("approved", "✓", "pass", "The candidate may be released."),
    ReleaseStatus.REJECTED: Verdict("rejected", "✗", "fail", "The candidate must not be released."),
}


def report_page(
    services: AppServices,
    ws: WorkspaceStore,
    frame: Frame,
    query: Mapping[str, Sequence[str]],
    *,
    sent: SentForm | None = None,
) -> ReportPage:
    """The report that the address asks for; without a candidate only the form that asks for one."""
    chooser = _chooser(ws, query)
    if not query.get("model"):
        return ReportPage(frame, None, "", None, None, None, chooser, None)
    try:
        options = options_of_query(ws, query)
        report = release_report(ws, options, wait_s=_PATIENCE_S)
    except (InvalidInput, NotFound) as error:
        return ReportPage(frame, None, "", None, None, None, chooser, error.message)
    path = report_path(ws, options)
    return ReportPage(
        frame=frame,
        model_name=report.model_name,
        baseline=baseline_text(options, report.baseline_model_name),
        progress=report_progress(report, path.replace("/report", "/report/progress", 1), path),
        report=report_part(report, _shown(services, ws, report), ("/report", path.removeprefix("/report"))),
        start=_start(path, report, sent) if ws.actor.can_write and report.entries else None,
        chooser=chooser,
        problem=None,
    )


def find_reporting(ws: WorkspaceStore, query: Mapping[str, Sequence[str]]) -> Progress | None:
    """How far the report is; None if nothing is left to compute."""
    options = options_of_query(ws, query)
    path = report_path(ws, options)
    report = release_report(ws, options, wait_s=0)
    return report_progress(report, path.replace("/report", "/report/progress", 1), path)


def releases_page(ws: WorkspaceStore, frame: Frame, address: str) -> ReleasesPage:
    """The newest releases."""
    return ReleasesPage(frame, tuple(release_row(r) for r in list_releases(ws, limit=_N_RELEASES)), _code(address))


def release_page(
    services: AppServices,
    ws: WorkspaceStore,
    frame: Frame,
    release_id: str,
    *,
    now: datetime,
    notice: str | None = None,
    sent: SentForm | None = None,
) -> ReleasePage:
    """One release; its report is live while it is open, and frozen by the decision."""
    view = get_release(ws, release_id, wait_s=_PATIENCE_S)
    test_ids = view.report.options.test_ids
    return release_context(
        ws.actor,
        frame,
        view,
        [waiver for waiver in ws.list_waivers(is_active=True) if waiver.test_id in test_ids],
        _shown(services, ws, view.report),
        path_of_report=report_path(ws, view.report.options),
        now=now,
        notice=notice,
        sent=sent,
    )


def find_deciding(ws: WorkspaceStore, release_id: str) -> Progress | None:
    """How far an open release's report is; None if there is nothing to wait for."""
    view = get_release(ws, release_id, wait_s=0)
    path = f"/releases/{release_id}"
    return report_progress(view.report, f"{path}/progress", path)


def release_context(
    actor: Actor,
    frame: Frame,
    view: ReleaseView,
    waivers: Sequence[Waiver],
    shown: Mapping[str, Picture],
    *,
    path_of_report: str,
    now: datetime,
    notice: str | None = None,
    sent: SentForm | None = None,
) -> ReleasePage:
    """A release as a page; `waivers` are the active ones of its tests."""
    release, report = view.release, view.report
    path = f"/releases/{release.id}"
    is_open = release.status is ReleaseStatus.OPEN
    may_decide = is_open and actor.can_write
    may_promote = release.status is ReleaseStatus.APPROVED and release.promoted_at is None and actor.can_write
    return ReleasePage(
        frame=frame,
        release_id=release.id,
        release=release_row(release),
        baseline=baseline_text(report.options, report.baseline_model_name),
        report_path=path_of_report if is_open else None,
        progress=report_progress(report, f"{path}/progress", path) if is_open else None,
        report=report_part(report, shown, (f"{path}/entries", "")),
        changes=tuple(
            SuiteChangeRow(
                change.test_name,
                change.what,
                UNDEFINED if change.before is None else shortened(change.before),
                UNDEFINED if change.after is None else shortened(change.after),
            )
            for change in view.changes
        ),
        previous=None if view.previous is None else (view.previous.name, f"/releases/{view.previous.id}"),
        blockers=None if view.blockers is None else sentence(view.blockers),
        decision=_decision(path, view, sent) if may_decide else None,
        no_decision="" if may_decide else _no_decision(release),
        promote=_promote(path, sent) if may_promote else None,
        waiver_forms=tuple(_waiver_form(path, entry, report, actor, now, sent) for entry in _failed(report))
        if may_decide
        else (),
        waivers=waiver_rows([w for w in waivers if w.model_id in (None, release.model_id)], actor),
        notice=notice,
        problem=sent.message if sent is not None and not sent.problems else None,
    )


def release_row(release: Release) -> ReleaseRow:
    """A release in few words."""
    decided = UNDEFINED
    if release.decided_at is not None:
        decided = f"{when(release.decided_at)} UTC by {release.decided_by}"
    return ReleaseRow(
        path=f"/releases/{release.id}",
        name=release.name,
        status=_STATUSES[release.status],
        model_name=release.model_name,
        created=when(release.created_at),
        user_name=release.user_name,
        decided=decided,
        note=release.note or "",
        promoted=UNDEFINED if release.promoted_at is None else when(release.promoted_at),
    )


def _shown(services: AppServices, ws: WorkspaceStore, report: ReleaseReport) -> dict[str, Picture]:
    return pictures(services, ws, [top.item.item_id for top in report.top_items])


def _failed(report: ReleaseReport) -> list[ReportEntry]:
    # What is inconclusive needs no waiver: the note of the decision says why it is accepted.
    return [entry for entry in report.entries if entry.outcome is Outcome.FAILED and entry.waiver is None]


def _chooser(ws: WorkspaceStore, query: Mapping[str, Sequence[str]]) -> Form:
    typed = {name: values[-1] for name, values in query.items() if values}
    models = sorted(((model.id, model.name) for model in ws.list_models()), key=lambda choice: choice[1])
    tags = sorted({tag for test in ws.list_scenario_tests() for tag in test.tags})
    baselines = [("own", "each test's own baseline"), ("last-approved", "the release approved last"), *models]
    modes = [("", "each test's own"), *((mode.value, mode.value) for mode in Mode)]
    maker = FormMaker("chooser", "/report", method="get")
    maker.add(
        "model",
        "Candidate",
        "choice",
        typed.get("model", ""),
        "The model that is to be released.",
        choices=[("", "choose a model"), *models],
    )
    maker.add(
        "baseline",
        "Baseline",
        "choice",
        typed.get("baseline", "own"),
        "What the candidate is compared with.",
        choices=baselines,
    )
    maker.add(
        "tag",
        "Tag",
        "choice",
        typed.get("tag", ""),
        "Only tests with this tag.",
        choices=[("", "all tests"), *((tag, tag) for tag in tags)],
    )
    maker.add(
        "mode",
        "Mode",
        "choice",
        typed.get("mode", ""),
        "How each test decides.",
        choices=modes,
    )
    return maker.made(button("Show the report"))


def _start(path: str, report: ReleaseReport, sent: SentForm | None) -> Form:
    maker = FormMaker("start", "/releases", sent)
    maker.add("name", "Name of the release", "line", report.model_name, "Such as the version that is to go out.")
    return maker.made(button("Start a release from this report"), hidden=[("report", path)])


def _decision(path: str, view: ReleaseView, sent: SentForm | None) -> Form:
    needed = " Approving needs one, because something could not be told." if view.may_need_note else ""
    maker = FormMaker("decision", f"{path}/decision", sent)
    maker.add("note", "Note", "text", "", f"What speaks for the decision, which is final.{needed}")
    return maker.made(button("Approve", "decision", "approved"), button("Reject", "decision", "rejected", "danger"))


def _no_decision(release: Release) -> str:
    if release.status is ReleaseStatus.OPEN:
        return "Viewers decide nothing: a member or an admin can approve or reject this release."
    return ""


def _promote(path: str, sent: SentForm | None) -> Form:
    return FormMaker("promote", f"{path}/promote", sent).made(button("Make the candidate the baseline of these tests"))


def _waiver_form(
    path: str, entry: ReportEntry, report: ReleaseReport, actor: Actor, now: datetime, sent: SentForm | None
) -> WaiverForm:
    form_id = f"waive-{entry.test_id}-{entry.function_id}"
    day = (now + timedelta(days=_WAIVED_DAYS)).astimezone(UTC)
    maker = FormMaker(form_id, f"{path}/waivers", sent)
    maker.add("reason", "Reason", "line", "", "Why this is acceptable for now.")
    maker.add("owner", "Owner", "line", actor.user_name, "Who answers for it.")
    maker.add("expires", "Until the end of", "date", f"{day:%Y-%m-%d}", "A day, UTC; then it counts again.")
    maker.add(
        "scope",
        "For",
        "choice",
        "model",
        "A waiver for any model holds for the next candidates too.",
        choices=[("model", report.model_name), ("any", "any model")],
    )
    form = maker.made(
        button("Waive"), hidden=[("test", entry.test_id), ("function", entry.function_id), ("form", form_id)]
    )
    return WaiverForm(
        title=f"{entry.function_name} on {entry.test_name}",
        outcome=outcome_verdict(entry.outcome, entry.reason),
        reason=sentence(entry.reason),
        form=form,
        is_open=sent is not None and sent.id == form_id,
    )


def _code(address: str) -> str:
    return f"""import nucleus

client = nucleus.NucleusClient("YOUR_KEY", endpoint="{address}/v1/nucleus")
report = client.validate.release_report("YOUR_MODEL_ID")
print(report.sentence)
release = client.validate.create_release("my release", "YOUR_MODEL_ID")
print(release.id)"""
