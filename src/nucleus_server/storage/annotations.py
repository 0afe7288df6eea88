"""Annotations: the ground truth of a dataset's items and scenes, with its labels, taxonomies and tags."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING

import numpy as np
import sqlalchemy as sa
from msgspec import structs
from sqlalchemy.engine import Connection

from nucleus_server.domain import (
    CATEGORICAL,
    AnyObject,
    Job,
    JobStatus,
    JobType,
    Mask,
    Multicategory,
    NewTrack,
    ObjectCounts,
    ObjectKind,
    ObjectOwner,
    StoredObject,
    Taxonomy,
)
from nucleus_server.errors import InvalidInput, NotFound
from nucleus_server.storage import schema
from nucleus_server.storage.base import AnyRow, to_json
from nucleus_server.storage.leases import JobStep, take_step
from nucleus_server.storage.object_columns import kind_of, pack, unpack, unpack_labels
from nucleus_server.storage.object_rows import ObjectSource, Placed, tracks_of
from nucleus_server.storage.scene_uploads import SceneUploadRows

if TYPE_CHECKING:
    from numpy.typing import NDArray

_ORDINALS_BATCH = 500
_PAYLOAD_LIFE = timedelta(days=7)


class AnnotationRows(SceneUploadRows):
    """The part of the workspace store that keeps annotations."""

    def annotate(
        self,
        dataset_id: str,
        annotations: Sequence[AnyObject],
        *,
        update: bool,
        mask_digests: Sequence[str] | None = None,
        step: JobStep | None = None,
    ) -> ObjectCounts:
        """Add annotations; the same ones that are there already are ignored, or with `update` replaced.

        Those whose item or scene the dataset does not have, or whose taxonomy does not know them, are named in the counts;
        all others are stored. `mask_digests` are the stored files of the masks among them, in order. With `step` they are a
        part of a job, which counts them in the same transaction.
        """
        with self._write() as connection:
            dataset = self._row_by_id(connection, schema.datasets, dataset_id, "dataset", lock=True)
            placed, errors = self._placed(connection, dataset, with_masks(annotations, mask_digests))
            known = self._taxonomies(connection, dataset.key)
            allowed = []
            for entry in placed:
                wrong = _against_taxonomy(entry.value, known, dataset_id)
                if wrong is None:
                    allowed.append(entry)
                else:
                    errors.append(wrong)
            revision = dataset.annotation_revision + 1
            was_put, label_changes = self._put_objects(
                connection, ObjectSource(dataset.key), allowed, update=update, revision=revision
            )
            if any(was_put):
                self._count_labels(connection, dataset.key, label_changes)
                self._put_tracks(connection, dataset.key, tracks_named(allowed))
                self._set_annotation_revision(connection, dataset.key, revision)
            counts = ObjectCounts(sum(was_put), len(was_put) - sum(was_put), tuple(errors))
            if step is not None:
                take_step(connection, step, {"processed": counts.n_processed, "ignored": counts.n_ignored}, errors)
            return counts

    def begin_object_upload(
        self,
        dataset_id: str,
        request_id: str,
        job_type: JobType,
        n_objects: int,
        *,
        update: bool,
        model_id: str | None = None,
        run_id: str | None = None,
    ) -> Job:
        """The job that stores a signed upload's objects; a repeated call returns the first one's job.

        It is reserved for the process that makes it. The payload is kept until a worker could have done it.
        """
        signed = schema.signed_uploads
        with self._write() as connection:
            dataset = self._row_by_id(connection, schema.datasets, dataset_id, "dataset", lock=True)
            for table, object_id, noun in (
                (schema.models, model_id, "model"),
                (schema.model_runs, run_id, "model run"),
            ):
                if object_id is not None:
                    self._row_by_id(connection, table, object_id, noun)
            earlier = self._earlier_job(connection, dataset.key, request_id)
            if earlier is not None:
                return earlier
            here = (signed.c.dataset_key == dataset.key, signed.c.request_id == request_id)
            digest = connection.execute(sa.select(signed.c.media_digest).where(*here)).scalar_one_or_none()
            if digest is None:
                raise NotFound(f"nothing was uploaded under request id {request_id!r}", code="upload_not_found")
            job = self._add_job(
                connection,
                job_type,
                JobStatus.QUEUED,
                dataset_id=dataset_id,
                payload={
                    "dataset_id": dataset_id,
                    "media_digest": digest,
                    "update": update,
                    "model_id": model_id,
                    "run_id": run_id,
                },
                n_steps=n_objects,
                is_reserved=True,
            )
            kept_until = self._now() + int(_PAYLOAD_LIFE.total_seconds() * 1_000_000)
            connection.execute(signed.update().where(*here).values(job_id=job.id, expires_at=kept_until))
            return job

    def delete_annotations(self, dataset_id: str, reference_ids: Sequence[str] | None) -> Job:
        """Delete all annotations of these items and scenes, or of the whole dataset; the job says how many there were.

        Their public ids are never given again.
        """
        table = schema.annotations
        with self._write() as connection:
            dataset = self._row_by_id(connection, schema.datasets, dataset_id, "dataset", lock=True)
            here = [table.c.dataset_key == dataset.key]
            if reference_ids is not None:
                items = self._live_ordinals(connection, dataset.key, reference_ids)
                scenes = {
                    r: row.ordinal for r, row in self._live_scenes(connection, dataset.key, reference_ids).items()
                }
                here.append(
                    sa.or_(
                        *(
                            sa.and_(table.c.owner == owner.value, table.c.ordinal.in_(list(ordinals.values())))
                            for owner, ordinals in ((ObjectOwner.ITEM, items), (ObjectOwner.SCENE, scenes))
                        )
                    )
                )
            rows = connection.execute(sa.select(table).where(*here, table.c.n_objects > 0)).all()
            if rows:
                revision = dataset.annotation_revision + 1
                self._empty_annotations(connection, dataset.key, rows, revision)
                self._set_annotation_revision(connection, dataset.key, revision)
            n_deleted = sum(int(row.n_objects) for row in rows)
            self._audit(connection, "annotations.delete", dataset_id, {"n_annotations": n_deleted})
            return self._add_job(
                connection,
                JobType.DELETE_ANNOTATIONS,
                JobStatus.COMPLETED,
                dataset_id=dataset_id,
                message={"annotation_deletion": {"datasetId": dataset_id, "deleted": n_deleted}},
            )

    def _empty_annotations(
        self, connection: Connection, dataset_key: int, rows: Sequence[AnyRow], revision: int
    ) -> None:
        """Rows without objects stay: they know which sequences were given, and in which revision they changed."""
        table = schema.annotations
        connection.execute(
            table.update()
            .where(table.c.key == sa.bindparam("row_key"))
            .values(
                n_objects=0,
                revision=revision,
                media_digest=None,
                data=sa.bindparam("no_data"),
                details=sa.bindparam("no_details"),
            ),
            [
                {
                    "row_key": row.key,
                    **dict(zip(("no_data", "no_details"), pack(ObjectKind(row.kind), [], []), strict=True)),
                }
                for row in rows
            ],
        )
        gone: Counter[str] = Counter()
        for row in rows:
            gone.subtract(unpack_labels(row.data))
            self._release_media(connection, row.media_digest)
        self._count_labels(connection, dataset_key, gone)

    def delete_tracks(self, dataset_id: str, reference_ids: Sequence[str]) -> int:
        """Delete tracks; the annotations and predictions that belonged to them stay, without a track.

        Returns how many tracks there were; unknown ones are fine.
        """
        wanted, tracks = set(reference_ids), schema.tracks
        with self._write() as connection:
            dataset = self._row_by_id(connection, schema.datasets, dataset_id, "dataset", lock=True)
            known = self._live_tracks(connection, dataset.key, list(wanted))
            if not known:
                return 0
            connection.execute(
                tracks.update()
                .where(
                    tracks.c.dataset_key == dataset.key, tracks.c.ordinal.in_([row.ordinal for row in known.values()])
                )
                .values(deleted_at=self._now(), metadata="{}")
            )
            for table in (schema.annotations, schema.predictions):
                changed = []
                for row in connection.execute(sa.select(table).where(table.c.dataset_key == dataset.key)):
                    if tracks_of(row) & wanted:
                        objects, sequences = unpack(ObjectKind(row.kind), row.data, row.details, "")
                        freed = [
                            structs.replace(value, track_reference_id=None)
                            if value.track_reference_id in wanted
                            else value
                            for value in objects
                        ]
                        changed.append({"row_key": row.key, "new": pack(ObjectKind(row.kind), freed, sequences)[1]})
                if changed:
                    connection.execute(
                        table.update()
                        .where(table.c.key == sa.bindparam("row_key"))
                        .values(details=sa.bindparam("new")),
                        changed,
                    )
            self._audit(connection, "tracks.delete", dataset_id, {"n_tracks": len(known)})
            return len(known)

    def annotations_of(
        self,
        dataset_key: int,
        ordinals: Sequence[int] | NDArray[np.int64],
        *,
        owner: ObjectOwner = ObjectOwner.ITEM,
        kinds: Iterable[ObjectKind] = tuple(ObjectKind),
    ) -> dict[int, list[StoredObject]]:
        """The annotations of these items or scenes, by ordinal, in the order in which they came; [] where there are none."""
        with self._read() as connection:
            self._own_dataset(connection, dataset_key)
            names = self._owner_reference_ids(connection, dataset_key, owner, ordinals)
            return self._objects_of(connection, ObjectSource(dataset_key), owner, names, kinds)

    def get_annotation(self, dataset_id: str, reference_id: str, annotation_id: str) -> StoredObject:
        """The annotation of the item or scene with the user's own ids, or with our id of it."""
        with self._read() as connection:
            dataset = self._row_by_id(connection, schema.datasets, dataset_id, "dataset")
            found = self._objects_by_reference(connection, ObjectSource(dataset.key), reference_id)
            return the_object(found, annotation_id, f"item {reference_id!r} of dataset {dataset_id}", "annotation")

    def annotation_labels(self, dataset_id: str) -> list[str]:
        """The different labels of the dataset's annotations, in alphabetical order."""
        table = schema.annotation_labels
        with self._read() as connection:
            dataset = self._row_by_id(connection, schema.datasets, dataset_id, "dataset")
            return list(
                connection.execute(
                    sa.select(table.c.label)
                    .where(table.c.dataset_key == dataset.key, table.c.n_annotations > 0)
                    .order_by(table.c.label)
                ).scalars()
            )

    def labels_of(self, dataset_key: int, ordinals: NDArray[np.int64]) -> list[str]:
        """The different labels of these items' annotations, in alphabetical order."""
        found: set[str] = set()
        with self._read() as connection:
            self._own_dataset(connection, dataset_key)
            for row in self._object_rows(
                connection, ObjectSource(dataset_key), ObjectOwner.ITEM, [int(ordinal) for ordinal in ordinals]
            ):
                found.update(unpack_labels(row.data))
        return sorted(found)

    def put_taxonomy(self, dataset_id: str, taxonomy: Taxonomy, *, update: bool) -> str:
        """Create a taxonomy, or with `update` add labels to it; returns "created", "updated" or "exists"."""
        table = schema.taxonomies
        with self._write() as connection:
            dataset = self._row_by_id(connection, schema.datasets, dataset_id, "dataset", lock=True)
            stored = self._taxonomies(connection, dataset.key).get(taxonomy.name)
            if stored is None:
                connection.execute(
                    table.insert().values(
                        dataset_key=dataset.key,
                        name=taxonomy.name,
                        kind=taxonomy.kind,
                        labels=to_json(list(dict.fromkeys(taxonomy.labels))),
                        created_at=self._now(),
                    )
                )
                return "created"
            if not update:
                return "exists"
            if stored.kind != taxonomy.kind:
                raise InvalidInput(
                    f"taxonomy {taxonomy.name!r} is of type {stored.kind}, and that does not change: delete it first, or "
                    "choose another name",
                    code="taxonomy_of_another_type",
                )
            connection.execute(
                table.update()
                .where(table.c.dataset_key == dataset.key, table.c.name == taxonomy.name)
                .values(labels=to_json(list(dict.fromkeys((*stored.labels, *taxonomy.labels)))))
            )
            return "updated"

    def list_taxonomies(self, dataset_id: str) -> list[Taxonomy]:
        """The dataset's taxonomies, by name."""
        with self._read() as connection:
            dataset = self._row_by_id(connection, schema.datasets, dataset_id, "dataset")
            return sorted(self._taxonomies(connection, dataset.key).values(), key=lambda taxonomy: taxonomy.name)

    def delete_taxonomy(self, dataset_id: str, name: str) -> None:
        """Delete a taxonomy; annotations that use it stay."""
        table = schema.taxonomies
        with self._write() as connection:
            dataset = self._row_by_id(connection, schema.datasets, dataset_id, "dataset", lock=True)
            deleted = connection.execute(table.delete().where(table.c.dataset_key == dataset.key, table.c.name == name))
            if deleted.rowcount == 0:
                raise NotFound(f"no taxonomy {name!r} in dataset {dataset_id}", code="taxonomy_not_found")

    def change_dataset_tags(
        self, dataset_id: str, *, add: Sequence[str] = (), remove: Sequence[str] = ()
    ) -> tuple[str, ...]:
        """Add and remove tags; those that are there, or are not, are fine. Returns all that remain."""
        with self._write() as connection:
            dataset = self._row_by_id(connection, schema.datasets, dataset_id, "dataset", lock=True)
            tags = [tag for tag in dict.fromkeys((*json.loads(dataset.tags), *add)) if tag not in set(remove)]
            connection.execute(
                schema.datasets.update().where(schema.datasets.c.key == dataset.key).values(tags=to_json(tags))
            )
            return tuple(tags)

    def annotation_revision(self, dataset_key: int) -> int:
        """What the dataset's annotations have become: a number that grows with each change of them."""
        with self._read() as connection:
            return int(self._own_dataset(connection, dataset_key).annotation_revision)

    def n_changed_annotations(self, dataset_key: int, since_revision: int, ordinals: NDArray[np.int64]) -> int:
        """How many of these items have annotations that changed after the revision."""
        table = schema.annotations
        with self._read() as connection:
            self._own_dataset(connection, dataset_key)
            changed = connection.execute(
                sa.select(table.c.ordinal)
                .where(
                    table.c.dataset_key == dataset_key,
                    table.c.owner == ObjectOwner.ITEM.value,
                    table.c.revision > since_revision,
                )
                .distinct()
            ).scalars()
            return int(np.isin(ordinals, np.fromiter(changed, dtype=np.int64)).sum())

    def _placed(
        self, connection: Connection, dataset: AnyRow, objects: Sequence[tuple[AnyObject, str | None]]
    ) -> tuple[list[Placed], list[str]]:
        """The objects (with a mask's file) at the places that they are about, and a sentence for each without a place."""
        wanted = list(dict.fromkeys(o.reference_id for o, _ in objects if o.reference_id is not None))
        items = self._live_ordinals(connection, dataset.key, wanted)
        scenes: dict[str, AnyRow] = {}
        if dataset.n_scenes:
            scenes = self._live_scenes(connection, dataset.key, [r for r in wanted if r not in items])
        placed, errors = [], []
        for value, digest in objects:
            reference_id = value.reference_id
            if reference_id in items:
                placed.append(Placed(ObjectOwner.ITEM, items[reference_id], value, digest))
            elif reference_id in scenes and kind_of(value) in CATEGORICAL:
                placed.append(Placed(ObjectOwner.SCENE, scenes[reference_id].ordinal, value, digest))
            elif reference_id in scenes:
                errors.append(
                    f"Item with id {reference_id} doesn't exist: it is a scene, which may only have categories."
                )
            else:
                errors.append(f"Item with id {reference_id} does not exist.")
        return placed, errors

    def _objects_by_reference(
        self, connection: Connection, source: ObjectSource, reference_id: str
    ) -> list[StoredObject]:
        """The objects of the item, and of the scene, with the user's own id."""
        found: list[StoredObject] = []
        items = self._live_ordinals(connection, source.dataset_key, [reference_id])
        scenes = self._live_scenes(connection, source.dataset_key, [reference_id])
        places = [(ObjectOwner.ITEM, ordinal) for ordinal in items.values()]
        places += [(ObjectOwner.SCENE, row.ordinal) for row in scenes.values()]
        for owner, ordinal in places:
            found += self._objects_of(connection, source, owner, {ordinal: reference_id})[ordinal]
        return found

    def _owner_reference_ids(
        self,
        connection: Connection,
        dataset_key: int,
        owner: ObjectOwner,
        ordinals: Sequence[int] | NDArray[np.int64],
    ) -> dict[int, str]:
        table = schema.items if owner is ObjectOwner.ITEM else schema.scenes
        names: dict[int, str] = {}
        wanted = [int(ordinal) for ordinal in ordinals]
        for start in range(0, len(wanted), _ORDINALS_BATCH):
            rows = connection.execute(
                sa.select(table.c.ordinal, table.c.reference_id).where(
                    table.c.dataset_key == dataset_key,
                    table.c.ordinal.in_(wanted[start : start + _ORDINALS_BATCH]),
                )
            )
            names.update((row.ordinal, row.reference_id) for row in rows)
        return {ordinal: names[ordinal] for ordinal in wanted}

    def _own_dataset(self, connection: Connection, dataset_key: int) -> AnyRow:
        datasets = schema.datasets
        return connection.execute(
            sa.select(datasets).where(datasets.c.workspace_key == self._workspace_key, datasets.c.key == dataset_key)
        ).one()

    def _set_annotation_revision(self, connection: Connection, dataset_key: int, revision: int) -> None:
        connection.execute(
            schema.datasets.update().where(schema.datasets.c.key == dataset_key).values(annotation_revision=revision)
        )

    def _taxonomies(self, connection: Connection, dataset_key: int) -> dict[str, Taxonomy]:
        table = schema.taxonomies
        rows = connection.execute(sa.select(table).where(table.c.dataset_key == dataset_key))
        return {row.name: Taxonomy(row.name, row.kind, tuple(json.loads(row.labels))) for row in rows}


