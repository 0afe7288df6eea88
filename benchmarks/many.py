"""Many small uploads, a test that is filled from them, a history of a thousand, one item's scores in five thousand."""

from __future__ import annotations

from dataclasses import replace

import msgspec

from benchmarks.bench import Bench, with_phase
from benchmarks.environments import OUR_PYTHON
from benchmarks.http_requests import Requests
from benchmarks.measurement import OURS, PEER, Measurement
from benchmarks.phases import Job
from benchmarks.reading import SDK, WARM, cold_process
from benchmarks.server import POSTGRES, SQLITE, Serving, Store, postgres_bytes, sqlite_bytes
from tests.support.server import ADMIN_KEY

UPLOADS = "one model by five functions, many models"
FILLING = "a test made later, filled from earlier uploads"
HISTORY = "history of one test"
ITEM = "one item's scores in all evaluations"

_FUNCTIONS = [f"many-{i}" for i in range(5)]


def sizes(bench: Bench) -> tuple[int, int]:
    """How many items, how many models."""
    return (200, 20) if bench.is_quick else (200, 1000)


def measure_many(bench: Bench, store: Store) -> None:
    """Upload nine of ten models before there is a test, make the tests, upload the rest; read a history and an item."""
    n_items, n_models = sizes(bench)
    n_before = n_models * 9 // 10
    with store.serving() as serving:
        client = serving.client()
        dataset = client.create_dataset("many")
        ids = (bench.inputs(n_items) / "ids.txt").read_text().split()
        dataset.append({"reference_id": ids, "place": list(range(n_items))})
        members = dataset.create_slice("many", ids)
        functions = [client.validate.create_external_eval_function(name) for name in _FUNCTIONS]
        models = [client.create_model(f"many {i}", f"many {i}").id for i in range(n_models)]
        job = _job(bench, "ours", serving.watched)
        job |= {"dataset_id": dataset.id, "key": ADMIN_KEY, "endpoint": serving.endpoint, "slice_id": members.id}
        plan = Measurement("upload", UPLOADS, "our SDK, no test yet", OURS, n_items, store.kind)
        if not _upload(bench, store, plan, job | {"model_ids": models[:n_before]}):
            return
        plan = Measurement("upload", FILLING, "our SDK, create_scenario_test", OURS, n_before, store.kind)
        run = bench.run("many_tests", OUR_PYTHON, job, plan)
        if run is None:
            return
        bench.add(with_phase(plan, run))
        plan = Measurement("upload", UPLOADS, "our SDK, into five tests", OURS, n_items, store.kind)
        if not _upload(bench, store, plan, job | {"model_ids": models[n_before:]}):
            return
        _read(bench, store, serving, run.found["test_ids"][0], dataset.id)
        assert len(functions) == len(run.found["test_ids"])


def _upload(bench: Bench, store: Store, plan: Measurement, job: Job) -> bool:
    n_models = len(job["model_ids"])
    before = store.stored_bytes()
    run = bench.run("many_uploads", OUR_PYTHON, job | {"n_models": n_models}, plan)
    if run is None:
        return False
    stored_bytes = (store.stored_bytes() - before) // n_models
    bench.add(replace(with_phase(plan, run), stored_bytes=stored_bytes))
    return True


def measure_many_keyed(bench: Bench) -> None:
    """The same as keyed rows in SQLite."""
    n_items, n_models = sizes(bench)
    path = bench.folder / "many.db"
    plan = Measurement("upload", UPLOADS, "keyed rows, sqlite3 executemany", PEER, n_items, SQLITE)
    run = bench.run("many_uploads", OUR_PYTHON, _job(bench, "sqlite", {}) | {"path": str(path)}, plan)
    if run is not None:
        bench.add(replace(with_phase(plan, run), stored_bytes=sqlite_bytes(path) // n_models))
        _read_keyed(bench, "keyed_sqlite", {"path": str(path)}, {}, SQLITE)


def measure_many_keyed_postgres(bench: Bench, url: str, pid: int) -> None:
    """The same as keyed rows in PostgreSQL."""
    n_items, n_models = sizes(bench)
    plan = Measurement("upload", UPLOADS, "keyed rows, COPY", PEER, n_items, POSTGRES)
    before = postgres_bytes(url)
    run = bench.run("many_uploads", OUR_PYTHON, _job(bench, "postgres", {"database": pid}) | {"url": url}, plan)
    if run is not None:
        bench.add(replace(with_phase(plan, run), stored_bytes=(postgres_bytes(url) - before) // n_models))
        _read_keyed(bench, "keyed_postgres", {"url": url}, {"database": pid}, POSTGRES)


def _job(bench: Bench, how: str, watched: dict[str, int]) -> Job:
    n_items, n_models = sizes(bench)
    inputs = str(bench.inputs(n_items))
    return {"how": how, "inputs": inputs, "n_models": n_models, "functions": _FUNCTIONS, "watched": watched}


def _read(bench: Bench, store: Store, serving: Serving, test_id: str, dataset_id: str) -> None:
    n_models = sizes(bench)[1]
    requests = Requests(serving)
    route = f"validate/scenario_test/{test_id}/eval_history/details"
    requests.api(route)
    exchange = requests.api(route)
    assert len(msgspec.json.decode(exchange.bodies[0])) == n_models
    plan = Measurement("read", HISTORY, WARM, OURS, n_models, store.kind)
    bench.add(
        replace(
            plan, wall_s=exchange.walls_s[0], client_cpu_s=exchange.client_cpu_s, server_cpu_s=exchange.server_cpu_s
        )
    )
    job = {"do": "history", "key": ADMIN_KEY, "endpoint": serving.endpoint, "test_id": test_id}
    found = cold_process(bench, replace(plan, way=SDK), "our_reading", OUR_PYTHON, job, serving.watched)
    assert found is None or found["n"] == n_models

    n_evaluations = n_models * len(_FUNCTIONS)
    item = (bench.inputs(sizes(bench)[0]) / "ids.txt").read_text().split()[0]
    route = f"dataset/{dataset_id}/scores/{item}"
    requests.api(route)
    exchange = requests.api(route)
    plan = Measurement("read", ITEM, WARM, OURS, n_evaluations, store.kind)
    scores = msgspec.json.decode(exchange.bodies[0])["scores"]
    assert len(scores) == n_evaluations, len(scores)
    bench.add(
        replace(
            plan, wall_s=exchange.walls_s[0], client_cpu_s=exchange.client_cpu_s, server_cpu_s=exchange.server_cpu_s
        )
    )


def _read_keyed(bench: Bench, client: str, where: dict[str, str], watched: dict[str, int], database: str) -> None:
    n_items, n_models = sizes(bench)
    item = (bench.inputs(n_items) / "ids.txt").read_text().split()[0]
    for task, do, n in ((HISTORY, "history", n_models), (ITEM, "item", n_models * len(_FUNCTIONS))):
        plan = Measurement("read", task, "keyed rows, SQL", PEER, n, database)
        job = where | {"do": do, "item": item, "prefix": f"{_FUNCTIONS[0]}/"}
        found = cold_process(bench, plan, client, OUR_PYTHON, job, watched)
        assert found is None or found["n"] == n, found
