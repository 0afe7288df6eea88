"""What the services rely on about annotations, predictions and slices of them, on both databases."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from nucleus_server import errors
from nucleus_server.domain import (
    Box,
    BoxGeometry,
    Category,
    JobStatus,
    ObjectCounts,
    Taxonomy,
)
from nucleus_server.services import object_uploads
from nucleus_server.services.comparing import compare_evaluations
from nucleus_server.services.media import MediaStore
from nucleus_server.services.sampling import sampled_members
from nucleus_server.storage import LeaseLost, Store, WorkspaceStore
from tests.conformance.object_actions import box, mask, scene_dataset
from tests.conformance.store_actions import LATER, make_world, new_evaluation
from tests.support.stores import Clock, open_workspace


@pytest.fixture
def store(database_url: str) -> Iterator[Store]:
    opened = Store(database_url, clock=Clock())
    opened.upgrade()
    yield opened
    opened.close()


@pytest.fixture
def ws(store: Store) -> WorkspaceStore:
    return open_workspace(store, "default")


def on(ws: WorkspaceStore, dataset_id: str, reference_id: str) -> list[object]:
    """The annotations of an item."""
    item = ws.get_item_by_reference(dataset_id, reference_id)
    return [stored.value for stored in ws.annotations_of(item.dataset_key, [item.ordinal])[item.ordinal]]


class TestAnnotations:
    """Identity, order, ids, labels, revisions."""

    def test_replaced_keeps_its_id_and_place(self, ws: WorkspaceStore) -> None:
        """Also beside objects that are not touched."""
        ds = make_world(ws).dataset.id
        ws.annotate(ds, [box("a", "1"), box("a", "2"), box("a", "3")], update=False)
        before = ws.annotations_of(ws.get_dataset(ds).key, [0])[0]
        counts = ws.annotate(ds, [box("a", "2", label="bus"), box("a", "4")], update=True)
        after = ws.annotations_of(ws.get_dataset(ds).key, [0])[0]
        assert counts == ObjectCounts(2, 0)
        assert [s.id for s in after[:3]] == [s.id for s in before]
        assert [(s.value.annotation_id, s.value.label) for s in after] == [  # type: ignore[union-attr]
            ("1", "car"), ("2", "bus"), ("3", "car"), ("4", "car")
        ]  # fmt: skip

    def test_task_is_a_part_of_an_annotations_identity_but_not_of_a_predictions(self, ws: WorkspaceStore) -> None:
        """As clients know it."""
        world = make_world(ws)
        objects = [box("a", task_id="t1"), box("a", task_id="t2")]
        assert ws.annotate(world.dataset.id, objects, update=False).n_processed == 2
        _, counts = ws.upload_predictions(objects, update=False, dataset_id=world.dataset.id, model_id=world.model.id)
        assert (counts.n_processed, counts.n_ignored) == (1, 1)

    def test_ids_are_never_given_again(self, ws: WorkspaceStore) -> None:
        """Neither after all annotations were deleted, nor to an object of another kind."""
        ds = make_world(ws).dataset.id
        key = ws.get_dataset(ds).key
        given = set()
        for _ in range(3):
            ws.annotate(ds, [box("a", "1"), box("a", "2")], update=False)
            new = {s.id for s in ws.annotations_of(key, [0])[0]}
            assert not new & given
            given |= new
            ws.delete_annotations(ds, ["a"])
            assert ws.annotations_of(key, [0])[0] == []

    def test_labels_are_those_that_stand_somewhere(self, ws: WorkspaceStore) -> None:
        """After replacements and deletions of annotations and items."""
        ds = make_world(ws).dataset.id
        ws.annotate(ds, [box("a"), box("b"), mask("c")], update=False)
        assert ws.annotation_labels(ds) == ["car", "road"]
        ws.annotate(ds, [box("a", label="bus")], update=True)
        assert ws.annotation_labels(ds) == ["bus", "car", "road"]
        ws.delete_item(ds, "b")
        ws.delete_annotations(ds, ["c"])
        assert ws.annotation_labels(ds) == ["bus"]

    def test_taxonomies_bind_categories(self, ws: WorkspaceStore) -> None:
        """A label that the taxonomy does not have is named; the others are stored."""
        ds = make_world(ws).dataset.id
        ws.put_taxonomy(ds, Taxonomy("weather", "category", ("sun",)), update=False)
        sent = [Category(reference_id=ref, label=label, taxonomy_name="weather") for ref, label in
                (("a", "sun"), ("b", "snow"))]  # fmt: skip
        counts = ws.annotate(ds, sent, update=False)
        assert counts.n_processed == 1 and "label snow does not exist" in counts.errors[0]
        assert len(on(ws, ds, "a")) == 1 and not on(ws, ds, "b")

    def test_writers_at_once_lose_nothing(self, store: Store, ws: WorkspaceStore) -> None:
        """Ten of them on one item: every object is there, and every label counted."""
        ds = make_world(ws).dataset.id
        failures: list[BaseException] = []

        def write(number: int) -> None:
            try:
                own = store.workspace(ws.actor.workspace_id, ws.actor)
                for i in range(5):
                    own.annotate(ds, [box("a", f"{number}-{i}", label=f"l{number}")], update=True)
            except BaseException as error:
                failures.append(error)

        threads = [threading.Thread(target=write, args=(number,)) for number in range(10)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not failures
        stored = ws.annotations_of(ws.get_dataset(ds).key, [0])[0]
        assert len(stored) == len({s.id for s in stored}) == 50
        assert ws.annotation_labels(ds) == [f"l{number}" for number in range(10)]
        assert ws.get_dataset(ds).annotation_revision == 50

    def test_deleted_tracks_free_their_objects(self, ws: WorkspaceStore) -> None:
        """The annotations stay."""
        ds = scene_dataset(ws).id
        assert [track.reference_id for track in ws.list_tracks(ds)] == ["track"]
        assert ws.delete_tracks(ds, ["track"]) == 1
        assert ws.list_tracks(ds) == []
        assert on(ws, ds, "s-0") == [box("s-0")]


class TestRevisions:
    """What an evaluation saw of the ground truth."""

    def test_comparison_says_on_how_many_items_the_ground_truth_changed(self, ws: WorkspaceStore) -> None:
        """Of those that were evaluated, for each of the two sides; equal scores on other annotations are no replay."""
        world = make_world(ws)
        other = ws.create_model("other", "other")
        ws.annotate(world.dataset.id, [box("a")], update=False)
        new = new_evaluation(world, [1, 0, 1, 1])
        first, _ = ws.record_evaluation(new)
        ws.annotate(world.dataset.id, [box("a", label="bus"), box("b"), box("e")], update=True)  # e is no member
        second, _ = ws.record_evaluation(replace(new, id="ev_second", model_id=other.id))
        assert (first.annotation_revision, second.annotation_revision) == (1, 2)
        warnings = compare_evaluations(ws, first.id, second.id, wait_s=10).warnings
        assert any("the ground truth of 2 items changed after the baseline was evaluated" in w for w in warnings)
        assert not any("after the candidate" in w for w in warnings)
        again, is_replay = ws.record_evaluation(replace(new, id="ev_again"))
        assert not is_replay and again.annotation_revision == 2
        assert ws.record_evaluation(replace(new, id="ev_third"))[1]


class TestJobs:
    """Uploads of objects that are killed go on, and count nothing twice."""

    @pytest.fixture
    def media(self, tmp_path: Path) -> MediaStore:
        return MediaStore(tmp_path / "media")

    def test_killed_upload_goes_on_behind_its_last_batch(
        self, store: Store, ws: WorkspaceStore, media: MediaStore, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Another process takes the job over; the first one can write nothing more."""
        monkeypatch.setattr(object_uploads, "_BATCH", 10)
        ds = make_world(ws).dataset.id
        lines = [json.dumps({"type": "box", "label": "car", "reference_id": "a", "annotation_id": str(i),
                             "geometry": {"x": i, "y": 0, "width": 1, "height": 1}}) for i in range(35)]  # fmt: skip
        stored = media.put(ws.actor.workspace_id, ["\n".join(lines).encode() + b"\n"])
        ws.put_signed_upload(ds, "request", stored.digest, stored.size_bytes, LATER)
        killed = KilledStore(ws, after=2)
        with pytest.raises(KeyboardInterrupt):
            object_uploads.upload_payload(
                store,
                killed,
                media,
                dataset_id=ds,
                request_id="request",
                update=False,  # type: ignore[arg-type]
            )
        assert len(on(ws, ds, "a")) == 20
        again = object_uploads.upload_payload(store, ws, media, dataset_id=ds, request_id="request", update=False)
        assert again.status is not JobStatus.COMPLETED  # its lease is the killed one's still
        taken = store.jobs.lease(lease_s=60)
        while taken is not None and taken.id != again.id:
            store.jobs.finish(taken, {})
            taken = store.jobs.lease(lease_s=60)
        if taken is None:  # the dead process's lease ends
            with store.database.write() as connection:
                connection.exec_driver_sql("UPDATE jobs SET leased_until = 0 WHERE finished_at IS NULL")
            taken = store.jobs.lease(lease_s=60)
        assert taken is not None
        object_uploads.store_payload(ws, store, media, taken)
        job = ws.get_job(again.id)
        assert job.status is JobStatus.COMPLETED
        assert job.message["annotation_upload"] == {
            "total": 35, "processed": 35, "ignored": 0, "errored": 0, "datasetId": ds
        }  # fmt: skip
        assert [o.annotation_id for o in on(ws, ds, "a")] == [str(i) for i in range(35)]  # type: ignore[attr-defined]
        with pytest.raises(LeaseLost):
            killed.last_step_again()

    def test_repeated_request_is_the_same_job(self, store: Store, ws: WorkspaceStore, media: MediaStore) -> None:
        """Whatever was annotated since."""
        ds = make_world(ws).dataset.id
        line = b'{"type":"category","label":"sun","reference_id":"a","geometry":{}}\n'
        stored = media.put(ws.actor.workspace_id, [line])
        ws.put_signed_upload(ds, "request", stored.digest, stored.size_bytes, LATER)
        jobs = [
            object_uploads.upload_payload(store, ws, media, dataset_id=ds, request_id="request", update=True)
            for _ in range(2)
        ]
        assert jobs[0] == jobs[1] and ws.get_dataset(ds).annotation_revision == 1


