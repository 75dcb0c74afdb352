"""One rule, as a rule file has it: checked when it is made, so that nothing can go wrong at night."""

import re
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from gnomon import dataids, expressions
from gnomon.annotations.model import FlagState
from gnomon.curation.rules import columns, wording
from gnomon.curation.rules.columns import BASELINE_COLUMNS, TREND_COLUMNS, VALUE, field_of, unit_column
from gnomon.definitions import parse_unit
from gnomon.errors import DefinitionError, GnomonError, NameFormatError, nearest
from gnomon.measurements.rows import DATA_ID_COLUMNS
from gnomon.names import Name

__all__ = ["Baseline", "Consecutive", "Example", "MetricUse", "PartError", "Rule", "TrendRemoval"]

_CONSECUTIVE = re.compile(r"\s+for\s+(\d{1,6})\s+consecutive\s+(visit|exposure)s?\s*$", re.IGNORECASE)
_ALIAS = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_DATASET = "dataset"


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class MetricUse(_Part):
    """Where the values of one name in a rule come from.

    Parameters
    ----------
    metric
        The full name of the metric.
    unit
        The unit into which its values are brought; by default they are left as they were measured.
    dataset_type
        Only measurements in datasets of this type.
    take
        What is taken of the values of each thing that the rule marks, where the metric is measured of its
        parts, such as the detectors of a visit.
    """

    metric: str
    unit: str | None = None
    dataset_type: str | None = None
    take: Literal["min", "max", "mean", "median", "count"] | None = None

    @field_validator("metric")
    @classmethod
    def _names_a_metric(cls, metric: str) -> str:
        return _metric(metric)

    @field_validator("unit")
    @classmethod
    def _is_a_unit(cls, unit: str | None) -> str | None:
        if unit is not None:
            parse_unit(unit)
        return unit


class TrendRemoval(_Part):
    """A straight line against something else, fitted robustly and taken off before the rule judges.

    Parameters
    ----------
    against
        A metric, a name that the rule has for one, or a field of the observation, such as ``airmass``.
    of
        Whose trend it is: a name that the rule has for a metric; by default its first.
    within
        Each group with the same values of these columns has a line of its own.
    """

    against: str
    of: str | None = None
    within: tuple[str, ...] = ("instrument", "day_obs", "physical_filter")

    @field_validator("within")
    @classmethod
    def _known(cls, within: tuple[str, ...]) -> tuple[str, ...]:
        return _dimensions(within)


class Baseline(_Part):
    """What a metric was in the nights before: median and scatter of all that was measured in them.

    Parameters
    ----------
    nights
        How many nights before the one that is judged; days, measured or not.
    of
        Whose baseline it is: a name that the rule has for a metric; by default its first.
    within
        Each group with the same values of these columns has a baseline of its own.
    """

    nights: int = Field(ge=1, le=3660)
    of: str | None = None
    within: tuple[str, ...] = ("instrument", "physical_filter")

    @field_validator("within")
    @classmethod
    def _known(cls, within: tuple[str, ...]) -> tuple[str, ...]:
        return _dimensions(within)


class Consecutive(_Part):
    """What counts as one after the other, for a condition ``for N consecutive visits``.

    Parameters
    ----------
    within
        Only among observations with the same values of these columns; beside them each detector, if the
        metric is measured of detectors, is on its own.
    longest_gap
        How long an observation may begin after the one before has ended, such as ``20 min``; by default as
        long as it likes.
    unmeasured
        Whether an observation at which the condition is unknown or nothing was measured ends what is
        consecutive (``ends``), or is passed over (``skipped``).
    """

    within: tuple[str, ...] = ("instrument", "day_obs", "physical_filter")
    longest_gap: str | None = None
    unmeasured: Literal["ends", "skipped"] = "ends"

    @field_validator("within")
    @classmethod
    def _known(cls, within: tuple[str, ...]) -> tuple[str, ...]:
        return _dimensions(within)

    @field_validator("longest_gap")
    @classmethod
    def _is_a_time(cls, gap: str | None) -> str | None:
        if gap is not None:
            wording.read_duration(gap)
        return gap

    @property
    def gap_us(self) -> int | None:
        """The longest gap in microseconds."""
        return None if self.longest_gap is None else wording.read_duration(self.longest_gap)


class Example(_Part):
    """What a rule is to say of some made-up measurements: a test that travels with the rule.

    Parameters
    ----------
    given
        The values by name, one mapping a thing or observation, in the order of time; a metric's is a number
        or a text with a unit.
    expect
        What is to be said of each; *nothing* where nothing is.
    """

    given: tuple[Mapping[str, Any], ...]
    expect: tuple[Literal["set", "clear", "examined", "nothing"], ...]

    @field_validator("given", "expect", mode="before")
    @classmethod
    def _several(cls, value: Any) -> Any:
        return (value,) if isinstance(value, Mapping | str) else value

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if len(self.given) != len(self.expect) or not self.given:
            raise DefinitionError(
                f"An example has one expectation for each thing that is given; here are {len(self.given)} "
                f"given and {len(self.expect)} expected."
            )
        return self


