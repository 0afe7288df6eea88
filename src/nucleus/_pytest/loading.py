"""What the plugin asks of the server while tests are collected, once for all workers of a run."""

from __future__ import annotations

import contextlib
import difflib
import hashlib
import os
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from nucleus._client import NucleusClient
from nucleus._exceptions import NotFoundError
from nucleus._model import Model
from nucleus.validate.constants import EntityLevel

T = TypeVar("T")

_LISTED = 5
_PAUSE_S = 0.05
_DEADLINE_S = 300.0


class LoadedFunction(msgspec.Struct, frozen=True):
    """An external function of a test.

    Attributes:
        low: The lowest score that it takes.
        high: The highest score that it takes.
    """

    id: str
    name: str
    low: float
    high: float
    is_higher_better: bool


class LoadedTest(msgspec.Struct, frozen=True):
    """A scenario test with its items in slice order, as the server sent them, deleted ones left out.

    Attributes:
        functions: Its external functions of level item.
    """

    id: str
    name: str
    functions: tuple[LoadedFunction, ...]
    items: tuple[dict[str, Any], ...]


class RunFolder:
    """Answers of the server that the workers of one run share, so that all of them collect the same tests.

    Args:
        folder: A folder that only these workers know and that lives as long as the run; None of a run in one process.
    """

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder

    def once(self, key: str, kind: type[T], ask: Callable[[], T]) -> T:
        """What the first worker was answered: the others wait for it. A worker that fails leaves the asking to the next."""
        if self._folder is None:
            return ask()
        name = hashlib.sha256(key.encode()).hexdigest()[:24]
        answer, lock = self._folder / f"nucleus-{name}.json", self._folder / f"nucleus-{name}.lock"
        deadline = time.monotonic() + _DEADLINE_S
        while not answer.exists():
            try:
                os.close(os.open(lock, os.O_CREAT | os.O_EXCL))
            except FileExistsError:
                if time.monotonic() > deadline:  # the worker that asks was killed
                    with contextlib.suppress(FileNotFoundError):
                        lock.unlink()
                time.sleep(_PAUSE_S)
                continue
            try:
                if not answer.exists():
                    written = lock.with_suffix(".part")
                    written.write_bytes(msgspec.json.encode(ask()))
                    written.replace(answer)
            finally:
                with contextlib.suppress(FileNotFoundError):
                    lock.unlink()
        return msgspec.json.decode(answer.read_bytes(), type=kind)


def load_test(client: NucleusClient, asked: str) -> LoadedTest:
    """The test with this id or name.

    Raises:
        NotFoundError: There is none; the message names the closest.
        NucleusError: The server cannot be asked.
    """
    test = _the_one(
        "scenario test",
        asked,
        client.validate.scenario_tests,
        lambda t: (t.id,),
        lambda t: t.name,
        "nucleus tests list",
    )
    used = {metric.eval_function_id for metric in test.get_eval_functions()}
    entries = [f.eval_func_entry for f in client.validate.eval_functions.external_functions.values() if f.id in used]
    items = client.connection.get(f"validate/scenario_test/{test.id}/items")["dataset_items"]
    functions = tuple(
        LoadedFunction(entry.id, entry.name, *entry.score_range, entry.direction == "higher_is_better")
        for entry in sorted(entries, key=lambda entry: entry.name)
        if entry.level is EntityLevel.ITEM
    )
    return LoadedTest(test.id, test.name, functions, tuple(items))


def find_model(client: NucleusClient, asked: str) -> Model:
    """The model with this id, reference id or name.

    Raises:
        NotFoundError: There is none; the message names the closest.
        NucleusError: The server cannot be asked.
    """
    return _the_one(
        "model", asked, client.models, lambda m: (m.id, m.reference_id), lambda m: m.name, "nucleus models list"
    )


def said_by(error: Exception) -> str:
    """What the server said, without the address and the form in which it said it."""
    return getattr(error, "detail", "") or str(error)


def _the_one(
    noun: str,
    asked: str,
    there: Iterable[T],
    ids: Callable[[T], Sequence[str]],
    name: Callable[[T], str],
    command: str,
) -> T:
    candidates = list(there)
    for found in ([c for c in candidates if asked in ids(c)], [c for c in candidates if asked == name(c)]):
        if len(found) == 1:
            return found[0]
        if found:
            which = ", ".join(ids(c)[0] for c in found[:_LISTED])
            raise NotFoundError(f"{len(found)} {noun}s are named {asked!r}; say which one by its id: {which}")
    names = list(map(name, candidates))
    folded = {known.casefold(): known for known in names}
    close = [folded[c] for c in difflib.get_close_matches(asked.casefold(), folded, _LISTED)]
    known = ", ".join(map(repr, close or names[:_LISTED])) or "none yet"
    what = "the closest are" if close else "there are" if len(names) <= _LISTED else f"there are {len(names)}, such as"
    raise NotFoundError(f"no {noun} has the id or name {asked!r}; {what} {known} (`{command}` shows all)")
