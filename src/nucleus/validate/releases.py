"""Releases: a candidate that a team approves or rejects by a suite of tests; and the log of who did what."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from nucleus._connection import Connection
from nucleus._html import html_table
from nucleus.validate.decoding import dashboard_url, value_of
from nucleus.validate.release_report import ReleaseReport


@dataclass(frozen=True, kw_only=True)
class SuiteChange:
    """What changed in the tests, slices or criteria since the release before.

    Attributes:
        what: Of the test, such as `threshold`.
        before: What it was; None if it was not there.
        after: What it is; None if it is gone.
    """

    scenario_test_name: str
    what: str
    before: Any = None
    after: Any = None


@dataclass(kw_only=True)
class Release:
    """A candidate, its baseline and a suite of tests, open until it is approved or rejected; a table in notebooks.

    Attributes:
        id: `rel_…`.
        status: `open`, `approved` or `rejected`.
        model_id: The candidate.
        model_name: Its name.
        options: What the report was asked for, with the ids of its tests.
        created_at: When it was made, in UTC.
        user_name: Who made it.
        decided_at: When it was approved or rejected, in UTC; None while it is open.
        decided_by: Who did; None while it is open.
        note: What was said to the decision; None if nothing.
        promoted_at: When the candidate became the baseline of the tests, in UTC; None if it did not.
        changes: What changed in the suite since the release that was decided before.
        previous_release_id: That release; None if there is none.
        blockers: Why it cannot be approved now; None if it can, if it is decided, and in a listing.
        may_need_note: Whether approving it now needs a note.
        report: The report: as it is now while the release is open, as it was when it was decided. None in a listing.
        path: The dashboard's page of the release.
    """

    id: str
    name: str
    status: str
    model_id: str
    model_name: str = ""
    options: dict[str, Any] = field(default_factory=dict)
    created_at: datetime
    user_name: str | None = None
    decided_at: datetime | None = None
    decided_by: str | None = None
    note: str | None = None
    promoted_at: datetime | None = None
    changes: tuple[SuiteChange, ...] = ()
    previous_release_id: str | None = None
    blockers: str | None = None
    may_need_note: bool = False
    report: ReleaseReport | None = None
    path: str
    connection: Connection = field(repr=False, compare=False)

    @classmethod
    def from_json(cls, row: dict[str, Any], connection: Connection) -> Release:
        """The release that the server describes."""
        report = row.get("report")
        read = None if report is None else ReleaseReport.from_json(report, connection)
        return value_of(row, cls, report=read, connection=connection)

    @property
    def url(self) -> str:
        """The dashboard's page of the release."""
        return dashboard_url(self.connection, self.path)

    def refresh(self) -> Release:
        """Ask for it again; the object is brought up to date, and returned, as in the calls below."""
        return self._become(self.connection.get(f"validate/releases/{self.id}"))

    def approve(self, note: str = "") -> Release:
        """Approve it; the report is frozen.

        Args:
            note: Why; needed if something is inconclusive.

        Raises:
            ConflictError: It is decided already; or failed entries are not waived, evaluations are missing or verdicts are
                still computed (code `release_blocked`).
            BadRequestError: A note is needed (code `note_needed`).
            NucleusAPIError: The key may not do that.
        """
        return self._decide("approved", note)

    def reject(self, note: str = "") -> Release:
        """Reject it; the report is frozen.

        Raises:
            ConflictError: It is decided already.
            NucleusAPIError: The key may not do that.
        """
        return self._decide("rejected", note)

    def promote(self) -> Release:
        """Make the candidate the baseline of those tests of the suite that it has an evaluation on, in one step.

        Raises:
            ConflictError: It is not approved.
            PermissionDeniedError: A test is somebody else's, and the key is no admin's; no baseline was changed.
        """
        return self._become(self.connection.post({}, f"validate/releases/{self.id}/promote"))

    def __str__(self) -> str:
        decided = "" if self.decided_by is None else f" by {self.decided_by}"
        sentence = "" if self.report is None else f": {self.report.sentence}"
        return f"Release {self.name!r} ({self.id}) of {self.model_name!r}, {self.status}{decided}{sentence}"

    def _repr_html_(self) -> str:
        facts = html_table(
            f"Release {self.name}",
            ["candidate", "status", "decided by", "note", "made by", "when"],
            [[self.model_name, self.status, self.decided_by, self.note, self.user_name, self.created_at]],
        )
        changes = html_table(
            "Changes of the suite since the release before",
            ["test", "what", "before", "after"],
            [[c.scenario_test_name, c.what, c.before, c.after] for c in self.changes],
        )
        report = "" if self.report is None else self.report._repr_html_()
        return facts + report + (changes if self.changes else "")

    def _decide(self, decision: str, note: str) -> Release:
        return self._become(
            self.connection.post({"decision": decision, "note": note}, f"validate/releases/{self.id}/decision")
        )

    def _become(self, row: dict[str, Any]) -> Release:
        after = Release.from_json(row, self.connection)
        for part in dataclasses.fields(self):
            setattr(self, part.name, getattr(after, part.name))
        return self


@dataclass(frozen=True, kw_only=True)
class AuditEntry:
    """One step that somebody took: a decision, a waiver, a changed criterion.

    Attributes:
        action: What was done.
        object_id: To what; None if to nothing that has an id.
        detail: What else belongs to it.
        created_at: When, in UTC.
    """

    user_name: str | None = None
    action: str
    object_id: str | None = None
    detail: Any = None
    created_at: datetime

    @classmethod
    def from_json(cls, row: dict[str, Any]) -> AuditEntry:
        """The entry that the server describes."""
        return value_of(row, cls)
