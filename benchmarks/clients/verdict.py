"""Verdicts with their intervals on two models' scores, from arrays."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks import phases
from nucleus_metrics import compare

_REPORT = 180


def judge(job: phases.Job, measured: phases.Phases) -> dict[str, Any]:
    """Compare two models on members in clusters of a hundred; or 180 pairs of models, as a report does."""
    n = int(job["n"])
    rng = np.random.default_rng(11)
    baseline = rng.beta(5, 2, n)
    noise = 0.05 * rng.standard_normal(n)
    weights = np.round(rng.uniform(0.001, 1.0, n), 3)
    scenes = rng.permutation(np.arange(n) // 100)
    if job["case"] == "report":
        # Most models of a report are alike, some are clearly different.
        pairs = [(baseline, baseline + rng.permutation(noise) + 0.01 * (i % 10 == 0)) for i in range(_REPORT)]
        with measured.measure("compare"):
            found = [compare(a, b, weights=weights) for a, b in pairs]
        return {"n_rejected": sum(one.p_value <= 0.05 for one in found)}
    # Two standard errors from nothing p is near 0.05, seven are far beyond its floor; both are made from the data.
    even = compare(baseline, baseline + noise, weights=weights, clusters=scenes)
    shift = (7 if job["case"] == "clear" else 1.96) * even.standard_error - even.delta
    candidate = baseline + noise + shift
    with measured.measure("compare", repeats=5):
        for _ in range(5):
            one = compare(baseline, candidate, weights=weights, clusters=scenes)
    return {"verdict": one.verdict.value, "n_clusters": one.n_clusters, "p_value": one.p_value, "n_draws": one.n_draws}


if __name__ == "__main__":
    phases.run(judge)
