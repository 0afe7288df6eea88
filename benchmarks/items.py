"""Making items and a slice of them; what is made is what the uploads are uploaded to."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import nucleus
from benchmarks.bench import Bench, with_phase
from benchmarks.environments import OUR_PYTHON, official_python
from benchmarks.measurement import OFFICIAL, OURS, Measurement
from benchmarks.seeding import seed_items
from benchmarks.server import SQLITE, Serving, Store
from tests.support.server import ADMIN_KEY

APPEND = "append items"
SLICE = "make a slice of them"
_OBJECTS_UP_TO = 100_000
_OBJECTS_UP_TO_IF_QUICK = 10_000


@dataclass(frozen=True)
class Fixture:
    """A dataset of n items, a slice of them all, and a scenario test on it for each of three external functions.

    Attributes:
        functions: Name → id; the first one's test is `test_id`.
        test_ids: One for each function.
    """

    n: int
    dataset_id: str
    slice_id: str
    functions: dict[str, str]
    test_ids: list[str]

    @property
    def test_id(self) -> str:
        """The test of the first function."""
        return self.test_ids[0]

    def job(self, bench: Bench, serving: Serving) -> dict[str, Any]:
        """What clients need to know to upload to it."""
        name, function_id = next(iter(self.functions.items()))
        return {
            "key": ADMIN_KEY,
            "endpoint": serving.endpoint,
            "watched": serving.watched,
            "inputs": str(bench.inputs(self.n)),
            "dataset_id": self.dataset_id,
            "slice_id": self.slice_id,
            "test_id": self.test_id,
            "function": name,
            "function_id": function_id,
            "functions": list(self.functions),
        }


def measure_items(bench: Bench, store: Store, n: int) -> Fixture:
    """Make a dataset of n items from a table; up to 100,000 also from objects, by our SDK and by the official client."""
    with store.serving() as serving:
        if n <= (_OBJECTS_UP_TO_IF_QUICK if bench.is_quick else _OBJECTS_UP_TO) and store.kind == SQLITE:
            _measure(bench, store, serving, n, "objects", OFFICIAL)
            _measure(bench, store, serving, n, "objects", OURS)
        made = _measure(bench, store, serving, n, "table", OURS)
        return fixture_on(serving.client(), n, made["dataset_id"], made["slice_id"])


def seeded_items(bench: Bench, store: Store, n: int) -> Fixture:
    """A dataset of n items that were not made through the API; its slice was, and is measured."""
    with store.serving() as serving:
        dataset_id = serving.client().create_dataset(f"seeded {n}").id
    seed_items(store.data_dir / "nucleus.db", dataset_id, bench.inputs(n) / "ids.txt")
    with store.serving() as serving:
        plan = Measurement("items", SLICE, "our SDK, numpy array", OURS, n, store.kind)
        job = {
            "key": ADMIN_KEY,
            "endpoint": serving.endpoint,
            "watched": serving.watched,
            "inputs": str(bench.inputs(n)),
            "dataset_id": dataset_id,
            "how": "seeded",
        }
        run = bench.run("our_items", OUR_PYTHON, job, plan)
        if run is None or run.found["size"] != n:
            raise SystemExit(f"no slice of {n} items, nothing to measure: {bench.measurements[-1].failure}")
        bench.add(with_phase(plan, run, "slice"))
        return fixture_on(serving.client(), n, dataset_id, run.found["slice_id"])


def fixture_on(client: nucleus.NucleusClient, n: int, dataset_id: str, slice_id: str) -> Fixture:
    """Functions, where they are not there yet, and tests on a slice."""
    known = client.validate.eval_functions.external_functions
    functions = {}
    test_ids = []
    for name in ("f1", "f2", "f3"):
        function = known[name] if name in known else client.validate.create_external_eval_function(name)
        test = client.validate.create_scenario_test(f"{name} of {slice_id}", slice_id, [function])
        functions[name] = function.id
        test_ids.append(test.id)
    return Fixture(n, dataset_id, slice_id, functions, test_ids)


def _measure(bench: Bench, store: Store, serving: Serving, n: int, how: str, kind: str) -> dict[str, Any]:
    who, client, python = (
        ("our SDK", "our_items", OUR_PYTHON)
        if kind == OURS
        else ("official client", "official_items", official_python())
    )
    way = f"{who}, " + ("DatasetItem objects" if how == "objects" else "polars table")
    plan = Measurement("items", APPEND, way, kind, n, store.kind)
    job = {
        "key": ADMIN_KEY,
        "endpoint": serving.endpoint,
        "watched": serving.watched,
        "inputs": str(bench.inputs(n)),
        "name": f"{way} {n}",
        "how": how,
    }
    before = store.stored_bytes()
    run = bench.run(client, python, job, plan)
    if run is None:
        raise SystemExit(f"no items, nothing to measure: {bench.measurements[-1].failure}")
    if run.found["size"] != n:
        raise SystemExit(f"expected {n} items, got {run.found['size']}")
    stored_bytes = store.stored_bytes() - before
    bench.add(replace(with_phase(plan, run, "append"), stored_bytes=stored_bytes))
    bench.add(replace(with_phase(replace(plan, task=SLICE), run, "slice"), build_cpu_s=0.0))
    return run.found
