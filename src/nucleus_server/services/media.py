"""Files by content: a file is known by its SHA-256, written once, and durable before anything refers to it."""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from nucleus_server.errors import PayloadTooLarge, StorageUnavailable

_DIGEST = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file that is safe on disk."""

    digest: str
    size_bytes: int


class MediaStore:
    """Content-addressed files under one folder, apart for each workspace."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def put(self, workspace_id: str, chunks: Iterable[bytes], *, limit_bytes: int | None = None) -> StoredFile:
        """Write a file: temporary, flushed to disk, then renamed, so that a reader sees all of it or nothing.

        Raises:
            PayloadTooLarge: There are more than `limit_bytes`.
            StorageUnavailable: The disk refuses.
        """
        folder = self._root / workspace_id
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile(dir=folder, prefix=".incoming-", delete=False) as file:
                try:
                    hasher, size_bytes = hashlib.sha256(), 0
                    for chunk in chunks:
                        size_bytes += len(chunk)
                        if limit_bytes is not None and size_bytes > limit_bytes:
                            raise PayloadTooLarge(f"expected at most {limit_bytes} bytes, got more: split the upload")
                        hasher.update(chunk)
                        file.write(chunk)
                    file.flush()
                    os.fsync(file.fileno())
                    digest = hasher.hexdigest()
                    target = self.path(workspace_id, digest)
                    target.parent.mkdir(exist_ok=True)
                    os.replace(file.name, target)
                    _sync_folder(target.parent)
                except BaseException:
                    Path(file.name).unlink(missing_ok=True)
                    raise
        except OSError as error:
            raise StorageUnavailable(
                "the media folder cannot be written; the operator finds the cause with `nucleus doctor`"
            ) from error
        return StoredFile(digest, size_bytes)

    def path(self, workspace_id: str, digest: str) -> Path:
        """Where a file of this digest is, if it is there."""
        if not _DIGEST.fullmatch(digest):
            raise ValueError(f"expected 64 hexadecimal digits, got {digest!r}")
        return self._root / workspace_id / digest[:2] / digest

    def read(self, workspace_id: str, digest: str) -> bytes:
        """A file's whole content.

        Raises:
            StorageUnavailable: It is not there, although something refers to it.
        """
        try:
            return self.path(workspace_id, digest).read_bytes()
        except OSError as error:
            raise StorageUnavailable(
                "a stored file cannot be read; the operator finds the cause with `nucleus doctor`"
            ) from error

    def delete(self, workspace_id: str, digest: str) -> None:
        """Remove a file; one that is gone already is fine."""
        self.path(workspace_id, digest).unlink(missing_ok=True)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def image_type(head: bytes) -> str | None:
    """The content type of an image by its first bytes; None if it is none that browsers show safely."""
    for magic, content_type in (
        (b"\x89PNG\r\n\x1a\n", "image/png"),
        (b"\xff\xd8\xff", "image/jpeg"),
        (b"GIF87a", "image/gif"),
        (b"GIF89a", "image/gif"),
        (b"BM", "image/bmp"),
        (b"II*\x00", "image/tiff"),
        (b"MM\x00*", "image/tiff"),
    ):
        if head.startswith(magic):
            return content_type
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "image/webp"
    return None
