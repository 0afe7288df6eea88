"""The application in this process, and the one shape that every error has."""

from __future__ import annotations

import base64
import dataclasses
import functools
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
from fastapi import FastAPI
from starlette.testclient import TestClient

import nucleus
from nucleus_server.api.operations import Metrics
from nucleus_server.app import create_app, open_services
from nucleus_server.config import load_settings
from nucleus_server.domain import Role
from nucleus_server.services.app_services import AppServices
from tests.support.server import ADMIN_KEY

BASE = "/v1/nucleus"


@dataclass(frozen=True)
class Api:
    """The application without a socket."""

    http: TestClient
    services: AppServices

    def client(self, key: str = ADMIN_KEY) -> nucleus.NucleusClient:
        """Our SDK, talking to it."""
        return nucleus.NucleusClient(key, endpoint=f"http://testserver{BASE}", http_client=self.http)

    def headers(self, key: str = ADMIN_KEY, **extra: str) -> dict[str, str]:
        """The headers of a raw request."""
        token = base64.b64encode(f"{key}:".encode()).decode()
        return {"Authorization": f"Basic {token}", "Content-Type": "application/json", **extra}

    def post(self, route: str, body: object, *, key: str = ADMIN_KEY, **headers: str) -> httpx2.Response:
        """POST a body; bytes are sent as they are."""
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self.http.post(f"{BASE}/{route}", content=content, headers=self.headers(key, **headers))

    def get(self, route: str, *, key: str = ADMIN_KEY) -> httpx2.Response:
        """GET a route."""
        return self.http.get(f"{BASE}/{route}", headers=self.headers(key))

    def new_key(self, user: str, role: Role) -> str:
        """The key of a new user."""
        operator = self.services.access.operator()
        ws = self.services.store.workspace(operator.workspace_id, operator)
        ws.create_user(user, role)
        return self.services.access.create_key(ws, "test", user_name=user)[0]


@contextmanager
def running_api(database_url: str, folder: Path) -> Iterator[Api]:
    """The application on a database without rows, which is migrated if it is empty."""
    settings = load_settings(data_dir=folder, database_url=database_url, env={"NUCLEUS_SECRET_KEY": "test-secret"})
    services = open_services(settings)
    services.store.upgrade()
    services.access.ensure_bootstrap(ADMIN_KEY)
    with _application(services) as app, TestClient(app, raise_server_exceptions=False) as http:
        yield Api(http, services)
    services.store.close()


class _Later:
    """Stands for an object that changes from test to test: every attribute is looked up when it is used."""

    def __init__(self, find: Callable[[], Any]) -> None:
        self._find = find

    def __getattr__(self, name: str) -> Any:
        return getattr(self._find(), name)


class _Application:
    """An application whose routes are made once: FastAPI takes longer for them than most tests for all the rest."""

    def __init__(self, services: AppServices) -> None:
        self._services = services
        parts: dict[str, Any] = {
            part: _Later(functools.partial(self._part, part)) for part in ("store", "access", "media", "images")
        }
        self._app = create_app(dataclasses.replace(services, **parts))

    def _part(self, name: str) -> Any:
        return getattr(self._services, name)

    def of(self, services: AppServices) -> FastAPI:
        """The application on these services, as a new one would be: with counters at zero."""
        for name in ("secret", "public_url", "media_sources"):  # what it was made with
            assert getattr(services, name) == getattr(self._services, name), name
        self._services = self._app.state.services = services
        self._app.state.metrics = Metrics()
        self._app.middleware_stack = None  # made again at the first request
        for middleware in self._app.user_middleware:
            if "metrics" in middleware.kwargs:
                middleware.kwargs["metrics"] = self._app.state.metrics
        return self._app


_unused: list[_Application] = []


@contextmanager
def _application(services: AppServices) -> Iterator[FastAPI]:
    made = _unused.pop() if _unused else _Application(services)
    yield made.of(services)
    _unused.append(made)


def assert_error(response: httpx2.Response, status: int, code: str) -> dict[str, Any]:
    """The answer is this error, in the one shape; returns its body."""
    assert (response.status_code, response.headers.get("x-nucleus-error-code")) == (status, code), response.text
    assert response.headers["content-type"] == "application/json"
    body: dict[str, Any] = json.loads(response.text)
    assert response.text == json.dumps(body, ensure_ascii=False, separators=(",", ":"))
    assert body["code"] == code and len(body["error"]) > 20
    assert body["request_id"] == response.headers["x-request-id"]
    assert set(body) <= {"error", "code", "request_id", "errors", "n_errors", "rejected_upload_id"}
    if "errors" in body:
        assert 1 <= len(body["errors"]) <= 20 and body["n_errors"] >= len(body["errors"])
        assert all({"field", "message"} <= set(row) for row in body["errors"])
    return body
