"""Jobs, newest first."""

from __future__ import annotations

import json

from nucleus_server.dashboard.contexts import Frame, JobRow, JobsPage, Verdict
from nucleus_server.dashboard.pages.forms import FormMaker, button
from nucleus_server.dashboard.pages.shared import UNDEFINED, shortened, when, with_query
from nucleus_server.domain import Job, JobStatus, JobType
from nucleus_server.services import WorkspaceStore

_LIMIT = 200
_SHOWN_ELSEWHERE = ("dataset_id", "error", "final_error")
_WORDS = {
    JobType.UPLOAD_DATASET_ITEMS: "add items",
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
}
_UNFINISHED = (JobStatus.QUEUED, JobStatus.RUNNING)
_SHOWN = {"": tuple(JobStatus), "unfinished": _UNFINISHED, "failed": (JobStatus.ERRORED,)}


def jobs_page(ws: WorkspaceStore, frame: Frame, *, show: str) -> JobsPage:
    """The newest jobs: all, those that wait or run, or those that failed."""
    shown = show if show in _SHOWN else ""
    found = ws.list_jobs(limit=_LIMIT + 1)
    names = {dataset.id: dataset.name for dataset in ws.list_datasets()}
    jobs = [job for job in found[:_LIMIT] if job.status in _SHOWN[shown]]
    maker = FormMaker("filter", "/jobs", method="get")
    maker.add(
        "show",
        "Which jobs",
        "choice",
        shown,
        "Work that outlives a request.",
        choices=[("", "all"), ("unfinished", "waiting or running"), ("failed", "failed")],
    )
    return JobsPage(
        frame=frame,
        filter=maker.made(button("Show")),
        is_filtered=bool(shown),
        path=with_query("/jobs", show=shown or None),
        is_live=any(job.status in _UNFINISHED for job in found[:_LIMIT]),
        jobs=tuple(_row(job, names) for job in jobs),
        limit=_LIMIT if len(found) > _LIMIT else None,
    )


def _row(job: Job, names: dict[str, str]) -> JobRow:
    is_running = job.status is JobStatus.RUNNING and job.total_steps > 0
    dataset = job.dataset_id or ""
    return JobRow(
        id=job.id,
        what=_WORDS[job.type],
        status=_STATUSES[job.status],
        share=100 * job.completed_steps / job.total_steps if is_running else None,
        steps=f"{job.completed_steps:,} of {job.total_steps:,}",
        dataset_name=names.get(dataset, dataset or UNDEFINED),
        dataset_path=f"/datasets/{dataset}" if dataset in names else None,
        created=when(job.created_at),
        finished=UNDEFINED if job.finished_at is None else when(job.finished_at),
        outcome=tuple(
            (str(name).replace("_", " "), _value(value))
            for name, value in job.message.items()
            if name not in _SHOWN_ELSEWHERE
        ),
        errors=job.errors,
    )


def _value(value: object) -> str:
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    return shortened(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))
