"""Routes of the page of one evaluation."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from starlette.responses import RedirectResponse, Response

from nucleus_server.dashboard import pages
from nucleus_server.dashboard.rendering import is_part_request
from nucleus_server.dashboard.sent_forms import SentForm
from nucleus_server.dashboard.site import Site, form_of
from nucleus_server.errors import PermissionDenied


def add_evaluation_routes(router: APIRouter, site: Site) -> None:
    """The evaluation with its list of items, and the slice that is made of the list."""
    services, renderer = site.services, site.renderer

    @router.get("/evaluations/{evaluation_id}")
    def evaluation(request: Request, evaluation_id: str, saved: str = "") -> Response:
        session, ws = site.entered(request)
        frame = site.frame("Evaluation", session, "tests")
        query = request.url.query
        if is_part_request(request) and request.headers.get("hx-target", "").endswith("items"):
            return renderer.page("items.html", pages.items_part(services, ws, frame, evaluation_id, query))
        context = pages.evaluation_page(services, ws, frame, evaluation_id, query, saved_id=saved)
        return renderer.page("evaluation.html", context, status=422 if context.listing.filter.problem else 200)

    @router.get("/evaluations/{evaluation_id}/interval")
    def interval(request: Request, evaluation_id: str) -> Response:
        _, ws = site.entered(request)
        if not is_part_request(request):
            return RedirectResponse(f"/evaluations/{evaluation_id}", 303)
        return renderer.page("interval.html", pages.interval_part(ws, evaluation_id))

    @router.post("/evaluations/{evaluation_id}/slice")
    def save(request: Request, evaluation_id: str, form: Annotated[dict[str, str], Depends(form_of)]) -> Response:
        session, ws = site.entered(request)
        site.sessions.check_form(session, form.get("csrf_token", ""))
        if not ws.actor.can_write:
            raise PermissionDenied("viewers change nothing: ask a member to save the list as a slice")
        sent = SentForm("save", form)
        path = pages.save_list(ws, evaluation_id, sent)
        if path is not None:
            return RedirectResponse(path, 303)
        frame = site.frame("Evaluation", session, "tests")
        context = pages.evaluation_page(services, ws, frame, evaluation_id, form.get("query", ""), sent=sent)
        return renderer.page("evaluation.html", context, status=422)
