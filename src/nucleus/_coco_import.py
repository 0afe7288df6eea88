"""COCO files on their way in, with all that they say."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeAlias

import msgspec

from nucleus._annotations import KeypointsAnnotation, Segment, SegmentationAnnotation
from nucleus._client import NucleusClient
from nucleus._coco_masks import mask_png, mask_size, run_bounds
from nucleus._coco_records import (
    KEY,
    Placed,
    Record,
    Shapes,
    image_metadata,
    is_number,
    is_pixels,
    keypoint_triples,
    place,
)
from nucleus._dataset import Dataset
from nucleus._exceptions import NotFoundError
from nucleus._geometry import Keypoint
from nucleus._model import Model
from nucleus._predictions import KeypointsPrediction

Images: TypeAlias = "str | os.PathLike[str] | Callable[[str], str]"
"""Where images are: a folder, the URL of one, or a function from a file's name to a path or URL."""

_URL_KEYS = ("coco_url", "flickr_url")
_SCHEMES = ("http://", "https://", "s3://", "gs://", "gcs://", "azure://", "data:image/")


@dataclass(frozen=True)
class CocoImport:
    """What was imported.

    Attributes:
        n_records: How many images and annotations, or results, the file has.
        n_stored: How many objects of ours are new, or were replaced: boxes, polygons, masks and keypoints.
        n_ignored: How many were there already.
        errors: Texts about objects that were not stored, such as those on items that are deleted.
    """

    dataset: Dataset
    n_records: int
    n_stored: int
    n_ignored: int
    errors: list[str] = field(default_factory=list)


def import_dataset(
    client: NucleusClient,
    source: str | os.PathLike[str] | Mapping[str, Any],
    name: str,
    *,
    images: Images | None = None,
    reference_id: Literal["file_name", "id"] = "file_name",
    shapes: Shapes = "boxes",
    update: bool = False,
) -> CocoImport:
    """Make a dataset of a COCO dataset, so that `export_dataset` gives the same records back.

    Images become items, annotations boxes, polygons, masks or keypoints, categories labels. All other keys are metadata; what
    belongs to the whole file (`info`, `licenses`, `categories` and keys of your own) is in the dataset's
    `annotation_metadata_schema`. The whole file is checked before anything is sent. If it is interrupted, call it again with the
    same arguments: what is there is ignored.

    Args:
        source: The file, or what is in it.
        name: Of the dataset. If one of this name was made of a file with the same head, the import goes on there.
        images: Where the images are. Without it, the item's URL is the image's `coco_url`, else its `flickr_url`, else its
            `file_name` if that is a URL. With it, a `file_name` may not lead out of the folder.
        reference_id: What of an image is its reference id.
        shapes: What becomes of annotations with a box and a segmentation. `boxes`: a box, with the segmentation in the metadata.
            `segmentations`: a polygon for each of its parts; of masks in runs one mask for each image, with a segment for each.
            In either case keypoints are an object of their own too.
        update: Replace items' metadata and annotations that are there, instead of ignoring the new ones.

    Raises:
        ValueError: It is no COCO dataset, or a record is wrong, which is named; or a dataset of this name is another one.
        FileNotFoundError: A local image is not there.
        NucleusAPIError: The server refused a request.
    """
    document = _read(source, "a COCO dataset (an object with images, annotations and categories)")
    if not isinstance(document, dict) or not isinstance(document.get("images"), list):
        raise ValueError(
            "expected a COCO dataset (an object with images, annotations and categories), got something else"
        )
    if reference_id not in ("file_name", "id") or shapes not in ("boxes", "segmentations"):
        raise ValueError(
            "expected reference_id 'file_name' or 'id' and shapes 'boxes' or 'segmentations', got "
            f"{reference_id!r} and {shapes!r}"
        )
    head = {key: value for key, value in document.items() if key not in ("images", "annotations")}
    if "annotations" not in document:
        head["has_no_annotations"] = True
    references = _references(document["images"], reference_id)
    columns = _item_columns(document["images"], references, images)
    objects = _Objects(references, _categories(document), shapes, is_result=False)
    objects.add_all(document.get("annotations", []), document["images"])
    dataset = _dataset_of(client, name, {"reference_id": reference_id, "shapes": shapes, "head": head})
    if columns["reference_id"]:
        dataset.append(columns, update=update)
    answers = [dataset.annotate(batch, update=update) for batch in objects.columns()]
    with tempfile.TemporaryDirectory(prefix="masks-") as folder:
        if masks := list(objects.masks(Path(folder))):
            answers.append(dataset.annotate(masks, update=update))
    if objects.keypoints:
        answers.append(dataset.annotate(objects.keypoints, update=update))
    return _imported(dataset, len(references) + objects.n_records, answers, "annotations")


