"""Routes of releases, waivers and the audit log."""

from __future__ import annotations

from typing import Annotated

import msgspec
from fastapi import APIRouter, Query
from msgspec import Meta

from nucleus_server.api import codec, verdict_wire
from nucleus_server.api.http import Answer, JsonBody, Workspace, takes
from nucleus_server.api.names import MAX_NAME, checked_name, moment_of
from nucleus_server.api.validate import parse_choice
from nucleus_server.api.verdicts import ReportBody
from nucleus_server.domain import AuditFilter, ReleaseStatus
from nucleus_server.errors import InvalidInput
from nucleus_server.services import releases
from nucleus_server.services.releases import MAX_NOTE

router = APIRouter(prefix="/validate")

_WAIT_S = 1.0
_DECISION_WAIT_S = 10.0


class CreateRelease(ReportBody, kw_only=True):
    """A release: a name, and what its report is asked for."""

    name: str


class Decide(msgspec.Struct):
    """The answer to a release."""

    decision: str
    note: str = ""


class CreateWaiver(msgspec.Struct):
    """A known regression that somebody answers for; without a model it is accepted of any."""

    scenario_test_id: str
    eval_function_id: str
    reason: Annotated[str, Meta(min_length=1, max_length=MAX_NOTE, pattern=r"\S")]
    owner: Annotated[str, Meta(min_length=1, max_length=MAX_NAME, pattern=r"\S")]
    expires_at: str
    model_id: str | None = None


@router.post("/releases", openapi_extra=takes(CreateRelease))
def create_release(raw: JsonBody, ws: Workspace) -> Answer:
    """Ask whether a model may be released; the suite's tests are those of now."""
    body = codec.decode(raw, CreateRelease)
    release = releases.create_release(ws, checked_name(body.name, "release"), body.options(ws))
    return Answer(verdict_wire.release_view_row(releases.get_release(ws, release.id, wait_s=body.wait_s)))


@router.get("/releases")
def list_releases(
    ws: Workspace, limit: Annotated[int, Query(ge=1, le=1000)] = 100, status: str | None = None
) -> Answer:
    """Releases, newest first, without their reports."""
    wanted = None if status is None else parse_choice(ReleaseStatus, status, "invalid_release_status", "status")
    found = releases.list_releases(ws, wanted, limit)
    return Answer({"releases": [verdict_wire.release_row(release) for release in found]})


@router.get("/releases/{release_id}")
def get_release(release_id: str, ws: Workspace) -> Answer:
    """One release with its report: as things are now, or as they were when it was decided."""
    return Answer(verdict_wire.release_view_row(releases.get_release(ws, release_id, wait_s=_WAIT_S)))


@router.post("/releases/{release_id}/decision", openapi_extra=takes(Decide))
def decide(release_id: str, raw: JsonBody, ws: Workspace) -> Answer:
    """Approve or reject a release, for good."""
    body = codec.decode(raw, Decide)
    if body.decision not in (ReleaseStatus.APPROVED.value, ReleaseStatus.REJECTED.value):
        raise InvalidInput(
            f"expected decision to be approved or rejected, got {body.decision[:40]!r}", code="invalid_decision"
        )
    status = ReleaseStatus(body.decision)
    view = releases.decide(ws, release_id, status, body.note, wait_s=_DECISION_WAIT_S)
    return Answer(verdict_wire.release_view_row(view))


@router.post("/releases/{release_id}/promote")
def promote(release_id: str, ws: Workspace) -> Answer:
    """Make the candidate of an approved release the baseline of the suite's tests."""
    return Answer(verdict_wire.release_view_row(releases.promote(ws, release_id)))


@router.post("/waivers", openapi_extra=takes(CreateWaiver))
def create_waiver(raw: JsonBody, ws: Workspace) -> Answer:
    """Accept a known regression until a moment."""
    body = codec.decode(raw, CreateWaiver)
    waiver = ws.create_waiver(
        body.scenario_test_id,
        body.eval_function_id,
        model_id=body.model_id,
        reason=body.reason,
        owner=body.owner,
        expires_at=moment_of(body.expires_at, "expires_at"),
    )
    return Answer(verdict_wire.waiver_row(waiver))


@router.get("/waivers")
def list_waivers(ws: Workspace, active: bool | None = None) -> Answer:
    """Waivers, newest first: all, those in force, or the others."""
    return Answer({"waivers": [verdict_wire.waiver_row(waiver) for waiver in ws.list_waivers(is_active=active)]})


@router.post("/waivers/{waiver_id}/revoke")
def revoke_waiver(waiver_id: str, ws: Workspace) -> Answer:
    """End a waiver before it expires."""
    return Answer(verdict_wire.waiver_row(ws.revoke_waiver(waiver_id)))


@router.get("/audit_log")
def audit_log(
    ws: Workspace,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    before: str | None = None,
    object_id: str | None = None,
) -> Answer:
    """Who did what, newest first; `before` (a moment) pages on."""
    moment = None if before is None else moment_of(before, "before")
    entries = ws.list_audit(AuditFilter(object_id=object_id, before=moment), limit=limit)
    return Answer({"entries": [verdict_wire.audit_row(entry) for entry in entries]})
