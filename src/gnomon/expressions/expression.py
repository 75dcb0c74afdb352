"""A parsed expression, and what can be asked of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from gnomon.expressions import tree
from gnomon.expressions.parser import parse_tree

if TYPE_CHECKING:
    import polars as pl

__all__ = ["Expression", "parse"]


@dataclass(frozen=True)
class Expression:
    """A parsed expression; equal to another if both mean the same by the letter.

    Attributes
    ----------
    root
        The tree.
    text
        As a person wrote it, for messages; no part of what the expression means.
    """

    root: tree.Node
    text: str = field(default="", compare=False)

    @property
    def names(self) -> frozenset[str]:
        """The columns that it needs."""
        return frozenset(node.name for node in self.root.walk() if isinstance(node, tree.Name))

    @property
    def binds(self) -> frozenset[str]:
        """The values that must be given at evaluation, without their colons."""
        return frozenset(node.name for node in self.root.walk() if isinstance(node, tree.Bind))

    def to_polars(
        self,
        columns: "Mapping[str, pl.DataType] | pl.DataFrame | pl.LazyFrame",
        *,
        bind: Mapping[str, Any] | None = None,
        condition: bool = False,
    ) -> "pl.Expr":
        """Translate it for Polars.

        Parameters
        ----------
        columns
            The columns that there are and their types: a schema or a frame.
        bind
            The values of ``:name``: numbers, text, truth values, `astropy.time.Time` or an aware `datetime`;
            in ``IN``, any collection of them.
        condition
            Whether only an expression will do that is true or false.

        Returns
        -------
        polars.Expr
            A condition gives true, false, or null where it is unknown, so that a filter drops the row; the
            package's text has the rules for null and NaN.

        Raises
        ------
        ExpressionError
            If a name is no column or not given, or types do not fit together; the message shows where.

        Examples
        --------
        >>> import polars as pl
        >>> frame = pl.DataFrame({"visit": [1, 2, 3], "seeing": [0.7, float("nan"), 1.9]})
        >>> frame.filter(parse("NOT seeing > 1.5").to_polars(frame))["visit"].to_list()
        [1]
        """
        # Imported here so that parsing, and checking a file of rules, need not wait for Polars.
        from gnomon.expressions.translation import translate

        return translate(
            self.root, columns, bind={} if bind is None else bind, condition=condition, text=self.text
        )

    def __str__(self) -> str:
        return str(self.root)


def parse(text: str) -> Expression:
    """Parse an expression.

    Parameters
    ----------
    text
        In the language that the package describes.

    Returns
    -------
    Expression
        Whose `str` is the same expression, written in one way.

    Raises
    ------
    ExpressionError
        If the text is no expression; the message shows where.

    Examples
    --------
    >>> str(parse("(seeing>1.5)&!bad_focus"))
    'seeing > 1.5 AND NOT bad_focus'
    >>> sorted(parse("seeing > 1.5 AND NOT bad_focus").names)
    ['bad_focus', 'seeing']
    """
    return Expression(parse_tree(text), text)
