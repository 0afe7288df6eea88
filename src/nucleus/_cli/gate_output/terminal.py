"""A release report in a terminal, or in the log of a CI job."""

from __future__ import annotations

from rich.text import Text

from nucleus._cli.gate_output.words import (
    COLUMNS,
    Entry,
    Report,
    cells,
    five_lines,
    one_line,
    outcome_text,
    top_item_lines,
    warnings_of,
)
from nucleus._cli.output import console, print_line, print_table

_STYLES = {"passed": "green", "failed": "bold red", "inconclusive": "yellow", "new": "yellow", "missing": "bold red"}


def print_gate(report: Report, url: str) -> None:
    """Print the table, the five lines, the items that weigh most, what may make verdicts wrong, and the report's address."""
    print_table(COLUMNS, map(_row, report["entries"]))
    out = console()
    for label, text in five_lines(report):
        out.print(Text.assemble((f"{label}: ", "bold"), one_line(text)), soft_wrap=True)
    if items := top_item_lines(report):
        print_line("Items that weigh most:")
        for item in items:
            print_line(f"  {one_line(item)}")
    for warning in warnings_of(report):
        print_line(f"! {one_line(warning)}")
    print_line(url)


def _row(entry: Entry) -> list[object]:
    *texts, _ = cells(entry)
    style = "dim" if entry["waiver"] is not None else _STYLES[entry["outcome"]]
    return [*map(one_line, texts), Text(outcome_text(entry), style=style)]
