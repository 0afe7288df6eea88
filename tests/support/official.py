"""The official clients, each in a virtual environment of its own, because they own our SDK's import name too."""

from __future__ import annotations

import fcntl
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.support.server import ADMIN_KEY, LiveServer, environment

VERSIONS = ("0.18.4", "0.22.3")
OURS = "ours"
_ROOT = Path(__file__).resolve().parents[2]


def official_python(version: str) -> Path:
    """The interpreter of the client's environment, which is made once; who comes meanwhile waits for it."""
    folder = _ROOT / ".cache" / "official" / version
    python = folder / "bin" / "python"
    stamp = folder / "installed"
    folder.parent.mkdir(parents=True, exist_ok=True)
    with folder.with_name(f"{version}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not stamp.exists():
            subprocess.run([sys.executable, "-m", "venv", "--clear", str(folder)], check=True)
            install = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
            subprocess.run([*install, f"scale-nucleus=={version}"], check=True, timeout=600)
            stamp.touch()
    return python


def run_driver(version: str, driver: Path, server: LiveServer, *arguments: str) -> dict[str, Any]:
    """Run a script with the official client against the server; the last line it prints is its JSON result.

    With the version `OURS` it runs with our SDK.
    """
    python = Path(sys.executable) if version == OURS else official_python(version)
    settings = environment(NUCLEUS_ENDPOINT=server.endpoint, NUCLEUS_API_KEY=ADMIN_KEY)
    if version != OURS:
        settings.pop("PYTHONPATH", None)  # it must not lead to our own module of the same name
    done = subprocess.run(
        [str(python), str(driver), *arguments],
        env=settings,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, f"{driver.name} with {version} failed:\n{done.stdout}\n{done.stderr}"
    result: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return result
