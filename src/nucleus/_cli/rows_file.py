"""Rows from files: CSV and JSON lines by the standard library and msgspec, Parquet by polars or pyarrow."""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol

from nucleus._cli.bad_rows import write_rows
from nucleus._cli.outcomes import DataRefused, fail
from nucleus._json_lines import json_columns, json_rows
from nucleus.validate.results import EvaluationResult

_LISTED = 20
"""How many rows of JSON lines are looked at to know the columns: not every row must have all."""

_SUFFIXES = ".csv, .jsonl, .ndjson or .parquet"


class BadCells(DataRefused):
    """Cells of a file are no numbers; the first 20 are named by their lines."""

    def __init__(self, path: Path, cells: Sequence[Mapping[str, Any]]) -> None:
        lines = [f"  line {cell['line']}, column {cell['field']!r}: {cell['value']!r}" for cell in cells[:_LISTED]]
        if len(cells) > _LISTED:
            lines.append(f"  and {len(cells) - _LISTED} more")
        super().__init__(
            f"expected finite numbers in {path}, got {len(cells)} cells that are none (no score: leave the cell empty); "
            "nothing was stored\n" + "\n".join(lines)
        )
        self._cells = cells

    def write_bad_rows(self, path: Path) -> None:
        """Write all of them as CSV, as `InvalidUpload.write_bad_rows` does."""
        problem = "no finite number, in line {}"
        write_rows(path, [{**cell, "problem": problem.format(cell["line"])} for cell in self._cells])


class RowsFile(Protocol):
    """A file of rows with named columns."""

    @property
    def columns(self) -> Sequence[str]:
        """The names of its columns."""

    def rows(self) -> Iterator[tuple[int, Mapping[str, Any]]]:
        """Every row with the line that it begins in (in Parquet its number), read as it is asked for; texts of a CSV stay
        texts, and an empty one is None."""

    def table(self, reference: str, numbers: Sequence[str]) -> Any:
        """The reference ids and these columns of numbers, as `Dataset.upload_scores` takes them; read once, in batches.

        Raises (while it is read):
            BadCells: Cells are no numbers.
        """

    def results(self, reference: str, score: str, weight: str | None) -> Any:
        """The rows that have a score, as `ScenarioTest.upload_external_evaluation_results` takes them; read likewise."""


def open_rows(path: Path) -> RowsFile:
    """The file, by its ending; its first lines are read at once."""
    if not path.is_file():
        fail(f"expected a file, {path} is not there or is none")
    suffix = path.suffix.lower()
    if suffix == ".csv":
        return _Csv(path, _csv_columns(path))
    if suffix in (".jsonl", ".ndjson"):
        return _JsonLines(path, json_columns(path, DataRefused))
    if suffix == ".parquet":
        return _open_parquet(path)
    fail(f"expected a file that ends in {_SUFFIXES}, got {path.name}")


class _Lines:
    """What CSV and JSON lines have in common: rows are read one after the other, and bad cells have a line."""

    path: Path
    columns: Sequence[str]

    def rows(self) -> Iterator[tuple[int, Mapping[str, Any]]]:
        raise NotImplementedError

    def table(self, reference: str, numbers: Sequence[str]) -> Iterator[dict[str, Any]]:
        """Rows as mappings; once a cell is bad, the rest is only read to name the other bad ones."""
        bad: list[dict[str, Any]] = []
        for number, (line, row) in enumerate(self.rows()):
            chosen: dict[str, Any] = {reference: row.get(reference)}
            for column in numbers:
                value = row.get(column)
                try:
                    chosen[column] = as_number(value)
                except ValueError:
                    cell = {"row": number, "line": line, "reference_id": chosen[reference]}
                    bad.append({**cell, "field": column, "value": value})
            if not bad:
                yield chosen
        if bad:
            raise BadCells(self.path, bad)

    def results(self, reference: str, score: str, weight: str | None) -> Iterator[EvaluationResult]:
        """One result after the other."""
        for row in self.table(reference, [score] if weight is None else [score, weight]):
            if row[score] is None:
                continue
            try:
                yield EvaluationResult(
                    item_ref_id=row[reference], score=row[score], weight=1.0 if weight is None else row[weight]
                )
            except ValueError as error:
                raise DataRefused(f"item {row[reference]!r}: {error}; nothing was stored") from error


@dataclass(frozen=True)
class _Csv(_Lines):
    path: Path
    columns: Sequence[str]

    def rows(self) -> Iterator[tuple[int, Mapping[str, Any]]]:
        n_columns = len(self.columns)
        with self.path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file)
            cells = _checked_lines(self.path, reader)
            next(cells, None)
            line = reader.line_num + 1
            for row in cells:
                if row:
                    if len(row) != n_columns:
                        raise DataRefused(
                            f"{self.path}, line {line}: expected {n_columns} cells as in the first line, got {len(row)}; "
                            "nothing was stored"
                        )
                    yield line, {name: value or None for name, value in zip(self.columns, row)}
                line = reader.line_num + 1


