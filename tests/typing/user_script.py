"""What users write, as the type checker sees it; checked, never run."""

from __future__ import annotations

import array
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from typing import Any

import numpy
import polars

import nucleus
from nucleus import Dataset, DatasetItem, Model, NucleusAPIError, NucleusClient, Slice
from nucleus.async_job import AsyncJob, JobError
from nucleus.validate import (
    Comparison,
    Comparisons,
    Direction,
    EntityLevel,
    EvaluationCriterion,
    EvaluationResult,
    Explanation,
    ExternalEvalFunction,
    PublicEvalFunction,
    Release,
    ReleaseReport,
    ScenarioTest,
    ScenarioTestEvaluation,
    ScenarioTestItemEvaluation,
    ScenarioTestMetric,
    ThresholdComparison,
    Waiver,
)


def the_script(client: NucleusClient, slice_id: str, model_id: str, eval_results: list[EvaluationResult]) -> None:
    """The script of the README."""
    client.validate.create_external_eval_function("custom_mAP_fn")
    eval_fn = client.validate.eval_functions.external_functions["custom_mAP_fn"]
    sc_test = client.validate.create_scenario_test("my_scenario_test", slice_id, [eval_fn])
    uploaded: dict[str, Any] = sc_test.upload_external_evaluation_results(eval_fn, eval_results, model_id)
    for e in sc_test.get_eval_history():
        result: float | None = e.result
        passed: bool | None = e.passed
        items: list[ScenarioTestItemEvaluation] = e.item_evals
        print(result, passed, e.status.value, items, uploaded)


def the_types_behind_it(image: str) -> None:
    """Every call gives what its documentation says."""
    with nucleus.NucleusClient(limited_access_key="nv_…", endpoint="http://127.0.0.1:8000/v1/nucleus") as client:
        dataset: Dataset = client.create_dataset("d")
        job: AsyncJob = dataset.append([DatasetItem(image, reference_id="a"), DatasetItem(text="t", reference_id="b")])
        try:
            job.sleep_until_complete()
        except JobError as error:
            job_id: str = error.job_id
            print(job_id, job.errors())
        part: Slice = dataset.create_slice("s", ["a", "b"])
        model: Model = client.create_model("m", reference_id="m-1", metadata={"k": 1})
        own: ExternalEvalFunction = client.validate.create_external_eval_function(
            "latency", level=EntityLevel.ITEM, direction=Direction.LOWER_IS_BETTER, score_range=(0, 60)
        )
        test: ScenarioTest = client.validate.create_scenario_test("t", part.id, [own])
        metrics: list[ScenarioTestMetric] = test.get_eval_functions()
        metrics[0].set_threshold(0.5, ThresholdComparison.LESS_THAN)
        test.set_baseline_model(model.id)
        built_in: PublicEvalFunction = client.validate.eval_functions.bbox_iou(iou_threshold=0.5)
        criterion: EvaluationCriterion = built_in > 0.5
        history: list[ScenarioTestEvaluation] = test.get_eval_history()
        try:
            client.delete_dataset(dataset.id)
        except NucleusAPIError as error:
            facts: tuple[int, str, str, bool] = (error.status_code, error.code, error.request_id, error.retryable)
            print(facts, error.errors, criterion, history)


@nucleus.external_function("closeness", direction="lower_is_better", score_range=(0, 100), unit="m")
def closeness(item: DatasetItem, prediction: float) -> float | tuple[float, float]:
    """How close the prediction is."""
    return prediction, 0.5


def any_shape_of_scores(client: NucleusClient, test: ScenarioTest, own: ExternalEvalFunction, model: Model) -> None:
    """Scores go in from whatever a script has."""

    def results() -> Iterator[EvaluationResult]:
        yield EvaluationResult(item_ref_id="a", score=1.0)

    frame = polars.DataFrame({"item_ref_id": ["a"], "score": [1.0]})
    columns = {"item_ref_id": ["a"], "score": numpy.ones(1), "weight": array.array("d", [1.0])}
    test.upload_external_evaluation_results(own, results(), model.id)
    test.upload_external_evaluation_results(own, columns, model.id, dry_run=True)
    test.upload_external_evaluation_results(own, frame, model.id)
    dataset: Dataset = client.get_dataset("ds_1")
    report: nucleus.UploadReport = dataset.upload_scores({"closeness": "score"}, model, frame)
    dataset.upload_scores({own: "score"}, model.id, [{"item_ref_id": "a", "score": 1.0}], weight={own: "w"})
    dataset.upload_scores({"closeness": "score"}, model.id, columns, weight="weight", min_coverage=0.5, dry_run=True)
    for function in report.functions:
        mean: float | None = function.mean
        print(mean, [warning.message for warning in function.warnings], report.to_dict())
    dataset.append(frame)
    dataset.append({"reference_id": ["a"], "text": ["t"]}).sleep_until_complete()
    dataset.append(DatasetItem(text="t", reference_id=str(i)) for i in range(3))
    part = dataset.create_slice("s", frame["item_ref_id"])
    part.append(str(i) for i in range(3))
    try:
        run: nucleus.ScoringRun = closeness.evaluate(part, {"a": 1.0}, model, processes=4)
        closeness.evaluate(test, lambda item: 1.0, model.id, dry_run=True)
        print(run.n_scored, [error.reference_id for error in run.errors])
    except nucleus.UploadRejectedError as error:
        rows: list[dict[str, Any]] = error.bad_rows()
        error.write_bad_rows("bad.csv")
        print(error.upload_id, rows, client.get_bad_rows(error.upload_id))
    changed: ExternalEvalFunction = client.validate.set_eval_function_properties(own.id, unit=None, description="d")
    uploads: list[nucleus.UploadReport] = client.uploads(model_id=model.id)
    print(changed, uploads, client.validate.get_eval_function_history(own.id))


