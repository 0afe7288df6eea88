"""Routes of models and jobs."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter
from msgspec import Meta

from nucleus_server.api import codec, wire
from nucleus_server.api.http import Answer, JsonBody, Workspace, takes
from nucleus_server.api.names import MAX_REFERENCE_ID, checked_name
from nucleus_server.domain import JobStatus
from nucleus_server.errors import InvalidInput

router = APIRouter()


class CreateModel(msgspec.Struct):
    """A new model."""

    name: str
    reference_id: str
    metadata: dict[str, Any] | None = None
    trained_slice_ids: list[str] | None = None
    bundle_name: str | None = None
    tags: list[str] | None = None


class Tags(msgspec.Struct):
    """Tags to add or remove."""

    tags: list[str]


class TrainedSlices(msgspec.Struct):
    """Slices that a model was trained on."""

    trained_slice_ids: list[str]


class ListJobs(msgspec.Struct):
    """Which jobs to list."""

    dataset_id: str | None = None
    job_types: list[str] | None = None
    from_date: str | None = None
    to_date: str | None = None
    limit: Annotated[int, Meta(ge=1, le=50_000)] = 50_000
    show_completed: bool = False


@router.post("/models/add", openapi_extra=takes(CreateModel))
def create_model(raw: JsonBody, ws: Workspace) -> Answer:
    """Create a model."""
    body = codec.decode(raw, CreateModel)
    if not 1 <= len(body.reference_id) <= MAX_REFERENCE_ID:
        raise InvalidInput(
            f"expected a reference_id of 1 to {MAX_REFERENCE_ID} characters, got {len(body.reference_id)}",
            code="invalid_name",
        )
    model = ws.create_model(
        checked_name(body.name, "model"),
        body.reference_id,
        metadata=body.metadata or {},
        tags=body.tags or (),
        trained_slice_ids=body.trained_slice_ids or (),
    )
    return Answer({"model_id": model.id})


@router.get("/models")
def list_models(ws: Workspace) -> Answer:
    """All models."""
    return Answer({"models": [wire.model_row(m) for m in ws.list_models()]})


@router.get("/model/{model_id}")
def get_model(model_id: str, ws: Workspace) -> Answer:
    """One model, by its id or by that of a run of its."""
    if model_id.startswith("run_"):
        model_id = ws.get_model_run(model_id).model_id
    return Answer(wire.model_row(ws.get_model(model_id)))


@router.post("/model/{model_id}/tag", openapi_extra=takes(Tags))
def add_model_tags(model_id: str, raw: JsonBody, ws: Workspace) -> Answer:
    """Add tags; those that are there are fine."""
    tags = [checked_name(tag, "tag") for tag in codec.decode(raw, Tags).tags]
    model, _ = ws.change_model(model_id, add_tags=tags)
    return Answer({"model_id": model_id, "tags": list(model.tags)})


@router.delete("/model/{model_id}/tag", openapi_extra=takes(Tags))
def remove_model_tags(model_id: str, raw: JsonBody, ws: Workspace) -> Answer:
    """Remove tags, of which the model has one at least."""
    model, n_removed = ws.change_model(model_id, remove_tags=codec.decode(raw, Tags).tags)
    if n_removed == 0:  # clients compare this body with a text of theirs, letter by letter
        text = "Deleted 0 tags from model. The specified tag(s) were not found."
        return Answer({"error": text}, status_code=400, headers={"x-nucleus-error-code": "tags_not_found"})
    return Answer({"model_id": model_id, "tags": list(model.tags)})


@router.post("/model/{model_id}/trainedSliceId", openapi_extra=takes(TrainedSlices))
def add_trained_slices(model_id: str, raw: JsonBody, ws: Workspace) -> Answer:
    """Note slices that the model was trained on."""
    model, _ = ws.change_model(model_id, add_slices=codec.decode(raw, TrainedSlices).trained_slice_ids)
    return Answer({"model_id": model_id, "trained_slice_ids": list(model.trained_slice_ids)})


@router.delete("/model/{model_id}/trainedSliceId", openapi_extra=takes(TrainedSlices))
def remove_trained_slices(model_id: str, raw: JsonBody, ws: Workspace) -> Answer:
    """Take slices from those that the model was trained on."""
    model, _ = ws.change_model(model_id, remove_slices=codec.decode(raw, TrainedSlices).trained_slice_ids)
    return Answer({"model_id": model_id, "trained_slice_ids": list(model.trained_slice_ids)})


@router.delete("/model/{model_id}")
def delete_model(model_id: str, ws: Workspace) -> Answer:
    """Delete the model; its past evaluations stay."""
    ws.delete_model(model_id)
    return Answer({"msg": "Model deletion running in an async job"})


@router.post("/jobs", openapi_extra=takes(ListJobs))
def list_jobs(raw: JsonBody, ws: Workspace) -> Answer:
    """Jobs, newest first."""
    body = codec.decode(raw, ListJobs)
    start, end = _moment(body.from_date), _moment(body.to_date)
    jobs = [
        job
        for job in ws.list_jobs(dataset_id=body.dataset_id, types=body.job_types or ())
        if (body.show_completed or job.status is not JobStatus.COMPLETED)
        and (start is None or job.created_at.replace(tzinfo=None) >= start)
        and (end is None or job.created_at.replace(tzinfo=None) <= end)
    ]
    return Answer([wire.job_handle(job) for job in jobs[: body.limit]])


def _moment(text: str | None) -> datetime | None:
    """A date as clients write it, in UTC unless it says otherwise."""
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise InvalidInput(
            f"expected a date such as 2026-01-31 or 2026-01-31 12:00:00, got {text[:40]!r}", code="invalid_date"
        ) from error
    if moment.tzinfo is not None:
        moment = (moment - (moment.utcoffset() or moment - moment)).replace(tzinfo=None)
    return moment


@router.get("/job/{job_id}")
def job_status(job_id: str, ws: Workspace) -> Answer:
    """A job's progress."""
    return Answer(wire.job_status(ws.get_job(job_id)))


@router.post("/job/{job_id}/cancel")
def cancel_job(job_id: str, ws: Workspace) -> Answer:
    """End a job that waits or runs, of one's own or (admin) anyone's; what it has not stored yet is never seen."""
    return Answer(wire.job_status(ws.cancel_job(job_id)))


@router.get("/job/{job_id}/info")
def job_info(job_id: str, ws: Workspace) -> Answer:
    """A job's handle."""
    return Answer(wire.job_handle(ws.get_job(job_id)))


@router.get("/job/{job_id}/errors")
def job_errors(job_id: str, ws: Workspace) -> Answer:
    """What went wrong in a job."""
    return Answer(list(ws.get_job(job_id).errors))
