"""Scenes, tracks and metadata over the wire: what comes back is what was sent, and what is wrong is named."""

from __future__ import annotations

import json
from typing import Any

import pytest

import nucleus
from nucleus import DatasetItem, Frame, LidarScene, VideoScene
from nucleus_server.domain import Box, BoxGeometry, Role
from tests.support.api import Api, assert_error

CAMERA = {
    "position": {"x": 1, "y": 2.5, "z": 3},
    "heading": {"x": 0, "y": 0, "z": 0, "w": 1},
    "fx": 1,
    "fy": 2,
    "cx": 3,
    "cy": 4.5,
}


@pytest.fixture
def dataset(sqlite_api: Api) -> nucleus.Dataset:
    """An empty dataset of scenes."""
    return sqlite_api.client().create_dataset("drives", is_scene=True)


def frame(name: str) -> Frame:
    """A point cloud and an image."""
    return Frame(
        lidar=DatasetItem(reference_id=f"{name}-cloud", pointcloud_location=f"https://x/{name}.json"),
        front=DatasetItem(f"https://x/{name}.jpg", f"{name}-front", {"camera_params": CAMERA, "n": {"a": [1]}}),
    )


def video(name: str, n: int = 3, **more: Any) -> VideoScene:
    """A video of n images."""
    items = [DatasetItem(f"https://x/{name}/{i}.jpg", f"{name}/{i}", {"i": i}) for i in range(n)]
    return VideoScene(name, frame_rate=10, items=items, **more)


def test_lidar_scenes_come_back(dataset: nucleus.Dataset) -> None:
    """With their frames and sensors in order, their metadata and their URLs."""
    sent = [LidarScene(f"a/{i}", [frame(f"{i}-{j}") for j in (2, 0, 1)], {"k": i}) for i in (1, 0)]
    job: Any = dataset.append(sent)
    assert job.status()["job_type"] == "uploadLidarScene" and job.status()["message"]["new_scenes"] == 2
    assert [dataset.get_scene(scene.reference_id) for scene in sent] == sent
    assert dataset.get_scene_from_item_ref_id("1-0-front") == sent[0]
    assert [(row["reference_id"], row["type"]) for row in dataset.scenes] == [("a/1", "lidar"), ("a/0", "lidar")]
    assert dataset.size == 12 and dataset.is_scene


def test_videos_come_back(dataset: nucleus.Dataset) -> None:
    """By frames with a whole rate that stays whole, and by URL without frames."""
    sent = [video("v", metadata={"day": True}), VideoScene("u", video_location="https://x/u.mp4")]
    job: Any = dataset.append(sent)
    assert job.status()["job_type"] == "uploadVideoScene"
    assert [dataset.get_scene(scene.reference_id) for scene in sent] == sent
    assert repr(dataset.get_scene("v").frame_rate) == "10"  # type: ignore[attr-defined]


def test_an_update_changes_metadata_only(sqlite_api: Api, dataset: nucleus.Dataset) -> None:
    """A scene with other frames is named, and the others are updated; without update all are ignored."""
    dataset.append([video("v"), video("w")])
    ignored: Any = dataset.append([video("v", metadata={"a": 1})])
    assert ignored.status()["message"]["ignored_scenes"] == 1 and dataset.get_scene("v").metadata == {}
    job: Any = dataset.append([video("v", metadata={"a": 1}), video("w", 2)], update=True)
    status = job.status()
    assert status["status"] == "Completed" and status["message"]["updated_scenes"] == 1
    assert len(job.errors()) == 1 and "'w'" in job.errors()[0] and "other frames" in job.errors()[0]
    assert dataset.get_scene("v").metadata == {"a": 1} and len(dataset.get_scene("w").items) == 3  # type: ignore[attr-defined]


def test_one_item_is_in_one_scene(dataset: nucleus.Dataset) -> None:
    """A scene with an item of another one is refused, by name; the others are stored."""
    job: Any = dataset.append(
        [video("v"), VideoScene("w", 1, items=[DatasetItem("https://x/a.jpg", "v/0")]), video("x")]
    )
    assert job.status()["message"] == {
        "dataset_id": dataset.id,
        "new_scenes": 2,
        "updated_scenes": 0,
        "ignored_scenes": 0,
        "scenes_errored": 1,
    }
    assert "'w'" in job.errors()[0] and "'v/0'" in job.errors()[0]


