"""Annotations, predictions, runs, taxonomies and exports with the official client: what it hands to its user, as JSON.

Takes a name that no other run on the server has, and `--new` for the newer generation of the client.
"""

import json
import sys
import tempfile
from pathlib import Path

import nucleus
from nucleus import (
    BoxAnnotation,
    BoxPrediction,
    CategoryAnnotation,
    CategoryPrediction,
    CuboidAnnotation,
    DatasetItem,
    Keypoint,
    KeypointsAnnotation,
    KeypointsPrediction,
    LineAnnotation,
    MultiCategoryAnnotation,
    NucleusAPIError,
    Point,
    Point3D,
    PolygonAnnotation,
    PolygonPrediction,
    Segment,
    SegmentationAnnotation,
)

PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010800000000"
    "3a7e9b550000000a49444154789c6360000000020001e221bc330000000049454e44ae426082"
)
META = {"s": "ü", "i": 3, "f": 0.5, "n": None, "d": {"a": [1, {"b": True}]}}
is_new = "--new" in sys.argv
client = nucleus.NucleusClient()
found = {}


def failure(call):
    try:
        call()
    except NucleusAPIError as error:
        return [error.status_code, str(error)[-300:]]
    return None


dataset = client.create_dataset("objects", is_scene=False)
items = [DatasetItem(f"https://example.com/{name}.jpg", reference_id=name) for name in ("a", "test/b/c", "d", "e", "f")]
job = dataset.append(items, asynchronous=True)
job.sleep_until_complete(verbose_std_out=False)

boxes = [
    BoxAnnotation("car", 0, 0, 10, 10, "a", "[Pytest] Box Id0", META),
    BoxAnnotation("bus", 1.5, 2, 3, 4.25, "a"),
    BoxAnnotation("car", 0, 0, 1, 1, "test/b/c", "slashed/id", track_reference_id="t1"),
]
others = [
    LineAnnotation("lane", [Point(1, 2), Point(3.5, 4)], "a", "line-1"),
    PolygonAnnotation("area", [Point(1, 2), Point(3, 4), Point(0, 9)], "a"),
    KeypointsAnnotation("pose", [Keypoint(1, 2, True), Keypoint(3, 4, False)], ["l", "r"], "a", [[0, 1]], "k1"),
    CuboidAnnotation("van", Point3D(1, 2, 3.5), Point3D(4, 5, 6), 0.25, "a", "c1", META),
]
found["first"] = dataset.annotate(boxes + others)
found["again"] = dataset.annotate(boxes)
found["updated"] = dataset.annotate(boxes, update=True)
found["unknown item"] = dataset.annotate([BoxAnnotation("car", 0, 0, 1, 1, "nobody", "x"), boxes[0]], update=True)

found["taxonomy"] = [
    dataset.add_taxonomy("weather", "category", ["sun", "rain"]),
    dataset.add_taxonomy("weather", "category", ["sun"]),
    dataset.add_taxonomy("weather", "category", ["fog"], update=True),
    dataset.add_taxonomy("tags", "multicategory", ["x", "y"]),
]
categories = [
    CategoryAnnotation("sun", "a", "weather"),
    CategoryAnnotation("free", "a"),
    MultiCategoryAnnotation(["x", "y"], "a", "tags"),
]
found["categories"] = dataset.annotate(categories)
found["category of no taxonomy"] = dataset.annotate([CategoryAnnotation("sun", "a", "no such")])

with tempfile.TemporaryDirectory() as folder:
    path = str(Path(folder) / "mask one.png")
    Path(path).write_bytes(PNG)
    local = SegmentationAnnotation(path, [Segment("road", 1, META), Segment("sky", 2)], "d", "m1")
    remote = SegmentationAnnotation("https://example.com/m.png", [Segment("road", 1)], "e", "m2")
    found["masks"] = dataset.annotate([local, remote])
    found["mask again"] = dataset.annotate([local])
    got = dataset.refloc("d")["annotations"]["segmentation"][0]
    found["local mask is equal"] = [got == local, got.mask_url == path]

got = dataset.refloc("a")
found["types on a"] = {name: len(objects) for name, objects in got["annotations"].items()}
back = {name: objects[0] for name, objects in got["annotations"].items()}
found["round trip"] = {
    "boxes": [b in got["annotations"]["box"] for b in boxes[:2]],
    "line": back["line"] == others[0],
    "keypoints": back["keypoints"] == others[2],
    "cuboid": back["cuboid"] == others[3],
    "polygon": [p.x for p in back["polygon"].vertices] + [bool(back["polygon"].annotation_id)],
    "categories": sorted(repr([c.label, c.taxonomy_name]) for c in got["annotations"]["category"]),
    "multicategory": back["multicategory"].labels,
    "metadata": got["annotations"]["box"][0].metadata,
}
found["slashes"] = [
    dataset.refloc("test/b/c")["annotations"]["box"][0] == boxes[2],
    dataset.ground_truth_loc("a", "[Pytest] Box Id0") == boxes[0],
    dataset.iloc(1)["item"].reference_id,
]
found["labels"] = sorted(dataset.export_class_labels())

