"""The job queue: leases on the database's clock, and fences that keep a worker that lost its lease from writing.

A worker leases a job, does it in steps, and every step's transaction first proves that the lease is still its own. A
worker that was killed, or merely slept too long, is overtaken: the job is done once, elsewhere. A job that is cancelled is
lost to its worker in the same way.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from nucleus_server.domain import JobStatus, JobType, Json, UploadStatus
from nucleus_server.storage import schema
from nucleus_server.storage.base import to_json, to_micros
from nucleus_server.storage.dialect import Database, database_micros, insert_if_absent
from nucleus_server.storage.files import shown_by
from nucleus_server.storage.leases import LeasedJob, prove_lease
from nucleus_server.storage.score_columns import forget_upload_batch

MAX_ATTEMPTS = 5
_BATCH = 2_000  # rows of one purge step: well below half a second of write lock
_CHUNK_BATCH = 64  # blobs of one purge step, 64 KB each


class JobQueue:
    """Leases, steps and ends of jobs, over all workspaces."""

    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._clock = clock

    def lease(self, *, lease_s: float, payload: Json | None = None, job_id: str | None = None) -> LeasedJob | None:
        """Take the oldest job that nobody works on; None if there is none.

        With `payload` the oldest of this payload, with `job_id` this one: also if it is reserved for whoever asks for it so.
        """
        jobs = schema.jobs
        is_free = sa.and_(
            jobs.c.finished_at.is_(None),
            sa.or_(jobs.c.leased_until.is_(None), jobs.c.leased_until < database_micros()),
        )
        if payload is not None or job_id is not None:
            is_wanted = jobs.c.id == job_id if payload is None else jobs.c.payload == to_json(payload)
            is_reserved = sa.and_(jobs.c.finished_at.is_(None), jobs.c.fence == 0)
            is_free = sa.and_(sa.or_(is_free, is_reserved), is_wanted)
        # Idle workers ask often: only when there is something to take is the write lock worth it.
        with self._database.read() as connection:
            if connection.execute(sa.select(jobs.c.key).where(is_free).limit(1)).one_or_none() is None:
                return None
        with self._database.write() as connection:
            row = connection.execute(
                sa.select(jobs, schema.workspaces.c.id.label("workspace_id"), schema.users.c.id.label("user_id"))
                .join(schema.workspaces, schema.workspaces.c.key == jobs.c.workspace_key)
                .join(schema.users, schema.users.c.key == jobs.c.user_key)
                .where(is_free)
                .order_by(jobs.c.key)
                .limit(1)
                .with_for_update(of=jobs, skip_locked=True)
            ).one_or_none()
            if row is None:
                return None
            connection.execute(
                jobs.update()
                .where(jobs.c.key == row.key)
                .values(
                    status=JobStatus.RUNNING.value,
                    leased_until=database_micros() + int(lease_s * 1_000_000),
                    fence=row.fence + 1,
                    attempts=row.attempts + 1,
                )
            )
            return LeasedJob(
                key=row.key,
                id=row.id,
                workspace_id=row.workspace_id,
                user_id=row.user_id,
                type=JobType(row.type),
                payload=json.loads(row.payload),
                fence=row.fence + 1,
                lease_s=lease_s,
                attempts=row.attempts + 1,
            )

    @contextmanager
    def step(self, job: LeasedJob, *, n_done: int = 0) -> Iterator[Connection]:
        """A transaction of the job's work: proves and renews the lease first, or raises LeaseLost."""
        with self._database.write() as connection:
            prove_lease(connection, job, n_done=n_done)
            yield connection

    def renew(self, job: LeasedJob, *, n_done: int = 0) -> None:
        """Keep the lease and count what was done, for work whose own transactions do not prove it; LeaseLost if it is gone."""
        with self.step(job, n_done=n_done):
            pass

    def release(self, job: LeasedJob) -> None:
        """Give an unfinished job back at once, without counting the attempt: somebody else goes on with it."""
        with self.step(job) as connection:
            jobs = schema.jobs
            connection.execute(
                jobs.update()
                .where(jobs.c.key == job.key)
                .values(leased_until=None, status=JobStatus.QUEUED.value, attempts=jobs.c.attempts - 1)
            )

    def refuse(self, job: LeasedJob, message: Json, *, errors: Sequence[str] | None = None) -> None:
        """End the job as failed for good: its input is wrong, and another attempt would find the same."""
        listed = [str(message.get("error", ""))] if errors is None else list(errors)
        with self.step(job) as connection:
            self._end(connection, job, JobStatus.ERRORED, message, listed)

    def finish(self, job: LeasedJob, message: Json, *, errors: Sequence[str] = ()) -> None:
        """Mark the job as done; `errors` name what it had to leave out."""
        with self.step(job) as connection:
            self._end(connection, job, JobStatus.COMPLETED, message, list(errors))

    def fail(self, job: LeasedJob, error: str) -> None:
        """Give the job back for another attempt, or end it after `MAX_ATTEMPTS`."""
        with self.step(job) as connection:
            if job.attempts >= MAX_ATTEMPTS:
                self._end(connection, job, JobStatus.ERRORED, {"final_error": error}, [error])
            else:
                pause_micros = int(2**job.attempts * 1_000_000)
                connection.execute(
                    schema.jobs.update()
                    .where(schema.jobs.c.key == job.key)
                    .values(leased_until=database_micros() + pause_micros, errors=to_json([error]))
                )

    def _end(self, connection: Connection, job: LeasedJob, status: JobStatus, message: Json, errors: list[str]) -> None:
        jobs = schema.jobs
        done = {"completed_steps": jobs.c.total_steps} if status is JobStatus.COMPLETED else {}
        connection.execute(
            jobs.update()
            .where(jobs.c.key == job.key)
            .values(
                status=status.value,
                message=to_json(message),
                errors=to_json(errors),
                finished_at=to_micros(self._clock()),
                leased_until=None,
                **done,
            )
        )

    def purge_dataset_step(self, job: LeasedJob) -> bool:
        """Remove one batch of the hidden dataset that the job names; False once nothing of it is left."""
        dataset_key = job.payload["dataset_key"]
        with self.step(job) as connection:
            return _purge_batch(connection, dataset_key, to_micros(self._clock()))

    def sweep_uploads(self, delete_file: Callable[[str, str], None]) -> int:
        """Remove uploads of scores that expired and the parts of completed ones; returns how many were looked at.

        `delete_file(workspace_id, digest)` is called inside the transaction that forgets the last use of the file.
        """
        table, parts = schema.score_uploads, schema.upload_parts
        with self._database.read() as connection:
            expired = connection.execute(
                sa.select(table.c.key, table.c.id)
                .where(table.c.expires_at < to_micros(self._clock()))
                .limit(_CHUNK_BATCH)
            ).all()
        for upload in expired:
            while self._sweep_upload(upload.key, parts, delete_file):
                pass
        return len(expired)

    def _sweep_upload(self, upload_key: int, parts: sa.Table, delete_file: Callable[[str, str], None]) -> bool:
        """One batch of an expired upload; False once nothing of it is left to remove."""
        table = schema.score_uploads
        with self._database.write() as connection:
            upload = connection.execute(
                sa.select(table, schema.workspaces.c.id.label("workspace_id"))
                .join(schema.workspaces, schema.workspaces.c.key == table.c.workspace_key)
                .where(table.c.key == upload_key, table.c.expires_at < to_micros(self._clock()))
                .with_for_update(of=table)
            ).one_or_none()
            if upload is None:  # another worker was here, or a client goes on with it
                return False
            is_kept = upload.status == UploadStatus.COMPLETED.value and not upload.is_dry_run
            if not is_kept and forget_upload_batch(connection, upload_key):
                return True
            digests = (
                connection.execute(sa.select(parts.c.digest).where(parts.c.upload_key == upload_key)).scalars().all()
            )
            connection.execute(parts.delete().where(parts.c.upload_key == upload_key))
            for digest in dict.fromkeys(digests):
                is_used = sa.select(sa.or_(*_uses_of(upload.workspace_key, digest)))
                if not connection.execute(is_used).scalar_one():
                    delete_file(upload.workspace_id, digest)
            if is_kept:
                connection.execute(table.update().where(table.c.key == upload_key).values(expires_at=None))
            else:
                connection.execute(table.delete().where(table.c.key == upload_key))
            return False

    def sweep_media(self, delete_file: Callable[[str, str], None], *, grace: timedelta = timedelta(hours=1)) -> int:
        """Remove files that no item shows any more and payloads that nobody used; returns how many.

        `delete_file(workspace_id, digest)` is called inside the transaction, so that a file taken back by an upload at the
        same moment is not lost: the upload's own row waits for this transaction and its file is checked after it.
        """
        media, signed = schema.media, schema.signed_uploads
        cutoff = to_micros(self._clock() - grace)
        never_shown = to_micros(self._clock() - timedelta(days=1))
        never = sa.and_(*(~shown for shown in shown_by(media.c.workspace_key, media.c.digest)))
        with self._database.write() as connection:
            waiting = sa.or_(*_uses_of(media.c.workspace_key, media.c.digest)[1:])
            rows = connection.execute(
                sa.select(media.c.workspace_key, media.c.digest, schema.workspaces.c.id)
                .join(schema.workspaces, schema.workspaces.c.key == media.c.workspace_key)
                .where(
                    sa.or_(
                        media.c.released_at < cutoff,
                        sa.and_(media.c.released_at.is_(None), media.c.created_at < never_shown, never),
                    ),
                    ~waiting,
                )
                .limit(_BATCH)
            ).all()
            payloads = connection.execute(
                sa.select(signed.c.workspace_key, signed.c.dataset_key, signed.c.request_id, signed.c.media_digest)
                .add_columns(schema.workspaces.c.id)
                .join(schema.workspaces, schema.workspaces.c.key == signed.c.workspace_key)
                .where(signed.c.expires_at < to_micros(self._clock()))
                .limit(_BATCH)
            ).all()
            for row in rows:
                connection.execute(
                    media.delete().where(media.c.workspace_key == row.workspace_key, media.c.digest == row.digest)
                )
                delete_file(row.id, row.digest)
            for row in payloads:
                connection.execute(
                    signed.delete().where(
                        signed.c.dataset_key == row.dataset_key, signed.c.request_id == row.request_id
                    )
                )
                is_used = sa.select(sa.or_(*_uses_of(row.workspace_key, row.media_digest)))
                if not connection.execute(is_used).scalar_one():
                    delete_file(row.id, row.media_digest)
            return len(rows) + len(payloads)


