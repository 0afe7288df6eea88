"""A function's results on a test in the order of upload, with what they were to satisfy then, and what changed in between."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from nucleus_metrics.comparison import FEWEST_CLUSTERS
from nucleus_server.domain import (
    AuditEntry,
    AuditFilter,
    Comparison,
    CriterionChange,
    Direction,
    Evaluation,
    EvaluationStatus,
    JudgedEvaluation,
    ResolvedCluster,
    ScenarioTest,
    TestFunction,
    ThresholdVerdict,
)
from nucleus_server.errors import NotFound
from nucleus_server.services.clusters import Clusters
from nucleus_server.services.judging import judge_test, upload_numbers
from nucleus_server.services.verdicts import ALPHA, Question, answers, known_verdicts
from nucleus_server.storage import WorkspaceStore

N_RECENT = 100
_MOST_SLICE_CHANGES = 1_000


class Shown(Enum):
    """Which results of a history are looked at."""

    RECENT = "recent"
    """The newest `N_RECENT`."""
    MODELS = "models"
    """The newest of each model."""
    ALL = "all"


@dataclass(frozen=True, slots=True)
class ResultInterval:
    """Where a result would be for other clusters like these, with 1 - alpha confidence.

    Attributes:
        low, high: Its ends, in the function's unit; None if there are too few clusters to say.
        method: How it was made: wilson, betting, padded t; none.
    """

    low: float | None
    high: float | None
    method: str
    n_clusters: int


@dataclass(frozen=True, slots=True)
class HistoryPoint:
    """One result.

    Attributes:
        number: Its place in the function's whole history, from 1, oldest first.
        judged: It, beside the criterion that is in force now.
        upload: (2, 3) for the second of three of its model.
        interval: None while it is being computed.
        threshold, comparison: What was in force when it came.
        baseline: The newest result of the model that was the baseline when it came; itself, if it is that.
    """

    number: int
    judged: JudgedEvaluation
    upload: tuple[int, int]
    interval: ResultInterval | None
    threshold: float | None
    comparison: Comparison | None
    baseline: float | None


@dataclass(frozen=True, slots=True)
class HistoryChange:
    """What changed, between two results.

    Attributes:
        after: How many of the points that are looked at were there before it.
        criterion: The criterion, baseline or property that was set; None if the slice grew.
        n_before, n_members: Members of the slice before and after it grew.
    """

    after: int
    user_name: str
    created_at: datetime
    criterion: CriterionChange | None = None
    n_before: int | None = None
    n_members: int | None = None

    @property
    def kind(self) -> str:
        """slice, criterion, baseline or function."""
        if self.criterion is None:
            return "slice"
        if self.criterion.property is not None:
            return "function"
        return "baseline" if self.criterion.function_id is None else "criterion"


@dataclass(frozen=True, slots=True)
class Level:
    """What results were compared with over a stretch of the history.

    Attributes:
        start, end: In points: point i, from 1, takes from i - 0.5 to i + 0.5; what is in force now goes on to the end.
    """

    start: float
    end: float
    threshold: float | None
    baseline: float | None


@dataclass(frozen=True, slots=True)
class ResultHistory:
    """A function's results on a test.

    Attributes:
        points: Those that are looked at, oldest first.
        n_results: How many there are in all.
        levels: Thresholds and baselines over these points, without gaps.
        changes: What changed from the first of these points on, or at all if all are looked at, oldest first.
        cluster: What makes members alike for the intervals.
        job_id: What computes missing intervals; None if none is missing.
    """

    test: ScenarioTest
    entry: TestFunction
    points: tuple[HistoryPoint, ...]
    n_results: int
    levels: tuple[Level, ...]
    changes: tuple[HistoryChange, ...]
    cluster: ResolvedCluster
    alpha: float
    job_id: str | None

    @property
    def n_computed(self) -> int:
        """How many of the points have their interval."""
        return sum(point.interval is not None for point in self.points)


@dataclass(frozen=True, slots=True)
class _Force:
    """What is in force at a moment."""

    threshold: float | None = None
    comparison: Comparison | None = None
    baseline: float | None = None


def result_history(
    ws: WorkspaceStore, test_id: str, function_id: str, shown: Shown = Shown.ALL, *, wait_s: float
) -> ResultHistory:
    """The results of one function of a test, and for about `wait_s` seconds their intervals; a job does the others.

    Raises:
        NotFound: The test or the function in it does not exist.
    """
    test = ws.get_scenario_test(test_id)
    entry = _entry(ws, test, function_id)
    every = [judged for judged in judge_test(ws, test_id) if judged.evaluation.function_key == entry.function.key]
    uploads = upload_numbers(judged.evaluation for judged in every)
    numbered = list(enumerate((j for j in every if j.evaluation.result is not None), start=1))
    chosen = _chosen(numbered, shown)
    clusters = Clusters(ws)
    cluster = clusters.resolve(test, entry.function)
    questions = [interval_question(judged.evaluation, entry, test, cluster) for _, judged in chosen]
    found = answers(ws, clusters, questions, wait_s=wait_s)
    moments = [judged.evaluation.created_at for _, judged in chosen]
    is_whole = len(chosen) == len(numbered)
    criteria = [c for c in ws.list_criteria(test_id) if c.function_id in (None, function_id)]
    growth = _growth(ws, test, [judged.evaluation for _, judged in numbered])
    changes = [HistoryChange(_after(moments, c.created_at), c.user_name, c.created_at, criterion=c) for c in criteria]
    changes += [_grown(_after(moments, grown.created_at), grown) for grown in growth]
    forces, last = _forces([judged.evaluation for _, judged in numbered], criteria)
    points = tuple(
        HistoryPoint(
            number=number,
            judged=judged,
            upload=uploads[judged.evaluation.id],
            interval=_interval(verdict),
            threshold=forces[number - 1].threshold,
            comparison=forces[number - 1].comparison,
            baseline=forces[number - 1].baseline,
        )
        for (number, judged), verdict in zip(chosen, found.verdicts, strict=True)
    )
    return ResultHistory(
        test=test,
        entry=entry,
        points=points,
        n_results=len(numbered),
        levels=_levels(points, last),
        changes=tuple(sorted((c for c in changes if c.after or is_whole), key=lambda change: change.created_at)),
        cluster=cluster,
        alpha=ALPHA,
        job_id=found.job_id,
    )


@dataclass(frozen=True, slots=True)
class Place:
    """Where a result stands among all results of its function on its test.

    Attributes:
        rank: Its place by result, from 1, the best first; equal results share one.
        number: Its place in the order of upload, from 1.
        n_results: How many there are.
        best: The best of them, the oldest of several.
        before, after: The upload of the same model before it, and after it.
    """

    rank: int
    number: int
    n_results: int
    best: Evaluation
    before: Evaluation | None
    after: Evaluation | None


def place_of(ws: WorkspaceStore, evaluation: Evaluation, entry: TestFunction) -> Place | None:
    """The evaluation's place in its test's history; None if it has no result."""
    if evaluation.result is None:
        return None
    every = [
        e
        for e in ws.list_evaluations(evaluation.test_id)
        if e.function_key == evaluation.function_key and e.result is not None
    ]
    sign = 1.0 if entry.function.direction is Direction.HIGHER_IS_BETTER else -1.0
    values = [sign * (e.result or 0.0) for e in every]
    number = next(i for i, e in enumerate(every) if e.key == evaluation.key)
    same = [e for e in every if e.model_key == evaluation.model_key]
    among = next(i for i, e in enumerate(same) if e.key == evaluation.key)
    return Place(
        rank=1 + sum(value > values[number] for value in values),
        number=number + 1,
        n_results=len(every),
        best=every[values.index(max(values))],
        before=same[among - 1] if among else None,
        after=same[among + 1] if among + 1 < len(same) else None,
    )


def interval_question(
    evaluation: Evaluation, entry: TestFunction, test: ScenarioTest, cluster: ResolvedCluster
) -> Question:
    """What the interval of one result is found by.

    An interval does not depend on what it is compared with, so it is asked for at the lowest score of the function: it is
    computed once, whatever thresholds come and go.
    """
    return Question(
        baseline=None,
        candidate=evaluation,
        function=entry.function,
        dataset_key=test.dataset_key,
        cluster=cluster,
        threshold=entry.function.score_min,
        comparison=Comparison.GREATER_THAN_EQUAL_TO,
    )


def result_interval(
    ws: WorkspaceStore, evaluation: Evaluation, entry: TestFunction, test: ScenarioTest, *, may_compute: bool
) -> ResultInterval | None:
    """The interval of one result; None if it is not known yet and may not be computed, or there is no result."""
    if evaluation.result is None or evaluation.status is not EvaluationStatus.COMPLETED:
        return None
    clusters = Clusters(ws)
    question = interval_question(evaluation, entry, test, clusters.resolve(test, entry.function))
    if not may_compute:
        return _interval(known_verdicts(ws, clusters, [question])[0])
    return _interval(answers(ws, clusters, [question], wait_s=1.0).verdicts[0])


def _entry(ws: WorkspaceStore, test: ScenarioTest, function_id: str) -> TestFunction:
    for entry in ws.list_test_functions(test.id):
        if entry.function.id == function_id:
            return entry
    raise NotFound(
        f"expected a function of scenario test {test.id}, got {function_id[:40]!r}: it has none with this id",
        code="function_not_in_test",
    )


def _chosen(numbered: list[tuple[int, JudgedEvaluation]], shown: Shown) -> Sequence[tuple[int, JudgedEvaluation]]:
    if shown is Shown.RECENT:
        return numbered[-N_RECENT:]
    if shown is Shown.MODELS:
        newest = {judged.evaluation.model_key: (number, judged) for number, judged in numbered}
        return sorted(newest.values(), key=lambda each: each[0])
    return numbered


def _interval(verdict: object) -> ResultInterval | None:
    if not isinstance(verdict, ThresholdVerdict):
        return None
    is_known = verdict.n_clusters >= FEWEST_CLUSTERS and verdict.method != "none"
    return ResultInterval(
        low=verdict.low if is_known else None,
        high=verdict.high if is_known else None,
        method=verdict.method if is_known else "none",
        n_clusters=verdict.n_clusters,
    )


def _after(moments: Sequence[datetime], moment: datetime) -> int:
    """How many of the moments, in ascending order, are before this one."""
    return sum(each < moment for each in moments)


def _growth(ws: WorkspaceStore, test: ScenarioTest, evaluations: Sequence[Evaluation]) -> list[AuditEntry]:
    """When the slice grew, oldest first; the log is only looked into if it did."""
    sizes = {evaluation.n_members for evaluation in evaluations}
    sizes.add(ws.get_slice_by_key(test.slice_key).n_members)
    if len(sizes) < 2:
        return []
    log = ws.list_audit(AuditFilter(object_id=test.slice_id), limit=_MOST_SLICE_CHANGES)
    return [entry for entry in reversed(log) if entry.action == "slice.append"]


def _grown(after: int, entry: AuditEntry) -> HistoryChange:
    n_members = int(entry.detail["n_members"])
    n_before = n_members - int(entry.detail["n_new"])
    return HistoryChange(after, entry.user_name, entry.created_at, n_before=n_before, n_members=n_members)


def _forces(evaluations: Sequence[Evaluation], criteria: Iterable[CriterionChange]) -> tuple[list[_Force], _Force]:
    """What was in force when each of the evaluations came, oldest first, and what is now."""
    newest: dict[str, float | None] = {}
    threshold: float | None = None
    comparison: Comparison | None = None
    model_id: str | None = None
    waiting = [change for change in criteria if change.property is None]
    waiting.reverse()
    forces = []

    def now() -> _Force:
        return _Force(threshold, comparison, None if model_id is None else newest.get(model_id))

    def set_until(moment: datetime | None) -> None:
        nonlocal threshold, comparison, model_id
        while waiting and (moment is None or waiting[-1].created_at <= moment):
            change = waiting.pop()
            if change.function_id is None:
                model_id = change.baseline_model_id
            else:
                threshold, comparison = change.threshold, change.comparison

    for evaluation in evaluations:
        set_until(evaluation.created_at)
        newest[evaluation.model_id] = evaluation.result
        forces.append(now())
    set_until(None)
    return forces, now()


def _levels(points: Sequence[HistoryPoint], last: _Force) -> tuple[Level, ...]:
    """One level as long as nothing changes; what is in force now has half a point of its own if it differs."""
    levels: list[Level] = []
    for i, point in enumerate(points, start=1):
        _extend(levels, Level(i - 0.5, i + 0.5, point.threshold, point.baseline))
    if levels and (levels[-1].threshold, levels[-1].baseline) != (last.threshold, last.baseline):
        end = levels[-1].end
        levels.append(Level(end, end + 0.5, last.threshold, last.baseline))
    return tuple(levels)


def _extend(levels: list[Level], level: Level) -> None:
    before = levels[-1] if levels else None
    if before is not None and (before.threshold, before.baseline) == (level.threshold, level.baseline):
        levels[-1] = Level(before.start, level.end, level.threshold, level.baseline)
    else:
        levels.append(level)
