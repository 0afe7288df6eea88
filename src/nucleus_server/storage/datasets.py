"""Datasets."""

from __future__ import annotations

import json
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from nucleus_server.domain import Dataset, Job, JobStatus, JobType, Json
from nucleus_server.storage import schema
from nucleus_server.storage.base import AnyRow, from_micros, to_json
from nucleus_server.storage.files import FileRows
from nucleus_server.storage.ids import new_id, new_item_prefix


class DatasetRows(FileRows):
    """The part of the workspace store that keeps datasets."""

    def create_dataset(
        self,
        name: str,
        *,
        is_scene: bool = False,
        use_privacy_mode: bool = False,
        annotation_metadata_schema: Json | None = None,
        item_metadata_schema: Json | None = None,
    ) -> Dataset:
        """Create an empty dataset; names need not be unique."""
        dataset_id = new_id("ds")
        with self._write() as connection:
            self._insert(
                connection,
                schema.datasets,
                id=dataset_id,
                item_prefix=new_item_prefix(),
                name=name,
                is_scene=is_scene,
                use_privacy_mode=use_privacy_mode,
                annotation_metadata_schema=_optional_json(annotation_metadata_schema),
                item_metadata_schema=_optional_json(item_metadata_schema),
                owner_key=self.actor.user_key,
                n_items=0,
                n_live_items=0,
                created_at=self._now(),
            )
            self._audit(connection, "dataset.create", dataset_id, {"name": name})
            return self._dataset(connection, dataset_id)

    def get_dataset(self, dataset_id: str) -> Dataset:
        """The dataset; NotFound if it does not exist or is being deleted."""
        with self._read() as connection:
            return self._dataset(connection, dataset_id)

    def list_datasets(self) -> list[Dataset]:
        """All datasets, oldest first."""
        with self._read() as connection:
            rows = connection.execute(
                self._dataset_select().where(schema.datasets.c.hidden_at.is_(None)).order_by(schema.datasets.c.key)
            )
            return [_to_dataset(row) for row in rows]

    def delete_dataset(self, dataset_id: str) -> Job:
        """Hide the dataset with its slices and tests at once; the returned job purges everything in it."""
        with self._write() as connection:
            row = self._row_by_id(connection, schema.datasets, dataset_id, "dataset", lock=True)
            self._require_owner(row.owner_key, "dataset", "delete it")
            now = self._now()
            slice_keys = sa.select(schema.slices.c.key).where(schema.slices.c.dataset_key == row.key)
            for table, condition in (
                (schema.scenario_tests, schema.scenario_tests.c.slice_key.in_(slice_keys)),
                (schema.slices, schema.slices.c.dataset_key == row.key),
                (schema.datasets, schema.datasets.c.key == row.key),
            ):
                connection.execute(table.update().where(condition, table.c.hidden_at.is_(None)).values(hidden_at=now))
            self._audit(connection, "dataset.delete", dataset_id, {"name": row.name, "n_items": row.n_live_items})
            return self._add_job(
                connection,
                JobType.DELETE_DATASET,
                JobStatus.QUEUED,
                dataset_id=dataset_id,
                payload={"dataset_key": row.key},
            )

    def _dataset_select(self) -> sa.Select[Any]:
        return (
            sa.select(schema.datasets, schema.users.c.id.label("owner_id"))
            .join(schema.users, schema.users.c.key == schema.datasets.c.owner_key)
            .where(schema.datasets.c.workspace_key == self._workspace_key)
        )

    def _dataset(self, connection: Connection, dataset_id: str) -> Dataset:
        self._row_by_id(connection, schema.datasets, dataset_id, "dataset")
        return _to_dataset(connection.execute(self._dataset_select().where(schema.datasets.c.id == dataset_id)).one())


def _to_dataset(row: AnyRow) -> Dataset:
    return Dataset(
        key=row.key,
        id=row.id,
        item_prefix=row.item_prefix,
        name=row.name,
        is_scene=row.is_scene,
        use_privacy_mode=row.use_privacy_mode,
        annotation_metadata_schema=_from_optional_json(row.annotation_metadata_schema),
        item_metadata_schema=_from_optional_json(row.item_metadata_schema),
        owner_id=row.owner_id,
        n_items=row.n_items,
        n_live_items=row.n_live_items,
        tags=tuple(json.loads(row.tags)),
        annotation_revision=row.annotation_revision,
        created_at=from_micros(row.created_at),
    )


def _optional_json(value: Json | None) -> str | None:
    return None if value is None else to_json(value)


def _from_optional_json(text: str | None) -> Json | None:
    return None if text is None else json.loads(text)
