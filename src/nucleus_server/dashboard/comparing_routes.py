"""Routes of the page that compares two evaluations."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from nucleus_server.dashboard import pages
from nucleus_server.dashboard.rendering import is_part_request
from nucleus_server.dashboard.site import Site


def add_comparing_routes(router: APIRouter, site: Site) -> None:
    """The comparison, and how far it is."""

    @router.get("/compare/{baseline_id}/{candidate_id}")
    def compare(request: Request, baseline_id: str, candidate_id: str, by: str = "") -> Response:
        session, ws = site.entered(request)
        frame = site.frame("Comparison", session, "tests")
        context = pages.compare_page(site.services, ws, frame, baseline_id, candidate_id, by)
        return site.renderer.page("compare.html", context)

    @router.get("/compare/{baseline_id}/{candidate_id}/progress")
    def progress(request: Request, baseline_id: str, candidate_id: str) -> Response:
        _, ws = site.entered(request)
        if not is_part_request(request):
            return RedirectResponse(f"/compare/{baseline_id}/{candidate_id}", 303)
        return site.progress(pages.find_comparing(ws, baseline_id, candidate_id))