def with_masks(objects: Sequence[AnyObject], mask_digests: Sequence[str] | None) -> list[tuple[AnyObject, str | None]]:
    """Each object with the stored file of its mask; the files are of the masks among them, in order."""
    digests = iter(mask_digests or ())
    return [(value, next(digests, None) if isinstance(value, Mask) else None) for value in objects]


def the_object(found: Sequence[StoredObject], annotation_id: str, where: str, noun: str) -> StoredObject:
    """The one of these objects with this id, the user's own or ours.

    Raises:
        NotFound: There is none.
    """
    for stored in found:
        if annotation_id in (stored.id, getattr(stored.value, "annotation_id", None)):
            return stored
    message = f"no {noun} with id {annotation_id!r} on {where}"
    if noun == "prediction":
        raise NotFound(message, code="prediction_not_found")
    raise NotFound(message, code="annotation_not_found")


def tracks_named(placed: Sequence[Placed]) -> list[NewTrack]:
    """The tracks that these objects say they belong to."""
    named = dict.fromkeys(entry.value.track_reference_id for entry in placed)
    return [NewTrack(reference_id, {}) for reference_id in named if reference_id]


def _against_taxonomy(value: AnyObject, known: dict[str, Taxonomy], dataset_id: str) -> str | None:
    """What is wrong with a category of a taxonomy; None if nothing is."""
    if kind_of(value) not in CATEGORICAL:
        return None
    name = getattr(value, "taxonomy_name", None)
    if name is None:
        return None
    labels = value.labels if isinstance(value, Multicategory) else [value.label]  # type: ignore[union-attr]
    taxonomy = known.get(name)
    for label in labels:
        if taxonomy is None or label not in taxonomy.labels:
            return (
                f"Input validation failed: Taxonomy {name} does not exist in dataset {dataset_id}, or label {label} does not "
                f"exist in the taxonomy {name}."
            )
    return None
