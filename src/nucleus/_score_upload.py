"""Scores on their way to the server: one request, or parts that are staged, resumed and committed at once."""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import Any, NamedTuple

import msgspec

from nucleus._async_job import AsyncJob
from nucleus._connection import Connection
from nucleus._console import progress_bar
from nucleus._exceptions import InvalidUpload, JobError, NucleusError
from nucleus._score_parts import Part
from nucleus._upload_report import UploadReport


class Target(NamedTuple):
    """What an upload is for.

    Attributes:
        test_id: The one test that it is for; None for the dataset.
        min_coverage: The part of a test's items, in [0, 1], that must have a score.
        dry_run: Whether it is only to be checked.
    """

    dataset_id: str
    model_id: str
    function_ids: Sequence[str]
    test_id: str | None = None
    min_coverage: float = 1.0
    dry_run: bool = False


def send_scores(connection: Connection, target: Target, parts: Iterator[Part], n_rows: int | None) -> UploadReport:
    """Send all parts and make them visible at once.

    What fits into one part is one request. More is staged: a run that was interrupted leaves what it had sent for 24 hours,
    and the same call again sends the rest only.

    Raises:
        InvalidUpload: A part has wrong rows; what was staged is given up.
        UploadRejectedError: The server found wrong rows.
        NucleusAPIError: The server refused the upload for another reason.
    """
    first = next(parts)
    second = next(parts, None)
    with progress_bar("Uploading scores", n_rows, "rows") as advance:
        if second is None:
            request = {
                "model_id": target.model_id,
                "test_id": target.test_id,
                "min_coverage": target.min_coverage,
                "dry_run": target.dry_run,
                "part": msgspec.Raw(first.body),
            }
            answer = connection.post_msgpack(msgspec.msgpack.encode(request), f"dataset/{target.dataset_id}/scores")
            advance(first.n_rows)
            return UploadReport.from_json(answer["report"])
        upload_id, handle = _stage(connection, target, itertools.chain((first, second), parts), advance)
    job = AsyncJob.from_json(handle, connection)
    try:
        job.sleep_until_complete()
    except JobError as error:
        raise _refusal(connection, job, error) from error
    # The same upload again is answered by the first one.
    done = job.status()["message"]
    row = connection.get(f"upload/{done.get('upload_id', upload_id)}")["report"]
    return UploadReport.from_json(row | {"replayed": bool(done.get("replayed"))})


def get_upload(connection: Connection, upload_id: str) -> UploadReport:
    """The report of an upload."""
    return UploadReport.from_json(connection.get(f"upload/{upload_id}")["report"])


def _stage(
    connection: Connection, target: Target, parts: Iterator[Part], advance: Callable[[int], None]
) -> tuple[str, dict[str, Any]]:
    """Send the parts that the server does not have; its id, and the handle of the job that commits them."""
    digests: list[str] = []
    upload_id = ""
    present: dict[str, str] = {}
    try:
        for number, part in enumerate(parts):
            digest = hashlib.sha256(part.body).hexdigest()
            if not number:
                opened = connection.post(
                    {
                        "model_id": target.model_id,
                        "function_ids": sorted(target.function_ids),
                        "test_id": target.test_id,
                        "min_coverage": target.min_coverage,
                        "dry_run": target.dry_run,
                        "first_part": digest,
                    },
                    f"dataset/{target.dataset_id}/uploads",
                    is_replay_safe=True,
                )
                upload_id, present = opened["upload_id"], opened["parts"]
            if present.get(str(number)) != digest:
                connection.put_msgpack(part.body, f"upload/{upload_id}/parts/{number}")
            digests.append(digest)
            advance(part.n_rows)
    except InvalidUpload:
        if upload_id:
            with suppress(
                NucleusError
            ):  # the rows are what the user must hear of; the server forgets the parts by itself
                connection.delete(f"upload/{upload_id}")
        raise
    whole = hashlib.sha256("".join(digests).encode()).hexdigest()
    handle = connection.post(
        {"n_parts": len(digests), "digest": whole}, f"upload/{upload_id}/commit", is_replay_safe=True
    )
    return upload_id, handle


def _refusal(connection: Connection, job: AsyncJob, error: JobError) -> NucleusError:
    """What a request with the same rows would have raised."""
    message = job.status()["message"]
    try:
        body = json.loads(message) if isinstance(message, str) else message
    except ValueError:
        return error
    if not isinstance(body, dict) or "code" not in body:
        return error
    return connection.error_of_job(json.dumps(body))
