"""Evaluations: what a test says about a model."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any

from nucleus._connection import Connection
from nucleus._html import comparison_text, html_table, passed_text
from nucleus._plots import score_chart
from nucleus.validate.constants import EntityLevel

if TYPE_CHECKING:
    import altair as alt


class ScenarioTestEvaluationStatus(Enum):
    """The life of an evaluation."""

    PENDING = "pending"
    STARTED = "started"
    COMPLETED = "completed"
    ERRORED = "errored"


@dataclass(frozen=True)
class ScenarioTestItemEvaluation:
    """The score of one item.

    Attributes:
        result: The item's score; None if undefined.
        passed: Whether the score satisfies the test's criterion; False without one.
        reference_id: Your own id of the item.
        weight: How much the score counts.
        deleted: Whether the item was deleted since.
    """

    evaluation_id: str
    scenario_test_id: str
    eval_function_id: str
    dataset_item_id: str
    result: float | None
    passed: bool
    reference_id: str = ""
    weight: float = 1.0
    deleted: bool = False


@dataclass
class ScenarioTestEvaluation:
    """One model scored by one function on one test at one time; it never changes, but its criterion may.

    Attributes:
        result: Weighted mean of the scores; None if undefined.
        passed: Whether the result satisfies the criterion in force; None if there is no criterion.
        coverage: Members with a score / members of the slice then, in [0, 1].
        n_scored: Members with a score.
        n_members: Members of the slice when the results came.
        criterion: The criterion in force: source, threshold, comparison, and of a baseline its model.
        n_deleted: Members that had been deleted when the results came.
        is_weighted: Whether the scores have different weights.
        created_at: ISO 8601, UTC.
        user_id: Who uploaded it.
        user_name: Who that is; empty if the server did not say.
        upload_id: The upload that its scores are of; None if they came otherwise.
        upload_number: Which one it is of this test, function and model, from 1, oldest first.
        n_uploads: How many there are of them now; the newest counts.
    """

    id: str
    scenario_test_id: str
    eval_function_id: str
    model_id: str
    status: ScenarioTestEvaluationStatus
    result: float | None
    passed: bool | None
    coverage: float | None
    n_scored: int
    n_members: int
    n_deleted: int
    is_weighted: bool
    level: EntityLevel
    criterion: dict[str, Any] | None
    created_at: str
    user_id: str
    model_name: str
    connection: Connection = field(repr=False, compare=False)
    user_name: str = ""
    upload_id: str | None = None
    upload_number: int = 1
    n_uploads: int = 1

    @classmethod
    def from_json(cls, row: dict[str, Any], connection: Connection) -> ScenarioTestEvaluation:
        """The evaluation in a row of the history."""
        return cls(
            id=row["id"],
            scenario_test_id=row["scenario_test_id"],
            eval_function_id=row["eval_function_id"],
            model_id=row["model_id"],
            status=ScenarioTestEvaluationStatus(row["status"]),
            result=row["result"],
            passed=None if row["criterion"] is None else bool(row["pass"]),
            coverage=row["coverage"],
            n_scored=row["n_scored"],
            n_members=row["n_members"],
            n_deleted=row["n_deleted"],
            is_weighted=row["weighted"],
            level=EntityLevel(row["level"]),
            criterion=row["criterion"],
            created_at=row["created_at"],
            user_id=row["user_id"],
            model_name=row["model_name"],
            connection=connection,
            user_name=row.get("user_name") or "",
            upload_id=row.get("upload_id"),
            upload_number=row.get("upload_number", 1),
            n_uploads=row.get("n_uploads", 1),
        )

    @property
    def item_evals(self) -> list[ScenarioTestItemEvaluation]:
        """The scored items in slice order, asked for at every access."""
        return self._items("info")

    def worst_items(self, limit: int = 100, offset: int = 0) -> list[ScenarioTestItemEvaluation]:
        """The items with the worst scores by the function's direction, worst first; ties in slice order.

        Args:
            limit: How many, from 1 to 10,000.
            offset: How many of the worst to leave out before them.
        """
        return self._items("worst_items", {"limit": str(limit), "offset": str(offset)})

    def plot(self) -> alt.Chart | alt.LayerChart:
        """The distribution of the items' scores as a chart, with a dashed line where the criterion in force is.

        The chart is Altair's: it shows in a notebook, and `chart.save("scores.html")` keeps it.

        Raises:
            ImportError: altair is not installed: `pip install 'nucleus-validate[plot]'`.
            ValueError: No item has a score.
        """
        rows = self.connection.get("validate/eval_fn")["eval_functions"]
        known = next((row for row in rows if row["id"] == self.eval_function_id), None)
        name = self.eval_function_id if known is None else known["name"]
        score_range = (0.0, 1.0)
        if known is not None:
            low, high = known.get("score_range", score_range)
            score_range = (float(low), float(high))
        threshold = None
        if self.criterion is not None:
            what = "threshold" if self.criterion["source"] == "threshold" else "baseline"
            threshold = (what, float(self.criterion["threshold"]))
        scores = (item.result for item in self.item_evals if item.result is not None)
        return score_chart(f"{name} of {self.model_name}", scores, score_range, threshold)

    def _items(self, what: str, params: dict[str, str] | None = None) -> list[ScenarioTestItemEvaluation]:
        answer = self.connection.get(f"validate/eval/{self.id}/{what}", params)
        return [
            ScenarioTestItemEvaluation(
                evaluation_id=row["evaluation_id"],
                scenario_test_id=row["scenario_test_id"],
                eval_function_id=row["eval_function_id"],
                dataset_item_id=row["dataset_item_id"],
                result=row["result"],
                passed=bool(row["pass"]),
                reference_id=row["reference_id"],
                weight=row["weight"],
                deleted=row["deleted"],
            )
            for row in answer["scenario_test_item_evaluations"]
        ]

    def _repr_html_(self) -> str:
        return _evaluations_html(f"Evaluation {self.id}", [self])


@dataclass(frozen=True)
class ItemScore:
    """The score that one item has in one evaluation.

    Attributes:
        created_at: When the score was uploaded, ISO 8601 in UTC.
    """

    evaluation_id: str
    scenario_test_id: str
    scenario_test_name: str
    eval_function_id: str
    eval_function_name: str
    model_id: str
    model_name: str
    score: float
    created_at: str


class EvaluationHistory(list[ScenarioTestEvaluation]):
    """A test's evaluations, oldest first; a table in notebooks."""

    def _repr_html_(self) -> str:
        return _evaluations_html(f"{len(self)} evaluations", self)


def _evaluations_html(title: str, evaluations: list[ScenarioTestEvaluation]) -> str:
    return html_table(
        title,
        ["model", "function", "result", "criterion", "verdict", "scored", "upload", "when"],
        [
            [
                e.model_name,
                e.eval_function_id,
                e.result,
                None
                if e.criterion is None
                else f"{comparison_text(e.criterion['comparison'])} {e.criterion['threshold']:.4f}",
                passed_text(e.passed),
                f"{e.n_scored} of {e.n_members}",
                f"upload {e.upload_number} of {e.n_uploads}",
                e.created_at,
            ]
            for e in evaluations
        ],
    )
