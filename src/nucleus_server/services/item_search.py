"""Items of a dataset by what somebody typed: a part of the reference id, and a metadata key with its value."""

from __future__ import annotations

import contextlib
import math
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from nucleus_server.domain import Dataset, Item, Slice
from nucleus_server.errors import InvalidInput
from nucleus_server.services.matching import ItemRule, matching_items, matching_ordinals
from nucleus_server.storage import WorkspaceStore

if TYPE_CHECKING:
    from numpy.typing import NDArray

_TRUTH = {"true": True, "false": False}
_INTEGER = re.compile(r"[+-]?[0-9]{1,18}")
Result = TypeVar("Result")


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
        found = search_ordinals(ws, dataset, search)
        ordinals, n_matching, n_places = found[offset : offset + limit], len(found), len(found)
    items = ws.items_at(dataset.key, ordinals)
    return FoundItems(tuple(item for item in items if item.deleted_at is None), n_matching, n_places)


def search_ordinals(ws: WorkspaceStore, dataset: Dataset, search: ItemSearch) -> NDArray[np.int64]:
    """The places in the dataset of all live items that match, ascending; raises as `find_items` does."""
    return _use(search, lambda rule: matching_ordinals(ws, dataset.id, rule))


def slice_of_search(ws: WorkspaceStore, dataset: Dataset, search: ItemSearch, name: str) -> Slice:
    """A new slice of all items that match now; InvalidInput if none does."""
    reference_ids = _use(search, lambda rule: matching_items(ws, dataset.id, rule)).reference_ids
    if not reference_ids:
        raise InvalidInput("expected at least one item that matches, got none", code="empty_slice")
    return ws.create_slice(dataset.id, name, reference_ids=reference_ids)


def append_found(ws: WorkspaceStore, dataset: Dataset, search: ItemSearch, slice_id: str) -> int:
    """Add all items that match now and are not in the slice; returns how many these are."""
    reference_ids = _use(search, lambda rule: matching_items(ws, dataset.id, rule, slice_id)).reference_ids
    return ws.append_to_slice(slice_id, reference_ids) if reference_ids else 0


def append_chosen(ws: WorkspaceStore, dataset: Dataset, slice_id: str, item_ids: Sequence[str]) -> int:
    """Add these items to the slice, in this order; returns how many were not in it.

    Raises:
        InvalidInput: An item is not in the dataset, or was deleted.
    """
    items = [ws.get_item(item_id) for item_id in item_ids]
    strange = next((item for item in items if item.dataset_key != dataset.key), None)
    if strange is not None:
        raise InvalidInput(f"expected items of dataset {dataset.id}, got {strange.id}", code="unknown_item_ids")
    return ws.append_to_slice(slice_id, [item.reference_id for item in items])


def _use(search: ItemSearch, use: Callable[[ItemRule], Result]) -> Result:
    """What `use` makes of the rule that says the same; the value is read as the key's other values are.

    Raises:
        WrongValue: The value cannot be read so.
    """
    for value in _readings(search.value):
        try:
            return use(_rule(search, value))
        except InvalidInput as error:
            if error.code != "rule_type_mismatch":
                raise
    raise WrongValue(
        f"expected a value such as the others under {search.key[:40]!r}, which are numbers or true and false, got "
        f"{search.value[:40]!r}",
        code="rule_type_mismatch",
    )


def _readings(text: str) -> Iterator[bool | int | float | str]:
    """What a text may mean, the most special first."""
    if text.lower() in _TRUTH:
        yield _TRUTH[text.lower()]
    if _INTEGER.fullmatch(text):
        yield int(text)
    else:
        with contextlib.suppress(ValueError):
            number = float(text)
            if math.isfinite(number):
                yield number
    yield text


def _rule(search: ItemSearch, value: bool | int | float | str) -> ItemRule:
    rules = []
    if search.text:
        plain = "".join(f"[{c}]" if c in "*?[" else c for c in search.text)
        rules.append(ItemRule(reference_id=f"*{plain}*"))
    if search.key:
        is_any = value == ""
        rules.append(ItemRule(key=search.key, exists=True) if is_any else ItemRule(key=search.key, eq=value))
    return ItemRule(all=rules)
