"""Routes of one item's page."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from nucleus_server.dashboard import pages
from nucleus_server.dashboard.pages.shared import with_query
from nucleus_server.dashboard.site import Site


def add_item_routes(router: APIRouter, site: Site) -> None:
    """The item in its dataset, and the way there from its id alone."""

    @router.get("/items/{item_id}")
    def find_item(request: Request, item_id: str, slice: str | None = None) -> Response:
        _, ws = site.entered(request)
        return RedirectResponse(with_query(pages.item_path(ws, item_id), slice=slice), 303)

    @router.get("/datasets/{dataset_id}/items/{item_id}")
    def item(request: Request, dataset_id: str, item_id: str) -> Response:
        session, ws = site.entered(request)
        frame = site.frame("Item", session, "datasets")
        query = request.url.query
        return site.renderer.page("item.html", pages.item_page(site.services, ws, frame, dataset_id, item_id, query))
