"""What metrics and specifications have in common: a name that is theirs and labels to group them by."""

from collections.abc import Iterable

from gnomon.errors import DefinitionTypeError

__all__ = ["Tagged", "wanted_tags"]


class Tagged:
    """Something with labels. They are a set, but are written in the order in which they were given."""

    _tags: set[str]
    _order: tuple[str, ...]

    @property
    def tags(self) -> set[str]:
        """The labels, a set that can be changed; setting takes any iterable or one string."""
        return self._tags

    @tags.setter
    def tags(self, value: Iterable[str] | str) -> None:
        given = [value] if isinstance(value, str) else list(value)
        for tag in given:
            if not isinstance(tag, str):
                raise DefinitionTypeError(f"A tag is a string, not {type(tag).__name__}: {tag!r}.")
        self._tags = set(given)
        # A set has no order of its own, and what is written shall not differ from run to run.
        self._order = tuple(sorted(given) if isinstance(value, set | frozenset) else given)

    def _tag_list(self) -> list[str]:
        """Give the labels in the order in which they were given, later ones sorted."""
        known = [tag for tag in dict.fromkeys(self._order) if tag in self._tags]
        return known + sorted(self._tags.difference(known))


def wanted_tags(tags: Iterable[str] | str | None) -> set[str]:
    """Read the tags that somebody asks for.

    Parameters
    ----------
    tags
        Any iterable of tags, a single one, or `None` for none.

    Returns
    -------
    set of str
        The tags.
    """
    return {tags} if isinstance(tags, str) else set(tags or ())
