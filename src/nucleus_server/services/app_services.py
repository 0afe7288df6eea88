"""What the API and the pages are given: one object of services for the whole process."""

from __future__ import annotations

from dataclasses import dataclass

from nucleus_server.services.access import Access
from nucleus_server.services.images import ImageUrls
from nucleus_server.services.media import MediaStore
from nucleus_server.services.media_sources import MediaSources
from nucleus_server.storage import Store


@dataclass(frozen=True, slots=True, repr=False)
class AppServices:
    """The services of one process; has no repr, because it holds secrets."""

    store: Store
    access: Access
    media: MediaStore
    images: ImageUrls
    secret: bytes
    public_url: str | None
    media_sources: MediaSources
