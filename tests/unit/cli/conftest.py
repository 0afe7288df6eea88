"""The command line, talking to the application in this process."""

from __future__ import annotations

import csv
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

import nucleus
from nucleus._cli.app import create_app
from nucleus._cli.session import Session
from tests.support.api import Api
from tests.support.server import ADMIN_KEY


@dataclass(frozen=True)
class Cli:
    """`nucleus` with a client of the application."""

    api: Api

    def run(self, *arguments: object, code: int = 0, key: str = ADMIN_KEY, answer: str | None = None) -> Result:
        """Run a command, with an answer to its question, and expect this exit code."""

        def connect(endpoint: str | None, api_key: str | None) -> nucleus.NucleusClient:
            return self.api.client(api_key or key)

        result = CliRunner().invoke(create_app(), [*map(str, arguments)], input=answer, obj=Session(connect))
        assert result.exit_code == code, result.output + repr(result.exception)
        return result

    def text(self, *arguments: object, **options: Any) -> str:
        """What a command prints."""
        return self.run(*arguments, **options).stdout

    def json(self, *arguments: object, **options: Any) -> Any:
        """The JSON that a command prints, and nothing else."""
        return json.loads(self.run(*arguments, "--json", **options).stdout)

    def error(self, *arguments: object, code: int = 3, **options: Any) -> str:
        """The message of a command that fails: on stderr, and no traceback."""
        result = self.run(*arguments, code=code, **options)
        assert result.stdout == "" and "Traceback" not in result.stderr
        assert isinstance(result.exception, SystemExit)
        return result.stderr


@pytest.fixture
def cli(sqlite_api: Api, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cli:
    """The command line in an empty folder."""
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return Cli(sqlite_api)


def read_csv(path: str) -> list[dict[str, str]]:
    """The rows of a CSV."""
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


@dataclass(frozen=True)
class World:
    """A dataset "road" of items a to f with a slice "night" of d, a, b and c, a model, a function and a test of them."""

    client: nucleus.NucleusClient
    dataset: nucleus.Dataset
    slice: nucleus.Slice
    model: nucleus.Model
    function: nucleus.validate.ExternalEvalFunction
    test: nucleus.validate.ScenarioTest


@pytest.fixture
def world(cli: Cli) -> World:
    """What uploads need."""
    client = cli.api.client()
    dataset = client.create_dataset("road")
    dataset.append([nucleus.DatasetItem(reference_id=ref, text=f"item {ref}") for ref in "abcdef"])
    night = dataset.create_slice("night", ["d", "a", "b", "c"])
    model = client.create_model("Detector 3", "detector-v3")
    function = client.validate.create_external_eval_function("custom_mAP")
    test = client.validate.create_scenario_test("night test", night.id, [function])
    return World(client, dataset, night, model, function, test)
