"""Reading scores back: from a server that runs, from one started for it, and from what one would have instead."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from benchmarks import processes, uploads
from benchmarks.bench import Bench
from benchmarks.environments import MLFLOW_PYTHON, OUR_PYTHON
from benchmarks.http_requests import Exchange, Requests
from benchmarks.items import Fixture
from benchmarks.measurement import OURS, PEER, Measurement
from benchmarks.phases import Job
from benchmarks.server import POSTGRES, SQLITE, Serving, Store
from tests.support.server import ADMIN_KEY

MEAN = "weighted mean"
WORST = "worst 100"
ALL = "all item scores"
TASKS = {MEAN: "mean", WORST: "worst", ALL: "all"}

WARM = "HTTP, running server"
FRESH = "HTTP, server started for it"
SDK = "our SDK, new process, running server"


@dataclass(frozen=True)
class Target:
    """The evaluation that is read."""

    test_id: str
    evaluation_id: str


def measure_reading(bench: Bench, store: Store, fixture: Fixture) -> Target:
    """Upload one evaluation of the fixture's items, read it back in every way, and check what came."""
    with store.serving() as serving:
        target = _upload(bench, serving, fixture)
    with store.serving() as serving:
        requests = Requests(serving)
        for task in TASKS:
            _by_http(requests, task, target)  # once before it counts
            exchange = _by_http(requests, task, target)
            plan = Measurement("read", task, WARM, OURS, fixture.n, store.kind)
            bench.add(_of_exchange(plan, exchange))
            _check(bench, fixture.n, task, _answer(task, exchange))
        for task, do in TASKS.items():
            job = {"do": do, "key": ADMIN_KEY, "endpoint": serving.endpoint, "test_id": target.test_id}
            plan = Measurement("read", task, SDK, OURS, fixture.n, store.kind)
            cold_process(bench, plan, "our_reading", OUR_PYTHON, job, serving.watched)
    for task in [MEAN] if bench.is_quick else TASKS:
        with store.serving() as serving:
            start = time.perf_counter()
            requests = Requests(serving)
            exchange = _by_http(requests, task, target)
            wall_s = time.perf_counter() - start
        plan = Measurement("read", task, FRESH, OURS, fixture.n, store.kind)
        measured = _of_exchange(plan, exchange)
        bench.add(
            replace(
                measured,
                wall_s=serving.start_wall_s + wall_s,
                server_cpu_s=serving.start_cpu_s + exchange.server_cpu_s,
                note=f"the request itself {wall_s:.2f} s",
            )
        )
    return target


def measure_peer_reading(bench: Bench, n: int) -> None:
    """The same from what `uploads.measure_peers` wrote, each in a new process."""
    folder = bench.folder / f"peers-{n}"
    peers: list[tuple[str, str, str, Path, Job]] = [
        ("keyed rows, SQL", SQLITE, "keyed_sqlite", OUR_PYTHON, {"path": str(folder / "keyed.db"), "model": "peer-0"}),
        (
            "a Parquet file, polars",
            "files",
            "parquet",
            OUR_PYTHON,
            {"folder": str(folder / "parquet"), "model": "peer-0"},
        ),
    ]
    for suffix in ("parquet",) if bench.is_quick else ("parquet", "json"):
        job = {"folder": str(uploads.mlflow_store(bench)), "file": f"scores.{suffix}"}
        job["run_id"] = bench.facts[f"mlflow run {suffix} {n}"]
        peers.append((f"MLflow load_table, .{suffix}", SQLITE, "mlflow_table", MLFLOW_PYTHON, job))
    for way, database, client, python, job in peers:
        for task, do in TASKS.items():
            if bench.is_quick and client == "mlflow_table" and task != MEAN:
                continue
            plan = Measurement("read", task, way, PEER, n, database)
            cold_process(bench, plan, client, python, job | {"do": do}, {})


