"""Making scenario tests whose functions have been uploaded already, for many models."""

from __future__ import annotations

import time
from typing import Any

import nucleus
from benchmarks import phases


def make(job: phases.Job, measured: phases.Phases) -> dict[str, Any]:
    """Make a test for each function, and wait until the server has filled all of them."""
    client = nucleus.NucleusClient(job["key"], endpoint=job["endpoint"])
    functions = [client.validate.eval_functions.external_functions[name] for name in job["functions"]]
    with measured.measure("upload", repeats=len(functions)):
        tests = [client.validate.create_scenario_test(f.name, job["slice_id"], [f]) for f in functions]
        while client.status().jobs_running:
            time.sleep(0.1)
    return {"test_ids": [test.id for test in tests]}


if __name__ == "__main__":
    phases.run(make)
