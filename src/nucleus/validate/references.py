"""Objects that calls take as themselves, by id or by name."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

from nucleus._connection import Connection
from nucleus._exceptions import NotFoundError
from nucleus._model import Model
from nucleus.validate.eval_functions import EvalFunction

if TYPE_CHECKING:
    from nucleus.validate.scenario_test import ScenarioTest


def is_id(prefix: str, text: str) -> bool:
    """Whether the text has the form of an id of this kind; a name of the same form has to be given as an object."""
    return re.fullmatch(rf"{prefix}_[a-z0-9]{{20}}", text) is not None


def model_id_of(model: Model | str) -> str:
    """The id of a model."""
    return model.id if isinstance(model, Model) else model


def scenario_test_id_of(connection: Connection, test: ScenarioTest | str) -> str:
    """The id of a test.

    Raises:
        NotFoundError: No test has this name.
    """
    if not isinstance(test, str):
        return test.id
    if is_id("st", test):
        return test
    rows = connection.get("validate/scenario_test/details")
    return _id_of_name("scenario test", test, ((row["name"], row["id"]) for row in rows))


def function_id_of(connection: Connection, function: EvalFunction | str) -> str:
    """The id of an evaluation function.

    Raises:
        NotFoundError: No function has this name.
    """
    if isinstance(function, EvalFunction):
        return function.id
    if is_id("ef", function):
        return function
    rows = connection.get("validate/eval_fn")["eval_functions"]
    return _id_of_name("evaluation function", function, ((row["name"], row["id"]) for row in rows))


def _id_of_name(what: str, name: str, rows: Iterable[tuple[str, str]]) -> str:
    for known, its_id in rows:
        if known == name:
            return its_id
    raise NotFoundError(f"expected the id or the name of a {what}, got {name!r}, which none has")
