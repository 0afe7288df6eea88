"""External results on their way in: checked whole, refused whole, recomputed, stored once."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from nucleus_metrics import WeightedMean, weighted_mean
from nucleus_server.domain import EvalFunction, JudgedEvaluation, Level, ScenarioTest
from nucleus_server.errors import MAX_LISTED, InvalidInput, Problem, listed
from nucleus_server.services.judging import judge_one
from nucleus_server.storage import NewEvaluation, WorkspaceStore

if TYPE_CHECKING:
    from numpy.typing import NDArray

_OVERALL_TOLERANCE = 1e-9


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
    function = _function_of(ws, test, upload)
    ws.get_model(upload.model_id)
    _check_level(upload, function)
    if upload.slice_id is not None and upload.slice_id != test.slice_id:
        raise InvalidInput(
            f"expected results for slice {test.slice_id}, the slice of scenario test {test.name!r}, got slice_id "
            f"{upload.slice_id}: upload to a test of that slice",
            code="slice_mismatch",
        )
    _check_values(upload, function)
    # The prefix is pinned here: members added while the upload is checked belong to the next one.
    ordinals = ws.slice_ordinals(test.slice_key)
    positions, n_deleted = _positions(ws, test, ordinals, upload.reference_ids)
    scores = np.full(len(ordinals), np.nan)
    scores[positions] = upload.scores
    weights = None
    if upload.weights is not None and not (upload.weights == 1.0).all():
        weights = np.ones(len(ordinals))
        weights[positions] = upload.weights
    mean = weighted_mean(scores, weights)
    if mean.weight_sum == 0.0:
        raise InvalidInput(
            "expected at least one weight above 0, got only zeros: a weighted mean of them is undefined",
            code="all_weights_zero",
        )
    _check_overall(upload, mean)
    evaluation, is_replay = ws.record_evaluation(
        NewEvaluation(
            test_id=test.id,
            function_id=function.id,
            model_id=upload.model_id,
            level=function.level,
            n_members=len(ordinals),
            n_deleted=n_deleted,
            n_scored=mean.n_scored,
            result=mean.value,
            weight_sum=mean.weight_sum,
            scores=scores,
            weights=weights,
        )
    )
    return judge_one(ws, evaluation.id), is_replay


def _function_of(ws: WorkspaceStore, test: ScenarioTest, upload: ResultsUpload) -> EvalFunction:
    function = ws.get_eval_function(upload.function_id)
    if not function.is_external:
        raise InvalidInput(
            f"expected an external evaluation function, got {function.name!r}, whose results the server computes itself",
            code="function_not_external",
        )
    names = {entry.function.id: entry.function.name for entry in ws.list_test_functions(test.id)}
    if function.id not in names:
        raise InvalidInput(
            f"expected one of the functions of scenario test {test.name!r} ({', '.join(sorted(names.values()))}), got "
            f"{function.name!r}: add it to the test first",
            code="function_not_in_test",
        )
    return function


def _check_level(upload: ResultsUpload, function: EvalFunction) -> None:
    if upload.level is not None and upload.level is not function.level:
        raise InvalidInput(
            f"expected results at the level of {function.name!r}, which is {function.level.value}, got level "
            f"{upload.level.value}",
            code="level_mismatch",
        )
    if function.level is not Level.ITEM:
        raise InvalidInput(
            f"{function.name!r} scores {function.level.value}s; this slice holds items: use a function of level item",
            code="level_mismatch",
        )


def _check_values(upload: ResultsUpload, function: EvalFunction) -> None:
    references = upload.reference_ids
    if not len(references):
        raise InvalidInput("expected at least one result, got none", code="no_results")
    low, high = function.score_min, function.score_max
    _refuse_outside(
        references,
        upload.scores,
        low,
        high,
        code="score_out_of_range",
        what=f"scores in [{low:g}, {high:g}]",
        advice=(
            f"if {function.name!r} has another range, create a function with it: "
            "create_external_eval_function(name, score_range=(low, high))"
        ),
        field="result_per_ref_id",
    )
    if upload.weights is not None:
        _refuse_outside(
            references,
            upload.weights,
            0.0,
            1.0,
            code="weight_out_of_range",
            what="weights in [0, 1]",
            advice="divide all weights by the largest one; the weighted mean stays the same",
            field="weight_per_ref_id",
        )


def _refuse_outside(
    references: Sequence[str],
    values: NDArray[np.float64],
    low: float,
    high: float,
    *,
    code: str,
    what: str,
    advice: str,
    field: str,
) -> None:
    outside = np.flatnonzero(~((values >= low) & (values <= high)))
    if not len(outside):
        return
    shown = outside[:MAX_LISTED]
    raise InvalidInput(
        f"expected {what}, got {len(outside)} outside, the first {values[shown[0]]!r} for {references[shown[0]]!r}: "
        f"{advice}",
        code=code,
        problems=[Problem(field, f"{values[i]!r} is outside [{low:g}, {high:g}]", references[i]) for i in shown],
        n_problems=len(outside),
    )


def _positions(
    ws: WorkspaceStore, test: ScenarioTest, ordinals: NDArray[np.int64], reference_ids: Sequence[str]
) -> tuple[NDArray[np.int64], int]:
    """Where each id stands in the member list, and how many members are deleted; every id must be a live member."""
    in_dataset = ws.reference_ids(test.dataset_key)
    members = in_dataset.gather(pl.Series(ordinals))
    n_deleted = members.null_count()
    sent = pl.Series(reference_ids, dtype=pl.String)
    # Most uploads name every member in slice order: comparing is five times cheaper than joining.
    if len(sent) == len(members) and n_deleted == 0 and bool((sent == members).all()):
        return np.arange(len(members)), n_deleted
    frame = pl.DataFrame({"id": sent}).join(
        pl.DataFrame({"id": members, "position": np.arange(len(members))}),
        on="id",
        how="left",
        maintain_order="left",
    )
    positions = frame["position"]
    if positions.null_count():
        _refuse_strangers(ws, test, in_dataset, frame.filter(pl.col("position").is_null())["id"])
    found: NDArray[np.int64] = positions.to_numpy()
    if len(np.unique(found)) != len(found):
        repeated = sent.filter(sent.is_duplicated()).unique(maintain_order=True)
        raise InvalidInput(
            f"expected every reference id once, got {listed(repeated.head(MAX_LISTED), len(repeated))} more than once",
            code="duplicate_reference_ids",
            problems=[Problem("result_per_ref_id", "more than one score", ref) for ref in repeated.head(MAX_LISTED)],
            n_problems=len(repeated),
        )
    return found, n_deleted


def _refuse_strangers(ws: WorkspaceStore, test: ScenarioTest, in_dataset: pl.Series, strangers: pl.Series) -> None:
    """Say of ids that are no live members what they are: unknown, deleted, or outside the slice; the worst first."""
    is_elsewhere = strangers.is_in(in_dataset.drop_nulls().implode())
    absent = strangers.filter(~is_elsewhere)
    deleted = ws.deleted_reference_ids(test.dataset_key, absent.to_list())
    unknown = [ref for ref in absent if ref not in deleted]
    outside = strangers.filter(is_elsewhere).to_list()
    if unknown:
        names, code = unknown, "unknown_reference_ids"
        what = f"dataset {test.dataset_id} has no items with these reference ids"
        advice = "append the items first, or correct the ids"
    elif deleted:
        names, code = sorted(deleted), "deleted_items"
        what = f"these items of dataset {test.dataset_id} were deleted"
        advice = "leave them out of the upload"
    else:
        names, code = outside, "items_outside_slice"
        what = f"these items are not in slice {test.slice_id} of scenario test {test.name!r}"
        advice = "leave them out, or append them to the slice first"
    raise InvalidInput(
        f"expected reference ids of the members of slice {test.slice_id}; {what}: "
        f"{listed(names[:MAX_LISTED], len(names))}. What to do: {advice}",
        code=code,
        problems=[Problem("result_per_ref_id", what, ref) for ref in names[:MAX_LISTED]],
        n_problems=len(names),
    )


def _check_overall(upload: ResultsUpload, mean: WeightedMean) -> None:
    sent = upload.overall_metric
    if sent is None:
        return
    tolerance = _OVERALL_TOLERANCE * max(abs(mean.value), mean.magnitude)
    if not math.isfinite(sent) or abs(sent - mean.value) > tolerance:
        raise InvalidInput(
            f"expected overall_metric to be the weighted mean of the results, {mean.value!r}, got {sent!r}: most often "
            "the caller's list names some reference ids more than once, so that results overwrote each other; send "
            "each id once",
            code="overall_metric_mismatch",
        )
