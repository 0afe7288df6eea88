"""Answers that come in parts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from nucleus._connection import Connection


def paged(connection: Connection, route: str, page_size: int, key: str, **asked: object) -> Iterator[Any]:
    """The rows under `key` of every page, asked for one page after the other.

    Raises:
        ValueError: The page size is less than 1.
    """
    if page_size < 1:
        raise ValueError(f"expected a page_size of at least 1, got {page_size}")
    token: str | None = None
    while True:
        page = connection.post({"pageToken": token, "pageSize": page_size, **asked}, route, is_replay_safe=True)
        yield from page[key]
        token = page["nextPageToken"]
        if not token:
            return


def add_up(total: dict[str, Any], answer: Mapping[str, Any]) -> None:
    """Add the answer of a request to that of those before it: numbers are summed, lists joined, of others the first stays."""
    for key, value in answer.items():
        if isinstance(value, list):
            total[key] = [*total.get(key, ()), *value]
        elif isinstance(value, (int, float)) and not isinstance(value, bool):
            total[key] = total.get(key, 0) + value
        else:
            total.setdefault(key, value)
