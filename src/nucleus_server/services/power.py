"""How small a difference a test can see, and how large one is no more than noise: known before anybody relies on it."""

from __future__ import annotations

import math
import statistics
from dataclasses import dataclass
from itertools import pairwise

import nucleus_metrics as kernels
from nucleus_server.domain import Evaluation, EvaluationStatus, ResolvedCluster, ScenarioTest, TestFunction
from nucleus_server.errors import InvalidInput, NotFound
from nucleus_server.services.clusters import Clusters
from nucleus_server.services.verdicts import Question, compare_columns, pair_columns
from nucleus_server.storage import WorkspaceStore

_MOST_PAIRS = 20  # of so many neighbours in the history, the newest


@dataclass(frozen=True, slots=True)
class Power:
    """What a test can see by one function.

    Attributes:
        minimum_detectable_effect: The difference that would be found with 80 % probability, in the function's unit; None
            if nothing is known.
        effect: The difference that somebody wants to see; None if nobody asked.
        clusters_needed: How many clusters would show `effect` with 80 % probability; None if nobody knows.
        how: What it was learned from, as a sentence.
    """

    minimum_detectable_effect: float | None
    standard_error: float | None
    n_clusters: int
    n: int
    cluster: ResolvedCluster
    effect: float | None
    clusters_needed: int | None
    how: str
    baseline_evaluation_id: str | None
    candidate_evaluation_id: str | None


@dataclass(frozen=True, slots=True)
class MarginProposal:
    """A margin that past noise speaks for; None if nothing is known, and how it was found.

    Attributes:
        n_repeats: Pairs of successive uploads of one model.
        n_steps: Pairs of successive models.
    """

    margin: float | None
    how: str
    n_repeats: int
    n_steps: int


def power(ws: WorkspaceStore, test_id: str, function_id: str, effect: float | None = None) -> Power:
    """What the test can see, from the newest evaluations of two models on it.

    Raises:
        NotFound: The test or the function in it does not exist.
        InvalidInput: The effect is not above 0 and finite.
    """
    if effect is not None and not 0 < effect < math.inf:
        raise InvalidInput(f"expected an effect above 0, got {effect!r}", code="invalid_effect")
    test, entry, history = _history(ws, test_id, function_id)
    clusters = Clusters(ws)
    cluster = clusters.resolve(test, entry.function)
    pair = _newest_two(test, history)
    if pair is None:
        n_models = len({e.model_key for e in history})
        how = f"it takes evaluations of two models to know; there {'is one' if n_models == 1 else 'are none'} yet"
        return Power(None, None, 0, 0, cluster, effect, None, how, None, None)
    baseline, candidate = pair
    question = Question(baseline, candidate, entry.function, test.dataset_key, cluster, entry.margin)
    found = compare_columns(question, pair_columns(ws, clusters, question))
    is_known = math.isfinite(found.standard_error)
    how = f"from the newest evaluations of {candidate.model_name} and {baseline.model_name}"
    if is_known and found.standard_error == 0.0:
        how += ": every cluster changed alike, so nothing is known of how much they vary"
        is_known = False
    return Power(
        minimum_detectable_effect=found.minimum_detectable_effect if is_known else None,
        standard_error=found.standard_error if is_known else None,
        n_clusters=found.n_clusters,
        n=found.n,
        cluster=cluster,
        effect=effect,
        clusters_needed=kernels.clusters_needed(found, effect) if is_known and effect is not None else None,
        how=how,
        baseline_evaluation_id=baseline.id,
        candidate_evaluation_id=candidate.id,
    )


def propose_margin(ws: WorkspaceStore, test_id: str, function_id: str) -> MarginProposal:
    """A margin from past noise: repeated uploads of one model first, else the steps between successive models.

    Twice the root mean square of the differences between successive uploads of one model: two runs of the same model differ
    by less 19 times of 20. Without repeats that differ, half of the median step between successive models.
    """
    _, entry, history = _history(ws, test_id, function_id)
    unit = f" {entry.function.unit}" if entry.function.unit else ""
    by_model: dict[int, list[Evaluation]] = {}
    for evaluation in history:
        by_model.setdefault(evaluation.model_key, []).append(evaluation)
    repeats = [
        after.result - before.result
        for evaluations in by_model.values()
        for before, after in pairwise(evaluations)
        if before.n_members == after.n_members and before.result is not None and after.result is not None
    ][-_MOST_PAIRS:]
    newest = [evaluations[-1] for evaluations in by_model.values()]
    newest.sort(key=lambda evaluation: evaluation.created_at)
    steps = [
        abs(after.result - before.result)
        for before, after in pairwise(newest)
        if before.n_members == after.n_members and before.result is not None and after.result is not None
    ][-_MOST_PAIRS:]
    noise = math.sqrt(statistics.fmean(d * d for d in repeats)) if repeats else 0.0
    if noise > 0:
        return MarginProposal(
            _rounded(2 * noise),
            f"twice the typical difference of {noise:.2g}{unit} between successive uploads of one model "
            f"({len(repeats)} {'pair' if len(repeats) == 1 else 'pairs'})",
            len(repeats),
            len(steps),
        )
    step = statistics.median(steps) if steps else 0.0
    if step > 0:
        return MarginProposal(
            _rounded(step / 2),
            f"half of the median step of {step:.2g}{unit} between {len(steps) + 1} successive models; repeated uploads of one "
            "model would say more",
            len(repeats),
            len(steps),
        )
    why = "nothing is known of the noise yet: upload the scores of one model that ran twice, or of several models"
    return MarginProposal(None, why, len(repeats), len(steps))


def _history(ws: WorkspaceStore, test_id: str, function_id: str) -> tuple[ScenarioTest, TestFunction, list[Evaluation]]:
    """The test, the function in it, and its completed evaluations, oldest first."""
    test = ws.get_scenario_test(test_id)
    for entry in ws.list_test_functions(test_id):
        if entry.function.id == function_id:
            break
    else:
        raise NotFound(
            f"evaluation function {function_id} is not part of scenario test {test_id}: add it to the test first",
            code="function_not_in_test",
        )
    history = [
        e
        for e in ws.list_evaluations(test_id)
        if e.function_key == entry.function.key and e.status is EvaluationStatus.COMPLETED and e.result is not None
    ]
    return test, entry, history


def _newest_two(test: ScenarioTest, history: list[Evaluation]) -> tuple[Evaluation, Evaluation] | None:
    """The baseline's newest evaluation and another model's newest one; else those of the two newest models."""
    newest: dict[int, Evaluation] = {e.model_key: e for e in history}
    in_order = sorted(newest.values(), key=lambda e: (e.created_at, e.key), reverse=True)
    if len(in_order) < 2:
        return None
    baseline = next((e for e in in_order if e.model_key == test.baseline_model_key), None)
    if baseline is None:
        return in_order[1], in_order[0]
    return baseline, next(e for e in in_order if e is not baseline)


def _rounded(margin: float) -> float:
    """To two significant digits, as people set margins."""
    return float(f"{margin:.2g}")
