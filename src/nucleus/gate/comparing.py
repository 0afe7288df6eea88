"""Is the candidate better than the baseline? Two files of scores, joined by item, compared, and what decides it."""

from __future__ import annotations

import math
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from nucleus.gate.groups import groups_of_ids, standard_error
from nucleus.gate.joining import Pairs, join
from nucleus.gate.loading import ColumnNames, Scores, load_scores
from nucleus.gate.score_files import InvalidScoreFile
from nucleus_metrics import Comparison, clusters_needed, compare, with_missing_scores
from nucleus_metrics.comparison import DEFAULT_SEED

if TYPE_CHECKING:
    from numpy.typing import NDArray

PASSED, FAILED, INCONCLUSIVE = "passed", "failed", "inconclusive"
_EXAMPLES = 10
_NOTICEABLE = 1.1
"""A warning says that groups matter from this factor on the standard error on."""


@dataclass(frozen=True)
class FileSide:
    """One of the two files.

    Attributes:
        path: As it was given.
        id_column, score_column, weight_column: Which columns were read; None: there are no weights.
        n_rows: Its rows.
        n_scored: Rows with a score.
        result: Weighted mean over the compared items, in the scores' unit.
    """

    path: str
    id_column: str
    score_column: str
    weight_column: str | None
    n_rows: int
    n_scored: int
    result: float


@dataclass(frozen=True)
class Case:
    """The comparison with the candidate's missing scores at one end of the score range."""

    delta: float
    interval: tuple[float | None, float | None]
    verdict: str
    is_non_inferior: bool


@dataclass(frozen=True)
class MissingItems:
    """Items that the baseline has a score for and the candidate has none.

    Attributes:
        n: How many.
        examples: The first ten.
        score_range: What scores can be; None if nobody said and the scores do not lie in [0, 1].
        worst_case, best_case: With them at the worst and the best score of the range; None without a range or without any.
    """

    n: int
    examples: list[str]
    score_range: tuple[float, float] | None
    worst_case: Case | None
    best_case: Case | None


@dataclass(frozen=True)
class ItemContribution:
    """What one item adds to the difference: w(b − a) / Σw. Over all compared items these add up to it."""

    reference_id: str
    contribution: float
    baseline_score: float
    candidate_score: float
    weight: float


@dataclass(frozen=True)
class FileComparison:
    """A candidate's file against a baseline's, on the items that have a score in both.

    Attributes:
        outcome: `passed` (better, equivalent, or certainly not worse by the margin), `failed` (worse) or `inconclusive`. If
            the candidate leaves items out it is passed only if the worst case passes too, or missing items are allowed.
        verdict: better, worse, equivalent, inconclusive or too few clusters.
        delta: Weighted mean of candidate − baseline, in the scores' unit.
        interval: All differences that the test does not reject, at 1 − alpha confidence; None is an open end.
        p_value: Two-sided, of the sign-flip test over clusters.
        minimum_detectable_effect: The true difference that would be found with 80 % probability; None of one cluster.
        effect: The difference that `clusters_needed` is about: the one asked for, else the margin, else the one observed.
        clusters_needed: How many clusters like these would show it with 80 % probability; None if nobody knows.
        n: Compared items with a weight above 0.
        n_effective: (Σw)² / Σw².
        cluster: The column that was clustered by; None: each item is its own cluster.
        n_without_cluster_value: Compared items whose cell of it is empty: each is its own cluster.
        n_only_in_candidate: Items that only the candidate has a score for; they are left out.
        weights_differ: Whether the files have different weights for an item; the baseline's were used.
        top_items: The items that weigh most, by |contribution|.
        warnings: What to look at before the verdict is believed.
    """

    outcome: str
    verdict: str
    delta: float
    interval: tuple[float | None, float | None]
    p_value: float
    is_non_inferior: bool
    standard_error: float | None
    minimum_detectable_effect: float | None
    effect: float | None
    clusters_needed: int | None
    n: int
    n_effective: float
    n_clusters: int
    cluster: str | None
    n_without_cluster_value: int
    margin: float
    higher_is_better: bool
    alpha: float
    seed: int
    n_draws: int
    baseline: FileSide
    candidate: FileSide
    missing: MissingItems
    allow_missing: bool
    n_only_in_candidate: int
    weights_differ: bool
    top_items: list[ItemContribution]
    warnings: list[str]

    def to_dict(self) -> dict[str, Any]:
        """All of it in JSON's types; what is undefined or unbounded is None."""
        return asdict(self)


