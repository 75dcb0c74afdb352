"""Events that are about no annotation, and events that wait for their parents."""

from typing import Final

import sqlalchemy as sa
from alembic import op

__all__ = ["down_revision", "revision", "upgrade"]

revision: Final = "0002"
down_revision: Final = "0001"


def upgrade() -> None:
    """Let the annotation of an event be missing, and make the table of those that wait."""
    if op.get_context().dialect.name == "sqlite":
        # SQLite has no other way than to write the table anew.
        with op.batch_alter_table("event", copy_from=_event(), recreate="always") as event:
            event.alter_column("annotation_id", nullable=True)
    else:
        op.alter_column("event", "annotation_id", nullable=True)
    op.create_index(
        "ix_event_change",
        "event",
        ["kind", "actor"],
        sqlite_where=sa.text("kind != 'add'"),
        postgresql_where=sa.text("kind != 'add'"),
    )
    op.create_table(
        "held",
        sa.Column("origin", sa.Text, primary_key=True),
        sa.Column("origin_seq", sa.BigInteger, primary_key=True),
        sa.Column("hash", sa.Text, primary_key=True),
        sa.Column("event", sa.Text, nullable=False),
        sqlite_with_rowid=False,
    )


def _event() -> sa.Table:
    return sa.Table(
        "event",
        sa.MetaData(),
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("origin", sa.Text, nullable=False),
        sa.Column("origin_seq", sa.BigInteger, nullable=False),
        sa.Column("hlc", sa.BigInteger, nullable=False, index=True),
        sa.Column("recorded_at", sa.BigInteger, nullable=False),
        sa.Column("actor", sa.Text, nullable=False),
        sa.Column("actor_kind", sa.Text, nullable=False),
        sa.Column("on_behalf_of", sa.Text),
        sa.Column("agent", sa.Text),
        sa.Column("agent_version", sa.Text),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("annotation_id", sa.Uuid, nullable=False, index=True),
        sa.Column("parents", sa.Text, nullable=False),
        sa.Column("payload", sa.Text, nullable=False),
        sa.Column("hash", sa.Text, nullable=False),
        sa.UniqueConstraint("origin", "origin_seq"),
    )
