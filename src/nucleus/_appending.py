"""Items on their way to a dataset, request by request."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from nucleus._async_job import AsyncJob
from nucleus._connection import Connection, json_body
from nucleus._console import progress_bar
from nucleus._dataset_item import DatasetItem, check_local_files
from nucleus._item_sources import count_of, is_table, items_of, python_values

ITEMS_PER_REQUEST = 20_000
_MAX_REQUEST_CHARACTERS = 32 << 20


def append_items(
    connection: Connection, dataset_id: str, source: Any, *, update: bool, n_files_per_request: int
) -> AsyncJob:
    """Append the items of a source of any shape; see `Dataset.append`."""
    _check_what_is_in_memory(source)
    with progress_bar("Appending items", count_of(source), "items") as advance:
        requests = _Requests(connection, dataset_id, update, n_files_per_request, advance)
        for item in items_of(source):
            requests.add(item)
        return requests.finish()


def _check_what_is_in_memory(source: Any) -> None:
    """Refuse, before anything is sent, what can be looked at twice."""
    if isinstance(source, (list, tuple)):
        items = list(items_of(source))
        _check_repeated(item.reference_id for item in items)
        check_local_files(items)
    elif is_table(source) and hasattr(source, "__getitem__") and hasattr(source, "__len__"):
        names = getattr(source, "column_names", None) or getattr(source, "columns", source)
        references = python_values(source["reference_id"]) if "reference_id" in names else ()
        if isinstance(references, Sequence):  # a relation of DuckDB is a query, not data
            _check_repeated(references)


class _Requests:
    """Collects items, and sends them when there are enough for a request."""

    def __init__(
        self,
        connection: Connection,
        dataset_id: str,
        update: bool,
        n_files_per_request: int,
        advance: Callable[[int], None],
    ) -> None:
        self._connection = connection
        self._dataset_id = dataset_id
        self._update = update
        self._n_files_per_request = n_files_per_request
        self._advance = advance
        self._lines: list[str] = []
        self._n_characters = 0
        self._references: set[str] = set()
        self._files: list[DatasetItem] = []
        self._job: AsyncJob | None = None

    def add(self, item: DatasetItem) -> None:
        assert item.reference_id is not None
        if item.local:
            check_local_files([item])
            if len(self._files) == self._n_files_per_request:
                self._send_files()
            self._files.append(item)
            return
        # A full request waits for the next item, so that the last one can be sent as a job.
        if len(self._lines) == ITEMS_PER_REQUEST or self._n_characters > _MAX_REQUEST_CHARACTERS:
            self._send_lines()
        if item.reference_id in self._references:
            _check_repeated([item.reference_id] * 2)
        self._references.add(item.reference_id)
        line = item.to_json()
        self._lines.append(line)
        self._n_characters += len(line)

    def finish(self) -> AsyncJob:
        """Send the rest; the last job."""
        if self._lines:
            self._send_last_lines()
        if self._files:
            self._send_files()
        if self._job is None:
            raise ValueError("expected at least one item, got none")
        return self._job

    def _send_lines(self) -> None:
        flag = "true" if self._update else "false"
        body = f'{{"items":[{",".join(self._lines)}],"update":{flag}}}'
        self._connection.post_bytes(body.encode(), f"dataset/{self._dataset_id}/append", is_replay_safe=True)
        self._forget_lines()

    def _send_last_lines(self) -> None:
        request_id = uuid.uuid4().hex
        url = self._connection.get(f"dataset/{self._dataset_id}/signedUrl/{request_id}")["signed_url"]
        self._connection.put_signed(url, "".join(line + "\n" for line in self._lines).encode())
        answer = self._connection.post(
            {"requestId": request_id, "update": self._update},
            f"dataset/{self._dataset_id}/append",
            {"async": "1"},
            is_replay_safe=True,
        )
        self._job = AsyncJob.from_json(answer, self._connection)
        self._forget_lines()

    def _forget_lines(self) -> None:
        self._advance(len(self._lines))
        self._lines, self._n_characters = [], 0
        self._references.clear()

    def _send_files(self) -> None:
        document = json_body([{**item.to_payload(), "update": self._update} for item in self._files])
        answer = self._connection.post_files(
            document, [item.image_file() for item in self._files], f"dataset/{self._dataset_id}/append"
        )
        self._job = AsyncJob.from_json(answer, self._connection)
        self._advance(len(self._files))
        self._files = []


def _check_repeated(references: Iterable[Any]) -> None:
    repeated = [ref for ref, n in Counter(references).items() if n > 1]
    if repeated:
        raise ValueError(
            f"expected every reference id once, got {len(repeated)} more than once, the first {repeated[0]!r}"
        )
