"""Uploads of annotations and predictions that are jobs: stored batch by batch, each counted with what it stored.

A batch and the progress that says so are one transaction, which first proves that the job is still this process's own. So a
killed upload goes on behind its last batch, in another process, and nothing is stored or counted twice.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from nucleus_server.domain import AnyObject, Job, JobType, ObjectCounts
from nucleus_server.errors import InvalidInput
from nucleus_server.services.media import MediaStore
from nucleus_server.services.object_payloads import blocks_of_lines
from nucleus_server.storage import JobStep, LeasedJob, Store, WorkspaceStore

_BATCH = 5_000
"""Objects of one transaction: well below half a second of write lock."""

_MAX_ERRORS = 1_000


def upload_payload(
    store: Store,
    ws: WorkspaceStore,
    media: MediaStore,
    *,
    dataset_id: str,
    request_id: str,
    update: bool,
    model_id: str | None = None,
    run_id: str | None = None,
) -> Job:
    """Store the payload of a signed upload, annotations or (with a model or a run) predictions; a repeated call does nothing.

    Raises:
        InvalidInput: A line is not as expected; nothing was stored.
        NotFound: There is no such payload, dataset, model or run.
    """
    signed = ws.get_signed_upload(dataset_id, request_id)
    path = media.path(ws.actor.workspace_id, signed.media_digest)
    n_lines = sum(len(block) for block in blocks_of_lines(path))
    if n_lines == 0:
        raise InvalidInput("expected at least one line in the payload, got none", code="empty_payload")
    job_type = JobType.UPLOAD_ANNOTATIONS if model_id is None and run_id is None else JobType.UPLOAD_PREDICTIONS
    job = ws.begin_object_upload(
        dataset_id, request_id, job_type, n_lines, update=update, model_id=model_id, run_id=run_id
    )
    leased = store.jobs.lease(lease_s=30.0, job_id=job.id)
    if leased is not None:
        store_payload(ws, store, media, leased)
    return ws.get_job(job.id)


def store_payload(ws: WorkspaceStore, store: Store, media: MediaStore, job: LeasedJob) -> None:
    """Do what is left of the job, and end it: as failed, if a batch cannot be stored."""
    try:
        _store_batches(ws, media, job)
    except InvalidInput as error:  # another attempt would find the same; the batches before it stay
        store.jobs.refuse(job, error.body())
        return
    done = ws.get_job(job.id)
    counts = ObjectCounts(done.message.get("processed", 0), done.message.get("ignored", 0), done.errors)
    refused = [error for error in done.errors if error.startswith("Input validation failed")]
    message = _message(done, job.payload["dataset_id"], counts)
    if refused and counts.n_processed + counts.n_ignored == 0:
        store.jobs.refuse(job, {**message, "final_error": f"BadRequestError: {refused[0]}"}, errors=done.errors)
    else:
        store.jobs.finish(job, message, errors=done.errors)


def _store_batches(ws: WorkspaceStore, media: MediaStore, job: LeasedJob) -> None:
    payload = job.payload
    path = media.path(ws.actor.workspace_id, payload["media_digest"])
    progress = ws.get_job(job.id)
    for batch in _batches(path, skip=progress.completed_steps):
        step = JobStep(job, n_done=len(batch), max_errors=_MAX_ERRORS)
        if progress.type is JobType.UPLOAD_ANNOTATIONS:
            ws.annotate(payload["dataset_id"], batch, update=payload["update"], step=step)
        else:
            ws.upload_predictions(
                batch,
                update=payload["update"],
                dataset_id=payload["dataset_id"],
                model_id=payload["model_id"],
                run_id=payload["run_id"],
                step=step,
            )


def _message(job: Job, dataset_id: str, counts: ObjectCounts) -> dict[str, object]:
    n_errors = job.total_steps - counts.n_processed - counts.n_ignored
    name = "annotation_upload" if job.type is JobType.UPLOAD_ANNOTATIONS else "prediction_upload"
    return {
        name: {
            "total": job.total_steps,
            "processed": counts.n_processed,
            "ignored": counts.n_ignored,
            "errored": n_errors,
            "datasetId": dataset_id,
        }
    }


def _batches(path: Path, *, skip: int) -> Iterator[list[AnyObject]]:
    """The payload's objects in batches, without the first `skip`."""
    n_seen = 0
    for block in blocks_of_lines(path):
        left = block[max(0, skip - n_seen) :]
        n_seen += len(block)
        for start in range(0, len(left), _BATCH):
            yield left[start : start + _BATCH]
