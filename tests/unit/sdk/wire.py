"""A server made of prepared answers, and the requests that it got."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import httpx2

import nucleus

ORIGIN = "http://nucleus.test"
BASE = "/v1/nucleus/"
KEY = "nv_a-secret-key"

Answer = Any
"""JSON, (status, JSON), an exception, or a function of the request that returns one of these."""


class Wire:
    """Answers `(method, route)` with what `routes` holds; any other request fails the test."""

    def __init__(self, routes: dict[tuple[str, str], Answer] | None = None) -> None:
        self.routes: dict[tuple[str, str], Answer] = routes or {}
        self.requests: list[httpx2.Request] = []
        self.http = httpx2.Client(transport=httpx2.MockTransport(self._answer))

    def client(self, **arguments: Any) -> nucleus.NucleusClient:
        """A client of this server."""
        if "limited_access_key" not in arguments:
            arguments.setdefault("api_key", KEY)
        return nucleus.NucleusClient(endpoint=f"{ORIGIN}{BASE}", http_client=self.http, **arguments)

    @property
    def last(self) -> httpx2.Request:
        """The last request."""
        return self.requests[-1]

    def sent(self) -> list[tuple[str, str]]:
        """Method and route of every request, as they were on the wire."""
        return [(request.method, _route(request)) for request in self.requests]

    def body(self) -> Any:
        """The last request's body."""
        return json.loads(self.last.content)

    def _answer(self, request: httpx2.Request) -> httpx2.Response:
        self.requests.append(request)
        asked = (request.method, _route(request))
        assert asked in self.routes, f"no answer prepared for {asked}"
        answer = self.routes[asked]
        if callable(answer):
            answer = answer(request)
        if isinstance(answer, Exception):
            raise answer
        if isinstance(answer, httpx2.Response):
            return answer
        status, value = answer if isinstance(answer, tuple) else (200, answer)
        return httpx2.Response(status, json=value)


def _route(request: httpx2.Request) -> str:
    return request.url.raw_path.decode().removeprefix(BASE)


def one_after_the_other(*answers: Answer) -> Callable[[httpx2.Request], Answer]:
    """An answer for each request in turn."""
    left = iter(answers)
    return lambda request: next(left)


def job(status: str = "Completed", message: object = "") -> dict[str, Any]:
    """A job's progress."""
    return {"job_id": "job_1", "status": status, "message": message, "completed_steps": 1, "total_steps": 2}


JOB_HANDLE = {
    "job_id": "job_1",
    "job_last_known_status": "Running",
    "job_type": "uploadDatasetItems",
    "job_creation_time": "2026-01-01T00:00:00.000Z",
}


def function_entry(name: str = "f", **changes: Any) -> dict[str, Any]:
    """An external evaluation function in a listing."""
    entry = {
        "id": f"ef_{name}",
        "name": name,
        "is_public": False,
        "user_id": "u",
        "is_external_function": True,
        "serialized_fn": None,
        "raw_source": None,
        "level": "item",
        "direction": "higher_is_better",
        "score_range": [0, 1],
        "created_at": "2026-01-01T00:00:00.000Z",
    }
    return {**entry, **changes}


def evaluation_row(**changes: Any) -> dict[str, Any]:
    """An evaluation in a history."""
    row = {
        "id": "ev_1",
        "scenario_test_id": "st_1",
        "eval_function_id": "ef_f",
        "model_id": "prj_1",
        "model_name": "a model",
        "status": "completed",
        "result": 0.5,
        "pass": False,
        "level": "item",
        "created_at": "2026-01-01T00:00:00.000Z",
        "completed_at": "2026-01-01T00:00:00.000Z",
        "user_id": "u",
        "n_scored": 3,
        "n_members": 4,
        "n_deleted": 0,
        "coverage": 0.75,
        "weighted": False,
        "criterion": None,
    }
    return {**row, **changes}


def criterion(threshold: float = 0.4, comparison: str = "greater_than_equal_to") -> dict[str, Any]:
    """A threshold in force."""
    return {
        "source": "threshold",
        "threshold": threshold,
        "comparison": comparison,
        "baseline_model_id": None,
        "baseline_evaluation_id": None,
        "n_common": None,
        "result_on_common": None,
    }
