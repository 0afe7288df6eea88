"""Evaluation functions: how scores are made and read."""

from __future__ import annotations

import operator
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Any


class Level(str, Enum):
    """The kind of member that a score belongs to."""

    ITEM = "item"
    SCENE = "scene"
    TRACK = "track"


@dataclass(frozen=True, slots=True)
class Population:
    """What ordinals are places in: the items of a dataset, its scenes, or its tracks."""

    dataset_key: int
    level: Level = Level.ITEM


class Direction(str, Enum):
    """Whether a larger result is better."""

    HIGHER_IS_BETTER = "higher_is_better"
    LOWER_IS_BETTER = "lower_is_better"

    @property
    def default_comparison(self) -> Comparison:
        """The comparison that a criterion gets when its author names none."""
        if self is Direction.HIGHER_IS_BETTER:
            return Comparison.GREATER_THAN_EQUAL_TO
        return Comparison.LESS_THAN_EQUAL_TO


class Comparison(str, Enum):
    """How a result is compared with its threshold."""

    GREATER_THAN = "greater_than"
    GREATER_THAN_EQUAL_TO = "greater_than_equal_to"
    LESS_THAN = "less_than"
    LESS_THAN_EQUAL_TO = "less_than_equal_to"

    @property
    def symbol(self) -> str:
        """The comparison as people write it."""
        return {
            Comparison.GREATER_THAN: ">",
            Comparison.GREATER_THAN_EQUAL_TO: "≥",
            Comparison.LESS_THAN: "<",
            Comparison.LESS_THAN_EQUAL_TO: "≤",
        }[self]

    @property
    def wants_more(self) -> bool:
        """Whether larger results satisfy it, whatever the function's direction is."""
        return self in (Comparison.GREATER_THAN, Comparison.GREATER_THAN_EQUAL_TO)

    @property
    def compare(self) -> Callable[[Any, Any], Any]:
        """The comparison as a function of (result, threshold); for arrays of results it gives arrays."""
        return {
            Comparison.GREATER_THAN: operator.gt,
            Comparison.GREATER_THAN_EQUAL_TO: operator.ge,
            Comparison.LESS_THAN: operator.lt,
            Comparison.LESS_THAN_EQUAL_TO: operator.le,
        }[self]

    def holds(self, result: float, threshold: float) -> bool:
        """Whether `result` satisfies this comparison with `threshold`."""
        return bool(self.compare(result, threshold))


LARGEST_SCORE = 1e100
"""Bound of every score range: sums and squares of millions of such scores are still finite."""

MAX_UNIT = 40
MAX_DESCRIPTION = 10_000
MAX_METADATA_KEY = 200
"""Characters of the texts that are set on an evaluation function."""


@dataclass(frozen=True, slots=True)
class EvalFunction:
    """An evaluation function: external ones are only a name, public ones are computed by the server."""

    key: int
    id: str
    name: str
    is_public: bool
    is_external: bool
    level: Level
    direction: Direction
    score_min: float
    score_max: float
    owner_id: str
    created_at: datetime
    unit: str | None = None
    description: str | None = None
    default_cluster_key: str | None = None


@dataclass(frozen=True, slots=True)
class FunctionChange:
    """One property of an evaluation function that somebody set: what it was and what it became, as JSON has it."""

    function_id: str
    function_name: str
    property: str
    before: Any
    after: Any
    user_id: str
    user_name: str
    created_at: datetime


PUBLIC_FUNCTIONS: tuple[str, ...] = (
    "bbox_iou",
    "bbox_map",
    "bbox_precision",
    "bbox_recall",
    "poly_iou",
    "poly_map",
    "poly_precision",
    "poly_recall",
    "segmentation_to_poly_iou",
    "segmentation_to_poly_map",
    "segmentation_to_poly_ap",
    "segmentation_to_poly_precision",
    "segmentation_to_poly_recall",
    "cuboid_iou_2d",
    "cuboid_iou_3d",
    "cuboid_precision",
    "cuboid_recall",
    "cat_f1",
    "seg_iou",
    "seg_map",
    "seg_precision",
    "seg_recall",
    "seg_fwavacc",
)
"""The built-in functions that every workspace lists, under the names existing scripts use."""


RESERVED_FUNCTIONS: frozenset[str] = frozenset(
    [
        *PUBLIC_FUNCTIONS,
        *(f"coco_ap{suffix}" for suffix in ("", "50", "75", "_small", "_medium", "_large")),
        *(f"coco_ar_{suffix}" for suffix in ("1", "10", "100", "small", "medium", "large")),
        "cat_accuracy",
        "cat_precision",
        "cat_recall",
        "cat_ece",
    ]
)
"""Names that no external function may take: the public ones and those the next built-in functions will have."""