def _uses_of(workspace_key: sa.ColumnElement[Any] | int, digest: sa.ColumnElement[Any] | str) -> list[sa.Exists]:
    """What a stored file may be needed by: media that is shown, payloads that wait."""
    tables = ((schema.media, "digest"), (schema.signed_uploads, "media_digest"), (schema.upload_parts, "digest"))
    return [
        sa.exists().where(table.c.workspace_key == workspace_key, table.c[name] == digest) for table, name in tables
    ]


def _purge_batch(connection: Connection, dataset_key: int, now: int) -> bool:
    """Delete one batch, leaves first: chunks before evaluations before tests before slices before items."""
    slices = sa.select(schema.slices.c.key).where(schema.slices.c.dataset_key == dataset_key)
    tests = sa.select(schema.scenario_tests.c.key).where(schema.scenario_tests.c.slice_key.in_(slices))
    evaluations = sa.select(schema.evaluations.c.key).where(schema.evaluations.c.test_key.in_(tests))
    uploads = sa.select(schema.score_uploads.c.key).where(schema.score_uploads.c.dataset_key == dataset_key)
    score_columns = sa.select(schema.score_columns.c.key).where(schema.score_columns.c.upload_key.in_(uploads))
    lists = sa.select(schema.member_lists.c.key).where(schema.member_lists.c.dataset_key == dataset_key)
    plan: list[tuple[sa.Table, sa.ColumnElement[bool], int]] = [
        (
            schema.evaluation_chunks,
            schema.evaluation_chunks.c.evaluation_key.in_(evaluations),
            _CHUNK_BATCH,
        ),
        (schema.upload_evaluations, schema.upload_evaluations.c.evaluation_key.in_(evaluations), _BATCH),
        (schema.verdicts, schema.verdicts.c.candidate_key.in_(evaluations), _BATCH),
        (schema.verdicts, schema.verdicts.c.baseline_key.in_(evaluations), _BATCH),
        (schema.evaluations, schema.evaluations.c.test_key.in_(tests), _BATCH),
        (schema.score_chunks, schema.score_chunks.c.column_key.in_(score_columns), _CHUNK_BATCH),
        (schema.score_columns, schema.score_columns.c.upload_key.in_(uploads), _BATCH),
        (schema.upload_parts, schema.upload_parts.c.upload_key.in_(uploads), _BATCH),
        (schema.score_uploads, schema.score_uploads.c.dataset_key == dataset_key, _BATCH),
        (schema.criteria, schema.criteria.c.test_key.in_(tests), _BATCH),
        (schema.baselines, schema.baselines.c.test_key.in_(tests), _BATCH),
        (schema.waivers, schema.waivers.c.test_key.in_(tests), _BATCH),
        (schema.cluster_choices, schema.cluster_choices.c.test_key.in_(tests), _BATCH),
        (schema.cluster_choices, schema.cluster_choices.c.dataset_key == dataset_key, _BATCH),
        (schema.test_functions, schema.test_functions.c.test_key.in_(tests), _BATCH),
        (schema.scenario_tests, schema.scenario_tests.c.slice_key.in_(slices), _BATCH),
        (schema.member_list_chunks, schema.member_list_chunks.c.member_list_key.in_(lists), _CHUNK_BATCH),
        (schema.member_lists, schema.member_lists.c.dataset_key == dataset_key, _BATCH),
        (schema.slice_chunks, schema.slice_chunks.c.slice_key.in_(slices), _CHUNK_BATCH),
        (schema.slices, schema.slices.c.dataset_key == dataset_key, _BATCH),
        (schema.signed_uploads, schema.signed_uploads.c.dataset_key == dataset_key, _BATCH),
        (schema.item_chunks, schema.item_chunks.c.dataset_key == dataset_key, _CHUNK_BATCH),
        (schema.annotations, schema.annotations.c.dataset_key == dataset_key, _CHUNK_BATCH),
        (schema.predictions, schema.predictions.c.dataset_key == dataset_key, _CHUNK_BATCH),
        *(
            (table, table.c.dataset_key == dataset_key, _BATCH)
            for table in (
                schema.annotation_labels,
                schema.model_run_datasets,
                schema.taxonomies,
                schema.tracks,
                schema.scenes,
            )
        ),
        (schema.items, schema.items.c.dataset_key == dataset_key, _BATCH),
        (schema.datasets, schema.datasets.c.key == dataset_key, 1),
    ]
    for table, condition, limit in plan:
        primary = list(table.primary_key.columns)
        batch = connection.execute(sa.select(*primary).where(condition).limit(limit)).all()
        if not batch:
            continue
        if table in (schema.items, schema.annotations, schema.predictions):
            _release_media_of(connection, table, dataset_key, [row[-1] for row in batch], now)
        if table in (schema.signed_uploads, schema.upload_parts):
            _release_payloads(connection, table, condition, now)
        connection.execute(
            table.delete().where(sa.and_(*(column == sa.bindparam(f"pk_{column.name}") for column in primary))),
            [{f"pk_{column.name}": value for column, value in zip(primary, row, strict=True)} for row in batch],
        )
        return True
    return False


