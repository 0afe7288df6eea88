"""Ten million items at once, for uploads that need them: through the API they would take longer than all measurements."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from itertools import islice
from pathlib import Path

import polars as pl

from nucleus_server.storage.columns import CHUNK, REFERENCE_ID, pack_texts


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
