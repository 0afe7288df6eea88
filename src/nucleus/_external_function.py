"""`@nucleus.external_function`: a function of the user's becomes an external evaluation function."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeAlias, TypeVar

from nucleus._connection import Connection
from nucleus._console import progress_bar
from nucleus._dataset import Dataset
from nucleus._dataset_item import DatasetItem
from nucleus._exceptions import InvalidUpload
from nucleus._model import Model
from nucleus._scoring import ItemError, Scores, place_of, score_items
from nucleus._slice import Slice
from nucleus._upload_report import UploadReport
from nucleus.validate.client import Validate
from nucleus.validate.constants import Direction, EntityLevel
from nucleus.validate.eval_functions import ExternalEvalFunction
from nucleus.validate.scenario_test import ScenarioTest

Prediction = TypeVar("Prediction")
ScoreValue: TypeAlias = "float | tuple[float, float]"
"""A score, or a score and its weight."""

_SHOWN_ERRORS = 5


@dataclass(frozen=True)
class ScoringRun:
    """What became of a run over items.

    Attributes:
        report: What the server says of the upload; None of a dry run of a function that it does not have yet.
        errors: Items without a score, and why.
        n_scored: Items with a score.
    """

    report: UploadReport | None
    errors: tuple[ItemError, ...]
    n_scored: int

    def __str__(self) -> str:
        lines = [f"{self.n_scored:,} items scored, {len(self.errors):,} not"]
        lines += [f"  {error}" for error in self.errors[:_SHOWN_ERRORS]]
        if len(self.errors) > _SHOWN_ERRORS:
            lines.append(f"  and {len(self.errors) - _SHOWN_ERRORS:,} more")
        return "\n".join([*lines, *([] if self.report is None else [str(self.report)])])


class ExternalFunction(Generic[Prediction]):
    """A function of yours that is evaluated and uploaded under a name; it can still be called.

    Attributes:
        name: The name on the server.
        direction: Whether a larger result is better.
        score_range: Lowest and highest score.
    """

    def __init__(
        self,
        score: Callable[[DatasetItem, Prediction], ScoreValue],
        name: str,
        direction: Direction,
        score_range: tuple[float, float],
        unit: str | None,
        description: str | None,
    ) -> None:
        functools.update_wrapper(self, score)
        self.name = name
        self.direction = direction
        self.score_range = score_range
        self._score = score
        self._unit = unit
        self._description = description

    def __call__(self, item: DatasetItem, prediction: Prediction) -> ScoreValue:
        """The score of one item, as the function itself computes it."""
        return self._score(item, prediction)

    def __repr__(self) -> str:
        return f"ExternalFunction(name={self.name!r})"

    def __reduce__(self) -> str:
        return str(self._score.__qualname__)  # by reference, as functions are

    def evaluate(
        self,
        target: ScenarioTest | Slice | Dataset,
        predictions: Mapping[str, Prediction] | Callable[[DatasetItem], Prediction],
        model: Model | str,
        *,
        processes: int = 1,
        min_coverage: float = 1.0,
        dry_run: bool = False,
    ) -> ScoringRun:
        """Score a model's predictions item by item, and upload the scores.

        The function is created on the server if it is not there. What goes wrong with one item is kept and reported, and the
        others are scored and uploaded all the same.

        Args:
            target: What to score: of a scenario test the upload is for this test; of a slice or a dataset it is for every test
                that has the function and is covered.
            predictions: The prediction of each item by its reference id, or a function of the item; the latter runs in this
                process.
            model: The model that predicted, or its id.
            processes: How many processes compute scores. With more than one, the function must be in a module, at its top
                level, and items and predictions are pickled.
            min_coverage: As in `Dataset.upload_scores`; not used for a scenario test.
            dry_run: Score, let the server check everything, and store nothing.

        Returns:
            The report of the upload, the errors, and how many items were scored.

        Raises:
            InvalidUpload: Not one item could be scored; or the server has the function with another direction, score range or
                level; or the test does not have the function. The latter are said before anything is scored.
            ValueError: `processes` is less than 1, or the function cannot be imported by other processes.
            NucleusAPIError: The server refused the upload.
        """
        if processes < 1:
            raise ValueError(f"expected at least one process, got {processes}")
        if not isinstance(predictions, Mapping) and not callable(predictions):
            raise InvalidUpload(
                "expected predictions as a mapping of reference id to prediction, or as a function of the item, got "
                f"{type(predictions).__name__}"
            )
        place = None if processes == 1 else place_of(self.__module__, self._score.__qualname__, self)
        connection = target.connection if isinstance(target, ScenarioTest) else target._connection
        function = self._on_server(connection, may_create=not dry_run)
        if isinstance(target, ScenarioTest):
            self._check_test(target, function)
        items, n_items = _items_of(target)
        with progress_bar(f"Scoring {self.name}", n_items, "items") as advance:
            scored = score_items(self._score, items, predictions, self.score_range, advance, place, processes)
        if not scored.references:
            raise _nothing_scored(scored)
        model_id = model.id if isinstance(model, Model) else model
        report = None
        if function is not None:
            report = _upload(target, connection, function, scored, model_id, min_coverage, dry_run)
        return ScoringRun(report, tuple(scored.errors), len(scored.references))

    def _on_server(self, connection: Connection, *, may_create: bool) -> ExternalEvalFunction | None:
        validate = Validate(connection)
        functions = validate.eval_functions
        found = functions.external_functions.get(self.name)
        if found is None:
            if self.name in functions.public_functions or self.name in functions.private_functions:
                raise InvalidUpload(f"expected the name of an external function, got {self.name!r}: choose another one")
            if not may_create:
                return None
            return validate.create_external_eval_function(
                self.name,
                direction=self.direction,
                score_range=self.score_range,
                unit=self._unit,
                description=self._description,
            )
        entry = found.eval_func_entry
        there = (entry.level, entry.direction, tuple(map(float, entry.score_range)))
        here = (EntityLevel.ITEM, self.direction.value, tuple(map(float, self.score_range)))
        if there != here:
            raise InvalidUpload(
                f"expected function {self.name!r} as {_properties(*here)}, but the server has it as {_properties(*there)}: "
                "change the arguments of external_function, or the server's with client.validate.set_eval_function_properties"
            )
        return found

    def _check_test(self, test: ScenarioTest, function: ExternalEvalFunction | None) -> None:
        if function is None or function.id not in {metric.eval_function_id for metric in test.get_eval_functions()}:
            raise InvalidUpload(
                f"test {test.name!r} does not have function {self.name!r}: add it with "
                f"test.add_eval_function(client.validate.eval_functions.external_functions[{self.name!r}])"
            )


def external_function(
    name: str,
    *,
    direction: Direction | str = Direction.HIGHER_IS_BETTER,
    score_range: tuple[float, float] = (0.0, 1.0),
    unit: str | None = None,
    description: str | None = None,
) -> Callable[[Callable[[DatasetItem, Prediction], ScoreValue]], ExternalFunction[Prediction]]:
    """Make a function of an item and a prediction an external evaluation function.

    The function gives a score, or a score and a weight in [0, 1]; it stays with you, and only what it gives is uploaded.

    Args:
        name: The name on the server.
        direction: Whether a larger result is better.
        score_range: Lowest and highest score.
        unit: What scores are measured in; used when the function is created on the server.
        description: What the function is; likewise. The first line of the docstring if it is left out.
    """
    chosen = Direction(direction)

    def decorate(score: Callable[[DatasetItem, Prediction], ScoreValue]) -> ExternalFunction[Prediction]:
        first_line = (score.__doc__ or "").strip().partition("\n")[0].strip()
        return ExternalFunction(score, name, chosen, score_range, unit, description or first_line or None)

    return decorate


def _items_of(target: ScenarioTest | Slice | Dataset) -> tuple[Iterable[DatasetItem], int]:
    if isinstance(target, ScenarioTest):
        items = target.get_items()
        return items, len(items)
    if isinstance(target, Slice):
        return target.items_generator(), int(target.info()["n_members"])
    if isinstance(target, Dataset):
        return target.items_generator(), target.size
    raise ValueError(f"expected a ScenarioTest, a Slice or a Dataset, got {type(target).__name__}")


def _upload(
    target: ScenarioTest | Slice | Dataset,
    connection: Connection,
    function: ExternalEvalFunction,
    scored: Scores,
    model_id: str,
    min_coverage: float,
    dry_run: bool,
) -> UploadReport:
    columns: dict[str, Any] = {
        "item_ref_id": scored.references,
        "score": scored.scores,
        "weight": scored.weights,
    }
    if isinstance(target, ScenarioTest):
        answer = target.upload_external_evaluation_results(function, columns, model_id, dry_run=dry_run)
        report: UploadReport = answer["report"]
        return report
    dataset = Dataset(target.dataset_id, connection) if isinstance(target, Slice) else target
    return dataset.upload_scores(
        {function: "score"}, model_id, columns, weight="weight", min_coverage=min_coverage, dry_run=dry_run
    )


def _nothing_scored(scored: Scores) -> InvalidUpload:
    if not scored.errors:
        return InvalidUpload("expected at least one item to score, got none: the target is empty")
    first = scored.errors[0]
    return InvalidUpload(
        f"not one of {len(scored.errors)} items could be scored; the first, {first}\n{first.traceback}".rstrip(),
        [
            {
                "row": row,
                "reference_id": error.reference_id,
                "function": "",
                "field": "score",
                "value": None,
                "problem": error.exception,
            }
            for row, error in enumerate(scored.errors)
        ],
    )


def _properties(level: EntityLevel, direction: str, score_range: tuple[float, ...]) -> str:
    return f"{level.value} level, {direction}, scores in [{score_range[0]:g}, {score_range[1]:g}]"
