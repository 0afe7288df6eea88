"""COCO files in and out by the command line: what pycocotools says of them stays the same, and what is wrong is named."""

from __future__ import annotations

import contextlib
import io
import json
from pathlib import Path
from typing import Any

import numpy
import pytest
from pycocotools import mask
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

import nucleus
from tests.support.images import write_png
from tests.unit.cli.conftest import Cli

SIZE = 64


def write(name: str, content: object) -> str:
    """A JSON file of the working folder."""
    Path(name).write_text(json.dumps(content))
    return name


def rle(rng: numpy.random.Generator, *, compressed: bool) -> dict[str, Any]:
    """A rectangle as a mask in runs."""
    x, y = rng.integers(0, SIZE - 20, 2)
    pixels = numpy.zeros((SIZE, SIZE), dtype=numpy.uint8, order="F")
    pixels[y : y + 15, x : x + 20] = 1
    encoded = mask.encode(pixels)
    if compressed:
        return {"size": [SIZE, SIZE], "counts": encoded["counts"].decode()}
    flat = pixels.ravel(order="F")
    cuts = [0, *(numpy.flatnonzero(numpy.diff(flat)) + 1).tolist(), flat.size]
    return {"size": [SIZE, SIZE], "counts": numpy.diff(cuts).tolist()}


