"""Runs of pytest with tests of items: what they record, upload and say."""

from __future__ import annotations

import json
from pathlib import Path

from tests.unit.plugin.conftest import N_ITEMS, Project

PASS_OR_FAIL = """
@pytest.mark.scenario("night", function="no_crash")
def test_no_crash(item):
    assert item.metadata["n"] % 4, f"crashed in {item.reference_id}"
"""
CRASHES = {f"frame-{n}": float(n % 4 != 0) for n in range(N_ITEMS)}
NOT_UPLOADED = "nothing was uploaded: "


def test_without_a_model_they_are_plain_tests(project: Project) -> None:
    """One for each item, in the slice's order, by its reference id; a fail is a fail, and nothing is uploaded."""
    project.write(PASS_OR_FAIL)
    run = project.run("-v")
    assert (run.exit_code, run.counts) == (1, {"passed": 9, "failed": 3})
    assert [line.split("[")[1].split("]")[0] for line in run.output.splitlines() if "%]" in line] == list(CRASHES)
    assert run.section == [
        "test 'night', 'no_crash': 12 items recorded, mean 0.75",
        "nothing was uploaded, because no model is named: --nucleus-model, NUCLEUS_MODEL or the ini option nucleus_model",
    ]


def test_with_a_model_the_scores_are_uploaded(project: Project) -> None:
    """Once for each function, with a link; without the gate a fail is a fail. The same again is no new upload."""
    project.write(PASS_OR_FAIL)
    project.model("detector-1")
    run = project.run("-q", "--nucleus-model", "detector-1")
    assert (run.exit_code, run.counts) == (1, {"passed": 9, "failed": 3})
    assert project.scores("night", "no_crash", "detector-1") == CRASHES
    model, line, link = run.section
    assert model.startswith("model detector-1 (prj_")
    assert line == "test 'night', 'no_crash': 12 of 12 items recorded, result 0.75"
    assert link.strip().startswith(
        project.settings["NUCLEUS_ENDPOINT"].removesuffix("/v1/nucleus") + "/evaluations/ev_"
    )
    again = project.run("-q", "--nucleus-model", "detector-1")
    assert again.section == [model, f"{line}, uploaded before", link]


def test_with_workers(project: Project, tmp_path: Path) -> None:
    """They collect the same tests, ask the server once for all of them, and their controller uploads once for all of them."""
    project.write(PASS_OR_FAIL)
    project.write("[pytest]\nnucleus_model = detector-2\n", "pytest.ini")
    basetemp = tmp_path / "basetemp"
    run = project.run("-q", "--nucleus-create-model", "-n", "2", f"--basetemp={basetemp}")
    assert (run.exit_code, run.counts) == (1, {"passed": 9, "failed": 3}), run.output
    assert project.scores("night", "no_crash", "detector-2") == CRASHES
    assert run.section[1] == "test 'night', 'no_crash': 12 of 12 items recorded, result 0.75"
    asked = [json.loads(path.read_bytes()) for path in basetemp.glob("nucleus-*.json")]
    assert [len(answer["items"]) for answer in asked if "items" in answer] == [N_ITEMS] and len(asked) == 2
    assert not list(basetemp.glob("nucleus-*.lock"))


def test_the_gate_takes_fails_as_scores(project: Project) -> None:
    """They look like expected failures, also in JUnit's file; what went wrong otherwise is an error as ever."""
    project.write(
        PASS_OR_FAIL
        + """
@pytest.mark.scenario("ride", function="latency")
def test_latency(item, scenario, nucleus_model):
    assert scenario.model == nucleus_model == "detector-3"
    if item.reference_id == "frame-0":
        raise KeyError("no prediction")
    scenario.record(10 * item.metadata["n"])
    assert item.metadata["n"] < 11
"""
    )
    run = project.run(
        "-v", "-rx", "--nucleus-gate", "--nucleus-create-model", "--junitxml=junit.xml", NUCLEUS_MODEL="detector-3"
    )
    assert (run.exit_code, run.counts) == (1, {"passed": 19, "failed": 1, "xfailed": 4})
    assert "RECORDED 0 test_items.py::test_no_crash[frame-4] - recorded 0 by no_crash: crashed in frame-4" in run.output
    assert "RECORDED 110 test_items.py::test_latency[frame-11] - recorded 110 by latency: assert 11 < 11" in run.output
    assert "KeyError: 'no prediction'" in run.output
    junit = (project.folder / "junit.xml").read_text()
    assert 'failures="1" skipped="4"' in junit and 'message="recorded 0 by no_crash: crashed in frame-0"' in junit
    assert project.scores("night", "no_crash", "detector-3") == CRASHES
    assert project.scores("ride", "latency", "detector-3") == {f"frame-{n}": 10.0 * n for n in range(1, N_ITEMS)}
    assert "test 'ride', 'latency': 11 of 12 items recorded, coverage 91.7%, result 60" in run.section


