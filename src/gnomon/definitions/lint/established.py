"""What readers of the established format refuse, though it means something here."""

from collections.abc import Iterator, Mapping

from gnomon.definitions.lint.package import Package
from gnomon.definitions.lint.rules import Finding, make_finding
from gnomon.definitions.metric import EXTENSION
from gnomon.definitions.threshold import ThresholdSpecification

__all__ = ["established_readers"]

_OURS = ("dimensions", "better", "measure")
_THRESHOLD = ("value", "operator", "unit")


def established_readers(package: Package) -> Iterator[Finding]:
    """Find what only gnomon can read.

    Parameters
    ----------
    package
        The package.

    Yields
    ------
    Finding
        Of the rule ``established-reader``, once for each place, however many inherit from there.
    """
    seen = set()
    for name, defined in package.metrics.items():
        for key in _OURS:
            place = defined.definition.where(key)
            if key in defined.definition and place not in seen:
                seen.add(place)
                yield make_finding(
                    "established-reader",
                    place,
                    f"Readers of the established format refuse {key!r} in the metric {name}.",
                    f"Write it below the reference: reference: {{{EXTENSION}: {{{key}: ...}}}}.",
                )
    for specified in package.specifications:
        specification = specified.specification
        if specification is None or isinstance(specification, ThresholdSpecification):
            continue
        threshold = specified.content.get("threshold")
        whole = isinstance(threshold, Mapping) and all(key in threshold for key in _THRESHOLD)
        place = specified.content.where(specification.type)
        if not whole and place not in seen:
            seen.add(place)
            yield make_finding(
                "established-reader",
                place,
                f"Readers of the established format refuse {specification.name}, which has no threshold.",
                "Write a threshold beside it that comes near; here it plays no part.",
            )
