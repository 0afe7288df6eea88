"""External results of one test in the official client's form: the same upload underneath, with its own names and checks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from nucleus_server.domain import JudgedEvaluation, Level
from nucleus_server.errors import InvalidInput
from nucleus_server.services.judging import judge_one
from nucleus_server.services.score_checks import OFFICIAL_FIELDS, ScorePart
from nucleus_server.services.score_uploads import accept, check_plan
from nucleus_server.storage import UploadPlan, WorkspaceStore

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, eq=False)
class ResultsUpload:
    """One upload as it came over the wire, its types checked.

    Attributes:
        reference_ids: [n] the user's ids, each once.
        scores: float64 [n], finite.
        weights: float64 [n], finite; None if no weight was sent, which means 1.
        level: What the ids name; None if the client did not say.
        slice_id: The slice the client believes the test to have; None if it did not say.
        overall_metric: The client's own weighted mean; None if it did not say.
    """

    test_id: str
    function_id: str
    model_id: str
    reference_ids: Sequence[str]
    scores: NDArray[np.float64]
    weights: NDArray[np.float64] | None = None
    level: Level | None = None
    slice_id: str | None = None
    overall_metric: float | None = None


def upload_results(ws: WorkspaceStore, upload: ResultsUpload) -> tuple[JudgedEvaluation, bool]:
    """Check an upload against its test, and store it as a completed evaluation.

    Returns:
        The evaluation beside the criterion in force, and whether it was there already (the newest upload of this test,
        function and model over the same members had exactly these scores and weights).

    Raises:
        NotFound: Test, function or model do not exist in this workspace.
        InvalidInput: Something about the results is wrong; nothing has been stored. `code` says what.
    """
    test = ws.get_scenario_test(upload.test_id)
    plan = UploadPlan(
        dataset_id=test.dataset_id,
        model_id=upload.model_id,
        function_ids=(upload.function_id,),
        test_id=test.id,
        min_coverage=0.0,
    )
    function = ws.get_eval_function(upload.function_id)
    if function.is_external and upload.level is not None and upload.level is not function.level:
        raise InvalidInput(
            f"expected results at the level of {function.name!r}, which is {function.level.value}, got level "
            f"{upload.level.value}",
            code="level_mismatch",
        )
    checked = check_plan(ws, plan)
    if upload.slice_id is not None and upload.slice_id != test.slice_id:
        raise InvalidInput(
            f"expected results for slice {test.slice_id}, the slice of scenario test {test.name!r}, got slice_id "
            f"{upload.slice_id}: upload to a test of that slice",
            code="slice_mismatch",
        )
    part = ScorePart(
        pl.Series(upload.reference_ids, dtype=pl.String),
        {function.id: upload.scores},
        {} if upload.weights is None else {function.id: upload.weights},
    )
    accepted = accept(ws, checked, [part], part.n_rows, fields=OFFICIAL_FIELDS, overall_metric=upload.overall_metric)
    assert accepted.evaluation_id is not None
    return judge_one(ws, accepted.evaluation_id), accepted.is_replay
