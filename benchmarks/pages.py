"""Pages of the dashboard, as a browser asks for them one after the other, and how soon it paints."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import replace

from benchmarks.bench import Bench
from benchmarks.first_paint import first_paints_s
from benchmarks.http_requests import Requests
from benchmarks.items import Fixture
from benchmarks.measurement import OURS, Measurement
from benchmarks.page_data import Visit, pages_of_many_items, pages_of_many_tests, sizes
from benchmarks.server import Serving, Store

EVALUATION = "pages of one large test"
MANY_TESTS = "pages of many tests and models"
_REPEATS, _REPEATS_IF_QUICK = 20, 5
_PAINTS, _PAINTS_IF_QUICK = 5, 1


def measure_evaluation_pages(bench: Bench, store: Store, fixture: Fixture) -> None:
    """The pages that show three evaluations of all the fixture's items."""
    with store.serving() as serving:
        visits = pages_of_many_items(bench, serving, fixture)
    _measure(bench, store, EVALUATION, fixture.n, visits)


def measure_many_tests(bench: Bench, store: Store) -> None:
    """The overview of 100 tests and 50 models, one of the tests, one with a thousand evaluations, and lists of the rest."""
    with store.serving() as serving:
        visits = pages_of_many_tests(bench, store, serving)
    _measure(bench, store, MANY_TESTS, sizes(bench).n_tests, visits)


def _measure(bench: Bench, store: Store, task: str, n: int, visits: Sequence[Visit]) -> None:
    """Each page once before it counts, on a server that was started for all of them."""
    with store.serving() as serving:
        requests = Requests(serving)
        requests.log_in()
        plans = [Measurement("pages", task, visit.way, OURS, n, store.kind) for visit in visits]
        measured = [_visited(bench, requests, *pair) for pair in zip(plans, visits, strict=True)]
        for each, visit in zip(measured, visits, strict=True):
            bench.add(_painted(bench, serving, requests, each, visit) if visit.is_painted else each)


def _visited(bench: Bench, requests: Requests, plan: Measurement, visit: Visit) -> Measurement:
    repeats = _REPEATS_IF_QUICK if bench.is_quick else _REPEATS
    requests.page([visit.path], visit.part)
    exchange = requests.page([visit.path] * repeats, visit.part)
    if exchange.status != 200:
        return replace(plan, failure=f"{visit.path} answered {exchange.status}: {exchange.bodies[-1][:300]!r}")
    return replace(
        plan,
        repeats=repeats,
        wall_s=statistics.median(exchange.walls_s),
        p95_wall_s=_p95(exchange.walls_s),
        client_cpu_s=exchange.client_cpu_s / repeats,
        server_cpu_s=statistics.median(exchange.cpus_s),
        p95_cpu_s=_p95(exchange.cpus_s),
        server_peak_bytes=exchange.server_peak_bytes,
        body_bytes=len(exchange.bodies[-1]),
    )


def _painted(bench: Bench, serving: Serving, requests: Requests, measured: Measurement, visit: Visit) -> Measurement:
    n_paints = _PAINTS_IF_QUICK if bench.is_quick else _PAINTS
    paints_s = first_paints_s(serving.live.address, visit.path, requests.cookies, n_paints)
    return replace(measured, paint_s=statistics.median(paints_s))


def _p95(values: Sequence[float]) -> float:
    return statistics.quantiles(values, n=20, method="inclusive")[-1]
