"""Filling a test that came later, or whose slice grew, from scores that were uploaded before: once per model is enough."""

from __future__ import annotations

import math
import time
from collections import defaultdict
from collections.abc import Callable, Sequence

import numpy as np

from nucleus_metrics import WeightedMean
from nucleus_server.domain import EvalFunction, SliceMember
from nucleus_server.services.score_collector import Column, evaluation_of, pinned_members
from nucleus_server.services.score_uploads import reason_against
from nucleus_server.storage import LeaseLost, NewEvaluation, ScoreSource, Store, WorkspaceStore

_LEASE_S = 30.0
_AT_ONCE_S = 2.0
_UNKNOWN = WeightedMean(math.nan, 0.0, math.nan, 0)


def fill_now(store: Store, test_id: str) -> None:
    """Fill the test while its maker waits, for a moment; what takes longer is left to a worker."""
    job = store.jobs.lease(lease_s=_LEASE_S, payload={"test_id": test_id})
    if job is None:
        return
    actor = store.find_actor(job.user_id)
    if actor is None:
        return
    try:
        ws = store.workspace(job.workspace_id, actor, job=job)
        if fill_test(ws, test_id, lambda: store.jobs.renew(job), stop_at=time.monotonic() + _AT_ONCE_S):
            store.jobs.finish(job, {"test_id": test_id})
        else:
            store.jobs.release(job)
    except LeaseLost:
        pass  # a worker goes on with it


def fill_test(
    ws: WorkspaceStore, test_id: str, still_ours: Callable[[], None], *, stop_at: float | None = None
) -> bool:
    """Give the test an evaluation of every model whose newest covering upload it does not have; oldest upload first.

    Safe to repeat: what the test has already is not stored again. Returns whether everything was looked at before
    `stop_at` (seconds of the monotonic clock).
    """
    test = ws.get_scenario_test(test_id)
    if ws.get_slice_by_key(test.slice_key).member is not SliceMember.ITEM:
        return True  # scores of scenes and tracks are uploaded for one test each
    functions = {entry.function.id: entry.function for entry in ws.list_test_functions(test_id)}
    filler = _Filler(ws, test_id)
    by_series: dict[tuple[str, str], list[ScoreSource]] = defaultdict(list)
    for source in ws.list_sources(test_id):  # newest first
        by_series[source.function_id, source.model_id].append(source)
    newest = {(e.function_id, e.model_id): e for e in ws.list_evaluations(test_id)}
    in_order = sorted(by_series.items(), key=lambda entry: (entry[1][0].uploaded_at, functions[entry[0][0]].name))
    for series, sources in in_order:
        if stop_at is not None and time.monotonic() > stop_at:
            return False
        present = newest.get(series)
        if present is not None and present.n_members == filler.n_members and present.slice_key == test.slice_key:
            sources = [source for source in sources if source.uploaded_at > present.created_at]
        filler.fill(functions[series[0]], sources)
        still_ours()
    return True


class _Filler:
    """Looks through uploads for one that covers the test's members."""

    def __init__(self, ws: WorkspaceStore, test_id: str) -> None:
        self._ws = ws
        self._test = ws.get_scenario_test(test_id)
        self._dataset = ws.get_dataset(self._test.dataset_id)
        self._ordinals = pinned_members(ws.slice_ordinals(self._test.slice_key), self._dataset.n_items)
        self._n_deleted = 0
        if self._dataset.n_items != self._dataset.n_live_items:
            self._n_deleted = ws.reference_ids(self._dataset.key).gather(self._ordinals).null_count()

    @property
    def n_members(self) -> int:
        """Members of the test's slice, deleted ones included."""
        return len(self._ordinals)

    def fill(self, function: EvalFunction, sources: Sequence[ScoreSource]) -> None:
        """Store the evaluation that the first source that covers the members gives."""
        for source in sources:
            new = self._evaluation(function, source)
            if new is not None:
                self._ws.fill_evaluation(new, source.upload_id, source.uploaded_at)
                return

    def _evaluation(self, function: EvalFunction, source: ScoreSource) -> NewEvaluation | None:
        column = self._column(function, source)
        # Of deleted members scores may be there still; they count neither way.
        n_live = self.n_members - self._n_deleted
        n_scored = min(int(np.count_nonzero(~np.isnan(column.scores[self._ordinals]))), n_live)
        if reason_against(n_scored, n_live, source.min_coverage) is not None:
            return None
        return evaluation_of(column, self._test, source.model_id, self._n_deleted, self._ordinals)

    def _column(self, function: EvalFunction, source: ScoreSource) -> Column:
        n_items = self._dataset.n_items
        if source.column_key is not None:
            scores, weights = self._ws.read_column(source.column_key, n_items)
            return Column(function, scores, weights, _UNKNOWN)
        assert source.evaluation_id is not None
        evaluation = self._ws.get_evaluation_of_any_test(source.evaluation_id)
        members = pinned_members(self._ws.slice_ordinals(evaluation.slice_key, evaluation.n_members), n_items)
        scores = np.full(n_items, np.nan)
        scores[members] = self._ws.read_scores(evaluation)[: len(members)]
        found = self._ws.read_weights(evaluation)
        if found is None:
            return Column(function, scores, None, _UNKNOWN)
        weights = np.ones(n_items)
        weights[members] = found[: len(members)]
        return Column(function, scores, weights, _UNKNOWN)
