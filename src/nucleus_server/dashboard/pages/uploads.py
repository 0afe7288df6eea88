"""Uploads of scores: the list, and the report on one of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from nucleus_server.dashboard import charts
from nucleus_server.dashboard.contexts import (
    BadRow,
    BadRowsPage,
    Chart,
    Choice,
    Filter,
    Frame,
    FunctionSection,
    Progress,
    StatusBadge,
    Turn,
    UploadPage,
    UploadRow,
    UploadsPage,
    UploadTestRow,
    WarningRow,
)
from nucleus_server.dashboard.pages.shared import (
    UNDEFINED,
    counted,
    criterion_text,
    function_paths,
    number,
    percent,
    verdict,
    when,
    with_query,
)
from nucleus_server.domain import (
    EvalFunction,
    Job,
    JobStatus,
    JudgedEvaluation,
    ScenarioTest,
    ScoreUpload,
    UploadStatus,
)
from nucleus_server.errors import NotFound, NucleusServerError
from nucleus_server.services import WorkspaceStore
from nucleus_server.services.app_services import AppServices
from nucleus_server.services.judging import judge_upload
from nucleus_server.services.staged_uploads import bad_rows
from nucleus_server.services.upload_report import (
    MAX_DISTINCT,
    Distribution,
    FunctionReport,
    Report,
    TestReport,
    report_of,
)

PAGE_SIZE = 50
_N_BAD_ROWS = 20
_QUANTILES = {"0.05": "5 %", "0.25": "25 %", "0.5": "median", "0.75": "75 %", "0.95": "95 %"}
_BADGES = {
    UploadStatus.COMPLETED: StatusBadge("completed", "✓", "pass", "All of it was checked and stored."),
    UploadStatus.COMMITTING: StatusBadge("committing", "◔", "busy", "All parts are here; they are being checked."),
    UploadStatus.STAGING: StatusBadge("staging", "…", "none", "Not all parts are here yet; nothing counts so far."),
    UploadStatus.REJECTED: StatusBadge("rejected", "✗", "fail", "Something is wrong with it; nothing was stored."),
}
_CHECKED = StatusBadge("checked", "✓", "none", "It was only to be checked; nothing was stored.")
_FAILED = StatusBadge("failed", "!", "fail", "The server could not finish it; nothing was stored.")
_GIVEN_UP = StatusBadge("given up", "✗", "none", "It was given up or has expired; nothing was stored.")


def uploads_page(
    ws: WorkspaceStore,
    frame: Frame,
    address: str,
    *,
    number_: int,
    now: datetime,
    dataset_id: str | None,
    model_id: str | None,
    function_id: str | None,
) -> UploadsPage:
    """A page of the uploads, newest first; an empty or missing filter lets everything through."""
    chosen = {"dataset": dataset_id or None, "model": model_id or None, "function": function_id or None}
    offset = (number_ - 1) * PAGE_SIZE
    functions = ws.list_eval_functions()
    found = ws.list_uploads(
        dataset_id=chosen["dataset"],
        model_id=chosen["model"],
        function_id=chosen["function"],
        offset=offset,
        limit=PAGE_SIZE + 1,
    )
    shown = found[:PAGE_SIZE]
    return UploadsPage(
        frame=frame,
        uploads=upload_rows(ws, shown, functions, now),
        filters=(
            _filter("dataset", "Dataset", "all datasets", chosen, {d.id: d.name for d in ws.list_datasets()}),
            _filter("model", "Model", "all models", chosen, {m.id: m.name for m in ws.list_models()}),
            _filter(
                "function", "Function", "all functions", chosen, {f.id: f.name for f in functions if f.is_external}
            ),
        ),
        is_filtered=any(chosen.values()),
        files_query=with_query("", **chosen),
        turn=Turn(
            first=offset + 1,
            last=offset + len(shown),
            newer_path=with_query("/uploads", **chosen, page=number_ - 1) if number_ > 1 else None,
            older_path=with_query("/uploads", **chosen, page=number_ + 1) if len(found) > PAGE_SIZE else None,
        ),
        code=_upload_scores_code(address),
    )


def upload_rows(
    ws: WorkspaceStore, uploads: Iterable[ScoreUpload], functions: Iterable[EvalFunction], now: datetime
) -> tuple[UploadRow, ...]:
    """Uploads as the rows of a list."""
    names = {function.id: function.name for function in functions}
    tests = {test.id: test.name for test in ws.list_scenario_tests()}
    rows = []
    for upload in uploads:
        job_id = upload.job_id if upload.status is UploadStatus.COMMITTING else None
        job = None if job_id is None else ws.get_job(job_id)
        rows.append(_upload_row(upload, _badge(upload, job, now), names, tests))
    return tuple(rows)


def upload_page(ws: WorkspaceStore, frame: Frame, upload_id: str, now: datetime) -> UploadPage:
    """The report on one upload, or how far it is, or what became of it."""
    upload = ws.get_upload(upload_id)
    job = None if upload.job_id is None else ws.get_job(upload.job_id)
    report = report_of(upload.report)
    is_completed = upload.status is UploadStatus.COMPLETED
    tests = {test.id: test for test in ws.list_scenario_tests()}
    paths = function_paths(ws)
    rows = _test_rows(ws, upload, report, tests) if is_completed else ()
    status = _badge(upload, job, now)
    is_listed = status is _BADGES[UploadStatus.REJECTED]
    return UploadPage(
        frame=frame,
        upload_id=upload.id,
        status=status,
        model_name=upload.model_name,
        model_uploads_path=with_query("/uploads", model=upload.model_id),
        dataset_name=upload.dataset_name,
        dataset_uploads_path=with_query("/uploads", dataset=upload.dataset_id),
        purpose=_target(upload, {test.id: test.name for test in tests.values()}, report)
        or "for every test of the dataset",
        user_name=upload.user_name,
        begun=when(upload.created_at),
        completed=None if upload.completed_at is None else when(upload.completed_at),
        n_rows=_n_rows(upload),
        n_items=f"{report.n_items:,}" if is_completed else None,
        n_evaluated=f"{sum(row.result != UNDEFINED for row in rows):,} of {len(rows):,}" if is_completed else None,
        rule=_rule(upload),
        n_warnings=_n_warnings(report),
        progress=progress(ws, upload, job, now),
        note=_note(upload, job, status),
        bad_rows_path=f"/uploads/{upload.id}/bad-rows" if is_listed else None,
        functions=tuple(
            _function_section(i, function, paths)
            for i, function in enumerate(sorted(report.functions, key=lambda function: function.name))
        ),
        tests=rows,
    )


def progress(ws: WorkspaceStore, upload: ScoreUpload, job: Job | None, now: datetime) -> Progress | None:
    """How far the work on an upload is; None if there is nothing to wait for."""
    if _badge(upload, job, now) not in (_BADGES[UploadStatus.STAGING], _BADGES[UploadStatus.COMMITTING]):
        return None
    share = None
    if upload.status is UploadStatus.STAGING:
        parts = ws.list_upload_parts(upload.id)
        text = f"{counted(len(parts), 'part')} with {counted(sum(part.n_rows for part in parts), 'row')} received."
        if upload.expires_at is not None:
            text += f" Unless it goes on, it is removed on {when(upload.expires_at)} UTC."
    elif job is None or job.status is JobStatus.QUEUED:
        text = "Waiting for a worker."
    elif job.completed_steps + 1 < job.total_steps:
        share = 100 * job.completed_steps / job.total_steps
        text = f"{job.completed_steps:,} of {counted(job.total_steps - 1, 'part')} checked."
    else:
        share = 100 * job.completed_steps / job.total_steps
        text = "All parts are checked; storing them."
    path = f"/uploads/{upload.id}"
    return Progress(text, share, f"{path}/progress", path)


def find_progress(ws: WorkspaceStore, upload_id: str, now: datetime) -> Progress | None:
    """The same by the upload's id."""
    upload = ws.get_upload(upload_id)
    return progress(ws, upload, None if upload.job_id is None else ws.get_job(upload.job_id), now)


