"""Two models compared on a test: verdicts with what they rest on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NoReturn, overload

from nucleus._connection import Connection
from nucleus._html import UNDEFINED, comparison_text, html_table
from nucleus.validate.clusters import ClusterKey
from nucleus.validate.decoding import Interval, dashboard_url, is_computing, number_text, value_of
from nucleus.validate.waivers import Waiver

_ICONS = {"passed": "✓", "failed": "✗"}


@dataclass(frozen=True, kw_only=True)
class Side:
    """The evaluation of one of two compared models: the newest of the test and function.

    Attributes:
        result: The weighted mean of its scores; None if undefined.
        coverage: n_scored / n_members, in [0, 1]; None of an empty slice.
        n_scored: Members with a score.
        n_members: Members of the slice when the scores came.
        created_at: When the scores came, in UTC.
        upload_id: The upload that they are of; None if they came otherwise.
    """

    evaluation_id: str
    model_id: str
    model_name: str
    result: float | None
    coverage: float | None = None
    n_scored: int = 0
    n_members: int = 0
    created_at: datetime | None = None
    upload_id: str | None = None


@dataclass(frozen=True, kw_only=True)
class MissingScoresBound:
    """The comparison with the candidate's missing scores at one end of the score range.

    Attributes:
        delta: Candidate - baseline.
        interval: Its confidence interval.
        verdict: As in `PairedComparison`.
        is_non_inferior: As in `PairedComparison`.
    """

    delta: float
    interval: Interval
    verdict: str
    is_non_inferior: bool


@dataclass(frozen=True, kw_only=True)
class PairedComparison:
    """Two models on the members that both have scores of, by a paired sign-flip test of clusters.

    Attributes:
        delta: Candidate - baseline, the weighted mean of the differences; None if no member has both scores.
        interval: The confidence interval of delta at level 1 - alpha: every difference that the test does not reject. It is not
            adjusted.
        p_value: How often a difference as large comes by chance between equal models, in (0, 1]; not adjusted.
        adjusted_p: The same, adjusted for all comparisons of the same answer.
        adjustment: `benjamini-hochberg`, or `holm` for blocking tests.
        verdict: `better`, `worse`, `equivalent`, `inconclusive` or `too few clusters`, after adjustment.
        unadjusted_verdict: The same before adjustment.
        is_non_inferior: Whether all of the interval is better than a loss of the margin.
        standard_error: Of delta, between clusters; None if undefined.
        minimum_detectable_effect: The smallest true difference that would be seen with a power of 0.8; None if undefined.
        clusters_needed: How many clusters would show a difference as large as the margin or, without one, as delta; None if that
            is unknown.
        n: Members that both have scores of.
        n_effective: The number of equally weighted members that would say as much.
        n_clusters: How many clusters they form.
        n_left_out: Members that only one of the two has a score of.
        n_draws: Sign vectors that p and interval rest on; all there are, if there are few clusters.
        seed: The seed of the draws; the same seed gives the same numbers on any machine.
        alpha: 1 - the level of the interval.
        margin: The loss that is accepted, at least 0, in the unit of the scores.
        method_version: The version of the method.
        cluster: What groups members.
        n_without_cluster_value: Members without a value of the cluster key; each is a cluster of its own.
        weights_differ: Whether the two uploads weight members differently; the baseline's weights count then.
        baseline_result: The baseline's result on the common members.
        candidate_result: The candidate's result on the common members.
        n_missing: Members that the baseline has a score of and the candidate has none.
        worst_case: With these at the worst score; None if none is missing.
        best_case: With these at the best score; None if none is missing.
    """

    delta: float | None
    interval: Interval
    p_value: float
    adjusted_p: float | None = None
    adjustment: str | None = None
    verdict: str
    unadjusted_verdict: str = ""
    is_non_inferior: bool
    standard_error: float | None = None
    minimum_detectable_effect: float | None = None
    clusters_needed: int | None = None
    n: int
    n_effective: float | None = None
    n_clusters: int
    n_left_out: int = 0
    n_draws: int = 0
    seed: int = 0
    alpha: float = 0.05
    margin: float = 0.0
    method_version: str | int | None = None
    cluster: ClusterKey
    n_without_cluster_value: int = 0
    weights_differ: bool = False
    baseline_result: float | None = None
    candidate_result: float | None = None
    n_missing: int = 0
    worst_case: MissingScoresBound | None = None
    best_case: MissingScoresBound | None = None

    def __str__(self) -> str:
        clusters = _clusters_text(self.n_clusters, self.cluster)
        return f"{self._difference()}, {self._probability()} over {clusters}{self._could_have_seen()}"

    def _difference(self) -> str:
        if self.delta is None:
            return f"{self.verdict}: no item has scores of both"
        if self.verdict in ("better", "worse"):  # the word has the direction, so the numbers need no sign
            low, high = self.interval if self.delta >= 0 else (-self.interval.high, -self.interval.low)
            return f"{self.verdict} by {number_text(abs(self.delta))} {Interval(low, high)}"
        sign = "+" if self.delta > 0 else ""
        return f"{self.verdict}: difference {sign}{number_text(self.delta)} {self.interval}"

    def _probability(self) -> str:
        is_other = self.adjusted_p is not None and _p_text(self.adjusted_p) != _p_text(self.p_value)
        adjusted = f" ({_p_text(self.adjusted_p)} adjusted)" if self.adjusted_p is not None and is_other else ""
        return f"p = {_p_text(self.p_value)}{adjusted}"

    def _could_have_seen(self) -> str:
        if self.verdict != "inconclusive" or self.minimum_detectable_effect is None:
            return ""
        return f"; a difference of {number_text(self.minimum_detectable_effect)} could have been seen"


@dataclass(frozen=True, kw_only=True)
class ThresholdCheck:
    """The candidate's result against a threshold.

    Attributes:
        result: The candidate's result.
        interval: The confidence interval of the result.
        standing: `passes`, `fails` or `inconclusive`, by the mode.
        method: How the interval was made: `wilson` or `betting`.
        n: Members with a score.
        n_clusters: How many clusters they form.
        alpha: 1 - the level of the interval.
        cluster: What groups members.
        worst_case_standing: The standing with the missing scores at the worst score; None if none is missing.
    """

    result: float
    threshold: float
    interval: Interval
    standing: str
    method: str
    n: int
    n_clusters: int
    alpha: float = 0.05
    cluster: ClusterKey
    worst_case_standing: str | None = None

    def __str__(self) -> str:
        found = f"{number_text(self.result)} {self.interval} over {_clusters_text(self.n_clusters, self.cluster)}"
        return f"{found}: {self.standing} at {number_text(self.threshold)}"


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """What a function of a test says about a candidate beside its baseline, and how a gate takes it.

    It has no truth value: look at `outcome` or `verdict`.

    Attributes:
        unit: What scores are measured in; None if nobody said.
        higher_is_better: Whether a larger result is better.
        is_blocking: Whether the test blocks a release.
        tags: The test's words to find it by.
        mode: By what the outcome is decided: `point`, `confident`, `not-proven-worse` or `non-inferior`.
        threshold: The threshold in force; None if there is none.
        threshold_comparison: How a result is compared with it.
        margin: The loss against the baseline that is accepted, at least 0, in the unit of the scores.
        candidate: The candidate's evaluation; None if it has none.
        baseline: The baseline's evaluation; None if it has none.
        comparison: The paired comparison; None if one of the two has no evaluation, or while it is computed.
        is_computing: Whether the verdict is computed just now.
        threshold_check: The interval of the candidate's result against the threshold; None if the mode needs none.
        worst_case_result: The candidate's result with its missing scores at the worst score; None if none is missing or a
            threshold is not asked about.
        warnings: What may make the verdict wrong, such as groups in the metadata and no cluster key.
        outcome: `passed`, `failed`, `inconclusive`, `new` (there is no baseline evaluation and no threshold: never a pass) or
            `missing` (the candidate has no evaluation).
        reason: Why, in a sentence.
        settles: What would settle it, in a sentence; None if it is settled.
        waiver: The waiver in force; None if there is none. The outcome stays what it is.
        compare_path: The dashboard's page of this comparison; None if there is nothing to compare.
    """

    scenario_test_id: str
    scenario_test_name: str
    slice_id: str = ""
    eval_function_id: str
    eval_function_name: str
    unit: str | None = None
    higher_is_better: bool = True
    is_blocking: bool = False
    tags: tuple[str, ...] = ()
    mode: str | None = None
    threshold: float | None = None
    threshold_comparison: str | None = None
    margin: float = 0.0
    candidate: Side | None = None
    baseline: Side | None = None
    comparison: PairedComparison | None = None
    is_computing: bool = False
    threshold_check: ThresholdCheck | None = None
    worst_case_result: float | None = None
    warnings: tuple[str, ...] = ()
    outcome: str
    reason: str = ""
    settles: str | None = None
    waiver: Waiver | None = None
    compare_path: str | None = None
    connection: Connection = field(repr=False, compare=False)

    @classmethod
    def from_json(cls, row: dict[str, Any], connection: Connection) -> Comparison:
        """The entry that the server describes."""
        paired, waiver = row.get("comparison"), row.get("waiver")
        is_there = paired is not None and paired["status"] == "complete"
        return value_of(
            row,
            cls,
            **({} if is_there else {"comparison": None}),
            is_computing=is_computing(row),
            waiver=waiver and Waiver.from_json(waiver, connection),
            connection=connection,
        )

    def __bool__(self) -> NoReturn:
        raise TypeError("a comparison is neither true nor false: use .outcome or .verdict")

    @property
    def verdict(self) -> str | None:
        """The verdict of the paired comparison; None without one."""
        return None if self.comparison is None else self.comparison.verdict

    @property
    def delta(self) -> float | None:
        """Candidate - baseline; None without a paired comparison."""
        return None if self.comparison is None else self.comparison.delta

    @property
    def interval(self) -> Interval | None:
        """The confidence interval of delta; None without a paired comparison."""
        return None if self.comparison is None else self.comparison.interval

    @property
    def p_value(self) -> float | None:
        """The p value, not adjusted; None without a paired comparison."""
        return None if self.comparison is None else self.comparison.p_value

    @property
    def url(self) -> str | None:
        """The dashboard's page of this comparison; None if there is nothing to compare."""
        return None if self.compare_path is None else dashboard_url(self.connection, self.compare_path)

    def __str__(self) -> str:
        finding = self._finding()
        outcome = "" if finding.startswith(f"{self.outcome}:") else f"{self.outcome}, "
        waiver = self.waiver
        waived = "" if waiver is None else f"; waived by {waiver.owner} until {waiver.expires_at:%Y-%m-%d}"
        return f"{self.eval_function_name!r} of test {self.scenario_test_name!r}: {outcome}{finding}{waived}"

    def _repr_html_(self) -> str:
        return comparisons_html(str(self), [self])

    def _finding(self) -> str:
        if self.is_computing:
            return "the verdict is being computed"
        if self.mode != "non-inferior" and self.threshold_check is not None:
            return str(self.threshold_check)
        return self.reason if self.comparison is None else str(self.comparison)


