"""The forms that tables share: keys, references within a workspace, packed columns."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
    text,
)

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
    }
)

Key = BigInteger().with_variant(Integer, "sqlite")
Micros = BigInteger


def root(name: str, *columns: Column[object] | UniqueConstraint | ForeignKeyConstraint | Index) -> Table:
    """A table of objects that belong to one workspace: `key`, `workspace_key`, and the target of composite references."""
    return Table(
        name,
        metadata,
        Column("key", Key, primary_key=True, autoincrement=True),
        Column("workspace_key", Key, nullable=False),
        *columns,
        ForeignKeyConstraint(["workspace_key"], ["workspaces.key"]),
        UniqueConstraint("workspace_key", "key"),
        sqlite_autoincrement=True,
    )


def refers(column: str, table: str) -> ForeignKeyConstraint:
    """`column` refers to a row of `table` in the same workspace."""
    return ForeignKeyConstraint(["workspace_key", column], [f"{table}.workspace_key", f"{table}.key"])


def visible_unique(name: str, *columns: str) -> Index:
    """Unique among rows that are not hidden, so that a name is free again after its holder is deleted."""
    condition = text("hidden_at IS NULL")
    return Index(name, *columns, unique=True, sqlite_where=condition, postgresql_where=condition)


def chunks(name: str, owner: str, owner_table: str, *, named: bool) -> Table:
    """Packed columns of one owner, in chunks of `CHUNK` members; `name` tells several columns of one owner apart."""
    columns = ["name"] if named else []
    return Table(
        name,
        metadata,
        Column(owner, Key, nullable=False),
        *[Column(column, Text, nullable=False) for column in columns],
        Column("chunk", Integer, nullable=False),
        Column("data", LargeBinary, nullable=False),
        PrimaryKeyConstraint(owner, *columns, "chunk"),
        ForeignKeyConstraint([owner], [f"{owner_table}.key"]),
    )
