"""The pages' routes: session in, context out, never a number computed here."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Form, Request
from starlette.responses import RedirectResponse, Response

from nucleus_server import __version__
from nucleus_server.dashboard import pages
from nucleus_server.dashboard.comparing_routes import add_comparing_routes
from nucleus_server.dashboard.contexts import Frame, LoginPage
from nucleus_server.dashboard.dataset_routes import add_dataset_routes
from nucleus_server.dashboard.evaluation_routes import add_evaluation_routes
from nucleus_server.dashboard.export_routes import add_export_routes
from nucleus_server.dashboard.function_routes import add_function_routes
from nucleus_server.dashboard.item_routes import add_item_routes
from nucleus_server.dashboard.model_routes import add_model_routes
from nucleus_server.dashboard.release_routes import add_release_routes
from nucleus_server.dashboard.rendering import is_part_request, page_route
from nucleus_server.dashboard.session import safe_path
from nucleus_server.dashboard.settings_routes import SAVED, add_settings_routes
from nucleus_server.dashboard.site import Site, page_number
from nucleus_server.dashboard.upload_routes import add_upload_routes
from nucleus_server.dashboard.work_routes import add_work_routes
from nucleus_server.errors import NotFound, Unauthenticated
from nucleus_server.services.app_services import AppServices


def create_router(services: AppServices) -> APIRouter:
    """All pages; the last route answers for addresses that are none."""
    site = Site(services)
    router = APIRouter(route_class=page_route(site.renderer), include_in_schema=False)
    _add_login_routes(router, site)
    _add_test_routes(router, site)
    add_upload_routes(router, site)
    add_function_routes(router, site)
    add_settings_routes(router, site)
    add_evaluation_routes(router, site)
    add_comparing_routes(router, site)
    add_release_routes(router, site)
    add_export_routes(router, site)
    add_item_routes(router, site)
    add_dataset_routes(router, site)
    add_model_routes(router, site)
    add_work_routes(router, site)

    @router.get("/{path:path}")
    def nowhere(path: str) -> Response:
        raise NotFound(f"There is no page /{path}.")

    return router


def _add_login_routes(router: APIRouter, site: Site) -> None:
    sessions, access = site.sessions, site.services.access

    def login_answer(request: Request, problem: str | None, next_path: str | None, status: int) -> Response:
        holder = Response()
        token = sessions.new_form_token(request, holder)
        context = LoginPage(Frame("Log in", None, None, token, __version__, ""), problem, safe_path(next_path))
        answer = site.renderer.page("login.html", context, status=status)
        answer.raw_headers.extend(h for h in holder.raw_headers if h[0] == b"set-cookie")
        return answer

    @router.get("/login")
    def login_form(request: Request, next: str | None = None) -> Response:
        return login_answer(request, None, next, 200)

    @router.post("/login")
    def login(
        request: Request,
        key: Annotated[str, Form()] = "",
        csrf_token: Annotated[str, Form()] = "",
        next: Annotated[str, Form()] = "/",
    ) -> Response:
        sessions.check_login_form(request, csrf_token)
        try:
            actor = access.authenticate(key.strip())
        except Unauthenticated as error:
            return login_answer(request, error.message, next, 401)
        answer = RedirectResponse(safe_path(next), 303)
        sessions.start(request, answer, actor)
        return answer

    @router.get("/login/{token}")
    def login_by_link(request: Request, token: str, next: str | None = None) -> Response:
        try:
            actor = access.redeem_login_link(token)
        except Unauthenticated as error:
            if sessions.of(request) is not None:  # the same link opened again in a browser that it logged in
                return RedirectResponse(safe_path(next), 303)
            return login_answer(request, error.message, next, 401)
        answer = RedirectResponse(safe_path(next), 303)
        sessions.start(request, answer, actor)
        return answer

    @router.post("/logout")
    def logout(request: Request, csrf_token: Annotated[str, Form()] = "") -> Response:
        session, _ = site.entered(request)
        sessions.check_form(session, csrf_token)
        answer = RedirectResponse("/login", 303)
        sessions.end(answer)
        return answer


def _add_test_routes(router: APIRouter, site: Site) -> None:
    services, renderer = site.services, site.renderer

    @router.get("/")
    def matrix(request: Request) -> Response:
        session, ws = site.entered(request)
        frame = site.frame("Scenario tests", session, "tests")
        parameters = request.query_params
        query = pages.matrix_query(
            parameters,
            models_page=page_number(parameters.get("models", "")),
            tests_page=page_number(parameters.get("page", "")),
        )
        return renderer.page("matrix.html", pages.matrix_page(ws, frame, query, site.address(request)))

    @router.get("/tests/{test_id}")
    def test(request: Request, test_id: str, saved: str = "", page: str = "", show: str = "") -> Response:
        session, ws = site.entered(request)
        frame = site.frame("Scenario test", session, "tests")
        context = pages.test_page(
            services,
            ws,
            frame,
            test_id,
            site.address(request),
            page=page_number(page),
            show=show,
            notice=SAVED if saved else None,
        )
        return renderer.page("test.html", context)

    @router.get("/tests/{test_id}/report.html")
    def test_file(request: Request, test_id: str) -> Response:
        session, ws = site.entered(request)
        frame = site.frame("Scenario test", session, "tests")
        context = pages.test_file(services, ws, frame, test_id, site.address(request), datetime.now(UTC))
        text = renderer.text("test_file.html", context)
        return renderer.file(text, "text/html; charset=utf-8", f"test-{test_id}.html")

    @router.get("/tests/{test_id}/history/{function_id}")
    def history(request: Request, test_id: str, function_id: str, show: str = "", waiting: str = "") -> Response:
        _, ws = site.entered(request)
        shown = pages.shown_results(show)
        if not is_part_request(request):
            query = f"?show={shown.value}" if show else ""
            return RedirectResponse(f"/tests/{test_id}{query}#history", 303)
        part = pages.history_part(ws, test_id, function_id, shown)
        if waiting and part.waiting is not None:
            return Response(status_code=204)  # htmx leaves what is shown as it is, and asks again
        return renderer.page("history.html", part)
