"""Scores of whole datasets as packed columns, and the evaluations that come of them.

What is large is written in many short transactions that nobody sees: an upload that is not completed, and evaluations that
are pending, do not exist for readers. The last transaction makes all of it visible at once. What a crash leaves behind
is swept when it expires.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from nucleus_server.domain import EvaluationStatus, Json, ScoreUpload, UploadStatus
from nucleus_server.errors import Conflict
from nucleus_server.storage import columns, schema
from nucleus_server.storage.base import AnyRow, to_json
from nucleus_server.storage.evaluations import chunk_rows
from nucleus_server.storage.new_evaluations import NewEvaluation
from nucleus_server.storage.uploads import UploadPlan, UploadRows, require_status

if TYPE_CHECKING:
    from numpy.typing import NDArray

_BATCH = 64  # chunks of one transaction: 4 MB of scores


@dataclass(frozen=True, slots=True, eq=False)
class NewColumn:
    """The scores of a dataset by one function, checked.

    Attributes:
        scores: float64 [n_ordinals] by dataset ordinal, NaN where an item has none.
        weights: float64 [n_ordinals], 1 where an item has no score; None if every weight is 1.
        digest: SHA-256 of what was uploaded, the same however much the dataset has grown behind it.
    """

    function_id: str
    scores: NDArray[np.float64]
    weights: NDArray[np.float64] | None
    digest: bytes = field(init=False)

    def __post_init__(self) -> None:
        scored = np.flatnonzero(~np.isnan(self.scores))
        end = int(scored[-1]) + 1 if len(scored) else 0
        hasher = hashlib.sha256(columns.pack_scores(self.scores[:end]))
        if self.weights is not None:
            hasher.update(columns.pack_scores(self.weights[:end]))
        object.__setattr__(self, "digest", hasher.digest())


class ScoreColumnRows(UploadRows):
    """The part of the workspace store that keeps the scores of whole datasets."""

    def open_upload(self, plan: UploadPlan, n_rows: int) -> ScoreUpload:
        """An upload that is about to be stored; nobody counts it before `record_upload` has completed it."""
        with self._write() as connection:
            keys = self._plan_keys(connection, plan)
            return self._upload(
                connection, self._insert_upload(connection, plan, keys, UploadStatus.COMMITTING, None, n_rows=n_rows)
            )

    def retry_upload(self, upload_id: str, fence: int) -> None:
        """From here on only this attempt can complete the upload."""
        with self._write() as connection:
            upload = self._row_by_id(connection, schema.score_uploads, upload_id, "upload", lock=True)
            require_status(upload, UploadStatus.COMMITTING)
            connection.execute(
                schema.score_uploads.update().where(schema.score_uploads.c.key == upload.key).values(fence=fence)
            )
            self._keep(connection, upload.key)

    def record_upload(
        self,
        upload_id: str,
        fence: int,
        new_columns: Sequence[NewColumn],
        evaluations: Iterable[NewEvaluation],
        report: Callable[[dict[str, str]], Json],
        still_ours: Callable[[], None] = lambda: None,
    ) -> ScoreUpload:
        """Store columns and evaluations in short transactions, and make all of it visible in the last one.

        Args:
            evaluations: Taken one at a time, so that not all of them need be in memory.
            report: Called after the last evaluation was taken: what was accepted. Gets a new evaluation's id → the id of the
                test's newest one, for those that were equal to it and were not stored again.
            still_ours: Called between transactions: renews a lease, or raises to stop.

        Raises:
            Conflict: Another attempt has taken the upload over; nothing became visible.
        """
        while self._forget_batch(upload_id, fence):
            still_ours()  # what an earlier attempt left
        for column in new_columns:
            column_key = self._add_column(upload_id, fence, column)
            self._add_chunks(column_key, column, still_ours)
        replayed: dict[str, str] = {}
        for new in evaluations:
            if (stored := self._add_pending(upload_id, fence, new)) != new.id:
                replayed[new.id] = stored
            still_ours()
        return self._complete_upload(upload_id, fence, report(replayed))

    def _add_column(self, upload_id: str, fence: int, column: NewColumn) -> int:
        with self._write() as connection:
            upload = self._attempt(connection, upload_id, fence)
            function = self._row_by_id(connection, schema.eval_functions, column.function_id, "eval function")
            return self._insert(
                connection,
                schema.score_columns,
                upload_key=upload.key,
                function_key=function.key,
                n_ordinals=len(column.scores),
                n_scored=int(np.count_nonzero(~np.isnan(column.scores))),
                is_weighted=column.weights is not None,
                digest=column.digest,
            )

    def _add_chunks(self, column_key: int, column: NewColumn, still_ours: Callable[[], None]) -> None:
        parts = [(columns.SCORE, column.scores, np.nan)]
        if column.weights is not None:
            parts.append((columns.WEIGHT, column.weights, 1.0))
        for name, values, fill in parts:
            for start in range(0, len(values), _BATCH * columns.CHUNK):
                first = start // columns.CHUNK
                rows = [
                    {"column_key": column_key, "name": name, "chunk": first + chunk, "data": data}
                    for chunk, data in columns.split_floats(values[start : start + _BATCH * columns.CHUNK], fill=fill)
                ]
                if rows:
                    with self._write() as connection:
                        connection.execute(schema.score_chunks.insert(), rows)
                still_ours()

    def _add_pending(self, upload_id: str, fence: int, new: NewEvaluation) -> str:
        """Store an evaluation that nobody sees yet; returns its id, or the newest one's if that is the same."""
        with self._write() as connection:
            upload = self._attempt(connection, upload_id, fence)
            series = self._series(connection, new)
            newest = self._newest_of(connection, series, new)
            if newest is not None and newest.digest == new.digest:
                return str(newest.id)
            key = self._insert_evaluation(
                connection, series, new, EvaluationStatus.PENDING, upload.created_at, upload.user_key
            )
            self._link(connection, upload.key, key)
        rows = chunk_rows(key, new)
        for start in range(0, len(rows), _BATCH):
            with self._write() as connection:
                connection.execute(schema.evaluation_chunks.insert(), rows[start : start + _BATCH])
        return new.id

    def finish_dry_run(self, upload_id: str, report: Json) -> ScoreUpload:
        """Note what a staged upload that was only to be checked would have done; it goes when it expires."""
        with self._write() as connection:
            upload = self._row_by_id(connection, schema.score_uploads, upload_id, "upload", lock=True)
            require_status(upload, UploadStatus.COMMITTING)
            table = schema.score_uploads
            connection.execute(
                table.update()
                .where(table.c.key == upload.key)
                .values(status=UploadStatus.COMPLETED.value, report=to_json(report), completed_at=self._now())
            )
            self._keep(connection, upload.key)
            return self._upload(connection, upload_id)

    def _complete_upload(self, upload_id: str, fence: int, report: Json) -> ScoreUpload:
        table, evaluations, links = schema.score_uploads, schema.evaluations, schema.upload_evaluations
        with self._write() as connection:
            upload = self._attempt(connection, upload_id, fence)
            keys = sa.select(links.c.evaluation_key).where(links.c.upload_key == upload.key)
            now = self._now()
            connection.execute(
                evaluations.update()
                .where(evaluations.c.key.in_(keys), evaluations.c.status == EvaluationStatus.PENDING.value)
                .values(status=EvaluationStatus.COMPLETED.value, completed_at=now)
            )
            # Its parts are of no use any more: the next sweep removes them.
            has_parts = bool(self._parts(connection, upload.key))
            connection.execute(
                table.update()
                .where(table.c.key == upload.key)
                .values(
                    status=UploadStatus.COMPLETED.value,
                    report=to_json(report),
                    completed_at=now,
                    expires_at=now - 1 if has_parts else None,
                )
            )
            return self._upload(connection, upload_id)

    def _attempt(self, connection: Connection, upload_id: str, fence: int) -> AnyRow:
        upload = self._row_by_id(connection, schema.score_uploads, upload_id, "upload", lock=True)
        if upload.fence != fence or upload.status != UploadStatus.COMMITTING.value:
            raise Conflict(f"upload {upload_id} is being stored by another worker, or was stored", code="lease_lost")
        return upload

    def _forget_batch(self, upload_id: str, fence: int) -> bool:
        with self._write() as connection:
            return forget_upload_batch(connection, self._attempt(connection, upload_id, fence).key)

    def find_equal_upload(self, plan: UploadPlan, digests: dict[str, bytes]) -> ScoreUpload | None:
        """The model's newest upload by these functions, if it is for the whole dataset and has just these columns.

        `digests` are function id → digest. An upload by any of the functions that came later, also for a single test, makes
        the same scores news again.
        """
        table, column = schema.score_uploads, schema.score_columns
        with self._read() as connection:
            rows = connection.execute(
                sa.select(table.c.key, table.c.id, table.c.test_key, table.c.function_ids, table.c.min_coverage)
                .join(schema.datasets, schema.datasets.c.key == table.c.dataset_key)
                .join(schema.models, schema.models.c.key == table.c.model_key)
                .where(
                    table.c.workspace_key == self._workspace_key,
                    schema.datasets.c.id == plan.dataset_id,
                    schema.models.c.id == plan.model_id,
                    table.c.status == UploadStatus.COMPLETED.value,
                    table.c.is_dry_run.is_(False),
                )
                .order_by(table.c.key.desc())
            )
            asked = set(plan.function_ids)
            newest = next((row for row in rows if asked & set(json.loads(row.function_ids))), None)
            if (
                newest is None
                or newest.test_key is not None
                or newest.min_coverage != plan.min_coverage
                or set(json.loads(newest.function_ids)) != asked
            ):
                return None
            stored = connection.execute(
                sa.select(schema.eval_functions.c.id, column.c.digest)
                .join(schema.eval_functions, schema.eval_functions.c.key == column.c.function_key)
                .where(column.c.upload_key == newest.key)
            )
            return self._upload(connection, newest.id) if {r.id: r.digest for r in stored} == digests else None

    def find_same_scores(self, dataset_id: str, function_id: str, digest: bytes, model_id: str) -> str | None:
        """The name of another model whose column by this function has the same digest; None if there is none."""
        column, uploads, models = schema.score_columns, schema.score_uploads, schema.models
        with self._read() as connection:
            found: str | None = connection.execute(
                sa.select(models.c.name)
                .select_from(column)
                .join(uploads, uploads.c.key == column.c.upload_key)
                .join(models, models.c.key == uploads.c.model_key)
                .join(schema.datasets, schema.datasets.c.key == uploads.c.dataset_key)
                .join(schema.eval_functions, schema.eval_functions.c.key == column.c.function_key)
                .where(
                    column.c.workspace_key == self._workspace_key,
                    column.c.digest == digest,
                    schema.eval_functions.c.id == function_id,
                    schema.datasets.c.id == dataset_id,
                    models.c.id != model_id,
                    models.c.hidden_at.is_(None),
                    uploads.c.status == UploadStatus.COMPLETED.value,
                )
                .limit(1)
            ).scalar_one_or_none()
            return found

    def read_column(self, column_key: int, n_ordinals: int) -> tuple[NDArray[np.float64], NDArray[np.float64] | None]:
        """Scores and weights (None if all are 1) of the dataset's first `n_ordinals` items, NaN where there is no score."""
        table, chunk = schema.score_columns, schema.score_chunks
        with self._read() as connection:
            column = connection.execute(
                sa.select(table).where(table.c.workspace_key == self._workspace_key, table.c.key == column_key)
            ).one()

            def read(name: str, fill: float) -> NDArray[np.float64]:
                query = sa.select(chunk.c.chunk, chunk.c.data).where(
                    chunk.c.column_key == column_key, chunk.c.name == name
                )
                rows = ((row.chunk, row.data) for row in connection.execute(query))
                values = columns.joined_floats(rows, max(n_ordinals, column.n_ordinals), fill=fill)
                return values[:n_ordinals]

            scores = read(columns.SCORE, np.nan)
            return scores, read(columns.WEIGHT, 1.0) if column.is_weighted else None


