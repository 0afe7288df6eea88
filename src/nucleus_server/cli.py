"""The operator's commands, registered into `nucleus` when the server is installed."""

from __future__ import annotations

import json
import logging
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
import uvicorn
from rich.console import Console
from rich.table import Table

from nucleus_server.app import create_app, open_services
from nucleus_server.config import Settings, load_settings, write_private
from nucleus_server.doctor import diagnose
from nucleus_server.domain import Role
from nucleus_server.errors import NucleusServerError
from nucleus_server.services import WorkspaceStore
from nucleus_server.services.access import new_secret
from nucleus_server.services.app_services import AppServices
from nucleus_server.services.worker import Worker

_out = Console()
_err = Console(stderr=True)

DataDir = Annotated[
    Path | None, typer.Option("--data-dir", help="Folder of database, media and secrets. [default: ./nucleus-data]")
]
DatabaseUrl = Annotated[
    str | None, typer.Option("--database-url", help="postgresql://… or sqlite:///… [default: DATA_DIR/nucleus.db]")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]


def register(app: typer.Typer) -> None:
    """Add the server's commands."""
    app.command()(serve)
    app.command()(worker)
    app.command("login-link")(login_link)
    app.command()(doctor)
    for name, group, help_text in (
        ("keys", _keys, "API keys: create, list, revoke."),
        ("users", _users, "Users: create, list."),
        ("db", _db, "The database: upgrade its schema, check it."),
    ):
        app.add_typer(group, name=name, help=help_text)


def serve(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on; 0 takes a free one.", min=0, max=65535)] = 8000,
    database_url: DatabaseUrl = None,
    data_dir: DataDir = None,
    public_url: Annotated[
        str | None, typer.Option(help="Address that users reach the server at, if not the one it listens on.")
    ] = None,
    with_worker: Annotated[bool, typer.Option("--worker/--no-worker", help="Also do jobs in this process.")] = True,
    log_level: Annotated[str, typer.Option(help="debug, info, warning or error.")] = "warning",
) -> None:
    """Run the server: API and dashboard, and one embedded worker."""
    _log_to_stderr(log_level)
    settings = _settings(data_dir, database_url, public_url)
    services = _open(settings, upgrade=True)
    key, is_new = _admin_key(settings)
    try:
        admin = services.access.ensure_bootstrap(key)
    except NucleusServerError as error:
        _fail(error)
    listener = _listen(host, port)
    port = listener.getsockname()[1]
    shown_host = f"[{host}]" if ":" in host else host
    address = settings.public_url or f"http://{shown_host}:{port}"
    _out.print(f"Nucleus Validate on [bold]{address}[/bold], API {address}/v1/nucleus", highlight=False)
    if is_new:
        _out.print(
            f"First admin key (shown once, kept in {settings.admin_key_file}): {key}", highlight=False, soft_wrap=True
        )
    link = f"{address}/login/{services.access.new_login_link(admin.user_id)}"
    _out.print(f"Dashboard, logged in (this link works once, for 15 minutes): {link}", highlight=False, soft_wrap=True)
    stop = threading.Event()
    background = threading.Thread(
        target=Worker(services.store, services.media).run_forever, args=(stop,), name="worker", daemon=True
    )
    if with_worker:
        background.start()
    server = _Server(
        uvicorn.Config(
            create_app(services),
            log_level=log_level,
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=10,
            proxy_headers=True,
        )
    )
    try:
        server.run(sockets=[listener])
    finally:
        stop.set()
        if with_worker:
            background.join(timeout=10)
        services.store.close()


