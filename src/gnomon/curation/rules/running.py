"""Rules at work: what they say of stored measurements, and what of that is recorded.

What a rule says is evidence under a bot's name: a person's word stands against it. One run of a rule is one
annotation, which can be withdrawn as one. Only very many changes at once are several annotations, still with
one name for the run: each is taken in as a whole or not at all, and the next run says what is missing.
"""

import hashlib
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

import polars as pl

from gnomon import __version__
from gnomon.annotations import Actor, Annotation, Annotations, Assertion
from gnomon.curation.rules.changes import Scope, changes_of, inside_rows, said_before
from gnomon.curation.rules.evaluation import Proposals, evaluate
from gnomon.curation.rules.measured import OTHERS, READ
from gnomon.curation.rules.rule import Rule
from gnomon.curation.rules.things import target_of_key
from gnomon.errors import AnnotationError
from gnomon.measurements import observations, other_dimensions
from gnomon.store import Store

__all__ = ["AGENT", "RuleRun", "preview_rules", "run_rules"]

AGENT = "gnomon rules"
"""The program under whose name rules speak."""

# Beyond this many in one event, the memory for it is felt: a million would take twelve gigabytes.
_IN_ONE_EVENT = 20_000
_GONE = "there is no such measurement any more, or the rule has nothing to say of it"

type Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class RuleRun:
    """What one run of a rule comes to.

    Attributes
    ----------
    rule
        The rule.
    proposals
        Everything that the rule says now.
    changes
        What of that differs from what it said before: ``key`` of the target, ``flag``, ``state``
        (*withdrawn* where it takes back what it said), ``before``, and ``place`` among the proposals.
    run
        The name of the run, by which it can be withdrawn; `None` if nothing was recorded.
    annotation_ids
        The annotations that record it: one, save for very many changes.
    annotation
        The first of them; `None` if nothing was recorded.
    """

    rule: Rule
    proposals: Proposals
    changes: pl.DataFrame
    run: str | None = None
    annotation_ids: tuple[UUID, ...] = ()
    annotation: Annotation | None = None

    def count(self, state: str) -> int:
        """Say how many changes lead to a state."""
        return int((self.changes["state"] == state).sum())

    def table(self, *, changes_only: bool = True) -> pl.DataFrame:
        """Give what it comes to as a table for people and programs.

        Parameters
        ----------
        changes_only
            Whether only the changes are wanted, and not all that the rule says.

        Returns
        -------
        polars.DataFrame
            ``rule``, ``version``, ``target``, ``flag``, ``state``, ``before`` and ``reason``.
        """
        shown = self.changes
        if not changes_only:
            keys = self.proposals.keys
            every = pl.DataFrame({"key": keys, "state": self.proposals.states})
            every = every.with_columns(
                pl.int_range(pl.len()).alias("place"), pl.lit(self._flag).alias("flag")
            )
            known = self.changes.select("key", "flag", "before", pl.lit(value=True).alias("new"))
            every = every.join(known, on=["key", "flag"], how="left", maintain_order="left")
            before = pl.when(pl.col("new")).then(pl.col("before")).otherwise(pl.col("state"))
            every = every.select("key", "flag", "state", before.alias("before"), "place")
            shown = pl.concat([every, self.changes.filter(pl.col("place").is_null())])
        places = shown["place"].drop_nulls().to_list()
        reasons = dict(zip(places, (p.reason for p in self.proposals.at(places)), strict=True))
        return shown.select(
            pl.lit(self.rule.name).alias("rule"),
            pl.lit(self.rule.version).alias("version"),
            pl.Series("target", [str(target_of_key(key)) for key in shown["key"]], pl.String),
            "flag",
            "state",
            "before",
            pl.Series("reason", [_GONE if p is None else reasons[p] for p in shown["place"]], pl.String),
        )

    @property
    def _flag(self) -> str:
        flags = self.changes.filter(pl.col("place").is_not_null())["flag"]
        return str(flags[0]) if len(flags) else self.rule.flag


def preview_rules(
    store: Store,
    annotations: Annotations,
    rules: Iterable[Rule],
    *,
    collections: str | Sequence[str],
    where: str | None = None,
    progress: Progress | None = None,
) -> list[RuleRun]:
    """Say what rules would propose, change and take back, and record nothing.

    Parameters
    ----------
    store, annotations, rules, collections, where, progress
        As of `run_rules`.

    Returns
    -------
    list of RuleRun
        One for each rule.

    Raises
    ------
    AnnotationError, DefinitionError, MetricNotFoundError, CollectionNotFoundError, ExpressionError
        As `run_rules`.
    UnitMismatchError
        As `run_rules`.
    """
    rules = _checked(annotations, rules)
    found = []
    for done, rule in enumerate(rules):
        if progress is not None:
            progress(done, len(rules))
        found.append(_compared(store, annotations, rule, collections, where))
    if progress is not None:
        progress(len(rules), len(rules))
    return found


