"""Models and evaluation functions."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from nucleus_server.domain import RESERVED_FUNCTIONS, Direction, EvalFunction, Json, Level, Model
from nucleus_server.errors import AlreadyExists, PermissionDenied
from nucleus_server.storage import schema
from nucleus_server.storage.base import AnyRow, from_micros, to_json
from nucleus_server.storage.ids import new_id
from nucleus_server.storage.slices import SliceRows


class ModelRows(SliceRows):
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
            )
            self._audit(connection, "model.delete", model_id, {"name": row.name})

    def create_eval_function(
        self, name: str, *, level: Level, direction: Direction, score_min: float, score_max: float
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
                owner_key=self.actor.user_key,
                created_at=self._now(),
            )
            self._audit(connection, "eval_function.create", function_id, {"name": name})
            return self._function(connection, function_id)

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
            row = self._row_by_id(connection, schema.eval_functions, function_id, "eval function", lock=True)
            if row.is_public:
                raise PermissionDenied(
                    f"{row.name!r} is a public evaluation function: only external ones can be deleted",
                    code="eval_function_is_public",
                )
            self._require_owner(row.owner_key, "eval function", "delete it")
            self._hide_or_delete(
                connection,
                schema.eval_functions,
                row.key,
                schema.test_functions.c.function_key == row.key,
                schema.evaluations.c.function_key == row.key,
            )
            self._audit(connection, "eval_function.delete", function_id, {"name": row.name})

    def _hide_or_delete(self, connection: Connection, table: sa.Table, key: int, *uses: sa.ColumnElement[bool]) -> None:
        is_used = connection.execute(sa.select(sa.or_(*(sa.exists().where(use) for use in uses)))).scalar_one()
        if is_used:
            connection.execute(table.update().where(table.c.key == key).values(hidden_at=self._now()))
        else:
            connection.execute(table.delete().where(table.c.key == key))

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
