"""Items: one row each, which is the truth; what is derived from them stands in `item_columns.py`."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from nucleus_server.domain import AppendCounts, Item, Job, JobStatus, JobType, Json, NewItem, ObjectOwner
from nucleus_server.errors import InvalidInput, NotFound, Problem, listed
from nucleus_server.storage import schema
from nucleus_server.storage.base import AnyRow, from_micros, optional_moment, to_json
from nucleus_server.storage.dialect import insert_rows, texts_table
from nucleus_server.storage.ids import item_id, parse_item_id
from nucleus_server.storage.item_columns import ItemColumnRows

if TYPE_CHECKING:
    from numpy.typing import NDArray

_JOIN_BATCH = 10_000  # reference ids of one look into the index
_IN_BATCH = 500  # parameters of one IN list: SQLite's default limit is far above, the plan stays an index search
_COLUMN_JOIN_FROM = 5_000  # from here reading the packed column can be cheaper than asking the index row by row
_ROWS_FOR_ONE_LOOKUP = 20  # so many rows of the column are read and joined in the time of one look into the index


class ItemRows(ItemColumnRows):
    """The part of the workspace store that keeps items."""

    def append_items(
        self,
        dataset_id: str,
        items: Sequence[NewItem],
        *,
        update: bool,
        as_job: bool = False,
        signed_request_id: str | None = None,
    ) -> tuple[AppendCounts, Job | None]:
        """Add items at the end of the dataset, all or none.

        An item whose reference id is taken is ignored, or with `update` gets the new metadata in place of its own. With
        `signed_request_id` a repeated call returns the first call's job and changes nothing.
        """
        with self._write() as connection:
            dataset = self._row_by_id(connection, schema.datasets, dataset_id, "dataset", lock=True)
            if dataset.is_scene:
                raise InvalidInput(
                    f"dataset {dataset_id} holds scenes: append scenes to it, not items", code="dataset_holds_scenes"
                )
            earlier = self._earlier_job(connection, dataset.key, signed_request_id)
            if earlier is not None:
                return _counts_of(earlier), earlier
            counts = self._append(connection, dataset, items, update=update)
            job = None
            if as_job:
                job = self._add_job(
                    connection,
                    JobType.UPLOAD_DATASET_ITEMS,
                    JobStatus.COMPLETED,
                    dataset_id=dataset_id,
                    message={
                        "dataset_id": dataset_id,
                        "new_items": counts.new_items,
                        "updated_items": counts.updated_items,
                        "ignored_items": counts.ignored_items,
                        "upload_errors": 0,
                    },
                    n_steps=max(1, len(items)),
                )
                self._note_job(connection, dataset.key, signed_request_id, job)
            return counts, job

    def _append(
        self,
        connection: Connection,
        dataset: AnyRow,
        items: Sequence[NewItem],
        *,
        update: bool,
        places: Sequence[tuple[int, int, str | None]] | None = None,
    ) -> AppendCounts:
        """Add or update items; of those of scenes `places` are scene, frame and sensor, and none of them may be known."""
        known = self._live_ordinals(connection, dataset.key, [item.reference_id for item in items])
        now = self._now()
        new_rows: list[tuple[object, ...]] = []
        new_ids: list[str] = []
        new_metadata: dict[int, Json] = {}
        changed: dict[int, Json] = {}
        n_updated = n_ignored = 0
        next_ordinal = dataset.n_items
        for item in items:
            ordinal = known.get(item.reference_id)
            if ordinal is None:
                known[item.reference_id] = next_ordinal
                place = _NO_PLACE if places is None else places[len(new_rows)]
                new_rows.append((*_item_values(dataset.key, next_ordinal, item, now), *place))
                new_ids.append(item.reference_id)
                new_metadata[next_ordinal] = item.metadata
                next_ordinal += 1
            elif update:
                n_updated += 1
                changed[ordinal] = item.metadata
            else:
                n_ignored += 1
        for ordinal, item_metadata in changed.items():
            if ordinal >= dataset.n_items:
                row_number = ordinal - dataset.n_items
                new_rows[row_number] = _with_metadata(new_rows[row_number], item_metadata)
        if new_rows:
            insert_rows(connection, schema.items, _ITEM_COLUMNS, new_rows)
            self._extend_reference_ids(connection, dataset, new_ids)
        stored = [{"o": o, "m": to_json(m)} for o, m in changed.items() if o < dataset.n_items]
        if stored:
            connection.execute(
                schema.items.update()
                .where(schema.items.c.dataset_key == dataset.key, schema.items.c.ordinal == sa.bindparam("o"))
                .values(metadata=sa.bindparam("m")),
                stored,
            )
        self._write_metadata(connection, dataset.key, next_ordinal, new_metadata | changed)
        connection.execute(
            schema.datasets.update()
            .where(schema.datasets.c.key == dataset.key)
            .values(n_items=next_ordinal, n_live_items=schema.datasets.c.n_live_items + len(new_rows))
        )
        return AppendCounts(len(new_rows), n_updated, n_ignored)

    def _live_ordinals(self, connection: Connection, dataset_key: int, reference_ids: Sequence[str]) -> dict[str, int]:
        """Reference id → ordinal, for those of the ids that a live item has."""
        n_items = connection.execute(
            sa.select(schema.datasets.c.n_items).where(schema.datasets.c.key == dataset_key)
        ).scalar_one()
        if len(reference_ids) >= _COLUMN_JOIN_FROM and len(reference_ids) * _ROWS_FOR_ONE_LOOKUP >= n_items:
            stored = self._reference_ids(connection, dataset_key)
            frame = pl.DataFrame({"id": stored, "ordinal": np.arange(len(stored))})
            wanted = pl.DataFrame({"id": pl.Series(reference_ids, dtype=pl.String).unique()})
            return dict(frame.join(wanted, on="id", how="semi").iter_rows())
        items = schema.items
        found: dict[str, int] = {}
        for start in range(0, len(reference_ids), _JOIN_BATCH):
            texts, text = texts_table(connection, reference_ids[start : start + _JOIN_BATCH])
            # As a subquery, so that it is looked up in the index text by text: planners without statistics would rather read
            # all rows of the dataset.
            ordinal = (
                sa.select(items.c.ordinal)
                .where(items.c.dataset_key == dataset_key, items.c.reference_id == text, items.c.deleted_at.is_(None))
                .scalar_subquery()
            )
            rows = connection.execute(sa.select(text, ordinal.label("ordinal")).select_from(texts)).all()
            found.update((row[0], row[1]) for row in rows if row[1] is not None)
        return found

    def live_ordinals(self, dataset_key: int, reference_ids: Sequence[str]) -> dict[str, int]:
        """Reference id → ordinal, for those of the ids that a live item of the dataset has."""
        with self._read() as connection:
            return self._live_ordinals(connection, dataset_key, reference_ids)

    def has_deleted_items(self, dataset_key: int) -> bool:
        """Whether the dataset has tombstones."""
        table = schema.datasets
        with self._read() as connection:
            row = connection.execute(
                sa.select(table.c.n_items, table.c.n_live_items).where(
                    table.c.workspace_key == self._workspace_key, table.c.key == dataset_key
                )
            ).one()
            return bool(row.n_live_items < row.n_items)

    def deleted_reference_ids(self, dataset_key: int) -> set[str]:
        """The reference ids of the dataset's tombstones; one of them may be a live item's again."""
        items = schema.items
        with self._read() as connection:
            return set(
                connection.execute(
                    sa.select(items.c.reference_id).where(
                        items.c.dataset_key == dataset_key, items.c.deleted_at.is_not(None)
                    )
                ).scalars()
            )

    def list_items(self, dataset_id: str, *, start_ordinal: int = 0, limit: int | None = None) -> list[Item]:
        """Live items by ordinal, from `start_ordinal` on."""
        with self._read() as connection:
            dataset = self._row_by_id(connection, schema.datasets, dataset_id, "dataset")
            items = schema.items
            rows = connection.execute(
                sa.select(items)
                .where(
                    items.c.dataset_key == dataset.key,
                    items.c.ordinal >= start_ordinal,
                    items.c.deleted_at.is_(None),
                )
                .order_by(items.c.ordinal)
                .limit(limit)
            )
            return [to_item(dataset.item_prefix, row) for row in rows]

    def get_item(self, item_id: str) -> Item:
        """The live item with this public id."""
        parsed = parse_item_id(item_id)
        with self._read() as connection:
            if parsed is not None:
                prefix, ordinal = parsed
                row = self._one_item(
                    connection, schema.datasets.c.item_prefix == prefix, schema.items.c.ordinal == ordinal
                )
                if row is not None:
                    return to_item(prefix, row)
        raise _item_not_found(f"id {item_id!r}", "this workspace")

    def get_item_by_reference(self, dataset_id: str, reference_id: str) -> Item:
        """The live item of the dataset with the user's own id."""
        with self._read() as connection:
            dataset = self._row_by_id(connection, schema.datasets, dataset_id, "dataset")
            row = self._one_item(
                connection, schema.datasets.c.key == dataset.key, schema.items.c.reference_id == reference_id
            )
            if row is None:
                raise _item_not_found(f"reference id {reference_id!r}", f"dataset {dataset_id}")
            return to_item(dataset.item_prefix, row)

    def get_item_at(self, dataset_id: str, index: int) -> Item:
        """The live item at this place in the order of insertion, from 0."""
        with self._read() as connection:
            dataset = self._row_by_id(connection, schema.datasets, dataset_id, "dataset")
            items = schema.items
            live = sa.select(items).where(items.c.dataset_key == dataset.key, items.c.deleted_at.is_(None))
            if 0 <= index < dataset.n_live_items:
                # Nothing deleted: the index is the ordinal, and the row is found without walking to it.
                if dataset.n_live_items == dataset.n_items:
                    row = connection.execute(live.where(items.c.ordinal == index)).one_or_none()
                else:
                    row = connection.execute(live.order_by(items.c.ordinal).offset(index).limit(1)).one_or_none()
                if row is not None:
                    return to_item(dataset.item_prefix, row)
            raise _item_not_found(f"index {index}", f"dataset {dataset_id} of {dataset.n_live_items} items")

    def items_at(self, dataset_key: int, ordinals: Sequence[int] | NDArray[np.int64]) -> list[Item]:
        """The items at these ordinals, in that order, tombstones included."""
        wanted = [int(ordinal) for ordinal in ordinals]
        with self._read() as connection:
            prefix = connection.execute(
                sa.select(schema.datasets.c.item_prefix).where(
                    schema.datasets.c.workspace_key == self._workspace_key, schema.datasets.c.key == dataset_key
                )
            ).scalar_one()
            found: dict[int, Item] = {}
            for start in range(0, len(wanted), _IN_BATCH):
                rows = connection.execute(
                    sa.select(schema.items).where(
                        schema.items.c.dataset_key == dataset_key,
                        schema.items.c.ordinal.in_(wanted[start : start + _IN_BATCH]),
                    )
                )
                found.update((row.ordinal, to_item(prefix, row)) for row in rows)
            return [found[ordinal] for ordinal in wanted]

    def item_prefix(self, dataset_key: int) -> str:
        """The part that all item ids of this dataset share."""
        with self._read() as connection:
            return str(
                connection.execute(
                    sa.select(schema.datasets.c.item_prefix).where(
                        schema.datasets.c.workspace_key == self._workspace_key, schema.datasets.c.key == dataset_key
                    )
                ).scalar_one()
            )

    def delete_item(self, dataset_id: str, reference_id: str) -> None:
        """Turn the item into a tombstone: its content goes, its ordinal, reference id and scores stay."""
        with self._write() as connection:
            dataset = self._row_by_id(connection, schema.datasets, dataset_id, "dataset", lock=True)
            row = self._one_item(
                connection, schema.datasets.c.key == dataset.key, schema.items.c.reference_id == reference_id
            )
            if row is None:
                raise _item_not_found(f"reference id {reference_id!r}", f"dataset {dataset_id}")
            self._delete_item_rows(connection, dataset, [row])
            self._audit(connection, "item.delete", item_id(dataset.item_prefix, row.ordinal), {"dataset": dataset_id})

    def _delete_item_rows(self, connection: Connection, dataset: AnyRow, rows: Sequence[AnyRow]) -> None:
        items, ordinals = schema.items, [row.ordinal for row in rows]
        if not ordinals:
            return
        for start in range(0, len(ordinals), _IN_BATCH):
            connection.execute(
                items.update()
                .where(items.c.dataset_key == dataset.key, items.c.ordinal.in_(ordinals[start : start + _IN_BATCH]))
                .values(
                    deleted_at=self._now(),
                    location=None,
                    pointcloud_location=None,
                    media_digest=None,
                    text=None,
                    width=None,
                    height=None,
                    metadata="{}",
                )
            )
        self._forget_reference_ids(connection, dataset.key, ordinals)
        self._write_metadata(connection, dataset.key, dataset.n_items, {ordinal: {} for ordinal in ordinals})
        self._forget_objects(connection, dataset.key, ObjectOwner.ITEM, ordinals)
        connection.execute(
            schema.datasets.update()
            .where(schema.datasets.c.key == dataset.key)
            .values(n_live_items=schema.datasets.c.n_live_items - len(ordinals))
        )
        for digest in dict.fromkeys(row.media_digest for row in rows):
            self._release_media(connection, digest)

    def _one_item(self, connection: Connection, *conditions: sa.ColumnElement[bool]) -> AnyRow | None:
        return connection.execute(
            sa.select(schema.items)
            .join(schema.datasets, schema.datasets.c.key == schema.items.c.dataset_key)
            .where(
                schema.datasets.c.workspace_key == self._workspace_key,
                schema.datasets.c.hidden_at.is_(None),
                schema.items.c.deleted_at.is_(None),
                *conditions,
            )
        ).one_or_none()


