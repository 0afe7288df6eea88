"""Whether an evaluation passed: always computed from the result and the criterion in force, never stored."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from nucleus_metrics import weighted_mean
from nucleus_server.domain import (
    Evaluation,
    EvaluationStatus,
    EvaluationSummary,
    JudgedEvaluation,
    Judgement,
    Model,
    ScenarioTest,
    TestFunction,
)
from nucleus_server.storage import WorkspaceStore

Series = tuple[int, int, int]
"""(test key, function key, model key): the evaluations of one model by one function on one test."""


def judge_test(ws: WorkspaceStore, test_id: str) -> list[JudgedEvaluation]:
    """The test's whole history beside the criteria in force, oldest first."""
    test = ws.get_scenario_test(test_id)
    evaluations = ws.list_evaluations(test_id)
    return _judge(ws, evaluations, [test], ws.list_test_functions(test_id), _newest(evaluations))


def judge_one(ws: WorkspaceStore, evaluation_id: str) -> JudgedEvaluation:
    """One evaluation beside the criterion in force."""
    evaluation = ws.get_evaluation(evaluation_id)
    test = ws.get_scenario_test(evaluation.test_id)
    newest = {}
    if test.baseline_model_key is not None:
        baseline = ws.find_newest_evaluation(test.key, evaluation.function_key, test.baseline_model_key)
        if baseline is not None:
            newest[baseline.test_key, baseline.function_key, baseline.model_key] = baseline
    return _judge(ws, [evaluation], [test], ws.list_test_functions(test.id), newest)[0]


def upload_numbers(evaluations: Iterable[Evaluation]) -> dict[str, tuple[int, int]]:
    """Evaluation id → (2, 3) for the second of three of its test, function and model, from a history oldest first."""
    series: dict[Series, list[str]] = defaultdict(list)
    for evaluation in evaluations:
        series[evaluation.test_key, evaluation.function_key, evaluation.model_key].append(evaluation.id)
    return {evaluation_id: (i, len(ids)) for ids in series.values() for i, evaluation_id in enumerate(ids, start=1)}


def judge_newest(ws: WorkspaceStore) -> list[JudgedEvaluation]:
    """The newest completed evaluation of every (test, function, model) beside its criterion, for all tests."""
    evaluations = ws.newest_evaluations()
    return _judge(ws, evaluations, ws.list_scenario_tests(), ws.list_all_test_functions(), _newest(evaluations))


def judge_model(ws: WorkspaceStore, model: Model) -> list[JudgedEvaluation]:
    """The model's newest completed evaluation by every function on every test beside its criterion."""
    baselines = {(e.test_key, e.function_key, e.model_key): e for e in ws.newest_baseline_results()}
    evaluations = ws.newest_evaluations({model.key})
    found = judgements(ws, evaluations, ws.list_scenario_tests(), ws.list_all_test_functions(), baselines)
    return [JudgedEvaluation(evaluation, judgement) for evaluation, judgement in zip(evaluations, found, strict=True)]


def judge_function(ws: WorkspaceStore, function_key: int) -> dict[int, tuple[EvaluationSummary, Judgement | None]]:
    """Test key → the newest completed evaluation by the function there, beside its criterion."""
    baselines = {(e.test_key, e.function_key, e.model_key): e for e in ws.newest_baseline_results()}
    newest = ws.newest_function_results(function_key)
    found = judgements(ws, newest, ws.list_scenario_tests(), ws.list_all_test_functions(), baselines)
    return {e.test_key: (e, judgement) for e, judgement in zip(newest, found, strict=True)}


def judge_upload(ws: WorkspaceStore, upload_id: str, others: Sequence[str] = ()) -> list[JudgedEvaluation]:
    """The evaluations that an upload gave, and `others` by their ids, beside the criteria in force; oldest first."""
    evaluations = ws.list_upload_evaluations(upload_id, others)
    tests = {test.key: test for test in ws.list_scenario_tests()}
    models = {tests[e.test_key].baseline_model_key for e in evaluations if e.test_key in tests}
    baselines = [key for key in models if key is not None]
    newest = _newest(ws.newest_evaluations(baselines)) if baselines else {}
    return _judge(ws, evaluations, tests.values(), ws.list_all_test_functions(), newest)


