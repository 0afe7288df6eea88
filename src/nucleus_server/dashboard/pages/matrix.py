"""The home page: tests x models."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from nucleus_server.dashboard.contexts import (
    Choice,
    CountLink,
    Filter,
    Frame,
    FunctionResults,
    MatrixPage,
    ModelColumn,
    Pages,
    ResultCell,
    TestResults,
    Verdict,
)
from nucleus_server.dashboard.intervals import interval_text, signed
from nucleus_server.dashboard.pages.shared import (
    UNDEFINED,
    counted,
    entry_criterion,
    function_paths,
    number,
    percent,
    verdict,
    with_query,
)
from nucleus_server.dashboard.pages.verdict_words import comparison_verdict, waiver_note
from nucleus_server.services import WorkspaceStore
from nucleus_server.services.matrix import (
    MODELS_PER_PAGE,
    SORTS,
    Matrix,
    MatrixCell,
    MatrixQuery,
    MatrixRow,
    MatrixTest,
    release_matrix,
)

_SORT_NAMES = {
    "failing": "failing first",
    "worst": "largest worsening first",
    "name": "by name",
    "newest": "newest test first",
}
_CHANGES = {
    True: Verdict("now passes", "↗", "pass", "The newest result passes, the one before it failed."),
    False: Verdict("now fails", "↘", "fail", "The newest result fails, the one before it passed."),
}


def matrix_query(parameters: Mapping[str, str], *, models_page: int, tests_page: int) -> MatrixQuery:
    """What the address asks for; an order that there is none of means the first."""
    sort = parameters.get("sort", "")
    return MatrixQuery(
        function=parameters.get("function", ""),
        slice=parameters.get("slice", ""),
        dataset=parameters.get("dataset", ""),
        tag=parameters.get("tag", ""),
        text=parameters.get("q", "").strip(),
        is_failing=bool(parameters.get("failing")),
        is_changed=bool(parameters.get("changed")),
        sort=sort if sort in SORTS else SORTS[0],
        models_page=models_page,
        tests_page=tests_page,
    )


def matrix_page(ws: WorkspaceStore, frame: Frame, query: MatrixQuery, address: str) -> MatrixPage:
    """The page of the matrix that is asked for."""
    matrix = release_matrix(ws, query)
    query = replace(query, models_page=matrix.models_page, tests_page=matrix.tests_page)
    paths = function_paths(ws)
    everything = MatrixQuery(sort=query.sort, models_page=query.models_page, tests_page=query.tests_page)
    return MatrixPage(
        frame=frame,
        has_tests=matrix.n_all > 0,
        summary=_summary(matrix),
        counts=tuple(_counts(matrix, query)),
        filters=tuple(_filters(matrix, query)),
        text=query.text,
        is_failing=query.is_failing,
        is_changed=query.is_changed,
        is_filtered=query != everything,
        files_query=_path(replace(query, models_page=1, tests_page=1))[1:],
        models=tuple(ModelColumn(model.name, f"/models/{model.id}") for model in matrix.models),
        has_baselines=any(row.baseline is not None for each in matrix.tests for row in each.rows),
        model_pages=_model_pages(matrix, query),
        tests=tuple(_test(each, paths, query) for each in matrix.tests),
        test_pages=_test_pages(matrix, query),
        code=_first_test_code(address),
    )


def _path(query: MatrixQuery) -> str:
    """The address of this page of the matrix."""
    return with_query(
        "/",
        function=query.function or None,
        slice=query.slice or None,
        dataset=query.dataset or None,
        tag=query.tag or None,
        q=query.text or None,
        failing="yes" if query.is_failing else None,
        changed="yes" if query.is_changed else None,
        sort=None if query.sort == SORTS[0] else query.sort,
        models=None if query.models_page == 1 else query.models_page,
        page=None if query.tests_page == 1 else query.tests_page,
    )


def _summary(matrix: Matrix) -> str:
    return f"{counted(matrix.n_all, 'test')}, {counted(matrix.n_models, 'model')} with results on those below"


def _counts(matrix: Matrix, query: MatrixQuery) -> Iterable[CountLink]:
    first = replace(query, tests_page=1)
    n_failed = matrix.counts["failed"]
    waived = f" ({matrix.n_waived:,} waived)" if matrix.n_waived else ""
    yield CountLink(
        f"{n_failed:,} failed{waived}",
        "fail" if n_failed else "",
        _path(replace(first, is_failing=not query.is_failing)) if n_failed or query.is_failing else None,
        query.is_failing,
    )
    for standing in ("passed", "no criterion", "no result"):
        if matrix.counts[standing] or standing == "passed":
            words = {"no criterion": "without a criterion", "no result": "without a result here"}
            yield CountLink(f"{matrix.counts[standing]:,} {words.get(standing, standing)}", "", None, False)
    if matrix.n_changed or query.is_changed:
        path = _path(replace(first, is_changed=not query.is_changed))
        yield CountLink(f"{matrix.n_changed:,} changed", "", path, query.is_changed)


def _filters(matrix: Matrix, query: MatrixQuery) -> Iterable[Filter]:
    for name, label, names, chosen in (
        ("function", "Function", matrix.functions, query.function),
        ("slice", "Slice", matrix.slices, query.slice),
        ("dataset", "Dataset", matrix.datasets, query.dataset),
        ("tag", "Tag", matrix.tags, query.tag),
    ):
        known = names if not chosen or chosen in names else (chosen, *names)
        choices = [Choice("", "all", not chosen), *(Choice(each, each, each == chosen) for each in known)]
        yield Filter(name, label, tuple(choices))
    yield Filter("sort", "Order", tuple(Choice(sort, _SORT_NAMES[sort], sort == query.sort) for sort in SORTS))


def _model_pages(matrix: Matrix, query: MatrixQuery) -> Pages:
    def path(page: int) -> str:
        return _path(replace(query, models_page=page))

    page = matrix.models_page
    return Pages(
        number=(page - 1) * MODELS_PER_PAGE + 1,
        n_pages=(page - 1) * MODELS_PER_PAGE + len(matrix.models),
        n_rows=matrix.n_models,
        previous_path=path(page - 1) if page > 1 else None,
        next_path=path(page + 1) if page < matrix.n_models_pages else None,
    )


def _test_pages(matrix: Matrix, query: MatrixQuery) -> Pages:
    page = matrix.tests_page
    return Pages(
        number=page,
        n_pages=matrix.n_tests_pages,
        n_rows=matrix.n_tests,
        previous_path=_path(replace(query, tests_page=page - 1)) if page > 1 else None,
        next_path=_path(replace(query, tests_page=page + 1)) if page < matrix.n_tests_pages else None,
    )


def _test(each: MatrixTest, paths: Mapping[str, str], query: MatrixQuery) -> TestResults:
    test = each.test
    return TestResults(
        path=f"/tests/{test.id}",
        name=test.name,
        slice_name=each.slice.name,
        slice_path=None if each.slice_is_hidden else f"/slices/{each.slice.id}",
        dataset_name=each.dataset_name or UNDEFINED,
        dataset_path=f"/datasets/{each.slice.dataset_id}" if each.dataset_name else None,
        size=counted(each.slice.n_members, "item"),
        is_blocking=test.is_blocking,
        tags=tuple((tag, _path(replace(query, tag=tag, tests_page=1))) for tag in test.tags),
        rows=tuple(_row(row, paths) for row in each.rows),
    )


def _row(row: MatrixRow, paths: Mapping[str, str]) -> FunctionResults:
    test, function = row.test, row.entry.function
    newest = row.newest
    return FunctionResults(
        function_name=function.name,
        function_path=paths.get(function.id),
        criterion=entry_criterion(row.entry, has_baseline=test.baseline_model_id is not None),
        rule_path=f"/tests/{test.id}/functions/{function.id}",
        change=_CHANGES[bool(newest.passed)] if newest is not None and row.is_changed else None,
        baseline=None if row.baseline is None else _cell(row.baseline),
        cells=tuple(None if cell is None else _cell(cell) for cell in row.cells),
    )


def _cell(cell: MatrixCell) -> ResultCell:
    evaluation, baseline = cell.evaluation, cell.baseline
    coverage, partial = evaluation.coverage, ""
    if evaluation.is_partial and coverage is not None:
        n_live = evaluation.n_members - evaluation.n_deleted
        partial = f"partial: {evaluation.n_scored:,} of {n_live:,} ({percent(coverage)})"
    is_comparable = baseline is not None and evaluation.result is not None
    return ResultCell(
        path=f"/evaluations/{evaluation.id}",
        model_name=evaluation.model_name,
        result=number(evaluation.result),
        verdict=_standing(cell, is_partial=bool(partial)),
        partial=partial,
        delta=UNDEFINED if cell.delta is None else signed(cell.delta),
        compare_path=f"/compare/{baseline.id}/{evaluation.id}" if is_comparable and baseline is not None else None,
        against=None if cell.verdict is None else comparison_verdict(cell.verdict.verdict),
        difference=_difference(cell),
        waiver=None if cell.waiver is None else waiver_note(cell.waiver),
    )


def _standing(cell: MatrixCell, *, is_partial: bool) -> Verdict:
    judgement = cell.judgement
    if judgement is None:
        return verdict(None, "")
    words = f"{judgement.comparison.symbol} {number(judgement.threshold)}"
    if judgement.baseline_model_name is not None:
        words += f" of the baseline {judgement.baseline_model_name}"
    if judgement.n_common is not None:
        words += f", {number(judgement.result)} on the first {counted(judgement.n_common, 'item')}, which both have"
    found = verdict(judgement.passed, words)
    return replace(found, kind="none") if is_partial and judgement.passed else found


def _difference(cell: MatrixCell) -> str:
    if cell.baseline is None:
        return ""
    name = cell.baseline.model_name
    if cell.verdict is not None:
        interval = interval_text(cell.verdict.low, cell.verdict.high)
        return f"{cell.verdict.verdict}: difference to {name}, {interval}, on the items that both scored"
    if cell.delta is None:
        return f"Not the same items were scored of {name}: the comparison tells the difference on those that both have"
    return f"Difference to {name}; the comparison tells whether it is beyond chance"


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
