"""Fills the pages' contexts from the services: words and formats, no numbers of its own."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import urlencode, urlsplit

from nucleus_server.dashboard import charts
from nucleus_server.dashboard.contexts import (
    Cell,
    Chart,
    CriterionRow,
    EvaluationPage,
    Frame,
    FunctionRow,
    GroupRow,
    ItemRow,
    KeyLink,
    Pages,
    Picture,
    TestPage,
    TestsPage,
    TestSummary,
    Verdict,
)
from nucleus_server.domain import CriterionChange, Evaluation, Item, JudgedEvaluation, TestFunction
from nucleus_server.services import WorkspaceStore
from nucleus_server.services.app_services import AppServices
from nucleus_server.services.breakdown import breakdown
from nucleus_server.services.judging import judge_newest, judge_one, judge_test, upload_numbers
from nucleus_server.services.results import missing_items, score_histogram, worst_items

UNDEFINED = "–"
_NBSP = "\u00a0"  # a comparison and its number stay on one line
PAGE_SIZE = 24
_N_THUMBNAILS = 12
_N_MISSING = 12
_MAX_METADATA = 8
_MAX_TEXT = 120


def number(value: float | None) -> str:
    """Four decimals, which tell any two results apart that matter; an en dash where undefined."""
    return UNDEFINED if value is None else f"{value:.4f}"


def when(moment: datetime) -> str:
    """Minutes, UTC."""
    return f"{moment:%Y-%m-%d %H:%M}"


def tests_page(services: AppServices, ws: WorkspaceStore, frame: Frame, address: str) -> TestsPage:
    """The list of tests, those with failures first."""
    all_tests = ws.list_scenario_tests()
    slices = {s.key: s for s in ws.list_slices()}
    # A slice that was deleted is hidden from the list, but its tests go on.
    slices |= {key: ws.get_slice_by_key(key) for key in {t.slice_key for t in all_tests} - slices.keys()}
    datasets = {d.key: d.name for d in ws.list_datasets()}
    functions = {(f.test_key, f.function.key): f for f in ws.list_all_test_functions()}
    by_test: dict[int, list[Cell]] = defaultdict(list)
    for judged in judge_newest(ws):
        entry = functions.get((judged.evaluation.test_key, judged.evaluation.function_key))
        if entry is not None:
            by_test[judged.evaluation.test_key].append(_cell(judged, entry, upload=""))
    rank = {"fail": 0, "none": 1, "pass": 2}
    tests = []
    for test in all_tests:
        cells = sorted(by_test[test.key], key=lambda c: (rank[c.verdict.kind], c.function_name, c.model_name))
        tests.append(
            TestSummary(
                path=f"/tests/{test.id}",
                name=test.name,
                slice_name=slices[test.slice_key].name,
                dataset_name=datasets.get(test.dataset_key, UNDEFINED),
                n_members=slices[test.slice_key].n_members,
                n_failed=sum(c.verdict.kind == "fail" for c in cells),
                cells=tuple(cells),
            )
        )
    tests.sort(key=lambda t: (t.n_failed == 0, t.name))
    return TestsPage(frame, tuple(tests), sum(t.n_failed > 0 for t in tests), _first_test_code(address))


def test_page(services: AppServices, ws: WorkspaceStore, frame: Frame, test_id: str, address: str) -> TestPage:
    """One test with its criteria, its history and what to run to upload to it."""
    test = ws.get_scenario_test(test_id)
    part = ws.get_slice_by_key(test.slice_key)
    entries = ws.list_test_functions(test_id)
    by_function = {entry.function.key: entry for entry in entries}
    history = judge_test(ws, test_id)
    uploads = _upload_labels([judged.evaluation for judged in history])
    cells = [
        _cell(judged, by_function[judged.evaluation.function_key], uploads[judged.evaluation.id])
        for judged in history
        if judged.evaluation.function_key in by_function
    ]
    items = ws.items_at(part.dataset_key, ws.slice_ordinals(part.key, _N_THUMBNAILS))
    baseline = next((c for c in reversed(ws.list_criteria(test_id)) if c.function_id is None), None)
    return TestPage(
        frame=frame,
        test_id=test.id,
        name=test.name,
        slice_name=part.name,
        slice_id=part.id,
        dataset_name=ws.get_dataset(test.dataset_id).name,
        n_members=part.n_members,
        baseline=None if baseline is None else baseline.baseline_model_name,
        functions=tuple(_function_row(entry, test.baseline_model_id is not None) for entry in entries),
        criteria=tuple(_criterion_row(change) for change in reversed(ws.list_criteria(test_id))),
        charts=tuple(_history_chart(i, entry, history, uploads) for i, entry in enumerate(entries)),
        evaluations=tuple(reversed(cells)),
        thumbnails=tuple(picture(services, item, ws.actor.workspace_id) for item in items),
        code=_upload_code(address, test.id, entries[0].function.name),
    )


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
    keys = ws.metadata_keys(ws.get_slice_by_key(evaluation.slice_key).dataset_key)
    workspace_id = ws.actor.workspace_id
    return EvaluationPage(
        frame=frame,
        evaluation_id=evaluation.id,
        test_name=test.name,
        test_path=f"/tests/{test.id}",
        cell=_cell(judged, entry, _upload_label(ws.count_uploads(evaluation))),
        weights=f"weighted, sum of weights {evaluation.weight_sum:.4g}" if evaluation.is_weighted else "not weighted",
        comparison_note=_comparison_note(judged),
        chart=_distribution_chart(ws, judged, entry),
        keys=tuple(KeyLink(key, f"{_with_query(path, order=order, by=key)}#breakdown", key == by) for key in keys),
        groups=tuple(
            GroupRow(
                value=UNDEFINED if group.value is None else group.value,
                n_items=f"{group.n_items:,}",
                result=number(group.result),
                verdict=_verdict(group.passed, _criterion_text(judged)),
            )
            for group in (breakdown(ws, judged, entry.function, by) if by in keys else ())
        ),
        order="best" if order == "best" else "worst",
        other_order_path=_with_query(path, order="worst" if order == "best" else "best", by=by),
        items=tuple(
            ItemRow(
                rank=offset + i + 1,
                picture=picture(services, row.item, workspace_id),
                score=number(row.score),
                weight=f"{row.weight:.4g}",
                verdict=_verdict(row.passed, _criterion_text(judged)),
                metadata=_metadata(row.item),
            )
            for i, row in enumerate(scored)
        ),
        pages=Pages(
            number=page,
            n_pages=n_pages,
            n_rows=evaluation.n_scored,
            previous_path=_with_query(path, order=order, page=page - 1, by=by) if page > 1 else None,
            next_path=_with_query(path, order=order, page=page + 1, by=by) if page < n_pages else None,
        ),
        n_missing=n_missing,
        missing=tuple(picture(services, item, workspace_id) for item in missing),
    )


def picture(services: AppServices, item: Item, workspace_id: str) -> Picture:
    """The item's image, if the pages' security policy lets the browser load it."""
    if item.deleted_at is not None:
        return Picture(item.reference_id, None, None, "this item was deleted")
    if item.pointcloud_location is not None:
        return Picture(item.reference_id, None, item.pointcloud_location, "a point cloud, not an image")
    url = services.images.path(item, workspace_id)
    if url.startswith(("/", "data:image/")):
        return Picture(item.reference_id, url, url, "")
    parts = urlsplit(url)
    origin = f"{parts.scheme}://{parts.netloc}"
    if origin in services.media_origins:
        return Picture(item.reference_id, url, url, "")
    link = url if parts.scheme in ("http", "https") else None
    return Picture(
        item.reference_id,
        None,
        link,
        f"images of {origin} are not shown: the operator can add it to NUCLEUS_MEDIA_ORIGINS",
    )


def _cell(judged: JudgedEvaluation, entry: TestFunction, upload: str) -> Cell:
    evaluation = judged.evaluation
    coverage = evaluation.coverage
    n_live = evaluation.n_members - evaluation.n_deleted
    return Cell(
        evaluation_path=f"/evaluations/{evaluation.id}",
        model_name=evaluation.model_name,
        function_name=entry.function.name,
        result=number(evaluation.result),
        criterion=_criterion_text(judged),
        verdict=_verdict(judged.passed, _criterion_text(judged)),
        coverage=UNDEFINED if coverage is None else f"{evaluation.n_scored:,} of {n_live:,} ({_percent(coverage)})",
        is_partial=evaluation.is_partial,
        upload=upload,
        when=when(evaluation.created_at),
        user_name=evaluation.user_name,
    )


def _percent(share: float) -> str:
    """Never rounded up to 100 %."""
    return "100 %" if share == 1 else f"{min(share * 100, 99.9):.1f} %"


def _criterion_text(judged: JudgedEvaluation) -> str:
    judgement = judged.judgement
    if judgement is None:
        return UNDEFINED
    text = f"{judgement.comparison.symbol}{_NBSP}{number(judgement.threshold)}"
    return text if judgement.source == "threshold" else f"{text} (baseline {judgement.baseline_model_name})"


def _verdict(passed: bool | None, criterion: str) -> Verdict:
    if passed is None:
        return Verdict("no criterion", UNDEFINED, "none", "neither a threshold nor a baseline is set")
    return Verdict("passed", "✓", "pass", criterion) if passed else Verdict("failed", "✗", "fail", criterion)


def _comparison_note(judged: JudgedEvaluation) -> str | None:
    judgement = judged.judgement
    if judgement is None or judgement.n_common is None:
        return None
    return (
        f"The slice grew between this evaluation and the baseline's: both are compared on the {judgement.n_common:,} members "
        f"that they share, where this result is {number(judgement.result)} and the baseline's {number(judgement.threshold)}."
    )


def _function_row(entry: TestFunction, has_baseline: bool) -> FunctionRow:
    function = entry.function
    if entry.threshold is not None:
        criterion = f"{entry.comparison.symbol}{_NBSP}{number(entry.threshold)}"
    else:
        criterion = f"{entry.comparison.symbol} the baseline" if has_baseline else "no criterion"
    return FunctionRow(
        name=function.name,
        direction=function.direction.value.replace("_", " "),
        score_range=f"[{function.score_min:g}, {function.score_max:g}]",
        criterion=criterion,
    )


def _criterion_row(change: CriterionChange) -> CriterionRow:
    if change.function_id is None:
        what = "no baseline" if change.baseline_model_name is None else f"baseline {change.baseline_model_name}"
    elif change.threshold is None or change.comparison is None:
        what = f"{change.function_name}: no threshold"
    else:
        what = f"{change.function_name} {change.comparison.symbol}{_NBSP}{number(change.threshold)}"
    return CriterionRow(when(change.created_at), change.user_name, what)


def _upload_labels(evaluations: Sequence[Evaluation]) -> dict[str, str]:
    """Evaluation id → «upload 2 of 3», from a history oldest first."""
    return {key: _upload_label(place) for key, place in upload_numbers(evaluations).items()}


def _upload_label(place: tuple[int, int]) -> str:
    return f"upload {place[0]} of {place[1]}"


def _history_chart(
    index: int, entry: TestFunction, history: Iterable[JudgedEvaluation], uploads: dict[str, str]
) -> Chart:
    rows = [j for j in history if j.evaluation.function_key == entry.function.key and j.evaluation.result is not None]
    points = [
        {
            "label": f"{i}. {judged.evaluation.model_name[:24]}",
            "model": judged.evaluation.model_name,
            "result": judged.evaluation.result,
            "threshold": None if judged.judgement is None else judged.judgement.threshold,
            "verdict": _verdict(judged.passed, "").word,
            "when": when(judged.evaluation.created_at),
        }
        for i, judged in enumerate(rows, start=1)
    ]
    return Chart(
        name=f"history-{index}",
        title=f"{entry.function.name} over evaluations",
        description=f"{len(points)} results of {entry.function.name} in the order of upload, with their thresholds.",
        spec=charts.history_spec(points, y_title=entry.function.name[:40]),
        header=("#", "model", "upload", "result", "criterion", "verdict", "when (UTC)"),
        rows=tuple(
            (
                str(i),
                judged.evaluation.model_name,
                uploads[judged.evaluation.id],
                number(judged.evaluation.result),
                _criterion_text(judged),
                _verdict(judged.passed, "").word,
                when(judged.evaluation.created_at),
            )
            for i, judged in enumerate(rows, start=1)
        ),
    )


def _distribution_chart(ws: WorkspaceStore, judged: JudgedEvaluation, entry: TestFunction) -> Chart:
    histogram = score_histogram(ws, judged.evaluation, entry.function)
    edges, counts = histogram.edges.tolist(), histogram.counts.tolist()
    bins: list[dict[str, Any]] = [
        {"start": start, "end": end, "count": count}
        for start, end, count in zip(edges, edges[1:], counts, strict=False)
    ]
    return Chart(
        name="distribution",
        title="Distribution of scores",
        description=f"{sum(counts):,} scores in {len(counts)} bins from {edges[0]:g} to {edges[-1]:g}.",
        spec=charts.histogram_spec(bins, threshold=None if judged.judgement is None else judged.judgement.threshold),
        header=("from", "to", "items"),
        rows=tuple((f"{b['start']:.3f}", f"{b['end']:.3f}", f"{b['count']:,}") for b in bins),
    )


def _metadata(item: Item) -> tuple[tuple[str, str], ...]:
    rows = [(str(key), str(value)) for key, value in item.metadata.items()]
    shown = [(key, value if len(value) <= _MAX_TEXT else value[: _MAX_TEXT - 1] + "…") for key, value in rows]
    if len(shown) > _MAX_METADATA:
        shown = [*shown[:_MAX_METADATA], ("…", f"{len(shown) - _MAX_METADATA} more")]
    return tuple(shown)


def _with_query(path: str, **query: object) -> str:
    return f"{path}?{urlencode({name: value for name, value in query.items() if value is not None})}"


def _first_test_code(address: str) -> str:
    return f"""import nucleus
