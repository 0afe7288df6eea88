"""The use cases: they think with domain values, read and write through the store, and know neither HTTP nor SQL."""

from nucleus_server.storage import UNCHANGED, Store, UploadPlan, WorkspaceStore

__all__ = ["UNCHANGED", "Store", "UploadPlan", "WorkspaceStore"]
