"""The user's script with our SDK, on both databases, and what it stands on."""

from __future__ import annotations

from pathlib import Path

import pytest

import nucleus
from nucleus import DatasetItem
from nucleus.validate import EvaluationResult, ThresholdComparison
from tests.support.api import Api
from tests.support.images import write_png
from tests.support.server import ADMIN_KEY, LiveServer


def test_verbatim(both_servers: LiveServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """As the user wrote it, over a real socket."""
    monkeypatch.setenv("NUCLEUS_ENDPOINT", both_servers.endpoint)
    KEY = ADMIN_KEY
    dataset = nucleus.NucleusClient(KEY).create_dataset("images")
    dataset.append(
        [DatasetItem("https://example.com/1.jpg", "aec019e2-93ce64eb.jpg"), DatasetItem(text="t", reference_id="2")]
    )
    slice_id = dataset.create_slice("all", ["aec019e2-93ce64eb.jpg", "2"]).id
    model_id = nucleus.NucleusClient(KEY).create_model("m", "verbatim").id

    client = nucleus.NucleusClient(KEY)
    client.validate.create_external_eval_function("custom_mAP_fn")
    eval_fn = client.validate.eval_functions.external_functions["custom_mAP_fn"]
    sc_test = client.validate.create_scenario_test("my_scenario_test", slice_id, [eval_fn])
    results = [
        EvaluationResult(item_ref_id="aec019e2-93ce64eb.jpg", score=0.9, weight=0.5),
        EvaluationResult(item_ref_id="2", score=0.3),
    ]
    sc_test.upload_external_evaluation_results(eval_fn, results, model_id)

    (evaluation,) = sc_test.get_eval_history()
    assert evaluation.result == pytest.approx(0.5, rel=1e-15)
    assert evaluation.passed is None and evaluation.status.value == "completed"
    assert [(i.reference_id, i.result, i.weight, i.passed) for i in evaluation.item_evals] == [
        ("aec019e2-93ce64eb.jpg", 0.9, 0.5, False),
        ("2", 0.3, 1.0, False),
    ]
    assert evaluation.item_evals[0].dataset_item_id == dataset.refloc("aec019e2-93ce64eb.jpg")["item"].dataset_item_id
    client.close()


def test_items_of_every_kind(api: Api, tmp_path: Path) -> None:
    """By URL, of a file, of text, of metadata alone: all come back with something to look at."""
    client = api.client()
    dataset = client.create_dataset("mixed")
    image = write_png(tmp_path / "local.png")
    items = [
        DatasetItem("https://example.com/a b.jpg", "url", metadata={"deep": {"list": [1, None, "ü"]}}),
        DatasetItem(str(image), "file"),
        DatasetItem(reference_id="text", text="<b>What is 2 + 2?</b>"),
        DatasetItem(reference_id="metadata", metadata={"question": "why"}),
        DatasetItem(reference_id="cloud", pointcloud_location="https://example.com/c.json"),
    ]
    job = dataset.append(items)
    job.sleep_until_complete(verbose_std_out=False)
    assert dataset.size == 5
    back = {item.reference_id: item for item in dataset.items}
    assert back["url"] == items[0]
    assert back["cloud"].pointcloud_location == "https://example.com/c.json"
    assert back["text"].text == "<b>What is 2 + 2?</b>"
    # The official client cannot read an item without an image: those without one get a card.
    rows = {row["reference_id"]: row for row in api.get(f"dataset/{dataset.id}/datasetItems").json()["dataset_items"]}
    for name, content_type in (("file", "image/png"), ("text", "image/svg+xml"), ("metadata", "image/svg+xml")):
        answer = api.http.get(rows[name]["image_url"])
        assert answer.status_code == 200, answer.text
        assert answer.headers["content-type"].startswith(content_type)
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert api.http.get(str(back["file"].image_location)).content == image.read_bytes()
    card = api.http.get(rows["text"]["image_url"]).text
    assert "&lt;b&gt;What" in card and "<b>" not in card
    assert api.http.get(rows["text"]["image_url"].replace("/card/ws_", "/card/ws_0")).status_code == 404
    dataset.delete_item("file")
    assert api.http.get(str(back["file"].image_location)).status_code == 404
    with pytest.raises(FileNotFoundError, match="nowhere"):
        dataset.append([DatasetItem("/nowhere/a.png", "x")])
    with pytest.raises(ValueError, match="at least one"):
        dataset.append([])


def test_criteria_baseline_and_growing_slice(api: Api) -> None:
    """A threshold of its own beats the baseline; lists that differ are compared on what they share."""
    client = api.client()
    dataset = client.create_dataset("d")
    dataset.append([DatasetItem(reference_id=str(i), text="t") for i in range(4)])
    part = dataset.create_slice("s", ["0", "1"])
    function = client.validate.create_external_eval_function("f")
    test = client.validate.create_scenario_test("t", part.id, [function])
    old, new = client.create_model("old", "old"), client.create_model("new", "new")

    def upload(model: nucleus.Model, *scores: float) -> None:
        results = [EvaluationResult(item_ref_id=str(i), score=s) for i, s in enumerate(scores)]
        test.upload_external_evaluation_results(function, results, model.id)

    with pytest.raises(nucleus.ConflictError, match="no completed evaluation"):
        test.set_baseline_model(old.id)
    upload(old, 0.6, 0.8)
    assert test.set_baseline_model(old.id) == old.id
    assert [e.passed for e in test.get_eval_history()] == [True]
    assert part.append(["2", "3"])["new_items"] == 2
    upload(new, 0.5, 0.8, 1.0, 1.0)
    judged = test.get_eval_history()[-1]
    assert judged.result == pytest.approx(0.825) and judged.passed is False
    assert judged.criterion is not None
    assert judged.criterion["source"] == "baseline" and judged.criterion["baseline_model_id"] == old.id
    assert judged.criterion["n_common"] == 2
    assert judged.criterion["result_on_common"] == pytest.approx(0.65)
    assert judged.criterion["threshold"] == pytest.approx(0.7)
    (metric,) = test.get_eval_functions()
    metric.set_threshold(0.82, ThresholdComparison.GREATER_THAN)
    assert [e.passed for e in test.get_eval_history()] == [False, True]
    with pytest.raises(ValueError, match="finite"):
        metric.set_threshold(float("nan"))
    assert [e.passed for e in test.get_eval_history()] == [False, True]
    metric.set_threshold(None)
    assert metric.threshold is None and metric.threshold_comparison is ThresholdComparison.GREATER_THAN
    assert [e.passed for e in test.get_eval_history()] == [False, False]
    assert test.set_baseline_model(None) is None
    assert [e.passed for e in test.get_eval_history()] == [None, None]
    history = test.get_criteria_history()
    assert [(h["kind"], h["threshold"], h["baseline_model_id"]) for h in history] == [
        ("baseline", None, old.id),
        ("threshold", 0.82, None),
        ("threshold", None, None),
        ("baseline", None, None),
    ]
    assert {h["user_name"] for h in history} == {"admin"}


def test_lower_is_better(api: Api) -> None:
    """Its default comparison is ≤, for thresholds and for items."""
    client = api.client()
    dataset = client.create_dataset("d")
    dataset.append([DatasetItem(reference_id=r, text="t") for r in "ab"])
    part = dataset.create_slice("s", ["a", "b"])
    loss = client.validate.create_external_eval_function("loss", direction="lower_is_better", score_range=(0, 100))
    test = client.validate.create_scenario_test("t", part.id, [loss])
    model = client.create_model("m", "m")
    results = [EvaluationResult(item_ref_id=r, score=s) for r, s in (("a", 10), ("b", 30))]
    test.upload_external_evaluation_results(loss, results, model.id)
    (metric,) = test.get_eval_functions()
    metric.set_threshold(20)
    assert metric.threshold_comparison is ThresholdComparison.LESS_THAN_EQUAL_TO
    (evaluation,) = test.get_eval_history()
    assert (evaluation.result, evaluation.passed) == (20, True)
    assert [item.passed for item in evaluation.item_evals] == [True, False]


def test_deleted_items_leave_history_alone(api: Api) -> None:
    """Old results stay; new ones are complete without the deleted item; its scores stay readable."""
    client = api.client()
    dataset = client.create_dataset("d")
    dataset.append([DatasetItem(reference_id=r, text="t") for r in "abc"])
    part = dataset.create_slice("s", list("abc"))
    function = client.validate.create_external_eval_function("f")
    test = client.validate.create_scenario_test("t", part.id, [function])
    model = client.create_model("m", "m")
    scores = {"a": 0.0, "b": 0.5, "c": 1.0}
    everything = [EvaluationResult(item_ref_id=r, score=s) for r, s in scores.items()]
    test.upload_external_evaluation_results(function, everything, model.id)
    dataset.delete_item("a")
    assert [item.reference_id for item in test.get_items()] == ["b", "c"]
    (old,) = test.get_eval_history()
    assert (old.result, old.coverage) == (0.5, 1.0)
    assert [(i.reference_id, i.result, i.deleted) for i in old.item_evals] == [
        ("a", 0.0, True),
        ("b", 0.5, False),
        ("c", 1.0, False),
    ]
    answer = test.upload_external_evaluation_results(function, everything[1:], model.id)
    assert (answer["evaluation"]["result"], answer["evaluation"]["coverage"]) == (0.75, 1.0)
    assert answer["evaluation"]["n_deleted"] == 1


def test_deleting_by_the_rules(api: Api) -> None:
    """What evaluations use is hidden, names are free again, and a deleted dataset takes everything along."""
    client = api.client()
    dataset = client.create_dataset("d")
    dataset.append([DatasetItem(reference_id="a", text="t")])
    part = dataset.create_slice("s", ["a"])
    function = client.validate.create_external_eval_function("f")
    test = client.validate.create_scenario_test("t", part.id, [function])
    model = client.create_model("m", "m", metadata={"k": [1]}, tags=["x"])
    assert client.get_model(model.id) == model and model.tags == ["x"]
    result = [EvaluationResult(item_ref_id="a", score=1)]
    test.upload_external_evaluation_results(function, result, model.id)
    client.delete_model(model.id)
    client.delete_slice(part.id)
    assert client.validate.delete_eval_function(function.id)
    assert client.models == client.slices == []
    assert "f" not in client.validate.eval_functions.external_functions
    (evaluation,) = test.get_eval_history()
    assert (evaluation.model_id, evaluation.result, len(evaluation.item_evals)) == (model.id, 1.0, 1)
    with pytest.raises(nucleus.NotFoundError):
        test.upload_external_evaluation_results(function, result, model.id)
    with pytest.raises(nucleus.PermissionDeniedError, match="public"):
        client.validate.delete_eval_function(client.validate.eval_functions.bbox_iou.id)
    assert client.delete_dataset(dataset.id) == {"message": "Beginning dataset deletion..."}
    assert client.datasets == client.validate.scenario_tests == []
    with pytest.raises(nucleus.NotFoundError):
        test.get_eval_history()
    (job,) = [job for job in client.list_jobs(show_completed=True) if job.job_type == "deleteDataset"]
    assert job.status()["status"] == "Running"
