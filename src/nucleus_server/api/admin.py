"""Routes of users, API keys and the server's status."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec
from fastapi import APIRouter

from nucleus_server import __version__
from nucleus_server.api import codec
from nucleus_server.api.http import Answer, JsonBody, Services, Workspace, iso, takes
from nucleus_server.api.names import checked_name, moment_of
from nucleus_server.api.validate import parse_choice
from nucleus_server.domain import ApiKey, Role, User
from nucleus_server.errors import InvalidInput

router = APIRouter()


class CreateUser(msgspec.Struct):
    """A new user."""

    name: str
    role: str = Role.MEMBER.value


class SetRole(msgspec.Struct):
    """What a user may do from now on."""

    role: str


class SetActive(msgspec.Struct):
    """Whether a user may come in from now on."""

    is_active: bool


class RenameWorkspace(msgspec.Struct):
    """What the workspace is called from now on."""

    name: str


class CreateKey(msgspec.Struct):
    """A new key: of oneself or (admin) of another user, with at most that user's role, for ever or until a moment."""

    name: str
    user_name: str | None = None
    role: str | None = None
    expires_at: str | None = None


@router.get("/admin/users")
def list_users(ws: Workspace) -> Answer:
    """All users of the workspace, oldest first."""
    return Answer({"users": [_user_row(user) for user in ws.list_users()]})


@router.post("/admin/users", openapi_extra=takes(CreateUser))
def create_user(raw: JsonBody, ws: Workspace) -> Answer:
    """Create a user; admins only."""
    body = codec.decode(raw, CreateUser)
    return Answer({"user": _user_row(ws.create_user(checked_name(body.name, "user"), _role(body.role)))})


@router.post("/admin/users/{user_id}", openapi_extra=takes(SetRole))
def set_user_role(user_id: str, raw: JsonBody, ws: Workspace) -> Answer:
    """Change a user's role; admins only, and one admin always stays."""
    return Answer({"user": _user_row(ws.set_user_role(user_id, _role(codec.decode(raw, SetRole).role)))})


@router.post("/admin/users/{user_id}/active", openapi_extra=takes(SetActive))
def set_user_active(user_id: str, raw: JsonBody, ws: Workspace) -> Answer:
    """Keep a user out, or let one in again; admins only, and one admin always stays."""
    return Answer({"user": _user_row(ws.set_user_active(user_id, codec.decode(raw, SetActive).is_active))})


@router.post("/admin/workspace", openapi_extra=takes(RenameWorkspace))
def rename_workspace(raw: JsonBody, ws: Workspace) -> Answer:
    """Rename the workspace; admins only."""
    name = checked_name(codec.decode(raw, RenameWorkspace).name, "workspace")
    ws.rename_workspace(name)
    return Answer({"workspace": name})


@router.get("/admin/keys")
def list_keys(ws: Workspace) -> Answer:
    """One's own keys, or (admin) all of the workspace, oldest first; never their secrets."""
    return Answer({"keys": [_key_row(key) for key in ws.list_keys()]})


@router.post("/admin/keys", openapi_extra=takes(CreateKey))
def create_key(raw: JsonBody, services: Services, ws: Workspace) -> Answer:
    """Create a key; its secret is in this answer and nowhere else."""
    body = codec.decode(raw, CreateKey)
    secret, key = services.access.create_key(
        ws,
        checked_name(body.name, "key"),
        user_name=body.user_name,
        role=None if body.role is None else _role(body.role),
        expires_at=None if body.expires_at is None else _expiry(body.expires_at),
    )
    return Answer({"key": _key_row(key), "secret": secret})


@router.delete("/admin/keys/{key_id}")
def revoke_key(key_id: str, ws: Workspace) -> Answer:
    """Revoke a key for ever; its sessions end too."""
    return Answer({"key": _key_row(ws.revoke_key(key_id))})


@router.get("/status")
def status(ws: Workspace) -> Answer:
    """Who asks, what the workspace holds, what is under way."""
    now = ws.status()
    key = now.key
    return Answer(
        {
            "version": __version__,
            "workspace": now.workspace_name,
            "user_name": ws.actor.user_name,
            "role": ws.actor.role.value,
            "key": None if key is None else {"id": key.id, "name": key.name, "expires_at": _moment(key.expires_at)},
            "counts": {
                "datasets": now.n_datasets,
                "items": now.n_items,
                "slices": now.n_slices,
                "models": now.n_models,
                "functions": now.n_functions,
                "tests": now.n_tests,
                "evaluations": now.n_evaluations,
            },
            "jobs_running": now.n_jobs,
            "uploads_staging": now.n_uploads_staging,
        }
    )


def _role(text: str) -> Role:
    role: Role = parse_choice(Role, text, "invalid_role", "role")
    return role


def _expiry(text: str) -> datetime:
    """A moment in the future, in UTC unless the text says otherwise."""
    moment = moment_of(text, "expires_at")
    if moment <= datetime.now(UTC):
        raise InvalidInput(
            f"expected expires_at in the future, got {text[:40]!r}: the key would never work", code="expiry_in_the_past"
        )
    return moment


def _moment(moment: datetime | None) -> str | None:
    return None if moment is None else iso(moment)


def _user_row(user: User) -> dict[str, Any]:
    return {
        "id": user.id,
        "name": user.name,
        "role": user.role.value,
        "created_at": iso(user.created_at),
        "deactivated_at": _moment(user.deactivated_at),
    }


def _key_row(key: ApiKey) -> dict[str, Any]:
    return {
        "id": key.id,
        "name": key.name,
        "hint": key.hint,
        "user_name": key.user_name,
        "role": key.role.value,
        "created_at": iso(key.created_at),
        "expires_at": _moment(key.expires_at),
        "revoked_at": _moment(key.revoked_at),
        "last_used_at": _moment(key.last_used_at),
    }
