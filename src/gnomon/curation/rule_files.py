"""Rule files: which condition over which metrics proposes which flag, read and checked before anything runs.

A rule file is YAML::

    rules:
      - name: zero_point_outlier
        version: 1
        description: The zero point is off the night's trend with airmass.
        flag: questionable
        metric: demo.zero_point_offset
        trend:
          against: demo.airmass
          within: [instrument, day_obs, physical_filter]
        when: abs(residual) > 3 * scatter
        reason: "{residual:+.1f} {unit} off the trend with airmass, {deviation:+.1f} sigma"

``when`` is a condition in the language of `gnomon.expressions` over ``value`` (the metric's), its ``unit``,
the data-ID columns and, where a trend is removed, ``trend_value``, ``residual``, ``scatter`` and
``deviation`` (residual in units of the scatter). ``reason`` names the same columns in braces, each with a
format for numbers or text if it needs one, and nothing else: a rule file may come from anywhere.
"""

import re
import string
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import polars as pl
from pydantic import BaseModel, ConfigDict, Field, ValidationError, ValidationInfo, field_validator

from gnomon import dataids, expressions
from gnomon.definitions.documents import check_keys, expect
from gnomon.definitions.yaml_source import Located, Place, Problems, plain, read_documents
from gnomon.errors import DefinitionError, NameFormatError, nearest
from gnomon.measurements.rows import DATA_ID_COLUMNS
from gnomon.names import Name

__all__ = ["TREND_COLUMNS", "Rule", "TrendRemoval", "load_rules", "write_reason"]

TREND_COLUMNS = ("trend_value", "residual", "scatter", "deviation")
"""What a rule that removes a trend can speak of besides."""

_OWN_COLUMNS = ("value", "unit", *DATA_ID_COLUMNS)
_ABSENT = "unknown"
# Two digits of width are enough for a sentence, and none can ask for a gigabyte of blanks.
_FORMAT = re.compile(r"([^{}]?[<>=^])?[-+ ]?0?\d{0,2}[,_]?(\.\d{1,2})?[bdeEfFgGosxX%]?")


class TrendRemoval(BaseModel):
    """A straight line against another metric, fitted robustly and taken off before the rule judges."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    against: str
    within: tuple[str, ...] = ("instrument", "day_obs", "physical_filter")

    @field_validator("against")
    @classmethod
    def _names_a_metric(cls, against: str) -> str:
        return _metric(against)

    @field_validator("within")
    @classmethod
    def _known(cls, within: tuple[str, ...]) -> tuple[str, ...]:
        for name in within:
            if name not in DATA_ID_COLUMNS:
                raise DefinitionError(f"{name!r} is not a dimension.{nearest(name, DATA_ID_COLUMNS)}")
        return within


class Rule(BaseModel):
    """One rule of a rule file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(pattern=r"^[A-Za-z][A-Za-z0-9_-]*$")
    version: int = Field(default=1, ge=1, lt=2**31)
    description: str = ""
    flag: str = Field(min_length=1)
    metric: str
    trend: TrendRemoval | None = None
    when: str
    reason: str = "{value:g} {unit}"

    @field_validator("metric")
    @classmethod
    def _names_a_metric(cls, metric: str) -> str:
        return _metric(metric)

    @property
    def columns(self) -> tuple[str, ...]:
        """The names that ``when`` and ``reason`` may use."""
        return _columns(self.trend)

    @field_validator("when")
    @classmethod
    def _can_be_evaluated(cls, when: str, info: ValidationInfo) -> str:
        _check_condition(when, _columns(info.data.get("trend")))
        return when

    @field_validator("reason")
    @classmethod
    def _can_be_written(cls, reason: str, info: ValidationInfo) -> str:
        _check_reason(reason, _columns(info.data.get("trend")))
        return reason


def load_rules(path: Path) -> list[Rule]:
    """Read a rule file.

    Parameters
    ----------
    path
        A YAML file.

    Returns
    -------
    list of Rule
        In the order of the file.

    Raises
    ------
    DefinitionError
        If the file is not one, names a rule twice, or has a rule that could not be evaluated; with the line.
    """
    file = str(path)
    try:
        source = path.read_bytes()
    except OSError as error:
        raise DefinitionError(f"The rules cannot be read: {error.strerror}.", file=file) from error
    documents = read_documents(source, file=file)
    if len(documents) != 1:
        raise DefinitionError(
            f"A rule file is one YAML document; this one has {len(documents)}.", file=file, line=1
        )
    top = expect(documents[0][0], Located, "A rule file", documents[0][1])
    check_keys(top, ["rules"], "a rule file", Problems())
    rules: dict[str, Rule] = {}
    for number, entry in enumerate(expect(top.get("rules"), list, "`rules`", top.where("rules")), start=1):
        entry = expect(entry, Located, f"Rule {number}", top.where("rules"))
        rule = _rule(entry, number)
        if rule.name in rules:
            raise _problem(f"The rule {rule.name!r} is defined twice.", entry.where("name"))
        rules[rule.name] = rule
    return list(rules.values())


