"""Rules: which condition over which metrics proposes which flag.

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

``when`` is a condition in the language of `gnomon.expressions` over ``value`` (the metric's), the data-ID columns
and, where a trend is removed, ``trend_value``, ``residual``, ``scatter`` and ``deviation`` (residual in units of the
scatter). What a rule says is evidence under a bot's name: a person's word stands against it.
"""

import math
import string
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from gnomon import __version__, dataids, expressions
from gnomon.algorithms.robust import fit_trend
from gnomon.annotations import Actor, Annotation, Annotations, Assertion, Target
from gnomon.errors import DefinitionError, nearest
from gnomon.measurements.rows import DATA_ID_COLUMNS
from gnomon.store import Store

__all__ = ["Proposal", "Rule", "RuleRun", "TrendRemoval", "evaluate", "load_rules", "run_rules"]

_TREND_COLUMNS = ("trend_value", "residual", "scatter", "deviation")


class TrendRemoval(BaseModel):
    """A straight line against another metric, fitted robustly and taken off before the rule judges."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    against: str
    within: tuple[str, ...] = ("instrument", "day_obs", "physical_filter")

    @field_validator("within")
    @classmethod
    def _known(cls, within: tuple[str, ...]) -> tuple[str, ...]:
        for name in within:
            if name not in DATA_ID_COLUMNS:
                raise ValueError(f"{name!r} is not a dimension.{nearest(name, DATA_ID_COLUMNS)}")
        return within


class Rule(BaseModel):
    """One rule of a rule file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(pattern=r"^[A-Za-z][A-Za-z0-9_-]*$")
    version: int = Field(default=1, ge=1)
    description: str = ""
    flag: str
    metric: str
    trend: TrendRemoval | None = None
    when: str
    reason: str = "{value:g} {unit}"

    @field_validator("when")
    @classmethod
    def _parses(cls, when: str) -> str:
        expressions.parse(when)
        return when

    @property
    def columns(self) -> tuple[str, ...]:
        """The names that ``when`` and ``reason`` may use."""
        own = ("value", "unit", *DATA_ID_COLUMNS)
        return own if self.trend is None else (*own, *_TREND_COLUMNS)


@dataclass(frozen=True)
class Proposal:
    """What a rule says of one data ID: the flag is *set*, or *examined* and not set."""

    target: Target
    state: str
    reason: str


