"""Many comparisons at once: p values adjusted so that a report of hundreds does not cry wolf."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from nucleus_metrics.errors import KernelInputError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray


def benjamini_hochberg(p_values: ArrayLike) -> NDArray[np.float64]:
    """Adjusted p values: rejecting those of at most q keeps the expected share of false discoveries at or below q.

    Args:
        p_values: float [n] in [0, 1], of tests that are independent or positively dependent; NaN stays NaN and counts for
            nothing.

    Returns:
        float64 [n] in [0, 1], in the order given.

    Raises:
        KernelInputError: A p value is outside [0, 1].

    Source: Benjamini and Hochberg 1995.

    >>> benjamini_hochberg([0.01, 0.04, 0.03]).round(3).tolist()
    [0.03, 0.04, 0.04]
    """
    p, order = _sorted(p_values)
    n = len(order)
    scaled = p[order] * n / np.arange(1, n + 1)
    return _in_order(p, order, np.minimum.accumulate(scaled[::-1])[::-1])


def holm(p_values: ArrayLike) -> NDArray[np.float64]:
    """Adjusted p values: rejecting those of at most q keeps the probability of any false rejection at or below q.

    Args:
        p_values: float [n] in [0, 1], dependent in any way; NaN stays NaN and counts for nothing.

    Returns:
        float64 [n] in [0, 1], in the order given.

    Raises:
        KernelInputError: A p value is outside [0, 1].

    Source: Holm 1979.

    >>> holm([0.01, 0.04, 0.03]).round(3).tolist()
    [0.03, 0.06, 0.06]
    """
    p, order = _sorted(p_values)
    n = len(order)
    return _in_order(p, order, np.maximum.accumulate(p[order] * np.arange(n, 0, -1)))


def _sorted(p_values: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.intp]]:
    """The p values, and the places of those that are there, smallest first."""
    p = np.asarray(p_values, dtype=np.float64)
    present = p[~np.isnan(p)]
    if p.ndim != 1 or (present < 0).any() or (present > 1).any():
        raise KernelInputError(f"expected p values in [0, 1] in one dimension, got {p!r}")
    order = np.argsort(p, kind="stable")
    return p, order[: len(present)]


def _in_order(p: NDArray[np.float64], order: NDArray[np.intp], adjusted: NDArray[np.float64]) -> NDArray[np.float64]:
    found = np.full(len(p), np.nan)
    found[order] = np.minimum(adjusted, 1.0)
    return found
