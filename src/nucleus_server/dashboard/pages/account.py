"""One's own keys and, for admins, users and keys of the workspace."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime

from nucleus_server import __version__
from nucleus_server.dashboard.contexts import AccountPage, Choice, Form, Frame, KeyRow, UserRow, Verdict
from nucleus_server.dashboard.pages.forms import FormMaker, button
from nucleus_server.dashboard.pages.media import media_part
from nucleus_server.dashboard.pages.shared import UNDEFINED, when, with_query
from nucleus_server.dashboard.sent_forms import SentForm
from nucleus_server.domain import SYSTEM_USER, Actor, ApiKey, Role, User
from nucleus_server.errors import Conflict, NucleusServerError
from nucleus_server.services import WorkspaceStore
from nucleus_server.services.app_services import AppServices

_MAX_NAME = 255
NOTICES = {
    "revoked": "Revoked: the key works no more, and who is logged in by it is logged out.",
    "role": "Saved: the role holds from the next request on.",
    "user": "The user was made. Make a key for them next.",
    "deactivated": "Deactivated: keys and sessions of the user work no more.",
    "activated": "Activated: the user may come in again, with the same keys.",
    "renamed": "Saved: the workspace has another name.",
}


def account_page(
    services: AppServices,
    ws: WorkspaceStore,
    frame: Frame,
    *,
    now: datetime,
    notice: str | None = None,
    problem: str | None = None,
    secret: tuple[str, str] | None = None,
    sent: SentForm | None = None,
) -> AccountPage:
    """One's own keys; what only admins see is empty for others. `secret` is that of a new key, and whose it is."""
    actor = ws.actor
    users = ws.list_users() if actor.is_admin else []
    out = {user.name for user in users if not user.is_active}
    workspace_name = ws.status().workspace_name
    keys = sorted(ws.list_keys(), key=lambda key: key.created_at, reverse=True)
    return AccountPage(
        frame=frame,
        notice=notice,
        problem=problem,
        secret=None if secret is None else secret[0],
        secret_user="" if secret is None else secret[1],
        own_keys=tuple(_key_row(key, actor, now, out) for key in keys if key.user_name == actor.user_name),
        new_key=_key_form(actor, users, sent) if actor.can_write else None,
        is_admin=actor.is_admin,
        users=tuple(_user_row(user, actor) for user in users),
        new_user=_user_form(sent) if actor.is_admin else None,
        rename=_rename_form(workspace_name, sent) if actor.is_admin else None,
        other_keys=tuple(_key_row(key, actor, now, out) for key in keys if key.user_name != actor.user_name),
        media=media_part(services, ws),
        workspace=(
            ("name", workspace_name),
            ("public address", services.public_url or "the address of the request"),
            ("server", f"Nucleus Validate {__version__}"),
        ),
    )


def create_key(services: AppServices, ws: WorkspaceStore, sent: SentForm, now: datetime) -> tuple[str, str] | None:
    """A key of one's own or, by an admin, of another user: its secret and whose it is; None if something is wrong."""
    name = sent.text("name", longest=_MAX_NAME, is_required=True)
    role = sent.choice("role", [each.value for each in _roles_up_to(ws.actor.role)])
    user_name = ws.actor.user_name
    if ws.actor.is_admin and "user" in sent.values:
        user_name = sent.choice("user", [user.name for user in _who_may_have_keys(ws.list_users())])
    expires_at = sent.day_end("expires_at") if sent.values.get("expires_at", "").strip() else None
    if expires_at is not None and expires_at <= now:
        sent.problems["expires_at"] = "expected a day from today on: the key would never work"
    if sent.problems:
        return None
    try:
        secret, key = services.access.create_key(ws, name, user_name=user_name, role=Role(role), expires_at=expires_at)
    except NucleusServerError as error:
        if error.code != "role_above_user":
            raise
        sent.problems["role"] = error.message
        return None
    return secret, key.user_name


