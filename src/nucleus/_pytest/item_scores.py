"""The scores of one item: what a test records, and what its pass or fail is."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from nucleus._columns import as_float
from nucleus._exceptions import NucleusError
from nucleus._pytest.loading import LoadedFunction, LoadedTest


class RecordError(NucleusError, ValueError):
    """A score cannot be recorded as it is."""


class Recorded(NamedTuple):
    """A score on its way to the upload; plain values, since it also goes from a worker to its controller."""

    test_id: str
    test_name: str
    function_id: str
    function_name: str
    reference_id: str
    score: float
    weight: float


class Chosen(NamedTuple):
    """What a mark asks for.

    Attributes:
        functions: Those that scores are recorded by.
        takes_passes: Whether a pass or fail is a score by them: the mark names them, or the test has no other.
    """

    test: LoadedTest
    functions: tuple[LoadedFunction, ...]
    takes_passes: bool


class ItemScores:
    """The scores that the test of an item gives.

    Attributes:
        chosen: What the mark of the test asks for.
    """

    def __init__(self, chosen: Chosen, reference_id: str) -> None:
        self.chosen = chosen
        self._reference_id = reference_id
        self._recorded: dict[str, Recorded] = {}

    @property
    def functions(self) -> tuple[str, ...]:
        """The names of the functions that scores can be recorded by."""
        return tuple(f.name for f in self.chosen.functions)

    def record(self, score: object, weight: object, function: str | None) -> None:
        """Record a score; raises RecordError if it cannot be."""
        __tracebackhide__ = True  # the line of the test is what has to be mended
        by = self._function(function)
        if by.id in self._recorded:
            raise RecordError(
                f"expected one score by {by.name!r} for item {self._reference_id!r}, got a second one, {score!r}: it has "
                f"{self._recorded[by.id].score!r} already"
            )
        number, counts = as_float(score), 1.0 if weight is None else as_float(weight)
        if number is None or not (math.isfinite(number) and by.low <= number <= by.high):
            raise RecordError(
                f"expected a score in [{by.low:g}, {by.high:g}] by {by.name!r} for item {self._reference_id!r}, got "
                f"{score!r}{': write float(...) around a truth value' if isinstance(score, bool) else ''}"
            )
        if counts is None or not 0 <= counts <= 1:
            raise RecordError(f"expected a weight in [0, 1] for item {self._reference_id!r}, got {weight!r}")
        self._add(by, number, counts)

    def end(self, *, is_passed: bool) -> str | None:
        """Make a pass or fail the score where the test recorded none; what is wrong if that cannot be, else None.

        A fail counts by every function that has no score yet, a pass only if nothing was recorded at all: what a test that
        records leaves out stays without a score.
        """
        missing = [f for f in self.chosen.functions if f.id not in self._recorded]
        if not missing or (is_passed and self._recorded):
            return None
        word = "pass" if is_passed else "fail"
        if not self.chosen.takes_passes:
            return (
                f"nucleus: no score of item {self._reference_id!r} was recorded, and scenario test {self.chosen.test.name!r} has "
                f"several functions ({', '.join(self.functions)}): record scores, or say in the mark with function=... which "
                f"ones a {word} is a score by"
            )
        others = [f for f in missing if (f.low, f.high) != (0.0, 1.0)]
        if others:
            return (
                f"nucleus: no score of item {self._reference_id!r} was recorded by {others[0].name!r}, whose scores are "
                f"in [{others[0].low:g}, {others[0].high:g}]: record it; only in [0, 1] is a {word} a score"
            )
        for function in missing:
            self._add(function, 1.0 if is_passed == function.is_higher_better else 0.0, 1.0)
        return None

    def recorded(self) -> list[Recorded]:
        """The scores so far, in the order of the functions."""
        return [self._recorded[f.id] for f in self.chosen.functions if f.id in self._recorded]

    def forget(self) -> None:
        """Drop what was recorded."""
        self._recorded.clear()

    def _function(self, name: str | None) -> LoadedFunction:
        __tracebackhide__ = True
        functions = self.chosen.functions
        if name is None and len(functions) == 1:
            return functions[0]
        for function in functions:
            if name in (function.name, function.id):
                return function
        got = "got none" if name is None else f"got {name!r}"
        raise RecordError(f"expected function= as one of {', '.join(map(repr, self.functions))}, {got}")

    def _add(self, function: LoadedFunction, score: float, weight: float) -> None:
        test = self.chosen.test
        self._recorded[function.id] = Recorded(
            test.id, test.name, function.id, function.name, self._reference_id, score, weight
        )


def chosen_by(test: LoadedTest, names: Sequence[str] | None) -> Chosen:
    """The functions of a test that a mark names; all of them without names.

    Raises:
        RecordError: The test has no such function, or none that scores can be recorded by.
    """
    if not test.functions:
        raise RecordError(
            f"scenario test {test.name!r} has no external function of level item, and no other takes recorded scores: add one "
            "with its add_eval_function"
        )
    if names is None:
        return Chosen(test, test.functions, len(test.functions) == 1)
    by_name = {key: f for f in test.functions for key in (f.id, f.name)}
    unknown = [name for name in names if name not in by_name]
    if unknown or not names:
        raise RecordError(
            f"scenario test {test.name!r} has no external function {', '.join(map(repr, unknown))}; it has "
            f"{', '.join(repr(f.name) for f in test.functions)}"
            if unknown
            else "expected at least one function, got an empty list: leave function= out to take all of the test's"
        )
    return Chosen(test, tuple(dict.fromkeys(by_name[name] for name in names)), True)
