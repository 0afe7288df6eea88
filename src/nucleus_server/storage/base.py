"""What every part of the workspace store shares: its transactions, its clock, its audit log."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from nucleus_server.domain import Actor, Json
from nucleus_server.errors import NotFound, PermissionDenied
from nucleus_server.storage import schema
from nucleus_server.storage.dialect import Database

AnyRow = Row[Any]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def to_micros(moment: datetime) -> int:
    """Microseconds since the epoch."""
    return (moment - _EPOCH) // timedelta(microseconds=1)


def from_micros(micros: int) -> datetime:
    """The moment in UTC."""
    return _EPOCH + timedelta(microseconds=micros)


def optional_moment(micros: int | None) -> datetime | None:
    """The moment in UTC; None stays None."""
    return None if micros is None else from_micros(micros)


_JSON = json.JSONEncoder(allow_nan=False, ensure_ascii=False, separators=(",", ":"))


def to_json(value: object) -> str:
    """JSON text as it is stored; NaN is refused."""
    return _JSON.encode(value)


def inserted_key(connection: Connection, table: sa.Table, values: dict[str, Any]) -> int:
    """Insert a row and return its key."""
    primary = connection.execute(table.insert().values(values)).inserted_primary_key
    assert primary is not None
    return int(primary[0])


class WorkspaceBase:
    """One workspace seen by one actor; every statement of a subclass is limited to it."""

    def __init__(
        self,
        database: Database,
        workspace_key: int,
        actor: Actor,
        clock: Callable[[], datetime],
        prove_lease: Callable[[Connection], None] = lambda connection: None,
    ) -> None:
        self._database = database
        self._workspace_key = workspace_key
        self._clock = clock
        self._prove_lease = prove_lease
        self.actor = actor

    @contextmanager
    def _read(self) -> Iterator[Connection]:
        with self._database.read() as connection:
            yield connection

    @contextmanager
    def _write(self) -> Iterator[Connection]:
        if not self.actor.can_write:
            raise PermissionDenied(
                f"expected a key of role member or admin, got one of role {self.actor.role.value}: "
                "viewers may read but change nothing"
            )
        with self._write_as_anyone() as connection:
            yield connection

    @contextmanager
    def _write_as_anyone(self) -> Iterator[Connection]:
        """A transaction that viewers may make too; that of a worker proves first that its job is still its own."""
        with self._database.write() as connection:
            self._prove_lease(connection)
            yield connection

    def _now(self) -> int:
        return to_micros(self._clock())

    def _audit(self, connection: Connection, action: str, object_id: str, detail: Json | None = None) -> None:
        connection.execute(
            schema.audit_log.insert().values(
                workspace_key=self._workspace_key,
                user_key=self.actor.user_key,
                action=action,
                object_id=object_id,
                detail=to_json(detail or {}),
                created_at=self._now(),
            )
        )

    def _insert(self, connection: Connection, table: sa.Table, **values: object) -> int:
        """Insert a row of this workspace and return its key."""
        return inserted_key(connection, table, {"workspace_key": self._workspace_key, **values})

    def _row_by_id(
        self, connection: Connection, table: sa.Table, object_id: str, noun: str, *, lock: bool = False
    ) -> AnyRow:
        """The visible row with this public id; `lock` keeps it as it is until the transaction ends."""
        query = sa.select(table).where(table.c.workspace_key == self._workspace_key, table.c.id == object_id)
        if "hidden_at" in table.c:
            query = query.where(table.c.hidden_at.is_(None))
        row = connection.execute(query.with_for_update(key_share=True) if lock else query).one_or_none()
        if row is None:
            raise NotFound(
                f"no {noun} with id {object_id!r} in this workspace; it may have been deleted, or belong to another one",
                code=f"{noun.replace(' ', '_')}_not_found",
            )
        return row

    def _require_owner(self, owner_key: int, noun: str, action: str) -> None:
        if owner_key != self.actor.user_key and not self.actor.is_admin:
            raise PermissionDenied(
                f"only the owner of this {noun} or an admin may {action}; "
                f"{self.actor.user_name} is neither: ask the owner or an admin",
                code=f"not_{noun.replace(' ', '_')}_owner",
            )
