"""Carrying annotations along with datasets that move to another repository."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import batched

from lsst.daf.butler import Butler, DataCoordinate

from gnomon.annotations import Annotations, Carried, Target
from gnomon.curation.things import Thing, targets_about

__all__ = ["Transfer", "transfer"]

_BATCH = 10_000
_VISITS = {"visit": "exposure", "exposure": "visit"}


@dataclass(frozen=True)
class Transfer:
    """What a transfer brought.

    Attributes
    ----------
    annotations
        How many annotations the things have, those that were known among them.
    recorded, known
        How many of their events are new in the other log, and how many were there already.
    unknown_flags
        Flags among them that the other log has no vocabulary for; until somebody lays it down there, *set*
        counts as bad.
    dry_run
        Whether nothing was recorded.
    """

    annotations: int
    recorded: int
    known: int
    unknown_flags: tuple[str, ...] = ()
    dry_run: bool = False


def transfer(
    source: Annotations,
    destination: Annotations,
    *,
    things: Sequence[Thing],
    butler: Butler,
    repository: str | None = None,
    records: bool = True,
    dry_run: bool = False,
) -> Transfer:
    """Carry what was said of datasets from one log into another.

    Parameters
    ----------
    source, destination
        The logs.
    things
        The datasets.
    butler
        Client of a repository that has them, which says of which exposures a visit consists.
    repository
        The label by which targets call that repository, where collections are named with one.
    records
        Whether to carry, too, what was said of their data IDs and records: exposures, visits, detectors,
        nights, and their runs.
    dry_run
        Whether only to count.

    Returns
    -------
    Transfer
        How much is new. A transfer that is repeated brings only what was said since.

    Raises
    ------
    LogForkError, AnnotationLogError
        As of `gnomon.annotations.Annotations.carry`. Nothing is recorded then.
    """
    targets: dict[Target, None] = {}
    if records:
        about = [*things, *_related(butler, things)]
        targets |= dict.fromkeys(target for group in targets_about(about) for target in group)
        runs = dict.fromkeys(thing.run for thing in things if thing.run is not None)
        for label in {None, repository}:
            targets |= dict.fromkeys(Target.collection(run, label) for run in runs)
    else:
        ids = (thing.dataset_id for thing in things)
        targets |= dict.fromkeys(Target.dataset(id) for id in ids if id is not None)
    wanted = {thing.dataset_id for thing in things} - {None}
    for one in source.search(kind="measurement", include_retracted=True):
        targets |= dict.fromkeys(target for target in one.targets if target.dataset_id in wanted)
    part = source.excerpt(targets)
    if dry_run:
        known = destination.known_events(event.id for event in part.events)
        annotations = len({event.annotation_id for event in part.events} - {None})
        carried = Carried(len(part.events) - len(known), len(known), annotations)
    else:
        carried = destination.carry(part)
    vocabulary = destination.vocabulary
    flags = {said["flag"] for event in part.events for said in event.payload.get("flags") or ()}
    unknown = sorted(f for f in flags if f not in vocabulary.flags and not f.startswith("user/"))
    return Transfer(carried.annotations, carried.recorded, carried.known, tuple(unknown), dry_run)


def _related(butler: Butler, things: Iterable[Thing]) -> list[Thing]:
    """Give the exposures of visits, and the visits of exposures."""
    given = list(things)
    found: dict[tuple[str, object, object], Thing] = {}
    for dimension, other in _VISITS.items():
        group = butler.dimensions.conform([dimension])
        keys = dict.fromkeys(
            (thing.data_id["instrument"], thing.data_id[dimension])
            for thing in given
            if dimension in thing.data_id
        )
        for batch in batched(keys, _BATCH):
            data_ids = [DataCoordinate.from_required_values(group, key) for key in batch]
            with butler.query() as query:
                joined = query.join_data_coordinates(data_ids)
                for record in joined.dimension_records("visit_definition"):
                    data_id = {"instrument": record.instrument, other: getattr(record, other)}
                    found.setdefault((other, *data_id.values()), Thing(data_id, element=other))
    return list(found.values())
