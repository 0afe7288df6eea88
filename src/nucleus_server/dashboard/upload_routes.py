"""Routes of the uploads' pages."""

from __future__ import annotations

from datetime import UTC, datetime

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from nucleus_server.dashboard import pages
from nucleus_server.dashboard.rendering import is_part_request
from nucleus_server.dashboard.site import Site, page_number
from nucleus_server.errors import NotFound


def add_upload_routes(router: APIRouter, site: Site) -> None:
    """The list, the report, how far an unfinished upload is, and what was wrong with a rejected one."""
    services, renderer = site.services, site.renderer

    @router.get("/uploads")
    def uploads(
        request: Request,
        page: str = "1",
        dataset: str | None = None,
        model: str | None = None,
        function: str | None = None,
    ) -> Response:
        session, ws = site.entered(request)
        context = pages.uploads_page(
            ws,
            site.frame("Uploads", session, "uploads"),
            site.address(request),
            number_=page_number(page),
            now=datetime.now(UTC),
            dataset_id=dataset,
            model_id=model,
            function_id=function,
        )
        return renderer.page("uploads.html", context)

    @router.get("/uploads/{upload_id}")
    def upload(request: Request, upload_id: str) -> Response:
        session, ws = site.entered(request)
        earlier = pages.earlier_path(ws, upload_id)
        if earlier is not None:
            return RedirectResponse(earlier, 303)
        frame = site.frame("Upload", session, "uploads")
        return renderer.page("upload.html", pages.upload_page(ws, frame, upload_id, datetime.now(UTC)))

    @router.get("/uploads/{upload_id}/progress")
    def progress(request: Request, upload_id: str) -> Response:
        _, ws = site.entered(request)
        if not is_part_request(request):
            return RedirectResponse(f"/uploads/{upload_id}", 303)
        try:
            found = pages.find_progress(ws, upload_id, datetime.now(UTC))
        except NotFound:
            found = None
        return site.progress(found)

    @router.get("/uploads/{upload_id}/bad-rows")
    def bad_rows(request: Request, upload_id: str) -> Response:
        session, ws = site.entered(request)
        context = pages.bad_rows_page(services, ws, site.frame("Bad rows", session, "uploads"), upload_id)
        return renderer.page("bad_rows_table.html" if is_part_request(request) else "bad_rows.html", context)

    @router.get("/uploads/{upload_id}/bad-rows.csv")
    def bad_rows_csv(request: Request, upload_id: str) -> Response:
        _, ws = site.entered(request)
        upload = ws.get_upload(upload_id)
        return renderer.file(pages.bad_rows_csv(services, ws, upload.id), "text/csv", f"bad-rows-{upload.id}.csv")
