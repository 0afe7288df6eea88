"""How objects look in a notebook: small tables in which no user text is markup."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

UNDEFINED = "–"


def html_table(title: str, header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A table with a caption; None is shown as an en dash."""
    head = "".join(f"<th>{escape(cell)}</th>" for cell in header)
    body = "".join("<tr>" + "".join(f"<td>{_cell(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table><caption>{escape(title)}</caption><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _cell(value: object) -> str:
    if value is None:
        return UNDEFINED
    return escape(f"{value:.4f}" if isinstance(value, float) else str(value))


def passed_text(passed: bool | None) -> str:
    """An icon and a word; without a criterion it is neither."""
    return {True: "✓ passed", False: "✗ failed", None: f"{UNDEFINED} no criterion"}[passed]


def comparison_text(comparison: str) -> str:
    """The sign of a comparison."""
    return {"greater_than": ">", "greater_than_equal_to": "≥", "less_than": "<", "less_than_equal_to": "≤"}[comparison]
