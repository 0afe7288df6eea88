"""Records of COCO files, and what is kept of them: a record comes back from our objects as it was.

What COCO and we both know becomes a field of ours: a file's name, a box, a polygon, a label, a score. Every other key of a
record is a key of the metadata, where it can be filtered and shown: `area`, `iscrowd`, `license`, whatever there is. Under the
metadata key `coco` is the rest: `id`, `category_id`, `position` (the record's place in its list, from 0), and `rest`, the keys
that stand for themselves nowhere else, such as the segmentation of what was imported as a box.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple, TypeAlias

from nucleus._coco_masks import mask_box

Record: TypeAlias = "dict[str, Any]"
Shapes: TypeAlias = Literal["boxes", "segmentations"]
"""What annotations become that have both: boxes; or polygons, and of masks in runs one mask for each image."""

KEY = "coco"
"""Of the metadata that holds what belongs nowhere else, and of the dataset's schema with the head of the file."""

_OF_IMAGE = ("id", "file_name", "width", "height")
_OF_ANNOTATION = ("id", "image_id", "category_id", "bbox", "segmentation", "keypoints")
_NOT_METADATA = (KEY, "camera_params")
_MAX_PIXELS = 2**31 - 1


class Placed(NamedTuple):
    """An annotation or a result as one object of ours, or, of polygons in several parts, as several.

    Attributes:
        kind: `box`, `polygon`, `mask` or `keypoints`.
        geometry: x, y, width, height; rings of flat coordinates; the mask in runs; triples of x, y and visibility.
        metadata: Of the first object.
    """

    kind: str
    geometry: Any
    metadata: dict[str, Any]


def image_metadata(image: Record, position: int, reference: str) -> dict[str, Any]:
    """What an item's metadata keeps of the record of an image."""
    kept: Record = {"id": image["id"], "position": position}
    rest: Record = {}
    rest |= {key: image[key] for key in ("width", "height") if key in image and not is_pixels(image[key])}
    if "file_name" in image and image["file_name"] != reference:
        rest["file_name"] = image["file_name"]
    elif "file_name" not in image:
        kept["has_no_file_name"] = True
    return _metadata(image, _OF_IMAGE, kept, rest)


def image_record(item: Any) -> Record:
    """The record of an image that an item was, or would be; without an id if it was none."""
    metadata = dict(item.metadata or {})
    kept = _kept(metadata)
    own = {"id": kept.get("id"), "file_name": item.reference_id, "width": item.width, "height": item.height}
    if kept.get("has_no_file_name"):
        del own["file_name"]
    if not kept and str(item.image_location).startswith(("http://", "https://")):
        metadata.setdefault("coco_url", item.image_location)
    return {**metadata, **{key: value for key, value in own.items() if value is not None}, **kept.get("rest", {})}


def place(record: Record, position: int, shapes: Shapes, *, is_result: bool) -> Placed:
    """What an annotation or a result becomes.

    A result is never a mask: masks of results overlap, and an item has one mask at most.

    Raises:
        ValueError: It has neither a box nor a segmentation nor keypoints, or one of them is none.
    """
    box, rings, rle = _box(record), _rings(record), _rle(record)
    choices: list[tuple[str, str, Any]] = [("box", "bbox", box), ("polygon", "segmentation", rings)]
    if shapes == "segmentations":
        masks = [] if is_result else [("mask", "", rle)]
        choices = [("polygon", "segmentation", rings), *masks, ("box", "bbox", box)]
    kept: Record = {"id": record["id"]} if "id" in record else {}
    kept |= {"category_id": record["category_id"], "position": position}
    if possible := [choice for choice in choices if choice[2] is not None]:
        kind, key, geometry = possible[0]
    elif rle is not None:
        kind, key, geometry = "box", "", mask_box(rle)
        kept["box_of_mask"] = True
    elif points := keypoint_triples(record):
        kind, key, geometry = "keypoints", "", points
    else:
        raise ValueError("expected a bbox, a segmentation or keypoints, got none of them")
    rest: Record = {}
    rest |= {name: record[name] for name in ("bbox", "segmentation", "keypoints") if name in record and name != key}
    represented = (*_OF_ANNOTATION, "score") if is_result else _OF_ANNOTATION
    return Placed(kind, geometry, _metadata(record, represented, kept, rest))


