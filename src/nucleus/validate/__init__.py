"""Scenario tests and evaluation functions."""

from nucleus.validate.client import Validate
from nucleus.validate.constants import Direction, EntityLevel, ThresholdComparison
from nucleus.validate.errors import CreateScenarioTestError, InvalidUpload
from nucleus.validate.eval_functions import (
    AvailableEvalFunctions,
    EvalFunction,
    EvalFunctionEntry,
    EvaluationCriterion,
    ExternalEvalFunction,
    PublicEvalFunction,
)
from nucleus.validate.evaluation import (
    EvaluationHistory,
    ItemScore,
    ScenarioTestEvaluation,
    ScenarioTestEvaluationStatus,
    ScenarioTestItemEvaluation,
)
from nucleus.validate.results import EvaluationResult
from nucleus.validate.scenario_test import ScenarioTest, ScenarioTestMetric

__all__ = [
    "AvailableEvalFunctions",
    "CreateScenarioTestError",
    "Direction",
    "EntityLevel",
    "EvalFunction",
    "EvalFunctionEntry",
    "EvaluationCriterion",
    "EvaluationHistory",
    "EvaluationResult",
    "ExternalEvalFunction",
    "InvalidUpload",
    "ItemScore",
    "PublicEvalFunction",
    "ScenarioTest",
    "ScenarioTestEvaluation",
    "ScenarioTestEvaluationStatus",
    "ScenarioTestItemEvaluation",
    "ScenarioTestMetric",
    "ThresholdComparison",
    "Validate",
]
