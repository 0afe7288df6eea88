"""Tables to take away: an evaluation's items, a test's history, a report's entries, a comparison's items, the audit log.

A table is made in batches, so that a million rows are never text at once.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import IO, TYPE_CHECKING, Any

import numpy as np
import polars as pl
from polars.io.plugins import register_io_source

from nucleus_metrics.explanation import contributions
from nucleus_server.domain import (
    AuditEntry,
    AuditFilter,
    JudgedEvaluation,
    Population,
    ReleaseReport,
    ReportEntry,
    Side,
)
from nucleus_server.services.clusters import Clusters
from nucleus_server.services.comparing import matter_of
from nucleus_server.services.item_filters import ItemFilter, matching_positions
from nucleus_server.services.judging import judge_one, judge_test
from nucleus_server.services.results import Order, passed_of, read_members, sorted_positions
from nucleus_server.services.verdicts import Question, pair_columns
from nucleus_server.storage import WorkspaceStore

if TYPE_CHECKING:
    from numpy.typing import NDArray

_BATCH = 65_536
_AUDIT_BATCH = 1_000
_FORMULA = r"^[=+\-@\t\r\n]"
"""What spreadsheets take for the beginning of a formula, or strip to find one."""
MOMENT = pl.Datetime("us", "UTC")
_ITEMS = {
    "item_id": pl.String(),
    "reference_id": pl.String(),
    "score": pl.Float64(),
    "weight": pl.Float64(),
    "passed": pl.Boolean(),
    "deleted": pl.Boolean(),
}
_CONTRIBUTIONS = {
    "item_id": pl.String(),
    "reference_id": pl.String(),
    "baseline_score": pl.Float64(),
    "candidate_score": pl.Float64(),
    "weight": pl.Float64(),
    "contribution": pl.Float64(),
    "deleted": pl.Boolean(),
}
_HISTORY = {
    "evaluation_id": pl.String(),
    "function": pl.String(),
    "function_id": pl.String(),
    "model": pl.String(),
    "model_id": pl.String(),
    "created_at": MOMENT,
    "user": pl.String(),
    "result": pl.Float64(),
    "criterion": pl.String(),
    "comparison": pl.String(),
    "threshold": pl.Float64(),
    "compared_result": pl.Float64(),
    "baseline_model": pl.String(),
    "passed": pl.Boolean(),
    "n_members": pl.Int64(),
    "n_deleted": pl.Int64(),
    "n_scored": pl.Int64(),
    "coverage": pl.Float64(),
    "weight_sum": pl.Float64(),
    "upload_id": pl.String(),
}
_SIDE = {
    "model": pl.String(),
    "evaluation_id": pl.String(),
    "result": pl.Float64(),
    "coverage": pl.Float64(),
    "n_scored": pl.Int64(),
    "n_members": pl.Int64(),
}
_ENTRIES = {
    "outcome": pl.String(),
    "test": pl.String(),
    "test_id": pl.String(),
    "function": pl.String(),
    "function_id": pl.String(),
    "unit": pl.String(),
    "is_blocking": pl.Boolean(),
    "tags": pl.String(),
    "mode": pl.String(),
    "threshold_comparison": pl.String(),
    "threshold": pl.Float64(),
    "margin": pl.Float64(),
    **{f"candidate_{name}": kind for name, kind in _SIDE.items()},
    **{f"baseline_{name}": kind for name, kind in _SIDE.items()},
    "delta": pl.Float64(),
    "low": pl.Float64(),
    "high": pl.Float64(),
    "p_value": pl.Float64(),
    "adjusted_p": pl.Float64(),
    "adjustment": pl.String(),
    "verdict": pl.String(),
    "minimum_detectable_effect": pl.Float64(),
    "n_common": pl.Int64(),
    "n_clusters": pl.Int64(),
    "cluster_key": pl.String(),
    "threshold_standing": pl.String(),
    "reason": pl.String(),
    "settles": pl.String(),
    "warnings": pl.String(),
    "waiver_reason": pl.String(),
    "waiver_owner": pl.String(),
    "waiver_expires_at": MOMENT,
}
_AUDIT = {
    "created_at": MOMENT,
    "user": pl.String(),
    "action": pl.String(),
    "object_id": pl.String(),
    "details": pl.String(),
}


@dataclass(frozen=True, slots=True, eq=False)
class ExportTable:
    """A table in the making.

    Attributes:
        name: What it is and of what, in letters, digits, `_` and `-`: a file can be called so.
        schema: Its columns and their types.
        batches: Makes its rows, from the first one; every batch has these columns.
    """

    name: str
    schema: pl.Schema
    batches: Callable[[], Iterator[pl.DataFrame]]


def item_table(
    ws: WorkspaceStore, evaluation_id: str, wanted: ItemFilter | None = None, order: Order = Order.FIRST
) -> ExportTable:
    """The scored members of an evaluation that the filter leaves, without one all, in this order.

    Raises:
        NotFound: There is no such evaluation.
        InvalidInput: The filter is none for it.
    """
    judged = judge_one(ws, evaluation_id)
    evaluation = judged.evaluation
    members = read_members(ws, evaluation)
    scores, weights = members.scores, members.weights
    found = matching_positions(ws, judged, members, wanted or ItemFilter())
    function = ws.get_eval_function_of(evaluation)
    positions = sorted_positions(ws, function, members, found, order, offset=0, limit=len(found))
    ordinals = members.ordinals[positions]
    names = _Names(ws, members.population)

    def batch(rows: slice) -> pl.DataFrame:
        item_ids_, reference_ids, is_deleted = names.of(ordinals[rows])
        found = scores[positions[rows]]
        passed = passed_of(judged, found)
        return pl.DataFrame(
            {
                "item_id": item_ids_,
                "reference_id": reference_ids,
                "score": found,
                "weight": np.ones(len(found)) if weights is None else weights[positions[rows]],
                "passed": [None] * len(found) if passed is None else passed,
                "deleted": is_deleted,
            },
            schema=_ITEMS,
        )

    return ExportTable(f"items-{evaluation.id}", pl.Schema(_ITEMS), lambda: map(batch, _slices(len(positions))))


def contribution_table(ws: WorkspaceStore, baseline_evaluation_id: str, candidate_evaluation_id: str) -> ExportTable:
    """What each member that both evaluations scored adds to their difference, in member order; together they are it.

    Raises:
        NotFound: An evaluation does not exist.
        InvalidInput: They are of different tests or functions.
    """
    matter = matter_of(ws, baseline_evaluation_id, candidate_evaluation_id)
    assert matter.candidate is not None and matter.baseline is not None
    clusters, function = Clusters(ws), matter.entry.function
    columns = pair_columns(
        ws,
        clusters,
        Question(
            matter.baseline,
            matter.candidate,
            function,
            matter.test.dataset_key,
            clusters.resolve(matter.test, function),
        ),
    )
    parts = contributions(columns.baseline, columns.candidate, weights=columns.weights)
    positions = np.flatnonzero(~np.isnan(parts))
    names = _Names(ws, Population(matter.test.dataset_key, matter.entry.function.level))

    def batch(rows: slice) -> pl.DataFrame:
        places = positions[rows]
        item_ids_, reference_ids, is_deleted = names.of(columns.ordinals[places])
        return pl.DataFrame(
            {
                "item_id": item_ids_,
                "reference_id": reference_ids,
                "baseline_score": columns.baseline[places],
                "candidate_score": columns.candidate[places],
                "weight": columns.weights[places],
                "contribution": parts[places],
                "deleted": is_deleted,
            },
            schema=_CONTRIBUTIONS,
        )

    name = f"items-{matter.baseline.id}-{matter.candidate.id}"
    return ExportTable(name, pl.Schema(_CONTRIBUTIONS), lambda: map(batch, _slices(len(positions))))


def history_table(ws: WorkspaceStore, test_id: str) -> ExportTable:
    """All evaluations of a test beside the criteria in force, oldest first."""
    functions = {entry.function.key: entry.function.name for entry in ws.list_test_functions(test_id)}
    rows = [_history_row(judged, functions.get(judged.evaluation.function_key)) for judged in judge_test(ws, test_id)]
    return table_of_rows(f"history-{ws.get_scenario_test(test_id).id}", _HISTORY, rows)


def entry_table(report: ReleaseReport, name: str) -> ExportTable:
    """The entries of a report, what failed first; `name` is the id of what it is of."""
    return table_of_rows(f"entries-{name}", _ENTRIES, map(_entry_row, report.entries))


def audit_table(ws: WorkspaceStore, wanted: AuditFilter | None = None) -> ExportTable:
    """The audit log, newest first, or what the filter leaves of it. Details are JSON."""

    schema = pl.Schema(_AUDIT)

    def batches() -> Iterator[pl.DataFrame]:
        rest, limit = wanted or AuditFilter(), _AUDIT_BATCH
        while found := ws.list_audit(rest, limit=limit):
            is_last = len(found) < limit
            # The next batch begins before a moment, so those of one moment stay together.
            whole = found if is_last else [entry for entry in found if entry.created_at != found[-1].created_at]
            if whole:
                yield pl.DataFrame([_audit_row(entry) for entry in whole], schema=schema)
                rest = replace(rest, before=whole[-1].created_at)
            else:
                limit *= 2
            if is_last:
                return

    return ExportTable("audit-log", schema, batches)


def csv_chunks(table: ExportTable) -> Iterator[bytes]:
    """The table as CSV in UTF-8, with a first line of names.

    A text that a spreadsheet would run as a formula gets a leading apostrophe; numbers are as they are, in full. What is not
    there is empty, an empty text is `""`.
    """
    yield _csv(pl.DataFrame(schema=table.schema), include_header=True)
    for batch in table.batches():
        yield _csv(batch.with_columns(_harmless(batch.schema)), include_header=False)


def write_parquet(table: ExportTable, target: IO[bytes]) -> None:
    """The table as Parquet, texts as they are; rows are made while they are written."""

    def batches(
        with_columns: list[str] | None, predicate: pl.Expr | None, n_rows: int | None, batch_size: int | None
    ) -> Iterator[pl.DataFrame]:
        yield from table.batches()

    register_io_source(batches, schema=table.schema).sink_parquet(target)


class _Names:
    """Ids of members, and whether they were deleted."""

    def __init__(self, ws: WorkspaceStore, population: Population) -> None:
        self._ws, self._population = ws, population
        self._references = ws.reference_ids(population)

    def of(self, ordinals: NDArray[np.int64]) -> tuple[NDArray[np.str_], pl.Series, NDArray[np.bool_]]:
        """Item ids, reference ids, and whether each was deleted."""
        references = self._references.gather(ordinals)
        is_deleted = references.is_null().to_numpy()
        if is_deleted.any():
            gone = np.flatnonzero(is_deleted)
            items = self._ws.items_at(self._population, ordinals[gone])
            references = references.scatter(gone, [item.reference_id for item in items])
        return self._ws.member_ids(self._population, ordinals), references, is_deleted


def _slices(n_rows: int) -> Iterable[slice]:
    return (slice(start, start + _BATCH) for start in range(0, n_rows, _BATCH))


def table_of_rows(name: str, columns: Mapping[str, Any], rows: Iterable[dict[str, Any]]) -> ExportTable:
    """A table of rows that are few enough to be in memory; `columns` are names and types."""
    frame = pl.DataFrame(list(rows), schema=pl.Schema(columns))
    return ExportTable(name, frame.schema, lambda: iter((frame,)))


def _history_row(judged: JudgedEvaluation, function_name: str | None) -> dict[str, Any]:
    evaluation, judgement = judged.evaluation, judged.judgement
    return {
        "evaluation_id": evaluation.id,
        "function": function_name,
        "function_id": evaluation.function_id,
        "model": evaluation.model_name,
        "model_id": evaluation.model_id,
        "created_at": evaluation.created_at,
        "user": evaluation.user_name,
        "result": evaluation.result,
        "criterion": None if judgement is None else judgement.source,
        "comparison": None if judgement is None else judgement.comparison.value,
        "threshold": None if judgement is None else judgement.threshold,
        "compared_result": None if judgement is None else judgement.result,
        "baseline_model": None if judgement is None else judgement.baseline_model_name,
        "passed": judged.passed,
        "n_members": evaluation.n_members,
        "n_deleted": evaluation.n_deleted,
        "n_scored": evaluation.n_scored,
        "coverage": evaluation.coverage,
        "weight_sum": evaluation.weight_sum,
        "upload_id": evaluation.upload_id,
    }


def _audit_row(entry: AuditEntry) -> dict[str, Any]:
    return {
        "created_at": entry.created_at,
        "user": entry.user_name,
        "action": entry.action,
        "object_id": entry.object_id,
        "details": json.dumps(entry.detail, ensure_ascii=False),
    }


def _entry_row(entry: ReportEntry) -> dict[str, Any]:
    pair, waiver = entry.comparison, entry.waiver
    row = {
        "outcome": entry.outcome.value,
        "test": entry.test_name,
        "test_id": entry.test_id,
        "function": entry.function_name,
        "function_id": entry.function_id,
        "unit": entry.unit,
        "is_blocking": entry.is_blocking,
        "tags": ", ".join(entry.tags),
        "mode": entry.mode,
        "threshold_comparison": None if entry.threshold is None else entry.threshold_comparison,
        "threshold": entry.threshold,
        "margin": entry.margin,
        **_side_row("candidate", entry.candidate),
        **_side_row("baseline", entry.baseline),
        "adjusted_p": entry.adjusted_p,
        "adjustment": entry.adjustment,
        "verdict": entry.verdict,
        "threshold_standing": None if entry.threshold_check is None else entry.threshold_check.standing,
        "reason": entry.reason,
        "settles": entry.settles,
        "warnings": "; ".join(entry.warnings),
    }
    if pair is not None:
        row |= {
            "delta": pair.delta,
            "low": pair.low,
            "high": pair.high,
            "p_value": pair.p_value,
            "minimum_detectable_effect": pair.minimum_detectable_effect,
            "n_common": pair.n,
            "n_clusters": pair.n_clusters,
            "cluster_key": pair.cluster.key,
        }
    if waiver is not None:
        row |= {
            "waiver_reason": waiver.reason,
            "waiver_owner": waiver.owner,
            "waiver_expires_at": waiver.expires_at,
        }
    return {name: row.get(name) for name in _ENTRIES}


def _side_row(role: str, side: Side | None) -> dict[str, Any]:
    if side is None:
        return {}
    return {
        f"{role}_model": side.model_name,
        f"{role}_evaluation_id": side.evaluation_id,
        f"{role}_result": side.result,
        f"{role}_coverage": side.coverage,
        f"{role}_n_scored": side.n_scored,
        f"{role}_n_members": side.n_members,
    }


def _harmless(schema: pl.Schema) -> list[pl.Expr]:
    texts = [pl.col(name) for name, kind in schema.items() if kind == pl.String]
    return [pl.when(text.str.contains(_FORMULA)).then("'" + text).otherwise(text).name.keep() for text in texts]


def _csv(frame: pl.DataFrame, *, include_header: bool) -> bytes:
    text = frame.write_csv(include_header=include_header, datetime_format="%Y-%m-%dT%H:%M:%S%.6fZ")
    return text.encode()
