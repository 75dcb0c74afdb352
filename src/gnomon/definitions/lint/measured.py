"""Specifications held against the metrics that they are about, and against one another."""

from collections.abc import Iterator

import astropy.units as u

from gnomon.definitions.hints import Hints
from gnomon.definitions.lint.inheritance import contradictions
from gnomon.definitions.lint.package import DefinedSpecification, Package
from gnomon.definitions.lint.rules import Finding, make_finding
from gnomon.definitions.specification import Specification
from gnomon.definitions.statistical import StatisticalSpecification
from gnomon.definitions.threshold import ThresholdSpecification
from gnomon.definitions.tiers import misordered
from gnomon.definitions.units import unit_string
from gnomon.definitions.yaml_source import Located, Place

__all__ = ["against_direction", "tier_order", "unit_mismatches", "unknown_metrics"]

_BETTER = {"<": "lower", "<=": "lower", ">": "higher", ">=": "higher"}
_TURNED = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}


def unknown_metrics(package: Package) -> Iterator[Finding]:
    """Find specifications of metrics that are not defined, where their package's metrics are.

    Parameters
    ----------
    package
        The package.

    Yields
    ------
    Finding
        Of the rule ``unknown-metric``, where the metric is said.
    """
    hints, seen = Hints(), set()
    for defined in package.specifications:
        folder = defined.name.package or ""
        if (
            folder not in package.metric_packages
            or defined.metric in package.metrics
            or defined.metric in package.broken_metrics
        ):
            continue
        key = "name" if "." in str(defined.document.content.get("name")) else "metric"
        if key not in defined.content:
            continue  # it has the metric of a specification that is its base, and that one is told
        place = defined.content.where(key)
        if place in seen:
            continue
        seen.add(place)
        hint = hints.nearest(defined.metric, (n for n in package.metrics if n.startswith(f"{folder}.")))
        yield make_finding(
            "unknown-metric",
            place,
            f"There is no metric {defined.metric} in metrics/{folder}.yaml.",
            hint.strip() if "Did you" in hint else "",
        )


def unit_mismatches(package: Package) -> Iterator[Finding]:
    """Find thresholds whose unit does not convert into the metric's.

    Parameters
    ----------
    package
        The package.

    Yields
    ------
    Finding
        Of the rule ``unit-mismatch``, where the unit stands.
    """
    seen: set[Place] = set()
    convertible: dict[tuple[str, str], bool] = {}
    for defined in package.specifications:
        specification, metric = defined.specification, package.metrics.get(defined.metric)
        if specification is None or metric is None or specification.unit is None:
            continue
        part = _part(defined, specification)
        if isinstance(part, Located) and "unit" in part:
            place = part.where("unit")
        elif _threshold(specification) is not None:
            continue  # without a unit it is incomplete, and that is told
        else:
            place = defined.content.where(specification.type)
        wanted, given = metric.metric.unit_str, unit_string(specification.unit)
        if (wanted, given) not in convertible:
            convertible[wanted, given] = _convert(specification.unit, metric.metric.unit)
        if not convertible[wanted, given] and place not in seen:
            seen.add(place)
            yield make_finding(
                "unit-mismatch",
                place,
                f"{specification.name} is in {given or 'no unit'}, which does not convert into "
                f"{wanted or 'no unit'}, the unit of {defined.metric}.",
                f"Write it in {wanted}." if wanted else "Write unit: ''.",
            )


def against_direction(package: Package) -> Iterator[Finding]:
    """Find thresholds that limit the side on which a metric is better.

    Parameters
    ----------
    package
        The package.

    Yields
    ------
    Finding
        Of the rule ``direction``, where the operator stands.
    """
    seen: set[Place] = set()
    for defined in package.specifications:
        specification, metric = defined.specification, package.metrics.get(defined.metric)
        if specification is None or metric is None or metric.metric.better is None:
            continue
        tested = _threshold(specification)
        if tested is None or _BETTER.get(tested.operator_str, metric.metric.better) == metric.metric.better:
            continue
        part = defined.content["threshold"]
        place = part.where("operator")
        if place not in seen:
            seen.add(place)
            yield make_finding(
                "direction",
                place,
                f"{specification.name} asks for values {tested.operator_str} its threshold, but "
                f"{metric.metric.better} values of {defined.metric} are better.",
                f"Did you mean '{_TURNED[tested.operator_str]}'?",
            )


def tier_order(package: Package) -> Iterator[Finding]:
    """Find specifications of a lesser tier that ask more than those of a greater one.

    Parameters
    ----------
    package
        The package.

    Yields
    ------
    Finding
        Of the rule ``tier-order``, once for two values, however many specifications inherit them.
    """
    told = {found.defined for found in contradictions(package)}
    by_name = {
        defined.name: defined
        for defined in package.specifications
        if defined.specification is not None and defined not in told
    }
    pairs = []
    sound = (defined.specification for defined in by_name.values() if defined.specification is not None)
    for pair in misordered(sound):
        lesser, greater = by_name[pair.lesser.name], by_name[pair.greater.name]
        inherited = (not _says(lesser, pair.lesser)) + (not _says(greater, pair.greater))
        pairs.append((inherited, pair, lesser, greater))
    seen: set[tuple[Place, Place]] = set()
    # Those that say the values themselves come first, so that their heirs add nothing.
    for _, pair, lesser, greater in sorted(pairs, key=lambda found: (found[0], found[2].name)):
        places = _value_place(lesser, pair.lesser), _value_place(greater, pair.greater)
        if places in seen:
            continue
        seen.add(places)
        if _says(lesser, pair.lesser):
            where = places[0]
        elif _says(greater, pair.greater):
            where = places[1]
        else:
            where = lesser.document.content.where("base")
        yield make_finding(
            "tier-order",
            where,
            f"{pair.lesser.name} ({pair.lesser.requirement}) asks more than {pair.greater.name} "
            f"({pair.greater.requirement}), which is of a greater tier.",
            "Are the two exchanged?",
        )


def _threshold(specification: Specification) -> ThresholdSpecification | StatisticalSpecification | None:
    if isinstance(specification, ThresholdSpecification | StatisticalSpecification):
        return specification
    return None


def _key(specification: Specification) -> str:
    return specification.type if _threshold(specification) is None else "threshold"


def _part(defined: DefinedSpecification, specification: Specification) -> object:
    """Give the mapping in which the unit and the values stand."""
    return defined.content.get(_key(specification))


def _says(defined: DefinedSpecification, specification: Specification) -> bool:
    """Say whether a specification has its limits from its own document."""
    part = defined.document.content.get(_key(specification))
    return isinstance(part, Located) and (_threshold(specification) is None or "value" in part)


def _value_place(defined: DefinedSpecification, specification: Specification) -> Place:
    part = _part(defined, specification)
    if _threshold(specification) is not None and isinstance(part, Located):
        return part.where("value")
    return defined.content.where(_key(specification))


def _convert(unit: u.UnitBase, target: u.UnitBase) -> bool:
    return bool(unit.is_equivalent(target))
