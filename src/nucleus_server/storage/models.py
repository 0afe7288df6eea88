"""Models and evaluation functions."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from nucleus_server.domain import RESERVED_FUNCTIONS, Direction, EvalFunction, FunctionChange, Json, Level, Model
from nucleus_server.errors import AlreadyExists, PermissionDenied
from nucleus_server.storage import schema
from nucleus_server.storage.base import AnyRow, from_micros, to_json
from nucleus_server.storage.ids import new_id
from nucleus_server.storage.object_slices import ObjectSliceRows


class ModelRows(ObjectSliceRows):
    """The part of the workspace store that keeps models and evaluation functions."""

    def create_model(
        self,
        name: str,
        reference_id: str,
        *,
        metadata: Json | None = None,
        tags: Sequence[str] = (),
        trained_slice_ids: Sequence[str] = (),
    ) -> Model:
        """Create a model; its reference id is unique among the workspace's models."""
        model_id = new_id("prj")
        with self._write() as connection:
            table = schema.models
            taken = connection.execute(
                sa.select(table.c.id).where(
                    table.c.workspace_key == self._workspace_key,
                    table.c.reference_id == reference_id,
                    table.c.hidden_at.is_(None),
                )
            ).scalar_one_or_none()
            if taken is not None:
                raise AlreadyExists(
                    f"a model with reference id {reference_id!r} exists already ({taken}): use that one, or choose "
                    "another reference id",
                    code="model_exists",
                )
            self._insert(
                connection,
                table,
                id=model_id,
                name=name,
                reference_id=reference_id,
                metadata=to_json(metadata or {}),
                tags=to_json(list(dict.fromkeys(tags))),
                trained_slice_ids=to_json(list(dict.fromkeys(trained_slice_ids))),
                owner_key=self.actor.user_key,
                created_at=self._now(),
            )
            self._audit(connection, "model.create", model_id, {"name": name})
            return self._model(connection, model_id)

    def get_model(self, model_id: str) -> Model:
        """The model with this id."""
        with self._read() as connection:
            return self._model(connection, model_id)

    def list_models(self) -> list[Model]:
        """All models, oldest first."""
        with self._read() as connection:
            table = schema.models
            rows = connection.execute(
                sa.select(table)
                .where(table.c.workspace_key == self._workspace_key, table.c.hidden_at.is_(None))
                .order_by(table.c.key)
            )
            return [_to_model(row) for row in rows]

    def change_model(
        self,
        model_id: str,
        *,
        add_tags: Sequence[str] = (),
        remove_tags: Sequence[str] = (),
        add_slices: Sequence[str] = (),
        remove_slices: Sequence[str] = (),
    ) -> tuple[Model, int]:
        """Add and remove tags and slices that it was trained on; returns the model, and how many were there to remove."""
        with self._write() as connection:
            row = self._row_by_id(connection, schema.models, model_id, "model", lock=True)
            for slice_id in add_slices:
                self._row_by_id(connection, schema.slices, slice_id, "slice")
            tags, slices = json.loads(row.tags), json.loads(row.trained_slice_ids)
            n_removed = len({*tags} & {*remove_tags}) + len({*slices} & {*remove_slices})
            connection.execute(
                schema.models.update()
                .where(schema.models.c.key == row.key)
                .values(
                    tags=to_json([t for t in dict.fromkeys((*tags, *add_tags)) if t not in set(remove_tags)]),
                    trained_slice_ids=to_json(
                        [s for s in dict.fromkeys((*slices, *add_slices)) if s not in set(remove_slices)]
                    ),
                )
            )
            return self._model(connection, model_id), n_removed

    def delete_model(self, model_id: str) -> None:
        """Delete the model; one with evaluations is only hidden, so that the history stays whole."""
        with self._write() as connection:
            row = self._row_by_id(connection, schema.models, model_id, "model", lock=True)
            self._require_owner(row.owner_key, "model", "delete it")
            self._hide_or_delete(
                connection,
                schema.models,
                row.key,
                schema.evaluations.c.model_key == row.key,
                schema.baselines.c.model_key == row.key,
                schema.score_uploads.c.model_key == row.key,
                schema.releases.c.model_key == row.key,
                schema.waivers.c.model_key == row.key,
                schema.model_runs.c.model_key == row.key,
            )
            self._audit(connection, "model.delete", model_id, {"name": row.name})

    def create_eval_function(
        self,
        name: str,
        *,
        level: Level,
        direction: Direction,
        score_min: float,
        score_max: float,
        unit: str | None = None,
        description: str | None = None,
        default_cluster_key: str | None = None,
    ) -> EvalFunction:
        """Create an external evaluation function; its name is unique among the workspace's functions."""
        function_id = new_id("ef")
        with self._write() as connection:
            table = schema.eval_functions
            if name in RESERVED_FUNCTIONS:
                raise AlreadyExists(
                    f"{name!r} is the name of a public evaluation function: choose another name for yours",
                    code="eval_function_name_reserved",
                )
            taken = connection.execute(
                sa.select(table.c.id).where(
                    table.c.workspace_key == self._workspace_key,
                    table.c.name == name,
                    table.c.hidden_at.is_(None),
                )
            ).scalar_one_or_none()
            if taken is not None:
                raise AlreadyExists(
                    f"an evaluation function named {name!r} exists already ({taken}): use that one, or choose another name",
                    code="eval_function_exists",
                )
            self._insert(
                connection,
                table,
                id=function_id,
                name=name,
                is_public=False,
                is_external=True,
                level=level.value,
                direction=direction.value,
                score_min=score_min,
                score_max=score_max,
                unit=unit,
                description=description,
                default_cluster_key=default_cluster_key,
                owner_key=self.actor.user_key,
                created_at=self._now(),
            )
            self._audit(connection, "eval_function.create", function_id, {"name": name})
            return self._function(connection, function_id)

    def set_eval_function_properties(
        self,
        function_id: str,
        *,
        direction: Direction | None = None,
        score_range: tuple[float, float] | None = None,
        texts: dict[str, str | None] | None = None,
    ) -> EvalFunction:
        """Set properties of an external function of one's own; None leaves a property as it is.

        Scores that were uploaded stay as they are, whatever the range becomes. Each change is kept with author and time.

        Args:
            texts: Any of `unit`, `description` and `default_cluster_key`; a value of None clears it.
        """
        with self._write() as connection:
            row = self._own_function(connection, function_id, "change it")
            wanted: dict[str, Any] = dict(texts or {})
            if direction is not None:
                wanted["direction"] = direction.value
            before = {name: getattr(row, name) for name in wanted}
            if score_range is not None:
                wanted["score_range"], before["score_range"] = list(score_range), [row.score_min, row.score_max]
            changed = {name: value for name, value in wanted.items() if value != before[name]}
            values = {name: value for name, value in changed.items() if name != "score_range"}
            if "score_range" in changed:
                values["score_min"], values["score_max"] = changed["score_range"]
            if values:
                table = schema.eval_functions
                connection.execute(table.update().where(table.c.key == row.key).values(values))
            for name, value in changed.items():
                self._insert(
                    connection,
                    schema.function_changes,
                    function_key=row.key,
                    property=name,
                    before=to_json(before[name]),
                    after=to_json(value),
                    user_key=self.actor.user_key,
                    created_at=self._now(),
                )
            if changed:
                self._audit(connection, "eval_function.set", function_id, changed)
            return self._function(connection, function_id)

    def list_function_changes(self, function_id: str) -> list[FunctionChange]:
        """What was set on the function after it was made, oldest first."""
        with self._read() as connection:
            row = self._row_by_id(connection, schema.eval_functions, function_id, "eval function")
            return self._function_changes(connection, schema.function_changes.c.function_key == row.key)

    def _function_changes(self, connection: Connection, condition: sa.ColumnElement[bool]) -> list[FunctionChange]:
        changes, functions = schema.function_changes, schema.eval_functions
        rows = connection.execute(
            sa.select(
                changes,
                functions.c.id.label("function_id"),
                functions.c.name.label("function_name"),
                schema.users.c.id.label("user_id"),
                schema.users.c.name.label("user_name"),
            )
            .join(functions, functions.c.key == changes.c.function_key)
            .join(schema.users, schema.users.c.key == changes.c.user_key)
            .where(changes.c.workspace_key == self._workspace_key, condition)
            .order_by(changes.c.key)
        )
        return [
            FunctionChange(
                function_id=row.function_id,
                function_name=row.function_name,
                property=row.property,
                before=json.loads(row.before),
                after=json.loads(row.after),
                user_id=row.user_id,
                user_name=row.user_name,
                created_at=from_micros(row.created_at),
            )
            for row in rows
        ]

    def get_eval_function(self, function_id: str) -> EvalFunction:
        """The evaluation function with this id."""
        with self._read() as connection:
            return self._function(connection, function_id)

    def list_eval_functions(self) -> list[EvalFunction]:
        """All evaluation functions, public ones first."""
        with self._read() as connection:
            rows = connection.execute(
                function_select(self._workspace_key)
                .where(schema.eval_functions.c.hidden_at.is_(None))
                .order_by(schema.eval_functions.c.key)
            )
            return [to_function(row) for row in rows]

    def delete_eval_function(self, function_id: str) -> None:
        """Delete an external function; one that a test uses is only hidden, so that the history stays whole."""
        with self._write() as connection:
            row = self._own_function(connection, function_id, "delete it")
            self._hide_or_delete(
                connection,
                schema.eval_functions,
                row.key,
                schema.test_functions.c.function_key == row.key,
                schema.evaluations.c.function_key == row.key,
                schema.score_columns.c.function_key == row.key,
                schema.function_changes.c.function_key == row.key,
                schema.waivers.c.function_key == row.key,
                schema.criteria.c.function_key == row.key,
            )
            self._audit(connection, "eval_function.delete", function_id, {"name": row.name})

    def _hide_or_delete(self, connection: Connection, table: sa.Table, key: int, *uses: sa.ColumnElement[bool]) -> None:
        is_used = connection.execute(sa.select(sa.or_(*(sa.exists().where(use) for use in uses)))).scalar_one()
        if is_used:
            connection.execute(table.update().where(table.c.key == key).values(hidden_at=self._now()))
        else:
            connection.execute(table.delete().where(table.c.key == key))

    def _own_function(self, connection: Connection, function_id: str, action: str) -> AnyRow:
        row = self._row_by_id(connection, schema.eval_functions, function_id, "eval function", lock=True)
        if row.is_public:
            raise PermissionDenied(
                f"{row.name!r} is a public evaluation function: only external ones can be changed or deleted",
                code="eval_function_is_public",
            )
        self._require_owner(row.owner_key, "eval function", action)
        return row

    def _model(self, connection: Connection, model_id: str) -> Model:
        return _to_model(self._row_by_id(connection, schema.models, model_id, "model"))

    def _function(self, connection: Connection, function_id: str) -> EvalFunction:
        self._row_by_id(connection, schema.eval_functions, function_id, "eval function")
        return to_function(
            connection.execute(
                function_select(self._workspace_key).where(schema.eval_functions.c.id == function_id)
            ).one()
        )


