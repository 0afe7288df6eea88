"""A project whose tests are of items: pytest runs there as its users run it, against a server with a scenario test."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import pytest

import nucleus
from tests.support.pages import serving, settings_of_readers
from tests.support.server import environment

N_ITEMS = 12
_COUNTS = re.compile(r"(\d+) (\w+)")


class Run(NamedTuple):
    """One run of pytest.

    Attributes:
        counts: How many tests have which outcome, by pytest's last line.
        section: What the plugin says at the end.
    """

    exit_code: int
    output: str
    counts: dict[str, int]
    section: list[str]


@dataclass
class Project:
    """An empty project beside a server."""

    folder: Path
    settings: dict[str, str]
    client: nucleus.NucleusClient
    tests: dict[str, nucleus.validate.ScenarioTest] = field(default_factory=dict)

    def write(self, text: str, name: str = "test_items.py") -> None:
        """Write a file of the project."""
        (self.folder / name).write_text(f"import pytest\n\n{text}" if name.endswith(".py") else text)

    def run(self, *arguments: str, **settings: str) -> Run:
        """Run pytest; a warning is an error. Without xdist, unless `-n` is among the arguments."""
        options = ["-W", "error", "--color=no", "-p", "no:cacheprovider", "-p", "no:hypothesispytest"]
        options += ["-p", "no:schemathesis"]  # shows errors of collecting in a form of its own
        if "-n" not in arguments:
            options += ["-p", "no:xdist"]
        done = subprocess.run(
            [sys.executable, "-m", "pytest", *options, *arguments],
            cwd=self.folder,
            env=environment(**{**self.settings, **settings}),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=120,
        )
        lines = done.stdout.splitlines()
        last = next((line for line in reversed(lines) if re.search(r" in \d+\.\d+s", line)), "")
        counts = {word: int(n) for n, word in _COUNTS.findall(last.partition(" in ")[0])}
        starts = [i for i, line in enumerate(lines) if re.fullmatch(r"=+ nucleus =+", line)]
        section = lines[starts[-1] + 1 :] if starts else []
        end = next(
            (i for i, line in enumerate(section) if line.startswith(("===", "!!!")) or line == last), len(section)
        )
        return Run(done.returncode, done.stdout, counts, section[:end])

    def model(self, name: str) -> nucleus.Model:
        """A new model."""
        return self.client.create_model(name, name)

    def scores(self, test: str, function: str, model: str) -> dict[str, float | None]:
        """The scores of the newest evaluation, by reference id; empty without one."""
        functions = self.client.validate.eval_functions
        model_id = next(m.id for m in self.client.models if m.name == model)
        found = [
            evaluation
            for evaluation in self.tests[test].get_eval_history()
            if evaluation.model_id == model_id and functions.from_id(evaluation.eval_function_id).name == function
        ]
        return {row.reference_id: row.result for row in found[-1].item_evals} if found else {}


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """A server with 12 items, "night" with one function and "ride" with three of several ranges and directions."""
    folder = tmp_path_factory.mktemp("server")
    with serving(folder) as endpoint:
        settings = settings_of_readers(endpoint)
        with nucleus.NucleusClient(settings["NUCLEUS_API_KEY"], endpoint=endpoint) as client:
            dataset = client.create_dataset("road")
            references = [f"frame-{n}" for n in range(N_ITEMS)]
            dataset.append(
                [nucleus.DatasetItem(reference_id=ref, metadata={"n": n}) for n, ref in enumerate(references)]
            )
            slice_id = dataset.create_slice("all", references).id
            create = client.validate.create_external_eval_function
            no_crash, comfort = create("no_crash"), create("comfort")
            latency = create("latency", direction="lower_is_better", score_range=(0, 1000))
            jerk = create("jerk", direction="lower_is_better")
            tests = {
                name: client.validate.create_scenario_test(name, slice_id, functions)
                for name, functions in (("night", [no_crash]), ("ride", [comfort, jerk, latency]))
            }
            yield Project(folder, settings, client, tests)


@pytest.fixture
def project(served: Project, tmp_path: Path) -> Project:
    """An empty project beside that server."""
    return Project(tmp_path, served.settings, served.client, served.tests)
