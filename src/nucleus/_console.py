"""Progress bars, for whoever watches."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    ProgressColumn,
    Task,
    TaskProgressColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.text import Text

SHOW_AFTER_S = 1.0


def is_watched() -> bool:
    """Whether progress bars have a terminal or a notebook to be drawn in; logs and pipes stay clean."""
    console = Console()
    return console.is_terminal or console.is_jupyter


@contextmanager
def progress_bar(description: str, n_total: int | None, unit: str) -> Iterator[Callable[[int], None]]:
    """A bar with rate and time left, shown if somebody watches and the work takes longer than a second.

    Args:
        n_total: How much there is to do; None if nobody knows before the end.
        unit: Of what, in the plural: `rows`.

    Yields:
        A function to call with how much more is done.
    """
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        _Rate(unit),
        TimeElapsedColumn() if n_total is None else TimeRemainingColumn(),
    )
    started = time.monotonic()
    with Progress(*columns, disable=not is_watched(), transient=True) as progress:
        task = progress.add_task(description, total=n_total, visible=False)

        def advance(n: int) -> None:
            is_visible = time.monotonic() - started > SHOW_AFTER_S
            progress.update(task, advance=n, visible=is_visible)

        yield advance


class _Rate(ProgressColumn):
    def __init__(self, unit: str) -> None:
        self._unit = unit
        super().__init__()

    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        return Text("" if speed is None else f"{speed:,.0f} {self._unit}/s", style="progress.data.speed")
