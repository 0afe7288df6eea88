"""The nouns of the product as frozen, validated values.

They cross every layer of the server: `storage` returns them, `services` think with them, `api` and `dashboard` show them.
"""

from nucleus_server.domain.accounts import Actor, ApiKey, AuditEntry, Role, User, Workspace, WorkspaceStatus
from nucleus_server.domain.base import Json
from nucleus_server.domain.datasets import AppendCounts, Dataset, Item, NewItem, Slice
from nucleus_server.domain.evaluations import (
    Evaluation,
    EvaluationStatus,
    ItemScore,
    JudgedEvaluation,
    Judgement,
    ScoreUpload,
    UploadPart,
    UploadStatus,
)
from nucleus_server.domain.functions import (
    LARGEST_SCORE,
    MAX_DESCRIPTION,
    MAX_METADATA_KEY,
    MAX_UNIT,
    PUBLIC_FUNCTIONS,
    RESERVED_FUNCTIONS,
    Comparison,
    Direction,
    EvalFunction,
    FunctionChange,
    Level,
)
from nucleus_server.domain.jobs import Job, JobStatus, JobType
from nucleus_server.domain.models import Model
from nucleus_server.domain.scenario_tests import CriterionChange, ScenarioTest, TestFunction

__all__ = [
    "LARGEST_SCORE",
    "MAX_DESCRIPTION",
    "MAX_METADATA_KEY",
    "MAX_UNIT",
    "PUBLIC_FUNCTIONS",
    "RESERVED_FUNCTIONS",
    "Actor",
    "ApiKey",
    "AppendCounts",
    "AuditEntry",
    "Comparison",
    "CriterionChange",
    "Dataset",
    "Direction",
    "EvalFunction",
    "Evaluation",
    "EvaluationStatus",
    "FunctionChange",
    "Item",
    "ItemScore",
    "Job",
    "JobStatus",
    "JobType",
    "Json",
    "JudgedEvaluation",
    "Judgement",
    "Level",
    "Model",
    "NewItem",
    "Role",
    "ScenarioTest",
    "ScoreUpload",
    "Slice",
    "TestFunction",
    "UploadPart",
    "UploadStatus",
    "User",
    "Workspace",
    "WorkspaceStatus",
]