def measure_postgres_peer_reading(bench: Bench, url: str, pid: int, n: int) -> None:
    """The same from keyed rows in PostgreSQL, which runs already."""
    for task, do in TASKS.items():
        plan = Measurement("read", task, "keyed rows, SQL", PEER, n, POSTGRES)
        job = {"do": do, "url": url, "model": f"peer-0 of {n}"}
        cold_process(bench, plan, "keyed_postgres", OUR_PYTHON, job, {"database": pid})


def cold_process(
    bench: Bench, plan: Measurement, client: str, python: Path, job: Job, watched: dict[str, int]
) -> dict[str, Any] | None:
    """Measure a process from its start to its end, and the servers it asks; returns what it found, checked."""
    before = {who: processes.cpu_s(pid) for who, pid in watched.items()}
    run = bench.run(client, python, job, plan)
    if run is None:
        return None
    used = {who: processes.cpu_s(pid) - before[who] for who, pid in watched.items()}
    bench.add(
        replace(
            plan,
            wall_s=run.wall_s,
            client_cpu_s=run.cpu_s,
            server_cpu_s=used.get("server", 0.0),
            database_cpu_s=used.get("database", 0.0),
            client_peak_bytes=run.peak_bytes,
        )
    )
    if plan.task in TASKS:
        _check(bench, plan.n, plan.task, run.found)
    return run.found


def _upload(bench: Bench, serving: Serving, fixture: Fixture) -> Target:
    client = serving.client()
    function = client.validate.create_external_eval_function(f"read-back-{fixture.n}")
    test = client.validate.create_scenario_test(f"read back {fixture.n}", fixture.slice_id, [function])
    model = client.create_model(f"read back {fixture.n}", f"read-back-{fixture.n}")
    job = fixture.job(bench, serving) | {"how": "official", "model_ids": [model.id]}
    job |= {"test_id": test.id, "function_id": function.id}
    run = bench.run("raw_upload", OUR_PYTHON, job, Measurement("prepare", MEAN, "upload", OURS, fixture.n))
    assert run is not None
    test.get_eval_functions()[0].set_threshold(0.5)
    return Target(test.id, test.get_eval_history()[0].id)


def _by_http(requests: Requests, task: str, target: Target) -> Exchange:
    if task == MEAN:
        return requests.api(f"validate/scenario_test/{target.test_id}/eval_history/details")
    if task == ALL:
        return requests.api(f"validate/eval/{target.evaluation_id}/info")
    return requests.api(f"validate/eval/{target.evaluation_id}/worst_items?limit=100")


def _of_exchange(plan: Measurement, exchange: Exchange) -> Measurement:
    assert exchange.status == 200, exchange.bodies[-1][:500]
    return replace(
        plan,
        wall_s=sum(exchange.walls_s),
        client_cpu_s=exchange.client_cpu_s,
        server_cpu_s=exchange.server_cpu_s,
        server_peak_bytes=exchange.server_peak_bytes,
    )


def _answer(task: str, exchange: Exchange) -> dict[str, Any]:
    if task == MEAN:
        return {"mean": msgspec.json.decode(exchange.bodies[0])[-1]["result"]}
    if task == ALL:
        return {"n": len(msgspec.json.decode(exchange.bodies[0])["scenario_test_item_evaluations"])}
    rows = msgspec.json.decode(exchange.bodies[0])["scenario_test_item_evaluations"]
    return {"worst": [row["result"] for row in rows]}


def _check(bench: Bench, n: int, task: str, found: dict[str, Any]) -> None:
    """What was read is what was written."""
    checks: dict[str, Callable[[Any], bool]] = {
        "mean": lambda mean: abs(mean - uploads.expected_mean(bench, n)) < 1e-9,
        # MLflow's JSON keeps ten digits; everybody else is exact.
        "worst": lambda worst: np.allclose(
            worst, np.sort(np.load(bench.inputs(n) / "scores.npy"))[:100], atol=1e-9, rtol=0
        ),
        "n": lambda count: count == n,
    }
    for name, value in found.items():
        assert checks[name](value), f"{task}: {name} is wrong: {str(value)[:200]}"
