"""A function's results on a test over time: with their intervals, what they were compared with, and what changed."""

from __future__ import annotations

from itertools import groupby
from typing import Any

from nucleus_server.dashboard.contexts import Chart, HistoryChangeRow, HistoryPart, ViewLink
from nucleus_server.dashboard.history_charts import result_history_spec
from nucleus_server.dashboard.pages.shared import (
    NBSP,
    PROPERTIES,
    UNDEFINED,
    counted,
    criterion_text,
    function_paths,
    number,
    property_text,
    shortened,
    verdict,
    when,
    with_query,
)
from nucleus_server.dashboard.pages.verdict_words import cluster_name
from nucleus_server.domain import CriterionChange, Evaluation
from nucleus_server.services import WorkspaceStore
from nucleus_server.services.result_history import (
    N_RECENT,
    HistoryChange,
    HistoryPoint,
    ResultHistory,
    ResultInterval,
    Shown,
    result_history,
)

_WAIT_S = 0.1
_LONGEST_NAME = 24
_LETTERS = "abcdefghijklmnopqrstuvwxyz"


def shown_results(text: str) -> Shown:
    """Which results an address asks for; the newest ones if it asks for nothing that there is."""
    return Shown(text) if text in [member.value for member in Shown] else Shown.RECENT


def history_part(ws: WorkspaceStore, test_id: str, function_id: str, shown: Shown) -> HistoryPart:
    """The history of one function, and how many intervals are missing yet."""
    history = result_history(ws, test_id, function_id, shown, wait_s=_WAIT_S)
    n_missing = len(history.points) - history.n_computed
    path = f"/tests/{test_id}/history/{function_id}"
    return HistoryPart(
        part_id=f"history-{function_id}",
        function_name=history.entry.function.name,
        function_path=function_paths(ws).get(function_id),
        views=_views(history, shown),
        chart=history_chart(history),
        changes=change_rows(history),
        waiting=None
        if history.job_id is None
        else f"{n_missing:,} of {counted(len(history.points), 'interval')} {'is' if n_missing == 1 else 'are'} being computed.",
        waiting_path=with_query(path, show=None if shown is Shown.RECENT else shown.value, waiting=n_missing),
    )


def history_chart(history: ResultHistory) -> Chart:
    """The picture and its numbers."""
    points, marks = history.points, _marks(history)
    function = history.entry.function
    lines = [
        text
        for text, is_there in (
            (
                "solid line: the threshold in force at the time",
                any(level.threshold is not None for level in history.levels),
            ),
            (
                "dashed line: the baseline model's newest result at the time, on its own members",
                any(level.baseline is not None for level in history.levels),
            ),
            ("dotted lines with letters: changes, listed below", bool(marks)),
        )
        if is_there
    ]
    end = max([len(points) + 0.5, *(level.end for level in history.levels)])
    return Chart(
        name=f"history-{function.id}-chart",
        title=f"{function.name} over evaluations",
        description=(
            f"{counted(len(points), 'result')} of {function.name} in the order of upload, "
            f"with {counted(len(marks), 'change')} in between."
        ),
        note="; ".join([*lines, "colour and shape: by the criterion in force now"])
        + f". {interval_note(history)}".rstrip(),
        spec=result_history_spec(
            _chart_points(points), _chart_levels(history), marks, end=end, y_title=function.name[:40]
        ),
        header=(
            "#",
            "model",
            "upload",
            "result",
            f"{_confidence(history)} interval",
            "threshold then",
            "baseline then",
            "criterion now",
            "by it",
            "when (UTC)",
        ),
        rows=tuple(
            (
                str(point.number),
                evaluation.model_name,
                upload_text(point),
                number(evaluation.result),
                interval_words(point.interval),
                UNDEFINED
                if point.threshold is None or point.comparison is None
                else f"{point.comparison.symbol}{NBSP}{number(point.threshold)}",
                number(point.baseline),
                criterion_text(point.judged),
                verdict(point.judged.passed, "").word,
                when(evaluation.created_at),
            )
            for point in reversed(points)
            for evaluation in (point.judged.evaluation,)
        ),
        paths=tuple(f"/evaluations/{point.judged.evaluation.id}" for point in reversed(points)),
    )


def interval_note(history: ResultHistory) -> str:
    """Which interval the band is, or why it is not everywhere."""
    known = [point.interval for point in history.points if point.interval is not None]
    n_few = sum(interval.low is None for interval in known)
    methods = sorted({interval.method for interval in known if interval.low is not None})
    words = ""
    if methods:
        words = (
            f"Band: the {_confidence(history)} interval of each single result ({' or '.join(methods)}) if its items "
            f"are a sample of others like them; clusters {cluster_name(history.cluster)}. It is not an interval of "
            "differences between models."
        )
    if n_few:
        fewest = min(interval.n_clusters for interval in known if interval.low is None)
        which = "No result has" if n_few == len(history.points) else f"{counted(n_few, 'result')} without"
        words += f"{' ' if words else ''}{which} an interval: fewer than six clusters (as few as {fewest})."
    return words


def _confidence(history: ResultHistory) -> str:
    return f"{100 * (1 - history.alpha):g}{NBSP}%"


def interval_words(interval: ResultInterval | None) -> str:
    """`0.8100 to 0.8700`, or why there is none."""
    if interval is None:
        return "being computed"
    if interval.low is None:
        return f"{UNDEFINED} ({counted(interval.n_clusters, 'cluster')})"
    return f"{number(interval.low)} to {number(interval.high)}"


