"""The real program on a free port, as a user starts it."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ADMIN_KEY = "test-admin-key"
_DEADLINE_S = 60.0
_LINK = re.compile(r"http://127\.0\.0\.1:\d+/login/\S+")


@dataclass(frozen=True)
class LiveServer:
    """A running server.

    Attributes:
        address: Its address without a path.
        login_link: The one-time link it printed.
        data_dir: Its data folder.
        database_url: Its database.
    """

    address: str
    login_link: str
    data_dir: Path
    database_url: str

    @property
    def endpoint(self) -> str:
        """What clients take as NUCLEUS_ENDPOINT."""
        return f"{self.address}/v1/nucleus"


def environment(**extra: str) -> dict[str, str]:
    """The machine's environment without settings of ours."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("NUCLEUS_")}
    return {**kept, **extra}


@contextmanager
def running_server(
    data_dir: Path, database_url: str | None = None, *options: str, is_killed: bool = False
) -> Iterator[LiveServer]:
    """Start `nucleus serve`, wait until it is ready, stop it with SIGTERM (or SIGKILL); its output is shown if it fails."""
    url = database_url or f"sqlite:///{data_dir / 'nucleus.db'}"
    command = [str(Path(sys.executable).with_name("nucleus")), "serve", "--port", "0"]
    command += ["--data-dir", str(data_dir), "--database-url", url, *options]
    process = subprocess.Popen(
        command,
        env=environment(NUCLEUS_BOOTSTRAP_KEY=ADMIN_KEY),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    lines: list[str] = []
    assert process.stdout is not None
    reader = threading.Thread(target=lines.extend, args=(process.stdout,), daemon=True)
    reader.start()
    try:
        link = _wait_for_link(process, lines)
        address = link.partition("/login/")[0]
        _wait_until_ready(address)
        yield LiveServer(address, link, data_dir, url)
    except BaseException:
        print("".join(lines))
        raise
    finally:
        process.kill() if is_killed else process.terminate()
        process.wait(timeout=30)
        reader.join(timeout=10)
        process.stdout.close()
    expected = -signal.SIGKILL if is_killed else 0
    assert process.returncode == expected, f"the server ended with {process.returncode}:\n{''.join(lines)}"


def _wait_for_link(process: subprocess.Popen[str], lines: list[str]) -> str:
    deadline = time.monotonic() + _DEADLINE_S
    while time.monotonic() < deadline and process.poll() is None:
        found = _LINK.search("".join(lines))
        if found and "\n" in "".join(lines)[found.end() :]:
            return found[0]
        time.sleep(0.05)
    raise RuntimeError("the server printed no login link")


def _wait_until_ready(address: str) -> None:
    deadline = time.monotonic() + _DEADLINE_S
    while True:
        try:
            with urllib.request.urlopen(f"{address}/readyz", timeout=5):
                return
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
