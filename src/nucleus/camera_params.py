"""Cameras, under the path that existing scripts import them from."""

from nucleus._geometry import CameraModels, CameraParams

__all__ = ["CameraModels", "CameraParams"]
