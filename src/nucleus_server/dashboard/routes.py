"""The pages' routes: session in, context out, never a number computed here."""

from __future__ import annotations

import dataclasses
import json
import logging
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Form, Query, Request
from fastapi.routing import APIRoute
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from markupsafe import Markup
from starlette.responses import HTMLResponse, RedirectResponse, Response

from nucleus_server import __version__
from nucleus_server.dashboard import pages
from nucleus_server.dashboard.contexts import ErrorPage, Frame, LoginPage
from nucleus_server.dashboard.session import Session, Sessions, safe_path
from nucleus_server.errors import NotFound, NucleusServerError, Unauthenticated
from nucleus_server.services import WorkspaceStore
from nucleus_server.services.app_services import AppServices

_log = logging.getLogger(__name__)

LARGEST_PAGE = 10**9


def script_json(value: object) -> Markup:
    """JSON for a `<script type="application/json">`: nothing in it can end the element."""
    text = json.dumps(value, allow_nan=False, ensure_ascii=True)
    return Markup(text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026"))


def make_environment() -> Environment:
    """Templates in which every value is escaped, and an unknown name is an error."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=select_autoescape(default=True, default_for_string=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["script_json"] = script_json
    return environment


class _LoginNeeded(Exception):
    """The page is only for somebody who is logged in."""


class Renderer:
    """Turns contexts into answers, under one security policy."""

    def __init__(self, services: AppServices) -> None:
        self._environment = make_environment()
        sources = " ".join(["'self'", "data:", *services.media_origins])
        self._headers = {
            "content-security-policy": (
                "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; font-src 'self'; "
                f"img-src {sources}; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
            ),
            "x-content-type-options": "nosniff",
            "referrer-policy": "same-origin",
            "cache-control": "no-store",
        }

    def page(self, template: str, context: Any, *, status: int = 200) -> HTMLResponse:
        """The template filled with the fields of the context."""
        fields = {f.name: getattr(context, f.name) for f in dataclasses.fields(context)}
        return HTMLResponse(
            self._environment.get_template(template).render(fields), status_code=status, headers=self._headers
        )


def _page_route(renderer: Renderer) -> type[APIRoute]:
    class PageRoute(APIRoute):
        """A route whose failures are pages too."""

        def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
            handle = super().get_route_handler()

            async def handle_or_explain(request: Request) -> Response:
                try:
                    return await handle(request)
                except _LoginNeeded:
                    here = request.url.path + (f"?{request.url.query}" if request.url.query else "")
                    return RedirectResponse(f"/login?{urlencode({'next': here})}", 303)
                except NucleusServerError as error:
                    status, message = error.status, error.message
                except Exception:
                    _log.exception("%s %s failed", request.method, request.url.path)
                    status, message = 500, "The server made a mistake; its log has the cause under this request id."
                context = ErrorPage(
                    Frame(f"Error {status}", None, None, "", __version__), status, message, request.state.request_id
                )
                return renderer.page("error.html", context, status=status)

            return handle_or_explain

    return PageRoute


def create_router(services: AppServices) -> APIRouter:
    """All pages; the last route answers for addresses that are none."""
    sessions = Sessions(services)
    renderer = Renderer(services)
    router = APIRouter(route_class=_page_route(renderer), include_in_schema=False)

    def entered(request: Request) -> tuple[Session, WorkspaceStore]:
        session = sessions.of(request)
        if session is None:
            raise _LoginNeeded
        return session, services.store.workspace(session.actor.workspace_id, session.actor)

    def frame(title: str, session: Session | None, csrf_token: str = "") -> Frame:
        if session is None:
            return Frame(title, None, None, csrf_token, __version__)
        return Frame(title, session.actor.user_name, session.actor.role.value, session.csrf_token, __version__)

    def address(request: Request) -> str:
        return services.public_url or str(request.base_url).rstrip("/")

    def login_answer(request: Request, problem: str | None, next_path: str | None, status: int) -> Response:
        holder = Response()
        token = sessions.new_form_token(request, holder)
        context = LoginPage(frame("Log in", None, token), problem, safe_path(next_path))
        answer = renderer.page("login.html", context, status=status)
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
            actor = services.access.authenticate(key.strip())
        except Unauthenticated as error:
            return login_answer(request, error.message, next, 401)
        answer = RedirectResponse(safe_path(next), 303)
        sessions.start(request, answer, actor)
        return answer

    @router.get("/login/{token}")
    def login_by_link(request: Request, token: str, next: str | None = None) -> Response:
        try:
            actor = services.access.redeem_login_link(token)
        except Unauthenticated as error:
            if sessions.of(request) is not None:  # the same link opened again in a browser that it logged in
                return RedirectResponse(safe_path(next), 303)
            return login_answer(request, error.message, next, 401)
        answer = RedirectResponse(safe_path(next), 303)
        sessions.start(request, answer, actor)
        return answer

    @router.post("/logout")
    def logout(request: Request, csrf_token: Annotated[str, Form()] = "") -> Response:
        session, _ = entered(request)
        sessions.check_form(session, csrf_token)
        answer = RedirectResponse("/login", 303)
        sessions.end(answer)
        return answer

    @router.get("/")
    def tests(request: Request) -> Response:
        session, ws = entered(request)
        context = pages.tests_page(services, ws, frame("Scenario tests", session), address(request))
        return renderer.page("tests.html", context)

    @router.get("/tests/{test_id}")
    def test(request: Request, test_id: str) -> Response:
        session, ws = entered(request)
        context = pages.test_page(services, ws, frame("Scenario test", session), test_id, address(request))
        return renderer.page("test.html", context)

    @router.get("/evaluations/{evaluation_id}")
    def evaluation(
        request: Request,
        evaluation_id: str,
        page: Annotated[str, Query()] = "1",
        order: str = "worst",
        by: str | None = None,
    ) -> Response:
        session, ws = entered(request)
        number = min(int(page), LARGEST_PAGE) if page.isdecimal() and len(page) < 10 else 1
        context = pages.evaluation_page(
            services, ws, frame("Evaluation", session), evaluation_id, number_=number, order=order, by=by
        )
        is_part = request.headers.get("hx-request") == "true" and request.headers.get("hx-target", "").endswith("items")
        return renderer.page("items.html" if is_part else "evaluation.html", context)

    @router.get("/{path:path}")
    def nowhere(path: str) -> Response:
        raise NotFound(f"There is no page /{path}.")

    return router
