"""Results as pictures for notebooks and reports, which look like the dashboard's. Needs the extra `plot` (altair)."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Any

from nucleus._html import comparison_text

if TYPE_CHECKING:
    import altair as alt

_N_BINS = 20
_WIDTH, _HEIGHT, _HISTORY_HEIGHT = 600, 240, 280
_N_LABELS = 14
_SIZES = ((30, 110), (120, 50))
_SMALLEST = 16
"""Points become smaller with their number."""
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


def history_chart(title: str, histories: Sequence[Mapping[str, Any]]) -> alt.LayerChart | alt.VConcatChart:
    """Results in the order of upload with their intervals, what they were compared with, and what changed in between.

    Args:
        title: What they are of.
        histories: One a function, as the server sends them; each is a chart of its own.

    Raises:
        ImportError: altair is not installed.
        ValueError: Nothing has a result yet.
    """
    altair = _altair()
    shown = [history for history in histories if history["points"]]
    if not shown:
        raise ValueError(f"expected at least one evaluation with a result of {title}, got none: upload scores first")
    charts = [_history(altair, history) for history in shown]
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


def _history(altair: Any, history: Mapping[str, Any]) -> alt.LayerChart:
    points = _points(history)
    levels, marks = _levels(history), _marks(history)
    bands = [point for point in points if point["low"] is not None]
    numbers = [point[key] for point in points for key in ("result", "low", "high") if point[key] is not None]
    numbers += [level["value"] for level in levels]
    low, high = min(numbers), max(numbers)
    room = 0.1 * (high - low) or 0.1 * abs(high) or 1.0
    end = max([len(points) + 0.5, *(level["end"] for level in levels)])
    x_scale = altair.Scale(domain=[0.5, end], nice=False)
    scale = altair.Scale(domain=[low - room, high + room])
    place = altair.X("place:Q", axis=None, scale=x_scale)

    def y(field: str) -> Any:
        return altair.Y(f"{field}:Q", title=history["eval_function_name"][:40], scale=scale)

    size = next((size for most, size in _SIZES if len(points) <= most), _SMALLEST)
    words = list(_WORDS.values())
    layers = []
    if marks:
        at = altair.Chart(altair.Data(values=marks)).encode(x=place, tooltip=[altair.Tooltip("what:N", title="change")])
        letters = at.mark_text(baseline="bottom", dy=-4, fontWeight=600, color=_MUTED)
        layers += [
            at.mark_rule(strokeWidth=1.5, strokeDash=[2, 3], color=_TEXT),
            letters.encode(y=altair.value(0), text="label:N"),
        ]
    if bands:
        band = altair.Chart(altair.Data(values=bands)).encode(x=place, y=y("low"), y2="high:Q")
        layers.append(band.mark_area(opacity=0.16, color=_ACCENT).encode(detail="run:N"))
        if size > _SMALLEST:  # of very many the band alone can be read
            layers.append(band.mark_rule(opacity=0.35, strokeWidth=1, color=_TEXT))
    if levels:
        dashes = altair.Scale(domain=["threshold", "baseline"], range=[[1, 0], [7, 4]])
        line = altair.Chart(altair.Data(values=levels)).mark_rule(strokeWidth=2, color=_TEXT)
        layers.append(
            line.encode(
                x=altair.X("start:Q", axis=None, scale=x_scale),
                x2="end:Q",
                y=y("value"),
                strokeDash=altair.StrokeDash("what:N", title=None, scale=dashes, legend=None),
                tooltip=["what:N", altair.Tooltip("value:Q", format=".4f")],
            )
        )
    results = altair.Chart(altair.Data(values=points)).encode(x=place, y=y("result"))
    named = altair.Chart(altair.Data(values=points[:: max(1, -(-len(points) // _N_LABELS))]))
    layers += [
        results.mark_line(strokeWidth=1.5, opacity=0.4, color=_MUTED),
        results.mark_point(filled=True, size=size, opacity=1).encode(
            color=altair.Color("verdict:N", title=None, scale=altair.Scale(domain=words, range=[_PASS, _FAIL, _NONE])),
            shape=altair.Shape(
                "verdict:N", title=None, scale=altair.Scale(domain=words, range=["circle", "cross", "diamond"])
            ),
            tooltip=[
                "model:N",
                altair.Tooltip("result:Q", format=".4f"),
                "interval:N",
                "criterion:N",
                "verdict:N",
                "upload:N",
                "when:N",
            ],
        ),
        named.mark_text(align="right", baseline="middle", angle=315, dy=10, limit=120, color=_MUTED).encode(
            x=place, y=altair.value(_HISTORY_HEIGHT), text="label:N"
        ),
    ]
    chart: alt.LayerChart = altair.layer(*layers).properties(width=_WIDTH, height=_HISTORY_HEIGHT)
    return chart


def _points(history: Mapping[str, Any]) -> list[dict[str, Any]]:
    rows = []
    run = 0
    for place, point in enumerate(history["points"], start=1):
        evaluation, interval = point["evaluation"], point["interval"] or {"low": None, "high": None, "n_clusters": 0}
        run += interval["low"] is None  # a band does not go on over a result without an interval
        criterion = evaluation["criterion"]
        rows.append(
            {
                "place": place,
                "label": f"{point['number']}. {evaluation['model_name'][:24]}",
                "model": evaluation["model_name"],
                "result": evaluation["result"],
                "low": interval["low"],
                "high": interval["high"],
                "run": run,
                "interval": f"– ({interval['n_clusters']} clusters)"
                if interval["low"] is None
                else f"{interval['low']:.4f} to {interval['high']:.4f}",
                "criterion": "–"
                if criterion is None
                else f"{comparison_text(criterion['comparison'])} {criterion['threshold']:.4f}",
                "verdict": _WORDS[None if criterion is None else evaluation["pass"]],
                "upload": f"upload {evaluation['upload_number']} of {evaluation['n_uploads']}",
                "when": evaluation["created_at"],
            }
        )
    return rows


def _levels(history: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Stretches of one threshold or one baseline, each as long as it goes."""
    rows: list[dict[str, Any]] = []
    for what, name in (("threshold", "threshold"), ("baseline", "baseline_result")):
        for value, group in groupby(history["levels"], key=lambda level: level[name]):
            stretch = list(group)
            if value is not None:
                rows.append({"start": stretch[0]["start"], "end": stretch[-1]["end"], "value": value, "what": what})
    return rows


