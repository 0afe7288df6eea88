"""Words and formats that all pages share."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from nucleus_server.dashboard.contexts import Verdict
from nucleus_server.domain import EvalFunction, JudgedEvaluation, TestFunction
from nucleus_server.services import WorkspaceStore

UNDEFINED = "–"
NBSP = "\u00a0"
"""Between a comparison and its number, or a number and its unit, which stay on one line."""
_MAX_TEXT = 120
PROPERTIES = {
    "direction": "direction",
    "score_range": "score range",
    "unit": "unit",
    "description": "description",
    "default_cluster_key": "default cluster key",
}
"""What can be set on a function, as people call it."""


def number(value: float | None) -> str:
    """Four decimals, which tell any two results apart that matter; an en dash where undefined."""
    return UNDEFINED if value is None else f"{value:.4f}"


def when(moment: datetime) -> str:
    """Minutes, UTC."""
    return f"{moment:%Y-%m-%d %H:%M}"


def counted(n: int, noun: str) -> str:
    """`1 test`, `2,000 tests`."""
    return f"{n:,} {noun}{'' if n == 1 else 's'}"


def percent(share: float) -> str:
    """Never rounded up to 100 %."""
    return f"100{NBSP}%" if share == 1 else f"{min(share * 100, 99.9):.1f}{NBSP}%"


def shortened(text: str) -> str:
    """At most 120 characters."""
    return text if len(text) <= _MAX_TEXT else text[: _MAX_TEXT - 1] + "…"


def with_query(path: str, **query: object) -> str:
    """The path with those parameters that are not None."""
    text = urlencode({name: value for name, value in query.items() if value is not None})
    return f"{path}?{text}" if text else path


def criterion_text(judged: JudgedEvaluation) -> str:
    """Comparison and number, and whose number it is if it is a baseline's."""
    judgement = judged.judgement
    if judgement is None:
        return UNDEFINED
    text = f"{judgement.comparison.symbol}{NBSP}{number(judgement.threshold)}"
    return text if judgement.source == "threshold" else f"{text} (baseline {judgement.baseline_model_name})"


def entry_criterion(entry: TestFunction, *, has_baseline: bool) -> str:
    """The criterion of a function in a test, before any result."""
    if entry.threshold is not None:
        return f"{entry.comparison.symbol}{NBSP}{number(entry.threshold)}"
    return f"{entry.comparison.symbol} the baseline" if has_baseline else "no criterion"


def verdict(passed: bool | None, criterion: str) -> Verdict:
    """A result against its criterion, in words."""
    if passed is None:
        return Verdict("no criterion", UNDEFINED, "none", "neither a threshold nor a baseline is set")
    return Verdict("passed", "✓", "pass", criterion) if passed else Verdict("failed", "✗", "fail", criterion)


def direction(function: EvalFunction) -> str:
    """`higher is better`."""
    return str(property_text("direction", function.direction.value))


def score_range(function: EvalFunction) -> str:
    """`[0, 1]`."""
    return property_text("score_range", [function.score_min, function.score_max])


def property_text(name: str, value: Any) -> str:
    """A property's value as people read it; an en dash if it is not set."""
    if value is None:
        return UNDEFINED
    if name == "direction":
        return str(value).replace("_", " ")
    if name == "score_range":
        return f"[{value[0]:g}, {value[1]:g}]"
    return str(value)


def function_paths(ws: WorkspaceStore) -> dict[str, str]:
    """Function id → its page; deleted functions have none."""
    return paths_of(ws.list_eval_functions())


def paths_of(functions: Iterable[EvalFunction]) -> dict[str, str]:
    """Function id → its page."""
    return {function.id: f"/functions/{function.id}" for function in functions}
