"""What commands print: tables for people, JSON for programs."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from nucleus._cli.outcomes import FAILED, fail
from nucleus._html import UNDEFINED

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for programs, and nothing else.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]

_UNBOUNDED = 100_000


def console() -> Console:
    """Standard output: as wide as the terminal, or as the text if it goes elsewhere, so that no id is ever cut."""
    out = Console(highlight=False)
    return out if out.is_terminal else Console(highlight=False, width=_UNBOUNDED)


def examples(*commands: str) -> str:
    """The end of a command's help."""
    return "**Examples**\n\n" + "\n".join(f"- `{command}`" for command in commands)


def print_json(value: Any) -> None:
    """Print a value as JSON; moments in ISO 8601, UTC."""
    typer.echo(json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False, default=_as_json))


def print_line(text: str) -> None:
    """Print a sentence; names in it are no markup."""
    console().print(plain(text), soft_wrap=True)


def print_table(columns: Sequence[str], rows: Iterable[Sequence[object]], *, title: str | None = None) -> None:
    """Print a table; in a narrow terminal cells are folded, never cut."""
    table = Table(title=None if title is None else plain(title), title_justify="left")
    for name in columns:
        table.add_column(name, overflow="fold")
    for row in rows:
        table.add_row(*map(cell, row))
    console().print(table if table.row_count else Text("nothing yet"))


def print_fields(fields: Mapping[str, object], *, title: str | None = None) -> None:
    """Print one object, a line for each of its fields."""
    table = Table(title=None if title is None else plain(title), title_justify="left", show_header=False)
    table.add_column(style="bold")
    table.add_column(overflow="fold")
    for name, value in fields.items():
        table.add_row(name.replace("_", " "), cell(value))
    console().print(table)


def cell(value: object) -> Text:
    """A value as people read it; what is undefined is an en dash."""
    if isinstance(value, Text):
        return value
    if value is None or value == "":
        return Text(UNDEFINED)
    if isinstance(value, bool):
        return Text("yes" if value else "no")
    if isinstance(value, float):
        return Text(f"{value:.4f}")
    if isinstance(value, datetime):
        return Text(f"{value.astimezone():%Y-%m-%d %H:%M}")
    if isinstance(value, Mapping):
        return plain(json.dumps(value, ensure_ascii=False)) if value else Text(UNDEFINED)
    if isinstance(value, (list, tuple)):
        return plain(", ".join(map(str, value))) if value else Text(UNDEFINED)
    return plain(str(value))


def plain(text: str) -> Text:
    """A user's text as it is: no markup, and no character that a terminal would obey."""
    return Text("".join(c if c.isprintable() or c == "\n" else "\N{REPLACEMENT CHARACTER}" for c in text))


def coverage_text(n_scored: int, n_members: int) -> str | None:
    """Which part has a score; only what is complete is 100 %."""
    if not n_members:
        return None
    part = "100 %" if n_scored >= n_members else f"{min(100 * n_scored / n_members, 99.9):.1f} %"
    return f"{part} ({n_scored:,} of {n_members:,})"


def when(text: str | None) -> datetime | None:
    """The moment that an ISO 8601 text of the server says."""
    return None if text is None else datetime.fromisoformat(text.replace("Z", "+00:00"))


def confirm(question: str, *, is_sure: bool) -> None:
    """Ask before something is destroyed, on stderr; end the command unless the answer is yes."""
    if is_sure:
        return
    typer.echo(f"{question} [y/N] ", err=True, nl=False)
    answer = sys.stdin.readline()
    if not answer:
        fail("expected an answer, got the end of the input: give --yes to do it without being asked")
    if answer.strip().lower() not in ("y", "yes"):
        typer.echo("Nothing was changed.", err=True)
        raise typer.Exit(FAILED)


def _as_json(value: object) -> object:
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    raise TypeError(f"cannot print a {type(value).__name__} as JSON")
