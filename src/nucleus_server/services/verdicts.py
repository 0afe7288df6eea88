"""Verdicts: computed once, stored under a digest of everything that they depend on, and found again by it."""

from __future__ import annotations

import hashlib
import json
import math
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
import numpy as np

import nucleus_metrics as kernels
from nucleus_metrics.comparison import DEFAULT_SEED, FEWEST_CLUSTERS
from nucleus_server.domain import (
    Bound,
    ClusterBy,
    Comparison,
    Direction,
    EvalFunction,
    EvaluationSummary,
    Json,
    PairVerdict,
    Population,
    ResolvedCluster,
    ThresholdVerdict,
)
from nucleus_server.errors import NotFound
from nucleus_server.services.clusters import Clusters
from nucleus_server.storage import NewVerdict, WorkspaceStore

if TYPE_CHECKING:
    from numpy.typing import NDArray

METHOD_VERSION = 2
"""Goes up when the same scores and settings give another verdict: those of older versions are then computed again."""
ALPHA = 0.05
SEED = DEFAULT_SEED
_BATCH = 40  # verdicts whose scores are read by one statement, and that are stored in one transaction
_BATCH_MEMBERS = 2_000_000  # ... or so many scores

Scores = Mapping[int, "NDArray[np.float64]"]
"""Evaluation key → its scores, float64 [n_members], NaN where a member has none."""


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked about a candidate's evaluation.

    Attributes:
        baseline: What it is compared with; None if with `threshold`.
        cluster: What makes members alike.
        margin: Of a comparison with a baseline, in the function's unit.
        comparison: How the result is to be to the threshold; it decides what is good there, not the function's direction.
        others: Evaluations of the same slice: only members that they scored too are compared with the baseline.
    """

    baseline: EvaluationSummary | None
    candidate: EvaluationSummary
    function: EvalFunction
    dataset_key: int
    cluster: ResolvedCluster
    margin: float = 0.0
    threshold: float | None = None
    comparison: Comparison | None = None
    others: tuple[EvaluationSummary, ...] = ()

    @property
    def population(self) -> Population:
        """What the members' ordinals are of."""
        return Population(self.dataset_key, self.function.level)

    @property
    def higher_is_better(self) -> bool:
        """Whether larger scores are good: what the comparison with a threshold wants, else the function's direction."""
        if self.comparison is not None:
            return self.comparison.wants_more
        return self.function.direction is Direction.HIGHER_IS_BETTER


@dataclass(frozen=True, slots=True)
class Answers:
    """The verdicts that are there, in the order of the questions; None where one is still being computed.

    Attributes:
        job_id: What computes the others; None if nothing is left to do.
    """

    verdicts: tuple[PairVerdict | ThresholdVerdict | None, ...]
    job_id: str | None

    @property
    def n_computed(self) -> int:
        """How many are there."""
        return sum(verdict is not None for verdict in self.verdicts)


class PairColumns(NamedTuple):
    """Two evaluations on the members that both lists have, as columns in member order.

    Attributes:
        baseline, candidate: float64 [n], NaN where a member has no score.
        weights: float64 [n].
        clusters: int64 [n]; None if each member is its own.
        ordinals: Dataset ordinals of the members, int64 [n].
        n_without: Members without a value under the cluster key.
        weights_differ: Whether the two uploads do not weigh their members alike.
    """

    baseline: NDArray[np.float64]
    candidate: NDArray[np.float64]
    weights: NDArray[np.float64]
    clusters: NDArray[np.int64] | None
    ordinals: NDArray[np.int64]
    n_without: int
    weights_differ: bool


