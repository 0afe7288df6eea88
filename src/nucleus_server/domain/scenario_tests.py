"""Scenario tests and their criteria."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Any

from nucleus_server.domain.base import Json
from nucleus_server.domain.clusters import ClusterChoice
from nucleus_server.domain.functions import Comparison, EvalFunction


class Mode(str, Enum):
    """How a gate decides: by the result alone, or by what is certain."""

    POINT = "point"
    CONFIDENT = "confident"
    NOT_PROVEN_WORSE = "not-proven-worse"
    NON_INFERIOR = "non-inferior"


MAX_TAGS = 50
MAX_TAG = 100
"""Tags of one test, and characters of each."""


@dataclass(frozen=True, slots=True)
class ScenarioTest:
    """A slice to evaluate models on; its functions and criteria are `TestFunction`s."""

    key: int
    id: str
    name: str
    slice_key: int
    slice_id: str
    dataset_key: int
    dataset_id: str
    owner_id: str
    baseline_model_key: int | None
    baseline_model_id: str | None
    created_at: datetime
    is_blocking: bool = False
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TestFunction:
    """An evaluation function as part of a test, with the criterion in force.

    Attributes:
        mode: How a gate decides; None if nobody set it.
        margin: A worsening up to it is of no importance; at least 0, in the function's unit.
    """

    test_key: int
    test_id: str
    function: EvalFunction
    arguments: Json
    threshold: float | None
    comparison: Comparison
    mode: Mode | None = None
    margin: float = 0.0

    @property
    def effective_mode(self) -> Mode:
        """The mode that was set; without one the threshold decides if there is one, else the baseline."""
        return self.mode or (Mode.NON_INFERIOR if self.threshold is None else Mode.POINT)


@dataclass(frozen=True, slots=True)
class CriterionChange:
    """One entry of a test's criteria history: a threshold or a property of a function, or the test's baseline model.

    Attributes:
        property: The property of the function that was set, from `before` to `after`; None if the entry is another one.
    """

    function_id: str | None
    function_name: str | None
    threshold: float | None
    comparison: Comparison | None
    baseline_model_id: str | None
    baseline_model_name: str | None
    user_id: str
    user_name: str
    created_at: datetime
    mode: Mode | None = None
    margin: float | None = None
    property: str | None = None
    before: Any = None
    after: Any = None


@dataclass(frozen=True, slots=True)
class TestSettings:
    """What a test's owner decides beside its criteria.

    Attributes:
        is_blocking: Whether a release must not go out while it fails; its verdicts are adjusted more strictly.
        tags: Words by which suites are chosen, in alphabetical order.
        cluster: What was set for this test; INHERIT if its dataset decides.
    """

    test_id: str
    is_blocking: bool
    tags: tuple[str, ...]
    cluster: ClusterChoice
