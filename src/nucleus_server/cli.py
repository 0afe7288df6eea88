"""The operator's commands, registered into `nucleus` when the server is installed."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

_NEEDED = ("alembic", "altair", "fastapi", "jinja2", "numpy", "polars", "sqlalchemy", "uvicorn")

DataDir = Annotated[
    Path | None, typer.Option("--data-dir", help="Folder of database, media and secrets. [default: ./nucleus-data]")
]
DatabaseUrl = Annotated[
    str | None, typer.Option("--database-url", help="postgresql://… or sqlite:///… [default: DATA_DIR/nucleus.db]")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]


def register(app: typer.Typer) -> None:
    """Add the server's commands.

    They import the server only when they run: loading it takes two seconds, which no other command shall wait for.

    Raises:
        ModuleNotFoundError: What the server stands on is not installed here.
    """
    for module in _NEEDED:
        if find_spec(module) is None:
            raise ModuleNotFoundError(f"No module named {module!r}", name=module)
    app.command()(serve)
    app.command()(worker)
    app.command("login-link")(login_link)
    app.command("admin-key")(admin_key)
    app.command()(doctor)
    app.add_typer(_db, name="db", help="The database: upgrade its schema, check it.")


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
    from nucleus_server import commands

    commands.serve(
        host=host,
        port=port,
        database_url=database_url,
        data_dir=data_dir,
        public_url=public_url,
        with_worker=with_worker,
        log_level=log_level,
    )


def worker(database_url: DatabaseUrl = None, data_dir: DataDir = None) -> None:
    """Do jobs of the same database and data folder as a server; any number of workers may run, anywhere."""
    from nucleus_server import commands

    commands.work(database_url=database_url, data_dir=data_dir)


def login_link(
    database_url: DatabaseUrl = None,
    data_dir: DataDir = None,
    address: Annotated[str, typer.Option(help="Address of the dashboard.")] = "http://127.0.0.1:8000",
) -> None:
    """Print a link that logs the first admin into the dashboard once, within 15 minutes."""
    from nucleus_server import commands

    commands.print_login_link(database_url=database_url, data_dir=data_dir, address=address)


def admin_key(database_url: DatabaseUrl = None, data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """Make a fresh key of the first admin and print it, this once: the way back in when all admin keys are lost.

    It works on the database itself, without a server, for who may write to it. All else about users and keys is done over HTTP
    with `nucleus users` and `nucleus keys`.
    """
    from nucleus_server import commands

    commands.print_admin_key(database_url=database_url, data_dir=data_dir, as_json=as_json)


def doctor(
    database_url: DatabaseUrl = None,
    data_dir: DataDir = None,
    port: Annotated[int, typer.Option(help="Port that the server is to listen on.")] = 8000,
    as_json: AsJson = False,
) -> None:
    """Check this machine, the data folder and the database; exit code 1 if something is wrong."""
    from nucleus_server import commands

    commands.examine(database_url=database_url, data_dir=data_dir, port=port, as_json=as_json)


_db = typer.Typer(no_args_is_help=True)


@_db.command("upgrade")
def upgrade_database(database_url: DatabaseUrl = None, data_dir: DataDir = None) -> None:
    """Bring the database's schema to this release's version."""
    from nucleus_server import commands

    commands.upgrade_database(database_url=database_url, data_dir=data_dir)


@_db.command("check")
def check_database(database_url: DatabaseUrl = None, data_dir: DataDir = None) -> None:
    """Check schema version and integrity; exit code 1 if something is wrong."""
    from nucleus_server import commands

    commands.check_database(database_url=database_url, data_dir=data_dir)
