"""Routes of models."""

from __future__ import annotations

from datetime import UTC, datetime

from fastapi import APIRouter, Request
from starlette.responses import Response

from nucleus_server.dashboard import pages
from nucleus_server.dashboard.site import Site


def add_model_routes(router: APIRouter, site: Site) -> None:
    """The ranking, and one model."""

    @router.get("/models")
    def models(request: Request, tag: str = "", dataset: str = "", separate: str = "") -> Response:
        session, ws = site.entered(request)
        frame = site.frame("Models", session, "models")
        context = pages.models_page(
            ws, frame, site.address(request), tag=tag, dataset_id=dataset, is_separated=bool(separate)
        )
        return site.renderer.page("models.html", context)

    @router.get("/models/{model_id}")
    def model(request: Request, model_id: str) -> Response:
        session, ws = site.entered(request)
        frame = site.frame("Model", session, "models")
        context = pages.model_page(ws, frame, model_id, site.address(request), now=datetime.now(UTC))
        return site.renderer.page("model.html", context)
