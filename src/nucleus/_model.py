"""Models."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from nucleus._async_job import AsyncJob
from nucleus._connection import Connection


@dataclass(eq=False)
class Model:
    """A model whose scores are evaluated.

    Attributes:
        id: The server's id.
        name: Its name.
        reference_id: Your own id of it, unique in the workspace.
        metadata: Anything that JSON can hold; None if there is none.
        tags: Words to find it by.
        trained_slice_ids: Slices it was trained on.
    """

    id: str
    name: str
    reference_id: str
    metadata: dict[str, Any] | None
    connection: Connection = field(repr=False)
    tags: list[str] = field(default_factory=list)
    trained_slice_ids: list[str] | None = None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Model) and (self.id, self.name, self.metadata) == (
            other.id,
            other.name,
            other.metadata,
        )

    def __hash__(self) -> int:
        return hash(self.id)

    @classmethod
    def from_json(cls, payload: dict[str, Any], connection: Connection) -> Model:
        """The model that the server describes."""
        return cls(
            id=payload["id"],
            name=payload["name"],
            reference_id=payload["ref_id"],
            metadata=payload["metadata"] or None,
            connection=connection,
            tags=list(payload.get("tags") or ()),
            trained_slice_ids=payload.get("trained_slice_ids"),
        )

    def evaluate(self, scenario_test_names: list[str]) -> AsyncJob:
        """Evaluate the model on these tests by their built-in functions."""
        answer = self.connection.post({"test_names": scenario_test_names}, f"validate/{self.id}/evaluate")
        return AsyncJob.from_json(answer, self.connection)
