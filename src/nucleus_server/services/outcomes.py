"""What a gate says of one function of one test, by its mode: passed, failed, or that nobody can tell, and why."""

from __future__ import annotations

from dataclasses import dataclass

from nucleus_server.domain import Comparison, Mode, Outcome, PairVerdict, Side, ThresholdVerdict

FEWEST_CLUSTERS = 6
"""With fewer nothing is certain at the 5 % level."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What an outcome is decided on.

    Attributes:
        mode: As set or asked for.
        verdict: The comparison's, after adjustment.
        worst_case_result: The result if missing scores were the worst; None if none is missing.
        n_missing: Members without a score of the candidate.
        allow_missing: Whether that is fine.
        is_baseline: Whether the candidate is itself what models are compared with here.
    """

    mode: Mode
    threshold: float | None
    comparison: Comparison
    candidate: Side | None
    baseline: Side | None
    pair: PairVerdict | None
    verdict: str | None
    adjusted_p: float | None
    check: ThresholdVerdict | None
    worst_case_result: float | None
    n_missing: int
    allow_missing: bool
    require_coverage: float
    false_discovery_rate: float
    is_baseline: bool
    higher_is_better: bool
    unit: str | None


@dataclass(frozen=True, slots=True)
class Decision:
    """An outcome, why it is so, and of an inconclusive one what would settle it."""

    outcome: Outcome
    reason: str
    settles: str | None = None


def decide(facts: Facts) -> Decision:
    """The outcome of one entry."""
    candidate = facts.candidate
    if candidate is None:
        return Decision(Outcome.MISSING, "the candidate has no evaluation here", "upload the candidate's scores")
    coverage = candidate.coverage
    if facts.require_coverage > 0 and (coverage is None or coverage < facts.require_coverage):
        got = "nothing" if coverage is None else _percent(coverage)
        return Decision(
            Outcome.FAILED,
            f"{got} of the members have a score, at least {_percent(facts.require_coverage)} are required",
        )
    if candidate.result is None:
        return Decision(Outcome.INCONCLUSIVE, "no member with a weight has a score", "scores with weights above 0")
    if facts.mode is Mode.NON_INFERIOR and facts.baseline is not None:
        return _non_inferior(facts)
    if facts.mode in (Mode.CONFIDENT, Mode.NOT_PROVEN_WORSE) and facts.threshold is not None:
        return _by_interval(facts)
    return _point(facts)


def _non_inferior(facts: Facts) -> Decision:
    pair = facts.pair
    if pair is None or pair.delta is None:
        return Decision(
            Outcome.INCONCLUSIVE, "no member was scored for both models", "scores of the same members for both"
        )
    margin = f" by more than the margin of {pair.margin:g}" if pair.margin else ""
    if pair.verdict == "too few clusters":
        return Decision(
            Outcome.INCONCLUSIVE,
            f"{pair.n_clusters} clusters are too few: of fewer than {FEWEST_CLUSTERS} nothing is certain",
            f"at least {FEWEST_CLUSTERS} clusters",
        )
    if pair.is_non_inferior:
        worst = pair.worst_case
        if worst is not None and not facts.allow_missing and not worst.is_non_inferior:
            return Decision(
                Outcome.INCONCLUSIVE,
                f"passes only without the {_members(pair.n_missing)} that the candidate has no score for",
                f"scores of the {_members(pair.n_missing)}",
            )
        if pair.verdict == "equivalent" and pair.delta == 0.0 == pair.low == pair.high:
            return Decision(Outcome.PASSED, "the scores are identical")
        return Decision(Outcome.PASSED, f"certainly not worse{margin}: {_change(facts)}")
    if facts.verdict == "worse":
        return Decision(Outcome.FAILED, f"worse than the baseline: {_change(facts)}")
    if pair.verdict == "worse":
        return Decision(
            Outcome.INCONCLUSIVE,
            f"would be worse if it were the only comparison, but not at adjusted p ≤ {facts.false_discovery_rate:g}: "
            f"{_change(facts)}",
            _settles(facts),
        )
    return Decision(Outcome.INCONCLUSIVE, f"could be worse{margin}: {_change(facts)}", _settles(facts))


