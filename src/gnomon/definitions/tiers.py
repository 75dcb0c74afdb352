"""Tiers: how much a specification asks, and whether a lesser one asks less than a greater.

A *minimum* must be met, a *design* should be, a *stretch* would be welcome. So whatever meets a greater tier
must meet the lesser one too.
"""

import itertools
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np

from gnomon.definitions.bounds import Bounds
from gnomon.definitions.specification import TIERS, Specification
from gnomon.definitions.statistical import StatisticalSpecification
from gnomon.definitions.units import IncompatibleUnitsError, convert

__all__ = ["Misordered", "misordered", "tier_of"]

_SEPARATORS = re.compile(r"[_\-]+")
_ROUNDING = 1e-12


class Misordered(NamedTuple):
    """Two specifications of which the lesser tier asks more, at least of some values."""

    lesser: Specification
    greater: Specification


def tier_of(specification: Specification) -> str | None:
    """Say how much a specification asks.

    Parameters
    ----------
    specification
        Any specification.

    Returns
    -------
    str or None
        ``minimum``, ``design`` or ``stretch``: what it says itself, else the one that is a word of its name
        (as in ``design_gri``) or of its metric's, else the one among its tags; `None` if there is none, or
        more than one.
    """
    if specification.tier is not None:
        return specification.tier
    name = specification.name
    for words in (_words(name.spec), _words(name.metric), specification.tags):
        found = [tier for tier in TIERS if tier in words]
        if found:
            return found[0] if len(found) == 1 else None
    return None


def misordered(specifications: Iterable[Specification]) -> Iterator[Misordered]:
    """Find specifications of a lesser tier that are stricter than their counterpart of a greater one.

    Parameters
    ----------
    specifications
        Any specifications.

    Yields
    ------
    Misordered
        Each pair of neighbouring tiers for one metric, one query and one name but for the tier, which the
        name of the metric may have too. Where names do not say the tier, the one specification of each tier
        counts, if there is only one.
    """
    families: dict[tuple[object, ...], dict[str, list[Specification]]] = defaultdict(
        lambda: defaultdict(list)
    )
    for specification in specifications:
        tier = tier_of(specification)
        if tier is not None:
            families[_family(specification, tier)][tier].append(specification)
    for family in families.values():
        present = [tier for tier in TIERS if len(family.get(tier, ())) == 1]
        for lesser, greater in itertools.pairwise(present):
            pair = Misordered(family[lesser][0], family[greater][0])
            if _comparable(*pair) and not _contains(*pair):
                yield pair


def _words(name: str | None) -> tuple[str, ...]:
    return tuple(_SEPARATORS.split((name or "").lower()))


def _family(specification: Specification, tier: str) -> tuple[object, ...]:
    """Give what is the same for specifications that differ in nothing but their tier."""
    name = specification.name
    metric, words = _words(name.metric), _words(name.spec)
    if tier in words:
        rest: object = (metric, tuple(word for word in words if word != tier))
    elif tier in metric:
        rest = (tuple(word for word in metric if word != tier), words)
    else:
        rest = (metric, None)
    return (
        name.package,
        specification.type,
        repr(sorted(map(repr, specification.metadata_query.items()))),
        rest,
    )


def _comparable(a: Specification, b: Specification) -> bool:
    if isinstance(a, StatisticalSpecification) and isinstance(b, StatisticalSpecification):
        return (a.statistic, a.level, a.by) == (b.statistic, b.level, b.by)
    return True


def _edges(specification: Specification) -> Bounds:
    return specification.bounds(np.array(1.0))


def _contains(lesser: Specification, greater: Specification) -> bool:
    """Say whether all that passes the greater passes the lesser; also if that cannot be said."""
    outer, inner = _edges(lesser), _edges(greater)
    if outer.outside or inner.outside or (lesser.unit is None) != (greater.unit is None):
        return True
    lower, upper = float(inner.lower), float(inner.upper)
    if lesser.unit is not None and greater.unit is not None:
        try:
            lower, upper = sorted(convert([lower, upper], greater.unit, lesser.unit).tolist())
        except IncompatibleUnitsError:
            return True
    one_sided = [np.isinf(b.lower) != np.isinf(b.upper) for b in (outer, inner)]
    if all(one_sided) and np.isinf(outer.lower) != np.isinf(lower):
        return True  # one is a floor and one a ceiling: there is no order between them
    slack_low, slack_high = (_ROUNDING * abs(edge) if np.isfinite(edge) else 0.0 for edge in (lower, upper))
    return bool(outer.lower <= lower + slack_low and outer.upper >= upper - slack_high)
