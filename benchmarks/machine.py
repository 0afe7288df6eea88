"""What the numbers were measured on."""

from __future__ import annotations

import json
import os
import platform
import sqlite3
import subprocess
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy  # noqa: F401 - its OpenBLAS is what threadpoolctl finds
import threadpoolctl  # type: ignore[import-untyped]

from benchmarks.environments import MLFLOW_PYTHON, OFFICIAL_VERSION, official_python

_OURS = ("nucleus-validate", "numpy", "polars", "msgspec", "sqlalchemy", "psycopg", "fastapi", "uvicorn", "httpx2")


def describe() -> dict[str, Any]:
    """Processor, memory, versions, commit and load of the machine."""
    return {
        "when": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": _output("git", "rev-parse", "--short", "HEAD"),
        "is_changed": bool(_output("git", "status", "--porcelain", "--", "src")),
        "processor": _first_line("/proc/cpuinfo", "model name"),
        "cores": len(os.sched_getaffinity(0)),
        "memory_bytes": os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"),
        "system": f"{platform.system()} {platform.release()}",
        "load_before": os.getloadavg()[0],
        "blas_kernels": sorted({str(pool.get("architecture")) for pool in threadpoolctl.threadpool_info()}),
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        "packages": {name: version(name) for name in _OURS},
        "peers": {"scale-nucleus": OFFICIAL_VERSION, **_versions_of(MLFLOW_PYTHON, "mlflow", "pandas", "pyarrow")},
        "official_packages": _versions_of(official_python(), "pydantic", "requests"),
    }


def _output(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def _versions_of(python: Path, *packages: str) -> dict[str, str]:
    code = f"import json,importlib.metadata as m; print(json.dumps({{p: m.version(p) for p in {packages!r}}}))"
    found: dict[str, str] = json.loads(_output(str(python), "-c", code))
    return found


def _first_line(path: str, field: str) -> str:
    for line in Path(path).read_text().splitlines():
        name, _, value = line.partition(":")
        if name.strip() == field:
            return value.strip()
    return "unknown"
