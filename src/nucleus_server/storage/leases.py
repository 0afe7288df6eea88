"""A worker's hold on a job: a lease on the database's clock, and a fence that whoever takes the job over raises."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from nucleus_server.domain import JobType, Json
from nucleus_server.errors import Conflict
from nucleus_server.storage import schema
from nucleus_server.storage.base import to_json
from nucleus_server.storage.dialect import database_micros


class LeaseLost(Conflict):
    """Another worker has taken this job over."""

    default_code = "lease_lost"


@dataclass(frozen=True, slots=True)
class LeasedJob:
    """A job in the hands of one worker."""

    key: int
    id: str
    workspace_id: str
    user_id: str
    type: JobType
    payload: Json
    fence: int
    lease_s: float
    attempts: int


@dataclass(frozen=True, slots=True)
class JobStep:
    """A part of a job that a store method does: its transaction proves the lease, and counts what was done in the job.

    Attributes:
        job: The job, in this process's hands.
        n_done: Steps of the job that the part is.
        max_errors: How many sentences the job keeps of what could not be stored.
    """

    job: LeasedJob
    n_done: int
    max_errors: int


def prove_lease(connection: Connection, job: LeasedJob, *, n_done: int = 0) -> None:
    """Renew the lease inside the transaction that does the work, and count what it does.

    Raises:
        LeaseLost: Another worker has the job, or it was ended.
    """
    jobs = schema.jobs
    renewed = connection.execute(
        jobs.update()
        .where(jobs.c.key == job.key, jobs.c.fence == job.fence, jobs.c.finished_at.is_(None))
        .values(
            leased_until=database_micros() + int(job.lease_s * 1_000_000),
            completed_steps=jobs.c.completed_steps + n_done,
        )
    )
    if renewed.rowcount != 1:
        raise LeaseLost(f"job {job.id} was taken over by another worker, or cancelled")


def take_step(connection: Connection, step: JobStep, counts: dict[str, int], errors: Sequence[str]) -> None:
    """Prove the lease and add to what the job has counted, in the transaction that did it."""
    jobs = schema.jobs
    prove_lease(connection, step.job, n_done=step.n_done)
    row = connection.execute(sa.select(jobs.c.message, jobs.c.errors).where(jobs.c.key == step.job.key)).one()
    message, known = json.loads(row.message), json.loads(row.errors)
    added = {name: message.get(name, 0) + n for name, n in counts.items()}
    connection.execute(
        jobs.update()
        .where(jobs.c.key == step.job.key)
        .values(message=to_json({**message, **added}), errors=to_json([*known, *errors][: step.max_errors]))
    )