def _release_payloads(connection: Connection, table: sa.Table, condition: sa.ColumnElement[bool], now: int) -> None:
    """Note the files of these rows as media that nothing shows, which the next sweep removes unless they are in use."""
    digest = table.c["media_digest" if table is schema.signed_uploads else "digest"]
    rows = connection.execute(
        sa.select(table.c.workspace_key, digest.label("digest"), table.c.size_bytes).where(condition).limit(_BATCH)
    ).all()
    for row in rows:
        insert_if_absent(
            connection,
            schema.media,
            {
                "workspace_key": row.workspace_key,
                "digest": row.digest,
                "size_bytes": row.size_bytes,
                "content_type": "application/octet-stream",
                "created_at": now,
                "released_at": now,
            },
        )


def _release_media_of(connection: Connection, table: sa.Table, dataset_key: int, keys: list[int], now: int) -> None:
    """Note the files that these rows of a dataset show as media that nothing shows, unless something else does.

    `keys` are the rows' places in it: the last column of the table's primary key.
    """
    media, datasets = schema.media, schema.datasets
    place = list(table.primary_key.columns)[-1]
    rows = connection.execute(
        sa.select(table.c.media_digest, datasets.c.workspace_key)
        .join(datasets, datasets.c.key == table.c.dataset_key)
        .where(table.c.dataset_key == dataset_key, place.in_(keys), table.c.media_digest.is_not(None))
        .distinct()
    ).all()
    for row in rows:
        connection.execute(
            media.update()
            .where(
                media.c.workspace_key == row.workspace_key,
                media.c.digest == row.media_digest,
                *(~shown for shown in shown_by(row.workspace_key, row.media_digest)),
            )
            .values(released_at=now)
        )
