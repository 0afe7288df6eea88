"""Small real images."""

from __future__ import annotations

from pathlib import Path

from PIL import Image


def write_png(path: Path, colour: tuple[int, int, int] = (200, 40, 40)) -> Path:
    """A PNG of 16 x 16 pixels in one colour."""
    Image.new("RGB", (16, 16), colour).save(path)
    return path
