"""The nouns of the product as frozen, validated values.

They cross every layer of the server: `storage` returns them, `services` think with them, `api` and `dashboard` show them.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Any

Json = dict[str, Any]


class Role(str, Enum):
    """What a user or key may do: viewers read, members also write, admins also manage users and other people's slices."""

    VIEWER = "viewer"
    MEMBER = "member"
    ADMIN = "admin"

    @property
    def rank(self) -> int:
        """Position in the order viewer < member < admin."""
        return list(Role).index(self)


class Level(str, Enum):
    """The kind of member that a score belongs to."""

    ITEM = "item"
    SCENE = "scene"
    TRACK = "track"


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


class EvaluationStatus(str, Enum):
    """The life of an evaluation; a completed one never changes again."""

    PENDING = "pending"
    STARTED = "started"
    COMPLETED = "completed"
    ERRORED = "errored"


class JobStatus(str, Enum):
    """The life of a job, in the words that clients know."""

    QUEUED = "Queued"
    RUNNING = "Running"
    COMPLETED = "Completed"
    ERRORED = "Errored"


class JobType(str, Enum):
    """What a job does."""

    UPLOAD_DATASET_ITEMS = "uploadDatasetItems"
    UPLOAD_SCORES = "uploadScores"
    FILL_SCENARIO_TEST = "fillScenarioTest"
    DELETE_DATASET = "deleteDataset"


class UploadStatus(str, Enum):
    """The life of an upload of scores; only a completed one counts."""

    STAGING = "staging"
    COMMITTING = "committing"
    COMPLETED = "completed"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts: the user behind a key or a session, with the role that key grants."""

    workspace_key: int
    workspace_id: str
    user_key: int
    user_id: str
    user_name: str
    role: Role
    api_key_id: str | None = None

    @property
    def can_write(self) -> bool:
        """Whether this actor may change anything."""
        return self.role.rank >= Role.MEMBER.rank

    @property
    def is_admin(self) -> bool:
        """Whether this actor administers the workspace."""
        return self.role is Role.ADMIN


@dataclass(frozen=True, slots=True)
class Workspace:
    """A tenant: nothing of one workspace exists for another."""

    key: int
    id: str
    name: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class User:
    """A person or a robot that belongs to one workspace."""

    key: int
    id: str
    name: str
    role: Role
    created_at: datetime


@dataclass(frozen=True, slots=True)
class ApiKey:
    """An API key as it is kept: the secret itself is shown once and never stored."""

    id: str
    name: str
    hint: str
    user_name: str
    role: Role
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None


@dataclass(frozen=True, slots=True)
class WorkspaceStatus:
    """How much a workspace holds, and what is under way in it, at one moment.

    Attributes:
        key: The key that asks; None if it was no key.
        n_functions: External ones.
        n_jobs: Jobs that are waiting or running.
        n_uploads_staging: Uploads of scores that were begun, not finished and not given up.
    """

    workspace_name: str
    key: ApiKey | None
    n_datasets: int
    n_items: int
    n_slices: int
    n_models: int
    n_functions: int
    n_tests: int
    n_evaluations: int
    n_jobs: int
    n_uploads_staging: int


@dataclass(frozen=True, slots=True)
class Dataset:
    """A growing list of items; an item's ordinal is its place in it and never moves."""

    key: int
    id: str
    item_prefix: str
    name: str
    is_scene: bool
    use_privacy_mode: bool
    annotation_metadata_schema: Json | None
    item_metadata_schema: Json | None
    owner_id: str
    n_items: int
    n_live_items: int
    created_at: datetime


@dataclass(frozen=True, slots=True)
class NewItem:
    """An item as a user sends it, checked: has a location, an uploaded file, a text or metadata."""

    reference_id: str
    metadata: Json
    location: str | None = None
    pointcloud_location: str | None = None
    media_digest: str | None = None
    text: str | None = None
    width: int | None = None
    height: int | None = None


@dataclass(frozen=True, slots=True)
class Item:
    """An item of a dataset as stored; a deleted one is a tombstone that keeps ordinal and reference id."""

    dataset_key: int
    ordinal: int
    id: str
    reference_id: str
    metadata: Json
    location: str | None
    pointcloud_location: str | None
    media_digest: str | None
    text: str | None
    width: int | None
    height: int | None
    created_at: datetime
    deleted_at: datetime | None


@dataclass(frozen=True, slots=True)
class AppendCounts:
    """What an append did, item by item."""

    new_items: int
    updated_items: int
    ignored_items: int


