"""A verdict with its interval on two models' scores, from arrays."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks import phases
from nucleus_metrics import compare


def judge(job: phases.Job, measured: phases.Phases) -> dict[str, Any]:
    """Compare two models that differ a little, on members in clusters of a hundred."""
    n = int(job["n"])
    rng = np.random.default_rng(11)
    baseline = rng.beta(5, 2, n)
    candidate = np.clip(baseline + 0.05 * rng.standard_normal(n) + 0.002, 0, 1)
    weights = np.round(rng.uniform(0.001, 1.0, n), 3)
    scenes = rng.permutation(np.arange(n) // 100)
    compare(baseline[:1000], candidate[:1000])
    with measured.measure("compare", repeats=5):
        for _ in range(5):
            found = compare(baseline, candidate, weights=weights, clusters=scenes)
    return {"verdict": found.verdict.value, "n_clusters": found.n_clusters}


if __name__ == "__main__":
    phases.run(judge)
