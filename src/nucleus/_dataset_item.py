"""Dataset items: what a model is evaluated on."""

from __future__ import annotations

import json
import mimetypes
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from nucleus._geometry import CameraParams

_REMOTE = re.compile(r"(https?|s3|gs|gcs|azure)://|data:image/", re.IGNORECASE)
_CAMERA = "camera_params"


class DatasetItemType(Enum):
    """What an item of a scene is."""

    IMAGE = "image"
    POINTCLOUD = "pointcloud"


@dataclass
class DatasetItemEmbeddingInfo:
    """Numbers that describe an item, for an index of yours.

    Attributes:
        index_id: The index.
        embedding_vector: The numbers; of one length in the index.
    """

    index_id: str
    embedding_vector: list[float]

    def to_payload(self) -> dict[str, Any]:
        """What is sent of it."""
        return {"index_id": self.index_id, "embedding_vector": self.embedding_vector}


@dataclass
class DatasetItem:
    """An image, a point cloud, or (an extension of this product) a text or metadata alone.

    Attributes:
        image_location: URL of an image, or the path of a local image file, which is uploaded. On an item from the server
            that has neither, the URL of a card that shows its text and metadata.
        reference_id: Your own id of the item, unique in its dataset.
        metadata: Anything that JSON can hold. On an image of a scene, `camera_params` is how the camera stood and projects;
            see `CameraParams`.
        pointcloud_location: URL of a point cloud.
        embedding_info: Numbers that describe it.
        width: Of the image, in pixels.
        height: Of the image, in pixels.
        text: A text to evaluate on, instead of an image.
        dataset_item_id: The server's id; None on an item that you made.
    """

    image_location: str | None = None
    reference_id: str | None = None
    metadata: dict[str, Any] | None = None
    pointcloud_location: str | None = None
    embedding_info: DatasetItemEmbeddingInfo | None = None
    width: int | None = None
    height: int | None = None
    phash: str | None = field(default=None, compare=False)
    dataset_item_id: str | None = field(default=None, compare=False)
    text: str | None = None

    def __post_init__(self) -> None:
        if self.image_location is not None:  # also a pathlib.Path
            self.image_location = os.fspath(self.image_location)
        if not self.reference_id:
            raise ValueError("expected a reference_id, got none: give every item an id of your own")
        if self.image_location and self.pointcloud_location:
            raise ValueError(f"item {self.reference_id!r}: expected an image or a point cloud, got both")
        if not (self.image_location or self.pointcloud_location or self.text or self.metadata):
            raise ValueError(
                f"item {self.reference_id!r}: expected an image_location, a pointcloud_location, a text or metadata, got "
                "none of them"
            )
        self.metadata = self.metadata or {}
        if _CAMERA in self.metadata:
            try:
                CameraParams.from_json(self.metadata[_CAMERA])
            except (ValueError, KeyError, TypeError) as error:
                raise ValueError(f"item {self.reference_id!r}: {error}") from error

    @property
    def local(self) -> bool:
        """Whether the image is a local file."""
        return self.image_location is not None and not _REMOTE.match(self.image_location)

    @property
    def type(self) -> DatasetItemType:
        """Whether it is an image or a point cloud; a text or metadata alone is shown as an image."""
        return DatasetItemType.POINTCLOUD if self.pointcloud_location else DatasetItemType.IMAGE

    @property
    def camera_params(self) -> CameraParams | None:
        """How the camera stood and projects, from its metadata; None if that does not say it."""
        described = (self.metadata or {}).get(_CAMERA)
        return None if described is None else CameraParams.from_json(described)

    def local_file_exists(self) -> bool:
        """Whether the local image is there."""
        return self.image_location is not None and os.path.isfile(self.image_location)

    @classmethod
    def from_json(cls, payload: dict[str, Any]) -> DatasetItem:
        """The item that the server describes."""
        image = payload.get("processed_url") or payload.get("image_url") or payload.get("original_image_url")
        cloud = payload.get("pointcloud_url")
        url = payload.get("url")
        if url and not (image or cloud):
            image, cloud = (None, url) if url.endswith(".json") else (url, None)
        return cls(
            image_location=image or None,
            reference_id=payload.get("ref_id") or payload["reference_id"],
            metadata=payload.get("metadata") or {},
            pointcloud_location=cloud or None,
            width=payload.get("width"),
            height=payload.get("height"),
            text=payload.get("text"),
            phash=payload.get("phash"),
            dataset_item_id=payload.get("dataset_item_id"),
        )

    def to_payload(self, is_scene: bool = False) -> dict[str, Any]:
        """What is sent when the item is appended, by itself or as a part of a scene."""
        payload: dict[str, Any] = {"metadata": self.metadata, "reference_id": self.reference_id}
        if is_scene:
            payload["type"] = self.type.value
            payload["url"] = self.pointcloud_location or self.image_location
            if (camera := self.camera_params) is not None:
                payload[_CAMERA] = camera.to_payload()
        for name, value in (
            ("image_url", None if is_scene else self.image_location),
            ("pointcloud_url", None if is_scene else self.pointcloud_location),
            ("embedding_info", self.embedding_info and self.embedding_info.to_payload()),
            ("width", self.width),
            ("height", self.height),
            ("text", self.text),
        ):
            if value is not None:
                payload[name] = value
        return payload

    def to_json(self) -> str:
        """The same as JSON text; raises ValueError for NaN and infinities, which JSON does not have."""
        try:
            return json.dumps(self.to_payload(), allow_nan=False)
        except (ValueError, TypeError) as error:
            raise ValueError(f"item {self.reference_id!r}: its metadata cannot be sent as JSON: {error}") from error

    def image_file(self) -> tuple[str, bytes, str]:
        """(name, content, content type) of the local image."""
        assert self.image_location is not None
        content_type = mimetypes.guess_type(self.image_location)[0] or "image/png"
        with open(self.image_location, "rb") as file:
            return os.path.basename(self.image_location), file.read(), content_type


def check_local_files(items: Sequence[DatasetItem]) -> None:
    """Raise before anything is sent if local images are missing."""
    missing = [i.image_location for i in items if i.local and not os.path.isfile(str(i.image_location))]
    if missing:
        raise FileNotFoundError(
            f"expected image files, {len(missing)} of {len(items)} are not there, the first {missing[0]!r}: correct the paths, "
            "or use a URL that starts with http:// or https://"
        )