def function_select(workspace_key: int) -> sa.Select[Any]:
    """Evaluation functions with their owners' public ids."""
    return (
        sa.select(schema.eval_functions, schema.users.c.id.label("owner_id"))
        .join(schema.users, schema.users.c.key == schema.eval_functions.c.owner_key)
        .where(schema.eval_functions.c.workspace_key == workspace_key)
    )


def to_function(row: AnyRow) -> EvalFunction:
    """The evaluation function in this row of `function_select`."""
    return EvalFunction(
        key=row.key,
        id=row.id,
        name=row.name,
        is_public=row.is_public,
        is_external=row.is_external,
        level=Level(row.level),
        direction=Direction(row.direction),
        score_min=row.score_min,
        score_max=row.score_max,
        owner_id=row.owner_id,
        created_at=from_micros(row.created_at),
        unit=row.unit,
        description=row.description,
        default_cluster_key=row.default_cluster_key,
    )


def _to_model(row: AnyRow) -> Model:
    return Model(
        key=row.key,
        id=row.id,
        name=row.name,
        reference_id=row.reference_id,
        metadata=json.loads(row.metadata),
        tags=tuple(json.loads(row.tags)),
        trained_slice_ids=tuple(json.loads(row.trained_slice_ids)),
        created_at=from_micros(row.created_at),
    )
