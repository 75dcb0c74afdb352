"""The first tables: events whose annotation is never missing."""

from typing import Final

__all__ = ["down_revision", "revision", "upgrade"]

revision: Final = "0001"
down_revision: Final = None


def upgrade() -> None:
    """Do nothing: whoever has a log of the first version has these tables."""
