"""Many small uploads: the scores of many models, each by five functions, one upload a model, in the ways to keep them."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from typing import Any

import numpy as np
import polars as pl
import psycopg

import nucleus
from benchmarks import phases
from benchmarks.clients import columns, keyed_postgres, keyed_sqlite

_INDEX = "CREATE INDEX IF NOT EXISTS scores_by_item ON scores (item_id)"


def upload(job: phases.Job, measured: phases.Phases) -> dict[str, Any]:
    """Upload the scores of all models; to keep them as keyed rows they get an index by item, or one item could not be read."""
    ids = columns.reference_ids(job).tolist()
    tables = _ours if job["how"] == "ours" else _sqlite if job["how"] == "sqlite" else _postgres
    return tables(job, measured, ids)


def _scores(job: phases.Job, n: int) -> Iterator[tuple[int, Any]]:
    """(model, float64 [functions, n]) for each model."""
    rng = np.random.default_rng(5)
    for model in range(job["n_models"]):
        yield model, rng.random((len(job["functions"]), n))


def _ours(job: phases.Job, measured: phases.Phases, ids: list[str]) -> dict[str, Any]:
    client = nucleus.NucleusClient(job["key"], endpoint=job["endpoint"])
    dataset = client.get_dataset(job["dataset_id"])
    functions = {name: name for name in job["functions"]}
    with measured.measure("upload", repeats=job["n_models"]):
        for model, scores in _scores(job, len(ids)):
            table = pl.DataFrame({"item_ref_id": ids, **dict(zip(job["functions"], scores))})
            dataset.upload_scores(functions, job["model_ids"][model], table)
    return {}


def _sqlite(job: phases.Job, measured: phases.Phases, ids: list[str]) -> dict[str, Any]:
    connection = sqlite3.connect(job["path"], isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute(keyed_sqlite.TABLE)
    connection.execute(_INDEX)
    with measured.measure("upload", repeats=job["n_models"]):
        for model, scores in _scores(job, len(ids)):
            connection.execute("BEGIN")
            for name, column in zip(job["functions"], scores):
                rows = ((f"{name}/{model}", ref, score, 1.0) for ref, score in zip(ids, column.tolist()))
                connection.executemany("INSERT INTO scores VALUES (?, ?, ?, ?)", rows)
            connection.execute("COMMIT")
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return {}


def _postgres(job: phases.Job, measured: phases.Phases, ids: list[str]) -> dict[str, Any]:
    with psycopg.connect(job["url"], autocommit=True) as connection:
        connection.execute(keyed_postgres.TABLE)
        connection.execute(_INDEX)
        with measured.measure("upload", repeats=job["n_models"]):
            for model, scores in _scores(job, len(ids)):
                with connection.cursor().copy("COPY scores FROM STDIN") as copy:
                    for name, column in zip(job["functions"], scores):
                        for ref, score in zip(ids, column.tolist()):
                            copy.write_row((f"{name}/{model}", ref, score, 1.0))
    return {}


if __name__ == "__main__":
    phases.run(upload)
