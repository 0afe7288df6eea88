"""Metadata values that moved most of the difference between two models, over all keys at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nucleus_server.services.breakdown import value_groups
from nucleus_server.services.item_filters import Condition, Operator
from nucleus_server.services.side_by_side import SideBySide, contributions_of
from nucleus_server.storage import WorkspaceStore


@dataclass(frozen=True, slots=True)
class MovedValue:
    """The common members that share a value.

    Attributes:
        value: As text, or a range of numbers; None for members that have no value.
        n: How many they are.
        weight_share: Of the weight of all common members, in [0, 1].
        contribution: What they add to the difference, in the function's unit.
        share: The same as a share of the difference, of any sign; None if there is no difference.
        mean: Their weighted mean change, in the function's unit; None if they have no weight.
        conditions: What exactly they satisfy.
    """

    key: str
    value: str | None
    n: int
    weight_share: float
    contribution: float
    share: float | None
    mean: float | None
    conditions: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class MovedValues:
    """What moved most, the largest contribution first.

    Attributes:
        keys: Those that were looked at.
        uniform_keys: Those whose value all members share, or have none: they tell nothing.
    """

    values: tuple[MovedValue, ...]
    keys: tuple[str, ...]
    uniform_keys: tuple[str, ...]


def moved_most(ws: WorkspaceStore, view: SideBySide, *, limit: int = 10) -> MovedValues:
    """The values with the largest contributions in either direction, of all metadata keys; ties by key and value.

    Numbers of many values are ranges, and rare texts do not stand alone, as in a breakdown by one key.
    """
    parts = contributions_of(view)
    is_used = ~np.isnan(parts)
    parts, weights, ordinals = parts[is_used], view.weights[0][is_used], view.ordinals[is_used]
    delta, weight = float(parts.sum()), float(weights.sum())
    found: list[MovedValue] = []
    keys, uniform = [], []
    for key in ws.metadata_keys(view.population) if len(parts) else ():
        grouped = value_groups(key, ws.coded_metadata_column(view.population, key).gather(ordinals))
        n_groups = len(grouped.names)
        counts = np.bincount(grouped.codes, minlength=n_groups).tolist()
        if sum(count > 0 for count in counts) < 2:
            uniform.append(key)
            continue
        keys.append(key)
        sums = np.bincount(grouped.codes, weights=parts, minlength=n_groups).tolist()
        group_weights = np.bincount(grouped.codes, weights=weights, minlength=n_groups).tolist()
        for name, conditions, n, part, own in zip(
            grouped.names, grouped.conditions, counts, sums, group_weights, strict=True
        ):
            if not n or (conditions and conditions[0].operator is Operator.NOT_EQUAL):  # many rare values are no value
                continue
            found.append(
                MovedValue(
                    key=key,
                    value=name,
                    n=n,
                    weight_share=own / weight,
                    contribution=part,
                    share=part / delta if delta else None,
                    mean=part * weight / own if own else None,
                    conditions=conditions,
                )
            )
    found.sort(key=lambda each: (-abs(each.contribution), each.key, each.value or ""))
    return MovedValues(tuple(found[:limit]), tuple(keys), tuple(uniform))
