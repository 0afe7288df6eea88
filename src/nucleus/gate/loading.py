"""The columns of one file that a comparison needs: found by their names, checked, as arrays."""

from __future__ import annotations

import gc
import math
from array import array
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from nucleus.gate.groups import GroupColumn
from nucleus.gate.score_files import InvalidScoreFile, ScoreFile, open_scores

if TYPE_CHECKING:
    from numpy.typing import NDArray

ID_COLUMNS = ("reference_id", "item_ref_id", "item_id", "id")
SCORE_COLUMNS = ("score",)
WEIGHT_COLUMN = "weight"
_LISTED = 10
_MOST_GROUP_COLUMNS = 32


class ColumnNames(NamedTuple):
    """What the columns of a file are called; None: by one of the usual names."""

    id: str | None = None
    score: str | None = None
    weight: str | None = None
    cluster: str | None = None


@dataclass(frozen=True)
class Scores:
    """The rows of one file, in their order.

    Attributes:
        columns: The names that were found; weight and cluster None if the file has no such column.
        ids: A text each, all different, none empty.
        scores: float64 [n_rows], finite; NaN where the row has none.
        weights: float64 [n_rows], finite and at least 0; None: every weight is 1.
        clusters: The values of the cluster column, as texts; None where the cell is empty.
        groups: Other columns that look like groups.
    """

    path: Path
    columns: ColumnNames
    ids: list[str]
    scores: NDArray[np.float64]
    weights: NDArray[np.float64] | None
    clusters: list[str | None] | None
    groups: dict[str, NDArray[np.int64]]


def load_scores(
    path: Path, asked: ColumnNames, *, score_range: tuple[float, float] | None, find_groups: bool
) -> Scores:
    """Read and check a file.

    Args:
        asked: `weight` and `cluster` may be in the other file instead: they are None in the result if they are not in this.
        find_groups: Look at the columns that nobody asked for, whether they look like groups.

    Raises:
        InvalidScoreFile: A column is not there; an id is empty, no text or whole number, or there twice; a score or weight is
            no finite number or outside of its range. The first ten wrong rows are named by their lines.
    """
    file = open_scores(path)
    columns = ColumnNames(
        id=_required(file, asked.id, ID_COLUMNS, "item ids", "id"),
        score=_required(file, asked.score, SCORE_COLUMNS, "scores", "score"),
        weight=next((name for name in (asked.weight or WEIGHT_COLUMN,) if name in file.columns), None),
        cluster=asked.cluster if asked.cluster in file.columns else None,
    )
    used = list(dict.fromkeys(name for name in columns if name is not None))
    others = [name for name in file.columns if name not in used][: _MOST_GROUP_COLUMNS if find_groups else 0]
    reader = _Reader(file, columns, {name: GroupColumn() for name in others})
    with _without_collecting():
        for block in file.blocks([*used, *others]):
            reader.add(block)
    return reader.close(score_range)


