"""Looking up reference ids: equal to a dictionary, whatever the order, repeats, deletions and equal hashes."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nucleus_server.services.reference_index import ABSENT, ReferenceIndex

ids = st.text(st.characters(exclude_characters="\0", exclude_categories=("Cs",)), min_size=0, max_size=6)


@given(
    stored=st.lists(ids, unique=True, max_size=40),
    deleted=st.sets(st.integers(0, 39)),
    sent=st.lists(ids, max_size=40),
    data=st.data(),
)
def test_as_a_dictionary(stored: list[str], deleted: set[int], sent: list[str], data: st.DataObject) -> None:
    """Every live id is found at its ordinal; unknown, deleted and repeated ids come out as they should."""
    live = [None if i in deleted else ref for i, ref in enumerate(stored)]
    wanted = sent + data.draw(st.lists(st.sampled_from(stored), max_size=40) if stored else st.just([]))
    known = {ref: i for i, ref in enumerate(live) if ref is not None}
    index = ReferenceIndex(pl.Series(live, dtype=pl.String))
    expected = data.draw(st.sampled_from([None, np.arange(len(wanted)) % max(1, len(stored))]))
    if not stored:
        expected = None
    found = index.ordinals_of(pl.Series(wanted, dtype=pl.String), expected)
    assert found.tolist() == [known.get(ref, ABSENT) for ref in wanted]


def test_in_the_expected_order() -> None:
    """Rows that follow the expected order are only compared; nothing is sorted."""
    index = ReferenceIndex(pl.Series(["a", "b", None, "c"]))
    found = index.ordinals_of(pl.Series(["c", "a"]), np.array([3, 0]))
    assert found.tolist() == [3, 0] and "_sorted_hashes" not in vars(index)


def test_equal_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ids with the same hash are told apart by their text."""

    def colliding(self: pl.Series, *seeds: int) -> pl.Series:
        return pl.Series([len(text or "") % 2 for text in self], dtype=pl.UInt64)

    monkeypatch.setattr(pl.Series, "hash", colliding)
    stored = ["a", "bb", "c", "dd", "e", "ff"]
    index = ReferenceIndex(pl.Series(stored))
    sent = ["ff", "a", "gg", "e", "x", "bb", "c", "dd"]
    assert index.ordinals_of(pl.Series(sent)).tolist() == [5, 0, ABSENT, 4, ABSENT, 1, 2, 3]
