"""The only place with SQL: one store on SQLite and PostgreSQL."""

from nucleus_server.storage.access import WorkspaceStore
from nucleus_server.storage.evaluations import NewEvaluation
from nucleus_server.storage.queue import JobQueue, LeasedJob, LeaseLost
from nucleus_server.storage.store import Store

__all__ = ["JobQueue", "LeaseLost", "LeasedJob", "NewEvaluation", "Store", "WorkspaceStore"]
