"""Annotations, under the path that existing scripts import them from."""

from nucleus._annotations import (
    Annotation,
    BoxAnnotation,
    CuboidAnnotation,
    KeypointsAnnotation,
    LineAnnotation,
    PolygonAnnotation,
    Segment,
    SegmentationAnnotation,
)
from nucleus._categories import CategoryAnnotation, MultiCategoryAnnotation, SceneCategoryAnnotation
from nucleus._geometry import Keypoint, LidarPoint, Point, Point3D

__all__ = [
    "Annotation",
    "BoxAnnotation",
    "CategoryAnnotation",
    "CuboidAnnotation",
    "Keypoint",
    "KeypointsAnnotation",
    "LidarPoint",
    "LineAnnotation",
    "MultiCategoryAnnotation",
    "Point",
    "Point3D",
    "PolygonAnnotation",
    "SceneCategoryAnnotation",
    "Segment",
    "SegmentationAnnotation",
]
