"""What differs between SQLite and PostgreSQL, and the one place where database errors become ours.

SQLite: one writer connection per process behind a lock, `BEGIN IMMEDIATE`, write-ahead log, full synchronisation, and a
separate pool of read-only connections. PostgreSQL: one pool; a write transaction locks the rows it decides on.
"""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import URL, Connection, Engine, make_url
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.pool import QueuePool, StaticPool

from nucleus_server.errors import (
    Busy,
    Conflict,
    InvalidInput,
    NucleusServerError,
    StorageCorrupt,
    StorageUnavailable,
)
from nucleus_server.storage.kept_columns import KeptColumns

BUSY_TIMEOUT_S = 30.0
_READERS = 8  # SQLite readers never block each other; more than the thread pool uses at once only costs memory
_POSTGRES_POOL = 10
_POSTGRES_OVERFLOW = 20


class database_micros(sa.sql.functions.FunctionElement[int]):
    """The database's own clock, microseconds since the epoch: the only clock that every process agrees on."""

    type = sa.BigInteger()
    inherit_cache = True


@compiles(database_micros, "sqlite")
def _sqlite_micros(element: object, compiler: object, **kw: object) -> str:
    return "CAST((julianday('now') - 2440587.5) * 86400000000.0 AS INTEGER)"


@compiles(database_micros, "postgresql")
def _postgres_micros(element: object, compiler: object, **kw: object) -> str:
    return "CAST(extract(epoch from clock_timestamp()) * 1000000 AS BIGINT)"


def upsert(connection: Connection, table: sa.Table, values: dict[str, Any], *, changed: Sequence[str]) -> None:
    """Insert a row or, if its primary key is taken, set the columns in `changed`: one statement, so that no two race."""
    statement = _insert(connection, table, values)
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=list(table.primary_key.columns), set_={name: values[name] for name in changed}
        )
    )


def insert_if_absent(connection: Connection, table: sa.Table, values: dict[str, Any]) -> None:
    """Insert a row, or do nothing if its primary key is taken."""
    connection.execute(_insert(connection, table, values).on_conflict_do_nothing())


def texts_table(connection: Connection, texts: Sequence[str]) -> tuple[sa.FromClause, sa.ColumnElement[str]]:
    """A table of these texts to select from, and its only column: one parameter, however many there are."""
    if connection.dialect.name == "sqlite":
        wanted = sa.func.json_each(json.dumps(list(texts))).table_valued("value", name="wanted")
    else:
        array = sa.cast(sa.literal(list(texts), postgresql.ARRAY(sa.Text)), postgresql.ARRAY(sa.Text))
        wanted = sa.func.unnest(array).table_valued("value", name="wanted").render_derived()
    return wanted, wanted.c.value


def insert_rows(
    connection: Connection, table: sa.Table, names: Sequence[str], rows: Sequence[tuple[object, ...]]
) -> None:
    """Insert many rows, each a tuple in the order of `names`, as fast as the database takes them: COPY on PostgreSQL.

    SQLAlchemy's own way costs as much again as the database for every row.
    """
    listed = ", ".join(f'"{name}"' for name in names)
    if connection.dialect.name == "sqlite":
        marks = ", ".join("?" * len(names))
        connection.exec_driver_sql(f'INSERT INTO "{table.name}" ({listed}) VALUES ({marks})', list(rows))
        return
    driver: Any = connection.connection.driver_connection
    with driver.cursor() as cursor, cursor.copy(f'COPY "{table.name}" ({listed}) FROM STDIN') as copy:
        for row in rows:
            copy.write_row(row)


def _insert(connection: Connection, table: sa.Table, values: dict[str, Any]) -> sqlite.Insert | postgresql.Insert:
    insert = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
    return insert(table).values(values)


