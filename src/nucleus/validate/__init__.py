"""Scenario tests and evaluation functions."""

from nucleus.validate.client import Validate
from nucleus.validate.clusters import ClusterKey, ClusterSuggestion, DatasetClusterKey
from nucleus.validate.comparison import Comparison, Comparisons, PairedComparison, ThresholdCheck
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
from nucleus.validate.explanation import Explanation
from nucleus.validate.release_report import ReleaseReport
from nucleus.validate.releases import AuditEntry, Release
from nucleus.validate.results import EvaluationResult
from nucleus.validate.rules import MarginProposal, Power, Rule, ScenarioTestSettings
from nucleus.validate.scenario_test import ScenarioTest, ScenarioTestMetric
from nucleus.validate.waivers import Waiver

__all__ = [
    "AuditEntry",
    "AvailableEvalFunctions",
    "ClusterKey",
    "ClusterSuggestion",
    "Comparison",
    "Comparisons",
    "CreateScenarioTestError",
    "DatasetClusterKey",
    "Direction",
    "EntityLevel",
    "EvalFunction",
    "EvalFunctionEntry",
    "EvaluationCriterion",
    "EvaluationHistory",
    "EvaluationResult",
    "Explanation",
    "ExternalEvalFunction",
    "InvalidUpload",
    "ItemScore",
    "MarginProposal",
    "PairedComparison",
    "Power",
    "PublicEvalFunction",
    "Release",
    "ReleaseReport",
    "Rule",
    "ScenarioTest",
    "ScenarioTestEvaluation",
    "ScenarioTestEvaluationStatus",
    "ScenarioTestItemEvaluation",
    "ScenarioTestMetric",
    "ScenarioTestSettings",
    "ThresholdCheck",
    "ThresholdComparison",
    "Validate",
    "Waiver",
]
