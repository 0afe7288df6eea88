"""Every error the server answers with.

NucleusServerError
├── InvalidInput            422 (JSON that cannot be read: 400)
│   ├── MalformedRequest    400
│   └── UnsupportedMedia    415
├── Unauthenticated         401
├── PermissionDenied        403
├── NotFound                404
├── Conflict                409
│   └── AlreadyExists       409
├── PayloadTooLarge         413
├── NotAvailable            501
├── Busy                    503, retryable
├── StorageUnavailable      503, retryable
└── StorageCorrupt          500

A class says the HTTP status; `code` is the stable, public, snake_case name of one cause and is what programs match on.
The message says what was expected, what was got and what to do.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

MAX_LISTED = 20
"""How many offending rows an error names; the count is always complete."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One offending row or field of a request."""

    field: str
    message: str
    value: str | None = None


class NucleusServerError(Exception):
    """Something went wrong."""

    status: ClassVar[int] = 500
    default_code: ClassVar[str] = "internal_error"
    retryable: ClassVar[bool] = False

    def __init__(
        self,
        message: str | None = None,
        *,
        code: str | None = None,
        problems: Sequence[Problem] = (),
        n_problems: int | None = None,
        rejected_upload_id: str | None = None,
    ) -> None:
        self.message = message or (type(self).__doc__ or "").strip()
        self.code = code or self.default_code
        self.problems = tuple(problems[:MAX_LISTED])
        self.n_problems = len(problems) if n_problems is None else n_problems
        self.rejected_upload_id = rejected_upload_id
        super().__init__(self.message)

    def body(self) -> dict[str, Any]:
        """What clients are told, besides the request's id."""
        body: dict[str, Any] = {"error": self.message, "code": self.code}
        if self.problems:
            body["errors"] = [
                {"field": p.field, "message": p.message} | ({} if p.value is None else {"value": p.value})
                for p in self.problems
            ]
            body["n_errors"] = self.n_problems
        if self.rejected_upload_id is not None:
            body["rejected_upload_id"] = self.rejected_upload_id
        return body


class InvalidInput(NucleusServerError):
    """The request is readable but its content is not allowed."""

    status = 422
    default_code = "invalid_input"


class MalformedRequest(InvalidInput):
    """The request cannot be read."""

    status = 400
    default_code = "malformed_request"


class UnsupportedMedia(InvalidInput):
    """The request's content type is not one this route reads."""

    status = 415
    default_code = "unsupported_media_type"


class Unauthenticated(NucleusServerError):
    """No valid API key came with the request."""

    status = 401
    default_code = "unauthenticated"


class PermissionDenied(NucleusServerError):
    """The key's role does not allow this."""

    status = 403
    default_code = "permission_denied"


class NotFound(NucleusServerError):
    """No such object in this workspace."""

    status = 404
    default_code = "not_found"


class Conflict(NucleusServerError):
    """The request contradicts the present state."""

    status = 409
    default_code = "conflict"


class AlreadyExists(Conflict):
    """An object of that name exists already."""

    default_code = "already_exists"


class PayloadTooLarge(NucleusServerError):
    """The request body is larger than this route accepts."""

    status = 413
    default_code = "payload_too_large"


class NotAvailable(NucleusServerError):
    """This server does not offer that yet."""

    status = 501
    default_code = "not_available"


class Busy(NucleusServerError):
    """The server is busy; try again in a moment."""

    status = 503
    default_code = "busy"
    retryable = True


class StorageUnavailable(NucleusServerError):
    """The database or the media folder cannot be reached; try again in a moment."""

    status = 503
    default_code = "storage_unavailable"
    retryable = True


class StorageCorrupt(NucleusServerError):
    """Stored data cannot be read back; the operator must look at it."""

    status = 500
    default_code = "storage_corrupt"


def listed(values: Iterable[str], n_total: int) -> str:
    """The first values of a longer list as text: `"a", "b" and 3 more`."""
    shown = list(values)[:MAX_LISTED]
    text = ", ".join(f'"{value}"' for value in shown)
    rest = n_total - len(shown)
    return f"{text} and {rest} more" if rest > 0 else text
