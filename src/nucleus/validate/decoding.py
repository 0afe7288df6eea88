"""What the server sends about verdicts, as values: unknown keys are left out, open ends of intervals are infinite."""

from __future__ import annotations

import math
from datetime import datetime
from typing import Any, NamedTuple, TypeVar

import msgspec

from nucleus._connection import Connection
from nucleus._exceptions import NucleusError
from nucleus._html import UNDEFINED

Value = TypeVar("Value")


class Interval(NamedTuple):
    """The two ends of a confidence interval; an open end is -inf or inf."""

    low: float
    high: float

    def __str__(self) -> str:
        return f"[{number_text(self.low)}, {number_text(self.high)}]"


def value_of(payload: dict[str, Any], kind: type[Value], **given: object) -> Value:
    """A dataclass from JSON and from what is no JSON, such as the connection; keys that it does not know are left out.

    Raises:
        NucleusError: A key that it needs is missing, or has another type.
    """
    try:
        return msgspec.convert(_with_infinite_ends(payload) | given, kind)
    except msgspec.ValidationError as error:
        raise NucleusError(
            f"the server sent a {kind.__name__} that this version of the SDK cannot read: {error}"
        ) from error


def _with_infinite_ends(value: Any) -> Any:
    if isinstance(value, list):
        return [_with_infinite_ends(inner) for inner in value]
    if not isinstance(value, dict):
        return value
    return {
        key: _ends(inner) if key == "interval" and isinstance(inner, list) else _with_infinite_ends(inner)
        for key, inner in value.items()
    }


def _ends(interval: list[float | None]) -> list[float | None]:
    if len(interval) != 2:
        return interval
    low, high = interval
    return [-math.inf if low is None else low, math.inf if high is None else high]


def is_computing(entry: dict[str, Any]) -> bool:
    """Whether a verdict of this entry of an answer is computed just now, with the baseline or with the threshold."""
    return bool(entry.get("is_computing")) or (entry.get("comparison") or {}).get("status") == "computing"


def dashboard_url(connection: Connection, path: str) -> str:
    """The address of a page of the server that this is a connection to."""
    return connection.endpoint.removesuffix("/v1/nucleus") + path


def number_text(value: float | None) -> str:
    """Three significant digits; undefined is an en dash."""
    if value is None:
        return UNDEFINED
    return f"{value:.3g}" if math.isfinite(value) else ("∞" if value > 0 else "-∞")


def utc_text(moment: datetime) -> str:
    """An ISO 8601 time with its zone.

    Raises:
        ValueError: The time has no zone.
    """
    if moment.tzinfo is None:
        raise ValueError(
            f"expected a time with a time zone, got {moment.isoformat()}: say datetime(..., tzinfo=timezone.utc)"
        )
    return moment.isoformat()
