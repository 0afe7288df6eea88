"""Verdicts: what comparisons gave, stored once under a digest of everything that they depend on."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from nucleus_server.domain import JobStatus, JobType, Json
from nucleus_server.storage import schema
from nucleus_server.storage.base import to_json
from nucleus_server.storage.dialect import insert_if_absent
from nucleus_server.storage.item_scores import ItemScoreRows

_PER_STATEMENT = 500


@dataclass(frozen=True, slots=True)
class NewVerdict:
    """A computed verdict; `baseline_key` is None if it is about a threshold."""

    digest: bytes
    baseline_key: int | None
    candidate_key: int
    payload: Json


class VerdictRows(ItemScoreRows):
    """The part of the workspace store that keeps verdicts."""

    def find_verdicts(self, digests: Iterable[bytes]) -> dict[bytes, Json]:
        """Those of these verdicts that are there, by digest."""
        table = schema.verdicts
        wanted = list(dict.fromkeys(digests))
        found: dict[bytes, Json] = {}
        with self._read() as connection:
            for start in range(0, len(wanted), _PER_STATEMENT):
                rows = connection.execute(
                    sa.select(table.c.digest, table.c.payload).where(
                        table.c.workspace_key == self._workspace_key,
                        table.c.digest.in_(wanted[start : start + _PER_STATEMENT]),
                    )
                )
                found.update((bytes(row.digest), json.loads(row.payload)) for row in rows)
        return found

    def record_verdicts(self, verdicts: Sequence[NewVerdict]) -> None:
        """Store verdicts; one that is there already stays as it is, one of an evaluation that is gone is not stored.

        Everybody may, viewers too: it says nothing that the evaluations do not say.
        """
        evaluations = schema.evaluations
        with self._write_as_anyone() as connection:
            keys = {verdict.candidate_key for verdict in verdicts} | {
                verdict.baseline_key for verdict in verdicts if verdict.baseline_key is not None
            }
            present = set(
                connection.execute(
                    sa.select(evaluations.c.key).where(
                        evaluations.c.workspace_key == self._workspace_key, evaluations.c.key.in_(keys)
                    )
                ).scalars()
            )
            for verdict in verdicts:
                if {verdict.candidate_key, verdict.baseline_key or verdict.candidate_key} <= present:
                    insert_if_absent(
                        connection,
                        schema.verdicts,
                        {
                            "workspace_key": self._workspace_key,
                            "digest": verdict.digest,
                            "baseline_key": verdict.baseline_key,
                            "candidate_key": verdict.candidate_key,
                            "payload": to_json(verdict.payload),
                            "created_at": self._now(),
                        },
                    )

    def request_verdicts(self, payload: Json, n_steps: int) -> str:
        """The id of the job that computes these; an unfinished one with the same payload is not added again.

        Everybody may, viewers too.
        """
        jobs = schema.jobs
        with self._write_as_anyone() as connection:
            found: str | None = connection.execute(
                sa.select(jobs.c.id)
                .where(
                    jobs.c.workspace_key == self._workspace_key,
                    jobs.c.type == JobType.COMPARE_EVALUATIONS.value,
                    jobs.c.finished_at.is_(None),
                    jobs.c.payload == to_json(payload),
                )
                .limit(1)
            ).scalar_one_or_none()
            if found is not None:
                return found
            return self._add_job(
                connection, JobType.COMPARE_EVALUATIONS, JobStatus.QUEUED, payload=payload, n_steps=n_steps
            ).id
