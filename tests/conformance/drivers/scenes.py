"""Runs in the official client's own virtual environment: scenes, tracks, metadata, slices of scenes, results of both.

Prints one JSON object with what the client handed to its user. Argument: a prefix for names.
"""

import json
import sys
import time
import warnings

import nucleus
import nucleus.async_job
from nucleus import BoxAnnotation, DatasetItem, Frame, LidarScene, VideoScene
from nucleus.validate import EvaluationResult
from nucleus.validate.constants import EntityLevel

warnings.simplefilter("ignore")
prefix = sys.argv[1]
seen = {}
real_sleep = time.sleep
nucleus.async_job.time.sleep = lambda seconds: real_sleep(min(seconds, 0.05))

CAMERA = {
    "position": {"x": 1, "y": 2.5, "z": 3},
    "heading": {"x": 0, "y": 0, "z": 0, "w": 1},
    "fx": 1,
    "fy": 2,
    "cx": 3,
    "cy": 4.5,
}


def wait(job):
    job.sleep_until_complete(verbose_std_out=False)
    status = job.status()
    return [
        status["job_type"],
        status["status"],
        status["job_progress"],
        status["completed_steps"] == status["total_steps"],
        job.errors(),
    ]


def refused(call):
    try:
        call()
    except nucleus.NucleusAPIError as error:
        return [error.status_code, error.message.partition("The detailed error is:\n")[2]]
    return None


def append(dataset, scenes, **more):
    return dataset.append(scenes, asynchronous=True, **more)


client = nucleus.NucleusClient()

# Lidar: frames of sensors, in order, with camera parameters in the metadata.
lidar = client.create_dataset(prefix + "lidar", is_scene=True)


def lidar_scene(name, n, **metadata):
    frames = [
        Frame(
            lidar=DatasetItem(
                pointcloud_location=f"https://example.com/{name}/{i}.json",
                reference_id=f"{name}-c{i}",
                metadata={"i": i},
            ),
            front=DatasetItem(
                f"https://example.com/{name}/{i}.jpg",
                f"{name}-f{i}",
                {"camera_params": CAMERA, "snake_key": {"a": [1, None]}},
            ),
        )
        for i in range(n)
    ]
    return LidarScene(name, frames, metadata)


scenes = [lidar_scene(prefix + "second", 3, day=1), lidar_scene(prefix + "first", 1)]
seen["lidar_append"] = wait(append(lidar, scenes))
again = client.get_dataset(lidar.id)
seen["lidar_listed"] = [[s.reference_id, s.type, s.metadata or {}] for s in again.scenes]
seen["lidar_equal"] = [again.get_scene(s.reference_id) == s for s in scenes]
found = again.get_scene(scenes[0].reference_id)
seen["lidar_frames"] = [[i.reference_id for i in frame.get_items()] for frame in found.get_frames()]
seen["camera"] = found.get_item(1, "front").camera_params is not None
seen["from_item"] = again.get_scene_from_item_ref_id(prefix + "second-f1").reference_id == prefix + "second"
seen["is_scene"] = [again.is_scene, again.size, again.info().length if hasattr(again.info(), "length") else None]
changed = lidar_scene(prefix + "second", 2)
updated = lidar_scene(prefix + "first", 1, new=True)
seen["lidar_update"] = wait(append(again, [changed, updated], update=True))
seen["updated_metadata"] = again.get_scene(prefix + "first").metadata
seen["ignored"] = wait(append(again, [lidar_scene(prefix + "first", 1, other=1)]))

# Videos: by frames and by URL.
video = client.create_dataset(prefix + "video", is_scene=True)


def video_scene(name, n=2):
    return VideoScene(
        name,
        5,
        items=[DatasetItem(f"https://example.com/{name}/{i}.jpg", f"{name}/{i}", {"i": i}) for i in range(n)],
        metadata={"name": name},
    )


videos = [video_scene(prefix + name) for name in "abc"]
by_url = VideoScene(prefix + "url", video_location="https://example.com/v.mp4", metadata={"u": [1]})
seen["video_append"] = wait(append(video, [*videos, by_url]))
seen["video_equal"] = [video.get_scene(s.reference_id) == s for s in [*videos, by_url]]
seen["video_rate"] = repr(video.get_scene(videos[0].reference_id).frame_rate)
seen["video_url"] = video.get_scene(by_url.reference_id).video_location
seen["wrong_dataset"] = refused(
    lambda: client.make_request({"scenes": [], "update": False}, f"{video.id}/upload_scenes")
)

