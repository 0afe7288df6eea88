"""Predictions: what a model says of items and scenes. Each kind is an annotation with a confidence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from nucleus._annotations import (
    Annotation,
    BoxAnnotation,
    CuboidAnnotation,
    KeypointsAnnotation,
    LineAnnotation,
    PolygonAnnotation,
    Segment,
    SegmentationAnnotation,
    ours,
)
from nucleus._categories import CategoryAnnotation, SceneCategoryAnnotation
from nucleus._geometry import Keypoint, Point, Point3D


@dataclass(init=False)
class BoxPrediction(BoxAnnotation):
    """A predicted box.

    Attributes:
        confidence: In [0, 1]; None if the model has none.
        class_pdf: The probability of every class, in [0, 1], 1 in all; None if the model has none.
        dataset_id: The dataset of `reference_id`, where a prediction goes to a model or a run of several datasets.

    Raises:
        ValueError: Neither reference_id nor dataset_item_id says what it is on. So in all kinds of predictions.
    """

    confidence: float | None = None
    class_pdf: dict[str, float] | None = None
    dataset_id: str | None = ours()

    def __init__(
        self,
        label: str,
        x: float,
        y: float,
        width: float,
        height: float,
        reference_id: str | None = None,
        confidence: float | None = None,
        annotation_id: str | None = None,
        metadata: dict[str, Any] | None = None,
        class_pdf: dict[str, float] | None = None,
        embedding_vector: list[float] | None = None,
        track_reference_id: str | None = None,
        *,
        dataset_item_id: str | None = None,
        dataset_id: str | None = None,
    ) -> None:
        self.x, self.y, self.width, self.height = x, y, width, height
        self.embedding_vector = embedding_vector
        self.annotation_id = annotation_id
        _predict(self, label, metadata, track_reference_id, reference_id, dataset_item_id, dataset_id)
        self.confidence, self.class_pdf = confidence, class_pdf
        self.__post_init__()

    @classmethod
    def from_json(cls, payload: Mapping[str, Any]) -> BoxPrediction:
        """The prediction that the server describes."""
        geometry = payload["geometry"]
        return cls(
            x=geometry["x"],
            y=geometry["y"],
            width=geometry["width"],
            height=geometry["height"],
            embedding_vector=payload.get("embedding_vector"),
            annotation_id=payload.get("annotation_id"),
            **_predicted(payload),
        )

    def to_payload(self) -> dict[str, Any]:
        """What is sent of it."""
        return _with_confidence(super().to_payload(), self)


@dataclass(init=False)
class LinePrediction(LineAnnotation):
    """A predicted line.

    Attributes:
        confidence: In [0, 1]; None if the model has none.
        class_pdf: The probability of every class, in [0, 1], 1 in all; None if the model has none.
        dataset_id: The dataset of `reference_id`, where a prediction goes to a model or a run of several datasets.
    """

    confidence: float | None = None
    class_pdf: dict[str, float] | None = None
    dataset_id: str | None = ours()

    def __init__(
        self,
        label: str,
        vertices: list[Point],
        reference_id: str | None = None,
        confidence: float | None = None,
        annotation_id: str | None = None,
        metadata: dict[str, Any] | None = None,
        class_pdf: dict[str, float] | None = None,
        track_reference_id: str | None = None,
        *,
        dataset_item_id: str | None = None,
        dataset_id: str | None = None,
    ) -> None:
        self.vertices = vertices
        self.annotation_id = annotation_id
        _predict(self, label, metadata, track_reference_id, reference_id, dataset_item_id, dataset_id)
        self.confidence, self.class_pdf = confidence, class_pdf
        self.__post_init__()

    @classmethod
    def from_json(cls, payload: Mapping[str, Any]) -> LinePrediction:
        """The prediction that the server describes."""
        vertices = [Point.from_json(vertex) for vertex in payload["geometry"]["vertices"]]
        return cls(vertices=vertices, annotation_id=payload.get("annotation_id"), **_predicted(payload))

    def to_payload(self) -> dict[str, Any]:
        """What is sent of it."""
        return _with_confidence(super().to_payload(), self)


@dataclass(init=False)
class PolygonPrediction(PolygonAnnotation):
    """A predicted polygon.

    Attributes:
        confidence: In [0, 1]; None if the model has none.
        class_pdf: The probability of every class, in [0, 1], 1 in all; None if the model has none.
        dataset_id: The dataset of `reference_id`, where a prediction goes to a model or a run of several datasets.
    """

    confidence: float | None = None
    class_pdf: dict[str, float] | None = None
    dataset_id: str | None = ours()

    def __init__(
        self,
        label: str,
        vertices: list[Point],
        reference_id: str | None = None,
        confidence: float | None = None,
        annotation_id: str | None = None,
        metadata: dict[str, Any] | None = None,
        class_pdf: dict[str, float] | None = None,
        embedding_vector: list[float] | None = None,
        track_reference_id: str | None = None,
        *,
        dataset_item_id: str | None = None,
        dataset_id: str | None = None,
    ) -> None:
        self.vertices = vertices
        self.embedding_vector = embedding_vector
        self.annotation_id = annotation_id
        _predict(self, label, metadata, track_reference_id, reference_id, dataset_item_id, dataset_id)
        self.confidence, self.class_pdf = confidence, class_pdf
        self.__post_init__()

    @classmethod
    def from_json(cls, payload: Mapping[str, Any]) -> PolygonPrediction:
        """The prediction that the server describes."""
        return cls(
            vertices=[Point.from_json(vertex) for vertex in payload["geometry"]["vertices"]],
            embedding_vector=payload.get("embedding_vector"),
            annotation_id=payload.get("annotation_id"),
            **_predicted(payload),
        )

    def to_payload(self) -> dict[str, Any]:
        """What is sent of it."""
        return _with_confidence(super().to_payload(), self)


@dataclass(init=False)
class KeypointsPrediction(KeypointsAnnotation):
    """Predicted keypoints.

    Attributes:
        confidence: In [0, 1]; None if the model has none.
        class_pdf: The probability of every class, in [0, 1], 1 in all; None if the model has none.
        dataset_id: The dataset of `reference_id`, where a prediction goes to a model or a run of several datasets.
    """

    confidence: float | None = None
    class_pdf: dict[str, float] | None = None
    dataset_id: str | None = ours()

    def __init__(
        self,
        label: str,
        keypoints: list[Keypoint],
        names: list[str],
        skeleton: list[list[int]] | None,
        reference_id: str | None = None,
        confidence: float | None = None,
        annotation_id: str | None = None,
        metadata: dict[str, Any] | None = None,
        class_pdf: dict[str, float] | None = None,
        track_reference_id: str | None = None,
        *,
        dataset_item_id: str | None = None,
        dataset_id: str | None = None,
    ) -> None:
        self.keypoints, self.names, self.skeleton = keypoints, names, skeleton
        self.annotation_id = annotation_id
        _predict(self, label, metadata, track_reference_id, reference_id, dataset_item_id, dataset_id)
        self.confidence, self.class_pdf = confidence, class_pdf
        self.__post_init__()

    @classmethod
    def from_json(cls, payload: Mapping[str, Any]) -> KeypointsPrediction:
        """The prediction that the server describes."""
        geometry = payload["geometry"]
        return cls(
            keypoints=[Keypoint.from_json(point) for point in geometry["keypoints"]],
            names=geometry["names"],
            skeleton=geometry.get("skeleton"),
            annotation_id=payload.get("annotation_id"),
            **_predicted(payload),
        )

    def to_payload(self) -> dict[str, Any]:
        """What is sent of it."""
        return _with_confidence(super().to_payload(), self)


@dataclass(init=False)
class CuboidPrediction(CuboidAnnotation):
    """A predicted cuboid.

    Attributes:
        confidence: In [0, 1]; None if the model has none.
        class_pdf: The probability of every class, in [0, 1], 1 in all; None if the model has none.
        dataset_id: The dataset of `reference_id`, where a prediction goes to a model or a run of several datasets.
    """

    confidence: float | None = None
    class_pdf: dict[str, float] | None = None
    dataset_id: str | None = ours()

    def __init__(
        self,
        label: str,
        position: Point3D,
        dimensions: Point3D,
        yaw: float,
        reference_id: str | None = None,
        confidence: float | None = None,
        annotation_id: str | None = None,
        metadata: dict[str, Any] | None = None,
        class_pdf: dict[str, float] | None = None,
        track_reference_id: str | None = None,
        *,
        dataset_item_id: str | None = None,
        dataset_id: str | None = None,
    ) -> None:
        self.position, self.dimensions, self.yaw = position, dimensions, yaw
        self.annotation_id = annotation_id
        _predict(self, label, metadata, track_reference_id, reference_id, dataset_item_id, dataset_id)
        self.confidence, self.class_pdf = confidence, class_pdf
        self.__post_init__()

    @classmethod
    def from_json(cls, payload: Mapping[str, Any]) -> CuboidPrediction:
        """The prediction that the server describes."""
        geometry = payload["geometry"]
        return cls(
            position=Point3D.from_json(geometry["position"]),
            dimensions=Point3D.from_json(geometry["dimensions"]),
            yaw=geometry.get("yaw", 0),
            annotation_id=payload.get("annotation_id"),
            **_predicted(payload),
        )

    def to_payload(self) -> dict[str, Any]:
        """What is sent of it."""
        return _with_confidence(super().to_payload(), self)


@dataclass(init=False)
class CategoryPrediction(CategoryAnnotation):
    """The predicted class of an item.

    Attributes:
        confidence: In [0, 1]; None if the model has none.
        class_pdf: The probability of every class, in [0, 1], 1 in all; None if the model has none.
        dataset_id: The dataset of `reference_id`, where a prediction goes to a model or a run of several datasets.
    """

    confidence: float | None = None
    class_pdf: dict[str, float] | None = None
    dataset_id: str | None = ours()

    def __init__(
        self,
        label: str,
        reference_id: str | None = None,
        taxonomy_name: str | None = None,
        confidence: float | None = None,
        metadata: dict[str, Any] | None = None,
        class_pdf: dict[str, float] | None = None,
        track_reference_id: str | None = None,
        *,
        dataset_item_id: str | None = None,
        dataset_id: str | None = None,
    ) -> None:
        self.taxonomy_name = taxonomy_name
        _predict(self, label, metadata, track_reference_id, reference_id, dataset_item_id, dataset_id)
        self.confidence, self.class_pdf = confidence, class_pdf
        self.__post_init__()

    @classmethod
    def from_json(cls, payload: Mapping[str, Any]) -> CategoryPrediction:
        """The prediction that the server describes."""
        return cls(taxonomy_name=payload.get("taxonomy_name"), **_predicted(payload))

    def to_payload(self) -> dict[str, Any]:
        """What is sent of it."""
        return _with_confidence(super().to_payload(), self)


@dataclass(init=False)
class SceneCategoryPrediction(SceneCategoryAnnotation):
    """The predicted class of a scene.

    Attributes:
        confidence: In [0, 1]; None if the model has none.
        dataset_id: The dataset of `reference_id`, where a prediction goes to a model or a run of several datasets.
    """

    confidence: float | None = None
    dataset_id: str | None = ours()

    def __init__(
        self,
        label: str,
        reference_id: str | None = None,
        taxonomy_name: str | None = None,
        confidence: float | None = None,
        metadata: dict[str, Any] | None = None,
        *,
        dataset_item_id: str | None = None,
        dataset_id: str | None = None,
    ) -> None:
        _check_target(reference_id, dataset_item_id)
        self.label, self.taxonomy_name, self.metadata = label, taxonomy_name, metadata
        # An annotation always has a reference id; a prediction may have the server's id instead.
        self.reference_id = reference_id  # type: ignore[assignment]
        self.dataset_item_id, self.dataset_id = dataset_item_id, dataset_id
        self._task_id = None
        self.confidence = confidence

    @classmethod
    def from_json(cls, payload: Mapping[str, Any]) -> SceneCategoryPrediction:
        """The prediction that the server describes."""
        arguments = _predicted(payload)
        del arguments["class_pdf"], arguments["track_reference_id"]
        return cls(taxonomy_name=payload.get("taxonomy_name"), **arguments)

    def to_payload(self) -> dict[str, Any]:
        """What is sent of it."""
        return _with_confidence(super().to_payload(), self)


class SegmentationPrediction(SegmentationAnnotation):
    """A predicted mask.

    Attributes:
        dataset_id: The dataset of `reference_id`, where a prediction goes to a model or a run of several datasets.
    """

    def __init__(
        self,
        mask_url: str,
        annotations: list[Segment],
        reference_id: str | None = None,
        annotation_id: str | None = None,
        dataset_item_id: str | None = None,
        *,
        dataset_id: str | None = None,
    ) -> None:
        _check_target(reference_id, dataset_item_id)
        # An annotation always has a reference id; a prediction may have the server's id instead.
        super().__init__(mask_url, annotations, reference_id, annotation_id, dataset_item_id=dataset_item_id)  # type: ignore[arg-type]
        self.dataset_id = dataset_id

    @classmethod
    def from_json(cls, payload: Mapping[str, Any]) -> SegmentationPrediction:
        """The prediction that the server describes."""
        return cls(
            mask_url=payload["mask_url"],
            annotations=[Segment.from_json(segment) for segment in payload.get("annotations") or ()],
            reference_id=payload.get("reference_id"),
            annotation_id=payload.get("annotation_id"),
            dataset_item_id=payload.get("dataset_item_id"),
            dataset_id=payload.get("dataset_id"),
        )

    def to_payload(self) -> dict[str, Any]:
        """What is sent of it."""
        return _with_confidence(super().to_payload(), self)


Prediction: TypeAlias = (
    BoxPrediction
    | LinePrediction
    | PolygonPrediction
    | KeypointsPrediction
    | CuboidPrediction
    | CategoryPrediction
    | SceneCategoryPrediction
    | SegmentationPrediction
)
"""A prediction of any kind."""

_KINDS: dict[str, type[Prediction]] = {
    "box": BoxPrediction,
    "line": LinePrediction,
    "polygon": PolygonPrediction,
    "keypoints": KeypointsPrediction,
    "cuboid": CuboidPrediction,
    "category": CategoryPrediction,
}


def prediction_from_json(payload: Mapping[str, Any]) -> Prediction:
    """The prediction that the server describes, of the class that its `type` says."""
    return _KINDS.get(payload.get("type", ""), SegmentationPrediction).from_json(payload)


def _predict(
    prediction: Any,
    label: str,
    metadata: dict[str, Any] | None,
    track_reference_id: str | None,
    reference_id: str | None,
    dataset_item_id: str | None,
    dataset_id: str | None,
) -> None:
    """Set what most kinds share."""
    _check_target(reference_id, dataset_item_id)
    prediction.label = label
    prediction.metadata = metadata
    prediction.track_reference_id = track_reference_id
    prediction.reference_id = reference_id
    prediction.dataset_item_id = dataset_item_id
    prediction.dataset_id = dataset_id
    prediction._task_id = None


def _check_target(reference_id: str | None, dataset_item_id: str | None) -> None:
    if reference_id is None and dataset_item_id is None:
        raise ValueError("expected the reference_id or the dataset_item_id of what is predicted on, got neither")


def _predicted(payload: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments that most kinds share."""
    keys = (
        "reference_id",
        "confidence",
        "metadata",
        "class_pdf",
        "track_reference_id",
        "dataset_item_id",
        "dataset_id",
    )
    return {"label": payload["label"], **{key: payload.get(key) for key in keys}}


def _with_confidence(payload: dict[str, Any], prediction: Annotation) -> dict[str, Any]:
    for key, name in (
        ("confidence", "confidence"),
        ("class_pdf", "class_pdf"),
        ("item_id", "dataset_item_id"),
        ("dataset_id", "dataset_id"),
    ):
        value = getattr(prediction, name, None)
        if value is not None:
            payload[key] = value
    return payload
