"""`nucleus upload`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from nucleus._cli.finding import all_functions, find_dataset, find_function, find_model, find_test, is_known
from nucleus._cli.outcomes import DataRefused, explained, fail
from nucleus._cli.output import AsJson, examples, print_json
from nucleus._cli.report import print_report
from nucleus._cli.rows_file import BadCells, RowsFile, open_rows
from nucleus._cli.session import client_of
from nucleus._client import NucleusClient
from nucleus._exceptions import BadRequestError, InvalidUpload, NucleusError
from nucleus._upload_report import UploadReport
from nucleus.validate.eval_functions import EvalFunction
from nucleus.validate.scenario_test import ScenarioTest

_ID_COLUMNS = ("item_ref_id", "reference_id")
_SCORE_COLUMN = "score"


def register(app: typer.Typer) -> None:
    """Add `nucleus upload`."""
    app.command(
        epilog=examples(
            "nucleus upload scores.csv --dataset road --model detector-v3 --function custom_mAP",
            "nucleus upload scores.parquet --dataset road --model detector-v3 --function mAP=map_50 --function recall",
            "nucleus upload scores.jsonl --test 'night, pedestrians' --model detector-v3 --function custom_mAP",
            "nucleus upload scores.csv --dataset road --model detector-v3 --dry-run --bad-rows bad.csv",
        )
    )(upload)


def upload(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Rows: .csv, .jsonl, .ndjson or .parquet.")],
    model: Annotated[str, typer.Option(metavar="MODEL", help="Id, reference id or name of the model that was scored.")],
    dataset: Annotated[
        str | None,
        typer.Option(metavar="DATASET", help="Id or name: every test of it that the scores cover gets its evaluation."),
    ] = None,
    test: Annotated[
        str | None, typer.Option(metavar="TEST", help="Id or name of the one test that the scores are for, instead.")
    ] = None,
    functions: Annotated[
        list[str] | None,
        typer.Option(
            "--function",
            metavar="NAME[=COLUMN]",
            help="Id or name of an external function, and the column of its scores; repeat for more. Without COLUMN it is the "
            "column of that name or, if there is one function, the column score. Without any, all columns that are named "
            "like a function.",
        ),
    ] = None,
    id_column: Annotated[
        str | None,
        typer.Option(metavar="COLUMN", help=r"Column of reference ids. \[default: item_ref_id, else reference_id]"),
    ] = None,
    weight_column: Annotated[
        str | None, typer.Option(metavar="COLUMN", help=r"Column of weights in 0 to 1. \[default: every weight is 1]")
    ] = None,
    min_coverage: Annotated[
        float,
        typer.Option(metavar="X", min=0, max=1, help="Part of a test's items, in 0 to 1, that must have a score."),
    ] = 1.0,
    create_functions: Annotated[
        bool, typer.Option("--create-functions", help="Create functions that do not exist.")
    ] = False,
    create_model: Annotated[
        bool, typer.Option("--create-model", help="Create the model if it does not exist, with MODEL as its name.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Check everything, on the server too, and store nothing.")
    ] = False,
    bad_rows: Annotated[
        Path | None, typer.Option(metavar="FILE", help="If rows are refused, write all of them to this CSV.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Upload scores of a model from a file: all are stored, or none.

    An empty cell of a CSV, null in JSON or Parquet, or a key that is not there means that the item has no score. If the
    connection is lost or the command is stopped, the same command again sends only what is missing.
    """
    rows = open_rows(file)
    client = client_of(context)
    found_test = None if test is None else find_test(client, test)
    found_dataset = None if dataset is None else find_dataset(client, dataset)
    if found_test is None and found_dataset is None:
        fail("expected --dataset or --test, got neither: say what the scores are for")
    if found_test is not None and found_dataset is not None and found_test.dataset_id != found_dataset.id:
        fail(f"test {found_test.name} is of another dataset than {found_dataset.name}: leave --dataset out")
    references = _id_column(rows, id_column, file)
    if weight_column is not None:
        _check_column(rows, weight_column, file)
    columns = _score_columns(client, found_test, rows, functions or (), file)
    if found_test is not None and len(columns) > 1:
        fail(f"expected one --function with --test, got {len(columns)}: upload them for the --dataset, or one by one")
    scored = {name: _function(client, name, create_functions, dry_run) for name in columns}
    model_id = _model_id(client, model, create_model, dry_run)
    try:
        if found_test is not None:
            ((name, column),) = columns.items()
            results = rows.results(references, column, weight_column)
            answer = found_test.upload_external_evaluation_results(scored[name], results, model_id, dry_run=dry_run)
            report: UploadReport = answer["report"]
        else:
            assert found_dataset is not None
            numbers = [*columns.values()] if weight_column is None else [*columns.values(), weight_column]
            report = found_dataset.upload_scores(
                {scored[name].name: column for name, column in columns.items()},
                model_id,
                rows.table(references, numbers),
                item_ref_id=references,
                weight=weight_column,
                min_coverage=min_coverage,
                dry_run=dry_run,
            )
    except (InvalidUpload, BadRequestError, BadCells) as error:
        raise _refused(error, bad_rows) from error
    if as_json:
        print_json(report.to_dict())
    else:
        print_report(report)


