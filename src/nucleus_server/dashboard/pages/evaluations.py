"""One evaluation with its items."""

from __future__ import annotations

from typing import Any

from nucleus_server.dashboard import charts
from nucleus_server.dashboard.contexts import Chart, EvaluationPage, Frame, GroupRow, ItemRow, KeyLink, Pages
from nucleus_server.dashboard.pages.pictures import picture
from nucleus_server.dashboard.pages.scenario_tests import cell, upload_label
from nucleus_server.dashboard.pages.shared import (
    UNDEFINED,
    criterion_text,
    function_paths,
    number,
    shortened,
    verdict,
    with_query,
)
from nucleus_server.domain import Evaluation, Item, JudgedEvaluation, ScenarioTest, TestFunction
from nucleus_server.services import WorkspaceStore
from nucleus_server.services.app_services import AppServices
from nucleus_server.services.breakdown import breakdown
from nucleus_server.services.judging import judge_one
from nucleus_server.services.results import missing_items, score_histogram, worst_items

PAGE_SIZE = 24
_N_MISSING = 12
_MAX_METADATA = 8


def evaluation_page(
    services: AppServices,
    ws: WorkspaceStore,
    frame: Frame,
    evaluation_id: str,
    *,
    number_: int,
    order: str,
    by: str | None,
) -> EvaluationPage:
    """One evaluation with a page of its items."""
    judged = judge_one(ws, evaluation_id)
    evaluation = judged.evaluation
    test = ws.get_scenario_test(evaluation.test_id)
    entry = next(e for e in ws.list_test_functions(test.id) if e.function.key == evaluation.function_key)
    n_pages = max(1, -(-evaluation.n_scored // PAGE_SIZE))
    page = min(max(number_, 1), n_pages)
    offset = (page - 1) * PAGE_SIZE
    scored = worst_items(ws, judged, entry.function, offset=offset, limit=PAGE_SIZE, worst_first=order != "best")
    n_missing, missing = missing_items(ws, evaluation, offset=0, limit=_N_MISSING)
    path = f"/evaluations/{evaluation.id}"
    baselines = _baselines(ws, test, evaluation)
    keys = ws.metadata_keys(ws.get_slice_by_key(evaluation.slice_key).dataset_key)
    workspace_id = ws.actor.workspace_id
    return EvaluationPage(
        frame=frame,
        evaluation_id=evaluation.id,
        test_name=test.name,
        test_path=f"/tests/{test.id}",
        cell=cell(
            judged,
            entry,
            upload_label(ws.count_uploads(evaluation)),
            function_paths(ws),
            baselines,
            waivers=ws.list_waivers(is_active=True),
        ),
        weights=f"weighted, sum of weights {evaluation.weight_sum:.4g}" if evaluation.is_weighted else "not weighted",
        comparison_note=_comparison_note(judged),
        chart=_distribution_chart(ws, judged, entry),
        keys=tuple(KeyLink(key, f"{with_query(path, order=order, by=key)}#breakdown", key == by) for key in keys),
        groups=tuple(
            GroupRow(
                value=UNDEFINED if group.value is None else group.value,
                n_items=f"{group.n_items:,}",
                result=number(group.result),
                verdict=verdict(group.passed, criterion_text(judged)),
            )
            for group in (breakdown(ws, judged, entry.function, by) if by in keys else ())
        ),
        order="best" if order == "best" else "worst",
        other_order_path=with_query(path, order="worst" if order == "best" else "best", by=by),
        items=tuple(
            ItemRow(
                rank=offset + i + 1,
                picture=picture(services, row.item, workspace_id),
                score=number(row.score),
                weight=f"{row.weight:.4g}",
                verdict=verdict(row.passed, criterion_text(judged)),
                metadata=_metadata(row.item),
            )
            for i, row in enumerate(scored)
        ),
        pages=Pages(
            number=page,
            n_pages=n_pages,
            n_rows=evaluation.n_scored,
            previous_path=with_query(path, order=order, page=page - 1, by=by) if page > 1 else None,
            next_path=with_query(path, order=order, page=page + 1, by=by) if page < n_pages else None,
        ),
        n_missing=n_missing,
        missing=tuple(picture(services, item, workspace_id) for item in missing),
    )


def _baselines(ws: WorkspaceStore, test: ScenarioTest, evaluation: Evaluation) -> dict[int, str]:
    if test.baseline_model_key is None:
        return {}
    baseline = ws.find_newest_evaluation(test.key, evaluation.function_key, test.baseline_model_key)
    return {} if baseline is None or baseline.result is None else {evaluation.function_key: baseline.id}


def _comparison_note(judged: JudgedEvaluation) -> str | None:
    judgement = judged.judgement
    if judgement is None or judgement.n_common is None:
        return None
    return (
        f"The slice grew between this evaluation and the baseline's: both are compared on the {judgement.n_common:,} members "
        f"that they share, where this result is {number(judgement.result)} and the baseline's {number(judgement.threshold)}."
    )


def _distribution_chart(ws: WorkspaceStore, judged: JudgedEvaluation, entry: TestFunction) -> Chart:
    histogram = score_histogram(ws, judged.evaluation, entry.function)
    edges, counts = histogram.edges.tolist(), histogram.counts.tolist()
    bins: list[dict[str, Any]] = [
        {"start": start, "end": end, "count": count}
        for start, end, count in zip(edges, edges[1:], counts, strict=False)
    ]
    rule = None if judged.judgement is None else ("threshold", judged.judgement.threshold)
    return Chart(
        name="distribution",
        title="Distribution of scores",
        description=f"{sum(counts):,} scores in {len(counts)} bins from {edges[0]:g} to {edges[-1]:g}.",
        note="" if rule is None else f"dashed line: {rule[0]} {number(rule[1])}",
        spec=charts.histogram_spec(bins, rule=rule),
        header=("from", "to", "items"),
        rows=tuple((f"{b['start']:.3f}", f"{b['end']:.3f}", f"{b['count']:,}") for b in bins),
    )


def _metadata(item: Item) -> tuple[tuple[str, str], ...]:
    rows = [(str(key), str(value)) for key, value in item.metadata.items()]
    shown = [(key, shortened(value)) for key, value in rows]
    if len(shown) > _MAX_METADATA:
        shown = [*shown[:_MAX_METADATA], ("…", f"{len(shown) - _MAX_METADATA} more")]
    return tuple(shown)
