"""Evaluations: immutable results over a pinned member list, with their scores and weights as packed columns."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import numpy as np
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from nucleus_server.domain import (
    EvalFunction,
    Evaluation,
    EvaluationStatus,
    EvaluationSummary,
    Level,
    UploadStatus,
)
from nucleus_server.errors import NotFound
from nucleus_server.storage import columns, schema
from nucleus_server.storage.base import AnyRow, from_micros, optional_moment, to_json, to_micros
from nucleus_server.storage.ids import new_id
from nucleus_server.storage.kept_columns import Place
from nucleus_server.storage.member_lists import MemberListRows
from nucleus_server.storage.models import function_select, to_function
from nucleus_server.storage.new_evaluations import NewEvaluation, NewUpload

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class _SeriesRows:
    """The rows of a test, a function and a model."""

    test: AnyRow
    function: AnyRow
    model: AnyRow


class EvaluationRows(MemberListRows):
    """The part of the workspace store that keeps evaluations."""

    def record_evaluation(self, new: NewEvaluation, upload: NewUpload | None = None) -> tuple[Evaluation, bool]:
        """Store a completed evaluation, or return the newest one if it is the same upload again (True: a replay).

        Both are decided while the test's row is locked, so two equal uploads at the same time are stored once. The upload
        is stored with the evaluation; a replay stores neither.
        """
        with self._write() as connection:
            series = self._series(connection, new)
            newest = self._newest_of(connection, series, new)
            if newest is not None and newest.digest == new.digest and self._saw_these(connection, series, newest):
                return self._evaluation(connection, newest.id), True
            self._check_grown(connection, series.test.slice_key, new.level, new.members)
            now = self._now()
            key = self._insert_evaluation(connection, series, new, EvaluationStatus.COMPLETED, now)
            connection.execute(schema.evaluation_chunks.insert(), chunk_rows(key, new))
            if upload is not None:
                upload_key = self._insert_test_upload(connection, series, new, upload, now)
                self._link(connection, upload_key, key)
            return self._evaluation(connection, new.id), False

    def fill_evaluation(self, new: NewEvaluation, upload_id: str | None, uploaded_at: datetime) -> Evaluation | None:
        """Store scores that came with an earlier upload as this test's evaluation, dated as the upload was.

        None, and nothing is stored, if the test has a newer evaluation of this model and function over the same members.
        """
        with self._write() as connection:
            series = self._series(connection, new)
            newest = self._newest_of(connection, series, new)
            moment = to_micros(uploaded_at)
            if newest is not None and (newest.created_at >= moment or newest.digest == new.digest):
                return None
            upload = None
            if upload_id is not None:
                upload = self._row_by_id(connection, schema.score_uploads, upload_id, "upload")
            user_key = self.actor.user_key if upload is None else upload.user_key
            key = self._insert_evaluation(connection, series, new, EvaluationStatus.COMPLETED, moment, user_key)
            connection.execute(schema.evaluation_chunks.insert(), chunk_rows(key, new))
            if upload is not None:
                self._link(connection, upload.key, key)
            return self._evaluation(connection, new.id)

    def _series(self, connection: Connection, new: NewEvaluation, *, lock: bool = True) -> _SeriesRows:
        """The rows that the evaluation is of; the test's stays locked until the transaction ends."""
        return _SeriesRows(
            test=self._row_by_id(connection, schema.scenario_tests, new.test_id, "scenario test", lock=lock),
            function=self._row_by_id(connection, schema.eval_functions, new.function_id, "eval function"),
            model=self._row_by_id(connection, schema.models, new.model_id, "model"),
        )

    def _newest_of(self, connection: Connection, series: _SeriesRows, new: NewEvaluation) -> AnyRow | None:
        """The newest completed evaluation of these over the same members."""
        table = schema.evaluations
        is_same: sa.ColumnElement[bool] = table.c.member_list_key.is_(None)
        if new.members is not None:
            key = self._list_key(connection, series.test.slice_key, new.level, new.members, keep=False)
            is_same = table.c.member_list_key == key
        found: Any = connection.execute(
            sa.select(table.c.id, table.c.digest, table.c.created_at, table.c.annotation_revision)
            .where(
                table.c.test_key == series.test.key,
                table.c.function_key == series.function.key,
                table.c.model_key == series.model.key,
                table.c.slice_key == series.test.slice_key,
                table.c.n_members == new.n_members,
                is_same,
                table.c.status == EvaluationStatus.COMPLETED.value,
            )
            .order_by(table.c.created_at.desc(), table.c.key.desc())
            .limit(1)
        ).one_or_none()
        row: AnyRow | None = found
        return row

    def _saw_these(self, connection: Connection, series: _SeriesRows, newest: AnyRow) -> bool:
        """Whether the annotations are those that this evaluation saw: equal scores on others are an answer of their own."""
        dataset_key = self._slice_row(connection, series.test.slice_key).dataset_key
        seen = newest.annotation_revision
        return seen is None or bool(seen == self._dataset_row(connection, dataset_key).annotation_revision)

    def _insert_evaluation(
        self,
        connection: Connection,
        series: _SeriesRows,
        new: NewEvaluation,
        status: EvaluationStatus,
        created_at: int,
        user_key: int | None = None,
    ) -> int:
        dataset = self._dataset_row(connection, self._slice_row(connection, series.test.slice_key).dataset_key)
        run = self._newest_run(connection, series.model.key, dataset.key)
        slice_key, members = series.test.slice_key, new.members
        list_key = None if members is None else self._list_key(connection, slice_key, new.level, members, keep=True)
        return self._insert(
            connection,
            schema.evaluations,
            id=new.id,
            test_key=series.test.key,
            function_key=series.function.key,
            model_key=series.model.key,
            level=new.level.value,
            status=status.value,
            slice_key=series.test.slice_key,
            member_list_key=list_key,
            n_members=new.n_members,
            n_deleted=new.n_deleted,
            n_scored=new.n_scored,
            result=new.result,
            weight_sum=new.weight_sum,
            is_weighted=new.weights is not None,
            digest=new.digest,
            annotation_revision=dataset.annotation_revision,
            prediction_run_key=None if run is None else run.key,
            prediction_revision=None if run is None else run.revision,
            user_key=user_key or self.actor.user_key,
            created_at=created_at,
            completed_at=self._now() if status is EvaluationStatus.COMPLETED else None,
        )

    def _insert_test_upload(
        self, connection: Connection, series: _SeriesRows, new: NewEvaluation, upload: NewUpload, now: int
    ) -> int:
        return self._insert(
            connection,
            schema.score_uploads,
            id=new_id("up"),
            dataset_key=self._slice_row(connection, series.test.slice_key).dataset_key,
            model_key=series.model.key,
            test_key=series.test.key,
            status=UploadStatus.COMPLETED.value,
            function_ids=to_json([new.function_id]),
            min_coverage=0.0,
            is_dry_run=False,
            n_rows=upload.n_rows,
            report=to_json(upload.report),
            fence=0,
            user_key=self.actor.user_key,
            created_at=now,
            completed_at=now,
        )

    def _link(self, connection: Connection, upload_key: int, evaluation_key: int) -> None:
        self._insert(connection, schema.upload_evaluations, upload_key=upload_key, evaluation_key=evaluation_key)

    def get_evaluation(self, evaluation_id: str) -> Evaluation:
        """The evaluation with this id."""
        with self._read() as connection:
            return self._evaluation(connection, evaluation_id)

    def get_evaluation_of_any_test(self, evaluation_id: str) -> Evaluation:
        """The evaluation with this id, also of a test that was deleted: its scores were uploaded all the same."""
        with self._read() as connection:
            row = connection.execute(
                self._evaluation_select().where(schema.evaluations.c.id == evaluation_id)
            ).one_or_none()
            if row is None:
                raise _evaluation_not_found(evaluation_id)
            return to_evaluation(row)

    def list_evaluations(self, test_id: str) -> list[Evaluation]:
        """The test's whole history, oldest first."""
        with self._read() as connection:
            test = self._row_by_id(connection, schema.scenario_tests, test_id, "scenario test")
            query = self._evaluation_select().where(schema.evaluations.c.test_key == test.key)
            rows = connection.execute(query.order_by(schema.evaluations.c.created_at, schema.evaluations.c.key))
            return [to_evaluation(row) for row in rows]

    def list_upload_evaluations(self, upload_id: str, others: Sequence[str] = ()) -> list[Evaluation]:
        """The evaluations that an upload's scores gave, those of tests made later too, and `others` by their ids.

        Those of deleted tests are left out. Oldest first.
        """
        table, tests = schema.evaluations, schema.scenario_tests
        query = self._evaluation_select().where(tests.c.hidden_at.is_(None))
        query = query.order_by(table.c.created_at, table.c.key)
        with self._read() as connection:
            found = [to_evaluation(r) for r in connection.execute(query.where(schema.score_uploads.c.id == upload_id))]
            missing = sorted(set(others) - {evaluation.id for evaluation in found})
            if missing:
                found += [to_evaluation(row) for row in connection.execute(query.where(table.c.id.in_(missing)))]
        return sorted(found, key=lambda evaluation: (evaluation.created_at, evaluation.key))

    def newest_evaluations(self, model_keys: Collection[int] | None = None) -> list[Evaluation]:
        """The newest completed evaluation of every (test, function, model) of the workspace's visible tests.

        `model_keys` limits them to some models.
        """
        table = schema.evaluations
        place = (
            sa.func.row_number()
            .over(
                partition_by=(table.c.test_key, table.c.function_key, table.c.model_key),
                order_by=(table.c.created_at.desc(), table.c.key.desc()),
            )
            .label("place")
        )
        ranked = (
            sa.select(table.c.key, place)
            .where(
                table.c.workspace_key == self._workspace_key,
                table.c.status == EvaluationStatus.COMPLETED.value,
                sa.true() if model_keys is None else table.c.model_key.in_(model_keys),
            )
            .subquery("ranked")
        )
        newest = sa.select(ranked.c.key).where(ranked.c.place == 1)
        with self._read() as connection:
            rows = connection.execute(
                self._evaluation_select()
                .where(table.c.key.in_(newest), schema.scenario_tests.c.hidden_at.is_(None))
                .order_by(table.c.created_at, table.c.key)
            )
            return [to_evaluation(row) for row in rows]

    def find_newest_evaluation(self, test_key: int, function_key: int, model_key: int) -> Evaluation | None:
        """The newest completed evaluation of one model by one function on one test; None if there is none."""
        table = schema.evaluations
        with self._read() as connection:
            row = connection.execute(
                self._evaluation_select()
                .where(
                    table.c.test_key == test_key,
                    table.c.function_key == function_key,
                    table.c.model_key == model_key,
                    table.c.status == EvaluationStatus.COMPLETED.value,
                )
                .order_by(table.c.created_at.desc(), table.c.key.desc())
                .limit(1)
            ).one_or_none()
            return None if row is None else to_evaluation(row)

    def find_equal_evaluation(self, new: NewEvaluation) -> Evaluation | None:
        """The newest evaluation of the same test, function, model and members, if it has the same scores and weights."""
        with self._read() as connection:
            row = self._newest_of(connection, self._series(connection, new, lock=False), new)
            return None if row is None or row.digest != new.digest else self._evaluation(connection, row.id)

    def get_eval_function_of(self, evaluation: Evaluation) -> EvalFunction:
        """The evaluation's function, also one that was deleted since."""
        with self._read() as connection:
            return to_function(
                connection.execute(
                    function_select(self._workspace_key).where(schema.eval_functions.c.key == evaluation.function_key)
                ).one()
            )

    def count_uploads(self, evaluation: Evaluation) -> tuple[int, int]:
        """(3, 4) for the third of four evaluations of the same test, function and model, in the order of upload."""
        table = schema.evaluations
        is_earlier = sa.or_(
            table.c.created_at < to_micros(evaluation.created_at),
            sa.and_(table.c.created_at == to_micros(evaluation.created_at), table.c.key <= evaluation.key),
        )
        with self._read() as connection:
            row = connection.execute(
                sa.select(sa.func.sum(sa.case((is_earlier, 1), else_=0)), sa.func.count()).where(
                    table.c.workspace_key == self._workspace_key,
                    table.c.test_key == evaluation.test_key,
                    table.c.function_key == evaluation.function_key,
                    table.c.model_key == evaluation.model_key,
                    table.c.status != EvaluationStatus.PENDING.value,
                )
            ).one()
            return int(row[0]), int(row[1])

    def find_same_evaluation(self, new: NewEvaluation) -> str | None:
        """The name of another model with exactly these scores on this test by this function; None if there is none."""
        table, models = schema.evaluations, schema.models
        with self._read() as connection:
            found: str | None = connection.execute(
                sa.select(models.c.name)
                .join(table, table.c.model_key == models.c.key)
                .join(schema.scenario_tests, schema.scenario_tests.c.key == table.c.test_key)
                .join(schema.eval_functions, schema.eval_functions.c.key == table.c.function_key)
                .where(
                    table.c.workspace_key == self._workspace_key,
                    schema.scenario_tests.c.id == new.test_id,
                    schema.eval_functions.c.id == new.function_id,
                    models.c.id != new.model_id,
                    models.c.hidden_at.is_(None),
                    table.c.digest == new.digest,
                )
                .limit(1)
            ).scalar_one_or_none()
            return found

    def read_scores(self, evaluation: EvaluationSummary) -> NDArray[np.float64]:
        """float64 [n_members] in member order, NaN where a member has no score; read only."""
        return self._kept(columns.SCORE, evaluation, columns.unpack_scores)

    def read_weights(self, evaluation: EvaluationSummary) -> NDArray[np.float64] | None:
        """float64 [n_members] in member order, read only; None if every weight is 1."""
        return self._kept(columns.WEIGHT, evaluation, columns.unpack_weights) if evaluation.is_weighted else None

    def _kept(
        self, name: str, evaluation: EvaluationSummary, unpack: Callable[[Iterable[bytes], int], NDArray[np.float64]]
    ) -> NDArray[np.float64]:
        def read() -> NDArray[np.float64]:
            with self._read() as connection:
                return unpack(self._chunks(connection, evaluation.key, name), evaluation.n_members)

        if evaluation.status is not EvaluationStatus.COMPLETED:
            return read()
        return self._database.kept.get(Place(self._workspace_key, name, evaluation.key, evaluation.n_members), read)

    def read_many_scores(self, evaluations: Sequence[EvaluationSummary]) -> dict[int, NDArray[np.float64]]:
        """The scores of several evaluations by their keys, as `read_scores` gives them, in one statement."""
        chunks, table = schema.evaluation_chunks, schema.evaluations
        n_members = {evaluation.key: evaluation.n_members for evaluation in evaluations}
        query = (
            sa.select(chunks.c.evaluation_key, chunks.c.data)
            .join(table, table.c.key == chunks.c.evaluation_key)
            .where(
                table.c.workspace_key == self._workspace_key,
                chunks.c.evaluation_key.in_(n_members),
                chunks.c.name == columns.SCORE,
            )
            .order_by(chunks.c.evaluation_key, chunks.c.chunk)
        )
        found: dict[int, list[bytes]] = {key: [] for key in n_members}
        with self._read() as connection:
            for row in connection.execute(query):
                found[row.evaluation_key].append(row.data)
        return {key: columns.unpack_scores(data, n_members[key]) for key, data in found.items()}

    def _chunks(self, connection: Connection, evaluation_key: int, name: str) -> list[bytes]:
        chunks, evaluations = schema.evaluation_chunks, schema.evaluations
        query = (
            sa.select(chunks.c.data)
            .join(evaluations, evaluations.c.key == chunks.c.evaluation_key)
            .where(
                evaluations.c.workspace_key == self._workspace_key,
                chunks.c.evaluation_key == evaluation_key,
                chunks.c.name == name,
            )
            .order_by(chunks.c.chunk)
        )
        return list(connection.execute(query).scalars())

    def _evaluation_select(self) -> sa.Select[Any]:
        table, links = schema.evaluations, schema.upload_evaluations
        return (
            sa.select(
                table,
                schema.scenario_tests.c.id.label("test_id"),
                schema.eval_functions.c.id.label("function_id"),
                schema.models.c.id.label("model_id"),
                schema.models.c.name.label("model_name"),
                schema.users.c.id.label("user_id"),
                schema.users.c.name.label("user_name"),
                schema.score_uploads.c.id.label("upload_id"),
            )
            .join(schema.scenario_tests, schema.scenario_tests.c.key == table.c.test_key)
            .join(schema.eval_functions, schema.eval_functions.c.key == table.c.function_key)
            .join(schema.models, schema.models.c.key == table.c.model_key)
            .join(schema.users, schema.users.c.key == table.c.user_key)
            .join(links, links.c.evaluation_key == table.c.key, isouter=True)
            .join(schema.score_uploads, schema.score_uploads.c.key == links.c.upload_key, isouter=True)
            # Until their upload is complete, evaluations do not exist for anybody.
            .where(table.c.workspace_key == self._workspace_key, table.c.status != EvaluationStatus.PENDING.value)
        )

    def _evaluation(self, connection: Connection, evaluation_id: str) -> Evaluation:
        row = connection.execute(
            self._evaluation_select().where(
                schema.evaluations.c.id == evaluation_id, schema.scenario_tests.c.hidden_at.is_(None)
            )
        ).one_or_none()
        if row is None:
            raise _evaluation_not_found(evaluation_id)
        return to_evaluation(row)


