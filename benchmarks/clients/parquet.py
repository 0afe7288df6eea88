"""A Parquet file for each model, by polars."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import polars as pl

from benchmarks import phases


def work(job: phases.Job, measured: phases.Phases) -> dict[str, Any]:
    """Write a file for each of the job's models, or do one of the readings."""
    folder = Path(job["folder"])
    if job["do"] == "write":
        from benchmarks.clients import columns

        ids = pl.Series("item_id", columns.reference_ids(job), dtype=pl.String)
        scores, weights = columns.numbers(job, "scores"), columns.numbers(job, "weights")
        with measured.measure("upload", repeats=len(job["models"])):
            for model in job["models"]:
                table = pl.DataFrame({"item_id": ids, "score": scores, "weight": weights})
                with (folder / f"{model}.parquet").open("wb") as file:
                    table.select(pl.lit(model).alias("model"), pl.all()).write_parquet(file)
                    file.flush()
                    os.fsync(file.fileno())
        return {}
    stored = pl.scan_parquet(folder / f"{job['model']}.parquet")
    if job["do"] == "mean":
        mean = (pl.col("score") * pl.col("weight")).sum() / pl.col("weight").sum()
        return {"mean": stored.select(mean).collect().item()}
    if job["do"] == "worst":
        return {"worst": stored.bottom_k(100, by="score").sort("score").collect()["score"].to_list()}
    rows = stored.select("item_id", "score", "weight").collect().rows()
    return {"n": len(rows)}


if __name__ == "__main__":
    phases.run(work)