class _Server(uvicorn.Server):
    """Ends by returning, so that the worker and the database are closed: uvicorn's own way is to raise the signal again."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Ask for a graceful end at the first signal, for an immediate one at the second."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self.handle_exit)
        yield


def worker(database_url: DatabaseUrl = None, data_dir: DataDir = None) -> None:
    """Do jobs of the same database and data folder as a server; any number of workers may run, anywhere."""
    _log_to_stderr("info")
    services = _open(_settings(data_dir, database_url), upgrade=False)
    _require_current_schema(services)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    _out.print("Worker ready.")
    Worker(services.store, services.media).run_forever(stop)
    services.store.close()


def login_link(
    database_url: DatabaseUrl = None,
    data_dir: DataDir = None,
    address: Annotated[str, typer.Option(help="Address of the dashboard.")] = "http://127.0.0.1:8000",
) -> None:
    """Print a link that logs the first admin into the dashboard once, within 15 minutes."""
    services = _open(_settings(data_dir, database_url), upgrade=False)
    try:
        operator = services.access.operator()
        _out.print(
            f"{address.rstrip('/')}/login/{services.access.new_login_link(operator.user_id)}",
            highlight=False,
            soft_wrap=True,
        )
    except NucleusServerError as error:
        _fail(error)


def doctor(
    database_url: DatabaseUrl = None,
    data_dir: DataDir = None,
    port: Annotated[int, typer.Option(help="Port that the server is to listen on.")] = 8000,
    as_json: AsJson = False,
) -> None:
    """Check this machine, the data folder and the database; exit code 1 if something is wrong."""
    checks = diagnose(data_dir=data_dir, database_url=database_url, port=port)
    if as_json:
        _print_json([{"check": c.name, "ok": c.is_ok, "found": c.found, "what_to_do": c.advice} for c in checks])
    else:
        table = Table("", "check", "found", "what to do")
        for check in checks:
            table.add_row("[green]✓" if check.is_ok else "[red]✗", check.name, check.found, check.advice)
        _out.print(table)
    if not all(check.is_ok for check in checks):
        raise typer.Exit(1)


_keys = typer.Typer(no_args_is_help=True)
_users = typer.Typer(no_args_is_help=True)
_db = typer.Typer(no_args_is_help=True)


@_keys.command("create")
def create_key(
    name: Annotated[str, typer.Argument(help="What the key is for.")],
    user: Annotated[str | None, typer.Option(help="Its user. [default: the first admin]")] = None,
    role: Annotated[Role | None, typer.Option(help="Its role, at most its user's. [default: its user's]")] = None,
    expires_days: Annotated[int | None, typer.Option(help="Days until it expires. [default: never]", min=1)] = None,
    database_url: DatabaseUrl = None,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Create an API key and print its secret, this once."""
    services, ws = _operate(data_dir, database_url)
    expires_at = None if expires_days is None else datetime.now(timezone.utc) + timedelta(days=expires_days)
    try:
        secret, key = services.access.create_key(ws, name, user_name=user, role=role, expires_at=expires_at)
    except NucleusServerError as error:
        _fail(error)
    if as_json:
        _print_json({"id": key.id, "key": secret, "user": key.user_name, "role": key.role.value})
    else:
        _out.print(f"Key {key.id} of {key.user_name}, role {key.role.value}; its secret, shown once:", highlight=False)
        _out.print(secret, highlight=False, soft_wrap=True)


