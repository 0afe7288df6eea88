"""Functions, tests, evaluations, the history, uploads."""

from __future__ import annotations

import pytest

import nucleus
from tests.unit.cli.conftest import Cli, World, read_csv


@pytest.fixture
def uploaded(cli: Cli, world: World) -> World:
    """The world with two uploads of its model, the second partial."""
    for scores in ({"a": 1.0, "b": 0.0, "c": 1.0, "d": 0.0}, {"a": 1.0, "b": 0.5}):
        columns = {"item_ref_id": list(scores), "score": list(scores.values())}
        world.test.upload_external_evaluation_results(world.function, columns, world.model.id)
    return world


def test_functions(cli: Cli, world: World) -> None:
    """Made with properties, changed by name, cleared by an empty text; who did it is kept."""
    options = ("--direction", "lower_is_better", "--score-range", 0, 10_000, "--unit", "ms", "--cluster-key", "video")
    made = cli.json("functions", "create", "latency", *options, "--description", "of one frame")
    assert made == {
        "id": made["id"],
        "name": "latency",
        "is_public": False,
        "level": "item",
        "direction": "lower_is_better",
        "score_range": [0.0, 10_000.0],
        "unit": "ms",
        "description": "of one frame",
        "default_cluster_key": "video",
    }
    changed = cli.json("functions", "set", "latency", "--unit", "s", "--description", "")
    assert changed == {**made, "unit": "s", "description": None}
    assert cli.json("functions", "show", made["id"]) == changed
    history = cli.json("functions", "history", "latency")
    assert {(c["property"], c["before"], c["after"], c["user_name"]) for c in history} == {
        ("unit", "ms", "s", "admin"),
        ("description", "of one frame", None, "admin"),
    }
    assert "ms" in cli.text("functions", "history", "latency")
    assert [f["name"] for f in cli.json("functions", "list")] == ["custom_mAP", "latency"]
    assert "bbox_iou" in cli.text("functions", "list", "--all")
    assert "lower_is_better" in cli.text("functions", "show", "latency")
    assert "at least one property" in cli.error("functions", "set", "latency")
    assert "public" in cli.error("functions", "set", "bbox_iou", "--unit", "x")
    assert "blanks" in cli.error("functions", "create", "a b")
    assert "Deleted function latency" in cli.text("functions", "delete", "latency", "--yes")
    assert cli.json("functions", "delete", "custom_mAP", "--yes") == {"id": world.function.id, "deleted": True}


def test_tests(cli: Cli, uploaded: World) -> None:
    """Made of a slice and functions by name; thresholds and baselines are set and taken away."""
    uploaded.client.validate.create_external_eval_function("recall")
    both = ("--function", "custom_mAP", "--function", "recall")
    made = cli.json("tests", "create", "second", "--slice", "night", "--dataset", "road", *both)
    assert made["slice_id"] == uploaded.slice.id
    assert [(f["function_name"], f["threshold"]) for f in made["functions"]] == [("custom_mAP", None), ("recall", None)]
    assert [t["name"] for t in cli.json("tests", "list")] == ["night test", "second"]
    added = cli.json("tests", "add-function", "night test", "recall")
    assert [f["function_name"] for f in added["functions"]] == ["custom_mAP", "recall"]
    at = ("night test", "custom_mAP")
    row = cli.json("tests", "set-threshold", *at, "0.7", "--comparison", "greater_than")["functions"][0]
    assert (row["threshold"], row["comparison"]) == (0.7, "greater_than")
    assert "> 0.7" in cli.text("tests", "show", "night test")
    assert cli.json("tests", "set-threshold", *at, "none")["functions"][0]["threshold"] is None
    assert cli.json("tests", "set-baseline", "night test", "detector-v3")["baseline_model_id"] == uploaded.model.id
    assert "the baseline's result" in cli.text("tests", "show", "night test")
    assert cli.json("tests", "set-baseline", "night test", "none")["baseline_model_id"] is None
    assert cli.json("tests", "set-threshold", *at, "-0.5")["functions"][0]["threshold"] == -0.5
    assert "a number or none" in cli.error("tests", "set-threshold", *at, "high")
    cli.run("tests", "set-threshold", *at, "0.5", "--nonsense", code=3)
    assert "a number or none" in cli.error("tests", "set-threshold", *at, "inf")
    uploaded.client.validate.create_external_eval_function("other")
    assert "add-function" in cli.error("tests", "set-threshold", "night test", "other", "1")
    assert "night test" in cli.text("tests", "list")
    assert "Deleted scenario test second" in cli.text("tests", "delete", "second", "--yes")
    assert cli.json("tests", "delete", "night test", "--yes")["deleted"]


