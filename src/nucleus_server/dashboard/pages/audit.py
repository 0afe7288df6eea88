"""The audit log: who did what, newest first."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from nucleus_server.dashboard.contexts import AuditPage, AuditRow, Frame
from nucleus_server.dashboard.pages.forms import FormMaker, button
from nucleus_server.dashboard.pages.shared import UNDEFINED, shortened, with_query
from nucleus_server.domain import AuditEntry
from nucleus_server.errors import InvalidInput
from nucleus_server.services import WorkspaceStore

PAGE_SIZE = 50
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


def audit_page(ws: WorkspaceStore, frame: Frame, *, before: str, object_id: str) -> AuditPage:
    """A page of the log.

    Args:
        before: Only what was done before this moment, ISO 8601; empty for the newest.
        object_id: Only what was done to this object; empty for all.
    """
    found = ws.list_audit(limit=PAGE_SIZE + 1, before=_moment(before), object_id=object_id or None)
    shown = _page_of(found)
    maker = FormMaker("filter", "/audit", method="get")
    maker.add("object", "Object id", "line", object_id, "Such as the id of a test, a release or a user.")
    older = None
    if len(found) > len(shown):
        older = with_query("/audit", object=object_id or None, before=shown[-1].created_at.isoformat())
    return AuditPage(
        frame=frame,
        entries=tuple(_row(entry) for entry in shown),
        filter=maker.made(button("Filter")),
        is_filtered=bool(object_id),
        files_query=with_query("", object=object_id or None),
        newest_path=with_query("/audit", object=object_id or None) if before else None,
        older_path=older,
    )


def _page_of(found: list[AuditEntry]) -> list[AuditEntry]:
    """The entries of a page: those of one moment stay together, because the next page begins before it."""
    if len(found) <= PAGE_SIZE:
        return found
    whole = [entry for entry in found[:PAGE_SIZE] if entry.created_at != found[PAGE_SIZE].created_at]
    return whole or found[:PAGE_SIZE]


def _moment(text: str) -> datetime | None:
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise InvalidInput(f"expected before to be a moment such as 2027-01-31T12:00:00Z, got {text!r}") from error
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


def _row(entry: AuditEntry) -> AuditRow:
    page = next((path for prefix, path in _PAGES.items() if entry.object_id.startswith(prefix)), None)
    return AuditRow(
        when=f"{entry.created_at:%Y-%m-%d %H:%M:%S}",
        user_name=entry.user_name,
        action=entry.action.replace(".", ": ").replace("_", " "),
        object_id=entry.object_id,
        object_path=None if page is None else f"{page}/{entry.object_id}",
        only_path=with_query("/audit", object=entry.object_id),
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
