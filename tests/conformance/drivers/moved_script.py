"""Runs with each official client and with ours against one server: a script of the data plane, and what its user gets.

Prints one JSON object without ids of the server's; `test_moved_scripts.py` compares those of the clients. Arguments: a prefix
for names, and the path of a local PNG.
"""

import json
import sys
import time
import warnings

import nucleus
import nucleus.async_job
from nucleus import (
    BoxAnnotation,
    BoxPrediction,
    CategoryAnnotation,
    CategoryPrediction,
    CuboidAnnotation,
    CuboidPrediction,
    DatasetItem,
    Frame,
    Keypoint,
    KeypointsAnnotation,
    KeypointsPrediction,
    LidarScene,
    LineAnnotation,
    LinePrediction,
    Point,
    Point3D,
    PolygonAnnotation,
    PolygonPrediction,
    SceneCategoryAnnotation,
    Segment,
    SegmentationAnnotation,
    SegmentationPrediction,
    VideoScene,
)
from nucleus.annotation import MultiCategoryAnnotation
from nucleus.slice import SliceBuilderMethods

warnings.simplefilter("ignore")
prefix, mask = sys.argv[1], sys.argv[2]
seen = {}

# The official client sleeps five seconds per look at a job: shortened here, in the driver only.
real_sleep = time.sleep
nucleus.async_job.time = type("Time", (), {**vars(time), "sleep": staticmethod(lambda s: real_sleep(min(s, 0.05)))})


def plain(value):
    """Objects as what they would send, without ids of the server's, which differ from run to run."""
    if isinstance(value, dict):
        return {key: plain(each) for key, each in value.items() if key not in HIDDEN}
    if isinstance(value, (list, tuple)):
        return [plain(each) for each in value]
    if hasattr(value, "to_payload"):
        payload = {key: each for key, each in value.to_payload().items() if key not in HIDDEN}
        return [type(value).__name__, payload]
    return value


HIDDEN = {
    "item_id",
    "dataset_item_id",
    "dataset_id",
    "datasetId",
    "model_run_id",
    "model_id",
    "id",
    "slice_id",
    "job_id",
    "requestId",
    "model_run_ids",
}


def wait(job):
    """The end of a job, as its user sees it."""
    job.sleep_until_complete(False)
    status = job.status()
    return {key: plain(status[key]) for key in ("status", "job_type", "message", "job_progress")}


def append(dataset, things, update=False):
    """Append, in either generation; scenes always as a job."""
    is_scene = not isinstance(things[0], DatasetItem)
    job = dataset.append(things, update=update, **({"asynchronous": True} if is_scene and OLD else {}))
    return wait(job) if hasattr(job, "sleep_until_complete") else None


def refused(call):
    """Whether a call ends with an error of the server's."""
    try:
        call()
    except Exception as error:
        return getattr(error, "status_code", type(error).__name__)
    return None


OLD = hasattr(nucleus, "UploadResponse")
client = nucleus.NucleusClient()
dataset = client.create_dataset(prefix + "data", is_scene=False, item_metadata_schema={"a": {"type": "text"}})
refs = ["folder/a 1.jpg", "bü.jpg", "c[1].jpg", "d"]
append(
    dataset, [DatasetItem(f"https://example.com/{i}.jpg", ref, {"n": {"a": [1, None]}}) for i, ref in enumerate(refs)]
)

# --- ground truth of every kind
points = [Point(1, 2.5), Point(3, 4), Point(0.5, 0)]
joints = [Keypoint(1, 2.5), Keypoint(None, None, False), Keypoint(0, 0)]
dataset.add_taxonomy("colour", "category", ["red", "blue"])
dataset.add_taxonomy("parts", "multicategory", ["door", "roof"])
shapes = [
    BoxAnnotation("car", 1, 2.5, 3, 4.0, refs[0], metadata={"k": [1, {"x": None}]}, track_reference_id="track 1"),
    BoxAnnotation("bus", 0, 0, 10, 20, refs[0], "[Pytest] Box 0"),
    BoxAnnotation("car", 1.25, 2, 3, 4, refs[1], "id", None, [0.5, 1.0, 2.0]),
    LineAnnotation("lane", points, refs[0], "line"),
    PolygonAnnotation("road", points, refs[0], "polygon", {"a": 1}),
    KeypointsAnnotation("person", joints, ["a", "b", "c"], refs[0], [[0, 1]], "joints"),
    CuboidAnnotation("truck", Point3D(1, 2.5, 3), Point3D(4, 5, 6), 0.25, refs[1], "cuboid"),
    CategoryAnnotation("red", refs[0], "colour", {"sure": True}),
    CategoryAnnotation("sunny", refs[1]),
    MultiCategoryAnnotation(["door", "roof"], refs[0], "parts"),
    SegmentationAnnotation(
        "https://example.com/m.png", [Segment("road", 1), Segment("car", 2, {"x": 1})], refs[1], "m"
    ),
]
seen["annotate"] = plain(dataset.annotate(shapes))
seen["again"] = plain(dataset.annotate(shapes))
seen["in batches"] = plain(dataset.annotate(shapes, batch_size=2))
moved = BoxAnnotation("car", 7, 7.5, 7, 7, refs[0], "[Pytest] Box 0", {"new": 1})
seen["update"] = plain(dataset.annotate([moved], update=True))
unknown = dataset.annotate([BoxAnnotation("car", 0, 0, 1, 1, ref) for ref in ("nowhere", refs[3])])
seen["unknown item"] = [plain({k: v for k, v in unknown.items() if k != "errors"}), "nowhere" in str(unknown["errors"])]
seen["local mask"] = plain(dataset.annotate([SegmentationAnnotation(mask, [Segment("sky", 0)], refs[2])]))
seen["as a job"] = wait(dataset.annotate([LineAnnotation("lane", points, refs[2], "l")], asynchronous=True))
seen["not of the taxonomy"] = bool(dataset.annotate([CategoryAnnotation("green", refs[2], "colour")]).get("errors"))


