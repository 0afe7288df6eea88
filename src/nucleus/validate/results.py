"""External results on their way out: one score per item, checked before anything is sent."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable

import msgspec

from nucleus._exceptions import InvalidUpload
from nucleus.validate.constants import EntityLevel

_MAX_LISTED = 20


class EvaluationResult(msgspec.Struct, frozen=True, kw_only=True):
    """The score of one item, scene or track.

    Attributes:
        track_ref_id: Reference id of a track.
        item_ref_id: Reference id of an item.
        scene_ref_id: Reference id of a scene. Exactly one of the three is given.
        score: In [0, 1], or in the function's score range.
        weight: In [0, 1]; how much the score counts in the weighted mean.

    Raises:
        ValueError: None or several of the reference ids are given, or the weight is outside [0, 1].
    """

    track_ref_id: str | None = None
    item_ref_id: str | None = None
    scene_ref_id: str | None = None
    score: float = 0.0
    weight: float = 1.0

    def __post_init__(self) -> None:
        if (self.item_ref_id is None) + (self.scene_ref_id is None) + (self.track_ref_id is None) != 2:
            raise ValueError("expected exactly one of track_ref_id, item_ref_id and scene_ref_id")
        if not 0 <= self.weight <= 1:
            raise ValueError(f"expected a weight in [0, 1], got {self.weight!r}: divide all weights by the largest one")


class UploadBody(msgspec.Struct):
    """What the upload route takes."""

    unit_test_id: str
    eval_function_id: str
    result_per_ref_id: dict[str, float]
    weight_per_ref_id: dict[str, float]
    overall_metric: float
    model_id: str
    slice_id: str
    level: str


def upload_body(
    results: Iterable[EvaluationResult],
    *,
    test_id: str,
    function_id: str,
    function_level: EntityLevel,
    model_id: str,
    slice_id: str,
) -> bytes:
    """The body of an upload.

    Raises:
        InvalidUpload: There are no results, or they mix levels, repeat a reference id, or have a score or weight that is
            not a finite number; the first 20 rows are named.
    """
    rows = list(results)
    if not rows:
        raise InvalidUpload("expected at least one result, got none")
    references, level = _references(rows)
    if level is not function_level:
        raise InvalidUpload(
            f"expected results at the level of the function, {function_level.value}, got {level.value}_ref_id"
        )
    scores = dict(zip(references, (row.score for row in rows)))
    weights = dict(zip(references, (row.weight for row in rows)))
    if len(scores) != len(rows):
        repeated = [ref for ref, n in Counter(references).items() if n > 1]
        raise InvalidUpload(_named("expected every reference id once", repeated, "given more than once"))
    _refuse_odd_numbers("score", scores)
    _refuse_odd_numbers("weight", weights)
    weight_sum = math.fsum(weights.values())
    if weight_sum == 0:
        raise InvalidUpload("expected at least one weight above 0, got only zeros: their weighted mean is undefined")
    return msgspec.json.encode(
        UploadBody(
            unit_test_id=test_id,
            eval_function_id=function_id,
            result_per_ref_id=scores,
            weight_per_ref_id=weights,
            overall_metric=math.fsum(scores[ref] * weights[ref] for ref in references) / weight_sum,
            model_id=model_id,
            slice_id=slice_id,
            level=level.value,
        )
    )


def _references(rows: list[EvaluationResult]) -> tuple[list[str], EntityLevel]:
    """The reference ids and their one level."""
    by_level = {
        EntityLevel.ITEM: [row.item_ref_id for row in rows if row.item_ref_id is not None],
        EntityLevel.SCENE: [row.scene_ref_id for row in rows if row.scene_ref_id is not None],
        EntityLevel.TRACK: [row.track_ref_id for row in rows if row.track_ref_id is not None],
    }
    present = [level for level, references in by_level.items() if references]
    if len(present) > 1:
        raise InvalidUpload(
            f"expected results at one level, got {' and '.join(level.value for level in present)}: upload each level to a "
            "function of its own"
        )
    return by_level[present[0]], present[0]


def _refuse_odd_numbers(what: str, values: dict[str, float]) -> None:
    # One pass in C over the types and one over the values: a million results cost a tenth of a second.
    if set(map(type, values.values())) <= {float, int} and all(map(math.isfinite, values.values())):
        return
    numbers = {ref: value for ref, value in values.items() if not _is_number(value)}
    if numbers:
        raise InvalidUpload(_named(f"expected a number as every {what}", list(numbers), "of another type"))
    converted = {ref: float(value) for ref, value in values.items()}
    odd = [ref for ref, value in converted.items() if not math.isfinite(value)]
    if odd:
        raise InvalidUpload(_named(f"expected a finite number as every {what}", odd, "NaN or infinite"))
    values.update(converted)  # numpy's numbers and the like


def _is_number(value: object) -> bool:
    return not isinstance(value, (bool, str, bytes)) and hasattr(value, "__float__")


def _named(expected: str, wrong: list[str], what: str) -> str:
    shown = ", ".join(repr(ref) for ref in wrong[:_MAX_LISTED])
    rest = f" and {len(wrong) - _MAX_LISTED} more" if len(wrong) > _MAX_LISTED else ""
    return f"{expected}, got {len(wrong)} {what}: {shown}{rest}"