def import_results(
    dataset: Dataset,
    model: Model | str,
    source: str | os.PathLike[str] | Sequence[Mapping[str, Any]],
    *,
    shapes: Shapes = "boxes",
    update: bool = False,
) -> CocoImport:
    """Make predictions of results in COCO's form, so that `export_results` gives the same records back.

    Args:
        dataset: That `import_dataset` made of the file that the numbers of images and categories are of.
        model: Whose they are, or its id.
        source: The file of `image_id`, `category_id`, `score` and `bbox`, `segmentation` or `keypoints`; or what is in it.
        shapes: As in `import_dataset`; but a mask in runs becomes the box around it.
        update: Replace predictions that are there, instead of ignoring the new ones. A result is the same as an earlier one if
            it has the same place in the file.

    Raises:
        ValueError: They are no results, or one is wrong, which is named; or the dataset was not made of a COCO file.
        NucleusAPIError: The server refused a request.
    """
    results = _read(source, "COCO results (a list)")
    if not isinstance(results, list):
        raise ValueError("expected COCO results (a list), got something else")
    head = head_of(dataset)
    references = {}
    for item in dataset.items_generator():
        kept = (item.metadata or {}).get(KEY)
        if isinstance(kept, dict) and "id" in kept:
            references[kept["id"]] = str(item.reference_id)
    objects = _Objects(references, _categories(head["head"]), shapes, is_result=True)
    objects.add_all(results, [])
    answers = [dataset.upload_predictions(model, batch, update=update) for batch in objects.columns()]
    if objects.keypoints:
        answers.append(dataset.upload_predictions(model, objects.keypoints, update=update))
    return _imported(dataset, objects.n_records, answers, "predictions")


def head_of(dataset: Dataset) -> dict[str, Any]:
    """What a dataset keeps of the COCO file that it was made of.

    Raises:
        ValueError: It was not made of one.
    """
    kept = find_head(dataset)
    if kept is None:
        raise ValueError(
            f"expected a dataset that was made of a COCO file, got {dataset.id}: import the COCO dataset first, which the "
            "numbers of images and categories are of"
        )
    return kept


def find_head(dataset: Dataset) -> dict[str, Any] | None:
    """The same; None if it was not made of a COCO file."""
    kept = (dataset.info().annotation_metadata_schema or {}).get(KEY)
    return kept if isinstance(kept, dict) and isinstance(kept.get("head"), dict) else None


