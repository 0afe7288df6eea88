"""Administration: users, API keys and how the server stands, as part of the client."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from nucleus._connection import Connection


@dataclass(frozen=True)
class User:
    """A person or a robot of the workspace.

    Attributes:
        id: The server's id.
        name: The name, unique in the workspace.
        role: `viewer` reads, `member` also writes, `admin` also manages users and other people's slices.
        created_at: When it was made, in UTC.
        deactivated_at: Since when nothing lets the user in; None if the user is active.
    """

    id: str
    name: str
    role: str
    created_at: datetime
    deactivated_at: datetime | None = None

    @classmethod
    def from_json(cls, row: dict[str, Any]) -> User:
        """The user that the server describes."""
        return cls(
            row["id"],
            row["name"],
            row["role"],
            _moment(row["created_at"]),
            _optional_moment(row.get("deactivated_at")),
        )


@dataclass(frozen=True)
class ApiKey:
    """An API key. It acts for its user, with its own role, at most the user's.

    Attributes:
        id: The server's id.
        name: What it is for.
        hint: Its first characters, to recognise it by.
        user_name: The user it acts for.
        role: `viewer`, `member` or `admin`.
        created_at: When it was made, in UTC.
        expires_at: When it ends; None if it does not.
        revoked_at: When it was revoked; None if it was not.
        last_used_at: When it was last used, to the minute; None if it never was.
        secret: The key itself, on the answer of `create_api_key` only.
    """

    id: str
    name: str
    hint: str
    user_name: str
    role: str
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None
    secret: str | None = field(default=None, repr=False)

    @classmethod
    def from_json(cls, row: dict[str, Any], secret: str | None = None) -> ApiKey:
        """The key that the server describes."""
        return cls(
            id=row["id"],
            name=row["name"],
            hint=row["hint"],
            user_name=row["user_name"],
            role=row["role"],
            created_at=_moment(row["created_at"]),
            expires_at=_optional_moment(row["expires_at"]),
            revoked_at=_optional_moment(row["revoked_at"]),
            last_used_at=_optional_moment(row["last_used_at"]),
            secret=secret,
        )


@dataclass(frozen=True)
class ServerStatus:
    """How the server and the workspace stand at one moment.

    Attributes:
        version: The server's version.
        workspace: The workspace's name.
        user_name: Who asks.
        role: What the key that asks may do.
        key_id: The key that asks; None if it was no key.
        key_name: What that key is for.
        key_expires_at: When it ends; None if it does not.
        counts: How many `datasets`, `items`, `slices`, `models`, `functions` (external), `tests` and `evaluations` there are.
        jobs_running: Jobs that are waiting or running.
        uploads_staging: Uploads of scores that were begun and not finished.
    """

    version: str
    workspace: str
    user_name: str
    role: str
    key_id: str | None
    key_name: str | None
    key_expires_at: datetime | None
    counts: dict[str, int]
    jobs_running: int
    uploads_staging: int


class Administration:
    """What a client can ask and change about users, keys and the server."""

    connection: Connection

    def users(self) -> list[User]:
        """All users of the workspace, oldest first."""
        return [User.from_json(row) for row in self.connection.get("admin/users")["users"]]

    def create_user(self, name: str, role: str = "member") -> User:
        """Create a user.

        Args:
            name: 1 to 255 characters, unique in the workspace.
            role: `viewer`, `member` or `admin`.

        Raises:
            PermissionDeniedError: You are no admin.
            ConflictError: The name is taken.
        """
        answer = self.connection.post({"name": name, "role": role}, "admin/users")
        return User.from_json(answer["user"])

    def set_user_role(self, user_id: str, role: str) -> User:
        """Change what a user may do; the user's keys follow at once, down as well as up to their own roles.

        Raises:
            PermissionDeniedError: You are no admin.
            ConflictError: The user is the last admin and would be none any more.
        """
        answer = self.connection.post({"role": role}, f"admin/users/{user_id}", is_replay_safe=True)
        return User.from_json(answer["user"])

    def set_user_active(self, user_id: str, is_active: bool) -> User:
        """Keep a user out or let one in again; keys, role and all that is theirs stay.

        Raises:
            PermissionDeniedError: You are no admin.
            ConflictError: The user is the last admin, or yourself.
        """
        answer = self.connection.post({"is_active": is_active}, f"admin/users/{user_id}/active", is_replay_safe=True)
        return User.from_json(answer["user"])

    def rename_workspace(self, name: str) -> None:
        """Rename the workspace.

        Args:
            name: 1 to 255 characters, unique on this server.

        Raises:
            PermissionDeniedError: You are no admin.
            ConflictError: The name is taken.
        """
        self.connection.post({"name": name}, "admin/workspace", is_replay_safe=True)

    def api_keys(self) -> list[ApiKey]:
        """Your own keys, or all of the workspace if you are an admin; oldest first, without their secrets."""
        return [ApiKey.from_json(row) for row in self.connection.get("admin/keys")["keys"]]

    def create_api_key(
        self,
        name: str,
        *,
        user_name: str | None = None,
        role: str | None = None,
        expires_at: datetime | None = None,
    ) -> ApiKey:
        """Create a key for yourself or, as an admin, for another user.

        Args:
            name: What the key is for.
            user_name: Its user; yourself if it is left out.
            role: At most its user's and your own, which is also the default.
            expires_at: When it ends; without a time zone it is local time. Never, if it is left out.

        Returns:
            The key with its `secret`, which cannot be read again: store it now.

        Raises:
            PermissionDeniedError: You are a viewer, or no admin and the key would be somebody else's.
            BadRequestError: The role is too high, or the end is in the past.
        """
        payload = {
            "name": name,
            "user_name": user_name,
            "role": role,
            "expires_at": None if expires_at is None else expires_at.astimezone().isoformat(),
        }
        answer = self.connection.post(payload, "admin/keys")
        return ApiKey.from_json(answer["key"], answer["secret"])

    def revoke_api_key(self, key_id: str) -> ApiKey:
        """Revoke a key for ever, your own or, as an admin, anyone's; its sessions on the dashboard end too."""
        return ApiKey.from_json(self.connection.delete(f"admin/keys/{key_id}")["key"])

    def status(self) -> ServerStatus:
        """How the server and the workspace stand, and as whom you ask."""
        answer = self.connection.get("status")
        key = answer["key"] or {"id": None, "name": None, "expires_at": None}
        return ServerStatus(
            version=answer["version"],
            workspace=answer["workspace"],
            user_name=answer["user_name"],
            role=answer["role"],
            key_id=key["id"],
            key_name=key["name"],
            key_expires_at=_optional_moment(key["expires_at"]),
            counts=answer["counts"],
            jobs_running=answer["jobs_running"],
            uploads_staging=answer["uploads_staging"],
        )


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def _optional_moment(text: str | None) -> datetime | None:
    return None if text is None else _moment(text)
