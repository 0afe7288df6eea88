"""Boxes of images, made by a seed: the same by every client, in whatever environment it runs."""

from __future__ import annotations

import random

PER_IMAGE = 100
N_CLASSES = 80


def image_ids(n: int) -> list[str]:
    """The images of n boxes."""
    return [f"image-{i:06}" for i in range(n // PER_IMAGE)]


def boxes(n: int) -> list[tuple[str, str, float, float, float, float, float]]:
    """(image, label, x, y, width, height, confidence) of n boxes, to a hundredth of a pixel."""
    generator = random.Random(n)
    return [
        (
            image,
            f"class-{generator.randrange(N_CLASSES)}",
            round(generator.random() * 600, 2),
            round(generator.random() * 400, 2),
            round(1 + generator.random() * 90, 2),
            round(1 + generator.random() * 90, 2),
            round(generator.random(), 4),
        )
        for image in image_ids(n)
        for _ in range(PER_IMAGE)
    ]