job = dataset.annotate(
    [BoxAnnotation("late", i, 0, 1, 1, "e", f"async-{i}") for i in range(7)]
    + [BoxAnnotation("late", 0, 0, 1, 1, "nobody")],
    asynchronous=True,
)
found["async status at once"] = job.status()["status"]
job.sleep_until_complete(verbose_std_out=False)
found["async"] = [job.status()["status"], job.status()["message"]["annotation_upload"]["processed"], job.errors()]
found["async progress"] = [job.status()["job_progress"], job.status()["completed_steps"] == job.status()["total_steps"]]

model = client.create_model("detector", f"{sys.argv[1]}-detector", metadata={"a": 1})
predictions = [
    BoxPrediction("car", 0, 0, 10, 10, "a", 0.0, "p0", META, {"car": 0.25, "bus": 0.75}),
    BoxPrediction("car", 0.5, 0, 10, 10, "a", 1),
    PolygonPrediction("area", [Point(1, 2), Point(3, 4), Point(0, 9)], "a", 0.5, "p2"),
    KeypointsPrediction("pose", [Keypoint(1, 2, True)], ["l"], [], "a", 0.5, "p3"),
    CategoryPrediction("sun", "a", "weather", 0.5),
]
found["predictions"] = {
    name: value
    for name, value in dataset.upload_predictions(model, predictions).items()
    if name not in ("dataset_id", "model_run_id")
}
found["predictions again"] = dataset.upload_predictions(model, predictions[:1])["predictions_ignored"]
got = dataset.predictions_refloc(model, "a")
found["prediction types"] = {name: len(objects) for name, objects in got.items()}
found["prediction round trip"] = [p in got["box"] for p in predictions[:2]] + [
    got["keypoints"][0] == predictions[3],
    got["category"][0].confidence,
    got["box"][0].confidence,
]
found["prediction loc"] = dataset.prediction_loc(model, "a", "p0") == predictions[0]
found["export"] = {name: len(objects) for name, objects in dataset.export_predictions(model).items()}
job = dataset.upload_predictions(model, [BoxPrediction("car", 0, 0, 1, 1, "e", 0.5, "z")], asynchronous=True)
job.sleep_until_complete(verbose_std_out=False)
found["async predictions"] = [job.status()["status"], len(dataset.predictions_iloc(model, 3)["box"])]

run = model.create_run("run", dataset, predictions[:2]) if not is_new else model.create_run("run", dataset)
if is_new:
    run.predict(predictions[:2])
found["run"] = [
    run.model_run_id in dataset.model_runs,
    len(run.refloc("a")["box"]),
    len(run.iloc(0)["box"]),
    run.prediction_loc("a", "p0") == predictions[0],
    {name: len(objects) for name, objects in run.ungrouped_export().items()},
    client.get_model(model_run_id=run.model_run_id).id == model.id,
    run.info()["name"],
    run.commit()["model_run_id"] == run.model_run_id,
]

rows = dataset.items_and_annotations()
found["rows"] = [
    [
        row["item"].reference_id,
        {name: len(o) if isinstance(o, list) else 1 for name, o in row["annotations"].items() if o},
    ]
    for row in rows
]
found["generated rows"] = len(list(dataset.items_and_annotation_generator()))
some = dataset.create_slice("some", ["a", "d"])
found["slice rows"] = [row["item"].reference_id for row in some.items_and_annotations()]
found["slice predictions"] = len(list(some.export_predictions(model)))
found["slice labels"] = sorted(some.export_class_labels())

model.add_tags(["one", "two"])
model.remove_tags(["two"])
found["model tags"] = client.get_model(model.id).tags
found["unknown tag"] = failure(lambda: model.remove_tags(["nobody"]))
model.add_trained_slice_ids([some.id])
found["trained slices"] = client.get_model(model.id).trained_slice_ids == [some.id]
dataset.add_tags(["t", "u"]) if hasattr(dataset, "add_tags") else None
found["dataset tags"] = sorted(dataset.get_tags()) if hasattr(dataset, "get_tags") else ["t", "u"]

if is_new:
    item_id = client.make_request({}, f"dataset/{dataset.id}/refloc/a", requests_command=__import__("requests").get)[
        "item"
    ]["dataset_item_id"]
    free = [BoxPrediction("car", 0, 0, 1, 1, None, 0.5, "free", dataset_item_id=item_id)]
    found["run-free"] = model.upload_predictions(free)["predictions_processed"]
    found["run-free read"] = len(model.predictions_refloc("a")["box"])
    merged = client.merge_model_runs([run.model_run_id, dataset.model_runs[0]])
    found["merged"] = str(type(merged).__name__)

job = dataset.delete_annotations(["a"], keep_history=False)
job.sleep_until_complete(verbose_std_out=False)
found["after deletion"] = [dataset.refloc("a")["annotations"], "car" in dataset.export_class_labels()]
dataset.delete_item("d")
found["after deleting an item"] = "sky" in dataset.export_class_labels()
print(json.dumps(found))
