"""Packed columns by dataset ordinal, derived from the items: reference ids, and each metadata key.

They are changed in the transaction that changes the rows, chunk by chunk. Joins and breakdowns read only them.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Sequence

import polars as pl
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from nucleus_server.domain import Json
from nucleus_server.storage import columns, schema
from nucleus_server.storage.base import AnyRow
from nucleus_server.storage.object_rows import ObjectRows

_METADATA = "metadata."
MAX_METADATA_KEYS = 100
"""Keys beyond the first hundred of a dataset get no column: somebody uses ids as keys there."""
_MAX_KEY_LENGTH = 200


class ItemColumnRows(ObjectRows):
    """The part of the workspace store that keeps what is derived from items."""

    def reference_ids(self, dataset_key: int) -> pl.Series:
        """Live reference ids by ordinal, null where the item is deleted."""
        with self._read() as connection:
            return self._reference_ids(connection, dataset_key)

    def first_reference_ids(self, dataset_key: int, n: int) -> pl.Series:
        """The first n live reference ids, fewer if the dataset has fewer; no more of it is read than they need."""
        table = schema.item_chunks
        query = sa.select(table.c.data).where(table.c.dataset_key == dataset_key, table.c.name == columns.REFERENCE_ID)
        found = pl.Series([], dtype=pl.String)
        with self._read() as connection:
            for chunk in range(-(-self._n_items(connection, dataset_key) // columns.CHUNK)):
                part = columns.unpack_texts(connection.execute(query.where(table.c.chunk == chunk)).scalars())
                found = pl.concat([found, part.drop_nulls()])
                if len(found) >= n:
                    break
        return found.head(n)

    def metadata_keys(self, dataset_key: int) -> list[str]:
        """The metadata keys that have a column, in alphabetical order."""
        with self._read() as connection:
            return sorted(name.removeprefix(_METADATA) for name in self._metadata_names(connection, dataset_key))

    def metadata_column(self, dataset_key: int, key: str) -> pl.Series:
        """The values under one key by ordinal, null where an item has none: Boolean, Int64, Float64 or String.

        Nested values have no column. Numbers and texts under one key become texts.
        """
        values = self.coded_metadata_column(dataset_key, key)
        return values.cast(pl.String) if values.dtype == pl.Categorical else values

    def coded_metadata_column(self, dataset_key: int, key: str) -> pl.Series:
        """As `metadata_column`, but texts may be Categorical: equal ones share a code, so that none needs to be looked at."""
        table = schema.item_chunks
        with self._read() as connection:
            n_items = self._n_items(connection, dataset_key)
            rows = connection.execute(
                sa.select(table.c.chunk, table.c.data).where(
                    table.c.dataset_key == dataset_key, table.c.name == _METADATA + key
                )
            )
            found = {row.chunk: columns.unpack_values(row.data) for row in rows}
        lengths = [min(columns.CHUNK, n_items - start) for start in range(0, n_items, columns.CHUNK)]
        return columns.joined_values([(found.get(chunk), length) for chunk, length in enumerate(lengths)])

    def metadata_fingerprint(self, dataset_key: int, key: str) -> str:
        """Changes whenever a value under the key does: SHA-256 of the packed column, in hexadecimal."""
        table = schema.item_chunks
        hasher = hashlib.sha256()
        with self._read() as connection:
            rows = connection.execute(
                sa.select(table.c.chunk, table.c.data)
                .join(schema.datasets, schema.datasets.c.key == table.c.dataset_key)
                .where(
                    schema.datasets.c.workspace_key == self._workspace_key,
                    table.c.dataset_key == dataset_key,
                    table.c.name == _METADATA + key,
                )
                .order_by(table.c.chunk)
            )
            for row in rows:
                hasher.update(row.chunk.to_bytes(8, "little") + row.data)
        return hasher.hexdigest()

    def _n_items(self, connection: Connection, dataset_key: int) -> int:
        table = schema.datasets
        query = sa.select(table.c.n_items).where(
            table.c.workspace_key == self._workspace_key, table.c.key == dataset_key
        )
        return int(connection.execute(query).scalar_one())

    def _metadata_names(self, connection: Connection, dataset_key: int) -> set[str]:
        table = schema.item_chunks
        query = sa.select(table.c.name).where(table.c.dataset_key == dataset_key, table.c.name != columns.REFERENCE_ID)
        return set(connection.execute(query.distinct()).scalars())

    def _write_metadata(
        self, connection: Connection, dataset_key: int, n_items: int, metadata: dict[int, Json]
    ) -> None:
        """Put the metadata of these ordinals into the columns, in place of what they had."""
        by_chunk: dict[int, dict[int, Json]] = defaultdict(dict)
        for ordinal, entry in metadata.items():
            by_chunk[ordinal // columns.CHUNK][ordinal % columns.CHUNK] = entry
        names = self._metadata_names(connection, dataset_key) if metadata else set()
        for chunk, entries in by_chunk.items():
            n_rows = min(columns.CHUNK, n_items - chunk * columns.CHUNK)
            self._write_metadata_chunk(connection, dataset_key, chunk, n_rows, entries, names)

    def _write_metadata_chunk(
        self,
        connection: Connection,
        dataset_key: int,
        chunk: int,
        n_rows: int,
        entries: dict[int, Json],
        names: set[str],
    ) -> None:
        table = schema.item_chunks
        here = (table.c.dataset_key == dataset_key, table.c.chunk == chunk, table.c.name != columns.REFERENCE_ID)
        values = {
            row.name: columns.unpack_values(row.data).to_list()
            for row in connection.execute(sa.select(table.c.name, table.c.data).where(*here))
        }
        for column in values.values():
            column.extend([None] * (n_rows - len(column)))
            for position in entries:
                column[position] = None
        for position, entry in entries.items():
            for key, value in entry.items():
                if not isinstance(value, (bool, int, float, str)) or len(key) > _MAX_KEY_LENGTH:
                    continue
                name = _METADATA + key
                if name not in values:
                    if name not in names and len(names) >= MAX_METADATA_KEYS:
                        continue
                    names.add(name)
                    values[name] = [None] * n_rows
                values[name][position] = value
        if values:
            connection.execute(table.delete().where(*here))
            connection.execute(
                table.insert(),
                [
                    {"dataset_key": dataset_key, "name": name, "chunk": chunk, "data": columns.pack_values(column)}
                    for name, column in values.items()
                ],
            )

    def _extend_reference_ids(self, connection: Connection, dataset: AnyRow, reference_ids: list[str]) -> None:
        first = dataset.n_items // columns.CHUNK
        in_last = dataset.n_items % columns.CHUNK
        head = self._reference_ids(connection, dataset.key, chunk=first) if in_last else pl.Series([], dtype=pl.String)
        series = pl.concat([head, pl.Series(reference_ids, dtype=pl.String)])
        chunk = schema.item_chunks
        if in_last:
            connection.execute(
                chunk.delete().where(
                    chunk.c.dataset_key == dataset.key,
                    chunk.c.name == columns.REFERENCE_ID,
                    chunk.c.chunk == first,
                )
            )
        connection.execute(
            chunk.insert(),
            [
                {
                    "dataset_key": dataset.key,
                    "name": columns.REFERENCE_ID,
                    "chunk": first + i,
                    "data": columns.pack_texts(series.slice(i * columns.CHUNK, columns.CHUNK)),
                }
                for i in range((len(series) + columns.CHUNK - 1) // columns.CHUNK)
            ],
        )

    def _reference_ids(self, connection: Connection, dataset_key: int, *, chunk: int | None = None) -> pl.Series:
        """Live reference ids by ordinal, null where the item is deleted: the whole dataset, or one chunk of it."""
        table = schema.item_chunks
        query = sa.select(table.c.data).where(table.c.dataset_key == dataset_key, table.c.name == columns.REFERENCE_ID)
        if chunk is not None:
            query = query.where(table.c.chunk == chunk)
        return columns.unpack_texts(connection.execute(query.order_by(table.c.chunk)).scalars())

    def _forget_reference_ids(self, connection: Connection, dataset_key: int, ordinals: Sequence[int]) -> None:
        by_chunk: dict[int, list[int]] = defaultdict(list)
        for ordinal in ordinals:
            by_chunk[ordinal // columns.CHUNK].append(ordinal % columns.CHUNK)
        table = schema.item_chunks
        for number, positions in by_chunk.items():
            series = self._reference_ids(connection, dataset_key, chunk=number).scatter(positions, None)
            connection.execute(
                table.update()
                .where(
                    table.c.dataset_key == dataset_key,
                    table.c.name == columns.REFERENCE_ID,
                    table.c.chunk == number,
                )
                .values(data=columns.pack_texts(series))
            )
