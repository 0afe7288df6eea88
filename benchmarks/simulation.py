"""Made-up evaluations whose truth is known: what the statistics of a verdict are accepted by."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Setting:
    """How scenes and scores are made.

    Attributes:
        number: The row, and the seed of its runs.
        n_scenes: Clusters.
        size: Items of a scene, on average.
        spread: The standard deviation of the logarithm of sizes.
        shared: The share of a score's variance that an item has in both models.
        within: Of the rest, the share that a scene's items have in common in one model.
        binary: The probability of 1, or None for continuous scores.
        weights: What the items' weights are drawn from.
    """

    number: int
    n_scenes: int
    size: float
    spread: float
    shared: float
    within: float
    binary: float | None
    weights: Literal["uniform", "equal", "pareto"]


ROWS = (
    Setting(1, 50, 1, 0, 0.6, 0, 0.5, "uniform"),
    Setting(2, 200, 1, 0, 0.6, 0, None, "uniform"),
    Setting(3, 1000, 1, 0, 0.3, 0, 0.8, "equal"),
    Setting(4, 8, 20, 0, 0.6, 0.5, None, "uniform"),
    Setting(5, 8, 20, 1, 0.6, 0.5, None, "uniform"),
    Setting(6, 12, 20, 1.5, 0.6, 0.5, None, "uniform"),
    Setting(7, 20, 20, 0, 0.6, 0.5, 0.5, "uniform"),
    Setting(8, 20, 20, 1, 0.6, 0.5, 0.9, "uniform"),
    Setting(9, 20, 20, 1, 0.6, 0.5, None, "pareto"),
    Setting(10, 50, 20, 1.5, 0.6, 0.5, None, "uniform"),
    Setting(11, 50, 20, 1, 0.8, 0.2, 0.99, "equal"),
    Setting(12, 100, 20, 1, 0.6, 0.5, None, "uniform"),
    Setting(13, 100, 5, 1, 0.3, 0.8, 0.7, "uniform"),
    Setting(14, 2000, 3, 1, 0.6, 0.3, None, "uniform"),
    Setting(15, 30, 50, 0.5, 0.9, 0.5, None, "equal"),
)
"""The acceptance settings."""


class Evaluations(NamedTuple):
    """Two models on the same items: float64 [n] each, and the scene of each item, int64 [n]."""

    baseline: Floats
    candidate: Floats
    weights: Floats
    scenes: NDArray[np.int64]


def drawn_scenes(rng: np.random.Generator, setting: Setting) -> NDArray[np.int64]:
    """The scene of each item, scenes of sizes round(size · lognormal with mean 1), at least 1."""
    factors = np.exp(rng.normal(0, setting.spread, setting.n_scenes) - setting.spread**2 / 2)
    sizes = np.maximum(1, np.rint(setting.size * factors)).astype(np.int64)
    return np.repeat(np.arange(setting.n_scenes), sizes)


def drawn_weights(rng: np.random.Generator, setting: Setting, n: int) -> Floats:
    """Of the items; those of Pareto's distribution with index 2 are scaled to at most 1."""
    if setting.weights == "uniform":
        return rng.uniform(0.2, 1, n)
    if setting.weights == "equal":
        return np.ones(n)
    weights = rng.pareto(2, n) + 1
    return weights / weights.max()


def score(setting: Setting, latent: Floats) -> Floats:
    """Of standard normal variables, shifted by the effect."""
    if setting.binary is None:
        return np.asarray(ndtr(latent))
    return (latent > ndtri(1 - setting.binary)).astype(np.float64)


def latent_pair(rng: np.random.Generator, setting: Setting, scenes: NDArray[np.int64]) -> tuple[Floats, Floats]:
    """Standard normal variables of two models: what items share, what scenes have of each model, and noise."""
    item = rng.normal(0, setting.shared**0.5, len(scenes))
    rest = 1 - setting.shared
    scene_sd, noise_sd = (rest * setting.within) ** 0.5, (rest * (1 - setting.within)) ** 0.5
    baseline, candidate = (
        item + rng.normal(0, scene_sd, setting.n_scenes)[scenes] + rng.normal(0, noise_sd, len(scenes))
        for _ in range(2)
    )
    return baseline, candidate


def evaluations(rng: np.random.Generator, setting: Setting, effect: float) -> Evaluations:
    """Two models that differ by an effect on the latent scale."""
    scenes = drawn_scenes(rng, setting)
    baseline, candidate = latent_pair(rng, setting, scenes)
    weights = drawn_weights(rng, setting, len(scenes))
    return Evaluations(score(setting, baseline), score(setting, candidate + effect), weights, scenes)


def true_difference(setting: Setting, effect: float) -> float:
    """What the difference of the weighted means is expected to be."""
    if setting.binary is None:
        return float(ndtr(effect / 2**0.5) - 0.5)
    return float(ndtr(effect - ndtri(1 - setting.binary)) - setting.binary)
