"""What can be wrong with uploaded scores, row by row: found in whole columns, named one by one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from nucleus_server.domain import EvalFunction
from nucleus_server.errors import MAX_LISTED, InvalidInput, Problem, listed

if TYPE_CHECKING:
    from numpy.typing import NDArray

ALL_FUNCTIONS = "*"


@dataclass(frozen=True, slots=True, eq=False)
class ScorePart:
    """Rows of an upload as they came over the wire, their types checked.

    Attributes:
        reference_ids: String [n], no nulls.
        scores: Function id → float64 [n], NaN where an item has no score by it.
        weights: Function id, or `ALL_FUNCTIONS` for those without their own → float64 [n]; absent means 1.
    """

    reference_ids: pl.Series
    scores: dict[str, NDArray[np.float64]]
    weights: dict[str, NDArray[np.float64]]

    @property
    def n_rows(self) -> int:
        """How many rows it has."""
        return len(self.reference_ids)

    def weights_of(self, function_id: str) -> NDArray[np.float64] | None:
        """The weights for one function; None if all are 1."""
        found = self.weights.get(function_id)
        return self.weights.get(ALL_FUNCTIONS) if found is None else found


@dataclass(frozen=True, slots=True)
class FieldNames:
    """What the sender calls the parts of a row, for errors to name them."""

    reference_id: str
    score: str
    weight: str


OFFICIAL_FIELDS = FieldNames("result_per_ref_id", "result_per_ref_id", "weight_per_ref_id")
OUR_FIELDS = FieldNames("reference_ids", "scores", "weights")


@dataclass(frozen=True, slots=True, eq=False)
class Finding:
    """Rows with the same thing wrong.

    Attributes:
        code: The error's public name.
        field: `reference_id`, `score` or `weight`.
        rows: int64 [k], from 0 over the whole upload.
        reference_ids: String [k].
        values: float64 [k]; None if the id itself is what is wrong.
        function: Whose score or weight it is; None if it is the row's id, or a weight that all functions share.
        problem: What is wrong, in words.
    """

    code: str
    field: str
    rows: NDArray[np.int64]
    reference_ids: pl.Series
    values: NDArray[np.float64] | None
    function: EvalFunction | None
    problem: str


def check_values(part: ScorePart, functions: Sequence[EvalFunction], first_row: int) -> Iterator[Finding]:
    """Scores outside a function's range, weights outside [0, 1], and numbers that are none."""
    for function in functions:
        scores = part.scores[function.id]
        low, high = function.score_min, function.score_max
        with np.errstate(invalid="ignore"):
            is_wrong = ~((scores >= low) & (scores <= high) | np.isnan(scores))
        is_infinite = np.isinf(scores)
        yield from _found(part, first_row, is_infinite, "non_finite_score", "score", scores, function, "is not finite")
        yield from _found(
            part,
            first_row,
            is_wrong & ~is_infinite,
            "score_out_of_range",
            "score",
            scores,
            function,
            f"is outside [{low:g}, {high:g}]",
        )
    by_id = {function.id: function for function in functions}
    for name, weights in part.weights.items():
        of = by_id.get(name)  # None: shared by all functions without their own
        is_finite = np.isfinite(weights)
        yield from _found(part, first_row, ~is_finite, "non_finite_weight", "weight", weights, of, "is not finite")
        with np.errstate(invalid="ignore"):
            is_wrong = is_finite & ~((weights >= 0) & (weights <= 1))
        yield from _found(part, first_row, is_wrong, "weight_out_of_range", "weight", weights, of, "is outside [0, 1]")


def _found(
    part: ScorePart,
    first_row: int,
    is_wrong: NDArray[np.bool_],
    code: str,
    field: str,
    values: NDArray[np.float64],
    function: EvalFunction | None,
    problem: str,
) -> Iterator[Finding]:
    if is_wrong.any():
        rows = np.flatnonzero(is_wrong)
        yield Finding(code, field, rows + first_row, part.reference_ids.gather(rows), values[rows], function, problem)


def id_finding(code: str, part: ScorePart, rows: NDArray[np.int64], first_row: int, problem: str) -> Finding:
    """Rows of a part whose ids are wrong."""
    return Finding(code, "reference_id", rows + first_row, part.reference_ids.gather(rows), None, None, problem)


@dataclass(frozen=True, slots=True)
class Target:
    """What the rows should be about, as errors name it."""

    dataset_id: str
    slice_id: str | None = None
    test_name: str | None = None
    noun: str = "item"


_ORDER = (
    "non_finite_score",
    "score_out_of_range",
    "non_finite_weight",
    "weight_out_of_range",
    "unknown_reference_ids",
    "deleted_items",
    "items_outside_slice",
    "duplicate_reference_ids",
)


