"""Verdicts, reports, releases and waivers in the shapes that clients read."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from nucleus_server.api.http import iso
from nucleus_server.api.wire import criterion_row, evaluation_row
from nucleus_server.domain import (
    AuditEntry,
    Bound,
    ClusterChoice,
    ClusterSuggestion,
    ItemContribution,
    Outcome,
    PairVerdict,
    Release,
    ReleaseReport,
    ReportEntry,
    ResolvedCluster,
    Side,
    SuiteChange,
    TestFunction,
    TestSettings,
    ThresholdVerdict,
    Waiver,
)
from nucleus_server.services.comparing import Comparisons
from nucleus_server.services.explanations import Explanation
from nucleus_server.services.power import MarginProposal, Power
from nucleus_server.services.release_report import options_to_json
from nucleus_server.services.releases import ReleaseView
from nucleus_server.services.result_history import HistoryChange, HistoryPoint, ResultHistory


def choice_row(choice: ClusterChoice) -> dict[str, Any]:
    """What was set as cluster key."""
    return {"by": choice.by.value, "key": choice.key}


def cluster_row(cluster: ResolvedCluster) -> dict[str, Any]:
    """The cluster key in force, and who said so."""
    return {"by": cluster.by.value, "key": cluster.key, "source": cluster.source}


def dataset_cluster_row(choice: ClusterChoice, suggestions: tuple[ClusterSuggestion, ...]) -> dict[str, Any]:
    """A dataset's cluster key, and what looks like one."""
    return {
        "cluster": choice_row(choice),
        "suggestions": [
            {"cluster": choice_row(s.choice), "n_clusters": s.n_clusters, "why": s.why} for s in suggestions
        ],
    }


def settings_row(settings: TestSettings, resolved: ResolvedCluster) -> dict[str, Any]:
    """A test's settings, and the cluster key that its first function is judged by."""
    return {
        "scenario_test_id": settings.test_id,
        "is_blocking": settings.is_blocking,
        "tags": list(settings.tags),
        "cluster": choice_row(settings.cluster),
        "resolved_cluster": cluster_row(resolved),
    }


def rule_row(entry: TestFunction) -> dict[str, Any]:
    """How a gate decides on one function of a test."""
    return {
        "scenario_test_id": entry.test_id,
        "eval_function_id": entry.function.id,
        "eval_function_name": entry.function.name,
        "threshold": entry.threshold,
        "threshold_comparison": entry.comparison.value,
        "mode": None if entry.mode is None else entry.mode.value,
        "margin": entry.margin,
        "effective_mode": entry.effective_mode.value,
    }


def margin_row(proposal: MarginProposal) -> dict[str, Any]:
    """A margin that past noise speaks for."""
    return {
        "margin": proposal.margin,
        "how": proposal.how,
        "n_repeats": proposal.n_repeats,
        "n_steps": proposal.n_steps,
    }


def power_row(power: Power) -> dict[str, Any]:
    """What a test can see."""
    return {
        "minimum_detectable_effect": power.minimum_detectable_effect,
        "standard_error": power.standard_error,
        "n_clusters": power.n_clusters,
        "n": power.n,
        "cluster": cluster_row(power.cluster),
        "effect": power.effect,
        "clusters_needed": power.clusters_needed,
        "how": power.how,
        "baseline_evaluation_id": power.baseline_evaluation_id,
        "candidate_evaluation_id": power.candidate_evaluation_id,
    }


def history_row(history: ResultHistory) -> dict[str, Any]:
    """A function's results on a test, what they were compared with over time, and what changed."""
    return {
        "status": "complete" if history.job_id is None else "computing",
        "job_id": history.job_id,
        "n_computed": history.n_computed,
        "scenario_test_id": history.test.id,
        "eval_function_id": history.entry.function.id,
        "eval_function_name": history.entry.function.name,
        "unit": history.entry.function.unit,
        "alpha": history.alpha,
        "cluster": cluster_row(history.cluster),
        "points": [_point_row(point) for point in history.points],
        "levels": [
            {"start": level.start, "end": level.end, "threshold": level.threshold, "baseline_result": level.baseline}
            for level in history.levels
        ],
        "changes": [_history_change_row(change) for change in history.changes],
    }


def _point_row(point: HistoryPoint) -> dict[str, Any]:
    interval = point.interval
    return {
        "number": point.number,
        "evaluation": evaluation_row(point.judged, point.upload),
        "interval": None
        if interval is None
        else {
            "low": interval.low,
            "high": interval.high,
            "method": interval.method,
            "n_clusters": interval.n_clusters,
        },
        "threshold": point.threshold,
        "threshold_comparison": None if point.comparison is None else point.comparison.value,
        "baseline_result": point.baseline,
    }


