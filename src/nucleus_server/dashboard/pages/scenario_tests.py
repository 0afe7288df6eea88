"""The page of one scenario test."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from nucleus_server.dashboard.contexts import (
    Cell,
    CriterionRow,
    Frame,
    FunctionRow,
    HistoryPlace,
    Pages,
    TestPage,
    WaiverNote,
)
from nucleus_server.dashboard.intervals import interval_text, signed
from nucleus_server.dashboard.pages.forms import no_form
from nucleus_server.dashboard.pages.histories import criterion_words, shown_results
from nucleus_server.dashboard.pages.model_comparison import test_chooser
from nucleus_server.dashboard.pages.pictures import picture
from nucleus_server.dashboard.pages.settings import owner_name, settings_part
from nucleus_server.dashboard.pages.shared import (
    UNDEFINED,
    criterion_text,
    direction,
    entry_criterion,
    function_paths,
    number,
    percent,
    score_range,
    verdict,
    when,
    with_query,
)
from nucleus_server.dashboard.pages.verdict_words import comparison_verdict, margin_text, p_text, waiver_note
from nucleus_server.dashboard.pages.waivers import waiver_rows
from nucleus_server.dashboard.sent_forms import SentForm
from nucleus_server.domain import (
    CriterionChange,
    Evaluation,
    JudgedEvaluation,
    Level,
    PairVerdict,
    Population,
    ScenarioTest,
    Slice,
    SliceMember,
    TestFunction,
    Waiver,
)
from nucleus_server.services import WorkspaceStore
from nucleus_server.services.app_services import AppServices
from nucleus_server.services.comparing import compare_with_baseline
from nucleus_server.services.judging import judge_test, upload_numbers
from nucleus_server.services.result_history import Shown

_N_THUMBNAILS = 12
_PAGE_SIZE = 50
_WAIT_S = 0.1  # for verdicts that nobody asked for before; a page waits for no more


def test_page(
    services: AppServices,
    ws: WorkspaceStore,
    frame: Frame,
    test_id: str,
    address: str,
    *,
    page: int = 1,
    page_size: int | None = _PAGE_SIZE,
    show: str = "",
    notice: str | None = None,
    sent: SentForm | None = None,
) -> TestPage:
    """One test with its criteria and settings, its evaluations and what to run to upload to it.

    Args:
        page: Of the evaluations, from 1.
        page_size: How many evaluations a page has; None: all are on one.
        show: Which results the histories show, as `shown_results` reads it.
    """
    test = ws.get_scenario_test(test_id)
    part = ws.get_slice_by_key(test.slice_key)
    entries = ws.list_test_functions(test_id)
    by_function = {entry.function.key: entry for entry in entries}
    history = judge_test(ws, test_id)
    paths = function_paths(ws)
    evaluated = {judged.evaluation.model_id for judged in history}
    baselines = baseline_evaluations(history, test.baseline_model_id)
    evaluations = [judged.evaluation for judged in history]
    compared = compare_with_baseline(ws, test_id, wait_s=_WAIT_S, history=evaluations)
    uploads = _upload_labels(evaluations)
    waivers = [waiver for waiver in ws.list_waivers(is_active=True) if waiver.test_key == test.key]
    listed = [judged for judged in reversed(history) if judged.evaluation.function_key in by_function]
    page_size = page_size or max(1, len(listed))
    n_pages = max(1, -(-len(listed) // page_size))
    page = min(page, n_pages)
    shown = shown_results(show)
    wanted = None if shown is Shown.RECENT else shown.value
    cells = [
        cell(
            judged,
            by_function[judged.evaluation.function_key],
            uploads[judged.evaluation.id],
            paths,
            baselines,
            compared.get(judged.evaluation.id),
            waivers,
        )
        for judged in listed[(page - 1) * page_size : page * page_size]
    ]
    level = Level.SCENE if part.member is SliceMember.SCENE else Level.ITEM
    items = ws.items_at(Population(part.dataset_key, level), ws.slice_ordinals(part.key, _N_THUMBNAILS))
    criteria = ws.list_criteria(test_id)
    baseline = next((c for c in reversed(criteria) if c.function_id is None), None)
    return TestPage(
        frame=frame,
        test_id=test.id,
        name=test.name,
        slice_name=part.name,
        slice_id=part.id,
        slice_path=f"/slices/{part.id}"
        if any(each.key == part.key for each in ws.list_slices(test.dataset_id))
        else None,
        dataset_name=ws.get_dataset(test.dataset_id).name,
        dataset_path=f"/datasets/{test.dataset_id}",
        n_members=part.n_members,
        versions=_versions(part, history),
        baseline=None if baseline is None else baseline.baseline_model_name,
        functions=tuple(_function_row(entry, test, paths) for entry in entries),
        criteria=tuple(_criterion_row(change) for change in reversed(criteria)),
        no_criteria_form=no_form(ws.actor, test.owner_id, owner_name(ws, test.owner_id), "these criteria"),
        histories=tuple(
            HistoryPlace(
                part_id=f"history-{entry.function.id}",
                function_name=entry.function.name,
                path=with_query(f"/tests/{test.id}/history/{entry.function.id}", show=wanted),
            )
            for entry in entries
            if any(
                judged.evaluation.result is not None and judged.evaluation.function_key == entry.function.key
                for judged in history
            )
        ),
        evaluations=tuple(cells),
        pages=Pages(
            number=page,
            n_pages=n_pages,
            n_rows=len(listed),
            previous_path=_page_path(test.id, page - 1, wanted) if page > 1 else None,
            next_path=_page_path(test.id, page + 1, wanted) if page < n_pages else None,
        ),
        thumbnails=tuple(picture(services, item, ws.actor.workspace_id) for item in items),
        settings=settings_part(
            ws, test, entries, {model.id: model.name for model in ws.list_models() if model.id in evaluated}, sent
        ),
        waivers=waiver_rows(waivers, ws.actor),
        notice=notice,
        compare_chooser=test_chooser(ws, test.id, evaluations),
        code=_upload_code(address, test.id, entries[0].function.name, entries[0].function.level),
    )


def baseline_evaluations(history: Iterable[JudgedEvaluation], model_id: str | None) -> dict[int, str]:
    """Function key → id of the baseline model's newest evaluation, from a history oldest first."""
    return {
        judged.evaluation.function_key: judged.evaluation.id
        for judged in history
        if judged.evaluation.model_id == model_id and judged.evaluation.result is not None
    }


