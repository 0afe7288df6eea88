"""Boxes and polygons as columns: from arrays to JSON, without an object of Python's for each until it is encoded."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import chain, repeat
from typing import Any, TypeAlias

import msgspec

from nucleus._annotation_json import (
    CELL_CHECKS,
    EXPECTED_FINITE,
    EXPECTED_SIZE,
    EXPECTED_TEXT,
    Box,
    BoxGeometry,
    Polygon,
    PolygonGeometry,
    Problem,
    Vertex,
    check_repeated,
    is_finite,
    is_text,
    json_text,
    refusal,
)
from nucleus._columns import named
from nucleus._exceptions import InvalidUpload
from nucleus._tables import frame_batches, is_frame

BOXES, VERTICES = "boxes_xywh", "vertices"
_SIDES = ("x", "y", "width", "height")
_REST = ("confidence", "class_pdf", "embedding_vector", "track_reference_id", "dataset_item_id", "dataset_id")
"""The last fields of a box and of a polygon on the wire, in their order, as columns are called."""

_ITEM_IDS = ("reference_id", "dataset_item_id")
_ARE_SIZES = (False, False, True, True)
_SHARED = ("label", "reference_id", "annotation_id", "metadata", *_REST)
_INDEX = "__index_level_"
"""How pandas names a column that was its index."""

_TEXTS = ("label", *_ITEM_IDS, "track_reference_id", "dataset_id")
"""Columns for which a text may stand that all rows share."""

_NUMBERS_OF_A_BOX = len(_SIDES)
_ROWS_CHECKED_AT_ONCE = 50_000
_FOUR = "x, y, width and height of a box"
_PAIRS = "pairs of x and y"

_Rows: TypeAlias = "slice | list[int]"
_Take: TypeAlias = Callable[[_Rows], list[Any]]
"""The values of some rows of a column, as Python's own objects."""


class ColumnBatch:
    """Rows of a table that go into one request; they become objects when they are asked for."""

    def __init__(self, block: _Block, rows: _Rows, n_rows: int) -> None:
        self._block = block
        self._rows = rows
        self._n_rows = n_rows

    def __len__(self) -> int:
        return self._n_rows

    def wire_forms(self) -> list[Box] | list[Polygon]:
        """What is encoded for them."""
        return self._block.wire_forms(self._rows)


def column_stages(source: Any, size: int) -> Iterator[Iterator[ColumnBatch]]:
    """A table in stages that are checked as a whole, each in batches of about `size` rows with whole items.

    A table in memory is one stage; a stream has one for each of its batches.

    Raises:
        InvalidUpload: A column is missing, is not known or has another length, or some rows cannot be sent.
    """
    first_row = 0
    for columns in _blocks(source):
        block = _Block(columns, first_row)
        block.check()
        first_row += block.n_rows
        yield block.batches(size)


def _blocks(source: Any) -> Iterator[dict[str, Any]]:
    if is_frame(source):
        names, frames, _ = frame_batches(source)
        taken = _checked_names([name for name in names if not name.startswith(_INDEX)])
        for frame in frames:
            column = frame.get_column if hasattr(frame, "get_column") else frame.column
            yield {name: column(name) for name in taken}
    else:
        yield {name: source[name] for name in _checked_names(list(source))}


def _checked_names(names: Sequence[str]) -> list[str]:
    known = {*_SHARED, *_SIDES, BOXES, VERTICES}
    if unknown := [name for name in names if name not in known]:
        raise InvalidUpload(
            named(f"expected columns of {', '.join((*_SHARED, *_SIDES, BOXES, VERTICES))}", unknown, "others")
            + "; put what else you know of a row into a column 'metadata' of mappings"
        )
    geometry = [BOXES in names, any(side in names for side in _SIDES), VERTICES in names]
    if geometry.count(True) != 1 or (geometry[1] and not all(side in names for side in _SIDES)):
        raise InvalidUpload(
            f"expected either a column {BOXES!r} of [x, y, width, height], or the columns {', '.join(_SIDES)}, or a column "
            f"{VERTICES!r} of [[x, y], …], got a table of {', '.join(map(repr, names)) or 'none'}; other kinds go as objects, "
            "such as nucleus.CategoryAnnotation"
        )
    if "label" not in names or not set(_ITEM_IDS) & set(names):
        raise InvalidUpload(
            f"expected columns 'label' and 'reference_id', got a table of {', '.join(map(repr, names))}"
        )
    return list(names)


