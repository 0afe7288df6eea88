"""Slices: the part of a dataset that a scenario test looks at."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any

from nucleus._answers import paged
from nucleus._connection import Connection
from nucleus._console import progress_bar
from nucleus._dataset_item import DatasetItem
from nucleus._exports import exported_predictions, exported_row, slice_member
from nucleus._html import html_table
from nucleus._item_sources import count_of, reference_ids_of
from nucleus._model import Model
from nucleus._tables import in_blocks

IDS_PER_REQUEST = 500_000
_ROWS_PER_PAGE = 10_000


class Slice:
    """An append-only list of members of one dataset: items, or scenes, or annotations and predictions."""

    def __init__(self, slice_id: str, connection: Connection, info: dict[str, Any] | None = None) -> None:
        self.id = slice_id
        self._connection = connection
        self._info = info

    def __repr__(self) -> str:
        return f"Slice(slice_id={self.id!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Slice) and self.id == other.id and self._connection == other._connection

    def __hash__(self) -> int:
        return hash(self.id)

    def _repr_html_(self) -> str:
        info = self.info()
        return html_table(
            f"Slice {info['name']}", ["id", "dataset", "members"], [[self.id, info["dataset_id"], info["n_members"]]]
        )

    @property
    def slice_id(self) -> str:
        """The slice's id."""
        return self.id

    @property
    def name(self) -> str:
        """Its name."""
        return str(self._cached()["name"])

    @property
    def dataset_id(self) -> str:
        """The id of its dataset."""
        return str(self._cached()["dataset_id"])

    @property
    def created_at(self) -> datetime:
        """When it was made, in UTC."""
        return datetime.fromisoformat(self._cached()["created_at"].replace("Z", "+00:00"))

    def info(self) -> dict[str, Any]:
        """Ask for `slice_id`, `name`, `dataset_id`, `created_at`, `type`, `n_members` and more."""
        self._info = self._connection.get(f"slice/{self.id}/info")
        assert self._info is not None
        return self._info

    @property
    def type(self) -> str:
        """What its members are: `dataset_item`, `scene` or `object`."""
        return str(self._cached()["type"])

    @property
    def description(self) -> str | None:
        """What it is for."""
        return self._cached().get("description")

    @property
    def pending_job_count(self) -> int | None:
        """How many jobs still add members to it."""
        return self.info().get("pending_job_count")

    @property
    def tags(self) -> list[str]:
        """Words to find it by."""
        return list(self.info().get("tags") or ())

    def add_tags(self, tags: Iterable[str]) -> dict[str, Any]:
        """Add words to find it by."""
        answer: dict[str, Any] = self._connection.post({"slice_tags": list(tags)}, f"slice/{self.id}/tag")
        return answer

    @property
    def items(self) -> list[Any]:
        """Its members, in slice order: items, scenes without their frames, or annotations and predictions."""
        return [slice_member(row, self._connection) for row in self._connection.get(f"slice/{self.id}")["items"]]

    def dataset_items(self) -> list[DatasetItem]:
        """The items of a slice of items, in slice order."""
        return [DatasetItem.from_json(row) for row in self._connection.get(f"slice/{self.id}")["items"]]

    def items_generator(self, page_size: int = 10_000) -> Iterator[Any]:
        """Its members in slice order, read page by page."""
        for row in paged(self._connection, f"slice/{self.id}/itemsPage", page_size, "items"):
            yield slice_member(row, self._connection)

    def append(self, reference_ids: Iterable[str] | None = None) -> dict[str, Any]:
        """Add members at the end; present ones stay where they are.

        Args:
            reference_ids: Any number, in a list, an array, a series, a generator. More than 500,000 go in several requests:
                if one fails, the members of those before it stay, and the same call again adds the rest.

        Returns:
            `slice_id`, and `new_items`: how many were new.

        Raises:
            ValueError: The ids are no texts.
            NucleusAPIError: The dataset has no items with some of these reference ids; of that request nothing was added.
        """
        batches = in_blocks(reference_ids_of(reference_ids), IDS_PER_REQUEST)
        # Without ids the server is asked too: it says whether the slice exists.
        first = next(batches, [])
        n_new = self.append_batches(
            itertools.chain([first], batches), count_of(reference_ids), dataset_id=self.dataset_id
        )
        return {"slice_id": self.id, "new_items": n_new}

    def append_batches(
        self, batches: Iterable[Sequence[str]], n_total: int | None, *, dataset_id: str, n_done: int = 0
    ) -> int:
        """Add members batch by batch; how many were new."""
        n_new = 0
        with progress_bar("Filling the slice", n_total, "items") as advance:
            advance(n_done)
            for batch in batches:
                payload = {"reference_ids": batch, "dataset_id": dataset_id}
                answer = self._connection.post(payload, f"slice/{self.id}/append", is_replay_safe=True)
                n_new += answer["new_items"]
                advance(len(batch))
        return n_new

    def _cached(self) -> dict[str, Any]:
        return self._info or self.info()

    # --- exports

    def items_and_annotations(self) -> list[dict[str, Any]]:
        """Its items with their ground truth, as `items_and_annotation_generator` yields them."""
        return list(self.items_and_annotation_generator())

    def items_and_annotation_generator(self, use_mirrored_images: bool = False) -> Iterator[dict[str, Any]]:
        """Its items with their ground truth, read page by page; see `Dataset.items_and_annotation_generator`."""
        route = f"slice/{self.id}/exportForTrainingPage"
        yield from map(exported_row, paged(self._connection, route, _ROWS_PER_PAGE, "data", chip=use_mirrored_images))

    def export_predictions(self, model: Model | str) -> list[dict[str, Any]]:
        """Its items with a model's predictions, as `export_predictions_generator` yields them."""
        return list(self.export_predictions_generator(model))

    def export_predictions_generator(self, model: Model | str) -> Iterator[dict[str, Any]]:
        """Its items with a model's predictions, read page by page.

        Yields:
            An item as `item`, and its `predictions`: lists by kind (`box`, `polygon`, …), and as `segmentation` the only one.
        """
        model_id = model if isinstance(model, str) else model.id
        route = f"slice/{self.id}/{model_id}/exportForTrainingPage"
        yield from map(exported_predictions, paged(self._connection, route, _ROWS_PER_PAGE, "data"))

    def export_class_labels(self) -> list[str]:
        """The labels of the ground truth on its items, each once."""
        return list(self._connection.get(f"slice/{self.id}/class_labels").get("data") or ())

    def export_raw_json(self) -> Any:
        """Its members as the server keeps them."""
        return self._connection.get(f"slice/{self.id}/export_raw_json")

    def export_raw_items(self) -> Any:
        """Where the media of its items are, in `raw_dataset_items`."""
        return self._connection.get(f"slice/{self.id}/exportRawItems")
