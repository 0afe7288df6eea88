"""The one way out for errors: every failure of every route has the same body."""

from __future__ import annotations

import logging

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from nucleus_server.api.http import Answer
from nucleus_server.errors import (
    InvalidInput,
    MalformedRequest,
    NotFound,
    NucleusServerError,
    Problem,
    Unauthenticated,
)

_log = logging.getLogger("nucleus_server")


def error_answer(request: Request, error: NucleusServerError) -> Answer:
    """The answer for one of our errors."""
    request_id = getattr(request.state, "request_id", "")
    body = {**error.body(), "request_id": request_id}
    headers = {"x-nucleus-error-code": error.code}
    if isinstance(error, Unauthenticated):
        headers["www-authenticate"] = 'Basic realm="nucleus"'
    if error.retryable:
        headers["retry-after"] = "1"
    return Answer(body, status_code=error.status, headers=headers)


class _HttpError(NucleusServerError):
    """An error that the framework found before any of our code ran."""

    def __init__(self, status: int, message: str, code: str) -> None:
        super().__init__(message, code=code)
        self._status = status

    @property
    def status(self) -> int:  # type: ignore[override]
        """The framework's status."""
        return self._status


def unexpected_answer(request: Request, error: Exception) -> Answer:
    """The answer for a mistake of ours: the log gets the cause, the client the request's id.

    What was raised on purpose, before there was a route, is answered like any such error.
    """
    if isinstance(error, NucleusServerError):
        return error_answer(request, error)
    _log.error("%s %s failed", request.method, request.url.path, exc_info=error)
    return error_answer(
        request,
        NucleusServerError("the server made a mistake; its log has the cause under this request id: tell its operator"),
    )


def install(app: FastAPI) -> None:
    """Handle everything that a route raises on purpose."""

    def ours(request: Request, error: Exception) -> Answer:
        assert isinstance(error, NucleusServerError)
        if error.status >= 500:
            _log.warning("%s %s: %s", request.method, request.url.path, error.message, exc_info=error)
        return error_answer(request, error)

    def framework(request: Request, error: Exception) -> Answer:
        assert isinstance(error, HTTPException)
        if error.status_code == 404:
            return error_answer(
                request,
                NotFound(f"this server has no route {request.method} {request.url.path}", code="route_not_found"),
            )
        if error.status_code == 405:
            return error_answer(
                request,
                _HttpError(405, f"{request.url.path} does not take {request.method}", code="method_not_allowed"),
            )
        return error_answer(request, _HttpError(error.status_code, str(error.detail), code="malformed_request"))

    def parameters(request: Request, error: Exception) -> Answer:
        assert isinstance(error, RequestValidationError)
        problems = [Problem(".".join(map(str, e["loc"])), e["msg"]) for e in error.errors()]
        return error_answer(
            request,
            InvalidInput(
                "expected other parameters: " + "; ".join(f"{p.field}: {p.message}" for p in problems),
                code="invalid_parameter",
                problems=problems,
            ),
        )

    def vanished(request: Request, error: Exception) -> Answer:
        return error_answer(
            request, MalformedRequest("the connection ended before the body did", code="incomplete_body")
        )

    app.add_exception_handler(NucleusServerError, ours)
    app.add_exception_handler(HTTPException, framework)
    app.add_exception_handler(RequestValidationError, parameters)
    app.add_exception_handler(ClientDisconnect, vanished)
