"""Evaluation functions: public ones with their arguments, external ones as names."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from typing import Any

from nucleus._html import html_table
from nucleus.validate.constants import EntityLevel, ThresholdComparison


@dataclass(frozen=True)
class EvalFunctionEntry:
    """What the server says of an evaluation function.

    Attributes:
        score_range: Lowest and highest score that the server takes.
        direction: `higher_is_better` or `lower_is_better`.
        unit: What scores are measured in, such as `ms`; None if nobody said.
        description: What the function is; None if nobody said.
        default_cluster_key: The metadata key whose values group items that are alike (frames of one drive, say), for the
            statistics of comparisons; None if there is none.
    """

    id: str
    name: str
    is_public: bool
    user_id: str
    is_external_function: bool = False
    serialized_fn: str | None = None
    raw_source: str | None = None
    level: EntityLevel = EntityLevel.ITEM
    direction: str = "higher_is_better"
    score_range: tuple[float, float] = (0.0, 1.0)
    unit: str | None = None
    description: str | None = None
    default_cluster_key: str | None = None

    @classmethod
    def from_json(cls, payload: dict[str, Any]) -> EvalFunctionEntry:
        """The entry in a listing."""
        low, high = payload.get("score_range", (0.0, 1.0))
        return cls(
            id=payload["id"],
            name=payload["name"],
            is_public=payload["is_public"],
            user_id=payload["user_id"],
            is_external_function=payload.get("is_external_function", False),
            serialized_fn=payload.get("serialized_fn"),
            raw_source=payload.get("raw_source"),
            level=EntityLevel(payload.get("level", "item")),
            direction=payload.get("direction", "higher_is_better"),
            score_range=(low, high),
            unit=payload.get("unit"),
            description=payload.get("description"),
            default_cluster_key=payload.get("default_cluster_key"),
        )


@dataclass(frozen=True)
class EvaluationCriterion:
    """A function compared with a number, as `fn() > 0.5` makes it.

    A scenario test takes functions; put the number in force with `ScenarioTestMetric.set_threshold`.
    """

    eval_function_id: str
    threshold_comparison: ThresholdComparison
    threshold: float
    eval_func_arguments: dict[str, Any] = field(default_factory=dict)


class EvalFunction:
    """An evaluation function, ready to be part of a scenario test."""

    def __init__(self, eval_func_entry: EvalFunctionEntry, arguments: dict[str, Any] | None = None) -> None:
        self.eval_func_entry = eval_func_entry
        self.eval_func_arguments: dict[str, Any] = arguments or {}

    @property
    def id(self) -> str:
        """The server's id."""
        return self.eval_func_entry.id

    @property
    def name(self) -> str:
        """Its name."""
        return self.eval_func_entry.name

    @property
    def is_public(self) -> bool:
        """Whether it is a built-in function."""
        return self.eval_func_entry.is_public

    @property
    def is_external_function(self) -> bool:
        """Whether its scores are computed by you and uploaded."""
        return self.eval_func_entry.is_external_function

    def __repr__(self) -> str:
        return f"<EvalFunction: name={self.name}, id={self.id}>"

    def _repr_html_(self) -> str:
        entry = self.eval_func_entry
        low, high = entry.score_range
        return html_table(
            f"Evaluation function {self.name}",
            ["id", "level", "direction", "scores", "unit", "description"],
            [[self.id, entry.level.value, entry.direction, f"[{low:g}, {high:g}]", entry.unit, entry.description]],
        )

    def __gt__(self, other: float) -> EvaluationCriterion:
        return self._criterion(ThresholdComparison.GREATER_THAN, other)

    def __ge__(self, other: float) -> EvaluationCriterion:
        return self._criterion(ThresholdComparison.GREATER_THAN_EQUAL_TO, other)

    def __lt__(self, other: float) -> EvaluationCriterion:
        return self._criterion(ThresholdComparison.LESS_THAN, other)

    def __le__(self, other: float) -> EvaluationCriterion:
        return self._criterion(ThresholdComparison.LESS_THAN_EQUAL_TO, other)

    def _criterion(self, comparison: ThresholdComparison, threshold: float) -> EvaluationCriterion:
        return EvaluationCriterion(self.id, comparison, threshold, self.eval_func_arguments)