class KilledStore:
    """A workspace's store in a process that dies after so many batches."""

    def __init__(self, ws: WorkspaceStore, after: int) -> None:
        self._ws, self._left, self._last = ws, after, ()

    def __getattr__(self, name: str) -> object:
        return getattr(self._ws, name)

    def annotate(self, *arguments: object, **options: object) -> object:
        if self._left == 0:
            raise KeyboardInterrupt
        self._left -= 1
        self._last = (arguments, options)  # type: ignore[assignment]
        return self._ws.annotate(*arguments, **options)  # type: ignore[arg-type]

    def last_step_again(self) -> None:
        arguments, options = self._last  # type: ignore[misc]
        self._ws.annotate(*arguments, **options)


class TestPredictions:
    """Runs of a model."""

    def test_merged_runs_keep_the_later_runs_objects(self, ws: WorkspaceStore) -> None:
        """Where both have the same one."""
        world = make_world(ws)
        ds, prj = world.dataset.id, world.model.id
        runs = [ws.create_model_run(prj, name, dataset_id=ds).id for name in ("first", "second")]
        ws.upload_predictions([box("a", "1"), box("a", "2")], update=False, dataset_id=ds, run_id=runs[0])
        ws.upload_predictions([box("a", "2", label="bus")], update=False, dataset_id=ds, run_id=runs[1])
        merged, job = ws.merge_model_runs(runs, None, None)
        found = ws.predictions_by_reference(merged, "a")
        assert [(s.value.annotation_id, s.value.label) for s in found] == [("1", "car"), ("2", "bus")]  # type: ignore[union-attr]
        assert job.status is JobStatus.COMPLETED and merged.dataset_ids == (ds,)
        with pytest.raises(errors.InvalidInput):
            ws.merge_model_runs(runs[:1], None, None)

    def test_run_free_predictions_find_their_items_in_any_dataset(self, ws: WorkspaceStore) -> None:
        """By our id of the item; the model's runs do not list them."""
        world, second = make_world(ws), make_world(ws, "second")
        ids = [ws.get_item_by_reference(w.dataset.id, "a").id for w in (world, second)]
        sent = [
            Box(item_id=i, label="car", geometry=BoxGeometry(0, 0, 1, 1), annotation_id="x") for i in (*ids, "di_no")
        ]
        run, counts = ws.upload_predictions(sent, update=True, model_id=world.model.id)
        assert (counts.n_processed, counts.errors) == (2, ("Item with id di_no does not exist.",))
        assert set(run.dataset_ids) == {world.dataset.id, second.dataset.id}
        assert ws.list_model_runs(model_id=world.model.id) == []
        assert len(list(ws.iter_predictions(run))) == 2

    def test_deleted_run_leaves_nothing_to_read(self, ws: WorkspaceStore) -> None:
        """Neither itself nor its predictions."""
        world = make_world(ws)
        run, _ = ws.upload_predictions([box("a")], update=False, dataset_id=world.dataset.id, model_id=world.model.id)
        ws.delete_model_run(run.id)
        with pytest.raises(errors.NotFound):
            ws.get_model_run(run.id)
        assert ws.find_model_run(world.model.id, world.dataset.id) is None


