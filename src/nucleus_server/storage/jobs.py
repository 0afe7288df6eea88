"""Jobs as the workspace sees them; leases and fences are in `queue.py`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from nucleus_server.domain import Job, JobStatus, JobType, Json
from nucleus_server.errors import NotFound
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

    def list_jobs(self, *, dataset_id: str | None = None, types: Sequence[str] = (), limit: int = 50_000) -> list[Job]:
        """Jobs, newest first."""
        table = schema.jobs
        query = sa.select(table).where(table.c.workspace_key == self._workspace_key)
        if dataset_id is not None:
            query = query.where(table.c.dataset_id == dataset_id)
        if types:
            query = query.where(table.c.type.in_(types))
        with self._read() as connection:
            return [to_job(row) for row in connection.execute(query.order_by(table.c.key.desc()).limit(limit))]

    def _add_job(
        self,
        connection: Connection,
        job_type: JobType,
        status: JobStatus,
        *,
        dataset_id: str | None = None,
        payload: Json | None = None,
        message: Json | None = None,
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
            errors="[]",
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
            sa.select(schema.jobs).where(schema.jobs.c.workspace_key == self._workspace_key, schema.jobs.c.id == job_id)
        ).one_or_none()
        if row is None:
            raise NotFound(f"no job with id {job_id!r} in this workspace", code="job_not_found")
        return to_job(row)


def to_job(row: AnyRow) -> Job:
    """The job in this row."""
    return Job(
        id=row.id,
        type=JobType(row.type),
        status=JobStatus(row.status),
        dataset_id=row.dataset_id,
        message=json.loads(row.message),
        errors=tuple(json.loads(row.errors)),
        completed_steps=row.completed_steps,
        total_steps=row.total_steps,
        created_at=from_micros(row.created_at),
        finished_at=optional_moment(row.finished_at),
    )
