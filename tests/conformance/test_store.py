"""The contract of the store: one class, run whole on SQLite and on PostgreSQL."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import event
from sqlalchemy.exc import NoResultFound

from nucleus_server import domain, errors
from nucleus_server.domain import Comparison, Direction, NewItem, Role, UploadPart
from nucleus_server.storage import LeaseLost, NewColumn, Store, WorkspaceStore, schema
from tests.conformance.object_actions import OBJECT_ACTIONS
from tests.conformance.store_actions import (
    ACTIONS,
    FIRST_PART,
    LATER,
    STORE_ACTIONS,
    Action,
    committed_upload,
    make_function,
    make_plan,
    make_world,
    new_evaluation,
    new_items,
)
from tests.support.store_dump import dump
from tests.support.stores import Clock, as_user, open_workspace

NAN = math.nan


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(database_url: str, clock: Clock) -> Iterator[Store]:
    opened = Store(database_url, clock=clock)
    opened.upgrade()
    yield opened
    opened.close()


@pytest.fixture
def ws(store: Store) -> WorkspaceStore:
    return open_workspace(store, "default")


EVERY_ACTION = {**ACTIONS, **OBJECT_ACTIONS}


class InjectedFailure(Exception):
    """Raised by a test in the place of a statement."""


@contextmanager
def failing_statement(store: Store, number: int) -> Iterator[None]:
    """The `number`-th statement on the writing engine fails before it reaches the database."""
    seen = 0

    def count(*args: object) -> None:
        nonlocal seen
        seen += 1
        if seen == number:
            raise InjectedFailure

    event.listen(store.database.engine, "before_cursor_execute", count)
    try:
        yield
    finally:
        event.remove(store.database.engine, "before_cursor_execute", count)


def assert_all_or_nothing(store: Store, act: Callable[[], object]) -> None:
    """Fail at the first statement, the second, and so on until the call succeeds; only then something has changed."""
    before = dump(store)
    for number in range(1, 200):
        try:
            with failing_statement(store, number):
                act()
        except InjectedFailure:
            assert dump(store) == before, f"statement {number} left something behind"
        else:
            break
    assert number > 1
    assert dump(store) != before


class TestStore:
    """What the services rely on."""

    def test_migrated_schema_is_the_declared_one(self, store: Store) -> None:
        """Nothing is left for a migration to do, and the check finds nothing."""
        with store.database.read() as connection:
            assert compare_metadata(MigrationContext.configure(connection), schema.metadata) == []
        assert store.check() == []

    def test_upgrade_twice_changes_nothing(self, store: Store, ws: WorkspaceStore) -> None:
        """A second start on the same database keeps everything."""
        before = dump(store)
        store.upgrade()
        assert dump(store) == before

    def test_every_writing_method_is_an_action(self) -> None:
        """A new method that writes cannot be forgotten by the fault and permission tests."""
        writing = {
            name
            for name, method in inspect.getmembers(WorkspaceStore, inspect.isfunction)
            if not name.startswith("_") and "self._write()" in inspect.getsource(method)
        }
        assert writing == {name.split()[0] for name in EVERY_ACTION}

    @pytest.mark.parametrize("name", EVERY_ACTION)
    def test_all_or_nothing(self, store: Store, ws: WorkspaceStore, name: str) -> None:
        """A failure at any statement of a method leaves every table as it was; without one the method changes something."""
        act = EVERY_ACTION[name](ws)
        assert_all_or_nothing(store, lambda: act(ws))

    @pytest.mark.parametrize("name", STORE_ACTIONS)
    def test_all_or_nothing_outside_of_workspaces(self, store: Store, ws: WorkspaceStore, name: str) -> None:
        """The same for what writes without a workspace: bootstrap, logins, the job queue."""
        assert_all_or_nothing(store, STORE_ACTIONS[name](store, ws))

    @pytest.mark.parametrize("name", EVERY_ACTION)
    def test_viewer_changes_nothing(self, store: Store, ws: WorkspaceStore, name: str) -> None:
        """Every writing method refuses a viewer."""
        viewer = as_user(store, ws, "viewer", Role.VIEWER)
        act = EVERY_ACTION[name](ws)
        before = dump(store)
        with pytest.raises(errors.PermissionDenied):
            act(viewer)
        assert dump(store) == before

    @pytest.mark.parametrize("name", [n for n in EVERY_ACTION if "world" in inspect.getsource(EVERY_ACTION[n])])
    def test_other_workspaces_objects_do_not_exist(self, store: Store, ws: WorkspaceStore, name: str) -> None:
        """An admin of another workspace gets «not found» for everything that is not theirs."""
        action: Action = EVERY_ACTION[name]
        act = action(ws)
        stranger = open_workspace(store, "other")
        with pytest.raises(errors.NotFound):
            act(stranger)

    def test_other_workspaces_objects_are_not_readable(self, store: Store, ws: WorkspaceStore) -> None:
        """Getters answer «not found», listings are empty."""
        world = make_world(ws)
        evaluation, _ = ws.record_evaluation(new_evaluation(world, [1, 1, 1, 1]))
        stranger = open_workspace(store, "other")
        item = ws.get_item_by_reference(world.dataset.id, "a")
        reads: list[Callable[[], object]] = [
            lambda: stranger.get_dataset(world.dataset.id),
            lambda: stranger.list_items(world.dataset.id),
            lambda: stranger.get_item(item.id),
            lambda: stranger.get_slice(world.slice.id),
            lambda: stranger.slice_items(world.slice.id),
            lambda: stranger.get_model(world.model.id),
            lambda: stranger.get_eval_function(world.function.id),
            lambda: stranger.get_scenario_test(world.test.id),
            lambda: stranger.get_scenario_test_by_name(world.test.name),
            lambda: stranger.list_test_functions(world.test.id),
            lambda: stranger.list_criteria(world.test.id),
            lambda: stranger.list_evaluations(world.test.id),
            lambda: stranger.get_evaluation(evaluation.id),
        ]
        for read in reads:
            with pytest.raises(errors.NotFound):
                read()
        assert stranger.list_datasets() == stranger.list_slices() == stranger.list_models() == []
        assert stranger.list_scenario_tests() == stranger.newest_evaluations() == []
        with pytest.raises(ValueError, match="does not belong"):
            store.workspace(ws.actor.workspace_id, stranger.actor)

    def test_reference_across_workspaces_cannot_be_inserted(self, store: Store, ws: WorkspaceStore) -> None:
        """The database itself refuses it."""
        world = make_world(ws)
        stranger = open_workspace(store, "other")
        with pytest.raises(errors.Conflict), store.database.write() as connection:
            connection.execute(
                schema.slices.insert().values(
                    workspace_key=stranger.actor.workspace_key,
                    id="slc_x",
                    dataset_key=world.dataset.key,
                    name="stolen",
                    owner_key=stranger.actor.user_key,
                    n_members=0,
                    created_at=0,
                )
            )

    # --- datasets and items

    def test_items_keep_order_content_and_ids(self, ws: WorkspaceStore) -> None:
        """What was appended comes back: order of insertion, nested metadata, ids that find the item again."""
        dataset = ws.create_dataset("d")
        nested = {"k": [1, {"x": None}], "snake_case": "ü", "n": 1.5}
        ws.append_items(
            dataset.id,
            [NewItem("z", nested, location="https://e.com/z.jpg", width=3, height=4), NewItem("a", {}, text="hello")],
            update=False,
        )
        z, a = ws.list_items(dataset.id)
        assert (z.reference_id, z.metadata, z.location, z.width, z.height) == ("z", nested, "https://e.com/z.jpg", 3, 4)
        assert (a.reference_id, a.text, a.location) == ("a", "hello", None)
        assert len(z.id) == 23 and z.id.startswith("di_")
        assert ws.get_item(z.id) == ws.get_item_by_reference(dataset.id, "z") == ws.get_item_at(dataset.id, 0) == z
        assert ws.get_item_at(dataset.id, 1) == a
        for index in (2, -1):
            with pytest.raises(errors.NotFound):
                ws.get_item_at(dataset.id, index)

    def test_append_counts_collisions(self, ws: WorkspaceStore) -> None:
        """A taken reference id is ignored, or with `update` gets new metadata, also within one call."""
        dataset = ws.create_dataset("d")
        first, _ = ws.append_items(dataset.id, new_items("a", "b", "a"), update=False)
        assert first == domain.AppendCounts(new_items=2, updated_items=0, ignored_items=1)
        second, _ = ws.append_items(
            dataset.id,
            [
                NewItem("a", {"v": 1}, text="t"),
                NewItem("c", {"v": 1}, text="t"),
                NewItem("c", {"v": 2}, text="t"),
            ],
            update=True,
        )
        assert second == domain.AppendCounts(new_items=1, updated_items=2, ignored_items=0)
        assert [i.metadata for i in ws.list_items(dataset.id)] == [{"v": 1}, {"n": 1}, {"v": 2}]
        assert ws.get_dataset(dataset.id).n_live_items == 3

    def test_columns_follow_appends_over_chunk_borders(self, ws: WorkspaceStore) -> None:
        """The packed reference ids equal the rows after appends of every awkward size, and find items again."""
        dataset = ws.create_dataset("d")
        n = 0
        for size in (1, 8190, 1, 1, 8192, 3):
            ws.append_items(dataset.id, [NewItem(f"r{i}", {}, text="t") for i in range(n, n + size)], update=False)
            n += size
        assert ws.reference_ids(dataset.key).to_list() == [f"r{i}" for i in range(n)]
        assert ws.first_reference_ids(dataset.key, n - 1).to_list() == [f"r{i}" for i in range(n - 1)]
        assert ws.first_reference_ids(dataset.key, n + 1).len() == n
        again, _ = ws.append_items(dataset.id, [NewItem(f"r{i}", {}, text="t") for i in range(n)], update=False)
        assert again == domain.AppendCounts(0, 0, n)

    def test_metadata_columns_follow_the_rows(self, ws: WorkspaceStore) -> None:
        """After appends over a chunk border, updates and deletions, every column says what the rows say."""
        dataset = ws.create_dataset("d")
        n = 8192 + 40

        def entry(i: int) -> dict[str, object]:
            return {
                "lane": i % 3,
                "name": f"n{i % 5}",
                "day": i % 2 == 0,
                "ratio": i / 7,
                "nested": {"a": 1},
                "none": None,
            }

        for start, end in ((0, 10), (10, 8190), (8190, n)):
            items = [NewItem(f"r{i}", entry(i) if i % 4 else {}, text="t") for i in range(start, end)]
            ws.append_items(dataset.id, items, update=False)
        changed = [NewItem(f"r{i}", {"lane": "left", "new": i}, text="t") for i in (3, 8191, 8192)]
        ws.append_items(dataset.id, changed, update=True)
        ws.delete_item(dataset.id, "r5")
        assert ws.metadata_keys(dataset.key) == ["day", "lane", "name", "new", "ratio"]
        rows = {item.ordinal: item.metadata for item in ws.list_items(dataset.id)}
        for key in ("day", "name", "new", "ratio"):
            expected = [rows.get(i, {}).get(key) for i in range(n)]
            assert ws.metadata_column(dataset.key, key).to_list() == expected, key
        lanes = ws.metadata_column(dataset.key, "lane").to_list()
        expected = [rows.get(i, {}).get("lane") for i in range(n)]
        assert lanes == [None if v is None else str(v) for v in expected]
        assert ws.metadata_column(dataset.key, "nested").null_count() == n

    def test_metadata_columns_are_bounded(self, ws: WorkspaceStore) -> None:
        """A dataset that uses ids as keys gets a hundred columns, and no more."""
        dataset = ws.create_dataset("d")
        items = [NewItem(f"r{i}", {f"key{i}": i, "x" * 201: 1}, text="t") for i in range(150)]
        ws.append_items(dataset.id, items, update=False)
        assert len(ws.metadata_keys(dataset.key)) == 100

    def test_signed_upload_is_used_once(self, ws: WorkspaceStore) -> None:
        """A repeated append with the same request id answers with the same job and adds nothing."""
        dataset = ws.create_dataset("d")
        with pytest.raises(errors.NotFound):
            ws.get_signed_upload(dataset.id, "r")
        ws.put_signed_upload(dataset.id, "r", "0" * 64, 5, LATER)
        assert ws.get_signed_upload(dataset.id, "r").media_digest == "0" * 64
        counts, job = ws.append_items(dataset.id, new_items("a"), update=False, as_job=True, signed_request_id="r")
        assert ws.append_items(dataset.id, new_items("a"), update=False, as_job=True, signed_request_id="r") == (
            counts,
            job,
        )
        assert counts.new_items == 1 and len(ws.list_jobs(dataset_id=dataset.id)) == 1
        with pytest.raises(errors.Conflict):
            ws.put_signed_upload(dataset.id, "r", "1" * 64, 5, LATER)

    def test_deleted_item_is_a_tombstone(self, ws: WorkspaceStore) -> None:
        """Its content goes, its place and its scores stay, and its reference id can be taken by a new item."""
        world = make_world(ws)
        evaluation, _ = ws.record_evaluation(new_evaluation(world, [1, 0, 1, 1]))
        item = ws.get_item_by_reference(world.dataset.id, "a")
        ws.delete_item(world.dataset.id, "a")
        assert [i.reference_id for i in ws.list_items(world.dataset.id)] == ["b", "c", "d", "e", "f"]
        assert ws.get_item_at(world.dataset.id, 0).reference_id == "b"
        (tombstone,) = ws.items_at(world.dataset.key, [item.ordinal])
        assert tombstone.deleted_at is not None and tombstone.location is None and tombstone.metadata == {}
        assert ws.read_scores(evaluation).tolist() == [1, 0, 1, 1]
        assert ws.reference_ids(world.dataset.key)[item.ordinal] is None
        assert "a" not in ws.first_reference_ids(world.dataset.key, 10)
        assert ws.deleted_reference_ids(world.dataset.key) == {"a"}
        with pytest.raises(errors.NotFound):
            ws.delete_item(world.dataset.id, "a")
        ws.append_items(world.dataset.id, new_items("a"), update=False)
        assert ws.get_item_by_reference(world.dataset.id, "a").ordinal == 6
        assert ws.append_to_slice(world.slice.id, ["a"]) == 1

    def test_media_is_released_with_its_last_item(self, store: Store, ws: WorkspaceStore, clock: Clock) -> None:
        """A file is served while an item shows it; after a pause of grace the sweep removes it, unless it came back."""
        dataset = ws.create_dataset("d")
        digest, swept = "a" * 64, []
        ws.add_media(digest, 10, "image/png")
        ws.append_items(dataset.id, [NewItem(r, {}, media_digest=digest) for r in ("a", "b")], update=False)
        ws.delete_item(dataset.id, "a")
        assert ws.find_media(digest) is not None
        ws.delete_item(dataset.id, "b")
        assert ws.find_media(digest) is None
        ws.add_media(digest, 10, "image/png")
        assert ws.find_media(digest) is not None
        ws.append_items(dataset.id, [NewItem("c", {}, media_digest=digest)], update=False)
        clock.now += timedelta(days=2)
        assert store.jobs.sweep_media(lambda w, d: swept.append(d)) == 0
        ws.delete_item(dataset.id, "c")
        assert store.jobs.sweep_media(lambda w, d: swept.append(d)) == 0
        clock.now += timedelta(hours=2)
        assert store.jobs.sweep_media(lambda w, d: swept.append((w, d))) == 1
        assert swept == [(ws.actor.workspace_id, digest)]

    def test_sweep_removes_payloads_that_expired(self, store: Store, ws: WorkspaceStore, clock: Clock) -> None:
        """An upload that nobody used is gone after its time, its file too."""
        dataset = ws.create_dataset("d")
        ws.put_signed_upload(dataset.id, "r", "b" * 64, 5, clock.now + timedelta(hours=1))
        swept: list[str] = []
        assert store.jobs.sweep_media(lambda w, d: swept.append(d)) == 0
        clock.now += timedelta(hours=2)
        assert store.jobs.sweep_media(lambda w, d: swept.append(d)) == 1
        assert swept == ["b" * 64]
        with pytest.raises(errors.NotFound):
            ws.get_signed_upload(dataset.id, "r")

    # --- slices

    def test_slice_is_append_only_and_keeps_order(self, ws: WorkspaceStore) -> None:
        """Members stay where they are; repeated ones count once; a prefix is a version."""
        world = make_world(ws)
        assert ws.slice_ordinals(world.slice.key).tolist() == [3, 0, 1, 2]
        assert ws.append_to_slice(world.slice.id, ["f", "a", "f", "e"]) == 2
        assert ws.slice_ordinals(world.slice.key).tolist() == [3, 0, 1, 2, 5, 4]
        assert ws.slice_ordinals(world.slice.key, 4).tolist() == [3, 0, 1, 2]
        assert ws.append_to_slice(world.slice.id, ["f", "e"]) == 0
        assert [i.reference_id for i in ws.slice_items(world.slice.id, start=1, limit=2)] == ["a", "b"]
        assert ws.get_slice(world.slice.id).n_members == 6

    def test_slice_refuses_unknown_members_whole(self, ws: WorkspaceStore) -> None:
        """The error names them and the count, and no member is added."""
        world = make_world(ws)
        with pytest.raises(errors.InvalidInput) as refusal:
            ws.append_to_slice(world.slice.id, ["e", *(f"no{i}" for i in range(30))])
        assert refusal.value.code == "unknown_reference_ids"
        assert (len(refusal.value.problems), refusal.value.n_problems) == (20, 30)
        assert ws.get_slice(world.slice.id).n_members == 4
        with pytest.raises(errors.InvalidInput, match="no_such"):
            ws.create_slice(world.dataset.id, "s", item_ids=["no_such"])

    def test_slice_over_chunk_borders(self, ws: WorkspaceStore) -> None:
        """Appends of every awkward size keep the list."""
        dataset = ws.create_dataset("d")
        n = 8192 * 2 + 5
        ws.append_items(dataset.id, [NewItem(f"r{i}", {}, text="t") for i in range(n)], update=False)
        members = ws.create_slice(dataset.id, "s")
        for start, end in ((0, 8191), (8191, 8192), (8192, 8193), (8193, n)):
            assert ws.append_to_slice(members.id, [f"r{i}" for i in range(start, end)]) == end - start
        assert ws.slice_ordinals(members.key).tolist() == list(range(n))

    def test_slice_by_ordinals(self, ws: WorkspaceStore) -> None:
        """In their order, each once, without deleted items."""
        world = make_world(ws)
        ws.delete_item(world.dataset.id, "b")
        made = ws.create_slice(world.dataset.id, "worst", ordinals=np.array([5, 1, 0, 5]))
        assert [item.reference_id for item in ws.slice_items(made.id)] == ["f", "a"] and made.n_members == 2
        assert ws.has_deleted_items(world.dataset.key)

    def test_kept_columns_are_nobody_elses(self, store: Store, ws: WorkspaceStore) -> None:
        """What one workspace has read into memory, no other one finds there; and it is read only."""
        evaluation, _ = ws.record_evaluation(new_evaluation(make_world(ws), [1, 0, 1, 1], [1, 0.5, 1, 1]))
        scores, weights = ws.read_scores(evaluation), ws.read_weights(evaluation)
        assert weights is not None and ws.read_scores(evaluation) is scores and ws.read_weights(evaluation) is weights
        with pytest.raises(ValueError, match="read-only"):
            scores[0] = 0.5
        stranger = open_workspace(store, "other")
        for read in (stranger.read_scores, stranger.read_weights):
            with pytest.raises(errors.StorageCorrupt):
                read(evaluation)
        with pytest.raises(NoResultFound):
            stranger.slice_ordinals(evaluation.slice_key)

    def test_slice_by_item_ids(self, ws: WorkspaceStore) -> None:
        """Members can be named by our ids."""
        world = make_world(ws)
        ids = [ws.get_item_by_reference(world.dataset.id, ref).id for ref in ("c", "a")]
        assert ws.slice_ordinals(ws.create_slice(world.dataset.id, "s", item_ids=ids).key).tolist() == [2, 0]

    # --- functions, models, tests

    def test_public_functions_are_listed_from_the_start(self, ws: WorkspaceStore) -> None:
        """All 23, and no external function may take such a name or a later one's."""
        functions = ws.list_eval_functions()
        assert {f.name for f in functions if f.is_public and not f.is_external} == set(domain.PUBLIC_FUNCTIONS)
        assert len(functions) == 23
        for name in ("bbox_iou", "coco_ap50"):
            with pytest.raises(errors.AlreadyExists) as refusal:
                make_function(ws, name)
            assert refusal.value.code == "eval_function_name_reserved"

    def test_names_are_unique_until_deleted(self, ws: WorkspaceStore) -> None:
        """A taken name is a conflict; after a deletion, hidden or real, it is free."""
        world = make_world(ws)
        ws.record_evaluation(new_evaluation(world, [1, 1, 1, 1]))
        with pytest.raises(errors.AlreadyExists):
            make_function(ws, world.function.name)
        with pytest.raises(errors.AlreadyExists):
            ws.create_scenario_test(world.test.name, world.slice.id, [(world.function.id, {})])
        with pytest.raises(errors.AlreadyExists):
            ws.create_model("m", world.model.reference_id)
        ws.delete_scenario_test(world.test.id)
        ws.delete_model(world.model.id)
        ws.delete_eval_function(world.function.id)
        make_world_again = make_world(ws, "world")
        assert make_world_again.test.id != world.test.id

    def test_hidden_objects_keep_history(self, ws: WorkspaceStore) -> None:
        """Deleting a model, a function or a slice that evaluations use leaves the evaluations as they were."""
        world = make_world(ws)
        evaluation, _ = ws.record_evaluation(new_evaluation(world, [1, 0, 1, 1]))
        ws.delete_model(world.model.id)
        ws.delete_eval_function(world.function.id)
        ws.delete_slice(world.slice.id)
        with pytest.raises(errors.NotFound):
            ws.get_model(world.model.id)
        with pytest.raises(errors.NotFound):
            ws.get_slice(world.slice.id)
        assert ws.list_models() == ws.list_slices() == []
        assert ws.list_evaluations(world.test.id) == [evaluation]
        assert ws.read_scores(evaluation).tolist() == [1, 0, 1, 1]
        assert ws.get_slice_by_key(world.slice.key).name == world.slice.name

    def test_only_owner_or_admin_builds_on_a_slice(self, store: Store, ws: WorkspaceStore) -> None:
        """Another member is refused and told why; the admin is not."""
        alice = as_user(store, ws, "alice", Role.MEMBER)
        bob = as_user(store, ws, "bob", Role.MEMBER)
        world = make_world(alice, "alice")
        with pytest.raises(errors.PermissionDenied, match="owner of this slice or an admin"):
            bob.create_scenario_test("bobs", world.slice.id, [(world.function.id, {})])
        with pytest.raises(errors.PermissionDenied, match="owner of this scenario test"):
            bob.set_threshold(world.test.id, world.function.id, 0.1)
        ws.create_scenario_test("admins", world.slice.id, [(world.function.id, {})])

    def test_scenario_test_refuses_bad_function_lists(self, ws: WorkspaceStore) -> None:
        """None, one twice, external with public, and unknown ones."""
        world = make_world(ws)
        public = next(f for f in ws.list_eval_functions() if f.name == "bbox_iou")
        for functions, code in (
            ([], "no_eval_functions"),
            ([(world.function.id, {}), (world.function.id, {})], "duplicate_eval_function"),
            ([(world.function.id, {}), (public.id, {})], "mixed_eval_functions"),
        ):
            with pytest.raises(errors.InvalidInput) as refusal:
                ws.create_scenario_test("bad", world.slice.id, functions)
            assert refusal.value.code == code
        with pytest.raises(errors.NotFound):
            ws.create_scenario_test("bad", world.slice.id, [("ef_unknown", {})])
        with pytest.raises(errors.InvalidInput):
            ws.add_test_function(world.test.id, public.id)
        with pytest.raises(errors.AlreadyExists):
            ws.add_test_function(world.test.id, world.function.id)
        assert [t.name for t in ws.list_scenario_tests()] == [world.test.name]

    def test_criteria_are_history(self, ws: WorkspaceStore, clock: Clock) -> None:
        """The newest threshold and baseline are in force; all earlier ones stay readable with author and time."""
        world = make_world(ws)
        assert ws.list_test_functions(world.test.id)[0].threshold is None
        ws.set_threshold(world.test.id, world.function.id, 0.5)
        clock.now += timedelta(seconds=1)
        entry = ws.set_threshold(world.test.id, world.function.id, 0.7, Comparison.GREATER_THAN)
        assert (entry.threshold, entry.comparison) == (0.7, Comparison.GREATER_THAN)
        clock.now += timedelta(seconds=1)
        assert ws.set_threshold(world.test.id, world.function.id, None).comparison is Comparison.GREATER_THAN
        with pytest.raises(errors.Conflict, match="no completed evaluation"):
            ws.set_baseline_model(world.test.id, world.model.id)
        ws.record_evaluation(new_evaluation(world, [1, 1, 1, 1]))
        clock.now += timedelta(seconds=1)
        assert ws.set_baseline_model(world.test.id, world.model.id).baseline_model_id == world.model.id
        changes = ws.list_criteria(world.test.id)
        assert [c.threshold for c in changes] == [0.5, 0.7, None, None]
        assert [c.baseline_model_id for c in changes] == [None, None, None, world.model.id]
        assert {c.user_name for c in changes} == {"admin"}
        assert changes[1].created_at - changes[0].created_at == timedelta(seconds=1)
        assert ws.set_baseline_model(world.test.id, None).baseline_model_id is None
        second = make_function(ws, "loss", Direction.LOWER_IS_BETTER)
        assert ws.add_test_function(world.test.id, second.id).comparison is Comparison.LESS_THAN_EQUAL_TO

    # --- evaluations

    def test_evaluation_comes_back_bit_for_bit(self, ws: WorkspaceStore) -> None:
        """Scores, weights and what is missing."""
        world = make_world(ws)
        scores = [0.1, 5e-324, NAN, 1 / 3]
        plain, _ = ws.record_evaluation(new_evaluation(world, scores))
        weighted, _ = ws.record_evaluation(new_evaluation(world, scores, [1, 0.1, 1, 0.25]))
        assert np.array_equal(ws.read_scores(plain), scores, equal_nan=True)
        assert ws.read_weights(plain) is None
        weights = ws.read_weights(weighted)
        assert weights is not None and weights.tolist() == [1, 0.1, 1, 0.25]
        assert (plain.n_scored, plain.n_members, plain.coverage, plain.is_partial) == (3, 4, 0.75, True)
        assert ws.list_evaluations(world.test.id) == [plain, weighted]
        assert ws.newest_evaluations() == [weighted]

    def test_long_columns_come_back(self, ws: WorkspaceStore) -> None:
        """Over several chunks, whole and with the right neighbours at every border."""
        dataset = ws.create_dataset("d")
        n = 8192 * 2 + 1
        ws.append_items(dataset.id, [NewItem(f"r{i}", {}, text="t") for i in range(n)], update=False)
        members = ws.create_slice(dataset.id, "s", reference_ids=[f"r{i}" for i in range(n)])
        function, model = make_function(ws, "f"), ws.create_model("m", "m")
        test = ws.create_scenario_test("t", members.id, [(function.id, {})])
        column = np.random.default_rng(0).random(n)
        world = replace(make_world(ws, "w"), test=test, function=function, model=model)
        evaluation, _ = ws.record_evaluation(new_evaluation(world, column.tolist(), column[::-1].tolist()))
        assert np.array_equal(ws.read_scores(evaluation), column)
        weights = ws.read_weights(evaluation)
        assert weights is not None and np.array_equal(weights, column[::-1])

    def test_replay_returns_the_newest(self, ws: WorkspaceStore) -> None:
        """The same upload again is the same evaluation; A, B, A are three."""
        world = make_world(ws)
        first, is_replay = ws.record_evaluation(new_evaluation(world, [1, 1, 1, 1]))
        assert not is_replay
        assert ws.record_evaluation(new_evaluation(world, [1, 1, 1, 1])) == (first, True)
        second, _ = ws.record_evaluation(new_evaluation(world, [1, 1, 1, 0]))
        third, is_replay = ws.record_evaluation(new_evaluation(world, [1, 1, 1, 1]))
        assert not is_replay
        assert [e.id for e in ws.list_evaluations(world.test.id)] == [first.id, second.id, third.id]
        weighted, is_replay = ws.record_evaluation(new_evaluation(world, [1, 1, 1, 1], [1, 1, 1, 0.5]))
        assert not is_replay and weighted.is_weighted
        ws.append_to_slice(world.slice.id, ["e"])
        longer, is_replay = ws.record_evaluation(new_evaluation(world, [1, 1, 1, 1, NAN]))
        assert not is_replay and longer.n_members == 5

    def test_equal_uploads_at_once_are_stored_once(self, ws: WorkspaceStore) -> None:
        """The replay is decided inside the write transaction."""
        world = make_world(ws)
        new = new_evaluation(world, [1, 0, 1, 0])
        with ThreadPoolExecutor(8) as pool:
            results = list(pool.map(lambda _: ws.record_evaluation(new), range(16)))
        assert len({evaluation.id for evaluation, _ in results}) == 1
        assert sum(not is_replay for _, is_replay in results) == 1

    def test_reserved_job_is_for_who_made_it(self, store: Store, ws: WorkspaceStore) -> None:
        """No worker takes it before its maker had the time to; the maker does at once, and once."""
        world = make_world(ws)
        ws.record_evaluation(new_evaluation(world, [1, 0, 1, 1]))
        test = ws.create_scenario_test("later", world.slice.id, [(world.function.id, {})])
        assert store.jobs.lease(lease_s=60) is None
        leased = store.jobs.lease(lease_s=60, payload={"test_id": test.id})
        assert leased is not None and leased.type is domain.JobType.FILL_SCENARIO_TEST
        assert store.jobs.lease(lease_s=60, payload={"test_id": test.id}) is None
        store.jobs.release(leased)
        again = store.jobs.lease(lease_s=60)
        assert again is not None and again.id == leased.id and again.attempts == 1

    def test_upload_is_invisible_until_it_is_complete(self, store: Store, ws: WorkspaceStore, clock: Clock) -> None:
        """Killed after any statement it leaves nothing that anybody sees; the next attempt completes it, once."""
        world = make_world(ws)
        upload = committed_upload(ws, world, fence=1)
        scores = np.array([0.1, NAN, 0.3, 0.4, 0.5, 0.6])
        weights = np.array([1, 1, 0.5, 1, 1, 1.0])

        def record(fence: int) -> None:
            ws.retry_upload(upload.id, fence)
            ws.record_upload(
                upload.id,
                fence,
                [NewColumn(world.function.id, scores, weights)],
                [new_evaluation(world, [0.4, 0.1, NAN, 0.3], [1, 1, 1, 0.5])],
                lambda replayed: {"replayed": replayed},
            )

        for number in range(1, 200):
            try:
                with failing_statement(store, number):
                    record(fence=number)
            except InjectedFailure:
                assert ws.list_evaluations(world.test.id) == ws.newest_evaluations() == []
                assert ws.list_sources(world.test.id) == [] and ws.get_upload(upload.id).report is None
            else:
                break
        assert number > 10
        (evaluation,) = ws.list_evaluations(world.test.id)
        assert evaluation.upload_id == upload.id and evaluation.created_at == upload.created_at
        (source,) = [
            s
            for s in ws.list_sources(ws.create_scenario_test("later", world.slice.id, [(world.function.id, {})]).id)
            if s.column_key is not None
        ]
        back, back_weights = ws.read_column(source.column_key or 0, 8)
        assert back.tobytes() == np.append(scores, [NAN, NAN]).tobytes()
        assert back_weights is not None and back_weights.tolist() == [1, 1, 0.5, 1, 1, 1, 1, 1]
        rows = dump(store)
        assert [len(rows[t]) for t in ("score_columns", "score_chunks", "evaluations", "upload_evaluations")] == [
            1,
            2,
            1,
            1,
        ]

    def test_overtaken_attempt_stores_nothing(self, ws: WorkspaceStore) -> None:
        """A worker that slept while another one took the upload over cannot complete it."""
        world = make_world(ws)
        upload = committed_upload(ws, world, fence=1)
        columns = [NewColumn(world.function.id, np.ones(6), None)]

        def overtake() -> None:
            ws.retry_upload(upload.id, 2)

        with pytest.raises(errors.Conflict):
            ws.record_upload(upload.id, 1, columns, [new_evaluation(world, [1, 1, 1, 1])], lambda _: {}, overtake)
        assert ws.list_evaluations(world.test.id) == []
        ws.record_upload(upload.id, 2, columns, [new_evaluation(world, [1, 1, 1, 1])], lambda _: {})
        assert len(ws.list_evaluations(world.test.id)) == 1

    def test_expired_uploads_are_swept(self, store: Store, ws: WorkspaceStore, clock: Clock) -> None:
        """Unfinished and rejected ones go after a day with what they left; of completed ones only the parts."""
        world = make_world(ws)
        abandoned = committed_upload(ws, world, fence=1)
        steps = iter(["scores", "weights"])

        def killed_after_the_evaluation() -> None:
            if next(steps, None) is None:
                raise InjectedFailure

        with pytest.raises(InjectedFailure):
            ws.record_upload(
                abandoned.id,
                1,
                [NewColumn(world.function.id, np.ones(6), np.full(6, 0.5))],
                [new_evaluation(world, [1, 1, 1, 1])],
                lambda _: {},
                killed_after_the_evaluation,
            )
        assert len(dump(store)["evaluations"]) == 1
        assert len(dump(store)["score_chunks"]) == 2
        kept = ws.open_upload(make_plan(world), 6)
        ws.record_upload(kept.id, 0, [NewColumn(world.function.id, np.ones(6), None)], [], lambda _: {})
        staged, _ = ws.begin_upload(make_plan(world, min_coverage=0.5), "c" * 64)
        ws.put_upload_part(staged.id, UploadPart(0, "c" * 64, 10, 6))
        deleted: list[str] = []
        assert store.jobs.sweep_uploads(lambda workspace_id, digest: deleted.append(digest)) == 0
        clock.now += timedelta(hours=23)
        ws.put_upload_part(staged.id, UploadPart(1, FIRST_PART, 10, 6))  # a part keeps it for another day
        clock.now += timedelta(hours=2)
        assert store.jobs.sweep_uploads(lambda workspace_id, digest: deleted.append(digest)) == 1
        assert deleted == []  # the same file waits in the other upload
        assert [u.id for u in ws.list_uploads()] == [staged.id, kept.id]
        clock.now += timedelta(hours=24)
        store.jobs.sweep_uploads(lambda workspace_id, digest: deleted.append(digest))
        assert sorted(deleted) == [FIRST_PART, "c" * 64]
        assert [u.id for u in ws.list_uploads()] == [kept.id]
        rows = dump(store)
        assert [len(rows[t]) for t in ("upload_parts", "evaluations", "evaluation_chunks", "score_chunks")] == [
            0,
            0,
            0,
            1,
        ]

    def test_parallel_appends_lose_nothing(self, ws: WorkspaceStore) -> None:
        """Ten writers to one dataset and one slice."""
        dataset = ws.create_dataset("d")
        members = ws.create_slice(dataset.id, "s")

        def append(worker: int) -> None:
            refs = [f"{worker}-{i}" for i in range(20)] + ["shared"]
            ws.append_items(dataset.id, new_items(*refs), update=False)
            ws.append_to_slice(members.id, refs)

        with ThreadPoolExecutor(10) as pool:
            list(pool.map(append, range(10)))
        items = ws.list_items(dataset.id)
        assert [i.ordinal for i in items] == list(range(201))
        assert ws.reference_ids(dataset.key).to_list() == [i.reference_id for i in items]
        assert sorted(ws.slice_ordinals(members.key).tolist()) == list(range(201))

    def test_the_same_file_from_many_at_once(self, ws: WorkspaceStore) -> None:
        """Ten uploads of one image are one row, and none fails."""
        with ThreadPoolExecutor(10) as pool:
            list(pool.map(lambda _: ws.add_media("a" * 64, 10, "image/png"), range(20)))
        assert ws.find_media("a" * 64) is not None

    def test_one_name_for_many_at_once(self, ws: WorkspaceStore) -> None:
        """One wins, the others get a conflict, and there is one function."""

        def create(_: int) -> bool:
            try:
                make_function(ws, "wanted")
            except errors.Conflict:
                return False
            return True

        with ThreadPoolExecutor(8) as pool:
            assert sum(pool.map(create, range(16))) == 1
        assert [f.name for f in ws.list_eval_functions() if f.is_external] == ["wanted"]

    # --- jobs

    def test_deleted_dataset_is_gone_at_once_and_purged_by_a_job(
        self, store: Store, ws: WorkspaceStore, clock: Clock
    ) -> None:
        """Hidden before the job runs; afterwards no row of it is left but the job and the audit log."""
        before = dump(store)
        world = make_world(ws)
        ws.record_evaluation(new_evaluation(world, [1, 0, 1, 1], [1, 1, 1, 0.5]))
        ws.set_threshold(world.test.id, world.function.id, 0.5)
        ws.set_baseline_model(world.test.id, world.model.id)
        upload = committed_upload(ws, world, fence=1)
        ws.record_upload(
            upload.id,
            1,
            [NewColumn(world.function.id, np.ones(6), np.full(6, 0.5))],
            [new_evaluation(world, [1, 1, 1, 1])],
            lambda _: {},
        )
        done = store.jobs.lease(lease_s=60)
        assert done is not None
        store.jobs.finish(done, {})
        job = ws.delete_dataset(world.dataset.id)
        for read in (
            lambda: ws.get_dataset(world.dataset.id),
            lambda: ws.get_slice(world.slice.id),
            lambda: ws.get_scenario_test(world.test.id),
        ):
            with pytest.raises(errors.NotFound):
                read()
        leased = store.jobs.lease(lease_s=60)
        assert leased is not None and leased.id == job.id
        while store.jobs.purge_dataset_step(leased):
            pass
        store.jobs.finish(leased, {})
        after = dump(store)
        changed = {name for name in after if after[name] != before[name]}
        assert changed == {"models", "eval_functions", "jobs", "audit_log", "media"}
        deleted: list[str] = []
        clock.now += timedelta(days=2)
        store.jobs.sweep_media(lambda workspace_id, digest: deleted.append(digest))
        assert deleted == [FIRST_PART] and dump(store)["media"] == []  # the file of the upload's part
        assert ws.get_job(job.id).status is domain.JobStatus.COMPLETED
        assert ws.list_audit()[0].action == "dataset.delete"
        assert store.check() == []

    def test_purge_survives_a_failure_at_every_statement(self, store: Store, ws: WorkspaceStore) -> None:
        """A step is all or nothing, and a second worker finishes what the first one left."""
        world = make_world(ws)
        ws.record_evaluation(new_evaluation(world, [1, 0, 1, 1]))
        job = ws.delete_dataset(world.dataset.id)
        leased = store.jobs.lease(lease_s=60)
        assert leased is not None
        more = True
        while more:
            for number in range(1, 100):
                before = dump(store)
                try:
                    with failing_statement(store, number):
                        more = store.jobs.purge_dataset_step(leased)
                except InjectedFailure:
                    assert dump(store) == before
                else:
                    break
        store.jobs.finish(leased, {})
        assert ws.get_job(job.id).status is domain.JobStatus.COMPLETED

    def test_lost_lease_writes_nothing(self, store: Store, ws: WorkspaceStore) -> None:
        """A worker whose lease ran out is overtaken and can neither work on nor finish the job."""
        job = ws.delete_dataset(ws.create_dataset("d").id)
        slow = store.jobs.lease(lease_s=-1)
        assert slow is not None
        quick = store.jobs.lease(lease_s=60)
        assert quick is not None and quick.id == job.id and quick.fence == slow.fence + 1
        assert store.jobs.lease(lease_s=60) is None
        for act in (lambda: store.jobs.purge_dataset_step(slow), lambda: store.jobs.finish(slow, {})):
            with pytest.raises(LeaseLost):
                act()
        while store.jobs.purge_dataset_step(quick):
            pass
        store.jobs.finish(quick, {"done": True})
        with pytest.raises(LeaseLost):
            store.jobs.finish(quick, {"done": False})
        assert ws.get_job(job.id).message == {"done": True}

    def test_failing_job_ends_as_errored(self, store: Store, ws: WorkspaceStore) -> None:
        """It is tried again a few times, then it ends with its error."""
        job = ws.delete_dataset(ws.create_dataset("d").id)
        for _ in range(5):
            leased = store.jobs.lease(lease_s=60)
            assert leased is not None
            store.jobs.fail(leased, "disk on fire")
            with store.database.write() as connection:
                connection.execute(schema.jobs.update().values(leased_until=0))
        assert store.jobs.lease(lease_s=60) is None
        ended = ws.get_job(job.id)
        assert (ended.status, ended.errors) == (domain.JobStatus.ERRORED, ("disk on fire",))

    # --- access

    def test_keys_carry_their_user_and_role(self, store: Store, ws: WorkspaceStore, clock: Clock) -> None:
        """A key acts for its user with its own role; it is found by its digest only."""
        ws.create_user("alice", Role.MEMBER)
        key = ws.create_key("ci", digest=b"ci", hint="nv_c", user_name="alice", role=Role.VIEWER, expires_at=LATER)
        found = store.find_key(b"ci")
        assert found is not None
        actor, stored = found
        assert (actor.user_name, actor.role, actor.api_key_id) == ("alice", Role.VIEWER, key.id)
        assert stored.expires_at == LATER and stored.last_used_at is None
        assert store.find_key(b"other") is None
        store.touch_key(key.id)
        clock.now += timedelta(seconds=30)
        store.touch_key(key.id)
        found = store.find_key_by_id(key.id)
        assert found is not None and found[1].last_used_at == clock.now - timedelta(seconds=30)
        assert ws.revoke_key(key.id).revoked_at == clock.now
        with pytest.raises(errors.InvalidInput):
            ws.create_key("up", digest=b"up", hint="nv_u", user_name="alice", role=Role.ADMIN)

    def test_members_manage_only_their_own_keys(self, store: Store, ws: WorkspaceStore) -> None:
        """Users, other people's keys: admins only."""
        alice = as_user(store, ws, "alice", Role.MEMBER)
        own = alice.create_key("own", digest=b"own", hint="nv_o")
        assert [k.id for k in alice.list_keys()] == [own.id]
        assert len(ws.list_keys()) == 2
        with pytest.raises(errors.PermissionDenied):
            alice.create_user("bob", Role.MEMBER)
        with pytest.raises(errors.PermissionDenied):
            alice.create_key("x", digest=b"x", hint="nv_x", user_name="admin")
        with pytest.raises(errors.PermissionDenied):
            alice.revoke_key(next(k.id for k in ws.list_keys() if k.user_name == "admin"))

    def test_one_admin_always_stays(self, store: Store, ws: WorkspaceStore) -> None:
        """Roles are an admin's to change; keys follow their user down, and the last admin cannot step down."""
        alice = ws.create_user("alice", Role.MEMBER)
        member = as_user(store, ws, "bob", Role.MEMBER)
        with pytest.raises(errors.PermissionDenied):
            member.set_user_role(alice.id, Role.ADMIN)
        with pytest.raises(errors.NotFound):
            open_workspace(store, "other").set_user_role(alice.id, Role.ADMIN)
        with pytest.raises(errors.Conflict, match="last admin"):
            ws.set_user_role(ws.actor.user_id, Role.MEMBER)
        assert ws.set_user_role(alice.id, Role.ADMIN).role is Role.ADMIN
        ws.create_key("alice's", digest=b"a", hint="nv_a", user_name="alice")
        assert ws.set_user_role(alice.id, Role.ADMIN).role is Role.ADMIN
        assert ws.set_user_role(alice.id, Role.VIEWER).role is Role.VIEWER
        found = store.find_key(b"a")
        assert found is not None and found[0].role is Role.VIEWER
        changes = [(e.object_id, e.detail) for e in ws.list_audit() if e.action == "user.set_role"]
        assert changes == [
            (alice.id, {"before": "admin", "after": "viewer"}),
            (alice.id, {"before": "member", "after": "admin"}),
        ]

    def test_admins_who_demote_each_other_do_not_both_succeed(self, store: Store, ws: WorkspaceStore) -> None:
        """Of all admins who demote their neighbour at the same moment, one stays admin."""
        admins = [ws, *(as_user(store, ws, name, Role.ADMIN) for name in ("a", "b", "c"))]

        def demote_next(i: int) -> None:
            admins[i].set_user_role(admins[(i + 1) % 4].actor.user_id, Role.MEMBER)

        with ThreadPoolExecutor(4) as pool:
            results = [pool.submit(demote_next, i) for i in range(4)]
        failures = [error for r in results if (error := r.exception()) is not None]
        assert [error.code for error in failures if isinstance(error, errors.Conflict)] == ["last_admin"]
        assert [u.role for u in ws.list_users()].count(Role.ADMIN) == 1

    def test_a_key_is_made_with_the_lower_of_two_roles(self, store: Store, ws: WorkspaceStore) -> None:
        """Its user's, and that of the key it is made with."""
        actor = replace(ws.actor, role=Role.MEMBER)
        limited = store.workspace(actor.workspace_id, actor)
        assert limited.create_key("k", digest=b"k", hint="nv_k").role is Role.MEMBER
        with pytest.raises(errors.InvalidInput, match="at most member"):
            limited.create_key("l", digest=b"l", hint="nv_l", role=Role.ADMIN)

    def test_status_counts_what_is_visible(self, store: Store, ws: WorkspaceStore, clock: Clock) -> None:
        """Deleted objects, other workspaces and public functions do not count."""
        make_world(open_workspace(store, "other"))
        world = make_world(ws)
        ws.record_evaluation(new_evaluation(world, [1, 0, 1, 1]))
        ws.delete_item(world.dataset.id, "f")
        now = ws.status()
        assert (now.workspace_name, now.key, now.n_datasets, now.n_items) == ("default", None, 1, 5)
        assert (now.n_slices, now.n_models, now.n_functions, now.n_tests) == (1, 1, 1, 1)
        assert (now.n_evaluations, now.n_jobs, now.n_uploads_staging) == (1, 0, 0)
        ws.begin_upload(make_plan(world), FIRST_PART)
        assert ws.status().n_uploads_staging == 1
        clock.now += timedelta(days=2)
        assert ws.status().n_uploads_staging == 0
        ws.delete_dataset(world.dataset.id)
        now = ws.status()
        assert (now.n_datasets, now.n_items, now.n_slices, now.n_tests, now.n_evaluations) == (0, 0, 0, 0, 0)
        assert (now.n_models, now.n_functions, now.n_jobs) == (1, 1, 1)

    def test_login_link_works_once_and_in_time(self, store: Store, ws: WorkspaceStore, clock: Clock) -> None:
        """A second use and a late one get nothing."""
        store.add_login_link(b"one", ws.actor.user_id, clock.now + timedelta(minutes=15))
        store.add_login_link(b"two", ws.actor.user_id, clock.now + timedelta(minutes=15))
        actor = store.redeem_login_link(b"one")
        assert actor is not None and actor.user_name == "admin"
        assert store.redeem_login_link(b"one") is None
        clock.now += timedelta(minutes=16)
        assert store.redeem_login_link(b"two") is None
        assert store.redeem_login_link(b"three") is None

    def test_bootstrap_is_idempotent(self, store: Store, ws: WorkspaceStore) -> None:
        """Starting again with the same key makes neither a user nor a key."""
        workspace = store.find_workspace("default")
        assert workspace is not None
        before = dump(store)
        actor = store.ensure_admin(workspace, "admin", key_digest=b"default", hint="nv_", key_name="first")
        assert actor == ws.actor and dump(store) == before
