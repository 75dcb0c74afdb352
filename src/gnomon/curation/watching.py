"""Resolving pending observations as soon as a registry knows them, and telling what exposures there are."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import batched, product

from lsst.daf.butler import Butler, DimensionRecord

from gnomon import times
from gnomon.annotations import Actor, Annotations, Observation, Target
from gnomon.curation.selecting import explained

__all__ = ["Ambiguous", "Watched", "watch_once"]

_BATCH = 1_000
_TOLD = 5_000


@dataclass(frozen=True)
class Ambiguous:
    """A pending observation of which it cannot be told which record it became.

    Attributes
    ----------
    pending
        The observation.
    candidates
        Exposures of other instruments that have its observation id.
    """

    pending: Target
    candidates: tuple[Target, ...]

    @property
    def reason(self) -> str:
        """Why none of the candidates is taken."""
        others = " and ".join(sorted({str(one.instrument) for one in self.candidates}))
        return f"the registry has this observation id, but of {others} and not of {self.pending.instrument}"


@dataclass(frozen=True)
class Watched:
    """What one look at a registry found.

    Attributes
    ----------
    resolved
        Which record each pending observation became, of those of which it is new.
    waiting
        How many the registry does not know yet.
    ambiguous
        Those that are left to a person.
    told
        How many exposures were told of for the first time, or otherwise than before.
    """

    resolved: Mapping[Target, Target]
    waiting: int
    ambiguous: tuple[Ambiguous, ...]
    told: int


def watch_once(
    annotations: Annotations,
    butler: Butler,
    *,
    actor: Actor,
    since: int | None = None,
    dry_run: bool = False,
) -> Watched:
    """Look once what the registry knows.

    Parameters
    ----------
    annotations
        The log.
    butler
        Client of the repository.
    actor
        Who looks.
    since
        The observing night, such as 20260301, from which on exposures are told of; None means for each
        instrument the last night that the log knows of, or else the last one of the registry.
    dry_run
        Whether to record nothing.

    Returns
    -------
    Watched
        What is new. A pending observation is resolved if an exposure of its instrument has its observation
        id; one of another instrument is not taken. All that are resolved are one event, and of two who look
        at the same time one records it.

    Raises
    ------
    RepositoryError
        If the registry cannot answer.
    """
    pending = annotations.pending()
    with explained(butler), butler.query() as query:
        instruments = sorted(record.name for record in query.dimension_records("instrument"))
    found = _exposures_by_obs_id(butler, instruments, {str(target.obs_id) for target in pending})
    resolved: dict[Target, Target] = {}
    ambiguous = []
    waiting = 0
    for target in pending:
        records = found.get(str(target.obs_id), ())
        # The registry keeps observation ids apart within an instrument, and not among instruments.
        own = next((record for record in records if record.instrument == target.instrument), None)
        if own is not None:
            resolved[target] = _target(own)
        elif records:
            ambiguous.append(Ambiguous(target, tuple(map(_target, records))))
        else:
            waiting += 1
    if resolved and not dry_run:
        new = annotations.resolve(resolved, actor=actor)
        resolved = {target: resolved[target] for target in new}
    records = [record for same in found.values() for record in same]
    told = _tell(annotations, butler, instruments, records, actor=actor, since=since, dry_run=dry_run)
    return Watched(resolved, waiting, tuple(ambiguous), told)


def _exposures_by_obs_id(
    butler: Butler, instruments: Iterable[str], obs_ids: Iterable[str]
) -> dict[str, list[DimensionRecord]]:
    found: dict[str, list[DimensionRecord]] = defaultdict(list)
    # Of every instrument: an id that is another one's is told to people, and not passed over.
    for instrument, batch in product(instruments, list(batched(sorted(obs_ids), _BATCH))):
        with explained(butler), butler.query() as query:
            x = query.expression_factory
            condition = x.all(x.instrument == instrument, x.exposure.obs_id.in_iterable(batch))
            for record in query.dimension_records("exposure").where(condition):
                found[record.obs_id].append(record)
    return found


def _tell(
    annotations: Annotations,
    butler: Butler,
    instruments: Iterable[str],
    records: Iterable[DimensionRecord],
    *,
    actor: Actor,
    since: int | None,
    dry_run: bool,
) -> int:
    by_id = {(record.instrument, record.obs_id): record for record in records}
    for instrument in instruments:
        night = _first_night(annotations, butler, instrument) if since is None else since
        if night is None:
            continue
        with explained(butler), butler.query() as query:
            x = query.expression_factory
            found = query.dimension_records("exposure").where(
                x.all(x.instrument == instrument, x.exposure.day_obs >= night)
            )
            by_id |= {(record.instrument, record.obs_id): record for record in found}
    observations = [_observation(record) for record in by_id.values()]
    nights = {(one.instrument, one.day_obs) for one in observations}
    known = {
        (one.instrument, one.obs_id): one
        for instrument, night in nights
        for one in annotations.observations(instrument=instrument, day_obs=night)
    }
    new = [one for one in observations if known.get((one.instrument, one.obs_id)) != one]
    new.sort(key=lambda one: (one.instrument, one.exposure or 0))
    if not dry_run:
        for batch in batched(new, _TOLD):
            annotations.observe(batch, actor=actor)
    return len(new)


def _first_night(annotations: Annotations, butler: Butler, instrument: str) -> int | None:
    if (night := annotations.last_night(instrument)) is not None:
        return night
    with explained(butler), butler.query() as query:
        x = query.expression_factory
        last = query.dimension_records("exposure").where(x.instrument == instrument)
        return next((int(r.day_obs) for r in last.order_by("-exposure.day_obs").limit(1)), None)


def _target(record: DimensionRecord) -> Target:
    return Target.dimension("exposure", {"instrument": record.instrument, "exposure": record.id})


def _observation(record: DimensionRecord) -> Observation:
    span = record.timespan
    begin = end = None
    if span is not None and not span.isEmpty():
        begin = None if span.begin is None else int(times.to_tai_us(span.begin))
        end = None if span.end is None else int(times.to_tai_us(span.end))
    return Observation(
        instrument=record.instrument,
        obs_id=record.obs_id,
        exposure=record.id,
        day_obs=record.day_obs,
        seq_num=record.seq_num,
        begin=begin,
        end=end,
        type=record.observation_type,
    )
