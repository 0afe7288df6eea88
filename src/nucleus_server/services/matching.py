"""Which items of a dataset a rule matches: predicates on reference ids and metadata, joined by `all`, `any` and `not`.

Every predicate is true or false, never unknown: an item without a value under a key satisfies none of `eq`, `in` and the
ranges, and satisfies `exists` false. So `not` of a comparison also holds of items without a value.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING

import msgspec
import numpy as np
import polars as pl

from nucleus_server.domain import Level, Population, SliceMember
from nucleus_server.errors import InvalidInput
from nucleus_server.storage import WorkspaceStore
from nucleus_server.storage.items import unknown_reference_ids

if TYPE_CHECKING:
    from numpy.typing import NDArray

Value = bool | int | float | str
Bound = int | float | str

_DEEPEST = 32
_MOST_PREDICATES = 1_000
_EXAMPLES = 10
_RANGES = ("min", "max", "above", "below")
_NAMES = {pl.Boolean: "truth values", pl.Int64: "numbers", pl.Float64: "numbers", pl.String: "texts"}


class ItemRule(msgspec.Struct, forbid_unknown_fields=True, rename={"not_": "not", "in_": "in"}):
    """A rule: exactly one of `all`, `any`, `not`, `reference_id`, `reference_ids`, or a `key` with what its value must be.

    Attributes:
        all: Every one of these rules holds; also of none.
        any: At least one of these rules holds.
        not_: This rule does not hold.
        reference_id: A pattern of the whole reference id: `*` any characters, `?` one, `[a-z]` one of these, `[!a-z]` another.
        reference_ids: These items; ones that the dataset does not have are refused.
        key: A metadata key, with exactly one of `eq`, `in`, `exists`, or one or more of `min`, `max`, `above`, `below`.
        min: The value is at least this: a number, or a text, compared character by character (so ISO 8601 dates are in order).
        above: The value is more than this.
        exists: Whether the item has a value.
    """

    all: list[ItemRule] | None = None
    any: list[ItemRule] | None = None
    not_: ItemRule | None = None
    reference_id: str | None = None
    reference_ids: list[str] | None = None
    key: str | None = None
    eq: Value | None = None
    in_: list[Value] | None = None
    min: Bound | None = None
    max: Bound | None = None
    above: Bound | None = None
    below: Bound | None = None
    exists: bool | None = None


@dataclass(frozen=True, slots=True)
class Matching:
    """What a rule matches.

    Attributes:
        reference_ids: Of the matching items, in the order of the dataset; without those that the slice has, if there is one.
        n_matching: How many items match, those of the slice included.
        n_members: Live members of the slice; None without a slice.
        n_not_matching: How many of them the rule does not match.
        not_matching: Reference ids of the first ten of these.
    """

    reference_ids: Sequence[str]
    n_matching: int
    n_members: int | None = None
    n_not_matching: int | None = None
    not_matching: Sequence[str] = ()


def matching_items(ws: WorkspaceStore, dataset_id: str, rule: ItemRule, slice_id: str | None = None) -> Matching:
    """The live items that match; with a slice of the same dataset, what it lacks and what it has beside them.

    Raises:
        NotFound: There is no such dataset or slice.
        InvalidInput: The rule has no form of a rule, compares values of different types, names a metadata key or reference
            ids that the dataset does not have, or the slice is of another dataset.
    """
    dataset = ws.get_dataset(dataset_id)
    live = ws.reference_ids(dataset.key)
    reading = _Reading(ws, dataset_id, dataset.key, live)
    is_matching = reading.mask(rule, "rule", 1) & live.is_not_null()
    if slice_id is None:
        return Matching(live.filter(is_matching).to_list(), int(is_matching.sum()))
    found = ws.get_slice(slice_id)
    if found.dataset_key != dataset.key:
        raise InvalidInput(
            f"slice {slice_id} is not of dataset {dataset_id}: name the slice's own dataset", code="dataset_mismatch"
        )
    if found.member is not SliceMember.ITEM:
        raise InvalidInput(
            f"expected a slice of items, which rules are about, got slice {slice_id} of {found.member.value}s",
            code="invalid_slice_members",
        )
    members = np.zeros(len(live), dtype=np.bool_)
    ordinals = ws.slice_ordinals(found.key, found.n_members)
    members[ordinals[ordinals < len(live)]] = True
    is_member = pl.Series(members) & live.is_not_null()
    is_odd = is_member & ~is_matching
    return Matching(
        live.filter(is_matching & ~is_member).to_list(),
        int(is_matching.sum()),
        n_members=int(is_member.sum()),
        n_not_matching=int(is_odd.sum()),
        not_matching=live.filter(is_odd).head(_EXAMPLES).to_list(),
    )


def matching_ordinals(ws: WorkspaceStore, dataset_id: str, rule: ItemRule) -> NDArray[np.int64]:
    """The places in the dataset of the live items that match, ascending, int64 [n matching]; raises as `matching_items`."""
    dataset = ws.get_dataset(dataset_id)
    live = ws.reference_ids(dataset.key)
    is_matching = _Reading(ws, dataset_id, dataset.key, live).mask(rule, "rule", 1) & live.is_not_null()
    return np.flatnonzero(is_matching.to_numpy())


def member_reference_ids(ws: WorkspaceStore, slice_id: str) -> Sequence[str]:
    """The reference ids of the slice's live members, in slice order; NotFound if there is no such slice."""
    found = ws.get_slice(slice_id)
    if found.member is SliceMember.OBJECT:
        raise InvalidInput(f"slice {slice_id} holds objects, which have no reference ids", code="invalid_slice_members")
    of = Population(found.dataset_key, Level.SCENE if found.member is SliceMember.SCENE else Level.ITEM)
    ordinals = ws.slice_ordinals(found.key, found.n_members)
    members: list[str] = ws.reference_ids(of).gather(ordinals).drop_nulls().to_list()
    return members


