"""Jobs: work that the server goes on with after it has answered."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any, Protocol

from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

from nucleus._connection import Connection
from nucleus._console import is_watched
from nucleus._exceptions import JobError, JobTimeoutError

_FIRST_PAUSE_S = 0.05
_LONGEST_PAUSE_S = 1.0
_SHOW_AFTER_S = 1.0
RUNNING = "Running"
CANCELLED = "Cancelled"


class HasConnection(Protocol):
    """A client."""

    @property
    def connection(self) -> Connection: ...


@dataclass
class AsyncJob:
    """A job on the server.

    Attributes:
        job_id: Its id.
        job_last_known_status: `Running`, `Completed`, `Cancelled` or a word that begins with `Errored`.
        job_type: What it does.
        job_creation_time: When it was made, ISO 8601 in UTC.
    """

    job_id: str
    job_last_known_status: str
    job_type: str
    job_creation_time: str
    connection: Connection = field(repr=False, compare=False)

    @classmethod
    def from_json(cls, payload: dict[str, Any], connection: Connection) -> AsyncJob:
        """The job that a handle of the server describes."""
        return cls(
            payload["job_id"],
            payload["job_last_known_status"],
            payload["job_type"],
            payload["job_creation_time"],
            connection,
        )

    @classmethod
    def from_id(cls, job_id: str, client: HasConnection) -> AsyncJob:
        """The job with this id, of a client's server."""
        return cls.from_json(client.connection.get(f"job/{job_id}/info"), client.connection)

    def status(self) -> dict[str, Any]:
        """Ask for `status`, `message`, `job_progress`, `completed_steps` and `total_steps`."""
        response: dict[str, Any] = self.connection.get(f"job/{self.job_id}")
        self.job_last_known_status = response["status"]
        return response

    def errors(self) -> list[str]:
        """Ask for what went wrong, row by row."""
        return list(self.connection.get(f"job/{self.job_id}/errors"))

    def cancel(self) -> dict[str, Any]:
        """End the job, whether it waits or runs; cancelling it again changes nothing.

        What it has not stored yet is never seen: an upload that was being stored is given up. Evaluations and verdicts that
        were complete before stay, and whoever goes on asking for verdicts has them computed by a new job.

        Returns:
            The same as `status()`.

        Raises:
            ConflictError: It has ended, or what it stores can be seen already (`job_finished`); or it deletes a dataset
                (`job_not_cancellable`).
            PermissionDeniedError: Somebody else asked for it, and you are no admin.
        """
        response: dict[str, Any] = self.connection.post({}, f"job/{self.job_id}/cancel", is_replay_safe=True)
        self.job_last_known_status = response["status"]
        return response

    def sleep_until_complete(self, verbose_std_out: bool = True, timeout_s: float | None = None) -> None:
        """Wait until the job is done, with a progress bar if that takes longer than a second.

        Raises:
            JobError: The job failed, or somebody cancelled it.
            JobTimeoutError: It was not done within `timeout_s`.
        """
        started = time.monotonic()
        pause_s = _FIRST_PAUSE_S
        columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
        with Progress(*columns, disable=not (verbose_std_out and is_watched()), transient=True) as progress:
            task = progress.add_task(f"{self.job_type} {self.job_id}", visible=False)
            while (status := self.status())["status"] == RUNNING:
                waited_s = time.monotonic() - started
                progress.update(
                    task,
                    completed=status["completed_steps"],
                    total=status["total_steps"],
                    visible=waited_s > _SHOW_AFTER_S,
                )
                if timeout_s is not None and waited_s > timeout_s:
                    raise JobTimeoutError(
                        f"job {self.job_id} was not done within {timeout_s:g} s; it goes on", self.job_id
                    )
                time.sleep(pause_s)
                pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)
        if status["status"] == CANCELLED:
            raise JobError(f"job {self.job_id} was cancelled by {_canceller(status)}", self.job_id)
        if status["status"].startswith("Errored"):
            raise JobError(f"job {self.job_id} failed: {status['message']}", self.job_id)


def _canceller(status: dict[str, Any]) -> str:
    message = status["message"]
    return str(message.get("cancelled_by", "somebody")) if isinstance(message, dict) else "somebody"
