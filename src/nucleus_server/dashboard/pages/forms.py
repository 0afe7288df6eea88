"""Forms of the pages: what is in force, or what was sent and refused."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from nucleus_server.dashboard.contexts import Button, Choice, Form, FormField
from nucleus_server.dashboard.sent_forms import SentForm
from nucleus_server.domain import Actor


class FormMaker:
    """Makes one form; a form that was refused comes back with what was typed and what was wrong with it."""

    def __init__(self, form_id: str, path: str, sent: SentForm | None = None, *, method: str = "post") -> None:
        self._id = form_id
        self._path = path
        self._method = method
        self._sent = sent if sent is not None and sent.id == form_id else None
        self._fields: list[FormField] = []

    def add(
        self,
        name: str,
        label: str,
        kind: str,
        value: str,
        help_: str,
        *,
        choices: Iterable[tuple[str, str]] = (),
        suggestions: Sequence[str] = (),
        was: str | None = None,
    ) -> FormMaker:
        """A field with its value; `choices` are values and texts, `was` what is in force if the value is only proposed."""
        was = value if was is None else was
        if self._sent is not None:
            value, was = self._sent.values.get(name, ""), self._sent.values.get(f"was_{name}", was)
        self._fields.append(
            FormField(
                id=f"{self._id}-{name}",
                name=name,
                label=label,
                help=help_,
                value=value,
                was=was,
                problem=None if self._sent is None else self._sent.problems.get(name),
                choices=tuple(Choice(key, text, key == value) for key, text in choices),
                suggestions=tuple(suggestions),
                kind=kind,
            )
        )
        return self

    def made(self, *buttons: Button, hidden: Iterable[tuple[str, str]] = ()) -> Form:
        """The form with its buttons and with what is sent along."""
        problem = None
        if self._sent is not None:
            n = len(self._sent.problems)
            problem = self._sent.message
            if n:
                problem = f"Nothing was saved: {n} field{'' if n == 1 else 's'} below cannot be right."
        return Form(self._id, self._path, self._method, tuple(self._fields), tuple(hidden), buttons, problem)


def button(label: str, name: str = "", value: str = "", kind: str = "main") -> Button:
    """A button."""
    return Button(label, name, value, kind)


def may_change(actor: Actor, owner_id: str) -> bool:
    """Whether what belongs to this user is theirs to change."""
    return actor.can_write and (actor.is_admin or actor.user_id == owner_id)


def no_form(actor: Actor, owner_id: str, owner_name: str, what: str) -> str:
    """Why there is no form for what belongs to this user; empty if there is one."""
    if may_change(actor, owner_id):
        return ""
    if not actor.can_write:
        return f"Viewers change nothing: {owner_name} or an admin can change {what}."
    return f"Only {owner_name}, who owns it, or an admin can change {what}."
