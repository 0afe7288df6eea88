"""Why two results differ: the parts of items, clusters and metadata values, which add up to the difference."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from nucleus._html import html_table
from nucleus.validate.clusters import ClusterKey
from nucleus.validate.decoding import number_text, value_of


@dataclass(frozen=True, kw_only=True)
class ItemContribution:
    """The part of an item.

    Attributes:
        reference_id: Your own id of the item.
        contribution: Its part of delta.
        baseline_score: The baseline's score of it; None if it has none.
        candidate_score: The candidate's score of it; None if it has none.
        weight: How much it counts.
    """

    item_id: str
    reference_id: str
    contribution: float
    baseline_score: float | None = None
    candidate_score: float | None = None
    weight: float = 1.0


@dataclass(frozen=True, kw_only=True)
class ClusterContribution:
    """The part of a cluster.

    Attributes:
        value: The value of the cluster key; None of items that have none.
        n: How many items it has.
        contribution: Its part of delta.
    """

    value: str | None = None
    n: int
    contribution: float


@dataclass(frozen=True, kw_only=True)
class GroupContribution:
    """The part of the items with one value of a metadata key.

    Attributes:
        value: The value; None of items that have none.
        n: How many items have it.
        contribution: Their part of delta: mix_effect + quality_effect.
        mix_effect: What comes of their weight in the two results.
        quality_effect: What comes of their scores.
    """

    value: str | None = None
    n: int
    contribution: float
    mix_effect: float
    quality_effect: float


@dataclass(frozen=True, kw_only=True)
class Explanation:
    """Why the results of two models on a function of a test differ; tables in notebooks.

    Attributes:
        delta: Candidate - baseline; None if undefined.
        baseline_result: The baseline's result, on all that it has scores of.
        candidate_result: The candidate's result, on all that it has scores of.
        n: Items that both have scores of.
        unit: What scores are measured in; None if nobody said.
        items: Those that weigh most, whichever direction, heaviest first.
        cluster: What groups items.
        clusters: The clusters that weigh most.
        groups: All values of the metadata key that was asked for, whose contributions add up to delta; None if none was.
        metadata_keys: Keys that can be asked for.
    """

    delta: float | None
    baseline_result: float | None = None
    candidate_result: float | None = None
    n: int
    unit: str | None = None
    items: tuple[ItemContribution, ...] = ()
    cluster: ClusterKey
    clusters: tuple[ClusterContribution, ...] = ()
    groups: tuple[GroupContribution, ...] | None = None
    metadata_keys: tuple[str, ...] = ()

    @classmethod
    def from_json(cls, row: dict[str, Any]) -> Explanation:
        """The explanation that the server computed."""
        return value_of(row, cls)

    def __str__(self) -> str:
        unit = "" if self.unit is None else f" {self.unit}"
        return (
            f"difference {number_text(self.delta)}{unit} ({number_text(self.baseline_result)} to "
            f"{number_text(self.candidate_result)}) over {self.n:,} items"
        )

    def _repr_html_(self) -> str:
        items = html_table(
            str(self),
            ["item", "contribution", "baseline", "candidate", "weight"],
            [
                [i.reference_id, number_text(i.contribution), i.baseline_score, i.candidate_score, i.weight]
                for i in self.items
            ],
        )
        clusters = html_table(
            f"Clusters ({self.cluster})",
            ["cluster", "items", "contribution"],
            [[c.value, f"{c.n:,}", number_text(c.contribution)] for c in self.clusters],
        )
        groups = html_table(
            "Groups",
            ["value", "items", "contribution", "of the mix", "of the scores"],
            [
                [g.value, f"{g.n:,}", *map(number_text, (g.contribution, g.mix_effect, g.quality_effect))]
                for g in self.groups or ()
            ],
        )
        return items + clusters + (groups if self.groups else "")