def run_rules(
    store: Store,
    annotations: Annotations,
    rules: Iterable[Rule],
    *,
    collections: str | Sequence[str],
    where: str | None = None,
    progress: Progress | None = None,
) -> list[RuleRun]:
    """Evaluate rules over stored measurements, and record what they say anew.

    Parameters
    ----------
    store
        Where the measurements are.
    annotations
        Where the flags go, under the rule's own name as a bot's.
    rules
        The rules.
    collections
        Collections to read measurements from, first match first.
    where
        A further condition on the measurements. What lies outside it is left as it is, but looked at where
        what is said of the rest depends on it: a trend is always that of the whole group.
    progress
        Told how many rules are done, and of how many; of very many changes, how many are recorded.

    Returns
    -------
    list of RuleRun
        One for each rule. Saying the same again records nothing.

    Raises
    ------
    AnnotationError
        If a rule proposes a flag that the log does not know; nothing is recorded then.
    DefinitionError
        If a later version of a rule has spoken, or metrics do not fit to what is marked.
    MetricNotFoundError
        If the store has never seen a metric.
    CollectionNotFoundError
        If it knows no such collection.
    ExpressionError
        If ``where`` cannot be understood.
    UnitMismatchError
        If units do not convert into those of a rule.
    """
    rules = _checked(annotations, rules)
    runs = []
    for done, rule in enumerate(rules):
        if progress is not None:
            progress(done, len(rules))
        cut = str(annotations.cut())
        compared = _compared(store, annotations, rule, collections, where)
        scope = _scope(store, collections, where)
        if len(compared.changes):
            compared = _recorded(annotations, compared, scope, cut, progress)
        runs.append(compared)
    if progress is not None:
        progress(len(rules), len(rules))
    return runs


def _checked(annotations: Annotations, rules: Iterable[Rule]) -> list[Rule]:
    rules = list(rules)
    seen: set[str] = set()
    for rule in rules:
        annotations.vocabulary.check(rule.flag)
        if rule.name in seen:
            raise AnnotationError(f"Two rules are called {rule.name}, and a rule speaks under its name.")
        seen.add(rule.name)
    return rules


def _compared(
    store: Store, annotations: Annotations, rule: Rule, collections: str | Sequence[str], where: str | None
) -> RuleRun:
    rows, part = _load(store, rule, collections, where)
    known = store.observations() if rule.run_length > 1 else None
    proposals = evaluate(rule, rows, observations=known)
    if part is not None:
        proposals = _within(proposals, part)
    looked_at = rows if part is None else part

    def inside(keys: pl.Series) -> list[bool]:
        found = inside_rows(keys, looked_at)
        if all(found):
            return found
        # What was measured once in these collections and under this condition belongs to them still, unless
        # it is what is measured elsewhere of which the rule has spoken.
        once = inside_rows(keys, store.history(_metrics(rule), collections=collections, where=where))
        if not any(then and not now for then, now in zip(once, found, strict=True)):
            return found
        still = inside_rows(keys, store.load(_metrics(rule), columns=READ).polars())
        return [n or (then and not there) for n, then, there in zip(found, once, still, strict=True)]

    changes = changes_of(
        proposals,
        annotations.vocabulary.check(rule.flag),
        said_before(annotations.words(rule.name)),
        _scope(store, collections, where),
        inside,
    )
    return RuleRun(rule, proposals, changes)


def _load(
    store: Store, rule: Rule, collections: str | Sequence[str], where: str | None
) -> tuple[pl.DataFrame, pl.DataFrame | None]:
    """Load what a rule looks at, and, where that is more, the part of which it is to speak."""
    fields = [name for name in rule.needed_fields if name in observations.METADATA]
    asked: dict[str, Any] = {"collections": collections, "columns": READ, "metadata": fields or False}
    part = store.load(_metrics(rule), where=where, **asked).polars()
    if where is None or not rule.needs_context or part.is_empty():
        return part, None
    condition, bind = _around(rule, part)
    return store.load(_metrics(rule), where=condition, bind=bind, **asked).polars(), part


