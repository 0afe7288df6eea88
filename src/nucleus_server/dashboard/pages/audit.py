"""The audit log: who did what, newest first."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from urllib.parse import parse_qs

from nucleus_server.dashboard.contexts import AuditPage, AuditRow, Form, Frame
from nucleus_server.dashboard.pages.forms import FormMaker, button
from nucleus_server.dashboard.pages.shared import UNDEFINED, shortened, with_query
from nucleus_server.domain import AuditEntry, AuditFilter
from nucleus_server.errors import InvalidInput
from nucleus_server.services import WorkspaceStore

PAGE_SIZE = 50
NOUNS = (
    "criterion",
    "dataset",
    "eval function",
    "item",
    "key",
    "model",
    "release",
    "scenario test",
    "slice",
    "user",
    "waiver",
)
"""What actions begin with."""
_NAMES = ("user", "action", "object", "since", "until")
_PAGES = {
    "st_": "/tests",
    "job_": "/jobs",
    "ef_": "/functions",
    "ev_": "/evaluations",
    "rel_": "/releases",
    "ds_": "/datasets",
    "slc_": "/slices",
    "prj_": "/models",
}


def audit_page(ws: WorkspaceStore, frame: Frame, query: str) -> AuditPage:
    """A page of the log, as its address asks for it.

    Raises:
        InvalidInput: A moment or a day is none.
    """
    said = _said(query)
    kept = {name: said[name] or None for name in _NAMES}
    wanted = audit_filter(query)
    before = _moment(said["before"])
    if before is not None and (wanted.before is None or before < wanted.before):
        wanted = replace(wanted, before=before)
    found = ws.list_audit(wanted, limit=PAGE_SIZE + 1)
    shown = _page_of(found)
    older = None
    if len(found) > len(shown):
        older = with_query("/audit", **kept, before=shown[-1].created_at.isoformat())
    return AuditPage(
        frame=frame,
        entries=tuple(_row(entry, kept) for entry in shown),
        filter=_filter_form(ws, said),
        is_filtered=any(kept.values()),
        files_query=with_query("", **kept),
        newest_path=with_query("/audit", **kept) if said["before"] else None,
        older_path=older,
    )


def audit_filter(query: str) -> AuditFilter:
    """What a query string limits the log to, without its page.

    Raises:
        InvalidInput: A day is none.
    """
    said = _said(query)
    until = _day(said["until"], "until")
    return AuditFilter(
        user_id=said["user"] or None,
        action=said["action"].lower().replace(": ", ".").replace(" ", "_") or None,
        object_id=said["object"] or None,
        since=_day(said["since"], "since"),
        before=None if until is None else until + timedelta(days=1),
    )


def _said(query: str) -> dict[str, str]:
    found = parse_qs(query)
    return {name: found.get(name, [""])[-1].strip() for name in (*_NAMES, "before")}


def _filter_form(ws: WorkspaceStore, said: Mapping[str, str]) -> Form:
    maker = FormMaker("filter", "/audit", method="get")
    users = [(user.id, user.name) for user in ws.list_users()]
    if said["user"] and said["user"] not in dict(users):
        users.append((said["user"], said["user"]))
    maker.add("user", "Who", "choice", said["user"], "Whoever did it.", choices=[("", "anybody"), *users])
    maker.add(
        "action",
        "What",
        "line",
        said["action"],
        "How it begins: waiver, or slice: append.",
        suggestions=NOUNS,
    )
    maker.add("object", "Object id", "line", said["object"], "Such as the id of a test, a release or a user.")
    maker.add("since", "From the day", "date", said["since"], "UTC, with this day.")
    maker.add("until", "To the day", "date", said["until"], "UTC, with this day.")
    return maker.made(button("Filter"))


def _page_of(found: list[AuditEntry]) -> list[AuditEntry]:
    """The entries of a page: those of one moment stay together, because the next page begins before it."""
    if len(found) <= PAGE_SIZE:
        return found
    whole = [entry for entry in found[:PAGE_SIZE] if entry.created_at != found[PAGE_SIZE].created_at]
    return whole or found[:PAGE_SIZE]


def _day(text: str, name: str) -> datetime | None:
    if not text:
        return None
    try:
        return datetime.combine(date.fromisoformat(text), time(), UTC)
    except ValueError as error:
        raise InvalidInput(f"expected {name} to be a day such as 2027-01-31, got {text[:40]!r}") from error


def _moment(text: str) -> datetime | None:
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise InvalidInput(f"expected before to be a moment such as 2027-01-31T12:00:00Z, got {text[:40]!r}") from error
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


def _row(entry: AuditEntry, kept: Mapping[str, str | None]) -> AuditRow:
    page = next((path for prefix, path in _PAGES.items() if entry.object_id.startswith(prefix)), None)
    return AuditRow(
        when=f"{entry.created_at:%Y-%m-%d %H:%M:%S}",
        user_name=entry.user_name,
        action=entry.action.replace(".", ": ").replace("_", " "),
        object_id=entry.object_id,
        object_path=None if page is None else f"{page}/{entry.object_id}",
        only_path=with_query("/audit", **{**kept, "object": entry.object_id}),
        details=_details(entry.detail),
    )


def _details(detail: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """What was set; of a change only what is not as it was."""
    before, after = detail.get("before"), detail.get("after")
    rows = [(name, _value(value)) for name, value in detail.items() if name not in ("before", "after")]
    if isinstance(before, dict) and isinstance(after, dict):
        names = [name for name in {**before, **after} if before.get(name) != after.get(name)]
        rows += [(name, f"{_value(before.get(name))} → {_value(after.get(name))}") for name in names]
    elif "before" in detail or "after" in detail:
        rows.append(("value", f"{_value(before)} → {_value(after)}"))
    return tuple((str(name).replace("_", " "), value) for name, value in rows)


def _value(value: Any) -> str:
    if value is None:
        return UNDEFINED
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, list) and all(isinstance(each, str) for each in value):
        return shortened(", ".join(value)) or UNDEFINED
    return shortened(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))
