"""Models."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from nucleus_server.domain.base import Json


@dataclass(frozen=True, slots=True)
class Model:
    """A model whose predictions or scores are evaluated."""

    key: int
    id: str
    name: str
    reference_id: str
    metadata: Json
    tags: tuple[str, ...]
    trained_slice_ids: tuple[str, ...]
    created_at: datetime
