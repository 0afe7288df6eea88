"""What an upload of scores was made of: how much was accepted, how the scores lie, and what looks odd about them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

import msgspec
import numpy as np
import polars as pl

from nucleus_metrics import WeightedMean
from nucleus_server.domain import EvalFunction, Json, ScenarioTest

if TYPE_CHECKING:
    from numpy.typing import NDArray

N_BINS = 20
MAX_DISTINCT = 1000
_QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
_FEW = 10
"""Of fewer scores nothing looks odd."""


class Histogram(msgspec.Struct, frozen=True):
    """`edges` [N_BINS + 1] and `counts` [N_BINS]; the last bin holds its right edge too."""

    edges: list[float]
    counts: list[int]


class Distribution(msgspec.Struct, frozen=True):
    """How numbers lie.

    Attributes:
        quantiles: "0.05", "0.25", "0.5", "0.75", "0.95" → value.
        n_distinct: Different values, counted up to `MAX_DISTINCT`.
    """

    min: float
    max: float
    mean: float
    quantiles: dict[str, float]
    n_distinct: int
    histogram: Histogram


class Oddity(msgspec.Struct, frozen=True):
    """Something about a column that is allowed and looks like a mistake."""

    code: str
    message: str


class FunctionReport(msgspec.Struct, frozen=True):
    """The scores of one function.

    Attributes:
        mean: Weighted mean over all uploaded rows.
        weight: None if all weights are 1.
    """

    function_id: str
    name: str
    n_scored: int
    weighted: bool
    weight_sum: float
    mean: float
    score: Distribution
    weight: Distribution | None
    warnings: list[Oddity]


class TestReport(msgspec.Struct, frozen=True):
    """What the upload means for one function of one test.

    Attributes:
        n_members: Members of its slice that are not deleted.
        coverage: Scored members / members, in [0, 1]; None if there are no members.
        evaluation_id: The evaluation it got; None if it got none, for the `reason`.
    """

    test_id: str
    name: str
    function_id: str
    function_name: str
    n_members: int
    n_scored: int
    coverage: float | None
    evaluation_id: str | None
    result: float | None
    reason: str | None


class Report(msgspec.Struct, frozen=True):
    """What was accepted.

    Attributes:
        n_items: Live items of the dataset then.
    """

    n_items: int
    functions: list[FunctionReport]
    tests: list[TestReport]

    def to_json(self) -> Json:
        """The report as it is stored."""
        built: Json = msgspec.to_builtins(self)
        return built


def report_of(stored: Json | None) -> Report:
    """A stored report; an empty one if there is none."""
    return Report(0, [], []) if stored is None else msgspec.convert(stored, Report)


def distribution(values: NDArray[np.float64], value_range: tuple[float, float] | None) -> Distribution:
    """Of finite numbers, at least one; `value_range` is what the histogram spans, None for the values' own range."""
    counts, edges = np.histogram(values, bins=N_BINS, range=value_range or range_of(values))
    return Distribution(
        min=float(values.min()),
        max=float(values.max()),
        mean=float(values.mean()),
        quantiles={f"{q:g}": float(v) for q, v in zip(_QUANTILES, np.quantile(values, _QUANTILES), strict=True)},
        n_distinct=_n_distinct(values),
        histogram=Histogram(edges.tolist(), counts.tolist()),
    )


def range_of(values: NDArray[np.float64]) -> tuple[float, float]:
    """The lowest and the highest, apart by enough for bins between them."""
    low, high = float(values.min()), float(values.max())
    room = 1e-9 * max(abs(low), abs(high), 1e-9)
    return (low, high) if high - low > room else (low - room, high + room)


def _n_distinct(values: NDArray[np.float64]) -> int:
    # A sample tells most columns apart: real scores have thousands of values, labels a handful.
    sample = pl.Series(values[: 10 * MAX_DISTINCT]).n_unique()
    return min(MAX_DISTINCT, sample if sample >= MAX_DISTINCT else pl.Series(values).n_unique())


