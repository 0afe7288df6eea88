"""Writes `docs/performance.md` from a run: `python -m benchmarks.report [RESULT.json]`, by default the newest full one."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks import bars, items, many, objects, pages, reading, uploads
from benchmarks.measurement import Measurement, from_json
from benchmarks.server import POSTGRES, SQLITE
from benchmarks.tables import Table, bar_table, cost_table, growth_table, page_table
from benchmarks.why import reason

_FOLDER = Path(__file__).parent / "results"
_TEMPLATE = Path(__file__).with_name("performance.template.md")
_DOCUMENT = Path(__file__).resolve().parents[1] / "docs" / "performance.md"
_MILLION = 1_000_000


def main() -> int:
    """Write the document."""
    chosen = Path(sys.argv[1]) if len(sys.argv) > 1 else max(_FOLDER.glob("full-*.json"), default=None)
    if chosen is None:
        print("no full result: run `make bench` first", file=sys.stderr)
        return 1
    _DOCUMENT.write_text(document(json.loads(chosen.read_text())))
    print(f"{_DOCUMENT} from {chosen}", file=sys.stderr)
    return 0


def document(run: dict[str, Any]) -> str:
    """The template with the run's tables in it."""
    found = [from_json(row) for row in run["measurements"]]
    held = bars.bars(found, run["facts"])
    parts = {
        "machine": _machine(run["machine"]),
        "bars": _markdown(bar_table(held)),
        "missed": _missed(held),
        **{table.title: f"**{table.title}**\n\n{_markdown(table)}" for table in _tables(found)},
    }
    text = re.sub(r"\{\{(.+?)\}\}", lambda match: parts[match[1]], _TEMPLATE.read_text())
    return re.sub(r"\n{3,}", "\n\n", text)


def _tables(found: Sequence[Measurement]) -> list[Table]:
    def of(section: str, task: str, n: int, *databases: str) -> list[Measurement]:
        same = [m for m in found if (m.section, m.task, m.n) == (section, task, n)]
        return [m for m in same if not databases or m.database in databases]

    ten = 10 * _MILLION
    return [
        cost_table("1,000,000 scores of one model, SQLite", of("upload", uploads.TASK, _MILLION, SQLITE, "files")),
        cost_table("10,000,000 scores of one model, SQLite", of("upload", uploads.TASK, ten, SQLITE, "files")),
        cost_table("1,000,000 scores of one model, PostgreSQL", of("upload", uploads.TASK, _MILLION, POSTGRES)),
        cost_table("1,000,000 scores of one model by three functions", of("upload", uploads.TASK_THREE, _MILLION)),
        growth_table(
            "Microseconds of CPU a score, over the number of scores",
            [m for m in found if (m.section, m.task) == ("upload", uploads.TASK)],
        ),
        cost_table("One of many small uploads", of("upload", many.UPLOADS, 200)),
        cost_table("A test filled from 900 uploads", of("upload", many.FILLING, 900)),
        cost_table("Weighted mean of 1,000,000 scores", of("read", reading.MEAN, _MILLION)),
        cost_table("Worst 100 of 1,000,000 scores", of("read", reading.WORST, _MILLION)),
        cost_table("All of 1,000,000 scores", of("read", reading.ALL, _MILLION)),
        cost_table("History of 1,000 evaluations", of("read", many.HISTORY, 1000)),
        cost_table("One item's scores in 5,000 evaluations", of("read", many.ITEM, 5000)),
        cost_table("100,000 items appended", of("items", items.APPEND, 100_000)),
        cost_table("1,000,000 items appended", of("items", items.APPEND, _MILLION)),
        cost_table("A slice of 1,000,000 items", of("items", items.SLICE, _MILLION)),
        cost_table("A slice of 10,000,000 items", of("items", items.SLICE, ten)),
        cost_table("500,000 boxes of 5,000 images as annotations", of("annotations", objects.ANNOTATE, 500_000)),
        cost_table("500,000 boxes of 5,000 images as predictions", of("annotations", objects.PREDICT, 500_000)),
        cost_table("500,000 boxes read back", of("annotations", objects.EXPORT, 500_000)),
        cost_table("The annotations of one item, of 100 boxes", of("annotations", objects.ONE_ITEM, 500_000)),
        page_table("Pages of an evaluation of 1,000,000 items", of("pages", pages.EVALUATION, _MILLION)),
        page_table("Pages of many tests and models", [m for m in found if m.task == pages.MANY_TESTS]),
    ]


def _machine(machine: dict[str, Any]) -> str:
    packages, peers = (
        ", ".join(f"{name} {version}" for name, version in machine[group].items()) for group in ("packages", "peers")
    )
    state = f"commit {machine['commit']}{' with changes' if machine['is_changed'] else ''}"
    hardware = f"{machine['processor']}, {machine['cores']} cores, {machine['memory_bytes'] / 2**30:.0f} GiB"
    lines = (
        f"Measured on {machine['when'][:10]} at {state}, in {machine['took_s'] / 60:.0f} minutes.",
        f"{hardware}, {machine['system']}; load before it {machine['load_before']:.1f}.",
        f"Python {machine['python']}, SQLite {machine['sqlite']}, {packages}.",
        f"Beside it: {peers}.",
    )
    return "\n".join(f"* {line}" for line in lines)


def _missed(held: Sequence[bars.Bar]) -> str:
    reasons = [f"* {bar.what}: {reason(bar.what)}" for bar in held if bar.is_met is False]
    return "" if not reasons else "\n".join(["Why a bar is missed:", "", *reasons])


def _markdown(table: Table) -> str:
    if not table.rows:
        return "not measured"
    header = "| " + " | ".join(table.header) + " |"
    rule = "|---|" + "---:|" * (len(table.header) - 1)
    return "\n".join([header, rule, *("| " + " | ".join(row) + " |" for row in table.rows)])


if __name__ == "__main__":
    sys.exit(main())
