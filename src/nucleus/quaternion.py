"""Rotations, under the path that existing scripts import them from."""

from nucleus._geometry import Quaternion

__all__ = ["Quaternion"]
