"""Upload of results by our SDK from columns and tables, to one test or once for several functions."""

from __future__ import annotations

from typing import Any

import polars as pl

import nucleus
from benchmarks import phases
from benchmarks.clients import columns


def upload(job: phases.Job, measured: phases.Phases) -> dict[str, Any]:
    """Upload the job's table for each of the job's models."""
    client = nucleus.NucleusClient(job["key"], endpoint=job["endpoint"])
    table = _table(job)
    if job["how"] == "three functions":
        dataset = client.get_dataset(job["dataset_id"])
        functions = dict(zip(job["functions"], ["score", "score_2", "score_3"], strict=True))
        with measured.measure("upload", repeats=len(job["model_ids"])):
            for model_id in job["model_ids"]:
                dataset.upload_scores(functions, model_id, table, weight="weight")
        return {}
    test = client.validate.get_scenario_test(job["test_id"])
    function = client.validate.eval_functions.external_functions[job["function"]]
    with measured.measure("upload", repeats=len(job["model_ids"])):
        for model_id in job["model_ids"]:
            test.upload_external_evaluation_results(function, table, model_id)
    return {}


def _table(job: phases.Job) -> Any:
    ids, scores, weights = columns.reference_ids(job), columns.numbers(job, "scores"), columns.numbers(job, "weights")
    if job["how"] == "numpy":
        return {"item_ref_id": ids, "score": scores, "weight": weights}
    if job["how"] == "lists":
        return {"item_ref_id": ids.tolist(), "score": scores.tolist(), "weight": weights.tolist()}
    table = pl.DataFrame({"item_ref_id": pl.Series(ids, dtype=pl.String), "score": scores, "weight": weights})
    if job["how"] == "three functions":
        return table.with_columns(score_2=1 - pl.col("score"), score_3=pl.col("score") ** 2)
    return table


if __name__ == "__main__":
    phases.run(upload)
