"""Criteria of scenario tests as history: who set which threshold, mode, margin and baseline, and when."""

from __future__ import annotations

import math
from dataclasses import replace

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from nucleus_server.domain import Comparison, CriterionChange, Json, Mode, TestFunction
from nucleus_server.errors import InvalidInput
from nucleus_server.storage import schema
from nucleus_server.storage.base import from_micros
from nucleus_server.storage.scenario_tests import ScenarioTestRows

UNCHANGED = object()
"""The value of an argument that was left out, where None means something else."""


class CriterionRows(ScenarioTestRows):
    """The part of the workspace store that keeps criteria."""

    def set_threshold(
        self, test_id: str, function_id: str, threshold: float | None, comparison: Comparison | None = None
    ) -> TestFunction:
        """Put a new criterion in force; None clears the threshold, the comparison stays unless another one is given."""
        with self._write() as connection:
            test = self._owned_test(connection, test_id, "change its criteria")
            self._row_by_id(connection, schema.eval_functions, function_id, "eval function")
            entry = self._test_function(connection, test.key, test_id, function_id)
            self._add_criterion(
                connection, entry, replace(entry, threshold=threshold, comparison=comparison or entry.comparison)
            )
            return self._test_function(connection, test.key, test_id, function_id)

    def set_criterion(
        self,
        test_id: str,
        function_id: str,
        *,
        threshold: float | object | None = UNCHANGED,
        comparison: Comparison | None = None,
        mode: Mode | object | None = UNCHANGED,
        margin: float | None = None,
    ) -> TestFunction:
        """Put a new criterion in force; what is left out stays as it is, None clears a threshold or a mode.

        A criterion that is in force already is not entered again.

        Args:
            margin: At least 0 and finite.
        """
        if margin is not None and not 0 <= margin < math.inf:
            raise InvalidInput(f"expected a margin of at least 0, got {margin!r}", code="invalid_margin")
        with self._write() as connection:
            test = self._owned_test(connection, test_id, "change its criteria")
            self._row_by_id(connection, schema.eval_functions, function_id, "eval function")
            before = self._test_function(connection, test.key, test_id, function_id)
            after = replace(
                before,
                threshold=before.threshold if threshold is UNCHANGED else threshold,  # type: ignore[arg-type]
                comparison=comparison or before.comparison,
                mode=before.mode if mode is UNCHANGED else mode,  # type: ignore[arg-type]
                margin=before.margin if margin is None else margin,
            )
            if after != before:
                self._add_criterion(connection, before, after)
            return after

    def list_criteria(self, test_id: str) -> list[CriterionChange]:
        """Every criterion and baseline the test ever had and what was set on its functions, oldest first: who, what, when."""
        with self._read() as connection:
            test = self._row_by_id(connection, schema.scenario_tests, test_id, "scenario test")
            changes = [
                *self._threshold_changes(connection, test.key),
                *self._baseline_changes(connection, test.key),
                *self._property_changes(connection, test.key),
            ]
        return sorted(changes, key=lambda change: change.created_at)

    def _threshold_changes(self, connection: Connection, test_key: int) -> list[CriterionChange]:
        criteria = schema.criteria
        rows = connection.execute(
            sa.select(
                criteria,
                schema.eval_functions.c.id.label("function_id"),
                schema.eval_functions.c.name.label("function_name"),
                schema.users.c.id.label("user_id"),
                schema.users.c.name.label("user_name"),
            )
            .join(schema.eval_functions, schema.eval_functions.c.key == criteria.c.function_key)
            .join(schema.users, schema.users.c.key == criteria.c.user_key)
            .where(criteria.c.test_key == test_key)
            .order_by(criteria.c.key)
        )
        return [
            CriterionChange(
                function_id=row.function_id,
                function_name=row.function_name,
                threshold=row.threshold,
                comparison=Comparison(row.comparison),
                mode=None if row.mode is None else Mode(row.mode),
                margin=row.margin,
                baseline_model_id=None,
                baseline_model_name=None,
                user_id=row.user_id,
                user_name=row.user_name,
                created_at=from_micros(row.created_at),
            )
            for row in rows
        ]

    def _baseline_changes(self, connection: Connection, test_key: int) -> list[CriterionChange]:
        baselines = schema.baselines
        rows = connection.execute(
            sa.select(
                baselines,
                schema.models.c.id.label("model_id"),
                schema.models.c.name.label("model_name"),
                schema.users.c.id.label("user_id"),
                schema.users.c.name.label("user_name"),
            )
            .join(schema.models, schema.models.c.key == baselines.c.model_key, isouter=True)
            .join(schema.users, schema.users.c.key == baselines.c.user_key)
            .where(baselines.c.test_key == test_key)
            .order_by(baselines.c.key)
        )
        return [
            CriterionChange(
                function_id=None,
                function_name=None,
                threshold=None,
                comparison=None,
                baseline_model_id=row.model_id,
                baseline_model_name=row.model_name,
                user_id=row.user_id,
                user_name=row.user_name,
                created_at=from_micros(row.created_at),
            )
            for row in rows
        ]

    def _property_changes(self, connection: Connection, test_key: int) -> list[CriterionChange]:
        entries = schema.test_functions
        functions = sa.select(entries.c.function_key).where(entries.c.test_key == test_key)
        return [
            CriterionChange(
                function_id=change.function_id,
                function_name=change.function_name,
                threshold=None,
                comparison=None,
                baseline_model_id=None,
                baseline_model_name=None,
                user_id=change.user_id,
                user_name=change.user_name,
                created_at=change.created_at,
                property=change.property,
                before=change.before,
                after=change.after,
            )
            for change in self._function_changes(connection, schema.function_changes.c.function_key.in_(functions))
        ]

    def _add_criterion(self, connection: Connection, before: TestFunction, after: TestFunction) -> None:
        """Put the criterion of `after` in force, in one entry of the history."""
        self._insert(
            connection,
            schema.criteria,
            test_key=after.test_key,
            function_key=after.function.key,
            threshold=after.threshold,
            comparison=after.comparison.value,
            mode=None if after.mode is None else after.mode.value,
            margin=after.margin,
            user_key=self.actor.user_key,
            created_at=self._now(),
        )
        self._audit(
            connection,
            "criterion.set",
            after.test_id,
            {"function": after.function.id, "before": _criterion(before), "after": _criterion(after)},
        )


def _criterion(entry: TestFunction) -> Json:
    return {
        "threshold": entry.threshold,
        "comparison": entry.comparison.value,
        "mode": None if entry.mode is None else entry.mode.value,
        "margin": entry.margin,
    }
