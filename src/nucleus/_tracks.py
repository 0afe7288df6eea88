"""Tracks: one thing, seen on many items."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from nucleus._connection import Connection


@dataclass
class Track:
    """What annotations and predictions with one `track_reference_id` are sightings of.

    Attributes:
        dataset_id: The dataset it is in.
        reference_id: Your own id of it, unique in the dataset.
        metadata: Anything that JSON can hold; None if there is none.
    """

    _connection: Connection = field(repr=False, compare=False)
    dataset_id: str
    reference_id: str
    metadata: dict[str, Any] | None = None

    @classmethod
    def from_json(cls, payload: Mapping[str, Any], connection: Connection) -> Track:
        """The track that the server describes."""
        return cls(connection, str(payload["dataset_id"]), str(payload["reference_id"]), payload.get("metadata"))

    def to_payload(self) -> dict[str, Any]:
        """What is sent of it."""
        return {"reference_id": self.reference_id, "dataset_id": self.dataset_id, "metadata": self.metadata}

    def to_json(self) -> str:
        """The same as JSON text; raises ValueError for NaN and infinities, which JSON does not have."""
        return json.dumps(self.to_payload(), allow_nan=False)

    def update(self, metadata: dict[str, Any] | None = None, overwrite_metadata: bool = False) -> None:
        """Change its metadata.

        Args:
            metadata: The keys to set; others stay as they are.
            overwrite_metadata: Let no other key stay.
        """
        self._connection.post(
            {"reference_id": self.reference_id, "metadata": metadata, "overwrite": overwrite_metadata},
            f"dataset/{self.dataset_id}/tracks",
            is_replay_safe=True,
        )
        if overwrite_metadata:
            self.metadata = metadata
        elif metadata is not None:
            self.metadata = {**(self.metadata or {}), **metadata}
