"""Doing jobs: lease one, work in short transactions, finish it or give it back."""

from __future__ import annotations

import contextlib
import logging
import threading
import time

from nucleus_server.domain import JobType
from nucleus_server.errors import NotFound, NucleusServerError
from nucleus_server.services.filling import fill_test
from nucleus_server.services.media import MediaStore
from nucleus_server.services.object_uploads import store_payload
from nucleus_server.services.staged_uploads import store_committed
from nucleus_server.services.verdicts import compute_requested
from nucleus_server.storage import LeasedJob, LeaseLost, Store

_log = logging.getLogger(__name__)

LEASE_S = 30.0
_IDLE_S = 0.5
_SWEEP_EVERY_S = 600.0


class Worker:
    """One thread of background work; any number of them, on any machine, share one database."""

    def __init__(self, store: Store, media: MediaStore, *, lease_s: float = LEASE_S) -> None:
        self._store = store
        self._media = media
        self._lease_s = lease_s
        self._next_sweep = 0.0

    def run_forever(self, stop: threading.Event) -> None:
        """Work until `stop` is set; nothing that goes wrong in between ends it."""
        while not stop.is_set():
            try:
                is_busy = self.run_once()
            except Exception:
                _log.exception("worker: going on after an error")
                is_busy = False
            if not is_busy:
                stop.wait(_IDLE_S)

    def run_once(self) -> bool:
        """Do one job, if there is one; sweep unused media now and then. Returns whether there was a job."""
        if time.monotonic() >= self._next_sweep:
            self._next_sweep = time.monotonic() + _SWEEP_EVERY_S
            self._store.jobs.sweep_uploads(self._media.delete)
            self._store.jobs.sweep_media(self._media.delete)
        job = self._store.jobs.lease(lease_s=self._lease_s)
        if job is None:
            return False
        try:
            self._do_or_fail(job)
        except LeaseLost:
            _log.warning("worker: job %s was taken over by another worker, or cancelled", job.id)
        return True

    def _do_or_fail(self, job: LeasedJob) -> None:
        try:
            self._do(job)
        except LeaseLost:
            raise
        except Exception as error:
            text = error.message if isinstance(error, NucleusServerError) else "internal error; see the server's log"
            self._store.jobs.fail(job, text)  # LeaseLost if what went wrong is that the job is another's
            _log.exception("worker: job %s failed", job.id)

    def _do(self, job: LeasedJob) -> None:
        if job.type is JobType.DELETE_DATASET:
            while self._store.jobs.purge_dataset_step(job):
                pass
            self._store.jobs.finish(job, {})
        elif job.type in (JobType.UPLOAD_ANNOTATIONS, JobType.UPLOAD_PREDICTIONS):
            self._store_objects(job)
        elif job.type is JobType.UPLOAD_SCORES:
            store_committed(self._store, self._media, job)
            self._store.jobs.sweep_uploads(self._media.delete)  # its parts are large
        elif job.type is JobType.FILL_SCENARIO_TEST:
            self._fill(job)
        elif job.type is JobType.COMPARE_EVALUATIONS:
            self._compare(job)
        else:
            raise ValueError(f"no worker knows jobs of type {job.type.value}")

    def _store_objects(self, job: LeasedJob) -> None:
        actor = self._store.find_actor(job.user_id)
        if actor is None:
            self._store.jobs.refuse(job, {"error": "the user of this upload is gone"})
        else:
            store_payload(self._store.workspace(job.workspace_id, actor), self._store, self._media, job)

    def _compare(self, job: LeasedJob) -> None:
        actor = self._store.find_actor(job.user_id)
        if actor is not None:
            ws = self._store.workspace(job.workspace_id, actor, job=job)
            compute_requested(ws, job.payload, lambda n_done: self._store.jobs.renew(job, n_done=n_done))
        self._store.jobs.finish(job, {})

    def _fill(self, job: LeasedJob) -> None:
        actor = self._store.find_actor(job.user_id)
        if actor is not None:
            ws = self._store.workspace(job.workspace_id, actor, job=job)
            with contextlib.suppress(NotFound):  # the test was deleted in the meantime
                fill_test(ws, job.payload["test_id"], lambda: self._store.jobs.renew(job))
        self._store.jobs.finish(job, job.payload)
