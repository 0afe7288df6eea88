"""The lists that an item is shown in, and the items before and after it there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from nucleus_server.domain import Dataset, Item, Population, Slice
from nucleus_server.errors import NotFound
from nucleus_server.services.item_filters import ItemFilter, matching_positions
from nucleus_server.services.item_search import ItemSearch, search_ordinals
from nucleus_server.services.judging import judge_one
from nucleus_server.services.results import Order, read_members, sorted_positions
from nucleus_server.storage import WorkspaceStore

if TYPE_CHECKING:
    from numpy.typing import NDArray

_WINDOW = 64  # deleted neighbours are skipped by so many at a time


@dataclass(frozen=True, slots=True)
class Neighbours:
    """Where an item is in a list, and the nearest items before and after it that were not deleted.

    Attributes:
        position: Its place in the list, from 0, counting deleted ones.
        n: The length of the list, counting deleted ones.
        previous_position, next_position: The neighbours' places; None where there is none.
    """

    previous: Item | None
    next: Item | None
    position: int
    n: int
    previous_position: int | None
    next_position: int | None


def in_dataset(ws: WorkspaceStore, dataset: Dataset, item: Item, search: ItemSearch) -> Neighbours:
    """Among the items of the dataset that match, in the order in which they were added.

    Raises:
        InvalidInput: The search cannot be meant.
        NotFound: The item does not match.
    """
    if search.is_empty:
        return _around(ws, item, np.arange(dataset.n_items, dtype=np.int64), item.ordinal)
    ordinals = search_ordinals(ws, dataset, search)
    return _around(ws, item, ordinals, _place(item, ordinals, "among the items that match", "the filter"))


def in_slice(ws: WorkspaceStore, part: Slice, item: Item) -> Neighbours:
    """Among the members of a slice; NotFound if the item is none."""
    ordinals = ws.slice_item_ordinals(part)
    known = ordinals if part.dataset_key == item.dataset_key else ordinals[:0]
    return _around(ws, item, ordinals, _place(item, known, f"in slice {part.id}", "slice"))


def in_evaluation(
    ws: WorkspaceStore, item: Item, evaluation_id: str, wanted: ItemFilter, order: Order, position: int | None
) -> Neighbours:
    """In the list of an evaluation's scored items.

    Args:
        wanted: What the list is narrowed down to.
        order: How it is sorted.
        position: Where the item was in the list, from 0: if it still is, only its surroundings are sorted.

    Raises:
        InvalidInput: The filter is none for this evaluation.
        NotFound: There is no such evaluation, or the item is not in the list.
    """
    judged = judge_one(ws, evaluation_id)
    members = read_members(ws, judged.evaluation)
    function = ws.get_eval_function_of(judged.evaluation)
    positions = matching_positions(ws, judged, members, wanted)
    where = f"in this list of evaluation {evaluation_id}"
    if members.population != Population(item.dataset_key):
        raise _not_there(item, where, "evaluation")

    def sorted_ordinals(offset: int, limit: int) -> NDArray[np.int64]:
        chosen = sorted_positions(ws, function, members, positions, order, offset=offset, limit=limit)
        return members.ordinals[chosen]

    if position is not None and position < len(positions):
        offset = max(0, position - _WINDOW)
        near = sorted_ordinals(offset, 2 * _WINDOW + 1)
        if near[position - offset] == item.ordinal:
            return _around(ws, item, near, position - offset, offset=offset, n=len(positions))
    ordinals = sorted_ordinals(0, len(positions))
    return _around(ws, item, ordinals, _place(item, ordinals, where, "evaluation"))


def _place(item: Item, ordinals: NDArray[np.int64], where: str, what: str) -> int:
    places = np.flatnonzero(ordinals == item.ordinal)
    if not len(places):
        raise _not_there(item, where, what)
    return int(places[0])


def _not_there(item: Item, where: str, what: str) -> NotFound:
    return NotFound(f"no item with id {item.id!r} {where}: leave {what} out", code="item_not_found")


def _around(
    ws: WorkspaceStore, item: Item, ordinals: NDArray[np.int64], place: int, *, offset: int = 0, n: int | None = None
) -> Neighbours:
    """The neighbours of the one at `place` of the ordinals, of which the first one stands at `offset` of a list of `n`."""
    before, n_before = _first_live(ws, item.dataset_key, ordinals[:place][::-1])
    after, n_after = _first_live(ws, item.dataset_key, ordinals[place + 1 :])
    position = offset + place
    return Neighbours(
        previous=before,
        next=after,
        position=position,
        n=len(ordinals) if n is None else n,
        previous_position=None if before is None else position - 1 - n_before,
        next_position=None if after is None else position + 1 + n_after,
    )


def _first_live(ws: WorkspaceStore, dataset_key: int, ordinals: NDArray[np.int64]) -> tuple[Item | None, int]:
    """The first that was not deleted, and how many before it were."""
    for start in range(0, len(ordinals), _WINDOW):
        # The nearest one is seldom deleted: it is looked at alone, before many are.
        for first, last in ((start, start + 1), (start + 1, start + _WINDOW)):
            for place, item in enumerate(ws.items_at(dataset_key, ordinals[first:last]), first):
                if item.deleted_at is None:
                    return item, place
    return None, 0
