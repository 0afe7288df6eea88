"""Items of a dataset from a file."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from nucleus._cli.outcomes import DataRefused
from nucleus._cli.rows_file import open_rows
from nucleus._dataset_item import DatasetItem

_TEXTS = ("reference_id", "image_location", "pointcloud_location", "text")
_NUMBERS = ("width", "height")
_NUMBER = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?([eE][-+]?\d+)?")


def read_items(path: Path) -> list[DatasetItem]:
    """The items of a file; columns that are no field of an item are its metadata.

    A CSV has only texts: what JSON would read as a number becomes one in the metadata, so 12 does and 012 does not.
    """
    file = open_rows(path)
    if "reference_id" not in file.columns:
        raise DataRefused(f"expected a column reference_id in {path}, got {', '.join(file.columns)}")
    is_text_only = path.suffix.lower() == ".csv"
    items = []
    for line, row in file.rows():
        fields: dict[str, Any] = {name: row.get(name) for name in _TEXTS}
        metadata = {
            name: _typed(value) if is_text_only else value
            for name, value in row.items()
            if name not in _TEXTS and name not in _NUMBERS and value is not None
        }
        try:
            fields |= {name: int(row[name]) for name in _NUMBERS if row.get(name) is not None}
            items.append(DatasetItem(**fields, metadata=metadata))
        except (ValueError, TypeError) as error:
            raise DataRefused(f"{path}, line {line}: {error}; nothing was stored") from error
    if not items:
        raise DataRefused(f"expected items in {path}, got none")
    return items


def _typed(text: str) -> str | int | float:
    if _NUMBER.fullmatch(text) is None:
        return text
    return float(text) if set(text) & set(".eE") else int(text)
