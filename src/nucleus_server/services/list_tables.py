"""The lists of the pages as tables to take away: whole, and with the filters of the page."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from nucleus_server.domain import Dataset, Item, Job, ReleaseStatus, ScoreUpload
from nucleus_server.services.exports import MOMENT, ExportTable, table_of_rows
from nucleus_server.services.item_search import ItemSearch, search_ordinals
from nucleus_server.storage import WorkspaceStore

if TYPE_CHECKING:
    from numpy.typing import NDArray

_BATCH = 8_192
_UPLOAD_BATCH = 500
_MOST = 1_000_000
_TEXT, _WHOLE, _FLOAT, _TRUTH = pl.String(), pl.Int64(), pl.Float64(), pl.Boolean()
_DATASETS = {
    "dataset_id": _TEXT,
    "dataset": _TEXT,
    "n_items": _WHOLE,
    "n_deleted": _WHOLE,
    "n_slices": _WHOLE,
    "n_tests": _WHOLE,
    "owner": _TEXT,
    "created_at": MOMENT,
}
_SLICES = {
    "slice_id": _TEXT,
    "slice": _TEXT,
    "dataset_id": _TEXT,
    "n_members": _WHOLE,
    "n_tests": _WHOLE,
    "owner": _TEXT,
    "created_at": MOMENT,
}
_ITEMS = {
    "item_id": _TEXT,
    "reference_id": _TEXT,
    "location": _TEXT,
    "text": _TEXT,
    "width": _WHOLE,
    "height": _WHOLE,
    "metadata": _TEXT,
    "created_at": MOMENT,
    "deleted": _TRUTH,
}
_JOBS = {
    "job_id": _TEXT,
    "type": _TEXT,
    "status": _TEXT,
    "dataset_id": _TEXT,
    "completed_steps": _WHOLE,
    "total_steps": _WHOLE,
    "created_at": MOMENT,
    "finished_at": MOMENT,
    "message": _TEXT,
    "errors": _TEXT,
}
_UPLOADS = {
    "upload_id": _TEXT,
    "status": _TEXT,
    "is_dry_run": _TRUTH,
    "model": _TEXT,
    "model_id": _TEXT,
    "dataset": _TEXT,
    "dataset_id": _TEXT,
    "test_id": _TEXT,
    "functions": _TEXT,
    "n_rows": _WHOLE,
    "min_coverage": _FLOAT,
    "user": _TEXT,
    "created_at": MOMENT,
    "completed_at": MOMENT,
}
_WAIVERS = {
    "waiver_id": _TEXT,
    "status": _TEXT,
    "test": _TEXT,
    "test_id": _TEXT,
    "function": _TEXT,
    "function_id": _TEXT,
    "model": _TEXT,
    "model_id": _TEXT,
    "reason": _TEXT,
    "owner": _TEXT,
    "expires_at": MOMENT,
    "created_at": MOMENT,
    "user": _TEXT,
}
_RELEASES = {
    "release_id": _TEXT,
    "release": _TEXT,
    "status": _TEXT,
    "model": _TEXT,
    "model_id": _TEXT,
    "created_at": MOMENT,
    "user": _TEXT,
    "decided_at": MOMENT,
    "decided_by": _TEXT,
    "note": _TEXT,
    "promoted_at": MOMENT,
}
_FUNCTIONS = {
    "function_id": _TEXT,
    "function": _TEXT,
    "is_public": _TRUTH,
    "direction": _TEXT,
    "score_min": _FLOAT,
    "score_max": _FLOAT,
    "unit": _TEXT,
    "description": _TEXT,
    "default_cluster_key": _TEXT,
    "n_tests": _WHOLE,
    "owner": _TEXT,
    "created_at": MOMENT,
}


def dataset_list(ws: WorkspaceStore) -> ExportTable:
    """All datasets, newest first."""
    n_slices = Counter(each.dataset_id for each in ws.list_slices())
    n_tests = Counter(test.dataset_id for test in ws.list_scenario_tests())
    owners = _user_names(ws)
    return table_of_rows(
        "datasets",
        _DATASETS,
        (
            {
                "dataset_id": each.id,
                "dataset": each.name,
                "n_items": each.n_live_items,
                "n_deleted": each.n_items - each.n_live_items,
                "n_slices": n_slices[each.id],
                "n_tests": n_tests[each.id],
                "owner": owners.get(each.owner_id),
                "created_at": each.created_at,
            }
            for each in sorted(ws.list_datasets(), key=lambda each: -each.key)
        ),
    )


def slice_list(ws: WorkspaceStore, dataset_id: str) -> ExportTable:
    """The slices of a dataset, newest first."""
    n_tests = Counter(test.slice_id for test in ws.list_scenario_tests())
    owners = _user_names(ws)
    return table_of_rows(
        f"slices-{ws.get_dataset(dataset_id).id}",
        _SLICES,
        (
            {
                "slice_id": each.id,
                "slice": each.name,
                "dataset_id": each.dataset_id,
                "n_members": each.n_members,
                "n_tests": n_tests[each.id],
                "owner": owners.get(each.owner_id),
                "created_at": each.created_at,
            }
            for each in sorted(ws.list_slices(dataset_id), key=lambda each: -each.key)
        ),
    )


def dataset_items(ws: WorkspaceStore, dataset_id: str, search: ItemSearch) -> ExportTable:
    """The live items of a dataset that match, in the order in which they were added; their metadata as JSON.

    Raises:
        InvalidInput: The search cannot be meant.
    """
    dataset = ws.get_dataset(dataset_id)
    ordinals = np.arange(dataset.n_items) if search.is_empty else search_ordinals(ws, dataset, search)
    return _item_rows(ws, f"items-{dataset.id}", dataset.key, ordinals, with_deleted=False)


def slice_items(ws: WorkspaceStore, slice_id: str) -> ExportTable:
    """The members of a slice, in slice order, with those that were deleted since."""
    part = ws.get_slice(slice_id)
    return _item_rows(ws, f"items-{part.id}", part.dataset_key, ws.slice_item_ordinals(part), with_deleted=True)


def items_at(ws: WorkspaceStore, name: str, dataset: Dataset, ordinals: NDArray[np.int64]) -> ExportTable:
    """These items of a dataset, in this order."""
    return _item_rows(ws, name, dataset.key, ordinals, with_deleted=True)


def job_list(ws: WorkspaceStore, is_shown: Callable[[Job], bool]) -> ExportTable:
    """The jobs that are to be shown, newest first; what they say is JSON."""
    return table_of_rows(
        "jobs",
        _JOBS,
        (
            {
                "job_id": each.id,
                "type": each.type.value,
                "status": each.status.value,
                "dataset_id": each.dataset_id,
                "completed_steps": each.completed_steps,
                "total_steps": each.total_steps,
                "created_at": each.created_at,
                "finished_at": each.finished_at,
                "message": json.dumps(each.message, ensure_ascii=False),
                "errors": "; ".join(each.errors),
            }
            for each in ws.list_jobs(limit=_MOST)
            if is_shown(each)
        ),
    )


def upload_list(
    ws: WorkspaceStore, *, dataset_id: str | None, model_id: str | None, function_id: str | None
) -> ExportTable:
    """The uploads of scores that the filter leaves, newest first."""
    names = {function.id: function.name for function in ws.list_eval_functions()}

    def batches() -> Iterator[pl.DataFrame]:
        offset = 0
        while found := ws.list_uploads(
            dataset_id=dataset_id, model_id=model_id, function_id=function_id, offset=offset, limit=_UPLOAD_BATCH
        ):
            yield pl.DataFrame([_upload_row(each, names) for each in found], schema=pl.Schema(_UPLOADS))
            offset += len(found)

    return ExportTable("uploads", pl.Schema(_UPLOADS), batches)


def waiver_list(ws: WorkspaceStore, status: str | None) -> ExportTable:
    """All waivers, or those of one status, newest first."""
    return table_of_rows(
        "waivers",
        _WAIVERS,
        (
            {
                "waiver_id": each.id,
                "status": each.status,
                "test": each.test_name,
                "test_id": each.test_id,
                "function": each.function_name,
                "function_id": each.function_id,
                "model": each.model_name,
                "model_id": each.model_id,
                "reason": each.reason,
                "owner": each.owner,
                "expires_at": each.expires_at,
                "created_at": each.created_at,
                "user": each.user_name,
            }
            for each in ws.list_waivers()
            if status is None or each.status == status
        ),
    )


def release_list(ws: WorkspaceStore, status: ReleaseStatus | None = None, model_id: str | None = None) -> ExportTable:
    """All releases, or those of one status or of one model, newest first."""
    return table_of_rows(
        "releases",
        _RELEASES,
        (
            {
                "release_id": each.id,
                "release": each.name,
                "status": each.status.value,
                "model": each.model_name,
                "model_id": each.model_id,
                "created_at": each.created_at,
                "user": each.user_name,
                "decided_at": each.decided_at,
                "decided_by": each.decided_by,
                "note": each.note,
                "promoted_at": each.promoted_at,
            }
            for each in ws.list_releases(status=status, limit=_MOST)
            if model_id is None or each.model_id == model_id
        ),
    )


def slice_tests(ws: WorkspaceStore, slice_id: str) -> ExportTable:
    """The tests on a slice, by name, a row for each function."""
    part = ws.get_slice(slice_id)
    tests = {test.key: test for test in ws.list_scenario_tests() if test.slice_id == part.id}
    columns = {"test": _TEXT, "test_id": _TEXT, "function": _TEXT, "function_id": _TEXT}
    rows = [
        {
            "test": tests[entry.test_key].name,
            "test_id": tests[entry.test_key].id,
            "function": entry.function.name,
            "function_id": entry.function.id,
        }
        for entry in ws.list_all_test_functions()
        if entry.test_key in tests
    ]
    rows.sort(key=lambda row: (row["test"], row["function"]))
    return table_of_rows(f"tests-{part.id}", columns, rows)


def function_list(ws: WorkspaceStore) -> ExportTable:
    """All evaluation functions."""
    n_tests = Counter(entry.function.id for entry in ws.list_all_test_functions())
    owners = _user_names(ws)
    return table_of_rows(
        "functions",
        _FUNCTIONS,
        (
            {
                "function_id": each.id,
                "function": each.name,
                "is_public": each.is_public,
                "direction": each.direction.value,
                "score_min": each.score_min,
                "score_max": each.score_max,
                "unit": each.unit,
                "description": each.description,
                "default_cluster_key": each.default_cluster_key,
                "n_tests": n_tests[each.id],
                "owner": None if each.is_public else owners.get(each.owner_id),
                "created_at": each.created_at,
            }
            for each in ws.list_eval_functions()
        ),
    )


def _user_names(ws: WorkspaceStore) -> dict[str, str]:
    return {user.id: user.name for user in ws.list_users()}


def _item_rows(
    ws: WorkspaceStore, name: str, dataset_key: int, ordinals: NDArray[np.int64], *, with_deleted: bool
) -> ExportTable:
    schema = pl.Schema(_ITEMS)

    def batches() -> Iterator[pl.DataFrame]:
        for start in range(0, len(ordinals), _BATCH):
            found: Sequence[Item] = ws.items_at(dataset_key, ordinals[start : start + _BATCH])
            rows = [_item_row(item) for item in found if with_deleted or item.deleted_at is None]
            yield pl.DataFrame(rows, schema=schema)

    return ExportTable(name, schema, batches)


def _item_row(item: Item) -> dict[str, Any]:
    return {
        "item_id": item.id,
        "reference_id": item.reference_id,
        "location": item.location or item.pointcloud_location,
        "text": item.text,
        "width": item.width,
        "height": item.height,
        "metadata": json.dumps(item.metadata, ensure_ascii=False),
        "created_at": item.created_at,
        "deleted": item.deleted_at is not None,
    }


def _upload_row(upload: ScoreUpload, names: dict[str, str]) -> dict[str, Any]:
    return {
        "upload_id": upload.id,
        "status": upload.status.value,
        "is_dry_run": upload.is_dry_run,
        "model": upload.model_name,
        "model_id": upload.model_id,
        "dataset": upload.dataset_name,
        "dataset_id": upload.dataset_id,
        "test_id": upload.test_id,
        "functions": ", ".join(sorted(names.get(key, key) for key in upload.function_ids)),
        "n_rows": upload.n_rows,
        "min_coverage": upload.min_coverage,
        "user": upload.user_name,
        "created_at": upload.created_at,
        "completed_at": upload.completed_at,
    }
