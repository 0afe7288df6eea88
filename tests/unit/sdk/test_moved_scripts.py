"""Calls that scripts of the hosted product make: which request each is, and what its user gets."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import nucleus
from nucleus import BoxAnnotation, BoxPrediction, DatasetItem, SegmentationAnnotation, SegmentationPrediction
from tests.support.images import write_png
from tests.unit.sdk.wire import JOB_HANDLE, Wire, one_after_the_other

BOX = BoxAnnotation("car", 1, 2.5, 3, 4, "a/b", "an id")
PREDICTION = BoxPrediction("car", 1, 2.5, 3, 4, "a/b", 0.0, "an id")
ITEM = {"reference_id": "a/b", "image_url": "https://x/a.png", "metadata": {}, "dataset_item_id": "di_1"}
MASK: dict[str, Any] = {"mask_url": "https://x/m.png", "annotations": [], "annotation_id": None}
EXPORTED: dict[str, Any] = {
    "item": ITEM,
    **{kind: [] for kind in ("line", "polygon", "keypoints", "cuboid", "category", "multicategory")},
    "box": [{**BOX.to_payload(), "reference_id": None}],
    "segmentation": MASK,
}
MODEL = {"id": "prj_1", "name": "m", "ref_id": "m", "metadata": None, "tags": ["old"], "trained_slice_ids": None}


@pytest.fixture
def dataset(wire: Wire) -> nucleus.Dataset:
    """A dataset by its id."""
    return wire.client().get_dataset("ds_1")


@pytest.fixture
def model(wire: Wire) -> nucleus.Model:
    """A model."""
    wire.routes[("GET", "model/prj_1")] = MODEL
    return wire.client().get_model("prj_1")


def test_an_item_with_its_annotations(wire: Wire, dataset: nucleus.Dataset) -> None:
    """Objects by kind, each with the server's id of the item."""
    wire.routes[("GET", "dataset/ds_1/refloc/a%2Fb")] = {
        "item": ITEM,
        "annotations": {"box": [BOX.to_payload()], "segmentation": [{**MASK, "reference_id": "a/b", "type": "mask"}]},
    }
    found = dataset.refloc("a/b")
    assert found["item"] == DatasetItem("https://x/a.png", "a/b")
    assert found["annotations"] == {
        "box": [BOX],
        "segmentation": [SegmentationAnnotation("https://x/m.png", [], "a/b")],
    }
    assert found["annotations"]["box"][0].dataset_item_id == "di_1"
    wire.routes[("GET", "dataset/ds_1/groundTruth/loc/a%2Fb/an%20id")] = BOX.to_payload()
    assert dataset.ground_truth_loc("a/b", "an id") == BOX


def test_exports_page_by_page(wire: Wire, dataset: nucleus.Dataset) -> None:
    """Kinds that an item does not have are empty lists; the only segmentation is no list."""
    pages = one_after_the_other({"data": [EXPORTED], "nextPageToken": "t"}, {"data": [EXPORTED], "nextPageToken": None})
    wire.routes[("POST", "dataset/ds_1/exportForTrainingPage")] = pages
    rows = list(dataset.items_and_annotation_generator(page_size=1))
    assert wire.body() == {
        "pageToken": "t",
        "pageSize": 1,
        "query": None,
        "chip": False,
        "onlyMostRecentTask": True,
    }
    assert len(rows) == 2 and rows[0]["item"].reference_id == "a/b"
    assert rows[0]["annotations"]["box"] == [BOX] and rows[0]["annotations"]["line"] == []
    assert rows[0]["annotations"]["segmentation"] == SegmentationAnnotation("https://x/m.png", [], "a/b")
    with pytest.raises(ValueError, match="page_size"):
        next(dataset.items_and_annotation_generator(page_size=0))
    with pytest.raises(ValueError, match="from 1 to 30"):
        next(dataset.scene_and_annotation_generator(page_size=31))


