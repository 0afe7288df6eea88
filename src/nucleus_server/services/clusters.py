"""What makes members alike: which key is in force, the clusters that it gives, and what looks like one but is not set."""

from __future__ import annotations

import re
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from nucleus_server.domain import (
    INHERITED,
    ClusterBy,
    ClusterChoice,
    ClusterSuggestion,
    EvalFunction,
    EvaluationSummary,
    Level,
    Population,
    ResolvedCluster,
    ScenarioTest,
)
from nucleus_server.errors import InvalidInput
from nucleus_server.storage import WorkspaceStore

if TYPE_CHECKING:
    from numpy.typing import NDArray

_GROUP_WORD = re.compile(
    r"(^|[^a-z])(scene|sequence|seq|drive|log|video|clip|session|recording|patient|subject|document|doc|trip|route|case|"
    r"study|conversation|thread|dialogue|episode|flight|site|track|user|customer|speaker|author|repo|repository)s?"
    r"([^a-z]|$)"
)
_NUMBERED = r"^(.+?)[^A-Za-z0-9]*\d+(\.[A-Za-z0-9]+)?$"
_SAMPLE = 10_000
_LIKE_A_KEY = 50  # a text with more values than that, and with several items of each, is hardly a property


class Clusters:
    """The cluster keys of a workspace as they are now, with the columns that they name read once."""

    def __init__(self, ws: WorkspaceStore) -> None:
        self._ws = ws
        self._of_dataset, self._of_test = ws.cluster_choices()
        self._codes: dict[tuple[int, str | None], NDArray[np.int64]] = {}
        self._fingerprints: dict[tuple[int, str], str] = {}
        self._ordinals: dict[tuple[int, int | None, int], NDArray[np.int64]] = {}
        self._warnings: dict[int, str | None] = {}
        self._gone: dict[Population, NDArray[np.bool_]] = {}
        self._n_deleted: dict[int, int] | None = None

    def resolve(self, test: ScenarioTest, function: EvalFunction) -> ResolvedCluster:
        """The test's own key, else its dataset's, else its scenes, else the function's default, else each item alone.

        Scenes and tracks are each a cluster of their own, whatever was set for items.
        """
        if function.level is not Level.ITEM:
            return ResolvedCluster(ClusterBy.ITEM, None, "level")
        for choice, source in (
            (self._of_test.get(test.key, INHERITED), "test"),
            (self._of_dataset.get(test.dataset_key, INHERITED), "dataset"),
        ):
            if choice.by is not ClusterBy.INHERIT:
                return ResolvedCluster(choice.by, choice.key, source)
        if test.dataset_key in self._of_scenes:
            return ResolvedCluster(ClusterBy.SCENE, None, "scenes")
        if function.default_cluster_key is not None:
            return ResolvedCluster(ClusterBy.METADATA, function.default_cluster_key, "function")
        return ResolvedCluster(ClusterBy.ITEM, None, "none")

    @cached_property
    def _of_scenes(self) -> frozenset[int]:
        """The datasets whose items are frames of scenes."""
        return frozenset(dataset.key for dataset in self._ws.list_datasets() if dataset.is_scene)

    def fingerprint(self, of: Population, cluster: ResolvedCluster) -> str:
        """Changes whenever the clusters do; empty of items, and of scenes, which an item never leaves."""
        if cluster.key is None:
            return ""
        place = (of.dataset_key, cluster.key)
        if place not in self._fingerprints:
            self._fingerprints[place] = self._ws.metadata_fingerprint(of.dataset_key, cluster.key)
        return self._fingerprints[place]

    def ordinals(self, evaluation: EvaluationSummary, n_members: int) -> NDArray[np.int64]:
        """Ordinals of the first members of an evaluation, int64 [n_members]."""
        place = (evaluation.slice_key, evaluation.member_list_key, n_members)
        if place not in self._ordinals:
            self._ordinals[place] = self._ws.member_ordinals(evaluation, n_members)
        return self._ordinals[place]

    def of_members(
        self, of: Population, cluster: ResolvedCluster, ordinals: NDArray[np.int64]
    ) -> tuple[NDArray[np.int64] | None, int]:
        """A number for each member, the same for those of one cluster, and how many had no value; None: each its own.

        A member without a value under the key is a cluster of its own. Those whose items were deleted, and whose values went
        with them, are one cluster together: nobody knows any more which of them are alike.
        """
        if cluster.by is ClusterBy.ITEM:
            return None, 0
        place = (of.dataset_key, cluster.key)
        if place not in self._codes:
            self._codes[place] = (
                self._ws.scene_ordinals(of.dataset_key)
                if cluster.key is None
                else codes_of(self._ws.metadata_column(of.dataset_key, cluster.key))
            )
        codes = self._codes[place][ordinals]
        is_without = codes < 0
        n_without = int(np.count_nonzero(is_without))
        if n_without:
            first = int(codes.max()) + 1
            codes[is_without] = np.arange(first, first + n_without)
            codes[is_without & self.is_gone(of)[ordinals]] = first + n_without
        return codes, n_without

    def is_gone(self, of: Population) -> NDArray[np.bool_]:
        """Which members were deleted, bool by ordinal."""
        if of not in self._gone:
            self._gone[of] = self._ws.reference_ids(of).is_null().to_numpy()
        return self._gone[of]

    def n_deleted(self, of: Population) -> int:
        """How many members were deleted; it never falls, so it says whether others were since."""
        if of.level is not Level.ITEM:
            return int(np.count_nonzero(self.is_gone(of)))
        if self._n_deleted is None:
            self._n_deleted = {d.key: d.n_items - d.n_live_items for d in self._ws.list_datasets()}
        return self._n_deleted.get(of.dataset_key, 0)

    def warning(self, dataset_key: int, cluster: ResolvedCluster) -> str | None:
        """A sentence if something of the dataset looks like clusters and nobody said whether it is."""
        if cluster.source != "none":
            return None
        if dataset_key not in self._warnings:
            found = suggestions(self._ws, dataset_key, only_by_name=True)
            self._warnings[dataset_key] = _warning(found[0]) if found else None
        return self._warnings[dataset_key]


