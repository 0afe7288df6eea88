"""Verdicts: what comparing two evaluations, or one with its threshold, says beyond chance."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from nucleus_server.domain.clusters import ResolvedCluster


class Outcome(str, Enum):
    """What a gate says of one function of one test.

    NEW has nothing to be compared with, MISSING no evaluation of the candidate; neither is ever a pass.
    """

    PASSED = "passed"
    FAILED = "failed"
    INCONCLUSIVE = "inconclusive"
    NEW = "new"
    MISSING = "missing"


@dataclass(frozen=True, slots=True)
class Bound:
    """The comparison if all missing scores were the worst, or the best, that there can be.

    Attributes:
        low, high: Ends of the interval of the difference; None where it is unbounded.
    """

    delta: float
    low: float | None
    high: float | None
    verdict: str
    is_non_inferior: bool


@dataclass(frozen=True, slots=True)
class PairVerdict:
    """A candidate's evaluation against a baseline's, on the members that both scored.

    Attributes:
        delta: Weighted mean of candidate − baseline, in the function's unit; None if there is no common member.
        low, high: Ends of the 1 − alpha interval of the difference; None where it is unbounded.
        p_value: Two-sided, not adjusted for other comparisons.
        verdict: better, worse, equivalent, inconclusive or too few clusters; not adjusted.
        is_non_inferior: Whether the candidate is certainly not worse by the margin or more.
        standard_error, minimum_detectable_effect: In the function's unit; None of fewer than two clusters.
        clusters_needed: Clusters that would show a difference as large as the margin, or without one as the observed one;
            None unless the verdict is inconclusive.
        n: Members with both scores and a weight above 0.
        n_left_out: Members that one of the two scored only.
        n_missing: Members that the baseline scored and the candidate did not.
        n_without_cluster_value: Members that have no value under the cluster key: each is a cluster of its own.
        weights_differ: Whether both uploads carry weights and they are not the same; the baseline's are used.
        baseline_result, candidate_result: Weighted means on the common members.
        worst_case, best_case: None if the candidate left no member out.
    """

    delta: float | None
    low: float | None
    high: float | None
    p_value: float
    verdict: str
    is_non_inferior: bool
    standard_error: float | None
    minimum_detectable_effect: float | None
    clusters_needed: int | None
    n: int
    n_effective: float
    n_clusters: int
    n_left_out: int
    n_missing: int
    n_draws: int
    seed: int
    alpha: float
    margin: float
    method_version: int
    cluster: ResolvedCluster
    n_without_cluster_value: int
    weights_differ: bool
    baseline_result: float | None
    candidate_result: float | None
    worst_case: Bound | None
    best_case: Bound | None


@dataclass(frozen=True, slots=True)
class ThresholdVerdict:
    """An evaluation's result against a threshold.

    Attributes:
        low, high: Ends of the interval of the result.
        standing: passes, fails or inconclusive.
        method: How the interval was found: wilson or betting.
        worst_case: The standing if the missing scores were the worst that there can be; None if none is missing.
    """

    result: float
    threshold: float
    low: float
    high: float
    standing: str
    method: str
    n: int
    n_clusters: int
    alpha: float
    seed: int
    method_version: int
    cluster: ResolvedCluster
    worst_case: str | None


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two evaluations of a comparison.

    Attributes:
        n_members: Members that had not been deleted when the scores came.
    """

    evaluation_id: str
    model_id: str
    model_name: str
    result: float | None
    coverage: float | None
    n_scored: int
    n_members: int
    created_at: datetime
    upload_id: str | None


@dataclass(frozen=True, slots=True)
class Waiver:
    """A known regression that somebody answers for until it expires.

    Attributes:
        model_id: The candidate it is for; None for any.
        owner: Who answers for it, in words.
        status: active, expired or revoked, at the moment of reading.
    """

    key: int
    id: str
    test_key: int
    test_id: str
    test_name: str
    function_key: int
    function_id: str
    function_name: str
    model_key: int | None
    model_id: str | None
    model_name: str | None
    reason: str
    owner: str
    expires_at: datetime
    status: str
    user_name: str
    created_at: datetime

    def covers(self, test_key: int, function_key: int, model_key: int) -> bool:
        """Whether it is for this function of this test, and for this model or for any."""
        is_of_it = (self.test_key, self.function_key) == (test_key, function_key)
        return is_of_it and self.model_key in (None, model_key)


