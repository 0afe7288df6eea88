"""`nucleus import coco` and `nucleus export coco`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from nucleus._cli import as_code
from nucleus._cli.finding import find_dataset, find_model, is_known
from nucleus._cli.outcomes import REFUSED, DataRefused, fail
from nucleus._cli.output import AsJson, examples, print_fields, print_json, print_line
from nucleus._cli.session import client_of
from nucleus._client import NucleusClient
from nucleus._coco_export import export_dataset, export_results
from nucleus._coco_import import CocoImport, import_dataset, import_results
from nucleus._model import Model

imports = typer.Typer(no_args_is_help=True, help="Bring in what other tools have written.")


@imports.command(
    "coco",
    epilog=examples(
        "nucleus import coco instances_val2017.json --dataset val2017",
        "nucleus import coco instances.json --dataset road --images photos --shapes segmentations",
        "nucleus import coco results.json --dataset road --model detector-v3",
    ),
)
def import_coco(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A COCO dataset; with --model, COCO results.")],
    dataset: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="Name of the dataset to make; one that was made of the same file is gone on with. With --model, the id or "
            "name of the dataset that the results are of.",
        ),
    ],
    images: Annotated[
        str | None,
        typer.Option(
            metavar="PLACE",
            help="Folder of the images, which are uploaded, or the URL of a folder. Without it the item's URL is the image's "
            "coco_url, else its flickr_url, else its file_name if that is a URL.",
        ),
    ] = None,
    reference_id: Annotated[
        Literal["file_name", "id"], typer.Option(help="What of an image is its reference id.")
    ] = "file_name",
    shapes: Annotated[
        Literal["boxes", "segmentations"],
        typer.Option(
            help="What becomes of annotations with a box and a segmentation: a box, with the segmentation in its metadata; or "
            "polygons and, of masks in runs, a mask for each image."
        ),
    ] = "boxes",
    model: Annotated[
        str | None,
        typer.Option(metavar="MODEL", help="Id, reference id or name of the model whose results the file has."),
    ] = None,
    create_model: Annotated[
        bool, typer.Option("--create-model", help="Create the model if it does not exist, with MODEL as its name.")
    ] = False,
    update: Annotated[
        bool, typer.Option("--update", help="Replace what is there, instead of ignoring what is new.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Import a COCO dataset, or with --model a model's results on it.

    Nothing is lost: nucleus export coco writes the same records in the same order. Run it again after an interruption: what is
    there is ignored.
    """
    client = client_of(context)
    if model is None and create_model:
        fail("expected --model with --create-model, got none")
    if model is not None and (images is not None or reference_id != "file_name"):
        fail("expected --images and --reference-id with a dataset only, got them with --model: leave them out")
    try:
        if model is None:
            done = import_dataset(
                client, file, dataset, images=images, reference_id=reference_id, shapes=shapes, update=update
            )
        else:
            found = find_dataset(client, dataset)
            done = import_results(found, _model(client, model, create_model), file, shapes=shapes, update=update)
    except ValueError as error:
        raise DataRefused(str(error)) from error
    _print(done, "annotations" if model is None else "predictions", as_json)
    if done.errors:
        raise typer.Exit(REFUSED)


@as_code.exports.command(
    "coco",
    epilog=examples(
        "nucleus export coco road --output instances.json",
        "nucleus export coco road --model detector-v3 --output results.json",
    ),
)
def export_coco(
    context: typer.Context,
    dataset: Annotated[str, typer.Argument(metavar="DATASET", help="Its id or name.")],
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FILE", help="The file to write.")],
    model: Annotated[
        str | None,
        typer.Option(metavar="MODEL", help="Write the predictions of this model: its id, reference id or name."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Write a dataset's ground truth as a COCO dataset, or with --model a model's predictions as COCO results."""
    client = client_of(context)
    found = find_dataset(client, dataset)
    done = export_dataset(found, output) if model is None else export_results(found, find_model(client, model), output)
    if as_json:
        print_json(
            {"path": str(done.path), "n_images": done.n_images, "n_records": done.n_records, "left_out": done.left_out}
        )
        return
    noun = "annotations" if model is None else "results"
    print_line(f"Wrote {done.n_records:,} {noun} on {done.n_images:,} images to {done.path}.")
    if done.left_out:
        kinds = ", ".join(f"{n:,} {kind}" for kind, n in done.left_out.items())
        print_line(f"Left out, because COCO has no form for it: {kinds}.")


def _model(client: NucleusClient, asked: str, may_create: bool) -> Model:
    if may_create and not is_known(client, asked):
        return client.create_model(asked, asked)
    return find_model(client, asked)


def _print(done: CocoImport, what: str, as_json: bool) -> None:
    fields = {
        "dataset": done.dataset.id,
        "name": done.dataset.name,
        "records_in_the_file": done.n_records,
        f"{what}_stored": done.n_stored,
        f"{what}_there_already": done.n_ignored,
    }
    if as_json:
        print_json({**fields, "errors": done.errors})
        return
    print_fields(fields)
    for error in done.errors:
        print_line(error)