def test_history(cli: Cli, uploaded: World) -> None:
    """Result, criterion, verdict as icon and word, coverage, which upload it was, who."""
    uploaded.test.get_eval_functions()[0].set_threshold(0.6)
    shown = cli.text("history", "night test").splitlines()
    first, second = (line for line in shown if "Detector 3" in line)
    for text in ("custom_mAP", "0.5000", "≥ 0.6000", "✗ failed", "100 % (4 of 4)", "1 of 2", "admin"):
        assert text in first
    for text in ("0.7500", "✓ passed", "50.0 % (2 of 4)", "2 of 2"):
        assert text in second
    rows = cli.json("history", "night test", "--model", "detector-v3", "--function", "custom_mAP")
    assert [(r["result"], r["passed"], r["upload_number"], r["n_uploads"]) for r in rows] == [
        (0.5, False, 1, 2),
        (0.75, True, 2, 2),
    ]
    assert rows[0]["criterion"]["threshold"] == 0.6 and rows[0]["upload_id"]
    uploaded.client.create_model("other", "other")
    assert cli.json("history", "night test", "--model", "other") == []
    assert "nothing yet" in cli.text("history", "night test", "--model", "other")
    uploaded.test.get_eval_functions()[0].set_threshold(None)
    assert "no criterion" in cli.text("history", "night test")
    uploaded.test.set_baseline_model(uploaded.model.id)
    assert "(baseline)" in cli.text("history", "night test")


def test_evaluations(cli: Cli, uploaded: World) -> None:
    """By their ids, with the scores of their items if asked for."""
    rows = cli.json("evaluations", "list", "night test")
    assert [row["id"] for row in rows] == [e.id for e in uploaded.test.get_eval_history()]
    assert rows == cli.json("history", "night test")
    assert rows[0]["id"] in cli.text("evaluations", "list", "night test")
    shown = cli.json("evaluations", "show", rows[1]["id"], "--items")
    assert [(i["reference_id"], i["score"], i["passed"]) for i in shown["items"]] == [
        ("a", 1.0, None),
        ("b", 0.5, None),
    ]
    assert cli.json("evaluations", "show", rows[1]["id"]) == rows[1]
    text = cli.text("evaluations", "show", rows[1]["id"], "--items")
    assert "50.0 % (2 of 4)" in text and "– no criterion" in text
    assert "ev_nowhere" in cli.error("evaluations", "show", "ev_nowhere")


def test_uploads(cli: Cli, uploaded: World) -> None:
    """Newest first, of a dataset or a model, with their reports."""
    rows = cli.json("uploads", "list")
    assert [row["n_rows"] for row in rows] == [2, 4]
    assert rows == cli.json("uploads", "list", "--dataset", "road", "--model", "Detector 3")
    uploaded.client.create_dataset("empty")
    assert cli.json("uploads", "list", "--dataset", "empty") == []
    assert rows[0]["upload_id"] in cli.text("uploads", "list")
    assert cli.json("uploads", "show", rows[0]["upload_id"]) == rows[0]
    assert "custom_mAP" in cli.text("uploads", "show", rows[0]["upload_id"])
    assert "up_nowhere" in cli.error("uploads", "show", "up_nowhere")


def test_bad_rows_of_a_rejected_upload(cli: Cli, world: World) -> None:
    """As a table, as JSON, as CSV."""
    with pytest.raises(nucleus.UploadRejectedError) as caught:
        world.dataset.upload_scores({"custom_mAP": "s"}, world.model, {"item_ref_id": ["a", "nowhere"], "s": [1, 1]})
    upload_id = caught.value.upload_id
    (row,) = cli.json("uploads", "bad-rows", upload_id)
    assert (row["row"], row["reference_id"]) == (1, "nowhere")
    assert "nowhere" in cli.text("uploads", "bad-rows", upload_id)
    assert "1 bad rows are in bad.csv" in cli.text("uploads", "bad-rows", upload_id, "--csv", "bad.csv")
    assert [r["reference_id"] for r in read_csv("bad.csv")] == ["nowhere"]
