"""What an upload of objects does to the objects that an item has already: the rules of identity, without a database."""

from __future__ import annotations

import uuid
from collections import Counter, defaultdict
from collections.abc import Hashable

import msgspec

from nucleus_server.domain import (
    CATEGORICAL,
    AnyObject,
    ObjectKind,
)
from nucleus_server.errors import InvalidInput
from nucleus_server.storage.object_columns import kind_of, labels_of

_CATEGORICAL = frozenset(CATEGORICAL)
MAX_SEQUENCES = 1 << 20
"""How many objects of one kind an item may have in its whole life; what slices of objects can name."""


class HeldObjects:
    """The objects of one item or scene, of all kinds, while an upload changes them.

    Geometric objects are the same if the user's id is (for annotations: and the task's); of categories there is one for
    each taxonomy, and one mask. A replaced object keeps its place and its public id, unless its kind changes.
    """

    def __init__(self, *, is_ground_truth: bool) -> None:
        self._is_ground_truth = is_ground_truth
        self._by_kind: dict[ObjectKind, dict[int, AnyObject]] = defaultdict(dict)
        self._next: Counter[ObjectKind] = Counter()
        self._places: dict[Hashable, tuple[ObjectKind, int]] = {}
        self.changed: set[ObjectKind] = set()
        self._came: list[AnyObject] = []
        self._gone: list[AnyObject] = []

    def hold(self, kind: ObjectKind, objects: list[AnyObject], sequences: list[int], next_sequence: int) -> None:
        """Begin with these stored objects."""
        self._by_kind[kind] = dict(zip(sequences, objects, strict=True))
        self._next[kind] = next_sequence
        for value, sequence in zip(objects, sequences, strict=True):
            self._places[self._identity(kind, value)] = (kind, sequence)

    def put(self, value: AnyObject, *, update: bool) -> bool:
        """Add the object, or with `update` put it in the place of the same one. Returns False where it is ignored."""
        kind = kind_of(value)
        if kind is ObjectKind.MASK:
            identity: Hashable = kind
        elif kind in _CATEGORICAL:
            identity = (kind, value.taxonomy_name)  # type: ignore[union-attr]
        else:
            if value.annotation_id is None:  # type: ignore[union-attr]
                value = msgspec.structs.replace(value, annotation_id=str(uuid.uuid4()))
            identity = self._geometric(value)
        place = self._places.get(identity)
        if place is None:
            sequence = self._new_sequence(kind)
        elif not update:
            return False
        else:
            old_kind, sequence = place
            self._gone.append(self._by_kind[old_kind][sequence])
            if old_kind is not kind:
                del self._by_kind[old_kind][sequence]
                self.changed.add(old_kind)
                sequence = self._new_sequence(kind)
        self._came.append(value)
        self._by_kind[kind][sequence] = value
        self._places[identity] = (kind, sequence)
        self.changed.add(kind)
        return True

    def label_changes(self) -> Counter[str]:
        """How often each label came, minus how often it went."""
        changes = Counter(labels_of(self._came))
        changes.subtract(labels_of(self._gone))
        return changes

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

    def _geometric(self, value: AnyObject) -> Hashable:
        if self._is_ground_truth:
            return (value.annotation_id, value.task_id)  # type: ignore[union-attr]
        return value.annotation_id  # type: ignore[union-attr]

    def _identity(self, kind: ObjectKind, value: AnyObject) -> Hashable:
        if kind is ObjectKind.MASK:
            return kind
        return (kind, value.taxonomy_name) if kind in _CATEGORICAL else self._geometric(value)  # type: ignore[union-attr]