def compare_files(
    base: str | os.PathLike[str],
    cand: str | os.PathLike[str],
    *,
    id: str | None = None,
    score: str | None = None,
    weight: str | None = None,
    cluster: str | None = None,
    margin: float = 0.0,
    lower_is_better: bool = False,
    seed: int = DEFAULT_SEED,
    candidate_score: str | None = None,
    score_range: tuple[float, float] | None = None,
    effect: float | None = None,
    allow_missing: bool = False,
    n_top: int = 10,
) -> FileComparison:
    """Compare two files of scores: CSV, JSON lines or Parquet, by their endings.

    Rows are joined by item id; items with a score in one file only are left out of the comparison, and counted. Clusters are
    assumed to be independent of each other, and under the null hypothesis the models to be exchangeable.

    Args:
        id: Column of item ids; None: reference_id, item_ref_id, item_id or id, whichever is there first.
        score: Column of scores; None: score.
        weight: Column of weights, at least 0; None: weight if it is there, else every weight is 1. It may be in one file only.
        cluster: Column whose equal values form a cluster (a log, a drive, a patient, a document), in either file.
        margin: Differences up to it are of no importance, in the scores' unit.
        seed: Of the random sign vectors: the same seed and files give the same numbers on any machine.
        candidate_score: Column of scores in `cand`, if it is another one there.
        score_range: The lowest and highest score there can be, for the worst case of items that the candidate leaves out;
            None: (0, 1) if all scores lie in it, else there is no worst case.
        effect: The difference that `clusters_needed` is asked for; None: the margin if it is above 0, else the observed one.
        allow_missing: Items that the candidate leaves out do not stand in the way of passing.
        n_top: How many items to name that weigh most.

    Raises:
        InvalidScoreFile: A file cannot be read, a column is not there, an id is repeated, a score is no finite number, or no
            item has a score in both; the message names file and line.
        ValueError: An argument is outside its range.
    """
    _check(margin, effect, score_range)
    names = ColumnNames(id, score, None, cluster)
    left = _load(Path(base), names, weight, score_range)
    right = _load(Path(cand), names._replace(score=candidate_score or score), weight, score_range)
    if weight is not None and left.weights is None and right.weights is None:
        raise InvalidScoreFile(f"expected a column {weight!r} of weights in {base} or {cand}, got it in neither")
    pairs = join(left, right, cluster)
    arguments: dict[str, Any] = {
        "weights": pairs.weights,
        "clusters": pairs.clusters,
        "margin": margin,
        "higher_is_better": not lower_is_better,
        "seed": seed,
    }
    found = compare(pairs.baseline, pairs.candidate, **arguments)
    if math.isnan(found.delta):
        raise InvalidScoreFile("expected a weight above 0 for an item with a score in both files, got only zeros")
    missing = _missing(pairs, score_range, arguments)
    outcome = _outcome(found, None if allow_missing else missing)
    asked = effect or margin or abs(found.delta) or None
    top, results = _contributions(pairs, n_top)
    return FileComparison(
        outcome=outcome,
        verdict=found.verdict.value,
        delta=found.delta,
        interval=_ends(found),
        p_value=found.p_value,
        is_non_inferior=found.is_non_inferior,
        standard_error=_defined(found.standard_error),
        minimum_detectable_effect=_defined(found.minimum_detectable_effect),
        effect=asked,
        clusters_needed=None if asked is None else clusters_needed(found, asked),
        n=found.n,
        n_effective=found.n_effective,
        n_clusters=found.n_clusters,
        cluster=cluster,
        n_without_cluster_value=pairs.n_without_cluster_value,
        margin=margin,
        higher_is_better=not lower_is_better,
        alpha=found.alpha,
        seed=seed,
        n_draws=found.n_draws,
        baseline=_side(left, results[0]),
        candidate=_side(right, results[1]),
        missing=missing,
        allow_missing=allow_missing,
        n_only_in_candidate=pairs.n_only_in_candidate,
        weights_differ=pairs.weights_differ,
        top_items=top,
        warnings=_warnings(pairs, cluster, missing, stands_in_the_way=outcome != _outcome(found, None)),
    )


def _check(margin: float, effect: float | None, score_range: tuple[float, float] | None) -> None:
    if not 0 <= margin < math.inf:
        raise ValueError(f"expected a margin of at least 0, got {margin}")
    if effect is not None and not 0 < effect < math.inf:
        raise ValueError(f"expected an effect above 0, got {effect}")
    if score_range is not None and not -math.inf < score_range[0] < score_range[1] < math.inf:
        raise ValueError(f"expected a score_range of two finite numbers, lowest first, got {score_range}")


def _load(path: Path, names: ColumnNames, weight: str | None, score_range: tuple[float, float] | None) -> Scores:
    return load_scores(path, names._replace(weight=weight), score_range=score_range, find_groups=names.cluster is None)


def _missing(pairs: Pairs, score_range: tuple[float, float] | None, arguments: dict[str, Any]) -> MissingItems:
    is_missing = pairs.is_missing
    n = int(np.count_nonzero(is_missing))
    if score_range is None:
        scores = np.concatenate([pairs.baseline, pairs.candidate])
        score_range = (0.0, 1.0) if np.nanmin(scores) >= 0 and np.nanmax(scores) <= 1 else None
    worst = best = None
    if n and score_range is not None:
        worst, best = map(_case, with_missing_scores(pairs.baseline, pairs.candidate, score_range, **arguments))
    examples = [pairs.ids[place] for place in np.flatnonzero(is_missing)[:_EXAMPLES].tolist()]
    return MissingItems(n, examples, score_range, worst, best)