@dataclass(frozen=True, slots=True)
class Slice:
    """An append-only list of members of one dataset; its first n members are version n for ever."""

    key: int
    id: str
    dataset_key: int
    dataset_id: str
    name: str
    owner_key: int
    owner_id: str
    n_members: int
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Model:
    """A model whose predictions or scores are evaluated."""

    key: int
    id: str
    name: str
    reference_id: str
    metadata: Json
    tags: tuple[str, ...]
    trained_slice_ids: tuple[str, ...]
    created_at: datetime


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


@dataclass(frozen=True, slots=True)
class ScoreUpload:
    """One act of uploading scores of one model: for one test, or (test_id None) for all tests of a dataset.

    Attributes:
        function_ids: The external functions that the scores are of.
        min_coverage: The share of a test's members that must have a score for the test to get an evaluation, in [0, 1].
        is_dry_run: Whether it is only to be checked.
        report: What was accepted; None unless completed.
        job_id: The job that commits it; None before its commit, and if it came in one request.
        expires_at: When it is removed, unless it is completed.
    """

    key: int
    id: str
    dataset_key: int
    dataset_id: str
    dataset_name: str
    model_id: str
    model_name: str
    test_id: str | None
    status: UploadStatus
    function_ids: tuple[str, ...]
    min_coverage: float
    is_dry_run: bool
    n_rows: int
    report: Json | None
    job_id: str | None
    user_id: str
    user_name: str
    created_at: datetime
    completed_at: datetime | None
    expires_at: datetime | None


@dataclass(frozen=True, slots=True)
class UploadPart:
    """A payload of an unfinished upload, known by the SHA-256 of its bytes."""

    number: int
    digest: str
    size_bytes: int
    n_rows: int


@dataclass(frozen=True, slots=True)
class Evaluation:
    """One model scored by one function on one test at one time; immutable once completed."""

    key: int
    id: str
    test_key: int
    test_id: str
    function_key: int
    function_id: str
    model_key: int
    model_id: str
    model_name: str
    level: Level
    status: EvaluationStatus
    slice_key: int
    n_members: int
    n_deleted: int
    n_scored: int
    result: float | None
    weight_sum: float
    is_weighted: bool
    user_id: str
    user_name: str
    created_at: datetime
    completed_at: datetime | None
    upload_id: str | None = None

    @property
    def coverage(self) -> float | None:
        """Members with a score / members of the list that had not been deleted at upload, in [0, 1]."""
        n_live = self.n_members - self.n_deleted
        return self.n_scored / n_live if n_live else None

    @property
    def is_partial(self) -> bool:
        """Whether members of the list were left without a score."""
        return self.n_scored < self.n_members - self.n_deleted


@dataclass(frozen=True, slots=True)
class ItemScore:
    """The score of one item in one evaluation."""

    evaluation_id: str
    test_id: str
    test_name: str
    function_id: str
    function_name: str
    model_id: str
    model_name: str
    score: float
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Job:
    """Work that outlives a request."""

    id: str
    type: JobType
    status: JobStatus
    dataset_id: str | None
    message: Json
    errors: tuple[str, ...]
    completed_steps: int
    total_steps: int
    created_at: datetime
    finished_at: datetime | None


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """Who did what to which object, and when."""

    user_name: str
    action: str
    object_id: str
    detail: Json
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


@dataclass(frozen=True, slots=True)
class Judgement:
    """The criterion in force, applied to one evaluation.

    Attributes:
        source: "threshold" if the function has one of its own, else "baseline".
        threshold: The number compared with; a baseline's result (on the common members, if the lists differ).
        result: What was compared: the evaluation's result, or its result on the common members.
        n_common: Members that both lists share; None unless the lists differ.
        passed: Whether `result` satisfies the comparison.
    """

    source: str
    threshold: float
    comparison: Comparison
    result: float
    passed: bool
    baseline_model_id: str | None = None
    baseline_model_name: str | None = None
    baseline_evaluation_id: str | None = None
    n_common: int | None = None


@dataclass(frozen=True, slots=True)
class JudgedEvaluation:
    """An evaluation beside the criterion in force; without one (or without a result) it neither passed nor failed."""

    evaluation: Evaluation
    judgement: Judgement | None

    @property
    def passed(self) -> bool | None:
        """Whether it passed; None if there is no criterion."""
        return None if self.judgement is None else self.judgement.passed
