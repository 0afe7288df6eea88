"""Tables of any shape, batch by batch: a mapping of columns, an Arrow stream, rows."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, Protocol, TypeVar

from nucleus._columns import ArrowColumn, Column, ListColumn, PolarsColumn, as_column, find_module, frames_missing
from nucleus._exceptions import InvalidUpload

ROWS_AT_ONCE = 50_000
"""How many rows of an iterator are held as Python's objects."""

Row = TypeVar("Row")


class ArrowStream(Protocol):
    """A table of polars, pandas, pyarrow, DuckDB or any other library that speaks Arrow's PyCapsule protocol."""

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        """The table as a capsule."""


class Batch(NamedTuple):
    """Some rows of a table."""

    n_rows: int
    columns: Mapping[str, Column]


class Table(NamedTuple):
    """A table that is read once, from the beginning.

    Attributes:
        names: The columns that its batches have.
        n_rows: How many rows it has; None if only its end tells.
    """

    names: Sequence[str]
    batches: Iterator[Batch]
    n_rows: int | None


def is_frame(source: object) -> bool:
    """Whether a source has columns of its own: an Arrow stream, or a lazy frame of polars."""
    return hasattr(source, "__arrow_c_stream__") or hasattr(source, "collect_batches")


def table_of(source: Any, names: Sequence[str], optional: Sequence[str] = ()) -> Table:
    """The columns `names` of a mapping of columns, of anything with `__arrow_c_stream__`, or of an iterable of mappings.

    Of the `optional` columns those are read that are there; rows have none of them.

    Raises:
        InvalidUpload: The source is none of them, a column is not there, or the columns are of different lengths.
    """
    if is_frame(source):
        return _frame(source, names, optional)
    if isinstance(source, Mapping) or hasattr(source, "columns"):  # the latter: a frame of an older pandas
        return _mapping(source, names, optional)
    if isinstance(source, (str, bytes)) or not isinstance(source, Iterable):
        raise InvalidUpload(
            f"expected a mapping of columns, a table (polars, pandas, pyarrow) or rows, got {type(source).__name__}"
        )
    n_rows = _length(source)
    return Table(names, _rows(source, names), n_rows)


def in_blocks(rows: Iterable[Row], size: int) -> Iterator[Sequence[Row]]:
    """The rows in blocks of this size; of a list no more is copied than a block."""
    if isinstance(rows, (list, tuple)):
        for start in range(0, len(rows), size):
            yield rows[start : start + size]
        return
    left = iter(rows)
    while block := list(itertools.islice(left, size)):
        yield block


def frame_batches(
    source: Any, names: Sequence[str] | None = None, optional: Sequence[str] = ()
) -> tuple[list[str], Iterator[Any], int | None]:
    """The names of the columns that were asked for (None: all), batches as frames of polars or record batches of pyarrow,
    and the number of rows if it is known.

    Raises:
        InvalidUpload: Neither polars nor pyarrow is installed, or one of `names` is not there.
    """
    polars = find_module("polars")
    if polars is not None:
        if isinstance(source, polars.DataFrame):
            return _taken(names, optional, source.columns), iter([source]), source.height
        lazy = source if isinstance(source, polars.LazyFrame) else polars.scan_arrow_c_stream(source)
        taken = _taken(names, optional, lazy.collect_schema().names())
        return taken, iter(lazy.select(taken).collect_batches(maintain_order=True)), _length(source)
    pyarrow = find_module("pyarrow")
    if pyarrow is None:
        raise frames_missing()
    reader = pyarrow.RecordBatchReader.from_stream(source)
    return _taken(names, optional, reader.schema.names), iter(reader), _length(source)


def _frame(source: Any, asked: Sequence[str], optional: Sequence[str]) -> Table:
    names, frames, n_rows = frame_batches(source, asked, optional)

    def batches() -> Iterator[Batch]:
        for frame in frames:
            if hasattr(frame, "get_column"):
                yield Batch(frame.height, {name: PolarsColumn(frame.get_column(name), name) for name in names})
            else:
                chunked: Callable[..., Any] = find_module("pyarrow").chunked_array
                yield Batch(frame.num_rows, {name: ArrowColumn(chunked([frame.column(name)]), name) for name in names})

    return Table(names, batches(), n_rows)


def _mapping(source: Mapping[str, Any], asked: Sequence[str], optional: Sequence[str]) -> Table:
    names = _taken(asked, optional, list(source))
    columns = {name: as_column(source[name], name) for name in names}
    lengths = {name: len(column) for name, column in columns.items()}
    if len(set(lengths.values())) > 1:
        shown = ", ".join(f"{name!r} has {n}" for name, n in lengths.items())
        raise InvalidUpload(f"expected columns of one length, got different ones: {shown}")
    n_rows = next(iter(lengths.values()))
    return Table(names, iter([Batch(n_rows, columns)]), n_rows)


def _rows(source: Iterable[Any], names: Sequence[str]) -> Iterator[Batch]:
    n_before = 0
    for block in in_blocks(source, ROWS_AT_ONCE):
        for place, row in enumerate(block):
            if not isinstance(row, Mapping):
                raise InvalidUpload(
                    f"expected rows that are mappings of column to value, got {type(row).__name__} in row {n_before + place}"
                )
        yield Batch(len(block), {name: ListColumn([row.get(name) for row in block], name) for name in names})
        n_before += len(block)


def _taken(names: Sequence[str] | None, optional: Sequence[str], present: Sequence[str]) -> list[str]:
    if names is None:
        return list(present)
    missing = [name for name in names if name not in present]
    if missing:
        raise InvalidUpload(
            f"expected the columns {', '.join(map(repr, names))}, got a table without {', '.join(map(repr, missing))}; it has "
            f"{', '.join(map(repr, present)) or 'none'}"
        )
    return [*names, *(name for name in optional if name in present)]


def _length(source: Any) -> int | None:
    try:
        return len(source)
    except (TypeError, NotImplementedError):
        return None
