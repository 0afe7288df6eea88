"""What the server answers with items, annotations and predictions, as objects."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from nucleus._annotations import Annotation
from nucleus._connection import Connection
from nucleus._dataset_item import DatasetItem
from nucleus._predictions import Prediction, prediction_from_json
from nucleus._scenes import Scene

_LISTS = ("box", "line", "polygon", "keypoints", "cuboid", "category", "multicategory")
_SEGMENTATION = "segmentation"


def located_item(answer: Mapping[str, Any]) -> dict[str, Any]:
    """An item as `item`, and its `annotations`: lists by kind."""
    item = DatasetItem.from_json(answer["item"])
    return {
        "item": item,
        "annotations": {
            kind: [Annotation.from_json({**row, "dataset_item_id": item.dataset_item_id}) for row in rows]
            for kind, rows in answer["annotations"].items()
        },
    }


def predictions_by_kind(answer: Mapping[str, Any]) -> dict[str, list[Prediction]]:
    """Predictions, lists by kind, of an answer that has them so or in one list."""
    if answer.get("annotations"):
        return {kind: list(map(prediction_from_json, rows)) for kind, rows in answer["annotations"].items()}
    by_kind: dict[str, list[Prediction]] = {}
    for row in answer.get("predictions") or ():
        by_kind.setdefault(row["type"], []).append(prediction_from_json(row))
    return by_kind


def exported_row(row: Mapping[str, Any]) -> dict[str, Any]:
    """An item of an export as `item`, and its `annotations`: lists by kind, of segmentations the only one."""
    return _exported(row, "annotations", Annotation.from_json)


def exported_predictions(row: Mapping[str, Any]) -> dict[str, Any]:
    """An item of an export as `item`, and its `predictions`: lists by kind, of segmentations the only one."""
    return _exported(row, "predictions", prediction_from_json)


def slice_member(row: Mapping[str, Any], connection: Connection) -> DatasetItem | Annotation | Prediction | Scene:
    """A member of a slice, of the class that its id says."""
    prefix = str(row.get("id") or "di_").partition("_")[0]
    if prefix == "ann":
        return Annotation.from_json(row)
    if prefix == "pred":
        return prediction_from_json(row)
    if prefix == "scn":
        return Scene.from_json(row, connection, skip_validate=True)
    return DatasetItem.from_json(dict(row))


def _exported(row: Mapping[str, Any], key: str, read: Any) -> dict[str, Any]:
    described = row["item"]
    # Rows say once, on the item, what all objects of a row have in common.
    place = {"reference_id": described["reference_id"], "dataset_item_id": described.get("dataset_item_id")}
    objects: defaultdict[str, Any] = defaultdict(list)
    for kind in _LISTS:
        if rows := row.get(kind):
            objects[kind] = [read({**shape, **place, "type": kind}) for shape in rows]
    if row.get(_SEGMENTATION) is not None:
        objects[_SEGMENTATION] = read({**row[_SEGMENTATION], **place, "type": "mask"})
    return {"item": DatasetItem.from_json(described), key: objects}
