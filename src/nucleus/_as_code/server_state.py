"""What the server has, by the names that a file uses; asked for once, and kept up with what is made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol, TypeVar

from nucleus._client import NucleusClient
from nucleus._dataset import Dataset
from nucleus._exceptions import NotFoundError
from nucleus._model import Model
from nucleus._slice import Slice
from nucleus.validate.eval_functions import EvalFunction
from nucleus.validate.references import is_id
from nucleus.validate.scenario_test import ScenarioTest


class _HasId(Protocol):
    id: str


T = TypeVar("T", bound=_HasId)


@dataclass(frozen=True)
class Matching:
    """What a rule matches: reference ids that the slice lacks (all, if there is no slice), and members beside them."""

    reference_ids: list[str]
    n_matching: int
    n_not_matching: int
    not_matching: list[str]


class ServerState:
    """The server's functions, datasets, slices, tests and models."""

    def __init__(self, client: NucleusClient) -> None:
        self.client = client
        self._slices: dict[str, list[Slice]] = {}

    @cached_property
    def functions(self) -> dict[str, EvalFunction]:
        """All evaluation functions by name."""
        found = self.client.validate.eval_functions
        return {**found.public_functions, **found.private_functions, **found.external_functions}

    @cached_property
    def tests(self) -> dict[str, ScenarioTest]:
        """All tests by name, oldest first."""
        return {test.name: test for test in self.client.validate.scenario_tests}

    @cached_property
    def models(self) -> list[Model]:
        """All models."""
        return self.client.models

    @cached_property
    def datasets(self) -> list[Dataset]:
        """All datasets."""
        return self.client.datasets

    def dataset(self, asked: str) -> Dataset:
        """The dataset with this id or name; NotFoundError if there is none, or several."""
        return _the_one("dataset", asked, [d for d in self.datasets if asked in (d.id, d.name)])

    def model(self, asked: str) -> Model:
        """The model with this id, reference id or name; NotFoundError likewise."""
        found = [m for m in self.models if asked in (m.id, m.reference_id)] or [
            m for m in self.models if asked == m.name
        ]
        return _the_one("model", asked, found)

    def slices(self, dataset: Dataset) -> list[Slice]:
        """The slices of a dataset."""
        if dataset.id not in self._slices:
            self._slices[dataset.id] = dataset.slices
        return self._slices[dataset.id]

    def find_slice(self, dataset: Dataset, name: str) -> Slice | None:
        """The slice of this name; NotFoundError if there are several."""
        found = [s for s in self.slices(dataset) if s.name == name]
        return _the_one(f"slice of dataset {dataset.name}", name, found) if found else None

    def any_slice(self, asked: str) -> Slice:
        """The slice with this id, or this name in whichever dataset; NotFoundError likewise."""
        if is_id("slc", asked):
            return self.client.get_slice(asked)
        return _the_one(
            "slice", asked, [s for dataset in self.datasets for s in self.slices(dataset) if s.name == asked]
        )

    def matching(self, dataset: Dataset, rule: Mapping[str, Any], beside: Slice | None = None) -> Matching:
        """What a rule matches, by the server; with a slice, what that lacks."""
        body = {"rule": rule} | ({} if beside is None else {"slice_id": beside.id})
        answer = self.client.connection.post(body, f"dataset/{dataset.id}/matching_items", is_replay_safe=True)
        return Matching(
            answer["reference_ids"],
            answer["n_matching"],
            answer.get("n_not_matching", 0),
            answer.get("not_matching", []),
        )

    def members(self, found: Slice) -> list[str]:
        """The reference ids of a slice's items, in slice order."""
        answer = self.client.connection.get(f"slice/{found.id}/reference_ids")
        return list(answer["reference_ids"])

    def add_slice(self, dataset: Dataset, made: Slice) -> None:
        """Keep in mind a slice that was made."""
        self.slices(dataset).append(made)


def _the_one(noun: str, asked: str, found: list[T]) -> T:
    if len(found) == 1:
        return found[0]
    if not found:
        raise NotFoundError(f"there is no {noun} {asked!r}")
    raise NotFoundError(
        f"{len(found)} {noun}s are named {asked!r}: {', '.join(f.id for f in found)}; say which by its id"
    )
