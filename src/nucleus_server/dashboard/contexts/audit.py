"""The audit log."""

from __future__ import annotations

from dataclasses import dataclass

from nucleus_server.dashboard.contexts.forms import Form
from nucleus_server.dashboard.contexts.shared import Frame, doc


@dataclass(frozen=True, slots=True)
class AuditRow:
    """Something that somebody did."""

    when: str = doc("When, UTC.")
    user_name: str = doc("Who.")
    action: str = doc("What was done.")
    object_id: str = doc("The id of what it was done to.")
    object_path: str | None = doc("The page of that; None if it has none.")
    only_path: str = doc("The log of that alone.")
    details: tuple[tuple[str, str], ...] = doc("What was set: names, and values as they were and became.")


@dataclass(frozen=True, slots=True)
class AuditPage:
    """A page of the audit log."""

    frame: Frame = doc("What surrounds the page.")
    entries: tuple[AuditRow, ...] = doc("What was done, newest first.")
    filter: Form = doc("The form that limits the log: who, what, which object, when.")
    is_filtered: bool = doc("Whether it is limited.")
    files_query: str = doc(
        "What limits the files of the log in the same way, from the question mark on; empty for nothing."
    )
    newest_path: str | None = doc("The newest page; None if it is this one.")
    older_path: str | None = doc("The page after; None if this is the last.")
