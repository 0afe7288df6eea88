"""What a measured client runs in: a job that says what to do, and phases that say what it cost.

Standard library only, because clients also run in the environments of other programs.
"""

from __future__ import annotations

import gc
import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from benchmarks import processes

Job = dict[str, Any]


class Phases:
    """Measures named phases of this process and of the processes that it watches (the server, the database)."""

    def __init__(self, watched: dict[str, int]) -> None:
        self._watched = {"client": os.getpid(), **watched}
        self.entries: dict[str, dict[str, Any]] = {}

    @contextmanager
    def measure(self, name: str, *, repeats: int = 1) -> Iterator[None]:
        """Measure the block; with `repeats` it does the same that many times, and what is kept is the mean."""
        gc.collect()
        for pid in self._watched.values():
            processes.reset_peak(pid)
        memory = {who: processes.memory_bytes(pid) for who, pid in self._watched.items()}
        cpu = {who: self._cpu_s(who) for who in self._watched}
        start = time.perf_counter()
        yield
        wall_s = time.perf_counter() - start
        entry: dict[str, Any] = {"repeats": repeats, "wall_s": wall_s / repeats}
        for who, pid in self._watched.items():
            peak = processes.peak_bytes(pid)
            entry[who] = {
                "cpu_s": (self._cpu_s(who) - cpu[who]) / repeats,
                "peak_bytes": peak,
                "grown_bytes": max(0, peak - memory[who]),
            }
        self.entries[name] = entry

    def _cpu_s(self, who: str) -> float:
        if who == "client":
            # Of oneself the kernel tells microseconds, of others hundredths of a second.
            return time.process_time()
        return processes.cpu_s(self._watched[who])


def run(work: Callable[[Job, Phases], dict[str, Any]]) -> None:
    """Run `work(job, phases)` with the job of the command line; print the phases and what it found as one line."""
    job = json.loads(sys.argv[1])
    measured = Phases(job.get("watched", {}))
    found = work(job, measured)
    # Not `ru_maxrss`: that counts the process that this one was forked from.
    answer = {"phases": measured.entries, "found": found, "peak_bytes": processes.peak_bytes(os.getpid())}
    print(json.dumps(answer))
