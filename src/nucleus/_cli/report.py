"""Reports of uploads, as tables."""

from __future__ import annotations

from collections.abc import Sequence

from nucleus._cli.output import coverage_text, print_fields, print_line, print_table, when
from nucleus._upload_report import Distribution, UploadedFunction, UploadReport

_BARS = "▁▂▃▄▅▆▇█"
_EMPTY_BAR = "·"
_MOST_DISTINCT = 1_000
"""So many different numbers the server counts, and no more."""


def print_report(report: UploadReport) -> None:
    """What was accepted, how the numbers are distributed, which tests were reached, what looks odd."""
    state = "dry run: checked, nothing stored" if report.dry_run else report.status
    print_fields(
        {
            "upload": report.upload_id,
            "status": f"{state}; the same upload was there already" if report.replayed else state,
            "model": f"{report.model_name} ({report.model_id})",
            "dataset": f"{report.dataset_name} ({report.dataset_id}), {report.n_items:,} items",
            "rows": f"{report.n_rows:,}",
            "who": report.user_name,
            "when": when(report.created_at),
        }
    )
    if report.functions:
        print_table(
            ["function", "scored", "mean", "min", "5 %", "median", "95 %", "max", "distinct", "histogram"],
            [row for function in report.functions for row in _distribution_rows(function)],
        )
    if report.functions or report.tests:
        print_table(
            ["test", "function", "coverage", "result", "evaluation"],
            [
                [
                    test.name,
                    test.function_name,
                    coverage_text(test.n_scored, test.n_members),
                    test.result,
                    test.evaluation_id or test.reason,
                ]
                for test in report.tests
            ],
        )
    for function in report.functions:
        for warning in function.warnings:
            print_line(f"! {function.name}: {warning.message}")


def histogram_text(counts: Sequence[int]) -> str:
    """A bar for each count, relative to the highest; a dot where there is nothing."""
    highest = max(counts, default=0)
    return "".join(_BARS[(n * len(_BARS) - 1) // highest] if n else _EMPTY_BAR for n in counts)


def _distribution_rows(function: UploadedFunction) -> list[list[object]]:
    rows = [[function.name, f"{function.n_scored:,}", function.mean, *_numbers(function.score)]]
    if function.weight is not None:
        rows.append(["  its weights", None, function.weight.mean, *_numbers(function.weight)])
    return rows


def _numbers(found: Distribution | None) -> list[object]:
    if found is None:
        return [None] * 7
    levels = [found.quantiles.get(level) for level in ("0.05", "0.5", "0.95")]
    distinct = f"{found.n_distinct:,}" + ("+" if found.n_distinct >= _MOST_DISTINCT else "")
    return [found.min, *levels, found.max, distinct, histogram_text(found.histogram.counts)]
