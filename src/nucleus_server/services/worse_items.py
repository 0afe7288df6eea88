"""Items that a candidate scored worse than the baseline in several tests of a suite at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from nucleus_server.domain import Direction, EvalFunction, Level
from nucleus_server.services.comparing import Matter
from nucleus_server.services.item_slices import SavedItems, n_to_save
from nucleus_server.storage import WorkspaceStore

if TYPE_CHECKING:
    from numpy.typing import NDArray

FEWEST_TESTS = 2


@dataclass(frozen=True, slots=True, eq=False)
class WorseItems:
    """Items of one dataset, those that got worse in most tests first, then by how much, then as the dataset has them.

    Attributes:
        model_id: The candidate's.
        ordinals: int64 [k], their places in the dataset.
        n_tests: int64 [k], in how many tests each got worse.
        losses: float64 [k], by how much in all functions of all tests, each as a share of the function's score range.
        matters: What was looked at: functions of tests on the dataset that both models were evaluated by.
    """

    model_id: str
    dataset_key: int
    ordinals: NDArray[np.int64]
    n_tests: NDArray[np.int64]
    losses: NDArray[np.float64]
    matters: tuple[Matter, ...]

    @property
    def n_tests_compared(self) -> int:
        """How many tests were looked at."""
        return len({matter.test.key for matter in self.matters})


@dataclass(frozen=True, slots=True)
class Loss:
    """One function of one test in which an item got worse; `loss` is a share of the function's score range."""

    matter: Matter
    baseline: float
    candidate: float
    loss: float


def worse_items(
    ws: WorkspaceStore, matters: Sequence[Matter], dataset_key: int, *, least: int = FEWEST_TESTS
) -> WorseItems:
    """The live items of a dataset that got worse in at least `least` tests.

    Args:
        matters: Of one candidate; those of other datasets, and those without both evaluations, are passed over.
    """
    used = comparable(matters, dataset_key)
    references = ws.reference_ids(dataset_key)
    n_items = len(references)
    n_tests, losses = np.zeros(n_items, dtype=np.int64), np.zeros(n_items)
    by_test: dict[int, list[Matter]] = {}
    for matter in used:
        by_test.setdefault(matter.test.key, []).append(matter)
    for of_test in by_test.values():
        is_worse = np.zeros(n_items, dtype=np.bool_)
        for matter in of_test:
            ordinals, loss = _losses(ws, matter)
            is_worse[ordinals] = True
            losses[ordinals] += loss  # an item is a member of a slice once
        n_tests += is_worse
    found = np.flatnonzero((n_tests >= max(least, 1)) & references.is_not_null().to_numpy())
    order = np.lexsort((found, -losses[found], -n_tests[found]))
    found = found[order]
    candidate = next((m.candidate for m in matters if m.candidate is not None), None)
    return WorseItems(
        model_id="" if candidate is None else candidate.model_id,
        dataset_key=dataset_key,
        ordinals=found,
        n_tests=n_tests[found],
        losses=losses[found],
        matters=used,
    )


def where_worse(ws: WorkspaceStore, found: WorseItems, ordinals: NDArray[np.int64]) -> list[list[Loss]]:
    """For each of these items the functions of tests in which it got worse, the largest loss first."""
    rows: list[list[Loss]] = [[] for _ in ordinals]
    order = np.argsort(ordinals)
    wanted = ordinals[order]
    for matter in found.matters:
        members, a, b = _columns(ws, matter)
        places = np.searchsorted(wanted, members)
        places[places == len(wanted)] = 0
        for position in np.flatnonzero(wanted[places] == members).tolist() if len(wanted) else ():
            before, after = float(a[position]), float(b[position])
            loss = _loss(matter.entry.function, before, after)
            if loss > 0:
                rows[int(order[places[position]])].append(Loss(matter, before, after, loss))
    for row in rows:
        row.sort(key=lambda each: (-each.loss, each.matter.test.name, each.matter.entry.function.name))
    return rows


def save_worse(ws: WorkspaceStore, found: WorseItems, dataset_id: str, name: str, *, n_first: int | None) -> SavedItems:
    """A slice of these items in their order, or of the first `n_first` of them; one transaction.

    Raises:
        InvalidInput: There are none, or too many.
        PermissionDenied: The actor is a viewer.
    """
    n_members = n_to_save(len(found.ordinals), n_first)
    made = ws.create_slice(dataset_id, name, ordinals=found.ordinals[:n_members])
    return SavedItems(made, n_members - made.n_members)


def comparable(matters: Sequence[Matter], dataset_key: int) -> tuple[Matter, ...]:
    """Those on tests of the dataset's items that both models were evaluated by."""
    return tuple(
        matter
        for matter in matters
        if matter.baseline is not None
        and matter.candidate is not None
        and matter.test.dataset_key == dataset_key
        and matter.entry.function.level is Level.ITEM
    )


def _losses(ws: WorkspaceStore, matter: Matter) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """The ordinals of the members that got worse, and by how much."""
    ordinals, a, b = _columns(ws, matter)
    is_higher = matter.entry.function.direction is Direction.HIGHER_IS_BETTER
    worse = np.flatnonzero(b < a if is_higher else b > a)
    return ordinals[worse], np.abs(b[worse] - a[worse]) / _range(matter.entry.function)


def _columns(ws: WorkspaceStore, matter: Matter) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]:
    """Ordinals and both scores of the members that both lists have; NaN where there is no score."""
    baseline, candidate = matter.baseline, matter.candidate
    assert baseline is not None and candidate is not None
    n = min(baseline.n_members, candidate.n_members)
    ordinals = ws.member_ordinals(candidate, n)
    return ordinals, ws.read_scores(baseline)[:n], ws.read_scores(candidate)[:n]


def _loss(function: EvalFunction, baseline: float, candidate: float) -> float:
    """0 or less, or NaN, if the item did not get worse."""
    change = candidate - baseline
    return (-change if function.direction is Direction.HIGHER_IS_BETTER else change) / _range(function)


def _range(function: EvalFunction) -> float:
    return function.score_max - function.score_min
