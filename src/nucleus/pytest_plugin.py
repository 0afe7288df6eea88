"""What the fixtures of the pytest plugin are, for annotations: `def test_box(item: DatasetItem, scenario: Scenario) -> None`."""

from __future__ import annotations

from nucleus._dataset_item import DatasetItem
from nucleus._pytest.item_scores import ItemScores, RecordError

__all__ = ["RecordError", "Scenario"]


class Scenario:
    """What a test of an item gets as the fixture `scenario`.

    Attributes:
        item: The item that it is about.
        test_id: The scenario test, `st_…`.
        test_name: Its name.
        functions: The names of the evaluation functions that scores can be recorded by.
        model: The model that scores are uploaded for, as it was named; None if nothing is uploaded.
    """

    def __init__(self, item: DatasetItem, model: str | None, scores: ItemScores) -> None:
        self.item = item
        self.test_id = scores.chosen.test.id
        self.test_name = scores.chosen.test.name
        self.functions = scores.functions
        self.model = model
        self._scores = scores

    def __repr__(self) -> str:
        return f"<Scenario {self.test_name!r}, item {self.item.reference_id!r}>"

    def record(self, score: float, weight: float | None = None, function: str | None = None) -> None:
        """Record the item's score; record before you assert, so that the score of an item whose test fails counts too.

        Args:
            score: In the function's score range.
            weight: How much it counts, in [0, 1]; 1 by default.
            function: By which function; not needed if there is only one.

        Raises:
            RecordError: The score or the weight is no number or out of its range, the function is none of the mark's, or the
                item has a score by it already.
        """
        __tracebackhide__ = True  # pytest shows the line of the test
        self._scores.record(score, weight, function)