def earlier_path(ws: WorkspaceStore, upload_id: str) -> str | None:
    """The page of the earlier upload that this one turned out to be the same as; None if it did not.

    An upload that stores nothing new does not stay, but the job that found so does.
    """
    try:
        upload = ws.get_upload(upload_id)
        job = None if upload.job_id is None else ws.get_job(upload.job_id)
    except NotFound:
        job = ws.find_upload_job(upload_id)
        if job is None:
            raise
    return f"/uploads/{job.message['upload_id']}" if job is not None and job.message.get("replayed") else None


def bad_rows_page(services: AppServices, ws: WorkspaceStore, frame: Frame, upload_id: str) -> BadRowsPage:
    """The first bad rows of a rejected upload, or why they cannot be listed."""
    ws.get_upload(upload_id)
    n_rows, problem = 0, None
    rows: tuple[BadRow, ...] = ()
    try:
        found = bad_rows(ws, services.media, upload_id)
    except NucleusServerError as error:
        problem = error.message
    else:
        n_rows = found.height
        rows = tuple(
            BadRow(
                row=f"{row['row']:,}",
                reference_id=row["reference_id"],
                function=UNDEFINED if row["function"] is None else row["function"],
                field=row["field"].replace("_", " "),
                value=UNDEFINED if row["value"] is None else f"{row['value']:g}",
                problem=row["problem"],
            )
            for row in found.head(_N_BAD_ROWS).iter_rows(named=True)
        )
    path = f"/uploads/{upload_id}"
    return BadRowsPage(frame, upload_id, path, f"{path}/bad-rows.csv", n_rows, rows, problem)


