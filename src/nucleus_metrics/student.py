"""Quantiles of Student's t distribution, with numpy's base install only."""

from __future__ import annotations

import math
from functools import lru_cache
from statistics import NormalDist

from nucleus_metrics.errors import KernelInputError

_SERIES_UP_TO = 200  # degrees of freedom; above, the expansion is right to 1e-9


@lru_cache(maxsize=256)
def t_quantile(probability: float, degrees_of_freedom: int) -> float:
    """The value that a t variable with these degrees of freedom stays below with this probability.

    Args:
        probability: In (0, 1).
        degrees_of_freedom: At least 1.

    Raises:
        KernelInputError: An argument is outside its range.

    Source: Abramowitz and Stegun 1964, 26.7.3 and 26.7.4 (the distribution as a finite series), inverted by bisection; above
    200 degrees of freedom 26.7.5 (an expansion around the normal quantile).

    >>> round(t_quantile(0.975, 7), 6)
    2.364624
    """
    if not 0 < probability < 1 or degrees_of_freedom < 1:
        raise KernelInputError(
            f"expected a probability in (0, 1) and at least 1 degree of freedom, got {probability} and {degrees_of_freedom}"
        )
    if probability == 0.5:
        return 0.0
    if probability < 0.5:
        return -t_quantile(1 - probability, degrees_of_freedom)
    if degrees_of_freedom > _SERIES_UP_TO:
        return _expanded(NormalDist().inv_cdf(probability), degrees_of_freedom)
    low, high = 0.0, 1.0
    while _distribution(high, degrees_of_freedom) < probability:
        low, high = high, 2 * high
    while low < (middle := (low + high) / 2) < high:
        if _distribution(middle, degrees_of_freedom) < probability:
            low = middle
        else:
            high = middle
    return high


def _distribution(t: float, n: int) -> float:
    """P(T <= t) for t >= 0 and whole n."""
    angle = math.atan(t / math.sqrt(n))
    cosine, sine = math.cos(angle), math.sin(angle)
    total = term = cosine if n % 2 else 1.0
    for k in range(3 if n % 2 else 2, n - 1, 2):
        term *= (k - 1) / k * cosine * cosine
        total += term
    if n == 1:
        inner = 2 * angle / math.pi
    elif n % 2:
        inner = 2 / math.pi * (angle + sine * total)
    else:
        inner = sine * total
    return 0.5 + inner / 2


def _expanded(x: float, n: int) -> float:
    y = x * x
    return x + x * (
        (y + 1) / (4 * n)
        + ((5 * y + 16) * y + 3) / (96 * n**2)
        + (((3 * y + 19) * y + 17) * y - 15) / (384 * n**3)
        + ((((79 * y + 776) * y + 1482) * y - 1920) * y - 945) / (92160 * n**4)
    )
