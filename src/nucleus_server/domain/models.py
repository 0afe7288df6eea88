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


@dataclass(frozen=True, slots=True)
class ModelRun:
    """Predictions of one model, uploaded together: of one dataset or, when they were widened, of several."""

    key: int
    id: str
    model_key: int
    model_id: str
    name: str
    metadata: Json
    dataset_ids: tuple[str, ...]
    committed: Json
    revision: int
    created_at: datetime
