"""Routes of datasets and slices."""

from __future__ import annotations

from typing import Annotated, NamedTuple

from fastapi import APIRouter, Depends, Request
from starlette.responses import RedirectResponse, Response

from nucleus_server.dashboard import pages
from nucleus_server.dashboard.sent_forms import SentForm, normal_text
from nucleus_server.dashboard.site import Site, form_of, page_number
from nucleus_server.errors import PermissionDenied
from nucleus_server.services.item_search import ItemSearch


class _Ticked(NamedTuple):
    """A form of a list of items: its fields, and the items that are ticked."""

    fields: dict[str, str]
    item_ids: list[str]


async def _ticked(request: Request) -> _Ticked:
    fields = await form_of(request)
    return _Ticked(fields, [item for item in (await request.form()).getlist("item") if isinstance(item, str)])


def add_dataset_routes(router: APIRouter, site: Site) -> None:
    """The list, one dataset with its items and metadata, slices made of them."""
    services, renderer = site.services, site.renderer

    @router.get("/datasets")
    def datasets(request: Request) -> Response:
        session, ws = site.entered(request)
        frame = site.frame("Datasets", session, "datasets")
        return renderer.page("datasets.html", pages.datasets_page(ws, frame, site.address(request)))

    @router.get("/datasets/{dataset_id}")
    def dataset(request: Request, dataset_id: str, page: str = "1") -> Response:
        session, ws = site.entered(request)
        frame = site.frame("Dataset", session, "datasets")
        search = pages.read_search(request.url.query)
        context = pages.dataset_page(
            services, ws, frame, dataset_id, search, site.address(request), number_=page_number(page)
        )
        return renderer.page("dataset.html", context)

    @router.get("/datasets/{dataset_id}/metadata")
    def metadata(request: Request, dataset_id: str) -> Response:
        session, ws = site.entered(request)
        frame = site.frame("Metadata", session, "datasets")
        context = pages.metadata_page(ws, frame, dataset_id, request.url.query, site.address(request))
        return renderer.page("dataset_metadata.html", context)

    @router.post("/datasets/{dataset_id}/slices")
    def save_slice(request: Request, dataset_id: str, form: Annotated[_Ticked, Depends(_ticked)]) -> Response:
        session, ws = site.entered(request)
        fields = form.fields
        site.sessions.check_form(session, fields.get("csrf_token", ""))
        if not ws.actor.can_write:
            raise PermissionDenied("viewers change nothing: ask a member to make the slice")
        sent = SentForm("slice", fields)
        search = ItemSearch(normal_text(fields.get("text", "")), fields.get("key", ""), fields.get("value", "").strip())
        saved_path = pages.save_slice(ws, dataset_id, sent, search, form.item_ids)
        if saved_path is not None:
            return RedirectResponse(saved_path, 303)
        frame = site.frame("Dataset", session, "datasets")
        address = site.address(request)
        context = pages.dataset_page(
            services, ws, frame, dataset_id, search, address, number_=1, sent=sent, chosen=form.item_ids
        )
        return renderer.page("dataset.html", context, status=422)

    _add_slice_routes(router, site)


def _add_slice_routes(router: APIRouter, site: Site) -> None:
    services, renderer = site.services, site.renderer

    @router.get("/slices/{slice_id}")
    def slice_(request: Request, slice_id: str, page: str = "1", added: str = "") -> Response:
        session, ws = site.entered(request)
        frame = site.frame("Slice", session, "datasets")
        context = pages.slice_page(
            services, ws, frame, slice_id, site.address(request), number_=page_number(page), added=added
        )
        return renderer.page("slice.html", context)

    @router.get("/slices/{slice_id}/difference")
    def difference(request: Request, slice_id: str) -> Response:
        session, ws = site.entered(request)
        frame = site.frame("Difference", session, "datasets")
        context = pages.difference_page(services, ws, frame, slice_id, request.url.query)
        return renderer.page("slice_difference.html", context)
