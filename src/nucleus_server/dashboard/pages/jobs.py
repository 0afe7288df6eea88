"""Jobs, newest first, and one job."""

from __future__ import annotations

import json

from nucleus_server.dashboard.contexts import (
    BadInput,
    Frame,
    JobPage,
    JobRow,
    JobsPage,
    MadeLink,
    Pages,
    Progress,
    Verdict,
)
from nucleus_server.dashboard.pages.forms import FormMaker, button, may_change, no_form
from nucleus_server.dashboard.pages.shared import UNDEFINED, counted, shortened, when, with_query
from nucleus_server.domain import Job, JobStatus, JobType, Json
from nucleus_server.errors import NotFound
from nucleus_server.services import WorkspaceStore

JOBS_PAGE_SIZE = 50
_MOST_MADE = 10
_SHOWN_ELSEWHERE = (
    "dataset_id",
    "test_id",
    "upload_id",
    "errors",
    "n_errors",
    "rejected_upload_id",
    "final_error",
    "error",
)
_WORDS = {
    JobType.UPLOAD_DATASET_ITEMS: "add items",
    JobType.UPLOAD_ANNOTATIONS: "add annotations",
    JobType.UPLOAD_PREDICTIONS: "add predictions",
    JobType.DELETE_ANNOTATIONS: "delete annotations",
    JobType.MODEL_RUN_COMMIT: "commit a model run",
    JobType.UPLOAD_LIDAR_SCENE: "add lidar scenes",
    JobType.UPLOAD_VIDEO_SCENE: "add video scenes",
    JobType.UPDATE_METADATA: "merge metadata",
    JobType.UPLOAD_SCORES: "store uploaded scores",
    JobType.FILL_SCENARIO_TEST: "fill a test from earlier uploads",
    JobType.COMPARE_EVALUATIONS: "compute verdicts",
    JobType.DELETE_DATASET: "delete a dataset",
}
_STATUSES = {
    JobStatus.QUEUED: Verdict("waiting", "○", "none", "It waits for a worker."),
    JobStatus.RUNNING: Verdict("running", "◔", "busy", "A worker is doing it."),
    JobStatus.COMPLETED: Verdict("done", "✓", "pass", "It did all it was asked for."),
    JobStatus.ERRORED: Verdict("failed", "✗", "fail", "It ended without doing what it was asked for."),
    JobStatus.CANCELLED: Verdict("cancelled", "⊘", "none", "Somebody ended it before it was done."),
}
_UNFINISHED = (JobStatus.QUEUED, JobStatus.RUNNING)
_SHOWN = {
    "": tuple[JobStatus, ...](),
    "unfinished": _UNFINISHED,
    "failed": (JobStatus.ERRORED,),
    "cancelled": (JobStatus.CANCELLED,),
    "done": (JobStatus.COMPLETED,),
}
_SHOWN_WORDS = {
    "": "all",
    "unfinished": "waiting or running",
    "failed": "failed",
    "cancelled": "cancelled",
    "done": "done",
}


def is_shown(job: Job, show: str, kind: str) -> bool:
    """Whether the list has the job; what is no status and no type lets all through."""
    is_type = kind not in [each.value for each in JobType] or job.type.value == kind
    return is_type and job.status in (_SHOWN.get(show) or tuple(JobStatus))


