"""Routes of what pages show as files: tables as CSV and Parquet, a release and a comparison as one HTML file."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from typing import IO

from fastapi import APIRouter, Request
from starlette.responses import Response

from nucleus_server.dashboard import pages
from nucleus_server.dashboard.export_tables import EXPORTS, Export, Wanted
from nucleus_server.dashboard.site import Site
from nucleus_server.errors import NotFound
from nucleus_server.services.exports import ExportTable, csv_chunks, write_parquet

_CHUNK_BYTES = 1 << 20
_HTML = "text/html; charset=utf-8"


def add_export_routes(router: APIRouter, site: Site) -> None:
    """Files of tables and of pages; whoever may read the page may have them."""
    _add_table_routes(router, site)
    _add_page_routes(router, site)


def _add_table_routes(router: APIRouter, site: Site) -> None:
    def answer_with(export: Export) -> Callable[[Request], Response]:
        def answer(request: Request) -> Response:
            _, ws = site.entered(request)
            ids = dict(request.path_params)
            form = ids.pop("form")
            return table_file(site, export.make(Wanted(ws, ids, request.url.query)), form)

        return answer

    for export in EXPORTS:
        router.add_api_route(f"{export.path}.{{form}}", answer_with(export), methods=["GET"])


def _add_page_routes(router: APIRouter, site: Site) -> None:
    renderer = site.renderer

    @router.get("/releases/{release_id}/report.html")
    def release(request: Request, release_id: str) -> Response:
        session, ws = site.entered(request)
        frame = site.frame("Release", session, "releases")
        context = pages.release_file(ws, frame, release_id, site.address(request), datetime.now(UTC))
        return renderer.file(renderer.text("release_file.html", context), _HTML, f"release-{release_id}.html")

    @router.get("/compare/{baseline_id}/{candidate_id}/report.html")
    def comparison(request: Request, baseline_id: str, candidate_id: str, by: str = "") -> Response:
        session, ws = site.entered(request)
        frame = site.frame("Comparison", session, "tests")
        context = pages.comparison_file(
            ws, frame, baseline_id, candidate_id, by or None, site.address(request), datetime.now(UTC)
        )
        name = f"comparison-{baseline_id}-{candidate_id}.html"
        return renderer.file(renderer.text("comparison_file.html", context), _HTML, name)


def table_file(site: Site, table: ExportTable, form: str) -> Response:
    """The table as a file to download; NotFound if `form` is neither csv nor parquet."""
    if form == "csv":
        return site.renderer.streamed_file(csv_chunks(table), "text/csv; charset=utf-8", f"{table.name}.csv")
    if form == "parquet":
        return site.renderer.streamed_file(_parquet(table), "application/vnd.apache.parquet", f"{table.name}.parquet")
    raise NotFound(f"expected a file of the form csv or parquet, got {form[:20]!r}")


def _parquet(table: ExportTable) -> Iterator[bytes]:
    """The file, which is made before this returns: what goes wrong is still an answer of its own."""
    with ExitStack() as stack:
        file = stack.enter_context(tempfile.TemporaryFile())
        write_parquet(table, file)
        file.seek(0)
        return _read(file, stack.pop_all())


def _read(file: IO[bytes], stack: ExitStack) -> Iterator[bytes]:
    with stack:
        while chunk := file.read(_CHUNK_BYTES):
            yield chunk
