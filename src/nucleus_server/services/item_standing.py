"""One item across tests, functions and models: its scores beside the criteria in force, and its neighbours."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from nucleus_server.domain import Dataset, Item, ItemScore, JudgedEvaluation
from nucleus_server.errors import NotFound
from nucleus_server.services.judging import judge_newest, judge_test
from nucleus_server.storage import WorkspaceStore

if TYPE_CHECKING:
    from numpy.typing import NDArray

_MOST_SINGLE = 4  # tests that are judged one by one; for more, all are judged at once
_WINDOW = 64  # deleted neighbours are skipped by so many at a time


@dataclass(frozen=True, slots=True)
class ItemStanding:
    """The item's score in one evaluation; `passed` is that score against the evaluation's criterion, None without one."""

    score: ItemScore
    passed: bool | None


@dataclass(frozen=True, slots=True)
class Neighbours:
    """Where an item is in a list, and the nearest items before and after it that were not deleted.

    Attributes:
        position: Its place in the list, from 0, counting deleted ones.
        n: The length of the list, counting deleted ones.
    """

    previous: Item | None
    next: Item | None
    position: int
    n: int


def newest_standings(ws: WorkspaceStore, scores: Sequence[ItemScore]) -> list[ItemStanding]:
    """Of an item's scores those in the newest evaluation of each test, function and model, newest first."""
    tests = {score.test_id for score in scores}
    if len(tests) > _MOST_SINGLE:
        judged = judge_newest(ws)
    else:
        judged = [each for test_id in sorted(tests) for each in _newest_of_test(ws, test_id)]
    found = {each.evaluation.id: each for each in judged}
    return [_standing(score, found[score.evaluation_id]) for score in scores if score.evaluation_id in found]


def history(ws: WorkspaceStore, scores: Sequence[ItemScore], test_id: str, function_id: str) -> list[ItemStanding]:
    """Of an item's scores those of one function on one test, oldest first, against the criterion that is in force now."""
    found = {each.evaluation.id: each for each in judge_test(ws, test_id)}
    return [
        _standing(score, found[score.evaluation_id])
        for score in reversed(scores)
        if (score.test_id, score.function_id) == (test_id, function_id) and score.evaluation_id in found
    ]


def item_of_dataset(ws: WorkspaceStore, dataset_id: str, item_id: str) -> tuple[Dataset, Item]:
    """The dataset and the live item in it; NotFound if the item is in another one."""
    dataset, item = ws.get_dataset(dataset_id), ws.get_item(item_id)
    if item.dataset_key != dataset.key:
        raise NotFound(f"no item with id {item_id!r} in dataset {dataset_id}", code="item_not_found")
    return dataset, item


def dataset_of_item(ws: WorkspaceStore, item: Item) -> Dataset:
    """The dataset that the item is in."""
    found = next((each for each in ws.list_datasets() if each.key == item.dataset_key), None)
    if found is None:
        raise NotFound(f"no dataset with the item {item.id!r} in this workspace", code="item_not_found")
    return found


def neighbours(ws: WorkspaceStore, dataset: Dataset, item: Item, slice_id: str | None) -> Neighbours:
    """The item's neighbours in a slice, or without one in its dataset.

    Raises:
        NotFound: There is no such slice, or it does not have the item.
    """
    if slice_id is None:
        ordinals = np.arange(dataset.n_items, dtype=np.int64)
        position = item.ordinal
    else:
        found = ws.get_slice(slice_id)
        ordinals = ws.slice_ordinals(found.key, found.n_members)
        places = np.flatnonzero(ordinals == item.ordinal) if found.dataset_key == dataset.key else ordinals[:0]
        if not len(places):
            raise NotFound(f"no item with id {item.id!r} in slice {slice_id}: leave slice out", code="item_not_found")
        position = int(places[0])
    return Neighbours(
        _first_live(ws, dataset.key, ordinals[:position][::-1]),
        _first_live(ws, dataset.key, ordinals[position + 1 :]),
        position,
        len(ordinals),
    )


def _first_live(ws: WorkspaceStore, dataset_key: int, ordinals: NDArray[np.int64]) -> Item | None:
    for start in range(0, len(ordinals), _WINDOW):
        # The nearest one is seldom deleted: it is looked at alone, before many are.
        for part in (ordinals[start : start + 1], ordinals[start + 1 : start + _WINDOW]):
            for item in ws.items_at(dataset_key, part):
                if item.deleted_at is None:
                    return item
    return None


def _newest_of_test(ws: WorkspaceStore, test_id: str) -> list[JudgedEvaluation]:
    """The newest completed evaluation of each function and model."""
    newest = {
        (each.evaluation.function_key, each.evaluation.model_key): each
        for each in judge_test(ws, test_id)
        if each.evaluation.completed_at is not None
    }
    return list(newest.values())


def _standing(score: ItemScore, judged: JudgedEvaluation) -> ItemStanding:
    judgement = judged.judgement
    passed = None if judgement is None else judgement.comparison.holds(score.score, judgement.threshold)
    return ItemStanding(score, passed)
