"""Evaluations: immutable results over a pinned member list, with their scores and weights as packed columns."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from nucleus_server.domain import Evaluation, EvaluationStatus, Level
from nucleus_server.errors import NotFound
from nucleus_server.storage import columns, schema
from nucleus_server.storage.base import AnyRow, from_micros, optional_moment
from nucleus_server.storage.ids import new_id
from nucleus_server.storage.scenario_tests import ScenarioTestRows

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, eq=False)
class NewEvaluation:
    """A checked result, ready to be stored.

    Attributes:
        n_members: Length of the slice prefix that the columns are aligned with.
        n_deleted: Members of it that had been deleted when the results came.
        scores: float64 [n_members], NaN where a member has no score.
        weights: float64 [n_members], or None if every weight is 1.
    """

    test_id: str
    function_id: str
    model_id: str
    level: Level
    n_members: int
    n_deleted: int
    n_scored: int
    result: float
    weight_sum: float
    scores: NDArray[np.float64]
    weights: NDArray[np.float64] | None

    def digest(self) -> bytes:
        """SHA-256 of what was uploaded: equal digests over one member list mean equal uploads."""
        hasher = hashlib.sha256(columns.pack_scores(self.scores))
        if self.weights is not None:
            hasher.update(self.weights.astype("<f8", copy=False).tobytes())
        return hasher.digest()


class EvaluationRows(ScenarioTestRows):
    """The part of the workspace store that keeps evaluations."""

    def record_evaluation(self, new: NewEvaluation) -> tuple[Evaluation, bool]:
        """Store a completed evaluation, or return the newest one if it is the same upload again (True: a replay).

        Both are decided while the test's row is locked, so two equal uploads at the same time are stored once.
        """
        digest = new.digest()  # before the transaction: hashing millions of scores must not hold the write lock
        with self._write() as connection:
            test = self._row_by_id(connection, schema.scenario_tests, new.test_id, "scenario test", lock=True)
            function = self._row_by_id(connection, schema.eval_functions, new.function_id, "eval function")
            model = self._row_by_id(connection, schema.models, new.model_id, "model")
            table = schema.evaluations
            newest = connection.execute(
                sa.select(table.c.id, table.c.digest)
                .where(
                    table.c.test_key == test.key,
                    table.c.function_key == function.key,
                    table.c.model_key == model.key,
                    table.c.slice_key == test.slice_key,
                    table.c.n_members == new.n_members,
                    table.c.member_list_key.is_(None),
                )
                .order_by(table.c.key.desc())
                .limit(1)
            ).one_or_none()
            if newest is not None and newest.digest == digest:
                return self._evaluation(connection, newest.id), True
            evaluation_id = new_id("ev")
            now = self._now()
            key = self._insert(
                connection,
                table,
                id=evaluation_id,
                test_key=test.key,
                function_key=function.key,
                model_key=model.key,
                level=new.level.value,
                status=EvaluationStatus.COMPLETED.value,
                slice_key=test.slice_key,
                n_members=new.n_members,
                n_deleted=new.n_deleted,
                n_scored=new.n_scored,
                result=new.result,
                weight_sum=new.weight_sum,
                is_weighted=new.weights is not None,
                digest=digest,
                user_key=self.actor.user_key,
                created_at=now,
                completed_at=now,
            )
            connection.execute(schema.evaluation_chunks.insert(), _chunk_rows(key, new))
            return self._evaluation(connection, evaluation_id), False

    def get_evaluation(self, evaluation_id: str) -> Evaluation:
        """The evaluation with this id."""
        with self._read() as connection:
            return self._evaluation(connection, evaluation_id)

    def list_evaluations(self, test_id: str) -> list[Evaluation]:
        """The test's whole history, oldest first."""
        with self._read() as connection:
            test = self._row_by_id(connection, schema.scenario_tests, test_id, "scenario test")
            query = self._evaluation_select().where(schema.evaluations.c.test_key == test.key)
            rows = connection.execute(query.order_by(schema.evaluations.c.key))
            return [_to_evaluation(row) for row in rows]

    def newest_evaluations(self) -> list[Evaluation]:
        """The newest completed evaluation of every (test, function, model) of the workspace's visible tests."""
        table = schema.evaluations
        newest = (
            sa.select(sa.func.max(table.c.key))
            .where(
                table.c.workspace_key == self._workspace_key,
                table.c.status == EvaluationStatus.COMPLETED.value,
            )
            .group_by(table.c.test_key, table.c.function_key, table.c.model_key)
        )
        with self._read() as connection:
            rows = connection.execute(
                self._evaluation_select()
                .where(table.c.key.in_(newest), schema.scenario_tests.c.hidden_at.is_(None))
                .order_by(table.c.key)
            )
            return [_to_evaluation(row) for row in rows]

    def read_scores(self, evaluation: Evaluation) -> NDArray[np.float64]:
        """float64 [n_members] in member order, NaN where a member has no score."""
        with self._read() as connection:
            return columns.unpack_scores(self._chunks(connection, evaluation.key, columns.SCORE), evaluation.n_members)

    def read_weights(self, evaluation: Evaluation) -> NDArray[np.float64] | None:
        """float64 [n_members] in member order; None if every weight is 1."""
        if not evaluation.is_weighted:
            return None
        with self._read() as connection:
            return columns.unpack_weights(
                self._chunks(connection, evaluation.key, columns.WEIGHT), evaluation.n_members
            )

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
        table = schema.evaluations
        return (
            sa.select(
                table,
                schema.scenario_tests.c.id.label("test_id"),
                schema.eval_functions.c.id.label("function_id"),
                schema.models.c.id.label("model_id"),
                schema.models.c.name.label("model_name"),
                schema.users.c.id.label("user_id"),
                schema.users.c.name.label("user_name"),
            )
            .join(schema.scenario_tests, schema.scenario_tests.c.key == table.c.test_key)
            .join(schema.eval_functions, schema.eval_functions.c.key == table.c.function_key)
            .join(schema.models, schema.models.c.key == table.c.model_key)
            .join(schema.users, schema.users.c.key == table.c.user_key)
            .where(table.c.workspace_key == self._workspace_key)
        )

    def _evaluation(self, connection: Connection, evaluation_id: str) -> Evaluation:
        row = connection.execute(
            self._evaluation_select().where(
                schema.evaluations.c.id == evaluation_id, schema.scenario_tests.c.hidden_at.is_(None)
            )
        ).one_or_none()
        if row is None:
            raise NotFound(
                f"no evaluation with id {evaluation_id!r} in this workspace; its test may have been deleted",
                code="evaluation_not_found",
            )
        return _to_evaluation(row)


def _chunk_rows(evaluation_key: int, new: NewEvaluation) -> list[dict[str, Any]]:
    rows = [
        {
            "evaluation_key": evaluation_key,
            "name": columns.SCORE,
            "chunk": chunk,
            "data": columns.pack_scores(part.astype(np.float64, copy=False)),
        }
        for chunk, part in columns.split(new.scores)
    ]
    if new.weights is not None:
        rows += [
            {
                "evaluation_key": evaluation_key,
                "name": columns.WEIGHT,
                "chunk": chunk,
                "data": columns.pack_weights(part.astype(np.float64, copy=False)),
            }
            for chunk, part in columns.split(new.weights)
        ]
    return rows


def _to_evaluation(row: AnyRow) -> Evaluation:
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
    )
