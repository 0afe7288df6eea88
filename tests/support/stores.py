"""A store with a clock of its own, and its workspaces as different people see them."""

from __future__ import annotations

from datetime import UTC, datetime

from nucleus_server.domain import Role
from nucleus_server.storage import Store, WorkspaceStore


class Clock:
    """A clock that tests move by hand."""

    def __init__(self) -> None:
        self.now = datetime(2026, 1, 1, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


def open_workspace(store: Store, name: str) -> WorkspaceStore:
    """A fresh workspace seen by its admin."""
    workspace = store.create_workspace(name)
    actor = store.ensure_admin(workspace, "admin", key_digest=name.encode(), hint="nv_", key_name="first")
    return store.workspace(workspace.id, actor)


def as_user(store: Store, ws: WorkspaceStore, name: str, role: Role) -> WorkspaceStore:
    """The same workspace seen by another user."""
    user = ws.create_user(name, role)
    actor = store.find_actor(user.id)
    assert actor is not None
    return store.workspace(actor.workspace_id, actor)