@_keys.command("list")
def list_keys(database_url: DatabaseUrl = None, data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """List all API keys, without their secrets."""
    _, ws = _operate(data_dir, database_url)
    rows = [
        {
            "id": key.id,
            "name": key.name,
            "begins": key.hint,
            "user": key.user_name,
            "role": key.role.value,
            "created": _day(key.created_at),
            "expires": _day(key.expires_at),
            "last used": _day(key.last_used_at),
            "revoked": _day(key.revoked_at),
        }
        for key in ws.list_keys()
    ]
    _print_rows(rows, as_json)


@_keys.command("revoke")
def revoke_key(
    key_id: Annotated[str, typer.Argument(help="Id of the key, as `nucleus keys list` shows it.")],
    database_url: DatabaseUrl = None,
    data_dir: DataDir = None,
) -> None:
    """Revoke an API key for ever; its sessions end too."""
    _, ws = _operate(data_dir, database_url)
    try:
        key = ws.revoke_key(key_id)
    except NucleusServerError as error:
        _fail(error)
    _out.print(f"Revoked {key.id} ({key.name}, {key.hint}).", highlight=False)


@_users.command("create")
def create_user(
    name: Annotated[str, typer.Argument(help="Name of the user.")],
    role: Annotated[Role, typer.Option(help="viewer, member or admin.")] = Role.MEMBER,
    database_url: DatabaseUrl = None,
    data_dir: DataDir = None,
) -> None:
    """Create a user."""
    _, ws = _operate(data_dir, database_url)
    try:
        user = ws.create_user(name, role)
    except NucleusServerError as error:
        _fail(error)
    _out.print(f"User {user.name} ({user.role.value}), id {user.id}.", highlight=False)


@_users.command("list")
def list_users(database_url: DatabaseUrl = None, data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """List all users."""
    _, ws = _operate(data_dir, database_url)
    rows = [{"id": u.id, "name": u.name, "role": u.role.value, "created": _day(u.created_at)} for u in ws.list_users()]
    _print_rows(rows, as_json)


@_db.command("upgrade")
def upgrade_database(database_url: DatabaseUrl = None, data_dir: DataDir = None) -> None:
    """Bring the database's schema to this release's version."""
    _open(_settings(data_dir, database_url), upgrade=True).store.close()
    _out.print("The schema is up to date.")


@_db.command("check")
def check_database(database_url: DatabaseUrl = None, data_dir: DataDir = None) -> None:
    """Check schema version and integrity; exit code 1 if something is wrong."""
    services = _open(_settings(data_dir, database_url), upgrade=False)
    try:
        problems = services.store.check()
    except NucleusServerError as error:
        _fail(error)
    for problem in problems:
        _err.print(f"[red]✗[/red] {problem}", highlight=False, soft_wrap=True)
    if problems:
        raise typer.Exit(1)
    _out.print("The database is in order.")


def _settings(data_dir: Path | None, database_url: str | None, public_url: str | None = None) -> Settings:
    try:
        return load_settings(data_dir=data_dir, database_url=database_url, public_url=public_url)
    except OSError as error:
        _stop(f"the data folder cannot be used: {error}; choose another one with --data-dir")


def _open(settings: Settings, *, upgrade: bool) -> AppServices:
    try:
        services = open_services(settings)
        if upgrade:
            services.store.upgrade()
    except NucleusServerError as error:
        _fail(error)
    return services


def _operate(data_dir: Path | None, database_url: str | None) -> tuple[AppServices, WorkspaceStore]:
    """The default workspace as its first admin: who can run this command owns the database anyway."""
    services = _open(_settings(data_dir, database_url), upgrade=False)
    _require_current_schema(services)
    try:
        operator = services.access.operator()
    except NucleusServerError as error:
        _fail(error)
    return services, services.store.workspace(operator.workspace_id, operator)


def _require_current_schema(services: AppServices) -> None:
    try:
        problem = services.store.version_problem()
    except NucleusServerError as error:
        _fail(error)
    if problem is not None:
        _stop(problem)


def _admin_key(settings: Settings) -> tuple[str, bool]:
    """The first admin's key, and whether it has just been made."""
    if settings.bootstrap_key:
        return settings.bootstrap_key, False
    path = settings.admin_key_file
    if not path.exists():
        try:
            write_private(path, new_secret())
            return path.read_text().strip(), True
        except FileExistsError:
            pass  # another process was first
    return path.read_text().strip(), False


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        _stop(f"cannot listen on {host}:{port}: {error.strerror}; choose another port with --port")
    listener.listen(512)
    return listener


def _log_to_stderr(level: str) -> None:
    number = logging.getLevelNamesMapping().get(level.upper())
    if number is None:
        _stop(f"expected --log-level debug, info, warning or error, got {level}")
    logging.basicConfig(level=number, format="%(asctime)s %(levelname)s %(name)s: %(message)s")


def _day(moment: datetime | None) -> str | None:
    return None if moment is None else f"{moment:%Y-%m-%d %H:%M}"


def _print_json(value: Any) -> None:
    typer.echo(json.dumps(value, indent=2))


def _print_rows(rows: list[dict[str, str | None]], as_json: bool) -> None:
    if as_json:
        _print_json(rows)
        return
    table = Table(*(rows[0] if rows else ("nothing yet",)))
    for row in rows:
        table.add_row(*(value or "–" for value in row.values()))
    _out.print(table)


def _fail(error: NucleusServerError) -> NoReturn:
    _stop(error.message)


def _stop(message: str) -> NoReturn:
    _err.print(f"[red]Error:[/red] {message}", highlight=False, soft_wrap=True)
    raise typer.Exit(1)