class Comparisons(Sequence[Comparison]):
    """Comparisons in the server's order, by position or by the name of the function; a table in notebooks.

    Attributes:
        is_complete: Whether every verdict of the answer that they are from is computed.
        n_comparisons: How many verdicts that answer has to compute.
        n_computed: How many are computed.
        job_id: The job that computes the others; None if there is none.
    """

    def __init__(
        self,
        entries: Iterable[Comparison],
        *,
        is_complete: bool,
        n_comparisons: int,
        n_computed: int,
        job_id: str | None,
    ) -> None:
        self._entries = tuple(entries)
        self.is_complete = is_complete
        self.n_comparisons = n_comparisons
        self.n_computed = n_computed
        self.job_id = job_id

    @classmethod
    def from_json(cls, payload: dict[str, Any], connection: Connection) -> Comparisons:
        """The comparisons in an answer of the server."""
        return cls(
            [Comparison.from_json(row, connection) for row in payload["entries"]],
            is_complete=payload["status"] == "complete",
            n_comparisons=payload["n_comparisons"],
            n_computed=payload["n_computed"],
            job_id=payload.get("job_id"),
        )

    @overload
    def __getitem__(self, key: int | str) -> Comparison: ...
    @overload
    def __getitem__(self, key: slice) -> Comparisons: ...
    def __getitem__(self, key: int | str | slice) -> Comparison | Comparisons:
        """The one at this position, or of the function with this name.

        Raises:
            KeyError: No function has this name, or functions of several tests do.
        """
        if isinstance(key, int):
            return self._entries[key]
        if isinstance(key, slice):
            return self._part(self._entries[key])
        found = [entry for entry in self._entries if entry.eval_function_name == key]
        if len(found) == 1:
            return found[0]
        if not found:
            names = sorted({entry.eval_function_name for entry in self._entries})
            raise KeyError(f"expected the name of a function that was compared, got {key!r}; there are {names}")
        tests = [entry.scenario_test_name for entry in found]
        raise KeyError(f"expected a function of one test, got {key!r}, which {tests} have: use for_test(name) first")

    def __len__(self) -> int:
        return len(self._entries)

    def __iter__(self) -> Iterator[Comparison]:
        return iter(self._entries)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Comparisons) and self._entries == other._entries

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"Comparisons({list(self._entries)!r})"

    def __str__(self) -> str:
        return "\n".join(map(str, self._entries))

    def _repr_html_(self) -> str:
        return comparisons_html(f"{len(self)} comparisons", self)

    def for_test(self, name: str) -> Comparisons:
        """Those of the test with this name or id; none, if there is no such test among them."""
        return self._part(e for e in self._entries if name in (e.scenario_test_name, e.scenario_test_id))

    def _part(self, entries: Iterable[Comparison]) -> Comparisons:
        return Comparisons(
            entries,
            is_complete=self.is_complete,
            n_comparisons=self.n_comparisons,
            n_computed=self.n_computed,
            job_id=self.job_id,
        )


