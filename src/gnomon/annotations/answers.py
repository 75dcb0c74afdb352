"""What holds of many things at once: rows of the tables, weighed by a policy."""

import gc
import uuid
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from itertools import repeat
from operator import itemgetter
from typing import Any

from sqlalchemy import Connection

from gnomon.annotations.cuts import Cut
from gnomon.annotations.effective import Answer, Claim, EffectiveFlag
from gnomon.annotations.model import FlagState
from gnomon.annotations.policy import Policy, resolve
from gnomon.annotations.projections import Projection, project
from gnomon.annotations.storage import assertions, bulk, events, resolutions
from gnomon.annotations.storage.assertions import AssertedRow, as_uuid
from gnomon.annotations.storage.names import Names
from gnomon.annotations.targets import Target
from gnomon.annotations.vocabulary import Vocabulary
from gnomon.annotations.vocabulary.virtual import evaluate, order

__all__ = ["effective", "needed"]

_Row = Sequence[Any]
_Pair = tuple[int, str]

# The places of some columns in a row of `AssertedRow`: the loops below see every row of an answer.
(
    _PLACE, _FLAG, _STATE, _ACTOR, _TEXT, _ANNOTATION, _EVENT, _ORIGIN, _SEQ, _LIVE, _PARENTS, _REVISED,
    _MADE,
) = map(
    AssertedRow._fields.index,
    (
        "place", "flag", "state", "actor", "text", "annotation_id", "event_id", "origin", "seq", "live",
        "parents", "revised", "made",
    ),
)  # fmt: skip
_pair, _actor, _origin = itemgetter(_PLACE, _FLAG), itemgetter(_ACTOR), itemgetter(_ORIGIN)

# What a named tuple's constructor does, without its Python frame.
_new_flag: Callable[[tuple[Any, ...]], EffectiveFlag] = partial(tuple.__new__, EffectiveFlag)


def effective(
    connection: Connection,
    names: Names,
    targets: Mapping[str, Target],
    flags: Sequence[str] | None,
    *,
    policy: Policy,
    vocabulary: Vocabulary,
    cut: Cut,
    past: bool,
    state: FlagState | None = None,
) -> list[EffectiveFlag]:
    """Say what holds.

    Parameters
    ----------
    connection
        Any transaction.
    names
        The numbers of actors and origins.
    targets
        Of which things, by their keys.
    flags
        Of which flags, virtual ones among them; None means all that were asserted.
    policy
        By which rules.
    vocabulary
        What the flags mean.
    cut
        On which events the answer is to rest.
    past
        Whether there may be events beyond the cut.
    state
        Only what holds with this state; None means all.

    Returns
    -------
    list of EffectiveFlag
        Sorted by the target's key and the flag.
    """
    virtual = [] if flags is None else order(flags, vocabulary.virtual)
    asserted = None if flags is None else needed(flags, vocabulary)
    same = resolutions.spread(connection, names, targets.keys(), cut if past else None)
    asked = sorted(targets)
    with _uncollected():
        rows = _rows(connection, names, asked, asserted, same, cut if past else None)
        about = [targets[key] for key in asked]
        held = _weighed(
            connection, names, rows, about, policy=policy, vocabulary=vocabulary, cut=cut,
            state=None if virtual else state,
        )  # fmt: skip
    if virtual:
        held = _with_virtual(held, virtual, vocabulary, frozenset(flags or ()))
        if state is not None:
            held = [flag for flag in held if flag.state == state]
    return held


def needed(flags: Iterable[str], vocabulary: Vocabulary) -> list[str]:
    """Say which assertions some flags rest on.

    Parameters
    ----------
    flags
        Flags, virtual ones among them.
    vocabulary
        What the flags mean.

    Returns
    -------
    list of str
        Flags that are asserted, sorted.
    """
    wanted = list(flags)
    virtual = order(wanted, vocabulary.virtual)
    names = {name for formula in virtual for name in vocabulary.virtual[formula].needs}
    return sorted((names | set(wanted)) - set(virtual))


def _rows(
    connection: Connection,
    names: Names,
    asked: Sequence[str],
    flags: Sequence[str] | None,
    same: Mapping[str, Sequence[str]] | None,
    cut: Cut | None,
) -> list[_Row]:
    """Read the rows of every key asked about, as they stood at the cut, by place and flag."""
    if flags is not None and not flags:
        return []
    keys = asked if same is None else sorted(same)
    first = bulk.first_place(connection)
    rows: Sequence[_Row] = assertions.rows(connection, keys, flags)
    names.refresh(connection, actors=set(map(_actor, rows)), origins=set(map(_origin, rows)))
    if without := {row[_MADE] for row in rows if row[_TEXT] is None}:
        texts = assertions.texts(connection, without)
        rows = [_with(row, _TEXT, texts[row[_MADE]]) if row[_TEXT] is None else row for row in rows]
    if cut is not None:
        rows = _as_of(connection, names, rows, cut, [""] * first + list(keys))
    if same is not None:
        places = {key: place + first for place, key in enumerate(asked)}
        rows = [(places[key], *row[1:]) for row in rows for key in same[keys[row[_PLACE] - first]]]
    # SQLite gives them in this order, and sorting what is sorted costs next to nothing.
    return sorted(rows, key=_pair)


