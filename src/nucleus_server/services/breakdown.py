"""An evaluation's result apart for each value of a metadata key: where a model is weak."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import polars as pl

from nucleus_metrics import weighted_mean
from nucleus_server.domain import Direction, EvalFunction, JudgedEvaluation
from nucleus_server.services.results import scored_columns
from nucleus_server.storage import WorkspaceStore

MAX_GROUPS = 12


@dataclass(frozen=True, slots=True)
class Group:
    """The scored items that share a value.

    Attributes:
        value: The value as text, or a range of numbers; None for items that have no value.
        n_items: Scored items with it.
        result: Their weighted mean; None if all their weights are zero.
        passed: Whether that satisfies the evaluation's criterion; None if there is none.
    """

    value: str | None
    n_items: int
    result: float | None
    passed: bool | None


def breakdown(ws: WorkspaceStore, judged: JudgedEvaluation, function: EvalFunction, key: str) -> list[Group]:
    """The groups of the evaluation's scored items by one metadata key, worst first.

    Numbers with more than `MAX_GROUPS` values are cut into ranges with about as many items each; of more texts the most
    frequent stand alone and the rest together. Items without a value are a group of their own.
    """
    evaluation = judged.evaluation
    scores, weights = scored_columns(ws, evaluation)
    positions = np.flatnonzero(~np.isnan(scores))
    dataset_key = ws.get_slice_by_key(evaluation.slice_key).dataset_key
    ordinals = ws.slice_ordinals(evaluation.slice_key, evaluation.n_members)[positions]
    labels = group_labels(ws.metadata_column(dataset_key, key).gather(ordinals))
    frame = pl.DataFrame({"label": labels, "position": positions})
    judgement = judged.judgement
    groups = []
    for (label,), members in frame.group_by("label", maintain_order=True):
        chosen = members["position"].to_numpy()
        mean = weighted_mean(scores[chosen], weights[chosen])
        result = None if mean.weight_sum == 0.0 else mean.value
        passed = (
            None if judgement is None or result is None else judgement.comparison.holds(result, judgement.threshold)
        )
        groups.append(Group(None if label is None else str(label), len(chosen), result, passed))
    sign = 1 if function.direction is Direction.HIGHER_IS_BETTER else -1
    return sorted(groups, key=lambda g: (g.result is None, sign * (g.result or 0.0), g.value or ""))


def group_labels(values: pl.Series) -> pl.Series:
    """A text for each value, at most `MAX_GROUPS` different ones."""
    if values.n_unique() <= MAX_GROUPS + 1 or values.dtype == pl.Boolean:
        return values.cast(pl.String)
    if values.dtype == pl.String:
        frequent = values.drop_nulls().value_counts(sort=True).head(MAX_GROUPS - 1).to_series(0)
        n_others = values.drop_nulls().n_unique() - len(frequent)
        is_rare = values.is_not_null() & ~values.is_in(frequent.implode())
        return pl.select(pl.when(is_rare).then(pl.lit(f"{n_others} other values")).otherwise(values)).to_series()
    present = values.drop_nulls().to_numpy()
    edges = np.unique(np.quantile(present, np.linspace(0, 1, MAX_GROUPS // 2 + 1)))
    bins = np.clip(np.searchsorted(edges, values.cast(pl.Float64).to_numpy(), side="right") - 1, 0, len(edges) - 2)
    names = pl.Series([f"{low:g} to {high:g}" for low, high in pairwise(edges)])
    return pl.select(pl.when(values.is_not_null()).then(names.gather(bins))).to_series()