def change_rows(history: ResultHistory) -> tuple[HistoryChangeRow, ...]:
    """What changed, newest first, with the letters of the marks."""
    letters = _letters(history)
    return tuple(
        HistoryChangeRow(
            mark=letters[change.after],
            kind=change.kind,
            what=change_text(change),
            where=_where(history, change.after),
            when=when(change.created_at),
            user_name=change.user_name,
        )
        for change in reversed(history.changes)
    )


def change_text(change: HistoryChange) -> str:
    """What is in force since."""
    if change.criterion is not None:
        return criterion_words(change.criterion)
    return f"slice {change.n_before:,} → {change.n_members:,} members"


def criterion_words(change: CriterionChange) -> str:
    """An entry of the criteria history, in words."""
    if change.property is not None:
        before, after = (
            "not set" if value is None else shortened(property_text(change.property, value))
            for value in (change.before, change.after)
        )
        return f"{change.function_name}: {PROPERTIES.get(change.property, change.property)} {before} → {after}"
    if change.function_id is None:
        return "no baseline" if change.baseline_model_name is None else f"baseline {change.baseline_model_name}"
    if change.threshold is None or change.comparison is None:
        what = f"{change.function_name}: no threshold"
    else:
        what = f"{change.function_name} {change.comparison.symbol}{NBSP}{number(change.threshold)}"
    what += "" if change.mode is None else f", mode {change.mode.value}"
    return what + (f", margin {change.margin:g}" if change.margin else "")


def upload_text(point: HistoryPoint) -> str:
    """`upload 2 of 3`."""
    return f"upload {point.upload[0]} of {point.upload[1]}"


def _views(history: ResultHistory, shown: Shown) -> tuple[ViewLink, ...]:
    n_models = len({point.judged.evaluation.model_key for point in history.points})
    if history.n_results <= N_RECENT and shown is not Shown.MODELS and n_models == history.n_results:
        return ()
    texts = {
        Shown.RECENT: f"newest {N_RECENT}" if history.n_results > N_RECENT else f"all {history.n_results:,}",
        Shown.MODELS: "newest of each model",
    }
    if history.n_results > N_RECENT:
        texts[Shown.ALL] = f"all {history.n_results:,}"
    elif shown is Shown.ALL:
        shown = Shown.RECENT
    return tuple(
        ViewLink(
            text,
            f"{with_query(f'/tests/{history.test.id}', show=None if which is Shown.RECENT else which.value)}#history",
            which is shown,
        )
        for which, text in texts.items()
    )


def _chart_points(points: tuple[HistoryPoint, ...]) -> list[dict[str, Any]]:
    rows = []
    run = 0
    for place, point in enumerate(points, start=1):
        evaluation, interval = point.judged.evaluation, point.interval
        is_known = interval is not None and interval.low is not None
        run += not is_known  # a band does not go on over a result without an interval
        rows.append(
            {
                "place": place,
                "label": f"{point.number}. {_short_name(evaluation)}",
                "model": evaluation.model_name,
                "result": evaluation.result,
                "low": interval.low if interval is not None else None,
                "high": interval.high if interval is not None else None,
                "run": run,
                "interval": interval_words(interval),
                "verdict": verdict(point.judged.passed, "").word,
                "upload": upload_text(point),
                "when": when(evaluation.created_at),
                "path": f"/evaluations/{evaluation.id}",
            }
        )
    return rows


def _short_name(evaluation: Evaluation) -> str:
    name = evaluation.model_name
    return name if len(name) <= _LONGEST_NAME else name[: _LONGEST_NAME - 1] + "…"


def _chart_levels(history: ResultHistory) -> list[dict[str, Any]]:
    """Stretches of one threshold or one baseline, each as long as it goes."""
    rows: list[dict[str, Any]] = []
    for what in ("threshold", "baseline"):
        for value, group in groupby(history.levels, key=lambda level: getattr(level, what)):
            stretch = list(group)
            if value is not None:
                rows.append({"start": stretch[0].start, "end": stretch[-1].end, "value": value, "what": what})
    return rows


def _letters(history: ResultHistory) -> dict[int, str]:
    """Number of results before → the letter of the mark there, from the oldest on."""
    places = sorted({change.after for change in history.changes})
    return {after: _letter(i) for i, after in enumerate(places)}


def _letter(i: int) -> str:
    return _LETTERS[i] if i < len(_LETTERS) else _letter(i // len(_LETTERS) - 1) + _LETTERS[i % len(_LETTERS)]


def _marks(history: ResultHistory) -> list[dict[str, Any]]:
    """One mark for all changes between the same two results."""
    letters = _letters(history)
    return [
        {
            "place": after + 0.5,
            "label": letters[after],
            "what": "; ".join(f"{change_text(c)} ({when(c.created_at)}, {c.user_name})" for c in group),
        }
        for after, group in groupby(history.changes, key=lambda change: change.after)
    ]


def _where(history: ResultHistory, after: int) -> str:
    points = history.points
    if not points:
        return UNDEFINED
    if after == 0:
        return f"before result {points[0].number}"
    if after == len(points):
        return f"after result {points[-1].number}, the newest"
    return f"between results {points[after - 1].number} and {points[after].number}"
