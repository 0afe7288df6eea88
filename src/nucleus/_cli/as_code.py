"""`nucleus plan`, `nucleus apply`, `nucleus export`: scenario tests as code."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.text import Text

from nucleus._cli.finding import find_dataset
from nucleus._cli.outcomes import DONE, REFUSED, DataRefused, Failure, explained, fail
from nucleus._cli.output import AsJson, Yes, confirm, console, examples, plain, print_json, print_line
from nucleus._cli.session import client_of
from nucleus._exceptions import BadRequestError, NucleusError

if TYPE_CHECKING:
    from nucleus._as_code.planning import Change, Plan
    from nucleus._client import NucleusClient

_MARKS = {"create": ("+", "green"), "change": ("~", "yellow"), "impossible": ("!", "bold red")}
_LISTED = 10

exports = typer.Typer()
"""`nucleus export` itself, and the commands below it that write other forms."""

File = Annotated[Path, typer.Option("--file", "-f", metavar="FILE", help="What there should be, in TOML.")]


def register(app: typer.Typer) -> None:
    """Add the three commands."""
    app.command(epilog=examples("nucleus plan", "nucleus plan --file tests/nucleus.toml --exit-code"))(plan)
    app.command(epilog=examples("nucleus apply", "nucleus apply --yes"))(apply)
    exports.callback(
        invoke_without_command=True, epilog=examples("nucleus export -o nucleus.toml", "nucleus export --dataset road")
    )(export)
    app.add_typer(exports, name="export")


def plan(
    context: typer.Context,
    file: File = Path("nucleus.toml"),
    exit_code: Annotated[
        bool, typer.Option("--exit-code", help="End with 1 if anything differs, so that a script can ask.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Show what nucleus apply would change, and change nothing: + create, ~ change, ! cannot be done.

    What only the server has is named, and never deleted.
    """
    found = _plan(client_of(context), file)
    if as_json:
        print_json(_plan_dict(found))
    else:
        _print(found)
    raise typer.Exit(REFUSED if exit_code and _differs(found) else DONE)


def apply(context: typer.Context, file: File = Path("nucleus.toml"), yes: Yes = False, as_json: AsJson = False) -> None:
    """Make the server as the file says, after showing the plan and asking. Nothing is deleted.

    If a change fails, those before it stay, and the same command again goes on. What cannot be done is left out, and the exit
    code is 1.
    """
    found = _plan(client_of(context), file)
    if not as_json:
        _print(found)
    if found.to_do:
        confirm(f"Make {_changes(len(found.to_do))}?", is_sure=yes)
    undone = _carry_out(found, is_quiet=as_json)
    if as_json:
        print_json({**_plan_dict(found), "n_done": len(found.to_do), "left_undone": undone})
    elif found.to_do:
        print_line(f"Made {_changes(len(found.to_do))}.")
    raise typer.Exit(REFUSED if undone or _impossible(found) else DONE)


def export(
    context: typer.Context,
    datasets: Annotated[
        list[str] | None,
        typer.Option("--dataset", metavar="DATASET", help=r"Id or name; repeat for more. \[default: all datasets]"),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="Write it there; long lists of ids go to files beside it."),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace files that are there.")] = False,
    as_json: AsJson = False,
) -> None:
    """Write what the server has as a file that plans to no change; slices by their items.

    The baseline models of tests are left out: they change with every release.
    """
    if context.invoked_subcommand is not None:
        return
    from nucleus._as_code.exporting import export as exported_of
    from nucleus._as_code.server_state import ServerState

    client = client_of(context)
    chosen = client.datasets if datasets is None else [find_dataset(client, asked) for asked in datasets]
    exported = exported_of(ServerState(client), chosen, beside=output)
    if output is None:
        if as_json:
            print_json(exported.content)
        else:
            typer.echo(exported.text, nl=False)
        return
    texts = {output: exported.text}
    texts |= {output.parent / name: "".join(f"{ref}\n" for ref in ids) for name, ids in exported.id_files.items()}
    present = [str(path) for path in texts if path.exists()]
    if present and not force:
        fail(f"expected files that are not there yet, {', '.join(present)} is: --force replaces it")
    for path, text in texts.items():
        path.write_text(text, encoding="utf-8", newline="\n")
    if as_json:
        print_json({"files": [str(path) for path in texts]})
    else:
        print_line(f"Wrote {', '.join(map(str, texts))}.")


def _plan(client: NucleusClient, file: Path) -> Plan:
    from nucleus._as_code.planning import plan_of
    from nucleus._as_code.server_state import ServerState
    from nucleus._as_code.test_file import read_test_file

    return plan_of(read_test_file(file), ServerState(client))


def _carry_out(found: Plan, *, is_quiet: bool) -> list[str]:
    """Make the changes in order; what some of them had to leave undone."""
    undone = []
    for number, change in enumerate(found.to_do):
        assert change.carry_out is not None
        try:
            note = change.carry_out()
        except (NucleusError, OSError, ValueError) as error:
            left = len(found.to_do) - number
            failure: type[Failure] = DataRefused if isinstance(error, BadRequestError) else Failure
            raise failure(
                f"{change.kind} {change.name}: {explained(error)}\n{number} of {_changes(len(found.to_do))} made, {left} not: "
                "the same command goes on from here"
            ) from error
        if not is_quiet:
            print_line(f"done: {change.kind} {change.name}")
        if note is not None:
            undone.append(f"{change.kind} {change.name}: {note}")
            if not is_quiet:
                print_line(f"! {undone[-1]}")
    return undone


def _print(found: Plan) -> None:
    out = console()
    for change in found.changes:
        if change.action.value in _MARKS:
            out.print(_text_of(change), soft_wrap=True)
    unmanaged: dict[str, list[str]] = {}
    for change in found.changes:
        if change.action.value == "unmanaged":
            unmanaged.setdefault(change.kind, []).append(change.name)
    for kind, names in unmanaged.items():
        more = f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
        print_line(f"not in the file, left as it is: {kind} {', '.join(names[:_LISTED])}{more}")
    if not _differs(found):
        print_line("Nothing to change.")
        return
    counts = {action: sum(change.action.value == action for change in found.changes) for action in _MARKS}
    print_line(
        f"{counts['create']} to create, {counts['change']} to change, {counts['impossible']} that cannot be done."
    )


def _text_of(change: Change) -> Text:
    mark, style = _MARKS[change.action.value]
    text = Text(f"{mark} ", style=style).append_text(plain(f"{change.kind} {change.name}"))
    for detail in change.details:
        line = f"\n    {detail.name}: "
        line += _shown(detail.after) if mark == "+" else f"{_shown(detail.before)} → {_shown(detail.after)}"
        text.append_text(plain(line))
    if change.reason is not None:
        text.append_text(plain(f"\n    {change.reason}"))
    return text


def _shown(value: object) -> str:
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(_shown, value))}]"
    return str(value)


def _plan_dict(found: Plan) -> dict[str, Any]:
    return {
        "changes": [change.to_dict() for change in found.changes],
        "n_to_do": len(found.to_do),
        "n_impossible": len(_impossible(found)),
    }


def _impossible(found: Plan) -> list[Change]:
    return [change for change in found.changes if change.action.value == "impossible"]


def _differs(found: Plan) -> bool:
    return bool(found.to_do or _impossible(found))


def _changes(n: int) -> str:
    return f"{n} change{'' if n == 1 else 's'}"
