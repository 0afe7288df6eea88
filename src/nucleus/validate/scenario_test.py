"""Scenario tests."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from nucleus._connection import Connection
from nucleus._dataset_item import DatasetItem
from nucleus._exceptions import InvalidUpload
from nucleus._html import comparison_text, html_table
from nucleus._model import Model
from nucleus._score_parts import FunctionColumns, Layout, score_parts
from nucleus._score_upload import Target, send_scores
from nucleus._tables import ArrowStream, is_frame
from nucleus.validate.constants import EntityLevel, ThresholdComparison
from nucleus.validate.eval_functions import EvalFunction
from nucleus.validate.evaluation import EvaluationHistory, ScenarioTestEvaluation
from nucleus.validate.results import REFERENCE_ID, SCORE, WEIGHT, EvaluationResult, result_table, upload_body


@dataclass
class ScenarioTestMetric:
    """An evaluation function of a test, with the criterion in force.

    Attributes:
        threshold: The number that results are compared with; None if there is none.
        threshold_comparison: How they are compared.
    """

    scenario_test_id: str
    eval_function_id: str
    threshold: float | None
    connection: Connection = field(repr=False, compare=False)
    eval_func_arguments: dict[str, Any] = field(default_factory=dict)
    threshold_comparison: ThresholdComparison = ThresholdComparison.GREATER_THAN_EQUAL_TO

    @classmethod
    def from_json(cls, row: dict[str, Any], connection: Connection) -> ScenarioTestMetric:
        """The metric that the server describes."""
        return cls(
            scenario_test_id=row["scenario_test_id"],
            eval_function_id=row["eval_function_id"],
            threshold=row["threshold"],
            connection=connection,
            eval_func_arguments=row["eval_func_arguments"],
            threshold_comparison=ThresholdComparison(row["threshold_comparison"]),
        )

    def set_threshold(
        self, threshold: float | None = None, comparison: ThresholdComparison | str | None = None
    ) -> None:
        """Put a threshold in force; None clears it. The earlier criteria stay in the test's history."""
        payload: dict[str, Any] = {"threshold": threshold}
        if comparison is not None:
            payload["threshold_comparison"] = ThresholdComparison(comparison).value
        answer = self.connection.post(
            payload, f"validate/metric/set_threshold/{self.scenario_test_id}/{self.eval_function_id}"
        )
        self.threshold = answer["threshold"]
        self.threshold_comparison = ThresholdComparison(answer["threshold_comparison"])


