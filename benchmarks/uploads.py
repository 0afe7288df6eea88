"""Uploading scores: every way in, beside what one would write instead."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.bench import Bench, with_phase
from benchmarks.client_process import run_client
from benchmarks.environments import MLFLOW_PYTHON, OUR_PYTHON, official_python
from benchmarks.items import Fixture
from benchmarks.measurement import OFFICIAL, OURS, PEER, Measurement
from benchmarks.server import POSTGRES, SQLITE, Serving, Store, postgres_bytes, sqlite_bytes

_OWN_SERVER_FROM = 10**6
_PEERS_UP_TO = 10**6
"""Of those that take minutes beyond: ten million keyed rows cost SQLite 114 s of CPU."""
TASK = "scores of one model"
TASK_THREE = "scores of one model by three functions"


@dataclass(frozen=True)
class Way:
    """A way to upload.

    Attributes:
        client: The module of `benchmarks.clients`.
        how: Its form of the upload.
        up_to: The largest n it is tried with.
        is_variant: Whether it is left out with PostgreSQL and in quick runs.
    """

    name: str
    kind: str
    client: str
    how: str
    up_to: int
    is_shuffled: bool = False
    is_variant: bool = False
    task: str = TASK


OFFICIAL_OBJECTS = "official client, EvaluationResult objects"
OUR_OBJECTS = "our SDK, EvaluationResult objects"
OUR_NUMPY = "our SDK, numpy columns"
OUR_POLARS = "our SDK, polars table"
RAW_OFFICIAL = "raw HTTP, official JSON"

WAYS = (
    Way(RAW_OFFICIAL, OFFICIAL, "raw_upload", "official", 10**6),
    Way(f"{RAW_OFFICIAL}, shuffled", OFFICIAL, "raw_upload", "official", 10**6, is_shuffled=True, is_variant=True),
    Way(OFFICIAL_OBJECTS, OFFICIAL, "objects_upload", "objects", 10**6),
    Way("raw HTTP, binary part", OURS, "raw_upload", "binary", 10**6),
    Way(OUR_OBJECTS, OURS, "objects_upload", "objects", 10**6),
    Way("our SDK, generator of EvaluationResult", OURS, "objects_upload", "generator", 10**6, is_variant=True),
    Way("our SDK, lists", OURS, "columns_upload", "lists", 10**6, is_variant=True),
    Way(OUR_NUMPY, OURS, "columns_upload", "numpy", 10**7),
    Way(OUR_POLARS, OURS, "columns_upload", "polars", 10**7),
    Way(f"{OUR_POLARS}, shuffled", OURS, "columns_upload", "polars", 10**7, is_shuffled=True, is_variant=True),
    Way("our SDK, dataset.upload_scores", OURS, "columns_upload", "three functions", 10**6, task=TASK_THREE),
)


def measure_uploads(bench: Bench, store: Store, fixture: Fixture, small: Fixture) -> None:
    """All ways that are for this size: from a million on each against a server that was started for it and warmed up."""
    has_variants = store.kind == SQLITE and not bench.is_quick
    ways = [way for way in WAYS if fixture.n <= way.up_to and (has_variants or not way.is_variant)]
    if fixture.n < _OWN_SERVER_FROM:
        with store.serving() as serving:
            for way in ways:
                _measure(bench, store, serving, fixture, way)
        return
    for way in ways:
        with store.serving() as serving:
            _warm_up(bench, serving, way, fixture.n, small)
            _measure(bench, store, serving, fixture, way)


def measure_peers(bench: Bench, n: int) -> None:
    """Keyed rows in SQLite, a Parquet file and MLflow's tables."""
    models = _names(bench, n)
    base = {"do": "write", "inputs": str(bench.inputs(n)), "models": models, "watched": {}}

    folder = bench.folder / f"peers-{n}"
    folder.mkdir()
    if n <= _PEERS_UP_TO:
        path = folder / "keyed.db"
        plan = Measurement("upload", TASK, "keyed rows, sqlite3 executemany", PEER, n, SQLITE)
        run = bench.run("keyed_sqlite", OUR_PYTHON, base | {"path": str(path)}, plan)
        if run is not None:
            bench.add(replace(with_phase(plan, run), stored_bytes=sqlite_bytes(path) // len(models)))

    (folder / "parquet").mkdir()
    plan = Measurement("upload", TASK, "a Parquet file, polars", PEER, n, "files")
    run = bench.run("parquet", OUR_PYTHON, base | {"folder": str(folder / "parquet")}, plan)
    if run is not None:
        bench.add(replace(with_phase(plan, run), stored_bytes=_size(folder / "parquet") // len(models)))

    if n > _PEERS_UP_TO:
        return
    store = mlflow_store(bench)
    suffixes = {"parquet": "", "json": "keeps ten digits of a score"}
    for suffix, note in list(suffixes.items())[: 1 if bench.is_quick else 2]:
        plan = Measurement("upload", TASK, f"MLflow log_table, .{suffix}", PEER, n, SQLITE, note=note)
        job = base | {"folder": str(store), "file": f"scores.{suffix}"}
        before = _size(store)
        run = bench.run("mlflow_table", MLFLOW_PYTHON, job, plan)
        if run is not None:
            bench.facts[f"mlflow run {suffix} {n}"] = run.found["run_ids"][0]
            bench.add(replace(with_phase(plan, run), stored_bytes=(_size(store) - before) // len(models)))


def mlflow_store(bench: Bench) -> Path:
    """The folder of MLflow's store, its schema made once, which takes seconds."""
    store = bench.folder / "mlflow"
    if not store.exists():
        store.mkdir()
        run_client(MLFLOW_PYTHON, "mlflow_table", {"do": "prepare", "folder": str(store)})
    return store


def measure_postgres_peer(bench: Bench, url: str, pid: int, n: int) -> None:
    """Keyed rows by COPY."""
    models = _names(bench, n)
    plan = Measurement("upload", TASK, "keyed rows, COPY", PEER, n, POSTGRES)
    before = postgres_bytes(url)
    job = {"do": "write", "inputs": str(bench.inputs(n)), "url": url, "models": [f"{m} of {n}" for m in models]}
    run = bench.run("keyed_postgres", OUR_PYTHON, job | {"watched": {"database": pid}}, plan)
    if run is not None:
        bench.add(replace(with_phase(plan, run), stored_bytes=(postgres_bytes(url) - before) // len(models)))


def repeats(bench: Bench, n: int) -> int:
    """How often a way is done at a size: more often where it is short."""
    if bench.is_quick:
        return 5 if n <= 10_000 else 2
    return 20 if n <= 10_000 else 5 if n <= 100_000 else 1


def expected_mean(bench: Bench, n: int) -> float:
    """The weighted mean of the inputs, exactly."""
    scores, weights = (np.load(bench.inputs(n) / f"{name}.npy") for name in ("scores", "weights"))
    return math.fsum((scores * weights).tolist()) / math.fsum(weights.tolist())


def _warm_up(bench: Bench, serving: Serving, way: Way, n: int, small: Fixture) -> None:
    """One upload of the same kind, so that what is measured is not the server's first."""
    name = f"warm-up {way.name} {n}"
    model = serving.client().create_model(name, name)
    job = small.job(bench, serving) | {"how": way.how, "is_shuffled": way.is_shuffled, "model_ids": [model.id]}
    bench.run(way.client, _python(way), job, Measurement("warm-up", way.task, way.name, way.kind, small.n, ""))


def _measure(bench: Bench, store: Store, serving: Serving, fixture: Fixture, way: Way) -> None:
    n = fixture.n
    client = serving.client()
    models = [client.create_model(name, name).id for name in (f"{way.name} {n} {i}" for i in range(repeats(bench, n)))]
    job = fixture.job(bench, serving) | {"how": way.how, "is_shuffled": way.is_shuffled, "model_ids": models}
    plan = Measurement("upload", way.task, way.name, way.kind, n, store.kind)
    before = store.stored_bytes()
    run = bench.run(way.client, _python(way), job, plan)
    if run is None:
        return
    measured = with_phase(plan, run)
    if way.client == "raw_upload":
        # A body that was there before: what building it costs belongs to nobody.
        measured = replace(measured, build_cpu_s=0.0, note=f"body of {run.found['body_bytes'] / 1e6:.1f} MB")
    _check(bench, client, fixture, models, n_tests=3 if way.task == TASK_THREE else 1)
    bench.add(replace(measured, stored_bytes=(store.stored_bytes() - before) // len(models)))


def _check(bench: Bench, client: Any, fixture: Fixture, models: list[str], *, n_tests: int) -> None:
    """Every model has its one evaluation, with the right result: nothing that is measured was left out."""
    expected = expected_mean(bench, fixture.n)
    for test_id in fixture.test_ids[:n_tests]:
        history = client.validate.get_scenario_test(test_id).get_eval_history()
        found = [e for e in history if e.model_id in models]
        assert [e.model_id for e in found] == models, f"expected an evaluation for each of {models}, got {found}"
        assert all(e.n_scored == e.n_members == fixture.n for e in found), found
        if test_id == fixture.test_id:
            assert all(abs(e.result - expected) <= 1e-12 for e in found), f"expected {expected}, got {found}"


def _python(way: Way) -> Path:
    return official_python() if way.client == "objects_upload" and way.kind == OFFICIAL else OUR_PYTHON


def _names(bench: Bench, n: int) -> list[str]:
    return [f"peer-{i}" for i in range(repeats(bench, n))]


def _size(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
