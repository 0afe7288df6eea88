"""Jobs as the workspace sees them; leases and fences are in `queue.py`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from nucleus_server.domain import Job, JobStatus, JobType, Json, UploadStatus
from nucleus_server.errors import Conflict, NotFound
from nucleus_server.storage import schema
from nucleus_server.storage.base import AnyRow, WorkspaceBase, from_micros, optional_moment, to_json
from nucleus_server.storage.dialect import database_micros
from nucleus_server.storage.ids import new_id

RESERVED_S = 5.0


class JobRows(WorkspaceBase):
    """The part of the workspace store that keeps jobs."""

    def get_job(self, job_id: str) -> Job:
        """The job with this id."""
        with self._read() as connection:
            return self._job(connection, job_id)

    def list_jobs(
        self,
        *,
        dataset_id: str | None = None,
        types: Sequence[str] = (),
        statuses: Sequence[JobStatus] = (),
        offset: int = 0,
        limit: int = 50_000,
    ) -> list[Job]:
        """Jobs of these types and statuses (of any, if none are named), newest first."""
        query = job_select().where(*self._conditions(dataset_id, types, statuses))
        with self._read() as connection:
            rows = connection.execute(query.order_by(schema.jobs.c.key.desc()).offset(offset).limit(limit))
            return [to_job(row) for row in rows]

    def count_jobs(self, *, types: Sequence[str] = (), statuses: Sequence[JobStatus] = ()) -> int:
        """How many jobs of these types and statuses there are."""
        query = sa.select(sa.func.count()).select_from(schema.jobs).where(*self._conditions(None, types, statuses))
        with self._read() as connection:
            return int(connection.execute(query).scalar_one())

    def _conditions(
        self, dataset_id: str | None, types: Sequence[str], statuses: Sequence[JobStatus]
    ) -> list[sa.ColumnElement[bool]]:
        table = schema.jobs
        conditions = [table.c.workspace_key == self._workspace_key]
        if dataset_id is not None:
            conditions.append(table.c.dataset_id == dataset_id)
        if types:
            conditions.append(table.c.type.in_(types))
        if statuses:
            conditions.append(table.c.status.in_([status.value for status in statuses]))
        return conditions

    def cancel_job(self, job_id: str) -> Job:
        """End a job that waits or runs; only who asked for it and admins may. Cancelling it again changes nothing.

        From here on no transaction of a worker's that works on it succeeds: what it has not made visible is never seen.
        Evaluations and verdicts that were complete before stay. An upload that was being stored is given up.

        Raises:
            Conflict: It has ended, or what it makes is visible already; or it deletes a dataset, of which half is no use.
        """
        table = schema.jobs
        with self._write() as connection:
            row: Any = connection.execute(
                sa.select(table)
                .where(table.c.workspace_key == self._workspace_key, table.c.id == job_id)
                .with_for_update()
            ).one_or_none()
            if row is None:
                raise _job_not_found(job_id)
            self._require_owner(row.user_key, "job", "cancel it")
            if row.status == JobStatus.CANCELLED.value:
                return self._job(connection, job_id)
            if row.finished_at is not None or self._is_stored(connection, row):
                what = "has stored what it was to" if row.finished_at is None else f"is {row.status} already"
                raise Conflict(f"job {job_id} {what}: there is nothing left to cancel", code="job_finished")
            if row.type == JobType.DELETE_DATASET.value:
                raise Conflict(
                    f"job {job_id} deletes a dataset and is not cancelled: the dataset is hidden since it was asked for, and "
                    "a part of it would be of no use",
                    code="job_not_cancellable",
                )
            # The next fence: whoever works on it finds that the lease is lost.
            connection.execute(
                table.update()
                .where(table.c.key == row.key)
                .values(
                    status=JobStatus.CANCELLED.value,
                    finished_at=self._now(),
                    leased_until=None,
                    fence=table.c.fence + 1,
                    message=to_json({"cancelled_by": self.actor.user_name}),
                )
            )
            uploads = schema.score_uploads
            connection.execute(
                uploads.update()
                .where(uploads.c.workspace_key == self._workspace_key, uploads.c.job_id == job_id)
                .values(status=UploadStatus.REJECTED.value, expires_at=self._now() - 1)
            )
            self._audit(connection, "job.cancel", job_id, {"type": row.type})
            return self._job(connection, job_id)

    def _is_stored(self, connection: Connection, job: AnyRow) -> bool:
        """Whether the upload that the job stores is visible, and only the job does not say so yet."""
        uploads = schema.score_uploads
        found = connection.execute(
            sa.select(uploads.c.status)
            .where(uploads.c.workspace_key == self._workspace_key, uploads.c.job_id == job.id)
            .with_for_update(key_share=True)
        ).scalar_one_or_none()
        return found == UploadStatus.COMPLETED.value

    def _add_job(
        self,
        connection: Connection,
        job_type: JobType,
        status: JobStatus,
        *,
        dataset_id: str | None = None,
        payload: Json | None = None,
        message: Json | None = None,
        errors: Sequence[str] = (),
        n_steps: int = 1,
        is_reserved: bool = False,
    ) -> Job:
        """Insert a job: one to be done, or (COMPLETED) the record of what this transaction has just done.

        A reserved job is left to the process that makes it for `RESERVED_S`; if that process is gone, a worker does it.
        """
        job_id = new_id("job")
        now = self._now()
        is_done = status is JobStatus.COMPLETED
        self._insert(
            connection,
            schema.jobs,
            id=job_id,
            type=job_type.value,
            status=status.value,
            dataset_id=dataset_id,
            payload=to_json(payload or {}),
            message=to_json(message or {}),
            errors=to_json(list(errors)),
            completed_steps=n_steps if is_done else 0,
            total_steps=n_steps,
            attempts=0,
            leased_until=database_micros() + int(RESERVED_S * 1_000_000) if is_reserved else None,
            fence=0,
            user_key=self.actor.user_key,
            created_at=now,
            finished_at=now if is_done else None,
        )
        return self._job(connection, job_id)

    def _job(self, connection: Connection, job_id: str) -> Job:
        row: Any = connection.execute(
            job_select().where(schema.jobs.c.workspace_key == self._workspace_key, schema.jobs.c.id == job_id)
        ).one_or_none()
        if row is None:
            raise _job_not_found(job_id)
        return to_job(row)


def _job_not_found(job_id: str) -> NotFound:
    return NotFound(f"no job with id {job_id!r} in this workspace", code="job_not_found")


def job_select() -> sa.Select[Any]:
    """Jobs with who asked for them."""
    return sa.select(schema.jobs, schema.users.c.id.label("user_id"), schema.users.c.name.label("user_name")).join(
        schema.users, schema.users.c.key == schema.jobs.c.user_key
    )


def to_job(row: AnyRow) -> Job:
    """The job in this row of `job_select`."""
    return Job(
        id=row.id,
        type=JobType(row.type),
        status=JobStatus(row.status),
        dataset_id=row.dataset_id,
        payload=json.loads(row.payload),
        message=json.loads(row.message),
        errors=tuple(json.loads(row.errors)),
        completed_steps=row.completed_steps,
        total_steps=row.total_steps,
        user_id=row.user_id,
        user_name=row.user_name,
        created_at=from_micros(row.created_at),
        finished_at=optional_moment(row.finished_at),
    )