@dataclass
class ScenarioTest:
    """A slice, and evaluation functions to judge models by.

    Attributes:
        id: The server's id.
        name: Its name, unique in the workspace.
        slice_id: The slice.
        baseline_model_id: The model whose results are the thresholds where a function has none of its own.
        dataset_id: The dataset of the slice; empty if the server did not say.
    """

    id: str
    name: str
    slice_id: str
    connection: Connection = field(repr=False, compare=False)
    baseline_model_id: str | None = None
    dataset_id: str = field(default="", compare=False)

    @classmethod
    def from_json(cls, row: dict[str, Any], connection: Connection) -> ScenarioTest:
        """The test that the server describes."""
        return cls(
            row["id"],
            row["name"],
            row["slice_id"],
            connection,
            row.get("baseline_model_id"),
            row.get("dataset_id") or "",
        )

    def _repr_html_(self) -> str:
        names = {row["id"]: row["name"] for row in self.connection.get("validate/eval_fn")["eval_functions"]}
        return html_table(
            f"Scenario test {self.name}",
            ["function", "comparison", "threshold"],
            [
                [
                    names.get(m.eval_function_id, m.eval_function_id),
                    comparison_text(m.threshold_comparison.value),
                    m.threshold,
                ]
                for m in self.get_eval_functions()
            ],
        )

    def add_eval_function(self, eval_function: EvalFunction) -> ScenarioTestMetric:
        """Add one more function.

        Raises:
            NucleusAPIError: It is part of the test already, or external and other functions would be mixed.
        """
        answer = self.connection.post(
            {"scenario_test_name": self.name, "eval_function_id": eval_function.id},
            "validate/scenario_test_eval_function",
        )
        return ScenarioTestMetric.from_json(answer, self.connection)

    def get_eval_functions(self) -> list[ScenarioTestMetric]:
        """Its functions with the criteria in force."""
        rows = self.connection.get(f"validate/scenario_test/{self.id}/metrics")["scenario_test_metrics"]
        return [ScenarioTestMetric.from_json(row, self.connection) for row in rows]

    def get_criteria_history(self) -> list[dict[str, Any]]:
        """Every threshold and baseline the test ever had, oldest first: who set what, when."""
        return list(self.connection.get(f"validate/scenario_test/{self.id}/criteria")["criteria"])

    def get_eval_history(self) -> list[ScenarioTestEvaluation]:
        """All its evaluations, oldest first, each beside the criterion in force now."""
        rows = self.connection.get(f"validate/scenario_test/{self.id}/eval_history/details")
        return EvaluationHistory(ScenarioTestEvaluation.from_json(row, self.connection) for row in rows)

    def get_items(self, level: EntityLevel = EntityLevel.ITEM) -> list[DatasetItem]:
        """The items that it evaluates models on.

        Raises:
            ValueError: Another level than items, which this version does not serve.
        """
        if EntityLevel(level) is not EntityLevel.ITEM:
            raise ValueError(f"expected level item, got {EntityLevel(level).value}: this test is made of items")
        rows = self.connection.get(f"validate/scenario_test/{self.id}/items")["dataset_items"]
        return [DatasetItem.from_json(row) for row in rows]

    def set_baseline_model(self, model_id: str | None) -> str | None:
        """Make a model that was evaluated on this test its baseline; None takes the baseline away.

        Raises:
            NucleusAPIError: The model does not exist, or was not evaluated on this test.
        """
        if model_id is None:
            answer = self.connection.delete(f"validate/scenario_test/{self.id}/baseline_model")
        else:
            answer = self.connection.post({}, f"validate/scenario_test/{self.id}/set_baseline_model/{model_id}")
        self.baseline_model_id = answer["baseline_model_id"]
        return self.baseline_model_id

    def upload_external_evaluation_results(
        self,
        eval_fn: EvalFunction,
        results: Iterable[EvaluationResult] | Mapping[str, Any] | ArrowStream,
        model_id: str | Model,
        *,
        dry_run: bool = False,
    ) -> dict[str, Any]:
        """Upload the scores that your code computed for a model; all are stored, or none.

        The same upload again changes nothing; a different one is a new entry of the history, and the newest counts. An upload
        of more than 500,000 results goes in parts: if it is interrupted, the same call again sends only what is missing.

        Args:
            eval_fn: An external function of this test.
            results: One result per item; items may be left out, which the coverage shows. Objects in any iterable, also a
                generator; or columns named `item_ref_id`, `score` in the function's score range and, if there are weights,
                `weight` in [0, 1]: as a mapping of lists or arrays, or as a table of polars, pandas, pyarrow, DuckDB (anything
                with `__arrow_c_stream__`). A stream is read batch by batch.
            model_id: The model that was scored, or its id.
            dry_run: Check everything on the server too, and store nothing.

        Returns:
            `evaluation`, the entry of the history (None of a dry run); `replayed`, whether it was there already; and `report`,
            the `UploadReport`.

        Raises:
            InvalidUpload: Something is wrong with the results; nothing was stored. `bad_rows()` lists what.
            UploadRejectedError: The same, found by the server, such as reference ids that are not in the slice.
            NucleusAPIError: The server refused the upload for another reason; nothing was stored.
        """
        if not eval_fn.is_external_function:
            raise InvalidUpload(
                f"expected an external evaluation function, got {eval_fn.name!r}, whose results the server computes itself"
            )
        scored_id = model_id.id if isinstance(model_id, Model) else model_id
        if eval_fn.eval_func_entry.level is not EntityLevel.ITEM:
            return self._upload_other_level(eval_fn, results, scored_id, dry_run=dry_run)
        table = result_table(results, EntityLevel.ITEM)
        layout = Layout(
            REFERENCE_ID,
            [FunctionColumns(eval_fn.id, eval_fn.name, eval_fn.eval_func_entry.score_range, SCORE)],
            weight=WEIGHT if WEIGHT in table.names else None,
        )
        parts = score_parts(table, layout)
        first = next(parts)  # what is wrong in it is said before anything is asked of the server
        target = Target(self._dataset_id(), scored_id, [eval_fn.id], self.id, dry_run=dry_run)
        report = send_scores(self.connection, target, itertools.chain((first,), parts), table.n_rows)
        evaluation_id = next((test.evaluation_id for test in report.tests if test.test_id == self.id), None)
        row = self.connection.get(f"validate/eval/{evaluation_id}/row")["evaluation"] if evaluation_id else None
        return {"evaluation": row, "replayed": report.replayed, "report": report}

    def _upload_other_level(
        self, eval_fn: EvalFunction, results: Any, model_id: str, *, dry_run: bool
    ) -> dict[str, Any]:
        level = eval_fn.eval_func_entry.level
        if isinstance(results, Mapping) or is_frame(results) or dry_run:
            raise InvalidUpload(
                f"expected EvaluationResult objects, without dry_run, for a function of level {level.value}: tables and dry "
                "runs are for functions of level item"
            )
        body = upload_body(
            results,
            test_id=self.id,
            function_id=eval_fn.id,
            function_level=level,
            score_range=eval_fn.eval_func_entry.score_range,
            model_id=model_id,
            slice_id=self.slice_id,
        )
        answer: dict[str, Any] = self.connection.post_bytes(
            body, "validate/scenario_test/upload_results", is_replay_safe=True
        )
        return answer

    def _dataset_id(self) -> str:
        if not self.dataset_id:
            self.dataset_id = str(self.connection.get(f"slice/{self.slice_id}/info")["dataset_id"])
        return self.dataset_id
