"""Jobs."""

from __future__ import annotations

from dataclasses import dataclass

from nucleus_server.dashboard.contexts.forms import Form
from nucleus_server.dashboard.contexts.shared import Frame, Verdict, doc


@dataclass(frozen=True, slots=True)
class JobRow:
    """One job."""

    id: str = doc("Its id.")
    what: str = doc("What it does.")
    status: Verdict = doc("What became of it.")
    share: float | None = doc("How much of it is done, in percent; None unless it runs.")
    steps: str = doc("Steps done, of all.")
    dataset_name: str = doc("The dataset that it is about; – if it is about none.")
    dataset_path: str | None = doc("The dataset's page; None if it is gone.")
    created: str = doc("When it was asked for, UTC.")
    finished: str = doc("When it ended, UTC; – if it has not.")
    outcome: tuple[tuple[str, str], ...] = doc("What it says of itself: names and values.")
    errors: tuple[str, ...] = doc("What went wrong.")


@dataclass(frozen=True, slots=True)
class JobsPage:
    """The list of jobs."""

    frame: Frame = doc("What surrounds the page.")
    filter: Form = doc("Which jobs are shown.")
    is_filtered: bool = doc("Whether only some are.")
    path: str = doc("This list, for browsers that ask for it again and again.")
    is_live: bool = doc("Whether one of them waits or runs.")
    jobs: tuple[JobRow, ...] = doc("The newest jobs.")
    limit: int | None = doc("How many are looked at, if there are more; else None.")