# Metadata: merged, of items and scenes.
a, b, c = [s.reference_id for s in videos]
video.update_scene_metadata({a: {"new": 1}})
seen["scene_metadata"] = video.get_scene(a).metadata
video.update_item_metadata({f"{a}/0": {"i": 7, "j": {"k": 1}}})
seen["item_metadata"] = video.refloc(f"{a}/0")["item"].metadata
seen["async_metadata"] = wait(video.update_scene_metadata({b: {"later": True}}, asynchronous=True))
seen["async_merged"] = video.get_scene(b).metadata

# Tracks come into being from annotations.
boxes = [
    BoxAnnotation("car", 1, 2, 3, 4, reference_id=r, track_reference_id=t)
    for r, t in ((f"{a}/0", "t"), (f"{a}/1", "t"), (f"{b}/0", "t"), (f"{c}/0", "u"))
]
seen["annotate"] = video.annotate(boxes)["annotations_processed"]
seen["tracks"] = [[t.reference_id, t.dataset_id == video.id] for t in video.tracks]
seen["scene_tracks"] = [t.reference_id for t in video.get_scene(c).tracks]
track = video.tracks[0]
track.update(metadata={"a": 1})
track.update(metadata={"b": 2})
seen["track_metadata"] = video.tracks[0].metadata
track.update(metadata={"c": 3}, overwrite_metadata=True)
seen["track_overwritten"] = video.tracks[0].metadata

# Slices of scenes.
part = video.create_slice(prefix + "slice", [b, a])
seen["slice"] = [part.info()["type"], [s.reference_id for s in part.items]]
part.append(reference_ids=[c, a])
seen["slice_grown"] = [s.reference_id for s in part.items]
ids = {s.reference_id: s.id for s in video.scenes}
by_ids = video.create_slice_by_ids(prefix + "by_ids", scene_ids=[ids[c]])
seen["slice_by_ids"] = [s.reference_id for s in by_ids.items]
seen["slice_types"] = sorted(row.name for row in video.get_slices(slice_type="scene"))

# Results of scenes and of tracks.
model = client.create_model(prefix + "model", prefix + "model")
validate = client.validate


def test_of(level):
    name = prefix + level.value
    validate.create_external_eval_function(name, level=level)
    function = validate.eval_functions.external_functions[name]
    return validate.create_scenario_test(name, part.id, [function]), function


scene_test, scene_function = test_of(EntityLevel.SCENE)
seen["scene_members"] = [s.reference_id for s in scene_test.get_items(EntityLevel.SCENE)]
seen["item_members"] = len(scene_test.get_items())
results = [EvaluationResult(scene_ref_id=s, score=v) for s, v in ((a, 0.5), (b, 1.0), (c, 0.0))]
seen["scene_upload"] = scene_test.upload_external_evaluation_results(scene_function, results, model.id)["evaluation"][
    "n_members"
]
history = scene_test.get_eval_history()
seen["scene_history"] = [[e.status.value, e.result] for e in history]
seen["scene_evals"] = sorted([e.dataset_item_id == ids[s], e.result] for e, s in zip(history[0].item_evals, (b, a, c)))
track_test, track_function = test_of(EntityLevel.TRACK)
seen["track_members"] = sorted(t.reference_id for t in track_test.get_items(EntityLevel.TRACK))
results = [EvaluationResult(track_ref_id=t, score=v) for t, v in (("t", 0.25), ("u", 0.75))]
seen["track_upload"] = track_test.upload_external_evaluation_results(track_function, results, model.id)["evaluation"][
    "result"
]
seen["track_evals"] = [[e.dataset_item_id, e.result] for e in track_test.get_eval_history()[0].item_evals]
wrong = [EvaluationResult(scene_ref_id=a, score=1)]
seen["wrong_level"] = refused(lambda: track_test.upload_external_evaluation_results(track_function, wrong, model.id))
unknown = [EvaluationResult(track_ref_id="nobody", score=1)]
seen["unknown_track"] = refused(
    lambda: track_test.upload_external_evaluation_results(track_function, unknown, model.id)
)

# Deleting.
video.delete_tracks(["u"])
seen["tracks_left"] = [t.reference_id for t in video.tracks]
video.delete_scene(c)
seen["scenes_left"] = [s.reference_id for s in video.scenes]
print(json.dumps(seen))
