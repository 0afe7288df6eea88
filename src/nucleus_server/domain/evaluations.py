"""Evaluations, the uploads they come with, and whether they passed."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum

from nucleus_server.domain.base import Json
from nucleus_server.domain.functions import Comparison, Level


class EvaluationStatus(str, Enum):
    """The life of an evaluation; a completed one never changes again."""

    PENDING = "pending"
    STARTED = "started"
    COMPLETED = "completed"
    ERRORED = "errored"


class UploadStatus(str, Enum):
    """The life of an upload of scores; only a completed one counts."""

    STAGING = "staging"
    COMMITTING = "committing"
    COMPLETED = "completed"
    REJECTED = "rejected"


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
class EvaluationSummary:
    """An evaluation, as far as results are judged and compared."""

    key: int
    id: str
    test_key: int
    function_key: int
    model_key: int
    model_id: str
    model_name: str
    status: EvaluationStatus
    slice_key: int
    n_members: int
    n_deleted: int
    n_scored: int
    result: float | None
    is_weighted: bool
    # Of scenes and tracks, whose list was resolved at the upload; None of items, which are the slice's first `n_members`.
    member_list_key: int | None = field(default=None, kw_only=True)

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
class Evaluation(EvaluationSummary):
    """One model scored by one function on one test at one time; immutable once completed."""

    test_id: str
    function_id: str
    level: Level
    weight_sum: float
    user_id: str
    user_name: str
    created_at: datetime
    completed_at: datetime | None
    upload_id: str | None = None
    annotation_revision: int | None = None
    """What the dataset's annotations had become when it was made; None for those made before that was kept."""
    prediction_revision: int | None = None
    """The same of the model's predictions for the dataset; None if it had none."""


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
