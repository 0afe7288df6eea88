"""Domain values in the shapes that clients read."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from nucleus_server.api.http import iso
from nucleus_server.domain import (
    CriterionChange,
    EvalFunction,
    FunctionChange,
    Item,
    ItemScore,
    Job,
    JobStatus,
    JobType,
    JudgedEvaluation,
    Model,
    ScenarioTest,
    Scene,
    SceneCounts,
    SceneKind,
    ScoreUpload,
    Slice,
    SliceMember,
    TestFunction,
    Track,
    UploadStatus,
)
from nucleus_server.services import UploadPlan, WorkspaceStore
from nucleus_server.services.images import ImageUrls
from nucleus_server.services.upload_report import Report, report_of


def item_row(item: Item, images: ImageUrls, workspace_id: str, base_url: str) -> dict[str, Any]:
    """An item; the URL that the user gave comes back as it was."""
    row: dict[str, Any] = {
        "reference_id": item.reference_id,
        "dataset_item_id": item.id,
        "metadata": item.metadata,
    }
    if item.pointcloud_location is not None:
        row["pointcloud_url"] = item.pointcloud_location
    else:
        url = images.absolute(item, workspace_id, base_url)
        row["image_url"] = url
        row["original_image_url"] = url
    for name in ("text", "width", "height"):
        if (value := getattr(item, name)) is not None:
            row[name] = value
    return row


def scene_row(scene: Scene) -> dict[str, Any]:
    """A scene in a listing, without its frames."""
    return {
        "id": scene.id,
        "reference_id": scene.reference_id,
        "type": "lidar" if scene.kind is SceneKind.LIDAR else "video",
        "metadata": scene.metadata,
        "n_frames": scene.n_frames,
    }


def scene_counts_row(dataset_id: str, counts: SceneCounts) -> dict[str, Any]:
    """What an upload of scenes did."""
    return {
        "dataset_id": dataset_id,
        "new_scenes": counts.new_scenes,
        "updated_scenes": counts.updated_scenes,
        "ignored_scenes": counts.ignored_scenes,
        "scenes_errored": len(counts.errors),
        "upload_errors": list(counts.errors),
    }


def track_row(track: Track) -> dict[str, Any]:
    """A track."""
    return {"reference_id": track.reference_id, "dataset_id": track.dataset_id, "metadata": track.metadata}


def slice_row(entry: Slice) -> dict[str, Any]:
    """A slice in a listing."""
    return {
        "id": entry.id,
        "slice_id": entry.id,
        "name": entry.name,
        "dataset_id": entry.dataset_id,
        "type": slice_type(entry),
        "created_at": iso(entry.created_at),
        "pending_job_count": 0,
        "n_members": entry.n_members,
    }


def slice_type(entry: Slice) -> str:
    """What its members are, in the clients' words."""
    return "dataset_item" if entry.member is SliceMember.ITEM else entry.member.value


def model_row(model: Model) -> dict[str, Any]:
    """A model."""
    return {
        "id": model.id,
        "name": model.name,
        "ref_id": model.reference_id,
        "metadata": model.metadata or None,
        "tags": list(model.tags),
        "trained_slice_ids": list(model.trained_slice_ids) or None,
        "created_at": iso(model.created_at),
    }


def job_handle(job: Job) -> dict[str, Any]:
    """What every asynchronous call answers with."""
    return {
        "job_id": job.id,
        "job_last_known_status": _visible_status(job),
        "job_type": job.type.value,
        "job_creation_time": iso(job.created_at),
    }


def job_status(job: Job) -> dict[str, Any]:
    """A job's progress."""
    progress = job.completed_steps / job.total_steps if job.total_steps else 1.0
    return {
        "job_id": job.id,
        "status": _visible_status(job),
        "message": job.message,
        "job_progress": f"{progress:.2f}",
        "completed_steps": job.completed_steps,
        "total_steps": job.total_steps,
        "job_type": job.type.value,
    }


_JUST_DONE = timedelta(milliseconds=300)
_UPLOADS = (JobType.UPLOAD_ANNOTATIONS, JobType.UPLOAD_PREDICTIONS)


def _visible_status(job: Job) -> str:
    # Clients stop waiting at any status but Running, so a queued job is shown as running. An upload of objects is stored
    # before its call is answered; scripts that look at its job at once expect to see it at work.
    is_just_done = (
        job.status is JobStatus.COMPLETED
        and job.type in _UPLOADS
        and job.finished_at is not None
        and datetime.now(UTC) - job.finished_at < _JUST_DONE
    )
    return JobStatus.RUNNING.value if job.status is JobStatus.QUEUED or is_just_done else job.status.value


def function_entry(function: EvalFunction) -> dict[str, Any]:
    """An evaluation function in a listing."""
    return {
        "id": function.id,
        "name": function.name,
        "is_public": function.is_public,
        "user_id": function.owner_id,
        "is_external_function": function.is_external,
        "serialized_fn": None,
        "raw_source": None,
        "level": function.level.value,
        "direction": function.direction.value,
        "score_range": [function.score_min, function.score_max],
        "unit": function.unit,
        "description": function.description,
        "default_cluster_key": function.default_cluster_key,
        "created_at": iso(function.created_at),
    }


