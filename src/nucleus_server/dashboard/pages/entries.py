"""One function of one test, candidate against baseline: as a page of its own, and as a row of a report."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from nucleus_server.dashboard.contexts import (
    CaseRow,
    EntryRow,
    GateNote,
    IntervalPlot,
    SideRow,
    VerdictFacts,
)
from nucleus_server.dashboard.intervals import Axis, Estimate, axis_of, interval_plot, interval_text
from nucleus_server.dashboard.pages.shared import NBSP, UNDEFINED, counted, number, percent, when
from nucleus_server.dashboard.pages.verdict_words import (
    adjusted_text,
    clusters_text,
    comparison_verdict,
    delta_text,
    margin_text,
    meaning,
    mode_help,
    outcome_verdict,
    p_text,
    sentence,
    unit_text,
    waiver_note,
)
from nucleus_server.domain import Bound, Comparison, PairVerdict, ReportEntry, Side, ThresholdVerdict

_COMMON = "items that both scored"


def side_rows(entry: ReportEntry) -> tuple[SideRow, ...]:
    """The baseline and the candidate."""
    pair = entry.comparison
    rows = []
    for role, side, common in (
        ("Baseline", entry.baseline, None if pair is None else pair.baseline_result),
        ("Candidate", entry.candidate, None if pair is None else pair.candidate_result),
    ):
        if side is not None:
            rows.append(
                SideRow(
                    role=role,
                    model_name=side.model_name,
                    evaluation_path=f"/evaluations/{side.evaluation_id}",
                    result=f"{number(side.result)}{'' if side.result is None else unit_text(entry.unit)}",
                    common_result=number(common),
                    coverage=_coverage(side),
                    is_partial=side.n_scored < side.n_members,
                    upload_path=None if side.upload_id is None else f"/uploads/{side.upload_id}",
                    when=when(side.created_at),
                )
            )
    return tuple(rows)


def verdict_facts(entry: ReportEntry, pair: PairVerdict) -> VerdictFacts:
    """A finished comparison in words, and as a drawing."""
    word = entry.verdict or pair.verdict
    estimates = _estimates(pair)
    axis = axis_of(estimates, pair.margin)
    plot = interval_plot(
        estimates, axis=axis, margin=pair.margin, higher_is_better=entry.higher_is_better, with_ticks=True
    )
    return VerdictFacts(
        verdict=comparison_verdict(word),
        meaning=meaning(word),
        caution=_caution(pair),
        delta=delta_text(pair.delta, entry.unit),
        interval=UNDEFINED if pair.delta is None else interval_text(pair.low, pair.high),
        level=f"{100 * (1 - pair.alpha):g}{NBSP}%",
        p_value=p_text(pair.p_value),
        adjusted=(
            None
            if entry.adjusted_p in (None, pair.p_value)
            else adjusted_text(entry.adjusted_p or 0.0, entry.adjustment)
        ),
        clusters=clusters_text(pair.n_clusters, pair.cluster),
        without_value=(
            f"{counted(pair.n_without_cluster_value, 'item')} without a value under the key count as a cluster each"
            if pair.n_without_cluster_value
            else None
        ),
        detectable=_detectable(pair, entry.unit),
        needed=_needed(pair) if word in ("inconclusive", "too few clusters") else None,
        margin=margin_text(pair.margin, entry.unit),
        n=f"{pair.n:,}",
        n_effective=f"{pair.n_effective:,.0f}",
        left_out=_left_out(pair),
        plot=plot if estimates else None,
        cases=_cases(pair, entry.unit),
        method=(
            f"{counted(pair.n_draws, 'sign vector')}, seed {pair.seed}, two-sided at {100 * pair.alpha:g}{NBSP}%, "
            f"method version {pair.method_version}"
        ),
    )


def gate_note(entry: ReportEntry) -> GateNote:
    """What a gate says of the candidate."""
    return GateNote(
        outcome=outcome_verdict(entry.outcome, entry.reason),
        mode=f"{entry.mode}: {mode_help(entry.mode)}",
        reason=sentence(entry.reason),
        settles=None if entry.settles is None else sentence(entry.settles),
        waiver=None if entry.waiver is None else waiver_note(entry.waiver),
    )


def entry_rows(entries: Iterable[ReportEntry]) -> tuple[EntryRow, ...]:
    """The rows of a report; the drawings of one function share an axis, so that rows can be compared."""
    entries = list(entries)
    axes = _axes(entries)
    return tuple(_entry_row(entry, axes) for entry in entries)


def _entry_row(entry: ReportEntry, axes: Mapping[str, Axis]) -> EntryRow:
    pair, candidate, baseline = entry.comparison, entry.candidate, entry.baseline
    word = None if pair is None else entry.verdict or pair.verdict
    p_value = UNDEFINED
    if pair is not None:
        p_value = (
            f"{p_text(pair.p_value)} (not adjusted)"
            if entry.adjusted_p is None
            else adjusted_text(entry.adjusted_p, entry.adjustment)
        )
    return EntryRow(
        outcome=outcome_verdict(entry.outcome, entry.reason),
        waiver=None if entry.waiver is None else waiver_note(entry.waiver),
        test_name=entry.test_name,
        test_path=f"/tests/{entry.test_id}",
        function_name=entry.function_name,
        is_blocking=entry.is_blocking,
        tags=entry.tags,
        mode=entry.mode,
        candidate=UNDEFINED if candidate is None else number(candidate.result),
        candidate_path=None if candidate is None else f"/evaluations/{candidate.evaluation_id}",
        baseline=UNDEFINED if baseline is None else number(baseline.result),
        baseline_path=None if baseline is None else f"/evaluations/{baseline.evaluation_id}",
        delta=UNDEFINED if pair is None else delta_text(pair.delta, entry.unit),
        interval="" if pair is None or pair.delta is None else interval_text(pair.low, pair.high),
        plot=None if pair is None else _small_plot(entry, pair, axes),
        verdict=None if word is None else comparison_verdict(word),
        p_value=p_value,
        clusters="" if pair is None else clusters_text(pair.n_clusters, pair.cluster),
        threshold=_threshold(entry),
        coverage=UNDEFINED if candidate is None or candidate.coverage is None else percent(candidate.coverage),
        is_partial=candidate is not None and candidate.n_scored < candidate.n_members,
        detectable=UNDEFINED if pair is None else _detectable(pair, entry.unit),
        compare_path=entry.compare_path,
        reason=sentence(entry.reason),
        settles=None if entry.settles is None else sentence(entry.settles),
        warnings=tuple(map(sentence, entry.warnings)),
    )


def _axes(entries: Iterable[ReportEntry]) -> dict[str, Axis]:
    found: dict[str, list[tuple[Estimate, float]]] = {}
    for entry in entries:
        if entry.comparison is not None and entry.comparison.delta is not None:
            estimate = _estimate("", entry.comparison, entry.comparison.delta, entry.verdict)
            found.setdefault(entry.function_id, []).append((estimate, entry.comparison.margin))
    return {
        key: axis_of([estimate for estimate, _ in pairs], max(margin for _, margin in pairs))
        for key, pairs in found.items()
    }


def _small_plot(entry: ReportEntry, pair: PairVerdict, axes: Mapping[str, Axis]) -> IntervalPlot | None:
    if pair.delta is None:
        return None
    return interval_plot(
        [_estimate("", pair, pair.delta, entry.verdict)],
        axis=axes[entry.function_id],
        margin=pair.margin,
        higher_is_better=entry.higher_is_better,
        with_ticks=False,
    )


def _estimates(pair: PairVerdict) -> list[Estimate]:
    if pair.delta is None:
        return []
    bounds = _bounds(pair)
    estimates = [_estimate(_COMMON if bounds else "", pair, pair.delta, None)]
    for label, bound in bounds:
        kind = comparison_verdict(bound.verdict).kind
        estimates.append(Estimate(label, bound.delta, bound.low, bound.high, kind))
    return estimates


def _estimate(label: str, pair: PairVerdict, delta: float, verdict: str | None) -> Estimate:
    return Estimate(label, delta, pair.low, pair.high, comparison_verdict(verdict or pair.verdict).kind)


def _bounds(pair: PairVerdict) -> list[tuple[str, Bound]]:
    cases = [("missing scores at their worst", pair.worst_case), ("missing scores at their best", pair.best_case)]
    return [(label, bound) for label, bound in cases if bound is not None]


def _cases(pair: PairVerdict, unit: str | None) -> tuple[CaseRow, ...]:
    if pair.delta is None:
        return ()
    rows = [(_COMMON, pair.delta, pair.low, pair.high, pair.verdict, pair.is_non_inferior)]
    rows += [(label, b.delta, b.low, b.high, b.verdict, b.is_non_inferior) for label, b in _bounds(pair)]
    return tuple(
        CaseRow(
            label=label,
            delta=delta_text(delta, unit),
            interval=interval_text(low, high),
            verdict=comparison_verdict(word),
            non_inferior="yes" if is_non_inferior else "no",
        )
        for label, delta, low, high, word, is_non_inferior in rows
    )


def _coverage(side: Side) -> str:
    if side.coverage is None:
        return UNDEFINED
    return f"{side.n_scored:,} of {side.n_members:,} ({percent(side.coverage)})"


def _left_out(pair: PairVerdict) -> str:
    if not pair.n_left_out:
        return "nothing left out"
    text = f"{counted(pair.n_left_out, 'item')} left out"
    if pair.n_missing == pair.n_left_out:
        return f"{text} that the candidate has no score for"
    return f"{text} that only one of the two scored; the candidate lacks {pair.n_missing:,} of them"


def _detectable(pair: PairVerdict, unit: str | None) -> str:
    effect = pair.minimum_detectable_effect
    return UNDEFINED if effect is None else f"{effect:.4f}{unit_text(unit)}"


def _caution(pair: PairVerdict) -> str | None:
    worst = pair.worst_case
    if worst is None or (worst.verdict, worst.is_non_inferior) == (pair.verdict, pair.is_non_inferior):
        return None
    return f"With the missing scores at their worst: {worst.verdict}"


def _needed(pair: PairVerdict) -> str | None:
    if pair.clusters_needed is None:
        return None
    wished = "a difference as large as the margin" if pair.margin > 0 else "a difference as large as this one"
    return f"about {pair.clusters_needed:,} clusters would show {wished}"


def _threshold(entry: ReportEntry) -> str:
    check = entry.threshold_check
    symbol = Comparison(entry.threshold_comparison).symbol
    if check is not None:
        return (
            f"{symbol}{NBSP}{number(check.threshold)}: {check.standing}, interval [{number(check.low)}, "
            f"{number(check.high)}] ({_method(check)}, {clusters_text(check.n_clusters, check.cluster)})"
        )
    if entry.threshold is None or entry.mode == "non-inferior":
        return ""
    return f"{symbol}{NBSP}{number(entry.threshold)}"


def _method(check: ThresholdVerdict) -> str:
    return {"wilson": "Wilson", "betting": "betting"}.get(check.method, check.method)
