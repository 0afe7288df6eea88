"""`nucleus models`."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
import typer

from nucleus._cli.finding import find_model
from nucleus._cli.outcomes import fail
from nucleus._cli.output import AsJson, Yes, confirm, examples, print_fields, print_json, print_line, print_table
from nucleus._cli.session import client_of
from nucleus._model import Model

app = typer.Typer(no_args_is_help=True, help="Models: what is evaluated.")

ModelArgument = Annotated[str, typer.Argument(metavar="MODEL", help="Its id, reference id or name.")]


@app.command("list")
def list_models(context: typer.Context, as_json: AsJson = False) -> None:
    """List all models, oldest first."""
    models = client_of(context).models
    if as_json:
        print_json(list(map(_row, models)))
    else:
        print_table(["id", "name", "reference id", "tags"], [[m.id, m.name, m.reference_id, m.tags] for m in models])


@app.command(epilog=examples("nucleus models show detector-v3"))
def show(context: typer.Context, model: ModelArgument, as_json: AsJson = False) -> None:
    """Show a model."""
    _print(find_model(client_of(context), model), as_json)


@app.command(
    epilog=examples(
        "nucleus models create detector-v3",
        "nucleus models create 'Detector 3' --reference-id detector-v3 --tag nightly --metadata '{\"commit\": \"1a2b3c\"}'",
    )
)
def create(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name of the model.")],
    reference_id: Annotated[
        str | None,
        typer.Option(metavar="ID", help=r"Your own id of it, unique in the workspace. \[default: its name]"),
    ] = None,
    tags: Annotated[
        list[str] | None, typer.Option("--tag", metavar="TAG", help="A word to find it by; repeat for more.")
    ] = None,
    metadata: Annotated[str | None, typer.Option(metavar="JSON", help="A JSON object.")] = None,
    as_json: AsJson = False,
) -> None:
    """Create a model."""
    described: dict[str, Any] = {}
    if metadata is not None:
        try:
            described = msgspec.json.decode(metadata, type=dict[str, Any])
        except msgspec.MsgspecError as error:
            fail(f"expected --metadata as a JSON object, got {metadata[:40]!r}: {error}")
    made = client_of(context).create_model(name, reference_id or name, metadata=described, tags=tags)
    _print(made, as_json)


@app.command(epilog=examples("nucleus models delete detector-v3"))
def delete(context: typer.Context, model: ModelArgument, yes: Yes = False, as_json: AsJson = False) -> None:
    """Delete a model; its past evaluations stay."""
    client = client_of(context)
    found = find_model(client, model)
    confirm(f"Delete model {found.name} ({found.id})? Its past evaluations stay.", is_sure=yes)
    client.delete_model(found.id)
    if as_json:
        print_json({"id": found.id, "deleted": True})
    else:
        print_line(f"Deleted model {found.name} ({found.id}).")


def _row(model: Model) -> dict[str, Any]:
    return {
        "id": model.id,
        "name": model.name,
        "reference_id": model.reference_id,
        "tags": model.tags,
        "trained_slice_ids": model.trained_slice_ids or [],
        "metadata": model.metadata or {},
    }


def _print(model: Model, as_json: bool) -> None:
    if as_json:
        print_json(_row(model))
    else:
        print_fields(_row(model))
