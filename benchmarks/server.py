"""The real program on a database of its own: started, watched and stopped; what it stored in bytes."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg

import nucleus
from benchmarks import processes
from tests.support.postgres import Postgres, running_postgres
from tests.support.server import ADMIN_KEY, LiveServer, running_server

SQLITE = "SQLite"
POSTGRES = "PostgreSQL"


@dataclass(frozen=True)
class Serving:
    """A running server.

    Attributes:
        pid: Its process.
        watched: The processes whose cost is the server's side: `server`, and with PostgreSQL `database`.
        start_wall_s: From its start until it was ready.
        start_cpu_s: Until then.
    """

    live: LiveServer
    pid: int
    watched: dict[str, int]
    start_wall_s: float
    start_cpu_s: float

    @property
    def endpoint(self) -> str:
        """The address of the API."""
        return self.live.endpoint

    def client(self) -> nucleus.NucleusClient:
        """Our SDK, to prepare what is measured."""
        return nucleus.NucleusClient(ADMIN_KEY, endpoint=self.endpoint)


@dataclass(frozen=True)
class Store:
    """A database and a data folder that outlive the servers that are started on them.

    Attributes:
        kind: SQLITE or POSTGRES.
        database_pid: PostgreSQL's first process.
    """

    kind: str
    data_dir: Path
    database_url: str
    database_pid: int | None = None

    @contextmanager
    def serving(self) -> Iterator[Serving]:
        """Start `nucleus serve` on it; stop it at the end."""
        before = set(processes.children(os.getpid()))
        start = time.perf_counter()
        with running_server(self.data_dir, self.database_url) as live:
            start_wall_s = time.perf_counter() - start
            (pid,) = set(processes.children(os.getpid())) - before
            watched = {"server": pid}
            if self.database_pid is not None:
                watched["database"] = self.database_pid
            yield Serving(live, pid, watched, start_wall_s, processes.cpu_s(pid))

    def stored_bytes(self) -> int:
        """The database, its log written back, without pages that wait to be used again; and files beside it."""
        database = self.data_dir / "nucleus.db"
        files = [
            file for file in self.data_dir.rglob("*") if file.is_file() and not file.name.startswith(database.name)
        ]
        n_bytes = sum(file.stat().st_size for file in files)
        if self.kind == SQLITE:
            return n_bytes + sqlite_bytes(database)
        return n_bytes + postgres_bytes(self.database_url)


def sqlite_bytes(path: Path) -> int:
    """The used pages of a SQLite file after a checkpoint."""
    with closing(sqlite3.connect(path, timeout=30)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        pages, free, page_bytes = (
            connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "freelist_count", "page_size")
        )
    return int((pages - free) * page_bytes)


def postgres_bytes(url: str) -> int:
    """The tables and indexes of a PostgreSQL database after VACUUM."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("VACUUM")
        row = connection.execute("SELECT pg_database_size(current_database())").fetchone()
    assert row is not None
    return int(row[0])


@contextmanager
def postgres(folder: Path) -> Iterator[tuple[Postgres, int]]:
    """A PostgreSQL server and its first process."""
    before = set(processes.children(os.getpid()))
    folder.mkdir()
    with running_postgres(folder) as server:
        (pid,) = set(processes.children(os.getpid())) - before
        yield server, pid
