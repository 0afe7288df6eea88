"""The form of a function's properties: what was typed becomes what is to be set, or what was expected beside each field."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from nucleus_server.dashboard.sent_forms import normal_text, plain_number, shown, to_number
from nucleus_server.domain import (
    LARGEST_SCORE,
    MAX_DESCRIPTION,
    MAX_METADATA_KEY,
    MAX_UNIT,
    Direction,
    EvalFunction,
)

FIELDS = ("direction", "score_min", "score_max", "unit", "description", "default_cluster_key")
_LONGEST = {"unit": MAX_UNIT, "description": MAX_DESCRIPTION, "default_cluster_key": MAX_METADATA_KEY}


@dataclass(frozen=True, slots=True)
class PropertyChanges:
    """What a form asks for.

    Attributes:
        texts: Those that are to be set; a value of None clears one.
        problems: Field → what was expected and what was got. Nothing may be set if there are any.
    """

    direction: Direction | None = None
    score_range: tuple[float, float] | None = None
    texts: dict[str, str | None] = field(default_factory=dict)
    problems: dict[str, str] = field(default_factory=dict)

    @property
    def is_empty(self) -> bool:
        """Whether nothing is to be set."""
        return self.direction is None and self.score_range is None and not self.texts


def values_of(function: EvalFunction) -> dict[str, str]:
    """What the form shows first: numbers in full, so that they come back as they were."""
    return {
        "direction": function.direction.value,
        "score_min": plain_number(function.score_min),
        "score_max": plain_number(function.score_max),
        "unit": function.unit or "",
        "description": function.description or "",
        "default_cluster_key": function.default_cluster_key or "",
    }


def property_changes(typed: Mapping[str, str], was: Mapping[str, str]) -> PropertyChanges:
    """What differs from what the form had shown; so nobody's change is undone by a form that was opened before it."""
    now, before = _normal(typed), _normal(was)
    changed = {name for name in FIELDS if now[name] != before[name]}
    problems: dict[str, str] = {}
    direction = None
    if "direction" in changed:
        try:
            direction = Direction(now["direction"])
        except ValueError:
            choices = " or ".join(member.value for member in Direction)
            problems["direction"] = f"expected {choices}, got {shown(now['direction'])}"
    score_range = None
    if changed & {"score_min", "score_max"}:
        low, high = (_number(name, now[name], problems) for name in ("score_min", "score_max"))
        if low is not None and high is not None:
            if low < high:
                score_range = (low, high)
            else:
                problems["score_max"] = f"expected more than the lowest score, {low:g}, got {high:g}"
    texts: dict[str, str | None] = {}
    for name, longest in _LONGEST.items():
        if name not in changed:
            continue
        if len(now[name]) > longest:
            problems[name] = f"expected at most {longest:,} characters, got {len(now[name]):,}"
        elif "\0" in now[name]:
            problems[name] = "expected text without the character U+0000, got it: remove it"
        texts[name] = now[name] or None
    return PropertyChanges(direction, score_range, texts, problems)


def _normal(values: Mapping[str, str]) -> dict[str, str]:
    return {name: normal_text(values.get(name, "")) for name in FIELDS}


def _number(name: str, text: str, problems: dict[str, str]) -> float | None:
    value = to_number(text)
    if value is None:
        problems[name] = f"expected a number such as 0.5, got {shown(text) if text else 'nothing'}"
        return None
    if abs(value) > LARGEST_SCORE:
        problems[name] = f"expected a number within ±{LARGEST_SCORE:g}, got {shown(text)}"
        return None
    return value
