"""The CI templates from the first line to the comment: the real server and client, and a code host on a real socket."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import pytest

import nucleus
from tests.support.ci_templates import RUN, Ended, Machine
from tests.support.code_host import TOKEN, CodeHost, running_code_host
from tests.support.server import ADMIN_KEY, LiveServer

REFS = [f"item-{n:02}" for n in range(40)]
_EVALUATE = """
import random

chance = random.Random(1)
with open("scores.csv", "w") as file:
    print("reference_id,custom_mAP", file=file)
    for n in range({n_items}):
        print(f"item-{{n:02}},{{0.5 + 0.005 * n + {shift} + chance.gauss(0, {noise})}}", file=file)
"""
"""What stands for the user's code."""


@pytest.fixture(scope="module")
def road(live_server: LiveServer) -> str:
    """A test of the dataset `road` and a baseline with scores; returns the endpoint."""
    with nucleus.NucleusClient(ADMIN_KEY, endpoint=live_server.endpoint) as client:
        dataset = client.create_dataset("road")
        dataset.append([nucleus.DatasetItem(reference_id=ref, text=ref) for ref in REFS])
        function = client.validate.create_external_eval_function("custom_mAP")
        test = client.validate.create_scenario_test("night", dataset.create_slice("all", REFS).id, [function])
        model = client.create_model("in use", "in use")
        rows = [{"item_ref_id": ref, "custom_mAP": 0.5 + 0.005 * n} for n, ref in enumerate(REFS)]
        dataset.upload_scores({"custom_mAP": "custom_mAP"}, model, rows)
        test.set_baseline_model(model.id)
    return live_server.endpoint


@pytest.fixture
def host() -> Iterator[CodeHost]:
    """A code host on a real socket."""
    with running_code_host() as running:
        yield running


BETTER, WORSE, UNCLEAR, PARTIAL = (0.1, 0.01, 40), (-0.1, 0.01, 40), (0, 0.1, 40), (0.1, 0.01, 39)
"""By how much a candidate's scores are moved, their noise, and how many there are."""


@pytest.mark.parametrize(
    ("template", "candidate", "code", "is_warning"),
    [
        ("gate.sh", BETTER, 0, False),
        ("gate.sh", WORSE, 1, False),
        ("gate.sh", UNCLEAR, 0, True),
        ("gate.sh", PARTIAL, 3, False),
        ("github-actions.yml", WORSE, 1, False),
        ("github-actions.yml", UNCLEAR, 0, True),
        ("gitlab-ci.yml", WORSE, 1, False),
        ("gitlab-ci.yml", UNCLEAR, 0, True),
    ],
)
def test_a_job(
    road: str,
    host: CodeHost,
    tmp_path: Path,
    template: str,
    candidate: tuple[float, float, int],
    code: int,
    is_warning: bool,
) -> None:
    """It ends as the candidate deserves; results and comment are there in any case, and no secret is in the log."""
    programs = tmp_path / "programs"
    programs.mkdir()
    machine = Machine(tmp_path, programs)
    machine.write("pip", "#!/bin/sh\n")
    shift, noise, n_items = candidate
    (tmp_path / "evaluate.py").write_text(_EVALUATE.format(shift=shift, noise=noise, n_items=n_items))
    name = f"{template}-{shift}-{noise}-{n_items}"
    env = {"NUCLEUS_ENDPOINT": road, "NUCLEUS_API_KEY": ADMIN_KEY, "MODEL": name, **host.github(), **host.gitlab()}
    n_runs = 2 if candidate is WORSE else 1  # the same commit once more: the comment is updated
    for _ in range(n_runs):
        ended = RUN[template](machine, env)
        assert (ended.code, ended.is_warning) == (code, is_warning), ended.output
        check_results(machine, ended, code)
    text = (tmp_path / "gate.md").read_text()
    assert name in text and len(host.comments) == (template != "gate.sh")
    assert all(body.endswith(text) for body in host.bodies)
    if template == "github-actions.yml":
        assert (tmp_path / "summary.md").read_text() == n_runs * text


def check_results(machine: Machine, ended: Ended, code: int) -> None:
    """What a job leaves and prints."""
    junit = ElementTree.parse(machine.here / "gate.xml").getroot()
    assert (junit.attrib["failures"], junit.attrib["errors"]) == (str(int(code == 1)), str(int(code == 3)))
    assert "Verdict: " in ended.output and TOKEN not in ended.output and ADMIN_KEY not in ended.output
    assert ("night / custom_mAP" in ended.output.splitlines()[-1]) == (code == 3)
