"""Pages of the dashboard, as a browser asks for them one after the other."""

from __future__ import annotations

import statistics
from dataclasses import replace

import polars as pl

from benchmarks.bench import Bench
from benchmarks.http_requests import Requests
from benchmarks.items import Fixture
from benchmarks.measurement import OURS, Measurement
from benchmarks.reading import Target
from benchmarks.server import Store

EVALUATION = "an evaluation's page"
MANY_TESTS = "all tests and models"


def measure_evaluation_pages(bench: Bench, store: Store, fixture: Fixture, target: Target) -> None:
    """The pages that show one evaluation of all the fixture's items."""
    path = f"/evaluations/{target.evaluation_id}"
    with store.serving() as serving:
        requests = Requests(serving)
        requests.log_in()
        for way, page in (
            ("worst items", path),
            ("best items", f"{path}?order=best"),
            ("page 1000 of the worst", f"{path}?page=1000"),
            ("broken down by a metadata key", f"{path}?by=group"),
            ("its test", f"/tests/{target.test_id}"),
        ):
            _measure(bench, requests, Measurement("pages", EVALUATION, way, OURS, fixture.n, store.kind), page)


def measure_many_tests(bench: Bench, store: Store) -> None:
    """The overview of 100 tests and 50 models, and one of the tests."""
    n_tests, n_models, n_items = (10, 5, 1_000) if bench.is_quick else (100, 50, 10_000)
    ids = (bench.inputs(n_items) / "ids.txt").read_text().split()
    with store.serving() as serving:
        client = serving.client()
        dataset = client.create_dataset("pages")
        dataset.append({"reference_id": ids, "place": list(range(n_items))})
        function = client.validate.create_external_eval_function("pages")
        n_members = n_items // n_tests
        tests = []
        for i in range(n_tests):
            members = dataset.create_slice(f"slice {i}", ids[i * n_members : (i + 1) * n_members])
            tests.append(client.validate.create_scenario_test(f"test {i}", members.id, [function]))
            tests[-1].get_eval_functions()[0].set_threshold(0.5)
        table = pl.read_csv(bench.inputs(n_items) / "ids.txt", has_header=False, new_columns=["item_ref_id"])
        for i in range(n_models):
            model = client.create_model(f"model {i}", f"model {i}")
            scores = pl.Series("score", [(j * (i + 7)) % 101 / 100 for j in range(n_items)])
            dataset.upload_scores({"pages": "score"}, model, table.with_columns(scores))
        assert len(tests[-1].get_eval_history()) == n_models
        requests = Requests(serving)
        requests.log_in()
        plan = Measurement("pages", MANY_TESTS, f"{n_tests} tests x {n_models} models", OURS, n_tests, store.kind)
        _measure(bench, requests, plan, "/")
        plan = Measurement("pages", MANY_TESTS, f"a test with {n_models} models", OURS, n_models, store.kind)
        _measure(bench, requests, plan, f"/tests/{tests[0].id}")


def _measure(bench: Bench, requests: Requests, plan: Measurement, path: str) -> None:
    requests.get([path])
    repeats = 5 if bench.is_quick else 20
    exchange = requests.get([path] * repeats)
    assert exchange.status == 200, exchange.bodies[-1][:500]
    bench.add(
        replace(
            plan,
            repeats=repeats,
            wall_s=statistics.median(exchange.walls_s),
            p95_wall_s=statistics.quantiles(exchange.walls_s, n=20, method="inclusive")[-1],
            client_cpu_s=exchange.client_cpu_s / repeats,
            server_cpu_s=exchange.server_cpu_s / repeats,
            server_peak_bytes=exchange.server_peak_bytes,
        )
    )