def forget_upload_batch(connection: Connection, upload_key: int) -> bool:
    """Delete one batch of what an upload that was not completed has stored; False once nothing is left."""
    links, column, chunk = schema.upload_evaluations, schema.score_columns, schema.score_chunks
    evaluation, evaluation_chunk = schema.evaluations, schema.evaluation_chunks
    pending = sa.select(links.c.evaluation_key).where(links.c.upload_key == upload_key)
    owned = sa.select(column.c.key).where(column.c.upload_key == upload_key)
    for table, condition in (
        (chunk, chunk.c.column_key.in_(owned)),
        (evaluation_chunk, evaluation_chunk.c.evaluation_key.in_(pending)),
    ):
        primary = list(table.primary_key.columns)
        rows = connection.execute(sa.select(*primary).where(condition).limit(_BATCH)).all()
        if rows:
            connection.execute(
                table.delete().where(sa.and_(*(c == sa.bindparam(f"pk_{c.name}") for c in primary))),
                [{f"pk_{c.name}": value for c, value in zip(primary, row, strict=True)} for row in rows],
            )
            return True
    keys = connection.execute(pending).scalars().all()
    if keys:
        connection.execute(links.delete().where(links.c.upload_key == upload_key))
        connection.execute(evaluation.delete().where(evaluation.c.key.in_(keys)))
    connection.execute(column.delete().where(column.c.upload_key == upload_key))
    return False
