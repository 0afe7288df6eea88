"""Slices of objects: their members are annotations or predictions, each named by a number."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from nucleus_server.domain import ObjectOwner, Slice, SliceMember, StoredObject
from nucleus_server.errors import InvalidInput, Problem, listed
from nucleus_server.storage import schema
from nucleus_server.storage.base import AnyRow, to_json
from nucleus_server.storage.ids import new_id, parse_object_id
from nucleus_server.storage.object_columns import unpack_sequences
from nucleus_server.storage.object_merging import MAX_SEQUENCES
from nucleus_server.storage.object_rows import ObjectSource, stored_objects
from nucleus_server.storage.slices import SliceRows, first_occurrences

if TYPE_CHECKING:
    from numpy.typing import NDArray

_ROWS_BATCH = 500
_MAX_KEYS = 2**63 // MAX_SEQUENCES


class ObjectSliceRows(SliceRows):
    """The part of the workspace store that keeps slices of objects, and tags of slices."""

    def create_object_slice(self, dataset_id: str, name: str, object_ids: Sequence[str]) -> Slice:
        """Create a slice of these annotations and predictions, in this order; repeated ones count once.

        Raises:
            InvalidInput: The dataset does not have all of them.
        """
        slice_id = new_id("slc")
        with self._write() as connection:
            dataset = self._row_by_id(connection, schema.datasets, dataset_id, "dataset", lock=True)
            members = first_occurrences(self._object_numbers(connection, dataset, object_ids))
            key = self._insert(
                connection,
                schema.slices,
                id=slice_id,
                dataset_key=dataset.key,
                name=name,
                owner_key=self.actor.user_key,
                n_members=len(members),
                member=SliceMember.OBJECT.value,
                created_at=self._now(),
            )
            self._write_members(connection, key, members, n_before=0)
            self._audit(connection, "slice.create", slice_id, {"name": name, "n_members": len(members)})
            return self._slice(connection, slice_id)

    def slice_objects(self, part: Slice, *, start: int = 0, limit: int | None = None) -> list[StoredObject]:
        """The members of a slice of objects among these positions that are still there, in slice order."""
        numbers = self.slice_ordinals(part.key)[start : None if limit is None else start + limit]
        found: dict[int, StoredObject] = {}
        with self._read() as connection:
            for table, prefix in ((schema.annotations, "ann"), (schema.predictions, "pred")):
                wanted = _places([int(number) for number in numbers if (number < 0) == (prefix == "pred")])
                for row in self._rows_by_key(connection, table, part.dataset_key, list(wanted)):
                    source = ObjectSource(part.dataset_key, row.run_key if prefix == "pred" else None)
                    owner = ObjectOwner(row.owner)
                    names = self._owner_reference_ids(connection, part.dataset_key, owner, [row.ordinal])
                    for stored in stored_objects(source.prefix, row, names[row.ordinal]):
                        found[_number(stored.id)] = stored
        return [found[int(number)] for number in numbers if int(number) in found]

    def change_slice_tags(self, slice_id: str, *, add: Sequence[str]) -> tuple[str, ...]:
        """Add tags; those that are there are fine. Returns all of them."""
        with self._write() as connection:
            row = self._row_by_id(connection, schema.slices, slice_id, "slice", lock=True)
            tags = list(dict.fromkeys((*json.loads(row.tags), *add)))
            connection.execute(schema.slices.update().where(schema.slices.c.key == row.key).values(tags=to_json(tags)))
            return tuple(tags)

    def slice_tags(self, slice_id: str) -> tuple[str, ...]:
        """The slice's tags."""
        with self._read() as connection:
            return tuple(json.loads(self._row_by_id(connection, schema.slices, slice_id, "slice").tags))

    def _object_numbers(self, connection: Connection, dataset: AnyRow, object_ids: Sequence[str]) -> NDArray[np.int64]:
        known: set[int] = set()
        numbers = {
            text: _number(text)
            for text in object_ids
            if (parsed := parse_object_id(text)) and parsed[1] < _MAX_KEYS and parsed[2] < MAX_SEQUENCES
        }
        for table, is_prediction in ((schema.annotations, False), (schema.predictions, True)):
            wanted = _places([number for number in numbers.values() if (number < 0) == is_prediction])
            for row in self._rows_by_key(connection, table, dataset.key, list(wanted)):
                present = set(unpack_sequences(row.data))
                known.update(number for sequence, number in wanted[row.key].items() if sequence in present)
        unknown = list(dict.fromkeys(text for text in object_ids if numbers.get(text) not in known))
        if unknown:
            raise InvalidInput(
                f"expected ids of annotations or predictions in dataset {dataset.id}; it has none with "
                f"{listed(unknown, len(unknown))}",
                code="unknown_object_ids",
                problems=[Problem("object_ids", "no such annotation or prediction", text) for text in unknown],
            )
        return np.array([numbers[text] for text in object_ids], dtype=np.int64)

    def _rows_by_key(
        self, connection: Connection, table: sa.Table, dataset_key: int, keys: Sequence[int]
    ) -> list[AnyRow]:
        found: list[AnyRow] = []
        for start in range(0, len(keys), _ROWS_BATCH):
            found += connection.execute(
                sa.select(table).where(
                    table.c.dataset_key == dataset_key, table.c.key.in_(keys[start : start + _ROWS_BATCH])
                )
            ).all()
        return found


def _number(object_id: str) -> int:
    """What a slice keeps of an object: its row and sequence in one number, negative for predictions."""
    parsed = parse_object_id(object_id)
    assert parsed is not None
    prefix, row_key, sequence = parsed
    number = row_key * MAX_SEQUENCES + sequence
    return -number - 1 if prefix == "pred" else number


def _places(numbers: Sequence[int]) -> dict[int, dict[int, int]]:
    """Row key → sequence → number."""
    found: dict[int, dict[int, int]] = defaultdict(dict)
    for number in numbers:
        row_key, sequence = divmod(-number - 1 if number < 0 else number, MAX_SEQUENCES)
        found[row_key][sequence] = number
    return found
