"""Scenes, tracks and cameras of the SDK: beyond what is compared with the official clients."""

from __future__ import annotations

import json

import httpx2
import pytest

import nucleus
from nucleus import DatasetItem, Frame, LidarScene, VideoScene
from tests.unit.sdk.wire import JOB_HANDLE, Wire

SIGNED = "https://storage.test/put/a-token"


def image(reference: str) -> DatasetItem:
    """An image by URL."""
    return DatasetItem(f"https://x/{reference}.png", reference)


def lidar(reference: str) -> LidarScene:
    """A scene of one moment."""
    cloud = DatasetItem(pointcloud_location=f"https://x/{reference}.json", reference_id=f"{reference}/p")
    return LidarScene(reference, [Frame(lidar=cloud, front=image(f"{reference}/i"))])


@pytest.fixture
def signed(wire: Wire) -> list[bytes]:
    """What is put to signed URLs."""
    put: list[bytes] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        if request.method == "PUT":
            put.append(request.content)
            return httpx2.Response(200)
        if "/signedUrl/" in request.url.path:
            return httpx2.Response(200, json={"signed_url": SIGNED})
        return wire._answer(request)

    wire.http = httpx2.Client(transport=httpx2.MockTransport(answer))
    return put


def test_lidar_scenes_go_as_lines(wire: Wire, signed: list[bytes]) -> None:
    """On the route without `dataset/` in front, always as a job."""
    wire.routes[("POST", "ds_1/upload_scenes?async=1")] = JOB_HANDLE
    job = wire.client().get_dataset("ds_1").append([lidar("s"), lidar("t")], update=True)
    assert job.job_id == "job_1" and wire.body()["update"] is True
    assert [json.loads(line)["reference_id"] for line in signed[0].splitlines()] == ["s", "t"]


@pytest.mark.parametrize("private", [True, False])
def test_videos_say_whether_they_may_be_copied(wire: Wire, signed: list[bytes], private: bool) -> None:
    """As the dataset does."""
    wire.routes[("POST", "ds_1/upload_video_scenes?async=1")] = JOB_HANDLE
    wire.routes[("GET", "dataset/ds_1/use_privacy_mode")] = {"use_privacy_mode": private}
    wire.client().get_dataset("ds_1").append([VideoScene("v", 3, items=[image("a")])])
    assert json.loads(signed[0])["upload_to_scale"] is not private


def test_scenes_that_cannot_be_appended(wire: Wire, signed: list[bytes]) -> None:
    """Nothing is sent of them."""
    dataset = wire.client().get_dataset("ds_1")
    wire.routes[("GET", "dataset/ds_1/use_privacy_mode")] = {"use_privacy_mode": False}
    with pytest.raises(ValueError, match="got LidarScene, VideoScene"):
        dataset.append([lidar("s"), VideoScene("v", 3, items=[image("a")])])
    with pytest.raises(ValueError, match="'s' more than once"):
        dataset.append([lidar("s"), lidar("s")])
    with pytest.raises(ValueError, match=r"got the local file 'a\.png'"):
        dataset.append([VideoScene("v", 3, items=[DatasetItem("a.png", "a")])])
    with pytest.raises(ValueError, match="expected the URL of a video"):
        dataset.append([VideoScene("v", video_location="v.mp4")])
    with pytest.raises(ValueError, match="frame_rate above 0"):
        dataset.append([VideoScene("v", -1, items=[image("a")])])
    with pytest.raises(ValueError, match="one point cloud in every frame, got 0 in frame 0"):
        dataset.append([LidarScene("s", [Frame(a=image("a"))], skip_validate=True)])
    assert signed == []


def test_a_scene_is_read_with_its_tracks(wire: Wire) -> None:
    """What has a frame rate or a video is a video; the reference id may have a slash."""
    track = {"reference_id": "t", "dataset_id": "ds_1", "metadata": None}
    wire.routes[("GET", "dataset/ds_1/scene/a%2Fb")] = {"reference_id": "a/b", "frame_rate": 3, "tracks": [track]}
    wire.routes[("GET", "dataset/ds_1/scene/i?from_item=1")] = lidar("s").to_payload()
    dataset = wire.client().get_dataset("ds_1")
    video = dataset.get_scene("a/b")
    assert isinstance(video, VideoScene) and video.frame_rate == 3
    assert [each.reference_id for each in video.tracks] == ["t"]
    assert dataset.get_scene_from_item_ref_id("i") == lidar("s")


def test_a_track_takes_new_metadata(wire: Wire) -> None:
    """Keys are merged, unless all are to be replaced."""
    wire.routes[("GET", "dataset/ds_1/tracks")] = {
        "tracks": [{"reference_id": "t", "dataset_id": "ds_1", "metadata": {"a": 1}}]
    }
    wire.routes[("POST", "dataset/ds_1/tracks")] = {}
    wire.routes[("DELETE", "dataset/ds_1/tracks")] = {}
    dataset = wire.client().get_dataset("ds_1")
    (track,) = dataset.tracks
    track.update({"b": 2})
    assert track.metadata == {"a": 1, "b": 2}
    assert wire.body() == {"reference_id": "t", "metadata": {"b": 2}, "overwrite": False}
    track.update({"c": 3}, overwrite_metadata=True)
    assert track.metadata == {"c": 3} and track != dataset.tracks[0]
    dataset.delete_tracks(["t"])
    assert wire.body() == {"track_reference_ids": ["t"]}


def test_places_in_scenes_are_checked() -> None:
    """What is asked for and not there is said, with what there is."""
    scene, video = lidar("s"), VideoScene("v", 3, items=[image("a")])
    for call, text in (
        (lambda: scene.get_frame(1), "expected a frame of the 1 of scene 's', got 1"),
        (lambda: scene.get_items_from_sensor("rear"), "'lidar', 'front', got 'rear'"),
        (lambda: scene.get_frame(0).get_item("rear"), "'lidar', 'front', got 'rear'"),
        (lambda: video.get_item(1), "expected an image of the 1 of scene 'v', got 1"),
        (lambda: video.add_item(image("b"), 3), "expected a place from 0 to 1, got 3"),
        (lambda: VideoScene("v", video_location="https://x/v.mp4").get_items(), "got one by URL"),
        (lambda: Frame(a=3), "expected a DatasetItem of sensor 'a', got int"),  # type: ignore[arg-type]
    ):
        with pytest.raises(ValueError, match="expected") as caught:
            call()
        assert text in str(caught.value)


def test_an_item_says_where_its_camera_stood() -> None:
    """Half a camera is refused when the item is made."""
    with pytest.raises(ValueError, match=r"item 'a': expected camera_params with .*, got them without position"):
        DatasetItem("https://x/a.png", "a", metadata={"camera_params": {"fx": 1}})
    assert image("a").camera_params is None
    assert nucleus.CameraModels("fisheye") == "fisheye"