def dataset_and_results() -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Images with polygons in one and two parts and crowds in runs, and detections near them."""
    rng = numpy.random.default_rng(3)
    annotations: list[dict[str, Any]] = []
    results = []
    for own_id in range(1, 61):
        x, y = rng.integers(0, SIZE - 20, 2).tolist()
        width, height = rng.integers(4, 20, 2).tolist()
        ring = [x, y, x + width, y, x + width, y + height + 0.5, x, y + height]
        shared = {"image_id": own_id % 8 + 1, "category_id": own_id % 2 * 17 + 1}
        is_crowd = own_id % 10 == 0
        rings = [ring] if own_id % 3 else [ring, [0, 0, 2, 0, 2, 2.25]]
        annotations.append(
            {
                "id": own_id * 7,
                **shared,
                "iscrowd": int(is_crowd),
                "area": width * height / 2,
                "bbox": [x, y, width, height],
                "segmentation": rle(rng, compressed=own_id % 20 == 0) if is_crowd else rings,
            }
        )
        shift = int(rng.integers(0, 6))
        results.append({**shared, "bbox": [x + shift, y, width, height], "score": float(rng.random())})
    return {
        "info": {"year": 2017, "description": "a test"},
        "licenses": [{"id": 1, "name": "CC0", "url": "https://example.com"}],
        "images": [
            {"id": i, "file_name": f"{i}.png", "width": SIZE, "height": SIZE, "license": 1} for i in range(8, 0, -1)
        ],
        "annotations": annotations,
        "categories": [{"id": 1, "name": "car", "supercategory": "vehicle"}, {"id": 18, "name": "dog"}],
    }, results


def coco_numbers(dataset: str, results: str, kind: str) -> list[float]:
    """The twelve numbers of COCO."""
    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO(dataset)
        evaluation = COCOeval(truth, truth.loadRes(results), kind)
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return [float(number) for number in evaluation.stats]


@pytest.mark.parametrize("shapes", ["boxes", "segmentations"])
def test_pycocotools_says_the_same_of_what_comes_out(cli: Cli, shapes: str) -> None:
    """The files are equal, masks and crowds included, and so are the numbers."""
    document, results = dataset_and_results()
    write("in.json", document)
    write("results.json", results)
    options = ["--images", "https://example.com/val", "--shapes", shapes]
    imported = cli.json("import", "coco", "in.json", "--dataset", "val", *options)
    assert imported["records_in_the_file"] == 68 and imported["errors"] == []
    cli.run("import", "coco", "results.json", "--dataset", "val", "--model", "m", "--create-model")
    written = cli.json("export", "coco", "val", "-o", "out.json")
    assert written == {"path": "out.json", "n_images": 8, "n_records": 60, "left_out": {}}
    assert "60 results on 8 images" in cli.text("export", "coco", "val", "--model", "m", "-o", "results-out.json")
    assert json.loads(Path("out.json").read_text()) == document
    assert json.loads(Path("results-out.json").read_text()) == results
    numbers = coco_numbers("in.json", "results.json", "bbox")
    assert 0 < numbers[0] < 1
    assert coco_numbers("out.json", "results-out.json", "bbox") == numbers

    dataset = cli.api.client().get_dataset(imported["dataset"])
    rows = {row["item"].reference_id: row["annotations"] for row in dataset.items_and_annotation_generator()}
    if shapes == "boxes":
        box = next(b for b in rows["8.png"]["box"] if b.annotation_id == "49")
        assert (box.label, box.metadata["area"], box.metadata["iscrowd"]) == (
            "dog",
            document["annotations"][6]["area"],
            0,
        )
    else:
        assert {b.annotation_id for b in rows["4.png"]["polygon"]} >= {"21", "21/1"}
        crowds = rows["3.png"]["segmentation"].annotations
        assert [segment.metadata["iscrowd"] for segment in crowds] == [1, 1]
        assert [segment.index for segment in crowds] == [1, 2]


def test_local_images_go_up_and_keypoints_are_objects(cli: Cli) -> None:
    """Below the folder only; joints and limbs are the category's, in our order from 0."""
    Path("photos").mkdir()
    write_png(Path("photos/a.png"))
    document = {
        "images": [{"id": 1, "file_name": "a.png", "width": 16, "height": 16}],
        "annotations": [
            {
                "id": 3,
                "image_id": 1,
                "category_id": 1,
                "bbox": [0, 0, 2, 2],
                "keypoints": [1, 1, 2, 0, 0, 0],
                "num_keypoints": 1,
            }
        ],
        "categories": [{"id": 1, "name": "person", "keypoints": ["nose", "tail"], "skeleton": [[1, 2]]}],
    }
    write("people.json", document)
    imported = cli.json("import", "coco", "people.json", "--dataset", "people", "--images", "photos")
    assert imported["annotations_stored"] == 2
    annotations = cli.api.client().get_dataset(imported["dataset"]).refloc("a.png")["annotations"]
    (points,) = annotations["keypoints"]
    assert (points.names, points.skeleton, points.annotation_id) == (["nose", "tail"], [[0, 1]], "3/keypoints")
    assert [(p.x, p.y, p.visible) for p in points.keypoints] == [(1, 1, True), (None, None, False)]
    cli.run("export", "coco", "people", "-o", "out.json")
    assert json.loads(Path("out.json").read_text()) == document
    document["images"][0]["file_name"] = "../a.png"
    write("people.json", document)
    assert "expected a file below photos, got '../a.png'" in cli.error(
        "import", "coco", "people.json", "--dataset", "others", "--images", "photos", code=1
    )


def test_what_was_never_coco_is_written_as_coco(cli: Cli) -> None:
    """Labels become categories, areas are computed, and what has no form is counted."""
    client = cli.api.client()
    dataset = client.create_dataset("road")
    dataset.append([nucleus.DatasetItem("https://example.com/a.jpg", "a", {"city": "Bern"}, width=9, height=9)])
    triangle = [nucleus.Point(0, 0), nucleus.Point(4, 0), nucleus.Point(0, 3)]
    dataset.annotate(
        [
            nucleus.BoxAnnotation("car", 1, 2, 3, 4, "a", "b1", {"n": 1}),
            nucleus.PolygonAnnotation("dog", triangle, "a", "p1"),
            nucleus.LineAnnotation("lane", triangle, "a", "l1"),
            nucleus.SegmentationAnnotation("https://example.com/m.png", [nucleus.Segment("road", 1)], "a"),
        ]
    )
    shown = cli.text("export", "coco", "road", "-o", "out.json")
    assert "2 annotations on 1 images" in shown and "1 line" in shown and "1 mask" in shown
    written = json.loads(Path("out.json").read_text())
    (image,) = written["images"]
    assert image == {
        "id": 1,
        "file_name": "a",
        "width": 9,
        "height": 9,
        "city": "Bern",
        "coco_url": "https://example.com/a.jpg",
    }
    box, polygon = written["annotations"]
    assert (box["id"], box["area"], box["iscrowd"], box["annotation_id"], box["n"]) == (1, 12, 0, "b1", 1)
    assert (polygon["area"], polygon["bbox"], polygon["segmentation"]) == (6, [0, 0, 4, 3], [[0, 0, 4, 0, 0, 3]])
    assert written["categories"] == [{"id": 1, "name": "car"}, {"id": 2, "name": "dog"}]


