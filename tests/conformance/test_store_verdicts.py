"""The contract of the store for verdicts, settings and releases, on SQLite and on PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, replace
from datetime import timedelta

import pytest

from nucleus_server import errors
from nucleus_server.domain import INHERITED, ClusterBy, ClusterChoice, JobType, Mode, NewItem, ReleaseStatus, Role
from nucleus_server.storage import NewVerdict, Store, WorkspaceStore
from tests.conformance.store_actions import BY_DRIVE, World, make_waiver, make_world, new_evaluation
from tests.support.stores import Clock, as_user, open_workspace


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(database_url: str, clock: Clock) -> Iterator[Store]:
    opened = Store(database_url, clock=clock)
    yield opened
    opened.close()


@pytest.fixture
def ws(store: Store) -> WorkspaceStore:
    return open_workspace(store, "default")


def new_verdicts(ws: WorkspaceStore, world: World) -> list[NewVerdict]:
    """One on two evaluations, one on an evaluation and a threshold."""
    first, _ = ws.record_evaluation(new_evaluation(world, [1, 0, 1, 1]))
    second, _ = ws.record_evaluation(new_evaluation(world, [1, 1, 1, 1]))
    return [
        NewVerdict(b"pair", first.key, second.key, {"delta": 0.25}),
        NewVerdict(b"threshold", None, second.key, {"standing": "passes"}),
    ]


def test_a_verdict_is_stored_once(store: Store, ws: WorkspaceStore) -> None:
    """The first one under a digest stays; viewers may store them too; another workspace sees none."""
    verdicts = new_verdicts(ws, make_world(ws))
    viewer = as_user(store, ws, "eve", Role.VIEWER)
    viewer.record_verdicts(verdicts)
    ws.record_verdicts([NewVerdict(b"pair", verdicts[0].baseline_key, verdicts[0].candidate_key, {"delta": 9.0})])
    found = ws.find_verdicts([b"pair", b"threshold", b"none", b"pair"])
    assert found == {b"pair": {"delta": 0.25}, b"threshold": {"standing": "passes"}}
    other = open_workspace(store, "other")
    assert other.find_verdicts([b"pair"]) == {}
    other.record_verdicts([NewVerdict(b"stolen", None, verdicts[0].candidate_key, {})])
    assert other.find_verdicts([b"stolen"]) == {}


def test_verdicts_are_asked_for_once(store: Store, ws: WorkspaceStore) -> None:
    """The same request finds the unfinished job; after that job has ended it makes a new one."""
    viewer = as_user(store, ws, "eve", Role.VIEWER)
    job_id = viewer.request_verdicts({"verdicts": [1]}, 1)
    assert ws.request_verdicts({"verdicts": [1]}, 1) == job_id != ws.request_verdicts({"verdicts": [2]}, 1)
    leased = store.jobs.lease(lease_s=60)
    assert leased is not None and (leased.id, leased.type) == (job_id, JobType.COMPARE_EVALUATIONS)
    assert ws.request_verdicts({"verdicts": [1]}, 1) == job_id
    store.jobs.finish(leased, {})
    assert ws.request_verdicts({"verdicts": [1]}, 1) != job_id


def test_deleting_a_dataset_takes_its_verdicts_along(store: Store, ws: WorkspaceStore) -> None:
    """And its waivers and cluster keys; a verdict that comes too late is not stored."""
    world = make_world(ws)
    verdicts = new_verdicts(ws, world)
    ws.record_verdicts(verdicts)
    ws.set_dataset_cluster(world.dataset.id, BY_DRIVE)
    ws.set_test_settings(world.test.id, cluster=BY_DRIVE)
    make_waiver(ws, world, world.model.id)
    ws.delete_dataset(world.dataset.id)
    while (job := store.jobs.lease(lease_s=60)) is not None:
        if job.type is JobType.DELETE_DATASET:
            while store.jobs.purge_dataset_step(job):
                pass
        store.jobs.finish(job, {})
    assert ws.find_verdicts([b"pair", b"threshold"]) == {} and ws.list_waivers() == []
    assert ws.cluster_choices() == ({}, {})
    ws.record_verdicts(verdicts)
    assert ws.find_verdicts([b"pair", b"threshold"]) == {}
    assert store.check() == []


def test_cluster_choices(ws: WorkspaceStore) -> None:
    """The newest is in force, for a dataset and in its place for a test; the log has both sides of every change."""
    world = make_world(ws)
    assert ws.cluster_choice(world.dataset.id) == INHERITED == ws.test_settings(world.test.id).cluster
    ws.set_dataset_cluster(world.dataset.id, BY_DRIVE)
    ws.set_dataset_cluster(world.dataset.id, BY_DRIVE)
    ws.set_test_settings(world.test.id, cluster=ClusterChoice(ClusterBy.ITEM))
    assert ws.cluster_choices() == (
        {world.dataset.key: BY_DRIVE},
        {world.test.key: ClusterChoice(ClusterBy.ITEM)},
    )
    ws.set_dataset_cluster(world.dataset.id, INHERITED)
    assert ws.cluster_choice(world.dataset.id) == INHERITED
    log = [e.detail for e in ws.list_audit() if e.action == "dataset.set_cluster"]
    assert log == [
        {"before": {"by": "metadata", "key": "drive"}, "after": {"by": "inherit", "key": None}},
        {"before": {"by": "inherit", "key": None}, "after": {"by": "metadata", "key": "drive"}},
    ]


def test_settings_of_a_test(store: Store, ws: WorkspaceStore) -> None:
    """Tags are sorted and each stands once; what is not given stays; only the owner or an admin may."""
    world = make_world(ws)
    ws.set_test_settings(world.test.id, is_blocking=True, tags=["b", "a", "b"])
    found = ws.set_test_settings(world.test.id)
    assert (found.is_blocking, found.tags, found.cluster) == (True, ("a", "b"), INHERITED)
    test = ws.get_scenario_test(world.test.id)
    assert (test.is_blocking, test.tags) == (True, ("a", "b"))
    with pytest.raises(errors.PermissionDenied):
        as_user(store, ws, "mel", Role.MEMBER).set_test_settings(world.test.id, is_blocking=False)


def test_criteria_keep_what_is_not_given(ws: WorkspaceStore) -> None:
    """Threshold, mode and margin are set apart from each other; each change is one entry of the history."""
    world = make_world(ws)
    ids = world.test.id, world.function.id
    ws.set_criterion(*ids, mode=Mode.CONFIDENT, margin=0.1)
    ws.set_threshold(*ids, 0.5)
    ws.set_criterion(*ids, margin=0.1)  # as it is
    ws.set_criterion(*ids, threshold=None, mode=None)
    history = [(c.threshold, c.mode, c.margin) for c in ws.list_criteria(world.test.id)]
    assert history == [(None, Mode.CONFIDENT, 0.1), (0.5, Mode.CONFIDENT, 0.1), (None, None, 0.1)]
    (entry,) = ws.list_test_functions(world.test.id)
    assert (entry.threshold, entry.mode, entry.effective_mode) == (None, None, Mode.NON_INFERIOR)
    for margin in (-0.1, float("inf"), float("nan")):
        with pytest.raises(errors.InvalidInput):
            ws.set_criterion(*ids, margin=margin)


def test_waivers_expire(ws: WorkspaceStore, clock: Clock) -> None:
    """By the server's clock; a revoked one stays revoked."""
    world = make_world(ws)
    ends = clock.now + timedelta(days=1)
    waiver = ws.create_waiver(world.test.id, world.function.id, model_id=None, reason="r", owner="Ada", expires_at=ends)
    assert [w.id for w in ws.list_waivers(is_active=True)] == [waiver.id]
    clock.now = ends
    assert ws.list_waivers(is_active=True) == [] and ws.list_waivers()[0].status == "expired"
    with pytest.raises(errors.InvalidInput):
        ws.create_waiver(world.test.id, world.function.id, model_id=None, reason="r", owner="Ada", expires_at=ends)
    assert ws.revoke_waiver(waiver.id).status == ws.revoke_waiver(waiver.id).status == "revoked"
    ws.delete_scenario_test(world.test.id)  # it has no history: it goes with its waivers
    assert ws.list_waivers() == []


