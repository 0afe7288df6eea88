"""What makes members alike, so that they count as one observation."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class ClusterBy(str, Enum):
    """What members are grouped by: nothing of their own (what applies next does), not at all, their scenes, or a key."""

    INHERIT = "inherit"
    ITEM = "item"
    SCENE = "scene"
    METADATA = "metadata"


@dataclass(frozen=True, slots=True)
class ClusterChoice:
    """What was set for a dataset or a test; `key` is the metadata key, None unless `by` is METADATA."""

    by: ClusterBy
    key: str | None = None


INHERITED = ClusterChoice(ClusterBy.INHERIT)


@dataclass(frozen=True, slots=True)
class ResolvedCluster:
    """What is in force for a test and a function, and who said so: the test, the dataset, the function, or nobody.

    Attributes:
        source: `test`, `dataset`, `function`; `scenes` where nobody said anything and the dataset has scenes; `level` where
            members are scenes or tracks, `none` where nothing applies: of these two each member is a cluster of its own.
    """

    by: ClusterBy
    key: str | None
    source: str


@dataclass(frozen=True, slots=True)
class ClusterSuggestion:
    """Something that looks as if it made members alike, and why."""

    choice: ClusterChoice
    n_clusters: int
    why: str
