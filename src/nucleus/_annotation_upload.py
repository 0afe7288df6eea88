"""Annotations and predictions on their way to the server: whole items in a request, several requests at once."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from functools import partial
from itertools import chain, islice
from typing import Any, NamedTuple

from nucleus._annotation_columns import ColumnBatch, column_stages
from nucleus._annotation_json import check, encode, encode_lines, wire_form
from nucleus._annotations import Annotation, BoxAnnotation, SegmentationAnnotation
from nucleus._answers import add_up
from nucleus._async_job import AsyncJob
from nucleus._connection import Connection
from nucleus._console import progress_bar
from nucleus._exceptions import InvalidUpload
from nucleus._item_sources import count_of, is_table
from nucleus._tables import in_blocks

ROWS_PER_REQUEST = 20_000
"""How many boxes go into one request, if no item has more. In requests of 5,000 at a time the server worked up to twice as
long on the same boxes; larger ones than these gain nothing more."""

_NUMBERS_OF_A_BOX = 4

REQUESTS_AT_ONCE = 4
_ROWS_LOOKED_AT = 200_000
"""How many annotations of a generator are held, checked and grouped at a time."""

_MAX_SIGNED_BYTES = 0x1FFFFFE8
"""What a signed upload may hold."""


@dataclass(frozen=True)
class Destination:
    """Where annotations go.

    Attributes:
        route: That takes them.
        what: They are: `annotations` or `predictions`.
        dataset_id: Whose signed URLs to use; None where the route takes no jobs.
        extra: Keys of every JSON request, beside the annotations.
    """

    connection: Connection
    route: str
    what: str = "annotations"
    dataset_id: str | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Sizes:
    """How many annotations go into one request.

    Attributes:
        rows: Of those without a mask.
        remote_masks: Of masks by URL.
        local_masks: Of masks in local files.
    """

    rows: int = ROWS_PER_REQUEST
    remote_masks: int = 20
    local_masks: int = 10

    def __post_init__(self) -> None:
        for name, n in (
            ("batch_size", self.rows),
            ("remote_files_per_upload_request", self.remote_masks),
            ("local_files_per_upload_request", self.local_masks),
        ):
            if n < 1:
                raise ValueError(f"expected {name} of at least 1, got {n}")


class _Request(NamedTuple):
    n_rows: int
    send: Callable[[], dict[str, Any]]


def upload(
    to: Destination, source: Any, *, update: bool, sizes: Sizes = Sizes(), asynchronous: bool = False
) -> dict[str, Any] | AsyncJob:
    """Send annotations or predictions: objects in any iterable, or columns.

    Returns:
        The answers of all requests as one: numbers are added up, lists joined. Of an asynchronous upload, its job.

    Raises:
        InvalidUpload: Some cannot be sent. Of a list or a table in memory nothing was sent.
        FileNotFoundError: A local mask is not there; nothing was sent.
        NucleusAPIError: The server refused a request; those before it are stored, and the same call again ignores them.
    """
    if asynchronous:
        return _upload_as_job(to, source, update=update)
    with progress_bar(f"Uploading {to.what}", count_of(source), to.what) as advance:
        total: dict[str, Any] = {}
        for requests in _stages(to, source, update, sizes):
            for answer in _in_parallel(requests, advance):
                add_up(total, answer)
    return total or {f"{to.what}_processed": 0, f"{to.what}_ignored": 0}


def _stages(to: Destination, source: Any, update: bool, sizes: Sizes) -> Iterator[Iterator[_Request]]:
    """Requests that may overtake one another, as long as each stage is done before the next one is begun: of two annotations
    with one id it matters which comes first, and in a stage they are in one request."""
    if is_table(source):
        for batches in column_stages(source, sizes.rows):
            yield (_Request(len(batch), partial(_send_columns, to, batch, update)) for batch in batches)
    else:
        for block in _checked_blocks(source):
            yield _requests(to, block, update, sizes)


def _requests(to: Destination, block: Sequence[Annotation], update: bool, sizes: Sizes) -> Iterator[_Request]:
    masks = [a for a in block if isinstance(a, SegmentationAnnotation)]
    shapes = [a for a in block if not isinstance(a, SegmentationAnnotation)] if masks else block
    local = [mask for mask in masks if mask.has_local_files_to_upload()]
    remote = [mask for mask in masks if not mask.has_local_files_to_upload()] if local else masks
    for batch in whole_items(shapes, sizes.rows):
        yield _Request(len(batch), partial(_send_objects, to, "annotations", batch, update))
    for some in in_blocks(remote, sizes.remote_masks):
        yield _Request(len(some), partial(_send_objects, to, "segmentations", some, update))
    for some in in_blocks(local, sizes.local_masks):
        yield _Request(len(some), partial(_send_files, to, some, update))


def _checked_blocks(source: Any) -> Iterator[Sequence[Annotation]]:
    """Of a list all of it at once; of a generator some at a time."""
    if isinstance(source, (str, bytes)) or not isinstance(source, Iterable):
        raise InvalidUpload(
            f"expected annotations or predictions in a list, or columns of them, got {type(source).__name__}"
        )
    blocks = [source] if isinstance(source, (list, tuple)) else in_blocks(source, _ROWS_LOOKED_AT)
    n_before = 0
    for block in blocks:
        check(block, n_before)
        n_before += len(block)
        yield block


def whole_items(annotations: Sequence[Annotation], size: int) -> Iterator[Sequence[Annotation]]:
    """Batches of about this size, with all annotations of an item in one: an item is written as a whole, so in parts it
    would be written several times. Within an item the order stays, and so does which of two with one id comes first.

    A polygon of many vertices counts as the boxes that would be as long, so that no request becomes too large.
    """
    by_item: dict[object, list[Annotation]] = {}
    for annotation in annotations:
        by_item.setdefault(annotation.reference_id or annotation.dataset_item_id, []).append(annotation)
    batch: list[Annotation] = []
    n = 0
    for group in by_item.values():
        n_more = sum(map(_length, group))
        if batch and n + n_more > size:
            yield batch
            batch, n = [], 0
        batch.extend(group)
        n += n_more
    if batch:
        yield batch


def _length(annotation: Annotation) -> int:
    """How many boxes are as long."""
    if isinstance(annotation, BoxAnnotation) and annotation.embedding_vector is None:
        return 1
    n_numbers = 2 * len(getattr(annotation, "vertices", ())) + len(getattr(annotation, "embedding_vector", None) or ())
    return max(1, n_numbers // _NUMBERS_OF_A_BOX)


def _send_objects(to: Destination, key: str, batch: Sequence[Annotation], update: bool) -> dict[str, Any]:
    return _send_json(to, key, list(map(wire_form, batch)), update)


def _send_columns(to: Destination, batch: ColumnBatch, update: bool) -> dict[str, Any]:
    return _send_json(to, "annotations", batch.wire_forms(), update)


def _send_json(to: Destination, key: str, rows: Sequence[object], update: bool) -> dict[str, Any]:
    body = encode({key: rows, "update": update, **to.extra})
    answer: dict[str, Any] = to.connection.post_bytes(body, to.route, is_replay_safe=True)
    return answer


def _send_files(to: Destination, masks: Sequence[SegmentationAnnotation], update: bool) -> dict[str, Any]:
    document = encode({"segmentations": list(map(wire_form, masks)), "update": update})
    files = []
    for mask in masks:
        with open(mask.mask_url, "rb") as file:
            files.append((mask.mask_url.rpartition("/")[2], file.read(), "image/png"))
    answer: dict[str, Any] = to.connection.post_files(
        document, files, to.route, names=("serialized_request", "mask"), is_job=False
    )
    return answer


def _upload_as_job(to: Destination, source: Any, *, update: bool) -> AsyncJob:
    if to.dataset_id is None:
        raise ValueError(f"expected asynchronous=False: {to.what} of this kind are uploaded while you wait")
    lines: Iterable[bytes]
    if is_table(source):
        stages = column_stages(source, _ROWS_LOOKED_AT)
        lines = (encode_lines(batch.wire_forms()) for batches in stages for batch in batches)
    else:
        lines = (_lines_of(block) for block in _checked_blocks(source))
    body = b"".join(lines)
    if not body:
        raise ValueError(f"expected at least one of the {to.what}, got none")
    if len(body) > _MAX_SIGNED_BYTES:
        raise ValueError(
            f"expected at most {_MAX_SIGNED_BYTES:,} bytes in a job, got {len(body):,}: upload in parts, or with "
            "asynchronous=False, which has no limit"
        )
    request_id = uuid.uuid4().hex
    url = to.connection.get(f"dataset/{to.dataset_id}/signedUrl/{request_id}")["signed_url"]
    to.connection.put_signed(url, body)
    payload = {"requestId": request_id, "update": update, **to.extra}
    answer = to.connection.post(payload, to.route, {"async": "1"}, is_replay_safe=True)
    return AsyncJob.from_json(answer, to.connection)


def _lines_of(block: Sequence[Annotation]) -> bytes:
    for annotation in block:
        if annotation.has_local_files_to_upload():
            raise ValueError(
                f"expected masks by URL in an asynchronous upload, got a local file on item {annotation.reference_id!r}: "
                "upload it with asynchronous=False"
            )
    return encode_lines(map(wire_form, block))


def _in_parallel(requests: Iterator[_Request], advance: Callable[[int], None]) -> list[dict[str, Any]]:
    """The answers, in the order of the requests. After one fails no other is begun, and its error is raised."""
    first = list(islice(requests, 2))
    if len(first) < 2:  # no threads for what most calls are
        answers = []
        for request in first:
            answers.append(request.send())
            advance(request.n_rows)
        return answers
    futures: list[Future[dict[str, Any]]] = []
    running: dict[Future[dict[str, Any]], int] = {}

    def take_finished() -> None:
        finished, _ = wait(running, return_when=FIRST_COMPLETED)
        for future in finished:
            advance(running.pop(future))
            future.result()

    with ThreadPoolExecutor(REQUESTS_AT_ONCE, thread_name_prefix="nucleus-upload") as pool:
        for request in chain(first, requests):
            if len(running) == REQUESTS_AT_ONCE:
                take_finished()
            future = pool.submit(request.send)
            futures.append(future)
            running[future] = request.n_rows
        while running:
            take_finished()
    return [future.result() for future in futures]
