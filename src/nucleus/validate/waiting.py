"""Waiting for verdicts that the server computes, with what it is waiting for."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from nucleus._connection import Connection
from nucleus._console import SHOW_AFTER_S, is_watched
from nucleus._exceptions import JobError, JobTimeoutError
from nucleus.validate.decoding import is_computing

_FIRST_PAUSE_S = 0.05
_LONGEST_PAUSE_S = 2.0
SERVER_WAIT_S = 1
"""How long the server may hold back an answer that would be `computing`."""
_NAMED = 3


def wait_until_computed(
    connection: Connection,
    answer: dict[str, Any],
    ask_again: Callable[[], dict[str, Any]],
    *,
    timeout_s: float,
    show_progress: bool | None = None,
) -> dict[str, Any]:
    """Ask again, in growing pauses, until every verdict of the answer is computed.

    Args:
        answer: `status`, `job_id`, `n_comparisons`, `n_computed` and `entries`.
        show_progress: Whether to draw a bar if it takes longer than a second; None: if somebody watches.

    Raises:
        JobError: The job that computes them failed.
        JobTimeoutError: They were not computed within `timeout_s`; names some that are missing.
    """
    started = time.monotonic()
    pause_s = _FIRST_PAUSE_S
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(separator=" of "),
        TextColumn("comparisons"),
        TimeElapsedColumn(),
    )
    is_shown = is_watched() if show_progress is None else show_progress
    with Progress(*columns, disable=not is_shown, transient=True) as progress:
        task = progress.add_task("Computing verdicts", total=None, visible=False)
        while answer["status"] == "computing":
            waited_s = time.monotonic() - started
            progress.update(
                task,
                completed=answer["n_computed"],
                total=answer["n_comparisons"],
                visible=waited_s > SHOW_AFTER_S,
            )
            _raise_if_failed(connection, answer.get("job_id"))
            if waited_s >= timeout_s:
                raise JobTimeoutError(_still_missing(answer, timeout_s), answer.get("job_id") or "")
            time.sleep(pause_s)
            pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)
            answer = ask_again()
    return answer


def _raise_if_failed(connection: Connection, job_id: str | None) -> None:
    if job_id is None:
        return
    status = connection.get(f"job/{job_id}")
    if status["status"].startswith("Errored"):
        raise JobError(f"job {job_id}, which computes the verdicts, failed: {status['message']}", job_id)


def _still_missing(answer: dict[str, Any], timeout_s: float) -> str:
    missing = [
        f"{row['eval_function_name']!r} of test {row['scenario_test_name']!r}"
        for row in answer["entries"]
        if is_computing(row)
    ]
    shown = ", ".join(missing[:_NAMED]) + (f" and {len(missing) - _NAMED} more" if len(missing) > _NAMED else "")
    return (
        f"expected all verdicts within {timeout_s:g} s, got {answer['n_computed']} of {answer['n_comparisons']}; missing: "
        f"{shown or 'unknown'}. The server goes on: make the same call again, or give it a longer timeout_s"
    )
