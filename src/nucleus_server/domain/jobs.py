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
    CANCELLED = "Cancelled"

    @property
    def is_finished(self) -> bool:
        """Whether nothing more will become of it."""
        return self not in (JobStatus.QUEUED, JobStatus.RUNNING)


class JobType(str, Enum):
    """What a job does."""

    UPLOAD_DATASET_ITEMS = "uploadDatasetItems"
    UPLOAD_ANNOTATIONS = "uploadAnnotations"
    UPLOAD_PREDICTIONS = "uploadPredictions"
    DELETE_ANNOTATIONS = "annotationDeletion"
    UPLOAD_LIDAR_SCENE = "uploadLidarScene"
    UPLOAD_VIDEO_SCENE = "uploadVideoScene"
    UPDATE_METADATA = "metadataUpdate"
    MODEL_RUN_COMMIT = "modelRunCommit"
    UPLOAD_SCORES = "uploadScores"
    FILL_SCENARIO_TEST = "fillScenarioTest"
    COMPARE_EVALUATIONS = "compareEvaluations"
    DELETE_DATASET = "deleteDataset"


@dataclass(frozen=True, slots=True)
class Job:
    """Work that outlives a request.

    Attributes:
        payload: What was asked for, as its type has it.
        message: What it says of itself when it ended.
    """

    id: str
    type: JobType
    status: JobStatus
    dataset_id: str | None
    payload: Json
    message: Json
    errors: tuple[str, ...]
    completed_steps: int
    total_steps: int
    user_id: str
    user_name: str
    created_at: datetime
    finished_at: datetime | None
