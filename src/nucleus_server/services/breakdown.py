"""An evaluation's result apart for each value of a metadata key: where a model is weak."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from nucleus_metrics import grouped_means
from nucleus_server.domain import Direction, EvalFunction, JudgedEvaluation
from nucleus_server.services.item_filters import Condition, Operator
from nucleus_server.services.results import Members, missing_members
from nucleus_server.storage import WorkspaceStore

if TYPE_CHECKING:
    from numpy.typing import NDArray

MAX_GROUPS = 12
_SAMPLE = 10_000


@dataclass(frozen=True, slots=True)
class Group:
    """The scored items that share a value.

    Attributes:
        value: The value as text, or a range of numbers; None for items that have no value.
        n_items: Scored items with it.
        n_missing: Members with it that have no score; deleted ones do not count.
        result: The scored ones' weighted mean; None if there are none, or all their weights are zero.
        passed: Whether that satisfies the evaluation's criterion; None if there is none.
        conditions: What exactly these items satisfy.
    """

    value: str | None
    n_items: int
    n_missing: int
    result: float | None
    passed: bool | None
    conditions: tuple[Condition, ...]


@dataclass(frozen=True, slots=True, eq=False)
class ValueGroups:
    """Values put into groups, at most `MAX_GROUPS` of them and one for what has no value.

    Attributes:
        codes: int [n], the group of each.
        names: What each group is called; None for what has no value.
        conditions: What the values of each group satisfy.
    """

    codes: NDArray[np.int64]
    names: tuple[str | None, ...]
    conditions: tuple[tuple[Condition, ...], ...]


def breakdown(
    ws: WorkspaceStore, judged: JudgedEvaluation, function: EvalFunction, members: Members, key: str
) -> list[Group]:
    """The groups of the evaluation's members by one metadata key, worst first.

    Numbers with more than `MAX_GROUPS` values are cut into ranges with about as many items each; of more texts the most
    frequent stand alone and the rest together. Items without a value are a group of their own.
    """
    values = ws.coded_metadata_column(members.population, key).gather(members.ordinals)
    scores, weights = members.scores, members.weights
    is_missing = missing_members(ws, members)
    is_counted = ~np.isnan(scores) | is_missing
    if not is_counted.all():
        values, scores, is_missing = values.filter(pl.Series(is_counted)), scores[is_counted], is_missing[is_counted]
        weights = None if weights is None else weights[is_counted]
    grouped = value_groups(key, values)
    means = grouped_means(scores, grouped.codes, len(grouped.names), weights)
    n_missing = np.bincount(grouped.codes[is_missing], minlength=len(grouped.names))
    judgement = judged.judgement
    groups = []
    for name, conditions, mean, n, n_without in zip(
        grouped.names,
        grouped.conditions,
        means.values.tolist(),
        means.n_scored.tolist(),
        n_missing.tolist(),
        strict=True,
    ):
        if n or n_without:
            result = None if np.isnan(mean) else mean
            passed = None
            if judgement is not None and result is not None:
                passed = judgement.comparison.holds(result, judgement.threshold)
            groups.append(Group(name, n, n_without, result, passed, conditions))
    sign = 1 if function.direction is Direction.HIGHER_IS_BETTER else -1
    return sorted(groups, key=lambda g: (g.result is None, sign * (g.result or 0.0), g.value or ""))


def value_groups(key: str, values: pl.Series) -> ValueGroups:
    """The values of a metadata key in groups; texts may be Categorical."""
    if values.dtype in (pl.Categorical, pl.String):
        return _text_groups(key, values)
    if values.dtype == pl.Boolean or _has_few(values):
        present = values.drop_nulls().unique().sort()
        codes = np.zeros(len(values), dtype=np.int64)
        for code, value in enumerate(present):
            codes[(values == value).fill_null(False).to_numpy()] = code
        names = present.cast(pl.String).to_list()
        return _with_missing(key, codes, values, names, [(Condition(key, Operator.EQUAL, name),) for name in names])
    return _range_groups(key, values)


def _has_few(values: pl.Series) -> bool:
    """Whether every value can stand alone; a sample tells most columns of numbers apart."""
    return values.head(_SAMPLE).n_unique() <= MAX_GROUPS + 1 and values.n_unique() <= MAX_GROUPS + 1


def _text_groups(key: str, values: pl.Series) -> ValueGroups:
    coded = values.cast(pl.Categorical)
    stored = coded.to_physical().fill_null(0).to_numpy()
    counts = np.bincount(stored, weights=coded.is_not_null().to_numpy())
    distinct = coded.drop_nulls().unique()
    texts = dict(zip(distinct.to_physical().to_list(), distinct.cast(pl.String).to_list(), strict=True))
    ranked = sorted(texts, key=lambda code: (-counts[code], texts[code]))
    # One more than the limit may stand alone: that is no longer than what it would be put into.
    alone = ranked if len(ranked) + bool(coded.null_count()) <= MAX_GROUPS + 1 else ranked[: MAX_GROUPS - 1]
    groups = np.full(max(len(counts), 1), len(alone), dtype=np.int64)
    groups[alone] = np.arange(len(alone))
    names = [texts[code] for code in alone]
    conditions: list[tuple[Condition, ...]] = [(Condition(key, Operator.EQUAL, name),) for name in names]
    if len(alone) < len(ranked):
        conditions.append(tuple(Condition(key, Operator.NOT_EQUAL, name) for name in names))
        names.append(f"{len(ranked) - len(alone)} other values")
    return _with_missing(key, groups[stored], values, names, conditions)


def _range_groups(key: str, values: pl.Series) -> ValueGroups:
    numbers = values.cast(pl.Float64).to_numpy()
    edges = np.unique(np.quantile(values.drop_nulls().to_numpy(), np.linspace(0, 1, MAX_GROUPS // 2 + 1)))
    codes = np.zeros(len(numbers), dtype=np.int64)
    for edge in edges[1:-1]:  # a pass for each is quicker than a search for every number
        codes += numbers >= edge
    names = []
    conditions: list[tuple[Condition, ...]] = []
    for place, (low, high) in enumerate(pairwise(edges.tolist())):
        names.append(f"{low:g} to {high:g}")
        upper = Operator.AT_MOST if place == len(edges) - 2 else Operator.BELOW
        conditions.append((Condition(key, Operator.AT_LEAST, repr(low)), Condition(key, upper, repr(high))))
    return _with_missing(key, codes, values, names, conditions)


def _with_missing(
    key: str,
    codes: NDArray[np.int64],
    values: pl.Series,
    names: list[str],
    conditions: Sequence[tuple[Condition, ...]],
) -> ValueGroups:
    if not values.null_count():
        return ValueGroups(codes, tuple(names), tuple(conditions))
    return ValueGroups(
        np.where(values.is_null().to_numpy(), len(names), codes),
        (*names, None),
        (*conditions, (Condition(key, Operator.MISSING),)),
    )