def function_report(
    function: EvalFunction,
    scores: NDArray[np.float64],
    weights: NDArray[np.float64] | None,
    mean: WeightedMean,
    *,
    past: Iterable[FunctionReport],
    same_as: str | None,
) -> FunctionReport:
    """The report on one function's scores.

    Args:
        scores: float64 [n], those that are there.
        weights: float64 [n], theirs; None if all are 1.
        mean: Their weighted mean.
        past: Earlier reports on the function, newest first.
        same_as: The name of another model that has exactly the same scores.
    """
    # Of another range than [0, 1] most values are never met: seconds in (0, 1000), losses in (0, 100).
    is_unit = (function.score_min, function.score_max) == (0.0, 1.0)
    score = distribution(scores, (0.0, 1.0) if is_unit else None)
    weight = None if weights is None else distribution(weights, (0.0, 1.0))
    return FunctionReport(
        function_id=function.id,
        name=function.name,
        n_scored=len(scores),
        weighted=weights is not None,
        weight_sum=mean.weight_sum,
        mean=mean.value,
        score=score,
        weight=weight,
        warnings=list(_odd(function, len(scores), score, weight, list(past), same_as)),
    )


def _odd(
    function: EvalFunction,
    n_scored: int,
    score: Distribution,
    weight: Distribution | None,
    past: Sequence[FunctionReport],
    same_as: str | None,
) -> Iterable[Oddity]:
    if same_as is not None and score.n_distinct > 1:
        yield Oddity(
            "same_scores_as_other_model", f"every score is the same as of model {same_as!r}: is this the right model?"
        )
    if n_scored < _FEW:
        return
    if score.n_distinct == 1:
        yield Oddity("constant_scores", f"all {n_scored:,} scores are {score.min:g}")
    if weight is not None and weight.n_distinct == 1:
        yield Oddity("constant_weights", f"all weights are {weight.min:g}: they change nothing")
    comparable = [report for report in past if report.n_scored >= _FEW]
    if not comparable:
        return
    was_continuous = any(report.score.n_distinct > _FEW for report in comparable)
    is_binary = score.n_distinct <= 2 and {score.min, score.max} <= {0.0, 1.0}
    if is_binary and score.n_distinct == 2 and was_continuous:
        yield Oddity("binary_scores", "all scores are 0 or 1, where earlier uploads had values in between")
    usual = float(np.median([report.score.quantiles["0.5"] for report in comparable]))
    largest = max(abs(report.score.max) for report in comparable)
    if largest <= 1 and score.max > 1 and score.max <= 100:
        yield Oddity(
            "looks_like_percent",
            f"scores go up to {score.max:g}, where earlier uploads stayed below {largest:g}: these look like percent",
        )
    if usual > 0.05 and 0 < score.max <= 0.011:
        yield Oddity(
            "looks_divided_twice",
            f"no score is above {score.max:g}, where the median of earlier uploads was {usual:g}: was a fraction divided by "
            "100?",
        )
    elif usual != 0 and 10 * score.quantiles["0.95"] < usual and function.score_min >= 0:
        yield Oddity(
            "unusual_scores",
            f"95 % of the scores are below {score.quantiles['0.95']:g}; the median of earlier uploads was {usual:g}",
        )


def test_report(
    test: ScenarioTest,
    function: EvalFunction,
    *,
    n_members: int,
    n_scored: int,
    evaluation_id: str | None,
    result: float | None,
    reason: str | None,
) -> TestReport:
    """What the upload means for one function of a test."""
    return TestReport(
        test_id=test.id,
        name=test.name,
        function_id=function.id,
        function_name=function.name,
        n_members=n_members,
        n_scored=n_scored,
        coverage=n_scored / n_members if n_members else None,
        evaluation_id=evaluation_id,
        result=result,
        reason=reason,
    )


def with_replays(report: Report, replayed: dict[str, str]) -> Report:
    """The report with the ids of evaluations that were there already in the place of new ones."""
    return _with_ids(report, lambda new: replayed.get(new, new)) if replayed else report


def without_evaluations(report: Report) -> Report:
    """The report of an upload that was only checked."""
    return _with_ids(report, lambda new: None)


def _with_ids(report: Report, stored: Callable[[str], str | None]) -> Report:
    tests = [
        row if row.evaluation_id is None else msgspec.structs.replace(row, evaluation_id=stored(row.evaluation_id))
        for row in report.tests
    ]
    return msgspec.structs.replace(report, tests=tests)
