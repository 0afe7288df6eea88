"""`nucleus uploads`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from nucleus._cli.bad_rows import COLUMNS, write_rows
from nucleus._cli.finding import find_dataset, find_model
from nucleus._cli.output import AsJson, examples, print_json, print_line, print_table, when
from nucleus._cli.report import print_report
from nucleus._cli.session import client_of

app = typer.Typer(no_args_is_help=True, help="Uploads of scores: who sent what, and what became of it.")

UploadArgument = Annotated[str, typer.Argument(metavar="UPLOAD", help="Its id, up_….")]


@app.command("list", epilog=examples("nucleus uploads list --dataset road --model detector-v3"))
def list_uploads(
    context: typer.Context,
    dataset: Annotated[str | None, typer.Option(metavar="DATASET", help="Only to this one.")] = None,
    model: Annotated[str | None, typer.Option(metavar="MODEL", help="Only of this one.")] = None,
    as_json: AsJson = False,
) -> None:
    """List uploads, newest first."""
    client = client_of(context)
    found = client.uploads(
        dataset_id=None if dataset is None else find_dataset(client, dataset).id,
        model_id=None if model is None else find_model(client, model).id,
    )
    if as_json:
        print_json([report.to_dict() for report in found])
        return
    print_table(
        ["id", "status", "model", "dataset", "functions", "rows", "who", "when"],
        [
            [
                report.upload_id,
                report.status,
                report.model_name,
                report.dataset_name,
                [f.name for f in report.functions],
                f"{report.n_rows:,}",
                report.user_name,
                when(report.created_at),
            ]
            for report in found
        ],
    )


@app.command(epilog=examples("nucleus uploads show up_…"))
def show(context: typer.Context, upload: UploadArgument, as_json: AsJson = False) -> None:
    """Show the report of an upload."""
    report = client_of(context).get_upload(upload)
    if as_json:
        print_json(report.to_dict())
    else:
        print_report(report)


@app.command("give-up", epilog=examples("nucleus uploads give-up up_…"))
def give_up(context: typer.Context, upload: UploadArgument, as_json: AsJson = False) -> None:
    """Give up an unfinished or rejected upload: what was sent of it is removed."""
    client_of(context).give_up_upload(upload)
    if as_json:
        print_json({"upload_id": upload, "is_given_up": True})
    else:
        print_line(f"Upload {upload} is given up.")


@app.command("bad-rows", epilog=examples("nucleus uploads bad-rows up_… --csv bad.csv"))
def bad_rows(
    context: typer.Context,
    upload: UploadArgument,
    csv: Annotated[Path | None, typer.Option("--csv", metavar="FILE", help="Write them to this CSV instead.")] = None,
    as_json: AsJson = False,
) -> None:
    """Show all bad rows of a rejected upload; the server keeps them for 24 hours."""
    rows = client_of(context).get_bad_rows(upload)
    if csv is not None:
        write_rows(csv, rows)
    if as_json:
        print_json(rows)
    elif csv is not None:
        print_line(f"{len(rows):,} bad rows are in {csv}.")
    else:
        print_table(COLUMNS, [[row[name] for name in COLUMNS] for row in rows])
