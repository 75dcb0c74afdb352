"""From measurements to proposals: what a rule says, for many things at once."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import repeat
from typing import overload

import astropy.units as u
import polars as pl

from gnomon import expressions
from gnomon.algorithms.expression_units import BARE, Bare
from gnomon.algorithms.settled_units import settle_units
from gnomon.annotations import Target
from gnomon.annotations.model import FlagState
from gnomon.curation.rules import columns, wording
from gnomon.curation.rules.comparing import with_baseline, without_trend
from gnomon.curation.rules.consecutive import hold_for_long
from gnomon.curation.rules.measured import Shaped, measured_things
from gnomon.curation.rules.rule import Rule
from gnomon.curation.rules.things import target_keys, targets_of
from gnomon.definitions import parse_unit
from gnomon.errors import DefinitionError
from gnomon.judgement.frames import Rows
from gnomon.measurements.observations import ELEMENTS
from gnomon.measurements.rows import DATA_ID_COLUMNS

__all__ = ["Proposal", "Proposals", "evaluate"]

_PROPOSED = "proposed"


@dataclass(frozen=True)
class Proposal:
    """What a rule says of one thing: the flag is *set*, or *examined* (or *clear*) and not set."""

    target: Target
    state: FlagState
    reason: str


class Proposals(Sequence[Proposal]):
    """What a rule says, kept as a table: a `Proposal` is made of a row only when somebody looks at it.

    Parameters
    ----------
    rule
        The rule.
    parts
        Rows for which it has something to say, with whether the flag is set as ``proposed``.
    """

    def __init__(self, rule: Rule, parts: Sequence[Shaped]) -> None:
        self.rule = rule
        self.parts = tuple(parts)

    def __len__(self) -> int:
        return sum(len(part.frame) for part in self.parts)

    @overload
    def __getitem__(self, place: int) -> Proposal: ...
    @overload
    def __getitem__(self, place: slice) -> list[Proposal]: ...
    def __getitem__(self, place: int | slice) -> Proposal | list[Proposal]:
        chosen = range(len(self))[place]
        if isinstance(chosen, range):
            return list(self.at(chosen))
        return next(self.at([chosen]))

    def __iter__(self) -> Iterator[Proposal]:
        return self.at(range(len(self)))

    @property
    def states(self) -> pl.Series:
        """The states, *set* or what the rule says otherwise."""
        proposed = [part.frame[_PROPOSED] for part in self.parts]
        flags = pl.concat(proposed) if proposed else pl.Series(_PROPOSED, [], pl.Boolean)
        is_set, is_not = self.rule.states()
        return pl.select(pl.when(flags).then(pl.lit(is_set)).otherwise(pl.lit(is_not)).alias("state"))[
            "state"
        ]

    @cached_property
    def keys(self) -> pl.Series:
        """The keys of the targets."""
        found = [target_keys(self.rule, part).alias("key") for part in self.parts]
        return pl.concat(found) if found else pl.Series("key", [], pl.String)

    def at(self, places: Sequence[int]) -> Iterator[Proposal]:
        """Give some of them.

        Parameters
        ----------
        places
            Their places, ascending.

        Yields
        ------
        Proposal
            One for each.
        """
        rule, start = self.rule, 0
        is_set, is_not = rule.states()
        sentence = rule.sentence
        named = sorted(set(wording.fields_in(sentence)))
        wanted = pl.Series(places, dtype=pl.Int64)
        for part in self.parts:
            inside = wanted.filter((wanted >= start) & (wanted < start + len(part.frame))) - start
            start += len(part.frame)
            chosen = part.frame[inside]
            texts = (
                with_names(rule, chosen, named).select(named).iter_rows(named=True) if named else repeat({})
            )
            targets = targets_of(rule, Shaped(part.dimensions, part.key, chosen))
            for target, proposed, row in zip(targets, chosen[_PROPOSED], texts, strict=False):
                state = is_set if proposed else is_not
                if state is not None:
                    yield Proposal(target, state, wording.write_reason(sentence, row))


def evaluate(rule: Rule, rows: Rows, *, observations: pl.DataFrame | None = None) -> Proposals:
    """Say what a rule proposes for a set of measurements.

    Parameters
    ----------
    rule
        The rule.
    rows
        Measurements in the schema of `gnomon.measurements.rows`, of the rule's metrics among others; at most
        one a metric, dataset type and data ID. Columns of `gnomon.measurements.observations.METADATA` may
        stand beside, as `gnomon.store.Store.load` gives them.
    observations
        Which observations there were, in the schema of `gnomon.measurements.observations`, for a rule over
        consecutive ones; `None` if only the measured ones are known.

    Returns
    -------
    Proposals
        One for each thing at which the condition is true or false, in order of data ID. Where it is neither,
        since a value is missing or NaN, the rule has nothing to say.

    Raises
    ------
    DefinitionError
        If the metrics do not fit to each other or to what is marked, or one was measured of the repository as
        a whole, which no flag can mark.
    SchemaError
        If the rows are not measurements.
    UnitMismatchError
        If units do not convert into those of the rule.
    """
    judged = []
    for part in measured_things(rule, rows):
        frame = part.frame
        units = _units(rule, frame)
        if rule.only is not None:
            frame = frame.filter(_condition(rule, frame, rule.only, units))
        if rule.trend is not None:
            frame = without_trend(frame, rule, rule.trend)
        if rule.baseline is not None:
            frame = with_baseline(frame, rule, rule.baseline)
        holds = _condition(rule, frame, rule.condition, units)
        if rule.run_length > 1:
            seen = _looked_at(rule, observations)
            holds = hold_for_long(rule, Shaped(part.dimensions, part.key, frame), holds, seen)
        frame = frame.with_columns(holds.alias(_PROPOSED)).filter(pl.col(_PROPOSED).is_not_null())
        if rule.otherwise == "nothing":
            frame = frame.filter(_PROPOSED)
        found = Shaped(
            part.dimensions, part.key, frame.sort(part.key, maintain_order=True) if part.key else frame
        )
        if len(found.frame):
            if not found.key and not rule.marks_datasets:
                target_keys(rule, found)  # which says that nothing can be marked
            judged.append(found)
    return Proposals(rule, judged)


def with_names(rule: Rule, frame: pl.DataFrame, names: Sequence[str]) -> pl.DataFrame:
    """Give columns also the other names under which a rule speaks of them."""
    added = []
    for name in names:
        column = wording.column_of(name, rule) or name
        if column == name:
            continue
        element = name.partition(".")[0]
        value = pl.col(column)
        if element in ELEMENTS and column not in rule.uses:
            # `visit.seq_num` is what is known of the visit, and nothing where a row has none.
            value = pl.when(pl.col(element).is_not_null()).then(value)
        added.append(value.alias(name))
    return frame.with_columns(added) if added else frame


def _condition(
    rule: Rule, frame: pl.DataFrame, text: str, units: Mapping[str, u.UnitBase | Bare]
) -> pl.Series:
    """Say where a condition holds; null where that is unknown."""
    expression = settle_units(expressions.parse(text), units)
    named = with_names(rule, frame, sorted(expression.names))
    return named.with_columns(expression.to_polars(named, condition=True).alias(_PROPOSED))[_PROPOSED]


def _units(rule: Rule, frame: pl.DataFrame) -> dict[str, u.UnitBase | Bare]:
    """Give the units of all names of a rule, where they are known."""
    of_columns: dict[str, u.UnitBase | Bare] = dict(columns.FIELD_UNITS)
    for column in rule.uses:
        written = frame.filter(pl.col(column).is_not_null())[columns.unit_column(column)]
        if not len(written):
            of_columns[column] = BARE  # what has no values may be in any unit
        elif written[0] is not None:
            try:
                of_columns[column] = parse_unit(written[0])
            except DefinitionError:
                continue  # what nobody understands is no unit, and bare numbers may still be compared
    dimensionless = u.dimensionless_unscaled
    if rule.trend is not None and (unit := of_columns.get(rule.column_of(rule.trend.of))) is not None:
        of_columns |= {"residual": unit, "scatter": unit, "deviation": dimensionless}
    if rule.baseline is not None and (unit := of_columns.get(rule.column_of(rule.baseline.of))) is not None:
        of_columns |= {"baseline": unit, "baseline_scatter": unit, "baseline_deviation": dimensionless}
    names = {**rule.names, **{name: wording.column_of(name, rule) for name in _texts(rule)}}
    return {name: of_columns[column] for name, column in names.items() if column in of_columns}


def _texts(rule: Rule) -> list[str]:
    return [name for text in (rule.condition, rule.only) if text for name in wording.names_in(text)]


def _looked_at(rule: Rule, observations: pl.DataFrame | None) -> pl.DataFrame | None:
    """Leave out the observations at which a rule does not look, or might not."""
    if observations is None or rule.only is None:
        return observations
    element = rule.run_of or "visit"
    frame = observations.filter(pl.col("element") == element).with_columns(pl.col("id").alias(element))
    airmass = 1 / pl.col("zenith_angle").radians().cos()
    frame = frame.with_columns(airmass.alias("airmass"))
    absent = {*DATA_ID_COLUMNS, *rule.names.values()} - {*frame.columns}
    frame = frame.with_columns(pl.lit(None, columns.type_of(name)).alias(name) for name in absent)
    chosen = frame.filter(_condition(rule, frame, rule.only, _units(rule, frame)))
    return chosen.select(observations.columns)
