"""Masks as COCO writes them, in runs, and as PNG files, which items have. Pure Python, so that no image library is needed."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Mapping, Sequence
from itertools import accumulate
from typing import Any

_MAX_PIXELS = 1 << 28


def mask_size(rle: Mapping[str, Any]) -> tuple[int, int]:
    """Height and width, in pixels, of a mask in runs.

    Raises:
        ValueError: It does not say them.
    """
    size: Any = rle.get("size")
    is_pair = isinstance(size, (list, tuple)) and len(size) == 2 and all(type(n) is int and n > 0 for n in size)
    if not is_pair or size[0] * size[1] > _MAX_PIXELS:
        raise ValueError(f"expected a mask's size as [height, width] in pixels, got {size!r}")
    return size[0], size[1]


def run_bounds(rle: Mapping[str, Any]) -> list[tuple[int, int]]:
    """Where a mask is, as ranges of pixels that are counted down the columns, from the left one on.

    Args:
        rle: `size` and `counts`, a list or COCO's compressed text.

    Raises:
        ValueError: The counts are none, or do not fill the size.
    """
    height, width = mask_size(rle)
    counts = rle.get("counts")
    lengths = _decompressed(counts) if isinstance(counts, str) else counts
    if not isinstance(lengths, Sequence) or not all(type(n) is int and n >= 0 for n in lengths):
        raise ValueError(f"expected a mask's counts as a list of whole numbers or as COCO's text, got {counts!s:.60}")
    ends = list(accumulate(lengths))
    if (ends[-1] if ends else 0) != height * width:
        raise ValueError(
            f"expected the counts of a mask to fill its {height} x {width} pixels, got {ends[-1] if ends else 0} of them"
        )
    return [(start, end) for start, end in zip(ends[::2], ends[1::2]) if end > start]


def mask_box(rle: Mapping[str, Any]) -> list[int]:
    """The smallest box [x, y, width, height] that a mask is in; [0, 0, 0, 0] of an empty one."""
    height, _ = mask_size(rle)
    bounds = run_bounds(rle)
    if not bounds:
        return [0, 0, 0, 0]
    left, right = bounds[0][0] // height, (bounds[-1][1] - 1) // height
    if any(start // height != (end - 1) // height for start, end in bounds):  # it goes on in the next column
        top, bottom = 0, height - 1
    else:
        top, bottom = min(start % height for start, _ in bounds), max((end - 1) % height for _, end in bounds)
    return [left, top, right - left + 1, bottom - top + 1]


def mask_png(masks: Sequence[Mapping[str, Any]]) -> bytes:
    """A PNG of one channel whose pixels are 1 where the first mask is, 2 where the second is, …; later ones lie on top.

    It has 8 bits a pixel, or 16 of more than 255 masks.

    Raises:
        ValueError: There are more than 65,535, or they differ in size.
    """
    height, width = mask_size(masks[0])
    n_bytes = 1 if len(masks) < 256 else 2
    if len(masks) > 0xFFFF:
        raise ValueError(f"expected at most 65,535 masks on an image, got {len(masks)}")
    down = bytearray(height * width * n_bytes)
    for value, mask in enumerate(masks, 1):
        if mask_size(mask) != (height, width):
            raise ValueError(f"expected masks of one size on an image, got {[height, width]} and {mask['size']}")
        pixel = value.to_bytes(n_bytes, "big")
        for start, end in run_bounds(mask):
            down[start * n_bytes : end * n_bytes] = pixel * (end - start)
    pixels = memoryview(down).cast("B" if n_bytes == 1 else "H")
    rows = b"".join(b"\0" + pixels[row::height].tobytes() for row in range(height))
    header = struct.pack(">IIBBBBB", width, height, 8 * n_bytes, 0, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(*chunk) for chunk in chunks)


def _chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def _decompressed(text: str) -> list[int]:
    """The counts of COCO's text: 5 bits a character, lowest first; from the fourth on, differences to the last but one."""
    counts: list[int] = []
    value = shift = 0
    for character in text:
        bits = ord(character) - 48
        if not 0 <= bits < 64:
            raise ValueError(f"expected COCO's text of a mask's counts, got the character {character!r} in it")
        value |= (bits & 0x1F) << shift
        shift += 5
        if not bits & 0x20:
            if bits & 0x10:
                value -= 1 << shift
            counts.append(value + counts[-2] if len(counts) > 2 else value)
            value = shift = 0
    if shift:
        raise ValueError("expected COCO's text of a mask's counts, got one that ends within a number")
    return counts
