"""Routes of scenes, tracks, and the metadata of items and scenes."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from fastapi import APIRouter, Query, Request

from nucleus_server.api import codec, scenes_body, wire
from nucleus_server.api.http import Answer, JsonBody, Services, Workspace, base_url, services_of, takes
from nucleus_server.api.items_body import AppendSignedBody, bodies_of_lines
from nucleus_server.domain import JobType, NewScene, ObjectOwner, PlacedItem, Scene, SceneKind
from nucleus_server.errors import InvalidInput
from nucleus_server.services import WorkspaceStore
from nucleus_server.services.app_services import AppServices

router = APIRouter()

_CAMERA = "camera_params"


class DeleteTracks(msgspec.Struct):
    """Tracks by their reference ids."""

    track_reference_ids: list[str]


class UpdateTrack(msgspec.Struct):
    """New metadata of a track: merged into what it has, or in place of it."""

    reference_id: str
    metadata: dict[str, Any] | None = None
    overwrite: bool = False


class MetadataEntry(msgspec.Struct):
    """Keys to set in the metadata of one item or scene."""

    reference_id: str
    metadata: dict[str, Any]
    camera_params: dict[str, Any] | None = None


class UpdateMetadata(msgspec.Struct):
    """Metadata to merge into items or scenes."""

    metadata: list[MetadataEntry]
    level: Literal["item", "scene"] = "item"


@router.post("/{dataset_id}/upload_scenes", openapi_extra=takes(scenes_body.LidarScenesBody))
def upload_scenes(
    dataset_id: str,
    raw: JsonBody,
    services: Services,
    ws: Workspace,
    is_async: Annotated[str | None, Query(alias="async")] = None,
) -> Answer:
    """Append lidar scenes: from the body, or (async=1) from a payload that was PUT to a signed URL."""
    if is_async == "1":
        signed, payload = _signed_payload(services, ws, dataset_id, raw)
        scenes = scenes_body.lidar_scenes(bodies_of_lines(payload, scenes_body.LidarSceneBody))
        return _append(ws, dataset_id, scenes, signed.update, JobType.UPLOAD_LIDAR_SCENE, signed.requestId)
    body = codec.decode(raw, scenes_body.LidarScenesBody)
    return _append(ws, dataset_id, scenes_body.lidar_scenes(body.scenes), body.update)


@router.post("/{dataset_id}/upload_video_scenes", openapi_extra=takes(scenes_body.VideoScenesBody))
def upload_video_scenes(
    dataset_id: str,
    raw: JsonBody,
    services: Services,
    ws: Workspace,
    is_async: Annotated[str | None, Query(alias="async")] = None,
) -> Answer:
    """Append videos: from the body, or (async=1) from a payload that was PUT to a signed URL."""
    if is_async == "1":
        signed, payload = _signed_payload(services, ws, dataset_id, raw)
        scenes = scenes_body.video_scenes(bodies_of_lines(payload, scenes_body.VideoSceneBody))
        return _append(ws, dataset_id, scenes, signed.update, JobType.UPLOAD_VIDEO_SCENE, signed.requestId)
    body = codec.decode(raw, scenes_body.VideoScenesBody)
    return _append(ws, dataset_id, scenes_body.video_scenes(body.scenes), body.update)


def _signed_payload(
    services: AppServices, ws: WorkspaceStore, dataset_id: str, raw: bytes
) -> tuple[AppendSignedBody, bytes]:
    signed = codec.decode(raw, AppendSignedBody)
    upload = ws.get_signed_upload(dataset_id, signed.requestId)
    return signed, services.media.read(ws.actor.workspace_id, upload.media_digest)


def _append(
    ws: WorkspaceStore,
    dataset_id: str,
    scenes: list[NewScene],
    update: bool,
    job_type: JobType | None = None,
    request_id: str | None = None,
) -> Answer:
    counts, job = ws.append_scenes(dataset_id, scenes, update=update, job_type=job_type, signed_request_id=request_id)
    return Answer(wire.job_handle(job) if job is not None else wire.scene_counts_row(dataset_id, counts))


@router.get("/dataset/{dataset_id}/scenes_list")
def list_scenes(dataset_id: str, ws: Workspace) -> Answer:
    """All its scenes in the order of insertion."""
    return Answer({"scenes": [wire.scene_row(scene) for scene in ws.list_scenes(dataset_id)]})


@router.get("/dataset/{dataset_id}/scene/{reference_id:path}")
def get_scene(
    dataset_id: str, reference_id: str, request: Request, ws: Workspace, from_item: str | None = None
) -> Answer:
    """The scene with this reference id, or (from_item=1) the one that the item with this reference id is in."""
    scene = ws.get_scene(dataset_id, reference_id, of_item=from_item == "1")
    placed = ws.scene_items(scene)
    tracks = ws.tracks_of_scene(scene)
    row = wire.scene_row(scene)
    if scene.kind is not SceneKind.VIDEO_URL:
        row["frames"] = _frames(request, ws, scene, placed)
    if scene.frame_rate is not None:
        row["frame_rate"] = int(scene.frame_rate) if scene.frame_rate.is_integer() else scene.frame_rate
    if scene.video_url is not None:
        row["video_url"] = scene.video_url
    return Answer(row | {"tracks": [wire.track_row(track) for track in tracks]})


def _frames(request: Request, ws: WorkspaceStore, scene: Scene, placed: list[PlacedItem]) -> list[dict[str, Any]]:
    """Of a video its items; of a lidar scene for each frame its items by sensor. Both in order."""
    images, base = services_of(request).images, base_url(request)
    rows = [wire.item_row(entry.item, images, ws.actor.workspace_id, base) for entry in placed]
    if scene.kind is not SceneKind.LIDAR:
        return rows
    frames: list[dict[str, Any]] = [{} for _ in range(scene.n_frames)]
    for entry, row in zip(placed, rows, strict=True):
        frames[entry.frame][entry.sensor or ""] = row
    return [frame for frame in frames if frame]


@router.delete("/dataset/{dataset_id}/scene/{reference_id:path}")
def delete_scene(dataset_id: str, reference_id: str, ws: Workspace) -> Answer:
    """Delete a scene with its items; scores in past evaluations stay."""
    ws.delete_scene(dataset_id, reference_id)
    return Answer({"message": "Scene deleted", "dataset_id": dataset_id, "reference_id": reference_id})


@router.get("/dataset/{dataset_id}/tracks")
def list_tracks(dataset_id: str, ws: Workspace) -> Answer:
    """All its tracks in the order in which they came into being."""
    return Answer({"tracks": [wire.track_row(track) for track in ws.list_tracks(dataset_id)]})


@router.delete("/dataset/{dataset_id}/tracks", openapi_extra=takes(DeleteTracks))
def delete_tracks(dataset_id: str, raw: JsonBody, ws: Workspace) -> Answer:
    """Delete tracks; the annotations and predictions that belonged to them stay, without a track."""
    body = codec.decode(raw, DeleteTracks)
    n_deleted = ws.delete_tracks(dataset_id, body.track_reference_ids)
    return Answer({"dataset_id": dataset_id, "tracks_deleted": n_deleted})


@router.post("/dataset/{dataset_id}/tracks", openapi_extra=takes(UpdateTrack))
def update_track(dataset_id: str, raw: JsonBody, ws: Workspace) -> Answer:
    """Merge a track's metadata, or overwrite it."""
    body = codec.decode(raw, UpdateTrack)
    return Answer(
        wire.track_row(ws.update_track(dataset_id, body.reference_id, body.metadata or {}, overwrite=body.overwrite))
    )


@router.post("/dataset/{dataset_id}/metadata", openapi_extra=takes(UpdateMetadata))
def update_metadata(
    dataset_id: str, raw: JsonBody, ws: Workspace, is_async: Annotated[str | None, Query(alias="async")] = None
) -> Answer:
    """Merge metadata into items or scenes: new values win, other keys stay."""
    body = codec.decode(raw, UpdateMetadata)
    if not body.metadata:
        raise InvalidInput(
            "expected metadata of at least one item or scene, got none: leave the call out", code="no_metadata"
        )
    changes: dict[str, dict[str, Any]] = {}
    for entry in body.metadata:
        sent = dict(entry.metadata)
        if entry.camera_params is not None:
            sent.setdefault(_CAMERA, entry.camera_params)
        changes[entry.reference_id] = {**changes.get(entry.reference_id, {}), **sent}
    owner = ObjectOwner(body.level)
    n_updated, unknown, job = ws.merge_metadata(dataset_id, changes, owner=owner, as_job=is_async == "1")
    if job is not None:
        return Answer(wire.job_handle(job))
    return Answer(
        {
            "dataset_id": dataset_id,
            "updated": n_updated,
            "errors": [f"{body.level} with id {reference_id} does not exist" for reference_id in unknown],
        }
    )