class Database:
    """Connections to one database: `read()` and `write()` are the only two ways to run a statement."""

    def __init__(self, url: str) -> None:
        parsed = _normalised(url)
        self.url = parsed
        self.is_sqlite = parsed.get_backend_name() == "sqlite"
        self._write_lock = threading.RLock()
        self.kept = KeptColumns()
        if self.is_sqlite:
            path = Path(parsed.database or "")
            path.parent.mkdir(parents=True, exist_ok=True)
            self._writer = _sqlite_engine(path, read_only=False)
            self._reader = _sqlite_engine(path, read_only=True)
        else:
            self._writer = self._reader = sa.create_engine(
                parsed, pool_size=_POSTGRES_POOL, max_overflow=_POSTGRES_OVERFLOW, pool_pre_ping=True
            )

    @property
    def engine(self) -> Engine:
        """The engine that may write: for migrations, and for tests that watch statements."""
        return self._writer

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """One consistent snapshot for all statements inside."""
        with translated_errors(), self._reader.connect() as connection:
            if self.is_sqlite:
                connection.exec_driver_sql("BEGIN")
            else:
                connection = connection.execution_options(isolation_level="REPEATABLE READ")
            try:
                yield connection
            finally:
                connection.rollback()

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """One transaction: everything inside is committed, or nothing is."""
        with translated_errors():
            if not self.is_sqlite:
                with self._writer.begin() as connection:
                    yield connection
                return
            with self._write_lock, self._writer.connect() as connection:
                connection.exec_driver_sql("BEGIN IMMEDIATE")
                try:
                    yield connection
                except BaseException:
                    connection.rollback()
                    raise
                connection.commit()

    def close(self) -> None:
        """Close every connection; SQLite folds its write-ahead log into the file."""
        self._writer.dispose()
        self._reader.dispose()


def _normalised(url: str) -> URL:
    parsed = make_url(url)
    backend = parsed.get_backend_name()
    if backend == "sqlite":
        if not parsed.database or parsed.database == ":memory:":
            raise InvalidInput(
                "expected a SQLite file, got a database in memory: use sqlite:///PATH", code="invalid_database_url"
            )
        return parsed
    if backend in {"postgresql", "postgres"}:
        return parsed.set(drivername="postgresql+psycopg")
    raise InvalidInput(
        f"expected a database URL that starts with sqlite:/// or postgresql://, got {backend!r}",
        code="invalid_database_url",
    )


def _sqlite_engine(path: Path, *, read_only: bool) -> Engine:
    def connect() -> sqlite3.Connection:
        target = f"file:{_uri_path(path)}" + ("?mode=ro" if read_only else "")
        connection = sqlite3.connect(
            target, uri=True, timeout=BUSY_TIMEOUT_S, check_same_thread=False, isolation_level=None
        )
        connection.execute(f"PRAGMA busy_timeout = {int(BUSY_TIMEOUT_S * 1000)}")
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA cache_size = -65536")  # 64 MB: one evaluation of a million scores stays in memory
        if read_only:
            connection.execute("PRAGMA query_only = ON")
        else:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")  # an acknowledged upload survives a power cut
        return connection

    pool: dict[str, Any] = (
        {"poolclass": QueuePool, "pool_size": _READERS, "max_overflow": 64} if read_only else {"poolclass": StaticPool}
    )
    engine = sa.create_engine("sqlite://", creator=connect, **pool)

    # The transaction is begun by `Database`: the driver's own implicit BEGIN would be a deferred one.
    @event.listens_for(engine, "begin")
    def _no_implicit_begin(connection: Connection) -> None:
        return None

    return engine


def _uri_path(path: Path) -> str:
    return str(path.absolute()).replace("%", "%25").replace("?", "%3f").replace("#", "%23")


@contextmanager
def translated_errors() -> Iterator[None]:
    """Turn the database's errors into ours, keeping the original as the cause."""
    try:
        yield
    except NucleusServerError:
        raise
    except (sa.exc.IntegrityError, psycopg.IntegrityError) as error:
        raise Conflict(
            "another request changed the same object at the same time; read it again and repeat the request"
        ) from error
    except (sa.exc.OperationalError, psycopg.OperationalError) as error:
        cause = error.orig if isinstance(error, sa.exc.OperationalError) else error
        text = str(cause).lower()
        if "locked" in text or "deadlock" in text or "busy" in text or "could not serialize" in text:
            raise Busy("the database is busy with another write; repeat the request in a moment") from error
        if "malformed" in text:
            raise StorageCorrupt(f"the database file is damaged: {cause}; restore a backup") from error
        raise StorageUnavailable(
            "the database cannot be reached or written; the operator finds the cause with `nucleus doctor`"
        ) from error
    except (sa.exc.DatabaseError, sa.exc.TimeoutError, psycopg.DatabaseError) as error:
        if "malformed" in str(error).lower():
            raise StorageCorrupt("the database file is damaged; restore a backup") from error
        raise StorageUnavailable(
            "the database did not answer as expected; the operator finds the cause with `nucleus doctor`"
        ) from error
