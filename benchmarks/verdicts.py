"""Verdicts of members of every size, and of a whole report."""

from __future__ import annotations

from benchmarks.bench import Bench, with_phase
from benchmarks.environments import OUR_PYTHON
from benchmarks.measurement import OURS, Measurement

TASK = "a paired verdict with its interval"
CLEAR = "a clear difference, p at its floor"
CLOSE = "p near 0.05, more draws"
TASK_REPORT = "180 paired verdicts of one process"


def measure_verdict(bench: Bench) -> None:
    """Two models on members in scenes of a hundred, from arrays; and a report of 180 comparisons of 10,000 items each."""
    for n in (10_000, 100_000) if bench.is_quick else (10_000, 100_000, 1_000_000):
        for way, case in ((CLEAR, "clear"), (CLOSE, "close")):
            plan = Measurement("compute", TASK, way, OURS, n, "arrays")
            run = bench.run("verdict", OUR_PYTHON, {"n": n, "case": case}, plan)
            if run is not None:
                assert run.found["n_clusters"] == n // 100, run.found
                assert case != "clear" or (run.found["verdict"] == "better" and run.found["p_value"] <= 1e-6), run.found
                bench.add(with_phase(plan, run, "compare"))
    plan = Measurement("compute", TASK_REPORT, "each item its own cluster", OURS, 10_000, "arrays")
    run = bench.run("verdict", OUR_PYTHON, {"n": 10_000, "case": "report"}, plan)
    if run is not None:
        bench.add(with_phase(plan, run, "compare"))
