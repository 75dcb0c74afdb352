"""Finding texts: by a piece of them, letter by letter, and by words.

SQLite has two FTS5 tables beside ``annotation``, one of trigrams and one of words, which read the text from
there. PostgreSQL has a trigram index (``pg_trgm``, where the server has it) and a column of words. What a
word is, is decided here and is the same on both: letters, digits and underscores, without regard to case.

Without ``pg_trgm`` a piece of a text is found all the same, by looking through all texts.
"""

import re
import unicodedata
from collections.abc import Iterable
from typing import Any

from sqlalchemy import ColumnElement, Connection, FromClause, cast, column, func, literal_column, table, text
from sqlalchemy.dialects.postgresql import TSQUERY
from sqlalchemy.exc import DBAPIError

from gnomon.annotations.storage import bulk, schema

__all__ = [
    "add",
    "create",
    "drop",
    "fill",
    "has_trigrams",
    "holds",
    "holds_words",
    "lacking",
    "matching",
    "remove",
    "vector",
    "words",
]

_PIECES, _WORDS = "annotation_piece", "annotation_word"
_SQLITE = {
    _PIECES: "trigram case_sensitive 1",
    _WORDS: "unicode61 remove_diacritics 0 tokenchars ''_''",
}
_WORD = re.compile(r"\w+")
_MAX_WORD = 200
_MAX_BYTES = 500_000  # PostgreSQL's column of words holds a megabyte


def words(value: str) -> list[str]:
    """Take a text apart.

    Parameters
    ----------
    value
        Any text.

    Returns
    -------
    list of str
        Its words in one form, each once, in order; the first half megabyte of them.

    Examples
    --------
    >>> words("Clouds, clouds in the West! (bad_focus)")
    ['clouds', 'in', 'the', 'west', 'bad_focus']
    """
    result: dict[str, None] = {}
    size = 0
    for match in _WORD.finditer(unicodedata.normalize("NFC", value).casefold()):
        word = match[0][:_MAX_WORD]
        if word not in result:
            size += len(word.encode()) + 4
            if size > _MAX_BYTES:
                break
            result[word] = None
    return list(result)


def vector(value: str) -> str:
    """Write the words of a text as PostgreSQL reads them.

    Parameters
    ----------
    value
        Any text.

    Returns
    -------
    str
        Words hold nothing that would have to be escaped.
    """
    return " ".join(f"'{word}'" for word in words(value))


def create(connection: Connection) -> None:
    """Make the indexes.

    Parameters
    ----------
    connection
        A writing transaction, in which ``annotation`` exists.
    """
    if connection.dialect.name == "sqlite":
        for name, tokenizer in _SQLITE.items():
            connection.exec_driver_sql(
                f"CREATE VIRTUAL TABLE {name} USING fts5"
                f"(text, content='annotation', content_rowid='made', tokenize='{tokenizer}')"
            )
            # Merging later and more at a time: half of what one append costs is this.
            connection.exec_driver_sql(f"INSERT INTO {name}({name}, rank) VALUES('automerge', 8)")
        return
    connection.execute(text("CREATE INDEX ix_annotation_words ON annotation USING gin (words)"))
    try:
        with connection.begin_nested():
            connection.execute(text("CREATE EXTENSION IF NOT EXISTS pg_trgm"))
            connection.execute(
                text("CREATE INDEX ix_annotation_pieces ON annotation USING gin (text gin_trgm_ops)")
            )
    except DBAPIError:
        # A server without it, or one on which this account may not: `has_trigrams` says so to whoever asks.
        pass


def drop(connection: Connection) -> None:
    """Take the indexes away, so that many rows are written faster.

    Parameters
    ----------
    connection
        A writing transaction.
    """
    if connection.dialect.name == "sqlite":
        for name in _SQLITE:
            connection.exec_driver_sql(f"DROP TABLE IF EXISTS {name}")
        return
    connection.execute(text("DROP INDEX IF EXISTS ix_annotation_words, ix_annotation_pieces"))


def fill(connection: Connection) -> None:
    """Take in all texts, after the indexes were made anew.

    Parameters
    ----------
    connection
        A writing transaction.
    """
    if connection.dialect.name == "sqlite":
        for name in _SQLITE:
            connection.exec_driver_sql(f"INSERT INTO {name}({name}) VALUES('rebuild')")


