"""A module of a user's, which other processes import."""

from __future__ import annotations

import nucleus


@nucleus.external_function("closeness", score_range=(0, 10), unit="points")
def closeness(item: nucleus.DatasetItem, prediction: float) -> tuple[float, float]:
    """How close the prediction is.

    Only the first line is the description.
    """
    assert item.metadata is not None
    return 10.0 / (1.0 + abs(prediction - item.metadata["truth"])), 0.5


@nucleus.external_function("hidden")
def hidden_function(item: nucleus.DatasetItem, prediction: float) -> float:
    """A function whose name leads to another object."""
    return prediction


hidden_function_itself = hidden_function
del hidden_function
