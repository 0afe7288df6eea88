"""Runs a measured client in a fresh process and reads what it says."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.phases import Job
from tests.support.server import environment

_ROOT = Path(__file__).resolve().parents[1]


class ClientFailed(Exception):
    """A client ended with an error; the message is the end of what it wrote."""


@dataclass(frozen=True)
class ClientRun:
    """What a client did.

    Attributes:
        phases: By name: `wall_s`, `repeats`, and for `client` and whom it watched `cpu_s`, `peak_bytes`, `grown_bytes`.
        found: The values it computed or read, to be compared with what they must be.
        wall_s: From its start to its end, interpreter and imports included.
        cpu_s: Of all of it.
        peak_bytes: Of all of it.
    """

    phases: dict[str, dict[str, Any]]
    found: dict[str, Any]
    wall_s: float
    cpu_s: float
    peak_bytes: int


def run_client(python: Path, name: str, job: Job) -> ClientRun:
    """Run `benchmarks.clients.NAME` by an interpreter.

    Raises:
        ClientFailed: It ended with an error.
    """
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
        start = time.perf_counter()
        process = subprocess.Popen(
            [str(python), "-m", f"benchmarks.clients.{name}", json.dumps(job)],
            cwd=_ROOT,
            env=environment(),
            stdout=output,
            stderr=errors,
        )
        _, status, usage = os.wait4(process.pid, 0)
        wall_s = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        lines = output.read().decode().strip().splitlines()
        if process.returncode != 0 or not lines:
            errors.seek(0)
            raise ClientFailed(errors.read().decode(errors="replace")[-4000:] or f"status {process.returncode}")
    answer = json.loads(lines[-1])
    return ClientRun(
        phases=answer["phases"],
        found=answer["found"],
        wall_s=wall_s,
        cpu_s=usage.ru_utime + usage.ru_stime,
        peak_bytes=answer["peak_bytes"],
    )
