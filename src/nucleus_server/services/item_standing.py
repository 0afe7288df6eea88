"""One item across tests, functions and models: its newest scores beside the criteria in force, and how they came."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import numpy as np

from nucleus_server.domain import Dataset, EvalFunction, Item, Judgement, ScenarioTest
from nucleus_server.errors import NotFound
from nucleus_server.services.judging import judgements
from nucleus_server.storage import WorkspaceStore
from nucleus_server.storage.base import from_micros

if TYPE_CHECKING:
    from numpy.typing import NDArray

N_NEWEST = 5
"""So many of the newest models decide whether an item always fails: what older ones did says little of the item."""


@dataclass(frozen=True, slots=True)
class Standing:
    """How the newest models did on an item.

    Of each function on a test that has a criterion, the `N_NEWEST` newest models with a score of the item count, each with
    its newest evaluation. A score fails if it does not meet what the evaluation's result is compared with.
    """

    n_failed: int
    n_judged: int

    @property
    def word(self) -> str:
        """always, mostly (more than half), sometimes, never; empty if nothing can be judged."""
        if not self.n_judged:
            return ""
        if self.n_failed == self.n_judged:
            return "always"
        return "mostly" if 2 * self.n_failed > self.n_judged else "sometimes" if self.n_failed else "never"


@dataclass(frozen=True, slots=True)
class ScoreColumn:
    """One function on one test that scored the item, and how the newest models did by it."""

    test: ScenarioTest
    function: EvalFunction
    standing: Standing


@dataclass(frozen=True, slots=True)
class ItemMark:
    """The item's score in one evaluation.

    Attributes:
        model_key, model_name: Whose.
        score: None if the evaluation has none of it.
        passed: Whether the score meets what the evaluation's result is compared with; None without a criterion.
        threshold: That number.
    """

    evaluation_id: str
    model_key: int
    model_name: str
    score: float | None
    passed: bool | None
    threshold: float | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class ItemOverview:
    """Where an item stands.

    Attributes:
        columns: Every function on a test that scored it, by name.
        standing: Of all columns together.
        first: The place of the first column of this page.
        rows: The models with a score in one of the columns of this page, newest first, each with its newest mark by
            column; None where it was not evaluated.
        chosen: The column of the history; None if there is no column.
        history: All marks of that column with a score, oldest first, against the criterion in force now.
    """

    columns: tuple[ScoreColumn, ...]
    standing: Standing
    first: int
    rows: tuple[tuple[ItemMark | None, ...], ...]
    chosen: ScoreColumn | None
    history: tuple[ItemMark, ...]


def item_overview(
    ws: WorkspaceStore, item: Item, *, first: int, n_columns: int, test_id: str | None, function_id: str | None
) -> ItemOverview:
    """The item's newest scores in `n_columns` columns from the one at `first`, and the history of one of them.

    Args:
        test_id, function_id: The column of the history; without a known one it is that of the newest score.
    """
    scores = ws.item_score_columns(item)
    tests = {test.key: test for test in ws.list_scenario_tests()}
    entries = {(entry.test_key, entry.function.key): entry for entry in ws.list_all_test_functions()}
    places = defaultdict(list)  # column → its evaluations' places, newest first
    for place, key in enumerate(zip(scores.test_keys.tolist(), scores.function_keys.tolist(), strict=True)):
        places[key].append(place)
    has_score = ~np.isnan(scores.scores)
    keys = sorted(
        (key for key, found in places.items() if key in entries and key[0] in tests and has_score[found].any()),
        key=lambda key: (tests[key[0]].name, entries[key].function.name, key),
    )
    if not keys:
        return ItemOverview((), Standing(0, 0), 0, (), None, ())
    first = min(first, len(keys) - 1) // n_columns * n_columns
    newest = {key: _newest_of_models(scores.model_keys, places[key]) for key in keys}
    by_id = {(tests[key[0]].id, entries[key].function.id): key for key in keys}
    latest = min(keys, key=lambda key: next(place for place in places[key] if has_score[place]))
    chosen = by_id.get((test_id or "", function_id or ""), latest)
    counted = {key: [place for place in newest[key] if has_score[place]][:N_NEWEST] for key in keys}
    shown = keys[first : first + n_columns]
    wanted = {place for key in keys for place in counted[key]}
    wanted |= {place for key in shown for place in newest[key]} | {p for p in places[chosen] if has_score[p]}
    order = sorted(wanted)
    summaries = ws.evaluation_summaries(scores.evaluation_keys[order].tolist())
    evaluations = [summaries[key] for key in scores.evaluation_keys[order].tolist()]
    baselines = {(e.test_key, e.function_key, e.model_key): e for e in ws.newest_baseline_results()}
    judged = judgements(ws, evaluations, tests.values(), entries.values(), baselines)
    marks = {
        place: _mark(evaluation.id, evaluation.model_key, evaluation.model_name, score, judgement, created_at)
        for place, evaluation, judgement, score, created_at in zip(
            order, evaluations, judged, scores.scores[order].tolist(), scores.created_at[order].tolist(), strict=True
        )
    }
    standings = {key: _standing(marks[place] for place in counted[key]) for key in keys}
    columns = {key: ScoreColumn(tests[key[0]], entries[key].function, standings[key]) for key in keys}
    return ItemOverview(
        columns=tuple(columns.values()),
        standing=Standing(
            sum(each.n_failed for each in standings.values()), sum(each.n_judged for each in standings.values())
        ),
        first=first,
        rows=_rows([{marks[place].model_key: marks[place] for place in newest[key]} for key in shown]),
        chosen=columns[chosen],
        history=tuple(marks[place] for place in reversed(places[chosen]) if has_score[place]),
    )


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


def _newest_of_models(model_keys: NDArray[np.int64], places: Sequence[int]) -> list[int]:
    """Of these places, newest evaluation first, the first of each model; newest model first."""
    found: dict[int, int] = {}
    for place, model_key in zip(places, model_keys[places].tolist(), strict=True):
        found.setdefault(model_key, place)
    return [found[model_key] for model_key in sorted(found, reverse=True)]


def _rows(columns: Sequence[dict[int, ItemMark]]) -> tuple[tuple[ItemMark | None, ...], ...]:
    models = {key for column in columns for key, mark in column.items() if mark.score is not None}
    return tuple(tuple(column.get(model) for column in columns) for model in sorted(models, reverse=True))


def _standing(marks: Iterable[ItemMark]) -> Standing:
    judged = [mark.passed for mark in marks if mark.passed is not None]
    return Standing(judged.count(False), len(judged))


def _mark(
    evaluation_id: str, model_key: int, model_name: str, score: float, judgement: Judgement | None, created_at: int
) -> ItemMark:
    has_score = score == score
    threshold = None if judgement is None else judgement.threshold
    passed = judgement.comparison.holds(score, judgement.threshold) if has_score and judgement is not None else None
    return ItemMark(
        evaluation_id=evaluation_id,
        model_key=model_key,
        model_name=model_name,
        score=score if has_score else None,
        passed=passed,
        threshold=threshold,
        created_at=from_micros(created_at),
    )
