"""The examples in a rule file: made-up measurements, and whether the rule says of them what it should."""

import datetime
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import astropy.units as u
import polars as pl

from gnomon import dataids, times
from gnomon.curation.rules import wording
from gnomon.curation.rules.columns import FIELD_UNITS, type_of
from gnomon.curation.rules.evaluation import evaluate
from gnomon.curation.rules.parts import Example
from gnomon.curation.rules.rule import Rule
from gnomon.curation.rules.things import target_of
from gnomon.definitions import parse_unit
from gnomon.definitions.units import convert, unit_string
from gnomon.errors import DefinitionError, GnomonError
from gnomon.measurements import observations
from gnomon.measurements.rows import DATA_ID_COLUMNS, SCHEMA

__all__ = ["Failure", "failing_examples"]

_NIGHT = datetime.datetime(2026, 1, 1)
_MINUTE = datetime.timedelta(minutes=1)
_TEXTS = {"instrument": "Example", "skymap": "example", "physical_filter": "r", "band": "r", "group": "1"}


@dataclass(frozen=True)
class Failure:
    """An example of which a rule says something else.

    Attributes
    ----------
    rule
        The rule's name.
    example
        Which of its examples, from 1.
    place
        Which of the things that the example gives, from 1.
    expected, found
        What was to be said, and what is.
    """

    rule: str
    example: int
    place: int
    expected: str
    found: str


def failing_examples(rule: Rule) -> list[Failure]:
    """Try a rule on its examples.

    Parameters
    ----------
    rule
        The rule.

    Returns
    -------
    list of Failure
        One for each thing of which the rule says something else than expected; an example that cannot be
        evaluated says why.
    """
    failures = []
    for number, example in enumerate(rule.examples, start=1):
        try:
            found = _said(rule, example)
        except GnomonError as error:
            failures.append(Failure(rule.name, number, 1, example.expect[0], str(error)))
            continue
        failures += [
            Failure(rule.name, number, place, expected, state)
            for place, (expected, state) in enumerate(zip(example.expect, found, strict=True), start=1)
            if expected != state
        ]
    return failures


def _said(rule: Rule, example: Example) -> list[str]:
    things = [_thing(rule, given, place) for place, given in enumerate(example.given, start=1)]
    records = [
        row for given, thing in zip(example.given, things, strict=True) for row in _rows(rule, given, thing)
    ]
    schema = dict(pl.DataFrame(SCHEMA.empty_table()).schema)
    schema |= {name: type_of(name) for name in observations.METADATA}
    frame = pl.DataFrame(
        {name: [record.get(name) for record in records] for name in schema if name != "dimensions"},
        schema={name: kind for name, kind in schema.items() if name != "dimensions"},
    )
    states = {proposal.target.key: str(proposal.state) for proposal in evaluate(rule, frame)}
    marks = rule.marks
    keys = []
    for thing in things:
        about = {name: thing[name] for name in DATA_ID_COLUMNS if marks is None or name in marks}
        keys.append(target_of(rule, {**about, "dataset_id": thing["dataset_id"]}).key)
    return [states.get(key, "nothing") for key in keys]


def _thing(rule: Rule, given: Mapping[str, Any], place: int) -> dict[str, Any]:
    """Make up a data ID and times, save for what is given."""
    told = {wording.column_of(name, rule) or name: value for name, value in given.items()}
    wanted = set(rule.marks or {"instrument", "exposure" if rule.run_of == "exposure" else "visit"})
    wanted |= {name for name in told if name in DATA_ID_COLUMNS}
    wanted |= {part for name in wanted for part in dataids.REQUIRED[name]}
    wanted |= {part for name in wanted for part in dataids.IMPLIED.get(name, ())}
    thing: dict[str, Any] = {
        name: _made_up(name, place) if name in wanted else None for name in DATA_ID_COLUMNS
    }
    thing["dataset_id"] = uuid.UUID(int=place).bytes
    thing["observation_type"] = "science"
    thing["obs_begin"] = _NIGHT + place * _MINUTE
    thing["obs_end"] = thing["obs_begin"] + _MINUTE / 2
    for name, value in told.items():
        if name in ("obs_begin", "obs_end"):
            thing[name] = times.to_datetime(times.from_utc_iso(str(value)))
        elif name == "airmass" and name not in rule.uses:
            raise DefinitionError("An example gives visit.zenith_angle, from which the airmass follows.")
        elif name not in rule.uses:
            thing[name] = _known(name, value)
    return thing


def _known(name: str, value: Any) -> Any:
    """Check what is given of a data ID or an observation by the type of its column."""
    if value is None:
        return None
    kind = type_of(name)
    if kind.is_float():
        number, unit = _quantity(name, value)
        wanted = FIELD_UNITS.get(name)
        if number is None or unit is None or wanted is None:
            return number
        return float(convert(number, parse_unit(unit), wanted))
    if kind.is_integer():
        if isinstance(value, bool) or not isinstance(value, int) or not -(2**63) <= value < 2**63:
            raise DefinitionError(f"{name} is an integer, not {value!r}.")
    elif not isinstance(value, str):
        raise DefinitionError(f"{name} is a text, not {value!r}.")
    return value


def _made_up(name: str, place: int) -> int | str:
    if name in _TEXTS:
        return _TEXTS[name]
    return 20260101 if name == "day_obs" else place


def _rows(rule: Rule, given: Mapping[str, Any], thing: Mapping[str, Any]) -> list[dict[str, Any]]:
    rows = []
    for name, value in given.items():
        column = wording.column_of(name, rule) or name
        if column in rule.uses:
            number, unit = _quantity(name, value)
            use = rule.uses[column]
            rows.append(
                {
                    **thing,
                    "metric": use.metric,
                    "value": number,
                    "unit": unit if unit is not None else use.unit or "",
                    "run": "example",
                    "dataset_type": use.dataset_type or "",
                }
            )
    return rows


def _quantity(name: str, value: Any) -> tuple[float | None, str | None]:
    if value is None:
        return None, None
    try:
        if isinstance(value, int | float) and not isinstance(value, bool):
            return float(value), None
        quantity = u.Quantity(value if isinstance(value, str) else None)
    except (TypeError, ValueError, OverflowError) as error:
        raise DefinitionError(f"{name} is a number, perhaps with a unit, not {value!r}.") from error
    return float(quantity.value), unit_string(quantity.unit)
