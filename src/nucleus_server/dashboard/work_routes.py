"""Routes of jobs, and of the settings of users and workspace."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import RedirectResponse, Response

from nucleus_server.dashboard import pages
from nucleus_server.dashboard.rendering import is_part_request
from nucleus_server.dashboard.sent_forms import SentForm
from nucleus_server.dashboard.site import Site, form_of, page_number
from nucleus_server.errors import Conflict, PermissionDenied
from nucleus_server.services import WorkspaceStore

JOB_NOTICES = {"cancelled": "Cancelled: nothing more is stored by it."}
Fields = Annotated[dict[str, str], Depends(form_of)]


def add_work_routes(router: APIRouter, site: Site) -> None:
    """Jobs, whose pages follow along, and the settings."""

    @router.get("/jobs")
    def jobs(
        request: Request, show: str = "", kind: Annotated[str, Query(alias="type")] = "", page: str = "1"
    ) -> Response:
        session, ws = site.entered(request)
        frame = site.frame("Jobs", session, "jobs")
        context = pages.jobs_page(ws, frame, show=show, kind=kind, number=page_number(page))
        return site.renderer.page("jobs_table.html" if is_part_request(request) else "jobs.html", context)

    def job_answer(request: Request, job_id: str, *, notice: str | None = None, problem: str | None = None) -> Response:
        session, ws = site.entered(request)
        context = pages.job_page(ws, site.frame("Job", session, "jobs"), job_id, notice=notice, problem=problem)
        return site.renderer.page("job.html", context, status=200 if problem is None else 409)

    @router.get("/jobs/{job_id}")
    def job(request: Request, job_id: str, done: str = "") -> Response:
        return job_answer(request, job_id, notice=JOB_NOTICES.get(done))

    @router.get("/jobs/{job_id}/progress")
    def progress(request: Request, job_id: str) -> Response:
        _, ws = site.entered(request)
        if not is_part_request(request):
            return RedirectResponse(f"/jobs/{job_id}", 303)
        return site.progress(pages.job_progress(ws.get_job(job_id)))

    @router.post("/jobs/{job_id}/cancel")
    def cancel(request: Request, job_id: str, form: Fields) -> Response:
        session, ws = site.entered(request)
        site.sessions.check_form(session, form.get("csrf_token", ""))
        try:
            ws.cancel_job(job_id)
        except Conflict as error:
            return job_answer(request, job_id, problem=error.message)
        return RedirectResponse(f"/jobs/{job_id}?done=cancelled", 303)

    _add_account_routes(router, site)


def _add_account_routes(router: APIRouter, site: Site) -> None:
    services, renderer = site.services, site.renderer

    def page(
        request: Request,
        *,
        notice: str | None = None,
        problem: str | None = None,
        secret: tuple[str, str] | None = None,
        sent: SentForm | None = None,
    ) -> Response:
        session, ws = site.entered(request)
        context = pages.account_page(
            services,
            ws,
            site.frame("Settings", session, "settings"),
            now=datetime.now(UTC),
            notice=notice,
            problem=problem,
            secret=secret,
            sent=sent,
        )
        is_refused = problem is not None or (sent is not None and bool(sent.problems))
        return renderer.page("settings.html", context, status=422 if is_refused else 200)

    def changing(request: Request, form: dict[str, str], *, as_admin: bool = False) -> WorkspaceStore:
        session, ws = site.entered(request)
        site.sessions.check_form(session, form.get("csrf_token", ""))
        if not ws.actor.can_write or (as_admin and not ws.actor.is_admin):
            needed = "admins manage users" if as_admin else "viewers change nothing"
            raise PermissionDenied(f"{needed}: you are {ws.actor.role.value} in this session")
        return ws

    @router.get("/settings")
    def settings(request: Request, done: str = "") -> Response:
        return page(request, notice=pages.NOTICES.get(done))

    @router.post("/settings/keys")
    def create_key(request: Request, form: Fields) -> Response:
        ws = changing(request, form)
        sent = SentForm("new-key", form)
        secret = pages.create_key(services, ws, sent, datetime.now(UTC))
        return page(request, sent=sent) if secret is None else page(request, secret=secret)

    @router.post("/settings/keys/{key_id}/revoke")
    def revoke_key(request: Request, key_id: str, form: Fields) -> Response:
        changing(request, form).revoke_key(key_id)
        return RedirectResponse("/settings?done=revoked", 303)

    @router.post("/settings/users")
    def create_user(request: Request, form: Fields) -> Response:
        ws = changing(request, form, as_admin=True)
        sent = SentForm("new-user", form)
        return RedirectResponse("/settings?done=user", 303) if pages.create_user(ws, sent) else page(request, sent=sent)

    @router.post("/settings/users/{user_id}")
    def set_role(request: Request, user_id: str, form: Fields) -> Response:
        ws = changing(request, form, as_admin=True)
        problem = pages.set_role(ws, user_id, SentForm("role", form))
        return RedirectResponse("/settings?done=role", 303) if problem is None else page(request, problem=problem)

    @router.post("/settings/users/{user_id}/active")
    def set_active(request: Request, user_id: str, form: Fields) -> Response:
        ws = changing(request, form, as_admin=True)
        problem = pages.set_active(ws, user_id, SentForm("active", form))
        if problem is not None:
            return page(request, problem=problem)
        done = "activated" if form.get("active") == "yes" else "deactivated"
        return RedirectResponse(f"/settings?done={done}", 303)

    @router.post("/settings/workspace")
    def rename(request: Request, form: Fields) -> Response:
        ws = changing(request, form, as_admin=True)
        sent = SentForm("rename", form)
        if pages.rename_workspace(ws, sent):
            return RedirectResponse("/settings?done=renamed", 303)
        return page(request, sent=sent)
