"""What one would write without us: a row for each score in SQLite, under the primary key (model, item)."""

from __future__ import annotations

import sqlite3
from typing import Any

from benchmarks import phases

TABLE = """CREATE TABLE IF NOT EXISTS scores (
    model TEXT NOT NULL, item_id TEXT NOT NULL, score REAL NOT NULL, weight REAL NOT NULL, PRIMARY KEY (model, item_id)
) WITHOUT ROWID"""


def work(job: phases.Job, measured: phases.Phases) -> dict[str, Any]:
    """Write for each of the job's models, or do one of the readings."""
    connection = sqlite3.connect(job["path"], isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    if job["do"] == "write":
        from benchmarks.clients import columns  # a reader needs no numpy

        ids, scores, weights = columns.as_lists(job)
        connection.execute(TABLE)
        with measured.measure("upload", repeats=len(job["models"])):
            for model in job["models"]:
                connection.execute("BEGIN")
                rows = ((model, ref, score, weight) for ref, score, weight in zip(ids, scores, weights))
                connection.executemany("INSERT INTO scores VALUES (?, ?, ?, ?)", rows)
                connection.execute("COMMIT")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return {}
    return read(connection, job, "?")


def read(connection: Any, job: phases.Job, mark: str) -> dict[str, Any]:
    """The readings, which are the same SQL for every database; `mark` is its placeholder."""
    if job["do"] == "mean":
        query = f"SELECT sum(score * weight) / sum(weight) FROM scores WHERE model = {mark}"
        return {"mean": connection.execute(query, (job["model"],)).fetchone()[0]}
    if job["do"] == "worst":
        query = f"SELECT item_id, score FROM scores WHERE model = {mark} ORDER BY score LIMIT 100"
        return {"worst": [score for _, score in connection.execute(query, (job["model"],)).fetchall()]}
    if job["do"] == "all":
        query = f"SELECT item_id, score, weight FROM scores WHERE model = {mark}"
        rows = connection.execute(query, (job["model"],)).fetchall()
        return {"n": len(rows)}
    if job["do"] == "history":
        prefix = job["prefix"]
        within = f"model >= {mark} AND model < {mark}"
        query = f"SELECT model, sum(score * weight) / sum(weight) FROM scores WHERE {within} GROUP BY model"
        return {"n": len(connection.execute(query, (prefix, prefix + "~")).fetchall())}
    query = f"SELECT model, score, weight FROM scores WHERE item_id = {mark}"
    return {"n": len(connection.execute(query, (job["item"],)).fetchall())}


if __name__ == "__main__":
    phases.run(work)
