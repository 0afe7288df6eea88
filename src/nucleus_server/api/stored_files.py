"""Files of a multipart body, each checked by its content and safe on disk before anything refers to it."""

from __future__ import annotations

from collections.abc import Collection

from starlette.datastructures import UploadFile

from nucleus_server.errors import PermissionDenied, UnsupportedMedia
from nucleus_server.services import WorkspaceStore
from nucleus_server.services.app_services import AppServices
from nucleus_server.services.media import StoredFile, image_type

_CHUNK = 1 << 20


def stored_images(
    services: AppServices, ws: WorkspaceStore, files: Collection[UploadFile], *, what: str, only: str | None = None
) -> list[str]:
    """The digests of the files, in order.

    Raises:
        UnsupportedMedia: One is no image, or not of the type that is the only one allowed.
    """
    if not ws.actor.can_write:
        raise PermissionDenied("viewers may not upload files")
    digests = []
    for number, part in enumerate(files):
        content_type = image_type(part.file.read(16))
        if content_type is None or (only is not None and content_type != only):
            wanted = "PNG" if only == "image/png" else "PNG, JPEG, GIF, WebP, BMP or TIFF"
            raise UnsupportedMedia(
                f"expected {what} part {number} ({part.filename}) to be {wanted} by its content, got "
                f"{content_type or 'something else'}: convert it",
                code="not_an_image",
            )

        def store(part: UploadFile = part) -> StoredFile:
            part.file.seek(0)
            return services.media.put(ws.actor.workspace_id, iter(lambda: part.file.read(_CHUNK), b""))

        stored = store()
        ws.add_media(stored.digest, stored.size_bytes, content_type)
        # A sweep may have removed an older copy between the two lines above; from here on the row protects it.
        if not services.media.path(ws.actor.workspace_id, stored.digest).exists():
            store()
        digests.append(stored.digest)
    return digests
