"""Cancelling a job, on both databases: nothing of it is seen afterwards, and of a race exactly one side wins."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import msgspec
import pytest
from sqlalchemy.engine import Connection

import nucleus
from nucleus import ConflictError, JobError, PermissionDeniedError
from nucleus_server.domain import JobStatus, Role
from nucleus_server.errors import Conflict
from nucleus_server.services.filling import fill_test
from nucleus_server.services.worker import Worker
from nucleus_server.storage import LeaseLost, Store
from tests.conformance.test_score_uploads import Scene, make_part, ramp
from tests.support.api import Api, assert_error


@pytest.fixture
def scene(api: Api) -> Iterator[Scene]:
    """A dataset with three tests."""
    yield Scene(api, api.client())


def commit(scene: Scene, first: float = 0.5) -> tuple[str, str]:
    """An upload in two parts that waits for a worker: its id, and its job's."""
    halves = [
        make_part(ids, {scene.f.id: [first, *ramp(4)], scene.g.id: ramp(5)}) for ids in (scene.ids[:5], scene.ids[5:])
    ]
    digests = [hashlib.sha256(msgspec.msgpack.encode(part)).hexdigest() for part in halves]
    begun = scene.api.post(
        f"dataset/{scene.dataset.id}/uploads",
        {"model_id": scene.a, "function_ids": sorted([scene.f.id, scene.g.id]), "first_part": digests[0]},
    )
    upload_id = begun.json()["upload_id"]
    for number, part in enumerate(halves):
        assert scene.put(upload_id, number, part).status_code == 200
    whole = hashlib.sha256("".join(digests).encode()).hexdigest()
    committed = scene.api.post(f"upload/{upload_id}/commit", {"n_parts": 2, "digest": whole})
    return upload_id, committed.json()["job_id"]


@contextmanager
def before_transaction(store: Store, number: int, act: Callable[[], object]) -> Iterator[None]:
    """Before the `number`-th writing transaction from here on, somebody else does something."""
    write, seen = store.database.write, 0

    @contextmanager
    def counted() -> Iterator[Connection]:
        nonlocal seen
        seen += 1
        if seen == number:
            act()
        with write() as connection:
            yield connection

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(store.database, "write", counted)
        yield


def visible(scene: Scene) -> list[str]:
    """The evaluations that anybody sees."""
    return [e.id for test in (scene.whole, scene.odd, scene.last) for e in test.get_eval_history()]


def test_a_job_that_waits_never_starts(scene: Scene) -> None:
    """Its upload is given up, and is gone with the next sweep; cancelling it again changes nothing."""
    upload_id, job_id = commit(scene)
    job = scene.client.get_job(job_id)
    assert job.cancel()["status"] == job.job_last_known_status == "Cancelled"
    assert job.cancel()["message"] == {"cancelled_by": "admin"}
    scene.work()
    assert visible(scene) == [] and scene.client.uploads() == []
    assert_error(scene.api.get(f"upload/{upload_id}"), 404, "upload_not_found")
    with pytest.raises(JobError, match="was cancelled by admin"):
        job.sleep_until_complete(verbose_std_out=False)
    (entry,) = [e for e in scene.ws().list_audit() if e.action == "job.cancel"]
    assert entry.object_id == job_id
    upload_id, job_id = commit(scene)  # the same once more is a new upload
    scene.work()
    assert len(visible(scene)) == 5 and scene.client.get_job(job_id).status()["status"] == "Completed"


def test_cancelled_before_any_transaction_nothing_is_seen(scene: Scene) -> None:
    """Whatever the worker was about to write, it writes no more; once all is visible, cancelling is refused."""
    store, n_cancelled = scene.api.services.store, 0
    worker = Worker(store, scene.api.services.media)
    worker.run_once()  # sweeps, which come first
    for number in range(2, 200):  # the first transaction is the lease
        _, job_id = commit(scene, first=number / 1000)
        refused: list[Conflict] = []

        def cancel(job_id: str = job_id, refused: list[Conflict] = refused) -> None:
            try:
                scene.ws().cancel_job(job_id)
            except Conflict as error:
                refused.append(error)

        with before_transaction(store, number, cancel):
            worker.run_once()
        status = scene.ws().get_job(job_id).status
        if refused or status is JobStatus.COMPLETED:
            break
        n_cancelled += 1
        assert status is JobStatus.CANCELLED and visible(scene) == [] and scene.client.uploads() == []
    assert n_cancelled >= 8  # leases, parts, columns, evaluations, completion
    assert [error.code for error in refused] == ["job_finished"]  # visible, and the job does not say so yet
    assert len(visible(scene)) == 5 and scene.ws().get_job(job_id).status is JobStatus.COMPLETED
    assert store.check() == []


