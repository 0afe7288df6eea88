"""What an upload of objects does to the objects that an item has already: the rules of identity, without a database."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Hashable

import msgspec

from nucleus_server.domain import (
    CATEGORICAL,
    AnyObject,
    Category,
    Mask,
    Multicategory,
    ObjectKind,
)
from nucleus_server.errors import InvalidInput
from nucleus_server.storage.object_columns import kind_of, labels_of

MAX_SEQUENCES = 1 << 20
"""How many objects of one kind an item may have in its whole life; what slices of objects can name."""


class HeldObjects:
    """The objects of one item or scene, of all kinds, while an upload changes them.

    Geometric objects are the same if the user's id is (for annotations: and the task's); of categories there is one for
    each taxonomy, and one mask. A replaced object keeps its place and its public id, unless its kind changes.
    """

    def __init__(self, *, is_ground_truth: bool) -> None:
        self._is_ground_truth = is_ground_truth
        self._by_kind: dict[ObjectKind, dict[int, AnyObject]] = {}
        self._next: Counter[ObjectKind] = Counter()
        self._places: dict[Hashable, tuple[ObjectKind, int]] = {}
        self.changed: set[ObjectKind] = set()
        self.label_changes: Counter[str] = Counter()

    def hold(self, kind: ObjectKind, objects: list[AnyObject], sequences: list[int], next_sequence: int) -> None:
        """Begin with these stored objects."""
        self._by_kind[kind] = dict(zip(sequences, objects, strict=True))
        self._next[kind] = next_sequence
        for value, sequence in zip(objects, sequences, strict=True):
            self._places[self._identity(kind, value)] = (kind, sequence)

    def put(self, value: AnyObject, *, update: bool) -> bool:
        """Add the object, or with `update` put it in the place of the same one. Returns False where it is ignored."""
        kind = kind_of(value)
        if not isinstance(value, Category | Multicategory | Mask) and value.annotation_id is None:
            value = msgspec.structs.replace(value, annotation_id=str(uuid.uuid4()))
        identity = self._identity(kind, value)
        place = self._places.get(identity)
        if place is not None and not update:
            return False
        if place is not None:
            old_kind, old_sequence = place
            self.label_changes.subtract(labels_of([self._by_kind[old_kind][old_sequence]]))
            if old_kind is kind:
                sequence = old_sequence
            else:
                del self._by_kind[old_kind][old_sequence]
                self.changed.add(old_kind)
                sequence = self._new_sequence(kind)
        else:
            sequence = self._new_sequence(kind)
        self.label_changes.update(labels_of([value]))
        self._by_kind.setdefault(kind, {})[sequence] = value
        self._places[identity] = (kind, sequence)
        self.changed.add(kind)
        return True

    def objects(self, kind: ObjectKind) -> tuple[list[AnyObject], list[int]]:
        """(objects, sequences) of this kind, in the order in which they came first."""
        held = self._by_kind[kind]
        return list(held.values()), list(held)

    def next_sequence(self, kind: ObjectKind) -> int:
        """The sequence that the next new object of this kind gets; none is ever given twice."""
        return self._next[kind]

    def _new_sequence(self, kind: ObjectKind) -> int:
        sequence = self._next[kind]
        if sequence >= MAX_SEQUENCES:
            raise InvalidInput(
                f"expected at most {MAX_SEQUENCES} objects of kind {kind.value} for one item over all its life, got more",
                code="too_many_objects",
            )
        self._next[kind] = sequence + 1
        return sequence

    def _identity(self, kind: ObjectKind, value: AnyObject) -> Hashable:
        if kind is ObjectKind.MASK:
            return (kind,)
        if kind in CATEGORICAL:
            assert isinstance(value, Category | Multicategory)
            return (kind, value.taxonomy_name)
        assert not isinstance(value, Category | Multicategory | Mask)
        return (value.annotation_id, value.task_id if self._is_ground_truth else None)
