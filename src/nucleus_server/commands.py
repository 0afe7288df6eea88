"""What the operator's commands do; `cli.py` has their options."""

from __future__ import annotations

import json
import logging
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

import typer
import uvicorn
from rich.console import Console
from rich.table import Table

from nucleus_server.app import create_app, open_services
from nucleus_server.config import Settings, load_settings, write_private
from nucleus_server.doctor import diagnose
from nucleus_server.errors import NucleusServerError
from nucleus_server.services.access import new_secret
from nucleus_server.services.app_services import AppServices
from nucleus_server.services.worker import Worker

_FAILED = 3
"""The exit code of a command that could not do what it was asked to; 1 says that a check found something wrong."""

_out = Console()
_err = Console(stderr=True)


def serve(
    *,
    host: str,
    port: int,
    database_url: str | None,
    data_dir: Path | None,
    public_url: str | None,
    with_worker: bool,
    log_level: str,
) -> None:
    """Run the server: API and dashboard, and one embedded worker."""
    _log_to_stderr(log_level)
    settings = _settings(data_dir, database_url, public_url)
    services = _open(settings, upgrade=True)
    key, is_new = _admin_key(settings)
    try:
        services.access.ensure_bootstrap(key)
    except NucleusServerError as error:
        _fail(error)
    listener = _listen(host, port)
    port = listener.getsockname()[1]
    shown_host = f"[{host}]" if ":" in host else host
    address = settings.public_url or f"http://{shown_host}:{port}"
    _out.print(f"Nucleus Validate on [bold]{address}[/bold], API {address}/v1/nucleus", highlight=False, soft_wrap=True)
    if is_new:
        _out.print(
            f"First admin key (shown once, kept in {settings.admin_key_file}): {key}", highlight=False, soft_wrap=True
        )
    link = f"{address}/login/{services.access.new_login_link(services.access.operator().user_id)}"
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


def work(*, database_url: str | None, data_dir: Path | None) -> None:
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


def print_login_link(*, database_url: str | None, data_dir: Path | None, address: str) -> None:
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


def print_admin_key(*, database_url: str | None, data_dir: Path | None, as_json: bool) -> None:
    """Make a fresh key of the first admin and print it."""
    services = _open(_settings(data_dir, database_url), upgrade=False)
    _require_current_schema(services)
    try:
        operator = services.access.operator()
        ws = services.store.workspace(operator.workspace_id, operator)
        secret, key = services.access.create_key(ws, "made by nucleus admin-key")
    except NucleusServerError as error:
        _fail(error)
    finally:
        services.store.close()
    if as_json:
        _print_json({"id": key.id, "user_name": key.user_name, "role": key.role.value, "secret": secret})
    else:
        _out.print(f"Key {key.id} of {key.user_name}, role {key.role.value}; its secret, shown once:", highlight=False)
        _out.print(secret, highlight=False, soft_wrap=True)


def examine(*, database_url: str | None, data_dir: Path | None, port: int, as_json: bool) -> None:
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


def upgrade_database(*, database_url: str | None, data_dir: Path | None) -> None:
    """Bring the database's schema to this release's version."""
    _open(_settings(data_dir, database_url), upgrade=True).store.close()
    _out.print("The schema is up to date.")


def check_database(*, database_url: str | None, data_dir: Path | None) -> None:
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
    except NucleusServerError as error:
        _fail(error)
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
    # With the protocol named, asyncio sends small answers at once; else they wait 40 ms for the client's acknowledgement.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
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


def _print_json(value: Any) -> None:
    typer.echo(json.dumps(value, indent=2))


def _fail(error: NucleusServerError) -> NoReturn:
    _stop(error.message)


def _stop(message: str) -> NoReturn:
    _err.print(f"[red]Error:[/red] {message}", highlight=False, soft_wrap=True)
    raise typer.Exit(_FAILED)
