"""A run's tables for a reader at the terminal."""

from __future__ import annotations

import rich.table
from rich.console import Console

from benchmarks.bars import bars
from benchmarks.bench import Bench
from benchmarks.tables import Table, all_tables, bar_table


def show(bench: Bench) -> None:
    """Print every table, the bars last, and what failed."""
    console = Console(width=None if Console().is_terminal else 170)
    for table in [*all_tables(bench.measurements), bar_table(bars(bench.measurements, bench.facts))]:
        console.print(_rich(table))
    for failed in (m for m in bench.measurements if m.failure is not None):
        console.print(f"FAILED {failed.section} {failed.n:,} {failed.way}:\n{failed.failure}", markup=False)


def _rich(table: Table) -> rich.table.Table:
    shown = rich.table.Table(title=table.title, title_justify="left")
    for i, name in enumerate(table.header):
        shown.add_column(name, justify="right" if i else "left", no_wrap=bool(i))
    for row in table.rows:
        shown.add_row(*row)
    return shown
