"""Where images that are elsewhere may come from, and what items name beside."""

from __future__ import annotations

from collections.abc import Sequence

from nucleus_server.dashboard.contexts import BucketRow, MediaPart, UnlistedRow
from nucleus_server.dashboard.pages.shared import counted
from nucleus_server.services import WorkspaceStore
from nucleus_server.services.app_services import AppServices
from nucleus_server.services.media_sources import Unlisted, unlisted_places

_MOST_ITEMS = 2_000
_MOST_PLACES = 20


def media_part(services: AppServices, ws: WorkspaceStore) -> MediaPart:
    """What is listed, and of the newest items of each dataset what is not."""
    sources = services.media_sources
    locations = ws.sample_locations(most=_MOST_ITEMS)
    found = unlisted_places(sources, locations)[:_MOST_PLACES]
    return MediaPart(
        origins=sources.origins,
        buckets=tuple(
            BucketRow(
                name=bucket.name,
                endpoint=bucket.endpoint,
                region=bucket.region,
                keys=f"keys that begin with {bucket.prefix}" if bucket.prefix else "all keys",
                life=counted(bucket.expires_s, "second"),
            )
            for bucket in sources.buckets
        ),
        unlisted=tuple(UnlistedRow(each.place, f"{each.n_items:,}", f"/items/{each.example_id}") for each in found),
        looked_at=f"Looked at: {len(locations):,} addresses, those of the newest items of each dataset, {_MOST_ITEMS:,} in all.",
        advice=_advice(sources.origins, found),
    )


def _advice(listed: Sequence[str], found: Sequence[Unlisted]) -> str:
    """What to add to the server's environment and to media.toml."""
    origins = [each.place for each in found if each.place.startswith("http")]
    parts = []
    if origins:
        parts.append(f'NUCLEUS_MEDIA_ORIGINS="{" ".join([*listed, *origins])}"')
    for each in found:
        scheme, _, name = each.place.partition("://")
        if scheme in ("s3", "gs"):
            endpoint = 'endpoint = "https://storage.googleapis.com"\n' if scheme == "gs" else ""
            region = "auto" if scheme == "gs" else "us-east-1"
            parts.append(
                f'# in DATA_DIR/media.toml\n[[bucket]]\nname = "{name}"\n{endpoint}region = "{region}"\n'
                'access_key_id = "…"\nsecret_access_key = "…"'
            )
    return "\n\n".join(parts)