def _evaluation_not_found(evaluation_id: str) -> NotFound:
    return NotFound(
        f"no evaluation with id {evaluation_id!r} in this workspace; its test may have been deleted",
        code="evaluation_not_found",
    )


def chunk_rows(evaluation_key: int, new: NewEvaluation) -> list[dict[str, Any]]:
    """The rows of an evaluation's packed columns."""
    parts = [(columns.SCORE, chunk, columns.pack_scores(floats)) for chunk, floats in _float_parts(new.scores)]
    if new.weights is not None:
        parts += [(columns.WEIGHT, chunk, columns.pack_weights(floats)) for chunk, floats in _float_parts(new.weights)]
    names = ("evaluation_key", "name", "chunk", "data")
    return [dict(zip(names, (evaluation_key, *part), strict=True)) for part in parts]


def _float_parts(column: NDArray[np.float64]) -> list[tuple[int, NDArray[np.float64]]]:
    return [(chunk, part.astype(np.float64, copy=False)) for chunk, part in columns.split(column)]


def to_evaluation(row: AnyRow) -> Evaluation:
    """The evaluation in this row of `_evaluation_select`."""
    return Evaluation(
        key=row.key,
        id=row.id,
        test_key=row.test_key,
        test_id=row.test_id,
        function_key=row.function_key,
        function_id=row.function_id,
        model_key=row.model_key,
        model_id=row.model_id,
        model_name=row.model_name,
        level=Level(row.level),
        status=EvaluationStatus(row.status),
        slice_key=row.slice_key,
        member_list_key=row.member_list_key,
        n_members=row.n_members,
        n_deleted=row.n_deleted,
        n_scored=row.n_scored,
        result=row.result,
        weight_sum=row.weight_sum,
        is_weighted=row.is_weighted,
        user_id=row.user_id,
        user_name=row.user_name,
        created_at=from_micros(row.created_at),
        completed_at=optional_moment(row.completed_at),
        upload_id=row.upload_id,
        annotation_revision=row.annotation_revision,
        prediction_revision=row.prediction_revision,
    )
