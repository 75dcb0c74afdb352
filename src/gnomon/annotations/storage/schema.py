"""The tables, the same on SQLite and PostgreSQL.

``event`` is the truth, with ``held`` for events that wait for their parents; the other tables are computed
from it and can be thrown away, but for ``actor`` and ``origin``, which give numbers to names and only ever
grow. JSON is kept as its canonical text: the hashes are made of it, and no database then gets a chance to
rewrite a number.

An annotation is named outside by its id, and inside this database by ``made``, the clock's reading when it
was
made: so whatever walks along the primary key, a text search too, comes in the order of time.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Index,
    Integer,
    MetaData,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
)
from sqlalchemy.dialects.postgresql import TSVECTOR
from sqlalchemy.sql import text

__all__ = [
    "APPLICATION_ID",
    "FORMAT",
    "PROJECTIONS",
    "SCHEMA_VERSION",
    "actor",
    "annotation",
    "assertion",
    "definition",
    "event",
    "held",
    "meta",
    "metadata",
    "observation",
    "origin",
    "resolution",
    "tag",
    "target",
]

FORMAT = "gnomon annotations"
"""What ``meta`` says of a database that is ours."""

SCHEMA_VERSION = 2
"""Raised with every change of the tables; `gnomon.annotations.migrations` has a step for each."""

APPLICATION_ID = 0x676E6F6D
"""Stands in the header of our SQLite files: "gnom" in ASCII."""

# SQLite makes a primary key the row's own number only if it is called INTEGER, which there has 64 bits.
_KEY = BigInteger().with_variant(Integer(), "sqlite")

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
    Column("annotation_id", Uuid, index=True),
    Column("parents", Text, nullable=False),
    Column("payload", Text, nullable=False),
    Column("hash", Text, nullable=False),
    UniqueConstraint("origin", "origin_seq"),
    # Few events are not additions, and some questions are about them alone.
    Index(
        "ix_event_change",
        "kind",
        "actor",
        sqlite_where=text("kind != 'add'"),
        postgresql_where=text("kind != 'add'"),
    ),
)

held = Table(
    "held",
    metadata,
    Column("origin", Text, primary_key=True),
    Column("origin_seq", BigInteger, primary_key=True),
    Column("hash", Text, primary_key=True),
    Column("event", Text, nullable=False),
    sqlite_with_rowid=False,
)

actor = Table(
    "actor",
    metadata,
    Column("no", _KEY, primary_key=True, autoincrement=False),
    Column("name", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("on_behalf_of", Text),
    Column("agent", Text),
    Column("agent_version", Text),
    Index("ix_actor_name", "name"),
)

origin = Table(
    "origin",
    metadata,
    Column("no", _KEY, primary_key=True, autoincrement=False),
    Column("name", Text, nullable=False, unique=True),
    Column("last_seq", BigInteger, nullable=False),
    Column("last_hlc", BigInteger, nullable=False),
    Column("last_hash", Text, nullable=False),
)

annotation = Table(
    "annotation",
    metadata,
    Column("made", _KEY, primary_key=True, autoincrement=False),
    Column("id", Uuid, nullable=False, unique=True),
    Column("state", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("level", Integer, nullable=False),
    Column("tags", Text, nullable=False),
    Column("urls", Text, nullable=False),
    Column("flags", Text, nullable=False),
    Column("attachments", Text, nullable=False),
    Column("conflicts", Text, nullable=False),
    Column("reply_to", Uuid),
    Column("thread", Uuid),
    Column("assignee", Text),
    Column("resolution", Text, nullable=False),
    Column("time_lost", Text),
    Column("event_id", Uuid, nullable=False),
    Column("heads", Text, nullable=False),
    Column("revisions", Integer, nullable=False),
    Column("actor", Integer, nullable=False),
    Column("recorded_at", BigInteger, nullable=False),
    Column("creator", Integer, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("origin", Integer, nullable=False),
    Column("key", Text),
    # Only PostgreSQL fills it; SQLite has tables of its own for searching, see `text_index`.
    Column("words", TSVECTOR().with_variant(Text(), "sqlite")),
    Index("ix_annotation_creator", "creator", "made"),
    Index(
        "ix_annotation_key",
        "key",
        sqlite_where=text("key IS NOT NULL"),
        postgresql_where=text("key IS NOT NULL"),
    ),
    Index(
        "ix_annotation_thread",
        "thread",
        sqlite_where=text("thread IS NOT NULL"),
        postgresql_where=text("thread IS NOT NULL"),
    ),
    Index(
        "ix_annotation_assignee",
        "assignee",
        "made",
        sqlite_where=text("assignee IS NOT NULL"),
        postgresql_where=text("assignee IS NOT NULL"),
    ),
)

tag = Table(
    "tag",
    metadata,
    Column("tag", Text, primary_key=True),
    Column("made", BigInteger, primary_key=True),
    Index("ix_tag_made", "made"),
    sqlite_with_rowid=False,
)

target = Table(
    "target",
    metadata,
    Column("made", BigInteger, primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("key", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("instrument", Text),
    Column("begin", BigInteger),
    Column("end", BigInteger),
    Column("body", Text, nullable=False),
    Index("ix_target_key", "key"),  # from a thing to what is said of it; the primary key leads the other way
    Index(
        "ix_target_time",
        "instrument",
        "begin",
        sqlite_where=text('"begin" IS NOT NULL'),
        postgresql_where=text('"begin" IS NOT NULL'),
    ),
    sqlite_with_rowid=False,
)

assertion = Table(
    "assertion",
    metadata,
    Column("target_key", Text, primary_key=True),
    Column("flag", Text, primary_key=True),
    Column("origin", SmallInteger, primary_key=True, autoincrement=False),
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("made", BigInteger, nullable=False),
    Column("event_id", Uuid, nullable=False),
    Column("hlc", BigInteger, nullable=False),
    Column("recorded_at", BigInteger, nullable=False),
    Column("actor", Integer, nullable=False),
    Column("state", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("reason", Text, nullable=False),
    Column("live", Boolean, nullable=False),
    # What an answer shows besides, so that it needs one look-up a thing and not three: of the annotation its
    # id, whether it has more than one event, and its text, which is null where it is too long for every row
    # to carry it; of the event its parents, null where there are none.
    Column("annotation_id", Uuid, nullable=False),
    Column("revised", Boolean, nullable=False),
    Column("text", Text),
    Column("parents", Text),
    Index("ix_assertion_flag", "flag", "made"),
    sqlite_with_rowid=False,
)

definition = Table(
    "definition",
    metadata,
    Column("kind", Text, primary_key=True),
    Column("label", Text, primary_key=True),
    Column("origin", SmallInteger, primary_key=True, autoincrement=False),
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("hlc", BigInteger, nullable=False),
    Column("document", Text, nullable=False),
)

resolution = Table(
    "resolution",
    metadata,
    Column("pending_key", Text, primary_key=True),
    Column("origin", SmallInteger, primary_key=True, autoincrement=False),
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("hlc", BigInteger, nullable=False),
    Column("target_key", Text, nullable=False),
    Column("pending", Text, nullable=False),
    Column("target", Text, nullable=False),
    Index("ix_resolution_target", "target_key"),
)

observation = Table(
    "observation",
    metadata,
    Column("instrument", Text, primary_key=True),
    Column("obs_id", Text, primary_key=True),
    Column("hlc", BigInteger, nullable=False),
    Column("origin", SmallInteger, nullable=False),
    Column("seq", BigInteger, nullable=False),
    Column("exposure", BigInteger),
    Column("day_obs", Integer),
    Column("seq_num", Integer),
    Column("begin", BigInteger),
    Column("end", BigInteger),
    Column("type", Text),
    Column("body", Text, nullable=False),
    Index("ix_observation_begin", "instrument", "begin"),
    Index("ix_observation_day", "day_obs", "instrument"),
)

PROJECTIONS: tuple[Table, ...] = (annotation, tag, target, assertion, definition, resolution, observation)
"""What can be thrown away and computed anew."""