class Rule(_Part):
    """One rule of a rule file.

    Parameters
    ----------
    name
        The bot's name under which the rule speaks.
    version
        Raised whenever the rule says something else.
    description
        For people.
    flag
        Which flag it proposes.
    metric
        The full name of the one metric that it is about, which is then called ``value``.
    metrics
        Several metrics, by the names under which the rule speaks of them.
    of
        What is marked, such as ``visit``, ``detector-visit``, ``exposure``, or ``dataset``: the one that
        holds the measurement. By default that of which the finest of its metrics is measured.
    dataset_type
        Marked are the datasets of this type that have the data ID, and not what the data ID names.
    only
        A condition without which the rule has nothing to say.
    trend, baseline
        What is taken off, or compared with, before it judges.
    when
        The condition under which the flag is set; ``for N consecutive visits`` at its end, it must hold for
        so many one after the other, and then all of them are marked.
    consecutive
        What is one after the other.
    otherwise
        What is said where the condition does not hold: *examined*, *clear*, or *nothing*.
    reason
        A sentence for each thing, with columns in braces.
    examples
        What it says of made-up measurements.
    """

    name: str = Field(pattern=r"^[A-Za-z][A-Za-z0-9_-]*$")
    version: int = Field(default=1, ge=1, lt=2**31)
    description: str = ""
    flag: str = Field(min_length=1)
    metric: str | None = None
    metrics: Mapping[str, MetricUse] = Field(default_factory=dict)
    of: str | None = None
    dataset_type: str | None = None
    only: str | None = None
    trend: TrendRemoval | None = None
    baseline: Baseline | None = None
    when: str
    consecutive: Consecutive = Consecutive()
    otherwise: Literal["examined", "clear", "nothing"] = "examined"
    reason: str | None = None
    examples: tuple[Example, ...] = ()

    @field_validator("metric")
    @classmethod
    def _names_a_metric(cls, metric: str | None) -> str | None:
        return None if metric is None else _metric(metric)

    @field_validator("metrics", mode="before")
    @classmethod
    def _uses(cls, metrics: Any) -> Any:
        if not isinstance(metrics, Mapping):
            return metrics
        for alias in metrics:
            if not isinstance(alias, str) or not _ALIAS.fullmatch(alias) or _is_taken(alias):
                raise DefinitionError(f"{alias!r} cannot be a rule's own name for a metric.")
        return {a: {"metric": use} if isinstance(use, str) else use for a, use in metrics.items()}

    @field_validator("of")
    @classmethod
    def _can_be_marked(cls, of: str | None) -> str | None:
        if of is not None and of != _DATASET:
            for name in of.split("-"):
                if name not in DATA_ID_COLUMNS:
                    known = (*DATA_ID_COLUMNS, "detector-visit", "detector-exposure", _DATASET)
                    raise DefinitionError(f"{of!r} is nothing that can be marked.{nearest(of, known)}")
        return of

    @model_validator(mode="after")
    def _sound(self) -> Self:
        """Check each part against the others, in the order in which a reader meets them."""
        checks: tuple[tuple[str, Callable[[], object]], ...] = (
            ("only", lambda: expressions.parse(self.only or "TRUE")),
            ("when", lambda: expressions.parse(self.condition)),
            ("metrics", self._check_metrics),
            ("trend", self._check_trend),
            ("baseline", self._check_baseline),
            ("only", self._check_only),
            ("when", partial(wording.check_condition, self.condition, self)),
            ("reason", partial(wording.check_reason, self.sentence, self)),
            ("examples", partial(wording.check_examples, self)),
        )
        for part, check in checks:
            try:
                check()
            except GnomonError as error:
                raise PartError(part, error.message) from error
        return self

    @property
    def uses(self) -> dict[str, MetricUse]:
        """The metrics by the names of their columns, the first one first."""
        found = dict(self.metrics)
        if self.metric is not None:
            found = {VALUE: MetricUse(metric=self.metric), **found}
        named = {use.metric for use in found.values()}
        texts = [self.condition, self.only or ""]
        names = [name for text in texts if text for name in wording.names_in(text)]
        if self.trend is not None:
            names.append(self.trend.against)
        for name in names:
            if "." in name and field_of(name) is None and name not in named and not name.endswith(".unit"):
                found.setdefault(name, MetricUse(metric=_metric(name)))
                named.add(name)
        return found

    @property
    def first(self) -> str:
        """The name of the first metric's column."""
        return next(iter(self.uses))

    @property
    def condition(self) -> str:
        """``when``, without what it says of consecutive observations."""
        return _CONSECUTIVE.sub("", self.when)

    @property
    def run_length(self) -> int:
        """For how many observations one after the other the condition has to hold."""
        found = _CONSECUTIVE.search(self.when)
        return 1 if found is None else int(found[1])

    @property
    def run_of(self) -> str | None:
        """Of what those are: *visit* or *exposure*; `None` if one is enough."""
        found = _CONSECUTIVE.search(self.when)
        return None if found is None else found[2].lower()

    @property
    def sentence(self) -> str:
        """The reason's format."""
        if self.reason is not None:
            return self.reason
        uses = self.uses
        if list(uses) == [VALUE]:
            return "{value:g} {unit}"
        return ", ".join(f"{use.metric} {{{name}:g}} {{{unit_column(name)}}}" for name, use in uses.items())

    @property
    def names(self) -> dict[str, str]:
        """All names that the rule can use, with the columns that they stand for."""
        found = {name: name for name in (*DATA_ID_COLUMNS, *columns.FIELDS)}
        uses = self.uses
        for column in uses:
            found |= {column: column, unit_column(column): unit_column(column)}
        if self.trend is not None:
            found |= {name: name for name in TREND_COLUMNS}
        if self.baseline is not None:
            found |= {name: name for name in BASELINE_COLUMNS}
        for column, use in uses.items():
            for synonym in (use.metric, use.metric.rpartition(".")[2]):
                found.setdefault(synonym, column)
                found.setdefault(f"{synonym}.unit", unit_column(column))
        return found

    @property
    def marks(self) -> frozenset[str] | None:
        """The dimensions that name what is marked; `None` where the metrics decide."""
        if self.of is None or self.of == _DATASET:
            return None
        names = self.of.split("-")
        needed = {part for name in names for part in (name, *dataids.REQUIRED[name])}
        return frozenset(needed)

    @property
    def marks_datasets(self) -> bool:
        """Whether the dataset that holds the measurement is marked."""
        return self.of == _DATASET

    @property
    def needs_context(self) -> bool:
        """Whether what is said of one thing depends on what was measured of others."""
        return self.trend is not None or self.baseline is not None or self.run_length > 1

    @property
    def needed_fields(self) -> tuple[str, ...]:
        """What must be known of observations, by the names of the store."""
        texts = [self.condition, *([self.only] if self.only else [])]
        used = {name for text in texts for name in wording.names_in(text)}
        used |= set(wording.fields_in(self.sentence))
        if self.trend is not None:
            used.add(self.trend.against)
        found = {wording.column_of(name, self) for name in used}
        if "airmass" in found:
            found.add("zenith_angle")
        return tuple(name for name in columns.FIELDS if name in found)

    def column_of(self, name: str | None) -> str:
        """Give the column of one of the rule's metrics; the first one's for `None`."""
        return self.first if name is None else self.names[name]

    def states(self) -> tuple[FlagState, FlagState | None]:
        """Give what is said where the condition holds, and where it does not."""
        return "set", None if self.otherwise == "nothing" else self.otherwise

    def _check_only(self) -> None:
        if self.only is not None:
            wording.check_condition(self.only, self, before=True)

    def _check_metrics(self) -> None:
        uses = self.uses
        if not uses:
            raise DefinitionError(
                "It is about no metric: write metric:, metrics:, or a full name in the condition."
            )
        if self.metric is not None and self.metrics:
            raise DefinitionError("Write metric: for one metric or metrics: for several, not both.")
        for use in self.metrics.values():
            if use.take is not None and self.marks is None:
                raise DefinitionError("Where something is taken of several values, of: says what is marked.")
        if self.marks_datasets and (len(uses) > 1 or self.dataset_type is not None):
            raise DefinitionError("Only a rule over one metric can mark the dataset that holds it.")

    def _check_trend(self) -> None:
        if self.trend is None:
            return
        self._check_own("of", self.trend.of)
        against = self.trend.against
        if against in self.uses or against in {use.metric for use in self.uses.values()}:
            return
        column = field_of(against)
        if column is None:
            _metric(against)
        elif not columns.type_of(column).is_numeric():
            raise DefinitionError(f"There is no trend against {against}, which is no number.")

    def _check_baseline(self) -> None:
        if self.baseline is not None:
            self._check_own("of", self.baseline.of)

    def _check_own(self, what: str, name: str | None) -> None:
        known = [n for n, column in self.names.items() if column in self.uses]
        if name is not None and name not in known:
            raise DefinitionError(f"`{what}` names no metric of the rule: {name!r}.{nearest(name, known)}")


class PartError(DefinitionError):
    """A mistake, with the key of the rule in which it is."""

    def __init__(self, part: str, message: str) -> None:
        super().__init__(message)
        self.part = part


def _is_taken(alias: str) -> bool:
    return alias in (*DATA_ID_COLUMNS, *TREND_COLUMNS, *BASELINE_COLUMNS, VALUE, columns.UNIT, "proposed")


def _metric(text: str) -> str:
    try:
        name = Name(metric=text)
    except NameFormatError as error:
        raise DefinitionError(str(error)) from error
    if not name.is_fq:
        raise DefinitionError(f"{text!r} is not the full name of a metric: expected is package.metric.")
    return str(name)


def _dimensions(names: tuple[str, ...]) -> tuple[str, ...]:
    for name in names:
        if name not in DATA_ID_COLUMNS:
            raise DefinitionError(f"{name!r} is not a dimension.{nearest(name, DATA_ID_COLUMNS)}")
    return names
