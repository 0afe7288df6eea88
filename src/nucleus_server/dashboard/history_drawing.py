"""A function's results on a test as a drawing that needs no script: for files that are read without the server."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import groupby
from typing import Any

from nucleus_server.dashboard.charts import padded
from nucleus_server.dashboard.contexts import DrawnLine, DrawnPoint, DrawnText, HistoryDrawing

_WIDTH, _HEIGHT = 1000, 330
_LEFT, _RIGHT, _TOP, _BOTTOM = 96, 990, 24, 244
_N_NAMES = 14
_N_TICKS = 5
_KINDS = {"passed": "pass", "failed": "fail"}


def draw_history(spec: dict[str, Any]) -> HistoryDrawing:
    """The drawing of what `result_history_spec` specifies, with the same numbers."""
    data = spec["datasets"]
    points, levels, marks = data["points"], data.get("levels", []), data.get("marks", [])
    values = [p[name] for p in points for name in ("result", "low", "high") if p[name] is not None]
    low, high = padded(values + [level["value"] for level in levels])
    end = max([len(points) + 0.5, *(level["end"] for level in levels)])

    def x(place: float) -> str:
        return f"{_LEFT + (_RIGHT - _LEFT) * (place - 0.5) / (end - 0.5):.1f}"

    def y(value: float) -> str:
        return f"{_BOTTOM - (_BOTTOM - _TOP) * (value - low) / (high - low):.1f}"

    step = max(1, -(-len(points) // _N_NAMES))
    return HistoryDrawing(
        width=_WIDTH,
        height=_HEIGHT,
        left=_LEFT,
        top=_TOP,
        bottom=_BOTTOM,
        path=" ".join(f"{x(point['place'])},{y(point['result'])}" for point in points),
        bands=tuple(
            " ".join(
                [f"{x(p['place'])},{y(p['high'])}" for p in run] + [f"{x(p['place'])},{y(p['low'])}" for p in run[::-1]]
            )
            for run in _runs(points)
        ),
        points=tuple(
            DrawnPoint(
                x=x(point["place"]),
                y=y(point["result"]),
                kind=_KINDS.get(point["verdict"], "none"),
                low=None if point["low"] is None else y(point["low"]),
                high=None if point["high"] is None else y(point["high"]),
                title=f"{point['label']}: {point['result']:.4f}, interval {point['interval']}, {point['verdict']}",
            )
            for point in points
        ),
        lines=tuple(
            DrawnLine(
                start=x(level["start"]),
                end=x(level["end"]),
                y=y(level["value"]),
                kind=level["what"],
                title=f"{level['what']} {level['value']:.4f}",
            )
            for level in levels
        ),
        marks=tuple(DrawnText(x(mark["place"]), mark["label"], mark["what"]) for mark in marks),
        names=tuple(DrawnText(x(point["place"]), point["label"], "") for point in points[::step]),
        ticks=tuple(DrawnText(y(value), text, "") for value, text in _ticks(low, high)),
    )


def _runs(points: Sequence[dict[str, Any]]) -> list[list[dict[str, Any]]]:
    """Neighbours that all have an interval."""
    known = (point for point in points if point["low"] is not None)
    return [list(run) for _, run in groupby(known, key=lambda point: point["run"])]


def _ticks(low: float, high: float) -> list[tuple[float, str]]:
    rough = (high - low) / _N_TICKS
    magnitude = 10.0 ** math.floor(math.log10(rough))
    step = next(m * magnitude for m in (1.0, 2.0, 5.0, 10.0) if m * magnitude >= rough)
    digits = max(0, -math.floor(math.log10(step)))
    return [(i * step, f"{i * step:.{digits}f}") for i in range(math.ceil(low / step), math.floor(high / step) + 1)]
