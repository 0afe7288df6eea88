"""Release reports: a candidate beside its baseline on many tests, as one answer."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NoReturn

from nucleus._connection import Connection
from nucleus._html import html_table
from nucleus._model import Model
from nucleus.validate.comparison import Comparisons, comparisons_html
from nucleus.validate.decoding import dashboard_url, number_text, value_of
from nucleus.validate.references import is_id, model_id_of

if TYPE_CHECKING:
    from nucleus.validate.scenario_test import ScenarioTest

LAST_APPROVED = "last-approved"
"""The baseline of a report: for each test the candidate of the last approved release that it was part of."""


@dataclass(frozen=True)
class ReportModel:
    """The model that a report is about."""

    id: str
    name: str


@dataclass(frozen=True, kw_only=True)
class ReportBaseline:
    """What it is compared with.

    Attributes:
        kind: `model`, `own` (each test's own baseline model) or `last-approved` (of each test's last release).
        model_id: The model; None unless `kind` is `model`, because tests may differ: see `Comparison.baseline`.
        model_name: Its name; None likewise.
    """

    kind: str
    model_id: str | None = None
    model_name: str | None = None

    def __str__(self) -> str:
        of_each = {"own": "each test's own baseline", LAST_APPROVED: "the model approved last for each test"}
        return self.model_name or self.model_id or of_each.get(self.kind, self.kind)


@dataclass(frozen=True, kw_only=True)
class ReportCounts:
    """How many entries have each outcome. Those with a waiver in force are counted as `waived` only."""

    passed: int = 0
    failed: int = 0
    inconclusive: int = 0
    new: int = 0
    missing: int = 0
    waived: int = 0


@dataclass(frozen=True, kw_only=True)
class ReportCoverage:
    """How much of the tests the candidate's evaluations cover.

    Attributes:
        n_complete: Evaluations with a score of every member.
        n_partial: Evaluations that leave members out.
        lowest: The lowest coverage, in [0, 1]; None without evaluations.
    """

    n_complete: int = 0
    n_partial: int = 0
    lowest: float | None = None


@dataclass(frozen=True, kw_only=True)
class TopItem:
    """An item that weighs much in what failed or is unclear.

    Attributes:
        reference_id: Your own id of the item.
        contribution: Its part of the difference candidate - baseline; the parts of all items add up to it.
        baseline_score: The baseline's score of it.
        candidate_score: The candidate's score of it.
        weight: How much it counts.
    """

    scenario_test_id: str
    scenario_test_name: str
    eval_function_id: str
    eval_function_name: str
    item_id: str
    reference_id: str
    contribution: float
    baseline_score: float | None = None
    candidate_score: float | None = None
    weight: float = 1.0


@dataclass(frozen=True, kw_only=True)
class ReleaseReport:
    """What tests say about a candidate beside its baseline; a table in notebooks.

    It has no truth value: look at `outcome`.

    Attributes:
        status: `complete`, or `computing` while verdicts are missing or scores are being stored.
        job_id: The job that computes them; None if there is none.
        n_comparisons: How many verdicts there are to compute.
        n_computed: How many are computed.
        n_uploads_running: Uploads of scores of these models that are being stored: the report waits for them.
        model: The candidate.
        baseline: What it is compared with.
        outcome: `failed` if an entry failed that is not waived; else `missing` if evaluations of the candidate are missing; else
            `inconclusive` if an entry is unclear or new and not waived; else `passed`.
        sentence: The same in a sentence.
        counts: How many entries have each outcome.
        coverage: How much of the tests the candidate's evaluations cover.
        options: What was asked for.
        entries: One for each function of each test: failed ones first, then inconclusive, new, missing and passed ones.
        top_items: The items that weigh most in what failed or is unclear, at most 3.
        path: The dashboard's page of this report.
    """

    status: str
    job_id: str | None = None
    n_comparisons: int = 0
    n_computed: int = 0
    n_uploads_running: int = 0
    model: ReportModel
    baseline: ReportBaseline
    outcome: str
    sentence: str
    counts: ReportCounts
    coverage: ReportCoverage = field(default_factory=ReportCoverage)
    options: dict[str, Any] = field(default_factory=dict)
    entries: Comparisons
    top_items: tuple[TopItem, ...] = ()
    path: str
    _payload: dict[str, Any] = field(repr=False, compare=False)
    connection: Connection = field(repr=False, compare=False)

    @classmethod
    def from_json(cls, payload: dict[str, Any], connection: Connection) -> ReleaseReport:
        """The report that the server sent."""
        entries = Comparisons.from_json(payload, connection)
        return value_of(payload, cls, entries=entries, _payload=payload, connection=connection)

    def __bool__(self) -> NoReturn:
        raise TypeError("a release report is neither true nor false: use .outcome")

    @property
    def url(self) -> str:
        """The dashboard's page of this report."""
        return dashboard_url(self.connection, self.path)

    @property
    def is_complete(self) -> bool:
        """Whether every verdict is computed."""
        return self.status == "complete"

    def to_json(self) -> dict[str, Any]:
        """The report as the server sent it, ready for `json.dump`."""
        return copy.deepcopy(self._payload)

    def __str__(self) -> str:
        return self.sentence

    def _repr_html_(self) -> str:
        entries = comparisons_html(self.sentence, self.entries)
        if not self.top_items:
            return entries
        return entries + html_table(
            "Items that weigh most in what failed or is unclear",
            ["item", "test", "function", "contribution", "baseline", "candidate"],
            [
                [
                    item.reference_id,
                    item.scenario_test_name,
                    item.eval_function_name,
                    number_text(item.contribution),
                    item.baseline_score,
                    item.candidate_score,
                ]
                for item in self.top_items
            ],
        )


def report_request(
    model: Model | str,
    baseline: Model | str | None,
    *,
    tests: Sequence[ScenarioTest | str] | None,
    tags: Sequence[str] | None,
    mode: str | None,
    allow_missing: bool,
    require_coverage: float,
    false_discovery_rate: float,
) -> dict[str, Any]:
    """What a release report is asked for by.

    Raises:
        ValueError: `tests` or `tags` is empty, which would mean all tests to the server, or is one text.
    """
    asked: dict[str, Any] = {
        "model_id": model_id_of(model),
        "allow_missing": allow_missing,
        "require_coverage": require_coverage,
        "false_discovery_rate": false_discovery_rate,
    }
    if baseline == LAST_APPROVED:
        asked["baseline"] = LAST_APPROVED
    elif baseline is not None:
        asked["baseline_model_id"] = model_id_of(baseline)
    if mode is not None:
        asked["mode"] = mode
    if tests is not None:
        named = [test if isinstance(test, str) else test.id for test in _some("tests", tests)]
        ids = [test for test in named if is_id("st", test)]
        names = [test for test in named if not is_id("st", test)]
        asked |= ({"test_ids": ids} if ids else {}) | ({"test_names": names} if names else {})
    if tags is not None:
        asked["tags"] = list(_some("tags", tags))
    return asked


def _some(what: str, values: Sequence[Any]) -> Sequence[Any]:
    if isinstance(values, str):
        raise ValueError(f"expected a list of {what}, got the text {values!r}: put it into a list")
    if not values:
        raise ValueError(f"expected at least one of {what}, got an empty list: leave it out for all tests")
    return values