def codes_of(values: pl.Series) -> NDArray[np.int64]:
    """A number for each value, the same for equal ones, in the order of the values; -1 for null: int64 [n].

    The order matters: which bits a cluster's sign is drawn from must be the same in every process.
    """
    if values.null_count() == len(values):
        return np.full(len(values), -1, dtype=np.int64)
    ranks = values.rank("dense").cast(pl.Int64).fill_null(-1)
    return ranks.to_numpy().astype(np.int64, copy=True)


def checked_choice(ws: WorkspaceStore, dataset_key: int, choice: ClusterChoice) -> ClusterChoice:
    """The choice, if the dataset has items with its metadata key.

    Raises:
        InvalidInput: No item of the dataset has this key, or the key is none.
    """
    if choice.by is not ClusterBy.METADATA:
        if choice.key is not None:
            raise InvalidInput(
                f"expected a key only with by=metadata, got by={choice.by.value} and key {choice.key[:40]!r}",
                code="invalid_cluster",
            )
        if choice.by is ClusterBy.SCENE and not any(d.key == dataset_key and d.is_scene for d in ws.list_datasets()):
            raise InvalidInput(
                "expected a cluster key of a dataset without scenes, got scene: name a metadata key, or item",
                code="invalid_cluster",
            )
        return choice
    keys = ws.metadata_keys(dataset_key)
    if choice.key not in keys:
        known = ", ".join(keys[:20]) or "none"
        raise InvalidInput(
            f"expected a metadata key of the dataset's items as cluster key, got {(choice.key or '')[:40]!r}; its keys are "
            f"{known}: add the key to the items' metadata first",
            code="unknown_cluster_key",
        )
    return choice


def suggestions(ws: WorkspaceStore, dataset_key: int, *, only_by_name: bool = False) -> tuple[ClusterSuggestion, ...]:
    """What looks as if it made items alike: metadata keys by their names and values, and numbered reference ids.

    With `only_by_name` only the columns whose names say so are read.
    """
    found = []
    for key in ws.metadata_keys(dataset_key):
        is_named = _GROUP_WORD.search(key.lower()) is not None or key.lower().endswith(("_id", "_key"))
        if only_by_name and not is_named:
            continue
        values = ws.metadata_column(dataset_key, key).drop_nulls()
        n_values = values.n_unique()
        if not 2 <= n_values <= len(values) / 1.5:
            continue
        if is_named or (values.dtype == pl.String and n_values > _LIKE_A_KEY and n_values <= len(values) / 2):
            why = "its name says so" if is_named else "it has many values, each of several items"
            found.append(ClusterSuggestion(ClusterChoice(ClusterBy.METADATA, key), n_values, why))
    if not found and (stems := _numbered_stems(ws.first_reference_ids(dataset_key, _SAMPLE))) is not None:
        found.append(
            ClusterSuggestion(
                ClusterChoice(ClusterBy.INHERIT),
                stems,
                "the items' reference ids are numbered within groups: put the group into the metadata, then name that key",
            )
        )
    return tuple(found)


def _numbered_stems(ids: pl.Series) -> int | None:
    """How many beginnings the ids have before their last number, if several of each."""
    stems = ids.str.extract(_NUMBERED, 1).drop_nulls()
    if len(stems) < 0.9 * len(ids) or not len(ids):
        return None
    n_stems = stems.n_unique()
    return n_stems if 2 <= n_stems <= len(ids) / 2 else None


def _warning(suggestion: ClusterSuggestion) -> str:
    if suggestion.choice.key is None:
        return (
            f"reference ids look like {suggestion.n_clusters:,} groups of items, and no cluster key is set: if items of one "
            "group are alike, p is too small"
        )
    return (
        f"items with the same {suggestion.choice.key!r} may be alike ({suggestion.n_clusters:,} values), and no cluster key is "
        "set: if they are, p is too small; set the key, or say that each item stands alone"
    )
