"""External results on their way out: one score per item, checked before anything is sent."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence, Sized
from operator import attrgetter, mul
from typing import Any

import msgspec

from nucleus._columns import ListColumn, Texts, as_float, named
from nucleus._exceptions import InvalidUpload
from nucleus._tables import ROWS_AT_ONCE, Batch, Table, in_blocks, is_frame, table_of
from nucleus.validate.constants import EntityLevel


# Without the garbage collector's bookkeeping: results hold texts and numbers only, and there are millions of them.
class EvaluationResult(msgspec.Struct, frozen=True, kw_only=True, gc=False):
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
        # The common case at the least cost: scripts make a million of these.
        if (
            self.item_ref_id is not None
            and self.scene_ref_id is None
            and self.track_ref_id is None
            and type(self.weight) is float
            and 0.0 <= self.weight <= 1.0
        ):
            return
        if (self.item_ref_id is None) + (self.scene_ref_id is None) + (self.track_ref_id is None) != 2:
            raise ValueError("expected exactly one of track_ref_id, item_ref_id and scene_ref_id")
        if not _is_in_unit_interval(self.weight):
            raise ValueError(f"expected a weight in [0, 1], got {self.weight!r}: divide all weights by the largest one")


def _is_in_unit_interval(value: object) -> bool:
    try:
        return bool(0 <= value <= 1)  # type: ignore[operator]
    except TypeError:
        return False


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


REFERENCE_ID, SCORE, WEIGHT = "item_ref_id", "score", "weight"
"""The columns of a table of results, named like the fields of `EvaluationResult`."""


def result_table(results: Any, level: EntityLevel) -> Table:
    """Results of items, in any shape, as a table of the columns above; without a weight where a table has none.

    Raises:
        InvalidUpload: The results are in no shape that is known, or a column is missing.
    """
    if is_frame(results) or isinstance(results, Mapping) or hasattr(results, "columns"):
        return table_of(results, [REFERENCE_ID, SCORE], optional=[WEIGHT])
    if isinstance(results, (str, bytes)) or not isinstance(results, Iterable):
        raise InvalidUpload(
            f"expected EvaluationResult objects, a mapping of columns or a table, got {type(results).__name__}"
        )
    n_rows = len(results) if isinstance(results, Sized) else None
    return Table([REFERENCE_ID, SCORE, WEIGHT], _batches(results, level), n_rows)


def _batches(results: Iterable[EvaluationResult], level: EntityLevel) -> Iterator[Batch]:
    for block in in_blocks(results, ROWS_AT_ONCE):
        try:
            references = list(map(attrgetter("item_ref_id"), block))
            scores = list(map(attrgetter("score"), block))
            weights = list(map(attrgetter("weight"), block))
        except AttributeError:
            other = next(row for row in block if not isinstance(row, EvaluationResult))
            raise InvalidUpload(
                f"expected EvaluationResult objects, got {type(other).__name__}; a mapping of columns or a table will do too"
            ) from None
        yield Batch(
            len(block),
            {
                REFERENCE_ID: _References(references, block, level),
                SCORE: ListColumn(scores),
                WEIGHT: ListColumn(weights),
            },
        )


class _References(ListColumn):
    """Reference ids of results, which may be those of another level."""

    def __init__(self, references: list[str], block: Sequence[EvaluationResult], level: EntityLevel) -> None:
        super().__init__(references)
        self._block = block
        self._level = level

    def texts(self, start: int, stop: int) -> Texts:
        texts = super().texts(start, stop)
        if texts.odd:
            _references(list(self._block[start:stop]), self._level)  # which says so if the level is wrong
        return texts


def upload_body(
    results: Iterable[EvaluationResult],
    *,
    test_id: str,
    function_id: str,
    function_level: EntityLevel,
    score_range: tuple[float, float],
    model_id: str,
    slice_id: str,
) -> bytes:
    """The body of an upload.

    Raises:
        InvalidUpload: There are no results; they are not all at the function's level; a reference id is no text or is
            repeated; a score or weight is not a finite number; a score is outside the range; all weights are zero. The
            first 20 rows are named.
    """
    rows = list(results)
    if not rows:
        raise InvalidUpload("expected at least one result, got none")
    references = _references(rows, function_level)
    scores = dict(zip(references, map(attrgetter("score"), rows)))
    weights = dict(zip(references, map(attrgetter("weight"), rows)))
    if len(scores) != len(rows):
        repeated = [ref for ref, n in Counter(references).items() if n > 1]
        raise InvalidUpload(named("expected every reference id once", repeated, "given more than once"))
    _take_numbers_only("score", scores)
    _take_numbers_only("weight", weights)
    low, high = score_range
    if min(scores.values()) < low or max(scores.values()) > high:
        outside = [ref for ref, score in scores.items() if not low <= score <= high]
        raise InvalidUpload(
            named(f"expected every score in [{low:g}, {high:g}]", outside, "outside")
            + "; for scores of another range, create the function with score_range=(lowest, highest)"
        )
    weight_sum = math.fsum(weights.values())
    if weight_sum == 0:
        raise InvalidUpload("expected at least one weight above 0, got only zeros: their weighted mean is undefined")
    return msgspec.json.encode(
        UploadBody(
            unit_test_id=test_id,
            eval_function_id=function_id,
            result_per_ref_id=scores,
            weight_per_ref_id=weights,
            overall_metric=math.fsum(map(mul, scores.values(), weights.values())) / weight_sum,
            model_id=model_id,
            slice_id=slice_id,
            level=function_level.value,
        )
    )


def _references(rows: list[EvaluationResult], level: EntityLevel) -> list[str]:
    attribute = f"{level.value}_ref_id"
    references = list(map(attrgetter(attribute), rows))
    if set(map(type, references)) == {str}:
        return references
    others = [
        str(row.item_ref_id or row.scene_ref_id or row.track_ref_id)
        for row, reference in zip(rows, references)
        if reference is None
    ]
    if others:
        where = "at the level of the function" if len(others) == len(rows) else "at one level"
        raise InvalidUpload(
            named(f"expected all results {where}, {level.value}", others, f"without {attribute}")
            + "; upload each level to a function of its own"
        )
    odd = [reference for reference in references if not isinstance(reference, str)]
    if odd:
        raise InvalidUpload(named("expected every reference id as a text", odd, "of another type"))
    return list(map(str, references))  # numpy's texts and the like


def _take_numbers_only(what: str, values: dict[str, float]) -> None:
    """Refuse what is no finite number, and turn numpy's numbers and the like into Python's."""
    if set(map(type, values.values())) != {float}:
        numbers = {ref: number for ref, value in values.items() if (number := as_float(value)) is not None}
        if len(numbers) < len(values):
            others = [ref for ref in values if ref not in numbers]
            raise InvalidUpload(named(f"expected a number as every {what}", others, "of another type"))
        values.update(numbers)
    if not all(map(math.isfinite, values.values())):
        odd = [ref for ref, value in values.items() if not math.isfinite(value)]
        raise InvalidUpload(named(f"expected a finite number as every {what}", odd, "NaN or infinite"))