def cell(
    judged: JudgedEvaluation,
    entry: TestFunction,
    upload: str,
    paths: Mapping[str, str],
    baselines: Mapping[int, str] | None = None,
    pair: PairVerdict | None = None,
    waivers: Iterable[Waiver] = (),
) -> Cell:
    """One evaluation.

    Args:
        paths: The pages of the functions that were not deleted.
        baselines: Function key → the baseline's evaluation.
        pair: Its comparison with that; None if it was not looked at, or is being computed.
        waivers: Those in force.
    """
    evaluation = judged.evaluation
    coverage = evaluation.coverage
    n_live = evaluation.n_members - evaluation.n_deleted
    baseline = (baselines or {}).get(evaluation.function_key, evaluation.id)
    is_comparable = baseline != evaluation.id and evaluation.result is not None
    return Cell(
        evaluation_path=f"/evaluations/{evaluation.id}",
        model_name=evaluation.model_name,
        function_name=entry.function.name,
        function_path=paths.get(entry.function.id),
        result=number(evaluation.result),
        criterion=criterion_text(judged),
        verdict=verdict(judged.passed, criterion_text(judged)),
        coverage=UNDEFINED if coverage is None else f"{evaluation.n_scored:,} of {n_live:,} ({percent(coverage)})",
        is_partial=evaluation.is_partial,
        upload=upload,
        upload_path=None if evaluation.upload_id is None else f"/uploads/{evaluation.upload_id}",
        when=when(evaluation.created_at),
        user_name=evaluation.user_name,
        compare_path=f"/compare/{baseline}/{evaluation.id}" if is_comparable else None,
        against=None if pair is None else comparison_verdict(pair.verdict),
        difference="" if pair is None or pair.delta is None else _difference(pair.delta, pair.low, pair.high),
        p_value="" if pair is None or pair.delta is None else p_text(pair.p_value),
        waiver=_waiver(evaluation, waivers) if judged.passed is False else None,
    )


def _waiver(evaluation: Evaluation, waivers: Iterable[Waiver]) -> WaiverNote | None:
    place = evaluation.test_key, evaluation.function_key, evaluation.model_key
    return next((waiver_note(waiver) for waiver in waivers if waiver.covers(*place)), None)


def _difference(delta: float, low: float | None, high: float | None) -> str:
    return f"{signed(delta)} {interval_text(low, high)}"


def upload_label(place: tuple[int, int]) -> str:
    """`upload 2 of 3`."""
    return f"upload {place[0]} of {place[1]}"


def _function_row(entry: TestFunction, test: ScenarioTest, paths: Mapping[str, str]) -> FunctionRow:
    return FunctionRow(
        name=entry.function.name,
        path=paths.get(entry.function.id),
        direction=direction(entry.function),
        score_range=score_range(entry.function),
        criterion=entry_criterion(entry, has_baseline=test.baseline_model_id is not None),
        mode=entry.effective_mode.value,
        margin=margin_text(entry.margin, entry.function.unit),
        rule_path=f"/tests/{test.id}/functions/{entry.function.id}",
    )


def _criterion_row(change: CriterionChange) -> CriterionRow:
    return CriterionRow(when(change.created_at), change.user_name, criterion_words(change))


def _page_path(test_id: str, page: int, show: str | None) -> str:
    return f"{with_query(f'/tests/{test_id}', show=show, page=page if page > 1 else None)}#evaluations"


def _versions(part: Slice, history: Iterable[JudgedEvaluation]) -> str:
    sizes = sorted({judged.evaluation.n_members for judged in history} | {part.n_members})
    return (
        "" if len(sizes) == 1 else f"evaluations of {len(sizes)} versions: {', '.join(f'{n:,}' for n in sizes)} items"
    )


def _upload_labels(evaluations: Sequence[Evaluation]) -> dict[str, str]:
    """Evaluation id → «upload 2 of 3», from a history oldest first."""
    return {key: upload_label(place) for key, place in upload_numbers(evaluations).items()}


def _upload_code(address: str, test_id: str, function_name: str, level: Level) -> str:
    word = level.value
    members = "test.get_items()" if level is Level.ITEM else f"test.get_items(EntityLevel.{level.name})"
    imported = "" if level is Level.ITEM else "EntityLevel, "
    return f"""import nucleus
from nucleus.validate import {imported}EvaluationResult

client = nucleus.NucleusClient("YOUR_KEY", endpoint="{address}/v1/nucleus")
test = client.validate.get_scenario_test("{test_id}")
eval_fn = client.validate.eval_functions.external_functions[{function_name!r}]
results = [
    EvaluationResult({word}_ref_id={word}.reference_id, score=my_score({word}))
    for {word} in {members}
]
test.upload_external_evaluation_results(eval_fn, results, "YOUR_MODEL_ID")"""
