"""`nucleus evaluations` and `nucleus history`: what tests said about models."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from nucleus._cli.finding import all_functions, find_function, find_model, find_test
from nucleus._cli.output import AsJson, coverage_text, examples, print_fields, print_json, print_table, when
from nucleus._cli.session import client_of
from nucleus._client import NucleusClient
from nucleus._html import comparison_text, passed_text
from nucleus.validate.evaluation import ScenarioTestEvaluation

app = typer.Typer(no_args_is_help=True, help="Evaluations: one model scored by one function on one test.")

TestArgument = Annotated[str, typer.Argument(metavar="TEST", help="Id or name of the test.")]
ModelOption = Annotated[str | None, typer.Option("--model", metavar="MODEL", help="Only of this model.")]
FunctionOption = Annotated[str | None, typer.Option("--function", metavar="FUNCTION", help="Only of this function.")]


def register_history(app: typer.Typer) -> None:
    """Add `nucleus history`."""
    app.command(
        epilog=examples(
            "nucleus history 'night, pedestrians'", "nucleus history 'night, pedestrians' --model detector-v3"
        )
    )(history)


def history(
    context: typer.Context,
    test: TestArgument,
    model: ModelOption = None,
    function: FunctionOption = None,
    as_json: AsJson = False,
) -> None:
    """Show all results of a test, oldest first, each beside the criterion in force now."""
    rows = _chosen(client_of(context), test, model, function)
    if as_json:
        print_json(rows)
        return
    print_table(
        ["model", "function", "result", "criterion", "verdict", "coverage", "upload", "when", "who"],
        [
            [
                row["model_name"],
                row["function_name"],
                row["result"],
                _criterion_text(row["criterion"]),
                passed_text(row["passed"]),
                _coverage_text(row),
                _upload_text(row),
                when(row["created_at"]),
                row["user_name"],
            ]
            for row in rows
        ],
    )


@app.command("list", epilog=examples("nucleus evaluations list 'night, pedestrians'"))
def list_evaluations(
    context: typer.Context,
    test: TestArgument,
    model: ModelOption = None,
    function: FunctionOption = None,
    as_json: AsJson = False,
) -> None:
    """List the evaluations of a test with their ids, oldest first."""
    rows = _chosen(client_of(context), test, model, function)
    if as_json:
        print_json(rows)
        return
    print_table(
        ["id", "model", "function", "status", "result", "upload id"],
        [[r["id"], r["model_name"], r["function_name"], r["status"], r["result"], r["upload_id"]] for r in rows],
    )


@app.command(epilog=examples("nucleus evaluations show ev_…", "nucleus evaluations show ev_… --items --json"))
def show(
    context: typer.Context,
    evaluation: Annotated[
        str, typer.Argument(metavar="EVALUATION", help="Its id, as `nucleus evaluations list` shows it.")
    ],
    items: Annotated[bool, typer.Option("--items", help="Also the score of every item.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show an evaluation."""
    client = client_of(context)
    found = client.validate.get_evaluation(evaluation)
    row = _row(found, {f.id: f.name for f in all_functions(client)})
    scores: list[dict[str, Any]] = [
        {
            "reference_id": item.reference_id,
            "score": item.result,
            "weight": item.weight,
            "passed": None if found.criterion is None else item.passed,
            "deleted": item.deleted,
        }
        for item in (found.item_evals if items else ())
    ]
    if as_json:
        print_json({**row, "items": scores} if items else row)
        return
    print_fields(
        {
            "id": row["id"],
            "model": f"{row['model_name']} ({row['model_id']})",
            "function": f"{row['function_name']} ({row['function_id']})",
            "test": row["test_id"],
            "status": row["status"],
            "result": row["result"],
            "criterion": _criterion_text(row["criterion"]),
            "verdict": passed_text(row["passed"]),
            "coverage": _coverage_text(row),
            "upload": _upload_text(row),
            "upload id": row["upload_id"],
            "when": when(row["created_at"]),
            "who": row["user_name"],
        }
    )
    if items:
        print_table(
            ["reference id", "score", "weight", "verdict", "deleted"],
            [[s["reference_id"], s["score"], s["weight"], passed_text(s["passed"]), s["deleted"]] for s in scores],
        )


def _chosen(client: NucleusClient, test: str, model: str | None, function: str | None) -> list[dict[str, Any]]:
    found = find_test(client, test)
    model_id = None if model is None else find_model(client, model).id
    function_id = None if function is None else find_function(client, function).id
    names = {f.id: f.name for f in all_functions(client)}
    return [
        _row(evaluation, names)
        for evaluation in found.get_eval_history()
        if model_id in (None, evaluation.model_id) and function_id in (None, evaluation.eval_function_id)
    ]


def _row(evaluation: ScenarioTestEvaluation, function_names: dict[str, str]) -> dict[str, Any]:
    return {
        "id": evaluation.id,
        "test_id": evaluation.scenario_test_id,
        "model_id": evaluation.model_id,
        "model_name": evaluation.model_name,
        "function_id": evaluation.eval_function_id,
        "function_name": function_names.get(evaluation.eval_function_id, evaluation.eval_function_id),
        "status": evaluation.status.value,
        "result": evaluation.result,
        "passed": evaluation.passed,
        "criterion": evaluation.criterion,
        "coverage": evaluation.coverage,
        "n_scored": evaluation.n_scored,
        "n_members": evaluation.n_members,
        "n_deleted": evaluation.n_deleted,
        "upload_id": evaluation.upload_id,
        "upload_number": evaluation.upload_number,
        "n_uploads": evaluation.n_uploads,
        "created_at": evaluation.created_at,
        "user_id": evaluation.user_id,
        "user_name": evaluation.user_name,
    }


def _criterion_text(criterion: dict[str, Any] | None) -> str | None:
    if criterion is None:
        return None
    baseline = " (baseline)" if criterion["source"] == "baseline" else ""
    return f"{comparison_text(criterion['comparison'])} {criterion['threshold']:.4f}{baseline}"


def _coverage_text(row: dict[str, Any]) -> str | None:
    return coverage_text(row["n_scored"], row["n_members"] - row["n_deleted"])


def _upload_text(row: dict[str, Any]) -> str:
    return f"{row['upload_number']} of {row['n_uploads']}"
