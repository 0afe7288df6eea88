"""`client.validate`: evaluation functions and scenario tests."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from nucleus._async_job import AsyncJob
from nucleus._connection import Connection
from nucleus._exceptions import CreateScenarioTestError
from nucleus._model import Model
from nucleus.validate.constants import UNCHANGED, Direction, EntityLevel
from nucleus.validate.decoding import utc_text
from nucleus.validate.eval_functions import (
    AvailableEvalFunctions,
    EvalFunction,
    EvalFunctionEntry,
    EvaluationCriterion,
    ExternalEvalFunction,
)
from nucleus.validate.evaluation import ScenarioTestEvaluation
from nucleus.validate.references import function_id_of, model_id_of, scenario_test_id_of
from nucleus.validate.release_report import ReleaseReport, report_request
from nucleus.validate.releases import AuditEntry, Release
from nucleus.validate.scenario_test import ScenarioTest
from nucleus.validate.waiting import SERVER_WAIT_S, wait_until_computed
from nucleus.validate.waivers import Waiver

_MAX_NAME = 255


class Validate:
    """`client.validate`: evaluation functions and scenario tests of the client's workspace."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection

    def __repr__(self) -> str:
        return f"Validate(connection={self.connection!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Validate) and self.connection == other.connection

    __hash__ = None  # type: ignore[assignment]

    @property
    def eval_functions(self) -> AvailableEvalFunctions:
        """All evaluation functions, asked for at every access."""
        rows = self.connection.get("validate/eval_fn")["eval_functions"]
        return AvailableEvalFunctions([EvalFunctionEntry.from_json(row) for row in rows])

    def create_external_eval_function(
        self,
        name: str,
        level: EntityLevel = EntityLevel.ITEM,
        direction: Direction | str = Direction.HIGHER_IS_BETTER,
        score_range: tuple[float, float] = (0.0, 1.0),
        *,
        unit: str | None = None,
        description: str | None = None,
        default_cluster_key: str | None = None,
    ) -> ExternalEvalFunction:
        """Create a name under which scores are uploaded that your own code computed; the code stays with you.

        Args:
            name: 1 to 255 characters without blanks, unique in the workspace.
            level: What a score belongs to.
            direction: Whether a larger result is better; `lower_is_better` makes `<=` the default comparison.
            score_range: Lowest and highest score that the server is to accept.
            unit: What scores are measured in, such as `ms`.
            description: What the function is, for those who read its results.
            default_cluster_key: The metadata key whose values group items that are alike.

        Returns:
            The function, ready for `create_scenario_test` and for uploads.

        Raises:
            ValueError: The name is empty, too long or has blanks.
            NucleusAPIError: The name is taken.
        """
        if not 1 <= len(name) <= _MAX_NAME or any(c.isspace() for c in name):
            raise ValueError(
                f"expected a name of 1 to {_MAX_NAME} characters without blanks, got {name[:40]!r} ({len(name)} characters)"
            )
        payload: dict[str, Any] = {
            "name": name,
            "is_external_function": True,
            "serialized_fn": None,
            "raw_source": None,
            "level": EntityLevel(level).value,
            "direction": Direction(direction).value,
            "score_range": list(score_range),
        }
        words = {"unit": unit, "description": description, "default_cluster_key": default_cluster_key}
        payload |= {key: value for key, value in words.items() if value is not None}
        answer = self.connection.post(payload, "validate/eval_fn")
        return ExternalEvalFunction(EvalFunctionEntry.from_json(answer["eval_fn"]))

    def set_eval_function_properties(
        self,
        eval_function_id: str,
        *,
        direction: Direction | str = UNCHANGED,
        score_range: tuple[float, float] = UNCHANGED,
        unit: str | None = UNCHANGED,
        description: str | None = UNCHANGED,
        default_cluster_key: str | None = UNCHANGED,
    ) -> ExternalEvalFunction:
        """Change what is said of an external function; what is left out stays. Stored scores never change.

        Args:
            direction: Whether a larger result is better.
            score_range: Lowest and highest score that the server is to accept from now on.
            unit: What scores are measured in; None takes it away, here as in the two below.
            description: What the function is.
            default_cluster_key: The metadata key whose values group items that are alike.

        Raises:
            ValueError: Nothing is to be changed, or the direction is none.
            NucleusAPIError: The function is public, somebody else's, or does not exist.
        """
        properties: dict[str, Any] = {
            "direction": direction if direction is UNCHANGED else Direction(direction).value,
            "score_range": score_range if score_range is UNCHANGED else list(score_range),
            "unit": unit,
            "description": description,
            "default_cluster_key": default_cluster_key,
        }
        changes = {key: value for key, value in properties.items() if value is not UNCHANGED}
        if not changes:
            raise ValueError(f"expected at least one of {', '.join(properties)}, got none")
        answer = self.connection.post(changes, f"validate/eval_fn/{eval_function_id}/properties", is_replay_safe=True)
        return ExternalEvalFunction(EvalFunctionEntry.from_json(answer["eval_fn"]))

    def get_eval_function_history(self, eval_function_id: str) -> list[dict[str, Any]]:
        """Every change of a function's properties, oldest first: `property`, `before`, `after`, who and when."""
        return list(self.connection.get(f"validate/eval_fn/{eval_function_id}/history")["changes"])

    def delete_eval_function(self, eval_function_id: str) -> bool:
        """Delete an external function; the history of tests that use it stays."""
        return bool(self.connection.delete(f"validate/eval_fn/{eval_function_id}")["success"])

    def create_scenario_test(
        self, name: str, slice_id: str, evaluation_functions: Sequence[EvalFunction]
    ) -> ScenarioTest:
        """Create a test of a slice that you own.

        Args:
            name: 1 to 255 characters, unique in the workspace.
            slice_id: The slice, `slc_…`.
            evaluation_functions: At least one; all external or all not.

        Raises:
            CreateScenarioTestError: There is no function, external and other ones are mixed, or a criterion was given.
            ValueError: `slice_id` is no slice's id.
            NucleusAPIError: The name is taken, the slice does not exist or is somebody else's.
        """
        if not evaluation_functions:
            raise CreateScenarioTestError("expected at least one evaluation function, got none")
        for function in evaluation_functions:
            if isinstance(function, EvaluationCriterion):
                raise CreateScenarioTestError(
                    "expected evaluation functions, got a criterion: pass the function itself, and put the threshold in force "
                    "with set_threshold on the test's get_eval_functions()"
                )
        if len({function.is_external_function for function in evaluation_functions}) > 1:
            raise CreateScenarioTestError(
                "expected evaluation functions that are all external or all not, got both: make one test for each kind"
            )
        if not slice_id.startswith("slc_"):
            raise ValueError(f"expected the id of a slice, which starts with slc_, got {slice_id!r}")
        answer = self.connection.post(
            {
                "name": name,
                "slice_id": slice_id,
                "evaluation_functions": [
                    {"id": f.id, "eval_func_arguments": f.eval_func_arguments} for f in evaluation_functions
                ],
            },
            "validate/scenario_test",
        )
        return self.get_scenario_test(answer["scenario_test_id"])

    def get_scenario_test(self, scenario_test_id: str) -> ScenarioTest:
        """The test with this id."""
        return ScenarioTest.from_json(
            self.connection.get(f"validate/scenario_test/{scenario_test_id}")["unit_test"], self.connection
        )

    def get_evaluation(self, evaluation_id: str) -> ScenarioTestEvaluation:
        """The evaluation with this id, beside the criterion in force now."""
        row = self.connection.get(f"validate/eval/{evaluation_id}/row")["evaluation"]
        return ScenarioTestEvaluation.from_json(row, self.connection)

    @property
    def scenario_tests(self) -> list[ScenarioTest]:
        """All tests of the workspace, oldest first."""
        rows = self.connection.get("validate/scenario_test/details")
        return [ScenarioTest.from_json(row, self.connection) for row in rows]

    def delete_scenario_test(self, scenario_test_id: str) -> bool:
        """Delete a test; its name is free again."""
        return bool(self.connection.delete(f"validate/scenario_test/{scenario_test_id}")["success"])

    # --- releases

    def release_report(
        self,
        model: Model | str,
        baseline: Model | str | None = None,
        *,
        tests: Sequence[ScenarioTest | str] | None = None,
        tags: Sequence[str] | None = None,
        mode: str | None = None,
        allow_missing: bool = False,
        require_coverage: float = 0.0,
        false_discovery_rate: float = 0.05,
        wait: bool = True,
        timeout_s: float = 600,
        show_progress: bool | None = None,
    ) -> ReleaseReport:
        """What the tests say about a model beside its baseline, with verdicts adjusted for how many there are.

        Args:
            model: The candidate, or its id.
            baseline: A model or its id; `"last-approved"`: for each test the candidate of the last approved release that it was
                part of; None: each test's own baseline model.
            tests: Tests, their ids or names; with `tags` those of either. Without both: all tests.
            tags: Tests that have one of these words.
            mode: `point`, `confident`, `not-proven-worse` or `non-inferior` for all; None: each function's own.
            allow_missing: Whether a candidate may leave members out: its worst case need not pass then.
            require_coverage: The part of a test's members, in [0, 1], that the candidate must have scores of.
            false_discovery_rate: The part of better and worse verdicts, in (0, 1), that may be chance.
            wait: Wait until all verdicts are computed; else the report may be `computing`.
            timeout_s: How long to wait at most.
            show_progress: Whether to draw a bar if it takes longer than a second; None: if somebody watches.

        Raises:
            ValueError: `tests` or `tags` is empty or a text.
            JobTimeoutError: Verdicts were not computed within `timeout_s`; says which. The same call goes on where it was.
            JobError: The job that computes them failed.
            NucleusAPIError: A model or a test does not exist, or an option is none.
        """
        asked = report_request(
            model,
            baseline,
            tests=tests,
            tags=tags,
            mode=mode,
            allow_missing=allow_missing,
            require_coverage=require_coverage,
            false_discovery_rate=false_discovery_rate,
        )

        def ask(wait_s: int) -> dict[str, Any]:
            answer: dict[str, Any] = self.connection.post(
                asked | {"wait_s": wait_s}, "validate/release_report", is_replay_safe=True
            )
            return answer

        answer = ask(SERVER_WAIT_S if wait else 0)
        if wait:
            answer = wait_until_computed(
                self.connection, answer, lambda: ask(SERVER_WAIT_S), timeout_s=timeout_s, show_progress=show_progress
            )
        return ReleaseReport.from_json(answer, self.connection)

    def create_release(
        self,
        name: str,
        model: Model | str,
        baseline: Model | str | None = None,
        *,
        tests: Sequence[ScenarioTest | str] | None = None,
        tags: Sequence[str] | None = None,
        mode: str | None = None,
        allow_missing: bool = False,
        require_coverage: float = 0.0,
        false_discovery_rate: float = 0.05,
        wait: bool = True,
        timeout_s: float = 600,
        show_progress: bool | None = None,
    ) -> Release:
        """Open a release, to be approved or rejected by the report of these tests.

        Args:
            name: What people call it.
            model: The candidate, or its id.
            baseline: As in `release_report`, and so are all the others.

        Raises:
            JobTimeoutError: Verdicts were not computed within `timeout_s`. The release is there: see `releases()`.
            NucleusAPIError: As in `release_report`.
        """
        asked = report_request(
            model,
            baseline,
            tests=tests,
            tags=tags,
            mode=mode,
            allow_missing=allow_missing,
            require_coverage=require_coverage,
            false_discovery_rate=false_discovery_rate,
        )
        row = self.connection.post({"name": name, **asked, "wait_s": SERVER_WAIT_S if wait else 0}, "validate/releases")
        release = Release.from_json(row, self.connection)
        if wait and row["report"]["status"] == "computing":
            route = f"validate/releases/{release.id}"
            wait_until_computed(
                self.connection,
                row["report"],
                lambda: self.connection.get(route)["report"],
                timeout_s=timeout_s,
                show_progress=show_progress,
            )
            release.refresh()
        return release

    def releases(self, status: str | None = None, limit: int | None = None) -> list[Release]:
        """Releases without their reports, newest first: all, or those that are `open`, `approved` or `rejected`."""
        asked = {"status": status, "limit": None if limit is None else str(limit)}
        params = {key: value for key, value in asked.items() if value is not None}
        rows = self.connection.get("validate/releases", params or None)["releases"]
        return [Release.from_json(row, self.connection) for row in rows]

    def get_release(self, release_id: str) -> Release:
        """The release with this id, with its report."""
        return Release.from_json(self.connection.get(f"validate/releases/{release_id}"), self.connection)

    def create_waiver(
        self,
        test: ScenarioTest | str,
        eval_fn: EvalFunction | str,
        *,
        model: Model | str | None = None,
        reason: str,
        owner: str,
        expires_at: datetime,
    ) -> Waiver:
        """Accept that a function of a test fails or is unclear, until a date.

        Args:
            test: The test, its id or name.
            eval_fn: The function, its id or name.
            model: The only candidate it holds for, or its id; None: any.
            reason: Why it is accepted.
            owner: Who answers for it.
            expires_at: When it ends, with a time zone.

        Raises:
            ValueError: `expires_at` has no time zone.
            NotFoundError: There is no such test or function.
            NucleusAPIError: The test does not have the function, the end is past, or the key may not do that.
        """
        row = self.connection.post(
            {
                "scenario_test_id": scenario_test_id_of(self.connection, test),
                "eval_function_id": function_id_of(self.connection, eval_fn),
                "model_id": None if model is None else model_id_of(model),
                "reason": reason,
                "owner": owner,
                "expires_at": utc_text(expires_at),
            },
            "validate/waivers",
        )
        return Waiver.from_json(row, self.connection)

    def waivers(self, active: bool = True) -> list[Waiver]:
        """Waivers in force, newest first; with `active=False` also those that expired or were revoked."""
        rows = self.connection.get("validate/waivers", {"active": "true"} if active else None)["waivers"]
        return [Waiver.from_json(row, self.connection) for row in rows]

    def audit_log(
        self, limit: int = 100, before: datetime | None = None, object_id: str | None = None
    ) -> list[AuditEntry]:
        """Who did what, newest first.

        Args:
            limit: How many at most.
            before: Only what was done before this time, which has a time zone.
            object_id: Only what was done to this object.
        """
        asked = {
            "limit": str(limit),
            "before": None if before is None else utc_text(before),
            "object_id": object_id,
        }
        params = {key: value for key, value in asked.items() if value is not None}
        return [AuditEntry.from_json(row) for row in self.connection.get("validate/audit_log", params)["entries"]]

    # --- functions that the server computes

    def evaluate_model_on_scenario_tests(self, model_id: str, scenario_test_names: Sequence[str]) -> AsyncJob:
        """Evaluate a model on these tests by their built-in functions."""
        answer = self.connection.post({"test_names": list(scenario_test_names)}, f"validate/{model_id}/evaluate")
        return AsyncJob.from_json(answer, self.connection)

    def metrics(self, model_id: str) -> list[AsyncJob]:
        """Compute a model's built-in metrics on its datasets."""
        rows = self.connection.post({}, f"validate/{model_id}/metrics")
        return [AsyncJob.from_json(row, self.connection) for row in rows]
