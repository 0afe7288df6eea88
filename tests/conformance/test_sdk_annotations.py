"""Our SDK against the application: columns, jobs and COCO files come back as objects; scenes and tracks are scored."""

from __future__ import annotations

import numpy
import pytest

import nucleus
from nucleus import BoxAnnotation, BoxPrediction, DatasetItem, VideoScene, coco
from nucleus.validate import EntityLevel, EvaluationResult
from tests.support.api import Api

N_ITEMS, N_EACH = 40, 5


@pytest.fixture
def dataset(api: Api) -> nucleus.Dataset:
    """A dataset of images."""
    made = api.client().create_dataset("images")
    made.append([DatasetItem(f"https://example.com/{i}.jpg", f"image {i}") for i in range(N_ITEMS)])
    return made


def test_columns_come_back_as_the_objects_that_they_stand_for(api: Api, dataset: nucleus.Dataset) -> None:
    """In many requests at once, in any order of the rows; the same as objects changes nothing."""
    n_rows = N_ITEMS * N_EACH
    order = numpy.random.default_rng(0).permutation(n_rows)
    references = numpy.array([f"image {row % N_ITEMS}" for row in range(n_rows)])[order]
    xywh = numpy.random.default_rng(1).random((n_rows, 4)) * 100
    confidences = numpy.random.default_rng(2).random(n_rows)
    columns = {"reference_id": references, "label": "car", "boxes_xywh": xywh, "confidence": confidences}
    model = api.client().create_model("m", "m")
    answer = dataset.upload_predictions(model, columns, batch_size=3 * N_EACH)
    assert (answer["predictions_processed"], answer["predictions_ignored"]) == (n_rows, 0)
    objects = [
        BoxPrediction("car", x, y, width, height, reference, confidence)
        for reference, (x, y, width, height), confidence in zip(
            references.tolist(), xywh.tolist(), confidences.tolist()
        )
    ]
    stored = dataset.export_predictions(model)["box"]
    assert sorted(map(repr, stored)) == sorted(map(repr, objects))
    again = dataset.upload_predictions(model, objects, batch_size=10)
    assert (again["predictions_processed"], again["predictions_ignored"]) == (0, n_rows)
    assert answer["model_run_id"] == again["model_run_id"]


def test_a_job_does_what_waiting_does(api: Api, dataset: nucleus.Dataset) -> None:
    """Also what it says of items that are not there."""
    boxes = [BoxAnnotation("car", 1, 2, 3, 4, f"image {i}") for i in (0, 1, 99)]
    job = dataset.annotate(boxes, asynchronous=True)
    job.sleep_until_complete()
    assert job.status()["message"]["annotation_upload"]["processed"] == 2
    assert any("image 99" in error for error in job.errors())
    assert dataset.refloc("image 1")["annotations"] == {"box": boxes[1:2]}


def test_a_coco_file_goes_up(api: Api) -> None:
    """Numbers come back as they were in the file."""
    document = {
        "images": [{"id": 1, "file_name": "a.jpg", "width": 640, "height": 480}],
        "categories": [{"id": 3, "name": "dog"}],
        "annotations": [{"id": 8, "image_id": 1, "category_id": 3, "bbox": [1, 2.5, 3, 4], "area": 7, "iscrowd": 1}],
    }
    dataset = api.client().create_dataset("coco")
    dataset.append(coco.items(document, "https://example.com"))
    dataset.annotate(coco.boxes(document))
    (row,) = dataset.items_and_annotations()
    assert row["item"] == DatasetItem("https://example.com/a.jpg", "a.jpg", width=640, height=480)
    assert row["annotations"]["box"] == [BoxAnnotation("dog", 1, 2.5, 3, 4, "a.jpg", "8", {"area": 7, "iscrowd": 1})]


@pytest.mark.parametrize("level", [EntityLevel.SCENE, EntityLevel.TRACK])
def test_scenes_and_tracks_are_scored(api: Api, level: EntityLevel) -> None:
    """A test on a slice of scenes gives them, takes a score for each, and its history has the result."""
    client = api.client()
    drives = client.create_dataset("drives", is_scene=True)
    for name in ("a", "b"):
        frames = [DatasetItem(f"https://example.com/{name}{i}.jpg", f"{name}{i}") for i in range(2)]
        drives.append([VideoScene(name, 15, items=frames)]).sleep_until_complete()
    boxes = [BoxAnnotation("car", 1, 2, 3, 4, f"{s}{i}", track_reference_id=f"track {s}") for s in "ab" for i in (0, 1)]
    drives.annotate(boxes)
    function = client.validate.create_external_eval_function("f", level=level)
    chosen = drives.create_slice("both", ["a", "b"])
    test = client.validate.create_scenario_test("t", chosen.id, [function])
    found = sorted(each.reference_id for each in test.get_items(level) if each.reference_id)
    assert found == (["a", "b"] if level is EntityLevel.SCENE else ["track a", "track b"])
    model = client.create_model("m", "m")
    scores = dict(zip(found, (0.5, 1.0)))
    results = [
        EvaluationResult(scene_ref_id=ref, score=score)
        if level is EntityLevel.SCENE
        else EvaluationResult(track_ref_id=ref, score=score)
        for ref, score in scores.items()
    ]
    test.upload_external_evaluation_results(function, results, model.id)
    (evaluation,) = test.get_eval_history()
    assert evaluation.result == 0.75 and evaluation.model_id == model.id
