"""Scenario tests and their criteria."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from nucleus_server.domain.base import Json
from nucleus_server.domain.functions import Comparison, EvalFunction


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


@dataclass(frozen=True, slots=True)
class TestFunction:
    """An evaluation function as part of a test, with the criterion in force."""

    test_key: int
    test_id: str
    function: EvalFunction
    arguments: Json
    threshold: float | None
    comparison: Comparison


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
    property: str | None = None
    before: Any = None
    after: Any = None
