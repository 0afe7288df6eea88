"""The picture of one item's scores as a Vega-Lite specification; colours and fonts come from the stylesheet."""

from __future__ import annotations

from functools import cache
from typing import Any

import altair as alt

_VERDICTS = ["passed", "failed", "no criterion"]
_HEIGHT = 200


def item_history_spec(points: list[dict[str, Any]], *, y_title: str) -> dict[str, Any]:
    """An item's scores in the order of upload.

    Args:
        points: One a score: `label`, which no two share, `model`, `score`, `verdict`, `when`, and `path`, where a click
            leads.
        y_title: What the scores are of.
    """
    skeleton = _skeleton()
    low, high = min(point["score"] for point in points), max(point["score"] for point in points)
    room = 0.1 * (high - low) or 0.1 * abs(high) or 1.0  # a scale without an extent would say 0 at any score
    of_these = {"title": y_title, "scale": {"domain": [low - room, high + room]}}
    layers = [
        {**layer, "encoding": {**layer["encoding"], "y": {**layer["encoding"]["y"], **of_these}}}
        for layer in skeleton["layer"]
    ]
    return {**skeleton, "layer": layers, "datasets": {"points": points}}


@cache
def _skeleton() -> dict[str, Any]:
    """Altair checks each specification against its schema, which takes longer than all else on a page: once is enough."""
    base = alt.Chart(alt.NamedData(name="points")).encode(
        x=alt.X("label:N", sort=None, title=None, axis=alt.Axis(labelAngle=-30, labelLimit=130, labelOverlap="parity")),
        y=alt.Y("score:Q"),
    )
    line = base.mark_line(strokeWidth=1.5, opacity=0.4)
    dots = base.mark_point(filled=True, size=90, opacity=1).encode(
        color=alt.Color("verdict:N", title=None, scale=alt.Scale(domain=_VERDICTS)),
        shape=alt.Shape(
            "verdict:N", title=None, scale=alt.Scale(domain=_VERDICTS, range=["circle", "cross", "diamond"])
        ),
        href="path:N",
        tooltip=[
            "model:N",
            alt.Tooltip("score:Q", format=".4f"),
            "verdict:N",
            alt.Tooltip("when:N", title="when (UTC)"),
        ],
    )
    spec: dict[str, Any] = alt.layer(line, dots).properties(width="container", height=_HEIGHT).to_dict()
    spec.pop("config", None)
    return spec
