"""Rules at work: metrics into flags.

What a rule says is evidence under a bot's name: a person's word stands against it. The files that rules are
written in are those of `gnomon.curation.rule_files`.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from gnomon import __version__, dataids, expressions
from gnomon.algorithms.robust import fit_trend
from gnomon.annotations import Actor, Annotation, Annotations, Assertion, Target
from gnomon.annotations.model import FlagState
from gnomon.curation.rule_files import TREND_COLUMNS, Rule, TrendRemoval, load_rules, write_reason
from gnomon.errors import DefinitionError
from gnomon.judgement.frames import Rows, to_frame
from gnomon.measurements import other_dimensions
from gnomon.measurements.rows import DATA_ID_COLUMNS, OTHER_DIMENSIONS
from gnomon.store import Store

__all__ = ["Proposal", "Rule", "RuleRun", "TrendRemoval", "evaluate", "load_rules", "run_rules"]

_OTHERS = "_other_dimensions"


@dataclass(frozen=True)
class Proposal:
    """What a rule says of one data ID: the flag is *set*, or *examined* and not set."""

    target: Target
    state: FlagState
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


def evaluate(rule: Rule, rows: Rows) -> list[Proposal]:
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
    DefinitionError
        If the metric was measured of the repository as a whole, which no flag can mark.
    SchemaError
        If the rows are not measurements.
    """
    rows = to_frame(rows, ("metric", "value", "unit", *DATA_ID_COLUMNS, OTHER_DIMENSIONS))
    frame = rows.filter(pl.col("metric") == rule.metric, pl.col("value").is_finite())
    if rule.trend is not None:
        frame = _without_trend(frame, rows, rule.trend)
    condition = expressions.parse(rule.when).to_polars(
        frame.select(rule.columns).collect_schema(), condition=True
    )
    judged = frame.with_columns(condition.alias("proposed")).drop_nulls("proposed").sort(DATA_ID_COLUMNS)
    return [
        Proposal(_target(rule, row), "set" if row["proposed"] else "examined", write_reason(rule.reason, row))
        for row in judged.select(*rule.columns, OTHER_DIMENSIONS, "proposed").iter_rows(named=True)
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
        Where the flags go, under the rule's own name as a bot's. One run of a rule is one annotation, so that
        it can be withdrawn as one.
    rules
        The rules.
    collections
        Collections to read measurements from, first match first.

    Returns
    -------
    list of RuleRun
        One for each rule. Saying the same again records nothing.

    Raises
    ------
    AnnotationError
        If a rule proposes a flag that the log does not know; nothing is recorded then.
    MetricNotFoundError
        If the store has never seen a metric.
    CollectionNotFoundError
        If it knows no such collection.
    """
    rules = list(rules)
    for rule in rules:
        annotations.vocabulary.check(rule.flag)
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
                    Assertion(rule.flag, proposal.state, proposal.reason, proposal.target, rule.version)
                    for proposal in changed
                ],
                tags=["rule"],
                actor=_actor(rule),
            )
        runs.append(RuleRun(rule, proposals, annotation))
    return runs


def _without_trend(frame: pl.DataFrame, rows: pl.DataFrame, trend: TrendRemoval) -> pl.DataFrame:
    """Pair each row with the other metric at the same data ID, and take a robust line off in each group."""
    others = other_dimensions.as_text()
    keys = (*DATA_ID_COLUMNS, _OTHERS)
    other = rows.filter(pl.col("metric") == trend.against).select(
        *DATA_ID_COLUMNS, others.alias(_OTHERS), pl.col("value").alias("trend_value")
    )
    paired = frame.with_columns(others.alias(_OTHERS)).join(
        other, on=keys, nulls_equal=True, maintain_order="left"
    )
    groups = []
    for group in paired.partition_by(trend.within, maintain_order=True) if trend.within else [paired]:
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
    return paired.with_columns(pl.lit(None, pl.Float64).alias(name) for name in TREND_COLUMNS[1:])


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


def _target(rule: Rule, row: Mapping[str, Any]) -> Target:
    data_id = {name: row[name] for name in DATA_ID_COLUMNS if row[name] is not None}
    for other in row[OTHER_DIMENSIONS] or ():
        name, value = other["key"], other["value"]
        data_id[name] = int(value) if dataids.takes_integer(name) else value
    if not data_id:
        raise DefinitionError(
            f"The rule {rule.name} cannot mark what {rule.metric} was measured of: the whole repository."
        )
    return Target.dimension(dataids.most_specific(data_id), data_id)
