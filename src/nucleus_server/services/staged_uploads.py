"""Uploads that come in parts: kept as files until their commit, stored by a worker, listed row by row when refused."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import polars as pl

from nucleus_server.domain import ScoreUpload, UploadPart, UploadStatus
from nucleus_server.errors import Conflict, InvalidInput, PermissionDenied
from nucleus_server.services.media import MediaStore
from nucleus_server.services.score_checks import ScorePart, bad_rows_frame
from nucleus_server.services.score_parts import decode_part
from nucleus_server.services.score_uploads import (
    Accepted,
    CheckedPlan,
    StagedAttempt,
    accept,
    accept_for_dataset,
    check_plan,
    collect,
    evaluation_for_test,
    plan_of,
)
from nucleus_server.services.upload_report import with_replays, without_evaluations
from nucleus_server.storage import LeasedJob, Store, UploadPlan, WorkspaceStore

MAX_PARTS = 10_000


def accept_at_once(
    ws: WorkspaceStore, media: MediaStore, plan: UploadPlan, part: ScorePart, raw_part: bytes
) -> Accepted:
    """Take an upload that came in one request.

    Raises:
        InvalidInput: Something is wrong with it; nothing was stored but, if rows are wrong, what lists them for a day.
    """
    checked = check_plan(ws, plan)
    _check_functions(plan, part)
    if not ws.actor.can_write:
        raise PermissionDenied("viewers may not upload scores")
    try:
        return accept(ws, checked, [part], part.n_rows)
    except InvalidInput as error:
        if not error.problems:
            raise
        stored = _kept(ws, media, 0, raw_part, part.n_rows)
        error.rejected_upload_id = ws.keep_rejected(plan, stored).id
        _put_again(ws, media, stored, raw_part)
        raise


def put_part(ws: WorkspaceStore, media: MediaStore, upload_id: str, number: int, raw: bytes) -> UploadPart:
    """Keep a part of an unfinished upload; its rows are checked at the commit."""
    if not ws.actor.can_write:
        raise PermissionDenied("viewers may not upload scores")
    if not 0 <= number < MAX_PARTS:
        raise InvalidInput(f"expected a part number from 0 to {MAX_PARTS - 1}, got {number}", code="invalid_parameter")
    part = decode_part(raw)
    _check_functions(plan_of(ws.get_upload(upload_id)), part)
    stored = _kept(ws, media, number, raw, part.n_rows)
    ws.put_upload_part(upload_id, stored)
    _put_again(ws, media, stored, raw)
    return stored


def _kept(ws: WorkspaceStore, media: MediaStore, number: int, raw: bytes, n_rows: int) -> UploadPart:
    file = media.put(ws.actor.workspace_id, [raw])
    return UploadPart(number, file.digest, file.size_bytes, n_rows)


def _put_again(ws: WorkspaceStore, media: MediaStore, part: UploadPart, raw: bytes) -> None:
    # A sweep may have removed an older copy before the row was there to protect it.
    if not media.path(ws.actor.workspace_id, part.digest).exists():
        media.put(ws.actor.workspace_id, [raw])


def _check_functions(plan: UploadPlan, part: ScorePart) -> None:
    if set(part.scores) != set(plan.function_ids):
        raise InvalidInput(
            f"expected scores of the functions {', '.join(sorted(plan.function_ids))} in every part, got "
            f"{', '.join(sorted(part.scores))}",
            code="function_mismatch",
        )


def parts_of(ws: WorkspaceStore, media: MediaStore, parts: Sequence[UploadPart]) -> Iterator[ScorePart]:
    """The rows of the parts, one part in memory at a time."""
    for part in parts:
        yield decode_part(media.read(ws.actor.workspace_id, part.digest))


def bad_rows(ws: WorkspaceStore, media: MediaStore, upload_id: str) -> pl.DataFrame:
    """Every row of a rejected upload that is wrong, against the dataset as it is now.

    Raises:
        Conflict: The upload was not rejected.
    """
    upload = ws.get_upload(upload_id)
    if upload.status is not UploadStatus.REJECTED:
        raise Conflict(
            f"expected an upload that was rejected, got one that is {upload.status.value}: it has no bad rows",
            code="upload_not_rejected",
        )
    parts = ws.list_upload_parts(upload_id)
    checked = check_plan(ws, plan_of(upload))
    collector = collect(ws, checked, parts_of(ws, media, parts), sum(part.n_rows for part in parts))
    return bad_rows_frame(collector.findings)


def begin(ws: WorkspaceStore, plan: UploadPlan, first_part: str) -> tuple[ScoreUpload, list[UploadPart]]:
    """A new unfinished upload of a plan that fits, or the one that was interrupted."""
    check_plan(ws, plan)
    return ws.begin_upload(plan, first_part)


def store_committed(store: Store, media: MediaStore, job: LeasedJob) -> None:
    """A worker's part: check a committed upload whole, and store it or refuse it; ends the job either way."""
    actor = store.find_actor(job.user_id)
    if actor is None:
        raise InvalidInput("the user of this upload is gone", code="user_not_found")
    ws = store.workspace(job.workspace_id, actor, job=job)
    upload = ws.get_upload(job.payload["upload_id"])
    if upload.status is UploadStatus.COMPLETED:  # a worker was killed between storing it and saying so
        store.jobs.finish(job, {"upload_id": upload.id, "replayed": False})
        return
    ws.retry_upload(upload.id, job.fence)
    try:
        checked = check_plan(ws, plan_of(upload))
        stored_id = _store(ws, media, store, job, upload, checked)
    except InvalidInput as error:
        ws.reject_upload(upload.id)
        error.rejected_upload_id = upload.id
        store.jobs.refuse(job, error.body())
        return
    is_replay = stored_id != upload.id
    if is_replay:
        ws.reject_upload(upload.id, keep_parts=False)
    store.jobs.finish(job, {"upload_id": stored_id, "replayed": is_replay})


def _store(
    ws: WorkspaceStore, media: MediaStore, store: Store, job: LeasedJob, upload: ScoreUpload, checked: CheckedPlan
) -> str:
    """Store the upload; returns its id, or the id of the earlier upload that it is the same as."""
    parts = ws.list_upload_parts(upload.id)

    def counted() -> Iterator[ScorePart]:
        for part in parts_of(ws, media, parts):
            yield part
            store.jobs.renew(job, n_done=1)

    collector = collect(ws, checked, counted(), upload.n_rows)
    columns = collector.columns()
    attempt = StagedAttempt(upload.id, job.fence, lambda: store.jobs.renew(job))
    if checked.test is None:
        accepted = accept_for_dataset(ws, checked, collector, columns, upload.n_rows, attempt)
        if upload.is_dry_run:
            ws.finish_dry_run(upload.id, accepted.report.to_json())
        return accepted.upload_id or upload.id
    new, report = evaluation_for_test(ws, checked, collector, columns[0])
    if upload.is_dry_run:
        ws.finish_dry_run(upload.id, without_evaluations(report).to_json())
        return upload.id
    equal = ws.find_equal_evaluation(new)
    if equal is not None and equal.upload_id is not None:
        return equal.upload_id
    ws.record_upload(
        upload.id,
        job.fence,
        [],
        [new],
        lambda replayed: with_replays(report, replayed).to_json(),
        attempt.still_ours,
    )
    return upload.id
