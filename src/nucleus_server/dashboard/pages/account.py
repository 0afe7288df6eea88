"""One's own keys and, for admins, users and keys of the workspace."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from nucleus_server import __version__
from nucleus_server.dashboard.contexts import AccountPage, Choice, Form, Frame, KeyRow, UserRow, Verdict
from nucleus_server.dashboard.pages.forms import FormMaker, button
from nucleus_server.dashboard.pages.media import media_part
from nucleus_server.dashboard.pages.shared import UNDEFINED, when
from nucleus_server.dashboard.sent_forms import SentForm
from nucleus_server.domain import Actor, ApiKey, Role, User
from nucleus_server.errors import NucleusServerError
from nucleus_server.services import WorkspaceStore
from nucleus_server.services.app_services import AppServices

_MAX_NAME = 255
NOTICES = {
    "revoked": "Revoked: the key works no more, and who is logged in by it is logged out.",
    "role": "Saved: the role holds from the next request on.",
    "user": "The user was made. A key for them is made by an admin with the command line or the SDK.",
}


def account_page(
    services: AppServices,
    ws: WorkspaceStore,
    frame: Frame,
    *,
    now: datetime,
    notice: str | None = None,
    problem: str | None = None,
    secret: str | None = None,
    sent: SentForm | None = None,
) -> AccountPage:
    """One's own keys; what only admins see is empty for others."""
    actor = ws.actor
    keys = sorted(ws.list_keys(), key=lambda key: key.created_at, reverse=True)
    return AccountPage(
        frame=frame,
        notice=notice,
        problem=problem,
        secret=secret,
        own_keys=tuple(_key_row(key, actor, now) for key in keys if key.user_name == actor.user_name),
        new_key=_key_form(actor, sent) if actor.can_write else None,
        is_admin=actor.is_admin,
        users=tuple(_user_row(user) for user in ws.list_users()) if actor.is_admin else (),
        new_user=_user_form(sent) if actor.is_admin else None,
        other_keys=tuple(_key_row(key, actor, now) for key in keys if key.user_name != actor.user_name),
        media=media_part(services, ws),
        workspace=(
            ("name", ws.status().workspace_name),
            ("public address", services.public_url or "the address of the request"),
            ("server", f"Nucleus Validate {__version__}"),
        ),
    )


def create_key(services: AppServices, ws: WorkspaceStore, sent: SentForm, now: datetime) -> str | None:
    """A key of one's own; its secret, or None if something is wrong with what was sent."""
    name = sent.text("name", longest=_MAX_NAME, is_required=True)
    role = sent.choice("role", [each.value for each in _roles_up_to(ws.actor.role)])
    expires_at = sent.day_end("expires_at") if sent.values.get("expires_at", "").strip() else None
    if expires_at is not None and expires_at <= now:
        sent.problems["expires_at"] = "expected a day from today on: the key would never work"
    if sent.problems:
        return None
    secret, _ = services.access.create_key(ws, name, role=Role(role), expires_at=expires_at)
    return secret


def create_user(ws: WorkspaceStore, sent: SentForm) -> bool:
    """Whether the user was made; else something is wrong with what was sent."""
    name = sent.text("name", longest=_MAX_NAME, is_required=True)
    role = sent.choice("role", [each.value for each in Role])
    if sent.problems:
        return False
    try:
        ws.create_user(name, Role(role))
    except NucleusServerError as error:
        if error.code != "user_exists":
            raise
        sent.problems["name"] = error.message
        return False
    return True


def set_role(ws: WorkspaceStore, user_id: str, sent: SentForm) -> str | None:
    """Set a user's role; why it cannot be set, None if it was."""
    role = sent.choice("role", [each.value for each in Role])
    if sent.problems:
        return sent.problems["role"]
    try:
        ws.set_user_role(user_id, Role(role))
    except NucleusServerError as error:
        if error.code != "last_admin":
            raise
        return error.message
    return None


def _roles_up_to(highest: Role) -> list[Role]:
    return [role for role in Role if role.rank <= highest.rank]


def _key_form(actor: Actor, sent: SentForm | None) -> Form:
    maker = FormMaker("new-key", "/settings/keys", sent)
    maker.add("name", "Name of the key", "line", "", "What it is for, such as CI or laptop.")
    roles = reversed(_roles_up_to(actor.role))
    maker.add(
        "role",
        "Role",
        "choice",
        actor.role.value,
        "What it may do at most.",
        choices=[(role.value, role.value) for role in roles],
    )
    maker.add("expires_at", "Last day", "date", "", "Empty for a key that does not end by itself.")
    return maker.made(button("Make a key"))


def _user_form(sent: SentForm | None) -> Form:
    maker = FormMaker("new-user", "/settings/users", sent)
    maker.add("name", "Name of the user", "line", "", "A person or a robot.")
    maker.add(
        "role",
        "Role",
        "choice",
        Role.MEMBER.value,
        "Viewers read, members also write, admins also manage users.",
        choices=_role_names(),
    )
    return maker.made(button("Make a user"))


def _role_names() -> Iterable[tuple[str, str]]:
    return [(role.value, role.value) for role in Role]


def _user_row(user: User) -> UserRow:
    return UserRow(
        id=user.id,
        name=user.name,
        role=user.role.value,
        created=when(user.created_at),
        roles=tuple(Choice(value, text, value == user.role.value) for value, text in _role_names()),
        path=f"/settings/users/{user.id}",
    )


def _key_row(key: ApiKey, actor: Actor, now: datetime) -> KeyRow:
    is_over = key.expires_at is not None and key.expires_at <= now
    status = Verdict("works", "✓", "pass", "Requests with it are answered.")
    if key.revoked_at is not None:
        status = Verdict("revoked", "✗", "none", f"It was revoked on {when(key.revoked_at)} UTC.")
    elif is_over:
        status = Verdict("expired", "○", "none", "Its last day is over.")
    may_revoke = actor.can_write and key.revoked_at is None
    return KeyRow(
        id=key.id,
        name=key.name,
        hint=key.hint,
        user_name=key.user_name,
        role=key.role.value,
        status=status,
        created=when(key.created_at),
        last_used=UNDEFINED if key.last_used_at is None else when(key.last_used_at),
        expires=UNDEFINED if key.expires_at is None else when(key.expires_at),
        is_this=key.id == actor.api_key_id,
        revoke_path=f"/settings/keys/{key.id}/revoke" if may_revoke else None,
    )
