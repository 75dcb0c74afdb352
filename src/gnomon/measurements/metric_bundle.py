"""The JSON of several measurements that established analysis pipelines write; it is read, never written.

The file is an object. Under the name of each tool that measured stands a list of measurements, each as a
`Measurement` is written in JSON but without its blobs and notes. Keys that begin with two underscores say
something about the whole and are no tools. Several tools call their results alike, so that the tool's name is
part of a metric's: ``g_highSNStars_median`` of the tool ``e1Diff`` is ``e1Diff.g_highSNStars_median``.
"""

import json
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from gnomon.definitions import parse_unit, unit_string
from gnomon.errors import DefinitionError, FormatError, GnomonError
from gnomon.measurements.documents import shown
from gnomon.measurements.measurement import Measurement
from gnomon.measurements.values import Values, values_of

__all__ = ["full_name", "read_bundle"]

_ABOUT = "__"
_QUICK_KEYS = frozenset({"metric", "identifier", "value", "unit", "blob_refs"})
_PART = re.compile(r"[A-Za-z0-9_]+")


def full_name(tool: str, metric: str) -> str:
    """Name the metric of a measurement in a bundle.

    Parameters
    ----------
    tool
        The key under which it stands.
    metric
        Its own name.

    Returns
    -------
    str
        Tool and metric; if the metric has a package and that is not the tool, package, tool and metric.

    Examples
    --------
    >>> full_name("e1Diff", "g_highSNStars_median")
    'e1Diff.g_highSNStars_median'
    >>> full_name("e1Diff", "analysis_tools.g_highSNStars_median")
    'analysis_tools.e1Diff.g_highSNStars_median'
    """
    package, _, own = metric.rpartition(".")
    return f"{tool}.{own}" if not package or package == tool else f"{package}.{tool}.{own}"


def read_bundle(content: bytes | str, *, file: str | None = None) -> list[Values]:
    """Read the measurements of a bundle.

    Parameters
    ----------
    content
        The file's content. NaN may stand in it, as the established writer lets it.
    file
        What to call it in messages.

    Returns
    -------
    list of Values
        In the order of the file. Of two measurements of one tool with one name the later one is given, as
        established readers do.

    Raises
    ------
    FormatError
        If it is not such a file.
    """
    try:
        document = json.loads(content)
    except json.JSONDecodeError as error:
        raise FormatError(f"This is not JSON: {error.msg}.", file=file, line=error.lineno) from error
    except (ValueError, RecursionError) as error:
        raise FormatError(f"This is not JSON that can be read: {error}.", file=file) from error
    if not isinstance(document, dict):
        raise FormatError(
            f"A bundle's file is one JSON object of lists of measurements, not {shown(document)}.", file=file
        )
    found: dict[str, Values] = {}
    for tool, measurements in document.items():
        if tool.startswith(_ABOUT):
            continue
        if not tool.strip() or not isinstance(measurements, list):
            raise FormatError(
                f"Under {tool!r} stands a list of measurements, not {shown(measurements)}.", file=file
            )
        for place, element in enumerate(measurements):
            try:
                values = _quick(element) or values_of(Measurement.deserialize(**_checked(element)))
            except GnomonError as error:
                raise FormatError(f"{tool}[{place}]: {error.message}", file=file) from error
            name = full_name(tool, values.metric)
            found[name] = values._replace(metric=name)
    return list(found.values())


def _checked(element: Any) -> dict[str, Any]:
    if not isinstance(element, Mapping) or not isinstance(element.get("metric"), str):
        raise FormatError(f"A measurement is an object with the name of its metric, not {shown(element)}.")
    return dict(element)


def _quick(element: Any) -> Values | None:
    """Read a measurement that is like nearly all others."""
    if type(element) is not dict or not element.keys() <= _QUICK_KEYS:
        return None
    metric, value, unit = element.get("metric"), element.get("value"), element.get("unit")
    if type(metric) is not str or type(value) is not float or type(unit) is not str:
        return None
    stored = _unit(unit)
    if stored is None or not _PART.fullmatch(metric):
        return None
    return Values(metric, value, stored)


@lru_cache(maxsize=1024)
def _unit(text: str) -> str | None:
    try:
        return unit_string(parse_unit(text))
    except DefinitionError:
        return None
