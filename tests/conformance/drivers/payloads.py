"""Runs with the official client and with ours: what objects send, what answers become, and how methods can be called.

Prints one JSON object; `test_payloads.py` compares those of both clients.
"""

import inspect
import json

import nucleus
from nucleus import (
    BoxAnnotation,
    BoxPrediction,
    CameraParams,
    CategoryAnnotation,
    CategoryPrediction,
    CuboidAnnotation,
    CuboidPrediction,
    DatasetItem,
    Frame,
    Keypoint,
    KeypointsAnnotation,
    KeypointsPrediction,
    LidarPoint,
    LidarScene,
    LineAnnotation,
    LinePrediction,
    Point,
    Point3D,
    PolygonAnnotation,
    PolygonPrediction,
    Quaternion,
    SceneCategoryAnnotation,
    SceneCategoryPrediction,
    Segment,
    SegmentationAnnotation,
    SegmentationPrediction,
    VideoScene,
)
from nucleus.annotation import Annotation, MultiCategoryAnnotation
from nucleus.dataset_item import DatasetItemEmbeddingInfo
from nucleus.job import CustomerJobTypes
from nucleus.model_run import ModelRun
from nucleus.slice import SliceBuilderMethods, SliceType
from nucleus.track import Track

META = {"s": "ü", "i": 3, "f": 0.5, "n": None, "d": {"a": [1, {"b": True}]}, "l": []}
CAMERA = {
    "position": {"x": 1, "y": 2.5, "z": 3},
    "heading": {"x": 0, "y": 0, "z": 0, "w": 1},
    "fx": 1,
    "fy": 2,
    "cx": 3,
    "cy": 4.5,
    "k1": 0.5,
    "p2": 0,
    "camera_model": "fisheye",
}
CLOUD_ROW = {"pointcloud_url": "https://x/a.json", "reference_id": "p"}
# Answers may hold this key in both generations; only the newer one reads it, and may send it as `item_id`.
HAS_ITEM_IDS = "dataset_item_id" in inspect.signature(BoxAnnotation).parameters


def points():
    return [Point(1, 2.5), Point(0, 0), Point(3.25, 4)]


def image(reference, **more):
    return DatasetItem(f"https://x/{reference}.png", reference, **more)


def cloud(reference):
    return DatasetItem(None, reference, {"c": 1}, f"https://x/{reference}.json")


def joints():
    return [Keypoint(1, 2.5), Keypoint(None, None, False), Keypoint(0, 0, True)]


