"""Uploads of scores: their rows, and the parts of those that are not finished."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from nucleus_server.domain import Job, JobStatus, JobType, ScoreUpload, UploadPart, UploadStatus
from nucleus_server.errors import Conflict, NotFound
from nucleus_server.storage import schema
from nucleus_server.storage.base import AnyRow, from_micros, optional_moment, to_json
from nucleus_server.storage.dialect import upsert
from nucleus_server.storage.evaluations import EvaluationRows
from nucleus_server.storage.ids import new_id
from nucleus_server.storage.jobs import job_select, to_job

_UNFINISHED_MICROS = timedelta(hours=24) // timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class UploadPlan:
    """What an upload is to be: who is scored, by which functions, for one test or a dataset's tests."""

    dataset_id: str
    model_id: str
    function_ids: tuple[str, ...]
    test_id: str | None = None
    min_coverage: float = 1.0
    is_dry_run: bool = False


class UploadRows(EvaluationRows):
    """The part of the workspace store that keeps uploads of scores until they are complete."""

    def begin_upload(self, plan: UploadPlan, first_part: str) -> tuple[ScoreUpload, list[UploadPart]]:
        """A new unfinished upload, or the actor's own one with this plan and first part, and the parts it has already."""
        with self._write() as connection:
            keys = self._plan_keys(connection, plan)
            table = schema.score_uploads
            found = connection.execute(
                sa.select(table.c.id)
                .where(
                    table.c.workspace_key == self._workspace_key,
                    table.c.user_key == self.actor.user_key,
                    table.c.dataset_key == keys.dataset_key,
                    table.c.model_key == keys.model_key,
                    table.c.test_key.is_(None) if keys.test_key is None else table.c.test_key == keys.test_key,
                    table.c.function_ids == to_json(list(plan.function_ids)),
                    table.c.min_coverage == plan.min_coverage,
                    table.c.is_dry_run == plan.is_dry_run,
                    table.c.first_part == first_part,
                    table.c.status == UploadStatus.STAGING.value,
                    table.c.expires_at > self._now(),
                )
                .order_by(table.c.key.desc())
                .limit(1)
            ).scalar_one_or_none()
            upload_id = found or self._insert_upload(connection, plan, keys, UploadStatus.STAGING, first_part)
            upload = self._upload(connection, upload_id)
            return upload, self._parts(connection, upload.key)

    def put_upload_part(self, upload_id: str, part: UploadPart) -> None:
        """Record a part whose payload is safe on disk, in place of an earlier one of its number."""
        with self._write() as connection:
            upload = self._own_upload(connection, upload_id)
            require_status(upload, UploadStatus.STAGING)
            self._put_part(connection, upload.key, part)
            self._keep(connection, upload.key)

    def list_upload_parts(self, upload_id: str) -> list[UploadPart]:
        """The parts of an upload, by number."""
        with self._read() as connection:
            return self._parts(connection, self._row_by_id(connection, schema.score_uploads, upload_id, "upload").key)

    def commit_upload(self, upload_id: str, n_parts: int, digest: str) -> Job:
        """Close the upload and make the job that checks and stores it; the same commit again returns the same job.

        Parts numbered `n_parts` and above, which an interrupted longer upload left, are dropped.

        Raises:
            Conflict: The parts are not those that the digest (SHA-256 of all parts' digests) stands for.
        """
        with self._write() as connection:
            upload = self._own_upload(connection, upload_id)
            if upload.job_id is not None:
                return self._job(connection, upload.job_id)
            require_status(upload, UploadStatus.STAGING)
            parts = [part for part in self._parts(connection, upload.key) if part.number < n_parts]
            found = hashlib.sha256("".join(part.digest for part in parts).encode()).hexdigest()
            if len(parts) != n_parts or found != digest:
                raise Conflict(
                    f"expected the {n_parts} parts that the commit names, the server has {len(parts)} or others: another "
                    "client may be sending the same upload; begin again, parts that are here are not sent twice",
                    code="parts_changed",
                )
            parts_table, table = schema.upload_parts, schema.score_uploads
            connection.execute(
                parts_table.delete().where(parts_table.c.upload_key == upload.key, parts_table.c.number >= n_parts)
            )
            dataset = self._dataset_row(connection, upload.dataset_key)
            job = self._add_job(
                connection,
                JobType.UPLOAD_SCORES,
                JobStatus.QUEUED,
                dataset_id=dataset.id,
                payload={"upload_id": upload_id},
                n_steps=n_parts + 1,
            )
            connection.execute(
                table.update()
                .where(table.c.key == upload.key)
                .values(status=UploadStatus.COMMITTING.value, job_id=job.id, n_rows=sum(part.n_rows for part in parts))
            )
            self._keep(connection, upload.key)
            return job

    def reject_upload(self, upload_id: str, *, keep_parts: bool = True) -> None:
        """Mark a staged upload as refused; its parts stay for a day, to list every bad row from, or go at the next sweep."""
        with self._write() as connection:
            upload = self._row_by_id(connection, schema.score_uploads, upload_id, "upload", lock=True)
            table = schema.score_uploads
            connection.execute(
                table.update()
                .where(table.c.key == upload.key)
                .values(
                    status=UploadStatus.REJECTED.value,
                    expires_at=self._now() + (_UNFINISHED_MICROS if keep_parts else -1),
                )
            )

    def keep_rejected(self, plan: UploadPlan, part: UploadPart) -> ScoreUpload:
        """Record an upload that came in one request and was refused, to list every bad row from for a day."""
        with self._write() as connection:
            keys = self._plan_keys(connection, plan)
            upload_id = self._insert_upload(connection, plan, keys, UploadStatus.REJECTED, None, n_rows=part.n_rows)
            upload = self._upload(connection, upload_id)
            self._put_part(connection, upload.key, part)
            return upload

    def give_up_upload(self, upload_id: str) -> None:
        """End an unfinished or rejected upload of the actor's own: it is gone with the next sweep."""
        with self._write() as connection:
            upload = self._own_upload(connection, upload_id)
            require_status(upload, UploadStatus.STAGING, UploadStatus.REJECTED)
            table = schema.score_uploads
            connection.execute(
                table.update()
                .where(table.c.key == upload.key)
                .values(status=UploadStatus.REJECTED.value, expires_at=self._now() - 1)
            )

    def get_upload(self, upload_id: str) -> ScoreUpload:
        """The upload with this id."""
        with self._read() as connection:
            return self._upload(connection, upload_id)

    def find_upload_job(self, upload_id: str) -> Job | None:
        """The job that checked a committed upload and stored it or not; it stays when the upload does not."""
        jobs = schema.jobs
        with self._read() as connection:
            row = connection.execute(
                job_select().where(
                    jobs.c.workspace_key == self._workspace_key,
                    jobs.c.type == JobType.UPLOAD_SCORES.value,
                    jobs.c.payload == to_json({"upload_id": upload_id}),
                )
            ).one_or_none()
            return None if row is None else to_job(row)

    def list_uploads(
        self,
        *,
        dataset_id: str | None = None,
        model_id: str | None = None,
        function_id: str | None = None,
        offset: int = 0,
        limit: int = 1000,
    ) -> list[ScoreUpload]:
        """Uploads that were not given up and not only to be checked, newest first."""
        table = schema.score_uploads
        with self._read() as connection:
            is_there = sa.or_(table.c.status == UploadStatus.COMPLETED.value, table.c.expires_at > self._now())
            query = self._upload_select().where(is_there, table.c.is_dry_run.is_(False))
            if dataset_id is not None:
                dataset = self._row_by_id(connection, schema.datasets, dataset_id, "dataset")
                query = query.where(table.c.dataset_key == dataset.key)
            if model_id is not None:
                model = self._row_by_id(connection, schema.models, model_id, "model")
                query = query.where(table.c.model_key == model.key)
            if function_id is not None:
                query = query.where(table.c.function_ids.contains(to_json(function_id), autoescape=True))
            rows = connection.execute(query.order_by(table.c.key.desc()).offset(offset).limit(limit))
            return [_to_upload(row) for row in rows]

    def _plan_keys(self, connection: Connection, plan: UploadPlan) -> _PlanKeys:
        dataset = self._row_by_id(connection, schema.datasets, plan.dataset_id, "dataset")
        model = self._row_by_id(connection, schema.models, plan.model_id, "model")
        test_key = None
        if plan.test_id is not None:
            test_key = self._row_by_id(connection, schema.scenario_tests, plan.test_id, "scenario test").key
        for function_id in plan.function_ids:
            self._row_by_id(connection, schema.eval_functions, function_id, "eval function")
        return _PlanKeys(dataset.key, model.key, test_key)

    def _insert_upload(
        self,
        connection: Connection,
        plan: UploadPlan,
        keys: _PlanKeys,
        status: UploadStatus,
        first_part: str | None,
        *,
        n_rows: int = 0,
    ) -> str:
        upload_id = new_id("up")
        now = self._now()
        self._insert(
            connection,
            schema.score_uploads,
            id=upload_id,
            dataset_key=keys.dataset_key,
            model_key=keys.model_key,
            test_key=keys.test_key,
            status=status.value,
            function_ids=to_json(list(plan.function_ids)),
            min_coverage=plan.min_coverage,
            is_dry_run=plan.is_dry_run,
            first_part=first_part,
            n_rows=n_rows,
            report="",
            fence=0,
            user_key=self.actor.user_key,
            created_at=now,
            expires_at=now + _UNFINISHED_MICROS,
        )
        return upload_id

    def _put_part(self, connection: Connection, upload_key: int, part: UploadPart) -> None:
        upsert(
            connection,
            schema.upload_parts,
            {
                "workspace_key": self._workspace_key,
                "upload_key": upload_key,
                "number": part.number,
                "digest": part.digest,
                "size_bytes": part.size_bytes,
                "n_rows": part.n_rows,
            },
            changed=("digest", "size_bytes", "n_rows"),
        )

    def _keep(self, connection: Connection, upload_key: int) -> None:
        """Begin the unfinished upload's last day anew."""
        table = schema.score_uploads
        connection.execute(
            table.update().where(table.c.key == upload_key).values(expires_at=self._now() + _UNFINISHED_MICROS)
        )

    def _parts(self, connection: Connection, upload_key: int) -> list[UploadPart]:
        table = schema.upload_parts
        rows = connection.execute(sa.select(table).where(table.c.upload_key == upload_key).order_by(table.c.number))
        return [UploadPart(row.number, row.digest, row.size_bytes, row.n_rows) for row in rows]

    def _own_upload(self, connection: Connection, upload_id: str) -> AnyRow:
        row = self._row_by_id(connection, schema.score_uploads, upload_id, "upload", lock=True)
        self._require_owner(row.user_key, "upload", "go on with it")
        return row

    def _upload_select(self) -> sa.Select[Any]:
        table, tests = schema.score_uploads, schema.scenario_tests
        return (
            sa.select(
                table,
                schema.datasets.c.id.label("dataset_id"),
                schema.datasets.c.name.label("dataset_name"),
                schema.models.c.id.label("model_id"),
                schema.models.c.name.label("model_name"),
                tests.c.id.label("test_id"),
                schema.users.c.id.label("user_id"),
                schema.users.c.name.label("user_name"),
            )
            .join(schema.datasets, schema.datasets.c.key == table.c.dataset_key)
            .join(schema.models, schema.models.c.key == table.c.model_key)
            .join(schema.users, schema.users.c.key == table.c.user_key)
            .join(tests, tests.c.key == table.c.test_key, isouter=True)
            .where(table.c.workspace_key == self._workspace_key, schema.datasets.c.hidden_at.is_(None))
        )

    def _upload(self, connection: Connection, upload_id: str) -> ScoreUpload:
        row = connection.execute(self._upload_select().where(schema.score_uploads.c.id == upload_id)).one_or_none()
        if row is None:
            raise NotFound(
                f"no upload with id {upload_id!r} in this workspace; it may have expired", code="upload_not_found"
            )
        return _to_upload(row)


@dataclass(frozen=True, slots=True)
class _PlanKeys:
    dataset_key: int
    model_key: int
    test_key: int | None


def require_status(upload: AnyRow, *allowed: UploadStatus) -> None:
    if UploadStatus(upload.status) not in allowed:
        raise Conflict(f"upload {upload.id} is {upload.status} already: begin a new one", code="upload_finished")


def _to_upload(row: AnyRow) -> ScoreUpload:
    return ScoreUpload(
        key=row.key,
        id=row.id,
        dataset_key=row.dataset_key,
        dataset_id=row.dataset_id,
        dataset_name=row.dataset_name,
        model_id=row.model_id,
        model_name=row.model_name,
        test_id=row.test_id,
        status=UploadStatus(row.status),
        function_ids=tuple(json.loads(row.function_ids)),
        min_coverage=row.min_coverage,
        is_dry_run=row.is_dry_run,
        n_rows=row.n_rows,
        report=json.loads(row.report) if row.report else None,
        job_id=row.job_id,
        user_id=row.user_id,
        user_name=row.user_name,
        created_at=from_micros(row.created_at),
        completed_at=optional_moment(row.completed_at),
        expires_at=optional_moment(row.expires_at),
    )
