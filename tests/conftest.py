"""Fixtures for all tests; a component that is missing is a failure, never a skip."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from tests.support.api import Api, running_api
from tests.support.postgres import Postgres, running_postgres
from tests.support.server import LiveServer, running_server

# The same examples on every machine, however slow: a test that fails now and then tells nothing.
settings.register_profile("project", derandomize=True, deadline=None)
settings.load_profile("project")

for name in [name for name in os.environ if name.startswith("NUCLEUS_")]:
    del os.environ[name]


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A real PostgreSQL for the whole session."""
    # Not in pytest's own folder: another pytest that starts, also one that a test runs, shuts that to all other users, and
    # the server runs as one.
    with tempfile.TemporaryDirectory(prefix="nucleus-postgres-") as folder, running_postgres(Path(folder)) as server:
        yield server


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database: the test runs once on SQLite and once on PostgreSQL."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'nucleus.db'}"
    server: Postgres = request.getfixturevalue("postgres")
    return server.new_database()


@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
def both_servers(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    """The real program, once on SQLite and once on PostgreSQL."""
    url = None
    if request.param == "postgresql":
        server: Postgres = request.getfixturevalue("postgres")
        url = server.new_database()
    with running_server(tmp_path_factory.mktemp(f"server-{request.param}"), url) as running:
        yield running


@pytest.fixture(scope="module")
def live_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    """The real program on SQLite, fresh for each module."""
    with running_server(tmp_path_factory.mktemp("server")) as running:
        yield running


@pytest.fixture
def api(database_url: str, tmp_path: Path) -> Iterator[Api]:
    """The application in this process, once on SQLite and once on PostgreSQL."""
    with running_api(database_url, tmp_path) as running:
        yield running


@pytest.fixture
def sqlite_api(tmp_path: Path) -> Iterator[Api]:
    """The application in this process on SQLite, for what no database can change."""
    with running_api(f"sqlite:///{tmp_path / 'nucleus.db'}", tmp_path) as running:
        yield running
