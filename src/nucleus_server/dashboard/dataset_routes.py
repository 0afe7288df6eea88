"""Routes of datasets and slices."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from starlette.responses import RedirectResponse, Response

from nucleus_server.dashboard import pages
from nucleus_server.dashboard.sent_forms import SentForm, normal_text
from nucleus_server.dashboard.site import Site, form_of, page_number
from nucleus_server.errors import PermissionDenied
from nucleus_server.services.item_search import ItemSearch


def add_dataset_routes(router: APIRouter, site: Site) -> None:
    """The list, one dataset with its items, a slice made from a filter, one slice."""
    services, renderer = site.services, site.renderer

    @router.get("/datasets")
    def datasets(request: Request) -> Response:
        session, ws = site.entered(request)
        frame = site.frame("Datasets", session, "datasets")
        return renderer.page("datasets.html", pages.datasets_page(ws, frame, site.address(request)))

    @router.get("/datasets/{dataset_id}")
    def dataset(
        request: Request, dataset_id: str, page: str = "1", text: str = "", key: str = "", value: str = ""
    ) -> Response:
        session, ws = site.entered(request)
        frame = site.frame("Dataset", session, "datasets")
        search = ItemSearch(normal_text(text), key, value.strip())
        context = pages.dataset_page(
            services, ws, frame, dataset_id, search, site.address(request), number_=page_number(page)
        )
        return renderer.page("dataset.html", context)

    @router.post("/datasets/{dataset_id}/slices")
    def save_slice(request: Request, dataset_id: str, form: Annotated[dict[str, str], Depends(form_of)]) -> Response:
        session, ws = site.entered(request)
        site.sessions.check_form(session, form.get("csrf_token", ""))
        if not ws.actor.can_write:
            raise PermissionDenied("viewers change nothing: ask a member to make the slice")
        sent = SentForm("slice", form)
        search = ItemSearch(normal_text(form.get("text", "")), form.get("key", ""), form.get("value", "").strip())
        saved_path = pages.save_slice(ws, dataset_id, sent, search)
        if saved_path is not None:
            return RedirectResponse(saved_path, 303)
        frame = site.frame("Dataset", session, "datasets")
        context = pages.dataset_page(
            services, ws, frame, dataset_id, search, site.address(request), number_=1, sent=sent
        )
        return renderer.page("dataset.html", context, status=422)

    @router.get("/slices/{slice_id}")
    def slice_(request: Request, slice_id: str, page: str = "1", added: str = "") -> Response:
        session, ws = site.entered(request)
        frame = site.frame("Slice", session, "datasets")
        context = pages.slice_page(
            services, ws, frame, slice_id, site.address(request), number_=page_number(page), added=added
        )
        return renderer.page("slice.html", context)
