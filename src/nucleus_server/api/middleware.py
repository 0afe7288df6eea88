"""Around every request: its id, its log line, its metrics, and one spelling of its path."""

from __future__ import annotations

import logging
import re
import time
import uuid
from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from nucleus_server.api.operations import Metrics
from nucleus_server.errors import InvalidInput

_log = logging.getLogger("nucleus_server.access")
_SAFE_ID = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_BASE = "/v1/nucleus"


class RequestContext:
    """Gives each request an id (the client's own, if it is a harmless one), logs it and counts it.

    It is the outermost boundary: what nobody else has handled becomes an answer here, with the request's id.
    """

    def __init__(self, app: ASGIApp, metrics: Metrics, explain: Callable[[Request, Exception], Response]) -> None:
        self._app = app
        self._metrics = metrics
        self._explain = explain

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = _request_id(scope)
        scope.setdefault("state", {})["request_id"] = request_id
        started = time.perf_counter()
        status = 500
        has_started = False

        async def send_with_id(message: Message) -> None:
            nonlocal status, has_started
            if message["type"] == "http.response.start":
                has_started = True
                status = message["status"]
                message["headers"] = [*message["headers"], (b"x-request-id", request_id.encode())]
            await send(message)

        try:
            _refuse_nul(scope)
            await self._app(scope, receive, send_with_id)
        except Exception as error:
            answer = self._explain(Request(scope), error)
            if has_started:
                raise
            await answer(scope, receive, send_with_id)
        finally:
            seconds = time.perf_counter() - started
            route = getattr(scope.get("route"), "path", "unknown")
            self._metrics.record(scope["method"], route, status, seconds)
            _log.info("%s %s %d %.1f ms id=%s", scope["method"], route, status, seconds * 1000, request_id)


def _refuse_nul(scope: Scope) -> None:
    """Raise InvalidInput if the address has U+0000: no id and no name has it, and one of the databases cannot look for it."""
    if "\x00" in scope["path"] or b"%00" in scope["query_string"]:
        raise InvalidInput("expected an address without the character U+0000: remove it", code="nul_character")


def _request_id(scope: Scope) -> str:
    for name, value in scope["headers"]:
        if name == b"x-request-id":
            text = str(value, "latin-1")
            if _SAFE_ID.fullmatch(text):
                return text
    return uuid.uuid4().hex


class OneSpelling:
    """`//` after the API's base and `/` at a path's end mean nothing to clients, and so to routes."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] == "http" and f"{scope['path']}/".startswith(f"{_BASE}/"):
            scope["path"] = _spelled(scope)
        await self._app(scope, receive, send)


def _spelled(scope: Scope) -> str:
    rest = str(scope["path"]).removeprefix(_BASE).lstrip("/")
    raw = bytes(scope.get("raw_path") or b"")
    # An encoded slash at the end belongs to a reference id.
    if raw.partition(b"?")[0].endswith(b"/"):
        rest = rest.rstrip("/")
    return f"{_BASE}/{rest}"
