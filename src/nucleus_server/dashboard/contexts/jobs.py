"""Jobs."""

from __future__ import annotations

from dataclasses import dataclass

from nucleus_server.dashboard.contexts.forms import Form
from nucleus_server.dashboard.contexts.shared import Frame, Pages, Verdict, doc
from nucleus_server.dashboard.contexts.uploads import Progress


@dataclass(frozen=True, slots=True)
class MadeLink:
    """Something that a job makes or is about."""

    text: str = doc("What it is.")
    path: str = doc("Its page.")


@dataclass(frozen=True, slots=True)
class JobRow:
    """One job."""

    id: str = doc("Its id.")
    path: str = doc("Its page.")
    what: str = doc("What it does.")
    status: Verdict = doc("What became of it.")
    share: float | None = doc("How much of it is done, in percent; None unless it runs.")
    steps: str = doc("Steps done, of all.")
    dataset_name: str = doc("The dataset that it is about; – if it is about none.")
    dataset_path: str | None = doc("The dataset's page; None if it is gone.")
    user_name: str = doc("Who asked for it.")
    created: str = doc("When it was asked for, UTC.")
    finished: str = doc("When it ended, UTC; – if it has not.")
    made: tuple[MadeLink, ...] = doc("What it makes or is about.")
    n_more: int = doc("How many of those are left out.")
    errors: tuple[str, ...] = doc("What went wrong.")


@dataclass(frozen=True, slots=True)
class JobsPage:
    """The list of jobs."""

    frame: Frame = doc("What surrounds the page.")
    filter: Form = doc("Which jobs are shown.")
    is_filtered: bool = doc("Whether only some are.")
    path: str = doc("This list, for browsers that ask for it again and again.")
    is_live: bool = doc("Whether one of those shown waits or runs.")
    jobs: tuple[JobRow, ...] = doc("One page of jobs, newest first.")
    pages: Pages = doc("Where in the list this page is.")


@dataclass(frozen=True, slots=True)
class BadInput:
    """A row or field that a job refused."""

    field: str = doc("Which one.")
    value: str = doc("What was in it; – if it had no value.")
    message: str = doc("What is wrong with it.")


@dataclass(frozen=True, slots=True)
class JobPage:
    """One job."""

    frame: Frame = doc("What surrounds the page.")
    job: JobRow = doc("The job.")
    progress: Progress | None = doc("How far it is; None once it has ended.")
    n_steps: str = doc("How many steps it has.")
    facts: tuple[tuple[str, str], ...] = doc("What it says of itself: names and values.")
    bad_input: tuple[BadInput, ...] = doc("The first rows and fields that it refused.")
    n_bad_input: str = doc("How many it refused in all.")
    bad_rows_path: str | None = doc("Where all of them are listed; None if nowhere.")
    cancel_path: str | None = doc("Where to send its end to; None if it may not be cancelled.")
    no_cancel: str = doc("Why it may not be cancelled; empty if it may, or has ended.")
    audit_path: str = doc("The audit log about it.")
    notice: str | None = doc("What was done just now.")
    problem: str | None = doc("Why what was sent was refused.")
