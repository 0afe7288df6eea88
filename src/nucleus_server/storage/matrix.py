"""The newest results of some models on all tests, read without anything that a matrix of them does not need."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import sqlalchemy as sa

from nucleus_server.domain import Evaluation, EvaluationStatus, EvaluationSummary
from nucleus_server.storage import schema
from nucleus_server.storage.evaluations import to_evaluation
from nucleus_server.storage.verdicts import VerdictRows

_COLUMNS = (
    "key",
    "id",
    "test_key",
    "function_key",
    "model_key",
    "slice_key",
    "n_members",
    "n_deleted",
    "n_scored",
    "result",
    "is_weighted",
    "member_list_key",
)


class MatrixRows(VerdictRows):
    """The part of the workspace store that reads the release matrix."""

    def evaluated_model_keys(self, test_keys: Collection[int]) -> list[int]:
        """The models that were not deleted and have a completed evaluation on one of these tests, newest first."""
        models, table = schema.models, schema.evaluations
        has_result = sa.exists().where(
            table.c.model_key == models.c.key,
            table.c.status == EvaluationStatus.COMPLETED.value,
            table.c.test_key.in_(test_keys),
        )
        query = sa.select(models.c.key).where(
            models.c.workspace_key == self._workspace_key, models.c.hidden_at.is_(None), has_result
        )
        with self._read() as connection:
            return list(connection.execute(query.order_by(models.c.key.desc())).scalars())

    def list_model_evaluations(self, model_key: int) -> list[Evaluation]:
        """Every completed evaluation of a model on a test that was not deleted, oldest first."""
        table = schema.evaluations
        query = self._evaluation_select().where(
            table.c.model_key == model_key,
            table.c.status == EvaluationStatus.COMPLETED.value,
            schema.scenario_tests.c.hidden_at.is_(None),
        )
        with self._read() as connection:
            return [to_evaluation(row) for row in connection.execute(query.order_by(table.c.created_at, table.c.key))]

    def newest_results(self, model_keys: Collection[int]) -> list[EvaluationSummary]:
        """The newest completed evaluation of each of these models by every function on every test that was not deleted."""
        table, tests = schema.evaluations, schema.scenario_tests
        query = (
            _ranked()
            .join(tests, tests.c.key == table.c.test_key)
            .where(
                table.c.workspace_key == self._workspace_key,
                table.c.model_key.in_(model_keys),
                tests.c.hidden_at.is_(None),
            )
        )
        return self._newest(query)

    def newest_function_results(self, function_key: int) -> list[EvaluationSummary]:
        """The newest completed evaluation by this function, of whatever model, on each test that was not deleted."""
        table, tests = schema.evaluations, schema.scenario_tests
        query = (
            _ranked(of_model=False)
            .join(tests, tests.c.key == table.c.test_key)
            .where(
                table.c.workspace_key == self._workspace_key,
                table.c.function_key == function_key,
                tests.c.hidden_at.is_(None),
            )
        )
        return self._newest(query)

    def newest_baseline_results(self) -> list[EvaluationSummary]:
        """The newest completed evaluation of each test's baseline model by every function of the test."""
        table, tests, entries = schema.evaluations, schema.scenario_tests, schema.test_functions
        baselines, earlier = schema.baselines, schema.baselines.alias()
        in_force = (
            sa.select(sa.func.max(earlier.c.key))
            .where(earlier.c.test_key == tests.c.key)
            .correlate(tests)
            .scalar_subquery()
        )
        # By way of the tests, whose functions and baselines lead to single rows of the index.
        query = (
            _ranked()
            .select_from(tests)
            .join(baselines, baselines.c.key == in_force)
            .join(entries, entries.c.test_key == tests.c.key)
            .join(
                table,
                sa.and_(
                    table.c.test_key == tests.c.key,
                    table.c.function_key == entries.c.function_key,
                    table.c.model_key == baselines.c.model_key,
                ),
            )
            .where(tests.c.workspace_key == self._workspace_key, tests.c.hidden_at.is_(None))
        )
        return self._newest(query)

    def _newest(self, query: sa.Select[Any]) -> list[EvaluationSummary]:
        models = schema.models
        ranked = query.where(schema.evaluations.c.status == EvaluationStatus.COMPLETED.value).subquery("ranked")
        newest = (
            sa.select(*(ranked.c[name] for name in _COLUMNS), models.c.id, models.c.name)
            .join(models, models.c.key == ranked.c.model_key)
            .where(ranked.c.place == 1)
        )
        with self._read() as connection:
            rows = connection.execute(newest).all()
        # By position: a name is looked up in each row, which costs as much as the whole statement.
        return [
            EvaluationSummary(
                key=key,
                id=evaluation_id,
                test_key=test_key,
                function_key=function_key,
                model_key=model_key,
                model_id=model_id,
                model_name=model_name,
                status=EvaluationStatus.COMPLETED,
                slice_key=slice_key,
                n_members=n_members,
                n_deleted=n_deleted,
                n_scored=n_scored,
                result=result,
                is_weighted=is_weighted,
                member_list_key=member_list_key,
            )
            for (
                key,
                evaluation_id,
                test_key,
                function_key,
                model_key,
                slice_key,
                n_members,
                n_deleted,
                n_scored,
                result,
                is_weighted,
                member_list_key,
                model_id,
                model_name,
            ) in rows
        ]


def _ranked(*, of_model: bool = True) -> sa.Select[Any]:
    """Evaluations with their place among those of the same test, function and, if so asked, model, the newest first."""
    table = schema.evaluations
    place = sa.func.row_number().over(
        partition_by=(table.c.test_key, table.c.function_key, *((table.c.model_key,) if of_model else ())),
        order_by=(table.c.created_at.desc(), table.c.key.desc()),
    )
    return sa.select(*(table.c[name] for name in _COLUMNS), place.label("place"))
