"""`make bench`: measure, show, keep."""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks import items, machine, many, objects, pages, reading, release_reports, terminal, uploads, verdicts
from benchmarks.bench import Bench
from benchmarks.environments import OUR_PYTHON, make_mlflow, official_python
from benchmarks.measurement import OURS, Measurement
from benchmarks.server import POSTGRES, SQLITE, Store, postgres

_RESULTS = Path(__file__).parent / "results"


def main() -> int:
    """Run all sections."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="sizes up to 100,000: under two minutes, and less exact")
    parser.add_argument("--out", type=Path, help="where to write the JSON (default: in benchmarks/results)")
    arguments = parser.parse_args()
    official_python()
    make_mlflow()
    about = machine.describe()
    start = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="nucleus-bench-") as folder:
        bench = Bench(Path(folder), arguments.quick)
        try:
            _measure(bench)
        finally:  # what was measured before a failure is worth reading too
            terminal.show(bench)
            about |= {
                "load_after": os.getloadavg()[0],
                "is_quick": bench.is_quick,
                "took_s": time.perf_counter() - start,
            }
            out = arguments.out or _default_out(about)
            out.parent.mkdir(parents=True, exist_ok=True)
            document = {
                "machine": about,
                "facts": bench.facts,
                "measurements": [m.to_json() for m in bench.measurements],
            }
            out.write_text(json.dumps(document, indent=1) + "\n")
            bench.say(f"written to {out}")
    return int(any(m.failure for m in bench.measurements))


def _default_out(about: dict[str, Any]) -> Path:
    kind = "quick" if about["is_quick"] else "full"
    return _RESULTS / f"{kind}-{about['when'][:19].replace(':', '')}.json"


def _measure(bench: Bench) -> None:
    """Everything, SQLite first; sizes ascend, so that memory that a process keeps does not hide what a size needs."""
    sizes = [10_000, 100_000] if bench.is_quick else [10_000, 100_000, 1_000_000]
    store = _sqlite_store(bench, "sqlite")
    fixtures = _uploads(bench, store, sizes)
    if not bench.is_quick:
        largest = items.seeded_items(bench, store, 10_000_000)
        uploads.measure_uploads(bench, store, largest, fixtures[0])
        uploads.measure_peers(bench, largest.n)
    for n in sizes[1:] if bench.is_quick else sizes:
        uploads.measure_peers(bench, n)
    _split(bench, sizes[-1])
    verdicts.measure_verdict(bench)
    reading.measure_reading(bench, store, fixtures[-1])
    reading.measure_peer_reading(bench, sizes[-1])
    pages.measure_evaluation_pages(bench, store, fixtures[-1])
    pages.measure_many_tests(bench, _sqlite_store(bench, "pages"))
    release_reports.measure_release_report(bench, _sqlite_store(bench, "reports"))
    n_boxes = 20_000 if bench.is_quick else 500_000
    objects.measure_annotations(bench, _sqlite_store(bench, "objects"), n_boxes)
    objects.measure_rows(bench, n_boxes)
    many.measure_many(bench, _sqlite_store(bench, "many"))
    many.measure_many_keyed(bench)
    with postgres(bench.folder / "postgres") as (server, pid):
        data = bench.folder / "postgres-data"
        data.mkdir()
        sizes = sizes[:1] if bench.is_quick else sizes[1:]
        store = Store(POSTGRES, data, server.new_database(), pid)
        fixtures = _uploads(bench, store, sizes)
        pages.measure_evaluation_pages(bench, store, fixtures[-1])
        data = bench.folder / "postgres-pages"
        data.mkdir()
        pages.measure_many_tests(bench, Store(POSTGRES, data, server.new_database(), pid))
        keyed = server.new_database()
        for n in sizes:
            uploads.measure_postgres_peer(bench, keyed, pid, n)
        if not bench.is_quick:
            boxed = bench.folder / "postgres-objects"
            boxed.mkdir()
            objects.measure_annotations(bench, Store(POSTGRES, boxed, server.new_database(), pid), n_boxes)
            objects.measure_postgres_rows(bench, server.new_database(), pid, n_boxes)
            reading.measure_postgres_peer_reading(bench, keyed, pid, sizes[-1])
            many.measure_many_keyed_postgres(bench, server.new_database(), pid)


def _sqlite_store(bench: Bench, name: str) -> Store:
    data = bench.folder / name
    data.mkdir()
    return Store(SQLITE, data, f"sqlite:///{data / 'nucleus.db'}")


def _uploads(bench: Bench, store: Store, sizes: list[int]) -> list[items.Fixture]:
    fixtures: list[items.Fixture] = []
    for n in sizes:
        fixtures.append(items.measure_items(bench, store, n))
        uploads.measure_uploads(bench, store, fixtures[-1], fixtures[0])
    return fixtures


def _split(bench: Bench, n: int) -> None:
    plan = Measurement("prepare", uploads.TASK, "decoding and id join alone", OURS, n)
    run = bench.run("server_split", OUR_PYTHON, {"inputs": str(bench.inputs(n))}, plan)
    if run is not None:
        bench.facts |= run.found | {"official body, decoding and id join, s": sum(run.found.values())}


if __name__ == "__main__":
    sys.exit(main())
