"""Names of packages, metrics and specifications: ``package.metric.spec``."""

import re
from functools import total_ordering
from typing import Any, Self

from gnomon.errors import NameFormatError, NotFullyQualifiedError

__all__ = ["Name"]

_PARTS = ("package", "metric", "spec")
_PART = re.compile(r"[^\s.\x00-\x1f\x7f]+")


@total_ordering
class Name:
    """The name of a package, a metric or a specification.

    A name is *fully qualified* if it starts with its package, *relative* if it is ``metric.spec`` without a
    package, and *bare* if it is a single part. Each argument takes a bare part or a dotted name that ends in
    that part; parts that are given twice must agree.

    Parameters
    ----------
    package
        Package, or any fully qualified dotted name.
    metric
        Metric, bare or as ``package.metric``.
    spec
        Specification, bare, as ``metric.spec`` or as ``package.metric.spec``.

    Raises
    ------
    NameFormatError
        If a part is empty, holds white space, or contradicts another (also a `TypeError`).

    Examples
    --------
    >>> Name("demo.zero_point").metric
    'zero_point'
    >>> Name(metric="demo.zero_point") == "demo.zero_point"
    True
    >>> Name(spec="demo.zero_point.design") in Name("demo.zero_point")
    True
    """

    __slots__ = ("_hash", "_metric", "_package", "_spec", "_text")

    def __init__(
        self,
        package: "str | Name | None" = None,
        metric: "str | Name | None" = None,
        spec: "str | Name | None" = None,
    ) -> None:
        parts: dict[str, str | None] = dict.fromkeys(_PARTS)
        for role, given in (("package", package), ("metric", metric), ("spec", spec)):
            if given is None:
                continue
            for part, value in _split(role, given).items():
                if parts[part] is not None and parts[part] != value:
                    raise NameFormatError(
                        f"The {part} is given twice and differently: {parts[part]!r} and {value!r}."
                    )
                parts[part] = value
        if parts["package"] is not None and parts["spec"] is not None and parts["metric"] is None:
            raise NameFormatError(
                f"A specification needs its metric: package {parts['package']!r} and "
                f"specification {parts['spec']!r} were given without one."
            )
        if not any(parts.values()):
            raise NameFormatError("A name needs at least one of package, metric and spec.")
        self._hash: int | None = None
        self._text: str | None = None
        self._package = parts["package"]
        self._metric = parts["metric"]
        self._spec = parts["spec"]

    @property
    def package(self) -> str | None:
        """The package, or `None`."""
        return self._package

    @property
    def metric(self) -> str | None:
        """The metric without its package, or `None`."""
        return self._metric

    @property
    def spec(self) -> str | None:
        """The specification without its metric, or `None`."""
        return self._spec

    @property
    def has_package(self) -> bool:
        """Whether the name has a package part."""
        return self._package is not None

    @property
    def has_metric(self) -> bool:
        """Whether the name has a metric part."""
        return self._metric is not None

    @property
    def has_spec(self) -> bool:
        """Whether the name has a specification part."""
        return self._spec is not None

    @property
    def has_relative(self) -> bool:
        """Whether there is a ``metric.spec`` to speak of."""
        return self.is_spec and self.has_metric

    @property
    def is_package(self) -> bool:
        """Whether this names a package and nothing in it."""
        return self.has_package and not self.has_metric and not self.has_spec

    @property
    def is_metric(self) -> bool:
        """Whether this names a metric."""
        return self.has_metric and not self.has_spec

    @property
    def is_spec(self) -> bool:
        """Whether this names a specification."""
        return self.has_spec

    @property
    def is_fq(self) -> bool:
        """Whether the name starts with its package and lacks nothing between."""
        return self.has_package

    @property
    def is_relative(self) -> bool:
        """Whether this is ``metric.spec`` without a package."""
        return self.has_metric and self.has_spec and not self.has_package

    @property
    def fqn(self) -> str:
        """The fully qualified name.

        Raises
        ------
        NotFullyQualifiedError
            If the package is not known (also an `AttributeError`; see `is_fq`).
        """
        if not self.is_fq:
            raise NotFullyQualifiedError(f"{str(self)!r} does not say its package.")
        return str(self)

    @property
    def relative_name(self) -> str:
        """The specification relative to its package, ``metric.spec``.

        Raises
        ------
        NotFullyQualifiedError
            If this is no specification, or its metric is not known (also an `AttributeError`; see
            `has_relative`).
        """
        if not self.has_relative:
            raise NotFullyQualifiedError(
                f"{str(self)!r} does not name a specification together with its metric."
            )
        return f"{self._metric}.{self._spec}"

    def __contains__(self, other: object) -> bool:
        if not isinstance(other, Name):
            other = Name(other)  # type: ignore[arg-type]  # checked by the constructor
        mine, theirs = self._key(), other._key()
        depth = max(i for i, part in enumerate(mine) if part is not None) + 1
        return mine[:depth] == theirs[:depth] and mine != theirs

    def _key(self) -> tuple[str | None, str | None, str | None]:
        return (self._package, self._metric, self._spec)

    def _order(self) -> tuple[tuple[bool, str], ...]:
        return tuple((part is not None, part or "") for part in self._key())

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Name):
            return self._key() == other._key()
        if isinstance(other, str):
            return self.is_fq and str(self) == other
        return NotImplemented

    def __lt__(self, other: Any) -> bool:
        if isinstance(other, str):
            other = Name(other)
        if not isinstance(other, Name):
            return NotImplemented
        return self._order() < other._order()

    def __hash__(self) -> int:
        if self._hash is None:
            # A fully qualified name equals its string, so it must hash like one.
            self._hash = hash(str(self)) if self.is_fq else hash(self._key())
        return self._hash

    def __str__(self) -> str:
        if self._text is None:
            self._text = ".".join(part for part in self._key() if part is not None)
        return self._text

    def __repr__(self) -> str:
        if self.is_fq:
            return f"Name({', '.join(repr(part) for part in self._key() if part is not None)})"
        parts = ", ".join(f"{k}={v!r}" for k, v in zip(_PARTS, self._key(), strict=True) if v is not None)
        return f"Name({parts})"

    def __copy__(self) -> Self:
        return self

    def __reduce__(self) -> tuple[type[Self], tuple[str | None, ...]]:
        return (type(self), self._key())


def _split(role: str, given: "str | Name") -> dict[str, str]:
    """Take a dotted name apart, its last part being ``role`` (its first, for a package)."""
    if isinstance(given, Name):
        parts = {p: v for p, v in zip(_PARTS, given._key(), strict=True) if v is not None}
        if role != "package" and role not in parts:
            raise NameFormatError(f"{str(given)!r} was given as the name of a {role} and names none.")
        return parts
    if not isinstance(given, str):
        raise NameFormatError(f"A name is a string or a Name, not {type(given).__name__}: {given!r}.")
    pieces = given.split(".")
    for piece in pieces:
        if not _PART.fullmatch(piece):
            raise NameFormatError(f"{given!r} is not a name: {piece!r} in it is empty or holds white space.")
    depth = len(_PARTS) if role == "package" else _PARTS.index(role) + 1
    if len(pieces) > depth:
        raise NameFormatError(f"{given!r} has {len(pieces)} parts; a {role} name has at most {depth}.")
    if role == "package":
        return dict(zip(_PARTS, pieces, strict=False))
    return dict(zip(_PARTS[depth - len(pieces) : depth], pieces, strict=True))
