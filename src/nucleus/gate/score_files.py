"""Files of scores, read column by column: CSV and JSON lines by the standard library and msgspec, Parquet by polars or pyarrow.

NucleusError, ValueError
└── InvalidScoreFile
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from itertools import islice
from pathlib import Path
from typing import Any, Protocol

from nucleus._exceptions import NucleusError
from nucleus._json_lines import json_columns, json_rows

ROWS_AT_ONCE = 2_000
"""Rows that become columns together; of more the cells leave the processor's cache before they are used again."""
"""How many rows of JSON lines are looked at to know the columns: not every row must have all."""


class InvalidScoreFile(NucleusError, ValueError):
    """A file of scores is not as it must be; says which file and line, what was expected and what was got."""


Block = Mapping[str, Sequence[Any]]
"""Some rows, column by column; an empty cell, a null and a key that is not there are None."""


class ScoreFile(Protocol):
    """A file of rows with named columns."""

    @property
    def path(self) -> Path:
        """Where it is."""

    @property
    def columns(self) -> Sequence[str]:
        """The names of its columns."""

    def blocks(self, names: Sequence[str]) -> Iterator[Block]:
        """These columns of all rows, some rows at a time.

        Raises:
            InvalidScoreFile: A row cannot be read, or has more or fewer cells than the first one.
        """

    def places(self, rows: Sequence[int]) -> list[str]:
        """What to call these rows, counted from 0, in a message: `line 7`. Reads the file again."""


def open_scores(path: Path) -> ScoreFile:
    """The file, by its ending; its first lines are read at once.

    Raises:
        InvalidScoreFile: It is no file of a known kind, or its columns cannot be read.
    """
    if not path.is_file():
        raise InvalidScoreFile(f"expected a file of scores, {path} is not there or is none")
    suffix = path.suffix.lower()
    if suffix == ".csv":
        return _Csv(path, _csv_columns(path))
    if suffix in (".jsonl", ".ndjson"):
        return _JsonLines(path, json_columns(path, InvalidScoreFile))
    if suffix == ".parquet":
        return _open_parquet(path)
    raise InvalidScoreFile(f"expected a file that ends in .csv, .jsonl, .ndjson or .parquet, got {path.name}")


@dataclass(frozen=True)
class _Csv:
    path: Path
    columns: Sequence[str]

    def blocks(self, names: Sequence[str]) -> Iterator[Block]:
        n_columns = len(self.columns)
        chosen = [(name, self.columns.index(name)) for name in names]
        n_before = 0
        with self.path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, strict=True)
            _next_rows(self.path, reader, 1)
            while read := _next_rows(self.path, reader, ROWS_AT_ONCE):
                block = [row for row in read if row]  # lines without anything are no rows
                if set(map(len, block)) - {n_columns}:
                    wrong, got = next((i, len(row)) for i, row in enumerate(block) if len(row) != n_columns)
                    (place,) = self.places([n_before + wrong])
                    raise InvalidScoreFile(
                        f"{self.path}, {place}: expected {n_columns} cells as in the first line, got {got}"
                    )
                n_before += len(block)
                columns = list(zip(*block)) or [()] * n_columns
                yield {name: _without_empty(columns[place]) for name, place in chosen}

    def places(self, rows: Sequence[int]) -> list[str]:
        wanted, lines = set(rows), dict[int, int]()
        with self.path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, strict=True)
            next(reader, None)
            number, line = 0, reader.line_num + 1
            for row in reader:
                if row:
                    if number in wanted:
                        lines[number] = line
                    number += 1
                    if len(lines) == len(wanted):
                        break
                line = reader.line_num + 1
        return [f"line {lines[row]}" for row in rows]


def _next_rows(path: Path, reader: Any, n_rows: int) -> list[list[str]]:
    try:
        return list(islice(reader, n_rows))
    except UnicodeDecodeError as error:
        raise InvalidScoreFile(f"expected {path} in UTF-8, got the byte 0x{error.object[error.start]:02x}") from error
    except csv.Error as error:
        raise InvalidScoreFile(f"{path}, line {reader.line_num}: expected CSV, got something else: {error}") from error


def _csv_columns(path: Path) -> list[str]:
    csv.field_size_limit(sys.maxsize)  # a column that is not asked for may hold long texts
    with path.open(encoding="utf-8-sig", newline="") as file:
        first = _next_rows(path, csv.reader(file, strict=True), 1)
    if not first or not first[0]:
        raise InvalidScoreFile(f"expected names of columns in the first line of {path}, got none")
    columns = first[0]
    repeated = sorted({name for name in columns if columns.count(name) > 1})
    if repeated:
        raise InvalidScoreFile(
            f"expected every column of {path} once, got {', '.join(map(repr, repeated))} more than once"
        )
    return columns


def _without_empty(values: Sequence[str]) -> Sequence[str | None]:
    return [value or None for value in values] if "" in values else values


@dataclass(frozen=True)
class _JsonLines:
    path: Path
    columns: Sequence[str]

    def blocks(self, names: Sequence[str]) -> Iterator[Block]:
        rows = (row for _, row in json_rows(self.path, InvalidScoreFile))
        while block := list(islice(rows, ROWS_AT_ONCE)):
            yield {name: [row.get(name) for row in block] for name in names}

    def places(self, rows: Sequence[int]) -> list[str]:
        wanted = set(rows)
        found = islice(json_rows(self.path, InvalidScoreFile), max(wanted, default=-1) + 1)
        lines = {number: line for number, (line, _) in enumerate(found) if number in wanted}
        return [f"line {lines[row]}" for row in rows]


def _open_parquet(path: Path) -> ScoreFile:
    for module, kind in (("polars", _PolarsParquet), ("pyarrow.parquet", _ArrowParquet)):
        try:
            library = import_module(module)
        except ModuleNotFoundError:
            continue
        try:
            return kind(path, library)
        except Exception as error:  # the library's own errors: neither is a requirement
            raise InvalidScoreFile(f"expected a Parquet file, {path} cannot be read as one: {error}") from error
    raise InvalidScoreFile(f"reading {path.name} needs polars or pyarrow: pip install 'nucleus-validate[frames]'")


class _PolarsParquet:
    def __init__(self, path: Path, polars: Any) -> None:
        self.path = path
        self._frame = polars.scan_parquet(path)
        self.columns: Sequence[str] = self._frame.collect_schema().names()

    def blocks(self, names: Sequence[str]) -> Iterator[Block]:
        for block in self._frame.select(names).collect().iter_slices(ROWS_AT_ONCE):
            yield {name: block.get_column(name).to_list() for name in names}

    def places(self, rows: Sequence[int]) -> list[str]:
        return _numbered(rows)


class _ArrowParquet:
    def __init__(self, path: Path, parquet: Any) -> None:
        self.path = path
        self._file = parquet.ParquetFile(path)
        self.columns: Sequence[str] = self._file.schema_arrow.names

    def blocks(self, names: Sequence[str]) -> Iterator[Block]:
        for batch in self._file.iter_batches(ROWS_AT_ONCE, columns=list(names)):
            yield batch.to_pydict()

    def places(self, rows: Sequence[int]) -> list[str]:
        return _numbered(rows)


def _numbered(rows: Sequence[int]) -> list[str]:
    return [f"row {row + 1}" for row in rows]
