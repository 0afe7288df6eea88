"""What users write, as the type checker sees it; checked, never run."""

from __future__ import annotations

from typing import Any

import nucleus
from nucleus import Dataset, DatasetItem, Model, NucleusAPIError, NucleusClient, Slice
from nucleus.async_job import AsyncJob, JobError
from nucleus.validate import (
    Direction,
    EntityLevel,
    EvaluationCriterion,
    EvaluationResult,
    ExternalEvalFunction,
    PublicEvalFunction,
    ScenarioTest,
    ScenarioTestEvaluation,
    ScenarioTestItemEvaluation,
    ScenarioTestMetric,
    ThresholdComparison,
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
