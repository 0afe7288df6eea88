"""Contexts become answers under one security policy; failures become pages too."""

from __future__ import annotations

import dataclasses
import json
import logging
from collections.abc import Callable, Coroutine, Iterable
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from fastapi import Request
from fastapi.routing import APIRoute
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from markupsafe import Markup
from starlette.responses import HTMLResponse, RedirectResponse, Response, StreamingResponse

from nucleus_server import __version__
from nucleus_server.dashboard.assets import asset_path
from nucleus_server.dashboard.contexts import ErrorPage, Frame
from nucleus_server.errors import NucleusServerError

_log = logging.getLogger(__name__)


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
    environment.filters["asset"] = asset_path
    return environment


class LoginNeeded(Exception):
    """The page is only for somebody who is logged in."""


class Renderer:
    """Turns contexts into answers, under one security policy."""

    def __init__(self, image_sources: tuple[str, ...]) -> None:
        self._environment = make_environment()
        sources = " ".join(["'self'", "data:", *image_sources])
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
        return HTMLResponse(self.text(template, context), status_code=status, headers=self._headers)

    def file(self, text: str, media_type: str, name: str) -> Response:
        """A file to download; its name is one of ours."""
        headers = {**self._headers, "content-disposition": f'attachment; filename="{name}"'}
        return Response(text, media_type=media_type, headers=headers)

    def streamed_file(self, chunks: Iterable[bytes], media_type: str, name: str) -> Response:
        """A file to download that is made while it is sent; its name is one of ours."""
        headers = {**self._headers, "content-disposition": f'attachment; filename="{name}"'}
        return StreamingResponse(chunks, media_type=media_type, headers=headers)

    def text(self, template: str, context: Any) -> str:
        """The template filled with the fields of the context, to be sent as a file."""
        fields = {f.name: getattr(context, f.name) for f in dataclasses.fields(context)}
        return self._environment.get_template(template).render(fields)

    def reload(self) -> Response:
        """Tells htmx to load the whole page again."""
        return Response(headers={**self._headers, "hx-refresh": "true"})


def is_part_request(request: Request) -> bool:
    """Whether htmx asks for a part of the page."""
    return request.headers.get("hx-request") == "true"


def page_route(renderer: Renderer) -> type[APIRoute]:
    """The class of routes whose failures are pages too."""

    class PageRoute(APIRoute):
        """A route whose failures are pages too."""

        def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
            handle = super().get_route_handler()

            async def handle_or_explain(request: Request) -> Response:
                try:
                    return await handle(request)
                except LoginNeeded:
                    if is_part_request(request):  # the login form is no part of another page
                        return renderer.reload()
                    here = request.url.path + (f"?{request.url.query}" if request.url.query else "")
                    return RedirectResponse(f"/login?{urlencode({'next': here})}", 303)
                except NucleusServerError as error:
                    status, message = error.status, error.message
                except Exception:
                    _log.exception("%s %s failed", request.method, request.url.path)
                    status, message = 500, "The server made a mistake; its log has the cause under this request id."
                frame = Frame(f"Error {status}", None, None, "", __version__, "")
                context = ErrorPage(frame, status, message, request.state.request_id)
                return renderer.page("error.html", context, status=status)

            return handle_or_explain

    return PageRoute
