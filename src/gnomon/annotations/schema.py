"""The tables, the same on SQLite and PostgreSQL.

``event`` is the truth; the other tables are computed from it and can be thrown away. JSON is kept as its
canonical text: the hashes are made of it, and no database then gets a chance to rewrite a number.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
)

__all__ = [
    "APPLICATION_ID",
    "FORMAT",
    "SCHEMA_VERSION",
    "annotation",
    "assertion",
    "event",
    "meta",
    "metadata",
    "target",
]

FORMAT = "gnomon annotations"
"""What ``meta`` says of a database that is ours."""

SCHEMA_VERSION = 1
"""Raised with every change of the tables."""

APPLICATION_ID = 0x676E6F6D
"""Stands in the header of our SQLite files: "gnom" in ASCII."""

metadata = MetaData()

meta = Table(
    "meta",
    metadata,
    Column("name", Text, primary_key=True),
    Column("value", Text, nullable=False),
)

event = Table(
    "event",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("origin", Text, nullable=False),
    Column("origin_seq", BigInteger, nullable=False),
    Column("hlc", BigInteger, nullable=False, index=True),
    Column("recorded_at", BigInteger, nullable=False),
    Column("actor", Text, nullable=False),
    Column("actor_kind", Text, nullable=False),
    Column("on_behalf_of", Text),
    Column("agent", Text),
    Column("agent_version", Text),
    Column("kind", Text, nullable=False),
    Column("annotation_id", Uuid, nullable=False, index=True),
    Column("parents", Text, nullable=False),
    Column("payload", Text, nullable=False),
    Column("hash", Text, nullable=False),
    UniqueConstraint("origin", "origin_seq"),
)

annotation = Table(
    "annotation",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("state", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("level", Integer, nullable=False),
    Column("tags", Text, nullable=False),
    Column("urls", Text, nullable=False),
    Column("event_id", Uuid, ForeignKey("event.id"), nullable=False),
    Column("content_id", Uuid, ForeignKey("event.id"), nullable=False),
    Column("creator", Text, nullable=False),
    Column("key", Text),
    Column("created", BigInteger, nullable=False, index=True),
    UniqueConstraint("creator", "key"),
)

target = Table(
    "target",
    metadata,
    Column("annotation_id", Uuid, ForeignKey("annotation.id"), primary_key=True),
    Column("key", Text, primary_key=True),
    Column("position", Integer, nullable=False),
    Column("kind", Text, nullable=False),
    Column("repository", Text),
    Column("dataset_id", Uuid),
    Column("name", Text),
    Column("element", Text),
    Column("data_id", Text),
    Column("begin", BigInteger),
    Column("end", BigInteger),
    Index("ix_target_key", "key"),  # from a thing to what is said of it; the primary key leads the other way
)

assertion = Table(
    "assertion",
    metadata,
    Column("target_key", Text, primary_key=True),
    Column("flag", Text, primary_key=True),
    Column("event_id", Uuid, ForeignKey("event.id"), primary_key=True),
    Column("annotation_id", Uuid, nullable=False, index=True),
    Column("version", Integer, nullable=False),
    Column("state", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("whole", Boolean, nullable=False),
    Column("position", Integer, nullable=False),
    Column("live", Boolean, nullable=False),
    ForeignKeyConstraint(["annotation_id", "target_key"], ["target.annotation_id", "target.key"]),
)
