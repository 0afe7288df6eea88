"""Annotations and predictions: half a million boxes on five thousand images, by objects, by columns, and as rows."""

from __future__ import annotations

import statistics
import time
from dataclasses import replace
from typing import Any

import nucleus
from benchmarks import processes
from benchmarks.bench import Bench, with_phase
from benchmarks.clients import boxes
from benchmarks.environments import OUR_PYTHON, official_python
from benchmarks.measurement import OFFICIAL, OURS, PEER, Measurement
from benchmarks.server import POSTGRES, SQLITE, Serving, Store, postgres_bytes, sqlite_bytes
from tests.support.server import ADMIN_KEY

ANNOTATE = "boxes of images as annotations"
PREDICT = "boxes of images as predictions"
EXPORT = "read all boxes back"
ONE_ITEM = "the annotations of one item"
OFFICIAL_OBJECTS = "official client, objects"
OUR_OBJECTS = "our SDK, objects"
OUR_COLUMNS = "our SDK, numpy columns"
_TASKS = {"annotate": ANNOTATE, "predict": PREDICT, "export": EXPORT}
_N_READS = 200


def measure_annotations(bench: Bench, store: Store, n: int) -> None:
    """Every way in, each into a dataset of its own; one item's annotations over HTTP; rows as one would write them."""
    with store.serving() as serving:
        client = serving.client()
        for way, kind, module, python in (
            (OFFICIAL_OBJECTS, OFFICIAL, "box_objects", official_python()),
            (OUR_OBJECTS, OURS, "box_objects", OUR_PYTHON),
            (OUR_COLUMNS, OURS, "box_columns", OUR_PYTHON),
        ):
            dataset = client.create_dataset(f"{way} {n}")
            dataset.append([nucleus.DatasetItem(reference_id=i, text=i) for i in boxes.image_ids(n)])
            model = client.create_model(f"{way} {n}", f"{way} {n}")
            job = {
                "key": ADMIN_KEY,
                "endpoint": serving.endpoint,
                "watched": serving.watched,
                "n": n,
                "dataset_id": dataset.id,
                "model_id": model.id,
            }
            _measure(bench, store, job, way=way, kind=kind, module=module, python=python)
        _one_item(bench, store, serving, dataset, n)


def _measure(bench: Bench, store: Store, job: dict[str, Any], *, way: str, kind: str, module: str, python: Any) -> None:
    n = job["n"]
    plan = Measurement("annotations", ANNOTATE, way, kind, n, store.kind)
    before = store.stored_bytes()
    run = bench.run(module, python, job, plan)
    if run is None:
        return
    assert set(run.found.values()) == {n}, f"expected {n} of each, got {run.found}"
    for phase in (phase for phase in _TASKS if phase in run.phases):
        measured = with_phase(replace(plan, task=_TASKS[phase]), run, phase)
        if phase == "annotate":  # annotations and predictions together, of which half is this one's
            measured = replace(measured, stored_bytes=(store.stored_bytes() - before) // 2)
        else:
            measured = replace(measured, build_cpu_s=0.0)
        bench.add(measured)


def _one_item(bench: Bench, store: Store, serving: Serving, dataset: nucleus.Dataset, n: int) -> None:
    walls = []
    pid = next(iter(serving.watched.values()))
    cpu_s = processes.cpu_s(pid)
    for reference_id in boxes.image_ids(n)[:_N_READS]:
        start = time.perf_counter()
        found = dataset.refloc(reference_id)
        walls.append(time.perf_counter() - start)
        assert len(found["annotations"]["box"]) == boxes.PER_IMAGE
    plan = Measurement("annotations", ONE_ITEM, "our SDK, refloc", OURS, n, store.kind, repeats=len(walls))
    p95 = statistics.quantiles(walls, n=20)[-1]
    server_cpu_s = (processes.cpu_s(pid) - cpu_s) / len(walls)
    bench.add(replace(plan, wall_s=statistics.median(walls), p95_wall_s=p95, server_cpu_s=server_cpu_s))


def measure_rows(bench: Bench, n: int) -> None:
    """A row for each box in SQLite."""
    path = bench.folder / f"boxes-{n}.db"
    plan = Measurement("annotations", ANNOTATE, "a row for each box, sqlite3 executemany", PEER, n, SQLITE)
    run = bench.run("box_rows", OUR_PYTHON, {"n": n, "path": str(path), "watched": {}}, plan)
    if run is not None:
        bench.add(replace(with_phase(plan, run, "annotate"), stored_bytes=sqlite_bytes(path)))


def measure_postgres_rows(bench: Bench, url: str, pid: int, n: int) -> None:
    """A row for each box in PostgreSQL, by COPY."""
    plan = Measurement("annotations", ANNOTATE, "a row for each box, COPY", PEER, n, POSTGRES)
    before = postgres_bytes(url)
    run = bench.run("box_rows", OUR_PYTHON, {"n": n, "url": url, "watched": {"database": pid}}, plan)
    if run is not None:
        bench.add(replace(with_phase(plan, run, "annotate"), stored_bytes=postgres_bytes(url) - before))