def objects():
    """By name, objects of every kind, with arguments by place where scripts give them so."""
    position, dimensions = Point3D(1, 2.5, 3), Point3D(4, 5, 6)
    segments = [Segment("a", 2), Segment("b", 1, {"x": 1}), Segment("c", 0, {})]
    return {
        "box": BoxAnnotation("car", 1, 2.5, 3, 4.0, "r"),
        "box, full": BoxAnnotation("car", 0, 0.0, 3, 4, "r/ü 1", "id", META, [0.5, 1], "track"),
        "box, large numbers": BoxAnnotation("c", 1e21, 1e-7, 123456789.123456789, 2**60, "r"),
        "line": LineAnnotation("l", points(), "r"),
        "line, full": LineAnnotation("l", points(), "r", "id", META, "track"),
        "line of mappings": LineAnnotation("l", [{"x": 1, "y": 2}], "r"),
        "line, empty": LineAnnotation("l", [], "r"),
        "polygon": PolygonAnnotation("p", points(), "r"),
        "polygon, full": PolygonAnnotation("p", points(), "r", "id", META, [1.5], "track"),
        "keypoints": KeypointsAnnotation("k", joints(), ["a", "b", "c"], "r"),
        "keypoints, full": KeypointsAnnotation(
            "k", joints(), ["a", "b", "c"], "r", [[0, 1], [1, 2]], "id", META, "track"
        ),
        "cuboid": CuboidAnnotation("c", position, dimensions, 0.25, "r"),
        "cuboid, full": CuboidAnnotation("c", position, dimensions, 0, "r", "id", META, "track"),
        "category": CategoryAnnotation("c", "r"),
        "category, full": CategoryAnnotation("c", "r", "taxonomy", META, "track"),
        "multicategory": MultiCategoryAnnotation(["a", "b"], "r"),
        "multicategory, full": MultiCategoryAnnotation([], "r", "taxonomy", META, "track"),
        "scene category": SceneCategoryAnnotation("c", "r"),
        "scene category, full": SceneCategoryAnnotation("c", "r", "taxonomy", META),
        "segmentation": SegmentationAnnotation("https://x/m.png", segments, "r"),
        "segmentation, full": SegmentationAnnotation("s3://x/m.png", [], "r", "id"),
        "box prediction": BoxPrediction("car", 1, 2.5, 3, 4.0, "r"),
        "box prediction, full": BoxPrediction(
            "car", 1, 2, 3, 4, "r", 0.0, "id", META, {"car": 0.75, "bus": 0.25}, [1], "track"
        ),
        "line prediction": LinePrediction("l", points(), "r", 1, "id", META, {"l": 1}, "track"),
        "polygon prediction": PolygonPrediction("p", points(), "r", 0.5, None, None, None, [0.5], "track"),
        "keypoints prediction": KeypointsPrediction("k", joints(), ["a", "b", "c"], [[0, 2]], "r", 0.5),
        "cuboid prediction": CuboidPrediction("c", position, dimensions, 0.5, "r", 0.5, "id", META, {"c": 1}, "track"),
        "category prediction": CategoryPrediction("c", "r", "taxonomy", 0.5, META, {"c": 1}, "track"),
        "category prediction, bare": CategoryPrediction("c", "r"),
        "scene category prediction": SceneCategoryPrediction("c", "r", "taxonomy", 0.5, META),
        "segmentation prediction": SegmentationPrediction("https://x/m.png", segments, "r", "id"),
        "point": Point(1, 2.5),
        "point 3d": position,
        "lidar point": LidarPoint(1, 2.5, 3, 0.5),
        "keypoint": Keypoint(visible=False),
        "quaternion": Quaternion(1, 2.5, 3, 4),
        "camera": CameraParams.from_json(CAMERA),
        "segment": Segment("a"),
        "image": image("r", metadata=META),
        "image, by place": DatasetItem("https://x/a.png", "r", {"a": 1}, None, None, 640, 480),
        "embedding": image("r", embedding_info=DatasetItemEmbeddingInfo("index", [0.5, 1])),
        "local image": DatasetItem("folder/a.png", "r"),
        "lidar scene": LidarScene(
            "s",
            [
                Frame(lidar=cloud("p0"), front=image("i0", metadata={"camera_params": CAMERA, "a": 1})),
                Frame(lidar=cloud("p1"), front=image("i1", width=3, height=2)),
            ],
            META,
        ),
        "lidar scene, bare": LidarScene("s", [Frame(lidar=cloud("p"))]),
        "video": VideoScene("v", 15, items=[image("a"), image("b", metadata=META)], metadata=META),
        "video, by place": VideoScene("v", 7.5, None, [image("a")], {"m": 1}),
        "video by url": VideoScene("v", video_location="https://x/v.mp4"),
        "private video": VideoScene("v", 3, "https://x/v.mp4", [image("a")], use_privacy_mode=True),
        "track": Track(None, "ds_1", "t", META),
        "track, bare": Track(None, "ds_1", "t"),
    }


def answers():
    """What the server says of annotations: keys that are left out, nulls, and numbers as they were sent."""
    common = {"reference_id": "r", "annotation_id": "id", "dataset_item_id": "di_1"}
    corners = [{"x": 1, "y": 2.5}, {"x": 3, "y": 4}]
    return [
        {"type": "box", "label": "a", "geometry": {"x": 1, "y": 2.5, "width": 3, "height": 4}, **common},
        {
            "type": "box",
            "label": "a",
            "geometry": {"x": 1, "y": 2, "width": 3, "height": 4},
            "metadata": META,
            "embedding_vector": [1, 2.5],
            "track_reference_id": "t",
            "task_id": "task",
            "reference_id": "r",
            "annotation_id": None,
        },
        {"type": "line", "label": "a", "geometry": {"vertices": corners}, **common, "metadata": None},
        {"type": "polygon", "label": "a", "geometry": {"vertices": corners}, **common, "metadata": {}},
        {
            "type": "keypoints",
            "label": "a",
            "geometry": {"keypoints": [{"x": 1, "y": 2, "visible": True}], "names": ["n"], "skeleton": None},
            **common,
        },
        {
            "type": "cuboid",
            "label": "a",
            "geometry": {
                "position": {"x": 1, "y": 2.5, "z": 3},
                "dimensions": {"x": 4, "y": 5, "z": 6},
                "yaw": 0.5,
            },
            **common,
        },
        {"type": "category", "label": "a", "geometry": {}, **common, "taxonomy_name": "t"},
        {"type": "category", "label": "a", "geometry": {}, "reference_id": "r", "metadata": META},
        {"type": "multicategory", "labels": ["a", "b"], "geometry": {}, **common},
        {"type": "mask", "mask_url": "a.png", "annotations": [{"label": "a", "index": 1}], **common},
        {"mask_url": "a.png", "annotations": [], "reference_id": "r", "annotation_id": None},
    ]


