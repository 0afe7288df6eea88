"""A server made of prepared answers, and the requests that it got."""

from __future__ import annotations

import array
import json
from collections.abc import Callable
from typing import Any

import httpx2
import msgspec

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


def packed(request: httpx2.Request) -> Any:
    """A msgpack body."""
    assert request.headers["content-type"] == "application/msgpack"
    return msgspec.msgpack.decode(request.content)


def part_of(part: dict[str, Any]) -> dict[str, Any]:
    """A part of an upload in Python's values; NaN, which is no score, as None."""

    def numbers(data: bytes) -> list[float | None]:
        return [x if x == x else None for x in array.array("d", data)]

    read = {
        "reference_ids": part["reference_ids"].decode().split("\0"),
        "scores": {key: numbers(data) for key, data in part["scores"].items()},
    }
    if "weights" in part:
        read["weights"] = {key: numbers(data) for key, data in part["weights"].items()}
    return read


def report(**changes: Any) -> dict[str, Any]:
    """The report of an upload for test st_1."""
    distribution = {
        "min": 0.1,
        "max": 0.9,
        "mean": 0.5,
        "quantiles": {"0.05": 0.1, "0.25": 0.3, "0.5": 0.5, "0.75": 0.7, "0.95": 0.9},
        "n_distinct": 3,
        "histogram": {"edges": [i / 20 for i in range(21)], "counts": [1] * 20},
    }
    row = {
        "upload_id": "up_1",
        "status": "completed",
        "dry_run": False,
        "replayed": False,
        "dataset_id": "ds_1",
        "dataset_name": "d",
        "model_id": "prj_1",
        "model_name": "a model",
        "test_id": "st_1",
        "user_id": "u",
        "user_name": "somebody",
        "created_at": "2026-01-01T00:00:00.000Z",
        "completed_at": "2026-01-01T00:00:00.000Z",
        "n_rows": 3,
        "n_items": 4,
        "min_coverage": 1.0,
        "functions": [
            {
                "function_id": "ef_f",
                "name": "f",
                "n_scored": 3,
                "weighted": False,
                "weight_sum": 3.0,
                "mean": 0.5,
                "score": distribution,
                "weight": None,
                "warnings": [{"code": "looks_like_percent", "message": "scores look like percent"}],
            }
        ],
        "tests": [
            {
                "test_id": "st_1",
                "name": "t",
                "function_id": "ef_f",
                "function_name": "f",
                "n_members": 4,
                "n_scored": 3,
                "coverage": 0.75,
                "evaluation_id": "ev_1",
                "result": 0.5,
                "reason": None,
            }
        ],
    }
    return {**row, **changes}
