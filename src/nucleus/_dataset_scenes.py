"""The part of a dataset that is about scenes and tracks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from nucleus._answers import paged
from nucleus._connection import Connection
from nucleus._scenes import Scene
from nucleus._tracks import Track

_MAX_SCENES_PER_PAGE = 30


@dataclass(frozen=True)
class SceneInfo:
    """A scene in a list; `row.type` and `row["type"]` are the same.

    Attributes:
        id: The server's id.
        reference_id: Your own id of it.
        type: `lidar` or `video`.
        metadata: Anything that JSON can hold; None if there is none.
    """

    id: str
    reference_id: str
    type: str
    metadata: dict[str, Any] | None = None

    def __getitem__(self, key: str) -> Any:
        return getattr(self, key)


class DatasetScenes:
    """Scenes, and what is seen on several of their items."""

    id: str
    _connection: Connection

    @property
    def scenes(self) -> list[SceneInfo]:
        """What the server says of all its scenes, in the order of insertion, without their items."""
        rows = self._connection.get(f"dataset/{self.id}/scenes_list")["scenes"]
        return [SceneInfo(row["id"], row["reference_id"], row["type"], row.get("metadata")) for row in rows]

    def get_scene(self, reference_id: str) -> Scene:
        """The scene with this reference id, with its items."""
        return self._scene(quote(reference_id, safe=""))

    def get_scene_from_item_ref_id(self, item_reference_id: str) -> Scene | None:
        """The scene that an item is in."""
        return self._scene(quote(item_reference_id, safe=""), {"from_item": "1"})

    def _scene(self, place: str, params: dict[str, str] | None = None) -> Scene:
        answer = self._connection.get(f"dataset/{self.id}/scene/{place}", params)
        return Scene.from_json(answer, self._connection)

    def delete_scene(self, reference_id: str) -> None:
        """Delete a scene with its items; scores in past evaluations stay."""
        self._connection.delete(f"dataset/{self.id}/scene/{quote(reference_id, safe='')}")

    def scene_and_annotation_generator(
        self, slice_id: str | None = None, page_size: int = 10, only_most_recent_tasks: bool = True
    ) -> Iterator[dict[str, Any]]:
        """Its scenes with the ground truth of their tracks, read page by page.

        Args:
            slice_id: Only the scenes of this slice.
            page_size: How many scenes are asked for at a time, at most 30.
            only_most_recent_tasks: Accepted for compatibility.

        Yields:
            A `scene`, and its `annotations`: of each track `label`, `name`, and `frames` with `left`, `top`, `width`, `height`.

        Raises:
            ValueError: The page size is not in [1, 30].
        """
        if page_size > _MAX_SCENES_PER_PAGE:
            raise ValueError(f"expected a page_size from 1 to {_MAX_SCENES_PER_PAGE}, got {page_size}")
        yield from paged(
            self._connection,
            f"dataset/{self.id}/exportForTrainingByScene",
            page_size,
            "data",
            sliceId=slice_id,
            onlyMostRecentTask=only_most_recent_tasks,
        )

    @property
    def tracks(self) -> list[Track]:
        """Its tracks: there is one for every `track_reference_id` of an annotation or a prediction."""
        rows = self._connection.get(f"dataset/{self.id}/tracks")["tracks"]
        return [Track.from_json(row, self._connection) for row in rows]

    def delete_tracks(self, track_reference_ids: Iterable[str]) -> None:
        """Delete tracks; their annotations and predictions stay, and are no sightings of anything."""
        self._connection.delete(f"dataset/{self.id}/tracks", {"track_reference_ids": list(track_reference_ids)})
