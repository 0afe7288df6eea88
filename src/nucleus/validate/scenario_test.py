"""Scenario tests."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, overload

from nucleus._connection import Connection
from nucleus._dataset_item import DatasetItem
from nucleus._exceptions import InvalidUpload, NotFoundError
from nucleus._html import comparison_text, html_table
from nucleus._model import Model
from nucleus._plots import history_chart
from nucleus._scenes import Scene
from nucleus._score_parts import FunctionColumns, Layout, score_parts
from nucleus._score_upload import Target, send_scores
from nucleus._tables import ArrowStream, is_frame
from nucleus._tracks import Track
from nucleus.validate.clusters import ClusterKey, cluster_json
from nucleus.validate.comparison import Comparisons
from nucleus.validate.constants import UNCHANGED, EntityLevel, ThresholdComparison
from nucleus.validate.eval_functions import EvalFunction
from nucleus.validate.evaluation import EvaluationHistory, ScenarioTestEvaluation
from nucleus.validate.explanation import Explanation
from nucleus.validate.references import function_id_of, model_id_of
from nucleus.validate.results import REFERENCE_ID, SCORE, WEIGHT, EvaluationResult, result_table, upload_body
from nucleus.validate.rules import MarginProposal, Power, Rule, ScenarioTestSettings
from nucleus.validate.waiting import SERVER_WAIT_S, wait_until_computed

if TYPE_CHECKING:
    import altair as alt


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

    def set_rule(
        self,
        *,
        threshold: float | None = UNCHANGED,
        comparison: ThresholdComparison | str = UNCHANGED,
        mode: str | None = UNCHANGED,
        margin: float = UNCHANGED,
    ) -> Rule:
        """Change by what the function decides, in one step of the test's history; what is left out stays.

        Args:
            threshold: The number that results are compared with; None takes it away.
            comparison: How they are compared.
            mode: `point`, `confident`, `not-proven-worse` or `non-inferior`; None: `point` if there is a threshold, else
                `non-inferior`.
            margin: The loss against the baseline that is accepted, at least 0, in the unit of the scores.

        Returns:
            The rule in force.

        Raises:
            ValueError: Nothing is to be changed, or the comparison is none.
            NucleusAPIError: There is no such mode, the margin is negative, or the key may not do that.
        """
        asked = {
            "threshold": threshold,
            "threshold_comparison": comparison if comparison is UNCHANGED else ThresholdComparison(comparison).value,
            "mode": mode,
            "margin": margin,
        }
        changes = {key: value for key, value in asked.items() if value is not UNCHANGED}
        if not changes:
            raise ValueError("expected at least one of threshold, comparison, mode, margin, got none")
        rule = Rule.from_json(self.connection.post(changes, self._rule_route(), is_replay_safe=True))
        self.threshold, self.threshold_comparison = rule.threshold, rule.threshold_comparison
        return rule

    def margin_proposal(self) -> MarginProposal:
        """A margin that past noise speaks for: repeated uploads of one model, and steps between successive ones."""
        return MarginProposal.from_json(self.connection.get(f"{self._rule_route()}/margin_proposal"))

    def power(self, effect: float | None = None) -> Power:
        """How small a difference between two models the function can see, by past evaluations.

        Args:
            effect: A difference, above 0, in the unit of the scores: how many clusters would show it?
        """
        params = None if effect is None else {"effect": repr(float(effect))}
        return Power.from_json(self.connection.get(f"{self._rule_route()}/power", params))

    def _rule_route(self) -> str:
        return f"validate/scenario_test/{self.scenario_test_id}/rules/{self.eval_function_id}"


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

    def rules(self) -> list[Rule]:
        """By what its functions decide."""
        return [Rule.from_json(row) for row in self.connection.get(self._route("rules"))["rules"]]

    @property
    def settings(self) -> ScenarioTestSettings:
        """Whether it blocks releases, its tags and its cluster key, asked for at every access."""
        return ScenarioTestSettings.from_json(self.connection.get(self._route("settings")))

    def set_blocking(self, is_blocking: bool) -> ScenarioTestSettings:
        """Let it block releases, or not; p values of blocking tests are adjusted by Holm's method."""
        return self._set({"is_blocking": is_blocking})

    def set_tags(self, tags: Iterable[str]) -> ScenarioTestSettings:
        """Give it these words to find it by, instead of those that it had.

        Raises:
            ValueError: `tags` is one text.
        """
        if isinstance(tags, str):
            raise ValueError(f"expected a list of tags, got the text {tags!r}: put it into a list")
        return self._set({"tags": list(tags)})

    def set_cluster_key(self, cluster: str | ClusterKey | None) -> ScenarioTestSettings:
        """Say which of its members are alike, so that they count together in the statistics.

        Args:
            cluster: The metadata key whose values group members; `nucleus.EACH_ITEM`: members are independent; None: as the
                dataset says.

        Raises:
            NucleusAPIError: No item has this key, or the key may not do that.
        """
        return self._set({"cluster": cluster_json(cluster)})

    def _set(self, changes: dict[str, Any]) -> ScenarioTestSettings:
        return ScenarioTestSettings.from_json(
            self.connection.post(changes, self._route("settings"), is_replay_safe=True)
        )

    def _route(self, what: str) -> str:
        return f"validate/scenario_test/{self.id}/{what}"

    def compare(
        self,
        baseline_model: Model | str,
        candidate_model: Model | str,
        *,
        eval_functions: Sequence[EvalFunction | str] | None = None,
        wait: bool = True,
        timeout_s: float = 600,
    ) -> Comparisons:
        """Compare two models by this test's functions, on the members that both have scores of.

        Args:
            baseline_model: The model to be compared with, or its id.
            candidate_model: The other, or its id.
            eval_functions: Functions, their ids or names; None: all of the test.
            wait: Wait until all verdicts are computed; else some may be `is_computing`.
            timeout_s: How long to wait at most.

        Returns:
            A comparison for each function, by position or name; their p values are adjusted for each other.

        Raises:
            JobTimeoutError: Verdicts were not computed within `timeout_s`; says which. The same call goes on where it was.
            JobError: The job that computes them failed.
            NotFoundError: No function has this name.
            NucleusAPIError: A model does not exist or was given twice, or a function is not of this test.
        """
        answer = self._compare(baseline_model, candidate_model, eval_functions, SERVER_WAIT_S if wait else 0)
        if wait:
            answer = wait_until_computed(
                self.connection,
                answer,
                lambda: self._compare(baseline_model, candidate_model, eval_functions, SERVER_WAIT_S),
                timeout_s=timeout_s,
            )
        return Comparisons.from_json(answer, self.connection)

    def explain(
        self,
        baseline_model: Model | str,
        candidate_model: Model | str,
        eval_fn: EvalFunction | str,
        *,
        by: str | None = None,
        limit: int = 10,
    ) -> Explanation:
        """Why the results of two models differ: the parts of items, clusters and values of a metadata key.

        Args:
            baseline_model: The model to be compared with, or its id.
            candidate_model: The other, or its id.
            eval_fn: A function of this test, its id or name.
            by: A metadata key, whose values are to be shown with the effect of the mix apart from that of the scores.
            limit: How many items and clusters, those that weigh most.

        Raises:
            NotFoundError: One of the two has no evaluation by this function, or no function has this name.
            NucleusAPIError: A model or the metadata key does not exist, or the function is not of this test.
        """
        answer = self._compare(baseline_model, candidate_model, [eval_fn], 0)
        entry = Comparisons.from_json(answer, self.connection)[0]
        sides = {"baseline": entry.baseline, "candidate": entry.candidate}
        if missing := [what for what, side in sides.items() if side is None]:
            raise NotFoundError(
                f"expected evaluations of both models by {entry.eval_function_name!r} on test {self.name!r}, got none of the "
                f"{' and the '.join(missing)} model: upload its scores first"
            )
        route = "/".join(side.evaluation_id for side in sides.values() if side is not None)
        params = {"limit": str(limit)} | ({} if by is None else {"by": by})
        return Explanation.from_json(self.connection.get(f"validate/compare/{route}/explanation", params))

    def _compare(
        self,
        baseline: Model | str,
        candidate: Model | str,
        functions: Sequence[EvalFunction | str] | None,
        wait_s: int,
    ) -> dict[str, Any]:
        asked: dict[str, Any] = {
            "baseline_model_id": model_id_of(baseline),
            "candidate_model_id": model_id_of(candidate),
            "wait_s": wait_s,
        }
        if functions is not None:
            asked["eval_function_ids"] = [function_id_of(self.connection, function) for function in functions]
        answer: dict[str, Any] = self.connection.post(asked, self._route("compare"), is_replay_safe=True)
        return answer

    def get_criteria_history(self) -> list[dict[str, Any]]:
        """Every threshold and baseline the test ever had, oldest first: who set what, when."""
        return list(self.connection.get(f"validate/scenario_test/{self.id}/criteria")["criteria"])

    def get_eval_history(self) -> list[ScenarioTestEvaluation]:
        """All its evaluations, oldest first, each beside the criterion in force now."""
        rows = self.connection.get(f"validate/scenario_test/{self.id}/eval_history/details")
        return EvaluationHistory(ScenarioTestEvaluation.from_json(row, self.connection) for row in rows)

    def plot_history(self, eval_fn: EvalFunction | str | None = None) -> alt.LayerChart | alt.VConcatChart:
        """Its evaluations as a chart: results in the order of upload, with their intervals and what they were compared with.

        The band is the 95 % interval of each single result; lines are the threshold and the baseline's result as they were in
        force; letters mark where the slice, a criterion or the baseline changed. Waits for intervals to be computed.

        The chart is Altair's: it shows in a notebook, and `chart.save("history.html")` keeps it.

        Args:
            eval_fn: A function of this test, its id or name; None: all of them, a chart below the other.

        Raises:
            ImportError: altair is not installed: `pip install 'nucleus-validate[plot]'`.
            JobTimeoutError: The intervals were not computed within ten minutes. The same call again goes on where it was.
            NotFoundError: No function has this name, or it is not of this test.
            ValueError: There is no evaluation with a result yet.
        """
        functions = [metric.eval_function_id for metric in self.get_eval_functions()]
        if eval_fn is not None:
            wanted = function_id_of(self.connection, eval_fn)
            if wanted not in functions:
                raise NotFoundError(f"expected a function of test {self.name!r}, got {wanted}, which is none of it")
            functions = [wanted]
        return history_chart(self.name, [self._result_history(function_id) for function_id in functions])

    def _result_history(self, function_id: str) -> dict[str, Any]:
        """The results of one function with all their intervals, as the server sends them."""

        def ask() -> dict[str, Any]:
            answer: dict[str, Any] = self.connection.get(self._route(f"rules/{function_id}/history"))
            return answer | {"n_comparisons": len(answer["points"]), "entries": []}

        return wait_until_computed(self.connection, ask(), ask, timeout_s=600)

    @overload
    def get_items(self, level: Literal[EntityLevel.ITEM] = ...) -> list[DatasetItem]: ...

    @overload
    def get_items(self, level: EntityLevel) -> list[DatasetItem] | list[Scene] | list[Track]: ...

    def get_items(self, level: EntityLevel = EntityLevel.ITEM) -> list[DatasetItem] | list[Scene] | list[Track]:
        """What it evaluates models on.

        Args:
            level: Its items; its scenes, without their frames; or the tracks that are seen on them, each once.
        """
        answer = self.connection.get(f"validate/scenario_test/{self.id}/items")
        wanted = EntityLevel(level)
        if wanted is EntityLevel.SCENE:
            return [Scene.from_json(row, self.connection, skip_validate=True) for row in answer.get("scenes") or ()]
        if wanted is EntityLevel.TRACK:
            return [Track.from_json(row, self.connection) for row in answer.get("tracks") or ()]
        return [DatasetItem.from_json(row) for row in answer.get("dataset_items") or ()]

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
