"""Results as tables to take away: the release matrix, the ranking of models, one model's results, one item's scores."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from typing import Any

import polars as pl

from nucleus_server.domain import Item, ScenarioTest
from nucleus_server.services.exports import MOMENT, ExportTable, table_of_rows
from nucleus_server.services.judging import judge_model
from nucleus_server.services.matrix import MatrixCell, MatrixQuery, MatrixRow, MatrixTest, whole_matrix
from nucleus_server.services.ranking import ranking
from nucleus_server.storage import WorkspaceStore
from nucleus_server.storage.base import from_micros

_TEXT, _WHOLE, _FLOAT, _TRUTH = pl.String(), pl.Int64(), pl.Float64(), pl.Boolean()
_MATRIX = {
    "test": _TEXT,
    "test_id": _TEXT,
    "is_blocking": _TRUTH,
    "tags": _TEXT,
    "slice": _TEXT,
    "dataset": _TEXT,
    "function": _TEXT,
    "function_id": _TEXT,
    "standing": _TEXT,
    "is_changed": _TRUTH,
    "model": _TEXT,
    "model_id": _TEXT,
    "evaluation_id": _TEXT,
    "result": _FLOAT,
    "coverage": _FLOAT,
    "comparison": _TEXT,
    "threshold": _FLOAT,
    "passed": _TRUTH,
    "baseline_model": _TEXT,
    "delta": _FLOAT,
    "low": _FLOAT,
    "high": _FLOAT,
    "unadjusted_p": _FLOAT,
    "verdict": _TEXT,
    "waiver_reason": _TEXT,
}
_RANKING = {
    "rank": _WHOLE,
    "model": _TEXT,
    "model_id": _TEXT,
    "tags": _TEXT,
    "n_results": _WHOLE,
    "n_passed": _WHOLE,
    "n_better_than_baseline": _WHOLE,
    "n_with_baseline": _WHOLE,
    "n_failed": _WHOLE,
    "n_partial": _WHOLE,
    "n_without_criterion": _WHOLE,
    "n_not_evaluated": _WHOLE,
}
_RESULTS = {
    "test": _TEXT,
    "test_id": _TEXT,
    "function": _TEXT,
    "function_id": _TEXT,
    "evaluation_id": _TEXT,
    "result": _FLOAT,
    "comparison": _TEXT,
    "threshold": _FLOAT,
    "baseline_model": _TEXT,
    "passed": _TRUTH,
    "n_members": _WHOLE,
    "n_scored": _WHOLE,
    "coverage": _FLOAT,
    "created_at": MOMENT,
    "user": _TEXT,
}
_ITEM_SCORES = {
    "test": _TEXT,
    "test_id": _TEXT,
    "function": _TEXT,
    "function_id": _TEXT,
    "model": _TEXT,
    "model_id": _TEXT,
    "evaluation_id": _TEXT,
    "score": _FLOAT,
    "created_at": MOMENT,
}


def matrix_table(ws: WorkspaceStore, query: MatrixQuery) -> ExportTable:
    """The release matrix with its filters: a row for each result of all models, and one for a row without a result."""
    return table_of_rows("release-matrix", _MATRIX, _matrix_rows(whole_matrix(ws, query)))


def ranking_table(ws: WorkspaceStore, tests: Collection[ScenarioTest], function_id: str = "") -> ExportTable:
    """The models ranked over these tests, or over one function of them; those without a result there are not in it."""
    ranked = ranking(ws, tests, function_id)
    return table_of_rows(
        "model-ranking",
        _RANKING,
        (
            {
                "rank": each.rank,
                "model": each.model.name,
                "model_id": each.model.id,
                "tags": ", ".join(each.model.tags),
                "n_results": each.n_results,
                "n_passed": each.n_passed,
                "n_better_than_baseline": each.n_won,
                "n_with_baseline": each.n_against_baseline,
                "n_failed": each.n_failed,
                "n_partial": each.n_partial,
                "n_without_criterion": each.n_without_criterion,
                "n_not_evaluated": each.n_missing,
            }
            for each in ranked
        ),
    )


def model_results(ws: WorkspaceStore, model_id: str) -> ExportTable:
    """A model's newest result by each function on each test, newest first."""
    model = ws.get_model(model_id)
    tests = {test.key: test for test in ws.list_scenario_tests()}
    functions = {entry.function.key: entry.function for entry in ws.list_all_test_functions()}
    rows = []
    newest_first = sorted(judge_model(ws, model), key=lambda judged: judged.evaluation.created_at, reverse=True)
    for judged in newest_first:
        each, judgement = judged.evaluation, judged.judgement
        if each.test_key not in tests or each.function_key not in functions:
            continue
        rows.append(
            {
                "test": tests[each.test_key].name,
                "test_id": each.test_id,
                "function": functions[each.function_key].name,
                "function_id": each.function_id,
                "evaluation_id": each.id,
                "result": each.result,
                "comparison": None if judgement is None else judgement.comparison.value,
                "threshold": None if judgement is None else judgement.threshold,
                "baseline_model": None if judgement is None else judgement.baseline_model_name,
                "passed": judged.passed,
                "n_members": each.n_members,
                "n_scored": each.n_scored,
                "coverage": each.coverage,
                "created_at": each.created_at,
                "user": each.user_name,
            }
        )
    return table_of_rows(f"results-{model.id}", _RESULTS, rows)


