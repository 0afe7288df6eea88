"""Scenes on their way to a dataset."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Sequence

from nucleus._async_job import AsyncJob
from nucleus._connection import Connection
from nucleus._scenes import LidarScene, Scene, VideoScene


def append_scenes(connection: Connection, dataset_id: str, scenes: Sequence[Scene], *, update: bool) -> AsyncJob:
    """Hand scenes of one kind over; see `Dataset.append`."""
    kinds = {type(scene) for scene in scenes}
    if len(kinds) > 1 or not kinds <= {LidarScene, VideoScene}:
        raise ValueError(
            f"expected scenes of one kind in a call, got {', '.join(sorted(kind.__name__ for kind in kinds))}: append each kind "
            "in a call of its own"
        )
    repeated = [reference for reference, n in Counter(scene.reference_id for scene in scenes).items() if n > 1]
    if repeated:
        raise ValueError(f"expected every scene's reference id once, got {repeated[0]!r} more than once")
    is_video = isinstance(scenes[0], VideoScene)
    if is_video and connection.get(f"dataset/{dataset_id}/use_privacy_mode")["use_privacy_mode"]:
        for scene in scenes:
            assert isinstance(scene, VideoScene)
            scene.use_privacy_mode = True
    for scene in scenes:
        scene.check_remote()
    body = "".join(scene.to_json() + "\n" for scene in scenes).encode()
    request_id = uuid.uuid4().hex
    url = connection.get(f"dataset/{dataset_id}/signedUrl/{request_id}")["signed_url"]
    connection.put_signed(url, body)
    route = f"{dataset_id}/upload_video_scenes" if is_video else f"{dataset_id}/upload_scenes"
    answer = connection.post({"requestId": request_id, "update": update}, route, {"async": "1"}, is_replay_safe=True)
    return AsyncJob.from_json(answer, connection)