class _Objects:
    """The objects of a file, by how they are sent."""

    def __init__(
        self, references: Mapping[Any, str], categories: Mapping[Any, Record], shapes: Shapes, *, is_result: bool
    ) -> None:
        self.n_records = 0
        self.keypoints: list[KeypointsAnnotation] = []
        self._references = references
        self._categories = categories
        self._shapes: Shapes = shapes
        self._is_result = is_result
        self._noun = "result" if is_result else "annotation"
        names = ["reference_id", "label", "annotation_id", "metadata", *(["confidence"] if is_result else [])]
        self._boxes: dict[str, list[Any]] = {name: [] for name in (*names, "x", "y", "width", "height")}
        self._polygons: dict[str, list[Any]] = {name: [] for name in (*names, "vertices")}
        self._masks: dict[str, list[tuple[str, Placed]]] = {}

    def add_all(self, records: Any, images: Sequence[Record]) -> None:
        """Take records, all or none.

        Raises:
            ValueError: One is wrong; it is named.
        """
        if not isinstance(records, list):
            raise ValueError(f"expected a list of {self._noun}s, got {type(records).__name__}")
        self.n_records = len(records)
        sizes = {self._references[i["id"]]: (i.get("height"), i.get("width")) for i in images}
        seen: set[Any] = set()
        for position, record in enumerate(records):
            where = f"{self._noun} in place {position}"
            try:
                _check_object(record)
                if not self._is_result:
                    _check_id(record, seen)
                    where = f"annotation {record['id']!r} (in place {position})"
                self._add(record, position, sizes)
            except ValueError as error:
                raise ValueError(f"{where}: {error}") from None

    def columns(self) -> Iterator[dict[str, list[Any]]]:
        """Boxes and polygons, in columns."""
        for columns in (self._boxes, self._polygons):
            if columns["label"]:
                yield columns

    def masks(self, folder: Path) -> Iterator[SegmentationAnnotation]:
        """One mask for each item that has some, as a file of the folder."""
        for number, (reference, masks) in enumerate(self._masks.items()):
            path = folder / f"{number}.png"
            path.write_bytes(mask_png([placed.geometry for _, placed in masks]))
            segments = [Segment(label, index, placed.metadata) for index, (label, placed) in enumerate(masks, 1)]
            yield SegmentationAnnotation(str(path), segments, reference, f"{KEY}-mask")

    def _add(self, record: Record, position: int, sizes: Mapping[str, tuple[Any, Any]]) -> None:
        reference = _known(self._references, record, "image_id", "images")
        category = _known(self._categories, record, "category_id", "categories")
        placed = place(record, position, self._shapes, is_result=self._is_result)
        own_id = str(position if self._is_result else record["id"])
        shared: Record = {"reference_id": reference, "label": category["name"]}
        if self._is_result:
            score: Any = record.get("score")
            if not is_number(score) or not 0 <= score <= 1:
                raise ValueError(f"expected a score in [0, 1], got {score!r}")
            shared["confidence"] = score
        if placed.kind == "box":
            sides = dict(zip(("x", "y", "width", "height"), placed.geometry))
            _append(self._boxes, {**shared, **sides, "annotation_id": own_id, "metadata": placed.metadata})
        elif placed.kind == "polygon":
            for part, ring in enumerate(placed.geometry):
                metadata = {KEY: {"part_of": own_id, "part": part}} if part else placed.metadata
                _append(
                    self._polygons,
                    {
                        **shared,
                        "vertices": list(zip(ring[::2], ring[1::2])),
                        "annotation_id": f"{own_id}/{part}" if part else own_id,
                        "metadata": metadata,
                    },
                )
        elif placed.kind == "mask":
            _check_mask(placed, sizes.get(reference, (None, None)), self._masks.get(reference))
            self._masks.setdefault(reference, []).append((category["name"], placed))
        is_all = placed.kind == "keypoints"
        if points := keypoint_triples(record):
            metadata = placed.metadata if is_all else {KEY: {"keypoints_of": own_id}}
            keypoints = [Keypoint(x if v else None, y if v else None, bool(v)) for x, y, v in points]
            self._add_keypoints(keypoints, category, shared, own_id if is_all else f"{own_id}/keypoints", metadata)

    def _add_keypoints(
        self, points: list[Keypoint], category: Record, shared: Record, own_id: str, metadata: Record
    ) -> None:
        names = category.get("keypoints")
        n = len(points)
        is_named = isinstance(names, list) and len(names) == n and len(set(map(str, names))) == n
        skeleton = [
            [a - 1, b - 1]
            for a, b in _pairs(category.get("skeleton"))
            if is_named and 1 <= a <= n and 1 <= b <= n  # COCO counts from 1
        ]
        fields: dict[str, Any] = {
            "label": shared["label"],
            "keypoints": points,
            "names": list(map(str, names)) if isinstance(names, list) and is_named else [str(i + 1) for i in range(n)],
            "skeleton": skeleton or None,
            "reference_id": shared["reference_id"],
            "annotation_id": own_id,
            "metadata": metadata,
        }
        kind = KeypointsPrediction if self._is_result else KeypointsAnnotation
        confidence = {"confidence": shared["confidence"]} if self._is_result else {}
        self.keypoints.append(kind(**fields, **confidence))


def _imported(dataset: Dataset, n_records: int, answers: Sequence[Mapping[str, Any]], what: str) -> CocoImport:
    return CocoImport(
        dataset,
        n_records,
        sum(answer[f"{what}_processed"] for answer in answers),
        sum(answer[f"{what}_ignored"] for answer in answers),
        [error for answer in answers for error in answer.get("errors") or ()],
    )


def _read(source: Any, what: str) -> Any:
    if not isinstance(source, (str, os.PathLike)):
        return msgspec.to_builtins(source)
    try:
        return msgspec.json.decode(Path(source).read_bytes())
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError(f"expected {what} in {os.fspath(source)}, got no JSON: {error}") from error


def _references(images: Sequence[Any], reference_id: str) -> dict[Any, str]:
    """The reference id of each image, by its number."""
    references: dict[Any, str] = {}
    taken: dict[str, Any] = {}
    seen: set[Any] = set()
    for position, image in enumerate(images):
        try:
            _check_object(image)
            _check_id(image, seen)
            reference = image.get("file_name") if reference_id == "file_name" else str(image["id"])
            if not isinstance(reference, str) or not reference:
                raise ValueError(f"expected a file_name, got {reference!r}: give reference_id 'id'")
            if reference in taken:
                raise ValueError(
                    f"expected every {reference_id} once, got {reference!r} of image {taken[reference]!r} too"
                    + (": give reference_id 'id'" if reference_id == "file_name" else "")
                )
        except ValueError as error:
            raise ValueError(f"image in place {position}: {error}") from None
        references[image["id"]] = reference
        taken[reference] = image["id"]
    return references