def test_row(test: ScenarioTest) -> dict[str, Any]:
    """A scenario test."""
    return {
        "id": test.id,
        "name": test.name,
        "slice_id": test.slice_id,
        "dataset_id": test.dataset_id,
        "baseline_model_id": test.baseline_model_id,
        "user_id": test.owner_id,
        "created_at": iso(test.created_at),
    }


def metric_row(entry: TestFunction) -> dict[str, Any]:
    """A test's function with its criterion: exactly the keys that clients' constructors take."""
    return {
        "scenario_test_id": entry.test_id,
        "eval_function_id": entry.function.id,
        "threshold": entry.threshold,
        "eval_func_arguments": entry.arguments,
        "threshold_comparison": entry.comparison.value,
    }


def criterion_row(change: CriterionChange) -> dict[str, Any]:
    """One entry of the criteria history."""
    kind = "threshold" if change.function_id is not None else "baseline"
    return {
        "kind": kind if change.property is None else "function",
        "eval_function_id": change.function_id,
        "threshold": change.threshold,
        "threshold_comparison": None if change.comparison is None else change.comparison.value,
        "baseline_model_id": change.baseline_model_id,
        "property": change.property,
        "before": change.before,
        "after": change.after,
        "user_id": change.user_id,
        "user_name": change.user_name,
        "created_at": iso(change.created_at),
    }


def function_change_row(change: FunctionChange) -> dict[str, Any]:
    """One property of a function that was set."""
    return {
        "property": change.property,
        "before": change.before,
        "after": change.after,
        "user_id": change.user_id,
        "user_name": change.user_name,
        "created_at": iso(change.created_at),
    }


def evaluation_row(judged: JudgedEvaluation, upload: tuple[int, int]) -> dict[str, Any]:
    """An evaluation beside the criterion in force; without one it is not a pass, and `criterion` is null.

    `upload` is (2, 3) for the second of three of its test, function and model.
    """
    evaluation, judgement = judged.evaluation, judged.judgement
    return {
        "id": evaluation.id,
        "scenario_test_id": evaluation.test_id,
        "eval_function_id": evaluation.function_id,
        "model_id": evaluation.model_id,
        "model_name": evaluation.model_name,
        "status": evaluation.status.value,
        "result": evaluation.result,
        "pass": bool(judged.passed),
        "level": evaluation.level.value,
        "created_at": iso(evaluation.created_at),
        "completed_at": None if evaluation.completed_at is None else iso(evaluation.completed_at),
        "user_id": evaluation.user_id,
        "user_name": evaluation.user_name,
        "n_scored": evaluation.n_scored,
        "n_members": evaluation.n_members,
        "n_deleted": evaluation.n_deleted,
        "coverage": evaluation.coverage,
        "weighted": evaluation.is_weighted,
        "weight_sum": evaluation.weight_sum,
        "upload_id": evaluation.upload_id,
        "upload_number": upload[0],
        "n_uploads": upload[1],
        "criterion": None
        if judgement is None
        else {
            "source": judgement.source,
            "threshold": judgement.threshold,
            "comparison": judgement.comparison.value,
            "baseline_model_id": judgement.baseline_model_id,
            "baseline_evaluation_id": judgement.baseline_evaluation_id,
            "n_common": judgement.n_common,
            "result_on_common": None if judgement.n_common is None else judgement.result,
        },
    }


def item_score_row(score: ItemScore) -> dict[str, Any]:
    """The score of one item in one evaluation."""
    return {
        "evaluation_id": score.evaluation_id,
        "scenario_test_id": score.test_id,
        "scenario_test_name": score.test_name,
        "eval_function_id": score.function_id,
        "eval_function_name": score.function_name,
        "model_id": score.model_id,
        "model_name": score.model_name,
        "score": score.score,
        "created_at": iso(score.created_at),
    }


def upload_row(upload: ScoreUpload, *, report: Report | None = None) -> dict[str, Any]:
    """An upload of scores with its report."""
    return {
        "upload_id": None if upload.is_dry_run else upload.id,
        "status": upload.status.value,
        "dry_run": upload.is_dry_run,
        "replayed": False,
        "dataset_id": upload.dataset_id,
        "dataset_name": upload.dataset_name,
        "model_id": upload.model_id,
        "model_name": upload.model_name,
        "test_id": upload.test_id,
        "user_id": upload.user_id,
        "user_name": upload.user_name,
        "created_at": iso(upload.created_at),
        "completed_at": None if upload.completed_at is None else iso(upload.completed_at),
        "n_rows": upload.n_rows,
        "min_coverage": upload.min_coverage,
        **(report or report_of(upload.report)).to_json(),
    }


def dry_run_row(ws: WorkspaceStore, plan: UploadPlan, n_rows: int, report: Report, now: datetime) -> dict[str, Any]:
    """The report of an upload that was only checked, in the same shape."""
    return {
        "upload_id": None,
        "status": UploadStatus.COMPLETED.value,
        "dry_run": True,
        "replayed": False,
        "dataset_id": plan.dataset_id,
        "dataset_name": ws.get_dataset(plan.dataset_id).name,
        "model_id": plan.model_id,
        "model_name": ws.get_model(plan.model_id).name,
        "test_id": plan.test_id,
        "user_id": ws.actor.user_id,
        "user_name": ws.actor.user_name,
        "created_at": iso(now),
        "completed_at": None,
        "n_rows": n_rows,
        "min_coverage": plan.min_coverage,
        **report.to_json(),
    }