@dataclass(frozen=True, slots=True)
class ReportEntry:
    """One function of one test in a report.

    Attributes:
        mode: How it was decided.
        comparison: With the baseline; None if there is no baseline evaluation, or it is still being computed.
        is_computing: Whether the verdict that it needs is still being computed.
        adjusted_p: The p value adjusted for all comparisons of the report; None without a comparison, or outside of a report.
        adjustment: holm of a test that is marked as blocking, else benjamini-hochberg.
        verdict: The comparison's after adjustment.
        threshold_check: The result's interval against the threshold; None unless the mode needs it.
        point_result: What mode `point` compared: the result, or the result on the members that the baseline has too.
        point_threshold: What it was compared with: the threshold, or the baseline's result.
        worst_case_result: The result if missing scores were the worst; None if none is missing or nothing needs it.
        reason: Why the outcome is what it is, as a sentence.
        settles: What would settle an inconclusive one; None of others.
        waiver: What makes an entry that did not pass acceptable; None if nothing does.
    """

    test_id: str
    test_name: str
    slice_id: str
    function_id: str
    function_name: str
    unit: str | None
    higher_is_better: bool
    is_blocking: bool
    tags: tuple[str, ...]
    mode: str
    threshold: float | None
    threshold_comparison: str
    margin: float
    candidate: Side | None
    baseline: Side | None
    comparison: PairVerdict | None
    is_computing: bool
    adjusted_p: float | None
    adjustment: str | None
    verdict: str | None
    threshold_check: ThresholdVerdict | None
    point_result: float | None
    point_threshold: float | None
    worst_case_result: float | None
    warnings: tuple[str, ...]
    outcome: Outcome
    reason: str
    settles: str | None
    waiver: Waiver | None

    @property
    def compare_path(self) -> str | None:
        """The page that compares both evaluations."""
        if self.candidate is None or self.baseline is None:
            return None
        return f"/compare/{self.baseline.evaluation_id}/{self.candidate.evaluation_id}"


@dataclass(frozen=True, slots=True)
class ItemContribution:
    """What one member adds to a difference: all of them add up to it."""

    item_id: str
    reference_id: str
    contribution: float
    baseline_score: float
    candidate_score: float
    weight: float


@dataclass(frozen=True, slots=True)
class TopItem:
    """A member that weighs most in what did not pass."""

    test_id: str
    test_name: str
    function_id: str
    function_name: str
    item: ItemContribution


@dataclass(frozen=True, slots=True)
class ReportOptions:
    """What a release report is asked for.

    Attributes:
        baseline: `own` (each test's), `last-approved`, or `model` with `baseline_model_id`.
        test_ids: The tests, in this order.
        mode: Decides in place of the tests' own modes; None leaves those.
        allow_missing: Whether members without a score are fine.
        require_coverage: Coverage below it fails, in [0, 1].
        false_discovery_rate: q of the adjustment, in (0, 1).
    """

    model_id: str
    baseline: str
    baseline_model_id: str | None
    test_ids: tuple[str, ...]
    mode: str | None = None
    allow_missing: bool = False
    require_coverage: float = 0.0
    false_discovery_rate: float = 0.05


@dataclass(frozen=True, slots=True)
class ReleaseReport:
    """May this model replace that one, test by test.

    Attributes:
        n_comparisons, n_computed: Verdicts that it needs, and those that are there.
        job_id: What computes the others; None if nothing is left to do.
        n_uploads_running: Uploads of the candidate's or the baseline's scores, and fillings of the tests, that are under way.
        outcome: PASSED, FAILED, INCONCLUSIVE or MISSING.
        entries: What failed first, then what is inconclusive, new, missing, passed.
        lowest_coverage: In [0, 1]; None without any evaluation.
        top_items: The members that weigh most in what did not pass, at most three.
    """

    options: ReportOptions
    model_name: str
    baseline_model_name: str | None
    n_comparisons: int
    n_computed: int
    job_id: str | None
    n_uploads_running: int
    outcome: Outcome
    sentence: str
    entries: tuple[ReportEntry, ...]
    n_complete: int
    n_partial: int
    lowest_coverage: float | None
    top_items: tuple[TopItem, ...]

    @property
    def is_complete(self) -> bool:
        """Whether nothing is left to compute, or to wait for."""
        return self.n_computed >= self.n_comparisons and self.n_uploads_running == 0

    def count(self, outcome: Outcome) -> int:
        """How many entries have this outcome and no waiver."""
        return sum(entry.outcome is outcome and entry.waiver is None for entry in self.entries)

    @property
    def n_waived(self) -> int:
        """How many entries did not pass but are waived."""
        return sum(entry.waiver is not None for entry in self.entries)
