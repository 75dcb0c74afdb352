"""A query of metadata: which jobs and data IDs a specification is about.

A term is a key and what its value must be: a plain value (equal to it), or, beyond the established format, a
*condition*, a mapping of one or more of these keys, all of which must hold:

========== ==========================================================================================
``min``    the value is at least this one (numbers, or strings such as dates)
``max``    the value is at most this one
``above``  the value is greater
``below``  the value is less
``in``     the value is one of a list
``not_in`` the value is none of a list
``like``   the value is a string and matches a shell pattern such as ``LSST*`` (upper and lower case differ)
========== ==========================================================================================

Established readers hold such a mapping for a value that nothing equals, so that a specification which has one
does not apply to anything there: it is never judged wrongly.
"""

import fnmatch
from collections.abc import Callable, Mapping
from typing import Any

from gnomon.errors import DefinitionError, DefinitionTypeError, nearest

__all__ = ["CONDITIONS", "MetadataQuery", "is_condition", "meets", "words"]


def _comparable(fact: Any, bound: Any) -> bool:
    """Say whether order means something between two values: both numbers or both strings."""
    numbers = [isinstance(value, int | float) and not isinstance(value, bool) for value in (fact, bound)]
    return all(numbers) or (isinstance(fact, str) and isinstance(bound, str))


CONDITIONS: Mapping[str, Callable[[Any, Any], bool]] = {
    "min": lambda fact, bound: _comparable(fact, bound) and fact >= bound,
    "max": lambda fact, bound: _comparable(fact, bound) and fact <= bound,
    "above": lambda fact, bound: _comparable(fact, bound) and fact > bound,
    "below": lambda fact, bound: _comparable(fact, bound) and fact < bound,
    "in": lambda fact, choice: any(_same(fact, item) for item in choice),
    "not_in": lambda fact, choice: not any(_same(fact, item) for item in choice),
    "like": lambda fact, pattern: isinstance(fact, str) and fnmatch.fnmatchcase(fact, pattern),
}
"""What a condition can ask, and how a fact answers it."""

_WORDS = {
    "min": ">=",
    "max": "<=",
    "above": ">",
    "below": "<",
    "in": "one of",
    "not_in": "none of",
    "like": "like",
}


def _same(a: Any, b: Any) -> bool:
    # True is 1 in Python, but a flag is not a visit number.
    return bool(isinstance(a, bool) == isinstance(b, bool) and a == b)


def is_condition(wanted: Any) -> bool:
    """Say whether what a term asks for is a condition and no plain value.

    Parameters
    ----------
    wanted
        The value of a term.

    Returns
    -------
    bool
        Whether it is a mapping.
    """
    return isinstance(wanted, Mapping)


def meets(fact: Any, wanted: Any) -> bool:
    """Say whether a fact is what a term asks for.

    Parameters
    ----------
    fact
        A value of the metadata.
    wanted
        A plain value or a condition.

    Returns
    -------
    bool
        Whether it is. A fact of another type than the condition's does not meet it.
    """
    if is_condition(wanted):
        return all(CONDITIONS[key](fact, bound) for key, bound in wanted.items())
    return bool(fact == wanted)


def words(term: str, wanted: Any) -> str:
    """Say in words what a term asks for.

    Parameters
    ----------
    term
        The key.
    wanted
        A plain value or a condition.

    Returns
    -------
    str
        Such as ``band = g`` or ``airmass >= 1 and <= 1.5``.
    """
    if not is_condition(wanted):
        return f"{term} = {wanted}"
    parts = []
    for key, bound in wanted.items():
        shown = ", ".join(map(str, bound)) if isinstance(bound, list | tuple) else bound
        parts.append(f"{_WORDS[key]} {shown}")
    return f"{term} {' and '.join(parts)}"


class MetadataQuery(dict[str, Any]):
    """Terms that metadata must all answer.

    Parameters
    ----------
    terms
        From keys to plain values or conditions.

    Raises
    ------
    DefinitionError
        If it is no mapping, or a condition asks for what there is not.

    Examples
    --------
    >>> query = MetadataQuery({"band": {"in": ["g", "r"]}, "airmass": {"max": 1.5}})
    >>> query({"band": "r", "airmass": 1.2, "visit": 3})
    True
    >>> query({"band": "r"})
    False
    >>> query.unmet({"band": "r", "airmass": 1.7})
    'asks for airmass <= 1.5; it is 1.7'
    """

    def __init__(self, terms: Mapping[str, Any] | None = None) -> None:
        if terms is not None and not isinstance(terms, Mapping):
            raise DefinitionTypeError(f"A metadata query is a mapping, not {terms!r}.")
        super().__init__(terms or {})
        for term, wanted in self.items():
            if is_condition(wanted):
                _check_condition(term, wanted)

    @property
    def terms(self) -> dict[str, Any]:
        """The terms themselves: a dictionary that can be changed."""
        return self

    def __call__(self, metadata: Mapping[str, Any], arg_driven: bool = False) -> bool:
        """Say whether metadata answer the query.

        Parameters
        ----------
        metadata
            Keys and values.
        arg_driven
            Whether to look the other way round: ``metadata`` is the question, and this query must have all
            its terms, with equal values (or conditions that these values meet).

        Returns
        -------
        bool
            Whether all terms are answered.
        """
        if arg_driven:
            return all(term in self and meets(value, self[term]) for term, value in metadata.items())
        return all(term in metadata and meets(metadata[term], wanted) for term, wanted in self.items())

    def unmet(self, metadata: Mapping[str, Any]) -> str | None:
        """Say which term metadata do not answer.

        Parameters
        ----------
        metadata
            Keys and values.

        Returns
        -------
        str or None
            The first such term, what it asks for and what was found; `None` if there is none.
        """
        for term, wanted in self.items():
            if term not in metadata:
                return f"asks for {words(term, wanted)}; that is not known"
            if not meets(metadata[term], wanted):
                return f"asks for {words(term, wanted)}; it is {metadata[term]}"
        return None

    @property
    def json(self) -> dict[str, Any]:
        """The terms as a plain dictionary."""
        return dict(self)

    def __repr__(self) -> str:
        return f"MetadataQuery({dict(self)!r})"

    def __str__(self) -> str:
        return str(dict(self))


def _check_condition(term: str, condition: Mapping[str, Any]) -> None:
    if not condition:
        raise DefinitionError(f"The condition on {term!r} is empty; it can have: {', '.join(CONDITIONS)}.")
    for key, bound in condition.items():
        if key not in CONDITIONS:
            raise DefinitionError(f"{key!r} is no condition on {term!r}.{nearest(str(key), CONDITIONS)}")
        if key in ("in", "not_in"):
            good = isinstance(bound, list | tuple)
            expected = "a list"
        elif key == "like":
            good, expected = isinstance(bound, str), "a pattern"
        else:
            good = isinstance(bound, int | float | str) and not isinstance(bound, bool)
            expected = "a number or a string"
        if not good:
            raise DefinitionError(f"{key!r} on {term!r} takes {expected}, not {bound!r:.60}.")
