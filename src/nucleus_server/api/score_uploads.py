"""Routes of score uploads: in one request, or in parts; reports, and what was wrong with a refused one."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Depends, Query, Request
from msgspec import Meta
from starlette.responses import Response

from nucleus_server.api import codec, wire
from nucleus_server.api.http import (
    MAX_JSON_BYTES,
    Answer,
    JsonBody,
    Services,
    Workspace,
    actor_of,
    content_type_of,
    iso,
    spooled,
    takes,
)
from nucleus_server.domain import Actor
from nucleus_server.errors import InvalidInput, UnsupportedMedia
from nucleus_server.services import UploadPlan, staged_uploads
from nucleus_server.services.score_parts import PartBody, malformed, part_of

router = APIRouter()

_MSGPACK = "application/msgpack"
_SHA256 = r"^[0-9a-f]{64}$"


class BeginUpload(msgspec.Struct):
    """An upload that comes in parts; `first_part` is the SHA-256 of its first part's body."""

    model_id: str
    function_ids: list[str]
    first_part: Annotated[str, Meta(pattern=_SHA256)]
    test_id: str | None = None
    min_coverage: float = 1.0
    dry_run: bool = False


class CommitUpload(msgspec.Struct):
    """All parts are there; `digest` is the SHA-256 of their digests, one after the other."""

    n_parts: Annotated[int, Meta(ge=1, le=staged_uploads.MAX_PARTS)]
    digest: Annotated[str, Meta(pattern=_SHA256)]


class _ScoresBody(msgspec.Struct):
    model_id: str
    part: msgspec.Raw
    test_id: str | None = None
    min_coverage: float = 1.0
    dry_run: bool = False


async def _binary_body(request: Request, _: Annotated[Actor, Depends(actor_of)]) -> bytes:
    if content_type_of(request) != _MSGPACK:
        raise UnsupportedMedia(f"expected Content-Type {_MSGPACK}, got {request.headers.get('content-type', 'none')!r}")
    with await spooled(request, MAX_JSON_BYTES) as file:
        return file.read()


BinaryBody = Annotated[bytes, Depends(_binary_body)]
_TAKES_MSGPACK: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {_MSGPACK: {"schema": {"type": "string", "format": "binary"}}},
    }
}


@router.post("/dataset/{dataset_id}/scores", openapi_extra=_TAKES_MSGPACK)
def upload_scores(dataset_id: str, raw: BinaryBody, services: Services, ws: Workspace) -> Answer:
    """Take an upload of scores whole: for one test, or for every test of the dataset that it covers."""
    try:
        body = msgspec.msgpack.decode(raw, type=_ScoresBody)
        part_body = msgspec.msgpack.decode(body.part, type=PartBody)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
        raise malformed(f"it is not the msgpack map of an upload: {error}") from error
    for text in (body.model_id, body.test_id or ""):
        if "\0" in text:
            raise InvalidInput("expected ids without the character U+0000: remove it", code="nul_character")
    part = part_of(part_body)
    plan = UploadPlan(
        dataset_id=dataset_id,
        model_id=body.model_id,
        function_ids=tuple(sorted(part.scores)),
        test_id=body.test_id,
        min_coverage=body.min_coverage,
        is_dry_run=body.dry_run,
    )
    accepted = staged_uploads.accept_at_once(ws, services.media, plan, part, bytes(body.part))
    if accepted.upload_id is None:
        return Answer({"report": wire.dry_run_row(ws, plan, part.n_rows, accepted.report, datetime.now(UTC))})
    upload = ws.get_upload(accepted.upload_id)
    row = wire.upload_row(upload, report=accepted.report)
    return Answer({"report": row | {"replayed": accepted.is_replay}})


@router.post("/dataset/{dataset_id}/uploads", openapi_extra=takes(BeginUpload))
def begin_upload(dataset_id: str, raw: JsonBody, ws: Workspace) -> Answer:
    """Begin an upload in parts, or find the one that was interrupted."""
    body = codec.decode(raw, BeginUpload)
    plan = UploadPlan(
        dataset_id=dataset_id,
        model_id=body.model_id,
        function_ids=tuple(sorted(set(body.function_ids))),
        test_id=body.test_id,
        min_coverage=body.min_coverage,
        is_dry_run=body.dry_run,
    )
    upload, parts = staged_uploads.begin(ws, plan, body.first_part)
    return Answer(
        {
            "upload_id": upload.id,
            "parts": {str(part.number): part.digest for part in parts},
            "expires_at": None if upload.expires_at is None else iso(upload.expires_at),
        }
    )


@router.put("/upload/{upload_id}/parts/{number}", openapi_extra=_TAKES_MSGPACK)
def put_part(upload_id: str, number: int, raw: BinaryBody, services: Services, ws: Workspace) -> Answer:
    """Take one part of an upload; the same part again changes nothing."""
    part = staged_uploads.put_part(ws, services.media, upload_id, number, raw)
    return Answer({"number": part.number, "digest": part.digest, "n_rows": part.n_rows})


@router.post("/upload/{upload_id}/commit", openapi_extra=takes(CommitUpload))
def commit_upload(upload_id: str, raw: JsonBody, ws: Workspace) -> Answer:
    """Close the upload; a job checks it whole and stores it, or refuses it."""
    body = codec.decode(raw, CommitUpload)
    return Answer(wire.job_handle(ws.commit_upload(upload_id, body.n_parts, body.digest)))


@router.get("/dataset/{dataset_id}/scores/{reference_id:path}")
def item_scores(dataset_id: str, reference_id: str, ws: Workspace) -> Answer:
    """Every score that one item has, of all models on all tests, newest first."""
    return Answer({"scores": [wire.item_score_row(score) for score in ws.list_item_scores(dataset_id, reference_id)]})


@router.get("/upload/{upload_id}")
def get_upload(upload_id: str, ws: Workspace) -> Answer:
    """An upload and its report."""
    return Answer({"report": wire.upload_row(ws.get_upload(upload_id))})


@router.get("/uploads")
def list_uploads(
    ws: Workspace,
    dataset_id: str | None = None,
    model_id: str | None = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> Answer:
    """Uploads with their reports, newest first."""
    found = ws.list_uploads(dataset_id=dataset_id, model_id=model_id, limit=limit)
    return Answer({"uploads": [wire.upload_row(upload) for upload in found]})


@router.get("/upload/{upload_id}/bad_rows")
def bad_rows(upload_id: str, services: Services, ws: Workspace) -> Response:
    """Every bad row of a refused upload, as CSV."""
    frame = staged_uploads.bad_rows(ws, services.media, upload_id)
    return Response(
        frame.write_csv(),
        media_type="text/csv",
        headers={"content-disposition": f'attachment; filename="bad-rows-{upload_id}.csv"'},
    )


@router.delete("/upload/{upload_id}")
def give_up_upload(upload_id: str, ws: Workspace) -> Answer:
    """Give up an upload that is not completed."""
    ws.give_up_upload(upload_id)
    return Answer({"success": True})
