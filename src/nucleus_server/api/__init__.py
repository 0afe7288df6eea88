"""The HTTP API: reads requests, asks the services, writes answers."""

from fastapi import APIRouter

from nucleus_server.api import (
    admin,
    annotations,
    datasets,
    exports,
    files,
    later,
    matching,
    models,
    operations,
    predictions,
    releases,
    scenes,
    score_uploads,
    slices,
    validate,
    verdicts,
)

BASE = "/v1/nucleus"


def create_router() -> APIRouter:
    """All routes of the API; the last one answers for those that are not there."""
    router = APIRouter()
    router.include_router(operations.router, tags=["operations"])
    router.include_router(files.router, tags=["files"])
    router.include_router(datasets.files_router, tags=["files"])
    for part, tag in (
        (datasets.router, "datasets"),
        (scenes.router, "scenes"),
        (annotations.router, "annotations"),
        (exports.router, "exports"),
        (predictions.router, "predictions"),
        (slices.router, "slices"),
        (matching.router, "slices"),
        (models.router, "models"),
        (validate.router, "validate"),
        (verdicts.router, "verdicts"),
        (releases.router, "releases"),
        (score_uploads.router, "uploads"),
        (admin.router, "administration"),
        (later.router, "later"),
    ):
        router.include_router(part, prefix=BASE, tags=[tag])
    return router