def add(connection: Connection, rows: Iterable[tuple[int, str]]) -> None:
    """Take in texts.

    Parameters
    ----------
    connection
        A writing transaction.
    rows
        The keys of annotations and their texts.
    """
    if connection.dialect.name != "sqlite":
        return  # its indexes follow the table
    values = [row for row in rows if row[1]]
    for name in _SQLITE if values else ():
        bulk.execute_many(connection, f"INSERT INTO {name}(rowid, text) VALUES(?, ?)", values)


def remove(connection: Connection, rows: Iterable[tuple[int, str]]) -> None:
    """Take texts out, before the table has others.

    Parameters
    ----------
    connection
        A writing transaction.
    rows
        The keys of annotations and their texts as they were taken in.
    """
    if connection.dialect.name != "sqlite":
        return
    values = [row for row in rows if row[1]]
    for name in _SQLITE if values else ():
        statement = f"INSERT INTO {name}({name}, rowid, text) VALUES('delete', ?, ?)"
        bulk.execute_many(connection, statement, values)


def has_trigrams(connection: Connection) -> bool:
    """Say whether a piece of a text is found by an index.

    Parameters
    ----------
    connection
        Any transaction.

    Returns
    -------
    bool
        False on a PostgreSQL without ``pg_trgm``.
    """
    if connection.dialect.name == "sqlite":
        return True
    found = connection.execute(text("SELECT to_regclass('ix_annotation_pieces') IS NOT NULL"))
    return bool(found.scalar_one())


def lacking(connection: Connection) -> int:
    """Count the texts that the indexes do not know.

    Parameters
    ----------
    connection
        Any transaction.

    Returns
    -------
    int
        0 if all is well.
    """
    if connection.dialect.name != "sqlite":
        query = "SELECT count(*) FROM annotation WHERE words IS NULL"
        return int(connection.exec_driver_sql(query).scalar_one())
    query = "SELECT count(*) FROM annotation WHERE text != '' AND NOT (" + " AND ".join(
        f"made IN (SELECT id FROM {name}_docsize)" for name in _SQLITE
    )
    return int(connection.exec_driver_sql(query + ")").scalar_one())


def holds(piece: str, dialect: str) -> list[ColumnElement[bool]]:
    """Make the condition that a text has some piece in it.

    Parameters
    ----------
    piece
        Letter by letter; no character stands for others.
    dialect
        ``sqlite`` or ``postgresql``.

    Returns
    -------
    list
        Conditions on ``annotation``, all of which are to hold.
    """
    place = schema.annotation.c.text
    if dialect == "sqlite":
        exact: Any = func.instr(place, piece) > 0
        return [exact]
    # LIKE and not strpos, which has no index; the backslash escapes what LIKE would not take literally.
    pattern = re.sub(r"([\\%_])", r"\\\1", piece)
    return [place.like(f"%{pattern}%", escape="\\")]


def holds_words(found: list[str]) -> list[ColumnElement[bool]]:
    """Make the condition, on PostgreSQL, that a text has all of some words in it.

    Parameters
    ----------
    found
        What `words` gave.

    Returns
    -------
    list
        Conditions on ``annotation``, all of which are to hold.
    """
    query = " & ".join(f"'{word}'" for word in found)
    return [schema.annotation.c.words.op("@@")(cast(query, TSQUERY))]


def matching(piece: str | None, found: list[str] | None) -> list[tuple[FromClause, ColumnElement[bool]]]:
    """Give the tables that find texts on SQLite.

    Parameters
    ----------
    piece
        A piece of the text; one shorter than three letters has no trigram, and no index helps.
    found
        What `words` gave.

    Returns
    -------
    list
        For each table to be joined by its ``rowid``, the condition on it.
    """
    result = []
    if found:
        result.append((_WORDS, found))
    if piece is not None and len(piece) >= 3:
        result.append((_PIECES, [piece]))
    return [(table(name, column("rowid")), _match(name, phrases)) for name, phrases in result]


def _match(name: str, phrases: Iterable[str]) -> ColumnElement[bool]:
    match = " AND ".join('"' + phrase.replace('"', '""') + '"' for phrase in phrases)
    return literal_column(name).op("MATCH", is_comparison=True)(match)
