"""Predictions, under the path that existing scripts import them from."""

from nucleus._predictions import (
    BoxPrediction,
    CategoryPrediction,
    CuboidPrediction,
    KeypointsPrediction,
    LinePrediction,
    PolygonPrediction,
    Prediction,
    SceneCategoryPrediction,
    SegmentationPrediction,
)

__all__ = [
    "BoxPrediction",
    "CategoryPrediction",
    "CuboidPrediction",
    "KeypointsPrediction",
    "LinePrediction",
    "PolygonPrediction",
    "Prediction",
    "SceneCategoryPrediction",
    "SegmentationPrediction",
]