def test_a_repeated_call_does_nothing_again(sqlite_api: Api, dataset: nucleus.Dataset) -> None:
    """The same request id is answered with the same job."""
    line = json.dumps(video("v").to_payload()) + "\n"
    url = sqlite_api.get(f"dataset/{dataset.id}/signedUrl/abc").json()["signed_url"]
    assert sqlite_api.http.put(url, content=line.encode()).status_code == 200
    body = {"requestId": "abc", "update": True}
    first, again = (sqlite_api.post(f"{dataset.id}/upload_video_scenes?async=1", body).json() for _ in range(2))
    assert first == again and len(dataset.scenes) == 1


def test_the_synchronous_form(sqlite_api: Api, dataset: nucleus.Dataset) -> None:
    """Counts at once."""
    body = {"scenes": [LidarScene("a", [frame("0")]).to_payload()], "update": False}
    answer = sqlite_api.post(f"{dataset.id}/upload_scenes", body)
    assert answer.json() == {
        "dataset_id": dataset.id,
        "new_scenes": 1,
        "updated_scenes": 0,
        "ignored_scenes": 0,
        "scenes_errored": 0,
        "upload_errors": [],
    }
    assert sqlite_api.post(f"{dataset.id}/upload_scenes", body).json()["ignored_scenes"] == 1


ITEM = {"reference_id": "i", "url": "https://x/i.jpg", "type": "image"}
CLOUD = {"reference_id": "c", "url": "https://x/c.json", "type": "pointcloud"}


@pytest.mark.parametrize(
    ("kind", "scene", "where", "said"),
    [
        ("", {"frames": []}, "scenes[0].frames", "at least one frame"),
        ("", {"frames": [{"a": CLOUD}, {"a": ITEM}]}, "scenes[0].frames[1]", "one point cloud in frame 1, got 0"),
        ("", {"frames": [{"a": CLOUD, "b": CLOUD}]}, "scenes[0].frames[0]", "got 2"),
        ("", {"frames": [{"a": CLOUD, "b": {**ITEM, "url": "/tmp/a.jpg"}}]}, "scenes[0].frames[0].b", "starts with"),
        ("", {"frames": [{"a": CLOUD}, {"a": CLOUD}]}, "scenes[0].frames", "more than once"),
        ("", {"frames": [{"a": {**CLOUD, "reference_id": ""}}]}, "scenes[0].frames[0].a", "1 to 512 characters"),
        ("video_", {}, "scenes[0]", "got neither"),
        ("video_", {"frames": [ITEM]}, "scenes[0].frame_rate", "above 0"),
        ("video_", {"frames": [CLOUD], "frame_rate": 1}, "scenes[0].frames[0]", "for a lidar scene"),
        ("video_", {"frames": [ITEM], "frame_rate": 1, "video_url": "https://x"}, "scenes[0]", "got both"),
        ("video_", {"video_url": "a.mp4"}, "scenes[0].video_url", "starts with"),
    ],
)
def test_what_is_wrong_is_named(
    sqlite_api: Api, dataset: nucleus.Dataset, kind: str, scene: dict[str, Any], where: str, said: str
) -> None:
    """With the scene and the frame, and nothing is stored."""
    body = {"scenes": [{"reference_id": "bad", **scene}], "update": False}
    answer = sqlite_api.post(f"{dataset.id}/upload_{kind}scenes", body)
    assert_error(answer, 422, "invalid_scenes")
    problem = answer.json()["errors"][0]
    assert problem["field"] == where and problem["value"] == "bad" and said in problem["message"]
    assert dataset.scenes == []


