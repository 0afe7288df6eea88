"""The only place with SQL: one store on SQLite and PostgreSQL."""

from nucleus_server.storage.access import WorkspaceStore
from nucleus_server.storage.criteria import UNCHANGED
from nucleus_server.storage.leases import JobStep, LeasedJob, LeaseLost
from nucleus_server.storage.new_evaluations import NewEvaluation, NewUpload
from nucleus_server.storage.queue import JobQueue
from nucleus_server.storage.score_columns import NewColumn
from nucleus_server.storage.score_sources import ScoreSource
from nucleus_server.storage.store import Store
from nucleus_server.storage.uploads import UploadPlan
from nucleus_server.storage.verdicts import NewVerdict

__all__ = [
    "UNCHANGED",
    "JobQueue",
    "JobStep",
    "LeaseLost",
    "LeasedJob",
    "NewColumn",
    "NewEvaluation",
    "NewUpload",
    "NewVerdict",
    "ScoreSource",
    "Store",
    "UploadPlan",
    "WorkspaceStore",
]
