"""The command line put together: global options, the user's commands, and those of installed parts."""

from __future__ import annotations

from collections.abc import Iterable
from importlib.metadata import EntryPoint, version
from typing import Annotated

import typer

from nucleus._cli import (
    administration,
    as_code,
    coco,
    compare,
    datasets,
    evaluations,
    functions,
    gate,
    jobs,
    models,
    releases,
    scenario_tests,
    slices,
    upload,
    uploads,
    waivers,
)
from nucleus._cli.outcomes import EXIT_CODES, FAILED, Commands
from nucleus._cli.session import Session, connect

_HELP = "Nucleus Validate: test models scenario by scenario, with your own metrics."
_CONNECTION = """
The server is found by --endpoint or NUCLEUS_ENDPOINT, else it is the one on this machine; the key by --api-key or
NUCLEUS_API_KEY. For a server on this machine the admin key in ./nucleus-data (or NUCLEUS_DATA_DIR) is used if there is no
other and you may read it.
"""
_EXIT_CODES = "**Exit codes**\n\n" + "\n".join(f"- {code}: {what}" for code, what in EXIT_CODES.items())


def create_app(parts: Iterable[EntryPoint] = ()) -> typer.Typer:
    """The whole command line; each part of `parts` registers the commands of its own."""
    app = typer.Typer(
        name="nucleus",
        cls=Commands,
        no_args_is_help=True,
        rich_markup_mode="markdown",
        pretty_exceptions_enable=False,
        epilog=_EXIT_CODES,
    )
    app.callback(help=f"{_HELP}\n{_CONNECTION}")(_root)
    upload.register(app)
    evaluations.register_history(app)
    gate.register(app)
    compare.register(app)
    as_code.register(app)
    for name, group in (
        ("datasets", datasets.app),
        ("slices", slices.app),
        ("models", models.app),
        ("functions", functions.app),
        ("tests", scenario_tests.app),
        ("evaluations", evaluations.app),
        ("uploads", uploads.app),
        ("jobs", jobs.app),
        ("releases", releases.app),
        ("waivers", waivers.app),
        ("import", coco.imports),
        ("users", administration.users),
        ("keys", administration.keys),
    ):
        app.add_typer(group, name=name)
    administration.register_status(app)
    for part in parts:
        try:
            part.load()(app)
        except ModuleNotFoundError as error:
            _explain_missing(app, part.name, error.name or "")
    return app


def _show_version(is_asked: bool) -> None:
    if is_asked:
        typer.echo(f"nucleus-validate {version('nucleus-validate')}")
        raise typer.Exit


def _root(
    context: typer.Context,
    endpoint: Annotated[str | None, typer.Option(help="The server's address with /v1/nucleus.")] = None,
    api_key: Annotated[str | None, typer.Option(help="Your API key.")] = None,
    show_version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    session = context.obj = context.obj or Session(connect)
    session.endpoint, session.api_key = endpoint, api_key


def _explain_missing(app: typer.Typer, part: str, module: str) -> None:
    @app.command("serve")
    def serve() -> None:
        """Run the server (not installed)."""
        typer.echo(
            f"The {part} is not installed here ({module} is missing): pip install 'nucleus-validate[{part}]'", err=True
        )
        raise typer.Exit(FAILED)