def refusal(findings: Sequence[Finding], target: Target, fields: FieldNames) -> InvalidInput:
    """The error for what was found: of the worst kind, with its first rows and their number."""
    code = min((finding.code for finding in findings), key=_ORDER.index)
    chosen = [finding for finding in findings if finding.code == code]
    n_wrong = sum(len(finding.rows) for finding in chosen)
    field = getattr(fields, chosen[0].field)
    problems: list[Problem] = []
    for finding in chosen:
        shown = finding.reference_ids.head(MAX_LISTED).to_list()
        values = None if finding.values is None else finding.values[:MAX_LISTED].tolist()
        for i, reference_id in enumerate(shown):
            text = finding.problem if values is None else f"{values[i]!r} {finding.problem}"
            problems.append(Problem(field, text, reference_id))
    return InvalidInput(
        _sentence(code, chosen, n_wrong, target), code=code, problems=problems[:MAX_LISTED], n_problems=n_wrong
    )


def _sentence(code: str, findings: Sequence[Finding], n_wrong: int, target: Target) -> str:
    first = findings[0]
    if first.values is not None:
        return _number_sentence(code, findings, n_wrong, first.values[0].item())
    names = [name for finding in findings for name in finding.reference_ids.head(MAX_LISTED)][:MAX_LISTED]
    if code == "duplicate_reference_ids":
        return f"expected every reference id once, got {listed(names, n_wrong)} more than once: send one row for each"
    what, advice = {
        "unknown_reference_ids": (
            f"dataset {target.dataset_id} has no {target.noun}s with these reference ids",
            f"append the {target.noun}s first, or correct the ids",
        ),
        "deleted_items": (
            f"these {target.noun}s of dataset {target.dataset_id} were deleted",
            "leave them out of the upload",
        ),
        "items_outside_slice": (
            f"these {target.noun}s are not in slice {target.slice_id} of scenario test {target.test_name!r}",
            "leave them out, or append them to the slice first"
            if target.noun != "track"
            else "leave them out; a track is in a slice where annotations or predictions on its members name it",
        ),
    }[code]
    of = (
        f"{_members(target.noun)} of slice {target.slice_id}"
        if target.slice_id is not None
        else f"the dataset's {target.noun}s"
    )
    return f"expected reference ids of {of}; {what}: {listed(names, n_wrong)}. What to do: {advice}"


def _members(noun: str) -> str:
    return "the members" if noun == "item" else f"the {noun}s"


def _number_sentence(code: str, findings: Sequence[Finding], n_wrong: int, first_value: float) -> str:
    first = findings[0]
    example = f"got {n_wrong} outside, the first {first_value!r} for {first.reference_ids[0]!r}"
    if code == "score_out_of_range" and first.function is not None:
        low, high = first.function.score_min, first.function.score_max
        name = first.function.name
        advice = f"if {name!r} has another range, set it: set_eval_function_properties(id, score_range=(low, high))"
        if _looks_like_percent(findings, low, high):
            advice = f"they look like percent, which divided by 100 are right; {advice}"
        return f"expected scores in [{low:g}, {high:g}], {example}: {advice}"
    if code == "weight_out_of_range":
        return f"expected weights in [0, 1], {example}: divide all weights by the largest one; the weighted mean stays the same"
    what = "score" if code == "non_finite_score" else "weight"
    return (
        f"expected a finite number as every {what}, got {n_wrong} that are NaN or infinite, the first for "
        f"{first.reference_ids[0]!r}: leave these rows out"
    )


def _looks_like_percent(findings: Sequence[Finding], low: float, high: float) -> bool:
    """Whether all scores that are too large for [0, 1] would be right as percent, and not only just too large."""
    values = np.concatenate([f.values for f in findings if f.values is not None])
    return (low, high) == (0.0, 1.0) and bool((values > 1).all()) and 2 < values.max() <= 100


def bad_rows_frame(findings: Sequence[Finding]) -> pl.DataFrame:
    """Every bad row, in the order of rows: row, reference_id, function, field, value, problem."""
    frames = [
        pl.DataFrame(
            {
                "row": finding.rows,
                "reference_id": finding.reference_ids,
                "function": pl.repeat(
                    None if finding.function is None else finding.function.name,
                    len(finding.rows),
                    dtype=pl.String,
                    eager=True,
                ),
                "field": pl.repeat(finding.field, len(finding.rows), dtype=pl.String, eager=True),
                "value": pl.Series(finding.values, dtype=pl.Float64)
                if finding.values is not None
                else pl.repeat(None, len(finding.rows), dtype=pl.Float64, eager=True),
                "problem": pl.repeat(finding.problem, len(finding.rows), dtype=pl.String, eager=True),
            }
        )
        for finding in findings
    ]
    if not frames:
        return pl.DataFrame(
            schema={
                "row": pl.Int64,
                "reference_id": pl.String,
                "function": pl.String,
                "field": pl.String,
                "value": pl.Float64,
                "problem": pl.String,
            }
        )
    return pl.concat(frames).sort("row", maintain_order=True)
