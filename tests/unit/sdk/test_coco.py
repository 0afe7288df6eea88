"""COCO files on their way into columns."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from nucleus import coco
from tests.unit.sdk.wire import JOB_HANDLE, Wire

DATASET: dict[str, Any] = {
    "info": {"year": 2017},
    "images": [{"id": 7, "file_name": "a.jpg", "width": 3, "height": 2}, {"id": 9, "file_name": "b.jpg"}],
    "categories": [{"id": 1, "name": "car"}, {"id": 3, "name": "dog", "supercategory": "animal"}],
    "annotations": [
        {
            "id": 5,
            "image_id": 9,
            "category_id": 3,
            "bbox": [1, 2.5, 3, 4],
            "area": 6.5,
            "iscrowd": 0,
            "segmentation": [[1]],
        },
        {"id": 6, "image_id": 7, "category_id": 1, "bbox": [0, 0, 1, 1], "iscrowd": 1},
    ],
}
RESULTS = [{"image_id": 7, "category_id": 3, "bbox": [1, 2, 3, 4], "score": 0.5}]


@pytest.mark.parametrize("as_file", [True, False])
def test_a_dataset_becomes_items_and_boxes(as_file: bool, tmp_path: Path, wire: Wire) -> None:
    """From a file or from what is in it; the columns are those that the calls take."""
    source: Any = DATASET
    if as_file:
        source = tmp_path / "instances.json"
        source.write_text(json.dumps(DATASET))
    assert coco.items(source, "https://x/train/") == {
        "reference_id": ["a.jpg", "b.jpg"],
        "image_location": ["https://x/train/a.jpg", "https://x/train/b.jpg"],
        "width": [3, None],
        "height": [2, None],
    }
    assert coco.boxes(source, reference_id="id")["reference_id"] == ["9", "7"]
    wire.routes[("POST", "dataset/ds_1/annotate")] = {"annotations_processed": 2}
    wire.client().get_dataset("ds_1").annotate(coco.boxes(source))
    first, second = wire.body()["annotations"]
    assert (first["reference_id"], first["label"], first["annotation_id"]) == ("b.jpg", "dog", "5")
    assert first["geometry"] == {"x": 1, "y": 2.5, "width": 3, "height": 4}
    assert (first["metadata"], second["metadata"]) == ({"area": 6.5}, {"iscrowd": 1})


def test_results_become_predictions(wire: Wire) -> None:
    """Numbers of images and categories are those of the dataset."""
    wire.routes[("POST", "dataset/ds_1/model/prj_1/uploadPredictions")] = {"predictions_processed": 1}
    wire.client().get_dataset("ds_1").upload_predictions("prj_1", coco.detections(RESULTS, DATASET))
    (row,) = wire.body()["annotations"]
    assert (row["reference_id"], row["label"], row["confidence"]) == ("a.jpg", "dog", 0.5)


def test_items_are_appended(wire: Wire) -> None:
    """The location may be computed."""
    wire.routes |= {
        ("GET", "dataset/ds_1/signedUrl/x"): {},
        ("POST", "dataset/ds_1/append?async=1"): JOB_HANDLE,
    }
    columns = coco.items(DATASET, lambda name: f"s3://bucket/{name}", reference_id="id")
    assert columns["image_location"] == ["s3://bucket/a.jpg", "s3://bucket/b.jpg"]
    assert columns["reference_id"] == ["7", "9"]


def test_an_empty_dataset_is_one(wire: Wire) -> None:
    """Nothing is sent of it."""
    empty = coco.boxes({"images": []})
    assert wire.client().get_dataset("ds_1").annotate(empty)["annotations_processed"] == 0
    assert wire.requests == []


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: coco.boxes({"pictures": []}), "expected a COCO dataset"),
        (
            lambda: coco.boxes({**DATASET, "images": DATASET["images"][:1]}),
            "images that the dataset has, got boxes of 1",
        ),
        (
            lambda: coco.boxes({**DATASET, "categories": []}),
            "categories that the dataset has, got boxes of 2 others: 1, 3",
        ),
        (lambda: coco.detections([{"image_id": 1}], DATASET), "expected COCO results"),
        (lambda: coco.boxes(DATASET, reference_id="name"), "'file_name' or 'id', got 'name'"),  # type: ignore[arg-type]
    ],
)
def test_what_is_no_coco(call: Any, text: str) -> None:
    """What is missing is said."""
    with pytest.raises(ValueError, match="expected") as caught:
        call()
    assert text in str(caught.value)
