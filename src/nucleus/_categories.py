"""Annotations without a place on the item: the classes that an item, or a scene, belongs to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from nucleus._annotations import Annotation, ours


@dataclass
class CategoryAnnotation(Annotation, kind="category"):
    """The class of an item; it has at most one in each taxonomy.

    Attributes:
        label: The class.
        reference_id: Of the item.
        taxonomy_name: The taxonomy that the class is of; see `Dataset.add_taxonomy`.
        metadata: Anything that JSON can hold.
        track_reference_id: Of the track that it is one sighting of.
    """

    label: str
    reference_id: str
    taxonomy_name: str | None = None
    metadata: dict[str, Any] | None = None
    track_reference_id: str | None = None
    _task_id: str | None = field(default=None, repr=False)
    dataset_item_id: str | None = ours()

    def __post_init__(self) -> None:
        self.metadata = self.metadata or {}

    @classmethod
    def from_json(cls, payload: Mapping[str, Any]) -> CategoryAnnotation:
        """The category that the server describes."""
        return cls(label=payload["label"], **_of_item(payload))

    def to_payload(self) -> dict[str, Any]:
        """What is sent of it."""
        payload = {
            "label": self.label,
            "type": "category",
            "geometry": {},
            "reference_id": self.reference_id,
            "metadata": self.metadata,
            "track_reference_id": self.track_reference_id,
            "task_id": self._task_id,
        }
        return _in_taxonomy(payload, self.taxonomy_name)


@dataclass
class MultiCategoryAnnotation(Annotation, kind="multicategory"):
    """Classes of an item that may hold together; it has at most one such list in each taxonomy.

    Attributes:
        labels: The classes.
        reference_id: Of the item.
        taxonomy_name: The taxonomy that the classes are of; see `Dataset.add_taxonomy`.
        metadata: Anything that JSON can hold.
        track_reference_id: Of the track that it is one sighting of.
    """

    labels: list[str]
    reference_id: str
    taxonomy_name: str | None = None
    metadata: dict[str, Any] | None = None
    track_reference_id: str | None = None
    _task_id: str | None = field(default=None, repr=False)
    dataset_item_id: str | None = ours()

    def __post_init__(self) -> None:
        self.metadata = self.metadata or {}

    @classmethod
    def from_json(cls, payload: Mapping[str, Any]) -> MultiCategoryAnnotation:
        """The categories that the server describes."""
        return cls(labels=payload["labels"], **_of_item(payload))

    def to_payload(self) -> dict[str, Any]:
        """What is sent of it."""
        payload = {
            "labels": self.labels,
            "type": "multicategory",
            "geometry": {},
            "reference_id": self.reference_id,
            "metadata": self.metadata,
            "track_reference_id": self.track_reference_id,
            "task_id": self._task_id,
        }
        return _in_taxonomy(payload, self.taxonomy_name)


@dataclass
class SceneCategoryAnnotation(Annotation):
    """The class of a scene; it has at most one in each taxonomy.

    Attributes:
        label: The class.
        reference_id: Of the scene.
        taxonomy_name: The taxonomy that the class is of; see `Dataset.add_taxonomy`.
        metadata: Anything that JSON can hold.
    """

    label: str
    reference_id: str
    taxonomy_name: str | None = None
    metadata: dict[str, Any] | None = field(default_factory=dict)
    _task_id: str | None = field(default=None, repr=False)
    dataset_item_id: str | None = ours()

    @classmethod
    def from_json(cls, payload: Mapping[str, Any]) -> SceneCategoryAnnotation:
        """The category that the server describes."""
        arguments = _of_item(payload)
        del arguments["track_reference_id"]
        return cls(label=payload["label"], **arguments)

    def to_payload(self) -> dict[str, Any]:
        """What is sent of it."""
        payload = {
            "label": self.label,
            "type": "category",
            "geometry": {},
            "reference_id": self.reference_id,
            "metadata": self.metadata,
            "task_id": self._task_id,
        }
        return _in_taxonomy(payload, self.taxonomy_name)


def _of_item(payload: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "reference_id": payload["reference_id"],
        "taxonomy_name": payload.get("taxonomy_name"),
        "metadata": payload.get("metadata") or {},
        "track_reference_id": payload.get("track_reference_id"),
        "_task_id": payload.get("task_id"),
        "dataset_item_id": payload.get("dataset_item_id"),
    }


def _in_taxonomy(payload: dict[str, Any], taxonomy_name: str | None) -> dict[str, Any]:
    return payload if taxonomy_name is None else {**payload, "taxonomy_name": taxonomy_name}
