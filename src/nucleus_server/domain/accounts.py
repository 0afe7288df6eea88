"""Who works here: workspaces, users, keys, and what they did."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from nucleus_server.domain.base import Json

SYSTEM_USER = "nucleus"
"""The user in each workspace that owns what comes with the server; nobody comes in as it."""


class Role(str, Enum):
    """What a user or key may do: viewers read, members also write, admins also manage users and other people's slices."""

    VIEWER = "viewer"
    MEMBER = "member"
    ADMIN = "admin"

    @property
    def rank(self) -> int:
        """Position in the order viewer < member < admin."""
        return list(Role).index(self)


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts: the user behind a key or a session, with the role that key grants.

    An actor that is not active (the user was deactivated) is let in by nothing; what it asked for before is finished.
    """

    workspace_key: int
    workspace_id: str
    user_key: int
    user_id: str
    user_name: str
    role: Role
    api_key_id: str | None = None
    is_active: bool = True

    @property
    def can_write(self) -> bool:
        """Whether this actor may change anything."""
        return self.role.rank >= Role.MEMBER.rank

    @property
    def is_admin(self) -> bool:
        """Whether this actor administers the workspace."""
        return self.role is Role.ADMIN


@dataclass(frozen=True, slots=True)
class Workspace:
    """A tenant: nothing of one workspace exists for another."""

    key: int
    id: str
    name: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class User:
    """A person or a robot that belongs to one workspace."""

    key: int
    id: str
    name: str
    role: Role
    created_at: datetime
    deactivated_at: datetime | None

    @property
    def is_active(self) -> bool:
        """Whether the user may come in."""
        return self.deactivated_at is None


@dataclass(frozen=True, slots=True)
class ApiKey:
    """An API key as it is kept: the secret itself is shown once and never stored."""

    id: str
    name: str
    hint: str
    user_name: str
    role: Role
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None


@dataclass(frozen=True, slots=True)
class WorkspaceStatus:
    """How much a workspace holds, and what is under way in it, at one moment.

    Attributes:
        key: The key that asks; None if it was no key.
        n_functions: External ones.
        n_jobs: Jobs that are waiting or running.
        n_uploads_staging: Uploads of scores that were begun, not finished and not given up.
    """

    workspace_name: str
    key: ApiKey | None
    n_datasets: int
    n_items: int
    n_slices: int
    n_models: int
    n_functions: int
    n_tests: int
    n_evaluations: int
    n_jobs: int
    n_uploads_staging: int


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """Which entries of the audit log are wanted: all that is given must hold.

    Attributes:
        user_id: Whose.
        action: How the action begins: `waiver` for everything about waivers, `slice.append`.
        object_id: What it was done to.
        since: Not before this moment.
        before: Before this moment.
    """

    user_id: str | None = None
    action: str | None = None
    object_id: str | None = None
    since: datetime | None = None
    before: datetime | None = None


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """Who did what to which object, and when."""

    user_name: str
    action: str
    object_id: str
    detail: Json
    created_at: datetime
