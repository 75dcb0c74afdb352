"""Suggestions for many wrong names: remembered, and no more of them than anybody waits for."""

from collections.abc import Iterable

from gnomon.errors import nearest

__all__ = ["Hints"]


class Hints:
    """What `gnomon.errors.nearest` says, for as long as it is cheap.

    One comparison of names is slow enough that a thousand wrong names among a thousand known ones take
    minutes: a file that cannot be read makes that many at once.

    Parameters
    ----------
    limit
        How many comparisons are made altogether; later names get no hint.
    """

    def __init__(self, limit: int = 20_000) -> None:
        self._left = limit
        self._said: dict[str, str] = {}

    def nearest(self, given: str, known: Iterable[str]) -> str:
        """Say which known name comes nearest to a wrong one.

        Parameters
        ----------
        given
            The name that was not found.
        known
            The names that exist; not consumed where nothing will be said.

        Returns
        -------
        str
            A clause to append to a message, with a leading space; empty after the limit.
        """
        if given not in self._said:
            if self._left <= 0:
                return ""
            names = list(known)
            self._left -= len(names)
            self._said[given] = nearest(given, names)
        return self._said[given]