def jobs_page(ws: WorkspaceStore, frame: Frame, *, show: str, kind: str, number: int) -> JobsPage:
    """A page of the jobs with a status and of a type; what the address says of neither lets all through."""
    shown = show if show in _SHOWN else ""
    chosen = next((each for each in JobType if each.value == kind), None)
    types = () if chosen is None else (chosen.value,)
    n_jobs = ws.count_jobs(types=types, statuses=_SHOWN[shown])
    n_pages = max(1, -(-n_jobs // JOBS_PAGE_SIZE))
    number = min(number, n_pages)
    jobs = ws.list_jobs(types=types, statuses=_SHOWN[shown], offset=(number - 1) * JOBS_PAGE_SIZE, limit=JOBS_PAGE_SIZE)
    query = {"show": shown or None, "type": types[0] if types else None}
    names = {dataset.id: dataset.name for dataset in ws.list_datasets()}
    maker = FormMaker("filter", "/jobs", method="get")
    maker.add("show", "Which jobs", "choice", shown, "What became of them.", choices=_SHOWN_WORDS.items())
    maker.add(
        "type",
        "What they do",
        "choice",
        types[0] if types else "",
        "Work that outlives a request.",
        choices=[("", "anything"), *((each.value, _what(each)) for each in JobType)],
    )
    return JobsPage(
        frame=frame,
        filter=maker.made(button("Show")),
        is_filtered=bool(shown or types),
        path=with_query("/jobs", **query, page=number if number > 1 else None),
        is_live=any(not job.status.is_finished for job in jobs),
        jobs=tuple(_row(job, names) for job in jobs),
        pages=Pages(
            number=number,
            n_pages=n_pages,
            n_rows=n_jobs,
            previous_path=with_query("/jobs", **query, page=number - 1) if number > 1 else None,
            next_path=with_query("/jobs", **query, page=number + 1) if number < n_pages else None,
        ),
    )


def job_page(
    ws: WorkspaceStore, frame: Frame, job_id: str, *, notice: str | None = None, problem: str | None = None
) -> JobPage:
    """One job: how far it is, what it made, what went wrong, and how to end it."""
    job = ws.get_job(job_id)
    try:
        names = {} if job.dataset_id is None else {job.dataset_id: ws.get_dataset(job.dataset_id).name}
    except NotFound:
        names = {}
    problems = [each for each in job.message.get("errors", ()) if isinstance(each, dict)]
    no_cancel = _no_cancel(ws, job)
    rejected = job.message.get("rejected_upload_id")
    return JobPage(
        frame=frame,
        job=_row(job, names),
        progress=job_progress(job),
        n_steps=f"{job.total_steps:,}",
        facts=tuple(
            (str(name).replace("_", " "), _value(value))
            for name, value in job.message.items()
            if name not in _SHOWN_ELSEWHERE
        ),
        bad_input=tuple(
            BadInput(str(each.get("field", "")), str(each.get("value") or UNDEFINED), str(each.get("message", "")))
            for each in problems
        ),
        n_bad_input=f"{int(job.message.get('n_errors', len(problems))):,}",
        bad_rows_path=f"/uploads/{rejected}/bad-rows" if rejected is not None else None,
        cancel_path=None if job.status.is_finished or no_cancel else f"/jobs/{job.id}/cancel",
        no_cancel=no_cancel,
        audit_path=with_query("/audit", object=job.id),
        notice=notice,
        problem=problem,
    )


def job_progress(job: Job) -> Progress | None:
    """How far the job is; None if it has ended."""
    if job.status.is_finished:
        return None
    path = f"/jobs/{job.id}"
    if job.status is JobStatus.QUEUED:
        return Progress("Waiting for a worker.", None, f"{path}/progress", path)
    text = f"{job.completed_steps:,} of {counted(job.total_steps, 'step')} done."
    if job.errors:
        text += f" It is tried again: {job.errors[-1]}"
    return Progress(text, _share(job), f"{path}/progress", path)


def _no_cancel(ws: WorkspaceStore, job: Job) -> str:
    if job.status.is_finished:
        return ""
    if job.type is JobType.DELETE_DATASET:
        return "The deletion of a dataset is not cancelled: it is hidden already, and a part of it would be of no use."
    if may_change(ws.actor, job.user_id):
        return ""
    return no_form(ws.actor, job.user_id, job.user_name, "whether this job goes on")


def _row(job: Job, names: dict[str, str]) -> JobRow:
    dataset = job.dataset_id or ""
    made = _made(job)
    return JobRow(
        id=job.id,
        path=f"/jobs/{job.id}",
        what=_what(job.type),
        status=_STATUSES[job.status],
        share=_share(job) if job.status is JobStatus.RUNNING and job.total_steps > 0 else None,
        steps=f"{job.completed_steps:,} of {job.total_steps:,}",
        dataset_name=names.get(dataset, dataset or UNDEFINED),
        dataset_path=f"/datasets/{dataset}" if dataset in names else None,
        user_name=job.user_name,
        created=when(job.created_at),
        finished=UNDEFINED if job.finished_at is None else when(job.finished_at),
        made=tuple(made[:_MOST_MADE]),
        n_more=max(0, len(made) - _MOST_MADE),
        errors=job.errors,
    )


def _what(job_type: JobType) -> str:
    """What jobs of this type do; by the type's own name if nobody has said it."""
    return _WORDS.get(job_type, job_type.value)


def _share(job: Job) -> float:
    return 100 * job.completed_steps / max(job.total_steps, 1)


def _made(job: Job) -> list[MadeLink]:
    """The pages of what the job is about; of an upload that was given up there is none."""
    if job.status is JobStatus.CANCELLED and job.type is JobType.UPLOAD_SCORES:
        return []
    asked: Json = job.payload
    if job.type is JobType.UPLOAD_SCORES:
        return [MadeLink("the upload", f"/uploads/{job.message.get('upload_id', asked['upload_id'])}")]
    if job.type is JobType.FILL_SCENARIO_TEST:
        return [MadeLink("the test", f"/tests/{asked['test_id']}")]
    if job.type in (JobType.UPLOAD_LIDAR_SCENE, JobType.UPLOAD_VIDEO_SCENE, JobType.UPDATE_METADATA):
        return [MadeLink("the dataset", f"/datasets/{job.dataset_id}")]
    if job.type is JobType.DELETE_DATASET:
        return [MadeLink("who deleted it", with_query("/audit", object=job.dataset_id))]
    if job.type is JobType.COMPARE_EVALUATIONS:
        pairs = [(entry["baseline"], entry["candidate"]) for entry in asked.get("verdicts", ())]
        return [
            MadeLink(
                f"verdict {i}", f"/evaluations/{candidate}" if baseline is None else f"/compare/{baseline}/{candidate}"
            )
            for i, (baseline, candidate) in enumerate(pairs, start=1)
        ]
    return []


def _value(value: object) -> str:
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    return shortened(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))
