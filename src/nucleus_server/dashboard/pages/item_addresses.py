"""The address of an item's page: the list that it was reached from, what of its scores is shown, and how near its image is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from urllib.parse import parse_qsl, urlencode

from nucleus_server.services.item_search import ItemSearch

MOST_ZOOM = 16.0
LIST_NAMES = ("slice", "evaluation", "order", "score", "min", "max", "passed", "id", "where", "text", "key", "value")
"""The parameters that name a list with its filter and order."""
_WORD = 40


@dataclass(frozen=True, slots=True)
class ItemAddress:
    """What the address of an item's page says; what it cannot mean is passed over.

    Attributes:
        path: The page without a query.
        of_list: The parameters that name a list, with its filter and order; none for all items of the dataset.
        position: The item's place in that list, from 0; None if it is not known.
        test_id, function_id: Whose history is shown.
        zoom: How many times larger than fitted the image is, from 1 to `MOST_ZOOM`.
        at: The point of the image in the middle of its frame, as shares of its width and height.
        first_column: The first column of scores, from 0.
    """

    path: str
    of_list: tuple[tuple[str, str], ...] = ()
    position: int | None = None
    test_id: str | None = None
    function_id: str | None = None
    zoom: float = 1.0
    at: tuple[float, float] | None = None
    first_column: int = 0

    def text(self, fragment: str = "") -> str:
        """The address."""
        parts: list[tuple[str, str | None]] = [
            *self.of_list,
            ("n", None if self.position is None else str(self.position + 1)),
            ("test", self.test_id),
            ("function", self.function_id),
            ("zoom", None if self.zoom == 1 else f"{self.zoom:g}"),
            ("at", None if self.at is None or self.zoom == 1 else f"{self.at[0]:g},{self.at[1]:g}"),
            ("columns", str(self.first_column) if self.first_column else None),
        ]
        query = urlencode([(name, value) for name, value in parts if value])
        return f"{self.path}{'?' if query else ''}{query}{'#' if fragment else ''}{fragment}"

    def among_all(self) -> ItemAddress:
        """The same among all items of the dataset."""
        return replace(self, of_list=(), position=None)

    def value(self, name: str) -> str:
        """A parameter of the list; empty without one."""
        return next((value for each, value in self.of_list if each == name), "")

    @property
    def search(self) -> ItemSearch:
        """What the dataset's items are narrowed down to."""
        return ItemSearch(self.value("text"), self.value("key"), self.value("value"))


def read_item_address(path: str, query: str) -> ItemAddress:
    """What a query string says."""
    found = [(name, value) for name, value in parse_qsl(query) if value]
    last = dict(found)
    number, columns = last.get("n", ""), last.get("columns", "")
    return ItemAddress(
        path=path,
        of_list=tuple((name, value) for name, value in found if name in LIST_NAMES),
        position=int(number) - 1 if number.isdecimal() and len(number) < 10 and int(number) else None,
        test_id=last.get("test"),
        function_id=last.get("function"),
        zoom=_number(last.get("zoom", ""), 1.0, MOST_ZOOM) or 1.0,
        at=_point(last.get("at", "")),
        first_column=int(columns) if columns.isdecimal() and len(columns) < 6 else 0,
    )


def path_in_list(dataset_id: str, item_id: str, of_list: Sequence[tuple[str, str]], position: int | None = None) -> str:
    """The page of an item that is reached from a list."""
    path = f"/datasets/{dataset_id}/items/{item_id}"
    return ItemAddress(path, tuple((name, value) for name, value in of_list if value), position).text()


def _number(text: str, lowest: float, highest: float) -> float | None:
    try:
        value = float(text[:_WORD])
    except ValueError:
        return None
    return min(max(value, lowest), highest) if value == value else None


def _point(text: str) -> tuple[float, float] | None:
    x, _, y = text.partition(",")
    first, second = _number(x, 0.0, 1.0), _number(y, 0.0, 1.0)
    return None if first is None or second is None else (first, second)
