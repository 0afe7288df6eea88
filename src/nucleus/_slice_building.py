"""What slices are made of, and how they are drawn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any


class SliceType(str, Enum):
    """What the members of a slice are."""

    DATASET_ITEM = "dataset_item"
    OBJECT = "object"
    SCENE = "scene"

    @staticmethod
    def options() -> list[str]:
        """All of them, as they are sent."""
        return [kind.value for kind in SliceType]


class SliceBuilderMethods(str, Enum):
    """How the items of a slice are drawn from a dataset: each with the same chance, or those that are unlike the others."""

    RANDOM = "Random"
    UNIQUENESS = "Uniqueness"

    @staticmethod
    def options() -> list[str]:
        """All of them, as they are sent."""
        return [method.value for method in SliceBuilderMethods]


@dataclass
class SliceBuilderFilterAutotag:
    """Only items with an autotag.

    Attributes:
        autotag_id: The autotag.
        score_range: Lowest and highest score that an item may have, in [-1, 1].

    Raises:
        ValueError: The range is none.
    """

    autotag_id: str
    score_range: Sequence[float]

    def __post_init__(self) -> None:
        if len(self.score_range) != 2 or not -1 <= self.score_range[0] <= self.score_range[1] <= 1:
            raise ValueError(
                f"expected a score_range of two numbers in [-1, 1], lowest first, got {self.score_range!r}"
            )


@dataclass
class SliceBuilderFilters:
    """From which items a slice is drawn.

    Attributes:
        slice_id: Only from this slice.
        autotag: Only with this autotag.
    """

    slice_id: str | None = None
    autotag: SliceBuilderFilterAutotag | None = None

    def to_payload(self) -> dict[str, Any]:
        """What is sent of it."""
        payload: dict[str, Any] = {}
        if self.slice_id:
            payload["sliceId"] = self.slice_id
        if self.autotag:
            payload["autotag"] = {"autotagId": self.autotag.autotag_id, "range": list(self.autotag.score_range)}
        return payload