def answers(ws: WorkspaceStore, clusters: Clusters, questions: Sequence[Question], *, wait_s: float) -> Answers:
    """The verdicts on these questions: stored ones, and for about `wait_s` seconds those that are computed here.

    What is left is given to a job; asking again finds what it did. The same questions never make a second job.
    """
    digests = [_digest(clusters, question) for question in questions]
    found = ws.find_verdicts(digests)
    open_ = {digest: question for digest, question in zip(digests, questions, strict=True) if digest not in found}
    if open_ and wait_s > 0:
        found |= _compute(ws, clusters, open_, stop_at=time.monotonic() + wait_s)
    is_complete = all(digest in found for digest in digests)
    payload = {"verdicts": [_to_payload(question) for question in questions]}
    return Answers(
        verdicts=tuple(_from_stored(found.get(digest)) for digest in digests),
        job_id=None if is_complete else ws.request_verdicts(payload, len(questions)),
    )


def known_verdicts(
    ws: WorkspaceStore, clusters: Clusters, questions: Sequence[Question]
) -> list[PairVerdict | ThresholdVerdict | None]:
    """The verdicts on these questions that are stored, None where there is none: nothing is computed or requested."""
    digests = [_digest(clusters, question) for question in questions]
    found = ws.find_verdicts(digests)
    return [_from_stored(found.get(digest)) for digest in digests]


def compute_requested(ws: WorkspaceStore, payload: Json, still_ours: Callable[[int], None]) -> None:
    """Compute what a job asks for; what is there already, or of evaluations that are gone, is passed over.

    `still_ours(n)` is called when `n` more are done; it raises if another worker took the job over.
    """
    clusters = Clusters(ws)
    entries: list[Json] = payload["verdicts"]
    for start in range(0, len(entries), _BATCH):
        batch = entries[start : start + _BATCH]
        questions = [question for entry in batch if (question := _from_payload(ws, entry)) is not None]
        by_digest = {_digest(clusters, question): question for question in questions}
        known = ws.find_verdicts(by_digest)
        _compute(ws, clusters, {d: q for d, q in by_digest.items() if d not in known}, stop_at=math.inf)
        still_ours(len(batch))


def pair_columns(
    ws: WorkspaceStore, clusters: Clusters, question: Question, scores: Scores | None = None
) -> PairColumns:
    """The two evaluations of a question side by side, over the members that both lists, and those of the others, have.

    Weights are the candidate's; where both uploads carry weights and they differ, the baseline's. A member that the
    candidate left out has the baseline's if those are used for the others or are the same, else 1, the largest. What was
    deleted since counts for neither. `scores` are those that were read already, by evaluation key.
    """
    baseline, candidate = question.baseline, question.candidate
    assert baseline is not None
    # Versions of an append-only slice meet in the shortest prefix.
    n = min(evaluation.n_members for evaluation in (baseline, candidate, *question.others))
    known = scores or ws.read_many_scores([baseline, candidate, *question.others])
    a, b = known[baseline.key][:n].copy(), known[candidate.key][:n].copy()
    for other in question.others:
        is_left_out = np.isnan(known[other.key][:n])
        a[is_left_out] = b[is_left_out] = np.nan
    ordinals = clusters.ordinals(candidate, n)
    if candidate.n_deleted or baseline.n_deleted or np.isnan(a).any() or np.isnan(b).any():
        is_gone = clusters.is_gone(question.population)[ordinals]
        a[is_gone & np.isnan(b)] = np.nan
        b[is_gone & np.isnan(a)] = np.nan
    weights_a, weights_b = ws.read_weights(baseline), ws.read_weights(candidate)
    weights = np.ones(n) if weights_b is None else weights_b[:n].copy()
    is_common = ~np.isnan(a) & ~np.isnan(b)
    weights_differ = False
    if weights_a is not None:
        weights_differ = not np.array_equal(weights_a[:n][is_common], weights[is_common])
        if weights_b is not None:
            if weights_differ:
                weights = weights_a[:n].copy()
            is_missing = np.isnan(b)
            weights[is_missing] = weights_a[:n][is_missing]
    elif weights_b is not None:
        weights_differ = not (weights[is_common] == 1.0).all()
        weights[np.isnan(b)] = 1.0
    codes, n_without = clusters.of_members(question.population, question.cluster, ordinals)
    return PairColumns(a, b, weights, codes, ordinals, n_without, weights_differ)