def test_of_a_payload_the_line_is_named(sqlite_api: Api, dataset: nucleus.Dataset) -> None:
    """Also where the shape is another one."""
    url = sqlite_api.get(f"dataset/{dataset.id}/signedUrl/abc").json()["signed_url"]
    sqlite_api.http.put(url, content=b'{"reference_id":"a","frames":[]}\n{"reference_id":"b","frames":[1]}\n')
    answer = sqlite_api.post(f"{dataset.id}/upload_scenes?async=1", {"requestId": "abc", "update": False})
    assert_error(answer, 422, "invalid_type")
    assert "line 2" in answer.json()["error"]


def test_scenes_and_items_keep_apart(sqlite_api: Api, dataset: nucleus.Dataset) -> None:
    """A dataset of items takes no scenes, and one of scenes no items."""
    items = sqlite_api.client().create_dataset("items")
    body = {"scenes": [{"reference_id": "v", "video_url": "https://x/v.mp4"}], "update": False}
    assert_error(sqlite_api.post(f"{items.id}/upload_video_scenes", body), 422, "dataset_holds_items")
    with pytest.raises(nucleus.NucleusAPIError, match="holds scenes"):
        dataset.append([DatasetItem("https://x/a.jpg", "a")])


def test_deleting(sqlite_api: Api, dataset: nucleus.Dataset) -> None:
    """A scene goes with its items, also one with odd characters in its id."""
    dataset.append([video("a/b c?"), video("w")])
    dataset.delete_scene("a/b c?")
    assert [row["reference_id"] for row in dataset.scenes] == ["w"] and dataset.size == 3
    assert_error(sqlite_api.get(f"dataset/{dataset.id}/scene/a/b c%3F"), 404, "scene_not_found")
    answer = sqlite_api.get(f"dataset/{dataset.id}/scene/w/9?from_item=1")
    assert_error(answer, 404, "scene_not_found")


def test_tracks(sqlite_api: Api, dataset: nucleus.Dataset) -> None:
    """Sent with a scene or named by annotations; a scene has those that are on it; metadata is merged or overwritten."""
    sent = video("v").to_payload() | {"tracks": [{"reference_id": "t", "dataset_id": "x", "metadata": {"a": 1}}]}
    sqlite_api.post(f"{dataset.id}/upload_video_scenes", {"scenes": [sent], "update": False})
    ws = sqlite_api.services.store.workspace
    actor = sqlite_api.services.access.operator()

    box = Box(reference_id="v/1", label="car", geometry=BoxGeometry(0, 0, 1, 1), track_reference_id="u")
    ws(actor.workspace_id, actor).annotate(dataset.id, [box], update=False)
    assert [(t.reference_id, t.metadata) for t in dataset.tracks] == [("t", {"a": 1}), ("u", {})]
    assert [t.reference_id for t in dataset.get_scene("v").tracks] == ["u"]
    track = dataset.tracks[0]
    track.update({"b": 2})
    assert dataset.tracks[0].metadata == {"a": 1, "b": 2}
    track.update({"c": 3}, overwrite_metadata=True)
    assert dataset.tracks[0].metadata == {"c": 3}
    dataset.delete_tracks(["u", "nobody"])
    assert [t.reference_id for t in dataset.tracks] == ["t"] and dataset.get_scene("v").tracks == []
    answer = sqlite_api.post(f"dataset/{dataset.id}/tracks", {"reference_id": "u", "metadata": {}})
    assert_error(answer, 404, "track_not_found")


def test_metadata_is_merged(sqlite_api: Api, dataset: nucleus.Dataset) -> None:
    """Of items and scenes, at once or as a job; unknown ones are named and the others are changed."""
    dataset.append([video("v", metadata={"a": 1, "b": 1})])
    assert dataset.update_scene_metadata({"v": {"b": 2}})["updated"] == 1
    assert dataset.get_scene("v").metadata == {"a": 1, "b": 2}
    answer = dataset.update_item_metadata({"v/0": {"z": [1]}, "nobody": {}})
    assert answer["updated"] == 1 and answer["errors"] == ["item with id nobody does not exist"]
    assert dataset.refloc("v/0")["item"].metadata == {"i": 0, "z": [1]}
    job: Any = dataset.update_scene_metadata({"v": {"c": 3}, "w": {}}, asynchronous=True)
    assert job.status()["job_type"] == "metadataUpdate" and job.status()["status"] == "Completed"
    assert job.errors() == ["scene with id w does not exist"] and dataset.get_scene("v").metadata["c"] == 3
    assert_error(sqlite_api.post(f"dataset/{dataset.id}/metadata", {"metadata": []}), 422, "no_metadata")


