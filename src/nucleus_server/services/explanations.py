"""Why two evaluations differ: what items, clusters and metadata values add to the difference, exactly."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from nucleus_metrics.explanation import contributions, decompose, grouped_contributions
from nucleus_server.domain import ClusterBy, ItemContribution, Population, ResolvedCluster
from nucleus_server.errors import InvalidInput
from nucleus_server.services.breakdown import value_groups
from nucleus_server.services.clusters import Clusters, codes_of
from nucleus_server.services.comparing import Matter, matter_of
from nucleus_server.services.item_filters import Condition
from nucleus_server.services.verdicts import PairColumns, Question, pair_columns
from nucleus_server.storage import WorkspaceStore

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Share:
    """What the members of one cluster add to a difference; `value` is None for those without a value."""

    value: str | None
    n: int
    contribution: float


@dataclass(frozen=True, slots=True)
class GroupShare:
    """What the members with one metadata value add to a difference.

    Attributes:
        n: Members with it that both models scored.
        contribution: On the members that both scored; those of all groups add up to the difference.
        mix_effect, quality_effect: Of the two models' own results, each over all members it scored and by its own weights;
            those of all groups add up to candidate − baseline, if both have the same list of members.
        conditions: What exactly these members satisfy.
    """

    value: str | None
    n: int
    contribution: float
    mix_effect: float
    quality_effect: float
    conditions: tuple[Condition, ...] = ()


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why a candidate's result differs from a baseline's.

    Attributes:
        delta: Weighted mean of candidate − baseline on the members that both scored; None if there are none.
        baseline_result, candidate_result: Each model's own result.
        n: Members that both scored.
        items: Those that weigh most, in either direction.
        clusters: Likewise; empty if each item is its own cluster.
        groups: For each value of the metadata key that was asked for; None if none was.
        metadata_keys: Keys that can be asked for.
    """

    delta: float | None
    baseline_result: float | None
    candidate_result: float | None
    n: int
    unit: str | None
    items: tuple[ItemContribution, ...]
    clusters: tuple[Share, ...]
    groups: tuple[GroupShare, ...] | None
    metadata_keys: tuple[str, ...]
    cluster: ResolvedCluster


def explain(
    ws: WorkspaceStore,
    baseline_evaluation_id: str,
    candidate_evaluation_id: str,
    *,
    by: str | None = None,
    limit: int = 10,
    parts: NDArray[np.float64] | None = None,
) -> Explanation:
    """Explain the difference of two evaluations of one test and function.

    Args:
        parts: What each member adds to the difference, as `side_by_side.contributions_of` gives it, if it is known already.

    Raises:
        NotFound: An evaluation does not exist.
        InvalidInput: They are of different tests or functions, or the dataset has no such metadata key.
    """
    matter = matter_of(ws, baseline_evaluation_id, candidate_evaluation_id)
    assert matter.candidate is not None and matter.baseline is not None
    population = Population(matter.test.dataset_key, matter.entry.function.level)
    keys = tuple(ws.metadata_keys(population))
    if by is not None and by not in keys:
        raise InvalidInput(
            f"expected one of the metadata keys {', '.join(keys) or '(there are none)'}, got {by[:40]!r}",
            code="unknown_metadata_key",
        )
    clusters = Clusters(ws)
    question, columns = _columns(ws, clusters, matter)
    if parts is None:
        parts = contributions(columns.baseline, columns.candidate, weights=columns.weights)
    is_there = ~np.isnan(parts)
    return Explanation(
        delta=float(parts[is_there].sum()) if is_there.any() else None,
        baseline_result=matter.baseline.result,
        candidate_result=matter.candidate.result,
        n=int(np.count_nonzero(is_there)),
        unit=matter.entry.function.unit,
        items=_items(ws, population, columns, parts, np.abs(parts), limit),
        clusters=_clusters(ws, question, columns, parts, limit),
        groups=None if by is None else _groups(ws, question, columns, parts, by),
        metadata_keys=keys,
        cluster=question.cluster,
    )


def heaviest_items(
    ws: WorkspaceStore,
    baseline_evaluation_id: str,
    candidate_evaluation_id: str,
    *,
    limit: int,
    against_candidate: bool,
) -> tuple[ItemContribution, ...]:
    """The items that weigh most in a difference, or most against the candidate."""
    matter = matter_of(ws, baseline_evaluation_id, candidate_evaluation_id)
    question, columns = _columns(ws, Clusters(ws), matter)
    parts = contributions(columns.baseline, columns.candidate, weights=columns.weights)
    weight = np.abs(parts)
    if against_candidate:
        weight = -parts if question.higher_is_better else parts
        weight[weight <= 0] = np.nan  # what speaks for it is left out
    return _items(ws, question.population, columns, parts, weight, limit)


