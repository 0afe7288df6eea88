"""Items' images."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import urlsplit

from nucleus_server.dashboard.contexts import Picture
from nucleus_server.dashboard.pages.shared import with_query
from nucleus_server.domain import Item
from nucleus_server.errors import NotFound
from nucleus_server.services import WorkspaceStore
from nucleus_server.services.app_services import AppServices


def picture(services: AppServices, item: Item, workspace_id: str, slice_id: str | None = None) -> Picture:
    """The item's image, if the pages' security policy lets the browser load it; its page begins in that slice."""
    if item.deleted_at is not None:
        return Picture(item.reference_id, None, None, "this item was deleted")
    page = with_query(f"/items/{item.id}", slice=slice_id)
    if item.pointcloud_location is not None:
        return Picture(item.reference_id, None, item.pointcloud_location, "a point cloud, not an image", page)
    url = services.images.path(item, workspace_id)
    if url.startswith(("/", "data:image/")):
        return Picture(item.reference_id, url, url, "", page)
    parts = urlsplit(url)
    origin = f"{parts.scheme}://{parts.netloc}"
    if origin in services.media_origins:
        return Picture(item.reference_id, url, url, "", page)
    link = url if parts.scheme in ("http", "https") else None
    return Picture(
        item.reference_id,
        None,
        link,
        f"images of {origin} are not shown: the operator can add it to NUCLEUS_MEDIA_ORIGINS",
        page,
    )


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