from nucleus import DatasetItem
from nucleus.validate import EvaluationResult

client = nucleus.NucleusClient("YOUR_KEY", endpoint="{address}/v1/nucleus")
dataset = client.create_dataset("my dataset")
dataset.append([DatasetItem(image_location="https://…/1.jpg", reference_id="1")])
members = dataset.create_slice("my slice", ["1"])
model = client.create_model("my model", "my-model-v1")

eval_fn = client.validate.create_external_eval_function("my_metric")
test = client.validate.create_scenario_test("my test", members.id, [eval_fn])
test.upload_external_evaluation_results(
    eval_fn, [EvaluationResult(item_ref_id="1", score=0.9)], model.id
)"""


def _upload_code(address: str, test_id: str, function_name: str) -> str:
    return f"""import nucleus
from nucleus.validate import EvaluationResult

client = nucleus.NucleusClient("YOUR_KEY", endpoint="{address}/v1/nucleus")
test = client.validate.get_scenario_test("{test_id}")
eval_fn = client.validate.eval_functions.external_functions[{function_name!r}]
results = [
    EvaluationResult(item_ref_id=item.reference_id, score=my_score(item))
    for item in test.get_items()
]
test.upload_external_evaluation_results(eval_fn, results, "YOUR_MODEL_ID")"""