def _by_interval(facts: Facts) -> Decision:
    check, threshold = facts.check, facts.threshold
    assert threshold is not None
    if check is None:
        return Decision(Outcome.INCONCLUSIVE, "no member with a weight has a score", "scores with weights above 0")
    where = f"95 % interval {check.low:.4g} to {check.high:.4g}, wanted {facts.comparison.symbol} {threshold:g}"
    if check.n_clusters < FEWEST_CLUSTERS:
        return Decision(
            Outcome.INCONCLUSIVE,
            f"{check.n_clusters} clusters are too few: of fewer than {FEWEST_CLUSTERS} nothing is certain",
            f"at least {FEWEST_CLUSTERS} clusters",
        )
    standing, worst = check.standing, check.worst_case
    if facts.allow_missing or worst is None:
        worst = standing
    is_strict = facts.mode is Mode.CONFIDENT
    if standing == "fails":
        return Decision(Outcome.FAILED, f"the whole interval misses the threshold: {where}")
    if is_strict and standing != "passes":
        return Decision(Outcome.INCONCLUSIVE, f"the threshold lies within the interval: {where}", "more clusters")
    if worst == "fails" or (is_strict and worst != "passes"):
        return Decision(
            Outcome.INCONCLUSIVE,
            f"passes only without the {_members(facts.n_missing)} that have no score: {where}",
            f"scores of the {_members(facts.n_missing)}",
        )
    return Decision(
        Outcome.PASSED,
        f"the whole interval satisfies the threshold: {where}"
        if standing == "passes"
        else f"not proven to miss the threshold: {where}",
    )


def _point(facts: Facts) -> Decision:
    candidate, pair = facts.candidate, facts.pair
    assert candidate is not None and candidate.result is not None
    is_by_interval = facts.mode in (Mode.CONFIDENT, Mode.NOT_PROVEN_WORSE)
    if facts.threshold is not None:
        result, threshold, what = candidate.result, facts.threshold, f"{facts.threshold:g}"
        worst = facts.worst_case_result
    elif facts.is_baseline and not is_by_interval:
        # Its scores may have been uploaded anew since they became the baseline's, so that is no reason to let it pass.
        return Decision(
            Outcome.NEW, "the candidate is the baseline here: nothing to compare it with", "another baseline"
        )
    elif is_by_interval or facts.baseline is None:
        missing = f"a threshold, which mode {facts.mode.value} needs" if is_by_interval else "a baseline or a threshold"
        return Decision(Outcome.NEW, f"nothing to compare with: there is not yet {missing}", f"set {missing}")
    else:
        if pair is None or pair.baseline_result is None or pair.candidate_result is None:
            return Decision(
                Outcome.INCONCLUSIVE, "no member was scored for both models", "scores of the same members for both"
            )
        result, threshold = pair.candidate_result, pair.baseline_result
        what = f"the baseline's {threshold:.4g}"
        # The worst for this comparison, which may want the opposite of what is better.
        is_as_better = facts.comparison.wants_more is facts.higher_is_better
        bound = pair.worst_case if is_as_better else pair.best_case
        worst = None if bound is None else threshold + bound.delta
    where = f"{result:.4g}, wanted {facts.comparison.symbol} {what}"
    if not facts.comparison.holds(result, threshold):
        return Decision(Outcome.FAILED, where)
    if worst is not None and not facts.allow_missing and not facts.comparison.holds(worst, threshold):
        return Decision(
            Outcome.INCONCLUSIVE,
            f"passes only without the {_members(facts.n_missing)} that have no score: {where}",
            f"scores of the {_members(facts.n_missing)}",
        )
    return Decision(Outcome.PASSED, where)


def _change(facts: Facts) -> str:
    pair = facts.pair
    assert pair is not None and pair.delta is not None
    low, high = ("unbounded" if end is None else f"{end:+.4g}" for end in (pair.low, pair.high))
    unit = f" {facts.unit}" if facts.unit else ""
    p = pair.p_value if facts.adjusted_p is None else facts.adjusted_p
    return f"{pair.delta:+.4g}{unit} [{low}, {high}], p = {p:.2g}"


def _settles(facts: Facts) -> str:
    """What would settle an open comparison: more clusters, or a margin that its owner may find acceptable."""
    pair = facts.pair
    assert pair is not None
    ways = []
    if pair.clusters_needed is not None and pair.clusters_needed > pair.n_clusters:
        what = f"the margin of {pair.margin:g}" if pair.margin else "a difference like the one observed"
        ways.append(f"about {pair.clusters_needed:,} clusters would show {what} (there are {pair.n_clusters:,})")
    worst = pair.low if facts.higher_is_better else None if pair.high is None else -pair.high
    if worst is not None and worst < -pair.margin:
        ways.append(f"a margin above {-worst:.3g} would let it pass")
    return "; ".join(ways) or "more clusters"


def _members(n: int) -> str:
    return f"{n:,} member{'' if n == 1 else 's'}"


def _percent(share: float) -> str:
    """Only what is complete is 100 %."""
    return "100 %" if share >= 1 else f"{min(100 * share, 99.9):.1f} %"
