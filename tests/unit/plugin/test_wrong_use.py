"""What is said of marks, options and settings that cannot be right, and that others never see the plugin."""

from __future__ import annotations

from types import ModuleType

import pytest

import nucleus
import nucleus_metrics
import nucleus_server
from tests.unit.plugin.conftest import Project

WRONG_MARKS = {
    "('nigth')": "no scenario test has the id or name 'nigth'; the closest are 'night' (`nucleus tests list` shows all)",
    "('ride', function=['comfrt', 'latency'])": (
        "scenario test 'ride' has no external function 'comfrt'; it has 'comfort', 'jerk', 'latency'"
    ),
    "('ride', function=[])": "expected at least one function, got an empty list",
    "(test='ride')": "expected @pytest.mark.scenario('name or id of a scenario test', function='name')",
    "('ride')\n@pytest.mark.scenario('night')": "has several scenario marks: write a function for each",
}


def test_wrong_marks(project: Project) -> None:
    """Each is an error of its file, in one sentence, and nothing runs."""
    for number, mark in enumerate(WRONG_MARKS):
        project.write(f"@pytest.mark.scenario{mark}\ndef test_it(item):\n    pass\n", f"test_{number}.py")
    run = project.run("-q")
    assert (run.exit_code, run.counts) == (2, {"errors": len(WRONG_MARKS)})
    for said in WRONG_MARKS.values():
        assert said in run.output
    assert "Traceback" not in run.output and "nucleus/_pytest" not in run.output


def test_a_mark_without_its_fixtures(project: Project) -> None:
    """Said if anything else tells that the mark is ours; a fixture without the mark is said too."""
    project.write("@pytest.mark.scenario('night', function='no_crash')\ndef test_it():\n    pass\n", "test_1.py")
    project.write("def test_it(item):\n    pass\n", "test_2.py")
    run = project.run("-q", "--continue-on-collection-errors")
    assert (run.exit_code, run.counts) == (1, {"errors": 2})
    assert "is marked with scenario but takes neither the fixture scenario nor item" in run.output
    assert "mark this one with @pytest.mark.scenario('name of a scenario test')" in run.output


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"NUCLEUS_API_KEY": ""}, "set NUCLEUS_ENDPOINT and NUCLEUS_API_KEY. No API key: "),
        ({"NUCLEUS_API_KEY": "nv_wrong"}, "set NUCLEUS_ENDPOINT and NUCLEUS_API_KEY. "),
        ({"NUCLEUS_ENDPOINT": "http://127.0.0.1:1/v1/nucleus"}, "NUCLEUS_API_KEY. no answer from http://127.0.0.1:1"),
    ],
    ids=["no key", "wrong key", "no server"],
)
def test_without_a_server(project: Project, settings: dict[str, str], said: str) -> None:
    """Wrong usage of the whole run, asked for once."""
    for name in ("test_1.py", "test_2.py"):
        project.write("@pytest.mark.scenario('night')\ndef test_it(item):\n    pass\n", name)
    run = project.run("-q", **settings)
    assert run.exit_code == pytest.ExitCode.USAGE_ERROR
    assert "ERROR: nucleus: tests with the mark scenario are made from the items that a server has: set" in run.output
    assert said in run.output


def test_wrong_options(project: Project) -> None:
    """A gate without a model, a model that does not exist, a coverage that is none."""
    project.write("@pytest.mark.scenario('night')\ndef test_it(item):\n    pass\n")
    run = project.run("-q", "--nucleus-gate")
    assert run.exit_code == pytest.ExitCode.USAGE_ERROR
    assert "ERROR: --nucleus-gate needs to know the model: pass --nucleus-model, or set NUCLEUS_MODEL" in run.output
    run = project.run("-q", "--nucleus-model=no-detector", "-n", "2")
    assert run.exit_code and "no model has the id or name 'no-detector'" in run.output
    run = project.run("-q", "--nucleus-require-coverage=90")
    assert run.exit_code == pytest.ExitCode.USAGE_ERROR
    assert "--nucleus-require-coverage: expected a number in [0, 1], got '90'" in run.output


def test_who_does_not_use_it_does_not_load_it(project: Project) -> None:
    """Not even with a mark and a fixture of these names of their own; and without a server."""
    project.write(
        """
import sys


@pytest.fixture
def scenario():
    return "theirs"


@pytest.mark.scenario("theirs", 3)
def test_their_fixture(scenario):
    assert scenario == "theirs"


@pytest.mark.scenario
def test_their_mark():
    pass


def test_nothing_is_loaded():
    assert "nucleus_pytest" in sys.modules
    assert not {"nucleus", "numpy", "httpx2", "rich"} & set(sys.modules)
"""
    )
    run = project.run("-q", "--strict-markers", NUCLEUS_API_KEY="", NUCLEUS_ENDPOINT="http://127.0.0.1:1/v1/nucleus")
    assert (run.exit_code, run.counts, run.section) == (0, {"passed": 3}, []), run.output


@pytest.mark.parametrize("root", [nucleus, nucleus_metrics, nucleus_server], ids=lambda root: root.__name__)
def test_pytest_does_not_warn_of_an_earlier_import(root: ModuleType) -> None:
    """By this word pytest leaves the assertions of a module as they are, and does not miss having rewritten them."""
    assert root.__doc__ is not None and "PYTEST_DONT_REWRITE" in root.__doc__
