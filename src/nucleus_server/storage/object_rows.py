"""Rows of packed objects, of a dataset's annotations or of a run's predictions: written in place, read as objects."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from nucleus_server.domain import (
    GEOMETRIC,
    AnyObject,
    Mask,
    ObjectKind,
    ObjectOwner,
    StoredObject,
)
from nucleus_server.storage import schema
from nucleus_server.storage.base import AnyRow
from nucleus_server.storage.datasets import DatasetRows
from nucleus_server.storage.dialect import insert_rows
from nucleus_server.storage.ids import object_ids
from nucleus_server.storage.object_columns import kind_of, pack, unpack, unpack_labels, unpack_tracks
from nucleus_server.storage.object_merging import HeldObjects

_IN_BATCH = 500


class Placed(NamedTuple):
    """An object of an upload with the item or scene that it is about, and the stored file of a mask."""

    owner: ObjectOwner
    ordinal: int
    value: AnyObject
    media_digest: str | None = None


@dataclass(frozen=True, slots=True)
class ObjectSource:
    """Whose objects: a dataset's annotations, or the predictions of a run for it."""

    dataset_key: int
    run_key: int | None = None

    @property
    def table(self) -> sa.Table:
        """The table that they are in."""
        return schema.annotations if self.run_key is None else schema.predictions

    def here(self) -> list[sa.ColumnElement[bool]]:
        """The conditions that their rows meet."""
        table = self.table
        conditions = [table.c.dataset_key == self.dataset_key]
        return conditions if self.run_key is None else [table.c.run_key == self.run_key, *conditions]

    @property
    def prefix(self) -> str:
        """What their public ids begin with."""
        return "ann" if self.run_key is None else "pred"


