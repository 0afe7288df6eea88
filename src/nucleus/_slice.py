"""Slices: the part of a dataset that a scenario test looks at."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any

from nucleus._connection import Connection
from nucleus._console import progress_bar
from nucleus._dataset_item import DatasetItem
from nucleus._html import html_table
from nucleus._item_sources import count_of, reference_ids_of
from nucleus._tables import in_blocks

IDS_PER_REQUEST = 500_000


class Slice:
    """An append-only list of items of one dataset."""

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
    def items(self) -> list[DatasetItem]:
        """Its items, in slice order."""
        return [DatasetItem.from_json(row) for row in self._connection.get(f"slice/{self.id}")["items"]]

    def dataset_items(self) -> list[DatasetItem]:
        """The same as `items`."""
        return self.items

    def items_generator(self, page_size: int = 10_000) -> Iterator[DatasetItem]:
        """Its items in slice order, read page by page."""
        yield from paged_items(self._connection, f"slice/{self.id}/itemsPage", page_size)

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


def paged_items(connection: Connection, route: str, page_size: int) -> Iterator[DatasetItem]:
    """The items of a route that answers page by page."""
    token: str | None = None
    while True:
        page = connection.post({"pageToken": token, "pageSize": page_size}, route, is_replay_safe=True)
        yield from map(DatasetItem.from_json, page["items"])
        token = page["nextPageToken"]
        if not token:
            return
