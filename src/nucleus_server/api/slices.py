"""Routes of slices."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from fastapi import APIRouter, Request
from msgspec import Meta

from nucleus_server.api import codec, wire
from nucleus_server.api.datasets import Page, parse_page_token
from nucleus_server.api.http import Answer, JsonBody, Workspace, base_url, iso, services_of, takes
from nucleus_server.api.names import checked_name
from nucleus_server.domain import Item, Slice, SliceMember, StoredObject
from nucleus_server.errors import InvalidInput, NotAvailable
from nucleus_server.services import WorkspaceStore
from nucleus_server.services.sampling import sampled_members

router = APIRouter()


class CreateSlice(msgspec.Struct):
    """A new slice, of items by reference ids or by our ids."""

    name: str
    reference_ids: list[str] | None = None
    dataset_item_ids: list[str] | None = None
    scene_ids: list[str] | None = None
    object_ids: list[str] | None = None
    allow_empty: bool | int = False


class AppendToSlice(msgspec.Struct):
    """More members."""

    reference_ids: list[str]
    dataset_id: str | None = None


class SliceTags(msgspec.Struct):
    """Tags to add."""

    slice_tags: list[str]


class SliceFilters(msgspec.Struct):
    """Where to draw from."""

    sliceId: str | None = None  # the wire's own spelling
    autotag: dict[str, Any] | None = None


class BuildSlice(msgspec.Struct):
    """A slice that is drawn."""

    name: str
    sampleSize: Annotated[int, Meta(ge=1)]  # the wire's own spelling
    sampleMethod: Literal["Random", "Uniqueness"] = "Random"  # the wire's own spelling
    filters: SliceFilters = msgspec.field(default_factory=SliceFilters)


@router.post("/dataset/{dataset_id}/create_slice", openapi_extra=takes(CreateSlice))
def create_slice(dataset_id: str, raw: JsonBody, ws: Workspace) -> Answer:
    """Create a slice of the dataset."""
    body = codec.decode(raw, CreateSlice)
    named = [name for name in ("reference_ids", "dataset_item_ids", "scene_ids", "object_ids") if getattr(body, name)]
    if len(named) > 1:
        raise InvalidInput(
            f"expected members named in one way, got {' and '.join(named)}: a slice has members of one kind",
            code="invalid_slice_members",
        )
    if not named and not body.allow_empty:
        raise InvalidInput(
            "expected at least one member, got none: pass reference_ids, or allow_empty to fill the slice later",
            code="empty_slice",
        )
    if body.object_ids:
        part = ws.create_object_slice(dataset_id, checked_name(body.name, "slice"), body.object_ids)
        return Answer({"slice_id": part.id})
    created = ws.create_slice(
        dataset_id,
        checked_name(body.name, "slice"),
        reference_ids=body.reference_ids or (),
        item_ids=body.dataset_item_ids or (),
        scene_ids=body.scene_ids or (),
    )
    return Answer({"slice_id": created.id})


@router.get("/slice")
def list_slices(ws: Workspace) -> Answer:
    """All slices."""
    return Answer([wire.slice_row(s) for s in ws.list_slices()])


@router.get("/slice/{slice_id}")
def slice_with_items(slice_id: str, request: Request, ws: Workspace) -> Answer:
    """The slice with all its members."""
    found = ws.get_slice(slice_id)
    return Answer(wire.slice_row(found) | {"items": _members(request, ws, found)})


@router.get("/slice/{slice_id}/info")
def slice_info(slice_id: str, ws: Workspace) -> Answer:
    """What there is to know about it."""
    found = ws.get_slice(slice_id)
    return Answer(
        {
            "slice_id": found.id,
            "name": found.name,
            "dataset_id": found.dataset_id,
            "created_at": iso(found.created_at),
            "pending_job_count": 0,
            "type": wire.slice_type(found),
            "description": None,
            "tags": list(ws.slice_tags(slice_id)),
            "n_members": found.n_members,
        }
    )


@router.post("/slice/{slice_id}/itemsPage", openapi_extra=takes(Page))
def slice_items_page(slice_id: str, raw: JsonBody, request: Request, ws: Workspace) -> Answer:
    """A page of its members in slice order."""
    page = codec.decode(raw, Page)
    start = parse_page_token(page.pageToken)
    found = ws.get_slice(slice_id)
    end = start + page.pageSize
    return Answer(
        {
            "items": _members(request, ws, found, start=start, limit=page.pageSize),
            "nextPageToken": str(end) if end < found.n_members else None,
        }
    )


@router.post("/slice/{slice_id}/append", openapi_extra=takes(AppendToSlice))
def append_to_slice(slice_id: str, raw: JsonBody, ws: Workspace) -> Answer:
    """Add members at the end; present ones stay where they are."""
    body = codec.decode(raw, AppendToSlice)
    if body.dataset_id is not None and body.dataset_id != ws.get_slice(slice_id).dataset_id:
        raise InvalidInput(
            f"slice {slice_id} is not of dataset {body.dataset_id}: leave dataset_id out", code="dataset_mismatch"
        )
    return Answer({"slice_id": slice_id, "new_items": ws.append_to_slice(slice_id, body.reference_ids)})


@router.post("/slice/{slice_id}/tag", openapi_extra=takes(SliceTags))
def add_slice_tags(slice_id: str, raw: JsonBody, ws: Workspace) -> Answer:
    """Add tags; those that are there are fine."""
    tags = [checked_name(tag, "tag") for tag in codec.decode(raw, SliceTags).slice_tags]
    return Answer({"slice_id": slice_id, "tags": list(ws.change_slice_tags(slice_id, add=tags))})


@router.post("/dataset/{dataset_id}/build_slice", openapi_extra=takes(BuildSlice))
def build_slice(dataset_id: str, raw: JsonBody, ws: Workspace) -> Answer:
    """Create a slice of items drawn at random from the dataset or one of its slices; the same request draws the same."""
    body = codec.decode(raw, BuildSlice)
    if body.sampleMethod != "Random" or body.filters.autotag is not None:
        raise NotAvailable(
            "expected sampleMethod Random without an autotag filter: sampling by uniqueness and filters by autotags need "
            "embeddings, which are not offered yet"
        )
    members = sampled_members(ws, dataset_id, body.name, body.sampleSize, slice_id=body.filters.sliceId)
    part = ws.create_slice(dataset_id, checked_name(body.name, "slice"), ordinals=members)
    return Answer({"sliceId": part.id, "slice_id": part.id})


@router.delete("/slice/{slice_id}")
def delete_slice(slice_id: str, ws: Workspace) -> Answer:
    """Delete the slice; tests that were built on it keep their members."""
    ws.delete_slice(slice_id)
    return Answer({"message": "Slice deleted", "slice_id": slice_id})


def _members(
    request: Request, ws: WorkspaceStore, part: Slice, *, start: int = 0, limit: int | None = None
) -> list[dict[str, Any]]:
    if part.member is SliceMember.SCENE:
        scenes = ws.slice_scenes(part.id, start=start, limit=limit)
        return [wire.scene_row(scene) | {"ref_id": scene.reference_id} for scene in scenes]
    if part.member is SliceMember.OBJECT:
        return [_object_row(stored) for stored in ws.slice_objects(part, start=start, limit=limit)]
    return _rows(request, ws.actor.workspace_id, ws.slice_items(part.id, start=start, limit=limit))


def _object_row(stored: StoredObject) -> dict[str, Any]:
    row: dict[str, Any] = msgspec.to_builtins(stored.value)
    return row | {"id": stored.id, "ref_id": stored.value.reference_id}


def _rows(request: Request, workspace_id: str, items: list[Item]) -> list[dict[str, Any]]:
    images, base = services_of(request).images, base_url(request)
    return [wire.item_row(item, images, workspace_id, base) | {"id": item.id} for item in items]