def attributes(thing):
    """What a script can read of an object."""
    if isinstance(thing, (list, tuple)):
        return [attributes(each) for each in thing]
    if isinstance(thing, DatasetItem):
        names = ("image_location", "reference_id", "pointcloud_location", "width", "height", "phash", "local")
        read = {name: getattr(thing, name) for name in names}
        camera = thing.camera_params and thing.camera_params.to_payload()
        return {**read, "metadata": thing.metadata or {}, "type": thing.type.value, "camera_params": camera}
    if hasattr(thing, "to_payload") and hasattr(thing, "__dict__"):
        return {
            key: attributes(value)
            for key, value in vars(thing).items()
            if key not in ("skip_validate", "sensors", "frames_dict", "frames") and not key.startswith("_conn")
        }
    return thing


def read_as(cls, payload):
    return [type(cls.from_json(dict(payload))).__name__, attributes(cls.from_json(dict(payload)))]


PREDICTIONS = {
    "box": BoxPrediction,
    "line": LinePrediction,
    "polygon": PolygonPrediction,
    "keypoints": KeypointsPrediction,
    "cuboid": CuboidPrediction,
    "category": CategoryPrediction,
    "mask": SegmentationPrediction,
}
BAD = {
    "keypoint without a place": lambda: Keypoint(),
    "too few names": lambda: KeypointsAnnotation("k", joints(), ["a"], "r"),
    "repeated names": lambda: KeypointsAnnotation("k", joints(), ["a", "a", "b"], "r"),
    "skeleton beyond": lambda: KeypointsAnnotation("k", joints(), ["a", "b", "c"], "r", [[0, 3]]),
    "skeleton of one": lambda: KeypointsAnnotation("k", joints(), ["a", "b", "c"], "r", [[0]]),
    "no mask": lambda: SegmentationAnnotation("", [], "r"),
    "vertices of what?": lambda: LineAnnotation("l", [{"x": 1}], "r"),
    "no frame": lambda: LidarScene("s", []).to_payload(),
    "two clouds": lambda: LidarScene("s", [Frame(a=cloud("a"), b=cloud("b"))]).to_payload(),
    "no cloud": lambda: LidarScene("s", [Frame(a=image("a"))]).to_payload(),
    "frame with one id twice": lambda: Frame(a=image("a"), b=image("a")),
    "empty video": lambda: VideoScene("v").to_payload(),
    "video and frame rate": lambda: VideoScene("v", 3, "https://x/v.mp4").to_payload(),
    "frames without a rate": lambda: VideoScene("v", items=[image("a")]).to_payload(),
    "half a camera": lambda: image("a", metadata={"camera_params": {"fx": 1}}).to_payload(),
    "camera of no model": lambda: CameraParams.from_json({**CAMERA, "camera_model": "pinhole"}),
    "item of nothing": lambda: DatasetItem(reference_id="r"),
    "NaN": lambda: BoxAnnotation("a", float("nan"), 1, 2, 3, "r").to_json(),
}


def is_refused(call):
    try:
        call()
    except Exception:
        return True
    return False


