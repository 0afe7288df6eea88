"""`nucleus tests`."""

from __future__ import annotations

import math
from typing import Annotated, Any

import typer

from nucleus._cli.finding import all_functions, find_dataset, find_function, find_model, find_slice, find_test
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
)
from nucleus._cli.session import client_of
from nucleus._client import NucleusClient
from nucleus._html import comparison_text
from nucleus.validate.constants import ThresholdComparison
from nucleus.validate.scenario_test import ScenarioTest

app = typer.Typer(no_args_is_help=True, help="Scenario tests: a slice, functions, and what a model must reach.")

TestArgument = Annotated[str, typer.Argument(metavar="TEST", help="Its id or name.")]
NONE = "none"


@app.command("list")
def list_tests(context: typer.Context, as_json: AsJson = False) -> None:
    """List all scenario tests, oldest first."""
    tests = client_of(context).validate.scenario_tests
    rows = [_test_row(test) for test in tests]
    if as_json:
        print_json(rows)
    else:
        print_table(["id", "name", "slice", "baseline model"], [list(row.values()) for row in rows])


@app.command(epilog=examples("nucleus tests show 'night, pedestrians'"))
def show(context: typer.Context, test: TestArgument, as_json: AsJson = False) -> None:
    """Show a test, its functions and the criteria in force. Its results: `nucleus history TEST`."""
    client = client_of(context)
    _print(client, find_test(client, test), as_json)


@app.command(
    epilog=examples(
        "nucleus tests create 'night, pedestrians' --slice night --function custom_mAP --function miss_rate"
    )
)
def create(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name of the test, unique in the workspace.")],
    slice: Annotated[str, typer.Option("--slice", metavar="SLICE", help="Id or name of a slice that is yours.")],
    functions: Annotated[
        list[str], typer.Option("--function", metavar="FUNCTION", help="Id or name; repeat for more.")
    ],
    dataset: Annotated[
        str | None, typer.Option(metavar="DATASET", help="Id or name, if several datasets have a slice of that name.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Create a scenario test."""
    client = client_of(context)
    members = find_slice(client, slice, None if dataset is None else find_dataset(client, dataset))
    chosen = [find_function(client, function) for function in functions]
    _print(client, client.validate.create_scenario_test(name, members.id, chosen), as_json)


@app.command("add-function", epilog=examples("nucleus tests add-function 'night, pedestrians' latency"))
def add_function(
    context: typer.Context,
    test: TestArgument,
    function: Annotated[str, typer.Argument(metavar="FUNCTION", help="Id or name of the function.")],
    as_json: AsJson = False,
) -> None:
    """Add a function to a test."""
    client = client_of(context)
    found = find_test(client, test)
    found.add_eval_function(find_function(client, function))
    _print(client, found, as_json)


@app.command(
    "set-threshold",
    context_settings={"ignore_unknown_options": True},  # so that -0.5 is a number
    epilog=examples(
        "nucleus tests set-threshold 'night, pedestrians' custom_mAP 0.7",
        "nucleus tests set-threshold 'night, pedestrians' latency 40 --comparison less_than",
        "nucleus tests set-threshold 'night, pedestrians' custom_mAP none",
    ),
)
def set_threshold(
    context: typer.Context,
    test: TestArgument,
    function: Annotated[str, typer.Argument(metavar="FUNCTION", help="Id or name of a function of the test.")],
    value: Annotated[str, typer.Argument(metavar="VALUE", help="A number, or none to take the threshold away.")],
    comparison: Annotated[
        ThresholdComparison | None,
        typer.Option(help=r"How results are compared with it. \[default: by the function's direction]"),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Put a threshold of a function in force; the earlier ones stay in the test's history."""
    threshold = _threshold(value)
    client = client_of(context)
    found, wanted = find_test(client, test), find_function(client, function)
    metrics = {metric.eval_function_id: metric for metric in found.get_eval_functions()}
    if wanted.id not in metrics:
        fail(f"test {found.name} has no function {wanted.name}: add it with nucleus tests add-function")
    metrics[wanted.id].set_threshold(threshold, comparison)
    _print(client, found, as_json)


@app.command(
    "set-baseline",
    epilog=examples(
        "nucleus tests set-baseline 'night, pedestrians' detector-v2",
        "nucleus tests set-baseline 'night, pedestrians' none",
    ),
)
def set_baseline(
    context: typer.Context,
    test: TestArgument,
    model: Annotated[
        str,
        typer.Argument(
            metavar="MODEL",
            help="Id, reference id or name of a model with results on the test, or none to take it away.",
        ),
    ],
    as_json: AsJson = False,
) -> None:
    """Make a model's results the thresholds of functions that have none of their own."""
    client = client_of(context)
    found = find_test(client, test)
    found.set_baseline_model(None if model == NONE else find_model(client, model).id)
    _print(client, found, as_json)


@app.command(epilog=examples("nucleus tests delete 'night, pedestrians'"))
def delete(context: typer.Context, test: TestArgument, yes: Yes = False, as_json: AsJson = False) -> None:
    """Delete a test; its name is free again."""
    client = client_of(context)
    found = find_test(client, test)
    confirm(f"Delete scenario test {found.name} ({found.id}) with its history?", is_sure=yes)
    client.validate.delete_scenario_test(found.id)
    if as_json:
        print_json({"id": found.id, "deleted": True})
    else:
        print_line(f"Deleted scenario test {found.name} ({found.id}).")


def _threshold(text: str) -> float | None:
    if text == NONE:
        return None
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        fail(f"expected VALUE as a number or {NONE}, got {text!r}")
    return value


def _test_row(test: ScenarioTest) -> dict[str, Any]:
    return {
        "id": test.id,
        "name": test.name,
        "slice_id": test.slice_id,
        "baseline_model_id": test.baseline_model_id,
    }


def _print(client: NucleusClient, test: ScenarioTest, as_json: bool) -> None:
    names = {function.id: function.name for function in all_functions(client)}
    criteria = [
        {
            "function_id": metric.eval_function_id,
            "function_name": names.get(metric.eval_function_id, metric.eval_function_id),
            "threshold": metric.threshold,
            "comparison": metric.threshold_comparison.value,
        }
        for metric in test.get_eval_functions()
    ]
    if as_json:
        print_json({**_test_row(test), "functions": criteria})
        return
    print_fields(dict(zip(("id", "name", "slice", "baseline model"), _test_row(test).values())))
    print_table(
        ["function", "id", "criterion"],
        [[c["function_name"], c["function_id"], _criterion(c, test.baseline_model_id)] for c in criteria],
    )


def _criterion(row: dict[str, Any], baseline_model_id: str | None) -> str | None:
    sign = comparison_text(row["comparison"])
    if row["threshold"] is not None:
        return f"{sign} {row['threshold']:g}"
    return None if baseline_model_id is None else f"{sign} the baseline's result"
