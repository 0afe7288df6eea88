"""Where reference ids stand in a dataset: what joins millions of uploaded rows with the items that they name."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

if TYPE_CHECKING:
    from numpy.typing import NDArray

ABSENT = -1


class ReferenceIndex:
    """The live reference ids of a dataset by ordinal, to be asked for again and again.

    Rows that name items in an expected order are only compared. Others are looked up by 64-bit hashes, sorted once, and
    every hit is compared as text: a third of the time of a join, and no more memory than the hashes.
    """

    def __init__(self, reference_ids: pl.Series) -> None:
        """Of `reference_ids` by ordinal, null where the item is deleted."""
        self._ids = reference_ids

    def ordinals_of(self, sent: pl.Series, expected: NDArray[np.int64] | None = None) -> NDArray[np.int64]:
        """The ordinal of each id, `ABSENT` where no live item has it; int64 [n].

        Args:
            sent: Reference ids, without nulls.
            expected: int64 [n], ordinals that the rows probably name: right if the upload follows the order of its slice.
        """
        if expected is not None and len(expected) == len(sent) and self._ids.gather(expected).eq_missing(sent).all():
            return expected
        order, hashes = self._sorted_hashes
        if not len(hashes):
            return np.full(len(sent), ABSENT, dtype=np.int64)
        wanted = sent.hash().to_numpy()
        by_hash = np.argsort(wanted)  # sorted needles walk through the sorted hashes instead of jumping
        places = np.empty(len(sent), dtype=np.int64)
        places[by_hash] = np.minimum(np.searchsorted(hashes, wanted[by_hash]), len(hashes) - 1)
        ordinals = order[places]
        is_found = self._ids.gather(ordinals).eq_missing(sent).to_numpy()
        if not is_found.all():
            missed = np.flatnonzero(~is_found)
            ordinals[missed] = self._among_equal_hashes(sent.gather(missed), wanted[missed])
        return ordinals

    @cached_property
    def _sorted_hashes(self) -> tuple[NDArray[np.int64], NDArray[np.uint64]]:
        """Ordinals of live items by the hash of their ids, and the hashes, ascending."""
        live = np.flatnonzero(self._ids.is_not_null().to_numpy())
        hashes = self._ids.hash().to_numpy()[live]
        order = np.argsort(hashes)
        return live[order], hashes[order]

    def _among_equal_hashes(self, sent: pl.Series, wanted: NDArray[np.uint64]) -> NDArray[np.int64]:
        """The same for ids that are not the first of their hash: almost always ids that do not exist."""
        order, hashes = self._sorted_hashes
        found = np.full(len(sent), ABSENT, dtype=np.int64)
        first = np.searchsorted(hashes, wanted, side="left")
        last = np.searchsorted(hashes, wanted, side="right")
        for row in np.flatnonzero(last - first > 1):
            for place in range(first[row], last[row]):
                if self._ids[int(order[place])] == sent[int(row)]:
                    found[row] = order[place]
        return found
