"""What a verdict on two evaluations says, and what makes their difference."""

from __future__ import annotations

from dataclasses import dataclass

from nucleus_server.dashboard.contexts.forms import Form
from nucleus_server.dashboard.contexts.intervals import CaseRow, IntervalPlot, SignedBar
from nucleus_server.dashboard.contexts.shared import Picture, Verdict, doc


@dataclass(frozen=True, slots=True)
class SideRow:
    """One of the two evaluations."""

    role: str = doc("Baseline or candidate.")
    model_name: str = doc("The model.")
    evaluation_path: str = doc("The evaluation's page.")
    result: str = doc("Its result on all members that it scored.")
    common_result: str = doc("Its result on the members that both scored, or – while it is computed.")
    coverage: str = doc("Scored members of all, and the share.")
    is_partial: bool = doc("Whether members were left without a score.")
    upload_path: str | None = doc("The report of its upload; None if it has none.")
    when: str = doc("When it was uploaded, UTC.")


@dataclass(frozen=True, slots=True)
class WaiverNote:
    """A waiver in few words."""

    text: str = doc("Until when, and who answers for it.")
    reason: str = doc("Why it was accepted.")


@dataclass(frozen=True, slots=True)
class GateNote:
    """What a gate says of the candidate here."""

    outcome: Verdict = doc("Passed, failed, inconclusive, new or missing.")
    mode: str = doc("How that is decided.")
    reason: str = doc("Why the outcome is what it is.")
    settles: str | None = doc("What would settle it, if it is inconclusive.")
    waiver: WaiverNote | None = doc("What makes it acceptable all the same.")


@dataclass(frozen=True, slots=True)
class VerdictFacts:
    """A finished comparison."""

    verdict: Verdict = doc("Better, worse, equivalent, inconclusive or too few clusters.")
    meaning: str = doc("What the verdict means, as a sentence.")
    caution: str | None = doc("What the verdict becomes if missing scores are at their worst; None if it stays.")
    delta: str = doc("Candidate − baseline.")
    interval: str = doc("The interval of the difference.")
    level: str = doc("The interval's level, such as 95 %.")
    p_value: str = doc("The p value, not adjusted.")
    adjusted: str | None = doc("The adjusted p value with the name of the method; None outside of a report.")
    clusters: str = doc("How many clusters, by what, and who said so.")
    without_value: str | None = doc("How many members have no value under the cluster key; None if all have one.")
    detectable: str = doc("The minimum detectable effect, or – if it is not defined.")
    needed: str | None = doc("How many clusters would settle it; None if that is not known.")
    margin: str = doc("The margin, in words.")
    n: str = doc("How many members both scored.")
    n_effective: str = doc("How many equally weighted members that is worth.")
    left_out: str = doc("What the intersection left out, in words.")
    plot: IntervalPlot | None = doc("The difference as a drawing; None if it is undefined.")
    cases: tuple[CaseRow, ...] = doc("The comparison, also with missing scores at their worst and best.")
    method: str = doc("Draws, seed, level and version of the method.")


@dataclass(frozen=True, slots=True)
class WeightyItem:
    """An item that weighs much in the difference."""

    picture: Picture = doc("Its image.")
    baseline_score: str = doc("What the baseline scored on it.")
    candidate_score: str = doc("What the candidate scored on it.")
    weight: str = doc("How much the item counts.")
    contribution: str = doc("What it adds to the difference.")
    bar: SignedBar = doc("The contribution as a bar.")


@dataclass(frozen=True, slots=True)
class ShareRow:
    """What members that have something in common add to the difference."""

    value: str = doc("The value that they share, or – without one.")
    n: str = doc("How many members have it.")
    contribution: str = doc("What they add to the difference.")
    mix: str = doc("The part that comes from how much the members count, or – of clusters.")
    quality: str = doc("The part that comes from how well they were scored, or – of clusters.")
    bar: SignedBar = doc("The contribution as a bar.")
    path: str | None = doc("The list of just these items; None in a file.")


@dataclass(frozen=True, slots=True)
class Why:
    """What makes the difference."""

    items: tuple[WeightyItem, ...] = doc("The items that weigh most, for a file; the page has a list of all of them.")
    clusters: tuple[ShareRow, ...] = doc("The clusters that weigh most; empty if each item is one.")
    clusters_title: str = doc("What the clusters are.")
    chooser: Form | None = doc("The form that chooses a metadata key; None if items have no metadata.")
    by: str | None = doc("The metadata key that is chosen.")
    groups: tuple[ShareRow, ...] = doc("The values of that key; their contributions add up to the difference.")
    breakdowns: tuple[tuple[str, str], ...] = doc("Both evaluations' own breakdown by that key: words and paths.")
    unit: str = doc("The unit of contributions, with a space before it; empty if it was not set.")