def test_viewers_add_nothing(sqlite_api: Api, dataset: nucleus.Dataset) -> None:
    """They read."""

    key = sqlite_api.new_key("viewer", Role.VIEWER)
    body = {"scenes": [{"reference_id": "v", "video_url": "https://x/v.mp4"}], "update": False}
    assert sqlite_api.post(f"{dataset.id}/upload_video_scenes", body, key=key).status_code == 403
    assert sqlite_api.get(f"dataset/{dataset.id}/scenes_list", key=key).json() == {"scenes": []}


def test_slices_of_scenes(sqlite_api: Api, dataset: nucleus.Dataset) -> None:
    """By reference ids or our ids, in their order; appending is idempotent; the type says what they are."""
    dataset.append([video(name) for name in "abc"])
    part = dataset.create_slice("s", ["c", "a", "c"])
    assert sqlite_api.get(f"slice/{part.id}/info").json()["type"] == "scene"
    rows = sqlite_api.get(f"slice/{part.id}").json()
    assert [row["reference_id"] for row in rows["items"]] == ["c", "a"] and rows["type"] == "scene"
    assert all(row["id"].startswith("scn_") for row in rows["items"])
    for new, n in ((["b", "a"], 1), (["b"], 0)):
        assert sqlite_api.post(f"slice/{part.id}/append", {"reference_ids": new}).json()["new_items"] == n
    page = sqlite_api.post(f"slice/{part.id}/itemsPage", {"pageSize": 2, "pageToken": "2"}).json()
    assert [row["reference_id"] for row in page["items"]] == ["b"] and page["nextPageToken"] is None
    dataset.delete_scene("a")
    assert [row["reference_id"] for row in sqlite_api.get(f"slice/{part.id}").json()["items"]] == ["c", "b"]

    ids = [row["id"] for row in dataset.scenes]
    by_ids = dataset.create_slice_by_ids("t", scene_ids=ids[::-1])
    assert [row["reference_id"] for row in sqlite_api.get(f"slice/{by_ids.id}").json()["items"]] == ["c", "b"]
    listed = sqlite_api.get(f"dataset/{dataset.id}/slices?type=SliceType.SCENE").json()
    assert [row["id"] for row in listed] == [part.id, by_ids.id]


def test_slices_of_items_of_scenes(sqlite_api: Api, dataset: nucleus.Dataset) -> None:
    """Where all ids are items', and no others; an empty slice takes either."""
    dataset.append([video("a")])
    part = dataset.create_slice("s", ["a/1"])
    assert sqlite_api.get(f"slice/{part.id}/info").json()["type"] == "dataset_item"
    body = {"name": "s", "reference_ids": ["a", "a/1"]}
    answer = sqlite_api.post(f"dataset/{dataset.id}/create_slice", body)
    assert_error(answer, 422, "unknown_reference_ids")
    assert "reference ids of scenes" in answer.json()["error"]
    mixed = {"name": "s", "scene_ids": [dataset.scenes[0]["id"]], "reference_ids": ["a"]}
    answer = sqlite_api.post(f"dataset/{dataset.id}/create_slice", mixed)
    assert_error(answer, 422, "invalid_slice_members")
    answer = sqlite_api.post(f"dataset/{dataset.id}/create_slice", {"name": "s", "scene_ids": ["scn_x"]})
    assert_error(answer, 422, "unknown_scene_ids")
    empty = sqlite_api.post(f"dataset/{dataset.id}/create_slice", {"name": "e", "allow_empty": 1}).json()["slice_id"]
    assert sqlite_api.post(f"slice/{empty}/append", {"reference_ids": ["a/0"]}).json()["new_items"] == 1
    assert sqlite_api.get(f"slice/{empty}/info").json()["type"] == "dataset_item"
    answer = sqlite_api.post(f"slice/{empty}/append", {"reference_ids": ["a"]})
    assert_error(answer, 422, "unknown_reference_ids")