def write_reason(reason: str, row: Mapping[str, Any]) -> str:
    """Fill a rule's reason in.

    Parameters
    ----------
    reason
        As a rule has it, checked when that was made.
    row
        Values by column; `None` where there is none.

    Returns
    -------
    str
        One sentence about this row.
    """
    written = []
    for literal, name, form, _ in string.Formatter().parse(reason):
        written.append(literal)
        if name is not None:
            value = row[name]
            written.append(_ABSENT if value is None else format(value, form or ""))
    return "".join(written)


def _rule(entry: Located, number: int) -> Rule:
    try:
        return Rule.model_validate(plain(entry))
    except ValidationError as error:
        # A key that means nothing comes before one that is missing: it is often the same, misspelt.
        first = min(error.errors(), key=lambda found: found["type"] != "extra_forbidden")
        names = [str(part) for part in first["loc"]]
        place = entry.where(names[0]) if names else entry.place
        inner = entry.get("trend")
        if len(names) > 1 and isinstance(inner, Located):
            place = inner.where(names[1])
        known = TrendRemoval.model_fields if len(names) > 1 else Rule.model_fields
        raise _problem(f"Rule {number}: {_in_words(first, names, known)}", place) from error


def _in_words(error: Any, names: list[str], known: Mapping[str, object]) -> str:
    """Say what pydantic found in gnomon's words."""
    match error["type"]:
        case "extra_forbidden":
            return f"{names[-1]!r} is no key of a rule.{nearest(names[-1], known)}"
        case "missing":
            return f"It lacks {names[-1]!r}."
        case "value_error":
            return str(error["ctx"]["error"])
    return f"{'.'.join(names)!r} is {error['input']!r}: {error['msg']}."


def _problem(message: str, place: Place) -> DefinitionError:
    return DefinitionError(message, file=place.file, line=place.line)


def _columns(trend: TrendRemoval | None) -> tuple[str, ...]:
    return _OWN_COLUMNS if trend is None else (*_OWN_COLUMNS, *TREND_COLUMNS)


def _metric(text: str) -> str:
    try:
        name = Name(metric=text)
    except NameFormatError as error:
        raise DefinitionError(str(error)) from error
    if not name.is_fq:
        raise DefinitionError(f"{text!r} is not the full name of a metric: expected is package.metric.")
    return str(name)


def _check_condition(when: str, known: tuple[str, ...]) -> None:
    """Refuse a condition that names what a rule cannot know, or that could not be evaluated."""
    condition = expressions.parse(when)
    for name in sorted(condition.names):
        if name not in known:
            raise DefinitionError(f"The condition names {name!r}.{nearest(name, known)}")
    if condition.binds:
        raise DefinitionError(f"The condition needs a value for :{min(condition.binds)}, which nobody gives.")
    condition.to_polars({name: _TYPES[type(_sample(name))] for name in known}, condition=True)


def _check_reason(reason: str, known: tuple[str, ...]) -> None:
    """Refuse a reason that names or asks for anything but a column in a plain format."""
    try:
        fields = list(string.Formatter().parse(reason))
    except ValueError as error:
        raise DefinitionError(f"The reason is not a format: {error}.") from error
    for _, name, form, conversion in fields:
        if name is None:
            continue
        if name not in known:
            raise DefinitionError(f"The reason names {name!r}.{nearest(name, known)}")
        if conversion is not None or not _FORMAT.fullmatch(form or ""):
            raise DefinitionError(f"The reason has a format for {name} that is not plain: {form!r}.")
        try:
            format(_sample(name), form or "")
        except ValueError as error:
            raise DefinitionError(
                f"The reason has a format for {name} that does not fit: {error}."
            ) from error


_TYPES: Mapping[type, pl.DataType] = {int: pl.Int64(), float: pl.Float64(), str: pl.String()}


def _sample(column: str) -> int | float | str:
    """Give a value of a column's type."""
    if column == "value" or column in TREND_COLUMNS:
        return 1.5
    return 1 if dataids.takes_integer(column) else ""