def test_what_is_waived_or_released_is_only_hidden(store: Store, ws: WorkspaceStore) -> None:
    """A model of a release or waiver stays for the history's sake, as does a function of a waiver."""
    world = make_world(ws)
    spare = ws.create_model("spare", "spare")
    release = ws.create_release("r", spare.id, {"test_ids": []})
    make_waiver(ws, world, world.model.id)
    ws.delete_model(spare.id)
    ws.delete_model(world.model.id)
    ws.delete_eval_function(world.function.id)
    assert ws.get_release(release.id).model_name == "spare"
    assert [w.model_name for w in ws.list_waivers()] == [world.model.name]
    assert store.check() == []


def test_releases_in_order(ws: WorkspaceStore, clock: Clock) -> None:
    """The one decided before is found for an open and for a decided release; the newest approved one names the baseline."""
    world = make_world(ws)
    ids = []
    for status in (ReleaseStatus.APPROVED, ReleaseStatus.REJECTED, None):
        release = ws.create_release("r", world.model.id, {"test_ids": [world.test.id]})
        clock.now += timedelta(hours=1)
        if status is not None:
            ws.decide_release(release.id, status, "n", report={"a": 1}, snapshot=[{"id": "x"}])
        ids.append(release.id)
    first, second, third = (ws.get_release(release_id) for release_id in ids)
    assert [r.id for r in ws.list_releases()] == ids[::-1] and ws.list_releases()[2].report is None
    found = [ws.find_decided_release(before=release) for release in (third, second, first)]
    assert [None if r is None else r.id for r in found] == [ids[1], ids[0], None]
    assert first.report == {"a": 1} and first.snapshot == [{"id": "x"}] and third.report is None
    assert ws.last_approved_models() == {world.test.id: world.model.id}
    with pytest.raises(errors.Conflict):
        ws.promote_release(ids[1], [world.test.id])
    assert ws.promote_release(ids[0], [world.test.id]).promoted_at == clock.now
    assert ws.get_scenario_test(world.test.id).baseline_model_id == world.model.id


