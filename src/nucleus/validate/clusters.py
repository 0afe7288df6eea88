"""Cluster keys: which items of a dataset are alike, so that they count together in the statistics of a comparison."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

from nucleus.validate.decoding import value_of


@dataclass(frozen=True)
class ClusterKey:
    """What groups items that are alike, such as the frames of one drive; clusters are taken as independent.

    Attributes:
        by: `metadata`, the values of a metadata key; `scene`, the scenes that items are in; `item`, each item is its own;
            `inherit`, whatever is said one level up: by the dataset for a test, by the function for a dataset of items, by
            scene for one of scenes.
        key: The metadata key; None unless `by` is `metadata`.
        source: Where a key in force was set: `test`, `dataset`, `function`; `scenes` of a dataset of scenes for which nobody
            set one, `level` of scores of scenes and tracks, which stand alone, else `none`. None of a key that was asked for
            where it is set.
    """

    by: str
    key: str | None = None
    source: str | None = field(default=None, compare=False)

    def __str__(self) -> str:
        return {
            "metadata": f"by {self.key}",
            "scene": "by scene",
            "item": "each item its own",
            "inherit": "inherited",
        }.get(self.by, self.by)


EACH_ITEM: Final = ClusterKey("item")
"""Each item is a cluster of its own: the items are independent."""


@dataclass(frozen=True)
class ClusterSuggestion:
    """A cluster key that a dataset's metadata or file names speak for.

    Attributes:
        n_clusters: How many clusters it would make.
        why: What speaks for it.
    """

    cluster: ClusterKey
    n_clusters: int
    why: str


@dataclass(frozen=True)
class DatasetClusterKey:
    """The cluster key of a dataset.

    Attributes:
        cluster: What is set; `inherit` if nothing is.
        suggestions: What its metadata and file names speak for.
    """

    cluster: ClusterKey
    suggestions: tuple[ClusterSuggestion, ...] = ()

    @classmethod
    def from_json(cls, row: dict[str, Any]) -> DatasetClusterKey:
        """The cluster key that the server describes."""
        return value_of(row, cls)

    def __str__(self) -> str:
        return str(self.cluster)


def cluster_json(cluster: str | ClusterKey | None) -> dict[str, str]:
    """A cluster key as the server reads it: a text is a metadata key, None is `inherit`."""
    if cluster is None:
        return {"by": "inherit"}
    if isinstance(cluster, ClusterKey):
        return {"by": cluster.by} | ({} if cluster.key is None else {"key": cluster.key})
    if not isinstance(cluster, str):
        raise TypeError(f"expected a metadata key, nucleus.EACH_ITEM or None, got {type(cluster).__name__}")
    return {"by": "metadata", "key": cluster}