def compare_columns(question: Question, columns: PairColumns) -> kernels.Comparison:
    """The comparison of a question's two evaluations."""
    return kernels.compare(columns.baseline, columns.candidate, **_arguments(question, columns))


def _arguments(question: Question, columns: PairColumns) -> dict[str, Any]:
    return {
        "weights": columns.weights,
        "clusters": columns.clusters,
        "margin": question.margin,
        "higher_is_better": question.higher_is_better,
        "alpha": ALPHA,
        "seed": SEED,
    }


def _compute(
    ws: WorkspaceStore, clusters: Clusters, questions: dict[bytes, Question], *, stop_at: float
) -> dict[bytes, Json]:
    """Compute verdicts until `stop_at` (seconds of the monotonic clock) and store them; the first is always computed.

    One whose clusters changed while it was computed is dropped: it would stand under the digest of what was before.
    """
    done: dict[bytes, Json] = {}
    waiting = list(questions.items())
    while waiting and not (done and time.monotonic() > stop_at):
        batch, waiting = _first_batch(waiting)
        evaluations = [e for _, q in batch for e in (q.baseline, q.candidate, *q.others) if e is not None]
        scores = ws.read_many_scores(evaluations)
        computed: dict[bytes, Json] = {}
        for digest, question in batch:
            if (done or computed) and time.monotonic() > stop_at:
                break
            compute = _threshold_verdict if question.baseline is None else _pair_verdict
            computed[digest] = msgspec.to_builtins(compute(ws, clusters, question, scores))
        now = Clusters(ws)
        computed = {d: payload for d, payload in computed.items() if _digest(now, questions[d]) == d}
        ws.record_verdicts([_new_verdict(digest, questions[digest], payload) for digest, payload in computed.items()])
        done |= computed
    return done


def _first_batch(
    questions: list[tuple[bytes, Question]],
) -> tuple[list[tuple[bytes, Question]], list[tuple[bytes, Question]]]:
    """As many questions as are read and stored together, at least one, and the others."""
    n, n_members = 0, 0
    while n < min(_BATCH, len(questions)) and n_members <= _BATCH_MEMBERS:
        question = questions[n][1]
        n_members += (2 + len(question.others)) * question.candidate.n_members
        n += 1
    return questions[:n], questions[n:]


def _new_verdict(digest: bytes, question: Question, payload: Json) -> NewVerdict:
    baseline_key = None if question.baseline is None else question.baseline.key
    return NewVerdict(digest, baseline_key, question.candidate.key, payload)


def _pair_verdict(ws: WorkspaceStore, clusters: Clusters, question: Question, scores: Scores) -> PairVerdict:
    columns = pair_columns(ws, clusters, question, scores)
    a, b = columns.baseline, columns.candidate
    found = compare_columns(question, columns)
    is_missing = np.isnan(b) & ~np.isnan(a)
    worst = best = None
    if is_missing.any():
        worst, best = kernels.with_missing_scores(
            a, b, _range_of(question.function, a, b), **_arguments(question, columns)
        )
    is_common = ~np.isnan(a) & ~np.isnan(b)
    # How many clusters it would take matters only where these did not suffice.
    is_open = found.verdict is kernels.Verdict.INCONCLUSIVE
    wished = question.margin or abs(found.delta)
    baseline_result, candidate_result = _results(question, columns, is_common)
    return PairVerdict(
        delta=_number(found.delta),
        low=_number(found.interval.low),
        high=_number(found.interval.high),
        p_value=found.p_value,
        verdict=found.verdict.value,
        is_non_inferior=found.is_non_inferior,
        standard_error=_number(found.standard_error),
        minimum_detectable_effect=_number(found.minimum_detectable_effect),
        clusters_needed=kernels.clusters_needed(found, wished) if is_open and 0 < wished < math.inf else None,
        n=found.n,
        n_effective=found.n_effective,
        n_clusters=found.n_clusters,
        n_left_out=found.n_left_out,
        n_missing=int(np.count_nonzero(is_missing)),
        n_draws=found.n_draws,
        seed=found.seed,
        alpha=found.alpha,
        margin=found.margin,
        method_version=METHOD_VERSION,
        cluster=question.cluster,
        n_without_cluster_value=columns.n_without,
        weights_differ=columns.weights_differ,
        baseline_result=baseline_result,
        candidate_result=candidate_result,
        worst_case=None if worst is None or not worst.n else _bound(worst),
        best_case=None if best is None or not best.n else _bound(best),
    )


