"""A table of scores as parts of at most 500,000 rows, each checked before it is sent.

Where one part ends and the next begins depends on the rows alone and never on how their source hands them out: a second run
makes the same parts, byte by byte, and goes on where the first one was interrupted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, NamedTuple

import msgspec

from nucleus._columns import NO_NUMBER, NO_TEXT, NOT_FINITE, WITH_ZERO, Column, extent, floats, named
from nucleus._exceptions import InvalidUpload
from nucleus._tables import Table

MAX_ROWS = 500_000
_MAX_NUMBERS_BYTES = 128 << 20
_MAX_ROWS_TO_COMPARE = 100_000
_OUTSIDE = "outside"
_REPEATED = "given more than once"
_WITHOUT = "without one"
EVERY_FUNCTION = "*"


class FunctionColumns(NamedTuple):
    """A function, and the columns that hold its scores and their weights (None: every weight is 1)."""

    function_id: str
    name: str
    score_range: tuple[float, float]
    score: str
    weight: str | None = None


class Layout(NamedTuple):
    """Which column of a table is what.

    Attributes:
        weight: The column of the weights of all functions, instead of one for each.
        may_miss: Whether an item may have no score by a function.
    """

    reference_id: str
    functions: Sequence[FunctionColumns]
    weight: str | None = None
    may_miss: bool = False

    def columns(self) -> list[str]:
        """The columns that are read, each once."""
        asked = [
            self.reference_id,
            *(f.score for f in self.functions),
            *(f.weight for f in self.functions),
            self.weight,
        ]
        return list(dict.fromkeys(name for name in asked if name is not None))


class Part(NamedTuple):
    """What is sent at once: the msgpack text of the part, and how many rows it has."""

    body: bytes
    n_rows: int


def score_parts(table: Table, layout: Layout) -> Iterator[Part]:
    """The parts of a table, in order.

    Raises:
        InvalidUpload: There are no rows; a reference id is no text; a score or weight is no finite number or out of range; a
            function has no score at all, or only weights of 0. All wrong rows of one part are named. Reference ids that are
            repeated are named if a part is small; in a larger one only the server looks for them, at less cost.
    """
    n_per_part = min(MAX_ROWS, max(1, _MAX_NUMBERS_BYTES // (16 * len(layout.functions))))
    totals = _Totals({f.function_id: 0 for f in layout.functions}, {})
    open_part = _OpenPart(layout, 0)
    for batch in table.batches:
        start = 0
        while start < batch.n_rows:
            stop = min(batch.n_rows, start + n_per_part - open_part.n_rows)
            open_part.add(batch.columns, start, stop)
            start = stop
            if open_part.n_rows == n_per_part:
                yield open_part.close(totals)
                open_part = _OpenPart(layout, open_part.first_row + n_per_part)
    if open_part.n_rows:
        yield open_part.close(totals)
    elif not open_part.first_row:
        raise InvalidUpload("expected at least one result, got none")
    totals.check(layout)


@dataclass
class _Totals:
    n_scored: dict[str, int]
    highest_weight: dict[str, float]

    def check(self, layout: Layout) -> None:
        for f in layout.functions:
            if not self.n_scored[f.function_id]:
                raise InvalidUpload(
                    f"{_of(f, layout)}expected at least one score, got none: is {f.score!r} the column of its scores?"
                )
            if self.highest_weight.get(f.function_id if f.weight else EVERY_FUNCTION, 1.0) == 0:
                raise InvalidUpload(
                    f"{_of(f, layout)}expected at least one weight above 0, got only zeros: their weighted mean is undefined"
                )


class _Wrong(NamedTuple):
    row: int
    function: FunctionColumns | None
    field: str
    value: object
    problem: str


@dataclass
class _Packed:
    """The windows of one column of numbers."""

    windows: list[memoryview] = field(default_factory=list)
    n_missing: int = 0
    known_extent: tuple[float, float] | None = None

    def data(self) -> memoryview:
        if len(self.windows) > 1:
            self.windows = [memoryview(b"".join(self.windows))]
        return self.windows[0]

    def extent(self) -> tuple[float, float]:
        """The lowest and the highest; of weights most often both are 1."""
        if self.known_extent is None:
            data = self.data()
            self.known_extent = (1.0, 1.0) if _are_ones(data) else extent(data, self.n_missing)
        return self.known_extent


class _OpenPart:
    """A part that is being filled."""

    def __init__(self, layout: Layout, first_row: int) -> None:
        self.first_row = first_row
        self.n_rows = 0
        self._layout = layout
        self._references: list[bytes] = []
        self._numbers: dict[str, _Packed] = {
            name: _Packed() for name in layout.columns() if name != layout.reference_id
        }
        self._wrong: list[_Wrong] = []

    def add(self, columns: Mapping[str, Column], start: int, stop: int) -> None:
        """Add rows."""
        texts = columns[self._layout.reference_id].texts(start, stop)
        self._references.append(texts.joined)
        for odd in texts.odd:
            self._wrong.append(_Wrong(self.n_rows + odd.row, None, "reference_id", odd.value, odd.problem))
        for name, packed in self._numbers.items():
            numbers = columns[name].numbers(start, stop)
            packed.windows.append(numbers.data)
            packed.n_missing += numbers.n_missing
            for odd in numbers.odd:
                function, what = self._use_of(name)
                self._wrong.append(_Wrong(self.n_rows + odd.row, function, what, odd.value, odd.problem))
        self.n_rows += stop - start

    def close(self, totals: _Totals) -> Part:
        """Check the rows and pack them."""
        references = b"\0".join(self._references)
        columns = {name: (packed.data(), packed.n_missing) for name, packed in self._numbers.items()}
        if not self._wrong:
            self._look_for_repeated(references)
            self._look_at_ranges()
            self._look_for_missing(columns)
        if self._wrong:
            raise self._error(references)
        scores, weights = {}, {}
        for f in sorted(self._layout.functions):
            scores[f.function_id], n_missing = columns[f.score]
            totals.n_scored[f.function_id] += self.n_rows - n_missing
        for key, name in self._weights():
            data = _with_ones(*columns[name])
            totals.highest_weight[key] = max(self._numbers[name].extent()[1], totals.highest_weight.get(key, 0.0))
            if not _are_ones(data):  # as if there were no weights at all
                weights[key] = data
        body: dict[str, Any] = {"reference_ids": references, "scores": scores}
        if weights:
            body["weights"] = weights
        return Part(msgspec.msgpack.encode(body), self.n_rows)

    def _weights(self) -> list[tuple[str, str]]:
        layout = self._layout
        own = sorted((f.function_id, f.weight) for f in layout.functions if f.weight is not None)
        return own if layout.weight is None else [(EVERY_FUNCTION, layout.weight), *own]

    def _use_of(self, column: str) -> tuple[FunctionColumns | None, str]:
        """The function that a column belongs to, and whether it holds scores or weights."""
        for f in self._layout.functions:
            if column == f.score:
                return f, "score"
        return next((f for f in self._layout.functions if f.weight == column), None), "weight"

    def _look_for_repeated(self, references: bytes) -> None:
        if self.n_rows > _MAX_ROWS_TO_COMPARE:
            return
        listed = references.split(b"\0")
        if len(set(listed)) == len(listed):
            return
        repeated = {reference for reference, n in Counter(listed).items() if n > 1}
        seen = set()
        for row, reference in enumerate(listed):
            if reference in repeated and reference not in seen:
                seen.add(reference)
                self._wrong.append(_Wrong(row, None, "reference_id", reference.decode(), _REPEATED))

    def _look_at_ranges(self) -> None:
        for f in self._layout.functions:
            self._look_at_range(f.score, f.score_range, f, "score")
        for key, name in self._weights():
            function = next((f for f in self._layout.functions if f.function_id == key), None)
            self._look_at_range(name, (0.0, 1.0), function, "weight")

    def _look_at_range(self, name: str, bounds: tuple[float, float], f: FunctionColumns | None, what: str) -> None:
        low, high = bounds
        lowest, highest = self._numbers[name].extent()
        if lowest < low or highest > high:
            for row, value in enumerate(floats(self._numbers[name].data())):
                if value < low or value > high:
                    self._wrong.append(_Wrong(row, f, what, value, _OUTSIDE))

    def _look_for_missing(self, columns: Mapping[str, tuple[memoryview, int]]) -> None:
        layout = self._layout
        if not layout.may_miss:
            for f in layout.functions:
                if columns[f.score][1]:
                    rows = [row for row, score in enumerate(floats(columns[f.score][0])) if score != score]
                    self._wrong += [_Wrong(row, f, "score", None, NO_NUMBER) for row in rows]
        for key, name in self._weights():
            data, n_missing = columns[name]
            if n_missing:
                of_key = [
                    f for f in layout.functions if f.function_id == key or (key == EVERY_FUNCTION and not f.weight)
                ]
                scores = [floats(columns[f.score][0]) for f in of_key]
                for row, weight in enumerate(floats(data)):
                    if weight != weight and any(column[row] == column[row] for column in scores):
                        self._wrong.append(
                            _Wrong(row, of_key[0] if key != EVERY_FUNCTION else None, "weight", None, _WITHOUT)
                        )

    def _error(self, references: bytes) -> InvalidUpload:
        listed = references.split(b"\0")
        first = min(self._wrong, key=lambda w: (_ORDER.index((w.field, w.problem)), w.function or ()))
        alike = [w for w in self._wrong if (w.function, w.field, w.problem) == first[1:3] + first[4:]]
        alike.sort()
        message = self._message(
            first, [w.value if w.field == "reference_id" else listed[w.row].decode() for w in alike]
        )
        row = self.first_row + alike[0].row
        return InvalidUpload(
            f"{message} (the first in row {row})" if row else message,
            [
                {
                    "row": self.first_row + w.row,
                    "reference_id": listed[w.row].decode(),
                    "function": w.function.name if w.function else "",
                    "field": w.field,
                    "value": w.value,
                    "problem": w.problem,
                }
                for w in sorted(self._wrong, key=lambda w: w.row)
            ],
        )

    def _message(self, first: _Wrong, who: Sequence[object]) -> str:
        what, problem = first.field, first.problem
        prefix = _of(first.function, self._layout)
        if what == "reference_id":
            expected = {
                NO_TEXT: "expected every reference id as a text",
                WITH_ZERO: "expected every reference id without U+0000",
                _REPEATED: "expected every reference id once",
            }[problem]
            return named(expected, who, problem)
        if problem == _OUTSIDE:
            low, high = first.function.score_range if first.function and what == "score" else (0.0, 1.0)
            hint = (
                "; for scores of another range, create the function with score_range=(lowest, highest)"
                if what == "score"
                else ": divide all weights by the largest one"
            )
            return prefix + named(f"expected every {what} in [{low:g}, {high:g}]", who, problem) + hint
        if problem == _WITHOUT:
            return prefix + named("expected a weight for every score", who, problem)
        if problem == NOT_FINITE:
            hint = "; for an item without a score, leave the value null (None)" if self._layout.may_miss else ""
            return prefix + named(f"expected a finite number as every {what}", who, problem) + hint
        hint = "; leave the row out of an item that has no score" if first.value is None else ""
        return prefix + named(f"expected a number as every {what}", who, problem) + hint


_ORDER = [
    ("reference_id", NO_TEXT),
    ("reference_id", WITH_ZERO),
    ("reference_id", _REPEATED),
    ("score", NO_NUMBER),
    ("score", NOT_FINITE),
    ("weight", NO_NUMBER),
    ("weight", NOT_FINITE),
    ("score", _OUTSIDE),
    ("weight", _OUTSIDE),
    ("weight", _WITHOUT),
]
"""Which problem an error is about, if there are several."""


def _of(function: FunctionColumns | None, layout: Layout) -> str:
    return f"function {function.name!r}: " if function is not None and len(layout.functions) > 1 else ""


def _are_ones(data: memoryview) -> bool:
    # The first number tells most columns apart; bytes are compared faster than views.
    return data[:8] == _ones(1) and bytes(data) == _ones(len(data) // 8)


@lru_cache(maxsize=4)
def _ones(n: int) -> bytes:
    return b"\0\0\0\0\0\0\xf0\x3f" * n


def _with_ones(data: memoryview, n_missing: int) -> memoryview:
    """Weights of items without any score, which do not count, as 1."""
    if not n_missing:
        return data
    whole = bytearray(data)
    for row, weight in enumerate(floats(data)):
        if weight != weight:
            whole[8 * row : 8 * row + 8] = _ones(1)
    return memoryview(whole)