def test_predictions_of_a_model_on_a_dataset(wire: Wire, dataset: nucleus.Dataset, model: nucleus.Model) -> None:
    """A confidence of 0 is one."""
    by_kind = {"annotations": {"box": [PREDICTION.to_payload()]}}
    wire.routes |= {
        ("GET", "dataset/ds_1/model/prj_1/iloc/3"): by_kind,
        ("GET", "dataset/ds_1/model/prj_1/referenceId/a%2Fb"): by_kind,
        ("GET", "dataset/ds_1/model/prj_1/loc/a%2Fb/an%20id"): PREDICTION.to_payload(),
        ("GET", "dataset/ds_1/model/prj_1/export"): by_kind["annotations"],
        ("POST", "slice/slc_1/prj_1/exportForTrainingPage"): {"data": [EXPORTED], "nextPageToken": None},
    }
    expected = {"box": [PREDICTION]}
    assert dataset.predictions_iloc(model, 3) == dataset.predictions_refloc(model, "a/b") == expected
    assert dataset.export_predictions(model) == expected
    assert dataset.prediction_loc("prj_1", "a/b", "an id") == PREDICTION
    (row,) = wire.client().get_slice("slc_1").export_predictions(model)
    assert row["predictions"]["segmentation"] == SegmentationPrediction("https://x/m.png", [], "a/b")


def test_runs(wire: Wire, dataset: nucleus.Dataset, model: nucleus.Model) -> None:
    """With a dataset the model is found by its reference id; without one each prediction says its item."""
    wire.routes |= {
        ("POST", "dataset/ds_1/modelRun/create"): {"model_run_id": "run_1"},
        ("POST", "modelRun/run_1/predict"): {
            "model_run_id": "run_1",
            "predictions_processed": 1,
            "predictions_ignored": 0,
        },
        ("POST", "model/prj_1/modelRun/create"): {"model_run_id": "run_2"},
        ("POST", "modelRun/run_2/uploadPredictions"): {"predictions_processed": 1},
        ("POST", "dataset/ds_1/modelRun/run_2/uploadPredictions"): {"predictions_processed": 1},
        ("GET", "modelRun/run_1/refloc/a%2Fb"): {"annotations": {"box": [PREDICTION.to_payload()]}},
        ("GET", "modelRun/run_1/ungrouped"): {"box": [PREDICTION.to_payload()]},
        ("GET", "modelRun/run_1/info"): {"model_id": "prj_1"},
        ("POST", "modelRun/run_1/commit"): {"model_run_id": "run_1"},
        ("DELETE", "modelRun/run_1"): {},
        ("GET", "model/prj_1/modelRun?family=true"): ["run_1"],
    }
    run = model.create_run("a run", dataset, [PREDICTION], {"k": 1})
    assert run == nucleus.ModelRun("run_1", "ds_1", wire.client().connection)
    assert wire.requests[-2].url.path.endswith("modelRun/create")
    assert run.refloc("a/b") == run.ungrouped_export() == {"box": [PREDICTION]}
    assert run.info() == {"model_id": "prj_1"} and run.commit() == {"model_run_id": "run_1"}
    placed = BoxPrediction("car", 1, 2.5, 3, 4, dataset_item_id="di_1")
    other = model.create_run("another", predictions=[placed], reference_id="mine")
    assert wire.body()["annotations"][0] == {key: v for key, v in placed.to_payload().items() if v}
    assert dataset.upload_predictions_for_model_run(other.id, [PREDICTION]) == {"predictions_processed": 1}
    assert model.model_runs(include_versions=True) == ["run_1"]
    assert wire.client().delete_model_run("run_1") == {}
    wire.routes[("POST", "dataset/ds_1/modelRun/create")] = {"status_code": 404, "error": "no such model"}
    with pytest.raises(nucleus.ModelRunCreationError, match="no such model"):
        dataset.create_model_run("r", reference_id="m")
    with pytest.raises(ValueError, match="either the reference_id"):
        dataset.create_model_run("r")


def test_predictions_without_a_run(wire: Wire, model: nucleus.Model) -> None:
    """They are read from one list."""
    wire.routes |= {
        ("POST", "model/prj_1/predictions"): {
            "model_id": "prj_1",
            "predictions_processed": 1,
            "predictions_ignored": 0,
        },
        ("GET", "model/prj_1/predictions/loc/di_1"): {"predictions": [PREDICTION.to_payload()]},
        ("GET", "model/prj_1/predictions/refloc/a%2Fb"): {"predictions": []},
        ("POST", "model/prj_1/predictions/copyFromRun"): {"predictions_copied": 3},
    }
    answer = model.upload_predictions(
        [BoxPrediction("a", 1, 2, 3, 4, dataset_item_id=f"di_{i}") for i in range(3)], batch_size=1
    )
    assert answer == {"model_id": "prj_1", "predictions_processed": 3, "predictions_ignored": 0}
    assert model.predictions_loc("di_1") == {"box": [PREDICTION]} and model.predictions_refloc("a/b") == {}
    assert model.copy_predictions_from_run("run_1")["predictions_copied"] == 3


