"""Slices: append-only lists of dataset ordinals."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from nucleus_server.domain import EvaluationStatus, Item, JobStatus, JobType, Scene, Slice, SliceMember
from nucleus_server.errors import InvalidInput, Problem, listed
from nucleus_server.storage import columns, schema
from nucleus_server.storage.annotations import AnnotationRows
from nucleus_server.storage.base import AnyRow, from_micros
from nucleus_server.storage.ids import new_id, parse_item_id
from nucleus_server.storage.items import unknown_reference_ids
from nucleus_server.storage.kept_columns import Place

if TYPE_CHECKING:
    from numpy.typing import NDArray


class SliceRows(AnnotationRows):
    """The part of the workspace store that keeps slices."""

    def create_slice(
        self,
        dataset_id: str,
        name: str,
        *,
        reference_ids: Sequence[str] = (),
        item_ids: Sequence[str] = (),
        scene_ids: Sequence[str] = (),
        ordinals: NDArray[np.int64] | None = None,
        member: SliceMember = SliceMember.ITEM,
    ) -> Slice:
        """Create a slice of these items, in this order; repeated ones count once, unknown ones are refused.

        In a dataset of scenes reference ids name scenes, or all of them items. `ordinals` name items, or with `member`
        scenes, by their places in the dataset, which is quickest for many; deleted ones are left out.
        """
        slice_id = new_id("slc")
        with self._write() as connection:
            dataset = self._row_by_id(connection, schema.datasets, dataset_id, "dataset", lock=True)
            if dataset.is_scene and not item_ids and ordinals is None:
                member = self._member_named(connection, dataset, reference_ids)
            parts = [self._resolve(connection, dataset, reference_ids, member)]
            if scene_ids:
                parts.append(self._resolve_scene_ids(connection, dataset, scene_ids))
            if item_ids:
                parts.append(self._resolve_item_ids(connection, dataset, item_ids))
            if ordinals is not None:
                parts.append(self._live(connection, dataset, ordinals, member))
            members = first_occurrences(np.concatenate(parts))
            key = self._insert(
                connection,
                schema.slices,
                id=slice_id,
                dataset_key=dataset.key,
                name=name,
                owner_key=self.actor.user_key,
                n_members=len(members),
                member=member.value,
                created_at=self._now(),
            )
            self._write_members(connection, key, members, n_before=0)
            self._audit(connection, "slice.create", slice_id, {"name": name, "n_members": len(members)})
            return self._slice(connection, slice_id)

    def append_to_slice(self, slice_id: str, reference_ids: Sequence[str]) -> int:
        """Add members at the end; those that are there already stay where they are. Returns how many were new."""
        with self._write() as connection:
            row = self._row_by_id(connection, schema.slices, slice_id, "slice", lock=True)
            dataset = self._dataset_row(connection, row.dataset_key)
            member = SliceMember(row.member)
            if member is SliceMember.OBJECT:
                raise InvalidInput(
                    f"slice {slice_id} is of objects, which have no reference ids: create a slice of all their ids",
                    code="slice_of_objects",
                )
            if dataset.is_scene and not row.n_members:
                # Of an empty slice the first members say what they are.
                member = self._member_named(connection, dataset, reference_ids)
                connection.execute(
                    schema.slices.update().where(schema.slices.c.key == row.key).values(member=member.value)
                )
            wanted = first_occurrences(self._resolve(connection, dataset, reference_ids, member))
            members = self._ordinals(connection, row.key, row.n_members)
            new = wanted[~np.isin(wanted, members)]
            if len(new):
                self._write_members(connection, row.key, new, n_before=row.n_members)
                n_members = row.n_members + len(new)
                connection.execute(
                    schema.slices.update().where(schema.slices.c.key == row.key).values(n_members=n_members)
                )
                self._audit(connection, "slice.append", slice_id, {"n_new": len(new), "n_members": n_members})
                self._fill_tests_of(connection, row.key, row.dataset_key)
            return len(new)

    def get_slice(self, slice_id: str) -> Slice:
        """The slice with this id."""
        with self._read() as connection:
            return self._slice(connection, slice_id)

    def get_slice_by_key(self, slice_key: int) -> Slice:
        """The slice with this internal key, hidden ones included: evaluations outlive their slices."""
        with self._read() as connection:
            return _to_slice(connection.execute(self._slice_select().where(schema.slices.c.key == slice_key)).one())

    def list_slices(self, dataset_id: str | None = None, name: str | None = None) -> list[Slice]:
        """Slices, oldest first: of one dataset, of one name, or all."""
        with self._read() as connection:
            query = self._slice_select().where(schema.slices.c.hidden_at.is_(None))
            if dataset_id is not None:
                dataset = self._row_by_id(connection, schema.datasets, dataset_id, "dataset")
                query = query.where(schema.slices.c.dataset_key == dataset.key)
            if name is not None:
                query = query.where(schema.slices.c.name == name)
            return [_to_slice(row) for row in connection.execute(query.order_by(schema.slices.c.key))]

    def delete_slice(self, slice_id: str) -> None:
        """Delete the slice; one that a scenario test was built on is only hidden, so that results keep their members."""
        with self._write() as connection:
            row = self._row_by_id(connection, schema.slices, slice_id, "slice", lock=True)
            self._require_owner(row.owner_key, "slice", "delete it")
            tests = schema.scenario_tests
            is_used = connection.execute(
                sa.select(tests.c.key).where(tests.c.slice_key == row.key).limit(1)
            ).one_or_none()
            if is_used is not None:
                connection.execute(
                    schema.slices.update().where(schema.slices.c.key == row.key).values(hidden_at=self._now())
                )
            else:
                connection.execute(schema.slice_chunks.delete().where(schema.slice_chunks.c.slice_key == row.key))
                connection.execute(schema.slices.delete().where(schema.slices.c.key == row.key))
            self._audit(connection, "slice.delete", slice_id, {"name": row.name})

    def slice_ordinals(self, slice_key: int, n_members: int | None = None) -> NDArray[np.int64]:
        """The dataset ordinals of the slice's first `n_members` (default: all), int64 [n_members], read only."""
        with self._read() as connection:
            total = connection.execute(
                sa.select(schema.slices.c.n_members).where(
                    schema.slices.c.workspace_key == self._workspace_key, schema.slices.c.key == slice_key
                )
            ).scalar_one()
            n_wanted = total if n_members is None else min(n_members, total)
            place = Place(self._workspace_key, "ordinal", slice_key, n_wanted)
            return self._database.kept.get(place, lambda: self._ordinals(connection, slice_key, n_wanted))

    def slice_items(self, slice_id: str, *, start: int = 0, limit: int | None = None) -> list[Item]:
        """The live items among positions `start` to `start + limit` of the slice, in slice order; none of other slices."""
        row = self.get_slice(slice_id)
        if row.member is not SliceMember.ITEM:
            return []
        ordinals = self.slice_ordinals(row.key)[start : None if limit is None else start + limit]
        return [item for item in self.items_at(row.dataset_key, ordinals) if item.deleted_at is None]

    def pinned_versions(self, slice_key: int) -> list[tuple[int, str, str, int]]:
        """Versions of the slice that completed evaluations hold: members, the test's id and name, how many evaluations."""
        table, tests = schema.evaluations, schema.scenario_tests
        query = (
            sa.select(table.c.n_members, tests.c.id, tests.c.name, sa.func.count())
            .join(tests, tests.c.key == table.c.test_key)
            .where(
                table.c.workspace_key == self._workspace_key,
                table.c.slice_key == slice_key,
                table.c.status == EvaluationStatus.COMPLETED.value,
                tests.c.hidden_at.is_(None),
            )
            .group_by(table.c.n_members, tests.c.id, tests.c.name)
            .order_by(table.c.n_members, tests.c.name, tests.c.id)
        )
        with self._read() as connection:
            return [(n_members, id_, name, n) for n_members, id_, name, n in connection.execute(query).all()]

    def slice_scenes(self, slice_id: str, *, start: int = 0, limit: int | None = None) -> list[Scene]:
        """As `slice_items`, of a slice of scenes."""
        row = self.get_slice(slice_id)
        if row.member is not SliceMember.SCENE:
            return []
        ordinals = self.slice_ordinals(row.key)[start : None if limit is None else start + limit]
        return [scene for scene in self.scenes_at(row.dataset_key, ordinals.tolist()) if scene.deleted_at is None]

    def slice_item_ordinals(self, part: Slice) -> NDArray[np.int64]:
        """The places in the dataset of the items that the slice stands for, int64: its own, or those of its scenes.

        Of scenes they come in the order of the slice, then of the dataset, without deleted ones.
        """
        members = self.slice_ordinals(part.key)
        if part.member is SliceMember.ITEM:
            return members
        if part.member is not SliceMember.SCENE:
            return members[:0]
        items = schema.items
        with self._read() as connection:
            rows = connection.execute(
                sa.select(items.c.scene_ordinal, items.c.ordinal)
                .where(
                    items.c.dataset_key == self._own_dataset(connection, part.dataset_key).key,
                    items.c.scene_ordinal.is_not(None),
                    items.c.deleted_at.is_(None),
                )
                .order_by(items.c.ordinal)
            ).all()
        pairs = np.array([tuple(row) for row in rows], dtype=np.int64).reshape(-1, 2)
        place = np.full(int(max([-1, *members, *pairs[:, 0]])) + 1, -1, dtype=np.int64)
        place[members] = np.arange(len(members))
        pairs = pairs[place[pairs[:, 0]] >= 0]
        ordered: NDArray[np.int64] = pairs[np.argsort(place[pairs[:, 0]], kind="stable"), 1]
        return ordered

    def _member_named(self, connection: Connection, dataset: AnyRow, reference_ids: Sequence[str]) -> SliceMember:
        """What these reference ids of a dataset of scenes name: scenes, unless all of them are items and not all scenes."""
        wanted = set(reference_ids)
        if wanted <= set(self._live_scenes(connection, dataset.key, list(wanted))):
            return SliceMember.SCENE
        is_items = wanted <= set(self._live_ordinals(connection, dataset.key, list(wanted)))
        return SliceMember.ITEM if is_items else SliceMember.SCENE

    def _resolve(
        self, connection: Connection, dataset: AnyRow, reference_ids: Sequence[str], member: SliceMember
    ) -> NDArray[np.int64]:
        if member is SliceMember.SCENE:
            rows = self._live_scenes(connection, dataset.key, list(dict.fromkeys(reference_ids)))
            known = {reference_id: int(row.ordinal) for reference_id, row in rows.items()}
        else:
            known = self._live_ordinals(connection, dataset.key, reference_ids)
        unknown = dict.fromkeys(ref for ref in reference_ids if ref not in known)
        if unknown:
            raise unknown_reference_ids(unknown, dataset.id, noun=f"{member.value}s")
        return np.fromiter((known[ref] for ref in reference_ids), dtype=np.int64, count=len(reference_ids))

    def _live(
        self, connection: Connection, dataset: AnyRow, ordinals: NDArray[np.int64], member: SliceMember
    ) -> NDArray[np.int64]:
        if member is SliceMember.SCENE:
            table = schema.scenes
            rows = connection.execute(
                sa.select(table.c.ordinal).where(table.c.dataset_key == dataset.key, table.c.deleted_at.is_(None))
            ).scalars()
            return ordinals[np.isin(ordinals, np.fromiter(rows, dtype=np.int64))]
        if dataset.n_live_items == dataset.n_items:
            return ordinals
        is_live = self._reference_ids(connection, dataset.key).is_not_null().to_numpy()
        live: NDArray[np.int64] = ordinals[is_live[ordinals]]
        return live

    def _resolve_scene_ids(
        self, connection: Connection, dataset: AnyRow, scene_ids: Sequence[str]
    ) -> NDArray[np.int64]:
        ordinals = self._scene_ordinals(connection, dataset, scene_ids)
        unknown = list(dict.fromkeys(text for text in scene_ids if text not in ordinals))
        if unknown:
            raise InvalidInput(
                f"expected ids of scenes in dataset {dataset.id}; it has none with {listed(unknown, len(unknown))}",
                code="unknown_scene_ids",
                problems=[Problem("scene_ids", "no such scene in the dataset", text) for text in unknown],
            )
        return np.array([ordinals[text] for text in scene_ids], dtype=np.int64)

    def _resolve_item_ids(self, connection: Connection, dataset: AnyRow, item_ids: Sequence[str]) -> NDArray[np.int64]:
        parsed = [(text, parse_item_id(text)) for text in item_ids]
        ordinals = {text: p[1] for text, p in parsed if p is not None and p[0] == dataset.item_prefix}
        live = set(
            connection.execute(
                sa.select(schema.items.c.ordinal).where(
                    schema.items.c.dataset_key == dataset.key,
                    schema.items.c.ordinal.in_(list(ordinals.values())),
                    schema.items.c.deleted_at.is_(None),
                )
            ).scalars()
        )
        unknown = list(dict.fromkeys(text for text in item_ids if ordinals.get(text) not in live))
        if unknown:
            raise InvalidInput(
                f"expected ids of items in dataset {dataset.id}; it has none with {listed(unknown, len(unknown))}",
                code="unknown_item_ids",
                problems=[Problem("dataset_item_ids", "no such item in the dataset", text) for text in unknown],
            )
        return np.array([ordinals[text] for text in item_ids], dtype=np.int64)

    def _write_members(self, connection: Connection, slice_key: int, new: NDArray[np.int64], *, n_before: int) -> None:
        """Append ordinals; only the last, unfull chunk is written again."""
        table = schema.slice_chunks
        start = n_before - n_before % columns.CHUNK
        head = self._ordinals(connection, slice_key, n_before)[start:] if n_before > start else new[:0]
        if len(head):
            connection.execute(
                table.delete().where(table.c.slice_key == slice_key, table.c.chunk == start // columns.CHUNK)
            )
        rows = [
            {"slice_key": slice_key, "chunk": chunk, "data": columns.pack_ordinals(part.astype(np.int64))}
            for chunk, part in columns.split(np.concatenate([head, new]), start=start)
        ]
        if rows:
            connection.execute(table.insert(), rows)

    def _ordinals(self, connection: Connection, slice_key: int, n_members: int) -> NDArray[np.int64]:
        table = schema.slice_chunks
        chunks = connection.execute(
            sa.select(table.c.data)
            .where(table.c.slice_key == slice_key, table.c.chunk * columns.CHUNK < n_members)
            .order_by(table.c.chunk)
        ).scalars()
        return columns.unpack_ordinals(chunks, n_members)

    def _fill_tests_of(self, connection: Connection, slice_key: int, dataset_key: int) -> None:
        """Scores for the new members may be here already: look for them, for every test of the slice."""
        tests, entries = schema.scenario_tests, schema.test_functions
        rows = connection.execute(
            sa.select(tests.c.id, entries.c.function_key)
            .join(entries, entries.c.test_key == tests.c.key)
            .where(tests.c.slice_key == slice_key, tests.c.hidden_at.is_(None))
        )
        functions: dict[str, list[int]] = defaultdict(list)
        for row in rows:
            functions[row.id].append(row.function_key)
        for test_id, keys in functions.items():
            self._add_fill_job(connection, test_id, dataset_key, keys)

    def _add_fill_job(
        self,
        connection: Connection,
        test_id: str,
        dataset_key: int,
        function_keys: Sequence[int],
        *,
        is_reserved: bool = False,
    ) -> None:
        """A job that fills the test from what was uploaded before, if there is anything by these functions."""
        columns_, uploads, evaluations, slices = (
            schema.score_columns,
            schema.score_uploads,
            schema.evaluations,
            schema.slices,
        )
        of_dataset = sa.select(uploads.c.key).where(uploads.c.dataset_key == dataset_key)
        slices_of_dataset = sa.select(slices.c.key).where(slices.c.dataset_key == dataset_key)
        is_there = connection.execute(
            sa.select(
                sa.or_(
                    sa.exists().where(
                        columns_.c.function_key.in_(function_keys), columns_.c.upload_key.in_(of_dataset)
                    ),
                    sa.exists().where(
                        evaluations.c.function_key.in_(function_keys), evaluations.c.slice_key.in_(slices_of_dataset)
                    ),
                )
            )
        ).scalar_one()
        if is_there:
            self._add_job(
                connection,
                JobType.FILL_SCENARIO_TEST,
                JobStatus.QUEUED,
                dataset_id=self._dataset_row(connection, dataset_key).id,
                payload={"test_id": test_id},
                is_reserved=is_reserved,
            )

    def _slice_row(self, connection: Connection, slice_key: int) -> AnyRow:
        return connection.execute(sa.select(schema.slices).where(schema.slices.c.key == slice_key)).one()

    def _dataset_row(self, connection: Connection, dataset_key: int) -> AnyRow:
        return connection.execute(
            sa.select(schema.datasets).where(
                schema.datasets.c.workspace_key == self._workspace_key, schema.datasets.c.key == dataset_key
            )
        ).one()

    def _slice_select(self) -> sa.Select[Any]:
        return (
            sa.select(schema.slices, schema.datasets.c.id.label("dataset_id"), schema.users.c.id.label("owner_id"))
            .join(schema.datasets, schema.datasets.c.key == schema.slices.c.dataset_key)
            .join(schema.users, schema.users.c.key == schema.slices.c.owner_key)
            .where(schema.slices.c.workspace_key == self._workspace_key)
        )

    def _slice(self, connection: Connection, slice_id: str) -> Slice:
        self._row_by_id(connection, schema.slices, slice_id, "slice")
        return _to_slice(connection.execute(self._slice_select().where(schema.slices.c.id == slice_id)).one())


def first_occurrences(ordinals: NDArray[np.int64]) -> NDArray[np.int64]:
    """The different values, in the order in which they came first."""
    _, first = np.unique(ordinals, return_index=True)
    return ordinals[np.sort(first)]


def _to_slice(row: AnyRow) -> Slice:
    return Slice(
        key=row.key,
        id=row.id,
        dataset_key=row.dataset_key,
        dataset_id=row.dataset_id,
        name=row.name,
        owner_key=row.owner_key,
        owner_id=row.owner_id,
        n_members=row.n_members,
        created_at=from_micros(row.created_at),
        member=SliceMember(row.member),
    )
