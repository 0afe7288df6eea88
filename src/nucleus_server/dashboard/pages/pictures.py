"""Items' images."""

from __future__ import annotations

from collections.abc import Iterable

from nucleus_server.dashboard.contexts import Picture
from nucleus_server.dashboard.pages.shared import with_query
from nucleus_server.domain import Item
from nucleus_server.errors import NotFound
from nucleus_server.services import WorkspaceStore
from nucleus_server.services.app_services import AppServices


def picture(services: AppServices, item: Item, workspace_id: str, slice_id: str | None = None) -> Picture:
    """The item's image, or why it cannot be shown; its page begins in that slice."""
    name = item.reference_id
    if item.deleted_at is not None:
        return Picture(name, None, None, "This item was deleted.", label="deleted")
    page = with_query(f"/items/{item.id}", slice=slice_id) if item.id.startswith("di_") else None
    if page is None and item.location is None and item.media_digest is None:
        return without_picture(name, item.id)
    location = item.pointcloud_location or item.location
    if location is None:
        path = services.images.path(item, workspace_id)
        return Picture(name, path, path, "", page)
    found = services.media_sources.shown(location)
    if item.pointcloud_location is not None:
        link = found.link if found.link is None or found.link.startswith(("http://", "https://")) else None
        return Picture(name, None, link, "A point cloud is no image.", page, "point cloud")
    return Picture(name, found.url, found.link, found.reason, page, found.label)


def without_picture(reference_id: str, member_id: str) -> Picture:
    """A member that has no image to show: a scene without images, a track, or an item that is gone."""
    if member_id.startswith("di_"):
        return Picture(reference_id, None, None, "this item was deleted")
    what = "A scene is shown by its first image; none is" if member_id.startswith("scn_") else "A track has no image"
    return Picture(reference_id, None, None, f"{what} here.", label="no image")


def pictures(services: AppServices, ws: WorkspaceStore, item_ids: Iterable[str]) -> dict[str, Picture]:
    """Item id → its image; an item whose dataset is gone has none."""
    found = {}
    for item_id in item_ids:
        try:
            item = ws.get_item(item_id)
        except NotFound:
            continue
        found[item_id] = picture(services, item, ws.actor.workspace_id)
    return found
