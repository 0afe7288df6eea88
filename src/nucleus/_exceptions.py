"""Every error of the SDK.

NucleusError
├── NoAPIKey
├── InvalidUpload (also ValueError and AssertionError)
├── CreateScenarioTestError
├── ModelCreationError
├── DatasetItemRetrievalError
├── NucleusConnectionError
├── JobError
│   └── JobTimeoutError
├── NotFoundError               what a listing does not have
└── NucleusAPIError             status_code, code, request_id, errors, retryable
    ├── BadRequestError         400, 415, 422
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

import json
from typing import Any

_MAX_TEXT = 16_384


class NucleusError(Exception):
    """Something went wrong."""

    def __init__(self, message: str | None = None) -> None:
        self.message = message or (type(self).__doc__ or "").strip()
        super().__init__(self.message)


class NoAPIKey(NucleusError):
    """No API key: pass api_key or limited_access_key, or set NUCLEUS_API_KEY or NUCLEUS_LIMITED_ACCESS_KEY."""


class InvalidUpload(NucleusError, ValueError, AssertionError):
    """The results cannot be uploaded as they are; nothing was sent.

    It is an AssertionError too because `scale-nucleus` asserts some of these things.
    """


class CreateScenarioTestError(NucleusError):
    """A scenario test cannot be made of these evaluation functions."""


class ModelCreationError(NucleusError):
    """Could not create the model."""


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
        code: The stable name of the cause, such as `unknown_reference_ids`; empty if the answer had none.
        request_id: What the operator finds the request by in the server's log.
        errors: The offending rows or fields, the first 20, each with `field`, `message` and often `value`.
        n_errors: How many there are in all.
        retryable: Whether the same request can succeed in a moment.
    """

    def __init__(self, method: str, url: str, status_code: int, reason: str, text: str) -> None:
        self.status_code = status_code
        body = _error_body(text)
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
    return kind(method, url, status_code, reason, text)


def _error_body(text: str) -> dict[str, Any]:
    try:
        body = json.loads(text)
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}
