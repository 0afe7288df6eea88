"""Packed columns, ids, and pages of sorted results."""

from __future__ import annotations

import struct
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from nucleus_server.services.results import smallest
from nucleus_server.storage import columns, ids

floats = arrays(np.float64, st.integers(0, 50), elements=st.floats(allow_nan=True, allow_infinity=False))


@given(floats)
def test_scores_and_weights_come_back_bit_for_bit(values: np.ndarray) -> None:
    """NaN, the smallest and the largest float included."""
    n = len(values)
    assert columns.unpack_scores([columns.pack_scores(values)], n).tobytes() == values.tobytes()
    assert columns.unpack_weights([columns.pack_weights(values)], n).tobytes() == values.tobytes()


@given(st.lists(st.none() | st.text(st.characters(exclude_categories=["Cs"]), max_size=8), max_size=30))
def test_texts_come_back(values: list[str | None]) -> None:
    """In chunks of any size, with gaps."""
    chunks = [columns.pack_texts(values[i : i + 7]) for i in range(0, len(values), 7)]
    assert columns.unpack_texts(chunks).to_list() == values


@given(st.lists(st.integers(0, 2**62), max_size=30))
def test_ordinals_come_back(values: list[int]) -> None:
    """64 bits of them."""
    packed = columns.pack_ordinals(np.array(values, dtype=np.int64))
    assert columns.unpack_ordinals([packed], len(values)).tolist() == values


def test_split_cuts_at_chunk_borders() -> None:
    """Chunk numbers continue, and all chunks but the last are full."""
    n = columns.CHUNK
    parts = list(columns.split(np.arange(2 * n + 1), start=3 * n))
    assert [(number, len(part)) for number, part in parts] == [(3, n), (4, n), (5, 1)]


def test_scores_are_raw_little_endian() -> None:
    """So that the database can cut out one member by its place."""
    packed = columns.pack_scores(np.array([0.5, 0.25]))
    assert struct.unpack("<d", packed[8:16]) == (0.25,)


@given(st.integers(0, 36**7 - 1))
def test_item_ids_are_read_back(ordinal: int) -> None:
    """Prefix and ordinal, in 23 characters."""
    prefix = ids.new_item_prefix()
    text = ids.item_id(prefix, ordinal)
    assert len(text) == 23 and ids.parse_item_id(text) == (prefix, ordinal)


@given(st.text(max_size=30))
def test_other_texts_are_no_item_ids(text: str) -> None:
    """None, unless it is exactly of the form."""
    parsed = ids.parse_item_id(text)
    assert parsed is None or ids.item_id(*parsed) == text


@given(
    arrays(np.float64, st.integers(0, 60), elements=st.sampled_from([0.0, 0.25, 0.5, 1.0])),
    st.integers(1, 17),
)
def test_pages_are_one_sorted_list(values: np.ndarray, size: int) -> None:
    """Concatenated pages are the stable ascending order of all scores: no gap, no overlap, ties in member order."""
    pages = [smallest(values, offset, size) for offset in range(0, len(values) + size, size)]
    assert np.concatenate(pages).tolist() == np.argsort(values, kind="stable").tolist()


plain = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=4)
)


@given(
    st.sampled_from(
        [st.booleans(), st.integers(-(2**63) + 1, 2**63 - 1), st.floats(allow_nan=False), st.text(max_size=4)]
    ),
    st.data(),
)
def test_values_of_one_type_come_back(kind: st.SearchStrategy[object], data: st.DataObject) -> None:
    """As they were, with gaps."""
    values = data.draw(st.lists(st.none() | kind, max_size=20))
    texts = [None if v is None else v.encode("utf-8", "ignore").decode() if isinstance(v, str) else v for v in values]
    assert columns.unpack_values(columns.pack_values(texts)).to_list() == texts  # type: ignore[arg-type]


@given(st.lists(plain, max_size=20), st.lists(plain, max_size=20), st.integers(0, 3))
def test_any_values_can_be_packed_and_joined(first: list[Any], second: list[Any], gap: int) -> None:
    """Mixed types and giants become texts; what was absent is null; lengths hold."""
    first, second = (
        [v.encode("utf-8", "ignore").decode() if isinstance(v, str) else v for v in x] for x in (first, second)
    )
    parts = [
        (columns.unpack_values(columns.pack_values(first)), len(first) + gap),
        (None, gap),
        (columns.unpack_values(columns.pack_values(second)), len(second)),
    ]
    joined = columns.joined_values(parts)
    assert len(joined) == len(first) + len(second) + 2 * gap
    nulls = [v is None for v in first] + [True] * (2 * gap) + [v is None for v in second]
    assert joined.is_null().to_list() == nulls
