"""Columns in memory: which are kept, and for whom."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from nucleus_server.storage.kept_columns import KeptColumns, Place


def test_the_columns_used_last_are_kept() -> None:
    """Up to the bound; one that was asked for again stays longer than one that was not."""
    kept = KeptColumns(most_bytes=8 * 30)
    read: list[int] = []

    def get(row_key: int, n: int = 10, workspace_key: int = 1) -> np.ndarray:
        def load() -> np.ndarray:
            read.append(row_key)
            return np.full(n, float(row_key))

        return kept.get(Place(workspace_key, "score", row_key, n), load)

    for row_key in (1, 2, 3, 1, 4):
        assert get(row_key)[0] == row_key
    assert read == [1, 2, 3, 4] and kept.n_bytes == 8 * 30
    get(1)
    get(2)
    assert read == [1, 2, 3, 4, 2]
    get(2, workspace_key=2)
    get(2, n=9)
    assert read[5:] == [2, 2]
    assert kept.n_bytes <= 8 * 30


def test_what_is_kept_cannot_be_changed_and_is_not_too_large() -> None:
    """A column that would drive out most others is read every time, and is read only like all."""
    kept = KeptColumns(most_bytes=100)
    place = Place(1, "score", 1, 20)
    first, second = (kept.get(place, lambda: np.zeros(20)) for _ in range(2))
    assert first is not second and kept.n_bytes == 0
    with pytest.raises(ValueError, match="read-only"):
        first[0] = 1.0


def test_threads_do_not_count_a_column_twice() -> None:
    """Two that read the same one at the same time keep one of them."""
    kept = KeptColumns(most_bytes=1_000)
    both_read = threading.Barrier(2, timeout=10)

    def load() -> np.ndarray:
        both_read.wait()
        return np.zeros(10)

    threads = [threading.Thread(target=lambda: kept.get(Place(1, "score", 1, 10), load)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert kept.n_bytes == 80
