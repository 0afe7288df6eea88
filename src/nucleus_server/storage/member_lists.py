"""The members that scores are of: items, scenes or tracks, and lists of them that are kept as they were at an upload.

Members of a test on a slice of items are the slice's own. Those of scenes and tracks are resolved at an upload, and the list
is kept: lists of one slice and level only grow, so that any two of them meet in the shorter one, as versions of a slice do.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from nucleus_server.domain import (
    EvaluationStatus,
    EvaluationSummary,
    Item,
    Level,
    ObjectOwner,
    Population,
    Scene,
    Slice,
    SliceMember,
    Track,
)
from nucleus_server.errors import Busy
from nucleus_server.storage import columns, schema
from nucleus_server.storage.base import AnyRow, from_micros, optional_moment
from nucleus_server.storage.ids import item_ids, scene_id
from nucleus_server.storage.items import to_item
from nucleus_server.storage.object_rows import tracks_of
from nucleus_server.storage.scenes import to_track
from nucleus_server.storage.test_settings import TestSettingRows

if TYPE_CHECKING:
    from numpy.typing import NDArray

_IN_BATCH = 500
_TABLES = {Level.SCENE: schema.scenes, Level.TRACK: schema.tracks}


class MemberListRows(TestSettingRows):
    """The part of the workspace store that knows the members of tests, of any level."""

    # --- what is known of items, of any population

    def reference_ids(self, dataset_key: int | Population) -> pl.Series:
        """Live reference ids by ordinal, null where the member is deleted."""
        of = _population(dataset_key)
        if of.level is Level.ITEM:
            return super().reference_ids(of.dataset_key)
        table = _TABLES[of.level]
        with self._read() as connection:
            rows = connection.execute(
                sa.select(table.c.reference_id, table.c.deleted_at)
                .where(table.c.dataset_key == self._own_dataset(connection, of.dataset_key).key)
                .order_by(table.c.ordinal)
            )
            return pl.Series(
                [None if row.deleted_at is not None else row.reference_id for row in rows], dtype=pl.String
            )

    def deleted_reference_ids(self, dataset_key: int | Population) -> set[str]:
        """The reference ids of tombstones; one of them may be a live member's again."""
        of = _population(dataset_key)
        if of.level is Level.ITEM:
            return super().deleted_reference_ids(of.dataset_key)
        table = _TABLES[of.level]
        with self._read() as connection:
            key = self._own_dataset(connection, of.dataset_key).key
            query = sa.select(table.c.reference_id).where(table.c.dataset_key == key, table.c.deleted_at.is_not(None))
            return set(connection.execute(query).scalars())

    def has_deleted_items(self, dataset_key: int | Population) -> bool:
        """Whether the population has tombstones."""
        of = _population(dataset_key)
        if of.level is Level.ITEM:
            return super().has_deleted_items(of.dataset_key)
        return bool(self.reference_ids(of).null_count())

    def metadata_keys(self, dataset_key: int | Population) -> list[str]:
        """The metadata keys that have a column, in alphabetical order; scenes and tracks have none."""
        of = _population(dataset_key)
        return super().metadata_keys(of.dataset_key) if of.level is Level.ITEM else []

    def coded_metadata_column(self, dataset_key: int | Population, key: str) -> pl.Series:
        """The values under one key by ordinal, texts perhaps Categorical; of scenes and tracks all null."""
        of = _population(dataset_key)
        if of.level is Level.ITEM:
            return super().coded_metadata_column(of.dataset_key, key)
        return pl.Series([None] * len(self.reference_ids(of)), dtype=pl.String)

    def items_at(self, dataset_key: int | Population, ordinals: Sequence[int] | NDArray[np.int64]) -> list[Item]:
        """The members at these ordinals, in that order, tombstones included.

        A scene or a track comes as an item with its id and metadata; a scene's image is the one of its first frame that has
        an image.
        """
        of = _population(dataset_key)
        if of.level is Level.ITEM:
            return super().items_at(of.dataset_key, ordinals)
        wanted, table = [int(ordinal) for ordinal in ordinals], _TABLES[of.level]
        found: dict[int, Item] = {}
        with self._read() as connection:
            dataset = self._own_dataset(connection, of.dataset_key)
            for start in range(0, len(wanted), _IN_BATCH):
                part = wanted[start : start + _IN_BATCH]
                covers = self._covers(connection, dataset, part) if of.level is Level.SCENE else {}
                rows = connection.execute(
                    sa.select(table).where(table.c.dataset_key == dataset.key, table.c.ordinal.in_(part))
                )
                for row in rows:
                    found[row.ordinal] = _as_item(row, _member_id(of.level, dataset, row), covers.get(row.ordinal))
        return [found[ordinal] for ordinal in wanted]

    def _covers(self, connection: Connection, dataset: AnyRow, scene_ordinals: Sequence[int]) -> dict[int, Item]:
        """The first image of each of these scenes."""
        items = schema.items
        rows = connection.execute(
            sa.select(items)
            .where(
                items.c.dataset_key == dataset.key,
                items.c.scene_ordinal.in_(scene_ordinals),
                items.c.deleted_at.is_(None),
                items.c.pointcloud_location.is_(None),
            )
            .order_by(items.c.frame.desc(), items.c.ordinal.desc())
        )
        return {row.scene_ordinal: to_item(dataset.item_prefix, row) for row in rows}  # of each the last one: the first

    def member_ids(self, of: Population, ordinals: NDArray[np.int64]) -> NDArray[np.str_]:
        """The public ids of these members; of tracks, which have none, their reference ids."""
        if of.level is Level.TRACK:
            return np.array([item.id for item in self.items_at(of, ordinals)], dtype=np.str_)
        prefix = self.item_prefix(of.dataset_key)
        if of.level is Level.ITEM:
            return item_ids(prefix, ordinals)
        return np.array([scene_id(prefix, ordinal) for ordinal in ordinals.tolist()], dtype=np.str_)

    def scene_ordinals(self, dataset_key: int) -> NDArray[np.int64]:
        """Which scene each item is in, int64 by item ordinal, deleted ones included; -1 of an item that is in none."""
        items = schema.items
        with self._read() as connection:
            dataset = self._own_dataset(connection, dataset_key)
            found = np.full(dataset.n_items, -1, dtype=np.int64)
            rows = connection.execute(
                sa.select(items.c.ordinal, items.c.scene_ordinal).where(
                    items.c.dataset_key == dataset.key, items.c.scene_ordinal.is_not(None)
                )
            ).all()
        if rows:
            pairs = np.array([tuple(row) for row in rows], dtype=np.int64)
            pairs = pairs[pairs[:, 0] < len(found)]
            found[pairs[:, 0]] = pairs[:, 1]
        return found

    # --- whom a test is about

    def resolve_members(self, part: Slice, level: Level) -> NDArray[np.int64]:
        """The scenes or tracks that a slice stands for now, as ordinals, int64.

        Scenes are the slice's, or those of its items, in the order in which they first come. Tracks are those that
        annotations and predictions on its items and scenes belong to, behind those of the newest list of this slice.
        """
        members = self.slice_ordinals(part.key)
        is_scenes = part.member is SliceMember.SCENE
        if level is Level.SCENE:
            scenes = members if is_scenes else self.scene_ordinals(part.dataset_key)[members]
            _, first = np.unique(scenes, return_index=True)
            ordered: NDArray[np.int64] = scenes[np.sort(first)]
            return ordered[ordered >= 0]
        with self._read() as connection:
            if not self._own_dataset(connection, part.dataset_key).n_tracks:
                return members[:0]
        items = self.slice_item_ordinals(part)
        with self._read() as connection:
            dataset = self._own_dataset(connection, part.dataset_key)
            named = self._tracks_on(connection, dataset.key, ObjectOwner.ITEM, items.tolist())
            if is_scenes:
                named |= self._tracks_on(connection, dataset.key, ObjectOwner.SCENE, members.tolist())
            rows = self._live_tracks(connection, dataset.key, sorted(named)).values()
            now = np.array(sorted(row.ordinal for row in rows), dtype=np.int64)
            before = self._longest_list(connection, part.key, level)
        return np.concatenate([before, now[~np.isin(now, before)]])

    def member_ordinals(self, evaluation: EvaluationSummary, n_members: int | None = None) -> NDArray[np.int64]:
        """The ordinals of an evaluation's first `n_members` (default: all), int64, read only."""
        n = evaluation.n_members if n_members is None else n_members
        if evaluation.member_list_key is None:
            return self.slice_ordinals(evaluation.slice_key, n)
        with self._read() as connection:
            return self._list_ordinals(connection, evaluation.member_list_key)[:n]

    def tracks_of_scene(self, scene: Scene) -> list[Track]:
        """The tracks that annotations and predictions on the scene and its items belong to, in the dataset's order."""
        items = schema.items
        with self._read() as connection:
            dataset = self._own_dataset(connection, scene.dataset_key)
            ordinals = connection.execute(
                sa.select(items.c.ordinal).where(
                    items.c.dataset_key == dataset.key,
                    items.c.scene_ordinal == scene.ordinal,
                    items.c.deleted_at.is_(None),
                )
            ).scalars()
            named = self._tracks_on(connection, dataset.key, ObjectOwner.ITEM, list(ordinals))
            named |= self._tracks_on(connection, dataset.key, ObjectOwner.SCENE, [scene.ordinal])
            rows = self._live_tracks(connection, dataset.key, sorted(named)).values()
            return [to_track(dataset.id, row) for row in sorted(rows, key=lambda row: int(row.ordinal))]

    def tracks_at(self, dataset_id: str, ordinals: NDArray[np.int64]) -> list[Track]:
        """The live tracks at these ordinals, in that order."""
        by_ordinal = {track.ordinal: track for track in self.list_tracks(dataset_id)}
        return [by_ordinal[ordinal] for ordinal in ordinals.tolist() if ordinal in by_ordinal]

    def _tracks_on(
        self, connection: Connection, dataset_key: int, owner: ObjectOwner, ordinals: Sequence[int]
    ) -> set[str]:
        """The tracks that objects on these items or scenes belong to: of annotations, and of every run's predictions."""
        found: set[str] = set()
        for table in (schema.annotations, schema.predictions):
            for start in range(0, len(ordinals), _IN_BATCH):
                rows = connection.execute(
                    sa.select(table.c.details).where(
                        table.c.dataset_key == dataset_key,
                        table.c.owner == owner.value,
                        table.c.ordinal.in_([int(o) for o in ordinals[start : start + _IN_BATCH]]),
                    )
                )
                found |= {track for row in rows for track in tracks_of(row)}
        return found

    # --- kept lists

    def _list_key(
        self, connection: Connection, slice_key: int, level: Level, members: NDArray[np.int64], *, keep: bool
    ) -> int | None:
        """The key of the list with exactly these members of a slice; where there is none, with `keep` it is stored."""
        table, digest = schema.member_lists, hashlib.sha256(members.astype("<i8").tobytes()).digest()
        dataset_key = self._slice_row(connection, slice_key).dataset_key
        key: int | None = connection.execute(
            sa.select(table.c.key).where(
                table.c.dataset_key == dataset_key, table.c.level == level.value, table.c.digest == digest
            )
        ).scalar_one_or_none()
        if key is not None or not keep:
            return key
        key = self._insert(
            connection,
            table,
            dataset_key=dataset_key,
            level=level.value,
            digest=digest,
            n_members=len(members),
            created_at=self._now(),
        )
        rows = [
            {"member_list_key": key, "chunk": chunk, "data": columns.pack_ordinals(part.astype(np.int64))}
            for chunk, part in columns.split(members)
        ]
        if rows:
            connection.execute(schema.member_list_chunks.insert(), rows)
        return key

    def _check_grown(
        self, connection: Connection, slice_key: int, level: Level, members: NDArray[np.int64] | None
    ) -> None:
        """Refuse a list that another upload's, which came meanwhile, does not begin: asked again, it will be found."""
        if members is None:
            return
        longest = self._longest_list(connection, slice_key, level)
        n = min(len(longest), len(members))
        if not np.array_equal(longest[:n], members[:n]):
            raise Busy(
                f"the {level.value}s of the test have changed while the results were read: send them again",
                code="members_changed",
            )

    def _longest_list(self, connection: Connection, slice_key: int, level: Level) -> NDArray[np.int64]:
        """The members of the longest list that evaluations on this slice have; empty if there is none."""
        table = schema.evaluations
        key = connection.execute(
            sa.select(table.c.member_list_key)
            .where(
                table.c.workspace_key == self._workspace_key,
                table.c.slice_key == slice_key,
                table.c.level == level.value,
                table.c.member_list_key.is_not(None),
                table.c.status == EvaluationStatus.COMPLETED.value,
            )
            .order_by(table.c.n_members.desc(), table.c.key.desc())
            .limit(1)
        ).scalar_one_or_none()
        return np.zeros(0, dtype=np.int64) if key is None else self._list_ordinals(connection, key)

    def _list_ordinals(self, connection: Connection, key: int) -> NDArray[np.int64]:
        lists, table = schema.member_lists, schema.member_list_chunks
        n_members = connection.execute(
            sa.select(lists.c.n_members).where(lists.c.workspace_key == self._workspace_key, lists.c.key == key)
        ).scalar_one()
        chunks = connection.execute(
            sa.select(table.c.data).where(table.c.member_list_key == key).order_by(table.c.chunk)
        ).scalars()
        return columns.unpack_ordinals(chunks, n_members)


def _population(of: int | Population) -> Population:
    return of if isinstance(of, Population) else Population(of)


def _member_id(level: Level, dataset: AnyRow, row: AnyRow) -> str:
    return scene_id(dataset.item_prefix, row.ordinal) if level is Level.SCENE else str(row.reference_id)


def _as_item(row: Any, member_id: str, cover: Item | None) -> Item:
    return Item(
        dataset_key=row.dataset_key,
        ordinal=row.ordinal,
        id=member_id,
        reference_id=row.reference_id,
        metadata=json.loads(row.metadata),
        location=None if cover is None else cover.location,
        pointcloud_location=None,
        media_digest=None if cover is None else cover.media_digest,
        text=None,
        width=None if cover is None else cover.width,
        height=None if cover is None else cover.height,
        created_at=from_micros(row.created_at),
        deleted_at=optional_moment(row.deleted_at),
    )
