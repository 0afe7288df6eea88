"""How a command ends: its exit code, and one clear message on stderr if it could not do what it was asked to."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

import typer
from rich.console import Console
from typer.core import TyperGroup

from nucleus._exceptions import NoAPIKey, NucleusAPIError, NucleusError

DONE = 0
REFUSED = 1
INCONCLUSIVE = 2
FAILED = 3
INTERRUPTED = 130

EXIT_CODES = {
    DONE: "done",
    REFUSED: "the data was refused, or a check failed",
    INCONCLUSIVE: "a gate could not tell whether the model is good enough, which is neither a pass nor a failure",
    FAILED: "wrong usage, not found, a missing evaluation, no permission, no connection, or the server failed",
    INTERRUPTED: "interrupted with Ctrl-C",
}
"""What the exit codes of every command mean."""

_LISTED = 20


class Failure(Exception):
    """The command cannot go on; the message says what was expected, what was got and what to do."""

    exit_code = FAILED


class DataRefused(Failure):
    """The user's data is not as it must be; nothing was stored."""

    exit_code = REFUSED


class CheckFailed(Failure):
    """The server refuses what was asked for, because a check failed; nothing was changed."""

    exit_code = REFUSED


def fail(message: str) -> NoReturn:
    """End the command with this message."""
    raise Failure(message)


class Commands(TyperGroup):
    """A group of commands that ends with the exit codes above and shows no traceback for what can be foreseen."""

    def make_context(self, *arguments: Any, **options: Any) -> Any:
        """Read the options before the command's name."""
        with _foreseen():
            return super().make_context(*arguments, **options)

    def invoke(self, ctx: Any) -> Any:
        """Run the command."""
        with _foreseen():
            return super().invoke(ctx)


@contextmanager
def _foreseen() -> Iterator[None]:
    try:
        yield
    except typer.TyperException as error:  # wrong usage, which Typer shows; its own exit code would be 2
        error.exit_code = FAILED
        raise
    except Failure as error:
        _stop(str(error), error.exit_code)
    except BrokenPipeError:  # nobody reads the output any more: Typer ends quietly
        raise
    except (
        NucleusError,
        OSError,
        ValueError,
    ) as error:  # also files that cannot be read, arguments that the SDK refuses
        _stop(explained(error), FAILED)


def explained(error: Exception) -> str:
    """What the server or the SDK says, with the rows that it names."""
    if isinstance(error, NoAPIKey):
        return "no API key: set NUCLEUS_API_KEY, or give --api-key before the command"
    if isinstance(error, OSError) and error.filename is not None:
        return f"{error.filename}: {error.strerror}"
    if not isinstance(error, NucleusAPIError):
        return str(error)
    lines = [error.detail]
    # A sentence that names every row itself needs no list of them.
    is_complete = all("value" in row and str(row["value"]) in error.detail for row in error.errors)
    for row in () if is_complete else error.errors[:_LISTED]:
        value = f" {row['value']!r}" if "value" in row else ""
        lines.append(f"  {row.get('field', '')}{value}: {row.get('message', '')}")
    if error.n_errors > len(error.errors) > 0 and not is_complete:
        lines.append(f"  and {error.n_errors - len(error.errors)} more")
    if error.status_code >= 500 and error.request_id:
        lines.append(f"  request id {error.request_id}")
    return "\n".join(lines)


def _stop(message: str, exit_code: int) -> NoReturn:
    console = Console(stderr=True, highlight=False)
    console.print("[bold red]Error:[/bold red] ", end="")
    console.print(message, markup=False, soft_wrap=True)
    raise typer.Exit(exit_code)
