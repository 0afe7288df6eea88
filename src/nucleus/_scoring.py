"""Run a user's function over items, here or in other processes; what fails for one item is no matter of the others."""

from __future__ import annotations

import importlib
import itertools
import multiprocessing
import sys
import traceback
from array import array
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from nucleus._columns import as_float
from nucleus._dataset_item import DatasetItem
from nucleus._exceptions import NucleusError
from nucleus._tables import in_blocks

_ITEMS_PER_TASK = 16
_TASKS_PER_PROCESS = 4


@dataclass(frozen=True)
class ItemError:
    """Why an item has no score.

    Attributes:
        exception: The exception's class and message, or what was wrong with the score.
        traceback: Where it was raised; empty if nothing was.
    """

    reference_id: str
    exception: str
    traceback: str = ""

    def __str__(self) -> str:
        return f"{self.reference_id!r}: {self.exception}"


class Outcome(NamedTuple):
    """What a function said of an item; an error instead of a score."""

    score: float
    weight: float
    error: ItemError | None = None


@dataclass
class Scores:
    """What was scored, in the order of the items."""

    references: list[str] = field(default_factory=list)
    scores: array[float] = field(default_factory=lambda: array("d"))
    weights: array[float] = field(default_factory=lambda: array("d"))
    errors: list[ItemError] = field(default_factory=list)


class FunctionPlace(NamedTuple):
    """Where another process finds a function."""

    module: str
    qualname: str

    def find(self) -> Any:
        """The object that is there."""
        found = importlib.import_module(self.module)
        for name in self.qualname.split("."):
            found = getattr(found, name)
        return found


def score_items(
    score: Callable[[DatasetItem, Any], Any],
    items: Iterable[DatasetItem],
    predictions: Mapping[str, Any] | Callable[[DatasetItem], Any],
    score_range: tuple[float, float],
    advance: Callable[[int], None],
    place: FunctionPlace | None = None,
    n_processes: int = 1,
) -> Scores:
    """Score every item that has a prediction.

    Predictions are looked up or computed in this process, since they may need what only it has, such as a model on a GPU.
    With a `place`, the scores are computed by that many processes, which find the function there.

    Raises:
        NucleusError: A process ended before its time.
    """
    gathered = Scores()
    pairs = _with_predictions(items, predictions, gathered.errors, advance)
    if place is None:
        outcomes: Iterator[tuple[DatasetItem, Outcome]] = (
            (item, _outcome(score, item, prediction, score_range)) for item, prediction in pairs
        )
    else:
        outcomes = _in_processes(place, pairs, score_range, n_processes)
    for item, outcome in outcomes:
        assert item.reference_id is not None
        advance(1)
        if outcome.error is not None:
            gathered.errors.append(outcome.error)
        else:
            gathered.references.append(item.reference_id)
            gathered.scores.append(outcome.score)
            gathered.weights.append(outcome.weight)
    return gathered


def place_of(module: str, qualname: str, function: object) -> FunctionPlace:
    """Where a function is, if other processes can import it.

    Raises:
        ValueError: They cannot: it is in a notebook, in another function, or hidden by something of the same name.
    """
    place = FunctionPlace(module, qualname)
    is_importable = module != "__main__" or hasattr(sys.modules["__main__"], "__file__")
    try:
        is_there = is_importable and place.find() is function
    except (ImportError, AttributeError):
        is_there = False
    if not is_there:
        raise ValueError(
            f"expected a function that other processes can import, got {module}.{qualname}, which is not found there: use "
            "processes=1, or move it into a module, at its top level"
        )
    return place


def _with_predictions(
    items: Iterable[DatasetItem],
    predictions: Mapping[str, Any] | Callable[[DatasetItem], Any],
    errors: list[ItemError],
    advance: Callable[[int], None],
) -> Iterator[tuple[DatasetItem, Any]]:
    for item in items:
        assert item.reference_id is not None
        try:
            if isinstance(predictions, Mapping):
                if item.reference_id not in predictions:
                    errors.append(ItemError(item.reference_id, "there is no prediction for it"))
                    advance(1)
                    continue
                prediction = predictions[item.reference_id]
            else:
                prediction = predictions(item)
        except Exception as error:
            errors.append(_error_of(item, error))
            advance(1)
        else:
            yield item, prediction


def _outcome(
    score: Callable[[DatasetItem, Any], Any], item: DatasetItem, prediction: Any, score_range: tuple[float, float]
) -> Outcome:
    try:
        value = score(item, prediction)
    except Exception as error:
        return Outcome(0.0, 0.0, _error_of(item, error))
    given, weight_given = value if isinstance(value, tuple) and len(value) == 2 else (value, 1.0)
    number, weight = as_float(given), as_float(weight_given)
    low, high = score_range
    if number is None or weight is None:
        wrong = f"expected a number, or a number and a weight, got {value!r}"
    elif not low <= number <= high:  # NaN too
        wrong = f"expected a score in [{low:g}, {high:g}], got {number!r}"
    elif not 0 <= weight <= 1:
        wrong = f"expected a weight in [0, 1], got {weight!r}"
    else:
        return Outcome(number, weight)
    return Outcome(0.0, 0.0, ItemError(str(item.reference_id), wrong))


def _error_of(item: DatasetItem, error: Exception) -> ItemError:
    text = "".join(traceback.format_exception(error))
    return ItemError(str(item.reference_id), traceback.format_exception_only(error)[-1].strip(), text)


def _in_processes(
    place: FunctionPlace,
    pairs: Iterator[tuple[DatasetItem, Any]],
    score_range: tuple[float, float],
    n_processes: int,
) -> Iterator[tuple[DatasetItem, Outcome]]:
    tasks = in_blocks(pairs, _ITEMS_PER_TASK)
    # spawn, because a fork copies locks that other threads hold
    pool = ProcessPoolExecutor(n_processes, mp_context=multiprocessing.get_context("spawn"))
    running: deque[tuple[Sequence[tuple[DatasetItem, Any]], Future[list[Outcome]]]] = deque()
    try:
        while True:
            for task in itertools.islice(tasks, n_processes * _TASKS_PER_PROCESS - len(running)):
                running.append((task, pool.submit(_score_task, place, task, score_range)))
            if not running:
                return
            task, future = running.popleft()
            yield from zip((item for item, _ in task), future.result())
    except BrokenProcessPool as error:
        raise NucleusError(
            "a process that computed scores ended before its time: it was killed, perhaps for lack of memory, or it could not "
            'start; a script needs `if __name__ == "__main__":` around what it does. processes=1 shows what happens'
        ) from error
    finally:
        pool.shutdown(cancel_futures=True)


def _score_task(
    place: FunctionPlace, task: Sequence[tuple[DatasetItem, Any]], score_range: tuple[float, float]
) -> list[Outcome]:
    score = place.find()
    return [_outcome(score, item, prediction, score_range) for item, prediction in task]
