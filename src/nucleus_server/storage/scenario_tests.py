"""Scenario tests, their functions, and their criteria as history."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from nucleus_server.domain import Comparison, Json, Mode, ScenarioTest, SliceMember, TestFunction
from nucleus_server.errors import AlreadyExists, Conflict, InvalidInput, NotFound, Problem
from nucleus_server.storage import schema
from nucleus_server.storage.base import AnyRow, from_micros, to_json
from nucleus_server.storage.ids import new_id
from nucleus_server.storage.models import function_select, to_function
from nucleus_server.storage.predictions import PredictionRows


class ScenarioTestRows(PredictionRows):
    """The part of the workspace store that keeps scenario tests."""

    def create_scenario_test(self, name: str, slice_id: str, functions: Sequence[tuple[str, Json]]) -> ScenarioTest:
        """Create a test of a slice with at least one (function id, arguments); only the slice's owner or an admin may.

        Functions are either all external or all not; each stands in a test once.
        """
        test_id = new_id("st")
        with self._write() as connection:
            slice_row = self._row_by_id(connection, schema.slices, slice_id, "slice")
            self._require_owner(slice_row.owner_key, "slice", "build a scenario test on it")
            if slice_row.member == SliceMember.OBJECT.value:
                raise InvalidInput(
                    f"expected a slice of items or scenes, got {slice_id} of annotations and predictions: create one of their "
                    "items",
                    code="slice_of_objects",
                )
            if not functions:
                raise InvalidInput("expected at least one evaluation function, got none", code="no_eval_functions")
            repeated = sorted({f for f, _ in functions if [g for g, _ in functions].count(f) > 1})
            if repeated:
                raise InvalidInput(
                    f"expected every evaluation function once, got {', '.join(repeated)} more than once",
                    code="duplicate_eval_function",
                    problems=[Problem("evaluation_functions", "named more than once", f) for f in repeated],
                )
            rows = [self._row_by_id(connection, schema.eval_functions, f, "eval function") for f, _ in functions]
            _require_unmixed(rows)
            taken = self._test_id_of(connection, name)
            if taken is not None:
                raise AlreadyExists(
                    f"a scenario test named {name!r} exists already ({taken}): use that one, or choose another name",
                    code="scenario_test_exists",
                )
            key = self._insert(
                connection,
                schema.scenario_tests,
                id=test_id,
                name=name,
                slice_key=slice_row.key,
                owner_key=self.actor.user_key,
                created_at=self._now(),
            )
            for row, (_, arguments) in zip(rows, functions, strict=True):
                self._add_function(connection, key, row, arguments)
            self._audit(
                connection,
                "scenario_test.create",
                test_id,
                {"name": name, "slice": slice_id, "functions": [f for f, _ in functions]},
            )
            self._add_fill_job(connection, test_id, slice_row.dataset_key, [row.key for row in rows], is_reserved=True)
            return self._test(connection, test_id)

    def get_scenario_test(self, test_id: str) -> ScenarioTest:
        """The test with this id."""
        with self._read() as connection:
            return self._test(connection, test_id)

    def get_scenario_test_by_name(self, name: str) -> ScenarioTest:
        """The test with this name, exactly."""
        with self._read() as connection:
            test_id = self._test_id_of(connection, name)
            if test_id is None:
                raise NotFound(f"no scenario test named {name!r} in this workspace", code="scenario_test_not_found")
            return self._test(connection, test_id)

    def list_scenario_tests(self) -> list[ScenarioTest]:
        """All tests, oldest first."""
        with self._read() as connection:
            rows = connection.execute(
                self._test_select()
                .where(schema.scenario_tests.c.hidden_at.is_(None))
                .order_by(schema.scenario_tests.c.key)
            )
            return [_to_test(row) for row in rows]

    def delete_scenario_test(self, test_id: str) -> None:
        """Delete the test; one with evaluations is only hidden. Its name is free again."""
        with self._write() as connection:
            row = self._owned_test(connection, test_id, "delete it")
            has_history = connection.execute(
                sa.select(
                    sa.or_(
                        sa.exists().where(schema.evaluations.c.test_key == row.key),
                        sa.exists().where(schema.score_uploads.c.test_key == row.key),
                    )
                )
            ).scalar_one()
            if has_history:
                connection.execute(
                    schema.scenario_tests.update()
                    .where(schema.scenario_tests.c.key == row.key)
                    .values(hidden_at=self._now())
                )
            else:
                for table in (
                    schema.criteria,
                    schema.baselines,
                    schema.cluster_choices,
                    schema.waivers,
                    schema.test_functions,
                ):
                    connection.execute(table.delete().where(table.c.test_key == row.key))
                connection.execute(schema.scenario_tests.delete().where(schema.scenario_tests.c.key == row.key))
            self._audit(connection, "scenario_test.delete", test_id, {"name": row.name})

    def add_test_function(self, test_id: str, function_id: str) -> TestFunction:
        """Add one more evaluation function to the test, without arguments and without a threshold."""
        with self._write() as connection:
            test = self._owned_test(connection, test_id, "add a function to it")
            function = self._row_by_id(connection, schema.eval_functions, function_id, "eval function")
            present = [entry.function for entry in self._test_functions(connection, test.key)]
            if function.key in {f.key for f in present}:
                raise AlreadyExists(
                    f"evaluation function {function.name!r} is part of this scenario test already",
                    code="duplicate_eval_function",
                )
            _require_unmixed([function, *present])
            self._add_function(connection, test.key, function, {})
            self._audit(connection, "scenario_test.add_function", test_id, {"function": function_id})
            part = self._slice_row(connection, test.slice_key)
            self._add_fill_job(connection, test_id, part.dataset_key, [function.key], is_reserved=True)
            return self._test_function(connection, test.key, test_id, function_id)

    def list_test_functions(self, test_id: str) -> list[TestFunction]:
        """The test's functions with the criteria in force, in the order in which they were added."""
        with self._read() as connection:
            test = self._row_by_id(connection, schema.scenario_tests, test_id, "scenario test")
            return self._test_functions(connection, test.key)

    def list_all_test_functions(self) -> list[TestFunction]:
        """The functions of all tests of the workspace, with the criteria in force."""
        with self._read() as connection:
            return self._test_functions(connection, None)

    def set_baseline_model(self, test_id: str, model_id: str | None) -> ScenarioTest:
        """Make the model, which must have been evaluated on this test, its baseline; None takes the baseline away."""
        with self._write() as connection:
            test = self._owned_test(connection, test_id, "change its baseline")
            model_key = None
            if model_id is not None:
                model_key = self._row_by_id(connection, schema.models, model_id, "model").key
                evaluated = connection.execute(
                    sa.select(schema.evaluations.c.key)
                    .where(
                        schema.evaluations.c.test_key == test.key,
                        schema.evaluations.c.model_key == model_key,
                        schema.evaluations.c.status == "completed",
                    )
                    .limit(1)
                ).one_or_none()
                if evaluated is None:
                    raise Conflict(
                        f"model {model_id} has no completed evaluation on this scenario test: upload its results "
                        "first, then make it the baseline",
                        code="baseline_not_evaluated",
                    )
            self._insert(
                connection,
                schema.baselines,
                test_key=test.key,
                model_key=model_key,
                user_key=self.actor.user_key,
                created_at=self._now(),
            )
            self._audit(connection, "criterion.set_baseline", test_id, {"model": model_id})
            return self._test(connection, test_id)

    def _add_function(self, connection: Connection, test_key: int, function: AnyRow, arguments: Json) -> None:
        self._insert(
            connection,
            schema.test_functions,
            test_key=test_key,
            function_key=function.key,
            arguments=to_json(arguments),
            created_at=self._now(),
        )

    def _owned_test(self, connection: Connection, test_id: str, action: str) -> AnyRow:
        row = self._row_by_id(connection, schema.scenario_tests, test_id, "scenario test", lock=True)
        self._require_owner(row.owner_key, "scenario test", action)
        return row

    def _test_id_of(self, connection: Connection, name: str) -> str | None:
        table = schema.scenario_tests
        found: str | None = connection.execute(
            sa.select(table.c.id).where(
                table.c.workspace_key == self._workspace_key, table.c.name == name, table.c.hidden_at.is_(None)
            )
        ).scalar_one_or_none()
        return found

    def _test_function(self, connection: Connection, test_key: int, test_id: str, function_id: str) -> TestFunction:
        for entry in self._test_functions(connection, test_key):
            if entry.function.id == function_id:
                return entry
        raise NotFound(
            f"evaluation function {function_id} is not part of scenario test {test_id}: add it to the test first",
            code="function_not_in_test",
        )

    def _test_functions(self, connection: Connection, test_key: int | None) -> list[TestFunction]:
        """Of one test, or of all visible tests."""
        entries, tests, criteria = schema.test_functions, schema.scenario_tests, schema.criteria
        earlier = criteria.alias()
        newest = (
            sa.select(sa.func.max(earlier.c.key))
            .where(earlier.c.test_key == entries.c.test_key, earlier.c.function_key == entries.c.function_key)
            .scalar_subquery()
        )
        functions = function_select(self._workspace_key).subquery("functions")
        query = (
            sa.select(
                entries.c.key.label("entry_key"),
                entries.c.test_key,
                entries.c.arguments,
                tests.c.id.label("test_id"),
                criteria.c.threshold,
                criteria.c.comparison,
                criteria.c.mode,
                criteria.c.margin,
                functions,
            )
            .join(tests, tests.c.key == entries.c.test_key)
            .join(functions, functions.c.key == entries.c.function_key)
            .join(criteria, criteria.c.key == newest, isouter=True)
            .where(entries.c.workspace_key == self._workspace_key)
            .order_by(entries.c.key)
        )
        query = query.where(tests.c.hidden_at.is_(None) if test_key is None else entries.c.test_key == test_key)
        found = []
        for row in connection.execute(query):
            function = to_function(row)
            found.append(
                TestFunction(
                    test_key=row.test_key,
                    test_id=row.test_id,
                    function=function,
                    arguments=json.loads(row.arguments),
                    threshold=row.threshold,
                    comparison=(
                        function.direction.default_comparison if row.comparison is None else Comparison(row.comparison)
                    ),
                    mode=None if row.mode is None else Mode(row.mode),
                    margin=row.margin or 0.0,
                )
            )
        return found

    def _test_select(self) -> sa.Select[Any]:
        tests, baselines = schema.scenario_tests, schema.baselines
        earlier = baselines.alias()
        newest = sa.select(sa.func.max(earlier.c.key)).where(earlier.c.test_key == tests.c.key).scalar_subquery()
        return (
            sa.select(
                tests,
                schema.slices.c.id.label("slice_id"),
                schema.slices.c.dataset_key,
                schema.datasets.c.id.label("dataset_id"),
                schema.users.c.id.label("owner_id"),
                schema.models.c.key.label("baseline_model_key"),
                schema.models.c.id.label("baseline_model_id"),
            )
            .join(schema.slices, schema.slices.c.key == tests.c.slice_key)
            .join(schema.datasets, schema.datasets.c.key == schema.slices.c.dataset_key)
            .join(schema.users, schema.users.c.key == tests.c.owner_key)
            .join(baselines, baselines.c.key == newest, isouter=True)
            .join(schema.models, schema.models.c.key == baselines.c.model_key, isouter=True)
            .where(tests.c.workspace_key == self._workspace_key)
        )

    def _test(self, connection: Connection, test_id: str) -> ScenarioTest:
        self._row_by_id(connection, schema.scenario_tests, test_id, "scenario test")
        return _to_test(connection.execute(self._test_select().where(schema.scenario_tests.c.id == test_id)).one())


def _require_unmixed(functions: Sequence[Any]) -> None:
    external = [f.name for f in functions if f.is_external]
    built_in = [f.name for f in functions if not f.is_external]
    if external and built_in:
        raise InvalidInput(
            "expected a scenario test's evaluation functions to be all external or all not, got external "
            f"{', '.join(external)} with {', '.join(built_in)}: make one test for each kind",
            code="mixed_eval_functions",
        )


def _to_test(row: AnyRow) -> ScenarioTest:
    return ScenarioTest(
        key=row.key,
        id=row.id,
        name=row.name,
        slice_key=row.slice_key,
        slice_id=row.slice_id,
        dataset_key=row.dataset_key,
        dataset_id=row.dataset_id,
        owner_id=row.owner_id,
        baseline_model_key=row.baseline_model_key,
        baseline_model_id=row.baseline_model_id,
        created_at=from_micros(row.created_at),
        is_blocking=row.is_blocking,
        tags=tuple(json.loads(row.tags)),
    )
