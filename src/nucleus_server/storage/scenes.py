"""Scenes: rows of their own, whose frames are items of the dataset."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from nucleus_server.domain import (
    Json,
    NewScene,
    NewTrack,
    ObjectOwner,
    PlacedItem,
    Scene,
    SceneCounts,
    SceneKind,
    Track,
)
from nucleus_server.errors import InvalidInput, NotFound
from nucleus_server.storage import schema
from nucleus_server.storage.base import AnyRow, from_micros, optional_moment, to_json
from nucleus_server.storage.dialect import insert_rows, texts_table
from nucleus_server.storage.ids import parse_scene_id, scene_id
from nucleus_server.storage.items import ItemRows, to_item

_TEXTS_BATCH = 10_000


class SceneRows(ItemRows):
    """The part of the workspace store that keeps scenes and tracks."""

    def append_scenes(self, dataset_id: str, scenes: Sequence[NewScene], *, update: bool) -> SceneCounts:
        """Add scenes with their items at the end of the dataset.

        A scene whose reference id is taken is ignored, or with `update` gets the new metadata, its own and its items'. One
        that cannot be stored, because another scene has an item of hers or the update has other frames, is named in the
        counts and leaves nothing; the others are stored.
        """
        with self._write() as connection:
            dataset = self._row_by_id(connection, schema.datasets, dataset_id, "dataset", lock=True)
            if not dataset.is_scene:
                raise InvalidInput(
                    f"dataset {dataset_id} holds items: create one with is_scene=True for scenes",
                    code="dataset_holds_items",
                )
            known = self._live_scenes(connection, dataset.key, [scene.reference_id for scene in scenes])
            items_known = self._live_ordinals(
                connection, dataset.key, [placed.item.reference_id for scene in scenes for placed in scene.items]
            )
            n_new = n_updated = n_ignored = 0
            errors: list[str] = []
            for scene in scenes:
                stored = known.get(scene.reference_id)
                if stored is not None and not update:
                    n_ignored += 1
                    continue
                try:
                    if stored is not None:
                        self._update_scene(connection, dataset, stored, scene)
                        n_updated += 1
                    else:
                        row, ordinals = self._insert_scene(connection, dataset, scene, items_known)
                        known[scene.reference_id] = row
                        items_known |= ordinals
                        n_new += 1
                except InvalidInput as error:
                    errors.append(error.message)
                    continue
                self._put_tracks(connection, dataset.key, scene.tracks)
                dataset = self._row_by_id(connection, schema.datasets, dataset_id, "dataset")
            return SceneCounts(n_new, n_updated, n_ignored, tuple(errors))

    def _insert_scene(
        self, connection: Connection, dataset: AnyRow, scene: NewScene, items_known: dict[str, int]
    ) -> tuple[AnyRow, dict[str, int]]:
        own = [placed.item.reference_id for placed in scene.items]
        taken = [reference_id for reference_id in own if reference_id in items_known]
        taken += [reference_id for reference_id, n in Counter(own).items() if n > 1]
        if taken:
            raise InvalidInput(
                f"scene {scene.reference_id!r}: there is another item with reference id {taken[0]!r}; every item of "
                "a scene needs one of its own in the dataset",
                code="item_exists",
            )
        now, ordinal = self._now(), dataset.n_scenes
        connection.execute(
            schema.scenes.insert().values(
                dataset_key=dataset.key,
                ordinal=ordinal,
                reference_id=scene.reference_id,
                kind=scene.kind.value,
                n_frames=1 + max((placed.frame for placed in scene.items), default=-1),
                frame_rate=scene.frame_rate,
                video_url=scene.video_url,
                metadata=to_json(scene.metadata),
                created_at=now,
            )
        )
        connection.execute(
            schema.datasets.update().where(schema.datasets.c.key == dataset.key).values(n_scenes=ordinal + 1)
        )
        first = dataset.n_items
        self._append(connection, dataset, [placed.item for placed in scene.items], update=False)
        if scene.items:
            items = schema.items
            connection.execute(
                items.update()
                .where(items.c.dataset_key == dataset.key, items.c.ordinal == sa.bindparam("place"))
                .values(scene_ordinal=ordinal, frame=sa.bindparam("at"), sensor=sa.bindparam("by")),
                [{"place": first + i, "at": p.frame, "by": p.sensor} for i, p in enumerate(scene.items)],
            )
        row = self._scene_row(connection, dataset.key, ordinal)
        return row, {placed.item.reference_id: first + i for i, placed in enumerate(scene.items)}

    def _update_scene(self, connection: Connection, dataset: AnyRow, stored: AnyRow, scene: NewScene) -> None:
        items = schema.items
        rows = connection.execute(
            sa.select(items.c.frame, items.c.sensor, items.c.reference_id, items.c.ordinal)
            .where(
                items.c.dataset_key == dataset.key,
                items.c.scene_ordinal == stored.ordinal,
                items.c.deleted_at.is_(None),
            )
            .order_by(items.c.ordinal)
        ).all()
        has = [(row.frame, row.sensor, row.reference_id) for row in rows]
        wanted = [(placed.frame, placed.sensor, placed.item.reference_id) for placed in scene.items]
        if sorted(has, key=repr) != sorted(wanted, key=repr) or stored.kind != scene.kind.value:
            raise InvalidInput(
                f"scene {scene.reference_id!r} exists with other frames: an update may change metadata only; delete the "
                "scene first, or choose another reference id",
                code="scene_has_other_frames",
            )
        connection.execute(
            schema.scenes.update()
            .where(schema.scenes.c.dataset_key == dataset.key, schema.scenes.c.ordinal == stored.ordinal)
            .values(metadata=to_json(scene.metadata))
        )
        self._append(connection, dataset, [placed.item for placed in scene.items], update=True)

    def list_scenes(self, dataset_id: str) -> list[Scene]:
        """The dataset's live scenes in the order in which they were added."""
        with self._read() as connection:
            dataset = self._row_by_id(connection, schema.datasets, dataset_id, "dataset")
            table = schema.scenes
            rows = connection.execute(
                sa.select(table)
                .where(table.c.dataset_key == dataset.key, table.c.deleted_at.is_(None))
                .order_by(table.c.ordinal)
            )
            return [_to_scene(dataset.item_prefix, row) for row in rows]

    def scenes_at(self, dataset_key: int, ordinals: Sequence[int]) -> list[Scene]:
        """The scenes at these ordinals, in that order, tombstones included."""
        table, datasets = schema.scenes, schema.datasets
        found: dict[int, Scene] = {}
        with self._read() as connection:
            prefix = connection.execute(
                sa.select(datasets.c.item_prefix).where(
                    datasets.c.workspace_key == self._workspace_key, datasets.c.key == dataset_key
                )
            ).scalar_one()
            for start in range(0, len(ordinals), 500):
                rows = connection.execute(
                    sa.select(table).where(
                        table.c.dataset_key == dataset_key,
                        table.c.ordinal.in_([int(o) for o in ordinals[start : start + 500]]),
                    )
                )
                found.update((row.ordinal, _to_scene(prefix, row)) for row in rows)
        return [found[int(ordinal)] for ordinal in ordinals]

    def get_scene(self, dataset_id: str, reference_id: str, *, of_item: bool = False) -> Scene:
        """The live scene with the user's own id or, with `of_item`, the one that the item with this id is of."""
        with self._read() as connection:
            dataset = self._row_by_id(connection, schema.datasets, dataset_id, "dataset")
            if of_item:
                items = schema.items
                ordinal = connection.execute(
                    sa.select(items.c.scene_ordinal).where(
                        items.c.dataset_key == dataset.key,
                        items.c.reference_id == reference_id,
                        items.c.deleted_at.is_(None),
                    )
                ).scalar_one_or_none()
                row = None if ordinal is None else self._scene_row(connection, dataset.key, ordinal)
            else:
                row = self._live_scenes(connection, dataset.key, [reference_id]).get(reference_id)
            if row is None:
                what = "of the item" if of_item else "with reference id"
                raise NotFound(f"no scene {what} {reference_id!r} in dataset {dataset_id}", code="scene_not_found")
            return _to_scene(dataset.item_prefix, row)

    def scene_items(self, scene: Scene) -> list[PlacedItem]:
        """The live items of the scene, by frame, then in the order in which they were sent."""
        items, datasets = schema.items, schema.datasets
        with self._read() as connection:
            prefix = connection.execute(
                sa.select(datasets.c.item_prefix).where(
                    datasets.c.workspace_key == self._workspace_key, datasets.c.key == scene.dataset_key
                )
            ).scalar_one()
            rows = connection.execute(
                sa.select(items)
                .where(
                    items.c.dataset_key == scene.dataset_key,
                    items.c.scene_ordinal == scene.ordinal,
                    items.c.deleted_at.is_(None),
                )
                .order_by(items.c.frame, items.c.ordinal)
            )
            return [PlacedItem(row.frame, row.sensor, to_item(prefix, row)) for row in rows]

    def delete_scene(self, dataset_id: str, reference_id: str) -> None:
        """Turn the scene and its items into tombstones: their content goes, ordinals, reference ids and scores stay."""
        with self._write() as connection:
            dataset = self._row_by_id(connection, schema.datasets, dataset_id, "dataset", lock=True)
            row = self._live_scenes(connection, dataset.key, [reference_id]).get(reference_id)
            if row is None:
                raise NotFound(
                    f"no scene with reference id {reference_id!r} in dataset {dataset_id}", code="scene_not_found"
                )
            items, scenes = schema.items, schema.scenes
            members = connection.execute(
                sa.select(items).where(
                    items.c.dataset_key == dataset.key,
                    items.c.scene_ordinal == row.ordinal,
                    items.c.deleted_at.is_(None),
                )
            ).all()
            self._delete_item_rows(connection, dataset, members)
            self._forget_objects(connection, dataset.key, ObjectOwner.SCENE, [row.ordinal])
            connection.execute(
                scenes.update()
                .where(scenes.c.dataset_key == dataset.key, scenes.c.ordinal == row.ordinal)
                .values(deleted_at=self._now(), metadata="{}", video_url=None)
            )
            self._audit(connection, "scene.delete", scene_id(dataset.item_prefix, row.ordinal), {"dataset": dataset_id})

    def merge_metadata(
        self, dataset_id: str, changes: dict[str, Json], *, owner: ObjectOwner
    ) -> tuple[int, tuple[str, ...]]:
        """Merge metadata into items' or scenes' (reference id → keys to set); returns how many, and who is unknown."""
        with self._write() as connection:
            dataset = self._row_by_id(connection, schema.datasets, dataset_id, "dataset", lock=True)
            if owner is ObjectOwner.ITEM:
                ordinals = self._live_ordinals(connection, dataset.key, list(changes))
                table = schema.items
            else:
                rows = self._live_scenes(connection, dataset.key, list(changes))
                ordinals = {reference_id: row.ordinal for reference_id, row in rows.items()}
                table = schema.scenes
            merged: dict[int, Json] = {}
            for reference_id, ordinal in ordinals.items():
                stored = connection.execute(
                    sa.select(table.c.metadata).where(table.c.dataset_key == dataset.key, table.c.ordinal == ordinal)
                ).scalar_one()
                merged[ordinal] = {**json.loads(stored), **changes[reference_id]}
            if merged:
                connection.execute(
                    table.update()
                    .where(table.c.dataset_key == dataset.key, table.c.ordinal == sa.bindparam("place"))
                    .values(metadata=sa.bindparam("new")),
                    [{"place": ordinal, "new": to_json(metadata)} for ordinal, metadata in merged.items()],
                )
                if owner is ObjectOwner.ITEM:
                    self._write_metadata(connection, dataset.key, dataset.n_items, merged)
            return len(merged), tuple(reference_id for reference_id in changes if reference_id not in ordinals)

    def list_tracks(self, dataset_id: str) -> list[Track]:
        """The dataset's tracks in the order in which they came into being."""
        with self._read() as connection:
            dataset = self._row_by_id(connection, schema.datasets, dataset_id, "dataset")
            table = schema.tracks
            rows = connection.execute(
                sa.select(table)
                .where(table.c.dataset_key == dataset.key, table.c.deleted_at.is_(None))
                .order_by(table.c.ordinal)
            )
            return [Track(dataset_id, row.ordinal, row.reference_id, json.loads(row.metadata)) for row in rows]

    def update_track(self, dataset_id: str, reference_id: str, metadata: Json, *, overwrite: bool) -> Track:
        """Set a track's metadata, or merge it into what is there."""
        with self._write() as connection:
            dataset = self._row_by_id(connection, schema.datasets, dataset_id, "dataset", lock=True)
            row = self._live_tracks(connection, dataset.key, [reference_id]).get(reference_id)
            if row is None:
                raise NotFound(
                    f"no track with reference id {reference_id!r} in dataset {dataset_id}", code="track_not_found"
                )
            stored = metadata if overwrite else {**json.loads(row.metadata), **metadata}
            table = schema.tracks
            connection.execute(
                table.update()
                .where(table.c.dataset_key == dataset.key, table.c.ordinal == row.ordinal)
                .values(metadata=to_json(stored))
            )
            return Track(dataset_id, row.ordinal, reference_id, stored)

    def _put_tracks(self, connection: Connection, dataset_key: int, tracks: Sequence[NewTrack]) -> None:
        """Make the tracks that are not there; those that are keep their metadata."""
        wanted = {track.reference_id: track.metadata for track in tracks}
        if not wanted:
            return
        known = self._live_tracks(connection, dataset_key, list(wanted))
        new = [(reference_id, metadata) for reference_id, metadata in wanted.items() if reference_id not in known]
        if not new:
            return
        datasets, now = schema.datasets, self._now()
        first = connection.execute(sa.select(datasets.c.n_tracks).where(datasets.c.key == dataset_key)).scalar_one()
        insert_rows(
            connection,
            schema.tracks,
            ("dataset_key", "ordinal", "reference_id", "metadata", "created_at"),
            [
                (dataset_key, first + i, reference_id, to_json(metadata), now)
                for i, (reference_id, metadata) in enumerate(new)
            ],
        )
        connection.execute(datasets.update().where(datasets.c.key == dataset_key).values(n_tracks=first + len(new)))

    def _live_tracks(self, connection: Connection, dataset_key: int, reference_ids: Sequence[str]) -> dict[str, AnyRow]:
        return self._live_rows(connection, schema.tracks, dataset_key, reference_ids)

    def _live_scenes(self, connection: Connection, dataset_key: int, reference_ids: Sequence[str]) -> dict[str, AnyRow]:
        return self._live_rows(connection, schema.scenes, dataset_key, reference_ids)

    def _live_rows(
        self, connection: Connection, table: sa.Table, dataset_key: int, reference_ids: Sequence[str]
    ) -> dict[str, AnyRow]:
        found: dict[str, AnyRow] = {}
        for start in range(0, len(reference_ids), _TEXTS_BATCH):
            texts, text = texts_table(connection, reference_ids[start : start + _TEXTS_BATCH])
            rows = connection.execute(
                sa.select(table).where(
                    table.c.dataset_key == dataset_key,
                    table.c.deleted_at.is_(None),
                    table.c.reference_id.in_(sa.select(text).select_from(texts)),
                )
            )
            found.update((row.reference_id, row) for row in rows)
        return found

    def _scene_row(self, connection: Connection, dataset_key: int, ordinal: int) -> AnyRow:
        table = schema.scenes
        return connection.execute(
            sa.select(table).where(table.c.dataset_key == dataset_key, table.c.ordinal == ordinal)
        ).one()

    def _scene_ordinals(self, connection: Connection, dataset: AnyRow, scene_ids: Sequence[str]) -> dict[str, int]:
        """Public id → ordinal, for those of the ids that a live scene of the dataset has."""
        parsed = {
            text: place[1] for text in scene_ids if (place := parse_scene_id(text)) and place[0] == dataset.item_prefix
        }
        table = schema.scenes
        live = set(
            connection.execute(
                sa.select(table.c.ordinal).where(
                    table.c.dataset_key == dataset.key,
                    table.c.ordinal.in_(list(parsed.values())),
                    table.c.deleted_at.is_(None),
                )
            ).scalars()
        )
        return {text: ordinal for text, ordinal in parsed.items() if ordinal in live}


def _to_scene(item_prefix: str, row: AnyRow) -> Scene:
    return Scene(
        dataset_key=row.dataset_key,
        ordinal=row.ordinal,
        id=scene_id(item_prefix, row.ordinal),
        reference_id=row.reference_id,
        kind=SceneKind(row.kind),
        n_frames=row.n_frames,
        frame_rate=row.frame_rate,
        video_url=row.video_url,
        metadata=json.loads(row.metadata),
        created_at=from_micros(row.created_at),
        deleted_at=optional_moment(row.deleted_at),
    )
