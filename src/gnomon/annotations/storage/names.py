"""Numbers for actors and origins, which every row would otherwise spell out."""

from collections.abc import Iterable

from sqlalchemy import Connection

from gnomon.annotations.model import Actor
from gnomon.annotations.storage import bulk, schema

__all__ = ["Names"]

_ACTOR = ("no", "name", "kind", "on_behalf_of", "agent", "agent_version")


class Names:
    """The numbers that one database gave, as far as they were read; they never change.

    Parameters
    ----------
    known
        What is known already. A writing transaction works on a copy, which becomes the common one when it is
        committed.
    """

    def __init__(self, known: "Names | None" = None) -> None:
        self.actors: dict[int, Actor] = {} if known is None else dict(known.actors)
        self.origins: dict[int, str] = {} if known is None else dict(known.origins)
        self._actor_numbers = {actor: number for number, actor in self.actors.items()}
        self._origin_numbers = {origin: number for number, origin in self.origins.items()}

    def refresh(
        self, connection: Connection, *, actors: Iterable[int] = (), origins: Iterable[int] = ()
    ) -> None:
        """Read numbers that came up and are not known yet.

        Parameters
        ----------
        connection
            Any transaction.
        actors, origins
            The numbers.
        """
        if not self.actors.keys() >= set(actors):
            self._read_actors(connection)
        if not self.origins.keys() >= set(origins):
            self._read_origins(connection)

    def origin_number(self, connection: Connection, name: str) -> int:
        """Give the number of an origin.

        Parameters
        ----------
        connection
            A writing transaction if the origin may be new.
        name
            The origin.

        Returns
        -------
        int
            A new one is recorded.
        """
        if name not in self._origin_numbers:
            self._read_origins(connection)
        if name not in self._origin_numbers:
            number = max(self.origins, default=0) + 1
            columns = ("no", "name", "last_seq", "last_hlc", "last_hash")
            bulk.insert(connection, schema.origin, columns, [(number, name, 0, 0, "")])
            self.origins[number], self._origin_numbers[name] = name, number
        return self._origin_numbers[name]

    def actor_number(self, connection: Connection, actor: Actor) -> int:
        """Give the number of an actor.

        Parameters
        ----------
        connection
            A writing transaction.
        actor
            Who.

        Returns
        -------
        int
            A new one is recorded.
        """
        if actor not in self._actor_numbers:
            self._read_actors(connection)
        if actor not in self._actor_numbers:
            number = max(self.actors, default=0) + 1
            row = (number, actor.name, actor.kind, actor.on_behalf_of, actor.agent, actor.agent_version)
            bulk.insert(connection, schema.actor, _ACTOR, [row])
            self.actors[number], self._actor_numbers[actor] = actor, number
        return self._actor_numbers[actor]

    def numbers_of(self, connection: Connection, actor: str) -> list[int]:
        """Give the numbers under which a bot or pipeline is known, one for each version of its program.

        Parameters
        ----------
        connection
            Any transaction.
        actor
            Its name.

        Returns
        -------
        list of int
            Empty if it never said anything.
        """
        self._read_actors(connection)
        return [number for number, known in self.actors.items() if known.name == actor and not known.is_human]

    def _read_actors(self, connection: Connection) -> None:
        query = "SELECT no, name, kind, on_behalf_of, agent, agent_version FROM actor WHERE no > "
        # Numbers are given in order, so only later ones can be new.
        last = max(self.actors, default=0)
        for row in connection.exec_driver_sql(f"{query}{last:d}"):
            actor = Actor(row[1], row[2], on_behalf_of=row[3], agent=row[4], agent_version=row[5])
            self.actors[row[0]], self._actor_numbers[actor] = actor, row[0]

    def _read_origins(self, connection: Connection) -> None:
        last = max(self.origins, default=0)
        for number, name in connection.exec_driver_sql(f"SELECT no, name FROM origin WHERE no > {last:d}"):
            self.origins[number], self._origin_numbers[name] = name, number
