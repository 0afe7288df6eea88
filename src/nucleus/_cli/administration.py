"""`nucleus users`, `nucleus keys` and `nucleus status`: what operators ask and change, from anywhere."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime, timedelta, timezone
from enum import Enum
from typing import Annotated, Any

import typer

from nucleus._admin import ApiKey, User
from nucleus._cli.finding import find_key, find_user
from nucleus._cli.output import AsJson, Yes, confirm, examples, print_fields, print_json, print_line, print_table
from nucleus._cli.session import client_of

users = typer.Typer(no_args_is_help=True, help="Users and their roles (changes: admins only).")
keys = typer.Typer(no_args_is_help=True, help="API keys: your own or, for an admin, all.")


class Role(str, Enum):
    """What a user or a key may do."""

    VIEWER = "viewer"
    MEMBER = "member"
    ADMIN = "admin"


def register_status(app: typer.Typer) -> None:
    """Add `nucleus status`."""
    app.command(epilog=examples("nucleus status", "nucleus --endpoint https://nucleus.example.com/v1/nucleus status"))(
        status
    )


def status(context: typer.Context, as_json: AsJson = False) -> None:
    """Show which server answers, as whom you ask, and how much there is."""
    client = client_of(context)
    found = client.status()
    if as_json:
        print_json({"endpoint": client.endpoint, **asdict(found)})
        return
    fields: dict[str, object] = {
        "endpoint": client.endpoint,
        "version": found.version,
        "workspace": found.workspace,
        "user": f"{found.user_name} ({found.role})",
        "key": found.key_name,
        "key expires": found.key_expires_at or "never",
        **{name: f"{count:,}" for name, count in found.counts.items()},
        "jobs running": found.jobs_running,
        "uploads staging": found.uploads_staging,
    }
    print_fields(fields)


@users.command("list")
def list_users(context: typer.Context, as_json: AsJson = False) -> None:
    """List all users, oldest first."""
    found = client_of(context).users()
    if as_json:
        print_json(list(map(asdict, found)))
    else:
        print_table(
            ["id", "name", "role", "created", "deactivated"],
            [[u.id, u.name, u.role, u.created_at, u.deactivated_at] for u in found],
        )


@users.command("create", epilog=examples("nucleus users create alice", "nucleus users create ci-robot --role viewer"))
def create_user(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name of the user.")],
    role: Annotated[Role, typer.Option(help="What the user may do.")] = Role.MEMBER,
    as_json: AsJson = False,
) -> None:
    """Create a user; make a key for it with `nucleus keys create --user NAME`."""
    _print_user(client_of(context).create_user(name, role.value), as_json)


@users.command("set-role", epilog=examples("nucleus users set-role alice admin"))
def set_role(
    context: typer.Context,
    user: Annotated[str, typer.Argument(metavar="USER", help="Its id or name.")],
    role: Annotated[Role, typer.Argument(help="What the user may do from now on.")],
    as_json: AsJson = False,
) -> None:
    """Change a user's role; the user's keys follow at once. The last admin stays admin."""
    client = client_of(context)
    _print_user(client.set_user_role(find_user(client, user).id, role.value), as_json)


@users.command(epilog=examples("nucleus users deactivate alice"))
def deactivate(
    context: typer.Context,
    user: Annotated[str, typer.Argument(metavar="USER", help="Its id or name.")],
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Keep a user out: keys and sessions end to work until the user is activated again."""
    client = client_of(context)
    found = find_user(client, user)
    confirm(f"Keep {found.name} ({found.role}) out until an admin activates the user again?", is_sure=yes)
    _print_user(client.set_user_active(found.id, False), as_json)


@users.command(epilog=examples("nucleus users activate alice"))
def activate(
    context: typer.Context,
    user: Annotated[str, typer.Argument(metavar="USER", help="Its id or name.")],
    as_json: AsJson = False,
) -> None:
    """Let a user in again who was deactivated."""
    client = client_of(context)
    _print_user(client.set_user_active(find_user(client, user).id, True), as_json)


@keys.command("list")
def list_keys(context: typer.Context, as_json: AsJson = False) -> None:
    """List your keys or, for an admin, all: whose they are, when they end and when they were last used."""
    found = client_of(context).api_keys()
    if as_json:
        print_json(list(map(_key_row, found)))
        return
    print_table(
        ["id", "name", "begins", "user", "role", "created", "expires", "last used", "revoked"],
        [
            [
                k.id,
                k.name,
                k.hint,
                k.user_name,
                k.role,
                k.created_at,
                k.expires_at or "never",
                k.last_used_at,
                k.revoked_at,
            ]
            for k in found
        ],
    )


@keys.command(
    "create",
    epilog=examples(
        "nucleus keys create laptop",
        "nucleus keys create ci --user ci-robot --role viewer --expires-days 90",
    ),
)
def create_key(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="What the key is for.")],
    user: Annotated[
        str | None, typer.Option(metavar="USER", help=r"Name of its user (others: admins only). \[default: yourself]")
    ] = None,
    role: Annotated[Role | None, typer.Option(help=r"At most its user's and yours. \[default: that]")] = None,
    expires_days: Annotated[
        int | None, typer.Option(metavar="DAYS", min=1, max=36_500, help=r"Days until it ends. \[default: never]")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Create an API key and print its secret, this once."""
    expires_at = None if expires_days is None else datetime.now(timezone.utc) + timedelta(days=expires_days)
    key = client_of(context).create_api_key(
        name, user_name=user, role=None if role is None else role.value, expires_at=expires_at
    )
    if as_json:
        print_json({**_key_row(key), "secret": key.secret})
        return
    print_line(f"Key {key.id} of {key.user_name}, role {key.role}; its secret, shown once:")
    typer.echo(key.secret)


@keys.command("revoke", epilog=examples("nucleus keys revoke key_…"))
def revoke(
    context: typer.Context,
    key: Annotated[str, typer.Argument(metavar="KEY", help="Its id, or a name that only one key has.")],
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Revoke an API key for ever; its sessions on the dashboard end too."""
    client = client_of(context)
    found = find_key(client, key)
    confirm(f"Revoke key {found.name} ({found.id}, {found.hint}) of {found.user_name} for ever?", is_sure=yes)
    revoked = client.revoke_api_key(found.id)
    if as_json:
        print_json(_key_row(revoked))
    else:
        print_line(f"Revoked {revoked.id} ({revoked.name}, {revoked.hint}).")


def _print_user(user: User, as_json: bool) -> None:
    if as_json:
        print_json(asdict(user))
    else:
        state = "" if user.deactivated_at is None else ", deactivated"
        print_line(f"User {user.name} ({user.role}{state}), id {user.id}.")


def _key_row(key: ApiKey) -> dict[str, Any]:
    """A key without its secret."""
    return {name: value for name, value in asdict(key).items() if name != "secret"}