@dataclass
class _Reader:
    file: ScoreFile
    columns: ColumnNames
    groups: dict[str, GroupColumn]
    ids: list[str] = field(default_factory=list)
    clusters: list[str | None] = field(default_factory=list)
    scores: list[array[float]] = field(default_factory=list)
    weights: list[array[float]] = field(default_factory=list)
    odd: list[tuple[int, str, object]] = field(default_factory=list)
    """Cells that are not what they must be: row, column, value."""

    def add(self, block: Any) -> None:
        """Take the rows of a block."""
        names, first = self.columns, len(self.ids)
        self.ids += self._texts(block[names.id], first)
        self.scores.append(self._numbers(block[names.score], first, str(names.score)))
        if names.weight is not None:
            self.weights.append(self._numbers(block[names.weight], first, names.weight))
        if names.cluster is not None:
            values = block[names.cluster]
            is_text = set(map(type, values)) <= {str, type(None)}
            self.clusters += values if is_text else [None if value is None else str(value) for value in values]
        for name, column in self.groups.items():
            column.add(block[name])

    def close(self, score_range: tuple[float, float] | None) -> Scores:
        """Check the whole."""
        names = self.columns
        if not self.ids:
            raise InvalidScoreFile(f"expected rows in {self.file.path}, got none")
        if self.odd:
            self._refuse(
                "finite numbers as scores and weights, and ids that are texts or whole numbers (no score: leave the cell empty)",
                self.odd,
            )
        self._check_repeated()
        scores = _joined(self.scores)
        weights = None
        if names.weight is not None:
            weights = _joined(self.weights)
            wrong = np.isnan(weights) & ~np.isnan(scores) | (weights < 0)
            if wrong.any():
                cells = [(int(row), names.weight, _shown(weights[row])) for row in np.flatnonzero(wrong)]
                self._refuse("a weight of at least 0 for every score", cells)
        if score_range is not None:
            wrong = (scores < score_range[0]) | (scores > score_range[1])
            if wrong.any():
                cells = [(int(row), str(names.score), _shown(scores[row])) for row in np.flatnonzero(wrong)]
                self._refuse(f"scores in [{score_range[0]:g}, {score_range[1]:g}]", cells)
        if np.isnan(scores).all():
            raise InvalidScoreFile(
                f"expected scores in column {names.score!r} of {self.file.path}, got empty cells only"
            )
        return Scores(
            path=self.file.path,
            columns=names,
            ids=self.ids,
            scores=scores,
            weights=weights,
            clusters=None if names.cluster is None else self.clusters,
            groups={name: codes for name, column in self.groups.items() if (codes := column.codes()) is not None},
        )

    def _texts(self, values: Sequence[Any], first: int) -> Sequence[str]:
        kinds = set(map(type, values))
        if kinds <= {str}:
            return values
        texts = []
        for row, value in enumerate(values, first):
            if isinstance(value, bool) or not isinstance(value, (str, int)):
                self.odd.append((row, str(self.columns.id), value))
            texts.append(str(value))
        return texts

    def _numbers(self, values: Sequence[Any], first: int, column: str) -> array[float]:
        kinds = set(map(type, values))
        if kinds <= {str} or kinds <= {float, int}:
            try:
                numbers = array("d", map(float, values))
            except (ValueError, OverflowError):
                pass
            else:
                if np.isfinite(np.frombuffer(numbers)).all():
                    return numbers
        numbers = array("d")
        for row, value in enumerate(values, first):
            number = math.nan if value is None else _number(value)
            if number is None:
                self.odd.append((row, column, value))
            numbers.append(math.nan if number is None else number)
        return numbers

    def _check_repeated(self) -> None:
        if len(set(self.ids)) == len(self.ids):
            return
        repeated = {text for text, n in Counter(self.ids).items() if n > 1}
        cells = [(row, str(self.columns.id), text) for row, text in enumerate(self.ids) if text in repeated]
        self._refuse("every item once", cells)

    def _refuse(self, expected: str, cells: Sequence[tuple[int, str, object]]) -> None:
        shown = sorted(cells, key=lambda cell: cell[0])[:_LISTED]
        places = self.file.places([row for row, _, _ in shown])
        lines = [
            f"  {place}, column {column!r}: {'an empty cell' if value is None else repr(value)}"
            for place, (_, column, value) in zip(places, shown)
        ]
        if len(cells) > _LISTED:
            lines.append(f"  and {len(cells) - _LISTED} more")
        raise InvalidScoreFile(
            f"expected {expected} in {self.file.path}, got {len(cells)} cells that are not so:\n" + "\n".join(lines)
        )


def _joined(parts: Sequence[array[float]]) -> NDArray[np.float64]:
    return np.concatenate([np.frombuffer(part) for part in parts])


@contextmanager
def _without_collecting() -> Iterator[None]:
    """Rows become columns without cycles; to look for some in each of a million lists costs a third of the time."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def _shown(number: float) -> float | None:
    return None if math.isnan(number) else float(number)


def _required(file: ScoreFile, asked: str | None, usual: Sequence[str], what: str, argument: str) -> str:
    names = usual if asked is None else (asked,)
    found = next((name for name in names if name in file.columns), None)
    if found is None:
        hint = f": name the one with the {what} (--{argument})" if asked is None else ""
        raise InvalidScoreFile(
            f"expected a column {' or '.join(names)} of {what} in {file.path}, got {', '.join(file.columns)}{hint}"
        )
    return found