@contextmanager
def _uncollected() -> Iterator[None]:
    """Let no garbage be collected meanwhile.

    An answer about a hundred thousand things is as many objects, none of them garbage; looking through them
    time and again while they are made would cost a third of the whole.
    """
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()


def _as_of(
    connection: Connection, names: Names, rows: Sequence[_Row], cut: Cut, keys: Sequence[str]
) -> list[_Row]:
    """Leave out what came later, and take back what later events did to the rest."""
    last = {number: cut.number(origin) for number, origin in names.origins.items()}
    within = [row for row in rows if row[_SEQ] <= last[row[_ORIGIN]]]
    edited = {as_uuid(row[_ANNOTATION]) for row in within if row[_REVISED]}
    if not edited:
        return within
    past: dict[uuid.UUID, Projection] = {}
    for id, history in events.of_annotations(connection, edited).items():
        then = [event for event in history if cut.holds(event.origin, event.origin_seq)]
        if any(event.kind == "add" for event in then):
            past[id] = project(then)
    counts = {
        (stance.event.id, stance.target_key, stance.flag): stance.counts
        for projected in past.values()
        for stance in projected.stances
    }
    result: list[_Row] = []
    for row in within:
        if not row[_REVISED]:
            result.append(row)
        elif (projected := past.get(as_uuid(row[_ANNOTATION]))) is not None:
            live = counts.get((as_uuid(row[_EVENT]), keys[row[_PLACE]], row[_FLAG]), False)
            result.append(_with(_with(row, _LIVE, live), _TEXT, projected.text))
    return result


def _with(row: _Row, place: int, value: object) -> _Row:
    return (*row[:place], value, *row[place + 1 :])


def _weighed(
    connection: Connection,
    names: Names,
    rows: Sequence[_Row],
    targets: Sequence[Target],
    *,
    policy: Policy,
    vocabulary: Vocabulary,
    cut: Cut,
    state: FlagState | None,
) -> list[EffectiveFlag]:
    """Decide for each place and flag, given by ``rows`` in this order."""
    if not rows:
        return []
    first = bulk.first_place(connection)
    about = targets if not first else [targets[0], *targets]
    pairs = list(map(_pair, rows))
    counts = Counter(pairs)
    if not policy.plain:
        contested = set(counts)
    elif len(counts) < len(rows):
        contested = {pair for pair, count in counts.items() if count > 1}
    else:
        contested = set()
    alone = rows if not contested else [
        row for row, pair in zip(rows, pairs, strict=True) if pair not in contested
    ]  # fmt: skip
    held = _unopposed(alone, about, names, label=policy.label, cut=cut, state=state)
    if not contested:
        return held
    groups: dict[_Pair, list[_Row]] = {pair: [] for pair in contested}
    for row, pair in zip(rows, pairs, strict=True):
        if pair in groups:
            groups[pair].append(row)
    parents = assertions.parents(
        connection, ((row[_EVENT], row[_PARENTS]) for group in groups.values() for row in group)
    )
    for (place, flag), group in groups.items():
        claims = [_claim_of(names, about[place], row) for row in group]
        decided = resolve(
            claims,
            {claim.event_id: parents[claim.event_id] for claim in claims},
            policy=policy,
            meaning=vocabulary.meaning(flag),
            cut=cut,
        )
        if decided is not None and state in (None, decided.state):
            held.append(decided)
    return sorted(held, key=lambda flag: (flag.target.key, flag.flag))


def _unopposed(
    rows: Sequence[_Row],
    about: Sequence[Target],
    names: Names,
    *,
    label: str,
    cut: Cut,
    state: FlagState | None,
) -> list[EffectiveFlag]:
    """Say what holds where nobody contradicts, which needs no weighing and is nearly everything.

    Column by column, and without a Python frame for each of a hundred thousand answers.
    """
    rows = [row for row in rows if row[_LIVE] and row[_STATE] != "withdrawn"] if state is None else [
        row for row in rows if row[_LIVE] and row[_STATE] == state
    ]  # fmt: skip
    answer = Answer(label, cut, partial(_claim_of, names))
    targets = map(about.__getitem__, map(itemgetter(_PLACE), rows))
    flags, states = map(itemgetter(_FLAG), rows), map(itemgetter(_STATE), rows)
    values = zip(
        targets, flags, states, rows, repeat(answer), repeat(False), repeat(()), repeat(()), strict=False
    )
    return list(map(_new_flag, values))


def _claim_of(names: Names, target: Target, row: _Row) -> Claim:
    _, flag, state, version, reason, actor, at, text, said, event, hlc, origin, _, live, *_ = row
    rank = (hlc, names.origins[origin], str(as_uuid(event)))
    return Claim(
        target, flag, state, version, reason, names.actors[actor], at, text, said, event, rank, bool(live)
    )


def _with_virtual(
    held: Iterable[EffectiveFlag], virtual: Sequence[str], vocabulary: Vocabulary, asked: frozenset[str]
) -> list[EffectiveFlag]:
    by_target: dict[str, list[EffectiveFlag]] = {}
    for flag in held:
        by_target.setdefault(flag.target.key, []).append(flag)
    result = []
    for flags in by_target.values():
        for name in virtual:
            if (derived := evaluate(vocabulary.virtual[name], flags)) is not None:
                flags.append(derived)
        result += [flag for flag in flags if flag.flag in asked]
    return sorted(result, key=lambda flag: (flag.target.key, flag.flag))
