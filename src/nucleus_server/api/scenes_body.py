"""Scenes on their way in: lidar frames by sensor, video frames in order, or a video's address; each checked and named."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Annotated, Any, Literal, TypeVar

import msgspec
from msgspec import Meta

from nucleus_server.api.items_body import URL_SCHEMES, Pixels
from nucleus_server.api.names import MAX_REFERENCE_ID
from nucleus_server.domain import NewItem, NewScene, NewTrack, SceneFrameItem, SceneKind
from nucleus_server.errors import MAX_LISTED, InvalidInput, Problem

_CAMERA = "camera_params"
_MAX_SENSOR = 255

B = TypeVar("B", bound="LidarSceneBody | VideoSceneBody")


class SceneItemBody(msgspec.Struct):
    """An item of a scene as clients send it."""

    reference_id: str
    url: str | None = None
    type: Literal["image", "pointcloud"] | None = None
    metadata: dict[str, Any] | None = None
    camera_params: dict[str, Any] | None = None
    image_url: str | None = None
    pointcloud_url: str | None = None
    width: Pixels | None = None
    height: Pixels | None = None


class SceneTrackBody(msgspec.Struct):
    """A track that is sent with a scene; it is the dataset's that the scene goes to."""

    reference_id: str
    dataset_id: str | None = None
    metadata: dict[str, Any] | None = None


class LidarSceneBody(msgspec.Struct):
    """Frames of several sensors each: exactly one point cloud, and any number of images."""

    reference_id: str
    frames: list[dict[str, SceneItemBody]]
    metadata: dict[str, Any] | None = None
    tracks: list[SceneTrackBody] | None = None


class VideoSceneBody(msgspec.Struct):
    """Images in order with a frame rate, or a video's address; in privacy mode (upload_to_scale false) both."""

    reference_id: str
    frame_rate: Annotated[float, Meta(gt=0)] | None = None
    video_url: str | None = None
    frames: list[SceneItemBody] | None = None
    metadata: dict[str, Any] | None = None
    tracks: list[SceneTrackBody] | None = None
    upload_to_scale: bool = True


class LidarScenesBody(msgspec.Struct):
    """The synchronous upload of lidar scenes."""

    scenes: list[LidarSceneBody]
    update: bool = False


class VideoScenesBody(msgspec.Struct):
    """The synchronous upload of videos."""

    scenes: list[VideoSceneBody]
    update: bool = False


def lidar_scenes(bodies: Sequence[LidarSceneBody]) -> list[NewScene]:
    """The scenes ready for the store; raises InvalidInput as `video_scenes` does."""
    return _checked(bodies, _wrong_in_lidar, _lidar_scene)


def video_scenes(bodies: Sequence[VideoSceneBody]) -> list[NewScene]:
    """The scenes ready for the store.

    Raises:
        InvalidInput: There are none, or some are wrong; the first 20 problems are named with scene and frame.
    """
    return _checked(bodies, _wrong_in_video, _video_scene)


def _checked(
    bodies: Sequence[B],
    wrong_in: Callable[[B], Iterator[tuple[str, str]]],
    made_of: Callable[[B], NewScene],
) -> list[NewScene]:
    if not bodies:
        raise InvalidInput("expected at least one scene, got none", code="no_scenes")
    problems: list[Problem] = []
    n_wrong = 0
    for i, body in enumerate(bodies):
        found = [*_wrong_in_any(body), *wrong_in(body)]
        n_wrong += bool(found)
        name = body.reference_id[:MAX_REFERENCE_ID]
        problems += [Problem(f"scenes[{i}]{place}", message, name) for place, message in found]
    if problems:
        first = problems[0]
        raise InvalidInput(
            f"{n_wrong} of {len(bodies)} scenes are not as expected, the first (scene {first.value!r}, {first.field}): "
            f"{first.message}. Nothing was stored",
            code="invalid_scenes",
            problems=problems[:MAX_LISTED],
            n_problems=len(problems),
        )
    return list(map(made_of, bodies))


def _wrong_in_any(body: LidarSceneBody | VideoSceneBody) -> Iterator[tuple[str, str]]:
    yield from _wrong_reference_id(body.reference_id, "")
    for i, track in enumerate(body.tracks or ()):
        yield from _wrong_reference_id(track.reference_id, f".tracks[{i}]")