def _newest(evaluations: Iterable[Evaluation]) -> dict[Series, Evaluation]:
    """The newest completed evaluation of each series, from evaluations in the order they were made."""
    return {(e.test_key, e.function_key, e.model_key): e for e in evaluations if e.status is EvaluationStatus.COMPLETED}


def judgements(
    ws: WorkspaceStore,
    evaluations: Iterable[EvaluationSummary],
    tests: Iterable[ScenarioTest],
    functions: Iterable[TestFunction],
    newest: Mapping[Series, EvaluationSummary],
) -> list[Judgement | None]:
    """The criteria in force applied to each of the evaluations, in their order.

    Args:
        tests, functions: Those of the evaluations, at least.
        newest: The newest completed evaluation of each series, of the tests' baseline models at least.
    """
    baseline_keys = {test.key: test.baseline_model_key for test in tests}
    criteria = {(entry.test_key, entry.function.key): entry for entry in functions}
    prefixes = _Prefixes(ws)
    judged = []
    for evaluation in evaluations:
        baseline_key = baseline_keys.get(evaluation.test_key)
        baseline = (
            None if baseline_key is None else newest.get((evaluation.test_key, evaluation.function_key, baseline_key))
        )
        entry = criteria.get((evaluation.test_key, evaluation.function_key))
        judged.append(_judgement(prefixes, evaluation, entry, baseline))
    return judged


def _judge(
    ws: WorkspaceStore,
    evaluations: Sequence[Evaluation],
    tests: Iterable[ScenarioTest],
    functions: Iterable[TestFunction],
    newest: Mapping[Series, Evaluation],
) -> list[JudgedEvaluation]:
    found = judgements(ws, evaluations, tests, functions, newest)
    return [JudgedEvaluation(evaluation, judgement) for evaluation, judgement in zip(evaluations, found, strict=True)]


def _judgement(
    prefixes: _Prefixes, evaluation: EvaluationSummary, entry: TestFunction | None, baseline: EvaluationSummary | None
) -> Judgement | None:
    if entry is None or evaluation.result is None or evaluation.status is not EvaluationStatus.COMPLETED:
        return None
    if entry.threshold is not None:
        return Judgement(
            source="threshold",
            threshold=entry.threshold,
            comparison=entry.comparison,
            result=evaluation.result,
            passed=entry.comparison.holds(evaluation.result, entry.threshold),
        )
    if baseline is None or baseline.result is None:
        return None
    result: float | None = evaluation.result
    threshold: float | None = baseline.result
    n_common = None
    if evaluation.n_members != baseline.n_members:
        # Two versions of an append-only slice meet in the shorter prefix.
        n_common = min(evaluation.n_members, baseline.n_members)
        result = prefixes.result(evaluation, n_common)
        threshold = prefixes.result(baseline, n_common)
    if result is None or threshold is None:
        return None
    return Judgement(
        source="baseline",
        threshold=threshold,
        comparison=entry.comparison,
        result=result,
        passed=entry.comparison.holds(result, threshold),
        baseline_model_id=baseline.model_id,
        baseline_model_name=baseline.model_name,
        baseline_evaluation_id=baseline.id,
        n_common=n_common,
    )


class _Prefixes:
    """Results on the first members of a list, each computed once: many evaluations meet the same baseline."""

    def __init__(self, ws: WorkspaceStore) -> None:
        self._ws = ws
        self._known: dict[tuple[int, int], float | None] = {}

    def result(self, evaluation: EvaluationSummary, n_members: int) -> float | None:
        """The evaluation's result over its first `n_members`; None if none of them has a score."""
        if n_members == evaluation.n_members:
            return evaluation.result
        key = (evaluation.key, n_members)
        if key not in self._known:
            weights = self._ws.read_weights(evaluation)
            mean = weighted_mean(
                self._ws.read_scores(evaluation)[:n_members], None if weights is None else weights[:n_members]
            )
            self._known[key] = None if mean.weight_sum == 0.0 else mean.value
        return self._known[key]