def create_user(ws: WorkspaceStore, sent: SentForm) -> bool:
    """Whether the user was made; else something is wrong with what was sent."""
    name = sent.text("name", longest=_MAX_NAME, is_required=True)
    role = sent.choice("role", [each.value for each in Role])
    if sent.problems:
        return False
    try:
        ws.create_user(name, Role(role))
    except Conflict as error:
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
    except Conflict as error:
        return error.message
    return None


def set_active(ws: WorkspaceStore, user_id: str, sent: SentForm) -> str | None:
    """Keep a user out or let one in again; why that cannot be, None if it was done."""
    is_active = sent.choice("active", ["yes", "no"]) == "yes"
    if sent.problems:
        return sent.problems["active"]
    try:
        ws.set_user_active(user_id, is_active)
    except Conflict as error:
        return error.message
    return None


def rename_workspace(ws: WorkspaceStore, sent: SentForm) -> bool:
    """Whether the workspace was renamed; else something is wrong with what was sent."""
    name = sent.text("name", longest=_MAX_NAME, is_required=True)
    if sent.problems:
        return False
    try:
        ws.rename_workspace(name)
    except Conflict as error:
        sent.problems["name"] = error.message
        return False
    return True


def _who_may_have_keys(users: Iterable[User]) -> list[User]:
    return [user for user in users if user.is_active and user.name != SYSTEM_USER]


def _roles_up_to(highest: Role) -> list[Role]:
    return [role for role in Role if role.rank <= highest.rank]


def _key_form(actor: Actor, users: Iterable[User], sent: SentForm | None) -> Form:
    maker = FormMaker("new-key", "/settings/keys", sent)
    maker.add("name", "Name of the key", "line", "", "What it is for, such as CI or laptop.")
    if actor.is_admin:
        names = [user.name for user in _who_may_have_keys(users)]
        maker.add(
            "user",
            "User",
            "choice",
            actor.user_name,
            "Whom it acts for.",
            choices=[(name, f"{name} (you)" if name == actor.user_name else name) for name in names],
        )
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


def _rename_form(name: str, sent: SentForm | None) -> Form:
    maker = FormMaker("rename", "/settings/workspace", sent)
    maker.add("name", "Name of the workspace", "line", name, "What pages and the command line call it.")
    return maker.made(button("Rename"))


def _role_names() -> Iterable[tuple[str, str]]:
    return [(role.value, role.value) for role in Role]


def _user_row(user: User, actor: Actor) -> UserRow:
    if user.name == SYSTEM_USER:
        status = Verdict("the server", "●", "none", "It owns what comes with the server, and nobody comes in as it.")
    elif user.deactivated_at is not None:
        status = Verdict("deactivated", "✗", "none", f"Nothing lets the user in since {when(user.deactivated_at)} UTC.")
    else:
        status = Verdict("active", "✓", "pass", "Keys and sessions of the user work.")
    stays = user.name == SYSTEM_USER
    return UserRow(
        id=user.id,
        name=user.name,
        role=user.role.value,
        created=when(user.created_at),
        status=status,
        is_active=user.is_active,
        roles=() if stays else tuple(Choice(value, text, value == user.role.value) for value, text in _role_names()),
        path=f"/settings/users/{user.id}",
        active_path=None if stays or user.id == actor.user_id else f"/settings/users/{user.id}/active",
        audit_path=with_query("/audit", object=user.id),
    )


def _key_row(key: ApiKey, actor: Actor, now: datetime, deactivated: Collection[str]) -> KeyRow:
    is_over = key.expires_at is not None and key.expires_at <= now
    status = Verdict("works", "✓", "pass", "Requests with it are answered.")
    if key.revoked_at is not None:
        status = Verdict("revoked", "✗", "none", f"It was revoked on {when(key.revoked_at)} UTC.")
    elif is_over:
        status = Verdict("expired", "○", "none", "Its last day is over.")
    elif key.user_name in deactivated:
        status = Verdict("user is out", "✗", "none", "Its user is deactivated; it works again when the user is let in.")
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