def test_runs_are_merged(wire: Wire) -> None:
    """Each counts once; the job fills the new one."""
    wire.routes |= {
        ("POST", "modelRun/merge"): (202, {"model_run_id": "run_3", "dataset_ids": ["ds_1"], "job_id": "job_1"}),
        ("GET", "job/job_1/info"): JOB_HANDLE,
    }
    merged = wire.client().merge_model_runs(["run_1", "run_2", "run_1"], name="all")
    assert merged["job"].job_id == "job_1" and merged["model_run_id"] == "run_3"
    with pytest.raises(ValueError, match="at least two different"):
        wire.client().merge_model_runs(["run_1", "run_1"])


def test_a_model_knows_its_tags_and_slices(wire: Wire, model: nucleus.Model) -> None:
    """Also after they changed."""
    for route in ("tag", "trainedSliceId"):
        wire.routes |= {("POST", f"model/prj_1/{route}"): {}, ("DELETE", f"model/prj_1/{route}"): {}}
    model.add_tags(["new", "old", "new"])
    model.remove_tags(["old"])
    model.add_trained_slice_ids(["slc_1", "slc_2"])
    model.remove_trained_slice_ids(["slc_1"])
    assert (model.tags, model.trained_slice_ids) == (["new"], ["slc_2"])
    assert wire.body() == {"trained_slice_ids": ["slc_1"]}


def test_tags_taxonomies_metadata(wire: Wire, dataset: nucleus.Dataset) -> None:
    """Names go encoded; of many entries the numbers are added up; cameras are checked here."""
    wire.routes |= {
        ("GET", "dataset/ds_1/tags"): {"tags": []},
        ("POST", "dataset/ds_1/tags"): {"tags": ["a"]},
        ("DELETE", "dataset/ds_1/tags"): {"tags": []},
        ("POST", "dataset/ds_1/add_taxonomy"): {"status": "Taxonomy created"},
        ("DELETE", "dataset/ds_1/taxonomy/a%20b"): {"status": "Taxonomy successfully deleted"},
        ("POST", "dataset/ds_1/metadata?async=0"): {"n_updated": 1},
        ("POST", "dataset/ds_1/metadata?async=1"): JOB_HANDLE,
        ("DELETE", "annotation/ds_1"): JOB_HANDLE,
        ("GET", "dataset/ds_1/class_labels"): {"data": ["car"]},
        ("GET", "slice/slc_1/class_labels"): {},
    }
    assert dataset.get_tags() == [] and dataset.add_tags(["a"]) == ["a"] and dataset.remove_tags(["a"]) == []
    assert dataset.add_taxonomy("a b", "category", ["x"])["status"] == "Taxonomy created"
    assert "deleted" in dataset.delete_taxonomy("a b")["status"]
    assert dataset.update_item_metadata({f"r{i}": {"k": i} for i in range(501)}) == {"n_updated": 2}
    assert wire.body() == {"metadata": [{"reference_id": "r500", "metadata": {"k": 500}}], "level": "item"}
    assert dataset.update_scene_metadata({"s": {}}, asynchronous=True).job_id == "job_1"
    with pytest.raises(ValueError, match="without position"):
        dataset.update_item_metadata({"r": {"camera_params": {"fx": 1}}})
    assert dataset.delete_annotations(["a/b"], keep_history=False).job_id == "job_1"
    assert wire.body() == {"keep_history": False, "reference_ids": ["a/b"]}
    assert dataset.export_class_labels() == ["car"] and dataset.export_class_labels("slc_1") == []


