"""The writing methods for annotations, predictions, scenes and tracks, as actions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from nucleus_server.domain import (
    Box,
    BoxGeometry,
    Category,
    Dataset,
    Direction,
    EvalFunction,
    JobType,
    Level,
    Mask,
    Model,
    NewItem,
    NewScene,
    NewTrack,
    ObjectOwner,
    ScenarioTest,
    SceneFrameItem,
    SceneKind,
    Segment,
    Taxonomy,
)
from nucleus_server.storage import NewEvaluation, WorkspaceStore
from tests.conformance.store_actions import LATER, Action, make_world

Call = Callable[[WorkspaceStore], object]


def box(reference_id: str, annotation_id: str | None = "b1", **fields: Any) -> Box:
    """A box of 3 x 4 pixels on an item."""
    label = fields.pop("label", "car")
    return Box(
        reference_id=reference_id,
        label=label,
        annotation_id=annotation_id,
        geometry=BoxGeometry(1, 2.5, 3, 4),
        **fields,
    )


def mask(reference_id: str) -> Mask:
    """A mask of one segment on an item."""
    return Mask(reference_id=reference_id, mask_url="/tmp/m.png", annotations=[Segment(label="road", index=1)])


def new_scene(reference_id: str, *, n_frames: int = 2, metadata: dict[str, Any] | None = None) -> NewScene:
    """A video of frames that are items, with one track."""
    return NewScene(
        reference_id=reference_id,
        kind=SceneKind.VIDEO,
        metadata=metadata or {},
        items=tuple(
            SceneFrameItem(
                i,
                None,
                NewItem(f"{reference_id}-{i}", {"n": i}, location=f"https://example.com/{reference_id}-{i}.jpg"),
            )
            for i in range(n_frames)
        ),
        frame_rate=10.0,
        tracks=(NewTrack("track", {"a": 1}),),
    )


def scene_dataset(ws: WorkspaceStore) -> Dataset:
    """A dataset of one scene of two frames, annotated with a track."""
    dataset = ws.create_dataset("scenes", is_scene=True)
    ws.append_scenes(dataset.id, [new_scene("s")], update=False)
    ws.annotate(dataset.id, [box("s-0", track_reference_id="track")], update=False)
    return dataset


def _annotated(call: Callable[[WorkspaceStore, str], object]) -> Action:
    """A call with the id of a dataset that has annotations."""

    def prepare(ws: WorkspaceStore) -> Call:
        world = make_world(ws)
        ws.add_media("1" * 64, 10, "image/png")
        ws.annotate(world.dataset.id, [box("a"), mask("a")], update=False, mask_digests=["1" * 64])
        ws.put_taxonomy(world.dataset.id, Taxonomy("weather", "category", ("sun",)), update=False)
        return lambda w: call(w, world.dataset.id)

    return prepare


def _predicted(call: Callable[[WorkspaceStore, str, str, str], object]) -> Action:
    """A call with the ids of a dataset, a model and a run with predictions."""

    def prepare(ws: WorkspaceStore) -> Call:
        world = make_world(ws)
        run, _ = ws.upload_predictions(
            [box("a", confidence=0.5), Category(reference_id="b", label="sun")],
            update=False,
            dataset_id=world.dataset.id,
            model_id=world.model.id,
        )
        return lambda w: call(w, world.dataset.id, world.model.id, run.id)

    return prepare


def _second_run(ws: WorkspaceStore) -> Call:
    world = make_world(ws)
    runs = [ws.create_model_run(world.model.id, name, dataset_id=world.dataset.id).id for name in "ab"]
    for run_id in runs:
        ws.upload_predictions([box("a", run_id)], update=False, dataset_id=world.dataset.id, run_id=run_id)
    return lambda w: w.merge_model_runs(runs, None, {"a": 1})


def _signed(ws: WorkspaceStore) -> Call:
    world = make_world(ws)
    ws.put_signed_upload(world.dataset.id, "request", "0" * 64, 10, LATER)
    return lambda w: w.begin_object_upload(world.dataset.id, "request", JobType.UPLOAD_ANNOTATIONS, 3, update=True)


def _run_free(ws: WorkspaceStore) -> Call:
    world = make_world(ws)
    item = ws.get_item_by_reference(world.dataset.id, "a")
    return lambda w: w.upload_predictions(
        [
            Box(item_id=item.id, label="car", geometry=BoxGeometry(0, 0, 1, 1)),
            Box(dataset_id=world.dataset.id, reference_id="b", label="car", geometry=BoxGeometry(0, 0, 1, 1)),
        ],
        update=True,
        model_id=world.model.id,
    )


def _in_scenes(call: Callable[[WorkspaceStore, str], object]) -> Action:
    def prepare(ws: WorkspaceStore) -> Call:
        dataset = scene_dataset(ws)
        return lambda w: call(w, dataset.id)

    return prepare


def scene_test(ws: WorkspaceStore, dataset: Dataset, level: Level) -> tuple[ScenarioTest, EvalFunction, Model]:
    """A test of all scenes of the dataset by one function of this level, and a model."""
    references = [scene.reference_id for scene in ws.list_scenes(dataset.id)]
    part = ws.create_slice(dataset.id, "all", reference_ids=references)
    function = ws.create_eval_function(
        f"of-{level.value}", level=level, direction=Direction.HIGHER_IS_BETTER, score_min=0.0, score_max=1.0
    )
    test = ws.create_scenario_test(f"of-{level.value}", part.id, [(function.id, {})])
    return test, function, ws.create_model("detector", "detector")


def member_results(
    test: ScenarioTest, function: EvalFunction, model: Model, members: list[int], scores: list[float]
) -> NewEvaluation:
    """Checked results for these scenes or tracks."""
    return NewEvaluation(
        test_id=test.id,
        function_id=function.id,
        model_id=model.id,
        level=function.level,
        n_members=len(members),
        n_deleted=0,
        n_scored=len(scores),
        result=sum(scores) / len(scores),
        weight_sum=float(len(scores)),
        scores=np.array(scores),
        weights=None,
        members=np.array(members, dtype=np.int64),
    )


def _record_of_scenes(ws: WorkspaceStore) -> Call:
    made = scene_test(ws, scene_dataset(ws), Level.SCENE)
    return lambda w: w.record_evaluation(member_results(*made, [0], [0.5]))


OBJECT_ACTIONS: dict[str, Action] = {
    "annotate": _annotated(
        lambda w, ds: w.annotate(
            ds, [box("a"), box("b", None, track_reference_id="t"), mask("a")], update=True, mask_digests=["2" * 64]
        )
    ),
    "begin_object_upload": _signed,
    "delete_annotations": _annotated(lambda w, ds: w.delete_annotations(ds, ["a"])),
    "put_taxonomy": _annotated(
        lambda w, ds: w.put_taxonomy(ds, Taxonomy("weather", "category", ("rain",)), update=True)
    ),
    "put_taxonomy new": _annotated(
        lambda w, ds: w.put_taxonomy(ds, Taxonomy("light", "category", ("day",)), update=False)
    ),
    "delete_taxonomy": _annotated(lambda w, ds: w.delete_taxonomy(ds, "weather")),
    "change_dataset_tags": _annotated(lambda w, ds: w.change_dataset_tags(ds, add=["t"], remove=["u"])),
    "delete_item annotated": _annotated(lambda w, ds: w.delete_item(ds, "a")),
    "merge_metadata": _annotated(lambda w, ds: w.merge_metadata(ds, {"a": {"k": 1}}, owner=ObjectOwner.ITEM)),
    "append_scenes": _in_scenes(
        lambda w, ds: w.append_scenes(ds, [new_scene("s", metadata={"a": 1}), new_scene("t")], update=True)
    ),
    "append_scenes as a job": _in_scenes(
        lambda w, ds: w.append_scenes(
            ds, [new_scene("s"), new_scene("t")], update=False, job_type=JobType.UPLOAD_VIDEO_SCENE
        )
    ),
    "create_slice of scenes": _in_scenes(lambda w, ds: w.create_slice(ds, "new", reference_ids=["s"])),
    "record_evaluation of scenes": _record_of_scenes,
    "merge_metadata as a job": _in_scenes(
        lambda w, ds: w.merge_metadata(ds, {"s": {"k": 1}}, owner=ObjectOwner.SCENE, as_job=True)
    ),
    "delete_scene": _in_scenes(lambda w, ds: w.delete_scene(ds, "s")),
    "merge_metadata of scenes": _in_scenes(
        lambda w, ds: w.merge_metadata(ds, {"s": {"k": 1}}, owner=ObjectOwner.SCENE)
    ),
    "update_track": _in_scenes(lambda w, ds: w.update_track(ds, "track", {"b": 2}, overwrite=False)),
    "delete_tracks": _in_scenes(lambda w, ds: w.delete_tracks(ds, ["track", "unknown"])),
    "create_model_run": _predicted(lambda w, ds, prj, run: w.create_model_run(prj, "new", dataset_id=ds)),
    "upload_predictions": _predicted(
        lambda w, ds, prj, run: w.upload_predictions([box("c")], update=False, dataset_id=ds, model_id=prj)
    ),
    "upload_predictions first": lambda ws: (
        lambda world: (
            lambda w: w.upload_predictions(
                [box("c", track_reference_id="t")], update=False, dataset_id=world.dataset.id, model_id=world.model.id
            )
        )
    )(make_world(ws)),
    "upload_predictions without a run": _run_free,
    "change_model": _predicted(
        lambda w, ds, prj, run: w.change_model(prj, add_tags=["new"], remove_tags=["old"], remove_slices=["slc"])
    ),
    "create_object_slice": _annotated(
        lambda w, ds: w.create_object_slice(ds, "new", [o.id for o in w.annotations_of(w.get_dataset(ds).key, [0])[0]])
    ),
    "change_slice_tags": lambda ws: (lambda world: lambda w: w.change_slice_tags(world.slice.id, add=["t"]))(
        make_world(ws)
    ),
    "commit_model_run": _predicted(lambda w, ds, prj, run: w.commit_model_run(run, {"class_agnostic": True})),
    "delete_model_run": _predicted(lambda w, ds, prj, run: w.delete_model_run(run)),
    "copy_predictions": _predicted(lambda w, ds, prj, run: w.copy_predictions(run)),
    "merge_model_runs": _second_run,
}
