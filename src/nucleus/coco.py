"""COCO files: whole datasets and results in and out, `coco.import_dataset(client, …)`, `coco.export_dataset(dataset, …)`.

And as columns: `dataset.append(coco.items(…))`, `dataset.annotate(coco.boxes(…))`, `dataset.upload_predictions(model,
coco.detections(…))`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, TypeAlias, TypeVar

import msgspec

from nucleus._coco_export import CocoExport, export_dataset, export_results
from nucleus._coco_import import CocoImport, import_dataset, import_results

__all__ = (
    "CocoExport",
    "CocoImport",
    "ReferenceIds",
    "Source",
    "boxes",
    "detections",
    "export_dataset",
    "export_results",
    "import_dataset",
    "import_results",
    "items",
)

Source: TypeAlias = "str | os.PathLike[str] | Mapping[str, Any]"
"""A file of a COCO dataset, or what is in it."""

ReferenceIds: TypeAlias = Literal["file_name", "id"]
"""What of an image is its reference id: its file's name, or its number as a text."""

_Number: TypeAlias = int | float  # so that a whole number stays one
_Record = TypeVar("_Record")


class _Image(msgspec.Struct, gc=False):
    id: int
    file_name: str = ""
    width: int | None = None
    height: int | None = None


class _Category(msgspec.Struct, gc=False):
    id: int
    name: str


class _Box(msgspec.Struct, gc=False):
    id: int
    image_id: int
    category_id: int
    bbox: tuple[_Number, _Number, _Number, _Number]
    area: _Number | None = None
    iscrowd: int = 0


class _Document(msgspec.Struct):
    images: list[_Image]
    categories: list[_Category] = []
    annotations: list[_Box] = []


class _Images(msgspec.Struct):
    images: list[_Image]
    categories: list[_Category] = []


class _Detection(msgspec.Struct, gc=False):
    image_id: int
    category_id: int
    bbox: tuple[_Number, _Number, _Number, _Number]
    score: _Number


def items(
    source: Source,
    image_location: str | os.PathLike[str] | Callable[[str], str],
    *,
    reference_id: ReferenceIds = "file_name",
) -> dict[str, list[Any]]:
    """The images of a COCO dataset, for `Dataset.append`.

    Args:
        source: The file, or what is in it.
        image_location: The folder or the URL that the images are in, or a function from a file's name to its URL or path.
        reference_id: What of an image is its reference id.

    Raises:
        ValueError: It is no COCO dataset.
    """
    images = _read(source, _Images).images
    if callable(image_location):
        location = image_location
    else:
        base = os.fspath(image_location).rstrip("/")

        def location(name: str) -> str:
            return f"{base}/{name}"

    return {
        "reference_id": list(_references(images, reference_id).values()),
        "image_location": [location(image.file_name) for image in images],
        "width": [image.width for image in images],
        "height": [image.height for image in images],
    }


def boxes(source: Source, *, reference_id: ReferenceIds = "file_name") -> dict[str, list[Any]]:
    """The ground truth of a COCO dataset as boxes, for `Dataset.annotate`.

    A box keeps its number as its id, and in its metadata its `area` (that of the segmentation, by which COCO tells small from
    large) and `iscrowd` where it is one.

    Args:
        source: The file, or what is in it.
        reference_id: What of an image is its reference id.

    Raises:
        ValueError: It is no COCO dataset, or a box is of an image or a category that it does not have.
    """
    document = _read(source, _Document)
    rows = document.annotations
    return {
        **_placed(rows, document.images, document.categories, reference_id),
        "annotation_id": [str(row.id) for row in rows],
        "metadata": [_metadata(row) for row in rows],
    }


def detections(
    results: str | os.PathLike[str] | Sequence[Mapping[str, Any]],
    dataset: Source,
    *,
    reference_id: ReferenceIds = "file_name",
) -> dict[str, list[Any]]:
    """The results of a detector in COCO's form, for `Dataset.upload_predictions`.

    Args:
        results: A file of `image_id`, `category_id`, `bbox` and `score`, or what is in it.
        dataset: The COCO dataset that the numbers in it are of.
        reference_id: What of an image is its reference id.

    Raises:
        ValueError: They are no COCO results, or one is of an image or a category that the dataset does not have.
    """
    rows = _read(results, list[_Detection])
    document = _read(dataset, _Images)
    placed = _placed(rows, document.images, document.categories, reference_id)
    return {**placed, "confidence": [row.score for row in rows]}


def _read(source: Any, kind: type[_Record]) -> _Record:
    try:
        if isinstance(source, (str, os.PathLike)):
            return msgspec.json.decode(Path(source).read_bytes(), type=kind)
        return msgspec.convert(source, kind)
    except msgspec.MsgspecError as error:
        what = (
            "a COCO dataset (images, categories, annotations)" if hasattr(kind, "__struct_fields__") else "COCO results"
        )
        where = str(source) if isinstance(source, (str, os.PathLike)) else "the data"
        raise ValueError(f"expected {what} in {where}, got something else: {error}") from error


def _references(images: Sequence[_Image], reference_id: ReferenceIds) -> dict[int, str]:
    """The reference id of each image, by its number."""
    if reference_id not in ("file_name", "id"):
        raise ValueError(f"expected reference_id 'file_name' or 'id', got {reference_id!r}")
    return {image.id: image.file_name if reference_id == "file_name" else str(image.id) for image in images}


def _placed(
    rows: Sequence[_Box] | Sequence[_Detection],
    images: Sequence[_Image],
    categories: Sequence[_Category],
    reference_id: ReferenceIds,
) -> dict[str, list[Any]]:
    names = {category.id: category.name for category in categories}
    references = _references(images, reference_id)
    for what, known, used in (
        ("images", references, {row.image_id for row in rows}),
        ("categories", names, {row.category_id for row in rows}),
    ):
        if unknown := sorted(used - set(known)):
            raise ValueError(
                f"expected {what} that the dataset has, got boxes of {len(unknown)} others: {', '.join(map(str, unknown[:20]))}"
            )
    sides: list[Sequence[float]] = list(zip(*(row.bbox for row in rows))) or [()] * 4
    return {
        "reference_id": [references[row.image_id] for row in rows],
        "label": [names[row.category_id] for row in rows],
        **{side: list(values) for side, values in zip(("x", "y", "width", "height"), sides)},
    }


def _metadata(row: _Box) -> dict[str, Any]:
    metadata: dict[str, Any] = {} if row.area is None else {"area": row.area}
    return {**metadata, "iscrowd": row.iscrowd} if row.iscrowd else metadata
