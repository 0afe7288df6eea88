"""Rows that would take longer through the API than all measurements: ten million items, and years of work."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from itertools import islice
from pathlib import Path

import polars as pl
import sqlalchemy as sa

from nucleus_server.storage import Store, schema
from nucleus_server.storage.columns import CHUNK, REFERENCE_ID, pack_texts
from nucleus_server.storage.ids import new_id


def seed_items(database: Path, dataset_id: str, ids: Path) -> None:
    """Write the reference ids, one a line in `ids`, as items of an empty dataset into the SQLite file of a stopped server.

    Only the packed column is written, which is all that uploads read; the items' own rows are not there.
    """
    with closing(sqlite3.connect(database)) as connection, connection, ids.open() as lines:
        (key,) = connection.execute("SELECT key FROM datasets WHERE id = ? AND n_items = 0", (dataset_id,)).fetchone()
        n_items = 0
        while texts := [line.rstrip("\n") for line in islice(lines, CHUNK)]:
            row = (key, REFERENCE_ID, n_items // CHUNK, pack_texts(pl.Series(texts, dtype=pl.String)))
            connection.execute("INSERT INTO item_chunks (dataset_key, name, chunk, data) VALUES (?, ?, ?, ?)", row)
            n_items += len(texts)
        connection.execute("UPDATE datasets SET n_items = ?, n_live_items = ? WHERE key = ?", (n_items, n_items, key))


def seed_work(database_url: str, n: int) -> None:
    """Write n completed jobs and n entries of the audit log, of the first user, as years of work leave them behind."""
    store = Store(database_url)
    try:
        with store.database.write() as connection:
            user = connection.execute(sa.select(schema.users).where(schema.users.c.role == "admin").limit(1)).one()
            of_user = {"workspace_key": user.workspace_key, "user_key": user.key}
            about = {"status": "Completed", "payload": '{"upload_id": "upl_0"}', "message": "{}", "errors": "[]"}
            about |= {"attempts": 1, "fence": 1}
            moments = [user.created_at + i * 1_000_000 for i in range(n)]
            steps = {"completed_steps": 1, "total_steps": 1}
            jobs = [
                of_user
                | about
                | steps
                | {"id": new_id("job"), "type": "uploadScores", "created_at": at, "finished_at": at}
                for at in moments
            ]
            connection.execute(schema.jobs.insert(), jobs)
            entries = [
                of_user | {"action": "slice.append", "object_id": f"slc_{i}", "detail": "{}", "created_at": at}
                for i, at in enumerate(moments)
            ]
            connection.execute(schema.audit_log.insert(), entries)
    finally:
        store.close()
