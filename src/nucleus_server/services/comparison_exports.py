"""Tables of comparisons to take away: items over several models, and items that got worse over a suite."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from nucleus_server.domain import Population
from nucleus_server.services.exports import ExportTable
from nucleus_server.services.side_by_side import SideBySide, contributions_of
from nucleus_server.services.suite_comparison import SuiteComparison, SuiteLine, word_of
from nucleus_server.services.worse_items import WorseItems
from nucleus_server.storage import WorkspaceStore

if TYPE_CHECKING:
    from numpy.typing import NDArray

_BATCH = 65_536
_SUITE = {
    "test": pl.String(),
    "test_id": pl.String(),
    "is_blocking": pl.Boolean(),
    "function": pl.String(),
    "function_id": pl.String(),
    "unit": pl.String(),
    "candidate": pl.String(),
    "candidate_id": pl.String(),
    "candidate_evaluation_id": pl.String(),
    "candidate_result": pl.Float64(),
    "baseline": pl.String(),
    "baseline_id": pl.String(),
    "baseline_evaluation_id": pl.String(),
    "baseline_result": pl.Float64(),
    "verdict": pl.String(),
    "delta": pl.Float64(),
    "low": pl.Float64(),
    "high": pl.Float64(),
    "p_value": pl.Float64(),
    "adjusted_p": pl.Float64(),
    "adjustment": pl.String(),
    "n_common": pl.Int64(),
    "n_clusters": pl.Int64(),
}
_NAMES = {"item_id": pl.String(), "reference_id": pl.String(), "deleted": pl.Boolean()}


def side_by_side_table(ws: WorkspaceStore, view: SideBySide) -> ExportTable:
    """Every member that all models scored, in member order: their scores, and what it adds to each candidate's difference.

    Columns name models by their ids: names may be the same, or change.
    """
    positions = np.flatnonzero(view.is_common)
    names = _Names(ws, view.population)
    columns = {f"score_{e.model_id}": column for e, column in zip(view.evaluations, view.scores, strict=True)}
    for place, evaluation in enumerate(view.evaluations[1:], 1):
        columns[f"weight_{evaluation.model_id}"] = view.weights[place - 1]
        columns[f"contribution_{evaluation.model_id}"] = contributions_of(view, place)
    schema = pl.Schema({**_NAMES, **dict.fromkeys(columns, pl.Float64())})

    def batch(rows: slice) -> pl.DataFrame:
        places = positions[rows]
        return pl.DataFrame(
            {
                **names.of(view.ordinals[places]),
                **{name: column[places] for name, column in columns.items()},
            },
            schema=schema,
            strict=False,
        ).with_columns(pl.col(name).fill_nan(None) for name in columns)

    name = f"models-{view.test.id}-{view.evaluations[0].model_id}"
    return ExportTable(name, schema, lambda: map(batch, _batches(len(positions))))


def worse_table(ws: WorkspaceStore, found: WorseItems) -> ExportTable:
    """The items that got worse in several tests, those in most tests first."""
    names = _Names(ws, Population(found.dataset_key))
    schema = pl.Schema({**_NAMES, "n_tests": pl.Int64(), "loss": pl.Float64()})

    def batch(rows: slice) -> pl.DataFrame:
        return pl.DataFrame(
            {
                **names.of(found.ordinals[rows]),
                "n_tests": found.n_tests[rows],
                "loss": found.losses[rows],
            },
            schema=schema,
        )

    return ExportTable(f"worse-{found.model_id}", schema, lambda: map(batch, _batches(len(found.ordinals))))


def suite_table(found: SuiteComparison) -> ExportTable:
    """A row for each candidate by each function of each test, where a candidate is worse first."""
    rows = [_suite_row(line, place, found) for line in found.lines for place in range(len(found.candidates))]
    frame = pl.DataFrame(rows, schema=pl.Schema(_SUITE))
    return ExportTable("suite", frame.schema, lambda: iter((frame,)))


def _suite_row(line: SuiteLine, place: int, found: SuiteComparison) -> dict[str, Any]:
    entry, model = line.entries[place], found.candidates[place]
    pair, candidate, baseline = entry.comparison, entry.candidate, entry.baseline
    return {
        "test": entry.test_name,
        "test_id": entry.test_id,
        "is_blocking": entry.is_blocking,
        "function": entry.function_name,
        "function_id": entry.function_id,
        "unit": entry.unit,
        "candidate": model.name,
        "candidate_id": model.id,
        "candidate_evaluation_id": None if candidate is None else candidate.evaluation_id,
        "candidate_result": None if candidate is None else candidate.result,
        "baseline": None if baseline is None else baseline.model_name,
        "baseline_id": None if baseline is None else baseline.model_id,
        "baseline_evaluation_id": None if baseline is None else baseline.evaluation_id,
        "baseline_result": None if baseline is None else baseline.result,
        "verdict": word_of(entry),
        "delta": None if pair is None else pair.delta,
        "low": None if pair is None else pair.low,
        "high": None if pair is None else pair.high,
        "p_value": None if pair is None else pair.p_value,
        "adjusted_p": entry.adjusted_p,
        "adjustment": entry.adjustment,
        "n_common": None if pair is None else pair.n,
        "n_clusters": None if pair is None else pair.n_clusters,
    }


class _Names:
    """Ids of members, and whether they were deleted, as columns."""

    def __init__(self, ws: WorkspaceStore, population: Population) -> None:
        self._ws, self._population = ws, population
        self._references = ws.reference_ids(population)

    def of(self, ordinals: NDArray[np.int64]) -> dict[str, Any]:
        references = self._references.gather(ordinals)
        is_deleted = references.is_null().to_numpy()
        if is_deleted.any():
            gone = np.flatnonzero(is_deleted)
            items = self._ws.items_at(self._population, ordinals[gone])
            references = references.scatter(gone, [item.reference_id for item in items])
        return {
            "item_id": self._ws.member_ids(self._population, ordinals),
            "reference_id": references,
            "deleted": is_deleted,
        }


def _batches(n_rows: int) -> Iterable[slice]:
    return (slice(start, start + _BATCH) for start in range(0, n_rows, _BATCH))
