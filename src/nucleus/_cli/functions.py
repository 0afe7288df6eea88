"""`nucleus functions`."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from nucleus._cli.finding import all_functions, find_function
from nucleus._cli.outcomes import fail
from nucleus._cli.output import (
    AsJson,
    Yes,
    confirm,
    examples,
    print_fields,
    print_json,
    print_line,
    print_table,
    when,
)
from nucleus._cli.session import client_of
from nucleus.validate.constants import Direction, EntityLevel
from nucleus.validate.eval_functions import EvalFunction

app = typer.Typer(no_args_is_help=True, help="Evaluation functions: names under which scores are uploaded.")

FunctionArgument = Annotated[str, typer.Argument(metavar="FUNCTION", help="Its id or name.")]
DirectionOption = Annotated[Direction | None, typer.Option(help="Whether a larger result is better.")]
ScoreRange = Annotated[
    tuple[float, float] | None, typer.Option(metavar="LO HI", help="Lowest and highest score that is accepted.")
]
Unit = Annotated[str | None, typer.Option(metavar="TEXT", help="Unit of the scores, such as px or ms.")]
Description = Annotated[str | None, typer.Option(metavar="TEXT", help="What is computed.")]
ClusterKey = Annotated[
    str | None,
    typer.Option(metavar="KEY", help="Metadata key of items that belong together, such as frames of one video."),
]


@app.command("list")
def list_functions(
    context: typer.Context,
    all_of_them: Annotated[bool, typer.Option("--all", help="Also the built-in ones.")] = False,
    as_json: AsJson = False,
) -> None:
    """List the external functions of the workspace."""
    functions = [f for f in all_functions(client_of(context)) if all_of_them or f.is_external_function]
    rows = list(map(_row, functions))
    if as_json:
        print_json(rows)
        return
    names = ("id", "name", "direction", "score_range", "unit", "description")
    print_table([name.replace("_", " ") for name in names], [[row[name] for name in names] for row in rows])


@app.command(epilog=examples("nucleus functions show miss_rate"))
def show(context: typer.Context, function: FunctionArgument, as_json: AsJson = False) -> None:
    """Show a function and its properties."""
    _print(find_function(client_of(context), function), as_json)


@app.command(
    epilog=examples(
        "nucleus functions create custom_mAP",
        "nucleus functions create latency --direction lower_is_better --score-range 0 10000 --unit ms",
    )
)
def create(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="Its name, without blanks.")],
    level: Annotated[EntityLevel, typer.Option(help="What a score belongs to.")] = EntityLevel.ITEM,
    direction: DirectionOption = None,
    score_range: ScoreRange = None,
    unit: Unit = None,
    description: Description = None,
    cluster_key: ClusterKey = None,
    as_json: AsJson = False,
) -> None:
    """Create an external evaluation function: a name; the code that computes its scores stays with you."""
    given = _given(direction, score_range, unit, description, cluster_key)
    made = client_of(context).validate.create_external_eval_function(name, level, **given)
    _print(made, as_json)


@app.command(
    "set",
    epilog=examples(
        "nucleus functions set latency --direction lower_is_better --score-range 0 10000 --unit ms",
        "nucleus functions set latency --description ''",
    ),
)
def set_properties(
    context: typer.Context,
    function: FunctionArgument,
    direction: DirectionOption = None,
    score_range: ScoreRange = None,
    unit: Unit = None,
    description: Description = None,
    cluster_key: ClusterKey = None,
    as_json: AsJson = False,
) -> None:
    """Set properties of a function (its owner, or an admin); an empty text clears one.

    Stored scores never change, and `nucleus functions history` shows who changed what.
    """
    given = _given(direction, score_range, unit, description, cluster_key)
    if not given:
        fail("expected at least one property to set, got none: see nucleus functions set --help")
    client = client_of(context)
    found = find_function(client, function)
    _print(client.validate.set_eval_function_properties(found.id, **given), as_json)


@app.command(epilog=examples("nucleus functions history latency"))
def history(context: typer.Context, function: FunctionArgument, as_json: AsJson = False) -> None:
    """Show which properties of a function were changed, by whom and when; oldest first."""
    client = client_of(context)
    changes = client.validate.get_eval_function_history(find_function(client, function).id)
    if as_json:
        print_json(changes)
        return
    print_table(
        ["property", "before", "after", "who", "when"],
        [[c["property"], c["before"], c["after"], c["user_name"], when(c["created_at"])] for c in changes],
    )


@app.command(epilog=examples("nucleus functions delete latency"))
def delete(context: typer.Context, function: FunctionArgument, yes: Yes = False, as_json: AsJson = False) -> None:
    """Delete an external function; the history of tests that use it stays."""
    client = client_of(context)
    found = find_function(client, function)
    confirm(f"Delete function {found.name} ({found.id})? The history of tests that use it stays.", is_sure=yes)
    client.validate.delete_eval_function(found.id)
    if as_json:
        print_json({"id": found.id, "deleted": True})
    else:
        print_line(f"Deleted function {found.name} ({found.id}).")


def _given(
    direction: Direction | None,
    score_range: tuple[float, float] | None,
    unit: str | None,
    description: str | None,
    cluster_key: str | None,
) -> dict[str, Any]:
    """The properties that were named; an empty text stands for none."""
    given: dict[str, Any] = {"direction": direction, "score_range": score_range}
    texts = {"unit": unit, "description": description, "default_cluster_key": cluster_key}
    return {name: value for name, value in given.items() if value is not None} | {
        name: text or None for name, text in texts.items() if text is not None
    }


def _row(function: EvalFunction) -> dict[str, Any]:
    entry = function.eval_func_entry
    return {
        "id": entry.id,
        "name": entry.name,
        "is_public": entry.is_public,
        "level": entry.level.value,
        "direction": entry.direction,
        "score_range": list(entry.score_range),
        "unit": entry.unit,
        "description": entry.description,
        "default_cluster_key": entry.default_cluster_key,
    }


def _print(function: EvalFunction, as_json: bool) -> None:
    row = _row(function)
    if as_json:
        print_json(row)
    else:
        print_fields(row)
