"""What is known of the items of a dataset: its metadata keys with types and counts, and the values under one of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from nucleus_server.domain import Dataset
from nucleus_server.storage import WorkspaceStore

_TYPES = {pl.Boolean: "true or false", pl.Int64: "whole number", pl.Float64: "number"}


@dataclass(frozen=True, slots=True)
class KeySummary:
    """A metadata key.

    Attributes:
        type: true or false, whole number, number, text; empty if no item has a value that can be told.
        n_items: Live items with a value.
        n_values: Different values.
        lowest, highest: Of numbers; None for others.
    """

    key: str
    type: str
    n_items: int
    n_values: int
    lowest: float | None
    highest: float | None


@dataclass(frozen=True, slots=True)
class ValueCount:
    """How many live items have a value under a key; `value` is None for those without one."""

    value: str | None
    n_items: int


def key_summaries(ws: WorkspaceStore, dataset: Dataset, keys: Sequence[str]) -> list[KeySummary]:
    """Of each of these keys; each is one column to read."""
    return [_summary(key, _live_values(ws, dataset, key)) for key in keys]


def value_counts(ws: WorkspaceStore, dataset: Dataset, key: str, limit: int) -> list[ValueCount]:
    """The most frequent values under a key, at most `limit`."""
    values = _live_values(ws, dataset, key).cast(pl.String)
    counts = values.value_counts(name="n").sort(["n", values.name], descending=[True, False]).head(limit)
    return [ValueCount(value, n) for value, n in counts.iter_rows()]


def _live_values(ws: WorkspaceStore, dataset: Dataset, key: str) -> pl.Series:
    values = ws.coded_metadata_column(dataset.key, key)
    if dataset.n_live_items == dataset.n_items:
        return values
    return values.filter(ws.reference_ids(dataset.key).is_not_null())


def _summary(key: str, values: pl.Series) -> KeySummary:
    present = values.drop_nulls()
    is_number = present.dtype in (pl.Int64, pl.Float64) and len(present) > 0
    lowest, highest = (present.min(), present.max()) if is_number else (None, None)
    return KeySummary(
        key=key,
        type=_TYPES.get(type(present.dtype), "text") if len(present) else "",
        n_items=len(present),
        n_values=present.n_unique(),
        lowest=None if not isinstance(lowest, (int, float)) else float(lowest),
        highest=None if not isinstance(highest, (int, float)) else float(highest),
    )
