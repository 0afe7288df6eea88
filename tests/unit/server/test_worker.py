"""The worker does jobs, survives what goes wrong, and stops when told to."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from nucleus import DatasetItem
from nucleus_server.domain import JobStatus
from nucleus_server.services.worker import Worker
from nucleus_server.storage import WorkspaceStore
from tests.support.api import Api
from tests.support.images import write_png


@pytest.fixture
def ws(sqlite_api: Api) -> WorkspaceStore:
    operator = sqlite_api.services.access.operator()
    return sqlite_api.services.store.workspace(operator.workspace_id, operator)


def test_deletes_a_dataset(sqlite_api: Api, ws: WorkspaceStore, tmp_path: Path) -> None:
    """Whole, with its images released, and then there is nothing more to do."""
    dataset = sqlite_api.client().create_dataset("d")
    dataset.append([DatasetItem(str(write_png(tmp_path / "a.png")), "a")])
    image = str(dataset.items[0].image_location)
    job = ws.delete_dataset(dataset.id)
    worker = Worker(sqlite_api.services.store, sqlite_api.services.media)
    assert worker.run_once() is True
    assert ws.get_job(job.id).status is JobStatus.COMPLETED
    assert sqlite_api.http.get(image).status_code == 404
    assert worker.run_once() is False


def test_a_job_that_fails_is_given_back(sqlite_api: Api, ws: WorkspaceStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its error is kept, and it is not taken again at once."""
    job = ws.delete_dataset(sqlite_api.client().create_dataset("d").id)
    store = sqlite_api.services.store
    worker = Worker(store, sqlite_api.services.media)

    def explode(leased: object) -> bool:
        raise RuntimeError("secret internals")

    with monkeypatch.context() as patched:
        patched.setattr(store.jobs, "purge_dataset_step", explode)
        assert worker.run_once() is True
    failed = ws.get_job(job.id)
    assert failed.status is JobStatus.RUNNING and failed.errors == ("internal error; see the server's log",)
    assert worker.run_once() is False


def test_nothing_ends_the_loop_but_stop(sqlite_api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """Errors of disk and database are logged and waited out."""
    stop, n_calls = threading.Event(), 0
    worker = Worker(sqlite_api.services.store, sqlite_api.services.media)

    def explode() -> bool:
        nonlocal n_calls
        n_calls += 1
        if n_calls == 2:
            stop.set()
        raise OSError("disk on fire")

    monkeypatch.setattr(worker, "run_once", explode)
    worker.run_forever(stop)
    assert n_calls == 2
