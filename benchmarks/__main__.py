"""`make bench`: measure, show, keep."""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from pathlib import Path

from benchmarks import items, machine, uploads
from benchmarks.bench import Bench
from benchmarks.environments import make_mlflow, official_python
from benchmarks.server import POSTGRES, SQLITE, Store, postgres

_RESULTS = Path(__file__).parent / "results"


def main() -> int:
    """Run all sections."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="sizes up to 100,000: under two minutes, and less exact")
    parser.add_argument("--out", type=Path, help="where to write the JSON (default: benchmarks/results/WHEN.json)")
    arguments = parser.parse_args()
    official_python()
    make_mlflow()
    about = machine.describe()
    start = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="nucleus-bench-") as folder:
        bench = Bench(Path(folder), arguments.quick)
        _measure(bench)
    about |= {"load_after": os.getloadavg()[0], "is_quick": arguments.quick, "took_s": time.perf_counter() - start}
    document = {"machine": about, "facts": bench.facts, "measurements": [m.to_json() for m in bench.measurements]}
    out = arguments.out or _RESULTS / f"{about['when'].replace(':', '')}{'-quick' if arguments.quick else ''}.json"
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(document, indent=1) + "\n")
    print(f"\nWritten to {out}", file=sys.stderr)
    return int(any(m.failure for m in bench.measurements))


def _measure(bench: Bench) -> None:
    sizes = [10_000, 100_000] if bench.is_quick else [10_000, 100_000, 1_000_000]
    data = bench.folder / "sqlite"
    data.mkdir()
    store = Store(SQLITE, data, f"sqlite:///{data / 'nucleus.db'}")
    small = None
    for n in sizes:
        fixture = items.measure_items(bench, store, n)
        small = small or fixture
        uploads.measure_uploads(bench, store, fixture, small)
        uploads.measure_peers(bench, n)
    with postgres(bench.folder / "postgres") as (ours, keyed, pid):
        data = bench.folder / "postgres-data"
        data.mkdir()
        store = Store(POSTGRES, data, ours, pid)
        small = None
        for n in sizes:
            fixture = items.measure_items(bench, store, n)
            small = small or fixture
            uploads.measure_uploads(bench, store, fixture, small)
            uploads.measure_postgres_peer(bench, keyed, pid, n)


if __name__ == "__main__":
    sys.exit(main())