def test_a_metadata_fingerprint_follows_its_values(ws: WorkspaceStore) -> None:
    """It changes with a value under the key and with new items, and not with another key."""
    dataset = ws.create_dataset("d")
    ws.append_items(dataset.id, [NewItem("a", {"k": 1, "l": 1}, text="t")], update=False)

    def fingerprint() -> str:
        return ws.metadata_fingerprint(dataset.key, "k")

    first = fingerprint()
    ws.append_items(dataset.id, [NewItem("a", {"k": 1, "l": 2}, text="t")], update=True)
    assert fingerprint() == first
    ws.append_items(dataset.id, [NewItem("a", {"k": 2, "l": 2}, text="t")], update=True)
    second = fingerprint()
    ws.append_items(dataset.id, [NewItem("b", {"k": 2}, text="t")], update=False)
    assert len({first, second, fingerprint()}) == 3


def test_the_matrix_reads_newest_results_only(store: Store, ws: WorkspaceStore, clock: Clock) -> None:
    """Of the models asked for, and of baselines; not of deleted tests and models, nor of another workspace."""
    world = make_world(ws)
    other = ws.create_model("other", "other")
    ws.record_evaluation(new_evaluation(world, [1, 0, 1, 1]))
    clock.now += timedelta(seconds=1)
    newest, _ = ws.record_evaluation(new_evaluation(world, [1, 1, 1, 1]))
    second, _ = ws.record_evaluation(new_evaluation(replace(world, model=other), [0, 0, 0, 1]))
    assert [e.id for e in ws.newest_results([world.model.key])] == [newest.id]
    assert {e.id: e.model_name for e in ws.newest_results([world.model.key, other.key])} == {
        newest.id: world.model.name,
        second.id: "other",
    }
    assert [e.id for e in ws.newest_function_results(world.function.key)] == [second.id]
    (summary,) = ws.newest_results([other.key])
    assert all(getattr(summary, field.name) == getattr(second, field.name) for field in fields(summary))
    assert ws.evaluated_model_keys([world.test.key]) == [other.key, world.model.key]
    assert ws.evaluated_model_keys([]) == [] and ws.newest_results([]) == []
    assert ws.newest_baseline_results() == []
    ws.set_baseline_model(world.test.id, other.id)
    ws.set_baseline_model(world.test.id, world.model.id)
    assert [e.id for e in ws.newest_baseline_results()] == [newest.id]
    stranger = open_workspace(store, "other")
    assert stranger.newest_results([world.model.key]) == stranger.newest_baseline_results() == []
    assert stranger.evaluated_model_keys([world.test.key]) == stranger.newest_function_results(world.function.key) == []
    ws.delete_model(other.id)
    assert ws.evaluated_model_keys([world.test.key]) == [world.model.key]
    ws.delete_scenario_test(world.test.id)
    assert ws.newest_results([world.model.key]) == ws.newest_baseline_results() == []
    assert ws.newest_function_results(world.function.key) == []
