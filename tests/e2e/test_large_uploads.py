"""Uploads that are interrupted: a killed client goes on where it was, a killed server finishes what was committed."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import nucleus
from tests.support.server import ADMIN_KEY, LiveServer, environment, running_server

N_ROWS = 1_200_000  # three parts
_DEADLINE_S = 60.0

_CLIENT = """
import sys, time
import numpy as np
import nucleus

def batches():
    ids = np.arange({n})
    for start in range(0, {n}, 100_000):
        if start == {stop}:
            print("stopped", flush=True)
            time.sleep(600)
        part = ids[start : start + 100_000]
        for i, score in zip(part.tolist(), (part % 1000 / 1000).tolist()):
            yield {{"item_ref_id": f"i{{i}}", "loss": score}}

client = nucleus.NucleusClient()
dataset = client.get_dataset({dataset!r})
report = dataset.upload_scores({{"loss": "loss"}}, {model!r}, batches())
print(report.upload_id, flush=True)
"""


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str, str, str]:
    """A folder with a dataset of more than a million items: (folder, dataset, test, model)."""
    folder = tmp_path_factory.mktemp("large")
    with running_server(folder) as server, client_of(server) as client:
        dataset = client.create_dataset("large")
        refs = [f"i{i}" for i in range(N_ROWS)]
        dataset.append({"reference_id": refs, "text": ["t"] * N_ROWS})
        function = client.validate.create_external_eval_function("loss", direction="lower_is_better")
        part = dataset.create_slice("all", refs)
        test = client.validate.create_scenario_test("t", part.id, [function])
        model = client.create_model("m", "m")
        assert dataset.size == N_ROWS
        return folder, dataset.id, test.id, model.id


def client_of(server: LiveServer) -> nucleus.NucleusClient:
    """An admin's client."""
    return nucleus.NucleusClient(ADMIN_KEY, endpoint=server.endpoint)


def start_client(server: LiveServer, dataset_id: str, model_id: str, stop: int) -> subprocess.Popen[str]:
    """A user's script in a process of its own; it hangs at row `stop`."""
    script = _CLIENT.format(n=N_ROWS, stop=stop, dataset=dataset_id, model=model_id)
    return subprocess.Popen(
        [sys.executable, "-c", script],
        env=environment(NUCLEUS_ENDPOINT=server.endpoint, NUCLEUS_API_KEY=ADMIN_KEY),
        stdout=subprocess.PIPE,
        text=True,
    )


def test_killed_client_and_killed_server(world: tuple[Path, str, str, str]) -> None:
    """The client is killed after two parts, the server after the commit; what comes out is one upload, whole."""
    folder, dataset_id, test_id, model_id = world
    with running_server(folder, None, "--no-worker", is_killed=True) as server, client_of(server) as client:
        killed = start_client(server, dataset_id, model_id, stop=1_100_000)
        assert killed.stdout is not None
        with killed.stdout:
            assert killed.stdout.readline() == "stopped\n"
        killed.kill()
        killed.wait(timeout=10)
        assert client.uploads() != [] and client.uploads()[0].status == "staging"
        again = start_client(server, dataset_id, model_id, stop=-1)  # waits for a worker that is not there
        assert again.stdout is not None
        deadline = time.monotonic() + _DEADLINE_S
        while client.uploads()[0].status != "committing":
            assert time.monotonic() < deadline and again.poll() is None
            time.sleep(0.1)
        with again.stdout:
            again.kill()
        again.wait(timeout=10)
        (upload,) = client.uploads()
        assert upload.n_rows == N_ROWS
        assert client.validate.get_scenario_test(test_id).get_eval_history() == []
    with running_server(folder) as server, client_of(server) as client:
        deadline = time.monotonic() + _DEADLINE_S
        while client.uploads()[0].status != "completed":
            assert time.monotonic() < deadline
            time.sleep(0.1)
        (done,) = client.uploads()
        assert done.upload_id == upload.upload_id and done.functions[0].n_scored == N_ROWS
        (evaluation,) = client.validate.get_scenario_test(test_id).get_eval_history()
        expected = np.mean(np.arange(N_ROWS) % 1000 / 1000)
        assert evaluation.result == pytest.approx(expected, rel=1e-12)
        script = start_client(server, dataset_id, model_id, stop=-1)
        output, _ = script.communicate(timeout=_DEADLINE_S)
        assert output == f"{done.upload_id}\n"  # the whole script once more: answered by what is there
        assert len(client.validate.get_scenario_test(test_id).get_eval_history()) == 1
        jobs = client.list_jobs(show_completed=True, job_types=["uploadScores"])
        assert [job.status()["status"] for job in jobs] == ["Completed"] * 2
