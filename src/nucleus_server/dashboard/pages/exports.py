"""Pages as files: what a page says, frozen, without anything that needs the server."""

from __future__ import annotations

from datetime import datetime
from functools import cache
from pathlib import Path

from markupsafe import Markup

from nucleus_server import __version__
from nucleus_server.dashboard.contexts import ComparisonFile, Frame, Imprint, ReleaseFile
from nucleus_server.dashboard.pages.comparing import comparison_context, why_part
from nucleus_server.dashboard.pages.releases import release_context
from nucleus_server.dashboard.pages.shared import when
from nucleus_server.domain import ReleaseReport
from nucleus_server.errors import Conflict
from nucleus_server.services import WorkspaceStore
from nucleus_server.services.comparing import compare_evaluations
from nucleus_server.services.explanations import explain
from nucleus_server.services.releases import get_release

PATIENCE_S = 10.0
"""How long a file waits for verdicts before it says that they are being computed."""
_N_ITEMS = 50
_STYLESHEET = Path(__file__).parents[1] / "static" / "app.css"


def release_file(ws: WorkspaceStore, frame: Frame, release_id: str, address: str, now: datetime) -> ReleaseFile:
    """A release as it is now; of one that was decided, the report is as it was then.

    Raises:
        Conflict: Verdicts are being computed, or scores stored.
    """
    view = get_release(ws, release_id, wait_s=PATIENCE_S)
    report = complete(view.report)
    waivers = [waiver for waiver in ws.list_waivers(is_active=True) if waiver.test_id in report.options.test_ids]
    page = release_context(ws.actor, frame, view, waivers, {}, path_of_report="", now=now)
    return ReleaseFile(
        imprint=imprint(ws, f"{address}/releases/{view.release.id}", now),
        release=page.release,
        baseline=page.baseline,
        report=page.report,
        changes=page.changes,
        previous=None if page.previous is None else page.previous[0],
        blockers=page.blockers,
        waivers=page.waivers,
    )


def comparison_file(
    ws: WorkspaceStore,
    frame: Frame,
    baseline_id: str,
    candidate_id: str,
    by: str | None,
    address: str,
    now: datetime,
) -> ComparisonFile:
    """Two evaluations beside each other, as they are judged now.

    Raises:
        Conflict: The verdict is being computed.
    """
    entry = compare_evaluations(ws, baseline_id, candidate_id, wait_s=PATIENCE_S)
    path = f"/compare/{baseline_id}/{candidate_id}"
    why = None
    if entry.comparison is not None and entry.comparison.delta is not None:
        why = why_part(explain(ws, baseline_id, candidate_id, by=by, limit=_N_ITEMS), path, {}, by, entry)
    page = comparison_context(frame, entry, None, path, why)
    if page.facts is None:
        raise Conflict("the verdict is being computed: ask for the file again in a moment", code="report_not_complete")
    return ComparisonFile(
        imprint=imprint(ws, f"{address}{path}", now),
        test_name=page.test_name,
        function_name=page.function_name,
        is_blocking=page.is_blocking,
        sides=page.sides,
        facts=page.facts,
        gate=page.gate,
        warnings=page.warnings,
        why=page.why,
    )


def complete(report: ReleaseReport) -> ReleaseReport:
    """The report, if nothing of it is left to compute: a file that is kept holds no half of an answer.

    Raises:
        Conflict: Verdicts are being computed, or scores stored.
    """
    if not report.is_complete:
        raise Conflict(
            f"the report is not complete: {report.n_computed:,} of {report.n_comparisons:,} verdicts are computed, and "
            f"{report.n_uploads_running:,} uploads are under way. Ask for the file again in a moment.",
            code="report_not_complete",
        )
    return report


def imprint(ws: WorkspaceStore, source: str, now: datetime) -> Imprint:
    """What a file of the page at `source` says of itself."""
    return Imprint(_style(), f"{when(now)} UTC by {ws.actor.user_name}", source, __version__)


@cache
def _style() -> Markup:
    return Markup(_STYLESHEET.read_text(encoding="utf-8"))  # ours, without anything that could end the element
