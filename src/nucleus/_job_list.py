"""Jobs of a workspace, and what they can be about."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from enum import Enum

from nucleus._async_job import AsyncJob
from nucleus._connection import Connection

_MAX_JOBS = 50_000


class CustomerJobTypes(str, Enum):
    """What a job does."""

    UPLOAD_DATASET_ITEMS = "uploadDatasetItems"
    UPLOAD_PREDICTIONS = "uploadPredictions"
    UPLOAD_ANNOTATIONS = "uploadAnnotations"
    UPLOAD_LIDAR_SCENE = "uploadLidarScene"
    UPLOAD_VIDEO_SCENE = "uploadVideoScene"
    MODEL_INFERENCE_RUN = "modelInferenceRun"
    INDEXING_IMAGE = "indexingImage"
    INDEXING_OBJECT = "indexingObject"
    ANNOTATION_DELETION = "annotationDeletion"
    SEND_TO_LABELING = "sendToLabeling"
    INGEST_TASKS = "ingestTasks"
    CUSTOM_INDEXING = "customIndexing"
    EMBEDDING_DELETE = "embeddingDelete"
    TEST_EVALUATION = "testEvaluation"
    VALIDATE_METRICS = "modelMetrics"
    MODEL_RUN_COMMIT = "modelRunCommit"
    AUTOTAG_INFERENCE = "autotagInference"
    SLICE_QUERY = "sliceQuery"
    CLONE_DATASET = "cloneDataset"
    METADATA_UPDATE = "metadataUpdate"
    TRIGGER_EVALUATE = "triggerEvaluate"
    EXPORT_EMBEDDINGS = "exportEmbeddings"

    @staticmethod
    def options() -> list[str]:
        """All of them, as they are sent."""
        return [kind.value for kind in CustomerJobTypes]


def list_jobs(
    connection: Connection,
    *,
    show_completed: bool,
    from_date: str | datetime.datetime | None,
    to_date: str | datetime.datetime | None,
    job_types: Sequence[str] | None,
    limit: int | None,
    dataset_id: str | None,
) -> list[AsyncJob]:
    """Jobs, newest first; see `NucleusClient.list_jobs`."""
    rows = connection.post(
        {
            "dataset_id": dataset_id,
            "job_types": [kind.value if isinstance(kind, Enum) else kind for kind in job_types or ()],
            "from_date": None if from_date is None else str(from_date),
            "to_date": None if to_date is None else str(to_date),
            "limit": limit or _MAX_JOBS,
            "show_completed": show_completed,
        },
        "jobs/",
    )
    return [AsyncJob.from_json(row, connection) for row in rows]


def count_by_status(jobs: Sequence[AsyncJob]) -> dict[str, dict[str, int]]:
    """How many jobs there are of each type, and of these in each status."""
    counts: dict[str, dict[str, int]] = {}
    for job in jobs:
        of_type = counts.setdefault(job.job_type, {})
        of_type[job.job_last_known_status] = of_type.get(job.job_last_known_status, 0) + 1
    return counts
