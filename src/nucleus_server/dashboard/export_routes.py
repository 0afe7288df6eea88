"""Routes of what pages show as files: tables as CSV and Parquet."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from typing import IO
from urllib.parse import parse_qs

from fastapi import APIRouter, Request
from starlette.responses import Response

from nucleus_server.dashboard.site import Site
from nucleus_server.domain import ReleaseReport
from nucleus_server.errors import Conflict, NotFound
from nucleus_server.services.exports import (
    ExportTable,
    audit_table,
    contribution_table,
    csv_chunks,
    entry_table,
    history_table,
    item_table,
    write_parquet,
)
from nucleus_server.services.release_report import options_of_query, release_report
from nucleus_server.services.releases import get_release

_PATIENCE_S = 10.0
"""How long a file waits for verdicts before it says that they are being computed."""
_CHUNK_BYTES = 1 << 20


def add_export_routes(router: APIRouter, site: Site) -> None:
    """A file for each table that can be taken away; whoever may read the page may have it."""

    @router.get("/evaluations/{evaluation_id}/items.{form}")
    def items(request: Request, evaluation_id: str, form: str) -> Response:
        _, ws = site.entered(request)
        return _file(site, item_table(ws, evaluation_id), form)

    @router.get("/tests/{test_id}/history.{form}")
    def history(request: Request, test_id: str, form: str) -> Response:
        _, ws = site.entered(request)
        return _file(site, history_table(ws, test_id), form)

    @router.get("/compare/{baseline_id}/{candidate_id}/items.{form}")
    def contributions(request: Request, baseline_id: str, candidate_id: str, form: str) -> Response:
        _, ws = site.entered(request)
        return _file(site, contribution_table(ws, baseline_id, candidate_id), form)

    @router.get("/report.{form}")
    def report(request: Request, form: str) -> Response:
        _, ws = site.entered(request)
        options = options_of_query(ws, parse_qs(request.url.query))
        found = release_report(ws, options, wait_s=_PATIENCE_S)
        return _file(site, entry_table(complete(found), options.model_id), form)

    @router.get("/releases/{release_id}/entries.{form}")
    def entries(request: Request, release_id: str, form: str) -> Response:
        _, ws = site.entered(request)
        view = get_release(ws, release_id, wait_s=_PATIENCE_S)
        return _file(site, entry_table(complete(view.report), view.release.id), form)

    @router.get("/audit.{form}")
    def audit(request: Request, form: str, object: str = "") -> Response:
        _, ws = site.entered(request)
        return _file(site, audit_table(ws, object.strip() or None), form)


def complete(report: ReleaseReport) -> ReleaseReport:
    """The report, if nothing of it is left to compute: a file that is kept holds no half of an answer.

    Raises:
        Conflict: Verdicts are being computed, or scores stored.
    """
    if not report.is_complete:
        raise Conflict(
            f"the report is not complete: {report.n_computed:,} of {report.n_comparisons:,} verdicts are computed, and "
            f"{report.n_uploads_running:,} uploads are under way. Ask for the file again in a moment.",
            code="report_not_complete",
        )
    return report


def _file(site: Site, table: ExportTable, form: str) -> Response:
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
