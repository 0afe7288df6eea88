"""Routes of datasets and their items."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Query, Request
from itsdangerous import BadSignature, URLSafeTimedSerializer
from msgspec import Meta
from starlette.concurrency import run_in_threadpool

from nucleus_server.api import codec, items_body, wire
from nucleus_server.api.http import (
    MAX_UPLOAD_BYTES,
    Answer,
    Form,
    ItemsBody,
    JsonBody,
    Services,
    Workspace,
    base_url,
    services_of,
    spooled,
    takes,
)
from nucleus_server.api.names import checked_name
from nucleus_server.api.object_wire import ObjectsAnswer, by_type
from nucleus_server.api.stored_files import stored_images
from nucleus_server.domain import AppendCounts, Dataset, Item
from nucleus_server.errors import InvalidInput, PermissionDenied, Unauthenticated
from nucleus_server.services import WorkspaceStore
from nucleus_server.services.app_services import AppServices
from nucleus_server.services.media import StoredFile

router = APIRouter()

_SIGNED_LIFE = timedelta(hours=1)
_CHUNK = 1 << 20
MAX_PAGE = 100_000


class CreateDataset(msgspec.Struct):
    """A new dataset."""

    name: str
    is_scene: bool = False
    use_privacy_mode: bool = False
    annotation_metadata_schema: dict[str, Any] | None = None
    item_metadata_schema: dict[str, Any] | None = None


class Page(msgspec.Struct):
    """A page of a listing."""

    pageSize: Annotated[int, Meta(ge=1, le=MAX_PAGE)] = MAX_PAGE  # the wire's own spelling
    pageToken: str | None = None  # the wire's own spelling


@router.post("/dataset/create", openapi_extra=takes(CreateDataset))
def create_dataset(raw: JsonBody, ws: Workspace) -> Answer:
    """Create a dataset."""
    body = codec.decode(raw, CreateDataset)
    dataset = ws.create_dataset(
        checked_name(body.name, "dataset"),
        is_scene=body.is_scene,
        use_privacy_mode=body.use_privacy_mode,
        annotation_metadata_schema=body.annotation_metadata_schema,
        item_metadata_schema=body.item_metadata_schema,
    )
    return Answer({"dataset_id": dataset.id, "name": dataset.name})


@router.get("/dataset/details")
def list_dataset_details(ws: Workspace) -> Answer:
    """All datasets."""
    return Answer([{"id": d.id, "name": d.name, "is_public": False} for d in ws.list_datasets()])


@router.get("/dataset")
def list_dataset_ids(ws: Workspace) -> Answer:
    """The ids of all datasets."""
    return Answer([d.id for d in ws.list_datasets()])


@router.delete("/dataset/{dataset_id}")
def delete_dataset(dataset_id: str, ws: Workspace) -> Answer:
    """Hide the dataset at once; a job purges it."""
    ws.delete_dataset(dataset_id)
    return Answer({"message": "Beginning dataset deletion..."})


@router.get("/dataset/{dataset_id}/name")
def dataset_name(dataset_id: str, ws: Workspace) -> Answer:
    """Its name."""
    return Answer({"name": ws.get_dataset(dataset_id).name})


@router.get("/dataset/{dataset_id}/is_scene")
def dataset_is_scene(dataset_id: str, ws: Workspace) -> Answer:
    """Whether it holds scenes."""
    return Answer({"is_scene": ws.get_dataset(dataset_id).is_scene})


@router.get("/dataset/{dataset_id}/use_privacy_mode")
def dataset_privacy_mode(dataset_id: str, ws: Workspace) -> Answer:
    """Whether its media must stay where they are."""
    return Answer({"use_privacy_mode": ws.get_dataset(dataset_id).use_privacy_mode})


@router.get("/dataset/{dataset_id}/size")
def dataset_size(dataset_id: str, ws: Workspace) -> Answer:
    """How many items it has."""
    return Answer({"count": ws.get_dataset(dataset_id).n_live_items})


@router.get("/dataset/{dataset_id}/info")
def dataset_info(dataset_id: str, ws: Workspace) -> Answer:
    """What there is to know about it."""
    dataset = ws.get_dataset(dataset_id)
    return Answer(
        {
            "dataset_id": dataset.id,
            "name": dataset.name,
            "length": dataset.n_live_items,
            "model_run_ids": [run.id for run in ws.list_model_runs(dataset_id=dataset_id)],
            "slice_ids": [s.id for s in ws.list_slices(dataset_id)],
            "annotation_metadata_schema": dataset.annotation_metadata_schema,
            "item_metadata_schema": dataset.item_metadata_schema,
            "tags": list(dataset.tags),
        }
    )


@router.get("/dataset/{dataset_id}/model_runs")
def dataset_model_runs(dataset_id: str, ws: Workspace) -> Answer:
    """The ids of its model runs, oldest first."""
    return Answer([run.id for run in ws.list_model_runs(dataset_id=dataset_id)])


@router.get("/dataset/{dataset_id}/slices")
def dataset_slices(
    dataset_id: str, ws: Workspace, name: str | None = None, kind: Annotated[str | None, Query(alias="type")] = None
) -> Answer:
    """Its slices, of one name or type if given."""
    wanted = None if kind is None else kind.rpartition(".")[2].lower()
    found = ws.list_slices(dataset_id, name)
    return Answer([wire.slice_row(s) for s in found if not wanted or wire.slice_type(s) == wanted])


@router.get("/dataset/{dataset_id}/datasetItems")
def dataset_items(dataset_id: str, request: Request, ws: Workspace) -> Answer:
    """All its items in the order of insertion."""
    return Answer({"dataset_items": item_rows(request, ws.actor.workspace_id, ws.list_items(dataset_id))})


@router.post("/dataset/{dataset_id}/itemsPage", openapi_extra=takes(Page))
def dataset_items_page(dataset_id: str, raw: JsonBody, request: Request, ws: Workspace) -> Answer:
    """A page of its items in the order of insertion."""
    page = codec.decode(raw, Page)
    items = ws.list_items(dataset_id, start_ordinal=parse_page_token(page.pageToken), limit=page.pageSize + 1)
    more = len(items) > page.pageSize
    return Answer(
        {
            "items": item_rows(request, ws.actor.workspace_id, items[: page.pageSize]),
            "nextPageToken": str(items[page.pageSize].ordinal) if more else None,
        }
    )


def parse_page_token(token: str | None) -> int:
    """The position at which a page starts."""
    if not token:
        return 0
    if not token.isdecimal() or len(token) > 18:
        raise InvalidInput(
            f"expected the nextPageToken of an earlier answer, got {token[:40]!r}", code="invalid_page_token"
        )
    return int(token)


@router.get("/dataset/{dataset_id}/iloc/{index}")
def dataset_iloc(dataset_id: str, index: int, request: Request, ws: Workspace) -> ObjectsAnswer:
    """The item at this place in the order of insertion."""
    return _located(request, ws, ws.get_item_at(dataset_id, index))


@router.get("/dataset/{dataset_id}/refloc/{reference_id:path}")
def dataset_refloc(dataset_id: str, reference_id: str, request: Request, ws: Workspace) -> ObjectsAnswer:
    """The item with this reference id."""
    return _located(request, ws, ws.get_item_by_reference(dataset_id, reference_id))


@router.get("/dataset/{dataset_id}/loc/{item_id}")
def dataset_loc(dataset_id: str, item_id: str, request: Request, ws: Workspace) -> ObjectsAnswer:
    """The item with this id."""
    dataset, item = ws.get_dataset(dataset_id), ws.get_item(item_id)
    if item.dataset_key != dataset.key:
        raise InvalidInput(f"item {item_id} is not in dataset {dataset_id}", code="item_of_another_dataset")
    return _located(request, ws, item)


@router.delete("/dataset/{dataset_id}/refloc/{reference_id:path}")
def delete_item(dataset_id: str, reference_id: str, ws: Workspace) -> Answer:
    """Delete an item; its scores in past evaluations stay."""
    ws.delete_item(dataset_id, reference_id)
    return Answer({"message": "Item deleted", "dataset_id": dataset_id, "reference_id": reference_id})


@router.post("/dataset/{dataset_id}/append", openapi_extra=takes(items_body.AppendBody))
def append(
    dataset_id: str,
    body: ItemsBody,
    services: Services,
    ws: Workspace,
    is_async: Annotated[str | None, Query(alias="async")] = None,
) -> Answer:
    """Append items: from the body, from multipart files, or (async=1) from a payload that was PUT to a signed URL."""
    dataset = ws.get_dataset(dataset_id)
    as_job = is_async == "1"
    request_id = None
    if isinstance(body, Form):
        bodies = items_body.items_of_part(body.document)
        items = items_body.checked_items(bodies, stored_images(services, ws, body.files, what="image"))
        update = any(b.update for b in bodies)
    elif as_job:
        signed = codec.decode(body, items_body.AppendSignedBody)
        upload = ws.get_signed_upload(dataset_id, signed.requestId)
        payload = services.media.read(ws.actor.workspace_id, upload.media_digest)
        items = items_body.checked_items(items_body.items_of_lines(payload))
        update, request_id = signed.update, signed.requestId
    else:
        bodies, update = items_body.items_of_list(body)
        items = items_body.checked_items(bodies) if bodies else []
    counts, job = ws.append_items(dataset_id, items, update=update, as_job=as_job, signed_request_id=request_id)
    return Answer(wire.job_handle(job) if job is not None else _append_summary(dataset, counts))


def _append_summary(dataset: Dataset, counts: AppendCounts) -> dict[str, Any]:
    return {
        "dataset_id": dataset.id,
        "new_items": counts.new_items,
        "updated_items": counts.updated_items,
        "ignored_items": counts.ignored_items,
        "upload_errors": 0,
    }


# --- signed uploads


def _signer(services: AppServices) -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(services.secret, salt="signed-upload")


@router.get("/dataset/{dataset_id}/signedUrl/{request_id}")
def signed_url(dataset_id: str, request_id: str, request: Request, services: Services, ws: Workspace) -> Answer:
    """A URL that takes one payload for this dataset, without any other authentication, within an hour."""
    if not ws.actor.can_write:
        raise PermissionDenied("viewers may not upload")
    ws.get_dataset(dataset_id)
    subject = ws.actor.api_key_id or ws.actor.user_id
    token = _signer(services).dumps([subject, dataset_id, request_id, secrets.token_hex(4)])
    return Answer({"signed_url": f"{base_url(request)}/storage/{token}"})


files_router = APIRouter()


@files_router.put("/storage/{token}")
async def put_signed(token: str, request: Request) -> Answer:
    """Take the payload of a signed URL."""
    services = services_of(request)

    def open_token() -> tuple[Workspace, str, str]:
        try:
            subject, dataset_id, request_id, _ = _signer(services).loads(
                token, max_age=int(_SIGNED_LIFE.total_seconds())
            )
        except BadSignature as error:
            raise Unauthenticated(
                "expected a signed URL of this server that is less than an hour old: ask for a new one",
                code="invalid_signed_url",
            ) from error
        actor = services.access.actor_of_session(subject)
        if actor is None:
            raise Unauthenticated("the key that asked for this URL was revoked", code="revoked_key")
        return services.store.workspace(actor.workspace_id, actor), dataset_id, request_id

    ws, dataset_id, request_id = await run_in_threadpool(open_token)

    def store(file: Any) -> StoredFile:
        stored = services.media.put(ws.actor.workspace_id, iter(lambda: file.read(_CHUNK), b""))
        ws.put_signed_upload(dataset_id, request_id, stored.digest, stored.size_bytes, datetime.now(UTC) + _SIGNED_LIFE)
        return stored

    with await spooled(request, MAX_UPLOAD_BYTES) as file:
        stored = await run_in_threadpool(store, file)
    return Answer({"size_bytes": stored.size_bytes})


def item_rows(request: Request, workspace_id: str, items: list[Item]) -> list[dict[str, Any]]:
    """The items as clients read them."""
    images, base = services_of(request).images, base_url(request)
    return [wire.item_row(item, images, workspace_id, base) for item in items]


def _located(request: Request, ws: WorkspaceStore, item: Item) -> ObjectsAnswer:
    annotations = ws.annotations_of(item.dataset_key, [item.ordinal])[item.ordinal]
    row = item_rows(request, ws.actor.workspace_id, [item])[0]
    return ObjectsAnswer({"item": row, "annotations": by_type(annotations, item.id)})