def scene_reading():
    lidar = objects()["lidar scene"]
    video = objects()["video"]
    scene = LidarScene("s", [Frame(lidar=cloud("p"))])
    scene.add_item(1, "lidar", cloud("q"))
    scene.add_item(1, "front", image("i"))
    scene.add_frame(Frame(lidar=cloud("x")), 0)
    scene.add_frame(Frame(lidar=cloud("y")), 1, update=True)
    grown = VideoScene("v", 3, items=[image("a")])
    grown.add_item(image("b"))
    grown.add_item(image("c"), 0, update=True)
    return {
        "lidar": [
            lidar.length,
            lidar.num_sensors,
            sorted(lidar.get_sensors()),
            lidar.info(),
            [item.reference_id for item in lidar.get_items()],
            lidar.get_item(1, "front").reference_id,
            [item.reference_id for item in lidar.get_items_from_sensor("lidar")],
            lidar.get_frame(0).get_item("front").reference_id,
            sorted(lidar.get_frames()[0].get_sensors()),
            [sorted(frame.items) for frame in lidar.frames],
        ],
        "video": [video.length, video.info(), video.get_item(1).reference_id, len(video.get_items())],
        "changed": [scene.to_payload(), grown.to_payload()],
        "read": [
            [type(scene).__name__, scene.reference_id, scene.metadata]
            for scene in (
                LidarScene.from_json({"reference_id": "s", "frames": [{"l": CLOUD_ROW}]}),
                VideoScene.from_json({"reference_id": "s", "frame_rate": 3, "frames": [], "metadata": {"a": 1}}),
                VideoScene.from_json({"reference_id": "s", "video_url": "https://x/v.mp4"}),
                LidarScene.from_json({"reference_id": "s", "frames": []}, skip_validate=True),
            )
        ],
    }


def signatures():
    """Of every public class the methods and properties, and how they are called."""
    classes = (
        *{type(thing) for thing in objects().values()},
        Annotation,
        DatasetItem,
        Frame,
        ModelRun,
        nucleus.AsyncJob,
        nucleus.Dataset,
        nucleus.Model,
        nucleus.NucleusClient,
        nucleus.Slice,
        nucleus.validate.EvaluationResult,
        nucleus.validate.ScenarioTest,
    )
    found = {}
    for cls in classes:
        members = {}
        for name in dir(cls):
            member = inspect.getattr_static(cls, name)
            if name.startswith("_") and name != "__init__":
                continue
            if isinstance(member, property):
                members[name] = "property"
            elif name == "__init__":
                members[name] = parameters(cls)
            elif callable(member) or isinstance(member, (classmethod, staticmethod)):
                members[name] = parameters(getattr(cls, name))
        found[cls.__name__] = members
    return found


def parameters(function):
    return [
        [p.name, p.kind.name, p.default is not p.empty]
        for p in inspect.signature(function).parameters.values()
        if p.name != "self"
    ]


made, again = objects(), objects()
result = {
    "has_item_ids": HAS_ITEM_IDS,
    "payloads": {name: thing.to_payload() for name, thing in made.items()},
    "in a scene": {name: made[name].to_payload(is_scene=True) for name in ("image", "image, by place", "embedding")},
    "attributes": {name: attributes(thing) for name, thing in made.items()},
    "same": {name: thing == again[name] for name, thing in made.items()},
    "different": {
        "label": BoxAnnotation("a", 1, 2, 3, 4, "r", "id") != BoxAnnotation("b", 1, 2, 3, 4, "r", "id"),
        "metadata": BoxAnnotation("a", 1, 2, 3, 4, "r", "i", {"a": 1}) != BoxAnnotation("a", 1, 2, 3, 4, "r", "i"),
        "number of another type": BoxAnnotation("a", 1, 2, 3, 4, "r", "i")
        == BoxAnnotation("a", 1.0, 2, 3, 4, "r", "i"),
        "order of segments": SegmentationAnnotation("a.png", [Segment("a", 0), Segment("b", 1)], "r")
        == SegmentationAnnotation("a.png", [Segment("b", 1), Segment("a", 0)], "r"),
        "phash": image("a") == DatasetItem("https://x/a.png", "a", phash="1" * 64),
    },
    "read": [read_as(Annotation, payload) for payload in answers()],
    "read as predictions": [
        read_as(PREDICTIONS[payload["type"]], {**payload, "confidence": 0.0, "class_pdf": {"a": 1}})
        for payload in answers()
        if payload.get("type") in PREDICTIONS
    ],
    "refused": {name: is_refused(call) for name, call in BAD.items()},
    "scenes": scene_reading(),
    "words": [
        sorted(kind.value for kind in CustomerJobTypes),
        sorted(kind.value for kind in SliceType),
        sorted(method.value for method in SliceBuilderMethods),
    ],
    "signatures": signatures(),
}
print(json.dumps(result, default=str))
