"""The items that a list of an evaluation shows, kept as a slice: the way from a failure to its own test."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from nucleus_server.domain import EvalFunction, JudgedEvaluation, Level, Population, Slice, SliceMember
from nucleus_server.errors import InvalidInput
from nucleus_server.services.item_filters import ItemFilter, matching_positions
from nucleus_server.services.results import Order, read_members, sorted_positions
from nucleus_server.storage import WorkspaceStore

if TYPE_CHECKING:
    from numpy.typing import NDArray

MAX_MEMBERS = 1_000_000


@dataclass(frozen=True, slots=True)
class SavedItems:
    """A slice made of an evaluation's items.

    Attributes:
        n_deleted: Items that were deleted since they were scored, and are no members.
    """

    made: Slice
    n_deleted: int


def save_items(
    ws: WorkspaceStore,
    judged: JudgedEvaluation,
    function: EvalFunction,
    name: str,
    wanted: ItemFilter,
    order: Order,
    *,
    n_first: int | None = None,
) -> SavedItems:
    """A slice of the items that the filter shows, in this order, or of the first `n_first` of them; one transaction.

    Raises:
        InvalidInput: There are none, more than `MAX_MEMBERS`, or the filter is none for this evaluation.
        PermissionDenied: The actor is a viewer.
    """
    members = read_members(ws, judged.evaluation)
    found = matching_positions(ws, judged, members, wanted)
    n_members = n_to_save(len(found), n_first)
    chosen = sorted_positions(ws, function, members, found, order, offset=0, limit=n_members)
    dataset_id = ws.get_slice_by_key(judged.evaluation.slice_key).dataset_id
    made = slice_of(ws, dataset_id, name, members.population, members.ordinals[chosen])
    return SavedItems(made, n_members - made.n_members)


def slice_of(ws: WorkspaceStore, dataset_id: str, name: str, of: Population, ordinals: NDArray[np.int64]) -> Slice:
    """A slice of these items or scenes.

    Raises:
        InvalidInput: They are tracks, of which there are no slices.
    """
    if of.level is Level.TRACK:
        raise InvalidInput(
            "expected items or scenes to keep as a slice, got tracks: a slice of the items that they are on has them as "
            "members of its tests",
            code="invalid_slice_members",
        )
    return ws.create_slice(dataset_id, name, ordinals=ordinals, member=SliceMember(of.level.value))


def n_to_save(n_found: int, n_first: int | None) -> int:
    """How many items of a list become members: all that it shows, or the first `n_first` of them.

    Raises:
        InvalidInput: There are none, or more than `MAX_MEMBERS`.
    """
    n_members = n_found if n_first is None else min(n_first, n_found)
    if not n_members:
        raise InvalidInput("expected at least one item, got none: no scored item fits the filter", code="empty_slice")
    if n_members > MAX_MEMBERS:
        raise InvalidInput(
            f"expected at most {MAX_MEMBERS:,} items, got {n_members:,}: filter further, or say how many of the first ones",
            code="too_many_members",
        )
    return n_members
