"""Users, API keys and the audit log of one workspace."""

from __future__ import annotations

import json
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from nucleus_server.domain import ApiKey, AuditEntry, AuditFilter, Role, UploadStatus, User, WorkspaceStatus
from nucleus_server.errors import AlreadyExists, Conflict, InvalidInput, NotFound, PermissionDenied
from nucleus_server.storage import schema
from nucleus_server.storage.base import AnyRow, from_micros, optional_moment, to_micros
from nucleus_server.storage.ids import new_id, new_user_id
from nucleus_server.storage.media_locations import MediaLocationRows
from nucleus_server.storage.releases import ReleaseRows


class WorkspaceStore(ReleaseRows, MediaLocationRows):
    """Everything one actor can do in one workspace.

    Every public method is one transaction: it does all it says or, if it raises, nothing.
    """

    def create_user(self, name: str, role: Role) -> User:
        """Create a user of this workspace; only an admin may."""
        self._require_admin("create users")
        user_id = new_user_id()
        with self._write() as connection:
            if self._user_row(connection, name) is not None:
                raise AlreadyExists(f"a user named {name!r} exists already", code="user_exists")
            self._insert(connection, schema.users, id=user_id, name=name, role=role.value, created_at=self._now())
            self._audit(connection, "user.create", user_id, {"name": name, "role": role.value})
            row = self._user_row(connection, name)
            assert row is not None
            return _to_user(row)

    def list_users(self) -> list[User]:
        """The workspace's users, oldest first."""
        with self._read() as connection:
            rows = connection.execute(
                sa.select(schema.users)
                .where(schema.users.c.workspace_key == self._workspace_key)
                .order_by(schema.users.c.key)
            )
            return [_to_user(row) for row in rows]

    def set_user_role(self, user_id: str, role: Role) -> User:
        """Change what a user may do, from the next request on; only an admin may, and one admin always stays.

        A key never grants more than its user's role, so a user who is demoted takes the keys along.
        """
        self._require_admin("change the roles of users")
        users = schema.users
        with self._write() as connection:
            user = self._user_beside_admins(connection, user_id, is_admin_afterwards=role is Role.ADMIN)
            if user.role != role.value:
                connection.execute(users.update().where(users.c.key == user.key).values(role=role.value))
                self._audit(connection, "user.set_role", user_id, {"before": user.role, "after": role.value})
            return _to_user(self._row_by_id(connection, users, user_id, "user"))

    def set_user_active(self, user_id: str, is_active: bool) -> User:
        """Let a user in or keep one out, from the next request on; only an admin may, and one admin always stays.

        A user who is deactivated keeps keys, role and all that is theirs; nothing lets them in until they are active again.

        Raises:
            Conflict: It is the last admin, or the admin who asks, who would be out with this very answer.
        """
        self._require_admin("deactivate users")
        users = schema.users
        with self._write() as connection:
            user = self._user_beside_admins(connection, user_id, is_admin_afterwards=is_active)
            if user.key == self.actor.user_key and not is_active:
                raise Conflict("expected another user than yourself: another admin can deactivate you", code="own_user")
            if (user.deactivated_at is None) != is_active:
                moment = None if is_active else self._now()
                connection.execute(users.update().where(users.c.key == user.key).values(deactivated_at=moment))
                self._audit(
                    connection, "user.activate" if is_active else "user.deactivate", user_id, {"name": user.name}
                )
            return _to_user(self._row_by_id(connection, users, user_id, "user"))

    def _user_beside_admins(self, connection: Connection, user_id: str, *, is_admin_afterwards: bool) -> AnyRow:
        """The user's row, locked; a Conflict if nobody would be admin any more."""
        users = schema.users
        # Every admin's row is locked: of two who demote each other at the same moment, the second finds itself the last.
        admins = connection.execute(
            sa.select(users.c.key)
            .where(
                users.c.workspace_key == self._workspace_key,
                users.c.role == Role.ADMIN.value,
                users.c.deactivated_at.is_(None),
            )
            .order_by(users.c.key)
            .with_for_update(key_share=True)
        ).scalars()
        user = self._row_by_id(connection, users, user_id, "user", lock=True)
        if list(admins) == [user.key] and not is_admin_afterwards:
            raise Conflict(
                f"{user.name!r} is the last admin of this workspace: make another user admin first", code="last_admin"
            )
        return user

    def rename_workspace(self, name: str) -> None:
        """Give the workspace another name, unique on this server; only an admin may."""
        self._require_admin("rename the workspace")
        workspaces = schema.workspaces
        with self._write() as connection:
            before = connection.execute(
                sa.select(workspaces).where(workspaces.c.key == self._workspace_key).with_for_update(key_share=True)
            ).one()
            taken = sa.select(workspaces.c.key).where(workspaces.c.name == name, workspaces.c.key != before.key)
            if connection.execute(taken).one_or_none() is not None:
                raise AlreadyExists(f"a workspace named {name!r} exists already", code="workspace_exists")
            if before.name != name:
                connection.execute(workspaces.update().where(workspaces.c.key == before.key).values(name=name))
                self._audit(connection, "workspace.rename", before.id, {"before": before.name, "after": name})

    def create_key(
        self,
        name: str,
        *,
        digest: bytes,
        hint: str,
        user_name: str | None = None,
        role: Role | None = None,
        expires_at: datetime | None = None,
    ) -> ApiKey:
        """Create a key for the actor, or (admin) for another user; its role is at most its user's and the actor's."""
        if user_name is not None and user_name != self.actor.user_name:
            self._require_admin("create keys for other users")
        key_id = new_id("key")
        with self._write() as connection:
            user = self._user_row(connection, user_name or self.actor.user_name)
            if user is None:
                raise NotFound(f"no user named {user_name!r} in this workspace", code="user_not_found")
            if user.deactivated_at is not None:
                raise Conflict(
                    f"the user {user.name!r} is deactivated, and a key would not work: activate the user first",
                    code="user_inactive",
                )
            highest = min(Role(user.role), self.actor.role, key=lambda r: r.rank)
            granted = role or highest
            if granted.rank > highest.rank:
                raise InvalidInput(
                    f"expected a role of at most {highest.value} for a key of {user.name!r}, got {granted.value}",
                    code="role_above_user",
                )
            self._insert(
                connection,
                schema.api_keys,
                id=key_id,
                user_key=user.key,
                digest=digest,
                hint=hint,
                name=name,
                role=granted.value,
                created_at=self._now(),
                expires_at=None if expires_at is None else to_micros(expires_at),
            )
            self._audit(connection, "key.create", key_id, {"user": user.name, "role": granted.value})
            return self._key(connection, key_id)

    def list_keys(self) -> list[ApiKey]:
        """The workspace's keys for an admin, else the actor's own; oldest first."""
        query = key_select().where(schema.api_keys.c.workspace_key == self._workspace_key)
        if not self.actor.is_admin:
            query = query.where(schema.api_keys.c.user_key == self.actor.user_key)
        with self._read() as connection:
            return [to_api_key(row) for row in connection.execute(query.order_by(schema.api_keys.c.key))]

    def revoke_key(self, key_id: str) -> ApiKey:
        """Revoke a key for ever, one's own or (admin) anyone's; revoking it again changes nothing."""
        with self._write() as connection:
            row = self._row_by_id(connection, schema.api_keys, key_id, "key", lock=True)
            self._require_owner(row.user_key, "key", "revoke it")
            if row.revoked_at is None:
                connection.execute(
                    schema.api_keys.update().where(schema.api_keys.c.key == row.key).values(revoked_at=self._now())
                )
                self._audit(connection, "key.revoke", key_id)
            return self._key(connection, key_id)

    def status(self) -> WorkspaceStatus:
        """How much the workspace holds and what is under way in it, all of one moment."""
        workspace = self._workspace_key

        def count(table: sa.Table, *conditions: sa.ColumnElement[bool]) -> sa.ScalarSelect[int]:
            query = sa.select(sa.func.count()).select_from(table).where(table.c.workspace_key == workspace, *conditions)
            return (query.where(table.c.hidden_at.is_(None)) if "hidden_at" in table.c else query).scalar_subquery()

        datasets, tests = schema.datasets, schema.scenario_tests
        jobs, uploads = schema.jobs, schema.score_uploads
        n_items = sa.select(sa.func.coalesce(sa.func.sum(datasets.c.n_live_items), 0)).where(
            datasets.c.workspace_key == workspace, datasets.c.hidden_at.is_(None)
        )
        visible_tests = sa.select(tests.c.key).where(tests.c.workspace_key == workspace, tests.c.hidden_at.is_(None))
        query = sa.select(
            sa.select(schema.workspaces.c.name)
            .where(schema.workspaces.c.key == workspace)
            .scalar_subquery()
            .label("name"),
            count(datasets).label("n_datasets"),
            n_items.scalar_subquery().label("n_items"),
            count(schema.slices).label("n_slices"),
            count(schema.models).label("n_models"),
            count(schema.eval_functions, schema.eval_functions.c.is_external).label("n_functions"),
            count(tests).label("n_tests"),
            count(schema.evaluations, schema.evaluations.c.test_key.in_(visible_tests)).label("n_evaluations"),
            count(jobs, jobs.c.finished_at.is_(None)).label("n_jobs"),
            count(uploads, uploads.c.status == UploadStatus.STAGING.value, uploads.c.expires_at > self._now()).label(
                "n_uploads_staging"
            ),
        )
        with self._read() as connection:
            row = connection.execute(query).one()
            key_id = self.actor.api_key_id
            return WorkspaceStatus(
                workspace_name=row.name,
                key=None if key_id is None else self._key(connection, key_id),
                n_datasets=row.n_datasets,
                n_items=int(row.n_items),
                n_slices=row.n_slices,
                n_models=row.n_models,
                n_functions=row.n_functions,
                n_tests=row.n_tests,
                n_evaluations=row.n_evaluations,
                n_jobs=row.n_jobs,
                n_uploads_staging=row.n_uploads_staging,
            )

    def list_audit(self, wanted: AuditFilter | None = None, *, limit: int = 100) -> list[AuditEntry]:
        """Who did what, newest first; without a filter to any object."""
        log, users = schema.audit_log, schema.users
        wanted = wanted or AuditFilter()
        query = (
            sa.select(log, users.c.name.label("user_name"))
            .join(users, users.c.key == log.c.user_key)
            .where(log.c.workspace_key == self._workspace_key)
            .order_by(log.c.key.desc())
            .limit(limit)
        )
        if wanted.before is not None:
            query = query.where(log.c.created_at < to_micros(wanted.before))
        if wanted.since is not None:
            query = query.where(log.c.created_at >= to_micros(wanted.since))
        if wanted.object_id is not None:
            query = query.where(log.c.object_id == wanted.object_id)
        if wanted.user_id is not None:
            query = query.where(users.c.id == wanted.user_id)
        if wanted.action is not None:
            query = query.where(log.c.action.startswith(wanted.action, autoescape=True))
        with self._read() as connection:
            return [
                AuditEntry(
                    user_name=row.user_name,
                    action=row.action,
                    object_id=row.object_id,
                    detail=json.loads(row.detail),
                    created_at=from_micros(row.created_at),
                )
                for row in connection.execute(query)
            ]

    def _require_admin(self, action: str) -> None:
        if not self.actor.is_admin:
            raise PermissionDenied(f"only an admin may {action}; this key has the role {self.actor.role.value}")

    def _user_row(self, connection: Connection, name: str) -> AnyRow | None:
        return connection.execute(
            sa.select(schema.users).where(
                schema.users.c.workspace_key == self._workspace_key, schema.users.c.name == name
            )
        ).one_or_none()

    def _key(self, connection: Connection, key_id: str) -> ApiKey:
        return to_api_key(connection.execute(key_select().where(schema.api_keys.c.id == key_id)).one())


def key_select() -> sa.Select[tuple[object, ...]]:
    """Keys with the names of their users."""
    return sa.select(schema.api_keys, schema.users.c.name.label("user_name")).join(
        schema.users, schema.users.c.key == schema.api_keys.c.user_key
    )


def to_api_key(row: AnyRow) -> ApiKey:
    """The key in this row of `key_select`."""
    return ApiKey(
        id=row.id,
        name=row.name,
        hint=row.hint,
        user_name=row.user_name,
        role=Role(row.role),
        created_at=from_micros(row.created_at),
        expires_at=optional_moment(row.expires_at),
        revoked_at=optional_moment(row.revoked_at),
        last_used_at=optional_moment(row.last_used_at),
    )


def _to_user(row: AnyRow) -> User:
    return User(
        key=row.key,
        id=row.id,
        name=row.name,
        role=Role(row.role),
        created_at=from_micros(row.created_at),
        deactivated_at=optional_moment(row.deactivated_at),
    )