def annotation_record(shape: Any, image_id: Any, metadata: Mapping[str, Any], parts: Sequence[Any]) -> Record:
    """The record that an object of ours was, or would be.

    Args:
        shape: A box, a polygon, keypoints, or the segment of a mask.
        metadata: Of the shape.
        parts: Of a polygon in several parts, the others, in order.
    """
    metadata = dict(metadata)
    kept = _kept(metadata)
    record = {"image_id": image_id, "category_id": kept.get("category_id"), **kept.get("rest", {})}
    if "id" in kept:
        record["id"] = kept["id"]
    if hasattr(shape, "width"):
        if not kept.get("box_of_mask"):
            record["bbox"] = [shape.x, shape.y, shape.width, shape.height]
    elif hasattr(shape, "vertices"):
        record["segmentation"] = [[n for corner in s.vertices for n in (corner.x, corner.y)] for s in (shape, *parts)]
    if getattr(shape, "confidence", None) is not None:
        record["score"] = shape.confidence
    return {**metadata, **(record if kept else _derived(shape, record, metadata))}


def kept_of(metadata: Mapping[str, Any] | None) -> Mapping[str, Any]:
    """What metadata keeps of a record; nothing of what never was one."""
    kept = (metadata or {}).get(KEY)
    return kept if isinstance(kept, dict) else {}


def is_pixels(value: Any) -> bool:
    """Whether it is a width or a height as items have it."""
    return type(value) is int and 1 <= value <= _MAX_PIXELS


def is_number(value: Any) -> bool:
    """Whether it is a finite number."""
    return type(value) in (int, float) and math.isfinite(value)


def _metadata(record: Record, represented: Sequence[str], kept: Record, rest: Record) -> dict[str, Any]:
    flat = {key: value for key, value in record.items() if key not in represented}
    rest = {**rest, **{key: flat.pop(key) for key in _NOT_METADATA if key in flat}}
    return {**flat, KEY: {**kept, "rest": rest} if rest else kept}


def _kept(metadata: dict[str, Any]) -> Record:
    kept = kept_of(metadata)
    if kept:
        del metadata[KEY]
    return dict(kept)


def _box(record: Record) -> list[Any] | None:
    box = record.get("bbox")
    if box is None or box == []:
        return None
    if isinstance(box, list) and len(box) == 4 and all(map(is_number, box)) and min(box[2:]) >= 0:
        return box
    raise ValueError(
        f"expected a bbox of four finite numbers [x, y, width, height], the last two at least 0, got {box!s:.100}"
    )


def _rings(record: Record) -> list[list[Any]] | None:
    """The polygons of a segmentation; None if it is none, or if one has less than three corners: that is kept as it is."""
    rings = record.get("segmentation")
    if not isinstance(rings, list) or not rings:
        return None
    if all(isinstance(r, list) and len(r) >= 6 and len(r) % 2 == 0 and all(map(is_number, r)) for r in rings):
        return rings
    return None


def _rle(record: Record) -> Record | None:
    segmentation = record.get("segmentation")
    return segmentation if isinstance(segmentation, dict) else None


def keypoint_triples(record: Mapping[str, Any]) -> list[tuple[Any, Any, Any]]:
    """x, y and visibility of each keypoint of a record; empty if it has none.

    Raises:
        ValueError: They are no triples of numbers.
    """
    flat = record.get("keypoints") or []
    if not isinstance(flat, list) or len(flat) % 3 or not all(map(is_number, flat)):
        raise ValueError(f"expected keypoints as [x1, y1, v1, x2, …] of finite numbers, got {flat!s:.100}")
    return list(zip(flat[::3], flat[1::3], flat[2::3]))


def _derived(shape: Any, record: Record, metadata: Mapping[str, Any]) -> Record:
    """The keys that COCO wants of an object that never was a record."""
    area: Any = None
    if hasattr(shape, "width"):
        area = shape.width * shape.height
    elif hasattr(shape, "vertices"):
        xs, ys = [v.x for v in shape.vertices], [v.y for v in shape.vertices]
        area = abs(sum(x * ys[i - 1] - xs[i - 1] * y for i, (x, y) in enumerate(zip(xs, ys)))) / 2
        record["bbox"] = [min(xs), min(ys), max(xs) - min(xs), max(ys) - min(ys)]
    else:
        points = [(p.x or 0, p.y or 0, 0 if p.x is None or p.y is None else 1 + p.visible) for p in shape.keypoints]
        placed = [point for point in points if point[2]]
        xs, ys = [x for x, _, _ in placed] or [0], [y for _, y, _ in placed] or [0]
        record["keypoints"] = [n for point in points for n in point]
        record["bbox"] = [min(xs), min(ys), max(xs) - min(xs), max(ys) - min(ys)]
        record["num_keypoints"] = len(placed)
        area = record["bbox"][2] * record["bbox"][3]
    return {**record, "area": metadata.get("area", area), "iscrowd": metadata.get("iscrowd", 0)}
