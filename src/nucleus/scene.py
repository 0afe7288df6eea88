"""Scenes, under the path that existing scripts import them from."""

from nucleus._scenes import Frame, LidarScene, Scene, VideoScene

__all__ = ["Frame", "LidarScene", "Scene", "VideoScene"]
