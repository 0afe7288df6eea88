"""Every row of a store, to show that a refused request changed nothing."""

from __future__ import annotations

import sqlalchemy as sa

from nucleus_server.storage import Store, schema


def dump(store: Store) -> dict[str, list[tuple[object, ...]]]:
    """Every row of every table."""
    with store.database.read() as connection:
        return {
            table.name: sorted((tuple(row) for row in connection.execute(sa.select(table))), key=repr)
            for table in schema.metadata.sorted_tables
        }
