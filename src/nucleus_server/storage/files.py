"""Media rows and payloads that wait for the call that uses them; the files themselves are the media store's."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from nucleus_server.domain import Job
from nucleus_server.errors import Conflict, NotFound
from nucleus_server.storage import schema
from nucleus_server.storage.base import to_micros
from nucleus_server.storage.dialect import upsert
from nucleus_server.storage.jobs import JobRows


@dataclass(frozen=True, slots=True)
class SignedUpload:
    """A payload that arrived by a signed PUT and waits for the call that uses it."""

    media_digest: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Media:
    """A file of this workspace, known by the SHA-256 of its content."""

    digest: str
    size_bytes: int
    content_type: str


class FileRows(JobRows):
    """The part of the workspace store that keeps media rows and signed uploads."""

    def add_media(self, digest: str, size_bytes: int, content_type: str) -> None:
        """Record a file whose content is already safe on disk; a released one is taken back."""
        with self._write() as connection:
            upsert(
                connection,
                schema.media,
                {
                    "workspace_key": self._workspace_key,
                    "digest": digest,
                    "size_bytes": size_bytes,
                    "content_type": content_type,
                    "created_at": self._now(),
                    "released_at": None,
                },
                changed=("created_at", "released_at"),
            )

    def find_media(self, digest: str) -> Media | None:
        """The file's row; None if this workspace does not show such a file."""
        with self._read() as connection:
            row = connection.execute(
                sa.select(schema.media).where(
                    schema.media.c.workspace_key == self._workspace_key,
                    schema.media.c.digest == digest,
                    schema.media.c.released_at.is_(None),
                )
            ).one_or_none()
            return None if row is None else Media(row.digest, row.size_bytes, row.content_type)

    def put_signed_upload(
        self, dataset_id: str, request_id: str, media_digest: str, size_bytes: int, expires_at: datetime
    ) -> None:
        """Record a payload that arrived for the dataset; a second PUT replaces one that was not used yet."""
        with self._write() as connection:
            dataset = self._row_by_id(connection, schema.datasets, dataset_id, "dataset", lock=True)
            table = schema.signed_uploads
            here = (table.c.dataset_key == dataset.key, table.c.request_id == request_id)
            row = connection.execute(sa.select(table).where(*here)).one_or_none()
            if row is not None and row.job_id is not None:
                if row.media_digest == media_digest:
                    return
                raise Conflict(
                    f"request id {request_id!r} was used already by {row.job_id}; take a new one",
                    code="request_id_used",
                )
            connection.execute(table.delete().where(*here))
            connection.execute(
                table.insert().values(
                    workspace_key=self._workspace_key,
                    dataset_key=dataset.key,
                    request_id=request_id,
                    media_digest=media_digest,
                    size_bytes=size_bytes,
                    created_at=self._now(),
                    expires_at=to_micros(expires_at),
                )
            )

    def get_signed_upload(self, dataset_id: str, request_id: str) -> SignedUpload:
        """The payload of a request id; NotFound before its PUT and after it expired."""
        with self._read() as connection:
            dataset = self._row_by_id(connection, schema.datasets, dataset_id, "dataset")
            table = schema.signed_uploads
            row = connection.execute(
                sa.select(table).where(table.c.dataset_key == dataset.key, table.c.request_id == request_id)
            ).one_or_none()
            if row is None:
                raise NotFound(
                    f"nothing was uploaded under request id {request_id!r}, or it expired: "
                    "ask for a signed URL and PUT the payload to it first",
                    code="upload_not_found",
                )
            return SignedUpload(row.media_digest, row.size_bytes)

    def _release_media(self, connection: Connection, digest: str | None) -> None:
        if digest is None:
            return
        connection.execute(
            schema.media.update()
            .where(
                schema.media.c.workspace_key == self._workspace_key,
                schema.media.c.digest == digest,
                *(~shown for shown in shown_by(self._workspace_key, digest)),
            )
            .values(released_at=self._now())
        )

    def _earlier_job(self, connection: Connection, dataset_key: int, request_id: str | None) -> Job | None:
        if request_id is None:
            return None
        table = schema.signed_uploads
        job_id = connection.execute(
            sa.select(table.c.job_id).where(table.c.dataset_key == dataset_key, table.c.request_id == request_id)
        ).scalar_one_or_none()
        return None if job_id is None else self._job(connection, job_id)

    def _note_job(self, connection: Connection, dataset_key: int, request_id: str | None, job: Job) -> None:
        """Keep the job that a signed upload's payload gave, for the same call to find when it comes again."""
        table = schema.signed_uploads
        if request_id is not None:
            connection.execute(
                table.update()
                .where(table.c.dataset_key == dataset_key, table.c.request_id == request_id)
                .values(job_id=job.id)
            )


def shown_by(workspace_key: sa.ColumnElement[Any] | int, digest: sa.ColumnElement[Any] | str) -> list[sa.Exists]:
    """What a file may be shown by: items, and the masks of annotations and predictions, of datasets that are there."""
    datasets = schema.datasets
    return [
        sa.exists().where(
            table.c.media_digest == digest,
            datasets.c.key == table.c.dataset_key,
            datasets.c.workspace_key == workspace_key,
            datasets.c.hidden_at.is_(None),
        )
        for table in (schema.items, schema.annotations, schema.predictions)
    ]
