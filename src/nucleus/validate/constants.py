"""Words of the protocol."""

from enum import Enum
from typing import Any


class ThresholdComparison(str, Enum):
    """How a result is compared with its threshold."""

    GREATER_THAN = "greater_than"
    GREATER_THAN_EQUAL_TO = "greater_than_equal_to"
    LESS_THAN = "less_than"
    LESS_THAN_EQUAL_TO = "less_than_equal_to"


class EntityLevel(str, Enum):
    """What a score belongs to."""

    TRACK = "track"
    ITEM = "item"
    SCENE = "scene"


class Direction(str, Enum):
    """Whether a larger result is better."""

    HIGHER_IS_BETTER = "higher_is_better"
    LOWER_IS_BETTER = "lower_is_better"


UNCHANGED: Any = type("Unchanged", (), {"__repr__": lambda _: "unchanged"})()
"""The value of an argument that was left out, where None means something else."""
