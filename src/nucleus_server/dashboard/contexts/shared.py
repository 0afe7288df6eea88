"""What several pages have in common."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


def doc(text: str) -> Any:
    """A field with its help text."""
    return field(metadata={"help": text})


@dataclass(frozen=True, slots=True)
class Frame:
    """What surrounds every page."""

    title: str = doc("The page's title.")
    user_name: str | None = doc("Who is logged in; None on the login page.")
    role: str | None = doc("The role that this session acts with.")
    csrf_token: str = doc("The token that every form of the page carries.")
    version: str = doc("The server's version.")
    section: str = doc("The entry of the main navigation that it belongs to; empty for none.")


@dataclass(frozen=True, slots=True)
class Verdict:
    """What came of something, in words: colour is never the only sign."""

    word: str = doc("passed, failed, no criterion; better, worse, inconclusive…: what it is called.")
    icon: str = doc("A sign that differs for each word of its kind.")
    kind: str = doc("pass, fail, equal, none, warn or busy: what the stylesheet colours.")
    why: str = doc("The comparison that was made, or what the word means.")


@dataclass(frozen=True, slots=True)
class Choice:
    """One entry of a list to choose from."""

    value: str = doc("What is sent.")
    text: str = doc("What is shown.")
    is_chosen: bool = doc("Whether it is the one in force.")


@dataclass(frozen=True, slots=True)
class Pages:
    """Where a listing is, and where one can go from there."""

    number: int = doc("This page, from 1.")
    n_pages: int = doc("How many there are.")
    n_rows: int = doc("How many rows there are in all.")
    previous_path: str | None = doc("The page before.")
    next_path: str | None = doc("The page after.")


@dataclass(frozen=True, slots=True)
class Chart:
    """A picture of numbers, and the numbers."""

    name: str = doc("Its id on the page.")
    title: str = doc("What it shows.")
    description: str = doc("What a reader who cannot see it should know.")
    note: str = doc("What its lines stand for; empty if it has none.")
    spec: dict[str, Any] = doc("Its Vega-Lite specification.")
    header: tuple[str, ...] = doc("The columns of the table below it.")
    rows: tuple[tuple[str, ...], ...] = doc("The rows of that table.")
    paths: tuple[str, ...] = field(default=(), metadata={"help": "What the rows lead to; empty if to nothing."})


@dataclass(frozen=True, slots=True)
class Picture:
    """An item's image, or why it cannot be shown."""

    reference_id: str = doc("The user's id of the item.")
    url: str | None = doc("What the browser may load; None if it may not.")
    link: str | None = doc("The image's own address.")
    reason: str = doc("Why it is not shown.")
    page: str | None = field(default=None, metadata={"help": "The item's page; None if there is no such item."})
    label: str = field(default="", metadata={"help": "Why it is not shown, in two or three words."})


@dataclass(frozen=True, slots=True)
class LoginPage:
    """The login page."""

    frame: Frame = doc("What surrounds the page.")
    problem: str | None = doc("Why the last attempt failed.")
    next_path: str = doc("Where to go after logging in.")


@dataclass(frozen=True, slots=True)
class ErrorPage:
    """A page that could not be shown."""

    frame: Frame = doc("What surrounds the page.")
    status: int = doc("The HTTP status.")
    message: str = doc("What was expected, what was got, what to do.")
    request_id: str = doc("What the operator finds the request by.")