def test_slices_of_all_kinds(wire: Wire, dataset: nucleus.Dataset) -> None:
    """Members are what their ids say."""
    wire.routes |= {
        ("POST", "dataset/ds_1/create_slice"): {"slice_id": "slc_1"},
        ("POST", "dataset/ds_1/build_slice"): {"sliceId": "slc_2", **JOB_HANDLE},
        ("GET", "dataset/ds_1/slices?type=object"): [],
        ("GET", "slice/slc_1"): {
            "items": [
                {"id": "di_1", **ITEM},
                {"id": "ann_1", **BOX.to_payload()},
                {"id": "pred_1", **PREDICTION.to_payload()},
                {"id": "scn_1", "reference_id": "s"},
            ]
        },
    }
    made = dataset.create_slice_by_ids("s", annotation_ids=["ann_1"], prediction_ids=["pred_1"])
    assert wire.body() == {"name": "s", "dataset_item_ids": None, "scene_ids": None, "object_ids": ["ann_1", "pred_1"]}
    assert [type(member).__name__ for member in made.items] == [
        "DatasetItem",
        "BoxAnnotation",
        "BoxPrediction",
        "LidarScene",
    ]
    with pytest.raises(ValueError, match="got dataset_item_ids and scene_ids"):
        dataset.create_slice_by_ids("s", ["di_1"], ["scn_1"])
    filters = nucleus.SliceBuilderFilters("slc_1", nucleus.SliceBuilderFilterAutotag("tag_1", [-0.5, 0.5]))
    job, slice_id = dataset.build_slice("s", 5, "Random", filters)
    assert (job.job_id, slice_id) == ("job_1", "slc_2")
    assert wire.body()["filters"] == {"sliceId": "slc_1", "autotag": {"autotagId": "tag_1", "range": [-0.5, 0.5]}}
    with pytest.raises(nucleus.NotFoundError, match="with type 'object', got none"):
        dataset.get_slices(slice_type=nucleus.SliceType.OBJECT)
    for call, text in (
        (lambda: dataset.build_slice("s", 0, "Random"), "sample_size of at least 1"),
        (lambda: dataset.build_slice("s", 1, "random"), "random"),
        (lambda: nucleus.SliceBuilderFilterAutotag("tag_1", [0.5, -0.5]), "lowest first"),
    ):
        with pytest.raises(ValueError, match=text):
            call()


def test_jobs_of_a_dataset(wire: Wire, dataset: nucleus.Dataset) -> None:
    """By type, or counted."""
    wire.routes[("POST", "jobs/")] = [JOB_HANDLE, JOB_HANDLE]
    assert len(dataset.jobs(job_types=[nucleus.CustomerJobTypes.UPLOAD_DATASET_ITEMS])) == 2
    assert wire.body()["job_types"] == ["uploadDatasetItems"] and wire.body()["dataset_id"] == "ds_1"
    assert dataset.jobs(stats_only=True) == {"uploadDatasetItems": {"Running": 2}}
    wire.routes[("GET", "job/job_1/info")] = JOB_HANDLE
    assert nucleus.AsyncJob.from_id("job_1", wire.client()).job_id == "job_1"


def test_a_folder_of_images(wire: Wire, dataset: nucleus.Dataset, tmp_path: Path) -> None:
    """Paths in the folder are the reference ids."""
    (tmp_path / "sub").mkdir()
    write_png(tmp_path / "sub" / "a.PNG")
    write_png(tmp_path / "b.png")
    (tmp_path / "c.txt").write_text("no image")
    wire.routes[("POST", "dataset/ds_1/append?async=1")] = JOB_HANDLE
    assert dataset.add_items_from_dir(str(tmp_path)) is not None
    content = wire.last.content
    assert b'"reference_id":"b.png"' in content and b'"reference_id":"sub/a.PNG"' in content
    assert dataset.add_items_from_dir(str(tmp_path), allowed_file_types=("gif",)) is None
    with pytest.raises(ValueError, match="expected a folder"):
        wire.client().create_dataset_from_dir(str(tmp_path / "nowhere"))


def test_calls_that_have_moved_say_where(wire: Wire) -> None:
    """They go on working."""
    wire.routes |= {
        ("GET", "dataset/"): [],
        ("GET", "modelRun/run_1/info"): {"name": "r"},
        ("POST", "slice/slc_1/append"): {"slice_id": "slc_1", "new_items": 1},
    }
    client = wire.client()
    with pytest.warns(DeprecationWarning, match=r"use NucleusClient\.datasets"):
        assert client.list_datasets() == []
    with pytest.warns(DeprecationWarning, match=r"use ModelRun\.info"):
        assert client.model_run_info("run_1") == {"name": "r"}
    with pytest.warns(DeprecationWarning, match=r"use Slice\.append"):
        assert client.append_to_slice("slc_1", ["a"], "ds_1")["new_items"] == 1