class _Block:
    """A part of a table that is in memory."""

    def __init__(self, columns: Mapping[str, Any], first_row: int) -> None:
        self.first_row = first_row
        lengths = {name: _n_rows(values, name) for name, values in columns.items() if not _is_shared(name, values)}
        if len(set(lengths.values())) > 1:
            shown = ", ".join(f"{name!r} has {n}" for name, n in lengths.items())
            raise InvalidUpload(f"expected columns of one length, got different ones: {shown}")
        self.n_rows = next(iter(lengths.values()))
        self._take: dict[str, _Take] = {}
        for name, values in columns.items():
            # As four columns of numbers, which cost much less than as many small lists.
            sides = _sides_of(values) if name == BOXES else None
            self._take |= sides or {name: _taker(values, name)}

    def check(self) -> None:
        """Raise InvalidUpload if some rows cannot be sent; all of them are listed."""
        problems: list[Problem] = []
        for start in range(0, self.n_rows, _ROWS_CHECKED_AT_ONCE):
            problems += self._problems(slice(start, min(start + _ROWS_CHECKED_AT_ONCE, self.n_rows)))
        if problems:
            raise refusal(problems)
        if "annotation_id" in self._take:
            whole = slice(0, self.n_rows)
            check_repeated(list(zip(self._items(), self._take["annotation_id"](whole), repeat(None))), self.first_row)

    def batches(self, size: int) -> Iterator[ColumnBatch]:
        """All rows, those of an item together; long ones count as the boxes that would be as long."""
        size = max(1, size // self._length())
        items = self._items()
        starts = [row for row in range(self.n_rows) if not row or items[row] != items[row - 1]]
        order: list[int] | None = None
        if len(set(items)) < len(starts):
            rows_of: dict[object, list[int]] = {}
            for row, item in enumerate(items):
                rows_of.setdefault(item, []).append(row)
            order = list(chain.from_iterable(rows_of.values()))
            starts, end = [], 0
            for rows in rows_of.values():
                starts.append(end)
                end += len(rows)
        begin = 0
        for start, end in zip(starts, [*starts[1:], self.n_rows]):
            if start > begin and end - begin > size:
                yield self._batch(begin, start, order)
                begin = start
        if begin < self.n_rows:
            yield self._batch(begin, self.n_rows, order)

    def _length(self) -> int:
        """How many boxes are as long as a row, on average."""
        whole = slice(0, self.n_rows)
        n_numbers = 2 * sum(map(len, self._take[VERTICES](whole))) if VERTICES in self._take else 0
        if "embedding_vector" in self._take:
            n_numbers += sum(len(vector or ()) for vector in self._take["embedding_vector"](whole))
        return max(1, n_numbers // (_NUMBERS_OF_A_BOX * max(self.n_rows, 1)))

    def _items(self) -> list[Any]:
        """Which item each row is on."""
        whole = slice(0, self.n_rows)
        given = [self._take[name](whole) for name in _ITEM_IDS if name in self._take]
        return given[0] if len(given) == 1 else [reference or item_id for reference, item_id in zip(*given)]

    def _batch(self, start: int, stop: int, order: list[int] | None) -> ColumnBatch:
        return ColumnBatch(self, slice(start, stop) if order is None else order[start:stop], stop - start)

    def wire_forms(self, rows: _Rows) -> list[Box] | list[Polygon]:
        """What is encoded for some rows."""
        columns = {name: take(rows) for name, take in self._take.items() if name in _SHARED}
        labels, references = columns["label"], columns.get("reference_id", repeat(None))
        metadata = map(json_text, columns["metadata"]) if "metadata" in columns else repeat(None)
        rest = [columns.get(name, repeat(None)) for name in _REST]
        if VERTICES in self._take:
            polygons = map(_polygon, self._take[VERTICES](rows))
            own_ids = columns.get("annotation_id", repeat(None))
            return list(map(Polygon, labels, polygons, references, own_ids, metadata, *rest))
        sides = self._sides(rows)
        ids = columns.get("annotation_id")
        if ids is None or None in ids:
            # The ids that BoxAnnotation makes, so that a box is the same one whichever way it was sent.
            made = map("-".join, zip(labels, *map(number_texts, sides), map(str, references)))
            ids = list(made) if ids is None else [given or own for given, own in zip(ids, made)]
        return list(map(Box, labels, map(BoxGeometry, *sides), references, ids, metadata, *rest))

    def _sides(self, rows: _Rows) -> list[Sequence[Any]]:
        """x, y, width and height of some rows."""
        if BOXES in self._take:
            return list(zip(*self._take[BOXES](rows)))
        return [self._take[side](rows) for side in _SIDES]

    def _problems(self, window: slice) -> Iterator[Problem]:
        n_rows = window.stop - window.start
        nothing = [None] * n_rows
        columns = {name: take(window) for name, take in self._take.items()}
        references = columns.get("reference_id", nothing)

        def problem(row: int, field: str, value: object, expected: str) -> Problem:
            return Problem(self.first_row + window.start + row, references[row], field, value, expected)

        may_be_none = {"annotation_id"} | ({*_ITEM_IDS} if {*_ITEM_IDS} <= {*columns} else set())
        for name in ("label", *_ITEM_IDS, "annotation_id"):
            for row in _odd_texts(columns.get(name, ()), may_be_none=name in may_be_none):
                yield problem(row, name, columns[name][row], EXPECTED_TEXT)
        if {*_ITEM_IDS} <= may_be_none:
            for row, ids in enumerate(zip(*(columns[name] for name in _ITEM_IDS))):
                if ids == (None, None):
                    yield problem(row, "reference_id", None, EXPECTED_TEXT)
        numbers: list[tuple[str, Sequence[Any], bool]] = []
        if BOXES in columns:
            shapes = [row for row, box in enumerate(columns[BOXES]) if not _has_length(box, 4)]
            yield from (problem(row, BOXES, columns[BOXES][row], _FOUR) for row in shapes)
            numbers += [] if shapes else zip([BOXES] * len(_SIDES), zip(*columns[BOXES]), _ARE_SIZES)
        elif VERTICES in columns:
            for row, corners in enumerate(columns[VERTICES]):
                if not _are_pairs(corners):
                    yield problem(row, VERTICES, corners, _PAIRS)
                elif not is_finite([n for corner in corners for n in corner]):
                    yield problem(row, VERTICES, corners, EXPECTED_FINITE)
        else:
            numbers += [(side, columns[side], is_size) for side, is_size in zip(_SIDES, _ARE_SIZES)]
        for name, values, are_sizes in numbers:
            if not is_finite(values):
                odd = [row for row, value in enumerate(values) if not is_finite((value,))]
                yield from (problem(row, name, values[row], EXPECTED_FINITE) for row in odd)
            elif are_sizes and values and min(values) < 0:
                yield from (problem(row, name, value, EXPECTED_SIZE) for row, value in enumerate(values) if value < 0)
        for name, is_wrong, expected in CELL_CHECKS:
            cells = columns.get(name, ())
            if not (name == "confidence" and _are_in_unit_interval(cells)):
                yield from (problem(row, name, cell, expected) for row, cell in enumerate(cells) if is_wrong(cell))


def number_texts(numbers: Sequence[Any]) -> list[str]:
    """Every number as `str` writes it."""
    if set(map(type, numbers)) != {float}:
        return list(map(str, numbers))
    # All at once, ten times as fast as one by one. Only very large and very small numbers are written differently.
    written = msgspec.json.encode(numbers)[1:-1].decode()
    texts = written.split(",")
    if "e" in written or "0.0000" in written:
        texts = [str(number) if "e" in text or "0.0000" in text else text for number, text in zip(numbers, texts)]
    return texts


def _polygon(corners: Any) -> PolygonGeometry:
    return PolygonGeometry([Vertex(x, y) for x, y in corners])


def _odd_texts(values: Sequence[Any], *, may_be_none: bool) -> Iterator[int]:
    # One pass in C over types and values tells for most columns that nothing is wrong.
    if set(map(type, values)) <= {str} and all(values) and "\0" not in "".join(values):
        return
    for row, value in enumerate(values):
        if not is_text(value) and not (value is None and may_be_none):
            yield row


def _are_in_unit_interval(values: Sequence[Any]) -> bool:
    # Passes in C, for a column that is as it should be; NaN makes the sum NaN.
    return set(map(type, values)) == {float} and is_finite(values) and min(values) >= 0 and max(values) <= 1


def _are_pairs(corners: Any) -> bool:
    return hasattr(corners, "__iter__") and all(_has_length(corner, 2) for corner in corners)


def _has_length(values: Any, n: int) -> bool:
    try:
        return len(values) == n
    except TypeError:
        return False


def _is_shared(name: str, values: Any) -> bool:
    """Whether it is a text that all rows have, instead of a column."""
    return isinstance(values, str) and name in _TEXTS


def _n_rows(values: Any, name: str) -> int:
    if isinstance(values, (str, bytes, Mapping)) or not hasattr(values, "__len__"):
        raise InvalidUpload(f"expected a column of values as {name!r}, got {type(values).__name__}")
    return len(values)


def _sides_of(boxes: Any) -> dict[str, _Take] | None:
    """The columns of an array of shape (n, 4), or of a series of arrays of four; None of anything else."""
    if hasattr(boxes, "to_numpy") and "Array" in str(getattr(boxes, "dtype", "")):
        boxes = boxes.to_numpy()
    if hasattr(boxes, "detach"):  # torch
        boxes = boxes.detach().cpu()
    if not hasattr(boxes, "__array__") or hasattr(boxes, "to_list") or hasattr(boxes, "to_pylist"):
        return None
    array = importlib.import_module("numpy").asanyarray(boxes)
    if array.ndim != 2 or array.shape[1] != len(_SIDES):
        return None
    return {side: _taker(array[:, place], side) for place, side in enumerate(_SIDES)}


def _taker(values: Any, name: str) -> _Take:
    """How to take rows of a list, an array, a tensor, a series, or a text that all rows share."""
    if isinstance(values, str):
        return lambda rows: [values] * (len(rows) if isinstance(rows, list) else rows.stop - rows.start)
    if isinstance(values, (list, tuple)):
        return lambda rows: list(values[rows]) if isinstance(rows, slice) else [values[row] for row in rows]
    if hasattr(values, "to_pylist"):  # pyarrow
        return lambda rows: (values[rows] if isinstance(rows, slice) else values.take(rows)).to_pylist()
    if hasattr(values, "gather"):  # polars
        return lambda rows: (values[rows] if isinstance(rows, slice) else values.gather(rows)).to_list()
    if hasattr(values, "detach"):  # torch
        values = values.detach().cpu()
    if not hasattr(values, "__array__"):
        raise InvalidUpload(f"expected a column of values as {name!r}, got {type(values).__name__}")
    array = importlib.import_module("numpy").asanyarray(values)
    return lambda rows: array[rows].tolist()
