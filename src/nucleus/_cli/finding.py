"""Objects by what a user knows of them: an id, or a name that only one of them has."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

from nucleus._admin import ApiKey, User
from nucleus._cli.outcomes import fail
from nucleus._client import NucleusClient
from nucleus._dataset import Dataset
from nucleus._model import Model
from nucleus._slice import Slice
from nucleus.validate.eval_functions import EvalFunction
from nucleus.validate.releases import Release
from nucleus.validate.scenario_test import ScenarioTest

T = TypeVar("T")

_LISTED = 10


def find_dataset(client: NucleusClient, asked: str) -> Dataset:
    """The dataset with this id or name."""
    return _the_one("dataset", asked, client.datasets, lambda d: [d.id], lambda d: d.name)


def find_slice(client: NucleusClient, asked: str, dataset: Dataset | None = None) -> Slice:
    """The slice with this id or name, of one dataset or of all."""
    slices = client.slices if dataset is None else dataset.slices
    return _the_one("slice", asked, slices, lambda s: [s.id], lambda s: s.name)


def find_model(client: NucleusClient, asked: str) -> Model:
    """The model with this id, reference id or name."""
    return _the_one("model", asked, client.models, lambda m: [m.id, m.reference_id], lambda m: m.name)


def find_test(client: NucleusClient, asked: str) -> ScenarioTest:
    """The scenario test with this id or name."""
    return _the_one("scenario test", asked, client.validate.scenario_tests, lambda t: [t.id], lambda t: t.name)


def find_function(client: NucleusClient, asked: str) -> EvalFunction:
    """The evaluation function with this id or name, external or public."""
    return _the_one("evaluation function", asked, all_functions(client), lambda f: [f.id], lambda f: f.name)


def find_user(client: NucleusClient, asked: str) -> User:
    """The user with this id or name."""
    return _the_one("user", asked, client.users(), lambda u: [u.id], lambda u: u.name)


def find_key(client: NucleusClient, asked: str) -> ApiKey:
    """The API key with this id or name, among those that the client may see."""
    return _the_one("key", asked, client.api_keys(), lambda k: [k.id], lambda k: k.name)


def find_release(client: NucleusClient, asked: str) -> Release:
    """The release with this id or name, with its report."""
    found = _the_one("release", asked, client.validate.releases(), lambda r: [r.id], lambda r: r.name)
    return client.validate.get_release(found.id)


def all_functions(client: NucleusClient) -> list[EvalFunction]:
    """All evaluation functions, external ones first."""
    functions = client.validate.eval_functions
    return [
        *functions.external_functions.values(),
        *functions.private_functions.values(),
        *functions.public_functions.values(),
    ]


def is_known(client: NucleusClient, model: str) -> bool:
    """Whether a model has this id, reference id or name."""
    return any(model in (m.id, m.reference_id, m.name) for m in client.models)


def _the_one(
    noun: str, asked: str, there: Iterable[T], ids: Callable[[T], Sequence[str]], name: Callable[[T], str]
) -> T:
    candidates = list(there)
    for found in ([c for c in candidates if asked in ids(c)], [c for c in candidates if asked == name(c)]):
        if len(found) == 1:
            return found[0]
        if found:
            fail(f"{len(found)} {noun}s are named {asked!r}; say which one by its id: {_listed(found, ids, name)}")
    close = difflib.get_close_matches(asked, map(name, candidates), _LISTED)
    shown = [c for c in candidates if name(c) in close] or candidates
    known = f"there is {_listed(shown, ids, name)}" if shown else "there is none yet"
    fail(f"no {noun} has the id or name {asked!r}; {known}")


def _listed(found: Sequence[T], ids: Callable[[T], Sequence[str]], name: Callable[[T], str]) -> str:
    text = ", ".join(f"{ids(c)[0]} ({name(c)})" for c in found[:_LISTED])
    return f"{text} and {len(found) - _LISTED} more" if len(found) > _LISTED else text
