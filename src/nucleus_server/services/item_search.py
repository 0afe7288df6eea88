"""Items of a dataset by what somebody typed: a part of the reference id, and a metadata key with its value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from nucleus_server.domain import Dataset, Item, Slice
from nucleus_server.errors import InvalidInput
from nucleus_server.services.matching import ItemRule, matching_items, matching_ordinals
from nucleus_server.storage import WorkspaceStore

if TYPE_CHECKING:
    from numpy.typing import NDArray

_TRUTH = {"true": True, "false": False}


class WrongValue(InvalidInput):
    """What was typed as a value cannot be one of the metadata key's."""


@dataclass(frozen=True, slots=True)
class ItemSearch:
    """What was typed; empty fields ask for nothing.

    Attributes:
        text: A part of the reference id.
        key: A metadata key.
        value: What stands under the key; empty if it is enough that something does.
    """

    text: str = ""
    key: str = ""
    value: str = ""

    @property
    def is_empty(self) -> bool:
        """Whether all items match."""
        return not self.text and not self.key


@dataclass(frozen=True, slots=True)
class FoundItems:
    """A page of items.

    Attributes:
        n_matching: How many live items match.
        n_places: The places that pages are counted by; more than `n_matching` if deleted items stand among them.
    """

    items: tuple[Item, ...]
    n_matching: int
    n_places: int


def find_items(ws: WorkspaceStore, dataset: Dataset, search: ItemSearch, *, offset: int, limit: int) -> FoundItems:
    """The live items at the places `offset` to `offset + limit` among those that match.

    Raises:
        WrongValue: The value cannot be one of the key's.
        InvalidInput: The dataset has no such key.
    """
    if search.is_empty:
        ordinals = np.arange(offset, min(offset + limit, dataset.n_items), dtype=np.int64)
        n_matching, n_places = dataset.n_live_items, dataset.n_items
    else:
        found: NDArray[np.int64] = matching_ordinals(ws, dataset.id, rule_of(ws, dataset, search))
        ordinals, n_matching, n_places = found[offset : offset + limit], len(found), len(found)
    items = ws.items_at(dataset.key, ordinals)
    return FoundItems(tuple(item for item in items if item.deleted_at is None), n_matching, n_places)


def slice_of_search(ws: WorkspaceStore, dataset: Dataset, search: ItemSearch, name: str) -> Slice:
    """A new slice of all items that match now; InvalidInput if none does."""
    reference_ids = matching_items(ws, dataset.id, rule_of(ws, dataset, search)).reference_ids
    if not reference_ids:
        raise InvalidInput("expected at least one item that matches, got none", code="empty_slice")
    return ws.create_slice(dataset.id, name, reference_ids=reference_ids)


def append_found(ws: WorkspaceStore, dataset: Dataset, search: ItemSearch, slice_id: str) -> int:
    """Add all items that match now and are not in the slice; returns how many these are."""
    reference_ids = matching_items(ws, dataset.id, rule_of(ws, dataset, search), slice_id).reference_ids
    return ws.append_to_slice(slice_id, reference_ids) if reference_ids else 0


def rule_of(ws: WorkspaceStore, dataset: Dataset, search: ItemSearch) -> ItemRule:
    """The rule that says the same; the value is read as the key's other values are."""
    rules = []
    if search.text:
        plain = "".join(f"[{c}]" if c in "*?[" else c for c in search.text)
        rules.append(ItemRule(reference_id=f"*{plain}*"))
    if search.key:
        if search.value and search.key in ws.metadata_keys(dataset.key):
            rules.append(ItemRule(key=search.key, eq=_typed(ws.metadata_column(dataset.key, search.key).dtype, search)))
        else:  # a key that the dataset does not have is refused when the rule is used
            rules.append(ItemRule(key=search.key, exists=True))
    return ItemRule(all=rules)


def _typed(dtype: pl.DataType, search: ItemSearch) -> bool | int | float | str:
    if dtype == pl.String:
        return search.value
    try:
        if dtype == pl.Boolean:
            return _TRUTH[search.value.lower()]
        return int(search.value) if search.value.lstrip("+-").isdecimal() else float(search.value)
    except (ValueError, KeyError) as error:
        expected = "true or false" if dtype == pl.Boolean else "a number"
        raise WrongValue(
            f"expected {expected}, because all values of {search.key[:40]!r} are, got {search.value[:40]!r}",
            code="rule_type_mismatch",
        ) from error
