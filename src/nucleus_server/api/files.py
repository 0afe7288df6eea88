"""Pictures: uploaded files and cards, each under a path that only this server can make."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import FileResponse, Response

from nucleus_server.api.http import services_of
from nucleus_server.domain import Actor, Role
from nucleus_server.errors import NotFound
from nucleus_server.services import WorkspaceStore
from nucleus_server.services.app_services import AppServices
from nucleus_server.services.images import card_svg

router = APIRouter()

_SAFE = {"x-content-type-options": "nosniff", "cross-origin-resource-policy": "cross-origin"}


@router.get("/media/{token}")
def media(token: str, request: Request) -> Response:
    """An uploaded file."""
    services = services_of(request)
    ws, digest = _opened(services, token)
    found = ws.find_media(digest)
    if found is None:
        raise _gone()
    return FileResponse(
        services.media.path(ws.actor.workspace_id, digest),
        media_type=found.content_type,
        headers=_SAFE
        | {"cache-control": "private, max-age=86400", "content-security-policy": "default-src 'none'; sandbox"},
    )


@router.get("/card/{token}.svg")
def card(token: str, request: Request) -> Response:
    """A picture of an item that has no image."""
    ws, item_id = _opened(services_of(request), token)
    return Response(
        card_svg(ws.get_item(item_id)),
        media_type="image/svg+xml",
        headers=_SAFE
        | {
            "cache-control": "private, max-age=300",
            "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; sandbox",
        },
    )


def _opened(services: AppServices, token: str) -> tuple[WorkspaceStore, str]:
    opened = services.images.opened(token)
    workspace = None if opened is None else services.store.find_workspace_by_id(opened[0])
    if opened is None or workspace is None:
        raise _gone()
    # The path itself is the permission to look at this one picture.
    actor = Actor(workspace.key, workspace.id, 0, "", "holder of a picture's path", Role.VIEWER)
    return services.store.workspace(workspace.id, actor), opened[1]


def _gone() -> NotFound:
    return NotFound("no such picture; its item may have been deleted", code="image_not_found")