def bad_rows_csv(services: AppServices, ws: WorkspaceStore, upload_id: str) -> str:
    """All bad rows of a rejected upload."""
    return bad_rows(ws, services.media, upload_id).write_csv()


def _upload_row(
    upload: ScoreUpload, status: StatusBadge, names: Mapping[str, str], tests: Mapping[str, str]
) -> UploadRow:
    report = report_of(upload.report)
    names = {**names, **{function.function_id: function.name for function in report.functions}}
    purpose = _target(upload, tests, report)
    if purpose is None and upload.status is UploadStatus.COMPLETED:
        n_evaluated = len({row.test_id for row in report.tests if row.evaluation_id is not None})
        purpose = f"{counted(n_evaluated, 'test')} evaluated"
    return UploadRow(
        path=f"/uploads/{upload.id}",
        when=when(upload.created_at),
        user_name=upload.user_name,
        status=status,
        model_name=upload.model_name,
        dataset_name=upload.dataset_name,
        functions=", ".join(sorted(names.get(key, "a deleted function") for key in upload.function_ids)),
        n_rows=_n_rows(upload),
        purpose=purpose or "for every test",
        n_warnings=_n_warnings(report) if upload.status is UploadStatus.COMPLETED else None,
    )


def _badge(upload: ScoreUpload, job: Job | None, now: datetime) -> StatusBadge:
    if upload.status is UploadStatus.COMPLETED:
        return _CHECKED if upload.is_dry_run else _BADGES[upload.status]
    if upload.expires_at is not None and upload.expires_at <= now:
        return _GIVEN_UP
    if job is not None and job.status is JobStatus.ERRORED and "code" not in job.message:
        return _FAILED  # of no fault of the upload's
    return _BADGES[upload.status]


def _note(upload: ScoreUpload, job: Job | None, status: StatusBadge) -> str | None:
    if status is _GIVEN_UP or status is _CHECKED:
        return status.why
    if status is _FAILED and job is not None:
        return f"{status.why} {job.message.get('final_error', '')}"
    if status is _BADGES[UploadStatus.REJECTED]:
        kept = "" if upload.expires_at is None else f" It is kept until {when(upload.expires_at)} UTC."
        return (job.message["error"] if job is not None else "Nothing was stored, because rows are wrong.") + kept
    return None


def _target(upload: ScoreUpload, tests: Mapping[str, str], report: Report) -> str | None:
    if upload.test_id is None:
        return None
    known = dict(tests)
    known.update((row.test_id, row.name) for row in report.tests if row.test_id not in known)
    return f"for test {known[upload.test_id]}" if upload.test_id in known else "for a deleted test"


def _rule(upload: ScoreUpload) -> str:
    if upload.test_id is not None:
        return "an upload for one test may leave items out"
    if upload.min_coverage == 0:
        return "for tests with any item scored"
    return f"for tests with {percent(upload.min_coverage)} of their items scored"


def _n_rows(upload: ScoreUpload) -> str:
    return UNDEFINED if upload.status is UploadStatus.STAGING else f"{upload.n_rows:,}"


def _n_warnings(report: Report) -> int:
    return sum(len(function.warnings) for function in report.functions)


def _function_section(index: int, report: FunctionReport, paths: Mapping[str, str]) -> FunctionSection:
    weights = f"weighted, sum of weights {report.weight_sum:,.4g}" if report.weighted else "not weighted"
    columns = [("scores", report.score), ("weights", report.weight)]
    present = [(name, column) for name, column in columns if column is not None]
    return FunctionSection(
        name=report.name,
        path=paths.get(report.function_id),
        summary=f"{counted(report.n_scored, 'score')}, {weights}",
        mean=number(report.mean),
        warnings=tuple(WarningRow(warning.code, warning.message) for warning in report.warnings),
        header=("lowest", *_QUANTILES.values(), "highest", "mean", "different values"),
        spreads=tuple((name, _spread(column)) for name, column in present),
        charts=tuple(_chart(f"{name}-{index}", name, column, report) for name, column in present),
    )


def _spread(column: Distribution) -> tuple[str, ...]:
    values = [column.min, *(column.quantiles[level] for level in _QUANTILES), column.max, column.mean]
    n_distinct = f"{column.n_distinct:,}" + (" or more" if column.n_distinct >= MAX_DISTINCT else "")
    return (*map(number, values), n_distinct)


