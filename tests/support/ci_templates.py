"""The CI templates as their CI systems run them, as far as that can be done on this machine."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import yaml

FOLDER = Path(__file__).parents[2] / "examples" / "ci"
_EXPRESSION = re.compile(r"\$\{\{ *([\w.]+) *\}\}")
_VARIABLE = re.compile(r"\$(CI_\w+)")
_TIMEOUT_S = 60.0


class Ended(NamedTuple):
    """How a job ended: `is_warning` is a job that passed, marked with a warning."""

    code: int
    output: str
    is_warning: bool


@dataclass(frozen=True)
class Machine:
    """Where jobs run.

    Attributes:
        here: The folder that the project is checked out in.
        programs: Programs that come before those of the machine.
    """

    here: Path
    programs: Path

    def write(self, name: str, text: str) -> None:
        """A program of this name."""
        path = self.programs / name
        path.write_text(text)
        path.chmod(0o755)

    def run(self, *command: str, env: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
        """Run a command with this environment and nothing of ours; stdout and stderr are one."""
        path = f"{self.programs}:{Path(sys.executable).parent}:{os.environ['PATH']}"
        return subprocess.run(
            command,
            cwd=self.here,
            env={"PATH": path, "HOME": str(self.here), "LANG": "C.UTF-8", **env},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=_TIMEOUT_S,
        )


def run_script(machine: Machine, env: Mapping[str, str]) -> Ended:
    """`gate.sh`, by dash or whatever is the sh here."""
    machine.run("python", "evaluate.py", env={})
    done = machine.run("sh", str(FOLDER / "gate.sh"), env={"DATASET": "road", **env})
    return Ended(done.returncode, done.stdout, "warning: " in done.stdout)


def run_github(machine: Machine, env: Mapping[str, str]) -> Ended:
    """The `run` steps of the workflow, each in a `bash -e`, until one fails."""
    (job,) = workflow()["jobs"].values()
    values = {
        "vars.NUCLEUS_ENDPOINT": env.get("NUCLEUS_ENDPOINT", ""),
        "secrets.NUCLEUS_API_KEY": env.get("NUCLEUS_API_KEY", ""),
        "github.token": env.get("GITHUB_TOKEN", ""),
        "github.event.pull_request.head.sha": "1a2b3c",
    }

    def filled(given: Mapping[str, str]) -> dict[str, str]:
        return {name: _EXPRESSION.sub(lambda found: values[found[1]], text) for name, text in given.items()}

    host = {name: value for name, value in env.items() if name.startswith("GITHUB_") and name != "GITHUB_TOKEN"}
    given = {"GITHUB_STEP_SUMMARY": str(machine.here / "summary.md"), **host, **filled(job["env"]), **_model(env)}
    output = ""
    for step in job["steps"]:
        if "run" in step:
            done = machine.run("bash", "-e", "-c", step["run"], env={**given, **filled(step.get("env", {}))})
            output += done.stdout
            if done.returncode:
                return Ended(done.returncode, output, False)
    return Ended(0, output, "::warning " in output)


def run_gitlab(machine: Machine, env: Mapping[str, str]) -> Ended:
    """The script of the job in one `bash -eo pipefail`; what may fail is a warning."""
    job = pipeline()["nucleus-gate"]
    variables = {name: _VARIABLE.sub("1a2b3c", text) for name, text in job["variables"].items()}
    done = machine.run(
        "bash", "-eo", "pipefail", "-c", "\n".join(job["script"]), env={**variables, **env, **_model(env)}
    )
    if done.returncode in job["allow_failure"]["exit_codes"]:
        return Ended(0, done.stdout, True)
    return Ended(done.returncode, done.stdout, False)


RUN: dict[str, Callable[[Machine, Mapping[str, str]], Ended]] = {
    "gate.sh": run_script,
    "github-actions.yml": run_github,
    "gitlab-ci.yml": run_gitlab,
}


def workflow() -> Any:
    """The workflow of GitHub Actions."""
    return yaml.safe_load((FOLDER / "github-actions.yml").read_text())


def pipeline() -> Any:
    """The pipeline of GitLab CI."""
    return yaml.safe_load((FOLDER / "gitlab-ci.yml").read_text())


def _model(env: Mapping[str, str]) -> dict[str, str]:
    return {"MODEL": env["MODEL"]} if "MODEL" in env else {}
