"""Routes of release reports, releases, waivers and the audit log."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated
from urllib.parse import parse_qs, urlsplit

from fastapi import APIRouter, Depends, Request
from starlette.responses import RedirectResponse, Response

from nucleus_server.dashboard import pages
from nucleus_server.dashboard.rendering import is_part_request
from nucleus_server.dashboard.sent_forms import SentForm
from nucleus_server.dashboard.site import Site, form_of
from nucleus_server.domain import ReleaseStatus
from nucleus_server.errors import Conflict, InvalidInput
from nucleus_server.services.release_report import options_of_query
from nucleus_server.services.releases import MAX_NOTE, create_release, decide, promote

_LONGEST_NAME = 255
_PATIENCE_S = 10.0
_RELEASE_NOTICES = {
    "waived": "Waived. It counts again when the waiver expires or is revoked.",
    "approved": "Approved. The report is frozen as it was.",
    "rejected": "Rejected. The report is frozen as it was.",
    "promoted": "The candidate is now the baseline of these tests.",
}
_WAIVER_NOTICES = {"revoked": "Revoked. What it was for counts again."}


def add_release_routes(router: APIRouter, site: Site) -> None:
    """The report and what is started from it, the list, one release and its decision, waivers, the audit log."""
    _add_report_routes(router, site)
    _add_decision_routes(router, site)
    _add_waiver_routes(router, site)


def _add_report_routes(router: APIRouter, site: Site) -> None:
    services, renderer = site.services, site.renderer

    @router.get("/report")
    def report(request: Request) -> Response:
        session, ws = site.entered(request)
        context = pages.report_page(
            services, ws, site.frame("Release report", session, "releases"), _query(request.url.query)
        )
        return renderer.page("report.html", context, status=200 if context.problem is None else 422)

    @router.get("/report/progress")
    def report_progress(request: Request) -> Response:
        _, ws = site.entered(request)
        if not is_part_request(request):
            return RedirectResponse(f"/report?{request.url.query}", 303)
        return site.progress(pages.find_reporting(ws, _query(request.url.query)))

    @router.get("/releases")
    def releases(request: Request) -> Response:
        session, ws = site.entered(request)
        frame = site.frame("Releases", session, "releases")
        return renderer.page("releases.html", pages.releases_page(ws, frame, site.address(request)))

    @router.post("/releases")
    def start(request: Request, form: Annotated[dict[str, str], Depends(form_of)]) -> Response:
        session, ws = site.entered(request)
        site.sessions.check_form(session, form.get("csrf_token", ""))
        query = _query(urlsplit(form.get("report", "")).query)
        sent = SentForm("start", form)
        name = sent.text("name", longest=_LONGEST_NAME, is_required=True)
        if sent.problems:
            frame = site.frame("Release report", session, "releases")
            return renderer.page("report.html", pages.report_page(services, ws, frame, query, sent=sent), status=422)
        release = create_release(ws, name, options_of_query(ws, query))
        return RedirectResponse(f"/releases/{release.id}", 303)


def _add_decision_routes(router: APIRouter, site: Site) -> None:
    services, renderer = site.services, site.renderer

    @router.get("/releases/{release_id}")
    def release(request: Request, release_id: str, done: str = "") -> Response:
        session, ws = site.entered(request)
        context = pages.release_page(
            services,
            ws,
            site.frame("Release", session, "releases"),
            release_id,
            now=datetime.now(UTC),
            notice=_RELEASE_NOTICES.get(done),
        )
        return renderer.page("release.html", context)

    @router.get("/releases/{release_id}/progress")
    def release_progress(request: Request, release_id: str) -> Response:
        _, ws = site.entered(request)
        if not is_part_request(request):
            return RedirectResponse(f"/releases/{release_id}", 303)
        return site.progress(pages.find_deciding(ws, release_id))

    def refused(request: Request, release_id: str, sent: SentForm, status: int) -> Response:
        session, ws = site.entered(request)
        frame = site.frame("Release", session, "releases")
        context = pages.release_page(services, ws, frame, release_id, now=datetime.now(UTC), sent=sent)
        return renderer.page("release.html", context, status=status)

    @router.post("/releases/{release_id}/decision")
    def decision(request: Request, release_id: str, form: Annotated[dict[str, str], Depends(form_of)]) -> Response:
        session, ws = site.entered(request)
        site.sessions.check_form(session, form.get("csrf_token", ""))
        sent = SentForm("decision", form)
        note = sent.text("note", longest=MAX_NOTE)
        status = sent.choice("decision", [ReleaseStatus.APPROVED.value, ReleaseStatus.REJECTED.value])
        if not sent.problems:
            try:
                decide(ws, release_id, ReleaseStatus(status), note, wait_s=_PATIENCE_S)
                return RedirectResponse(f"/releases/{release_id}?done={status}", 303)
            except (Conflict, InvalidInput) as error:
                sent.message = error.message
                return refused(request, release_id, sent, error.status)
        return refused(request, release_id, sent, 422)

    @router.post("/releases/{release_id}/promote")
    def make_baseline(request: Request, release_id: str, form: Annotated[dict[str, str], Depends(form_of)]) -> Response:
        session, ws = site.entered(request)
        site.sessions.check_form(session, form.get("csrf_token", ""))
        promote(ws, release_id)
        return RedirectResponse(f"/releases/{release_id}?done=promoted", 303)

    @router.post("/releases/{release_id}/waivers")
    def waive(request: Request, release_id: str, form: Annotated[dict[str, str], Depends(form_of)]) -> Response:
        session, ws = site.entered(request)
        site.sessions.check_form(session, form.get("csrf_token", ""))
        release = ws.get_release(release_id)
        sent = SentForm(form.get("form", ""), form)
        reason = sent.text("reason", longest=MAX_NOTE, is_required=True)
        owner = sent.text("owner", longest=_LONGEST_NAME, is_required=True)
        scope = sent.choice("scope", ["model", "any"])
        expires_at = sent.day_end("expires")
        if expires_at is not None and expires_at <= datetime.now(UTC):
            sent.problems["expires"] = "expected a day that is not over yet"
        if sent.problems or expires_at is None:
            return refused(request, release_id, sent, 422)
        ws.create_waiver(
            form.get("test", ""),
            form.get("function", ""),
            model_id=release.model_id if scope == "model" else None,
            reason=reason,
            owner=owner,
            expires_at=expires_at,
        )
        return RedirectResponse(f"/releases/{release_id}?done=waived", 303)


def _add_waiver_routes(router: APIRouter, site: Site) -> None:
    renderer = site.renderer

    @router.get("/waivers")
    def waivers(request: Request, status: str | None = None, done: str = "") -> Response:
        session, ws = site.entered(request)
        frame = site.frame("Waivers", session, "waivers")
        return renderer.page("waivers.html", pages.waivers_page(ws, frame, status, _WAIVER_NOTICES.get(done)))

    @router.post("/waivers/{waiver_id}/revoke")
    def revoke(request: Request, waiver_id: str, form: Annotated[dict[str, str], Depends(form_of)]) -> Response:
        session, ws = site.entered(request)
        site.sessions.check_form(session, form.get("csrf_token", ""))
        ws.revoke_waiver(waiver_id)
        return RedirectResponse("/waivers?done=revoked", 303)

    @router.get("/audit")
    def audit(request: Request) -> Response:
        session, ws = site.entered(request)
        frame = site.frame("Audit log", session, "audit")
        return renderer.page("audit.html", pages.audit_page(ws, frame, request.url.query))


def _query(text: str) -> dict[str, list[str]]:
    """The parameters of an address without those that are empty: a form sends what was not chosen too."""
    return parse_qs(text)
