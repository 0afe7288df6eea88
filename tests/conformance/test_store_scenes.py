"""What the services rely on about scenes, slices of them, and lists of members, on both databases."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from nucleus_server import errors
from nucleus_server.domain import JobType, Level, NewItem, ObjectOwner, Population, SliceMember
from nucleus_server.storage import Store, WorkspaceStore
from tests.conformance.object_actions import box, member_results, new_scene, scene_dataset, scene_test
from tests.support.stores import Clock, open_workspace


@pytest.fixture
def store(database_url: str) -> Iterator[Store]:
    opened = Store(database_url, clock=Clock())
    opened.upgrade()
    yield opened
    opened.close()


@pytest.fixture
def ws(store: Store) -> WorkspaceStore:
    return open_workspace(store, "main")


def test_many_scenes_in_one_call(ws: WorkspaceStore) -> None:
    """Their order, frames and metadata columns; one that is sent twice is ignored, or updated, as if sent later."""
    dataset = ws.create_dataset("scenes", is_scene=True)
    scenes = [new_scene(name, metadata={"n": i}) for i, name in enumerate("bac")]
    counts, job = ws.append_scenes(dataset.id, [*scenes, new_scene("a", metadata={"n": 9})], update=True)
    assert (counts.new_scenes, counts.updated_scenes, counts.errors, job) == (3, 1, (), None)
    assert [(s.reference_id, s.metadata) for s in ws.list_scenes(dataset.id)] == [
        ("b", {"n": 0}),
        ("a", {"n": 9}),
        ("c", {"n": 2}),
    ]
    assert ws.reference_ids(dataset.key).to_list() == [f"{s}-{i}" for s in "bac" for i in range(2)]
    assert ws.metadata_column(dataset.key, "n").to_list() == [0, 1] * 3
    assert ws.scene_ordinals(dataset.key).tolist() == [0, 0, 1, 1, 2, 2]
    assert [p.frame for p in ws.scene_items(ws.get_scene(dataset.id, "c"))] == [0, 1]


def test_a_scene_that_cannot_be_stored_leaves_nothing(ws: WorkspaceStore) -> None:
    """Not its tracks either; the others of the call are there, and the job says which was not."""
    dataset = scene_dataset(ws)
    counts, job = ws.append_scenes(
        dataset.id,
        [new_scene("s", n_frames=3), new_scene("t")],
        update=True,
        job_type=JobType.UPLOAD_VIDEO_SCENE,
    )
    assert (counts.new_scenes, counts.updated_scenes) == (1, 0) and "other frames" in counts.errors[0]
    assert job is not None and job.errors == counts.errors and job.completed_steps == job.total_steps == 2
    assert ws.get_dataset(dataset.id).n_items == 4


def test_deleting_a_scene(ws: WorkspaceStore) -> None:
    """Its items become tombstones that still know their scene; its reference id may be used again."""
    dataset = scene_dataset(ws)
    ws.delete_scene(dataset.id, "s")
    assert ws.reference_ids(dataset.key).null_count() == 2 and ws.scene_ordinals(dataset.key).tolist() == [0, 0]
    assert ws.reference_ids(Population(dataset.key, Level.SCENE)).to_list() == [None]
    assert ws.deleted_reference_ids(Population(dataset.key, Level.SCENE)) == {"s"}
    ws.append_scenes(dataset.id, [new_scene("s")], update=False)
    assert ws.scene_ordinals(dataset.key).tolist() == [0, 0, 1, 1]


def test_merged_metadata(ws: WorkspaceStore) -> None:
    """Of 1,200 items in one call, in rows and columns."""
    dataset = ws.create_dataset("scenes", is_scene=True)
    ws.append_scenes(dataset.id, [new_scene("s", n_frames=1200)], update=False)
    n, unknown, job = ws.merge_metadata(
        dataset.id,
        {**{f"s-{i}": {"k": i} for i in range(1200)}, "nobody": {}},
        owner=ObjectOwner.ITEM,
        as_job=True,
    )
    assert (n, unknown) == (1200, ("nobody",)) and job is not None and len(job.errors) == 1
    assert ws.metadata_column(dataset.key, "k").to_list() == list(range(1200))
    assert ws.get_item_by_reference(dataset.id, "s-7").metadata == {"n": 7, "k": 7}


def test_slices_of_scenes(ws: WorkspaceStore) -> None:
    """Members are scenes; what they stand for are the items of these scenes, in their order."""
    dataset = ws.create_dataset("scenes", is_scene=True)
    ws.append_scenes(dataset.id, [new_scene(name) for name in "abc"], update=False)
    part = ws.create_slice(dataset.id, "s", reference_ids=["c", "a", "c"])
    assert part.member is SliceMember.SCENE and ws.slice_ordinals(part.key).tolist() == [2, 0]
    assert ws.slice_item_ordinals(part).tolist() == [4, 5, 0, 1] and ws.slice_items(part.id) == []
    assert ws.append_to_slice(part.id, ["b", "a"]) == 1
    ws.delete_scene(dataset.id, "a")
    assert [scene.reference_id for scene in ws.slice_scenes(part.id)] == ["c", "b"]
    with pytest.raises(errors.InvalidInput, match="reference ids of scenes"):
        ws.append_to_slice(part.id, ["c-0"])
    items = ws.create_slice(dataset.id, "i", reference_ids=["c-1", "b-0", "c-0"])
    assert items.member is SliceMember.ITEM and ws.resolve_members(items, Level.SCENE).tolist() == [2, 1]
    kept = ws.create_slice(dataset.id, "k", ordinals=np.array([1, 0, 2]), member=SliceMember.SCENE)
    assert ws.slice_ordinals(kept.key).tolist() == [1, 2]


def test_lists_of_members(ws: WorkspaceStore) -> None:
    """Equal ones are stored once; the same scores over them are a replay, over a longer list they are not."""
    dataset = ws.create_dataset("scenes", is_scene=True)
    ws.append_scenes(dataset.id, [new_scene(name) for name in "abc"], update=False)
    made = scene_test(ws, dataset, Level.SCENE)
    first, is_replay = ws.record_evaluation(member_results(*made, [0, 1], [0.5, 1.0]))
    assert not is_replay and first.member_list_key is not None
    again, is_replay = ws.record_evaluation(member_results(*made, [0, 1], [0.5, 1.0]))
    assert is_replay and again.id == first.id
    other, _ = ws.record_evaluation(member_results(*made, [0, 1], [0.0, 1.0]))
    assert other.member_list_key == first.member_list_key
    longer, is_replay = ws.record_evaluation(member_results(*made, [0, 1, 2], [0.5, 1.0, 1.0]))
    assert not is_replay and longer.member_list_key != first.member_list_key
    assert ws.member_ordinals(longer).tolist() == [0, 1, 2] and ws.member_ordinals(longer, 2).tolist() == [0, 1]
    with pytest.raises(errors.Busy) as refusal:
        ws.record_evaluation(member_results(*made, [1, 2], [0.5, 1.0]))
    assert refusal.value.code == "members_changed"
    members = ws.items_at(Population(dataset.key, Level.SCENE), ws.member_ordinals(longer))
    assert [(m.reference_id, m.location) for m in members] == [
        (name, f"https://example.com/{name}-0.jpg") for name in "abc"
    ]


def test_tracks_of_a_slice(ws: WorkspaceStore) -> None:
    """Those on its items and scenes, in the order of their making; new ones stand behind those of an earlier list."""
    dataset = ws.create_dataset("scenes", is_scene=True)
    ws.append_scenes(dataset.id, [new_scene("a"), new_scene("b")], update=False)  # with the track `track`
    test, function, model = scene_test(ws, dataset, Level.TRACK)
    part = ws.get_slice(test.slice_id)
    assert ws.resolve_members(part, Level.TRACK).tolist() == []
    ws.annotate(dataset.id, [box("a-0", track_reference_id="u"), box("b-1", track_reference_id="v")], update=False)
    assert ws.resolve_members(part, Level.TRACK).tolist() == [1, 2]
    ws.record_evaluation(member_results(test, function, model, [1, 2], [0.5, 1.0]))
    ws.annotate(dataset.id, [box("a-1", "b2", track_reference_id="track")], update=False)
    assert ws.resolve_members(part, Level.TRACK).tolist() == [1, 2, 0]
    ws.delete_tracks(dataset.id, ["u"])
    assert ws.resolve_members(part, Level.TRACK).tolist() == [1, 2, 0]
    assert [track.reference_id for track in ws.tracks_at(dataset.id, np.array([1, 2, 0]))] == ["v", "track"]
    assert [track.reference_id for track in ws.tracks_of_scene(ws.get_scene(dataset.id, "b"))] == ["v"]


def test_scores_of_an_item_are_not_those_of_a_scene(ws: WorkspaceStore) -> None:
    """A scene at the same place in the dataset is another member."""
    dataset = scene_dataset(ws)
    test, function, model = scene_test(ws, dataset, Level.SCENE)
    ws.record_evaluation(member_results(test, function, model, [0], [0.5]))
    assert ws.list_item_scores(dataset.id, "s-0") == []
    with pytest.raises(errors.InvalidInput, match="holds scenes"):
        ws.append_items(dataset.id, [NewItem("x", {"a": 1})], update=False)
