"""Columns of scores, weights and cluster labels: checked, and labels as numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from nucleus_metrics.errors import KernelInputError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray


def checked_columns(
    baseline: ArrayLike,
    candidate: ArrayLike,
    weights: ArrayLike | None,
    clusters: Sequence[Any] | NDArray[Any] | None,
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], NDArray[Any] | None]:
    """The columns as arrays of one length; raises KernelInputError if they are none."""
    a, b = np.asarray(baseline, dtype=np.float64), np.asarray(candidate, dtype=np.float64)
    w = np.ones(a.shape) if weights is None else np.asarray(weights, dtype=np.float64)
    labels = None if clusters is None else np.asarray(clusters)
    shapes = [x.shape for x in (a, b, w)] + ([] if labels is None else [labels.shape])
    if a.ndim != 1 or len(set(shapes)) != 1:
        raise KernelInputError(f"expected columns of one dimension and of equal lengths, got shapes {shapes}")
    if np.isinf(a).any() or np.isinf(b).any():
        raise KernelInputError("expected finite scores, or NaN where there is none, got an infinite one")
    if not np.isfinite(w).all() or (w < 0).any():
        raise KernelInputError("expected finite weights of at least 0, got others")
    return a, b, w, labels


def cluster_codes(labels: NDArray[Any]) -> NDArray[np.int64]:
    """A number from 0 on for each label, the same for equal ones, in the order of the labels: not of the members."""
    if labels.dtype.kind in "iu" and len(labels) and labels.min() >= 0 and labels.max() < 4 * len(labels):
        # Small whole numbers are counted instead of sorted: a tenth of the time.
        numbers = labels.astype(np.int64, copy=False)
        is_there = np.bincount(numbers) > 0
        if is_there.all():
            return numbers
        places = np.cumsum(is_there) - 1
        return np.asarray(places[numbers], dtype=np.int64)
    if labels.dtype.kind in "USO":
        # Looked up in a dict, and only the different ones sorted: a quarter of the time of sorting all.
        values = labels.tolist()
        different = set(values)
        is_mixed = len({type(value) for value in different}) > 1
        if is_mixed or (len(different) < len(values) / 2 and all(value == value for value in different)):
            numbers_by_value = {value: number for number, value in enumerate(_in_order(different, is_mixed))}
            return np.fromiter(map(numbers_by_value.__getitem__, values), dtype=np.int64, count=len(values))
    return np.asarray(np.unique(labels, return_inverse=True)[1], dtype=np.int64)


def _in_order(labels: set[Any], is_mixed: bool) -> list[Any]:
    """Labels of several types, such as texts and None, have no order of their own: theirs is that of types, then of texts."""
    return sorted(labels, key=(lambda label: (type(label).__name__, str(label))) if is_mixed else None)


def summed(
    codes: NDArray[np.intp] | NDArray[np.int64] | None, values: NDArray[np.float64], n: int
) -> NDArray[np.float64]:
    """The sum of the values of each code, float64 [n]; without codes each value is its own sum."""
    if codes is None:
        return values
    return np.asarray(np.bincount(codes, weights=values, minlength=n), dtype=np.float64)
