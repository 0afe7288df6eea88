"""`nucleus slices`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from nucleus._cli.finding import find_dataset, find_slice
from nucleus._cli.outcomes import DataRefused, explained, fail
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
from nucleus._exceptions import BadRequestError
from nucleus._slice import Slice

app = typer.Typer(no_args_is_help=True, help="Slices: the part of a dataset that a scenario test looks at.")

SliceArgument = Annotated[str, typer.Argument(metavar="SLICE", help="Its id or name.")]
DatasetOption = Annotated[str | None, typer.Option("--dataset", metavar="DATASET", help="Id or name of its dataset.")]


@app.command("list", epilog=examples("nucleus slices list --dataset road"))
def list_slices(context: typer.Context, dataset: DatasetOption = None, as_json: AsJson = False) -> None:
    """List the slices of a dataset, or all, oldest first."""
    client = client_of(context)
    slices = client.slices if dataset is None else find_dataset(client, dataset).slices
    rows = [{"id": s.id, "name": s.name, "dataset_id": s.dataset_id, "created_at": s.created_at} for s in slices]
    if as_json:
        print_json(rows)
    else:
        print_table(["id", "name", "dataset", "created"], [list(row.values()) for row in rows])


@app.command(epilog=examples("nucleus slices show night", "nucleus slices show night --dataset road --ids"))
def show(
    context: typer.Context,
    slice: SliceArgument,
    dataset: DatasetOption = None,
    ids: Annotated[bool, typer.Option("--ids", help="Print the reference ids of its items, one per line.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show a slice, or the reference ids of its items."""
    client = client_of(context)
    found = find_slice(client, slice, None if dataset is None else find_dataset(client, dataset))
    if not ids:
        _print(found, as_json)
        return
    references = (str(item.reference_id) for item in found.items_generator())
    if as_json:
        print_json(list(references))
    else:
        for reference in references:
            typer.echo(reference)


@app.command(
    epilog=examples(
        "nucleus slices create night --dataset road --ids night.txt",
        "nucleus slices create everything --dataset road --all",
    )
)
def create(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name of the slice.")],
    dataset: Annotated[str, typer.Option("--dataset", metavar="DATASET", help="Id or name of the dataset.")],
    ids: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Reference ids of its items, one per line, in this order.")
    ] = None,
    all_items: Annotated[bool, typer.Option("--all", help="All items of the dataset.")] = False,
    as_json: AsJson = False,
) -> None:
    """Create a slice of a dataset; without --ids or --all an empty one."""
    if ids is not None and all_items:
        fail("expected --ids or --all, got both")
    found = find_dataset(client_of(context), dataset)
    references: list[str] | None = None
    if ids is not None:
        references = [line for line in ids.read_text(encoding="utf-8-sig").splitlines() if line]
        if not references:
            raise DataRefused(f"expected reference ids in {ids}, one per line, got an empty file")
    elif all_items:
        references = [str(item.reference_id) for item in found.items_generator()]
    try:
        made = found.create_slice(name, references)
    except BadRequestError as error:
        raise DataRefused(explained(error)) from error
    _print(made, as_json)


@app.command(epilog=examples("nucleus slices delete night --dataset road"))
def delete(
    context: typer.Context,
    slice: SliceArgument,
    dataset: DatasetOption = None,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Delete a slice; tests that were built on it keep their members."""
    client = client_of(context)
    found = find_slice(client, slice, None if dataset is None else find_dataset(client, dataset))
    confirm(f"Delete slice {found.name} ({found.id})?", is_sure=yes)
    client.delete_slice(found.id)
    if as_json:
        print_json({"id": found.id, "deleted": True})
    else:
        print_line(f"Deleted slice {found.name} ({found.id}).")


def _print(found: Slice, as_json: bool) -> None:
    info = found.info()
    row: dict[str, Any] = {
        "id": found.id,
        "name": info["name"],
        "dataset_id": info["dataset_id"],
        "n_members": info["n_members"],
        "created_at": when(info["created_at"]),
    }
    if as_json:
        print_json(row)
    else:
        print_fields(row)
