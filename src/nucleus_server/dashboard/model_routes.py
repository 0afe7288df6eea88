"""Routes of models."""

from __future__ import annotations

from datetime import UTC, datetime

from fastapi import APIRouter, Request
from starlette.responses import Response

from nucleus_server.dashboard import pages
from nucleus_server.dashboard.rendering import is_part_request
from nucleus_server.dashboard.site import Site, page_number


def add_model_routes(router: APIRouter, site: Site) -> None:
    """The ranking, and one model."""

    @router.get("/models")
    def models(request: Request) -> Response:
        session, ws = site.entered(request)
        frame = site.frame("Models", session, "models")
        return site.renderer.page("models.html", pages.models_page(ws, frame, site.address(request), request.url.query))

    @router.get("/models/separation")
    def separation(request: Request) -> Response:
        session, ws = site.entered(request)
        query = request.url.query
        if is_part_request(request):
            return site.renderer.page("separation.html", pages.separation_part(ws, query))
        frame = site.frame("Models", session, "models")
        return site.renderer.page("models.html", pages.separation_page(ws, frame, site.address(request), query))

    @router.get("/models/{model_id}")
    def model(request: Request, model_id: str, page: str = "1") -> Response:
        session, ws = site.entered(request)
        frame = site.frame("Model", session, "models")
        context = pages.model_page(
            ws, frame, model_id, site.address(request), now=datetime.now(UTC), page=page_number(page)
        )
        return site.renderer.page("model.html", context)