def located(answer):
    return [
        plain(answer["item"]),
        {kind: plain(sorted(rows, key=str)) for kind, rows in sorted(answer["annotations"].items())},
    ]


seen["refloc"] = {ref: located(dataset.refloc(ref)) for ref in refs}
seen["iloc"] = located(dataset.iloc(1))
seen["ground truth"] = [
    plain(dataset.ground_truth_loc(refs[1], "id")),
    plain(dataset.ground_truth_loc(refs[0], "[Pytest] Box 0")),
]


def exported(rows, key="annotations"):
    """Rows of an export; without the kinds that an item does not have."""
    return [
        [plain(row["item"]), {kind: plain(found) for kind, found in sorted(row[key].items()) if found}] for row in rows
    ]


seen["export"] = exported(dataset.items_and_annotations())
seen["export, by page"] = exported(dataset.items_and_annotation_generator()) == seen["export"]
seen["labels"] = sorted(dataset.export_class_labels())
seen["tracks"] = [[track.reference_id, track.metadata] for track in dataset.tracks]
dataset.tracks[0].update({"colour": "red"})
seen["track"] = dataset.tracks[0].metadata
info = dataset.info()
seen["info"] = [
    info.name.removeprefix(prefix),
    info.length,
    info.item_metadata_schema,
    info.annotation_metadata_schema,
    list(info.tags or []),
]
seen["tags"] = [dataset.get_tags(), sorted(dataset.add_tags(["x", "y", "x"])), dataset.remove_tags(["x", "z"])]
dataset.update_item_metadata({refs[0]: {"n": 2, "m": "new"}})
seen["metadata"] = dataset.refloc(refs[0])["item"].metadata

# --- predictions
model = client.create_model(prefix + "model", prefix + "model", tags=["a"])
pdf = {"car": 0.75, "bus": 0.25}
predictions = [
    BoxPrediction("car", 1, 2.5, 3, 4, refs[0], 0.0, "p", {"a": 1}, pdf, None, "track 2"),
    BoxPrediction("bus", 1, 2.5, 3, 4, refs[1], 0.5),
    LinePrediction("lane", points, refs[0], 0.25, "line"),
    PolygonPrediction("road", points, refs[0], 1, "polygon"),
    KeypointsPrediction("person", joints, ["a", "b", "c"], [[0, 2]], refs[0], 0.5, "joints"),
    CuboidPrediction("truck", Point3D(1, 2, 3), Point3D(4, 5, 6), 0, refs[1], 0.5, "cuboid"),
    CategoryPrediction("red", refs[0], "colour", 0.5, {"x": 1}, {"red": 1.0}),
    SegmentationPrediction("https://example.com/p.png", [Segment("road", 1)], refs[1]),
]
seen["predict"] = plain(dataset.upload_predictions(model, predictions))
seen["predict again"] = plain(dataset.upload_predictions(model, predictions))
seen["predict, update"] = plain(dataset.upload_predictions(model, predictions[:1], update=True))
seen["predict as a job"] = wait(
    dataset.upload_predictions(model, [BoxPrediction("x", 0, 0, 1, 1, refs[3], 1.0)], asynchronous=True)
)


def by_kind(answer):
    return {kind: plain(sorted(rows, key=str)) for kind, rows in sorted(answer.items())}


seen["predictions"] = [
    by_kind(dataset.predictions_refloc(model, "d")),
    by_kind(dataset.predictions_iloc(model, 1)),
    plain(dataset.prediction_loc(model, "d", "x-0-0-1-1-d")),
    by_kind(dataset.export_predictions(model)),
]
run = model.create_run(prefix + "run", dataset, predictions[:2], {"m": 1})
seen["run"] = [
    by_kind(run.refloc("d")) if run.refloc("d").get("box") else "nothing",
    by_kind(run.iloc(0)),
    by_kind(run.ungrouped_export()),
    plain(run.predict(predictions[:3])),
    bool(run.commit()),
    [run.info()["name"].removeprefix(prefix), run.info()["metadata"]],
    len(dataset.model_runs) >= 1,
]
found = client.get_model(model.id)
found.add_tags(["b"])
seen["model tags"] = [sorted(client.get_model(model.id).tags), refused(lambda: found.remove_tags(["c"]))]