def _history_change_row(change: HistoryChange) -> dict[str, Any]:
    return {
        "kind": change.kind,
        "after": change.after,
        "criterion": None if change.criterion is None else criterion_row(change.criterion),
        "baseline_model_name": None if change.criterion is None else change.criterion.baseline_model_name,
        "n_before": change.n_before,
        "n_members": change.n_members,
        "user_name": change.user_name,
        "created_at": iso(change.created_at),
    }


def comparisons_row(found: Comparisons) -> dict[str, Any]:
    """Two models on one test."""
    return {
        "status": "complete" if found.job_id is None else "computing",
        "job_id": found.job_id,
        "n_comparisons": found.n_comparisons,
        "n_computed": found.n_computed,
        "entries": [entry_row(entry) for entry in found.entries],
    }


def entry_row(entry: ReportEntry) -> dict[str, Any]:
    """One function of one test in a report."""
    return {
        "scenario_test_id": entry.test_id,
        "scenario_test_name": entry.test_name,
        "slice_id": entry.slice_id,
        "eval_function_id": entry.function_id,
        "eval_function_name": entry.function_name,
        "unit": entry.unit,
        "higher_is_better": entry.higher_is_better,
        "is_blocking": entry.is_blocking,
        "tags": list(entry.tags),
        "mode": entry.mode,
        "threshold": entry.threshold,
        "threshold_comparison": entry.threshold_comparison,
        "margin": entry.margin,
        "candidate": None if entry.candidate is None else _side_row(entry.candidate),
        "baseline": None if entry.baseline is None else _side_row(entry.baseline),
        "is_computing": entry.is_computing,
        "comparison": _comparison_row(entry),
        "threshold_check": None if entry.threshold_check is None else _check_row(entry, entry.threshold_check),
        "worst_case_result": entry.worst_case_result,
        "warnings": list(entry.warnings),
        "outcome": entry.outcome.value,
        "reason": entry.reason,
        "settles": entry.settles,
        "waiver": None if entry.waiver is None else waiver_row(entry.waiver),
        "compare_path": entry.compare_path,
    }


def report_row(report: ReleaseReport, path: str) -> dict[str, Any]:
    """A release report; `path` is the page of this very report."""
    options = report.options
    return {
        "status": "complete" if report.is_complete else "computing",
        "job_id": report.job_id,
        "n_uploads_running": report.n_uploads_running,
        "n_comparisons": report.n_comparisons,
        "n_computed": report.n_computed,
        "model": {"id": options.model_id, "name": report.model_name},
        "baseline": {
            "kind": options.baseline,
            "model_id": options.baseline_model_id,
            "model_name": report.baseline_model_name,
        },
        "outcome": report.outcome.value,
        "sentence": report.sentence,
        "counts": {outcome.value: report.count(outcome) for outcome in Outcome} | {"waived": report.n_waived},
        "coverage": {
            "n_complete": report.n_complete,
            "n_partial": report.n_partial,
            "lowest": report.lowest_coverage,
        },
        "options": options_to_json(options),
        "entries": [entry_row(entry) for entry in report.entries],
        "top_items": [
            {
                "scenario_test_id": top.test_id,
                "scenario_test_name": top.test_name,
                "eval_function_id": top.function_id,
                "eval_function_name": top.function_name,
                **_item_row(top.item),
            }
            for top in report.top_items
        ],
        "path": path,
    }


def explanation_row(found: Explanation) -> dict[str, Any]:
    """Why two evaluations differ."""
    return {
        "delta": found.delta,
        "baseline_result": found.baseline_result,
        "candidate_result": found.candidate_result,
        "n": found.n,
        "unit": found.unit,
        "cluster": cluster_row(found.cluster),
        "items": [_item_row(item) for item in found.items],
        "clusters": [{"value": s.value, "n": s.n, "contribution": s.contribution} for s in found.clusters],
        "groups": None
        if found.groups is None
        else [
            {
                "value": group.value,
                "n": group.n,
                "contribution": group.contribution,
                "mix_effect": group.mix_effect,
                "quality_effect": group.quality_effect,
            }
            for group in found.groups
        ],
        "metadata_keys": list(found.metadata_keys),
    }


def release_row(release: Release) -> dict[str, Any]:
    """A release in a listing."""
    return {
        "id": release.id,
        "name": release.name,
        "status": release.status.value,
        "model_id": release.model_id,
        "model_name": release.model_name,
        "options": release.options,
        "user_name": release.user_name,
        "created_at": iso(release.created_at),
        "decided_by": release.decided_by,
        "decided_at": _moment(release.decided_at),
        "note": release.note,
        "promoted_at": _moment(release.promoted_at),
        "path": f"/releases/{release.id}",
    }


