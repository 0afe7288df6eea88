"""The store: one database, seen through workspaces."""

from __future__ import annotations

import functools
from collections.abc import Callable
from datetime import UTC, datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from nucleus_server.domain import PUBLIC_FUNCTIONS, SYSTEM_USER, Actor, ApiKey, Direction, Level, Role, Workspace
from nucleus_server.errors import AlreadyExists
from nucleus_server.storage import migrate, schema
from nucleus_server.storage.access import WorkspaceStore, key_select, to_api_key
from nucleus_server.storage.base import AnyRow, from_micros, inserted_key, to_micros
from nucleus_server.storage.dialect import Database
from nucleus_server.storage.ids import new_id, new_user_id
from nucleus_server.storage.leases import LeasedJob, prove_lease
from nucleus_server.storage.queue import JobQueue

_TOUCH_EVERY_MICROS = 60_000_000


def _utc_now() -> datetime:
    return datetime.now(UTC)


class Store:
    """All that is kept, on SQLite or PostgreSQL; objects of users are reached only through `workspace`."""

    def __init__(self, database_url: str, *, clock: Callable[[], datetime] = _utc_now) -> None:
        self._database = Database(database_url)
        self._clock = clock
        self.jobs = JobQueue(self._database, clock)

    @property
    def database(self) -> Database:
        """The connections, for operators' checks and for tests that inject failures."""
        return self._database

    def upgrade(self) -> None:
        """Bring the schema to this release's version; safe to call from several processes at once."""
        migrate.upgrade(self._database)

    def check(self) -> list[str]:
        """What is wrong with the database, one sentence each; empty if nothing is."""
        return migrate.check(self._database)

    def version_problem(self) -> str | None:
        """Why this release cannot work on the database; None if it can. Raises StorageUnavailable if it does not answer."""
        return migrate.version_problem(self._database)

    def close(self) -> None:
        """Close all connections."""
        self._database.close()

    def workspace(self, workspace_id: str, actor: Actor, *, job: LeasedJob | None = None) -> WorkspaceStore:
        """The objects of one workspace, for one actor of it.

        With `job` it writes for that job alone: every transaction raises LeaseLost once the job is in other hands.
        """
        if actor.workspace_id != workspace_id:
            raise ValueError(f"{actor.user_name} does not belong to workspace {workspace_id}")
        if job is None:
            return WorkspaceStore(self._database, actor.workspace_key, actor, self._clock)
        prove = functools.partial(prove_lease, job=job)
        return WorkspaceStore(self._database, actor.workspace_key, actor, self._clock, prove)

    def create_workspace(self, name: str) -> Workspace:
        """Create a workspace with the public evaluation functions, owned by its own system user."""
        workspace_id = new_id("ws")
        now = to_micros(self._clock())
        with self._database.write() as connection:
            if self._workspace_row(connection, name) is not None:
                raise AlreadyExists(f"a workspace named {name!r} exists already", code="workspace_exists")
            key = inserted_key(connection, schema.workspaces, {"id": workspace_id, "name": name, "created_at": now})
            system = inserted_key(
                connection,
                schema.users,
                {
                    "workspace_key": key,
                    "id": new_user_id(),
                    "name": SYSTEM_USER,
                    "role": Role.VIEWER.value,
                    "created_at": now,
                },
            )
            connection.execute(
                schema.eval_functions.insert(),
                [
                    {
                        "workspace_key": key,
                        "id": new_id("ef"),
                        "name": function,
                        "is_public": True,
                        "is_external": False,
                        "level": Level.ITEM.value,
                        "direction": Direction.HIGHER_IS_BETTER.value,
                        "score_min": 0.0,
                        "score_max": 1.0,
                        "owner_key": system,
                        "created_at": now,
                        "hidden_at": None,
                    }
                    for function in PUBLIC_FUNCTIONS
                ],
            )
            return Workspace(key, workspace_id, name, from_micros(now))

    def find_workspace(self, name: str) -> Workspace | None:
        """The workspace of this name."""
        with self._database.read() as connection:
            row = self._workspace_row(connection, name)
            return None if row is None else Workspace(row.key, row.id, row.name, from_micros(row.created_at))

    def find_first_workspace(self) -> Workspace | None:
        """The workspace that was made first, whatever it is called by now."""
        with self._database.read() as connection:
            row = connection.execute(
                sa.select(schema.workspaces).order_by(schema.workspaces.c.key).limit(1)
            ).one_or_none()
            return None if row is None else Workspace(row.key, row.id, row.name, from_micros(row.created_at))

    def find_workspace_by_id(self, workspace_id: str) -> Workspace | None:
        """The workspace with this public id."""
        with self._database.read() as connection:
            row = connection.execute(
                sa.select(schema.workspaces).where(schema.workspaces.c.id == workspace_id)
            ).one_or_none()
            return None if row is None else Workspace(row.key, row.id, row.name, from_micros(row.created_at))

    def ensure_admin(
        self, workspace: Workspace, user_name: str, *, key_digest: bytes, hint: str, key_name: str
    ) -> Actor:
        """The admin of this name, with this key; both are made if they do not exist."""
        now = to_micros(self._clock())
        with self._database.write() as connection:
            users, keys = schema.users, schema.api_keys
            user = connection.execute(
                sa.select(users).where(users.c.workspace_key == workspace.key, users.c.name == user_name)
            ).one_or_none()
            if user is None:
                connection.execute(
                    users.insert().values(
                        workspace_key=workspace.key,
                        id=new_user_id(),
                        name=user_name,
                        role=Role.ADMIN.value,
                        created_at=now,
                    )
                )
                user = connection.execute(
                    sa.select(users).where(users.c.workspace_key == workspace.key, users.c.name == user_name)
                ).one()
            known = connection.execute(sa.select(keys.c.key).where(keys.c.digest == key_digest)).one_or_none()
            if known is None:
                connection.execute(
                    keys.insert().values(
                        workspace_key=workspace.key,
                        id=new_id("key"),
                        user_key=user.key,
                        digest=key_digest,
                        hint=hint,
                        name=key_name,
                        role=Role.ADMIN.value,
                        created_at=now,
                    )
                )
            return _to_actor(workspace.id, user, Role(user.role))

    def find_key(self, digest: bytes) -> tuple[Actor, ApiKey] | None:
        """The key with this digest and who it acts for, revoked and expired ones included."""
        return self._find_key(schema.api_keys.c.digest == digest)

    def find_key_by_id(self, key_id: str) -> tuple[Actor, ApiKey] | None:
        """The key with this id and who it acts for, revoked and expired ones included."""
        return self._find_key(schema.api_keys.c.id == key_id)

    def _find_key(self, condition: sa.ColumnElement[bool]) -> tuple[Actor, ApiKey] | None:
        query = (
            key_select()
            .add_columns(
                schema.workspaces.c.id.label("workspace_id"),
                schema.users.c.id.label("user_id"),
                schema.users.c.role.label("user_role"),
                schema.users.c.deactivated_at.label("user_deactivated_at"),
            )
            .join(schema.workspaces, schema.workspaces.c.key == schema.api_keys.c.workspace_key)
            .where(condition)
        )
        with self._database.read() as connection:
            row = connection.execute(query).one_or_none()
        if row is None:
            return None
        # A user who was demoted takes the keys along.
        role = min(Role(row.role), Role(row.user_role), key=lambda r: r.rank)
        actor = Actor(
            workspace_key=row.workspace_key,
            workspace_id=row.workspace_id,
            user_key=row.user_key,
            user_id=row.user_id,
            user_name=row.user_name,
            role=role,
            api_key_id=row.id,
            is_active=row.user_deactivated_at is None,
        )
        return actor, to_api_key(row)

    def find_actor(self, user_id: str) -> Actor | None:
        """The user as an actor with the user's own role."""
        with self._database.read() as connection:
            return self._actor(connection, schema.users.c.id == user_id)

    def find_admin(self, workspace: Workspace) -> Actor | None:
        """The workspace's first admin who may come in."""
        users = schema.users.alias()
        first = sa.select(sa.func.min(users.c.key)).where(
            users.c.workspace_key == workspace.key,
            users.c.role == Role.ADMIN.value,
            users.c.deactivated_at.is_(None),
        )
        with self._database.read() as connection:
            return self._actor(connection, schema.users.c.key == first.scalar_subquery())

    def touch_key(self, key_id: str) -> None:
        """Note that the key was used, at most once a minute so that reading stays reading."""
        keys = schema.api_keys
        now = to_micros(self._clock())
        stale = sa.or_(keys.c.last_used_at.is_(None), keys.c.last_used_at < now - _TOUCH_EVERY_MICROS)
        with self._database.read() as connection:
            is_stale = connection.execute(sa.select(keys.c.key).where(keys.c.id == key_id, stale)).one_or_none()
        if is_stale is not None:
            with self._database.write() as connection:
                connection.execute(keys.update().where(keys.c.id == key_id, stale).values(last_used_at=now))

    def add_login_link(self, digest: bytes, user_id: str, expires_at: datetime) -> None:
        """Store a one-time login link of this user by the digest of its token."""
        with self._database.write() as connection:
            user_key = connection.execute(
                sa.select(schema.users.c.key).where(schema.users.c.id == user_id)
            ).scalar_one()
            connection.execute(
                schema.login_links.insert().values(
                    digest=digest,
                    user_key=user_key,
                    created_at=to_micros(self._clock()),
                    expires_at=to_micros(expires_at),
                )
            )

    def redeem_login_link(self, digest: bytes) -> Actor | None:
        """The link's user, once and before it expires; None otherwise."""
        links = schema.login_links
        now = to_micros(self._clock())
        with self._database.write() as connection:
            used = connection.execute(
                links.update()
                .where(links.c.digest == digest, links.c.used_at.is_(None), links.c.expires_at > now)
                .values(used_at=now)
            )
            if used.rowcount != 1:
                return None
            user_key = connection.execute(sa.select(links.c.user_key).where(links.c.digest == digest)).scalar_one()
            return self._actor(connection, schema.users.c.key == user_key)

    def _actor(self, connection: Connection, condition: sa.ColumnElement[bool]) -> Actor | None:
        row = connection.execute(
            sa.select(schema.users, schema.workspaces.c.id.label("workspace_id"))
            .join(schema.workspaces, schema.workspaces.c.key == schema.users.c.workspace_key)
            .where(condition)
        ).one_or_none()
        return None if row is None else _to_actor(row.workspace_id, row, Role(row.role))

    def _workspace_row(self, connection: Connection, name: str) -> AnyRow | None:
        return connection.execute(sa.select(schema.workspaces).where(schema.workspaces.c.name == name)).one_or_none()


def _to_actor(workspace_id: str, user: AnyRow, role: Role) -> Actor:
    return Actor(
        workspace_key=user.workspace_key,
        workspace_id=workspace_id,
        user_key=user.key,
        user_id=user.id,
        user_name=user.name,
        role=role,
        is_active=user.deactivated_at is None,
    )
