"""A row for each score in PostgreSQL, under the primary key (model, item), written by COPY."""

from __future__ import annotations

from typing import Any

import psycopg

from benchmarks import phases
from benchmarks.clients import keyed_sqlite

TABLE = """CREATE TABLE IF NOT EXISTS scores (
    model text NOT NULL, item_id text NOT NULL, score float8 NOT NULL, weight float8 NOT NULL, PRIMARY KEY (model, item_id)
)"""


def work(job: phases.Job, measured: phases.Phases) -> dict[str, Any]:
    """Write for each of the job's models, or do one of the readings."""
    with psycopg.connect(job["url"], autocommit=True) as connection:
        if job["do"] != "write":
            return keyed_sqlite.read(connection, job, "%s")
        from benchmarks.clients import columns  # a reader needs no numpy

        ids, scores, weights = columns.as_lists(job)
        connection.execute(TABLE)
        with measured.measure("upload", repeats=len(job["models"])):
            for model in job["models"]:
                with connection.cursor().copy("COPY scores FROM STDIN") as copy:
                    for row in zip([model] * len(ids), ids, scores, weights):
                        copy.write_row(row)
    return {}


if __name__ == "__main__":
    phases.run(work)
