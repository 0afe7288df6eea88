"""Models in the order of how many tests they pass, and which neighbours in that order can be told apart."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from nucleus_server.domain import Evaluation, EvaluationSummary, Judgement, Model, ScenarioTest, TestFunction
from nucleus_server.services.comparing import Matter, Rules, compare_matters
from nucleus_server.services.judging import judgements
from nucleus_server.storage import WorkspaceStore

_Entry = tuple[int, int]
"""(test key, function key)."""


@dataclass(frozen=True, slots=True)
class _Judged:
    evaluation: EvaluationSummary
    judgement: Judgement | None

    @property
    def passed(self) -> bool | None:
        """None without a criterion, and of a baseline that is compared with itself: that says nothing."""
        if self.judgement is None or self.judgement.baseline_evaluation_id == self.evaluation.id:
            return None
        return self.judgement.passed


@dataclass(frozen=True, slots=True)
class RankedModel:
    """A model's newest results on the chosen tests, one for each function of a test.

    Attributes:
        rank: From 1; models with the same numbers passed and won share it.
        n_passed: Results of all members that satisfy their criterion.
        n_partial: Results that satisfy it but leave members out, so that they are no pass.
        n_won: Results better than the baseline model's, by the results alone, of those with one.
        n_missing: Functions of the chosen tests by which it was not evaluated.
        n_results: Functions of the chosen tests in all.
    """

    model: Model
    rank: int
    n_passed: int
    n_failed: int
    n_partial: int
    n_without_criterion: int
    n_won: int
    n_against_baseline: int
    n_missing: int
    n_results: int


@dataclass(frozen=True, slots=True)
class Neighbours:
    """Two models that follow each other in the order: on how many functions of tests which is better beyond chance.

    Attributes:
        n_computing: Verdicts that are not there yet.
    """

    upper: RankedModel
    lower: RankedModel
    n_upper_better: int
    n_lower_better: int
    n_inconclusive: int
    n_computing: int


def ranking(ws: WorkspaceStore, tests: Collection[ScenarioTest], function_id: str = "") -> list[RankedModel]:
    """The models that were evaluated on one of the tests: by results passed, then by results better than the baseline's.

    All functions of the tests count, or only one of them. A mean over functions would add up what has no common unit.
    """
    entries = _entries(ws, tests, function_id)
    models = {model.key: model for model in ws.list_models()}
    newest = [e for e in ws.newest_results(models) if (e.test_key, e.function_key) in entries]
    baseline_results = {(e.test_key, e.function_key, e.model_key): e for e in ws.newest_baseline_results()}
    judged = judgements(ws, newest, tests, entries.values(), baseline_results)
    by_model: dict[int, dict[_Entry, _Judged]] = {}
    for evaluation, judgement in zip(newest, judged, strict=True):
        key = (evaluation.test_key, evaluation.function_key)
        by_model.setdefault(evaluation.model_key, {})[key] = _Judged(evaluation, judgement)
    baselines = {
        test.key: by_model.get(test.baseline_model_key, {}) for test in tests if test.baseline_model_key is not None
    }
    counted = [_counts(models[key], found, entries, baselines) for key, found in by_model.items()]
    counted.sort(key=lambda each: (-each.n_passed, -each.n_won, each.model.name, each.model.key))
    ranked: list[RankedModel] = []
    for place, each in enumerate(counted, 1):
        last = ranked[-1] if ranked else None
        is_tied = last is not None and (last.n_passed, last.n_won) == (each.n_passed, each.n_won)
        ranked.append(replace(each, rank=last.rank if last is not None and is_tied else place))
    return ranked


def separated(
    ws: WorkspaceStore,
    tests: Collection[ScenarioTest],
    ranked: Sequence[RankedModel],
    function_id: str = "",
    *,
    wait_s: float,
) -> list[Neighbours]:
    """Each model against the next one, on all functions of the tests that both were evaluated by.

    The p values of all of them are adjusted for each other; what is not computed within about `wait_s` is left to a job.
    """
    entries = _entries(ws, tests, function_id)
    by_key = {test.key: test for test in tests}
    newest = {
        (e.test_key, e.function_key, e.model_key): e
        for e in ws.newest_evaluations({each.model.key for each in ranked})
        if (e.test_key, e.function_key) in entries
    }
    pairs = list(pairwise(ranked))
    matters: list[tuple[int, Matter]] = []
    for place, (upper, lower) in enumerate(pairs):
        for (test_key, function_key), entry in entries.items():
            better: Evaluation | None = newest.get((test_key, function_key, upper.model.key))
            other: Evaluation | None = newest.get((test_key, function_key, lower.model.key))
            if better is not None and other is not None:
                matters.append((place, Matter(by_key[test_key], entry, candidate=better, baseline=other)))
    found = compare_matters(ws, [matter for _, matter in matters], Rules(), wait_s=wait_s).entries
    counts = [{"better": 0, "worse": 0, "": 0, "computing": 0} for _ in pairs]
    for (place, _), entry_found in zip(matters, found, strict=True):
        word = "computing" if entry_found.is_computing else entry_found.verdict or ""
        counts[place][word if word in counts[place] else ""] += 1
    return [
        Neighbours(upper, lower, count["better"], count["worse"], count[""], count["computing"])
        for (upper, lower), count in zip(pairs, counts, strict=True)
    ]


def _entries(ws: WorkspaceStore, tests: Iterable[ScenarioTest], function_id: str) -> dict[_Entry, TestFunction]:
    keys = {test.key for test in tests}
    return {
        (e.test_key, e.function.key): e
        for e in ws.list_all_test_functions()
        if e.test_key in keys and function_id in ("", e.function.id)
    }


def _counts(
    model: Model,
    found: dict[_Entry, _Judged],
    entries: dict[_Entry, TestFunction],
    baselines: dict[int, dict[_Entry, _Judged]],
) -> RankedModel:
    passed = [each for each in found.values() if each.passed]
    n_won = n_against = 0
    for key, judged in found.items():
        baseline = baselines.get(key[0], {}).get(key)
        if baseline is None or baseline.evaluation.model_key == model.key:
            continue
        ours, theirs = judged.evaluation.result, baseline.evaluation.result
        if ours is not None and theirs is not None:
            n_against += 1
            n_won += (ours > theirs) if entries[key].function.direction.default_comparison.wants_more else ours < theirs
    return RankedModel(
        model=model,
        rank=0,
        n_passed=sum(not each.evaluation.is_partial for each in passed),
        n_failed=sum(each.passed is False for each in found.values()),
        n_partial=sum(each.evaluation.is_partial for each in passed),
        n_without_criterion=sum(each.passed is None for each in found.values()),
        n_won=n_won,
        n_against_baseline=n_against,
        n_missing=len(entries) - len(found),
        n_results=len(entries),
    )
