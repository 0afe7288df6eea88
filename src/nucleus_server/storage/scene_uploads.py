"""Uploads of scenes: all that can be stored of one call, in a few statements however many scenes it has."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from nucleus_server.domain import Job, JobStatus, JobType, NewScene, NewTrack, SceneCounts
from nucleus_server.errors import InvalidInput
from nucleus_server.storage import schema
from nucleus_server.storage.base import AnyRow, to_json
from nucleus_server.storage.dialect import insert_rows
from nucleus_server.storage.scenes import SceneRows

_IN_BATCH = 500


class SceneUploadRows(SceneRows):
    """The part of the workspace store that adds scenes."""

    def append_scenes(
        self,
        dataset_id: str,
        scenes: Sequence[NewScene],
        *,
        update: bool,
        job_type: JobType | None = None,
        signed_request_id: str | None = None,
    ) -> tuple[SceneCounts, Job | None]:
        """Add scenes with their items at the end of the dataset.

        A scene whose reference id is taken is ignored, or with `update` gets the new metadata, its own and its items'. One
        that cannot be stored, because another scene has an item of hers or the update has other frames, is named in the
        counts and leaves nothing; the others are stored. With `job_type` what was done is kept as a job; with
        `signed_request_id` a repeated call returns the first call's job and changes nothing.
        """
        with self._write() as connection:
            dataset = self._row_by_id(connection, schema.datasets, dataset_id, "dataset", lock=True)
            if not dataset.is_scene:
                raise InvalidInput(
                    f"dataset {dataset_id} holds items: create one with is_scene=True for scenes",
                    code="dataset_holds_items",
                )
            earlier = self._earlier_job(connection, dataset.key, signed_request_id)
            if earlier is not None:
                return _counts_of(earlier), earlier
            counts = SceneCounts(0, 0, 0)
            for batch in _without_repeats(scenes):
                counts = _sum(counts, self._append_scene_batch(connection, dataset, batch, update=update))
                dataset = self._row_by_id(connection, schema.datasets, dataset_id, "dataset")
            job = None
            if job_type is not None:
                job = self._add_job(
                    connection,
                    job_type,
                    JobStatus.COMPLETED,
                    dataset_id=dataset_id,
                    message={
                        "dataset_id": dataset_id,
                        "new_scenes": counts.new_scenes,
                        "updated_scenes": counts.updated_scenes,
                        "ignored_scenes": counts.ignored_scenes,
                        "scenes_errored": len(counts.errors),
                    },
                    errors=counts.errors,
                    n_steps=max(1, len(scenes)),
                )
                self._note_job(connection, dataset.key, signed_request_id, job)
            return counts, job

    def _append_scene_batch(
        self, connection: Connection, dataset: AnyRow, scenes: Sequence[NewScene], *, update: bool
    ) -> SceneCounts:
        """Scenes with different reference ids."""
        known = self._live_scenes(connection, dataset.key, [scene.reference_id for scene in scenes])
        new = [scene for scene in scenes if scene.reference_id not in known]
        present = [scene for scene in scenes if scene.reference_id in known]
        errors: dict[str, str] = {}
        added = self._insert_scenes(connection, dataset, new, errors)
        changed = self._update_scenes(connection, dataset, present, known, errors) if update else []
        self._put_tracks(connection, dataset.key, _tracks([*added, *changed]))
        return SceneCounts(
            new_scenes=len(added),
            updated_scenes=len(changed),
            ignored_scenes=0 if update else len(present),
            errors=tuple(errors[scene.reference_id] for scene in scenes if scene.reference_id in errors),
        )

    def _insert_scenes(
        self, connection: Connection, dataset: AnyRow, scenes: Sequence[NewScene], errors: dict[str, str]
    ) -> list[NewScene]:
        taken = set(
            self._live_ordinals(
                connection, dataset.key, [placed.item.reference_id for scene in scenes for placed in scene.items]
            )
        )
        added: list[NewScene] = []
        for scene in scenes:
            own = [placed.item.reference_id for placed in scene.items]
            wrong = [reference for reference in own if reference in taken]
            wrong += [reference for reference, n in Counter(own).items() if n > 1]
            if wrong:
                errors[scene.reference_id] = (
                    f"scene {scene.reference_id!r}: there is another item with reference id {wrong[0]!r}; every item of "
                    "a scene needs one of its own in the dataset"
                )
                continue
            taken.update(own)
            added.append(scene)
        if not added:
            return added
        now, first = self._now(), dataset.n_scenes
        insert_rows(
            connection,
            schema.scenes,
            _SCENE_COLUMNS,
            [
                (
                    dataset.key,
                    first + i,
                    scene.reference_id,
                    scene.kind.value,
                    1 + max((placed.frame for placed in scene.items), default=-1),
                    scene.frame_rate,
                    scene.video_url,
                    to_json(scene.metadata),
                    now,
                )
                for i, scene in enumerate(added)
            ],
        )
        datasets = schema.datasets
        connection.execute(datasets.update().where(datasets.c.key == dataset.key).values(n_scenes=first + len(added)))
        self._append(
            connection,
            dataset,
            [placed.item for scene in added for placed in scene.items],
            update=False,
            places=[(first + i, p.frame, p.sensor) for i, scene in enumerate(added) for p in scene.items],
        )
        return added

    def _update_scenes(
        self,
        connection: Connection,
        dataset: AnyRow,
        scenes: Sequence[NewScene],
        known: dict[str, AnyRow],
        errors: dict[str, str],
    ) -> list[NewScene]:
        has = self._frames_of(connection, dataset.key, [known[scene.reference_id].ordinal for scene in scenes])
        changed: list[NewScene] = []
        for scene in scenes:
            stored = known[scene.reference_id]
            wanted = [(placed.frame, placed.sensor or "", placed.item.reference_id) for placed in scene.items]
            is_same = (stored.kind, stored.frame_rate, stored.video_url) == (
                scene.kind.value,
                scene.frame_rate,
                scene.video_url,
            )
            if not is_same or sorted(has[stored.ordinal]) != sorted(wanted):
                errors[scene.reference_id] = (
                    f"scene {scene.reference_id!r} exists with other frames: an update may change metadata only; delete "
                    "the scene first, or choose another reference id"
                )
                continue
            changed.append(scene)
        table = schema.scenes
        if changed:
            connection.execute(
                table.update()
                .where(table.c.dataset_key == dataset.key, table.c.ordinal == sa.bindparam("place"))
                .values(metadata=sa.bindparam("new")),
                [{"place": known[scene.reference_id].ordinal, "new": to_json(scene.metadata)} for scene in changed],
            )
            # Counted anew: the upload may have brought new scenes too.
            current = self._row_by_id(connection, schema.datasets, dataset.id, "dataset")
            self._append(connection, current, [p.item for scene in changed for p in scene.items], update=True)
        return changed

    def _frames_of(
        self, connection: Connection, dataset_key: int, scene_ordinals: Sequence[int]
    ) -> dict[int, list[tuple[int, str, str]]]:
        """(frame, sensor, reference id) of the live items of each of these scenes."""
        items = schema.items
        found: dict[int, list[tuple[int, str, str]]] = defaultdict(list)
        for start in range(0, len(scene_ordinals), _IN_BATCH):
            rows = connection.execute(
                sa.select(items.c.scene_ordinal, items.c.frame, items.c.sensor, items.c.reference_id).where(
                    items.c.dataset_key == dataset_key,
                    items.c.scene_ordinal.in_(scene_ordinals[start : start + _IN_BATCH]),
                    items.c.deleted_at.is_(None),
                )
            )
            for row in rows:
                found[row.scene_ordinal].append((row.frame, row.sensor or "", row.reference_id))
        return found


_SCENE_COLUMNS = (
    "dataset_key",
    "ordinal",
    "reference_id",
    "kind",
    "n_frames",
    "frame_rate",
    "video_url",
    "metadata",
    "created_at",
)


def _without_repeats(scenes: Sequence[NewScene]) -> Iterator[list[NewScene]]:
    """The scenes in their order, in as few parts as can be in which no reference id stands twice."""
    part: dict[str, NewScene] = {}
    for scene in scenes:
        if scene.reference_id in part:
            yield list(part.values())
            part = {}
        part[scene.reference_id] = scene
    if part:
        yield list(part.values())


def _tracks(scenes: Sequence[NewScene]) -> list[NewTrack]:
    return [track for scene in scenes for track in scene.tracks]


def _sum(a: SceneCounts, b: SceneCounts) -> SceneCounts:
    return SceneCounts(
        a.new_scenes + b.new_scenes,
        a.updated_scenes + b.updated_scenes,
        a.ignored_scenes + b.ignored_scenes,
        a.errors + b.errors,
    )


def _counts_of(job: Job) -> SceneCounts:
    message = job.message
    return SceneCounts(message["new_scenes"], message["updated_scenes"], message["ignored_scenes"], job.errors)
