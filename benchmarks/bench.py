"""One run: where it works, what it has measured so far."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from benchmarks.client_process import ClientFailed, ClientRun, run_client
from benchmarks.inputs import write_inputs
from benchmarks.measurement import Measurement
from benchmarks.phases import Job


@dataclass
class Bench:
    """A run.

    Attributes:
        folder: An empty folder for databases, inputs and files.
        is_quick: Whether sizes are small.
        measurements: What has been measured.
        facts: Other numbers worth keeping, by name.
        start: When it began.
    """

    folder: Path
    is_quick: bool
    measurements: list[Measurement] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)
    start: float = field(default_factory=time.perf_counter)

    def inputs(self, n: int) -> Path:
        """The folder with n results, written once."""
        folder = self.folder / f"inputs-{n}"
        if not folder.exists():
            write_inputs(folder, n)
        return folder

    def run(self, name: str, python: Path, job: Job, plan: Measurement) -> ClientRun | None:
        """Run a client for a planned measurement; if it fails, that is what is noted down, and None returned."""
        try:
            return run_client(python, name, job)
        except ClientFailed as failure:
            self.add(replace(plan, failure=str(failure)))
            return None

    def add(self, measured: Measurement) -> None:
        """Note a measurement down and show it."""
        self.measurements.append(measured)
        what = f"{measured.section:7} {measured.database:10} {measured.n:>10,}  {measured.task}: {measured.way}"
        if measured.failure is not None:
            self.say(f"{what:90} FAILED: {measured.failure.strip().splitlines()[-1][:200]}")
        else:
            self.say(f"{what:90} {measured.cpu_s:9.3f} s CPU {measured.wall_s:9.3f} s")

    def say(self, line: str) -> None:
        """Tell how far the run is."""
        print(f"{time.perf_counter() - self.start:6.0f}  {line}", file=sys.stderr, flush=True)


def with_phase(plan: Measurement, run: ClientRun, phase: str = "upload") -> Measurement:
    """The plan with the numbers of a phase, and of the building before it."""
    numbers = run.phases[phase]
    nobody = {"cpu_s": 0.0, "peak_bytes": 0, "grown_bytes": 0}
    server, database = numbers.get("server", nobody), numbers.get("database", nobody)
    return replace(
        plan,
        repeats=numbers["repeats"],
        wall_s=numbers["wall_s"],
        build_cpu_s=run.phases["build"]["client"]["cpu_s"] if "build" in run.phases else 0.0,
        client_cpu_s=numbers["client"]["cpu_s"],
        server_cpu_s=server["cpu_s"],
        database_cpu_s=database["cpu_s"],
        client_peak_bytes=numbers["client"]["peak_bytes"],
        client_grown_bytes=numbers["client"]["grown_bytes"],
        server_peak_bytes=server["peak_bytes"],
        server_grown_bytes=server["grown_bytes"],
    )
