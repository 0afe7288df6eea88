"""What operators and their machines ask: is it alive, is it ready, what does it do."""

from __future__ import annotations

from fastapi import APIRouter, Request
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Histogram, generate_latest
from starlette.responses import Response

from nucleus_server.api.http import Answer, services_of
from nucleus_server.errors import StorageUnavailable

router = APIRouter()


class Metrics:
    """Counts and durations of requests by route template, so that ids do not multiply the series."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._requests = Counter(
            "nucleus_requests", "Requests answered.", ["method", "route", "status"], registry=self.registry
        )
        self._seconds = Histogram(
            "nucleus_request_seconds",
            "Time from the first byte in to the last byte out.",
            ["method", "route"],
            registry=self.registry,
        )

    def record(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count one answered request."""
        self._requests.labels(method, route, str(status)).inc()
        self._seconds.labels(method, route).observe(seconds)


@router.get("/healthz")
def healthz() -> Answer:
    """The process answers."""
    return Answer({"status": "ok"})


@router.get("/readyz")
def readyz(request: Request) -> Answer:
    """The database answers and has this release's schema."""
    problem = services_of(request).store.version_problem()
    if problem is not None:
        raise StorageUnavailable(problem)
    return Answer({"status": "ready"})


@router.get("/metrics")
def metrics(request: Request) -> Response:
    """Prometheus metrics of this process."""
    return Response(generate_latest(request.app.state.metrics.registry), media_type=CONTENT_TYPE_LATEST)
