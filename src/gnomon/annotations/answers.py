"""What holds of many things at once: rows of the tables, weighed by a policy."""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection

from gnomon.annotations.cuts import Cut
from gnomon.annotations.effective import Claim, EffectiveFlag
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
_Groups = dict[tuple[int, str], list[_Row]]

# The places of some columns in a row of `AssertedRow`: the loops below see every row of an answer.
_PLACE, _FLAG, _ACTOR, _TEXT, _ANNOTATION, _EVENT, _ORIGIN, _SEQ, _LIVE, _PARENTS, _REVISED, _MADE = map(
    AssertedRow._fields.index,
    (
        "place", "flag", "actor", "text", "annotation_id", "event_id", "origin", "seq", "live", "parents",
        "revised", "made",
    ),
)  # fmt: skip


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

    Returns
    -------
    list of EffectiveFlag
        Sorted by the target's key and the flag.
    """
    virtual = [] if flags is None else order(flags, vocabulary.virtual)
    asserted = None if flags is None else needed(flags, vocabulary)
    same = resolutions.spread(connection, names, targets.keys(), cut if past else None)
    asked = sorted(targets)
    groups = _grouped(connection, names, asked, asserted, same, cut if past else None)
    about = [targets[key] for key in asked]
    held = _weighed(connection, names, groups, about, policy=policy, vocabulary=vocabulary, cut=cut)
    if virtual:
        held = _with_virtual(held, virtual, vocabulary, frozenset(flags or ()))
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


def _grouped(
    connection: Connection,
    names: Names,
    asked: Sequence[str],
    flags: Sequence[str] | None,
    same: Mapping[str, Sequence[str]] | None,
    cut: Cut | None,
) -> _Groups:
    """Read the rows for every place among the keys asked about and every flag, as they stood at the cut."""
    if flags is not None and not flags:
        return {}
    keys = asked if same is None else sorted(same)
    first = bulk.first_place(connection)
    rows = assertions.rows(connection, keys, flags)
    names.refresh(connection, actors={row[_ACTOR] for row in rows}, origins={row[_ORIGIN] for row in rows})
    if without := {row[_MADE] for row in rows if row[_TEXT] is None}:
        texts = assertions.texts(connection, without)
        rows = [_with(row, _TEXT, texts[row[_MADE]]) if row[_TEXT] is None else row for row in rows]
    if cut is not None:
        rows = _as_of(connection, names, rows, cut, [""] * first + list(keys))
    groups: _Groups = {}
    if same is None:
        for row in rows:
            pair = (row[_PLACE] - first, row[_FLAG])
            if pair in groups:
                groups[pair].append(row)
            else:
                groups[pair] = [row]
        return groups
    places = {key: place for place, key in enumerate(asked)}
    for row in rows:
        for key in same[keys[row[_PLACE] - first]]:
            groups.setdefault((places[key], row[_FLAG]), []).append(row)
    return groups


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
    groups: _Groups,
    targets: Sequence[Target],
    *,
    policy: Policy,
    vocabulary: Vocabulary,
    cut: Cut,
) -> list[EffectiveFlag]:
    actors, origins, label, plain = names.actors, names.origins, policy.label, policy.plain
    contested = [rows for rows in groups.values() if len(rows) > 1 or not plain]
    parents = assertions.parents(
        connection, ((row[_EVENT], row[_PARENTS]) for rows in contested for row in rows)
    )
    result: list[EffectiveFlag] = []
    for pair in sorted(groups):
        rows = groups[pair]
        place, flag = pair
        target = targets[place]
        if plain and len(rows) == 1:
            # What nobody contradicts needs no weighing, and is nearly everything.
            (_, _, state, version, reason, actor, at, text, said, event, hlc, origin, _, live, *_) = rows[0]
            if live and state != "withdrawn":
                rank = (hlc, origins[origin], event)
                claim = Claim(
                    target, flag, state, version, reason, actors[actor], at, text, said, event, rank, True
                )
                result.append(EffectiveFlag(target, flag, state, claim, label, cut))
            continue
        claims = [_claim(row, target, names) for row in rows]
        held = resolve(
            claims,
            {claim.event_id: parents[claim.event_id] for claim in claims},
            policy=policy,
            meaning=vocabulary.meaning(flag),
            cut=cut,
        )
        if held is not None:
            result.append(held)
    return result


def _claim(row: _Row, target: Target, names: Names) -> Claim:
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
