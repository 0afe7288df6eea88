"""The `nucleus` command: its own options, and the commands of whatever is installed beside the SDK."""

from __future__ import annotations

from importlib.metadata import entry_points, version
from typing import Annotated

import typer

app = typer.Typer(
    name="nucleus",
    no_args_is_help=True,
    help="Nucleus Validate: test models scenario by scenario, with your own metrics.",
    pretty_exceptions_enable=False,
)


def _show_version(is_asked: bool) -> None:
    if is_asked:
        typer.echo(f"nucleus-validate {version('nucleus-validate')}")
        raise typer.Exit


@app.callback()
def root(
    show_version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Nucleus Validate: test models scenario by scenario, with your own metrics."""


def main() -> None:
    """Run the command line."""
    for entry in entry_points(group="nucleus.cli"):
        try:
            register = entry.load()
        except ModuleNotFoundError as error:
            _explain_missing(entry.name, error.name or "")
        else:
            register(app)
    app()


def _explain_missing(part: str, module: str) -> None:
    @app.command("serve")
    def serve() -> None:
        """Run the server (not installed)."""
        typer.echo(
            f"The {part} is not installed here ({module} is missing): pip install 'nucleus-validate[{part}]'", err=True
        )
        raise typer.Exit(3)
