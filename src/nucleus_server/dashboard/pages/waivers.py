"""Waivers: known regressions that somebody answers for until they expire."""

from __future__ import annotations

from collections.abc import Iterable

from nucleus_server.dashboard.contexts import Frame, Verdict, WaiverRow, WaiversPage
from nucleus_server.dashboard.pages.shared import when, with_query
from nucleus_server.domain import Actor, Waiver
from nucleus_server.services import WorkspaceStore

_STATUSES = {
    "active": Verdict("active", "⚑", "warn", "What it is for is accepted until it expires."),
    "expired": Verdict("expired", "⌛", "fail", "It has expired: what it was for counts again."),
    "revoked": Verdict("revoked", "✗", "none", "Somebody ended it: what it was for counts again."),
}


def chosen_status(text: str | None) -> str | None:
    """The status that an address names; None for all."""
    return text if text in _STATUSES else None


def waivers_page(ws: WorkspaceStore, frame: Frame, status: str | None, notice: str | None) -> WaiversPage:
    """All waivers, or those of one status."""
    chosen = chosen_status(status)
    found = [waiver for waiver in ws.list_waivers() if chosen is None or waiver.status == chosen]
    filters = [("all", "/waivers", chosen is None)]
    filters += [(word, with_query("/waivers", status=word), word == chosen) for word in _STATUSES]
    return WaiversPage(
        frame=frame,
        waivers=waiver_rows(found, ws.actor),
        filters=tuple(filters),
        files_query=with_query("", status=chosen),
        is_filtered=chosen is not None,
        notice=notice,
    )


def waiver_rows(waivers: Iterable[Waiver], actor: Actor) -> tuple[WaiverRow, ...]:
    """Waivers as the rows of a list."""
    return tuple(
        WaiverRow(
            status=_STATUSES[waiver.status],
            test_name=waiver.test_name,
            test_path=f"/tests/{waiver.test_id}",
            function_name=waiver.function_name,
            model_name=waiver.model_name or "any model",
            reason=waiver.reason,
            owner=waiver.owner,
            expires=when(waiver.expires_at),
            made=f"{when(waiver.created_at)} by {waiver.user_name}",
            revoke_path=f"/waivers/{waiver.id}/revoke" if waiver.status == "active" and actor.can_write else None,
        )
        for waiver in waivers
    )
