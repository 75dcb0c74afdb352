"""The tables, the same on SQLite and PostgreSQL.

Datasets and quanta have numbers, so that an edge is three of them and its kinds, and a walk along edges reads
little. Every column grows in one direction only: kinds are added to an edge, and what is known of a dataset
gets more. So the order in which sources are recorded, and how often, makes no difference.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    Table,
    Text,
)

from gnomon import databases
from gnomon.errors import LineageError

__all__ = ["KIND", "UNKNOWN_QUANTUM", "dataset", "edge", "meta", "quantum", "source"]

UNKNOWN_QUANTUM = 0
"""Stands for the quantum of an edge of which nobody said it."""

# SQLite makes a primary key the row's own number only if it is called INTEGER, which there has 64 bits.
_KEY = BigInteger().with_variant(Integer(), "sqlite")
_UUID = LargeBinary(16)
# Which of two texts is the greater must not depend on a server's language.
_TEXT = Text().with_variant(Text(collation="C"), "postgresql")

_metadata = MetaData()

meta = Table(
    "meta",
    _metadata,
    Column("name", Text, primary_key=True),
    Column("value", Text, nullable=False),
)

dataset = Table(
    "dataset",
    _metadata,
    Column("no", _KEY, primary_key=True),
    Column("id", _UUID, nullable=False, unique=True),
    Column("dataset_type", _TEXT),
    Column("data_id", _TEXT),
    Column("run", _TEXT),
    # Whether its own file was asked what it was made from.
    Column("asked", Boolean, nullable=False),
)

quantum = Table(
    "quantum",
    _metadata,
    Column("no", _KEY, primary_key=True),
    Column("id", _UUID, nullable=False, unique=True),
    Column("task", _TEXT),
)

edge = Table(
    "edge",
    _metadata,
    Column("child", BigInteger, primary_key=True, autoincrement=False),
    Column("parent", BigInteger, primary_key=True, autoincrement=False),
    Column("quantum", BigInteger, primary_key=True, autoincrement=False),
    Column("kinds", SmallInteger, nullable=False),
    Index("ix_edge_parent", "parent", "child"),
    sqlite_with_rowid=False,
)

source = Table(
    "source",
    _metadata,
    Column("name", Text, primary_key=True),
)


def _make(connection: Connection) -> None:
    _metadata.create_all(connection)


KIND = databases.Kind(
    what="edges of lineage",
    format="gnomon lineage",
    version=1,
    application_id=0x676E6C69,  # "gnli" in ASCII
    meta=meta,
    landmark=edge,
    make=_make,
    error=LineageError,
    # All of it can be recorded again.
    durable=False,
)