def _around(rule: Rule, part: pl.DataFrame) -> tuple[str | None, dict[str, Any]]:
    """Give a condition for all that shares a group with some measurements."""
    withins = []
    if rule.trend is not None:
        withins.append(set(rule.trend.within))
    if rule.run_length > 1:
        withins.append(set(rule.consecutive.within))
    if rule.baseline is not None:
        withins.append(set(rule.baseline.within) - {"day_obs"})
    shared = set.intersection(*withins)
    bind: dict[str, Any] = {
        name: part[name].unique().to_list() for name in sorted(shared) if not part[name].null_count()
    }
    conditions = [f"{name} IN (:{name})" for name in bind]
    if rule.baseline is not None and not part["day_obs"].null_count():
        nights = part["day_obs"].cast(pl.String).str.to_date("%Y%m%d", strict=False).drop_nulls()
        if len(nights):
            first = nights.dt.offset_by(f"-{rule.baseline.nights}d").dt.strftime("%Y%m%d").cast(pl.Int64)
            bind |= {"_first": min(first), "_last": max(part["day_obs"])}
            conditions.append("day_obs >= :_first AND day_obs <= :_last")
    return " AND ".join(conditions) or None, bind


def _within(proposals: Proposals, part: pl.DataFrame) -> Proposals:
    """Keep what is said of the things of which a part has measurements."""
    rows = part.with_columns(other_dimensions.as_text().alias(OTHERS))
    kept = []
    for shaped in proposals.parts:
        there = rows.select(shaped.key).drop_nulls().unique()
        frame = shaped.frame.join(there, on=shaped.key, how="semi", maintain_order="left")
        kept.append(replace(shaped, frame=frame))
    return Proposals(proposals.rule, [shaped for shaped in kept if len(shaped.frame)])


def _recorded(
    annotations: Annotations, compared: RuleRun, scope: Scope, cut: str, progress: Progress | None
) -> RuleRun:
    rule, changes = compared.rule, compared.changes
    said = [rule.name, rule.version, cut, *scope.tags, changes.select("key", "flag", "state").rows()]
    run = hashlib.sha256(json.dumps(said).encode()).hexdigest()[:12]
    words = said_before(annotations.words(rule.name)).select("key", "flag", "event")
    actor = Actor(rule.name, "bot", agent=AGENT, agent_version=__version__)
    recorded = []
    for number, chunk in enumerate(changes.iter_slices(_IN_ONE_EVENT)):
        flags = _assertions(compared, chunk)
        # A rule answers its own words and no other bot's: two of them may well disagree.
        seen = words.join(chunk, on=["key", "flag"], how="semi")["event"].unique().to_list()
        recorded.append(
            annotations.add(
                targets=[flag.target for flag in flags if flag.target is not None],
                text=f"{rule.description} Rule {rule.name}, version {rule.version}.".strip(),
                flags=flags,
                tags=("rule", f"run_{run}", *scope.tags),
                actor=actor,
                key=f"{run}:{number}",
                parents=seen,
            )
        )
        if progress is not None and len(changes) > _IN_ONE_EVENT:
            progress(min((number + 1) * _IN_ONE_EVENT, len(changes)), len(changes))
    ids = tuple(annotation.id for annotation in recorded)
    return replace(compared, run=run, annotation_ids=ids, annotation=recorded[0])


def _assertions(compared: RuleRun, chunk: pl.DataFrame) -> list[Assertion]:
    version = compared.rule.version
    anew = chunk.filter(pl.col("place").is_not_null())
    gone = chunk.filter(pl.col("place").is_null())
    said = [
        Assertion(flag, proposal.state, proposal.reason, proposal.target, version)
        for proposal, flag in zip(compared.proposals.at(anew["place"].to_list()), anew["flag"], strict=True)
    ]
    return said + [
        Assertion(flag, "withdrawn", _GONE, target_of_key(key), version)
        for key, flag in zip(gone["key"], gone["flag"], strict=True)
    ]


def _metrics(rule: Rule) -> list[str]:
    return sorted({use.metric for use in rule.uses.values()})


def _scope(store: Store, collections: str | Sequence[str], where: str | None) -> Scope:
    names = [collections] if isinstance(collections, str) else list(collections)
    return Scope(
        f"over_{_digest([store.uri, *names])}", None if where is None else f"where_{_digest([where.strip()])}"
    )


def _digest(values: Sequence[str]) -> str:
    return hashlib.sha256(json.dumps(values).encode()).hexdigest()[:12]