@dataclass(frozen=True)
class _JsonLines(_Lines):
    path: Path
    columns: Sequence[str]

    def rows(self) -> Iterator[tuple[int, Mapping[str, Any]]]:
        return json_rows(self.path, DataRefused)


def _csv_columns(path: Path) -> list[str]:
    csv.field_size_limit(sys.maxsize)  # a column that is not asked for may hold long texts
    with path.open(encoding="utf-8-sig", newline="") as file:
        columns = next(_checked_lines(path, csv.reader(file)), [])
    if not columns:
        raise DataRefused(f"expected names of columns in the first line of {path}, got none")
    repeated = sorted({name for name in columns if columns.count(name) > 1})
    if repeated:
        raise DataRefused(f"expected every column of {path} once, got {', '.join(map(repr, repeated))} more than once")
    return columns


def _checked_lines(path: Path, reader: Iterator[list[str]]) -> Iterator[list[str]]:
    while True:
        try:
            row = next(reader, None)
        except UnicodeDecodeError as error:
            raise DataRefused(f"expected {path} in UTF-8, got the byte 0x{error.object[error.start]:02x}") from error
        except csv.Error as error:
            raise DataRefused(f"expected CSV in {path}, got something else: {error}") from error
        if row is None:
            return
        yield row


def as_number(value: object) -> float | None:
    """The number in a cell; None if it is empty.

    Raises:
        ValueError: It is no finite number.
    """
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        raise ValueError
    number = float(value)
    if number - number != 0:  # NaN and infinities
        raise ValueError
    return number


def _open_parquet(path: Path) -> RowsFile:
    try:
        polars = import_module("polars")
    except ModuleNotFoundError:
        try:
            import_module("pyarrow")
            parquet = import_module("pyarrow.parquet")
        except ModuleNotFoundError:
            fail(f"reading {path.name} needs polars or pyarrow: pip install 'nucleus-validate[frames]'")
        try:
            return _ArrowParquet(parquet.ParquetFile(path))
        except Exception as error:  # pyarrow's own errors: the module is no requirement
            raise DataRefused(f"expected a Parquet file, {path} cannot be read as one: {error}") from error
    try:
        return _PolarsParquet(polars.scan_parquet(path))
    except Exception as error:
        raise DataRefused(f"expected a Parquet file, {path} cannot be read as one: {error}") from error


class _PolarsParquet:
    def __init__(self, frame: Any) -> None:
        self._frame = frame
        self.columns: Sequence[str] = frame.collect_schema().names()

    def rows(self) -> Iterator[tuple[int, Mapping[str, Any]]]:
        batches = self._frame.collect_batches(maintain_order=True)
        return enumerate((row for batch in batches for row in batch.iter_rows(named=True)), 1)

    def table(self, reference: str, numbers: Sequence[str]) -> Any:
        return self._frame.select(list(dict.fromkeys([reference, *numbers])))

    def results(self, reference: str, score: str, weight: str | None) -> Any:
        column = import_module("polars").col
        names = _result_names(reference, score, weight)
        return self._frame.select(column(old).alias(new) for new, old in names.items()).drop_nulls("score")


class _ArrowParquet:
    def __init__(self, file: Any) -> None:
        self._file = file
        self.columns: Sequence[str] = file.schema_arrow.names

    def rows(self) -> Iterator[tuple[int, Mapping[str, Any]]]:
        batches = self._file.iter_batches()
        return enumerate((row for batch in batches for row in batch.to_pylist()), 1)

    def table(self, reference: str, numbers: Sequence[str]) -> Any:
        names = dict.fromkeys([reference, *numbers])
        return self._reader({name: name for name in names})

    def results(self, reference: str, score: str, weight: str | None) -> Any:
        return self._reader(_result_names(reference, score, weight), not_null="score")

    def _reader(self, names: Mapping[str, str], not_null: str | None = None) -> Any:
        arrow = import_module("pyarrow")
        schema = arrow.schema([(new, self._file.schema_arrow.field(old).type) for new, old in names.items()])

        def batches() -> Iterator[Any]:
            for read in self._file.iter_batches(columns=list(dict.fromkeys(names.values()))):
                batch = arrow.RecordBatch.from_arrays([read.column(old) for old in names.values()], schema=schema)
                yield batch if not_null is None else batch.filter(batch.column(not_null).is_valid())

        return arrow.RecordBatchReader.from_batches(schema, batches())


def _result_names(reference: str, score: str, weight: str | None) -> dict[str, str]:
    """The columns of a table of results by the names that they must have."""
    names = {"item_ref_id": reference, "score": score}
    return names if weight is None else {**names, "weight": weight}