@dataclass(frozen=True)
class RuleRun:
    """What one run of a rule came to.

    Attributes
    ----------
    rule
        The rule.
    proposals
        Everything that the rule says now.
    annotation
        The one annotation that records what has changed since its last run; `None` if nothing has.
    """

    rule: Rule
    proposals: Sequence[Proposal]
    annotation: Annotation | None


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
        If the file is not one, names a rule twice or has a condition that cannot be understood.
    """
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise DefinitionError(f"The rules cannot be read: {error}", file=str(path)) from error
    entries = document.get("rules") if isinstance(document, dict) else None
    if not isinstance(entries, list):
        raise DefinitionError("A rule file has one key, `rules`, with a list.", file=str(path))
    rules: dict[str, Rule] = {}
    for number, entry in enumerate(entries, start=1):
        try:
            rule = Rule.model_validate(entry)
            _check_names(rule)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"])
            raise DefinitionError(f"Rule {number}: {where}: {first['msg']}", file=str(path)) from error
        if rule.name in rules:
            raise DefinitionError(f"The rule {rule.name!r} is defined twice.", file=str(path))
        rules[rule.name] = rule
    return list(rules.values())


def evaluate(rule: Rule, rows: pl.DataFrame) -> list[Proposal]:
    """Say what a rule proposes for a set of measurements.

    Parameters
    ----------
    rule
        The rule.
    rows
        Measurements in the schema of `gnomon.measurements.rows`, of the rule's metrics among others; at most
        one a metric and data ID.

    Returns
    -------
    list of Proposal
        One for each data ID at which the condition is true or false, in order of data ID. Where it is
        neither, since a value is missing or NaN, the rule has nothing to say.

    Raises
    ------
    ExpressionError
        If the condition names what is not there.
    """
    frame = rows.filter(pl.col("metric") == rule.metric, pl.col("value").is_finite())
    if rule.trend is not None:
        frame = _without_trend(frame, rows, rule.trend)
    condition = expressions.parse(rule.when).to_polars(
        frame.select(rule.columns).collect_schema(), condition=True
    )
    judged = frame.with_columns(condition.alias("proposed")).drop_nulls("proposed").sort(DATA_ID_COLUMNS)
    return [
        Proposal(_target(row), "set" if row["proposed"] else "examined", rule.reason.format_map(row))
        for row in judged.select(*rule.columns, "proposed").iter_rows(named=True)
    ]


def run_rules(
    store: Store, annotations: Annotations, rules: Iterable[Rule], *, collections: str | Sequence[str]
) -> list[RuleRun]:
    """Evaluate rules over stored measurements, and record what they say anew.

    Parameters
    ----------
    store
        Where the measurements are.
    annotations
        Where the flags go, under the rule's own name as a bot's. One run of a rule is one annotation, so that it
        can be withdrawn as one.
    rules
        The rules.
    collections
        Collections to read measurements from, first match first.

    Returns
    -------
    list of RuleRun
        One for each rule. Saying the same again records nothing.
    """
    runs = []
    for rule in rules:
        metrics = [rule.metric] if rule.trend is None else [rule.metric, rule.trend.against]
        proposals = evaluate(rule, store.load(metrics, collections=collections).polars())
        changed = _changed(annotations, rule, proposals)
        annotation = None
        if changed:
            annotation = annotations.add(
                targets=[proposal.target for proposal in changed],
                text=f"{rule.description} Rule {rule.name}, version {rule.version}.".strip(),
                flags=[
                    Assertion(rule.flag, proposal.state, proposal.reason, proposal.target, rule.version)  # type: ignore[arg-type]
                    for proposal in changed
                ],
                tags=["rule"],
                actor=_actor(rule),
            )
        runs.append(RuleRun(rule, proposals, annotation))
    return runs


def _without_trend(frame: pl.DataFrame, rows: pl.DataFrame, trend: TrendRemoval) -> pl.DataFrame:
    """Pair each row with the other metric at the same data ID, and take a robust line off in each group."""
    other = rows.filter(pl.col("metric") == trend.against).select(
        *DATA_ID_COLUMNS, pl.col("value").alias("trend_value")
    )
    paired = frame.join(other, on=DATA_ID_COLUMNS, nulls_equal=True, maintain_order="left")
    groups = []
    for group in paired.partition_by(trend.within, maintain_order=True):
        fit = fit_trend(group["trend_value"].to_numpy(), group["value"].to_numpy())
        groups.append(
            group.with_columns(
                pl.Series("residual", fit.residuals),
                pl.lit(fit.scatter).alias("scatter"),
                pl.Series("deviation", fit.residuals) / fit.scatter,
            )
        )
    if groups:
        return pl.concat(groups)
    return paired.with_columns(pl.lit(None, pl.Float64).alias(name) for name in _TREND_COLUMNS[1:])


def _changed(annotations: Annotations, rule: Rule, proposals: Sequence[Proposal]) -> list[Proposal]:
    """Leave out what the rule's last run says already."""
    said: dict[Target, tuple[str, str]] = {}
    for held in annotations.effective([p.target for p in proposals], flags=[rule.flag]):
        own = [
            reason.claim
            for reason in held.reasons
            if reason.claim.counts
            and reason.claim.version == rule.version
            and reason.claim.actor.name == rule.name
            and not reason.claim.actor.is_human
        ]
        if own:
            last = max(own, key=lambda claim: claim.rank)
            said[held.target] = (last.state, last.reason)
    return [p for p in proposals if said.get(p.target) != (p.state, p.reason)]


def _actor(rule: Rule) -> Actor:
    return Actor(rule.name, "bot", agent="gnomon rules", agent_version=__version__)


def _target(row: Mapping[str, Any]) -> Target:
    data_id = {name: row[name] for name in DATA_ID_COLUMNS if row[name] is not None}
    return Target.dimension(dataids.most_specific(data_id), data_id)


def _check_names(rule: Rule) -> None:
    """Refuse a condition or a reason that names what a rule cannot know."""
    known = rule.columns
    for name in expressions.parse(rule.when).names:
        if name not in known:
            raise DefinitionError(f"The condition of rule {rule.name} names {name!r}.{nearest(name, known)}")
    sample: dict[str, Any] = dict.fromkeys(known, math.pi) | {"unit": ""}
    try:
        fields = [name for _, name, _, _ in string.Formatter().parse(rule.reason) if name is not None]
        for name in fields:
            if name not in known:
                raise DefinitionError(f"The reason of rule {rule.name} names {name!r}.{nearest(name, known)}")
        rule.reason.format_map(sample)
    except ValueError as error:
        raise DefinitionError(f"The reason of rule {rule.name} is not a format: {error}") from error
