"""Scenes: rows of their own, whose frames are items of the dataset."""

from __future__ import annotations

import json
from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from nucleus_server.domain import (
    Job,
    JobStatus,
    JobType,
    Json,
    NewTrack,
    ObjectOwner,
    PlacedItem,
    Scene,
    SceneKind,
    Track,
)
from nucleus_server.errors import NotFound
from nucleus_server.storage import schema
from nucleus_server.storage.base import AnyRow, from_micros, optional_moment, to_json
from nucleus_server.storage.dialect import insert_rows, texts_table
from nucleus_server.storage.ids import parse_scene_id, scene_id
from nucleus_server.storage.items import ItemRows, to_item

_TEXTS_BATCH = 10_000
_IN_BATCH = 500


class SceneRows(ItemRows):
    """The part of the workspace store that keeps scenes and tracks."""

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
            for start in range(0, len(ordinals), _IN_BATCH):
                rows = connection.execute(
                    sa.select(table).where(
                        table.c.dataset_key == dataset_key,
                        table.c.ordinal.in_([int(o) for o in ordinals[start : start + _IN_BATCH]]),
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
        self, dataset_id: str, changes: dict[str, Json], *, owner: ObjectOwner, as_job: bool = False
    ) -> tuple[int, tuple[str, ...], Job | None]:
        """Merge metadata into items' or scenes' (reference id → keys to set).

        Returns how many, whose reference ids are unknown, and with `as_job` the record of it as a job.
        """
        with self._write() as connection:
            dataset = self._row_by_id(connection, schema.datasets, dataset_id, "dataset", lock=True)
            if owner is ObjectOwner.ITEM:
                ordinals = self._live_ordinals(connection, dataset.key, list(changes))
                table = schema.items
            else:
                rows = self._live_scenes(connection, dataset.key, list(changes))
                ordinals = {reference_id: row.ordinal for reference_id, row in rows.items()}
                table = schema.scenes
            stored = self._metadata_at(connection, table, dataset.key, list(ordinals.values()))
            merged: dict[int, Json] = {
                ordinal: {**stored[ordinal], **changes[reference_id]} for reference_id, ordinal in ordinals.items()
            }
            if merged:
                connection.execute(
                    table.update()
                    .where(table.c.dataset_key == dataset.key, table.c.ordinal == sa.bindparam("place"))
                    .values(metadata=sa.bindparam("new")),
                    [{"place": ordinal, "new": to_json(metadata)} for ordinal, metadata in merged.items()],
                )
                if owner is ObjectOwner.ITEM:
                    self._write_metadata(connection, dataset.key, dataset.n_items, merged)
            unknown = tuple(reference_id for reference_id in changes if reference_id not in ordinals)
            job = None
            if as_job:
                job = self._add_job(
                    connection,
                    JobType.UPDATE_METADATA,
                    JobStatus.COMPLETED,
                    dataset_id=dataset_id,
                    message={"dataset_id": dataset_id, "updated": len(merged), "errored": len(unknown)},
                    errors=[f"{owner.value} with id {reference_id} does not exist" for reference_id in unknown],
                    n_steps=max(1, len(changes)),
                )
            return len(merged), unknown, job

    def _metadata_at(
        self, connection: Connection, table: sa.Table, dataset_key: int, ordinals: Sequence[int]
    ) -> dict[int, Json]:
        found: dict[int, Json] = {}
        for start in range(0, len(ordinals), _IN_BATCH):
            rows = connection.execute(
                sa.select(table.c.ordinal, table.c.metadata).where(
                    table.c.dataset_key == dataset_key, table.c.ordinal.in_(ordinals[start : start + _IN_BATCH])
                )
            )
            found.update((row.ordinal, json.loads(row.metadata)) for row in rows)
        return found

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
            return [to_track(dataset_id, row) for row in rows]

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


def to_track(dataset_id: str, row: AnyRow) -> Track:
    """The track in this row."""
    return Track(dataset_id, row.ordinal, row.reference_id, json.loads(row.metadata))
