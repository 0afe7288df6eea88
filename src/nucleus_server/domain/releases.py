"""Releases: the question whether a model may go out, and who answered it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from nucleus_server.domain.base import Json


class ReleaseStatus(str, Enum):
    """The life of a release; a decision is final."""

    OPEN = "open"
    APPROVED = "approved"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True)
class Release:
    """A candidate, a baseline and a suite of tests.

    Attributes:
        options: What its report is asked for, as JSON: see `ReportOptions`.
        snapshot: The suite's tests, slices and criteria at the time of the decision; None while it is open.
        report: The report on which it was decided, as JSON; None while it is open.
        promoted_at: When the candidate became the baseline of the suite's tests.
    """

    key: int
    id: str
    name: str
    model_id: str
    model_name: str
    status: ReleaseStatus
    options: Json
    snapshot: list[Json] | None
    report: Json | None
    user_name: str
    created_at: datetime
    decided_by: str | None
    decided_at: datetime | None
    note: str | None
    promoted_at: datetime | None


@dataclass(frozen=True, slots=True)
class SuiteChange:
    """Something that is not as it was when the release before was decided.

    Attributes:
        what: test, slice, threshold, mode, margin, baseline, blocking or cluster key, with the function's name if it is of one.
    """

    test_name: str
    what: str
    before: str | None
    after: str | None