class _Reading:
    """One evaluation of a rule: every column is read once, as far as the reference ids went when it began."""

    def __init__(self, ws: WorkspaceStore, dataset_id: str, dataset_key: int, live: pl.Series) -> None:
        self._ws = ws
        self._dataset_id = dataset_id
        self._dataset_key = dataset_key
        self._live = live
        self._keys = ws.metadata_keys(dataset_key)
        self._columns: dict[str, pl.Series] = {}
        self._n_predicates = 0

    def mask(self, rule: ItemRule, path: str, depth: int) -> pl.Series:
        """Whether the rule holds, Boolean [n items] without nulls."""
        self._n_predicates += 1
        if depth > _DEEPEST or self._n_predicates > _MOST_PREDICATES:
            raise InvalidInput(
                f"expected a rule of at most {_MOST_PREDICATES:,} parts, nested up to {_DEEPEST} deep, got a larger one: list "
                "values with in or reference_ids",
                code="invalid_rule",
            )
        form = _form(rule, path)
        if form in ("all", "any"):
            rules = rule.all if form == "all" else rule.any
            holds = pl.repeat(form == "all", len(self._live), dtype=pl.Boolean, eager=True)
            for place, part in enumerate(rules or ()):
                one = self.mask(part, f"{path}.{form}[{place}]", depth + 1)
                holds = holds & one if form == "all" else holds | one
            return holds
        if rule.not_ is not None:
            return ~self.mask(rule.not_, f"{path}.not", depth + 1)
        if rule.reference_id is not None:
            return self._like(rule.reference_id, path)
        if rule.reference_ids is not None:
            return self._named(rule.reference_ids)
        assert rule.key is not None
        return self._compared(rule, rule.key, path)

    def _like(self, pattern: str, path: str) -> pl.Series:
        try:
            return self._live.str.contains(regex_of_glob(pattern)).fill_null(False)
        except pl.exceptions.ComputeError as error:  # a range that ends before it begins, thousands of brackets
            raise InvalidInput(
                f"expected a pattern with *, ? and [a-z] at {path}.reference_id, got {pattern[:40]!r}, which cannot be read",
                code="invalid_rule",
            ) from error

    def _named(self, reference_ids: Sequence[str]) -> pl.Series:
        asked = pl.Series(reference_ids, dtype=pl.String).unique(maintain_order=True)
        unknown = asked.filter(~asked.is_in(self._live.drop_nulls().implode()))
        if len(unknown):
            raise unknown_reference_ids(unknown.to_list(), self._dataset_id)
        return self._live.is_in(asked.implode()).fill_null(False)

    def _compared(self, rule: ItemRule, key: str, path: str) -> pl.Series:
        values = self._column(key, path)
        if rule.exists is not None:
            return values.is_not_null() if rule.exists else values.is_null()
        if rule.eq is not None or rule.in_ is not None:
            wanted = [rule.eq] if rule.eq is not None else rule.in_ or []
            checked = [_checked(value, values, f"{path}.{'in' if rule.eq is None else 'eq'}", key) for value in wanted]
            if values.dtype == pl.Int64 and any(isinstance(value, float) for value in checked):
                values = values.cast(pl.Float64)
            return values.is_in(pl.Series(checked, dtype=values.dtype).implode()).fill_null(False)
        holds = values.is_not_null()
        for name in _RANGES:
            bound = getattr(rule, name)
            if bound is None:
                continue
            limit = _checked(bound, values, f"{path}.{name}", key)
            if values.dtype == pl.Boolean:
                raise _mismatch("a number or a text", f"{path}.{name}", key, "truth values, which have no order")
            one = {
                "min": values.__ge__,
                "max": values.__le__,
                "above": values.__gt__,
                "below": values.__lt__,
            }[name](limit)
            holds = holds & one.fill_null(False)
        return holds

    def _column(self, key: str, path: str) -> pl.Series:
        if key not in self._keys:
            near = get_close_matches(key, self._keys, 3)
            known = ", ".join(map(repr, near or self._keys[:20])) or "none"
            raise InvalidInput(
                f"expected a metadata key of the dataset's items at {path}.key, got {key[:40]!r}; {'near' if near else 'there'} "
                f"is {known} (nested values cannot be compared)",
                code="unknown_metadata_key",
            )
        if key not in self._columns:
            n = len(self._live)
            column = self._ws.metadata_column(self._dataset_key, key).head(n)
            self._columns[key] = column.extend_constant(None, n - len(column))
        return self._columns[key]


