"""Every error of the SDK.

NucleusError
├── NoAPIKey
├── InvalidUpload (also ValueError and AssertionError)
│   └── DuplicateIDError        two annotations of one call have one id
├── CreateScenarioTestError
├── ModelCreationError
├── ModelRunCreationError
├── DatasetItemRetrievalError
├── NucleusConnectionError
├── JobError
│   └── JobTimeoutError
├── NotFoundError               what a listing does not have
└── NucleusAPIError             status_code, code, request_id, errors, retryable
    ├── BadRequestError         400, 415, 422
    │   └── UploadRejectedError rows of an upload are wrong (also InvalidUpload)
    ├── PayloadTooLargeError    413
    ├── AuthenticationError     401
    ├── PermissionDeniedError   403
    ├── ObjectNotFoundError     404 (also NotFoundError)
    ├── ConflictError           409
    ├── NotAvailableError       501
    └── ServerError             5xx

Names that `scale-nucleus` has keep their spelling, so that existing `except` lines go on working.
"""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Callable, Sequence
from typing import Any

_MAX_TEXT = 16_384
_BAD_ROW_FIELDS = ("row", "reference_id", "function", "field", "value", "problem")


class NucleusError(Exception):
    """Something went wrong."""

    def __init__(self, message: str | None = None) -> None:
        self.message = message or (type(self).__doc__ or "").strip()
        super().__init__(self.message)


class NoAPIKey(NucleusError):
    """No API key: pass api_key or limited_access_key, or set NUCLEUS_API_KEY or NUCLEUS_LIMITED_ACCESS_KEY."""


