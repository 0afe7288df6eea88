"""Verdicts, outcomes, clusters and p values in words."""

from __future__ import annotations

from nucleus_server.dashboard.contexts import Verdict, WaiverNote
from nucleus_server.dashboard.intervals import signed
from nucleus_server.dashboard.pages.shared import NBSP, UNDEFINED, counted, when
from nucleus_server.domain import ClusterBy, ClusterChoice, Dataset, Mode, Outcome, ResolvedCluster, Waiver

_VERDICTS = {
    "better": Verdict("better", "▲", "pass", "The whole interval is on the good side of no difference."),
    "worse": Verdict("worse", "▼", "fail", "The whole interval is on the bad side of no difference."),
    "equivalent": Verdict("equivalent", "=", "equal", "The whole interval is within the margin."),
    "inconclusive": Verdict("inconclusive", "?", "none", "The interval holds differences in both directions."),
    "too few clusters": Verdict(
        "too few clusters", "∴", "none", "With fewer than six clusters no difference can be told from chance."
    ),
}
_MEANINGS = {
    "better": "The candidate is better: a difference like this would hardly ever come about by chance.",
    "worse": "The candidate is worse: a difference like this would hardly ever come about by chance.",
    "equivalent": "The two are alike: whatever difference there is lies within the margin.",
    "inconclusive": "This cannot be told from chance: neither better nor worse is shown, and neither is ruled out.",
    "too few clusters": "There are too few clusters to tell any difference from chance.",
}
_OUTCOMES = {
    Outcome.PASSED: ("passed", "✓", "pass"),
    Outcome.FAILED: ("failed", "✗", "fail"),
    Outcome.INCONCLUSIVE: ("inconclusive", "?", "none"),
    Outcome.NEW: ("new", "✱", "none"),
    Outcome.MISSING: ("missing", "○", "warn"),
}
_MODES = {
    Mode.POINT.value: "The result itself is compared with the threshold, or with the baseline's result.",
    Mode.CONFIDENT.value: "The whole interval of the result must be on the good side of the threshold.",
    Mode.NOT_PROVEN_WORSE.value: "Some of the interval of the result must be on the good side of the threshold.",
    Mode.NON_INFERIOR.value: "The candidate must certainly not be worse than the baseline by the margin or more.",
}
_ADJUSTMENTS = {"benjamini-hochberg": "Benjamini–Hochberg", "holm": "Holm"}


def comparison_verdict(word: str) -> Verdict:
    """What a comparison says; one that could not tell never looks like a pass."""
    return _VERDICTS[word]


def meaning(word: str) -> str:
    """What the verdict means, as a sentence."""
    return _MEANINGS[word]


def outcome_verdict(outcome: Outcome, why: str) -> Verdict:
    """What a gate says."""
    word, icon, kind = _OUTCOMES[outcome]
    return Verdict(word, icon, kind, why)


def mode_help(mode: str) -> str:
    """What the mode asks."""
    return _MODES[mode]


def sentence(text: str) -> str:
    """With a capital at its beginning and a full stop at its end."""
    return f"{text[:1].upper()}{text[1:]}{'' if text.endswith(('.', '!', '?')) else '.'}"


def p_text(p_value: float) -> str:
    """Four decimals, never rounded to 0."""
    return f"<{NBSP}0.0001" if p_value < 0.0001 else f"{p_value:.4f}"


def adjusted_text(adjusted_p: float, adjustment: str | None) -> str:
    """The adjusted p value and by which method."""
    method = "" if adjustment is None else f" ({_ADJUSTMENTS.get(adjustment, adjustment)})"
    return f"{p_text(adjusted_p)}{method}"


def cluster_name(cluster: ResolvedCluster) -> str:
    """`by drive (from the dataset)`."""
    if cluster.by is ClusterBy.METADATA:
        return f"by {cluster.key} (from the {cluster.source})"
    if cluster.by is ClusterBy.SCENE:
        source = "the default of a dataset of scenes" if cluster.source == "scenes" else f"from the {cluster.source}"
        return f"by scene ({source})"
    if cluster.source == "level":
        return "each scene or track its own"
    if cluster.source == "none":
        return "each item its own (no cluster key is set)"
    return f"each item its own (from the {cluster.source})"


def clusters_text(n_clusters: int, cluster: ResolvedCluster) -> str:
    """`812 clusters by drive (from the dataset)`."""
    separator = ", " if cluster.by is ClusterBy.ITEM else " "
    return f"{counted(n_clusters, 'cluster')}{separator}{cluster_name(cluster)}"


def choice_name(choice: ClusterChoice) -> str:
    """What was set for a test or a dataset."""
    if choice.by is ClusterBy.METADATA:
        return f"by {choice.key}"
    if choice.by is ClusterBy.SCENE:
        return "by scene"
    return "each item its own" if choice.by is ClusterBy.ITEM else "nothing of its own"


def unit_text(unit: str | None) -> str:
    """A unit as it follows a number."""
    return "" if unit is None else f"{NBSP}{unit}"


def delta_text(delta: float | None, unit: str | None) -> str:
    """A difference with its sign and unit."""
    return UNDEFINED if delta is None else f"{signed(delta)}{unit_text(unit)}"


def margin_text(margin: float, unit: str | None) -> str:
    """The margin, or that there is none."""
    return f"±{margin:g}{unit_text(unit)}" if margin > 0 else "none"


def waiver_note(waiver: Waiver) -> WaiverNote:
    """Until when, by whom, and why."""
    return WaiverNote(f"waived until {when(waiver.expires_at)} UTC by {waiver.owner}", waiver.reason)


def cluster_in_force(choice: ClusterChoice, dataset: Dataset) -> str:
    """What a dataset's choice comes to for its items."""
    if choice.by is not ClusterBy.INHERIT:
        return choice_name(choice)
    return "by scene, the default of a dataset of scenes" if dataset.is_scene else "no cluster key"