class ExternalEvalFunction(EvalFunction):
    """A name under which you upload scores that your own code computed."""


class PublicEvalFunction(EvalFunction):
    """A built-in function; call it to choose its arguments."""

    def __call__(self, **arguments: Any) -> PublicEvalFunction:
        """The same function with these arguments, and the defaults for the others."""
        chosen = {**copy.deepcopy(_DEFAULTS.get(self.name, {})), **self.eval_func_arguments, **arguments}
        return type(self)(self.eval_func_entry, chosen)


_FILTERS: dict[str, Any] = {"annotation_filters": None, "prediction_filters": None}


def _matched(*, iou_threshold: float, enforce_label_match: bool = False) -> dict[str, Any]:
    return {
        "enforce_label_match": enforce_label_match,
        "iou_threshold": iou_threshold,
        "confidence_threshold": 0.0,
        **_FILTERS,
    }


_DEFAULTS: dict[str, dict[str, Any]] = {
    **{name: _matched(iou_threshold=0.0) for name in ("bbox_iou", "poly_iou", "segmentation_to_poly_iou")},
    **{
        f"{kind}_{what}": _matched(iou_threshold=0.5)
        for kind in ("bbox", "poly", "segmentation_to_poly")
        for what in ("precision", "recall")
    },
    **{name: {"iou_threshold": 0.5, **_FILTERS} for name in ("bbox_map", "poly_map")},
    "segmentation_to_poly_map": {"iou_thresholds": "coco", **_FILTERS},
    "segmentation_to_poly_ap": {"label": "label", "iou_threshold": 0.5, **_FILTERS},
    "cuboid_iou_2d": {**_matched(iou_threshold=0.0, enforce_label_match=True), "iou_2d": True},
    "cuboid_iou_3d": {**_matched(iou_threshold=0.0, enforce_label_match=True), "iou_2d": False},
    **{name: _matched(iou_threshold=0.0, enforce_label_match=True) for name in ("cuboid_precision", "cuboid_recall")},
    "cat_f1": {"confidence_threshold": None, "f1_method": None, **_FILTERS},
    **{name: dict(_FILTERS) for name in ("seg_iou", "seg_map", "seg_precision", "seg_recall", "seg_fwavacc")},
}
"""Arguments and defaults of the public functions, as the protocol has them."""


class AvailableEvalFunctions:
    """All evaluation functions of the workspace, each kind by name; public ones also as attributes.

    Attributes:
        public_functions: Built-in ones.
        private_functions: Functions with code of their own on the server.
        external_functions: Names under which scores are uploaded.
    """

    def __init__(self, entries: list[EvalFunctionEntry]) -> None:
        self.public_functions = {e.name: PublicEvalFunction(e) for e in entries if e.is_public}
        self.private_functions = {
            e.name: PublicEvalFunction(e) for e in entries if not e.is_public and not e.is_external_function
        }
        self.external_functions = {e.name: ExternalEvalFunction(e) for e in entries if e.is_external_function}

    def __getattr__(self, name: str) -> PublicEvalFunction:
        functions: dict[str, PublicEvalFunction] = self.__dict__.get("public_functions", {})
        if name in functions:
            return functions[name]
        raise AttributeError(
            f"this server has no public evaluation function {name!r}; it has {', '.join(sorted(functions))}"
        )

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *self.public_functions]

    def __repr__(self) -> str:
        return (
            f"AvailableEvalFunctions(public={sorted(self.public_functions)}, private={sorted(self.private_functions)}, "
            f"external={sorted(self.external_functions)})"
        )

    def from_id(self, eval_function_id: str) -> EvalFunction:
        """The function with this id.

        Raises:
            ValueError: There is none.
        """
        kinds: tuple[dict[str, Any], ...] = (self.public_functions, self.private_functions, self.external_functions)
        for functions in kinds:
            for function in functions.values():
                if function.id == eval_function_id:
                    assert isinstance(function, EvalFunction)
                    return function
        raise ValueError(f"expected the id of an evaluation function, got {eval_function_id!r}, which is none")