def test_what_is_no_score(project: Project) -> None:
    """Skipped items, errors in fixtures and exceptions leave an item without one; the latter can be made a fail."""
    project.write(
        """
@pytest.fixture
def prediction(item):
    if item.reference_id == "frame-0":
        raise RuntimeError("no prediction")


@pytest.mark.scenario("night")
def test_no_crash(item, prediction):
    if item.reference_id == "frame-1":
        pytest.skip("too dark")
    if item.reference_id == "frame-2":
        raise ValueError("unreadable")
    if item.reference_id == "frame-3":
        pytest.fail("crashed")
"""
    )
    run = project.run("-q", "--nucleus-model=detector-4", "--nucleus-create-model")
    assert (run.exit_code, run.counts) == (1, {"passed": 8, "failed": 2, "skipped": 1, "error": 1})
    found = project.scores("night", "no_crash", "detector-4")
    assert found == {"frame-3": 0.0} | {f"frame-{n}": 1.0 for n in range(4, N_ITEMS)}
    run = project.run("-q", "--nucleus-model=detector-4", "--nucleus-exceptions=fail")
    assert project.scores("night", "no_crash", "detector-4") == found | {"frame-2": 0.0}


def test_a_part_of_the_tests_is_a_partial_upload(project: Project) -> None:
    """The coverage is shown; collecting uploads nothing."""
    project.write(PASS_OR_FAIL)
    run = project.run("-q", "--nucleus-create-model", "--nucleus-model=detector-5", "--collect-only")
    assert run.exit_code == 0 and not run.section and "detector-5" not in {m.name for m in project.client.models}
    run = project.run("-q", "--nucleus-create-model", "--nucleus-model=detector-5", "-k", "frame-1")
    assert (run.exit_code, run.counts) == (0, {"passed": 3, "deselected": 9})
    assert project.scores("night", "no_crash", "detector-5") == {"frame-1": 1.0, "frame-10": 1.0, "frame-11": 1.0}
    assert run.section[1] == "test 'night', 'no_crash': 3 of 12 items recorded, coverage 25.0%, result 1"


def test_a_run_that_was_stopped_uploads_nothing(project: Project) -> None:
    """After the first fail, with workers or without, or by Ctrl-C."""
    project.model(name := "stopped")
    project.write(PASS_OR_FAIL)
    for workers in ((), ("-n", "2")):
        run = project.run("-q", "-x", f"--nucleus-model={name}", *workers)
        assert run.exit_code and run.section == [f"{NOT_UPLOADED}the run was stopped (stopping after 1 failures)"]
    project.write(PASS_OR_FAIL + "    if item.metadata['n'] == 6: raise KeyboardInterrupt\n")
    run = project.run("-q", f"--nucleus-model={name}")
    assert run.exit_code and run.section == [f"{NOT_UPLOADED}the run was stopped (KeyboardInterrupt)"]
    assert not project.scores("night", "no_crash", name)


def test_a_gate_that_nothing_came_to_does_not_pass(project: Project) -> None:
    """Whether the run ended early, with whatever exit code, or had no test of an item."""
    project.model("detector-6")
    project.write(PASS_OR_FAIL + "    if item.metadata['n'] == 6: pytest.exit('enough', returncode=0)\n")
    run = project.run("-q", "--nucleus-gate", "--nucleus-model=detector-6")
    assert run.exit_code == 1
    assert run.section == [
        "gate: failed. Nothing was uploaded, so there is nothing to judge: the run was stopped (enough)"
    ]
    project.write("def test_other(): pass\n")
    run = project.run("-q", "--nucleus-gate", "--nucleus-model=detector-6")
    assert (run.exit_code, run.counts) == (1, {"passed": 1})
    assert run.section == [
        "gate: failed. No score was recorded, so there is nothing to judge: did a test with the mark scenario run?"
    ]


def test_an_item_has_one_score(project: Project) -> None:
    """Two tests that record the same, wherever they run: nothing is uploaded."""
    project.model(name := "twice")
    project.write(
        """
@pytest.mark.parametrize("night", [1, 2])
@pytest.mark.scenario("night")
def test_no_crash(item, night):
    pass
"""
    )
    run = project.run("-q", f"--nucleus-model={name}", "-n", "2")
    assert (run.exit_code, run.counts) == (1, {"passed": 24})
    (line,) = run.section
    assert line.startswith("nothing was uploaded: 12 scores were recorded by more than one test, the first 'frame-")
    assert not project.scores("night", "no_crash", name)


def test_a_worker_that_crashes_takes_no_score_with_it(project: Project) -> None:
    """What it had recorded before is uploaded; its last item is without a score, and a fail."""
    project.model("detector-7")
    project.write(
        """
import os


@pytest.mark.scenario("night")
def test_no_crash(item):
    if item.reference_id == "frame-3":
        os._exit(3)
"""
    )
    run = project.run("-q", "--nucleus-model=detector-7", "-n", "2")
    assert (run.exit_code, run.counts) == (1, {"passed": 11, "failed": 1}), run.output
    assert set(project.scores("night", "no_crash", "detector-7")) == set(CRASHES) - {"frame-3"}
