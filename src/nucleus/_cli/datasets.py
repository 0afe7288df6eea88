"""`nucleus datasets`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from nucleus._cli.finding import find_dataset
from nucleus._cli.items_file import read_items
from nucleus._cli.outcomes import DataRefused, explained
from nucleus._cli.output import AsJson, Yes, confirm, examples, print_fields, print_json, print_line, print_table
from nucleus._cli.session import client_of
from nucleus._dataset import Dataset
from nucleus._exceptions import BadRequestError

app = typer.Typer(no_args_is_help=True, help="Datasets: growing lists of items.")

DatasetArgument = Annotated[str, typer.Argument(metavar="DATASET", help="Its id or name.")]


@app.command("list")
def list_datasets(context: typer.Context, as_json: AsJson = False) -> None:
    """List all datasets, oldest first."""
    rows = [{"id": d.id, "name": d.name} for d in client_of(context).datasets]
    if as_json:
        print_json(rows)
    else:
        print_table(["id", "name"], [list(row.values()) for row in rows])


@app.command(epilog=examples("nucleus datasets show road"))
def show(context: typer.Context, dataset: DatasetArgument, as_json: AsJson = False) -> None:
    """Show a dataset: how many items it has, and its slices."""
    _print(find_dataset(client_of(context), dataset), as_json)


@app.command(
    epilog=examples(
        "nucleus datasets create road",
        "nucleus datasets create road --items items.csv",
    )
)
def create(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name of the dataset.")],
    items: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Items: .csv, .jsonl, .ndjson or .parquet. Columns reference_id, image_location, "
            "pointcloud_location, text, width and height are an item's own; every other column is metadata.",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Create a dataset and, if a file is given, its items.

    The file is read whole before the dataset is made. If the server refuses the items, the dataset is deleted again.
    """
    client = client_of(context)
    listed = None if items is None else read_items(items)
    dataset = client.create_dataset(name)
    if listed is not None:
        try:
            dataset.append(listed)
        except BaseException as error:
            client.delete_dataset(dataset.id)
            if isinstance(error, (BadRequestError, ValueError)):  # the server refuses the items, or the SDK does
                raise DataRefused(explained(error)) from error
            raise
    _print(dataset, as_json)


@app.command(epilog=examples("nucleus datasets delete road", "nucleus datasets delete ds_… --yes"))
def delete(context: typer.Context, dataset: DatasetArgument, yes: Yes = False, as_json: AsJson = False) -> None:
    """Delete a dataset with its items, slices, tests and evaluations, for ever."""
    client = client_of(context)
    found = find_dataset(client, dataset)
    confirm(
        f"Delete dataset {found.name} ({found.id}) with its {found.size} items, its slices, tests and evaluations, for ever?",
        is_sure=yes,
    )
    client.delete_dataset(found.id)
    if as_json:
        print_json({"id": found.id, "deleted": True})
    else:
        print_line(f"Deleted dataset {found.name} ({found.id}).")


def _print(dataset: Dataset, as_json: bool) -> None:
    slices = [{"id": s.id, "name": s.name} for s in dataset.slices]
    row: dict[str, Any] = {"id": dataset.id, "name": dataset.name, "n_items": dataset.size, "slices": slices}
    if as_json:
        print_json(row)
    else:
        print_fields(row | {"slices": [f"{s['name']} ({s['id']})" for s in slices]})