def _categories(document: Mapping[str, Any]) -> dict[Any, Record]:
    categories: dict[Any, Record] = {}
    seen: set[Any] = set()
    listed = document.get("categories", [])
    if not isinstance(listed, list):
        raise ValueError(f"expected a list of categories, got {type(listed).__name__}")
    for position, category in enumerate(listed):
        try:
            _check_object(category)
            _check_id(category, seen)
            if not isinstance(category.get("name"), str) or not category["name"]:
                raise ValueError(f"expected a name, got {category.get('name')!r}")
        except ValueError as error:
            raise ValueError(f"category in place {position}: {error}") from None
        categories[category["id"]] = category
    return categories


def _item_columns(
    images: Sequence[Record], references: Mapping[Any, str], where: Images | None
) -> dict[str, list[Any]]:
    return {
        "reference_id": list(references.values()),
        "image_location": [_location(image, where) for image in images],
        "width": [image["width"] if is_pixels(image.get("width")) else None for image in images],
        "height": [image["height"] if is_pixels(image.get("height")) else None for image in images],
        "metadata": [image_metadata(image, i, references[image["id"]]) for i, image in enumerate(images)],
    }


def _location(image: Record, where: Images | None) -> str:
    name = image.get("file_name")
    if where is None:
        for url in (*(image.get(key) for key in _URL_KEYS), name):
            if isinstance(url, str) and url.startswith(_SCHEMES):
                return url
        raise ValueError(
            f"image {image['id']!r}: expected a coco_url, a flickr_url or a URL as file_name, got none: say where the images are"
        )
    if not isinstance(name, str) or not name:
        raise ValueError(f"image {image['id']!r}: expected a file_name, got {name!r}")
    if callable(where):
        return where(name)
    base = os.fspath(where)
    if not base.startswith(_SCHEMES) and (os.path.isabs(name) or ".." in Path(name).parts):
        raise ValueError(f"image {image['id']!r}: expected a file below {base}, got {name!r}")
    return f"{base.rstrip('/')}/{name}"


def _dataset_of(client: NucleusClient, name: str, kept: Record) -> Dataset:
    schema = {KEY: kept}
    there = [dataset for dataset in client.datasets if dataset.name == name]
    for dataset in there:
        try:
            if dataset.info().annotation_metadata_schema == schema:
                return dataset
        except NotFoundError:  # deleted by somebody in the meantime
            continue
    if there:
        raise ValueError(
            f"expected a new name, or that of a dataset that was made of this file in the same way, got {name!r}, which "
            f"is {there[0].id}: give another name"
        )
    return client.create_dataset(name, annotation_metadata_schema=schema)


def _check_mask(placed: Placed, image_size: tuple[Any, Any], others: Sequence[tuple[str, Placed]] | None) -> None:
    run_bounds(placed.geometry)
    size = mask_size(placed.geometry)
    if all(map(is_pixels, image_size)) and image_size != size:
        raise ValueError(f"expected a mask of its image's size {list(image_size)}, got {list(size)}")
    if others and mask_size(others[0][1].geometry) != size:
        raise ValueError(f"expected masks of one size on an image, got {list(size)} beside others")


def _check_object(record: Any) -> None:
    if not isinstance(record, dict):
        raise ValueError(f"expected an object, got {record!s:.60}")


def _check_id(record: Record, seen: set[Any]) -> None:
    own_id = record.get("id")
    if type(own_id) not in (int, str) or own_id == "":
        raise ValueError(f"expected an id, a whole number or a text, got {own_id!r}")
    # Ids of annotations are texts here, so 1 and "1" would be the same.
    if str(own_id) in seen:
        raise ValueError(f"expected every id once, got {own_id!r} again")
    seen.add(str(own_id))


def _known(known: Mapping[Any, Any], record: Record, key: str, noun: str) -> Any:
    value = record.get(key)
    if type(value) not in (int, str) or value not in known:
        raise ValueError(f"expected the {key} of one of the {len(known)} {noun}, got {value!r}")
    return known[value]


def _pairs(skeleton: Any) -> list[tuple[int, int]]:
    pairs = skeleton if isinstance(skeleton, list) else []
    return [(p[0], p[1]) for p in pairs if isinstance(p, list) and len(p) == 2 and all(type(n) is int for n in p)]


def _append(columns: dict[str, list[Any]], row: Record) -> None:
    for name, values in columns.items():
        values.append(row[name])
