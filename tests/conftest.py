"""Fixtures for all tests; a component that is missing is a failure, never a skip."""

from __future__ import annotations

import gc
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from tests.support.api import Api, running_api
from tests.support.postgres import Postgres, migrate, running_postgres
from tests.support.server import LiveServer, running_server

# The same examples on every machine, however slow: a test that fails now and then tells nothing.
settings.register_profile("project", derandomize=True, deadline=None)
settings.load_profile("project")

# Nor is a pytest that a test starts one of this run's workers. What a machine says of itself and of its terminal goes too:
# where CI is set, pytest prints whole messages, and the pages of the docs show what readers see at their desks.
for name in [name for name in os.environ if name.startswith(("NUCLEUS_", "PYTEST_XDIST", "GITHUB_", "GITLAB_", "CI_"))]:
    del os.environ[name]
for name in ("CI", "BUILD_NUMBER", "COLUMNS", "LINES", "FORCE_COLOR", "NO_COLOR", "PY_COLORS", "PYTEST_ADDOPTS"):
    os.environ.pop(name, None)


def pytest_collection_finish() -> None:
    """What is loaded by now stays to the end: a collection of garbage need not look through all of it every time."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A real PostgreSQL for the whole session."""
    # Not in pytest's own folder: another pytest that starts, also one that a test runs, shuts that to all other users, and
    # the server runs as one.
    with tempfile.TemporaryDirectory(prefix="nucleus-postgres-") as folder, running_postgres(Path(folder)) as server:
        yield server


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with this release's schema and no rows, to copy: the migrations run once."""
    path = tmp_path_factory.mktemp("template") / "nucleus.db"
    migrate(f"sqlite:///{path}")
    return path


@pytest.fixture
def sqlite_url(sqlite_template: Path, tmp_path: Path) -> str:
    """A database on SQLite, with this release's schema and no rows."""
    path = tmp_path / "nucleus.db"
    shutil.copyfile(sqlite_template, path)
    return f"sqlite:///{path}"


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> Iterator[str]:
    """A database with this release's schema and no rows: the test runs once on SQLite and once on PostgreSQL."""
    if request.param == "sqlite":
        yield request.getfixturevalue("sqlite_url")
        return
    server: Postgres = request.getfixturevalue("postgres")
    with server.migrated_database() as url:
        yield url


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
def sqlite_api(sqlite_url: str, tmp_path: Path) -> Iterator[Api]:
    """The application in this process on SQLite, for what no database can change."""
    with running_api(sqlite_url, tmp_path) as running:
        yield running