def _wrong_in_lidar(body: LidarSceneBody) -> Iterator[tuple[str, str]]:
    if not body.frames:
        yield ".frames", "expected at least one frame, got none"
    for i, frame in enumerate(body.frames):
        place = f".frames[{i}]"
        n_clouds = sum(_is_cloud(item) for item in frame.values())
        if n_clouds != 1:
            yield place, f"expected exactly one point cloud in frame {i}, got {n_clouds}"
        for sensor, item in frame.items():
            if not sensor or len(sensor) > _MAX_SENSOR:
                yield place, f"expected a sensor's name of 1 to {_MAX_SENSOR} characters, got {len(sensor)}"
            yield from _wrong_item(item, f"{place}.{sensor[:_MAX_SENSOR]}")
    yield from _repeated(item for frame in body.frames for item in frame.values())


def _wrong_in_video(body: VideoSceneBody) -> Iterator[tuple[str, str]]:
    if not body.frames and not body.video_url:
        yield "", "expected frames with a frame_rate, or a video_url, got neither"
    if body.frames and body.video_url and body.upload_to_scale:
        yield "", "expected frames or a video_url, got both: leave one out"
    if body.frames and body.frame_rate is None:
        yield ".frame_rate", "expected a frame_rate above 0 with frames, got none"
    if body.video_url and not body.video_url.lower().startswith(URL_SCHEMES):
        yield ".video_url", _wrong_url(body.video_url)
    for i, item in enumerate(body.frames or ()):
        if _is_cloud(item):
            yield f".frames[{i}]", f"expected an image in frame {i}, got a point cloud: that is for a lidar scene"
        yield from _wrong_item(item, f".frames[{i}]")
    yield from _repeated(iter(body.frames or ()))


def _wrong_item(item: SceneItemBody, place: str) -> Iterator[tuple[str, str]]:
    yield from _wrong_reference_id(item.reference_id, place)
    location = item.url or item.image_url or item.pointcloud_url
    if not location:
        yield place, f"expected a url for item {item.reference_id[:80]!r}, got none"
    elif not location.lower().startswith(URL_SCHEMES):
        yield place, _wrong_url(location)


def _wrong_reference_id(reference_id: str, place: str) -> Iterator[tuple[str, str]]:
    if not reference_id or len(reference_id) > MAX_REFERENCE_ID:
        yield place, f"expected a reference_id of 1 to {MAX_REFERENCE_ID} characters, got {len(reference_id)}"


def _wrong_url(location: str) -> str:
    return f"expected a URL that starts with {', '.join(URL_SCHEMES[:4])}, got {location[:80]!r}"


def _repeated(items: Iterator[SceneItemBody]) -> Iterator[tuple[str, str]]:
    repeated = [reference for reference, n in Counter(item.reference_id for item in items).items() if n > 1]
    if repeated:
        yield ".frames", f"expected every item's reference_id once in a scene, got {repeated[0][:80]!r} more than once"


def _is_cloud(item: SceneItemBody) -> bool:
    if item.type is not None:
        return item.type == "pointcloud"
    return item.pointcloud_url is not None or (item.url or "").lower().endswith(".json")


def _lidar_scene(body: LidarSceneBody) -> NewScene:
    return NewScene(
        reference_id=body.reference_id,
        kind=SceneKind.LIDAR,
        metadata=body.metadata or {},
        items=tuple(
            SceneFrameItem(i, sensor, _new_item(item))
            for i, frame in enumerate(body.frames)
            for sensor, item in frame.items()
        ),
        tracks=_tracks(body),
    )


def _video_scene(body: VideoSceneBody) -> NewScene:
    return NewScene(
        reference_id=body.reference_id,
        kind=SceneKind.VIDEO if body.frames else SceneKind.VIDEO_URL,
        metadata=body.metadata or {},
        items=tuple(SceneFrameItem(i, None, _new_item(item)) for i, item in enumerate(body.frames or ())),
        frame_rate=body.frame_rate,
        video_url=body.video_url,
        tracks=_tracks(body),
    )


def _tracks(body: LidarSceneBody | VideoSceneBody) -> tuple[NewTrack, ...]:
    return tuple(NewTrack(track.reference_id, track.metadata or {}) for track in body.tracks or ())


def _new_item(item: SceneItemBody) -> NewItem:
    location = item.url or item.image_url or item.pointcloud_url
    metadata = dict(item.metadata or {})
    if item.camera_params is not None:
        # Clients send what they read out of the metadata, where it stays as the user wrote it.
        metadata.setdefault(_CAMERA, item.camera_params)
    is_cloud = _is_cloud(item)
    return NewItem(
        reference_id=item.reference_id,
        metadata=metadata,
        location=None if is_cloud else location,
        pointcloud_location=location if is_cloud else None,
        width=item.width,
        height=item.height,
    )