class InvalidUpload(NucleusError, ValueError, AssertionError):
    """The results cannot be uploaded as they are; nothing was stored.

    It is an AssertionError too because `scale-nucleus` asserts some of these things.
    """

    def __init__(self, message: str | None = None, bad_rows: Sequence[dict[str, Any]] = ()) -> None:
        super().__init__(message)
        self._bad_rows = list(bad_rows)

    def bad_rows(self) -> list[dict[str, Any]]:
        """Every wrong row that was found before the upload was given up: `row` (from 0), `reference_id`, `function`,
        `field`, `value`, `problem`; empty if the error is about something else."""
        return list(self._bad_rows)

    def write_bad_rows(self, path: str | os.PathLike[str]) -> None:
        """Write the wrong rows as CSV."""
        with open(path, "w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, _BAD_ROW_FIELDS)
            writer.writeheader()
            writer.writerows(self.bad_rows())


class DuplicateIDError(InvalidUpload):
    """Two annotations of one call are on one item and have one id."""


class CreateScenarioTestError(NucleusError):
    """A scenario test cannot be made of these evaluation functions."""


class ModelCreationError(NucleusError):
    """Could not create the model."""


class ModelRunCreationError(NucleusError):
    """Could not create the model run."""


class DatasetItemRetrievalError(NucleusError):
    """Could not retrieve dataset items."""


class NucleusConnectionError(NucleusError):
    """The server cannot be reached, or what answers is not one."""


class JobError(NucleusError):
    """A job failed on the server."""

    def __init__(self, message: str, job_id: str = "") -> None:
        self.job_id = job_id
        super().__init__(message)


class JobTimeoutError(JobError):
    """A job was not done within the time that the caller gave it; it goes on."""


class NotFoundError(NucleusError):
    """There is no such object."""


class NucleusAPIError(NucleusError):
    """The server refused a request.

    Attributes:
        status_code: The HTTP status.
        detail: The server's own sentence: what it expected, what it got, what to do.
        code: The stable name of the cause, such as `unknown_reference_ids`; empty if the answer had none.
        request_id: What the operator finds the request by in the server's log.
        errors: The offending rows or fields, the first 20, each with `field`, `message` and often `value`.
        n_errors: How many there are in all.
        retryable: Whether the same request can succeed in a moment.
    """

    def __init__(self, method: str, url: str, status_code: int, reason: str, text: str) -> None:
        self.status_code = status_code
        body = _error_body(text)
        self.detail = str(body.get("error") or reason)
        self.code = str(body.get("code", ""))
        self.request_id = str(body.get("request_id", ""))
        self.errors: list[dict[str, Any]] = list(body.get("errors") or ())
        self.n_errors = int(body.get("n_errors") or len(self.errors))
        self.retryable = status_code in (429, 502, 503, 504)
        message = f"Tried to {method} {url}, but received {status_code}: {reason}."
        if text:
            message += f"\nThe detailed error is:\n{text[:_MAX_TEXT]}"
        if status_code == 404 and not self.code:
            message += "\nIs NUCLEUS_ENDPOINT the server's address with /v1/nucleus at the end?"
        super().__init__(message)


class BadRequestError(NucleusAPIError):
    """The server cannot read the request, or what it asks for is not allowed."""


class UploadRejectedError(BadRequestError, InvalidUpload):
    """The server found wrong rows in an upload; nothing was stored. It keeps the full list of them for 24 hours.

    Attributes:
        upload_id: The rejected upload, `up_…`.
    """

    def __init__(self, method: str, url: str, status_code: int, reason: str, text: str) -> None:
        self._bad_rows = []
        self.upload_id = str(_error_body(text).get("rejected_upload_id", ""))
        self.fetch_bad_rows: Callable[[str, Callable[[bytes], object]], None] | None = None
        super().__init__(method, url, status_code, reason, text)

    def bad_rows(self) -> list[dict[str, Any]]:
        """Ask for all wrong rows: `row` (from 0), `reference_id`, `function`, `field`, `value`, `problem`.

        Raises:
            ObjectNotFoundError: The server has forgotten them.
        """
        content = bytearray()
        self._fetch(content.extend)
        return read_bad_rows(bytes(content))

    def write_bad_rows(self, path: str | os.PathLike[str]) -> None:
        """Write all wrong rows as CSV, as the server sends them; raises as `bad_rows` does."""
        with open(path, "wb") as file:
            self._fetch(file.write)

    def _fetch(self, write: Callable[[bytes], object]) -> None:
        if self.fetch_bad_rows is None:  # an error that came from another process
            raise NucleusError(f"this error has no connection any more: ask for upload/{self.upload_id}/bad_rows")
        self.fetch_bad_rows(f"upload/{self.upload_id}/bad_rows", write)


class PayloadTooLargeError(NucleusAPIError):
    """The request is larger than the server accepts."""


class AuthenticationError(NucleusAPIError):
    """The API key is missing, unknown, revoked or expired."""


class PermissionDeniedError(NucleusAPIError):
    """The API key's role does not allow this."""


class ObjectNotFoundError(NucleusAPIError, NotFoundError):
    """There is no such object in this workspace."""


class ConflictError(NucleusAPIError):
    """The request contradicts what is there, most often a name that is taken."""


class NotAvailableError(NucleusAPIError):
    """The server does not offer that."""


class ServerError(NucleusAPIError):
    """The server failed."""


_BY_STATUS: dict[int, type[NucleusAPIError]] = {
    400: BadRequestError,
    401: AuthenticationError,
    403: PermissionDeniedError,
    404: ObjectNotFoundError,
    409: ConflictError,
    413: PayloadTooLargeError,
    415: BadRequestError,
    422: BadRequestError,
    501: NotAvailableError,
}


def api_error(method: str, url: str, status_code: int, reason: str, text: str) -> NucleusAPIError:
    """The error of the class that belongs to this status."""
    kind = _BY_STATUS.get(status_code, ServerError if status_code >= 500 else NucleusAPIError)
    if status_code < 500 and _error_body(text).get("rejected_upload_id"):
        kind = UploadRejectedError
    return kind(method, url, status_code, reason, text)


def read_bad_rows(content: bytes) -> list[dict[str, Any]]:
    """The rows of a CSV that lists the wrong rows of an upload."""
    rows = csv.DictReader(io.StringIO(content.decode(), newline=""))
    return [{**row, "row": int(row["row"])} for row in rows]


def _error_body(text: str) -> dict[str, Any]:
    try:
        body = json.loads(text)
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}