def model_history(ws: WorkspaceStore, model_id: str) -> ExportTable:
    """Every evaluation of a model, newest first; without what it was judged by."""
    model = ws.get_model(model_id)
    tests = {test.key: test.name for test in ws.list_scenario_tests()}
    functions = {entry.function.key: entry.function.name for entry in ws.list_all_test_functions()}
    names = (
        "test",
        "test_id",
        "function",
        "function_id",
        "evaluation_id",
        "result",
        "n_members",
        "n_scored",
        "coverage",
    )
    columns = {name: _RESULTS[name] for name in (*names, "created_at", "user")}
    rows = (
        {
            "test": tests[each.test_key],
            "test_id": each.test_id,
            "function": functions[each.function_key],
            "function_id": each.function_id,
            "evaluation_id": each.id,
            "result": each.result,
            "n_members": each.n_members,
            "n_scored": each.n_scored,
            "coverage": each.coverage,
            "created_at": each.created_at,
            "user": each.user_name,
        }
        for each in reversed(ws.list_model_evaluations(model.key))
        if each.test_key in tests and each.function_key in functions
    )
    return table_of_rows(f"history-{model.id}", columns, rows)


def item_scores(ws: WorkspaceStore, item: Item) -> ExportTable:
    """Every score of an item in evaluations of tests, newest first."""
    found = ws.item_score_columns(item)
    tests = {test.key: test for test in ws.list_scenario_tests()}
    functions = {entry.function.key: entry.function for entry in ws.list_all_test_functions()}
    summaries = ws.evaluation_summaries(found.evaluation_keys.tolist())
    rows = []
    for place, (evaluation_key, score) in enumerate(
        zip(found.evaluation_keys.tolist(), found.scores.tolist(), strict=True)
    ):
        evaluation = summaries[evaluation_key]
        if score != score or evaluation.test_key not in tests or evaluation.function_key not in functions:
            continue
        test, function = tests[evaluation.test_key], functions[evaluation.function_key]
        rows.append(
            {
                "test": test.name,
                "test_id": test.id,
                "function": function.name,
                "function_id": function.id,
                "model": evaluation.model_name,
                "model_id": evaluation.model_id,
                "evaluation_id": evaluation.id,
                "score": score,
                "created_at": from_micros(int(found.created_at[place])),
            }
        )
    return table_of_rows(f"scores-{item.id}", _ITEM_SCORES, rows)


def _matrix_rows(tests: Iterable[MatrixTest]) -> Iterator[dict[str, Any]]:
    for each in tests:
        for row in each.rows:
            head = _matrix_head(each, row)
            cells = [cell for cell in row.cells if cell is not None]
            yield from ({**head, **_matrix_cell(cell)} for cell in cells)
            if not cells:
                yield {**dict.fromkeys(_MATRIX), **head}


def _matrix_head(each: MatrixTest, row: MatrixRow) -> dict[str, Any]:
    return {
        "test": each.test.name,
        "test_id": each.test.id,
        "is_blocking": each.test.is_blocking,
        "tags": ", ".join(each.test.tags),
        "slice": each.slice.name,
        "dataset": each.dataset_name or None,
        "function": row.entry.function.name,
        "function_id": row.entry.function.id,
        "standing": row.standing,
        "is_changed": row.is_changed,
    }


def _matrix_cell(cell: MatrixCell) -> dict[str, Any]:
    evaluation, judgement, verdict = cell.evaluation, cell.judgement, cell.verdict
    return {
        "model": evaluation.model_name,
        "model_id": evaluation.model_id,
        "evaluation_id": evaluation.id,
        "result": evaluation.result,
        "coverage": evaluation.coverage,
        "comparison": None if judgement is None else judgement.comparison.value,
        "threshold": None if judgement is None else judgement.threshold,
        "passed": cell.passed,
        "baseline_model": None if cell.baseline is None else cell.baseline.model_name,
        "delta": cell.delta,
        "low": None if verdict is None else verdict.low,
        "high": None if verdict is None else verdict.high,
        "unadjusted_p": None if verdict is None else verdict.p_value,
        "verdict": None if verdict is None else verdict.verdict,
        "waiver_reason": None if cell.waiver is None else cell.waiver.reason,
    }
