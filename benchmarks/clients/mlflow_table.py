"""MLflow's `log_table` and `load_table`, in its own environment, on a local SQLite store with artifacts in a folder."""

from __future__ import annotations

import os
import warnings
from typing import Any

os.environ |= {"MLFLOW_DISABLE_TELEMETRY": "true", "GIT_PYTHON_REFRESH": "quiet"}

import mlflow  # type: ignore[import-not-found]

from benchmarks import phases

_EXPERIMENT = "scores"


def work(job: phases.Job, measured: phases.Phases) -> dict[str, Any]:
    """Log a table for each of the job's models, or do one of the readings."""
    warnings.simplefilter("ignore")
    mlflow.set_tracking_uri(f"sqlite:///{job['folder']}/mlflow.db")
    if job["do"] == "prepare":  # the store's schema, made once
        mlflow.create_experiment(_EXPERIMENT, artifact_location=f"file://{job['folder']}/artifacts")
        return {}
    experiment = mlflow.set_experiment(_EXPERIMENT)
    client = mlflow.MlflowClient()
    if job["do"] == "write":
        import pandas as pd  # type: ignore[import-untyped]

        from benchmarks.clients import columns

        ids, scores, weights = columns.as_lists(job)
        table = pd.DataFrame({"item_id": ids, "score": scores, "weight": weights})
        runs = [client.create_run(experiment.experiment_id, run_name=model) for model in job["models"]]
        with measured.measure("upload", repeats=len(runs)):
            for run in runs:
                client.log_table(run.info.run_id, table, job["file"])
        return {"run_ids": [run.info.run_id for run in runs]}
    table = client.load_table(experiment.experiment_id, job["file"], run_ids=[job["run_id"]])
    if job["do"] == "mean":
        return {"mean": float((table["score"] * table["weight"]).sum() / table["weight"].sum())}
    if job["do"] == "worst":
        return {"worst": table.nsmallest(100, "score")["score"].tolist()}
    return {"n": len(list(table.itertuples(index=False, name=None)))}


if __name__ == "__main__":
    phases.run(work)
