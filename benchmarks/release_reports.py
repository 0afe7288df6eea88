"""The report of a release: 60 tests of 10,000 items by three functions each, asked of a server."""

from __future__ import annotations

import numpy as np
import polars as pl

from benchmarks.bench import Bench
from benchmarks.http_requests import Requests
from benchmarks.measurement import OURS, Measurement
from benchmarks.server import Store

TASK = "a release report of 180 verdicts"
FIRST, STORED = "each item its own cluster, computed", "each item its own cluster, stored before"
FIRST_SCENES = "500 clusters, computed"
_N_ITEMS, _N_FUNCTIONS = 10_000, 3
_EFFECTS = (-0.002, -0.0008, 0.0, 0.0, 0.0, 0.001)


def measure_release_report(bench: Bench, store: Store) -> None:
    """Two models whose differences are partly none, partly near what can be seen, partly clear."""
    n_tests = 10 if bench.is_quick else 60
    with store.serving() as serving:
        client = serving.client()
        dataset = client.create_dataset("reports")
        ids = [f"r{i}" for i in range(_N_ITEMS)]
        scenes = [f"s{i % 500}" for i in range(_N_ITEMS)]
        dataset.append({"reference_id": ids, "scene": scenes, "text": ids})
        members = dataset.create_slice("all", ids)
        names = [f"f{i}" for i in range(n_tests * _N_FUNCTIONS)]
        functions = [client.validate.create_external_eval_function(name) for name in names]
        for i in range(n_tests):
            some = functions[i * _N_FUNCTIONS : (i + 1) * _N_FUNCTIONS]
            client.validate.create_scenario_test(f"test {i}", members.id, list(some))
        rng = np.random.default_rng(0)
        base = {name: rng.uniform(0.3, 0.7, _N_ITEMS) for name in names}
        changed = {
            name: column + rng.normal(_EFFECTS[i % len(_EFFECTS)], 0.03, _N_ITEMS)
            for i, (name, column) in enumerate(base.items())
        }
        models = []
        for name, columns in (("old", base), ("new", changed)):
            models.append(client.create_model(name, name))
            table = pl.DataFrame({"item_ref_id": ids} | columns)
            dataset.upload_scores({n: n for n in names}, models[-1], table)
        requests = Requests(serving)
        body = {"model_id": models[1].id, "baseline_model_id": models[0].id, "wait_s": 30}
        n_verdicts = n_tests * _N_FUNCTIONS
        for way in (FIRST, STORED, FIRST_SCENES):
            if way == FIRST_SCENES:
                dataset.set_cluster_key("scene")
            exchange = requests.post("validate/release_report", body)
            assert exchange.status == 200, exchange.bodies[-1][:500]
            assert b'"status":"complete"' in exchange.bodies[-1][:200], exchange.bodies[-1][:200]
            bench.add(
                Measurement(
                    "compute",
                    TASK,
                    way,
                    OURS,
                    n_verdicts,
                    store.kind,
                    wall_s=exchange.walls_s[0],
                    client_cpu_s=exchange.client_cpu_s,
                    server_cpu_s=exchange.server_cpu_s,
                    server_peak_bytes=exchange.server_peak_bytes,
                )
            )