def comparisons_html(title: str, entries: Iterable[Comparison]) -> str:
    """A table of comparisons."""
    header = ["test", "function", "outcome", "verdict", "baseline", "candidate", "difference", "interval"]
    return html_table(
        title, [*header, "p", "adjusted p", "could have seen", "clusters", "coverage", "why"], map(_cells, entries)
    )


def _cells(entry: Comparison) -> list[object]:
    paired = entry.comparison
    waived = "" if entry.waiver is None else ", waived"
    return [
        entry.scenario_test_name,
        entry.eval_function_name,
        f"{_ICONS.get(entry.outcome, UNDEFINED)} {entry.outcome}{waived}",
        "being computed" if entry.is_computing else entry.verdict,
        entry.baseline and entry.baseline.result,
        entry.candidate and entry.candidate.result,
        paired and number_text(paired.delta),
        paired and paired.interval,
        paired and _p_text(paired.p_value),
        None if paired is None or paired.adjusted_p is None else _p_text(paired.adjusted_p),
        None if paired is None else number_text(paired.minimum_detectable_effect),
        paired and f"{paired.n_clusters:,} ({paired.cluster})",
        None if entry.candidate is None else coverage_text(entry.candidate.n_scored, entry.candidate.n_members),
        entry.reason + _threshold_text(entry),
    ]


def _threshold_text(entry: Comparison) -> str:
    if entry.threshold is None or entry.threshold_comparison is None:
        return ""
    return f" (threshold {comparison_text(entry.threshold_comparison)} {number_text(entry.threshold)})"


def coverage_text(n_scored: int, n_members: int) -> str:
    """How many members have a score, of how many."""
    return f"{n_scored:,} of {n_members:,}"


def _clusters_text(n: int, cluster: ClusterKey) -> str:
    return f"{n:,} items" if cluster.by == "item" else f"{n:,} clusters {cluster}"


def _p_text(p: float) -> str:
    return f"{p:.1e}" if p < 0.0001 else f"{p:.2g}"
