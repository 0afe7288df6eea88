"""Boxes as columns are the boxes that objects are, whatever their numbers."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from nucleus import BoxAnnotation
from nucleus._annotation_columns import column_stages, number_texts
from nucleus._annotation_json import encode, wire_form
from nucleus._annotation_upload import whole_items

FINITE = st.floats(allow_nan=False, allow_infinity=False)
NUMBERS = FINITE | st.integers(-(2**53), 2**53)
SIZES = NUMBERS.map(abs)
BOXES = st.tuples(st.sampled_from("abcd"), st.text("xyü,e", min_size=1), NUMBERS, NUMBERS, SIZES, SIZES)


@given(st.lists(FINITE) | st.lists(NUMBERS))
def test_numbers_are_written_as_python_does(numbers: list[Any]) -> None:
    """Ids of boxes are made of them, so not a character may differ."""
    assert number_texts(numbers) == list(map(str, numbers))


@given(st.lists(BOXES, min_size=1, unique=True), st.integers(1, 7))
def test_columns_are_batched_and_encoded_as_objects_are(rows: list[Any], size: int) -> None:
    """The same requests: all boxes of an item in one, in their order."""
    boxes = [BoxAnnotation(label, *xywh, reference_id=reference) for reference, label, *xywh in rows]
    from_objects = [[json.loads(encode(wire_form(box))) for box in batch] for batch in whole_items(boxes, size)]
    references, labels, x, y, width, height = map(list, zip(*rows))
    columns = {"reference_id": references, "label": labels, "x": x, "y": y, "width": width, "height": height}
    (batches,) = column_stages(columns, size)
    assert [json.loads(encode(batch.wire_forms())) for batch in batches] == from_objects
    assert len({box["reference_id"] for batch in from_objects for box in batch}) == sum(
        len({box["reference_id"] for box in batch}) for batch in from_objects
    )
