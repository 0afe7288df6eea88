"""`nucleus jobs`: work that outlives a request."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from nucleus._async_job import RUNNING, AsyncJob
from nucleus._cli.output import AsJson, Yes, confirm, examples, print_fields, print_json, print_line, print_table, when
from nucleus._cli.session import client_of

app = typer.Typer(no_args_is_help=True, help="Jobs: work that the server goes on with after it has answered.")

JobArgument = Annotated[str, typer.Argument(metavar="JOB", help="Its id, job_….")]


@app.command("list", epilog=examples("nucleus jobs list", "nucleus jobs list --all --limit 20 --json"))
def list_jobs(
    context: typer.Context,
    everything: Annotated[bool, typer.Option("--all", help="Also those that are completed.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=50_000, help="How many at most.")] = 100,
    as_json: AsJson = False,
) -> None:
    """List jobs, newest first: those that wait, run, failed or were cancelled."""
    found = client_of(context).list_jobs(show_completed=everything, limit=limit)
    if as_json:
        print_json([_handle(job) for job in found])
    else:
        print_table(
            ["id", "type", "status", "asked for"],
            [[job.job_id, job.job_type, job.job_last_known_status, when(job.job_creation_time)] for job in found],
        )


@app.command(epilog=examples("nucleus jobs show job_…"))
def show(context: typer.Context, job: JobArgument, as_json: AsJson = False) -> None:
    """Show how far a job is, what it says of itself and what went wrong."""
    found = client_of(context).get_job(job)
    _print(found, found.status(), found.errors(), as_json)


@app.command(epilog=examples("nucleus jobs cancel job_…", "nucleus jobs cancel job_… --yes --json"))
def cancel(context: typer.Context, job: JobArgument, yes: Yes = False, as_json: AsJson = False) -> None:
    """Cancel a job that waits or runs, your own or, as an admin, anyone's: what it has not stored yet is never seen."""
    found = client_of(context).get_job(job)
    if found.job_last_known_status == RUNNING:
        confirm(f"Cancel job {found.job_id} ({found.job_type})?", is_sure=yes)
    status = found.cancel()
    if as_json:
        print_json(_handle(found) | status)
    else:
        print_line(f"Cancelled {found.job_id} ({found.job_type}).")


def _print(job: AsyncJob, status: dict[str, Any], errors: list[str], as_json: bool) -> None:
    if as_json:
        print_json(_handle(job) | status | {"errors": errors})
        return
    fields: dict[str, object] = {
        "id": job.job_id,
        "type": job.job_type,
        "status": status["status"],
        "steps": f"{status['completed_steps']:,} of {status['total_steps']:,}",
        "asked for": when(job.job_creation_time),
    }
    message = status["message"]
    if isinstance(message, dict):
        fields |= {name.replace("_", " "): value for name, value in message.items() if not isinstance(value, list)}
    print_fields(fields)
    for error in errors:
        print_line(f"✗ {error}")


def _handle(job: AsyncJob) -> dict[str, Any]:
    return {
        "job_id": job.job_id,
        "job_type": job.job_type,
        "status": job.job_last_known_status,
        "created_at": job.job_creation_time,
    }
