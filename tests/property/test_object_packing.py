"""Annotations and predictions come back from their packed form as they were sent."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nucleus_server.domain import (
    LARGEST_WHOLE,
    AnyObject,
    Box,
    BoxGeometry,
    Category,
    Cuboid,
    CuboidGeometry,
    Dimensions,
    Keypoint,
    Keypoints,
    KeypointsGeometry,
    Line,
    Mask,
    Multicategory,
    NoGeometry,
    ObjectKind,
    Point,
    Polygon,
    Segment,
    Vector,
    Vertices,
)
from nucleus_server.storage import ids
from nucleus_server.storage.object_columns import kind_of, labels_of, pack, unpack, unpack_labels, unpack_numbers

texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=6)
numbers = st.integers(-LARGEST_WHOLE, LARGEST_WHOLE) | st.floats(allow_nan=False, allow_infinity=False)
sizes = st.integers(0, LARGEST_WHOLE) | st.floats(0, allow_infinity=False)
shares = st.integers(0, 1) | st.floats(0, 1)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | numbers | texts,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(texts, inner, max_size=2),
    max_leaves=4,
)
points = st.builds(Point, numbers, numbers)
shared = {
    "reference_id": st.just("item"),
    "metadata": st.none() | st.dictionaries(texts, json_values, max_size=2),
    "track_reference_id": st.none() | texts,
    "confidence": st.none() | shares,
    "class_pdf": st.none() | st.dictionaries(texts, shares, max_size=2),
}
geometric: dict[str, Any] = {
    **shared,
    "label": texts,
    "annotation_id": st.none() | texts,
    "task_id": st.none() | texts,
    "embedding_vector": st.none() | st.lists(numbers, max_size=3),
}
keypoints = st.builds(Keypoint, st.none() | numbers, st.none() | numbers, st.none() | st.booleans() | st.integers(0, 2))
segments = st.builds(
    Segment, label=texts, index=st.integers(0, LARGEST_WHOLE), metadata=st.none() | st.dictionaries(texts, json_values)
)
KINDS: dict[ObjectKind, st.SearchStrategy[AnyObject]] = {
    ObjectKind.BOX: st.builds(Box, geometry=st.builds(BoxGeometry, numbers, numbers, sizes, sizes), **geometric),
    ObjectKind.LINE: st.builds(Line, geometry=st.builds(Vertices, st.lists(points, max_size=4)), **geometric),
    ObjectKind.POLYGON: st.builds(Polygon, geometry=st.builds(Vertices, st.lists(points, max_size=4)), **geometric),
    ObjectKind.KEYPOINTS: st.builds(
        Keypoints,
        geometry=st.builds(
            KeypointsGeometry,
            st.lists(keypoints, max_size=3),
            st.lists(texts, max_size=3),
            st.none() | st.lists(st.lists(st.integers(0, 5), min_size=2, max_size=2), max_size=2),
        ),
        **geometric,
    ),
    ObjectKind.CUBOID: st.builds(
        Cuboid,
        geometry=st.builds(
            CuboidGeometry,
            st.builds(Vector, numbers, numbers, numbers),
            st.builds(Dimensions, sizes, sizes, sizes),
            numbers,
        ),
        **geometric,
    ),
    ObjectKind.CATEGORY: st.builds(
        Category, label=texts, geometry=st.just(NoGeometry()), taxonomy_name=st.none() | texts, **shared
    ),
    ObjectKind.MULTICATEGORY: st.builds(
        Multicategory,
        labels=st.lists(texts, max_size=3),
        geometry=st.just(NoGeometry()),
        taxonomy_name=st.none() | texts,
        **shared,
    ),
    ObjectKind.MASK: st.builds(
        Mask, mask_url=texts, annotations=st.lists(segments, max_size=3), annotation_id=st.none() | texts, **shared
    ),
}


@pytest.mark.parametrize("kind", list(ObjectKind), ids=lambda kind: kind.value)
@given(data=st.data())
def test_objects_come_back_as_they_were_sent(kind: ObjectKind, data: st.DataObject) -> None:
    """Every text, and every number as the same int or float, down to the sign of zero."""
    objects = data.draw(st.lists(KINDS[kind], max_size=4))
    sequences = data.draw(st.lists(st.integers(0, 2**20), min_size=len(objects), max_size=len(objects)))
    packed, details = pack(kind, objects, sequences)
    found, found_sequences = unpack(kind, packed, details, "item")
    assert [repr(value) for value in found] == [repr(value) for value in objects]
    assert found_sequences == sequences
    assert all(kind_of(value) is kind for value in found)
    assert unpack_labels(packed) == labels_of(objects)
    assert unpack_numbers(packed).sequences.tolist() == sequences


@given(st.lists(KINDS[ObjectKind.BOX], min_size=1, max_size=4))
def test_numbers_of_boxes_are_read_without_objects(boxes: list[Any]) -> None:
    """Four coordinates for each, its label's code, and its confidence or NaN."""
    found = unpack_numbers(pack(ObjectKind.BOX, boxes, range(len(boxes)))[0])
    sent = np.array(
        [[b.geometry.x, b.geometry.y, b.geometry.width, b.geometry.height] for b in boxes], dtype=np.float64
    )
    np.testing.assert_array_equal(found.numbers.reshape(-1, 4), sent)
    assert [found.labels[code] for code in found.codes] == [b.label for b in boxes]
    confidences = [np.nan if b.confidence is None else b.confidence for b in boxes]
    if found.confidences is None:
        assert np.isnan(confidences).all()
    else:
        np.testing.assert_array_equal(found.confidences, confidences)


@given(st.sampled_from(["ann", "pred"]), st.integers(0, 2**62), st.integers(0, 2**20))
def test_public_ids_of_objects_name_row_and_sequence(prefix: str, row_key: int, sequence: int) -> None:
    """Within 24 characters, and back."""
    text = ids.object_id(prefix, row_key, sequence)
    assert len(text.partition("_")[2]) == 20
    assert ids.parse_object_id(text) == (prefix, row_key, sequence)


@given(data=st.data())
def test_wire_form_comes_back(data: st.DataObject) -> None:
    """What is decoded from a body encodes to a body that decodes to the same."""
    value = data.draw(st.one_of(*KINDS.values()))
    assert msgspec.json.decode(msgspec.json.encode(value), type=AnyObject) == value
