"""What the operator's `doctor` looks at."""

from __future__ import annotations

import os
import platform
import shutil
import socket
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from nucleus_server.app import open_services
from nucleus_server.config import MEDIA_FILE, Settings, load_settings
from nucleus_server.errors import NucleusServerError

_LEAST_FREE_BYTES = 1 << 30


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at, and what to do if it is not in order."""

    name: str
    is_ok: bool
    found: str
    advice: str = ""


def diagnose(*, data_dir: Path | None, database_url: str | None, port: int) -> list[Check]:
    """Every check, whatever the earlier ones found."""
    checks = [
        Check("Python", sys.version_info >= (3, 11), platform.python_version(), "the server needs Python 3.11 or newer")
    ]
    try:
        settings = load_settings(data_dir=data_dir, database_url=database_url)
    except NucleusServerError as error:
        return [*checks, Check("media settings", False, error.message, "correct what it names")]
    except OSError as error:
        return [*checks, Check("data folder", False, str(error), "choose a writable folder with --data-dir")]
    checks += _folder_checks(settings)
    checks += _database_checks(settings)
    checks.append(_port_check(port))
    return [Check(c.name, c.is_ok, c.found, "" if c.is_ok else c.advice) for c in checks]


def _folder_checks(settings: Settings) -> Iterator[Check]:
    folder = settings.data_dir
    yield Check("data folder", os.access(folder, os.W_OK), str(folder), "make it writable for this user")
    free = shutil.disk_usage(folder).free
    yield Check("free disk", free >= _LEAST_FREE_BYTES, f"{free / 1e9:.1f} GB", "make room: at least 1 GB")
    for name in ("secret.key", "admin.key", MEDIA_FILE):
        path = folder / name
        if path.exists():
            mode = path.stat().st_mode & 0o777
            yield Check(name, mode & 0o077 == 0, f"mode {mode:04o}", f"chmod 600 {path}")


def _database_checks(settings: Settings) -> Iterator[Check]:
    try:
        services = open_services(settings)
    except NucleusServerError as error:
        yield Check("database", False, error.message, "correct --database-url")
        return
    try:
        problems = services.store.check()
        yield Check("database", not problems, "; ".join(problems) or "in order", "see what was found")
    except NucleusServerError as error:
        yield Check("database", False, error.message, "start it, or run `nucleus serve` once to make it")
    finally:
        services.store.close()


def _port_check(port: int) -> Check:
    with socket.socket() as probe:
        probe.settimeout(0.5)
        in_use = probe.connect_ex(("127.0.0.1", port)) == 0
    return Check("port", True, f"{port} is {'in use (a server that runs already?)' if in_use else 'free'}")