class ObjectRows(DatasetRows):
    """The part of the workspace store that packs and unpacks objects; who may ask for which is decided above."""

    def _put_objects(
        self, connection: Connection, source: ObjectSource, placed: Sequence[Placed], *, update: bool, revision: int
    ) -> tuple[list[bool], Counter[str]]:
        """Add or replace objects; returns which were (the others are ignored), and how often labels came and went."""
        by_place: dict[tuple[ObjectOwner, int], list[int]] = defaultdict(list)
        for number, entry in enumerate(placed):
            by_place[entry.owner, entry.ordinal].append(number)
        rows = self._rows_to_change(connection, source, placed)
        was_put = [False] * len(placed)
        label_changes: Counter[str] = Counter()
        new: list[tuple[object, ...]] = []
        changed: list[dict[str, object]] = []
        released: list[str] = []
        for place, numbers in by_place.items():
            held = HeldObjects(is_ground_truth=source.run_key is None)
            stored = rows.get(place, {})
            for kind, row in stored.items():
                objects, sequences = unpack(kind, row.data, row.details, "")
                held.hold(kind, objects, sequences, row.next_sequence)
            digests = {ObjectKind.MASK: None if (mask := stored.get(ObjectKind.MASK)) is None else mask.media_digest}
            for number in numbers:
                was_put[number] = held.put(placed[number].value, update=update)
                if was_put[number] and isinstance(placed[number].value, Mask):
                    released += filter(None, [digests[ObjectKind.MASK]])
                    digests[ObjectKind.MASK] = placed[number].media_digest
            label_changes.update(held.label_changes())
            for kind in filter(held.changed.__contains__, ObjectKind):  # in one order, whatever the process
                objects, sequences = held.objects(kind)
                data, details = pack(kind, objects, sequences)
                written = (len(objects), held.next_sequence(kind), revision, data, details, digests.get(kind))
                if (stored_row := stored.get(kind)) is not None:
                    changed.append({"row_key": stored_row.key, **dict(zip(_CHANGED, written, strict=True))})
                else:
                    keys = (source.dataset_key,) if source.run_key is None else (source.run_key, source.dataset_key)
                    new.append((*keys, place[0].value, place[1], kind.value, *written))
        table = source.table
        if new:
            keys_named = ("dataset_key",) if source.run_key is None else ("run_key", "dataset_key")
            insert_rows(connection, table, (*keys_named, "owner", "ordinal", "kind", *_CHANGED), new)
        if changed:
            values: dict[str, Any] = {name: sa.bindparam(name) for name in _CHANGED}
            connection.execute(table.update().where(table.c.key == sa.bindparam("row_key")).values(values), changed)
        for digest in dict.fromkeys(released):
            self._release_media(connection, digest)
        return was_put, label_changes

    def _rows_to_change(
        self, connection: Connection, source: ObjectSource, placed: Sequence[Placed]
    ) -> dict[tuple[ObjectOwner, int], dict[ObjectKind, AnyRow]]:
        """The stored rows that these objects may meet, by item or scene and kind."""
        kinds = {kind_of(entry.value) for entry in placed}
        if kinds & set(GEOMETRIC):  # an id is one object's among all geometric kinds
            kinds |= set(GEOMETRIC)
        found: dict[tuple[ObjectOwner, int], dict[ObjectKind, AnyRow]] = defaultdict(dict)
        for owner in ObjectOwner:
            ordinals = sorted({entry.ordinal for entry in placed if entry.owner is owner})
            for row in self._object_rows(connection, source, owner, ordinals, kinds):
                found[owner, row.ordinal][ObjectKind(row.kind)] = row
        return found

    def _object_rows(
        self,
        connection: Connection,
        source: ObjectSource,
        owner: ObjectOwner,
        ordinals: Sequence[int],
        kinds: Iterable[ObjectKind] = tuple(ObjectKind),
    ) -> Iterator[AnyRow]:
        table = source.table
        names = [kind.value for kind in kinds]
        for start in range(0, len(ordinals), _IN_BATCH):
            yield from connection.execute(
                sa.select(table)
                .where(
                    *source.here(),
                    table.c.owner == owner.value,
                    table.c.ordinal.in_(list(ordinals[start : start + _IN_BATCH])),
                    table.c.kind.in_(names),
                )
                .order_by(table.c.ordinal, table.c.key)
            )

    def _objects_of(
        self,
        connection: Connection,
        source: ObjectSource,
        owner: ObjectOwner,
        reference_ids: dict[int, str],
        kinds: Iterable[ObjectKind] = tuple(ObjectKind),
    ) -> dict[int, list[StoredObject]]:
        """The objects of these items or scenes (ordinal → reference id), by ordinal."""
        found: dict[int, list[StoredObject]] = {ordinal: [] for ordinal in reference_ids}
        for row in self._object_rows(connection, source, owner, list(reference_ids), kinds):
            found[row.ordinal] += stored_objects(source.prefix, row, reference_ids[row.ordinal])
        return found

    def _forget_objects(
        self, connection: Connection, dataset_key: int, owner: ObjectOwner, ordinals: list[int]
    ) -> None:
        """Delete the annotations and predictions of items or scenes that are being deleted."""
        label_changes: Counter[str] = Counter()
        for table in (schema.annotations, schema.predictions):
            for start in range(0, len(ordinals), _IN_BATCH):
                here = (
                    table.c.dataset_key == dataset_key,
                    table.c.owner == owner.value,
                    table.c.ordinal.in_(ordinals[start : start + _IN_BATCH]),
                )
                rows = connection.execute(sa.select(table.c.data, table.c.media_digest).where(*here)).all()
                connection.execute(table.delete().where(*here))
                for row in rows:
                    self._release_media(connection, row.media_digest)
                    if table is schema.annotations:
                        label_changes.subtract(unpack_labels(row.data))
        self._count_labels(connection, dataset_key, label_changes)

    def _count_labels(self, connection: Connection, dataset_key: int, changes: Counter[str]) -> None:
        """Add these changes to how often each label stands in the dataset's annotations."""
        table = schema.annotation_labels
        here = table.c.dataset_key == dataset_key
        stored = {
            row.label: row.n_annotations
            for start in range(0, len(changes), _IN_BATCH)
            for row in connection.execute(
                sa.select(table.c.label, table.c.n_annotations).where(
                    here, table.c.label.in_(list(changes)[start : start + _IN_BATCH])
                )
            )
        }
        new = [
            {"dataset_key": dataset_key, "label": label, "n_annotations": change}
            for label, change in changes.items()
            if change and label not in stored
        ]
        if new:
            connection.execute(table.insert(), new)
        changed = [
            {"text": label, "n": stored[label] + change}
            for label, change in changes.items()
            if change and label in stored
        ]
        if changed:
            connection.execute(
                table.update()
                .where(here, table.c.label == sa.bindparam("text"))
                .values(n_annotations=sa.bindparam("n")),
                changed,
            )


_CHANGED = ("n_objects", "next_sequence", "revision", "data", "details", "media_digest")


def stored_objects(prefix: str, row: AnyRow, reference_id: str) -> list[StoredObject]:
    """The objects of a row."""
    objects, sequences = unpack(ObjectKind(row.kind), row.data, row.details, reference_id)
    owner = ObjectOwner(row.owner)
    ids = object_ids(prefix, row.key, sequences)
    return [StoredObject(id_, owner, row.ordinal, value) for id_, value in zip(ids, objects, strict=True)]


def tracks_of(row: AnyRow) -> set[str]:
    """The reference ids of the tracks that the row's objects belong to."""
    return set(filter(None, unpack_tracks(row.details) or ()))