def release_view_row(view: ReleaseView) -> dict[str, Any]:
    """A release with its report and what changed since the decision before."""
    row = release_row(view.release)
    return row | {
        "report": report_row(view.report, row["path"]),
        "changes": [_change_row(change) for change in view.changes],
        "previous_release_id": None if view.previous is None else view.previous.id,
        "blockers": view.blockers,
        "may_need_note": view.may_need_note,
    }


def waiver_row(waiver: Waiver) -> dict[str, Any]:
    """A waiver."""
    return {
        "id": waiver.id,
        "scenario_test_id": waiver.test_id,
        "scenario_test_name": waiver.test_name,
        "eval_function_id": waiver.function_id,
        "eval_function_name": waiver.function_name,
        "model_id": waiver.model_id,
        "model_name": waiver.model_name,
        "reason": waiver.reason,
        "owner": waiver.owner,
        "expires_at": iso(waiver.expires_at),
        "status": waiver.status,
        "created_at": iso(waiver.created_at),
        "user_name": waiver.user_name,
    }


def audit_row(entry: AuditEntry) -> dict[str, Any]:
    """Who did what to which object, and when."""
    return {
        "user_name": entry.user_name,
        "action": entry.action,
        "object_id": entry.object_id,
        "detail": entry.detail,
        "created_at": iso(entry.created_at),
    }


def _side_row(side: Side) -> dict[str, Any]:
    return {
        "evaluation_id": side.evaluation_id,
        "model_id": side.model_id,
        "model_name": side.model_name,
        "result": side.result,
        "coverage": side.coverage,
        "n_scored": side.n_scored,
        "n_members": side.n_members,
        "created_at": iso(side.created_at),
        "upload_id": side.upload_id,
    }


def _comparison_row(entry: ReportEntry) -> dict[str, Any] | None:
    found = entry.comparison
    if found is None:
        is_awaited = entry.is_computing and entry.baseline is not None
        return {"status": "computing"} if is_awaited else None
    return {
        "status": "complete",
        "adjusted_p": entry.adjusted_p,
        "adjustment": entry.adjustment,
        "verdict": entry.verdict,
        **_pair_row(found),
    }


def _pair_row(found: PairVerdict) -> dict[str, Any]:
    return {
        "delta": found.delta,
        "interval": [found.low, found.high],
        "p_value": found.p_value,
        "unadjusted_verdict": found.verdict,
        "is_non_inferior": found.is_non_inferior,
        "standard_error": found.standard_error,
        "minimum_detectable_effect": found.minimum_detectable_effect,
        "clusters_needed": found.clusters_needed,
        "n": found.n,
        "n_effective": found.n_effective,
        "n_clusters": found.n_clusters,
        "n_left_out": found.n_left_out,
        "n_missing": found.n_missing,
        "n_draws": found.n_draws,
        "seed": found.seed,
        "alpha": found.alpha,
        "margin": found.margin,
        "method_version": found.method_version,
        "cluster": cluster_row(found.cluster),
        "n_without_cluster_value": found.n_without_cluster_value,
        "weights_differ": found.weights_differ,
        "baseline_result": found.baseline_result,
        "candidate_result": found.candidate_result,
        "worst_case": None if found.worst_case is None else _bound_row(found.worst_case),
        "best_case": None if found.best_case is None else _bound_row(found.best_case),
    }


def _bound_row(bound: Bound) -> dict[str, Any]:
    return {
        "delta": bound.delta,
        "interval": [bound.low, bound.high],
        "verdict": bound.verdict,
        "is_non_inferior": bound.is_non_inferior,
    }


def _check_row(entry: ReportEntry, check: ThresholdVerdict) -> dict[str, Any]:
    return {
        "result": check.result,
        "threshold": check.threshold,
        "interval": [check.low, check.high],
        "standing": check.standing,
        "method": check.method,
        "n": check.n,
        "n_clusters": check.n_clusters,
        "alpha": check.alpha,
        "seed": check.seed,
        "method_version": check.method_version,
        "cluster": cluster_row(check.cluster),
        "worst_case_standing": check.worst_case,
        "worst_case_result": entry.worst_case_result,
    }


def _item_row(item: ItemContribution) -> dict[str, Any]:
    return {
        "item_id": item.item_id,
        "reference_id": item.reference_id,
        "contribution": item.contribution,
        "baseline_score": item.baseline_score,
        "candidate_score": item.candidate_score,
        "weight": item.weight,
    }


def _change_row(change: SuiteChange) -> dict[str, Any]:
    return {
        "scenario_test_name": change.test_name,
        "what": change.what,
        "before": change.before,
        "after": change.after,
    }


def _moment(moment: datetime | None) -> str | None:
    return None if moment is None else iso(moment)
