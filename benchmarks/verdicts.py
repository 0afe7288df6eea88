"""A verdict over a million members."""

from __future__ import annotations

from benchmarks.bench import Bench, with_phase
from benchmarks.environments import OUR_PYTHON
from benchmarks.measurement import OURS, Measurement

TASK = "a paired verdict with its interval"


def measure_verdict(bench: Bench) -> None:
    """Two models on members in scenes of a hundred, from arrays."""
    n = 100_000 if bench.is_quick else 1_000_000
    plan = Measurement("compute", TASK, f"{n // 100:,} scenes", OURS, n, "arrays")
    run = bench.run("verdict", OUR_PYTHON, {"n": n}, plan)
    if run is not None:
        assert run.found == {"verdict": "better", "n_clusters": n // 100}, run.found
        bench.add(with_phase(plan, run, "compare"))
