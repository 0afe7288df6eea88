"""Which scored items of an evaluation a list shows: by score, criterion, metadata and reference id.

As in slice rules every condition is true or false, never unknown: an item without a value under a key satisfies only
`is missing`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from enum import StrEnum
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from nucleus_server.domain import JudgedEvaluation, Population
from nucleus_server.errors import InvalidInput
from nucleus_server.services.results import Members, passed_of, scored_positions
from nucleus_server.storage import WorkspaceStore

if TYPE_CHECKING:
    from numpy.typing import NDArray

MAX_CONDITIONS = 50
_TRUTH = {"true": True, "yes": True, "false": False, "no": False}
_SHOWN = 40


class Operator(StrEnum):
    """How a value is compared; longer ones first, because a condition's text is read from its beginning."""

    AT_LEAST = ">="
    AT_MOST = "<="
    NOT_EQUAL = "!="
    EQUAL = "="
    ABOVE = ">"
    BELOW = "<"
    MISSING = " is missing"

    @property
    def is_range(self) -> bool:
        """Whether it needs numbers."""
        return self in (Operator.AT_LEAST, Operator.AT_MOST, Operator.ABOVE, Operator.BELOW)


@dataclass(frozen=True, slots=True)
class Condition:
    """What the value under a metadata key must be.

    Attributes:
        value: As text: a number, `true` or `false`, or the text itself; empty for `is missing`.
    """

    key: str
    operator: Operator
    value: str = ""

    def __str__(self) -> str:
        return f"{self.key}{self.operator.value}{self.value}"


@dataclass(frozen=True, slots=True)
class ItemFilter:
    """All of these hold.

    Attributes:
        score_min: The score is at least this.
        score_max: The score is at most this.
        score_below: The score is below this.
        passed: Whether the score satisfies the evaluation's criterion.
        reference_id: Part of the reference id, as it is written; empty for any. No deleted item has it.
        conditions: On metadata.
    """

    score_min: float | None = None
    score_max: float | None = None
    score_below: float | None = None
    passed: bool | None = None
    reference_id: str = ""
    conditions: tuple[Condition, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether it shows every scored item."""
        return self == ItemFilter()


def parse_condition(text: str, keys: Sequence[str]) -> Condition:
    """The condition that a text such as `speed>=3`, `weather=rain` or `weather is missing` means.

    Keys may have signs in them: the longest one that the text begins with counts.

    Raises:
        InvalidInput: It begins with none of the keys, or no comparison follows.
    """
    for key in sorted((key for key in keys if text.startswith(key)), key=len, reverse=True):
        for operator in Operator:
            value = text[len(key) + len(operator.value) :]
            if text.startswith(operator.value, len(key)) and (operator is not Operator.MISSING or not value):
                return Condition(key, operator, value)
    near = get_close_matches(text, keys, 3) or list(keys[:10])
    raise InvalidInput(
        f"expected a condition such as key=value, key>=1 or key is missing, with one of the items' metadata keys "
        f"({', '.join(map(repr, near)) or 'they have none'}), got {_shown(text)}",
        code="invalid_filter",
    )


def matching_positions(
    ws: WorkspaceStore, judged: JudgedEvaluation, members: Members, wanted: ItemFilter
) -> NDArray[np.int64]:
    """The places of the scored members that the filter shows, in member order.

    Raises:
        InvalidInput: It asks for what passed and there is no criterion, compares a text with a number, or has more than
            `MAX_CONDITIONS` conditions.
    """
    if wanted.is_empty:
        return scored_positions(members)
    scores = members.scores
    is_shown = ~np.isnan(scores)
    if wanted.score_min is not None:
        is_shown &= scores >= wanted.score_min
    if wanted.score_max is not None:
        is_shown &= scores <= wanted.score_max
    if wanted.score_below is not None:
        is_shown &= scores < wanted.score_below
    if wanted.passed is not None:
        passed = passed_of(judged, scores)
        if passed is None:
            raise InvalidInput(
                "expected a filter without passed, got one: this evaluation has no criterion, so nothing passes or fails",
                code="invalid_filter",
            )
        is_shown &= passed == wanted.passed
    if wanted.reference_id:
        ids = ws.reference_ids(members.population)
        is_shown &= ids.str.contains(wanted.reference_id, literal=True).fill_null(False).to_numpy()[members.ordinals]
    if wanted.conditions:
        is_shown &= satisfying(ws, members.population, members.ordinals, wanted.conditions)
    return np.flatnonzero(is_shown)


def satisfying(
    ws: WorkspaceStore, dataset_key: int | Population, ordinals: NDArray[np.int64], conditions: Sequence[Condition]
) -> NDArray[np.bool_]:
    """Which of these members of a dataset satisfy all conditions, bool [n].

    Raises:
        InvalidInput: A text is compared with a number, or there are more than `MAX_CONDITIONS`.
    """
    if len(conditions) > MAX_CONDITIONS:
        raise InvalidInput(
            f"expected at most {MAX_CONDITIONS} conditions, got {len(conditions)}", code="invalid_filter"
        )
    is_meant = np.ones(len(ordinals), dtype=np.bool_)
    columns: dict[str, pl.Series] = {}
    for condition in conditions:
        if condition.key not in columns:
            columns[condition.key] = ws.coded_metadata_column(dataset_key, condition.key)
        is_meant &= _holds(condition, columns[condition.key]).to_numpy()[ordinals]
    return is_meant


def _holds(condition: Condition, values: pl.Series) -> pl.Series:
    """Whether the condition holds, Boolean without nulls."""
    operator, text = condition.operator, condition.value
    if operator is Operator.MISSING:
        return values.is_null()
    if values.dtype == pl.Boolean:
        if text.lower() not in _TRUTH or operator.is_range:
            raise _mismatch(condition, "key=true or key=false", "truth values")
        found = values == _TRUTH[text.lower()]
    elif values.dtype in (pl.Categorical, pl.String):
        if operator.is_range:
            raise _mismatch(condition, "key=value", "texts")
        found = values == text
    else:
        found = _compared(values, operator, _number(condition))
    found = found.fill_null(False)
    return found if operator is not Operator.NOT_EQUAL else ~found & values.is_not_null()


def _compared(values: pl.Series, operator: Operator, number: float) -> pl.Series:
    """Numbers compared; `!=` as `=`, which is turned round where nulls are."""
    return {
        Operator.AT_LEAST: values.__ge__,
        Operator.AT_MOST: values.__le__,
        Operator.ABOVE: values.__gt__,
        Operator.BELOW: values.__lt__,
    }.get(operator, values.__eq__)(number)


def _number(condition: Condition) -> float:
    text = condition.value.strip()
    try:
        # Whole numbers stay whole: float64 cannot tell all of them apart.
        number = int(text) if text.lstrip("+-").isdecimal() and len(text) < 19 else float(text)
    except ValueError as error:
        raise _mismatch(condition, "a number after the comparison", "numbers") from error
    if number != number:
        raise _mismatch(condition, "a number after the comparison", "numbers")
    return number


def _mismatch(condition: Condition, expected: str, kind: str) -> InvalidInput:
    return InvalidInput(
        f"expected {expected}, because the values of {_shown(condition.key)} are {kind}, got {_shown(str(condition))}",
        code="invalid_filter",
    )


def _shown(text: str) -> str:
    return repr(text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…")