IMAGE = {"id": 1, "file_name": "a.png"}
BOX = {"id": 5, "image_id": 1, "category_id": 1, "bbox": [0, 0, 1, 1]}
WRONG: list[tuple[dict[str, Any], str]] = [
    ({"images": 3}, "expected a COCO dataset"),
    ({"images": [IMAGE, IMAGE]}, "image in place 1: expected every id once, got 1 again"),
    ({"images": [IMAGE, {**IMAGE, "id": 2}]}, "give reference_id 'id'"),
    ({"images": [{"id": True, "file_name": "a"}]}, "image in place 0: expected an id"),
    (
        {"annotations": [{**BOX, "image_id": 9}]},
        "annotation 5 (in place 0): expected the image_id of one of the 1 images, got 9",
    ),
    ({"annotations": [{**BOX, "bbox": [0, 0, 1]}]}, "four finite numbers"),
    ({"annotations": [{**BOX, "bbox": [0, 0, -1, 1]}]}, "the last two at least 0"),
    ({"annotations": [{**BOX, "bbox": []}]}, "expected a bbox, a segmentation or keypoints"),
    ({"annotations": [{**BOX, "category_id": [1]}]}, "category_id of one of the 1 categories"),
    ({"annotations": [BOX, BOX]}, "annotation in place 1: expected every id once"),
    ({"annotations": [{**BOX, "keypoints": [1, 2]}]}, "[x1, y1, v1, x2, …]"),
    ({"annotations": [{**BOX, "bbox": [], "segmentation": {"size": [2, 2], "counts": [5]}}]}, "got 5 of them"),
    ({"annotations": [{**BOX, "bbox": [], "segmentation": {"size": [2, 2], "counts": "é"}}]}, "character 'é'"),
    ({"annotations": ["box"]}, "annotation in place 0: expected an object"),
    ({"categories": [{"id": 1}]}, "category in place 0: expected a name"),
]


def test_what_is_wrong_is_named_and_nothing_is_made(cli: Cli) -> None:
    """The record, what was expected, what was got."""
    good = {"images": [IMAGE], "annotations": [BOX], "categories": [{"id": 1, "name": "car"}]}
    command = ("import", "coco", "c.json", "--dataset", "road", "--images", "https://x")
    for wrong, message in WRONG:
        write("c.json", {**good, **wrong})
        assert message in " ".join(cli.error(*command, code=1).split())
    Path("c.json").write_text('{"images": [NaN')
    assert "c.json, got no JSON" in cli.error(*command, code=1)
    write("c.json", good)
    assert "say where the images are" in cli.error(*command[:-2], code=1)
    assert cli.json("datasets", "list") == []
    cli.run(*command)
    assert "give another name" in cli.error(*command, "--reference-id", "id", code=1)
    write("r.json", [{"image_id": 1, "category_id": 1, "bbox": [0, 0, 1, 1], "score": 1.5}])
    results = ("import", "coco", "r.json", "--dataset", "road", "--model", "m", "--create-model")
    assert "result in place 0: expected a score in [0, 1], got 1.5" in cli.error(*results, code=1)
    cli.api.client().create_dataset("plain")
    assert "import the COCO dataset first" in cli.error(*results[:4], "plain", *results[5:], code=1)