def _results(
    question: Question, columns: PairColumns, is_common: NDArray[np.bool_]
) -> tuple[float | None, float | None]:
    """Both models' weighted means on the members that both scored."""
    baseline, candidate = question.baseline, question.candidate
    assert baseline is not None
    n_common = int(np.count_nonzero(is_common))
    if not columns.weights_differ and n_common == baseline.n_scored == candidate.n_scored:
        return baseline.result, candidate.result
    weights = columns.weights[is_common]
    return _mean(columns.baseline[is_common], weights), _mean(columns.candidate[is_common], weights)


def _threshold_verdict(ws: WorkspaceStore, clusters: Clusters, question: Question, known: Scores) -> ThresholdVerdict:
    candidate, function = question.candidate, question.function
    threshold, comparison = question.threshold, question.comparison
    assert threshold is not None and comparison is not None
    scores = known[candidate.key]
    found_weights = ws.read_weights(candidate)
    weights = np.ones(len(scores)) if found_weights is None else found_weights.copy()
    codes, _ = clusters.of_members(
        question.population, question.cluster, clusters.ordinals(candidate, candidate.n_members)
    )
    arguments: dict[str, Any] = {
        "clusters": codes,
        "score_range": _range_of(function, scores),
        "higher_is_better": question.higher_is_better,
        "alpha": ALPHA,
        "seed": SEED,
    }
    found = kernels.against_threshold(scores, threshold, weights=weights, **arguments)
    worst = None
    if candidate.is_partial:
        filled, weights = with_worst(ws, clusters, question, scores, weights)
        worst = _standing(kernels.against_threshold(filled, threshold, weights=weights, **arguments), comparison)
    return ThresholdVerdict(
        result=found.result,
        threshold=threshold,
        low=found.interval.low,
        high=found.interval.high,
        standing=_standing(found, comparison),
        method=found.method,
        n=found.n,
        n_clusters=found.n_clusters,
        alpha=found.alpha,
        seed=found.seed,
        method_version=METHOD_VERSION,
        cluster=question.cluster,
        worst_case=worst,
    )


def _standing(found: kernels.ThresholdComparison, comparison: Comparison) -> str:
    """The standing by this very comparison: for the kernel, reaching a threshold is passing; for `>` and `<` it is not."""
    if found.n_clusters < FEWEST_CLUSTERS:
        return kernels.Standing.INCONCLUSIVE.value
    worst, best = found.interval if comparison.wants_more else reversed(found.interval)
    if comparison.holds(worst, found.threshold):
        return kernels.Standing.PASSES.value
    if comparison.holds(best, found.threshold):
        return kernels.Standing.INCONCLUSIVE.value
    return kernels.Standing.FAILS.value