def _marks(history: Mapping[str, Any]) -> list[dict[str, Any]]:
    """One mark for all changes between the same two results."""
    groups = groupby(history["changes"], key=lambda change: change["after"])
    return [
        {"place": after + 0.5, "label": _letter(i), "what": "; ".join(_change_text(change) for change in changes)}
        for i, (after, changes) in enumerate(groups)
    ]


def _letter(i: int) -> str:
    letters = "abcdefghijklmnopqrstuvwxyz"
    return letters[i] if i < len(letters) else _letter(i // len(letters) - 1) + letters[i % len(letters)]


def _change_text(change: Mapping[str, Any]) -> str:
    criterion = change["criterion"]
    if criterion is None:
        what = f"slice {change['n_before']:,} → {change['n_members']:,} members"
    elif criterion["kind"] == "baseline":
        what = f"baseline {change['baseline_model_name'] or 'none'}"
    elif criterion["kind"] == "function":
        what = f"{criterion['property']} {criterion['before']} → {criterion['after']}"
    elif criterion["threshold"] is None:
        what = "no threshold"
    else:
        what = f"{comparison_text(criterion['threshold_comparison'])} {criterion['threshold']:.4f}"
    return f"{what} ({change['created_at'][:16].replace('T', ' ')}, {change['user_name']})"


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
