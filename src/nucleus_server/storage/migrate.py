"""Schema versions: bring a database to this release's, and say what is wrong with it."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from nucleus_server.storage.dialect import Database

_LOCATION = Path(__file__).parent / "migrations"
_ADVISORY_LOCK = 0x6E75636C  # "nucl": two processes that start at once upgrade one after the other


def upgrade(database: Database) -> None:
    """Run the missing migrations in one transaction."""
    with database.write() as connection:
        if not database.is_sqlite:
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_ADVISORY_LOCK})")
        config = _config()
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def version_problem(database: Database) -> str | None:
    """Why this release cannot work on the database's schema; None if it can."""
    with database.read() as connection:
        current = MigrationContext.configure(connection).get_current_revision()
    newest = _newest_version()
    if current == newest:
        return None
    return f"the schema is at version {current or 'none'}, this release needs {newest}: run `nucleus db upgrade`"


def check(database: Database) -> list[str]:
    """What is wrong, one sentence each: the schema's version, and on SQLite the file's integrity."""
    problem = version_problem(database)
    problems = [] if problem is None else [problem]
    if database.is_sqlite:
        with database.read() as connection:
            result = connection.exec_driver_sql("PRAGMA quick_check").scalars().all()
            if result != ["ok"]:
                problems.append(f"the database file is damaged ({result[0]}): restore a backup")
            broken = connection.exec_driver_sql("PRAGMA foreign_key_check").all()
            if broken:
                problems.append(
                    f"{len(broken)} rows refer to rows that do not exist (first in table {broken[0][0]}): restore a backup"
                )
    return problems


@cache
def _newest_version() -> str | None:
    return ScriptDirectory.from_config(_config()).get_current_head()


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(_LOCATION).replace("%", "%%"))
    return config
