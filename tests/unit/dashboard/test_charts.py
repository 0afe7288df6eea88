"""Specifications of charts: valid for Vega-Lite, each with its own numbers."""

from __future__ import annotations

from typing import Any

import altair as alt
import pytest

from nucleus_server.dashboard.charts import histogram_spec, history_spec

BINS = [{"start": 0.0, "end": 0.5, "count": 2}, {"start": 0.5, "end": 1.0, "count": 3}]


def point(result: float, threshold: float | None) -> dict[str, Any]:
    """One result of a history."""
    return {
        "label": "1. m",
        "model": "m",
        "result": result,
        "threshold": threshold,
        "verdict": "passed",
        "when": "2026-11-24",
    }


@pytest.mark.parametrize(
    "spec",
    [
        histogram_spec(BINS, rule=None),
        histogram_spec(BINS, rule=("mean", 0.6), x_title="weight"),
        history_spec([point(0.5, None)], y_title="f"),
        history_spec([point(0.5, 0.4), point(0.3, None)], y_title="f"),
        history_spec([], y_title="f"),
    ],
)
def test_specifications_are_valid(spec: dict[str, Any]) -> None:
    """As Altair's schema says."""
    alt.Chart.from_dict(spec)


def test_charts_share_nothing() -> None:
    """Neither numbers nor titles nor scales of another chart of the same kind."""
    first, second = history_spec([point(1, 2)], y_title="f"), history_spec([point(10, 20)], y_title="g")
    assert [layer["encoding"]["y"]["title"] for layer in first["layer"]] == ["f"] * 3
    assert {tuple(layer["encoding"]["y"]["scale"]["domain"]) for layer in second["layer"]} == {(9, 21)}
    assert first["datasets"]["points"][0]["result"] == 1
    assert histogram_spec(BINS, rule=("mean", 0.1))["datasets"] == {"bins": BINS, "rule": [{"place": 0.1}]}
    assert histogram_spec([], rule=("mean", 0.2))["datasets"] == {"bins": [], "rule": [{"place": 0.2}]}
