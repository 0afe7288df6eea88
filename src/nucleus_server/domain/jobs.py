"""Work that outlives a request."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from nucleus_server.domain.base import Json


class JobStatus(str, Enum):
    """The life of a job, in the words that clients know."""

    QUEUED = "Queued"
    RUNNING = "Running"
    COMPLETED = "Completed"
    ERRORED = "Errored"


class JobType(str, Enum):
    """What a job does."""

    UPLOAD_DATASET_ITEMS = "uploadDatasetItems"
    UPLOAD_SCORES = "uploadScores"
    FILL_SCENARIO_TEST = "fillScenarioTest"
    COMPARE_EVALUATIONS = "compareEvaluations"
    DELETE_DATASET = "deleteDataset"


@dataclass(frozen=True, slots=True)
class Job:
    """Work that outlives a request."""

    id: str
    type: JobType
    status: JobStatus
    dataset_id: str | None
    message: Json
    errors: tuple[str, ...]
    completed_steps: int
    total_steps: int
    created_at: datetime
    finished_at: datetime | None