class TestSlicesOfObjects:
    """Members are annotations and predictions."""

    def test_members_come_back_in_order(self, ws: WorkspaceStore) -> None:
        """Of both sorts, without those that were deleted since."""
        world = make_world(ws)
        ds = world.dataset.id
        ws.annotate(ds, [box("a", "1"), box("b", "2")], update=False)
        run, _ = ws.upload_predictions([box("a", "p")], update=False, dataset_id=ds, model_id=world.model.id)
        annotated = ws.annotations_of(world.dataset.key, [0, 1])
        ids = [annotated[1][0].id, ws.predictions_by_reference(run, "a")[0].id, annotated[0][0].id]
        part = ws.create_object_slice(ds, "objects", [*ids, ids[0]])
        assert [s.id for s in ws.slice_objects(part)] == ids
        assert [s.id for s in ws.slice_objects(part, start=1, limit=1)] == ids[1:2]
        ws.delete_annotations(ds, ["a"])
        assert [s.id for s in ws.slice_objects(part)] == ids[:2]
        with pytest.raises(errors.InvalidInput, match="annotations and predictions"):
            ws.create_scenario_test("test", part.id, [(world.function.id, {})])

    def test_unknown_members_are_refused_whole(self, ws: WorkspaceStore) -> None:
        """Ids of no form, of other datasets, of objects that are gone."""
        world, other = make_world(ws), make_world(ws, "other")
        ws.annotate(other.dataset.id, [box("a")], update=False)
        foreign = ws.annotations_of(other.dataset.key, [0])[0][0].id
        for bad in ("no id", foreign, "ann_" + "z" * 20, "pred_" + "0" * 20):
            with pytest.raises(errors.InvalidInput) as caught:
                ws.create_object_slice(world.dataset.id, "objects", [bad])
            assert caught.value.code == "unknown_object_ids"

    def test_sample_is_drawn_once_for_ever(self, ws: WorkspaceStore) -> None:
        """Live items without repeats; the same request draws the same."""
        world = make_world(ws)
        ws.delete_item(world.dataset.id, "a")
        drawn = sampled_members(ws, world.dataset.id, "name", 3)
        assert len(set(drawn.tolist())) == 3 and 0 not in drawn
        np.testing.assert_array_equal(drawn, sampled_members(ws, world.dataset.id, "name", 3))
        assert len(sampled_members(ws, world.dataset.id, "name", 100)) == 5
        assert set(sampled_members(ws, world.dataset.id, "n", 9, slice_id=world.slice.id).tolist()) == {1, 2, 3}
