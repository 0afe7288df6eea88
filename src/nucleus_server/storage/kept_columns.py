"""Columns that never change, kept in memory: what one page has read, the next one needs again."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_Value = TypeVar("_Value", bound=np.generic)

MOST_BYTES = 96 * 2**20
"""Four evaluations of a million weighted members with their slices."""


class Place(NamedTuple):
    """Where a column stands in the database; row keys are never reused, so it always names the same values.

    Attributes:
        workspace_key: Whose it is: no workspace finds what another one has read.
        name: What it holds.
        row_key: The evaluation or slice that it belongs to.
        n_members: How many values it has: a slice that grows has a longer column, and keeps the shorter one.
    """

    workspace_key: int
    name: str
    row_key: int
    n_members: int


class KeptColumns:
    """The columns that were used last, of one database in one process; safe to use from several threads.

    Only what never changes may be kept: scores and weights of completed evaluations, and prefixes of slices. Nothing is
    invalidated, and a reader has checked before that what a column belongs to is still there.
    """

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self._most_bytes = most_bytes
        self._columns: OrderedDict[Place, NDArray[Any]] = OrderedDict()
        self._n_bytes = 0
        self._lock = threading.Lock()

    @property
    def n_bytes(self) -> int:
        """The bytes of all columns that are kept: never more than the bound."""
        return self._n_bytes

    def get(self, place: Place, read: Callable[[], NDArray[_Value]]) -> NDArray[_Value]:
        """The column, read only; `read` is called if it is not kept.

        One that takes more than half of all room is not kept: it would drive out everything else.
        """
        with self._lock:
            found: Any = self._columns.get(place)
            if found is not None:
                self._columns.move_to_end(place)
                return found  # type: ignore[no-any-return]
        column = read()
        column.setflags(write=False)
        if column.nbytes <= self._most_bytes // 2:
            with self._lock:
                if place not in self._columns:  # another thread may have read it meanwhile
                    self._columns[place] = column
                    self._n_bytes += column.nbytes
                while self._n_bytes > self._most_bytes:
                    _, oldest = self._columns.popitem(last=False)
                    self._n_bytes -= oldest.nbytes
        return column
