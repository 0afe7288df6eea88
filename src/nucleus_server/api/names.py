"""Texts that name things or moments, checked at the edge and brought into one form."""

from __future__ import annotations

import unicodedata
from datetime import UTC, datetime

from nucleus_server.domain.datasets import MAX_REFERENCE_ID
from nucleus_server.errors import InvalidInput

__all__ = ["MAX_NAME", "MAX_REFERENCE_ID", "checked_function_name", "checked_name", "moment_of"]

MAX_NAME = 255


def checked_name(text: str, what: str) -> str:
    """A name of 1 to 255 characters that are not all blank, in NFC."""
    name = unicodedata.normalize("NFC", text)
    if not name.strip() or len(name) > MAX_NAME:
        raise InvalidInput(
            f"expected a name for the {what} of 1 to {MAX_NAME} characters, got {len(name)}: {_shown(name)}",
            code="invalid_name",
        )
    return name


def checked_function_name(text: str) -> str:
    """A name as above without any blank."""
    name = checked_name(text, "evaluation function")
    if any(c.isspace() for c in name):
        raise InvalidInput(
            f"expected a name for the evaluation function without blanks, got {_shown(name)}: use _ or -",
            code="invalid_name",
        )
    return name


def moment_of(text: str, field: str) -> datetime:
    """The moment that an ISO 8601 text says, in UTC unless it says otherwise."""
    try:
        moment = datetime.fromisoformat(text)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise InvalidInput(
            f"expected {field} as 2027-01-31 or 2027-01-31T12:00:00Z, got {text[:40]!r}", code="invalid_date"
        ) from error


def _shown(name: str) -> str:
    return repr(name if len(name) <= 40 else name[:39] + "…")
