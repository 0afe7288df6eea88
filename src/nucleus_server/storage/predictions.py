"""Predictions of a model, in runs: what was uploaded together, for one dataset or for several."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from msgspec import structs
from sqlalchemy.engine import Connection

from nucleus_server.domain import (
    AnyObject,
    Job,
    JobStatus,
    JobType,
    Json,
    Model,
    ModelRun,
    ObjectCounts,
    ObjectKind,
    ObjectOwner,
    StoredObject,
)
from nucleus_server.errors import InvalidInput
from nucleus_server.storage import schema
from nucleus_server.storage.annotations import the_object, tracks_named, with_masks
from nucleus_server.storage.base import AnyRow, from_micros, to_json
from nucleus_server.storage.ids import new_id, parse_item_id
from nucleus_server.storage.leases import JobStep, take_step
from nucleus_server.storage.models import ModelRows
from nucleus_server.storage.object_rows import ObjectSource, Placed, stored_objects

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

RUN_FREE_KINDS = (ObjectKind.BOX, ObjectKind.POLYGON, ObjectKind.CUBOID)
_READ_AT_ONCE = 500


class PredictionRows(ModelRows):
    """The part of the workspace store that keeps model runs and predictions."""

    def create_model_run(
        self,
        model_id: str,
        name: str,
        *,
        dataset_id: str | None = None,
        metadata: Json | None = None,
        annotation_metadata_schema: Json | None = None,
    ) -> ModelRun:
        """Create an empty run of the model, bound to a dataset or, until predictions come, to none."""
        with self._write() as connection:
            model = self._row_by_id(connection, schema.models, model_id, "model")
            run = self._insert_run(
                connection, model.key, name, metadata=metadata, annotation_metadata_schema=annotation_metadata_schema
            )
            if dataset_id is not None:
                dataset = self._row_by_id(connection, schema.datasets, dataset_id, "dataset", lock=True)
                self._widen(connection, run.key, dataset.key)
            self._audit(connection, "model_run.create", run.id, {"model": model_id, "name": name})
            return self._run(connection, run.id)

    def find_model(self, reference_id: str) -> Model | None:
        """The model with the user's own id; None if there is none."""
        models = schema.models
        with self._read() as connection:
            model_id = connection.execute(
                sa.select(models.c.id).where(
                    models.c.workspace_key == self._workspace_key,
                    models.c.reference_id == reference_id,
                    models.c.hidden_at.is_(None),
                )
            ).scalar_one_or_none()
            return None if model_id is None else self._model(connection, model_id)

    def get_model_run(self, run_id: str) -> ModelRun:
        """The run with this id."""
        with self._read() as connection:
            return self._run(connection, run_id)

    def list_model_runs(self, *, model_id: str | None = None, dataset_id: str | None = None) -> list[ModelRun]:
        """Runs, oldest first, of a model or of a dataset; predictions without a run are in none of them."""
        runs, links = schema.model_runs, schema.model_run_datasets
        query = self._run_select().where(runs.c.hidden_at.is_(None), ~runs.c.is_run_free)
        with self._read() as connection:
            if model_id is not None:
                model = self._row_by_id(connection, schema.models, model_id, "model")
                query = query.where(runs.c.model_key == model.key)
            if dataset_id is not None:
                dataset = self._row_by_id(connection, schema.datasets, dataset_id, "dataset")
                query = query.where(
                    runs.c.key.in_(sa.select(links.c.run_key).where(links.c.dataset_key == dataset.key))
                )
            rows = connection.execute(query.order_by(runs.c.key)).all()
            return [self._to_run(connection, row) for row in rows]

    def find_model_run(self, model_id: str, dataset_id: str) -> ModelRun | None:
        """The newest run of the model for the dataset; None if it has none."""
        with self._read() as connection:
            model = self._row_by_id(connection, schema.models, model_id, "model")
            dataset = self._row_by_id(connection, schema.datasets, dataset_id, "dataset")
            row = self._newest_run(connection, model.key, dataset.key)
            return None if row is None else self._run(connection, row.id)

    def commit_model_run(self, run_id: str, options: Json) -> ModelRun:
        """Note that the run is complete, and by which rules its labels match."""
        with self._write() as connection:
            row = self._row_by_id(connection, schema.model_runs, run_id, "model run", lock=True)
            connection.execute(
                schema.model_runs.update().where(schema.model_runs.c.key == row.key).values(committed=to_json(options))
            )
            return self._run(connection, run_id)

    def delete_model_run(self, run_id: str) -> None:
        """Delete the run with its predictions; results of evaluations that used them stay."""
        with self._write() as connection:
            row = self._row_by_id(connection, schema.model_runs, run_id, "model run", lock=True)
            connection.execute(
                schema.model_runs.update().where(schema.model_runs.c.key == row.key).values(hidden_at=self._now())
            )
            table = schema.predictions
            digests = connection.execute(
                sa.select(table.c.media_digest).where(table.c.run_key == row.key, table.c.media_digest.is_not(None))
            ).scalars()
            for digest in digests.all():
                self._release_media(connection, digest)
            connection.execute(table.delete().where(table.c.run_key == row.key))
            self._audit(connection, "model_run.delete", run_id, {"name": row.name})

    def upload_predictions(
        self,
        predictions: Sequence[AnyObject],
        *,
        update: bool,
        dataset_id: str | None = None,
        model_id: str | None = None,
        run_id: str | None = None,
        mask_digests: Sequence[str] | None = None,
        step: JobStep | None = None,
    ) -> tuple[ModelRun, ObjectCounts]:
        """Add predictions to a run, or to the newest run of model and dataset, which is made if there is none.

        The same ones that are there already are ignored, or with `update` replaced. Without a dataset, each names its item by
        id and the run is widened to what they name; without run and dataset they are the model's run-free predictions. Those
        whose item does not exist are named in the counts; all others are stored. With `step` they are a part of a job, which
        counts them in the same transaction.
        """
        with self._write() as connection:
            dataset = None
            if dataset_id is not None:
                dataset = self._row_by_id(connection, schema.datasets, dataset_id, "dataset", lock=True)
            run = self._run_to_fill(connection, run_id, model_id, dataset)
            by_dataset = self._by_dataset(connection, with_masks(predictions, mask_digests), dataset)
            n_processed = n_ignored = 0
            errors: list[str] = list(by_dataset.pop(None, ()))
            for target, objects in by_dataset.items():
                placed, unknown = self._placed(connection, target, objects)
                errors += unknown
                was_put, _ = self._put_objects(
                    connection,
                    ObjectSource(target.key, run.key),
                    placed,
                    update=update or run.is_run_free,
                    revision=run.revision + 1,
                )
                self._put_tracks(connection, target.key, tracks_named(placed))
                self._widen(connection, run.key, target.key)
                n_processed += sum(was_put)
                n_ignored += len(was_put) - sum(was_put)
            if n_processed:
                connection.execute(
                    schema.model_runs.update()
                    .where(schema.model_runs.c.key == run.key)
                    .values(revision=run.revision + 1)
                )
            if step is not None:
                take_step(connection, step, {"processed": n_processed, "ignored": n_ignored}, errors)
            return self._run(connection, run.id), ObjectCounts(n_processed, n_ignored, tuple(errors))

    def copy_predictions(self, run_id: str) -> tuple[int, int]:
        """Copy a run's predictions to its model's run-free ones; returns (copied, of kinds that have no place there)."""
        table = schema.predictions
        with self._write() as connection:
            source = self._row_by_id(connection, schema.model_runs, run_id, "model run", lock=True)
            target = self._run_free(connection, source.model_key)
            n_copied = n_unsupported = 0
            for dataset_key in self._dataset_keys(connection, source.key):
                rows = connection.execute(
                    sa.select(table).where(table.c.run_key == source.key, table.c.dataset_key == dataset_key)
                ).all()
                placed: list[Placed] = []
                for row in rows:
                    if ObjectKind(row.kind) in RUN_FREE_KINDS:
                        placed += [
                            Placed(ObjectOwner(row.owner), row.ordinal, stored.value)
                            for stored in stored_objects("pred", row, "")
                        ]
                    else:
                        n_unsupported += row.n_objects
                self._put_objects(
                    connection,
                    ObjectSource(dataset_key, target.key),
                    placed,
                    update=True,
                    revision=target.revision + 1,
                )
                self._widen(connection, target.key, dataset_key)
                n_copied += len(placed)
            connection.execute(
                schema.model_runs.update()
                .where(schema.model_runs.c.key == target.key)
                .values(revision=target.revision + 1)
            )
            self._audit(connection, "predictions.copy", run_id, {"n_copied": n_copied})
            return n_copied, n_unsupported

    def merge_model_runs(self, run_ids: Sequence[str], name: str | None, metadata: Json | None) -> tuple[ModelRun, Job]:
        """A new run with the predictions of several of one model, and the job that says so.

        Where two have the same prediction, the later run's counts.
        """
        table = schema.predictions
        with self._write() as connection:
            sources = [
                self._row_by_id(connection, schema.model_runs, run_id, "model run", lock=True)
                for run_id in dict.fromkeys(run_ids)
            ]
            if len(sources) < 2 or len({row.model_key for row in sources}) > 1:
                raise InvalidInput(
                    f"expected at least two different runs of one model, got {len(sources)} of "
                    f"{len({row.model_key for row in sources})} models: merge runs of the same model",
                    code="runs_not_mergeable",
                )
            merged = self._insert_run(
                connection, sources[0].model_key, name or " + ".join(r.name for r in sources), metadata
            )
            for source in sources:
                for dataset_key in self._dataset_keys(connection, source.key):
                    rows = connection.execute(
                        sa.select(table).where(table.c.run_key == source.key, table.c.dataset_key == dataset_key)
                    ).all()
                    placed = [
                        Placed(ObjectOwner(row.owner), row.ordinal, stored.value, row.media_digest)
                        for row in rows
                        for stored in stored_objects("pred", row, "")
                    ]
                    self._put_objects(
                        connection, ObjectSource(dataset_key, merged.key), placed, update=True, revision=1
                    )
                    self._widen(connection, merged.key, dataset_key)
            connection.execute(
                schema.model_runs.update().where(schema.model_runs.c.key == merged.key).values(revision=1)
            )
            self._audit(connection, "model_run.merge", merged.id, {"runs": list(run_ids)})
            message: Json = {"model_run_id": merged.id}
            job = self._add_job(connection, JobType.MODEL_RUN_COMMIT, JobStatus.COMPLETED, message=message)
            return self._run(connection, merged.id), job

    def predictions_of(
        self,
        run: ModelRun,
        dataset_key: int,
        ordinals: Sequence[int] | NDArray[np.int64],
        *,
        owner: ObjectOwner = ObjectOwner.ITEM,
        kinds: Iterable[ObjectKind] = tuple(ObjectKind),
    ) -> dict[int, list[StoredObject]]:
        """The run's predictions for these items or scenes, by ordinal, in the order in which they came; [] where none are."""
        with self._read() as connection:
            self._own_dataset(connection, dataset_key)
            names = self._owner_reference_ids(connection, dataset_key, owner, ordinals)
            return self._objects_of(connection, ObjectSource(dataset_key, run.key), owner, names, kinds)

    def predictions_by_reference(
        self, run: ModelRun, reference_id: str, *, dataset_id: str | None = None
    ) -> list[StoredObject]:
        """The run's predictions for the items and scenes with the user's own id, in one or in all of its datasets."""
        with self._read() as connection:
            keys = self._dataset_keys(connection, run.key)
            if dataset_id is not None:
                keys = [self._row_by_id(connection, schema.datasets, dataset_id, "dataset").key]
            return [
                stored
                for dataset_key in keys
                for stored in self._objects_by_reference(connection, ObjectSource(dataset_key, run.key), reference_id)
            ]

    def get_prediction(self, run: ModelRun, reference_id: str, annotation_id: str) -> StoredObject:
        """The prediction with the user's own ids, or with our id of it."""
        found = self.predictions_by_reference(run, reference_id)
        return the_object(found, annotation_id, f"item {reference_id!r} in run {run.id}", "prediction")

    def iter_predictions(self, run: ModelRun, dataset_id: str | None = None) -> Iterator[StoredObject]:
        """All predictions of a run, or those for one dataset: by item, a bounded number in memory at a time."""
        table = schema.predictions
        with self._read() as connection:
            keys = self._dataset_keys(connection, run.key)
            if dataset_id is not None:
                keys = [self._row_by_id(connection, schema.datasets, dataset_id, "dataset").key]
        for dataset_key in keys:
            source = ObjectSource(dataset_key, run.key)
            for owner in ObjectOwner:
                start = -1
                while True:
                    with self._read() as connection:
                        ordinals = (
                            connection.execute(
                                sa.select(table.c.ordinal)
                                .where(*source.here(), table.c.owner == owner.value, table.c.ordinal > start)
                                .distinct()
                                .order_by(table.c.ordinal)
                                .limit(_READ_AT_ONCE)
                            )
                            .scalars()
                            .all()
                        )
                        if not ordinals:
                            break
                        names = self._owner_reference_ids(connection, dataset_key, owner, ordinals)
                        found = self._objects_of(connection, source, owner, names)
                    for objects in found.values():
                        yield from objects
                    start = ordinals[-1]

    def run_free_predictions(self, model_id: str) -> ModelRun | None:
        """What holds the model's predictions without a run; None if it has none."""
        with self._read() as connection:
            model = self._row_by_id(connection, schema.models, model_id, "model")
            row = self._run_free_row(connection, model.key)
            return None if row is None else self._run(connection, row.id)

    def _by_dataset(
        self, connection: Connection, predictions: Sequence[tuple[AnyObject, str | None]], dataset: AnyRow | None
    ) -> dict[Any, list[Any]]:
        """The predictions by the dataset of their items; under None a sentence for each whose item is unknown.

        One that names its item by our id is given the user's id of it.
        """
        by_id = {p.item_id for p, _ in predictions if p.reference_id is None and p.item_id is not None}
        items: dict[str, tuple[str, AnyRow]] = {}
        for item_id in by_id:
            parsed = parse_item_id(item_id)
            if parsed is not None:
                condition = schema.datasets.c.item_prefix == parsed[0]
                row = self._one_item(connection, condition, schema.items.c.ordinal == parsed[1])
                if row is not None:
                    items[item_id] = (row.reference_id, self._own_dataset(connection, row.dataset_key))
        named: dict[str, AnyRow] = {}
        sorted_out: dict[Any, list[Any]] = {}
        for prediction, digest in predictions:
            target = dataset
            if prediction.reference_id is None and prediction.item_id is not None:
                found = items.get(prediction.item_id)
                if found is None or (dataset is not None and found[1].key != dataset.key):
                    sorted_out.setdefault(None, []).append(f"Item with id {prediction.item_id} does not exist.")
                    continue
                prediction, target = structs.replace(prediction, reference_id=found[0]), found[1]
            elif target is None and prediction.dataset_id is not None:
                if prediction.dataset_id not in named:
                    named[prediction.dataset_id] = self._row_by_id(
                        connection, schema.datasets, prediction.dataset_id, "dataset"
                    )
                target = named[prediction.dataset_id]
            if target is None or prediction.reference_id is None:
                sorted_out.setdefault(None, []).append(
                    f"Item with id {prediction.reference_id} does not exist: expected an item_id, or a dataset_id with a "
                    "reference_id."
                )
                continue
            sorted_out.setdefault(target, []).append((prediction, digest))
        return sorted_out

    def _run_to_fill(
        self, connection: Connection, run_id: str | None, model_id: str | None, dataset: AnyRow | None
    ) -> AnyRow:
        if run_id is not None:
            return self._row_by_id(connection, schema.model_runs, run_id, "model run", lock=True)
        assert model_id is not None
        model = self._row_by_id(connection, schema.models, model_id, "model", lock=True)
        if dataset is None:
            return self._run_free(connection, model.key)
        row = self._newest_run(connection, model.key, dataset.key)
        if row is None:
            row = self._insert_run(connection, model.key, f"{model.name} on {dataset.name}", None)
        return self._row_by_id(connection, schema.model_runs, row.id, "model run", lock=True)

    def _run_free(self, connection: Connection, model_key: int) -> AnyRow:
        row = self._run_free_row(connection, model_key)
        return (
            row if row is not None else self._insert_run(connection, model_key, "without a run", None, is_run_free=True)
        )

    def _run_free_row(self, connection: Connection, model_key: int) -> AnyRow | None:
        runs = schema.model_runs
        return connection.execute(
            sa.select(runs).where(
                runs.c.workspace_key == self._workspace_key,
                runs.c.model_key == model_key,
                runs.c.is_run_free,
                runs.c.hidden_at.is_(None),
            )
        ).one_or_none()

    def _newest_run(self, connection: Connection, model_key: int, dataset_key: int) -> AnyRow | None:
        runs, links = schema.model_runs, schema.model_run_datasets
        return connection.execute(
            sa.select(runs)
            .join(links, links.c.run_key == runs.c.key)
            .where(
                runs.c.workspace_key == self._workspace_key,
                runs.c.model_key == model_key,
                links.c.dataset_key == dataset_key,
                runs.c.hidden_at.is_(None),
                ~runs.c.is_run_free,
            )
            .order_by(runs.c.key.desc())
            .limit(1)
        ).one_or_none()

    def _insert_run(
        self,
        connection: Connection,
        model_key: int,
        name: str,
        metadata: Json | None,
        *,
        annotation_metadata_schema: Json | None = None,
        is_run_free: bool = False,
    ) -> AnyRow:
        run_id = new_id("run")
        self._insert(
            connection,
            schema.model_runs,
            id=run_id,
            model_key=model_key,
            name=name,
            metadata=to_json(metadata or {}),
            annotation_metadata_schema=None
            if annotation_metadata_schema is None
            else to_json(annotation_metadata_schema),
            is_run_free=is_run_free,
            committed="",
            revision=0,
            user_key=self.actor.user_key,
            created_at=self._now(),
        )
        return self._row_by_id(connection, schema.model_runs, run_id, "model run")

    def _widen(self, connection: Connection, run_key: int, dataset_key: int) -> None:
        if dataset_key not in self._dataset_keys(connection, run_key):
            connection.execute(schema.model_run_datasets.insert().values(run_key=run_key, dataset_key=dataset_key))

    def _dataset_keys(self, connection: Connection, run_key: int) -> list[int]:
        links, datasets = schema.model_run_datasets, schema.datasets
        return list(
            connection.execute(
                sa.select(links.c.dataset_key)
                .join(datasets, datasets.c.key == links.c.dataset_key)
                .where(links.c.run_key == run_key, datasets.c.hidden_at.is_(None))
                .order_by(links.c.dataset_key)
            ).scalars()
        )

    def _run_select(self) -> sa.Select[Any]:
        runs, models = schema.model_runs, schema.models
        return (
            sa.select(runs, models.c.id.label("model_id"))
            .join(models, models.c.key == runs.c.model_key)
            .where(runs.c.workspace_key == self._workspace_key)
        )

    def _run(self, connection: Connection, run_id: str) -> ModelRun:
        self._row_by_id(connection, schema.model_runs, run_id, "model run")
        row = connection.execute(self._run_select().where(schema.model_runs.c.id == run_id)).one()
        return self._to_run(connection, row)

    def _to_run(self, connection: Connection, row: AnyRow) -> ModelRun:
        links, datasets = schema.model_run_datasets, schema.datasets
        dataset_ids = connection.execute(
            sa.select(datasets.c.id)
            .join(links, links.c.dataset_key == datasets.c.key)
            .where(links.c.run_key == row.key, datasets.c.hidden_at.is_(None))
            .order_by(datasets.c.key)
        ).scalars()
        return ModelRun(
            key=row.key,
            id=row.id,
            model_key=row.model_key,
            model_id=row.model_id,
            name=row.name,
            metadata=json.loads(row.metadata),
            dataset_ids=tuple(dataset_ids),
            committed=json.loads(row.committed) if row.committed else {},
            revision=row.revision,
            created_at=from_micros(row.created_at),
        )
