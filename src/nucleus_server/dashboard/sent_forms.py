"""What a browser sent with a form: each field is read once, and what is wrong with it is said beside it."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, time

from nucleus_server.domain import LARGEST_SCORE

_SHOWN = 40


class SentForm:
    """One form as it came.

    Attributes:
        id: Which of the page's forms it is.
        values: What was in its fields.
        problems: Field → what was expected and what was got; nothing may be done if there are any.
        message: Why it was refused as a whole; None if it was not.
    """

    def __init__(self, form_id: str, values: Mapping[str, str]) -> None:
        self.id = form_id
        self.values = dict(values)
        self.problems: dict[str, str] = {}
        self.message: str | None = None

    def is_changed(self, name: str) -> bool:
        """Whether the field is not as it was shown first: what nobody touched is left alone, whatever it became since."""
        return normal_text(self.values.get(name, "")) != self.values.get(f"was_{name}")

    def text(self, name: str, *, longest: int, is_required: bool = False) -> str:
        """Without blanks at its ends, line ends as `\\n`, in normal form C."""
        text = normal_text(self.values.get(name, ""))
        if is_required and not text:
            self.problems[name] = "expected some text, got nothing"
        elif len(text) > longest:
            self.problems[name] = f"expected at most {longest:,} characters, got {len(text):,}"
        elif "\0" in text:
            self.problems[name] = "expected text without the character U+0000, got it: remove it"
        return text

    def number(self, name: str, *, lowest: float = -LARGEST_SCORE) -> float | None:
        """A finite number of at least `lowest`; None if the field is empty, or a problem if it is not a number."""
        text = self.values.get(name, "").strip()
        if not text:
            return None
        value = to_number(text)
        if value is None:
            self.problems[name] = f"expected a number such as 0.5, got {shown(text)}"
        elif not lowest <= value <= LARGEST_SCORE:
            bound = f"of at least {lowest:g}" if value < lowest else f"of at most {LARGEST_SCORE:g}"
            self.problems[name] = f"expected a number {bound}, got {shown(text)}"
        return value

    def choice(self, name: str, choices: Iterable[str]) -> str:
        """One of the choices, or a problem."""
        value, known = self.values.get(name, ""), list(choices)
        if value not in known:
            self.problems[name] = f"expected {' or '.join(each or 'nothing' for each in known)}, got {shown(value)}"
        return value

    def day_end(self, name: str) -> datetime | None:
        """The last minute of a day, UTC; None with a problem if it is not a day."""
        text = self.values.get(name, "").strip()
        try:
            return datetime.combine(date.fromisoformat(text), time(23, 59), UTC)
        except ValueError:
            self.problems[name] = f"expected a day such as 2027-01-31, got {shown(text) if text else 'nothing'}"
            return None

    def words(self, name: str, *, most: int, longest: int) -> tuple[str, ...]:
        """What stands between commas, in alphabetical order, each once."""
        found = sorted({normal_text(word) for word in self.values.get(name, "").split(",")} - {""})
        if len(found) > most:
            self.problems[name] = f"expected at most {most:,}, got {len(found):,}"
        elif any(len(word) > longest for word in found):
            self.problems[name] = f"expected at most {longest:,} characters each, got {max(map(len, found)):,}"
        elif any("\0" in word for word in found):
            self.problems[name] = "expected text without the character U+0000, got it: remove it"
        return tuple(found)


def normal_text(text: str) -> str:
    """In normal form C, with single line ends (browsers send CR LF, whatever was typed), without blanks around it."""
    return unicodedata.normalize("NFC", text.replace("\r\n", "\n").replace("\r", "\n").strip())


def to_number(text: str) -> float | None:
    """A finite number; None if it is none."""
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def plain_number(value: float) -> str:
    """`0`, `0.5`: as short as it can be said without losing a digit."""
    return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)


def shown(text: str) -> str:
    """In quotes, shortened if it is long."""
    return repr(text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…")