def test_of_cancelling_and_completing_one_wins(scene: Scene) -> None:
    """Begun at the same moment, again and again: either all is seen and the job is done, or nothing and it is cancelled."""
    store, outcomes = scene.api.services.store, set()
    worker = Worker(store, scene.api.services.media)
    worker.run_once()
    for number in range(12):
        n_before = len(visible(scene))
        _, job_id = commit(scene, first=number / 100)
        gate = threading.Barrier(2)
        refused: list[str] = []

        def cancel(
            number: int = number, job_id: str = job_id, gate: threading.Barrier = gate, refused: list[str] = refused
        ) -> None:
            gate.wait(timeout=30)
            pause = threading.Event()
            pause.wait(number * 0.006)  # to meet it at different moments
            try:
                scene.ws().cancel_job(job_id)
            except Conflict as error:
                refused.append(error.code)

        thread = threading.Thread(target=cancel)
        thread.start()
        gate.wait(timeout=30)
        worker.run_once()
        thread.join(timeout=30)
        assert not thread.is_alive()
        while worker.run_once():
            pass
        status, n_new = scene.ws().get_job(job_id).status, len(visible(scene)) - n_before
        assert (status, n_new, refused) in [
            (JobStatus.COMPLETED, 5, ["job_finished"]),
            (JobStatus.CANCELLED, 0, []),
        ]
        outcomes.add(status)
    assert JobStatus.CANCELLED in outcomes


def test_what_has_ended_or_deletes_is_not_cancelled(scene: Scene) -> None:
    """With a conflict that says why."""
    _, job_id = commit(scene)
    scene.work()
    assert_error(scene.api.post(f"job/{job_id}/cancel", {}), 409, "job_finished")
    with pytest.raises(ConflictError, match="is Completed already"):
        scene.client.get_job(job_id).cancel()
    deletion = scene.ws().delete_dataset(scene.dataset.id)
    assert_error(scene.api.post(f"job/{deletion.id}/cancel", {}), 409, "job_not_cancellable")
    scene.work()
    assert scene.ws().get_job(deletion.id).status is JobStatus.COMPLETED
    assert_error(scene.api.post("job/job_nothing/cancel", {}), 404, "job_not_found")


def test_only_who_asked_and_admins_cancel(scene: Scene) -> None:
    """Not another member, and no viewer."""
    _, job_id = commit(scene)
    keys = {role: scene.api.new_key(role.value, role) for role in (Role.MEMBER, Role.VIEWER)}
    with pytest.raises(PermissionDeniedError, match="only the owner of this job or an admin may cancel it"):
        nucleus.NucleusClient(keys[Role.MEMBER], endpoint=scene.client.endpoint, http_client=scene.api.http).get_job(
            job_id
        ).cancel()
    assert_error(scene.api.post(f"job/{job_id}/cancel", {}, key=keys[Role.VIEWER]), 403, "permission_denied")
    assert scene.ws().get_job(job_id).status is JobStatus.QUEUED


def test_filling_a_test_ends_when_it_is_cancelled(scene: Scene) -> None:
    """Between two models: what was complete stays, nothing is added, and the worker's lease is lost."""
    for model in (scene.a, scene.b):
        scene.report(make_part(scene.ids, {scene.f.id: ramp()}), model_id=model)
    store = scene.api.services.store
    part = scene.dataset.create_slice("late", scene.ids[:3])
    ws = scene.ws()
    test = ws.create_scenario_test("late", part.id, [(scene.f.id, {})])
    job = store.jobs.lease(lease_s=60, payload={"test_id": test.id})
    assert job is not None
    bound = store.workspace(job.workspace_id, ws.actor, job=job)
    n_filled = 0

    def cancel_after_the_first() -> None:
        nonlocal n_filled
        n_filled += 1
        ws.cancel_job(job.id)

    with pytest.raises(LeaseLost):
        fill_test(bound, test.id, cancel_after_the_first)
    assert n_filled == 1 and len(ws.list_evaluations(test.id)) == 1
    with pytest.raises(LeaseLost):
        store.jobs.finish(job, {})
    assert ws.get_job(job.id).status is JobStatus.CANCELLED
