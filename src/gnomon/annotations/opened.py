"""An open log: its transactions, the numbers of its names, its vocabulary and its policies."""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from sqlalchemy import Connection

from gnomon.annotations import checks
from gnomon.annotations import policy as policies
from gnomon.annotations import vocabulary as vocabularies
from gnomon.annotations.cuts import Cut
from gnomon.annotations.policy import STANDARD, Policy
from gnomon.annotations.storage import definitions
from gnomon.annotations.storage.database import Database
from gnomon.annotations.storage.names import Names
from gnomon.annotations.vocabulary import Vocabulary, VocabularyDocument
from gnomon.errors import VocabularyError, nearest

__all__ = ["OpenedLog"]

STANDARD_VOCABULARY = "standard@1"
"""The vocabulary that ships with gnomon, at the version by which new assertions are checked."""

type _Transaction = tuple[Connection, Names]


class OpenedLog:
    """What all that is done with a log needs.

    Parameters
    ----------
    database
        Where the log is kept.
    origin
        The name under which events are recorded.
    """

    def __init__(self, database: Database, *, origin: str) -> None:
        self._database = database
        self.origin = checks.origin(origin)
        self._names = Names()
        self._lock = threading.Lock()
        self._vocabulary: tuple[int, Vocabulary] = (0, vocabularies.load())

    def close(self) -> None:
        """Close the database; closing twice is no mistake."""
        self._database.close()

    @property
    def vocabulary(self) -> Vocabulary:
        """The flags that there are now: those that ship with gnomon, and those that the site laid down."""
        with self._reading() as (connection, names):
            return self._present_vocabulary(connection, names)

    @property
    def policies(self) -> Mapping[str, Policy]:
        """The policies that there are, by label."""
        with self._reading() as (connection, names):
            return {**self._laid_down(connection, names), **policies.shipped()}

    @property
    def vocabularies(self) -> Mapping[str, VocabularyDocument]:
        """The vocabularies that there are, as they were laid down, by label."""
        with self._reading() as (connection, names):
            found = [
                vocabularies.parse_vocabulary(definition.document)
                for definition in definitions.read(connection, names, None)
                if definition.kind == "vocabulary"
            ]
        return {**{document.label: document for document in found}, **vocabularies.shipped()}

    @contextmanager
    def _reading(self) -> Iterator[_Transaction]:
        names = Names(self._names)
        with self._database.read() as connection:
            yield connection, names
        self._learn(names)

    @contextmanager
    def _writing(self) -> Iterator[_Transaction]:
        # On a copy: numbers given in a transaction that fails were never given.
        names = Names(self._names)
        with self._database.write() as connection:
            yield connection, names
        self._learn(names)

    def _learn(self, names: Names) -> None:
        with self._lock:
            if len(names.actors) + len(names.origins) > len(self._names.actors) + len(self._names.origins):
                self._names = names

    def _present_vocabulary(self, connection: Connection, names: Names) -> Vocabulary:
        number = definitions.count(connection)
        known, vocabulary = self._vocabulary
        if known != number:
            vocabulary = self._vocabulary_at(connection, names, STANDARD_VOCABULARY, None)
            self._vocabulary = (number, vocabulary)
        return vocabulary

    def _vocabulary_at(self, connection: Connection, names: Names, label: str, cut: Cut | None) -> Vocabulary:
        shipped = vocabularies.shipped()
        if label not in shipped:
            raise VocabularyError(f"gnomon has no vocabulary {label!r}.{nearest(label, shipped)}")
        laid_down = [
            vocabularies.parse_vocabulary(definition.document)
            for definition in definitions.read(connection, names, cut)
            if definition.kind == "vocabulary"
        ]
        return vocabularies.combine(shipped[label], laid_down)

    def _laid_down(self, connection: Connection, names: Names) -> dict[str, Policy]:
        # Whenever they were laid down: a version means the same for ever, and may be asked of any past.
        return {
            definition.label: policies.parse_policy(definition.document)
            for definition in definitions.read(connection, names, None)
            if definition.kind == "policy"
        }

    def _policy(self, connection: Connection, names: Names, asked: Policy | str | None) -> Policy:
        if isinstance(asked, Policy):
            return asked
        label = STANDARD if asked is None else asked
        if label in policies.shipped():
            return policies.shipped()[label]
        return policies.find(label, self._laid_down(connection, names))
