"""The picture of a function's results on a test over time, as a Vega-Lite specification."""

from __future__ import annotations

from functools import cache
from typing import Any

import altair as alt

from nucleus_server.dashboard.charts import VERDICT_ORDER, padded, responsive

_HEIGHT = 280
_N_LABELS = 14  # so many names fit beside each other at an angle, on a phone too
_SIZES = ((30, 110.0), (120, 50.0))
_SMALLEST = 16.0


def result_history_spec(
    points: list[dict[str, Any]],
    levels: list[dict[str, Any]],
    marks: list[dict[str, Any]],
    *,
    end: float,
    y_title: str,
) -> dict[str, Any]:
    """Results in the order of upload, what they were compared with then, and where that changed.

    Args:
        points: One a result, at `place` 1, 2, 3 …: `label`, `model`, `result`, `low` and `high` of its interval (or None),
            `interval` in words, `run` (neighbours with an interval have the same), `verdict`, `upload`, `when`, and `path` of
            its page.
        levels: Stretches of what was in force: `start`, `end`, `value` and `what`: threshold or baseline.
        marks: Changes: `place`, `label`, `what`.
        end: Where the last level ends.
        y_title: What the results are of.
    """
    values = [p[name] for p in points for name in ("result", "low", "high") if p[name] is not None]
    values += [level["value"] for level in levels]
    size = next((size for most, size in _SIZES if len(points) <= most), _SMALLEST)
    bands = [point for point in points if point["low"] is not None]
    step = max(1, -(-len(points) // _N_LABELS))
    datasets = {"points": points, "levels": levels, "bands": bands, "marks": marks, "named": points[::step]}
    skeleton = _history_skeleton(size, bool(levels), bool(bands), bool(marks))
    x = {"scale": {"domain": [0.5, end], "nice": False}}
    y = {"title": y_title, "scale": {"domain": padded(values)}}
    layers = []
    for layer in skeleton["layer"]:
        encoding = {**layer["encoding"], "x": {**layer["encoding"]["x"], **x}}
        if "field" in encoding.get("y", {}):
            encoding["y"] = {**encoding["y"], **y}
        layers.append({**layer, "encoding": encoding})
    used = {layer["data"]["name"] for layer in layers}
    return {**skeleton, "layer": layers, "datasets": {name: rows for name, rows in datasets.items() if name in used}}


@cache
def _history_skeleton(size: float, has_levels: bool, has_bands: bool, has_marks: bool) -> dict[str, Any]:
    place = alt.X("place:Q", axis=None)
    layers: list[alt.Chart] = []
    if has_marks:
        marks = alt.Chart(alt.NamedData(name="marks")).encode(x=place, tooltip=[alt.Tooltip("what:N", title="change")])
        layers += [
            marks.mark_rule(strokeWidth=1.5, strokeDash=[2, 3]),
            marks.mark_text(baseline="bottom", dy=-4, fontWeight=600).encode(y=alt.value(0), text="label:N"),
        ]
    if has_bands:
        bands = alt.Chart(alt.NamedData(name="bands")).encode(x=place, y="low:Q", y2="high:Q")
        layers.append(bands.mark_area(opacity=0.16).encode(detail="run:N"))
        if size > _SMALLEST:  # of very many the band alone can be read
            layers.append(bands.mark_rule(opacity=0.35, strokeWidth=1))
    if has_levels:
        dashes = alt.Scale(domain=["threshold", "baseline"], range=[[1, 0], [7, 4]])
        layers.append(
            alt.Chart(alt.NamedData(name="levels"))
            .mark_rule(strokeWidth=2)
            .encode(
                x=alt.X("start:Q", axis=None),
                x2="end:Q",
                y="value:Q",
                strokeDash=alt.StrokeDash("what:N", title=None, scale=dashes, legend=None),
                tooltip=["what:N", alt.Tooltip("value:Q", format=".4f")],
            )
        )
    results = alt.Chart(alt.NamedData(name="points")).encode(x=place, y="result:Q")
    shapes = alt.Scale(domain=VERDICT_ORDER, range=["circle", "cross", "diamond"])
    layers += [
        results.mark_line(strokeWidth=1.5, opacity=0.4),
        results.mark_point(filled=True, size=size, opacity=1).encode(
            color=alt.Color("verdict:N", title=None, scale=alt.Scale(domain=VERDICT_ORDER)),
            shape=alt.Shape("verdict:N", title=None, scale=shapes),
            href="path:N",
            tooltip=[
                "model:N",
                alt.Tooltip("result:Q", format=".4f"),
                "interval:N",
                "verdict:N",
                "upload:N",
                alt.Tooltip("when:N", title="when (UTC)"),
            ],
        ),
        alt.Chart(alt.NamedData(name="named"))
        .mark_text(align="right", baseline="middle", angle=315, dy=10, limit=120)
        .encode(x=place, y=alt.value(_HEIGHT), text="label:N"),
    ]
    return responsive(alt.layer(*layers), height=_HEIGHT)