# --- slices
chosen = dataset.create_slice(prefix + "slice", [refs[1], refs[0]])
chosen.append([refs[3], refs[0]])
seen["slice tags"] = refused(lambda: chosen.add_tags(["t"]))
seen["slice"] = [
    [plain(item) for item in chosen.items],
    sorted(item.reference_id for item in chosen.dataset_items()),
    chosen.type,
    list(chosen.tags),
    sorted(exported(chosen.items_and_annotations()), key=str)
    == sorted(
        (row for row in exported(dataset.items_and_annotations()) if row[0][1]["reference_id"] != refs[2]), key=str
    ),
    exported(chosen.export_predictions(model), "predictions"),
    sorted(chosen.export_class_labels()),
]


def draw():
    """A slice of two items, by chance."""
    job, drawn = dataset.build_slice(prefix + "drawn", 2, SliceBuilderMethods.RANDOM)
    wait(job)
    seen["drawn items"] = len(client.get_slice(drawn).items)


seen["drawn"] = refused(draw)

# --- scenes
drives = client.create_dataset(prefix + "drives", is_scene=True)


def cloud(name):
    return DatasetItem(pointcloud_location=f"https://example.com/{name}.json", reference_id=name)


def image(name):
    return DatasetItem(f"https://example.com/{name}.png", name, {"lens": name})


lidar = LidarScene(
    "drive 1", [Frame(lidar=cloud(f"cloud {i}"), front=image(f"front {i}")) for i in range(2)], {"city": "Bern"}
)
video = VideoScene("video 1", 15, items=[image(f"video {i}") for i in range(2)], metadata={"a": 1})
seen["lidar scenes"] = append(drives, [lidar])
seen["videos"] = append(drives, [video])
seen["video by url"] = append(drives, [VideoScene("video 2", video_location="https://example.com/v.mp4")])
seen["scenes"] = [[row["reference_id"], row.type, row["metadata"] or {}] for row in drives.scenes]
seen["scene"] = [plain(drives.get_scene("drive 1")), plain(drives.get_scene("video 1"))]
seen["scene of an item"] = drives.get_scene_from_item_ref_id("front 1").reference_id
drives.annotate(
    [
        BoxAnnotation("car", 1, 2, 3, 4, "video 0", track_reference_id="t"),
        BoxAnnotation("car", 1, 2, 3, 4, "video 1", track_reference_id="t"),
        SceneCategoryAnnotation("rain", "video 1", "weather"),
    ]
)
drives.update_scene_metadata({"video 1": {"b": 2}})
seen["scene metadata"] = drives.get_scene("video 1").metadata
seen["tracks of scenes"] = [track.reference_id for track in drives.tracks]
seen["scene slice"] = [scene.reference_id for scene in drives.create_slice(prefix + "scenes", ["video 1"]).items]
seen["scenes and annotations"] = refused(lambda: seen.update(rows=plain(list(drives.scene_and_annotation_generator()))))
drives.delete_tracks(["t"])
seen["no tracks"] = len(drives.tracks)
drives.delete_scene("drive 1")
seen["scenes left"] = sorted(row["reference_id"] for row in drives.scenes)

# --- deleting, jobs
seen["deleted"] = wait(dataset.delete_annotations([refs[0]]))
seen["without annotations"] = located(dataset.refloc(refs[0]))[1]
dataset.delete_item(refs[3])
seen["size"] = dataset.size
seen["jobs"] = sorted({each.job_type for each in dataset.jobs(show_completed=True)} - {"uploadDatasetItems"})
seen["job"] = client.get_job(dataset.jobs(show_completed=True)[0].job_id).job_type
seen["gone"] = refused(lambda: dataset.refloc(refs[3]))

if not OLD:
    free = client.create_model(prefix + "free", prefix + "free")
    placed = [
        BoxPrediction(
            "car", 1, 2.5, 3, 4, annotation_id=f"free {i}", dataset_item_id=item.dataset_item_id, confidence=0.5
        )
        for i, item in enumerate(dataset.items)
    ]
    answer = free.upload_predictions(placed, update=True)
    seen["without a run"] = [
        answer["predictions_processed"],
        by_kind(free.predictions_refloc("c[1].jpg")),
        plain(model.copy_predictions_from_run(run.model_run_id)),
    ]
    second = model.create_run(prefix + "second", dataset, predictions[1:3])
    merged = client.merge_model_runs([run.model_run_id, second.model_run_id], name=prefix + "merged")
    seen["merged"] = [wait(merged["job"])["status"], len(merged["dataset_ids"])]
    client.delete_model_run(second.model_run_id)

client.delete_slice(chosen.id)
client.delete_model(model.id)
for each in (dataset, drives):
    client.delete_dataset(each.id)
print(json.dumps(seen, default=str))
