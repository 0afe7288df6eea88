"""Do items come in groups? A heuristic, for a warning and nothing else.

A column looks like groups if it has at least two different values, at least two rows per value on average, and its values are
texts or whole numbers. Ids look like groups if the same is true of them without their last part, where parts are divided by
one of / \\ _ - : # | or by a dot; an id of one part is shortened by the digits at its end: `drive_07/frame_0012` is of the group
`drive_07/frame`, `scene12f3` of `scene12f`. If that makes no groups, one part more is taken away, up to three.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_FEWEST_ROWS_PER_GROUP = 2
_SAMPLE = 20_000
_LEVELS = 3
_DIVIDER = "/"
_DIVIDERS = str.maketrans(dict.fromkeys("\\_-:#|.", _DIVIDER))
_DIGITS = "0123456789"


class GroupColumn:
    """Numbers the values of a column as they come; gives up as soon as they do not look like groups."""

    def __init__(self) -> None:
        self._numbers: dict[Any, int] = {}
        self._codes = array("q")
        self._is_possible = True

    def add(self, values: Sequence[Any]) -> None:
        """Take the values of some more rows."""
        if not self._is_possible:
            return
        if not set(map(type, values)) <= {str, int, type(None)}:
            self._is_possible = False
            return
        numbers = self._numbers
        self._codes.extend([numbers.setdefault(value, len(numbers)) for value in values])
        self._is_possible = _FEWEST_ROWS_PER_GROUP * len(numbers) <= len(self._codes)

    def codes(self) -> NDArray[np.int64] | None:
        """The number of each row's value, from 0 on; None if the column does not look like groups."""
        if not self._is_possible or len(self._numbers) < 2 or any(map(_is_fraction, self._numbers)):
            return None
        return np.frombuffer(self._codes, dtype=np.int64)


def groups_of_ids(ids: Sequence[str]) -> NDArray[np.int64] | None:
    """The number of each id's group; None if the ids do not look like groups."""
    for level in range(1, _LEVELS + 1):
        sample = GroupColumn()
        sample.add([_shortened(text, level) for text in ids[:_SAMPLE]])
        if sample.codes() is None:
            continue
        column = GroupColumn()
        column.add([_shortened(text, level) for text in ids])
        codes = column.codes()
        if codes is not None:
            return codes
    return None


def standard_error(
    differences: NDArray[np.float64], weights: NDArray[np.float64], codes: NDArray[np.int64] | None
) -> float:
    """The cluster-robust standard error of the weighted mean of the differences; without codes each item is its own."""
    weighted = weights * differences
    total = float(weights.sum())
    sums, sizes = (weighted, weights) if codes is None else (_summed(codes, weighted), _summed(codes, weights))
    sums, sizes = sums[sizes > 0], sizes[sizes > 0]
    n = len(sums)
    if n < 2 or total <= 0:
        return float("nan")
    left = sums - float(weighted.sum()) / total * sizes
    return float(np.sqrt(n / (n - 1) * (left**2).sum()) / total)


def _summed(codes: NDArray[np.int64], values: NDArray[np.float64]) -> NDArray[np.float64]:
    """The sum of the values of each code."""
    return np.asarray(np.bincount(codes, weights=values), dtype=np.float64)


def _shortened(text: str, level: int) -> str:
    text = text.translate(_DIVIDERS)
    for _ in range(level):
        head, divider, _last = text.rpartition(_DIVIDER)
        text = head.rstrip(_DIVIDER) if divider else text.rstrip(_DIGITS)
    return text


def _is_fraction(value: object) -> bool:
    if not isinstance(value, str):
        return False
    try:
        return not float(value).is_integer()
    except (ValueError, OverflowError):
        return False
