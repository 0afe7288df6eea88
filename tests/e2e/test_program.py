"""The real program: cut connections, restarts, a worker of its own, a kill in the middle of a job."""

from __future__ import annotations

import base64
import json
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import nucleus
from nucleus import DatasetItem
from nucleus.validate import EvaluationResult, ExternalEvalFunction, ScenarioTest
from tests.support.server import ADMIN_KEY, LiveServer, environment, running_server

_DEADLINE_S = 30.0


def wait_until(condition: Callable[[], bool]) -> None:
    """Poll until it holds; fail after half a minute."""
    deadline = time.monotonic() + _DEADLINE_S
    while not condition():
        assert time.monotonic() < deadline, "the condition never held"
        time.sleep(0.05)


def make_test(client: nucleus.NucleusClient, n: int = 5) -> tuple[nucleus.Dataset, ScenarioTest, ExternalEvalFunction]:
    """A scenario test of `n` items."""
    dataset = client.create_dataset("d")
    refs = [f"i{i}" for i in range(n)]
    dataset.append([DatasetItem(reference_id=ref, text="t") for ref in refs])
    function = client.validate.create_external_eval_function("f")
    test = client.validate.create_scenario_test("t", dataset.create_slice("s", refs).id, [function])
    return dataset, test, function


def client_of(server: LiveServer) -> nucleus.NucleusClient:
    """An admin's client."""
    return nucleus.NucleusClient(ADMIN_KEY, endpoint=server.endpoint)


def send_half(server: LiveServer, test: ScenarioTest, function: ExternalEvalFunction, model: nucleus.Model) -> None:
    """Send the head and half of the body of a good upload, then vanish."""
    body = json.dumps(
        {
            "unit_test_id": test.id,
            "eval_function_id": function.id,
            "model_id": model.id,
            "result_per_ref_id": {f"i{i}": 0.5 for i in range(5)},
        }
    ).encode()
    token = base64.b64encode(f"{ADMIN_KEY}:".encode()).decode()
    head = (
        "POST /v1/nucleus/validate/scenario_test/upload_results HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        f"Authorization: Basic {token}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    address = urlsplit(server.address)
    assert address.hostname is not None and address.port is not None
    with socket.create_connection((address.hostname, address.port), timeout=10) as connection:
        connection.sendall(head.encode() + body[: len(body) // 2])


def test_connection_cut_in_the_middle(live_server: LiveServer) -> None:
    """Half an upload stores nothing, and the server goes on."""
    with client_of(live_server) as client:
        _, test, function = make_test(client)
        model = client.create_model("m", "m")
        for _ in range(3):
            send_half(live_server, test, function, model)
        assert test.get_eval_history() == []
        results = [EvaluationResult(item_ref_id="i0", score=1.0)]
        test.upload_external_evaluation_results(function, results, model.id)
        assert [e.result for e in test.get_eval_history()] == [1.0]


def test_awkward_reference_ids(live_server: LiveServer) -> None:
    """Slashes, per cents and what else URLs are made of survive the way through a real server."""
    with client_of(live_server) as client:
        dataset = client.create_dataset("awkward")
        refs = ["a/b", "a/b/", "/", "%2F", "%252F", "ü?#[]", "a b", "refloc/x"]
        dataset.append([DatasetItem(reference_id=ref, text=ref) for ref in refs])
        assert [dataset.refloc(ref)["item"].text for ref in refs] == refs


def test_restart_keeps_everything(tmp_path: Path) -> None:
    """Killed without warning after an answer, started again on the same folder: the answer holds."""
    with running_server(tmp_path, None, is_killed=True) as server, client_of(server) as client:
        _, test, function = make_test(client)
        model = client.create_model("m", "m")
        results = [EvaluationResult(item_ref_id=f"i{i}", score=i / 4) for i in range(5)]
        test.upload_external_evaluation_results(function, results, model.id)
    with running_server(tmp_path) as server, client_of(server) as client:
        again = client.validate.get_scenario_test(test.id)
        (evaluation,) = again.get_eval_history()
        assert [i.result for i in evaluation.item_evals] == [0, 0.25, 0.5, 0.75, 1]
        assert again.upload_external_evaluation_results(function, results, model.id)["replayed"]
        assert (tmp_path / "secret.key").stat().st_mode & 0o777 == 0o600


def deletion_is_done(client: nucleus.NucleusClient) -> bool:
    """Whether the job that purges a dataset has ended well."""
    (job,) = client.list_jobs(show_completed=True, job_types=["deleteDataset"])
    return bool(job.status()["status"] == "Completed")


def test_a_worker_finishes_what_a_killed_server_left(tmp_path: Path) -> None:
    """The server without a worker only queues the job; a worker of its own, started later, does it."""
    with running_server(tmp_path, None, "--no-worker", is_killed=True) as server, client_of(server) as client:
        dataset, _, _ = make_test(client, n=5000)
        client.delete_dataset(dataset.id)
        assert not deletion_is_done(client)
    with running_server(tmp_path, None, "--no-worker") as server, client_of(server) as client:
        worker = subprocess.Popen(
            [str(Path(sys.executable).with_name("nucleus")), "worker", "--data-dir", str(tmp_path)],
            env=environment(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            wait_until(lambda: deletion_is_done(client))
        finally:
            worker.terminate()
            assert worker.wait(timeout=30) == 0


def test_embedded_worker(live_server: LiveServer) -> None:
    """`nucleus serve` alone does its jobs too."""
    with client_of(live_server) as client:
        dataset = client.create_dataset("to delete")
        dataset.append([DatasetItem(reference_id="a", text="t")])
        client.delete_dataset(dataset.id)
        wait_until(lambda: deletion_is_done(client))
