"""Annotations and predictions over HTTP: what is refused and how, and what the official clients' tests do not reach."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from nucleus_server.domain import Role
from nucleus_server.storage import WorkspaceStore
from tests.conformance.object_actions import scene_dataset
from tests.support.api import Api, assert_error
from tests.support.images import write_png


@pytest.fixture
def ws(api: Api) -> WorkspaceStore:
    """The store, as its admin."""
    operator = api.services.access.operator()
    return api.services.store.workspace(operator.workspace_id, operator)


@pytest.fixture
def dataset_id(api: Api) -> str:
    """Three items."""
    dataset = api.client().create_dataset("objects")
    items = [{"reference_id": name, "text": name} for name in "abc"]
    assert api.post(f"dataset/{dataset.id}/append", {"items": items}).status_code == 200
    return dataset.id


def a_box(**changes: Any) -> dict[str, Any]:
    """A box on item a."""
    geometry = {"x": 0, "y": 0, "width": 2, "height": 2} | changes.pop("geometry", {})
    return {"type": "box", "label": "car", "reference_id": "a", "annotation_id": "1", "geometry": geometry} | changes


def annotate(api: Api, dataset_id: str, *annotations: dict[str, Any], **more: Any) -> Any:
    return api.post(f"dataset/{dataset_id}/annotate", {"annotations": list(annotations), "update": False, **more})


BAD = {
    "an unknown type": (a_box(type="sphere"), "invalid_type"),
    "no label": ({k: v for k, v in a_box().items() if k != "label"}, "invalid_type"),
    "a negative width": (a_box(geometry={"width": -1}), "invalid_type"),
    "a text for a number": (a_box(geometry={"x": "1"}), "invalid_type"),
    "a missing coordinate": ({**a_box(), "geometry": {"x": 1, "y": 1, "width": 1}}, "invalid_type"),
    "a number too large": (a_box(geometry={"x": 2**53 + 1}), "invalid_type"),
    "a confidence above one": (a_box(confidence=1.5), "invalid_type"),
    "no item": (a_box(reference_id=None), "reference_id_missing"),
    "an empty id": (a_box(annotation_id=""), "invalid_name"),
    "U+0000": (a_box(label="a\0b"), "nul_character"),
    "no labels": ({"type": "multicategory", "labels": [], "reference_id": "a", "geometry": {}}, "label_missing"),
}


@pytest.mark.parametrize("what", BAD)
def test_bad_objects_are_refused_whole(api: Api, dataset_id: str, what: str) -> None:
    """In a body, and line by line in a payload: the good ones beside them are not stored."""
    bad, code = BAD[what]
    assert_error(annotate(api, dataset_id, a_box(), bad), 422, code)
    url = api.get(f"dataset/{dataset_id}/signedUrl/r").json()["signed_url"]
    lines = "".join(json.dumps(value) + "\n" for value in (a_box(), bad))
    assert api.http.put(url, content=lines.encode()).status_code == 200
    response = api.post(f"dataset/{dataset_id}/annotate?async=1", {"requestId": "r", "update": False})
    error = assert_error(response, 422, code)["error"]
    assert "line 2" in error
    assert api.get(f"dataset/{dataset_id}/refloc/a").json()["annotations"] == {}


def test_numbers_beyond_float64_are_refused(api: Api, dataset_id: str) -> None:
    """However large the body is."""
    body = json.dumps({"annotations": [a_box(geometry={"x": 7})]}).replace("7", "1e999").encode()
    assert_error(api.post(f"dataset/{dataset_id}/annotate", body), 422, "non_finite_number")
    padded = body + b" " * (2 << 20)
    assert api.post(f"dataset/{dataset_id}/annotate", padded).status_code == 422


def test_masks_come_with_one_part_each(api: Api, dataset_id: str, tmp_path: Path) -> None:
    """PNG by content; the picture is served once it is there, and gone with its annotation."""
    mask = {
        "type": "mask",
        "mask_url": "/tmp/m.png",
        "annotations": [{"label": "road", "index": 1}],
        "reference_id": "a",
    }
    document = json.dumps({"segmentations": [mask], "update": False})
    headers = {name: value for name, value in api.headers().items() if name != "Content-Type"}
    route = f"/v1/nucleus/dataset/{dataset_id}/annotate"

    def send(*files: tuple[str, bytes]) -> Any:
        parts: list[Any] = [("serialized_request", (None, document, "application/json"))]
        return api.http.post(
            route, files=[*parts, *(("mask", (name, data, "image/png")) for name, data in files)], headers=headers
        )

    assert_error(send(), 400, "mask_count_mismatch")
    assert_error(send(("m.png", b"\xff\xd8\xff\xe0jpeg")), 415, "not_an_image")
    assert send(("m.png", write_png(tmp_path / "m.png").read_bytes())).json()["annotations_processed"] == 1
    row = api.get(f"dataset/{dataset_id}/refloc/a").json()["annotations"]["segmentation"][0]
    assert row["mask_url"] == "/tmp/m.png" and row["annotations"] == [{"label": "road", "index": 1}]


def test_viewers_read_and_change_nothing(api: Api, dataset_id: str) -> None:
    """Of annotations as of everything."""
    key = api.new_key("viewer", Role.VIEWER)
    annotate(api, dataset_id, a_box())
    body = {"annotations": [a_box(annotation_id="2")]}
    assert api.post(f"dataset/{dataset_id}/annotate", body, key=key).status_code == 403
    assert len(api.get(f"dataset/{dataset_id}/refloc/a", key=key).json()["annotations"]["box"]) == 1


def test_null_and_absent_are_not_told_apart(api: Api, dataset_id: str) -> None:
    """And nothing is invented: what was not sent is not in the answer."""
    annotate(api, dataset_id, a_box(metadata=None, task_id=None, embedding_vector=None, track_reference_id=None))
    row = api.get(f"dataset/{dataset_id}/refloc/a").json()["annotations"]["box"][0]
    assert set(row) == {"type", "id", "dataset_item_id", "reference_id", "label", "annotation_id", "geometry"}
    assert row["geometry"] == {"x": 0, "y": 0, "width": 2, "height": 2}
    assert all(type(value) is int for value in row["geometry"].values())


def test_export_by_scene_has_tracks_by_frame(api: Api, ws: WorkspaceStore) -> None:
    """Left, top, width and height of the boxes that belong to a track, at the frame of their item."""
    dataset = scene_dataset(ws)
    body = {"pageToken": None, "pageSize": 10, "sliceId": None, "onlyMostRecentTask": True}
    page = api.post(f"dataset/{dataset.id}/exportForTrainingByScene", body).json()
    assert page["nextPageToken"] is None
    (row,) = page["data"]
    assert row["scene"]["reference_id"] == "s"
    frame = {"left": 1, "top": 2.5, "width": 3, "height": 4, "key": 0, "metadata": {}}
    assert row["annotations"] == {"track": {"label": "car", "name": "track", "frames": [frame]}}
    part = ws.create_slice(dataset.id, "scenes", reference_ids=["s"])
    rows = api.get(f"slice/{part.id}/exportForTraining").json()["exportedRows"]
    assert [(row["item"]["reference_id"], len(row["box"])) for row in rows] == [("s-0", 1), ("s-1", 0)]
    assert api.get(f"slice/{part.id}/class_labels").json() == {"data": ["car"]}


def test_slices_of_objects_and_random_slices(api: Api, dataset_id: str) -> None:
    """Objects by our ids; a sample that the same request draws again."""
    annotate(api, dataset_id, a_box())
    object_id = api.get(f"dataset/{dataset_id}/refloc/a").json()["annotations"]["box"][0]["id"]
    made = api.post(f"dataset/{dataset_id}/create_slice", {"name": "objects", "object_ids": [object_id]}).json()
    (row,) = api.get(f"slice/{made['slice_id']}").json()["items"]
    assert (row["id"], row["label"]) == (object_id, "car")
    assert api.get(f"slice/{made['slice_id']}/info").json()["type"] == "object"
    assert_error(api.post(f"slice/{made['slice_id']}/append", {"reference_ids": ["a"]}), 422, "slice_of_objects")

    drawn = []
    for _ in range(2):
        body = {"name": "sample", "sampleSize": 2, "sampleMethod": "Random", "filters": {}}
        slice_id = api.post(f"dataset/{dataset_id}/build_slice", body).json()["sliceId"]
        drawn.append([item["reference_id"] for item in api.get(f"slice/{slice_id}").json()["items"]])
    assert drawn[0] == drawn[1] and len(drawn[0]) == 2
    body = {"name": "sample", "sampleSize": 2, "sampleMethod": "Uniqueness", "filters": {}}
    assert_error(api.post(f"dataset/{dataset_id}/build_slice", body), 501, "not_available")
    tags = api.post(f"slice/{made['slice_id']}/tag", {"slice_tags": ["night", "night"]}).json()
    assert tags["tags"] == api.get(f"slice/{made['slice_id']}/info").json()["tags"] == ["night"]
