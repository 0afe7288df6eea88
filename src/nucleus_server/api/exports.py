"""Routes that hand out items with their annotations or predictions, of a dataset or a slice, whole or page by page."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import msgspec
from fastapi import APIRouter, Request
from starlette.responses import Response

from nucleus_server.api import codec, wire
from nucleus_server.api.datasets import Page, item_rows, parse_page_token
from nucleus_server.api.http import Answer, JsonBody, Workspace, takes
from nucleus_server.api.object_wire import PREDICTED_KINDS, export_row, streamed
from nucleus_server.domain import Box, Item, ModelRun, ObjectKind, Scene, Slice, StoredObject
from nucleus_server.errors import NotAvailable
from nucleus_server.services import WorkspaceStore

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

router = APIRouter()

_AT_ONCE = 500
"""Items whose objects are read in one go, while an export is written."""

Read = Callable[[int, list[int]], dict[int, list[StoredObject]]]
"""(dataset key, ordinals) → the objects of each."""


class ExportPage(Page):
    """A page of an export."""

    query: str | None = None
    chip: bool = False
    onlyMostRecentTask: bool = True  # the wire's own spelling


class ScenePage(Page):
    """A page of an export by scene, of the dataset or of a slice of scenes."""

    sliceId: str | None = None  # the wire's own spelling
    onlyMostRecentTask: bool = True  # the wire's own spelling


@router.get("/dataset/{dataset_id}/exportForTraining")
def export_dataset(dataset_id: str, request: Request, ws: Workspace) -> Response:
    """All items with their annotations."""
    ws.get_dataset(dataset_id)
    return _exported(_rows(request, ws, _items_of_dataset(ws, dataset_id), ws.annotations_of))


@router.post("/dataset/{dataset_id}/exportForTrainingPage", openapi_extra=takes(ExportPage))
def export_dataset_page(dataset_id: str, raw: JsonBody, request: Request, ws: Workspace) -> Response:
    """A page of items with their annotations."""
    page = _page(raw)
    items = ws.list_items(dataset_id, start_ordinal=parse_page_token(page.pageToken), limit=page.pageSize + 1)
    more = str(items[page.pageSize].ordinal) if len(items) > page.pageSize else None
    return _exported_page(_rows(request, ws, iter([items[: page.pageSize]]), ws.annotations_of), more)


@router.get("/slice/{slice_id}/exportForTraining")
def export_slice(slice_id: str, request: Request, ws: Workspace) -> Response:
    """The slice's items with their annotations."""
    ws.get_slice(slice_id)
    return _exported(_rows(request, ws, _items_of_slice(ws, slice_id), ws.annotations_of))


@router.post("/slice/{slice_id}/exportForTrainingPage", openapi_extra=takes(ExportPage))
def export_slice_page(slice_id: str, raw: JsonBody, request: Request, ws: Workspace) -> Response:
    """A page of the slice's items with their annotations."""
    return _slice_page(slice_id, _page(raw), request, ws, ws.annotations_of)


@router.get("/slice/{slice_id}/{model_id}/exportForTraining")
def export_slice_predictions(slice_id: str, model_id: str, request: Request, ws: Workspace) -> Response:
    """The slice's items with the model's predictions."""
    read = _predictions(ws, slice_id, model_id)
    return _exported(_rows(request, ws, _items_of_slice(ws, slice_id), read))


@router.post("/slice/{slice_id}/{model_id}/exportForTrainingPage", openapi_extra=takes(ExportPage))
def export_slice_predictions_page(
    slice_id: str, model_id: str, raw: JsonBody, request: Request, ws: Workspace
) -> Response:
    """A page of the slice's items with the model's predictions."""
    return _slice_page(slice_id, _page(raw), request, ws, _predictions(ws, slice_id, model_id))


@router.get("/slice/{slice_id}/class_labels")
def slice_class_labels(slice_id: str, ws: Workspace) -> Answer:
    """The different labels of the annotations of the slice's items."""
    entry = ws.get_slice(slice_id)
    return Answer({"data": ws.labels_of(entry.dataset_key, ws.slice_item_ordinals(entry))})


