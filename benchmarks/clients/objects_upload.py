"""Upload of results as `EvaluationResult` objects: one script for our SDK and, in its own environment, the official client."""

from __future__ import annotations

from typing import Any

import nucleus
from benchmarks import phases
from benchmarks.clients import columns
from nucleus.validate import EvaluationResult


def upload(job: phases.Job, measured: phases.Phases) -> dict[str, Any]:
    """Build the objects, then upload them for each of the job's models; `generator` builds them while it uploads."""
    rows = list(zip(*columns.as_lists(job)))
    client = nucleus.NucleusClient(job["key"], endpoint=job["endpoint"])
    test = client.validate.get_scenario_test(job["test_id"])
    function = client.validate.eval_functions.external_functions[job["function"]]
    if job["how"] == "generator":
        with measured.measure("upload", repeats=len(job["model_ids"])):
            for model_id in job["model_ids"]:
                lazy = (EvaluationResult(item_ref_id=ref, score=score, weight=weight) for ref, score, weight in rows)
                test.upload_external_evaluation_results(function, lazy, model_id)
        return {}
    with measured.measure("build"):
        results = [EvaluationResult(item_ref_id=ref, score=score, weight=weight) for ref, score, weight in rows]
    with measured.measure("upload", repeats=len(job["model_ids"])):
        for model_id in job["model_ids"]:
            test.upload_external_evaluation_results(function, results, model_id)
    return {}


if __name__ == "__main__":
    phases.run(upload)
