"""The values in the commonest files of measurements, read in a tenth of the time.

A repository holds millions of files that were all written by one of two writers, and differ in a few
scalars. What they have in common is one regular expression here. It takes no more than what it knows: a
scalar that YAML's many rules could make anything else of, another order, another tag, and the file is left to
`gnomon.measurements.yaml_codec`, which knows all of YAML and says what is wrong.
"""

import re
from functools import lru_cache

from gnomon.definitions import parse_unit, unit_string
from gnomon.errors import DefinitionError
from gnomon.measurements.values import CERTAIN_TIME, MEASURED_AT, Values, extras_text

__all__ = ["read_values"]

# Only scalars of which all versions of YAML make the same: the text itself or the number.
_NAME = r"[A-Za-z_][A-Za-z0-9_]*\.[A-Za-z_][A-Za-z0-9_]*"
_DOTTED = r"[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z0-9_]+)+"
_IDENTIFIER = r"(?:(?!0b[01]{30})(?=[0-9]*[a-f])[0-9a-f]{32}|'[0-9a-f]{32}')"
_QUOTED = r"'[ !#-&(-~]*'"
_NO_WORD = r"(?!(?i:null|y|n|yes|no|on|off|true|false)\n)"
_UNIT = rf"(?:{_QUOTED}|{_NO_WORD}[A-Za-z]+)"
_INTEGER = r"-?(?:0|[1-9][0-9]{0,14})"
_FLOAT = r"-?[0-9]{1,25}\.[0-9]{1,25}(?:e[+-][0-9]{1,3})?"
_NUMBER = rf"(?:{_FLOAT}|{_INTEGER}|\.nan|-?\.inf)"
_TEXT = rf"(?:null|{_QUOTED}|{_NO_WORD}[A-Za-z_][A-Za-z0-9_ ]*[A-Za-z0-9_.])"

_FILE = re.compile(
    rf"""!<lsst\.verify\.Measurement>
blobs:(?: \[\]
|
- !<lsst\.verify\.Blob>
  data:(?: null| \{{\}}|(?P<data>(?:\n    [ !-~]+)+))
  identifier: {_IDENTIFIER}
  name: (?P<blob>{_NAME})
)(?:gnomon_schema: 1
)?identifier: {_IDENTIFIER}
metric: (?P<metric>{_NAME})
notes:(?: \{{\}}|(?P<notes>(?:\n  [ !-~]+)+))
unit: (?P<unit>{_UNIT})
value: (?P<value>{_NUMBER})
(?:gnomon_provenance: '[ -&(-~]*'
)?""",
    re.ASCII,
)
_DATUM = re.compile(
    rf"""
    ([A-Za-z_][A-Za-z0-9_]*): !<lsst\.verify\.Datum>
      description: {_TEXT}
      label: {_TEXT}
      unit: ({_UNIT})
      value: ({_NUMBER}|{_QUOTED})(?=\n|\Z)""",
    re.ASCII,
)
_NOTE = re.compile(rf"\n  ({_DOTTED}): ({_QUOTED}|{_DOTTED})(?=\n|\Z)", re.ASCII)
_KEYWORDS = frozenset({"null", "y", "n", "yes", "no", "on", "off", "true", "false"})
_NOT_FINITE = {".nan": "nan", ".inf": "inf", "-.inf": "-inf"}


def read_values(content: bytes) -> Values | None:
    """Read the values in a measurement's file, if it is one of the commonest.

    Parameters
    ----------
    content
        The file's content.

    Returns
    -------
    Values or None
        What `values_of` gives of the measurement that the codec reads; `None` if the codec must read it.
    """
    if not content.isascii():
        return None
    found = _FILE.fullmatch(content.decode("ascii"))
    if found is None:
        return None
    data, blob, metric, notes, unit_text, value_text = found.group(
        "data", "blob", "metric", "notes", "unit", "value"
    )
    unit = _unit(unit_text)
    if unit is None or (blob is not None and blob != metric):
        return None
    uncertainty: float | None = None
    count: int | None = None
    datums: dict[str, object] = {}
    if data is not None:
        end = 0
        for datum in _DATUM.finditer(data):
            key, own_unit, text = datum.groups()
            if datum.start() != end or key in datums or key.lower() in _KEYWORDS:
                return None
            end = datum.end()
            if key == "gnomon_uncertainty":
                if uncertainty is not None or own_unit != unit_text or "." not in text or text[0] == "'":
                    return None
                uncertainty = _number(text)
            elif key == "gnomon_count":
                if count is not None or own_unit != "''" or "." in text or text[0] == "'":
                    return None
                count = int(text)
            else:
                datum_value = _datum(text, own_unit)
                if datum_value is None:
                    return None
                datums[key] = datum_value
        if end != len(data):
            return None
    moment: str | None = None
    remarks: dict[str, object] = {}
    if notes is not None:
        prefix, end = f"{metric}.", 0
        for note in _NOTE.finditer(notes):
            key, text = note.groups()
            if note.start() != end or key in remarks or not key.startswith(prefix):
                return None
            end = note.end()
            quoted = text[0] == "'"
            remarks[key] = text[1:-1] if quoted else text
        if end != len(notes):
            return None
        if (stated := remarks.get(prefix + MEASURED_AT)) is not None:
            # Whether a text is a time is told of many at once, so that only those that look like one pass.
            if not CERTAIN_TIME.fullmatch(str(stated)):
                return None
            moment = str(stated)
            del remarks[prefix + MEASURED_AT]
    extras = extras_text(datums, remarks) if datums or remarks else None
    return Values(metric, _number(value_text), unit, uncertainty, count, moment, extras)


def _number(text: str) -> float:
    return float(_NOT_FINITE.get(text, text))


def _datum(text: str, unit_text: str) -> dict[str, object] | None:
    unit = _unit(unit_text)
    if unit is None:
        return None
    if text[0] == "'":
        return {"value": text[1:-1], "unit": ""}
    if "." in text:
        return {"value": _number(text), "unit": unit}
    return {"value": int(text), "unit": unit}


@lru_cache(maxsize=1024)
def _unit(text: str) -> str | None:
    """Give the unit as it is stored; `None` if there is no such unit."""
    try:
        return unit_string(parse_unit(text[1:-1] if text[0] == "'" else text))
    except DefinitionError:
        return None
