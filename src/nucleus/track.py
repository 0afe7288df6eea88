"""Tracks, under the path that existing scripts import them from."""

from nucleus._tracks import Track

__all__ = ["Track"]
