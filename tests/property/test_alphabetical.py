"""A page of a list by reference id is what sorting the whole list would give."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nucleus_server.services import results

IDS = st.lists(st.text("ab\0é\U0001f600z", max_size=14), unique=True, max_size=40)


@given(ids=IDS, start=st.sampled_from(["", "image_", "é"]), gone=st.sets(st.integers(0, 39)), data=st.data())
def test_page_of_the_sorted_list(ids: list[str], start: str, gone: set[int], data: st.DataObject) -> None:
    """Ids that begin alike, ids of several bytes a character, and deleted items, which come last as the slice has them."""
    texts = [None if place in gone else start + text for place, text in enumerate(ids)]
    live = [place for place, text in enumerate(texts) if text is not None]
    offset, limit = data.draw(st.integers(0, 45)), data.draw(st.integers(1, 45))
    for is_descending in (False, True):
        in_order = sorted(live, key=lambda place: texts[place] or "", reverse=is_descending)
        expected = [*in_order, *(place for place, text in enumerate(texts) if text is None)]
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(results, "_FEW", 3)
            found = results.alphabetical(pl.Series(texts, dtype=pl.String), offset, limit, is_descending=is_descending)
        assert found.tolist() == expected[offset : offset + limit]