@router.post("/dataset/{dataset_id}/exportForTrainingByScene", openapi_extra=takes(ScenePage))
def export_scenes_page(dataset_id: str, raw: JsonBody, ws: Workspace) -> Response:
    """A page of scenes, each with the boxes of its tracks by frame."""
    page = codec.decode(raw, ScenePage)
    dataset = ws.get_dataset(dataset_id)
    start = parse_page_token(page.pageToken)
    if page.sliceId is None:
        scenes = ws.list_scenes(dataset_id)
        n_scenes, scenes = len(scenes), scenes[start : start + page.pageSize]
    else:
        n_scenes = ws.get_slice(page.sliceId).n_members
        scenes = ws.slice_scenes(page.sliceId, start=start, limit=page.pageSize)
    more = str(start + page.pageSize) if start + page.pageSize < n_scenes else None
    rows = ({"scene": wire.scene_row(s), "annotations": _tracks_of(ws, dataset.key, s)} for s in scenes)
    return _exported_page(rows, more)


def _tracks_of(ws: WorkspaceStore, dataset_key: int, scene: Scene) -> dict[str, dict[str, Any]]:
    """The boxes of the scene that belong to tracks: by track, in order of frames."""
    tracks: dict[str, dict[str, Any]] = {}
    places = ws.scene_items(scene)
    boxes = ws.annotations_of(dataset_key, [p.item.ordinal for p in places], kinds=(ObjectKind.BOX,))
    for place in places:
        for stored in boxes[place.item.ordinal]:
            box, track = stored.value, stored.value.track_reference_id
            if not isinstance(box, Box) or track is None:
                continue
            frames = tracks.setdefault(track, {"label": box.label, "name": track, "frames": []})["frames"]
            frames.append(
                {
                    "left": box.geometry.x,
                    "top": box.geometry.y,
                    "width": box.geometry.width,
                    "height": box.geometry.height,
                    "key": place.frame,
                    "metadata": box.metadata or {},
                }
            )
    return tracks


def _page(raw: bytes) -> ExportPage:
    page = codec.decode(raw, ExportPage)
    if page.query:
        raise NotAvailable(
            "expected no query, got one: the query language is not offered yet; make a slice of the items by a filter on "
            "their metadata, and export that"
        )
    if page.chip:
        raise NotAvailable("expected chip to be false: cut-out pictures of objects are not offered yet")
    return page


def _predictions(ws: WorkspaceStore, slice_id: str, model_id: str) -> Read:
    run = ws.find_model_run(model_id, ws.get_slice(slice_id).dataset_id)
    if run is None:
        return lambda dataset_key, ordinals: {ordinal: [] for ordinal in ordinals}
    found: ModelRun = run
    return lambda dataset_key, ordinals: ws.predictions_of(found, dataset_key, ordinals, kinds=PREDICTED_KINDS)


def _items_of_dataset(ws: WorkspaceStore, dataset_id: str) -> Iterator[list[Item]]:
    start = 0
    while items := ws.list_items(dataset_id, start_ordinal=start, limit=_AT_ONCE):
        yield items
        start = items[-1].ordinal + 1


def _items_of_slice(ws: WorkspaceStore, slice_id: str) -> Iterator[list[Item]]:
    part = ws.get_slice(slice_id)
    ordinals = ws.slice_item_ordinals(part)
    for start in range(0, len(ordinals), _AT_ONCE):
        yield _live_items(ws, part, ordinals[start : start + _AT_ONCE])


def _live_items(ws: WorkspaceStore, part: Slice, ordinals: NDArray[np.int64]) -> list[Item]:
    return [item for item in ws.items_at(part.dataset_key, ordinals) if item.deleted_at is None]


def _slice_page(slice_id: str, page: ExportPage, request: Request, ws: WorkspaceStore, read: Read) -> Response:
    part = ws.get_slice(slice_id)
    ordinals = ws.slice_item_ordinals(part)
    start = parse_page_token(page.pageToken)
    end = start + page.pageSize
    more = str(end) if end < len(ordinals) else None
    return _exported_page(_rows(request, ws, iter([_live_items(ws, part, ordinals[start:end])]), read), more)


def _rows(request: Request, ws: WorkspaceStore, batches: Iterator[list[Item]], read: Read) -> Iterator[dict[str, Any]]:
    for items in batches:
        for start in range(0, len(items), _AT_ONCE):
            batch = items[start : start + _AT_ONCE]
            objects = read(batch[0].dataset_key, [item.ordinal for item in batch])
            shown = item_rows(request, ws.actor.workspace_id, batch)
            for item, row in zip(batch, shown, strict=True):
                yield export_row(row, objects[item.ordinal], item.id)


def _exported(rows: Iterator[dict[str, Any]]) -> Response:
    return streamed(b'{"exportedRows":[', rows, b"]}")


def _exported_page(rows: Iterator[dict[str, Any]], more: str | None) -> Response:
    return streamed(b'{"data":[', rows, b'],"nextPageToken":' + msgspec.json.encode(more) + b"}")