def with_worst(
    ws: WorkspaceStore,
    clusters: Clusters,
    question: Question,
    scores: NDArray[np.float64],
    weights: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The candidate's scores with the worst one, at the largest weight, wherever one is missing of a member that exists."""
    candidate, function = question.candidate, question.function
    ordinals = clusters.ordinals(candidate, candidate.n_members)
    is_missing = np.isnan(scores) & ~clusters.is_gone(question.population)[ordinals]
    low, high = _range_of(function, scores)
    worst = low if question.higher_is_better else high
    return np.where(is_missing, worst, scores), np.where(is_missing, 1.0, weights)


def _range_of(function: EvalFunction, *columns: NDArray[np.float64]) -> tuple[float, float]:
    """The function's range, and what these scores have outside of it: it may have been narrowed after they came."""
    lowest = [float(np.fmin.reduce(column, initial=function.score_min)) for column in columns]
    highest = [float(np.fmax.reduce(column, initial=function.score_max)) for column in columns]
    return min(lowest), max(highest)


def _bound(found: kernels.Comparison) -> Bound:
    return Bound(
        delta=found.delta,
        low=_number(found.interval.low),
        high=_number(found.interval.high),
        verdict=found.verdict.value,
        is_non_inferior=found.is_non_inferior,
    )


def _mean(scores: NDArray[np.float64], weights: NDArray[np.float64]) -> float | None:
    mean = kernels.weighted_mean(scores, weights)
    return None if mean.weight_sum == 0.0 else mean.value


def _number(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _digest(clusters: Clusters, question: Question) -> bytes:
    function = question.function
    depends_on: list[Any] = [
        METHOD_VERSION,
        ALPHA,
        SEED,
        None if question.baseline is None else question.baseline.id,
        question.candidate.id,
        function.direction.value,
        function.score_min,
        function.score_max,
        question.cluster.by.value,
        question.cluster.key,
        question.cluster.source,
        clusters.fingerprint(question.population, question.cluster),
        clusters.n_deleted(question.population) if _depends_on_deleted(question) else 0,
        question.margin,
        question.threshold,
        None if question.comparison is None else question.comparison.value,
    ]
    if question.others:  # the digests of all other verdicts stay as they are
        depends_on.append(sorted(other.id for other in question.others))
    return hashlib.sha256(json.dumps(depends_on).encode()).digest()


def _depends_on_deleted(question: Question) -> bool:
    """Whether it matters which items were deleted since: those without a score, or whose cluster is known no more."""
    evaluations = [e for e in (question.baseline, question.candidate, *question.others) if e is not None]
    return question.cluster.key is not None or any(e.n_scored < e.n_members for e in evaluations)


def _from_stored(payload: Json | None) -> PairVerdict | ThresholdVerdict | None:
    if payload is None:
        return None
    kind: type[PairVerdict | ThresholdVerdict] = ThresholdVerdict if "standing" in payload else PairVerdict
    return msgspec.convert(payload, kind)


def _to_payload(question: Question) -> Json:
    return {
        "baseline": None if question.baseline is None else question.baseline.id,
        "candidate": question.candidate.id,
        "cluster": [question.cluster.by.value, question.cluster.key, question.cluster.source],
        "margin": question.margin,
        "threshold": question.threshold,
        "comparison": None if question.comparison is None else question.comparison.value,
        "others": [other.id for other in question.others],
    }


def _from_payload(ws: WorkspaceStore, entry: Json) -> Question | None:
    ids: Iterable[str | None] = (entry["baseline"], entry["candidate"])
    try:
        baseline, candidate = (None if i is None else ws.get_evaluation_of_any_test(i) for i in ids)
        others = tuple(map(ws.get_evaluation_of_any_test, entry.get("others", ())))
    except NotFound:
        return None
    assert candidate is not None
    by, key, source = entry["cluster"]
    return Question(
        baseline=baseline,
        candidate=candidate,
        function=ws.get_eval_function_of(candidate),
        dataset_key=ws.get_slice_by_key(candidate.slice_key).dataset_key,
        cluster=ResolvedCluster(ClusterBy(by), key, source),
        margin=entry["margin"],
        threshold=entry["threshold"],
        comparison=None if entry["comparison"] is None else Comparison(entry["comparison"]),
        others=others,
    )
