"""Forms: fields with what was typed and what was wrong with it."""

from __future__ import annotations

from dataclasses import dataclass

from nucleus_server.dashboard.contexts.shared import Choice, doc


@dataclass(frozen=True, slots=True)
class FormField:
    """Something to type or to choose."""

    id: str = doc("Its id on the page.")
    name: str = doc("Its name in the form.")
    label: str = doc("What it is called.")
    help: str = doc("What it means.")
    value: str = doc("What is in it.")
    was: str = doc("What it was when the form was first shown.")
    problem: str | None = doc("What was expected and what was got.")
    choices: tuple[Choice, ...] = doc("What can be chosen; empty if it is typed.")
    suggestions: tuple[str, ...] = doc("What others typed here.")
    kind: str = doc("choice, check, number, date, line or text.")


@dataclass(frozen=True, slots=True)
class Button:
    """What sends a form."""

    label: str = doc("What it says.")
    name: str = doc("What is sent with the form if it is pressed; empty for nothing.")
    value: str = doc("The value that is sent.")
    kind: str = doc("main, quiet or fail: what the stylesheet makes of it.")


@dataclass(frozen=True, slots=True)
class Form:
    """Fields that are sent together."""

    id: str = doc("Its id on the page.")
    path: str = doc("Where it is sent.")
    method: str = doc("get, if it only asks; else post.")
    fields: tuple[FormField, ...] = doc("What can be typed or chosen.")
    hidden: tuple[tuple[str, str], ...] = doc("What is sent along: names and values.")
    buttons: tuple[Button, ...] = doc("What sends it.")
    problem: str | None = doc("Why it was refused, if it was.")
