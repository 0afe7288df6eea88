"""Datasets and predictions as COCO files."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from nucleus._coco_import import find_head
from nucleus._coco_records import Record, annotation_record, image_record, kept_of
from nucleus._console import progress_bar
from nucleus._dataset import Dataset
from nucleus._model import Model

_SHAPES = ("box", "polygon", "keypoints")


@dataclass(frozen=True)
class CocoExport:
    """What was exported.

    Attributes:
        n_images: How many images the file has.
        n_records: How many annotations, or results, it has.
        left_out: What COCO has no form for, as how many of each kind: `line`, `cuboid`, `category`, …; masks that were not
            imported from COCO; predictions without a confidence.
    """

    path: Path
    n_images: int
    n_records: int
    left_out: dict[str, int]


def export_dataset(dataset: Dataset, path: str | os.PathLike[str]) -> CocoExport:
    """Write a dataset's items and ground truth as a COCO dataset.

    What `import_dataset` made comes back as it was, record by record and in the same order, with what was changed since. Other
    items are images with their reference id as `file_name` and their metadata as further keys; other boxes, polygons and
    keypoints are annotations with `bbox`, `area`, `iscrowd` 0 and their `annotation_id`; labels are categories. New numbers are
    above those that are there.

    The file appears when it is complete.

    Raises:
        OSError: It cannot be written.
        NucleusAPIError: The server refused a request.
    """
    records = _Records(dataset)
    images: list[tuple[Any, Record]] = []
    annotations: list[tuple[Any, Record]] = []
    with progress_bar("Exporting items", dataset.size, "items") as advance:
        waiting = []
        for row in dataset.items_and_annotation_generator():
            image = image_record(row["item"])
            images.append((kept_of(row["item"].metadata).get("position"), image))
            waiting.append((image, row["annotations"]))
            advance(1)
    _number([image for _, image in images])
    for image, by_kind in waiting:
        annotations += records.of_item(image["id"], by_kind)
    _number([annotation for _, annotation in annotations])
    head = dict(records.head)
    document: Record = {**head, "images": _in_order(images)}
    if annotations or not document.pop("has_no_annotations", False):
        document["annotations"] = _in_order(annotations)
    if records.categories or "categories" in head or annotations:
        document["categories"] = records.categories
    return _written(path, document, len(images), len(annotations), records.left_out)


def export_results(dataset: Dataset, model: Model | str, path: str | os.PathLike[str]) -> CocoExport:
    """Write a model's predictions on a dataset as COCO results, with the numbers that `export_dataset` gives.

    What `import_results` made comes back as it was, in the same order.

    Raises:
        OSError: The file cannot be written.
        NucleusAPIError: The server refused a request; 404 if the model has no predictions on the dataset.
    """
    records = _Records(dataset)
    images = {}
    with progress_bar("Exporting predictions", dataset.size, "items") as advance:
        for row in dataset.items_and_annotation_generator():
            images[row["item"].reference_id] = image_record(row["item"])
            records.learn_labels(row["annotations"])
            advance(1)
    _number(list(images.values()))
    by_item: dict[str, dict[str, list[Any]]] = {}
    for kind, predictions in dataset.export_predictions(model).items():
        for prediction in predictions:
            is_scored = getattr(prediction, "confidence", None) is not None
            if prediction.reference_id in images and (is_scored or kept_of(getattr(prediction, "metadata", None))):
                by_item.setdefault(prediction.reference_id, {}).setdefault(kind, []).append(prediction)
            else:
                records.left_out[f"{kind} without a confidence" if not is_scored else kind] += 1
    results: list[tuple[Any, Record]] = []
    for reference, by_kind in by_item.items():
        for position, record in records.of_item(images[reference]["id"], by_kind):
            results.append((position, {key: value for key, value in record.items() if key != "id"}))
    return _written(path, _in_order(results), len(images), len(results), records.left_out)


class _Records:
    """Objects of a dataset as records, with the categories that they need."""

    def __init__(self, dataset: Dataset) -> None:
        kept = find_head(dataset) or {}
        self.head: Mapping[str, Any] = kept.get("head", {})
        self.categories: list[Record] = list(self.head.get("categories", ()))
        self.left_out: Counter[str] = Counter()
        self._by_id = {category["id"]: category["name"] for category in self.categories}
        self._by_name = {category["name"]: category["id"] for category in reversed(self.categories)}

    def of_item(self, image_id: Any, by_kind: Mapping[str, Any]) -> Iterator[tuple[Any, Record]]:
        """The records of one item, each with its place in the file that it came from, or None."""
        parts = _parts(by_kind.get("polygon", ()))
        for kind in _SHAPES:
            for shape in by_kind.get(kind, ()):
                kept = kept_of(shape.metadata)
                if "part_of" in kept or "keypoints_of" in kept:
                    continue  # stands in the record of another
                others = parts.get(str(shape.annotation_id), ()) if kept and kind == "polygon" else ()
                yield self._record(shape, image_id, shape.label, shape.metadata or {}, others)
        if (mask := by_kind.get("segmentation")) is not None:
            for masked in mask if isinstance(mask, list) else [mask]:
                for segment in masked.annotations:
                    if kept_of(segment.metadata):
                        yield self._record(segment, image_id, segment.label, segment.metadata, ())
                    else:
                        self.left_out["mask"] += 1
        for kind, shapes in by_kind.items():
            if shapes and kind not in (*_SHAPES, "segmentation"):
                self.left_out[kind] += len(shapes)

    def learn_labels(self, by_kind: Mapping[str, Any]) -> None:
        """Give labels of ground truth the numbers that an export of the ground truth gives them."""
        for _ in self.of_item(None, by_kind):
            pass
        self.left_out.clear()

    def _record(
        self, shape: Any, image_id: Any, label: str, metadata: dict[str, Any], parts: Iterable[Any]
    ) -> tuple[Any, Record]:
        record = annotation_record(shape, image_id, metadata, list(parts))
        if self._by_id.get(record["category_id"]) != label:
            record["category_id"] = self._category_id(label)
        kept = kept_of(metadata)
        if not kept and getattr(shape, "annotation_id", None):
            record.setdefault("annotation_id", shape.annotation_id)
        return kept.get("position"), record

    def _category_id(self, label: str) -> Any:
        if label not in self._by_name:
            new_id = _next_number(self._by_id)
            self.categories.append({"id": new_id, "name": label})
            self._by_id[new_id] = label
            self._by_name[label] = new_id
        return self._by_name[label]


def _parts(polygons: Iterable[Any]) -> dict[str, list[Any]]:
    """The further parts of each polygon, by its id."""
    found: dict[str, list[tuple[int, Any]]] = {}
    for polygon in polygons:
        kept = kept_of(polygon.metadata)
        if "part_of" in kept:
            found.setdefault(kept["part_of"], []).append((kept["part"], polygon))
    return {own_id: [polygon for _, polygon in sorted(parts, key=lambda p: p[0])] for own_id, parts in found.items()}


def _number(records: list[Record]) -> None:
    """Give an id to those without one."""
    new_id = _next_number([record["id"] for record in records if record.get("id") is not None])
    for record in records:
        if record.get("id") is None:
            record["id"] = new_id
            new_id += 1


def _next_number(ids: Iterable[Any]) -> int:
    return max((own_id for own_id in ids if isinstance(own_id, int)), default=0) + 1


def _in_order(records: list[tuple[Any, Record]]) -> list[Record]:
    """In the order of the file that they came from, new ones at the end."""
    return [record for _, record in sorted(records, key=lambda r: (r[0] is None, r[0] or 0))]


def _written(
    path: str | os.PathLike[str], document: Any, n_images: int, n_records: int, left_out: Mapping[str, int]
) -> CocoExport:
    target = Path(path)
    partial = target.with_name(f"{target.name}.partial")
    partial.write_bytes(msgspec.json.encode(document))
    os.replace(partial, target)
    return CocoExport(target, n_images, n_records, dict(left_out))