def _columns(ws: WorkspaceStore, clusters: Clusters, matter: Matter) -> tuple[Question, PairColumns]:
    assert matter.candidate is not None
    function = matter.entry.function
    question = Question(
        matter.baseline, matter.candidate, function, matter.test.dataset_key, clusters.resolve(matter.test, function)
    )
    return question, pair_columns(ws, clusters, question)


def _items(
    ws: WorkspaceStore,
    of: Population,
    columns: PairColumns,
    parts: NDArray[np.float64],
    weight: NDArray[np.float64],
    limit: int,
) -> tuple[ItemContribution, ...]:
    """The members of the largest `weight`, largest first; ties in member order."""
    places = _largest(weight, limit)
    items = ws.items_at(of, columns.ordinals[places])
    return tuple(
        ItemContribution(
            item_id=item.id,
            reference_id=item.reference_id,
            contribution=float(parts[place]),
            baseline_score=float(columns.baseline[place]),
            candidate_score=float(columns.candidate[place]),
            weight=float(columns.weights[place]),
        )
        for place, item in zip(places.tolist(), items, strict=True)
    )


def _clusters(
    ws: WorkspaceStore, question: Question, columns: PairColumns, parts: NDArray[np.float64], limit: int
) -> tuple[Share, ...]:
    if question.cluster.by is ClusterBy.ITEM:
        return ()
    values = _cluster_names(ws, question).gather(columns.ordinals)
    codes, names = _codes_and_names(values)
    found = grouped_contributions(codes, columns.baseline, columns.candidate, weights=columns.weights, parts=parts)
    largest = _largest(np.abs(found.contributions), limit)
    return tuple(
        Share(names[int(found.groups[i])], int(found.n[i]), float(found.contributions[i])) for i in largest.tolist()
    )


def _cluster_names(ws: WorkspaceStore, question: Question) -> pl.Series:
    """What each item's cluster is called, by ordinal: the metadata value, or its scene's reference id."""
    if question.cluster.key is not None:
        return ws.metadata_column(question.dataset_key, question.cluster.key)
    scenes = ws.scene_ordinals(question.dataset_key)
    present = np.unique(scenes[scenes >= 0])
    found = ws.scenes_at(question.dataset_key, present.tolist())
    names = dict(zip(present.tolist(), (scene.reference_id for scene in found), strict=True))
    return pl.Series([names.get(ordinal) for ordinal in scenes.tolist()], dtype=pl.String)


def _groups(
    ws: WorkspaceStore, question: Question, columns: PairColumns, parts: NDArray[np.float64], by: str
) -> tuple[GroupShare, ...]:
    a, b, weights = columns.baseline, columns.candidate, columns.weights
    grouped = value_groups(by, ws.coded_metadata_column(question.dataset_key, by).gather(columns.ordinals))
    codes, names = grouped.codes, grouped.names
    found = grouped_contributions(codes, a, b, weights=weights, parts=parts)
    common = {code: (n, part) for code, n, part in zip(*(column.tolist() for column in found), strict=True)}
    assert question.baseline is not None
    own = [ws.read_weights(evaluation) for evaluation in (question.baseline, question.candidate)]
    effects = decompose(codes, a, b, *(None if column is None else column[: len(a)] for column in own))
    groups = []
    for code, mix, quality in zip(effects.groups.tolist(), effects.mix.tolist(), effects.quality.tolist(), strict=True):
        n, part = common.get(code, (0, 0.0))
        groups.append(GroupShare(names[code], n, part, mix, quality, grouped.conditions[code]))
    return tuple(sorted(groups, key=lambda group: (-abs(group.contribution), group.value or "")))


def _codes_and_names(values: pl.Series) -> tuple[NDArray[np.int64], dict[int, str | None]]:
    """A number for each value, null included, and the values as texts by number."""
    codes = codes_of(values)
    present, first = np.unique(codes, return_index=True)
    texts = values.gather(first).cast(pl.String).to_list()
    return codes, dict(zip(present.tolist(), texts, strict=True))


def _largest(weight: NDArray[np.float64], limit: int) -> NDArray[np.int64]:
    """Places of the largest values, largest first, NaN nowhere; ties in order."""
    present = np.flatnonzero(~np.isnan(weight))
    if len(present) > limit > 0:
        least = np.partition(weight[present], len(present) - limit)[len(present) - limit]
        present = present[weight[present] >= least]
    return present[np.argsort(-weight[present], kind="stable")][:limit]
