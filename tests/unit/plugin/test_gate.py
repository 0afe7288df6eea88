"""Runs with a gate: the server's release report decides."""

from __future__ import annotations

import pytest

from tests.unit.plugin.conftest import N_ITEMS, Project

CRASHES_BELOW = """
@pytest.mark.scenario("night")
def test_no_crash(item, nucleus_model):
    assert item.metadata["n"] >= int(nucleus_model.rpartition("-")[2]), "crashed"
"""


@pytest.fixture
def baseline(project: Project) -> str:
    """A model without a crash."""
    name = "baseline-0"
    if name not in {model.name for model in project.client.models}:
        project.write(CRASHES_BELOW)
        assert project.run("-q", f"--nucleus-model={name}", "--nucleus-create-model").exit_code == 0
    return name


@pytest.mark.parametrize(
    ("n_crashes", "options", "exit_code", "said"),
    [
        (0, (), 0, "'no_crash' of test 'night': passed, equivalent: difference 0 [0, 0]"),
        (1, (), 0, "'no_crash' of test 'night': inconclusive: difference -0.0833"),
        (8, ("-n", "2", "-x"), 1, "'no_crash' of test 'night': failed, worse by 0.667"),
    ],
    ids=["passed", "inconclusive", "failed"],
)
def test_the_report_decides(
    project: Project, baseline: str, n_crashes: int, options: tuple[str, ...], exit_code: int, said: str
) -> None:
    """Not the tests of the items: they are recorded, and no fail of one of them stops the run."""
    project.write(CRASHES_BELOW)
    name = f"gate-{n_crashes}"
    run = project.run(
        "-q",
        "--nucleus-gate",
        f"--nucleus-model={name}",
        "--nucleus-create-model",
        f"--nucleus-baseline={baseline}",
        *options,
    )
    outcomes = {"passed": N_ITEMS - n_crashes} | ({"xfailed": n_crashes} if n_crashes else {})
    assert (run.exit_code, run.counts) == (exit_code, outcomes), run.output
    assert any(line.startswith(said) for line in run.section), run.output
    outcome = next(line for line in run.section if line.startswith("gate: "))
    assert outcome.startswith(f"gate: {said.split(': ')[1].split(',')[0]}. ")
    assert "/report?model=prj_" in run.section[-1]


def test_what_is_missing_does_not_pass(project: Project, baseline: str) -> None:
    """A part of the items passes only if the worst case does, and never if the whole is required; functions must all be there."""
    project.write(CRASHES_BELOW)
    options = ["-q", "--nucleus-gate", "--nucleus-create-model", f"--nucleus-baseline={baseline}"]
    run = project.run(*options, "--nucleus-model=part-0", "-k", "not frame-3")
    assert "gate: passed" not in run.output
    run = project.run(*options, "--nucleus-model=part-0", "-k", "not frame-3", "--nucleus-require-coverage=1")
    assert run.exit_code == 1 and "'no_crash' of test 'night': failed" in run.output and "coverage" in run.output
    project.write("@pytest.mark.scenario('ride', function='comfort')\ndef test_it(item):\n    pass\n")
    run = project.run(*options, "--nucleus-model=part-0")
    assert run.exit_code == 1 and "'latency' of test 'ride': missing" in run.output and "gate: missing" in run.output


def test_a_wrong_baseline_is_said_before_the_tests_run(project: Project) -> None:
    """As a wrong model is; and a mode that there is not."""
    project.write(CRASHES_BELOW)
    run = project.run(
        "-q", "--nucleus-gate", "--nucleus-model=x-0", "--nucleus-create-model", "--nucleus-baseline=no-model"
    )
    assert run.exit_code == pytest.ExitCode.INTERRUPTED and "no model has the id or name 'no-model'" in run.output
    run = project.run("-q", "--nucleus-gate", "--nucleus-model=x-0", "--nucleus-mode=best")
    assert (
        run.exit_code == pytest.ExitCode.USAGE_ERROR and "argument --nucleus-mode: invalid choice: 'best'" in run.output
    )
