"""The members that scores are of: items, scenes or tracks, and lists of them that are kept as they were at an upload."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from nucleus_server.domain import ObjectOwner, Scene, Track
from nucleus_server.storage import schema
from nucleus_server.storage.object_rows import tracks_of
from nucleus_server.storage.scenes import to_track
from nucleus_server.storage.test_settings import TestSettingRows

_IN_BATCH = 500


class MemberListRows(TestSettingRows):
    """The part of the workspace store that knows the members of tests."""

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
