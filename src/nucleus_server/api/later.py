"""Routes that existing clients know and this server does not offer yet: they say so, instead of «not found»."""

from __future__ import annotations

import re

from fastapi import APIRouter, Request

from nucleus_server.api.http import Answer, actor_of
from nucleus_server.errors import NotAvailable, NotFound

router = APIRouter()

_OF_SCALE = "it needs the hosted service itself (labeling, Launch), which this server does not have"
_PARTS = {
    "queries over items, scenes and objects": r"dataset/[^/]+/query\w+Page",
    "deduplication": r"dataset/[^/]+/deduplicate\w*",
    "embeddings and indexing": (
        r"indexing/|dataset/[^/]+/(indexingStatus|embedding\w*|async_export_embeddings)|slice/[^/]+/embeddings"
    ),
    "autotags": r"autotag/|dataset/[^/]+/autotag/|[^/]+/list_autotags$",
    "autocuration": r"autocurate/",
    "evaluations V2 and their presets": (
        r"(modelRun/[^/]+/|model/[^/]+/)?evaluationsV2|evaluationV2Presets|dataset/[^/]+/labelSchema"
    ),
    "benchmarks and leaderboards": r"benchmarks|leaderboard/",
    "metrics of matches": r"dataset/[^/]+/model/[^/]+/calculateEvaluationMetrics|validate/[^/]+/metrics",
    "weights of models": r"model/[^/]+/weights",
    "segmentation of point clouds": r"dataset/[^/]+/model/[^/]+/pointcloud/",
    "raw exports of objects": r"slice/[^/]+/(export_raw_json|exportRawItems)",
}
_SCALES_OWN = re.compile(
    r"dataset/create_from_project$|dataset/[^/]+/(ingest_tasks|exportScaleTaskInfo)|slice/[^/]+/(exportScaleTaskInfo|[^/]+/send_to_labeling)"
    r"|model/run/|task/"
)
_LATER = {part: re.compile(pattern) for part, pattern in _PARTS.items()}


@router.api_route("/{path:path}", methods=["GET", "POST", "PUT", "PATCH", "DELETE"], include_in_schema=False)
def later(path: str, request: Request) -> Answer:
    """Tell apart what is not offered yet from what does not exist."""
    actor_of(request)
    if _SCALES_OWN.match(path):
        raise NotAvailable(f"{request.method} {path} is a call of the hosted service that is not offered: {_OF_SCALE}")
    for part, pattern in _LATER.items():
        if pattern.match(path):
            raise NotAvailable(
                f"{request.method} {path} is a call of the hosted service that this server does not offer yet: what is "
                f"missing is {part}"
            )
    raise NotFound(f"this server has no route {request.method} {request.url.path}", code="route_not_found")