def _id_column(rows: RowsFile, asked: str | None, file: Path) -> str:
    if asked is not None:
        _check_column(rows, asked, file)
        return asked
    for column in _ID_COLUMNS:
        if column in rows.columns:
            return column
    fail(
        f"expected a column {' or '.join(_ID_COLUMNS)} in {file.name}, got {_listed(rows.columns)}: name the one with the "
        "reference ids by --id-column"
    )


def _check_column(rows: RowsFile, column: str, file: Path) -> None:
    if column not in rows.columns:
        fail(f"expected a column {column!r} in {file.name}, got {_listed(rows.columns)}")


def _score_columns(
    client: NucleusClient, test: ScenarioTest | None, rows: RowsFile, functions: Sequence[str], file: Path
) -> dict[str, str]:
    """The column of scores for each function, by the name or id under which the user knows it."""
    if not functions:
        return _columns_named_like_functions(client, test, rows, file)
    columns: dict[str, str] = {}
    for text in functions:
        name, has_column, column = text.partition("=")
        if not has_column:
            column = _SCORE_COLUMN if name not in rows.columns and len(functions) == 1 else name
        _check_column(rows, column, file)
        if name in columns:
            fail(f"expected every --function once, got {name} twice")
        columns[name] = column
    return columns


def _columns_named_like_functions(
    client: NucleusClient, test: ScenarioTest | None, rows: RowsFile, file: Path
) -> dict[str, str]:
    names = {f.id: f.name for f in all_functions(client) if f.is_external_function}
    if test is not None:
        of_test = [metric.eval_function_id for metric in test.get_eval_functions()]
        names = {function_id: name for function_id, name in names.items() if function_id in of_test}
    columns = {name: name for name in names.values() if name in rows.columns}
    if not columns and len(names) == 1 and _SCORE_COLUMN in rows.columns:
        return dict.fromkeys(names.values(), _SCORE_COLUMN)
    if not columns:
        fail(
            f"expected --function NAME=COLUMN, because no column of {file.name} is named like a function; it has the columns "
            f"{_listed(rows.columns)}, and the functions are {_listed(list(names.values()))}"
        )
    return columns


def _function(client: NucleusClient, name: str, may_create: bool, dry_run: bool) -> EvalFunction:
    is_there = any(name in (f.id, f.name) for f in all_functions(client))
    if is_there or not may_create:
        found = find_function(client, name)
        if not found.is_external_function:
            fail(f"expected an external function, got {found.name}, whose scores the server computes itself")
        return found
    if dry_run:
        _fail_on_creation("function", name)
    return client.validate.create_external_eval_function(name)


def _model_id(client: NucleusClient, name: str, may_create: bool, dry_run: bool) -> str:
    if is_known(client, name) or not may_create:
        return find_model(client, name).id
    if dry_run:
        _fail_on_creation("model", name)
    return client.create_model(name, name).id


def _fail_on_creation(noun: str, name: str) -> NoReturn:
    fail(f"{noun} {name!r} does not exist, and --dry-run creates nothing: make it with nucleus {noun}s create first")


def _refused(error: InvalidUpload | BadRequestError | BadCells, bad_rows: Path | None) -> DataRefused:
    """The same refusal and, if there is a file for them and the error knows them, its bad rows in that file."""
    message = str(error) if isinstance(error, BadCells) else explained(error)
    if bad_rows is None or not isinstance(error, (InvalidUpload, BadCells)):
        return DataRefused(message)
    try:
        error.write_bad_rows(bad_rows)
    except (NucleusError, OSError) as failure:
        return DataRefused(f"{message}\nThe bad rows could not be written to {bad_rows}: {explained(failure)}")
    return DataRefused(f"{message}\nAll bad rows are in {bad_rows}.")


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names) or "none"
