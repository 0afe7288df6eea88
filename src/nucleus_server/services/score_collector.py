"""Brings the rows of an upload, part by part, into columns: of a test's members, or of a whole dataset's items."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from nucleus_metrics import WeightedMean, weighted_mean
from nucleus_server.domain import Dataset, EvalFunction, Level, Population, ScenarioTest
from nucleus_server.errors import InvalidInput
from nucleus_server.services.reference_index import ABSENT, ReferenceIndex
from nucleus_server.services.score_checks import (
    FieldNames,
    Finding,
    ScorePart,
    Target,
    check_values,
    id_finding,
    refusal,
)
from nucleus_server.storage import NewEvaluation, WorkspaceStore

if TYPE_CHECKING:
    from numpy.typing import NDArray

_ASK_UP_TO = 5_000
"""Up to so many rows the database's index is asked for each, unless the dataset is as small."""


@dataclass(frozen=True, slots=True, eq=False)
class Column:
    """The accepted scores of one function.

    Attributes:
        scores: float64 [n_members] or [n_items], NaN where there is none.
        weights: The same, 1 where there is no score; None if all are 1.
        mean: Over all of them.
    """

    function: EvalFunction
    scores: NDArray[np.float64]
    weights: NDArray[np.float64] | None
    mean: WeightedMean


class ScoreCollector:
    """Takes the parts of one upload one after the other; what they name is pinned when the collector is made."""

    def __init__(
        self,
        ws: WorkspaceStore,
        dataset: Dataset,
        functions: Sequence[EvalFunction],
        test: ScenarioTest | None,
        fields: FieldNames,
        n_rows: int,
    ) -> None:
        """For `n_rows` rows in all, on the members of `test`, or on all items of the dataset.

        In an upload for a test its one function says whether the members are items, scenes or tracks.
        """
        self._ws = ws
        level = Level.ITEM if test is None else functions[0].level
        self._population = Population(dataset.key, level)
        self.dataset = dataset
        self._functions = functions
        self._test = test
        self._fields = fields
        is_whole = dataset.n_items == dataset.n_live_items
        self._is_small = level is Level.ITEM and is_whole and n_rows <= _ASK_UP_TO < dataset.n_items
        self.members: NDArray[np.int64] | None = None
        if test is not None and level is Level.ITEM:
            self.members = pinned_members(ws.slice_ordinals(test.slice_key), dataset.n_items)
        elif test is not None:
            self.members = ws.resolve_members(ws.get_slice_by_key(test.slice_key), level)
        self._n_columns = dataset.n_items if self.members is None else len(self.members)
        self._scores = {function.id: np.full(self._n_columns, np.nan) for function in functions}
        self._weights: dict[str, NDArray[np.float64]] = {}
        self._row_of = np.full(self._n_columns, ABSENT, dtype=np.int64)
        self._n_rows = 0
        self.findings: list[Finding] = []

    def add(self, part: ScorePart) -> None:
        """Take a part: its good rows into the columns, its bad ones into the findings."""
        first_row = self._n_rows
        self._n_rows += part.n_rows
        self.findings += check_values(part, self._functions, first_row)
        positions = self._positions(part, first_row)
        known = np.flatnonzero(positions != ABSENT)
        places = positions if len(known) == len(positions) else positions[known]
        rows = np.arange(first_row, self._n_rows) if len(known) == len(positions) else known + first_row
        is_first = self._row_of[places] == ABSENT
        # Backwards, so that of a part's rows for one item the first one stays.
        self._row_of[places[is_first][::-1]] = rows[is_first][::-1]
        is_repeated = self._row_of[places] != rows
        if is_repeated.any():
            repeated = (rows[is_repeated] - first_row).astype(np.int64)
            self.findings.append(
                id_finding("duplicate_reference_ids", part, repeated, first_row, "more than one score")
            )
        is_all = len(known) == len(positions)
        for function in self._functions:
            column = part.scores[function.id]
            self._scores[function.id][places] = column if is_all else column[known]
            weights = part.weights_of(function.id)
            if weights is not None and function.id not in self._weights and not (weights == 1.0).all():
                self._weights[function.id] = np.ones(self._n_columns)
            if weights is not None and function.id in self._weights:
                self._weights[function.id][places] = weights if is_all else weights[known]

    def columns(self) -> list[Column]:
        """The columns of all parts, if nothing is wrong with any row.

        Raises:
            InvalidInput: Something is, or a function has no score at all, or only weights of zero.
        """
        target = Target(
            self.dataset.id,
            None if self._test is None else self._test.slice_id,
            None if self._test is None else self._test.name,
            self._noun,
        )
        if self._n_rows == 0:
            raise InvalidInput("expected at least one result, got none", code="no_results")
        if self.findings:
            raise refusal(self.findings, target, self._fields)
        found = []
        for function in self._functions:
            scores, weights = self._scores[function.id], self._weights.get(function.id)
            if weights is not None:
                weights = np.where(np.isnan(scores), 1.0, weights)
                weights = None if (weights == 1.0).all() else weights
            mean = weighted_mean(scores, weights)
            if mean.n_scored == 0:
                raise InvalidInput(
                    f"expected at least one result of {function.name!r}, got none: leave the function out",
                    code="no_results",
                )
            if mean.weight_sum == 0.0:
                raise InvalidInput(
                    f"expected at least one weight above 0 for {function.name!r}, got only zeros: a weighted mean of them is "
                    "undefined",
                    code="all_weights_zero",
                )
            found.append(Column(function, scores, weights, mean))
        return found

    def n_deleted(self, members: NDArray[np.int64]) -> int:
        """How many of these members are deleted."""
        if self._is_whole:
            return 0
        return int(np.count_nonzero(self._is_deleted[members]))

    @property
    def _noun(self) -> str:
        return self._population.level.value

    @cached_property
    def _is_whole(self) -> bool:
        """Whether nothing was deleted."""
        if self._population.level is Level.ITEM:
            return self.dataset.n_items == self.dataset.n_live_items
        return not self._reference_ids.null_count()

    @cached_property
    def _reference_ids(self) -> pl.Series:
        found = self._ws.reference_ids(self._population)
        # Items that came since the collector was made belong to the next upload.
        return found.head(self.dataset.n_items) if self._population.level is Level.ITEM else found

    @cached_property
    def _index(self) -> ReferenceIndex:
        return ReferenceIndex(self._reference_ids)

    @cached_property
    def _is_deleted(self) -> NDArray[np.bool_]:
        return self._reference_ids.is_null().to_numpy()

    @cached_property
    def _deleted_ids(self) -> pl.Series:
        if self._is_whole:
            return pl.Series([], dtype=pl.String)
        return pl.Series(list(self._ws.deleted_reference_ids(self._population)), dtype=pl.String)

    @cached_property
    def _expected(self) -> NDArray[np.int64]:
        """The ordinals that the rows name if they follow the order of the slice or the dataset."""
        if self.members is not None:
            return self.members if not self.n_deleted(self.members) else self.members[~self._is_deleted[self.members]]
        if self._is_whole:
            return np.arange(self.dataset.n_items)
        return np.flatnonzero(~self._is_deleted)

    @cached_property
    def _place_of(self) -> NDArray[np.int64]:
        """The place of each ordinal among the test's members, `ABSENT` outside of its slice."""
        assert self.members is not None
        n = self.dataset.n_items if self._population.level is Level.ITEM else len(self._reference_ids)
        places = np.full(n, ABSENT, dtype=np.int64)
        places[self.members] = np.arange(len(self.members))
        return places

    def _positions(self, part: ScorePart, first_row: int) -> NDArray[np.int64]:
        """Where each row belongs in the columns, `ABSENT` if nowhere; strangers become findings."""
        ordinals = self._ordinals(part, first_row)
        strangers = np.flatnonzero(ordinals == ABSENT)
        if len(strangers):
            self._sort_strangers(part, strangers, first_row)
        if self.members is None:
            return ordinals
        positions = np.full(len(ordinals), ABSENT, dtype=np.int64)
        known = ordinals != ABSENT
        positions[known] = self._place_of[ordinals[known]]
        outside = np.flatnonzero((positions == ABSENT) & (ordinals != ABSENT))
        if len(outside):
            assert self._test is not None
            what = f"not in slice {self._test.slice_id} of scenario test {self._test.name!r}"
            self.findings.append(id_finding("items_outside_slice", part, outside, first_row, what))
        return positions

    def _ordinals(self, part: ScorePart, first_row: int) -> NDArray[np.int64]:
        if self._is_small:
            known = self._ws.live_ordinals(self.dataset.key, part.reference_ids.to_list())
            found = np.array([known.get(ref, ABSENT) for ref in part.reference_ids], dtype=np.int64)
            return np.where(found >= self.dataset.n_items, ABSENT, found)
        expected = self._expected[first_row : first_row + part.n_rows]
        return self._index.ordinals_of(part.reference_ids, expected)

    def _sort_strangers(self, part: ScorePart, strangers: NDArray[np.int64], first_row: int) -> None:
        """Tell ids that never were from those of deleted items."""
        is_deleted = None
        if len(self._deleted_ids):
            is_deleted = part.reference_ids.gather(strangers).is_in(self._deleted_ids.implode()).to_numpy()
        unknown = strangers if is_deleted is None else strangers[~is_deleted]
        where = f"dataset {self.dataset.id}"
        if len(unknown):
            what = f"{where} has no such {self._noun}"
            self.findings.append(id_finding("unknown_reference_ids", part, unknown, first_row, what))
        if is_deleted is not None and is_deleted.any():
            what = f"this {self._noun} of {where} was deleted"
            self.findings.append(id_finding("deleted_items", part, strangers[is_deleted], first_row, what))


