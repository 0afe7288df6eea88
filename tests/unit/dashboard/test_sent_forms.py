"""What is read from forms, and what is said of what cannot be read."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nucleus_server.dashboard.sent_forms import SentForm, plain_number


def test_what_is_typed_is_read() -> None:
    """Numbers, choices, days, texts and words."""
    form = SentForm("f", {"n": " 1e-3 ", "c": "b", "d": "2027-01-31", "t": " a\r\nb ", "w": "z, a,,a ", "empty": " "})
    assert form.number("n") == 0.001 and form.number("empty") is None and form.number("absent") is None
    assert form.choice("c", ["a", "b"]) == "b"
    assert form.day_end("d") == datetime(2027, 1, 31, 23, 59, tzinfo=UTC)
    assert form.text("t", longest=10) == "a\nb"
    assert form.words("w", most=5, longest=5) == ("a", "z")
    assert form.problems == {}


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ("x", "expected a number such as 0.5, got 'x'"),
        ("nan", "got 'nan'"),
        ("inf", "got 'inf'"),
        ("1e400", "got '1e400'"),
        ("-1", "expected a number of at least 0, got '-1'"),
        ("1e101", "expected a number of at most 1e+100, got '1e101'"),
    ],
)
def test_numbers_that_are_none(value: str, problem: str) -> None:
    """What was expected, what was got."""
    form = SentForm("f", {"n": value})
    form.number("n", lowest=0.0)
    assert problem in form.problems["n"]


def test_other_mistakes_are_explained() -> None:
    """Beside their fields."""
    form = SentForm("f", {"t": "x" * 11, "nul": "a\0b", "c": "z" * 50, "d": "31.1.2027", "w": "a,b,c", "v": "abcdef"})
    form.text("t", longest=10)
    form.text("nul", longest=10)
    form.text("absent", longest=10, is_required=True)
    form.choice("c", ["", "b"])
    form.day_end("d")
    form.day_end("e")
    form.words("w", most=2, longest=5)
    form.words("v", most=2, longest=5)
    assert form.problems == {
        "t": "expected at most 10 characters, got 11",
        "nul": "expected text without the character U+0000, got it: remove it",
        "absent": "expected some text, got nothing",
        "c": f"expected nothing or b, got '{'z' * 39}…'",
        "d": "expected a day such as 2027-01-31, got '31.1.2027'",
        "e": "expected a day such as 2027-01-31, got nothing",
        "w": "expected at most 2, got 3",
        "v": "expected at most 5 characters each, got 6",
    }


@given(st.text())
def test_whatever_is_sent_is_answered(text: str) -> None:
    """A value or a problem, never a crash."""
    form = SentForm("f", {"x": text})
    form.number("x")
    form.text("x", longest=5, is_required=True)
    form.choice("x", ["a"])
    form.day_end("x")
    form.words("x", most=3, longest=3)
    assert all(problem.startswith("expected ") for problem in form.problems.values())


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_numbers_keep_every_digit(value: float) -> None:
    """So that a form that comes back untouched changes nothing."""
    assert float(plain_number(value)) == value
