"""The part of a dataset that is about what is known of it and of its items: tags, taxonomies, metadata."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import quote

from nucleus._answers import add_up
from nucleus._async_job import AsyncJob
from nucleus._connection import Connection
from nucleus._geometry import CameraParams

_ENTRIES_PER_REQUEST = 500


class DatasetMetadata:
    """Tags, taxonomies and metadata."""

    id: str
    _connection: Connection

    def get_tags(self) -> list[str]:
        """Words to find it by."""
        return list(self._connection.get(f"dataset/{self.id}/tags")["tags"])

    def add_tags(self, tags: Iterable[str]) -> list[str]:
        """Add words to find it by; all that it has then."""
        return list(self._connection.post({"tags": list(tags)}, f"dataset/{self.id}/tags", is_replay_safe=True)["tags"])

    def remove_tags(self, tags: Iterable[str]) -> list[str]:
        """Take words away; all that are left."""
        return list(self._connection.delete(f"dataset/{self.id}/tags", {"tags": list(tags)})["tags"])

    def add_taxonomy(
        self, taxonomy_name: str, taxonomy_type: str, labels: Iterable[str], update: bool = False
    ) -> dict[str, Any]:
        """Name the labels that categories of items may have.

        Args:
            taxonomy_name: What `CategoryAnnotation.taxonomy_name` says.
            taxonomy_type: `category` with one label for an item, or `multicategory` with several.
            labels: The labels.
            update: Add labels to the taxonomy of this name if there is one.

        Returns:
            `dataset_id`, `taxonomy_name`, and `status`: what was done.
        """
        payload = {"taxonomy_name": taxonomy_name, "type": taxonomy_type, "labels": list(labels), "update": update}
        answer: dict[str, Any] = self._connection.post(payload, f"dataset/{self.id}/add_taxonomy", is_replay_safe=True)
        return answer

    def delete_taxonomy(self, taxonomy_name: str) -> dict[str, Any]:
        """Delete a taxonomy: `dataset_id`, `taxonomy_name` and `status`."""
        route = f"dataset/{self.id}/taxonomy/{quote(taxonomy_name, safe='')}"
        answer: dict[str, Any] = self._connection.delete(route)
        return answer

    def update_item_metadata(self, mapping: Mapping[str, Mapping[str, Any]], asynchronous: bool = False) -> Any:
        """Set keys of the metadata of items; other keys stay as they are.

        Args:
            mapping: The new keys, by reference id. `camera_params` among them is how the camera stood; see `CameraParams`.
            asynchronous: Return a job instead of waiting.

        Returns:
            What the server says of it; of many items the numbers of all requests are added up. Or an `AsyncJob`.

        Raises:
            ValueError: Camera parameters are incomplete; nothing was sent.
            NucleusAPIError: The server refused it.
        """
        entries = _entries(mapping)
        for entry in entries:
            if camera := entry["metadata"].get("camera_params"):
                entry["camera_params"] = CameraParams.from_json(camera).to_payload()
        return self._update("item", entries, asynchronous)

    def update_scene_metadata(self, mapping: Mapping[str, Mapping[str, Any]], asynchronous: bool = False) -> Any:
        """Set keys of the metadata of scenes, by their reference ids; otherwise as `update_item_metadata`."""
        return self._update("scene", _entries(mapping), asynchronous)

    def _update(self, level: str, entries: list[dict[str, Any]], asynchronous: bool) -> Any:
        route = f"dataset/{self.id}/metadata"
        if asynchronous:
            answer = self._connection.post(
                {"metadata": entries, "level": level}, route, {"async": "1"}, is_replay_safe=True
            )
            return AsyncJob.from_json(answer, self._connection)
        total: dict[str, Any] = {}
        for start in range(0, max(len(entries), 1), _ENTRIES_PER_REQUEST):
            payload = {"metadata": entries[start : start + _ENTRIES_PER_REQUEST], "level": level}
            add_up(total, self._connection.post(payload, route, {"async": "0"}, is_replay_safe=True))
        return total


def _entries(mapping: Mapping[str, Mapping[str, Any]]) -> list[dict[str, Any]]:
    return [{"reference_id": reference, "metadata": dict(metadata)} for reference, metadata in mapping.items()]