def pinned_members(ordinals: NDArray[np.int64], n_items: int) -> NDArray[np.int64]:
    """The slice's members up to the first one that came after the dataset was looked at: a version of the slice."""
    later = np.flatnonzero(ordinals >= n_items)
    return ordinals[: later[0]] if len(later) else ordinals


def evaluation_of(
    column: Column,
    test: ScenarioTest,
    model_id: str,
    n_deleted: int,
    members: NDArray[np.int64] | None,
    kept: NDArray[np.int64] | None = None,
) -> NewEvaluation | None:
    """The evaluation of a test from a column; None if no member counts (no score, or only weights of zero).

    Args:
        members: The ordinals of the test's members; None if the column is of these members already.
        kept: The ordinals of the scenes or tracks that the column is of; None of items.
    """
    scores = column.scores if members is None else column.scores[members]
    weights = column.weights if members is None or column.weights is None else column.weights[members]
    if members is not None and weights is not None and (weights == 1.0).all():
        weights = None
    mean = column.mean if members is None else weighted_mean(scores, weights)
    if mean.weight_sum == 0.0:
        return None
    return NewEvaluation(
        test_id=test.id,
        function_id=column.function.id,
        model_id=model_id,
        level=column.function.level,
        n_members=len(scores),
        n_deleted=n_deleted,
        n_scored=mean.n_scored,
        result=mean.value,
        weight_sum=mean.weight_sum,
        scores=scores,
        weights=weights,
        members=kept,
    )
