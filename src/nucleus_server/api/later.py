"""Routes that existing clients know and this server does not offer yet: they say so, instead of «not found»."""

from __future__ import annotations

import re

from fastapi import APIRouter, Request

from nucleus_server.api.http import Answer, actor_of
from nucleus_server.errors import NotAvailable, NotFound

router = APIRouter()

_LATER = re.compile(
    r"[^/]+/list_autotags$"
    r"|annotation/|autotag/|autocurate/|indexing/|task/|modelRun/|benchmarks|leaderboard/|evaluationsV2|evaluationV2Presets"
    r"|dataset/create_from_project$"
    r"|dataset/[^/]+/(annotate|modelRun|model/|add_taxonomy|taxonomy|tags|class_labels|labelSchema|ingest_tasks|groundTruth"
    r"|query|exportForTraining|exportScaleTaskInfo|build_slice|autotag|indexingStatus"
    r"|embedding|async_export_embeddings|deduplicate)"
    r"|slice/[^/]+/(tag|exportForTraining|export|class_labels|embeddings|[^/]+/)"
    r"|model/[^/]+/|model/run/"
)


@router.api_route("/{path:path}", methods=["GET", "POST", "PUT", "PATCH", "DELETE"], include_in_schema=False)
def later(path: str, request: Request) -> Answer:
    """Tell apart what is not offered yet from what does not exist."""
    actor_of(request)
    if _LATER.match(path):
        raise NotAvailable(
            f"{request.method} {path} is a call of the hosted service that this server does not offer yet; external "
            "evaluation functions, scenario tests and what they stand on are there"
        )
    raise NotFound(f"this server has no route {request.method} {request.url.path}", code="route_not_found")
