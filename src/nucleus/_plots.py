"""Results as pictures for notebooks and reports, which look like the dashboard's. Needs the extra `plot` (altair)."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from nucleus._html import comparison_text

if TYPE_CHECKING:
    import altair as alt

    from nucleus.validate.evaluation import ScenarioTestEvaluation

_N_BINS = 20
_WIDTH, _HEIGHT = 600, 240
_WORDS = {True: "passed", False: "failed", None: "no criterion"}
_PASS, _FAIL, _NONE = "#0a6e8c", "#b4400b", "#565d69"
"""Blue, orange and grey are told apart by every kind of colour vision."""
_TEXT, _MUTED, _LINE, _ACCENT = "#1a212b", "#586374", "#dde2e9", "#2454c6"
_CONFIG: dict[str, Any] = {
    "background": "white",
    "font": "system-ui, -apple-system, 'Segoe UI', Roboto, 'Noto Sans', sans-serif",
    "axis": {
        "domainColor": _LINE,
        "gridColor": _LINE,
        "tickColor": _LINE,
        "labelColor": _MUTED,
        "titleColor": _TEXT,
        "labelFontSize": 12,
        "titleFontSize": 12,
        "titleFontWeight": 500,
        "gridOpacity": 0.6,
    },
    "legend": {"labelColor": _TEXT, "labelFontSize": 12, "orient": "top"},
    "title": {"color": _TEXT, "fontSize": 15, "fontWeight": 600, "anchor": "start"},
    "view": {"stroke": "transparent"},
}


def history_chart(
    title: str, series: Sequence[tuple[str, Sequence[ScenarioTestEvaluation]]]
) -> alt.LayerChart | alt.VConcatChart:
    """Results in the order of upload, each with the number it is compared with.

    Args:
        title: What they are of.
        series: Name and evaluations, oldest first, of each function; a function is a chart of its own.

    Raises:
        ImportError: altair is not installed.
        ValueError: Nothing has a result yet.
    """
    altair = _altair()
    shown = [(name, [e for e in evaluations if e.result is not None]) for name, evaluations in series]
    shown = [(name, evaluations) for name, evaluations in shown if evaluations]
    if not shown:
        raise ValueError(f"expected at least one evaluation with a result of {title}, got none: upload scores first")
    charts = [_history(altair, name, evaluations) for name, evaluations in shown]
    chart = charts[0] if len(charts) == 1 else altair.vconcat(*charts)
    drawn: alt.LayerChart | alt.VConcatChart = chart.properties(title=title).configure(**_CONFIG)
    return drawn


def score_chart(
    title: str, scores: Iterable[float], score_range: tuple[float, float], threshold: tuple[str, float] | None
) -> alt.Chart | alt.LayerChart:
    """How many items have which score.

    Args:
        title: What they are of.
        scores: One an item.
        score_range: The function's; of another one than [0, 1] only the part with scores is shown.
        threshold: What the dashed line stands for, and where; None for no line.

    Raises:
        ImportError: altair is not installed.
        ValueError: There is no score.
    """
    altair = _altair()
    present = list(scores)
    if not present:
        raise ValueError(f"expected at least one score of {title}, got none")
    bars = (
        altair.Chart(altair.Data(values=_bins(present, score_range)))
        .mark_bar(color=_ACCENT)
        .encode(
            x=altair.X("start:Q", bin="binned", title="score", axis=altair.Axis(labelOverlap="parity")),
            x2="end:Q",
            y=altair.Y("count:Q", title="items", axis=altair.Axis(tickMinStep=1, format=",d")),
            tooltip=[
                altair.Tooltip("start:Q", title="from", format=".3f"),
                altair.Tooltip("end:Q", title="to", format=".3f"),
                altair.Tooltip("count:Q", title="items"),
            ],
        )
    )
    chart: Any = bars
    if threshold is not None:
        name, place = threshold
        rule = (
            altair.Chart(altair.Data(values=[{"place": place}]))
            .mark_rule(strokeWidth=2, strokeDash=[6, 4], color=_TEXT)
            .encode(x="place:Q", tooltip=[altair.Tooltip("place:Q", title=name, format=".4f")])
        )
        title_ = altair.TitleParams(title, subtitle=f"dashed line: {name} {place:.4f}", subtitleColor=_MUTED)
        chart = altair.layer(bars, rule).properties(title=title_)
    else:
        chart = bars.properties(title=title)
    shown: alt.Chart | alt.LayerChart = chart.properties(width=_WIDTH, height=_HEIGHT).configure(**_CONFIG)
    return shown


def _history(altair: Any, name: str, evaluations: Sequence[ScenarioTestEvaluation]) -> alt.LayerChart:
    points: list[dict[str, Any]] = [
        {
            "label": f"{i}. {e.model_name[:24]}",
            "model": e.model_name,
            "result": e.result,
            "threshold": None if e.criterion is None else e.criterion["threshold"],
            "criterion": "–"
            if e.criterion is None
            else f"{comparison_text(e.criterion['comparison'])} {e.criterion['threshold']:.4f}",
            "verdict": _WORDS[e.passed],
            "upload": f"upload {e.upload_number} of {e.n_uploads}",
            "when": e.created_at,
        }
        for i, e in enumerate(evaluations, start=1)
    ]
    numbers = [float(p[key]) for p in points for key in ("result", "threshold") if p[key] is not None]
    low, high = min(numbers), max(numbers)
    room = 0.1 * (high - low) or 0.1 * abs(high) or 1.0
    scale = altair.Scale(domain=[low - room, high + room])
    base = altair.Chart(altair.Data(values=points)).encode(
        x=altair.X("label:N", sort=None, title=None, axis=altair.Axis(labelAngle=-30, labelLimit=140))
    )
    result = altair.Y("result:Q", title=name[:40], scale=scale)
    words = list(_WORDS.values())
    layers = [
        base.mark_line(strokeWidth=1.5, opacity=0.4, color=_MUTED).encode(y=result),
        base.mark_point(filled=True, size=110, opacity=1).encode(
            y=result,
            color=altair.Color("verdict:N", title=None, scale=altair.Scale(domain=words, range=[_PASS, _FAIL, _NONE])),
            shape=altair.Shape(
                "verdict:N", title=None, scale=altair.Scale(domain=words, range=["circle", "cross", "diamond"])
            ),
            tooltip=[
                "model:N",
                altair.Tooltip("result:Q", format=".4f"),
                "criterion:N",
                "verdict:N",
                "upload:N",
                "when:N",
            ],
        ),
    ]
    if any(point["threshold"] is not None for point in points):
        tick = base.mark_tick(thickness=2, size=28, color=_TEXT)
        layers.insert(1, tick.encode(y=altair.Y("threshold:Q", title=name[:40], scale=scale)))
    chart: alt.LayerChart = altair.layer(*layers).properties(width=_WIDTH, height=_HEIGHT)
    return chart


def _bins(scores: Sequence[float], score_range: tuple[float, float]) -> list[dict[str, float]]:
    low, high = (0.0, 1.0) if score_range == (0.0, 1.0) else (min(scores), max(scores))
    if low == high:
        low, high = low - 0.5, high + 0.5
    width = (high - low) / _N_BINS
    counts = [0] * _N_BINS
    for score in scores:
        counts[min(max(math.floor((score - low) / width), 0), _N_BINS - 1)] += 1
    return [{"start": low + i * width, "end": low + (i + 1) * width, "count": count} for i, count in enumerate(counts)]


def _altair() -> Any:
    try:
        import altair
    except ImportError as error:
        raise ImportError(
            "expected altair, which draws charts, but it is not installed: pip install 'nucleus-validate[plot]'"
        ) from error
    return altair
