"""One rule, as a rule file has it: checked when it is made, so that nothing can go wrong at night."""

import re
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from gnomon import dataids, expressions
from gnomon.annotations import checks
from gnomon.annotations.model import FlagState
from gnomon.curation.rules import columns, wording
from gnomon.curation.rules.columns import BASELINE_COLUMNS, TREND_COLUMNS, VALUE, field_of, unit_column
from gnomon.curation.rules.parts import (
    Baseline,
    Consecutive,
    Example,
    MetricUse,
    Part,
    TrendRemoval,
    check_metric,
)
from gnomon.errors import AnnotationError, DefinitionError, GnomonError, nearest
from gnomon.measurements.rows import DATA_ID_COLUMNS

__all__ = ["PartError", "Rule"]

_CONSECUTIVE = re.compile(r"\s+for\s+(\d{1,6})\s+consecutive\s+(visit|exposure)s?\s*$", re.IGNORECASE)
_ALIAS = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_DATASET = "dataset"


class Rule(Part):
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
        return None if metric is None else check_metric(metric)

    @field_validator("metrics", mode="before")
    @classmethod
    def _uses(cls, metrics: Any) -> Any:
        if not isinstance(metrics, Mapping):
            return metrics
        for alias in metrics:
            if not isinstance(alias, str) or not _ALIAS.fullmatch(alias) or _is_taken(alias):
                raise DefinitionError(f"{alias!r} cannot be a rule's own name for a metric.")
        return {a: {"metric": use} if isinstance(use, str) else use for a, use in metrics.items()}

    @field_validator("flag", "dataset_type")
    @classmethod
    def _can_be_a_name(cls, value: str | None) -> str | None:
        return None if value is None else _kept(checks.label, value)

    @field_validator("description", "reason")
    @classmethod
    def _can_be_kept(cls, value: str | None) -> str | None:
        return None if value is None else _kept(checks.text, value)

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
            ("when", self._check_run_length),
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
                found.setdefault(name, MetricUse(metric=check_metric(name)))
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

    def _check_run_length(self) -> None:
        if self.run_length < 1:
            raise DefinitionError("A condition holds for one observation at least, not for 0.")

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
            check_metric(against)
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


def _kept(check: Callable[[object, str], str], value: str) -> str:
    """Refuse a text that the log could not keep, before anything is to be said with it."""
    try:
        return check(value, "text")
    except AnnotationError as error:
        raise DefinitionError(error.message) from error
