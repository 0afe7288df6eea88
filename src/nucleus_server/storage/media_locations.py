"""Where items say that their media is: a sample, for who lists origins."""

from __future__ import annotations

import sqlalchemy as sa

from nucleus_server.storage import schema
from nucleus_server.storage.base import WorkspaceBase
from nucleus_server.storage.ids import item_id


class MediaLocationRows(WorkspaceBase):
    """The part of the workspace store that looks at where media is."""

    def sample_locations(self, *, most: int) -> list[tuple[str, str]]:
        """(item id, location) of the newest items of each dataset, deleted ones left out.

        `most` items are looked at, the same number of each dataset, but one of each at least.
        """
        items, datasets = schema.items, schema.datasets
        location = sa.func.coalesce(items.c.pointcloud_location, items.c.location)
        found: list[tuple[str, str]] = []
        with self._read() as connection:
            rows_of_datasets = connection.execute(
                sa.select(datasets.c.key, datasets.c.item_prefix)
                .where(datasets.c.workspace_key == self._workspace_key, datasets.c.hidden_at.is_(None))
                .order_by(datasets.c.key)
            ).all()
            per_dataset = max(1, most // max(1, len(rows_of_datasets)))
            for dataset in rows_of_datasets:
                # By the primary key from its end: as quick for a million items as for a thousand.
                newest = (
                    sa.select(items.c.ordinal, location.label("location"), items.c.deleted_at)
                    .where(items.c.dataset_key == dataset.key)
                    .order_by(items.c.ordinal.desc())
                    .limit(per_dataset)
                ).subquery()
                rows = connection.execute(
                    sa.select(newest.c.ordinal, newest.c.location).where(
                        newest.c.location.is_not(None), newest.c.deleted_at.is_(None)
                    )
                )
                found += [(item_id(dataset.item_prefix, row.ordinal), row.location) for row in rows]
        return found
