"""Rules: by what a gate decides, how large a loss it accepts, and how small a difference a test can see."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from nucleus._html import comparison_text
from nucleus.validate.clusters import ClusterKey
from nucleus.validate.constants import ThresholdComparison
from nucleus.validate.decoding import number_text, value_of


@dataclass(frozen=True, kw_only=True)
class Rule:
    """By what a function of a test decides.

    Attributes:
        threshold: The number that results are compared with; None if there is none.
        threshold_comparison: How they are compared.
        mode: `point`, `confident`, `not-proven-worse` or `non-inferior`; None for the default: `point` if there is a threshold,
            else `non-inferior`.
        margin: The loss against the baseline that is accepted, at least 0, in the unit of the scores.
        effective_mode: The mode in force.
    """

    scenario_test_id: str
    eval_function_id: str
    eval_function_name: str = ""
    threshold: float | None = None
    threshold_comparison: ThresholdComparison = ThresholdComparison.GREATER_THAN_EQUAL_TO
    mode: str | None = None
    margin: float = 0.0
    effective_mode: str

    @classmethod
    def from_json(cls, row: dict[str, Any]) -> Rule:
        """The rule that the server describes."""
        return value_of(row, cls)

    def __str__(self) -> str:
        threshold = (
            "no threshold"
            if self.threshold is None
            else f"threshold {comparison_text(self.threshold_comparison.value)} {number_text(self.threshold)}"
        )
        return f"{self.eval_function_name!r}: {self.effective_mode}, {threshold}, margin {number_text(self.margin)}"


@dataclass(frozen=True, kw_only=True)
class MarginProposal:
    """A margin that past noise speaks for.

    Attributes:
        margin: The proposal, in the unit of the scores; None if there is too little to make one of.
        how: What it was made of, in a sentence.
        n_repeats: Pairs of uploads of the same model that it rests on.
        n_steps: Pairs of successive models that it rests on.
    """

    margin: float | None = None
    how: str
    n_repeats: int = 0
    n_steps: int = 0

    @classmethod
    def from_json(cls, row: dict[str, Any]) -> MarginProposal:
        """The proposal that the server makes."""
        return value_of(row, cls)

    def __str__(self) -> str:
        return f"margin {number_text(self.margin)}: {self.how}"


@dataclass(frozen=True, kw_only=True)
class Power:
    """How small a difference a function of a test can see, by past evaluations.

    Attributes:
        minimum_detectable_effect: The smallest true difference that is seen with a power of 0.8; None if that is unknown.
        standard_error: Of a difference between two models, between clusters; None if that is unknown.
        n: Members that both evaluations have scores of.
        n_clusters: How many clusters they form.
        cluster: What groups them.
        effect: The difference that was asked for; None if none was.
        clusters_needed: How many clusters would show it; None if none was asked for or that is unknown.
        how: What it was computed from, in a sentence.
        baseline_evaluation_id: One of the two evaluations; None without any.
        candidate_evaluation_id: The other.
    """

    minimum_detectable_effect: float | None = None
    standard_error: float | None = None
    n_clusters: int = 0
    n: int = 0
    cluster: ClusterKey | None = None
    effect: float | None = None
    clusters_needed: int | None = None
    how: str
    baseline_evaluation_id: str | None = None
    candidate_evaluation_id: str | None = None

    @classmethod
    def from_json(cls, row: dict[str, Any]) -> Power:
        """The power that the server computed."""
        return value_of(row, cls)

    def __str__(self) -> str:
        wish = (
            ""
            if self.effect is None or self.clusters_needed is None
            else f"; {number_text(self.effect)} needs {self.clusters_needed:,} clusters"
        )
        seen = number_text(self.minimum_detectable_effect)
        return f"sees a difference of {seen} with {self.n_clusters:,} clusters{wish}: {self.how}"


@dataclass(frozen=True, kw_only=True)
class ScenarioTestSettings:
    """What a gate knows of a test beside its rules.

    Attributes:
        is_blocking: Whether the test blocks a release; p values of blocking tests are adjusted by Holm's method.
        tags: Words to find it by.
        cluster: The test's own cluster key; `inherit` if it has none.
        resolved_cluster: The cluster key in force, and where it was set.
    """

    scenario_test_id: str
    is_blocking: bool = False
    tags: tuple[str, ...] = ()
    cluster: ClusterKey
    resolved_cluster: ClusterKey

    @classmethod
    def from_json(cls, row: dict[str, Any]) -> ScenarioTestSettings:
        """The settings that the server describes."""
        return value_of(row, cls)
