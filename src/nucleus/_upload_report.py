"""What became of an upload: who sent what for which model, how its numbers are distributed, which tests it reached."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import Any

import msgspec

from nucleus._exceptions import NucleusError
from nucleus._html import UNDEFINED, html_table


@dataclass(frozen=True)
class Histogram:
    """Counts between edges: `counts[i]` numbers lie between `edges[i]` and `edges[i + 1]`."""

    edges: tuple[float, ...] = ()
    counts: tuple[int, ...] = ()


@dataclass(frozen=True)
class Distribution:
    """How numbers are distributed.

    Attributes:
        quantiles: Quantile by its level, `"0.05"` to `"0.95"`.
        n_distinct: How many different numbers there are; 1,000 means that many or more.
    """

    min: float | None = None
    max: float | None = None
    mean: float | None = None
    quantiles: dict[str, float | None] = field(default_factory=dict)
    n_distinct: int = 0
    histogram: Histogram = Histogram()


@dataclass(frozen=True)
class UploadWarning:
    """Something about a column that may not be meant, such as scores that are all equal.

    Attributes:
        code: Its stable name.
        message: What it is and what to look at.
    """

    code: str
    message: str


@dataclass(frozen=True)
class UploadedFunction:
    """The scores of one function in an upload.

    Attributes:
        n_scored: Rows with a score by this function.
        weighted: Whether the weights differ from 1.
        mean: Weighted mean over all its rows; None if undefined.
        score: The distribution of the scores.
        weight: The distribution of the weights; None if all are 1.
    """

    function_id: str
    name: str
    n_scored: int
    weighted: bool = False
    weight_sum: float | None = None
    mean: float | None = None
    score: Distribution | None = None
    weight: Distribution | None = None
    warnings: tuple[UploadWarning, ...] = ()


@dataclass(frozen=True)
class UploadedTest:
    """A scenario test that an upload could reach.

    Attributes:
        n_members: Items of the test's slice that are not deleted.
        n_scored: Those of them with a score.
        coverage: n_scored / n_members, in [0, 1]; None of an empty slice.
        evaluation_id: The evaluation that was made; None if there is none, and then `reason` says why.
        result: Weighted mean over the test's items; None if undefined.
    """

    test_id: str
    name: str
    function_id: str
    function_name: str
    n_members: int
    n_scored: int
    coverage: float | None = None
    evaluation_id: str | None = None
    result: float | None = None
    reason: str | None = None


@dataclass(frozen=True)
class UploadReport:
    """What an upload was and what it did; a table in notebooks.

    Attributes:
        upload_id: `up_…`; None of a dry run.
        status: `staging`, `committing`, `completed` or `rejected`.
        dry_run: Whether it was only checked, and nothing stored.
        replayed: Whether the same upload was there already.
        test_id: The test it was for; None if it was for the whole dataset.
        n_rows: Rows that were sent.
        n_items: Items of the dataset that are not deleted.
        min_coverage: The part of a test's items, in [0, 1], that must have a score for the test to get an evaluation.
        functions: The scores of each function; empty until it is completed.
        tests: The tests it could reach; empty until it is completed.
    """

    upload_id: str | None
    status: str
    dry_run: bool
    replayed: bool
    dataset_id: str
    dataset_name: str
    model_id: str
    model_name: str
    test_id: str | None = None
    user_id: str | None = None
    user_name: str | None = None
    created_at: str | None = None
    completed_at: str | None = None
    n_rows: int = 0
    n_items: int = 0
    min_coverage: float = 1.0
    functions: tuple[UploadedFunction, ...] = ()
    tests: tuple[UploadedTest, ...] = ()

    @classmethod
    def from_json(cls, payload: dict[str, Any]) -> UploadReport:
        """The report that the server sent; what a newer server adds is left out."""
        try:
            return msgspec.convert(payload, cls)
        except msgspec.ValidationError as error:
            raise NucleusError(f"the server sent a report that this version of the SDK cannot read: {error}") from error

    def to_dict(self) -> dict[str, Any]:
        """The report as JSON has it."""
        return {f.name: _plain(getattr(self, f.name)) for f in dataclasses.fields(self)}

    def __str__(self) -> str:
        return "\n".join(
            [
                self._headline(),
                *(line for function in self.functions for line in _function_lines(function)),
                *map(_test_line, self.tests),
            ]
        )

    def _repr_html_(self) -> str:
        functions = html_table(
            self._headline(),
            ["function", "scored", "mean", "lowest", "median", "highest", "warnings"],
            [
                [
                    f.name,
                    f.n_scored,
                    f.mean,
                    f.score and f.score.min,
                    f.score and f.score.quantiles.get("0.5"),
                    f.score and f.score.max,
                    "; ".join(w.message for w in f.warnings) or None,
                ]
                for f in self.functions
            ],
        )
        tests = html_table(
            f"{len(self.tests)} tests",
            ["test", "function", "scored", "result", "evaluation"],
            [
                [t.name, t.function_name, f"{t.n_scored} of {t.n_members}", t.result, t.evaluation_id or t.reason]
                for t in self.tests
            ],
        )
        return functions + tests

    def _headline(self) -> str:
        what = "Dry run (nothing stored)" if self.dry_run else f"Upload {self.upload_id}, {self.status}"
        again = ", which was there already" if self.replayed else ""
        rows = f"{self.n_rows:,} rows"
        return (
            f"{what}{again}: {rows}, model {self.model_name!r}, dataset {self.dataset_name!r} ({self.n_items:,} items)"
        )


def _function_lines(f: UploadedFunction) -> list[str]:
    spread = "" if f.score is None else f", from {_number(f.score.min)} to {_number(f.score.max)}"
    weighted = ", weighted" if f.weighted else ""
    lines = [f"  function {f.name!r}: {f.n_scored:,} scores, mean {_number(f.mean)}{spread}{weighted}"]
    return lines + [f"    warning: {w.message}" for w in f.warnings]


def _test_line(t: UploadedTest) -> str:
    outcome = f"result {_number(t.result)} ({t.evaluation_id})" if t.evaluation_id else t.reason or _number(t.result)
    return f"  test {t.name!r}, {t.function_name!r}: {t.n_scored:,} of {t.n_members:,} items, {outcome}"


def _number(value: float | None) -> str:
    return UNDEFINED if value is None else f"{value:.4g}"


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value):
        return {f.name: _plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, (tuple, list)):
        return [_plain(v) for v in value]
    return dict(value) if isinstance(value, dict) else value
