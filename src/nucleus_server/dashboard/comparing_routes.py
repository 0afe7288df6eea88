"""Routes of the pages that compare models: two evaluations, several models on a test, several over a suite."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from starlette.responses import RedirectResponse, Response

from nucleus_server.dashboard import pages
from nucleus_server.dashboard.export_routes import table_file
from nucleus_server.dashboard.rendering import is_part_request
from nucleus_server.dashboard.sent_forms import SentForm
from nucleus_server.dashboard.site import Site, form_of
from nucleus_server.errors import Conflict, PermissionDenied
from nucleus_server.services import WorkspaceStore
from nucleus_server.services.comparison_exports import side_by_side_table, suite_table, worse_table


def add_comparing_routes(router: APIRouter, site: Site) -> None:
    """Two evaluations, several models on a test, and several over a suite."""
    _add_pair_routes(router, site)
    _add_model_routes(router, site)
    _add_suite_routes(router, site)
    _add_file_routes(router, site)


def _add_pair_routes(router: APIRouter, site: Site) -> None:
    """The page of two evaluations, its parts, and the slice that is made of its list."""
    services, renderer = site.services, site.renderer

    @router.get("/compare/{baseline_id}/{candidate_id}")
    def compare(request: Request, baseline_id: str, candidate_id: str, saved: str = "") -> Response:
        session, ws = site.entered(request)
        frame = site.frame("Comparison", session, "tests")
        query = request.url.query
        if pages.is_typed(query):
            path = pages.compared_items_path(baseline_id, candidate_id, query)
            if not is_part_request(request):
                return RedirectResponse(f"{path}#items", 303)
        if is_items_request(request):
            part = pages.compared_items_part(services, ws, frame, baseline_id, candidate_id, query)
            answer = renderer.page("compared_items.html", part)
            if pages.is_typed(query):
                answer.headers["hx-push-url"] = path
            return answer
        context = pages.compare_page(services, ws, frame, baseline_id, candidate_id, query, saved_id=saved)
        has_problem = context.listing is not None and context.listing.problem is not None
        return renderer.page("compare.html", context, status=422 if has_problem else 200)

    @router.get("/compare/{baseline_id}/{candidate_id}/scatter")
    def scatter(request: Request, baseline_id: str, candidate_id: str) -> Response:
        return part(request, baseline_id, candidate_id, "scatter")

    @router.get("/compare/{baseline_id}/{candidate_id}/moved")
    def moved(request: Request, baseline_id: str, candidate_id: str) -> Response:
        return part(request, baseline_id, candidate_id, "moved")

    def part(request: Request, baseline_id: str, candidate_id: str, name: str) -> Response:
        """The part alone for htmx; for a browser without it the page with all parts."""
        session, ws = site.entered(request)
        query = request.url.query
        if not is_part_request(request):
            frame = site.frame("Comparison", session, "tests")
            context = pages.compare_page(services, ws, frame, baseline_id, candidate_id, query, is_whole=True)
            return renderer.page("compare.html", context)
        if name == "scatter":
            return renderer.page("scatter.html", pages.scatter_part(ws, baseline_id, candidate_id, query))
        return renderer.page("moved.html", pages.moved_part(ws, baseline_id, candidate_id, query))

    @router.get("/compare/{baseline_id}/{candidate_id}/progress")
    def progress(request: Request, baseline_id: str, candidate_id: str) -> Response:
        _, ws = site.entered(request)
        if not is_part_request(request):
            return RedirectResponse(f"/compare/{baseline_id}/{candidate_id}", 303)
        return site.progress(pages.find_comparing(ws, baseline_id, candidate_id))

    @router.post("/compare/{baseline_id}/{candidate_id}/slice")
    def save(
        request: Request, baseline_id: str, candidate_id: str, form: Annotated[dict[str, str], Depends(form_of)]
    ) -> Response:
        session, ws = site.entered(request)
        site.sessions.check_form(session, form.get("csrf_token", ""))
        require_writer(ws)
        sent = SentForm("save", form)
        path = pages.save_compared(ws, baseline_id, candidate_id, sent)
        if path is not None:
            return RedirectResponse(path, 303)
        frame = site.frame("Comparison", session, "tests")
        query = form.get("query", "")
        context = pages.compare_page(services, ws, frame, baseline_id, candidate_id, query, sent=sent)
        return renderer.page("compare.html", context, status=422)


def _add_model_routes(router: APIRouter, site: Site) -> None:
    """The page of several models on a test, and the slice that is made of its list."""
    services, renderer = site.services, site.renderer

    def page(request: Request, test_id: str, query: str, saved: str = "", sent: SentForm | None = None) -> Response:
        session, ws = site.entered(request)
        frame = site.frame("Models on a test", session, "tests")
        context = pages.compare_models_page(
            services, ws, frame, test_id, query, site.address(request), saved_id=saved, sent=sent
        )
        has_problem = context.listing is not None and context.listing.problem is not None
        is_wrong = has_problem or context.problem is not None or sent is not None
        return renderer.page("compare_models.html", context, status=422 if is_wrong else 200)

    @router.get("/tests/{test_id}/compare")
    def compare_models(request: Request, test_id: str, saved: str = "") -> Response:
        session, ws = site.entered(request)
        query = request.url.query
        path = pages.model_items_path(ws, test_id, query) if pages.is_typed(query) else None
        if path is not None and not is_part_request(request):
            return RedirectResponse(f"{path}#items", 303)
        if not is_items_request(request):
            return page(request, test_id, query, saved)
        frame = site.frame("Models on a test", session, "tests")
        part = pages.model_items_part(services, ws, frame, test_id, query)
        answer = renderer.page("compared_items.html", part)
        if path is not None:
            answer.headers["hx-push-url"] = path
        return answer

    @router.get("/tests/{test_id}/compare/progress")
    def progress(request: Request, test_id: str) -> Response:
        _, ws = site.entered(request)
        if not is_part_request(request):
            return RedirectResponse(f"/tests/{test_id}/compare?{request.url.query}", 303)
        return site.progress(pages.find_comparing_models(ws, test_id, request.url.query))

    @router.post("/tests/{test_id}/compare/slice")
    def save(request: Request, test_id: str, form: Annotated[dict[str, str], Depends(form_of)]) -> Response:
        session, ws = site.entered(request)
        site.sessions.check_form(session, form.get("csrf_token", ""))
        require_writer(ws)
        sent = SentForm("save", form)
        path = pages.save_model_items(ws, test_id, sent)
        if path is not None:
            return RedirectResponse(path, 303)
        return page(request, test_id, form.get("query", ""), sent=sent)


def _add_suite_routes(router: APIRouter, site: Site) -> None:
    """The page of several models over a suite, and the slice of the items that got worse."""
    services, renderer = site.services, site.renderer

    def page(
        request: Request, query: str, saved: str = "", sent: SentForm | None = None, *, is_whole: bool = False
    ) -> Response:
        session, ws = site.entered(request)
        frame = site.frame("Models over a suite", session, "models")
        context = pages.suite_page(
            services, ws, frame, query, site.address(request), saved_id=saved, sent=sent, is_whole=is_whole
        )
        is_wrong = context.problem is not None or sent is not None
        return renderer.page("suite.html", context, status=422 if is_wrong else 200)

    @router.get("/compare")
    def suite(request: Request, saved: str = "") -> Response:
        return page(request, request.url.query, saved, is_whole=bool(saved))

    @router.get("/compare/progress")
    def progress(request: Request) -> Response:
        _, ws = site.entered(request)
        if not is_part_request(request):
            return RedirectResponse(f"/compare?{request.url.query}", 303)
        return site.progress(pages.find_comparing_suite(ws, request.url.query))

    @router.get("/compare/worse")
    def worse(request: Request) -> Response:
        if not is_part_request(request):
            return page(request, request.url.query, is_whole=True)
        session, ws = site.entered(request)
        frame = site.frame("Models over a suite", session, "models")
        return renderer.page("worse_items.html", pages.worse_part(services, ws, frame, request.url.query))

    @router.post("/compare/worse/slice")
    def save(request: Request, form: Annotated[dict[str, str], Depends(form_of)]) -> Response:
        session, ws = site.entered(request)
        site.sessions.check_form(session, form.get("csrf_token", ""))
        require_writer(ws)
        sent = SentForm("save", form)
        path = pages.save_worse_items(ws, sent)
        if path is not None:
            return RedirectResponse(path, 303)
        return page(request, form.get("query", ""), sent=sent, is_whole=True)


def _add_file_routes(router: APIRouter, site: Site) -> None:
    """What these pages show, as CSV and Parquet."""

    @router.get("/tests/{test_id}/compare/items.{form}")
    def items(request: Request, test_id: str, form: str) -> Response:
        _, ws = site.entered(request)
        comparison = pages.models_of(ws, test_id, request.url.query, wait_s=0)
        return table_file(site, side_by_side_table(ws, comparison.view), form)

    @router.get("/compare.{form}")
    def suite(request: Request, form: str) -> Response:
        _, ws = site.entered(request)
        found, _ = pages.suite_of(ws, request.url.query, wait_s=pages.PATIENCE_S)
        if found.n_computed < found.n_comparisons:
            raise Conflict(
                f"{found.n_computed:,} of {found.n_comparisons:,} verdicts are computed: ask for the file again in a moment",
                code="report_not_complete",
            )
        return table_file(site, suite_table(found), form)

    @router.get("/compare/worse.{form}")
    def worse(request: Request, form: str) -> Response:
        _, ws = site.entered(request)
        return table_file(site, worse_table(ws, pages.found_worse(ws, request.url.query)), form)


def is_items_request(request: Request) -> bool:
    """Whether htmx asks for the list alone."""
    return is_part_request(request) and request.headers.get("hx-target", "").endswith("items")


def require_writer(ws: WorkspaceStore) -> None:
    """PermissionDenied if the actor is a viewer."""
    if not ws.actor.can_write:
        raise PermissionDenied("viewers change nothing: ask a member to save the list as a slice")
