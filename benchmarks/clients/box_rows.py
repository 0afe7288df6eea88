"""What one would write instead: a row for each box, in SQLite or in PostgreSQL, with an index on the image."""

from __future__ import annotations

import json
import sqlite3
from typing import Any

import psycopg

from benchmarks import phases
from benchmarks.clients import boxes

_COLUMNS = (
    "id text, image text, label text, x double precision, y double precision, w double precision, h double precision, "
    "more text"
)


def write(job: phases.Job, measured: phases.Phases) -> dict[str, Any]:
    """Make the table and write all boxes in one transaction."""
    rows = [
        (f"{label}-{x}-{y}-{w}-{h}-{image}", image, label, x, y, w, h, json.dumps({}))
        for image, label, x, y, w, h, _ in boxes.boxes(job["n"])
    ]
    with measured.measure("annotate"):
        if "path" in job:
            connection = sqlite3.connect(job["path"])
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute(f"CREATE TABLE boxes ({_COLUMNS})")
            connection.executemany("INSERT INTO boxes VALUES (?,?,?,?,?,?,?,?)", rows)
            connection.execute("CREATE INDEX by_image ON boxes (image, id)")
            connection.commit()
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            connection.close()
        else:
            with psycopg.connect(job["url"]) as keyed, keyed.cursor() as cursor:
                name = f"boxes_{job['n']}"
                cursor.execute(f"CREATE TABLE {name} ({_COLUMNS})")  # type: ignore[call-overload]
                with cursor.copy(f"COPY {name} FROM STDIN") as copy:  # type: ignore[call-overload]
                    for row in rows:
                        copy.write_row(row)
                cursor.execute(f"CREATE INDEX ON {name} (image, id)")  # type: ignore[call-overload]
    return {"annotated": len(rows)}


if __name__ == "__main__":
    phases.run(write)