def verdicts_and_releases(client: NucleusClient, test: ScenarioTest, own: ExternalEvalFunction, model: Model) -> None:
    """What a script does before a release."""
    found: Comparisons = test.compare("prj_1", model, eval_functions=[own, "recall"])
    one: Comparison = found["recall"]
    first, others = found[0], found[1:]
    if one.interval is not None and one.comparison is not None:
        low, high = one.interval
        n: int = one.comparison.n_clusters
        print(low + high, n, first.verdict, others.for_test("t").is_complete)
    why: Explanation = test.explain("prj_1", model, own, by="weather")
    effects: list[float] = [group.mix_effect for group in why.groups or ()]
    test.set_cluster_key("drive")
    test.set_cluster_key(nucleus.EACH_ITEM)
    test.set_cluster_key(None)
    client.get_dataset("ds_1").set_cluster_key("drive")
    for metric in test.get_eval_functions():
        metric.set_rule(threshold=None, mode="non-inferior", margin=metric.margin_proposal().margin or 0.0)
        needed: int | None = metric.power(effect=0.01).clusters_needed
        print(needed, effects, test.set_blocking(True).is_blocking, test.set_tags(["a"]).tags)
    report: ReleaseReport = client.validate.release_report(model, "last-approved", tests=[test, "t"], wait=False)
    release: Release = client.validate.create_release("v2", model, "prj_1", tags=["a"], show_progress=False)
    until = datetime.now(timezone.utc) + timedelta(days=14)
    waiver: Waiver = client.validate.create_waiver(test, own, model=model, reason="r", owner="o", expires_at=until)
    print(report.outcome, report.counts.failed, report.to_json(), release.approve("fine").promote(), waiver.revoke())
    print(client.validate.releases("open"), client.validate.waivers(), client.validate.audit_log()[0].created_at)


def annotations_and_predictions(client: NucleusClient, boxes: numpy.ndarray[Any, Any], frame: polars.DataFrame) -> None:
    """Scripts that come from the hosted product, and what is only here: columns."""
    dataset = client.get_dataset("ds_1")
    box = nucleus.BoxAnnotation("car", 1, 2.5, 3, 4, "image", metadata={"k": 1})
    polygon = nucleus.PolygonAnnotation("road", [nucleus.Point(1, 2)], "image")
    mask = nucleus.SegmentationAnnotation("mask.png", [nucleus.Segment("road", 1)], "image")
    answer = dataset.annotate([box, polygon, mask], update=True)
    n_processed: int = answer["annotations_processed"]
    job: AsyncJob = dataset.annotate([box], asynchronous=True)
    dataset.annotate({"reference_id": ["a"], "label": ["car"], "boxes_xywh": boxes})
    dataset.annotate(frame)
    model = client.get_model("prj_1")
    prediction = nucleus.BoxPrediction("car", 1, 2, 3, 4, "image", confidence=0.5)
    dataset.upload_predictions(model, [prediction], update=True)
    by_kind = dataset.predictions_refloc(model, "image")
    first: nucleus.BoxPrediction | object = by_kind["box"][0]
    for row in dataset.items_and_annotation_generator():
        item: DatasetItem = row["item"]
    run = model.create_run("a run", dataset, [prediction], metadata={"k": 1})
    reference: str = box.reference_id
    print(n_processed, job, first, item, run.info(), reference)


def scenes(client: NucleusClient) -> None:
    """Scenes, tracks, and what is scored on them."""
    dataset = client.create_dataset("drives", is_scene=True)
    cloud = DatasetItem(pointcloud_location="https://x/a.json", reference_id="cloud")
    image = DatasetItem("https://x/a.png", "image")
    dataset.append([nucleus.LidarScene("s", [nucleus.Frame(lidar=cloud, front=image)])]).sleep_until_complete()
    dataset.append([nucleus.VideoScene("v", 15, items=[image])])
    scene = dataset.get_scene("s")
    if isinstance(scene, nucleus.LidarScene):
        items: list[DatasetItem] = scene.get_items()
        print(items, scene.num_sensors)
    for track in dataset.tracks:
        track.update({"k": 1})
    test: ScenarioTest = client.validate.get_scenario_test("st_1")
    test_items: list[DatasetItem] = test.get_items()
    print(test_items, test.get_items(EntityLevel.SCENE))
    dataset.create_slice_by_ids("s", scene_ids=["scn_1"]).add_tags(["a"])
    jobs: list[AsyncJob] = client.list_jobs(job_types=[nucleus.CustomerJobTypes.UPLOAD_LIDAR_SCENE])
    print(jobs)
