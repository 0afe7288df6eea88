"""The pages' pictures as Vega-Lite specifications; colours and fonts come from the stylesheet, in the browser."""

from __future__ import annotations

from functools import cache
from typing import Any

import altair as alt

VERDICT_ORDER = ["passed", "failed", "no criterion"]


def history_spec(points: list[dict[str, Any]], *, y_title: str) -> dict[str, Any]:
    """Results in the order of upload with the thresholds they are compared with.

    Args:
        points: One a result: `label`, `model`, `result`, `threshold` (or None), `verdict`, `when`.
        y_title: What the results are of.
    """
    values = [p[name] for p in points for name in ("result", "threshold") if p[name] is not None]
    has_threshold = any(point["threshold"] is not None for point in points)
    skeleton = _history_skeleton(has_threshold)
    of_these = {"title": y_title, "scale": {"domain": padded(values)}}
    layers = [
        {**layer, "encoding": {**layer["encoding"], "y": {**layer["encoding"]["y"], **of_these}}}
        for layer in skeleton["layer"]
    ]
    return {**skeleton, "layer": layers, "datasets": {"points": points}}


def histogram_spec(
    bins: list[dict[str, Any]], *, rule: tuple[str, float] | None, x_title: str = "score", counted: str = "items"
) -> dict[str, Any]:
    """How many items have which score.

    Args:
        bins: `start`, `end` and `count` of each, and `path`, if a click leads anywhere.
        rule: What a dashed line stands for, and where; None for no line.
        x_title: What the numbers are.
        counted: What has them, in the plural.
    """
    has_links = any("path" in each for each in bins)
    if rule is None:
        return {**_histogram_skeleton(x_title, None, has_links, counted), "datasets": {"bins": bins}}
    name, place = rule
    return {
        **_histogram_skeleton(x_title, name, has_links, counted),
        "datasets": {"bins": bins, "rule": [{"place": place}]},
    }


# Altair checks each specification against its schema, which takes longer than all else on a page: it does so once for each kind.


@cache
def _history_skeleton(has_threshold: bool) -> dict[str, Any]:
    base = alt.Chart(alt.NamedData(name="points")).encode(
        x=alt.X("label:N", sort=None, title=None, axis=alt.Axis(labelAngle=-30, labelLimit=140))
    )
    line = base.mark_line(strokeWidth=1.5, opacity=0.4).encode(y="result:Q")
    dots = base.mark_point(filled=True, size=110, opacity=1).encode(
        y="result:Q",
        color=alt.Color("verdict:N", title=None, scale=alt.Scale(domain=VERDICT_ORDER)),
        shape=alt.Shape(
            "verdict:N", title=None, scale=alt.Scale(domain=VERDICT_ORDER, range=["circle", "cross", "diamond"])
        ),
        tooltip=["model:N", alt.Tooltip("result:Q", format=".4f"), "verdict:N", "when:N"],
    )
    if not has_threshold:  # a scale without any value has no extent
        return responsive(alt.layer(line, dots), height=240)
    threshold = base.mark_tick(thickness=2, size=28).encode(y="threshold:Q")
    return responsive(alt.layer(line, threshold, dots), height=240)


@cache
def _histogram_skeleton(x_title: str, rule_name: str | None, has_links: bool, counted: str) -> dict[str, Any]:
    bars = (
        alt.Chart(alt.NamedData(name="bins"))
        .mark_bar()
        .encode(
            x=alt.X(
                "start:Q",
                bin="binned",
                title=x_title,
                axis=alt.Axis(labelOverlap="parity", labelSeparation=6, labelFlush=False),
            ),
            x2="end:Q",
            y=alt.Y("count:Q", title=counted, axis=alt.Axis(tickMinStep=1, format=",d")),
            tooltip=[
                alt.Tooltip("start:Q", title="from", format=".3f"),
                alt.Tooltip("end:Q", title="to", format=".3f"),
                alt.Tooltip("count:Q", title=counted),
            ],
        )
    )
    if has_links:
        bars = bars.encode(href="path:N")
    if rule_name is None:
        return responsive(bars, height=200)
    line = (
        alt.Chart(alt.NamedData(name="rule"))
        .mark_rule(strokeWidth=2, strokeDash=[6, 4])
        .encode(x="place:Q", tooltip=[alt.Tooltip("place:Q", title=rule_name, format=".4f")])
    )
    return responsive(alt.layer(bars, line), height=200)


def padded(values: list[float]) -> list[float]:
    """A range with room around the values; not empty even if there is only one."""
    low, high = min(values, default=0.0), max(values, default=1.0)
    margin = 0.1 * (high - low) or 0.1 * abs(high) or 1.0
    return [low - margin, high + margin]


def responsive(chart: alt.Chart | alt.LayerChart | alt.FacetChart, *, height: int) -> dict[str, Any]:
    """The chart's specification, as wide as its place on the page and `height` pixels high."""
    spec: dict[str, Any] = chart.properties(width="container", height=height).to_dict()
    spec.pop("config", None)
    return spec
