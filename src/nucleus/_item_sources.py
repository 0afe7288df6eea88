"""Items and reference ids in any shape: objects, columns, tables, arrays, streams."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from typing import Any

import msgspec

from nucleus._dataset_item import DatasetItem
from nucleus._tables import frame_batches, is_frame

_FIELDS = ("image_location", "reference_id", "metadata", "pointcloud_location", "width", "height", "text")
_INDEX = "__index_level_"
"""How pandas names a column that was its index."""


def is_table(source: object) -> bool:
    """Whether items come as columns."""
    return is_frame(source) or isinstance(source, Mapping)


def items_of(source: Any) -> Iterator[DatasetItem]:
    """The items of an iterable, or of the rows of a mapping of columns or a table.

    Columns named like the fields of `DatasetItem` are these fields; every other column is a key of the metadata, beside those
    of the column `metadata`. A cell without a value is no key.

    Raises:
        ValueError: The source is none of them, a table has no column `reference_id`, or its columns differ in length.
    """
    if is_frame(source):
        yield from map(_item, _frame_rows(source))
    elif isinstance(source, Mapping):
        yield from map(_item, _mapping_rows(source))
    elif isinstance(source, (str, bytes)) or not isinstance(source, Iterable):
        raise ValueError(f"expected DatasetItem objects, a mapping of columns or a table, got {type(source).__name__}")
    else:
        for number, item in enumerate(source):
            if not isinstance(item, DatasetItem):
                raise ValueError(f"expected DatasetItem objects, got {type(item).__name__} as item {number}")
            yield item


def reference_ids_of(source: Any) -> Iterator[str]:
    """The reference ids of an iterable, an array or a series.

    Raises:
        ValueError: It is none of them, or holds something that is no text.
    """
    if source is None:
        return
    if isinstance(source, (str, bytes, Mapping)) or hasattr(source, "columns") or not isinstance(source, Iterable):
        raise ValueError(
            f"expected reference ids in a list, an array, a series or a stream, got {type(source).__name__}"
        )
    for number, reference in enumerate(python_values(source)):
        if not isinstance(reference, str):
            raise ValueError(f"expected reference ids as texts, got {reference!r} in place {number}")
        yield reference


def count_of(source: Any) -> int | None:
    """How many there are, if a source knows before it is read."""
    if isinstance(source, Mapping):
        return next((count_of(column) for column in source.values()), None)
    try:
        return len(source)
    except (TypeError, NotImplementedError):
        return None


def python_values(column: Iterable[Any]) -> Iterable[Any]:
    """The values of a column as Python's own objects, which those of arrays and series are not."""
    for name in ("to_pylist", "to_list", "tolist"):
        convert = getattr(column, name, None)
        if callable(convert):
            values: Iterable[Any] = convert()
            return values
    return column


def _mapping_rows(columns: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    _check_names(list(columns))
    end = object()
    values = [python_values(column) for column in columns.values()]
    for number, row in enumerate(itertools.zip_longest(*values, fillvalue=end)):
        if end in row:
            ended = next(name for name, value in zip(columns, row) if value is end)
            raise ValueError(f"expected columns of one length, got {ended!r} with only {number} values")
        yield dict(zip(columns, row))


def _frame_rows(source: Any) -> Iterator[dict[str, Any]]:
    names, frames, _ = frame_batches(source)
    _check_names(names)
    for frame in frames:
        if hasattr(frame, "iter_rows"):
            yield from frame.iter_rows(named=True)
        else:
            yield from frame.to_pylist()


def _check_names(names: list[str]) -> None:
    if "reference_id" not in names:
        raise ValueError(
            f"expected a column 'reference_id', got a table without it; it has {', '.join(map(repr, names)) or 'none'}"
        )


def _item(row: Mapping[str, Any]) -> DatasetItem:
    fields: dict[str, Any] = {name: row[name] for name in _FIELDS if row.get(name) is not None}
    for name in ("width", "height"):  # pandas turns whole numbers into others if some are missing
        if isinstance(fields.get(name), float) and fields[name].is_integer():
            fields[name] = int(fields[name])
    metadata = dict(fields.pop("metadata", ()))
    for name, value in row.items():
        if name not in _FIELDS and value is not None and not name.startswith(_INDEX):
            metadata[name] = value
    return DatasetItem(**fields, metadata={name: _json_value(value) for name, value in metadata.items()})


def _json_value(value: Any) -> Any:
    """Dates, decimals and the like as JSON has them."""
    if type(value) in (str, int, float, bool):
        return value
    if isinstance(value, Decimal):
        return float(value)
    return msgspec.to_builtins(value, enc_hook=lambda scalar: scalar.item())
