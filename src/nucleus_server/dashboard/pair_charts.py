"""Two models' scores of each item against each other, as Vega-Lite specifications: points, or counts of many."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import altair as alt

CHANGES = ["better", "worse", "equal"]
"""In the order of the stylesheet's colours."""


def points_spec(
    points: Sequence[Mapping[str, Any]], *, names: tuple[str, str], extent: tuple[float, float], brush: Any
) -> dict[str, Any]:
    """A point for each item.

    Args:
        points: `baseline`, `candidate`, `change` (one of CHANGES) and `item` of each.
        names: What the axes are called: the baseline and the candidate.
        extent: The range of both axes.
        brush: What is selected at first: `x` and `y` as ranges; None for nothing.
    """
    return _filled(_points_skeleton(), "points", list(points), names, extent, brush)


def counts_spec(
    bins: Sequence[Mapping[str, Any]], *, names: tuple[str, str], extent: tuple[float, float], brush: Any
) -> dict[str, Any]:
    """A cell for each pair of ranges that holds items.

    Args:
        bins: `baseline` to `baseline_end`, `candidate` to `candidate_end`, and the `count` of items between them.
        names: What the axes are called: the baseline and the candidate.
        extent: The range of both axes.
        brush: What is selected at first: `x` and `y` as ranges; None for nothing.
    """
    return _filled(_counts_skeleton(), "bins", list(bins), names, extent, brush)


def _filled(
    skeleton: dict[str, Any],
    dataset: str,
    rows: list[Mapping[str, Any]],
    names: tuple[str, str],
    extent: tuple[float, float],
    brush: Any,
) -> dict[str, Any]:
    scale = {"domain": list(extent), "nice": False, "zero": False}
    layers = []
    for layer in skeleton["layer"]:
        encoding = dict(layer["encoding"])
        for axis, name in zip(("x", "y"), names, strict=True):
            encoding[axis] = {**encoding[axis], "title": name, "scale": scale}
        layers.append({**layer, "encoding": encoding})
    parameters = [dict(parameter) for parameter in skeleton["params"]]
    if brush is not None:
        parameters[0]["value"] = brush
    ends = [{"baseline": end, "candidate": end} for end in extent]
    return {**skeleton, "layer": layers, "params": parameters, "datasets": {dataset: rows, "ends": ends}}


def _line() -> alt.Chart:
    """Where both scores are the same."""
    line: alt.Chart = alt.Chart(alt.NamedData(name="ends")).mark_line(strokeWidth=1.5, strokeDash=[6, 4])
    return line.encode(x="baseline:Q", y="candidate:Q")


def _brush() -> alt.Parameter:
    return alt.selection_interval(name="brush", encodings=["x", "y"])


@cache
def _points_skeleton() -> dict[str, Any]:
    points = (
        alt.Chart(alt.NamedData(name="points"))
        .mark_point(filled=True, size=45, opacity=0.65)
        .encode(
            x="baseline:Q",
            y="candidate:Q",
            color=alt.Color("change:N", title=None, scale=alt.Scale(domain=CHANGES)),
            shape=alt.Shape(
                "change:N",
                title=None,
                scale=alt.Scale(domain=CHANGES, range=["triangle-up", "triangle-down", "circle"]),
            ),
            tooltip=[
                "item:N",
                alt.Tooltip("baseline:Q", format=".4f"),
                alt.Tooltip("candidate:Q", format=".4f"),
            ],
        )
        .add_params(_brush())
    )
    return _responsive(alt.layer(_line(), points))


@cache
def _counts_skeleton() -> dict[str, Any]:
    cells = (
        alt.Chart(alt.NamedData(name="bins"))
        .mark_rect()
        .encode(
            x="baseline:Q",
            x2="baseline_end:Q",
            y="candidate:Q",
            y2="candidate_end:Q",
            color=alt.Color("count:Q", title="items", scale=alt.Scale(type="log")),
            tooltip=[
                alt.Tooltip("count:Q", title="items", format=","),
                alt.Tooltip("baseline:Q", format=".3f"),
                alt.Tooltip("candidate:Q", format=".3f"),
            ],
        )
        .add_params(_brush())
    )
    return _responsive(alt.layer(cells, _line()))


def _responsive(chart: alt.LayerChart | alt.FacetChart) -> dict[str, Any]:
    spec: dict[str, Any] = chart.properties(width="container", height=360).to_dict()
    spec.pop("config", None)
    return spec