def regex_of_glob(pattern: str) -> str:
    """The regular expression of a whole text that a shell's pattern means; a bracket that is never closed is itself."""
    parts = []
    place = 0
    while place < len(pattern):
        character = pattern[place]
        place += 1
        end = pattern.find("]", place + 1) if character == "[" else -1
        if character == "*":
            parts.append(".*")
        elif character == "?":
            parts.append(".")
        elif end > 0:
            inside = pattern[place:end]
            is_other = inside.startswith("!")
            parts.append(f"[{'^' if is_other else ''}{_set(inside.removeprefix('!'))}]")
            place = end + 1
        else:
            parts.append(_escaped(character))
    return rf"(?s)\A{''.join(parts)}\z"


def _set(inside: str) -> str:
    """The inside of a bracket: a hyphen between two letters or digits is a range, and nothing else means anything."""
    return "".join(
        c if c == "-" and inside[i - 1 : i].isalnum() and inside[i + 1 : i + 2].isalnum() else _escaped(c)
        for i, c in enumerate(inside)
    )


def _escaped(character: str) -> str:
    return character if character.isalnum() or not character.isascii() else f"\\x{ord(character):02x}"


def _form(rule: ItemRule, path: str) -> str:
    """Which of the forms it has; raises InvalidInput if it has none or several."""
    forms = [
        name
        for name, value in (
            ("all", rule.all),
            ("any", rule.any),
            ("not", rule.not_),
            ("reference_id", rule.reference_id),
            ("reference_ids", rule.reference_ids),
            ("key", rule.key),
        )
        if value is not None
    ]
    if len(forms) != 1:
        raise InvalidInput(
            f"expected exactly one of all, any, not, reference_id, reference_ids and key at {path}, got "
            f"{' and '.join(forms) or 'none'}",
            code="invalid_rule",
        )
    comparisons = [
        name for name, value in (("eq", rule.eq), ("in", rule.in_), ("exists", rule.exists)) if value is not None
    ]
    ranges = [name for name in _RANGES if getattr(rule, name) is not None]
    asked = [*comparisons, *(["a range"] if ranges else [])]
    if forms == ["key"] and len(asked) != 1:
        raise InvalidInput(
            f"expected exactly one of eq, in, exists and a range (min, max, above, below) beside the key at {path}, got "
            f"{' and '.join(asked) or 'none'}",
            code="invalid_rule",
        )
    if forms != ["key"] and asked:
        raise InvalidInput(
            f"expected a key beside {' and '.join([*comparisons, *ranges])} at {path}, got none",
            code="invalid_rule",
        )
    return forms[0]


def _checked(value: Value, values: pl.Series, path: str, key: str) -> Value:
    """The value, if it can be compared with those of the column."""
    dtype = type(values.dtype)
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    fits = {pl.Boolean: isinstance(value, bool), pl.String: isinstance(value, str)}.get(dtype, is_number)
    if not fits:
        expected = {pl.Boolean: "true or false", pl.String: "a text"}.get(dtype, "a number")
        raise _mismatch(expected, path, key, _NAMES[dtype], value)
    if is_number and (isinstance(value, float) or dtype is pl.Float64 or abs(int(value)) >= 2**63):
        return float(value)
    return value


def _mismatch(expected: str, path: str, key: str, what: str, value: Value | None = None) -> InvalidInput:
    got = "" if value is None else f", got {str(value).lower() if isinstance(value, bool) else repr(value)[:40]}"
    return InvalidInput(
        f"expected {expected} at {path}, because the values of {key[:40]!r} are {what}{got}", code="rule_type_mismatch"
    )