_ITEM_COLUMNS = (
    "dataset_key",
    "ordinal",
    "reference_id",
    "location",
    "pointcloud_location",
    "media_digest",
    "text",
    "width",
    "height",
    "metadata",
    "created_at",
    "scene_ordinal",
    "frame",
    "sensor",
)
_NO_PLACE = (None, None, None)


def _item_values(dataset_key: int, ordinal: int, item: NewItem, now: int) -> tuple[object, ...]:
    """The item's row in the order of `_ITEM_COLUMNS`, without its place in a scene."""
    return (
        dataset_key,
        ordinal,
        item.reference_id,
        item.location,
        item.pointcloud_location,
        item.media_digest,
        item.text,
        item.width,
        item.height,
        to_json(item.metadata) if item.metadata else "{}",
        now,
    )


def _with_metadata(row: tuple[object, ...], metadata: Json) -> tuple[object, ...]:
    place = _ITEM_COLUMNS.index("metadata")
    return (*row[:place], to_json(metadata), *row[place + 1 :])


def to_item(item_prefix: str, row: AnyRow) -> Item:
    """The item in this row."""
    return Item(
        dataset_key=row.dataset_key,
        ordinal=row.ordinal,
        id=item_id(item_prefix, row.ordinal),
        reference_id=row.reference_id,
        metadata=json.loads(row.metadata),
        location=row.location,
        pointcloud_location=row.pointcloud_location,
        media_digest=row.media_digest,
        text=row.text,
        width=row.width,
        height=row.height,
        created_at=from_micros(row.created_at),
        deleted_at=optional_moment(row.deleted_at),
    )


def _counts_of(job: Job) -> AppendCounts:
    message = job.message
    return AppendCounts(message["new_items"], message["updated_items"], message["ignored_items"])


def _item_not_found(what: str, where: str) -> NotFound:
    return NotFound(f"no item with {what} in {where}; it may have been deleted", code="item_not_found")


def unknown_reference_ids(unknown: Iterable[str], dataset_id: str, *, noun: str = "items") -> InvalidInput:
    """The refusal of a list that names items or scenes the dataset does not have."""
    names = list(unknown)
    return InvalidInput(
        f"expected reference ids of {noun} in dataset {dataset_id}; it has none with {listed(names, len(names))}: "
        f"append these {noun} first, or correct the ids",
        code="unknown_reference_ids",
        problems=[Problem("reference_ids", f"no such {noun.removesuffix('s')} in the dataset", name) for name in names],
    )
