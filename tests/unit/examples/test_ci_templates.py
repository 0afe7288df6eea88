"""The CI templates: what they run, how they end, what they leave."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.support.ci_templates import FOLDER, RUN, Machine, pipeline, workflow

_GATE = """#!/bin/sh
echo "$*" >> calls
case "$1" in
  gate) echo '<testsuites/>' > gate.xml; echo 'the report' > gate.md; exit {gate};;
esac
"""
"""A `nucleus` that ends as it is told."""


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """A runner with the project checked out, and a pip that has nothing to do."""
    here, programs = tmp_path / "here", tmp_path / "programs"
    here.mkdir()
    programs.mkdir()
    (here / "evaluate.py").write_text("")
    made = Machine(here, programs)
    made.write("pip", "#!/bin/sh\n")
    return made


@pytest.fixture(params=list(RUN))
def template(request: pytest.FixtureRequest) -> str:
    """Each template in turn."""
    return str(request.param)


@pytest.mark.parametrize(("gate", "code"), [(0, 0), (1, 1), (2, 0), (3, 3), (130, 130)])
def test_how_jobs_end(machine: Machine, template: str, gate: int, code: int) -> None:
    """As the gate does, but that what is inconclusive is a warning; a score of every item is demanded."""
    machine.write("nucleus", _GATE.format(gate=gate))
    ended = RUN[template](machine, {"MODEL": "m"})
    assert (ended.code, ended.is_warning) == (code, gate == 2), ended.output
    upload, asked = (machine.here / "calls").read_text().splitlines()
    assert upload == "upload scores.csv --dataset road --model m --create-model"
    assert asked.startswith("gate --model m --require-coverage 1.0 --junit gate.xml --markdown gate.md")


@pytest.mark.parametrize(
    ("template", "program"),
    [
        ("gate.sh", "nucleus"),
        *((t, p) for t in ("github-actions.yml", "gitlab-ci.yml") for p in ("pip", "python", "nucleus")),
    ],
)
def test_what_fails_before_the_gate_is_no_warning(machine: Machine, template: str, program: str) -> None:
    """Also if it ends with 2, as many programs do: that is the gate's word alone."""
    machine.write("nucleus", _GATE.format(gate=0))
    machine.write(program, "#!/bin/sh\nexit 2\n")
    ended = RUN[template](machine, {"MODEL": "m"})
    assert ended.code != 0 and not ended.is_warning
    assert not (machine.here / "gate.xml").exists()


def test_the_script_needs_to_know_what_to_gate(machine: Machine) -> None:
    """And says what is missing; it passes on what it may be given; results of an earlier run do not count."""
    (machine.here / "gate.xml").write_text("of yesterday")
    machine.write("nucleus", "#!/bin/sh\nexit 1\n")
    assert "expected the name of the candidate" in RUN["gate.sh"](machine, {}).output
    assert RUN["gate.sh"](machine, {"MODEL": "m"}).code == 1 and not (machine.here / "gate.xml").exists()
    machine.write("nucleus", _GATE.format(gate=0))
    RUN["gate.sh"](machine, {"MODEL": "m", "SCORES": "my scores.csv", "BASELINE": "last-approved", "TAG": "a b"})
    assert (machine.here / "calls").read_text() == (
        "upload my scores.csv --dataset road --model m --create-model\n"
        "gate --model m --require-coverage 1.0 --junit gate.xml --markdown gate.md --baseline last-approved --tag a b\n"
    )


def test_github_keeps_the_results(machine: Machine) -> None:
    """Also if the gate failed: as artifact, and on the page of the run."""
    machine.write("nucleus", _GATE.format(gate=1))
    RUN["github-actions.yml"](machine, {})
    assert (machine.here / "summary.md").read_text() == "the report\n"
    (job,) = workflow()["jobs"].values()
    upload = job["steps"][-1]
    assert upload["if"] == "always()" and upload["with"]["path"].split() == ["gate.xml", "gate.md"]
    assert workflow()["permissions"] == {"contents": "read", "pull-requests": "write"}


def test_github_s_steps_hold_no_expressions() -> None:
    """What a stranger can name, such as a branch, reaches a shell by the environment only."""
    (job,) = workflow()["jobs"].values()
    assert not [step for step in job["steps"] if "${{" in step.get("run", "")]


def test_gitlab_keeps_the_results() -> None:
    """Also if the gate failed, as a test report."""
    artifacts = pipeline()["nucleus-gate"]["artifacts"]
    assert artifacts == {"when": "always", "paths": ["gate.xml", "gate.md"], "reports": {"junit": "gate.xml"}}


def test_the_page_names_all() -> None:
    """And only what is there."""
    named = re.findall(r"\]\(([\w.-]+)\)", (FOLDER / "README.md").read_text())
    assert sorted(named) == sorted(RUN)
