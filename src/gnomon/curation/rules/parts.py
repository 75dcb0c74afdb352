"""What a rule is made of: its metrics, trends, baselines, rows of observations and examples."""

from collections.abc import Mapping
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from gnomon.curation.rules import wording
from gnomon.definitions import parse_unit
from gnomon.errors import DefinitionError, NameFormatError, nearest
from gnomon.measurements.rows import DATA_ID_COLUMNS
from gnomon.names import Name

__all__ = ["Baseline", "Consecutive", "Example", "MetricUse", "Part", "TrendRemoval", "check_metric"]


class Part(BaseModel):
    """A part of a rule: what it has no key for is refused, and nothing of it changes."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class MetricUse(Part):
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
        return check_metric(metric)

    @field_validator("unit")
    @classmethod
    def _is_a_unit(cls, unit: str | None) -> str | None:
        if unit is not None:
            parse_unit(unit)
        return unit


class TrendRemoval(Part):
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


class Baseline(Part):
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


class Consecutive(Part):
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


class Example(Part):
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


def check_metric(text: str) -> str:
    """Refuse what is not the full name of a metric.

    Parameters
    ----------
    text
        The name.

    Returns
    -------
    str
        The same.

    Raises
    ------
    DefinitionError
        If it is none.
    """
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