def _case(found: Comparison) -> Case:
    return Case(found.delta, _ends(found), found.verdict.value, found.is_non_inferior)


def _outcome(found: Comparison, missing: MissingItems | None) -> str:
    if found.verdict.value == "worse":
        return FAILED
    if not _passes(found.verdict.value, found.is_non_inferior):
        return INCONCLUSIVE
    if missing is not None and missing.n:
        worst = missing.worst_case
        return PASSED if worst is not None and _passes(worst.verdict, worst.is_non_inferior) else INCONCLUSIVE
    return PASSED


def _passes(verdict: str, is_non_inferior: bool) -> bool:
    return verdict in ("better", "equivalent") or is_non_inferior


def _contributions(pairs: Pairs, n_top: int) -> tuple[list[ItemContribution], tuple[float, float]]:
    """The items that weigh most, and the two weighted means over the compared items."""
    places = np.flatnonzero(pairs.has_both)
    a, b = pairs.baseline[places], pairs.candidate[places]
    w = np.ones(len(places)) if pairs.weights is None else pairs.weights[places]
    total = math.fsum(w)
    contributions = w * (b - a) / total
    magnitudes = np.abs(contributions)
    n_top = min(n_top, len(places))
    if n_top <= 0:
        order = np.empty(0, dtype=np.int64)
    else:
        # All that reach the last one of the top: ties go by the order of the file, whatever the partition does with them.
        least = np.partition(magnitudes, len(places) - n_top)[len(places) - n_top]
        reaching = np.flatnonzero((magnitudes >= least) & (magnitudes > 0))
        order = reaching[np.argsort(-magnitudes[reaching], kind="stable")][:n_top]
    top = [
        ItemContribution(
            reference_id=pairs.ids[int(places[i])],
            contribution=float(contributions[i]),
            baseline_score=float(a[i]),
            candidate_score=float(b[i]),
            weight=float(w[i]),
        )
        for i in order
    ]
    return top, (math.fsum(w * a) / total, math.fsum(w * b) / total)


def _side(scores: Scores, result: float) -> FileSide:
    columns = scores.columns
    return FileSide(
        path=str(scores.path),
        id_column=str(columns.id),
        score_column=str(columns.score),
        weight_column=columns.weight,
        n_rows=len(scores.ids),
        n_scored=int(np.count_nonzero(~np.isnan(scores.scores))),
        result=result,
    )


def _warnings(pairs: Pairs, cluster: str | None, missing: MissingItems, *, stands_in_the_way: bool) -> list[str]:
    warnings = _group_warnings(pairs) if cluster is None else []
    if stands_in_the_way:
        why = (
            "what the missing ones could score is unknown, because not all scores are in [0, 1]: say it by --score-range"
            if missing.worst_case is None
            else "with those at the worst score it would not"
        )
        warnings.append(
            f"the candidate would pass, but leaves items out, and {why}; if missing items are fine, --allow-missing says so"
        )
    if pairs.weights_differ:
        warnings.append("the files have different weights for some items: the baseline's were used")
    return warnings


def _group_warnings(pairs: Pairs) -> list[str]:
    both = pairs.has_both
    differences = (pairs.candidate - pairs.baseline)[both]
    weights = np.ones(len(differences)) if pairs.weights is None else pairs.weights[both]
    alone = standard_error(differences, weights, None)
    warnings = []
    found: dict[str | None, NDArray[np.int64]] = dict(pairs.groups.items())
    if not found and (of_ids := groups_of_ids(pairs.ids)) is not None:
        found[None] = of_ids
    for name, codes in found.items():
        used = codes[both]
        n_groups = int(np.count_nonzero(np.bincount(used)))
        if n_groups < 2 or 2 * n_groups > len(used):
            continue
        what = "the item ids look" if name is None else f"column {name!r} looks"
        told = (
            f"{what} like groups ({n_groups:,} of {len(used):,} items){_factor(differences, weights, used, alone)}; if items of "
            "one group depend on each other, "
        )
        warnings.append(
            told + ("put the group in a column and name it by --cluster" if name is None else f"give --cluster {name}")
        )
    return warnings


def _factor(
    differences: NDArray[np.float64], weights: NDArray[np.float64], codes: NDArray[np.int64], alone: float
) -> str:
    factor = standard_error(differences, weights, codes) / alone if alone > 0 else math.nan
    if not factor >= _NOTICEABLE:
        return ", though it hardly matters here"
    return f", and with them the standard error is {factor:.1f} times as large"


def _ends(found: Comparison) -> tuple[float | None, float | None]:
    return _defined(found.interval.low), _defined(found.interval.high)


def _defined(number: float) -> float | None:
    return number if math.isfinite(number) else None
