"""Entries of reports: what is asked about each function of each test, the verdicts on it, and the outcome."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

import nucleus_metrics as kernels
from nucleus_server.domain import (
    Direction,
    Evaluation,
    EvaluationStatus,
    Mode,
    Outcome,
    PairVerdict,
    ReportEntry,
    ScenarioTest,
    Side,
    TestFunction,
    ThresholdVerdict,
    Waiver,
)
from nucleus_server.errors import InvalidInput, NotFound
from nucleus_server.services.clusters import Clusters
from nucleus_server.services.ground_truth import GroundTruth
from nucleus_server.services.outcomes import Facts, decide
from nucleus_server.services.verdicts import Answers, Question, answers, with_worst
from nucleus_server.storage import WorkspaceStore

_MODES_OF_THRESHOLDS = (Mode.CONFIDENT, Mode.NOT_PROVEN_WORSE)


@dataclass(frozen=True, slots=True)
class Rules:
    """What all entries of a report are decided by.

    Attributes:
        mode: In place of the tests' own; None leaves those.
        false_discovery_rate: q of the adjustment, in (0, 1).
    """

    mode: Mode | None = None
    allow_missing: bool = False
    require_coverage: float = 0.0
    false_discovery_rate: float = 0.05


@dataclass(frozen=True, slots=True)
class Comparisons:
    """Two models on one test, function by function.

    Attributes:
        n_comparisons, n_computed: Verdicts that they need, and those that are there.
        job_id: What computes the others; None if nothing is left to do.
    """

    entries: tuple[ReportEntry, ...]
    n_comparisons: int
    n_computed: int
    job_id: str | None


@dataclass(frozen=True, slots=True)
class Matter:
    """One function of one test, with the two evaluations that it is about.

    Attributes:
        is_baseline: Whether the candidate is what the test's models are compared with.
        others: Evaluations that must have scored a member too for it to be compared.
    """

    test: ScenarioTest
    entry: TestFunction
    candidate: Evaluation | None
    baseline: Evaluation | None
    is_baseline: bool = False
    others: tuple[Evaluation, ...] = ()


def compare_on_test(
    ws: WorkspaceStore,
    test_id: str,
    baseline_model_id: str,
    candidate_model_id: str,
    function_ids: Sequence[str] | None = None,
    *,
    wait_s: float,
) -> Comparisons:
    """The newest evaluations of two models on a test, by all its functions or some.

    Raises:
        NotFound: The test, a model or a function of it does not exist.
        InvalidInput: Both models are the same.
    """
    if baseline_model_id == candidate_model_id:
        raise InvalidInput(
            "expected two models, got the same one twice: choose another baseline", code="same_model_twice"
        )
    test = ws.get_scenario_test(test_id)
    keys = {model_id: ws.get_model(model_id).key for model_id in (baseline_model_id, candidate_model_id)}
    entries = ws.list_test_functions(test_id)
    unknown = set(function_ids or ()) - {entry.function.id for entry in entries}
    if unknown:
        raise NotFound(
            f"{', '.join(sorted(unknown))} is not a function of scenario test {test.name!r}",
            code="function_not_in_test",
        )
    matters = [
        Matter(
            test,
            entry,
            candidate=ws.find_newest_evaluation(test.key, entry.function.key, keys[candidate_model_id]),
            baseline=ws.find_newest_evaluation(test.key, entry.function.key, keys[baseline_model_id]),
        )
        for entry in entries
        if function_ids is None or entry.function.id in function_ids
    ]
    return compare_matters(ws, matters, Rules(), wait_s=wait_s)


def compare_with_baseline(
    ws: WorkspaceStore, test_id: str, *, wait_s: float, history: Sequence[Evaluation] | None = None
) -> dict[str, PairVerdict | None]:
    """Evaluation id → its comparison with the baseline's newest one, for the newest evaluation of every other model.

    Empty if the test has no baseline; None while a verdict is being computed. Nothing is adjusted for other comparisons.
    `history` are the test's evaluations, oldest first, if they were read already.
    """
    test = ws.get_scenario_test(test_id)
    if test.baseline_model_key is None:
        return {}
    entries = {entry.function.key: entry for entry in ws.list_test_functions(test_id)}
    newest = {
        (e.function_key, e.model_key): e
        for e in (ws.list_evaluations(test_id) if history is None else history)
        if e.status is EvaluationStatus.COMPLETED and e.function_key in entries
    }
    clusters = Clusters(ws)
    questions = []
    for (function_key, model_key), evaluation in newest.items():
        baseline = newest.get((function_key, test.baseline_model_key))
        if model_key != test.baseline_model_key and baseline is not None:
            function, margin = entries[function_key].function, entries[function_key].margin
            cluster = clusters.resolve(test, function)
            questions.append(Question(baseline, evaluation, function, test.dataset_key, cluster, margin))
    found = answers(ws, clusters, questions, wait_s=wait_s).verdicts
    return {
        question.candidate.id: verdict if isinstance(verdict, PairVerdict) else None
        for question, verdict in zip(questions, found, strict=True)
    }


def compare_evaluations(
    ws: WorkspaceStore, baseline_evaluation_id: str, candidate_evaluation_id: str, *, wait_s: float
) -> ReportEntry:
    """Two evaluations of one test and function, the first as the baseline; no others are adjusted for.

    Raises:
        NotFound: An evaluation does not exist.
        InvalidInput: They are not of the same test and function.
    """
    matter = matter_of(ws, baseline_evaluation_id, candidate_evaluation_id)
    return compare_matters(ws, [matter], Rules(), wait_s=wait_s).entries[0]


def matter_of(ws: WorkspaceStore, baseline_evaluation_id: str, candidate_evaluation_id: str) -> Matter:
    """The matter that two evaluations are about; raises InvalidInput if they are of different ones."""
    baseline, candidate = ws.get_evaluation(baseline_evaluation_id), ws.get_evaluation(candidate_evaluation_id)
    if (baseline.test_key, baseline.function_key) != (candidate.test_key, candidate.function_key):
        raise InvalidInput(
            "expected two evaluations of the same scenario test and evaluation function, got "
            f"{baseline.id} of {baseline.test_id} and {candidate.id} of {candidate.test_id}",
            code="evaluations_not_comparable",
        )
    if baseline.key == candidate.key:
        raise InvalidInput("expected two evaluations, got the same one twice", code="evaluations_not_comparable")
    for entry in ws.list_test_functions(candidate.test_id):
        if entry.function.key == candidate.function_key:
            return Matter(ws.get_scenario_test(candidate.test_id), entry, candidate, baseline)
    raise NotFound("the evaluations' function was taken out of their test", code="function_not_in_test")


def compare_matters(ws: WorkspaceStore, matters: Sequence[Matter], rules: Rules, *, wait_s: float) -> Comparisons:
    """An entry for each, decided together: their p values are adjusted for each other.

    Holm's adjustment holds among the tests that are marked as blocking, Benjamini and Hochberg's among the others.
    """
    clusters = Clusters(ws)
    sizes = {part.key: part.n_members for part in ws.list_slices()}
    truth = GroundTruth(ws)
    drafts = [_Draft(ws, clusters, truth, matter, rules, sizes.get(matter.test.slice_key)) for matter in matters]
    questions = [question for draft in drafts for question in draft.questions]
    found: Answers = answers(ws, clusters, questions, wait_s=wait_s)
    verdicts = iter(found.verdicts)
    for draft in drafts:
        for question in draft.questions:
            draft.take(question, next(verdicts))
    adjusted = _adjusted([(draft.matter.test.is_blocking, draft.pair) for draft in drafts])
    waivers = ws.list_waivers(is_active=True)
    return Comparisons(
        entries=tuple(draft.entry(p, waivers) for draft, p in zip(drafts, adjusted, strict=True)),
        n_comparisons=len(questions),
        n_computed=found.n_computed,
        job_id=found.job_id,
    )


class _Draft:
    """An entry in the making: its questions first, then what was answered."""

    def __init__(
        self,
        ws: WorkspaceStore,
        clusters: Clusters,
        truth: GroundTruth,
        matter: Matter,
        rules: Rules,
        n_members: int | None,
    ) -> None:
        self.matter = matter
        self._truth = truth
        self._n_members = n_members  # of the slice as it is now; None if it was deleted
        self.pair: PairVerdict | None = None
        self._check: ThresholdVerdict | None = None
        self._ws, self._clusters, self._rules = ws, clusters, rules
        test, entry = matter.test, matter.entry
        self._mode = rules.mode or entry.effective_mode
        self._cluster = clusters.resolve(test, entry.function)
        self.questions: list[Question] = []
        candidate, baseline = matter.candidate, matter.baseline
        if candidate is None or candidate.result is None:
            return
        if baseline is not None:
            self.questions.append(self._question(candidate, baseline=baseline, margin=entry.margin))
        if self._mode in _MODES_OF_THRESHOLDS and entry.threshold is not None:
            self.questions.append(self._threshold_question(candidate))

    def _question(self, candidate: Evaluation, *, baseline: Evaluation, margin: float) -> Question:
        test, function = self.matter.test, self.matter.entry.function
        return Question(
            baseline, candidate, function, test.dataset_key, self._cluster, margin, others=self.matter.others
        )

    def _threshold_question(self, candidate: Evaluation) -> Question:
        test, entry = self.matter.test, self.matter.entry
        return Question(
            None,
            candidate,
            entry.function,
            test.dataset_key,
            self._cluster,
            threshold=entry.threshold,
            comparison=entry.comparison,
        )

    def take(self, question: Question, verdict: PairVerdict | ThresholdVerdict | None) -> None:
        """Keep the answer to one of the questions."""
        if isinstance(verdict, PairVerdict):
            self.pair = verdict
        elif verdict is not None:
            self._check = verdict

    def entry(self, adjusted_p: float | None, waivers: Iterable[Waiver]) -> ReportEntry:
        """The entry, with its p value adjusted."""
        test, entry, candidate = self.matter.test, self.matter.entry, self.matter.candidate
        function, pair = entry.function, self.pair
        is_computing = len(self.questions) > (pair is not None) + (self._check is not None)
        worst = self._worst_case_result()
        verdict = None if pair is None else pair.verdict
        if verdict in ("better", "worse") and (adjusted_p or 0.0) > self._rules.false_discovery_rate:
            verdict = "inconclusive"
        facts = Facts(
            mode=self._mode,
            threshold=entry.threshold,
            comparison=entry.comparison,
            candidate=None if candidate is None else side(candidate),
            baseline=None if self.matter.baseline is None else side(self.matter.baseline),
            pair=pair,
            verdict=verdict,
            adjusted_p=adjusted_p,
            check=self._check,
            worst_case_result=worst,
            n_missing=0 if candidate is None else candidate.n_members - candidate.n_deleted - candidate.n_scored,
            allow_missing=self._rules.allow_missing,
            require_coverage=self._rules.require_coverage,
            false_discovery_rate=self._rules.false_discovery_rate,
            is_baseline=self.matter.is_baseline,
            higher_is_better=function.direction is Direction.HIGHER_IS_BETTER,
            unit=function.unit,
        )
        decision = decide(facts)
        outcome, reason, settles = decision.outcome, decision.reason, decision.settles
        if is_computing:
            outcome, reason, settles = Outcome.INCONCLUSIVE, "the verdict is being computed", "waiting for it"
        is_by_threshold = entry.threshold is not None
        return ReportEntry(
            test_id=test.id,
            test_name=test.name,
            slice_id=test.slice_id,
            function_id=function.id,
            function_name=function.name,
            unit=function.unit,
            higher_is_better=facts.higher_is_better,
            is_blocking=test.is_blocking,
            tags=test.tags,
            mode=self._mode.value,
            threshold=entry.threshold,
            threshold_comparison=entry.comparison.value,
            margin=entry.margin,
            candidate=facts.candidate,
            baseline=facts.baseline,
            comparison=pair,
            is_computing=is_computing,
            adjusted_p=adjusted_p,
            adjustment=None if adjusted_p is None else "holm" if test.is_blocking else "benjamini-hochberg",
            verdict=verdict,
            threshold_check=self._check,
            point_result=_value(candidate) if is_by_threshold or pair is None else pair.candidate_result,
            point_threshold=entry.threshold if is_by_threshold or pair is None else pair.baseline_result,
            worst_case_result=worst,
            warnings=tuple(self._warnings()),
            outcome=outcome,
            reason=reason,
            settles=settles,
            waiver=_waiver_for(self.matter, waivers)
            if outcome in (Outcome.FAILED, Outcome.INCONCLUSIVE) and not is_computing
            else None,
        )

    def _worst_case_result(self) -> float | None:
        candidate = self.matter.candidate
        if candidate is None or candidate.result is None or not candidate.is_partial:
            return None
        if self._rules.allow_missing or self.matter.entry.threshold is None:
            return None
        scores, weights = self._ws.read_scores(candidate), self._ws.read_weights(candidate)
        filled, weights = with_worst(
            self._ws,
            self._clusters,
            self._threshold_question(candidate),
            scores,
            np.ones(len(scores)) if weights is None else weights,
        )
        return kernels.weighted_mean(filled, weights).value

    def _warnings(self) -> Iterable[str]:
        test, entry, pair = self.matter.test, self.matter.entry, self.pair
        candidate = self.matter.candidate
        if candidate is None:
            return
        if self._n_members is not None and self._n_members > candidate.n_members:
            n = self._n_members - candidate.n_members
            yield f"the slice has grown by {n:,} since the candidate was evaluated: nothing here is about those members"
        yield from self._truth.warnings(candidate, self.matter.baseline, test.dataset_key)
        if pair is None and self._check is None and self._mode is Mode.POINT:
            pass  # nothing here depends on clusters
        elif (warning := self._clusters.warning(test.dataset_key, self._cluster)) is not None:
            yield warning
        if pair is not None:
            if pair.weights_differ:
                yield "the two uploads weigh their members differently"
            if pair.n_without_cluster_value:
                yield (
                    f"{pair.n_without_cluster_value:,} members have no {self._cluster.key!r}: each counts as a cluster of "
                    "its own"
                )
            if pair.n_left_out:
                yield f"{pair.n_left_out:,} members were scored for one of the two models only, and are left out"
        if self._mode is Mode.NON_INFERIOR and self.matter.baseline is None and entry.threshold is not None:
            yield "there is no baseline evaluation here: judged by the threshold"


def side(evaluation: Evaluation) -> Side:
    """One side of a comparison."""
    return Side(
        evaluation_id=evaluation.id,
        model_id=evaluation.model_id,
        model_name=evaluation.model_name,
        result=evaluation.result,
        coverage=evaluation.coverage,
        n_scored=evaluation.n_scored,
        n_members=evaluation.n_members - evaluation.n_deleted,
        created_at=evaluation.created_at,
        upload_id=evaluation.upload_id,
    )


def _adjusted(pairs: Sequence[tuple[bool, PairVerdict | None]]) -> list[float | None]:
    """The adjusted p of each pair, in two families: those of blocking tests, and the others."""
    found: list[float | None] = [None] * len(pairs)
    for family, adjust in ((True, kernels.holm), (False, kernels.benjamini_hochberg)):
        places = [i for i, (is_blocking, pair) in enumerate(pairs) if is_blocking is family and pair is not None]
        p_values = [pair.p_value for _, pair in (pairs[i] for i in places) if pair is not None]
        if places:
            for place, p in zip(places, adjust(p_values).tolist(), strict=True):
                found[place] = p
    return found


def _waiver_for(matter: Matter, waivers: Iterable[Waiver]) -> Waiver | None:
    candidate = matter.candidate
    if candidate is None:
        return None
    return next((w for w in waivers if w.covers(matter.test.key, matter.entry.function.key, candidate.model_key)), None)


def _value(evaluation: Evaluation | None) -> float | None:
    return None if evaluation is None else evaluation.result