def _chart(name: str, what: str, column: Distribution, report: FunctionReport) -> Chart:
    edges, counts = column.histogram.edges, column.histogram.counts
    bins = [{"start": start, "end": end, "count": n} for start, end, n in zip(edges, edges[1:], counts, strict=False)]
    is_score = column is report.score
    rule = ("weighted mean" if report.weighted else "mean", report.mean) if is_score else None
    return Chart(
        name=name,
        title=f"Distribution of {what}",
        description=(
            f"{sum(counts):,} {what} of {report.name} in {len(counts)} bins from {edges[0]:g} to {edges[-1]:g}."
        ),
        note="" if rule is None else f"dashed line: {rule[0]} {number(rule[1])}",
        spec=charts.histogram_spec(bins, rule=rule, x_title=what.removesuffix("s")),
        header=("from", "to", "items"),
        rows=tuple((f"{b['start']:.3f}", f"{b['end']:.3f}", f"{b['count']:,}") for b in bins),
    )


def _test_rows(
    ws: WorkspaceStore, upload: ScoreUpload, report: Report, tests: Mapping[str, ScenarioTest]
) -> tuple[UploadTestRow, ...]:
    """What the report says of each test, and then the tests that were made later and filled from the upload."""
    reported = [row.evaluation_id for row in report.tests if row.evaluation_id is not None]
    judged = {j.evaluation.id: j for j in judge_upload(ws, upload.id, reported)}
    rows = [_reported_row(row, judged, tests) for row in report.tests]
    names = {row.function_id: row.name for row in report.functions}
    rows += [
        _filled_row(each, tests[each.evaluation.test_id], names)
        for key, each in judged.items()
        if key not in reported and each.evaluation.test_id in tests
    ]
    return tuple(
        sorted(rows, key=lambda row: (row.test_path is None, row.result == UNDEFINED, row.test_name, row.function_name))
    )


def _reported_row(
    row: TestReport, judged: Mapping[str, JudgedEvaluation], tests: Mapping[str, ScenarioTest]
) -> UploadTestRow:
    found = None if row.evaluation_id is None else judged.get(row.evaluation_id)
    note = row.reason or ""
    if row.test_id not in tests:
        note = "this test was deleted"
    return _test_row(
        test_name=row.name,
        test_path=f"/tests/{row.test_id}" if row.test_id in tests else None,
        function_name=row.function_name,
        n_scored=row.n_scored,
        n_members=row.n_members,
        coverage=row.coverage,
        result=row.result if row.evaluation_id is not None else None,
        judged=found,
        note=note,
    )


def _filled_row(judged: JudgedEvaluation, test: ScenarioTest, names: Mapping[str, str]) -> UploadTestRow:
    evaluation = judged.evaluation
    return _test_row(
        test_name=test.name,
        test_path=f"/tests/{test.id}",
        function_name=names.get(evaluation.function_id, UNDEFINED),
        n_scored=evaluation.n_scored,
        n_members=evaluation.n_members - evaluation.n_deleted,
        coverage=evaluation.coverage,
        result=evaluation.result,
        judged=judged,
        note="filled later, when the test was made or its slice grew",
    )


def _test_row(
    *,
    test_name: str,
    test_path: str | None,
    function_name: str,
    n_scored: int,
    n_members: int,
    coverage: float | None,
    result: float | None,
    judged: JudgedEvaluation | None,
    note: str,
) -> UploadTestRow:
    return UploadTestRow(
        test_name=test_name,
        test_path=test_path,
        function_name=function_name,
        coverage=UNDEFINED if coverage is None else f"{n_scored:,} of {n_members:,} ({percent(coverage)})",
        share=None if coverage is None else f"{100 * coverage:.1f}",
        is_partial=n_scored < n_members,
        result=number(result),
        evaluation_path=None if judged is None else f"/evaluations/{judged.evaluation.id}",
        verdict=None if judged is None else verdict(judged.passed, criterion_text(judged)),
        note=note,
    )


def _filter(
    name: str, label: str, everything: str, chosen: Mapping[str, str | None], names: Mapping[str, str]
) -> Filter:
    current = chosen[name]
    choices = [Choice("", everything, current is None)]
    choices += [Choice(key, text, key == current) for key, text in sorted(names.items(), key=lambda entry: entry[1])]
    return Filter(name, label, tuple(choices))


def _upload_scores_code(address: str) -> str:
    return f"""import nucleus

client = nucleus.NucleusClient("YOUR_KEY", endpoint="{address}/v1/nucleus")
dataset = client.get_dataset("YOUR_DATASET_ID")
scores = {{"item_ref_id": ["1", "2"], "iou": [0.91, 0.78]}}  # or a pandas, polars or pyarrow table

client.validate.create_external_eval_function("iou")  # once
print(dataset.upload_scores({{"iou": "iou"}}, "YOUR_MODEL_ID", scores))"""
