"""Keeping a log: copying it, checking it, mending what is computed from it."""

import hashlib
import itertools
import os
import uuid
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import IO

from gnomon.annotations import acceptance
from gnomon.annotations.cuts import Cut
from gnomon.annotations.log import audit
from gnomon.annotations.log.carrying import Carried, Excerpt, carry, excerpt
from gnomon.annotations.log.events import Event, canonical
from gnomon.annotations.log.exchange import events_of, lines_of
from gnomon.annotations.log.intake import Intake, intake
from gnomon.annotations.opened import OpenedLog
from gnomon.annotations.storage import events as stored
from gnomon.annotations.storage import schema, text_index
from gnomon.annotations.targets import Target
from gnomon.errors import CutError

__all__ = ["Keeping"]

_Progress = Callable[[int, int], None]
_BATCH = 20_000


class Keeping(OpenedLog):
    """The part of `gnomon.annotations.Annotations` that looks after the log itself."""

    def export(
        self,
        to: str | os.PathLike[str] | IO[str],
        *,
        after: Cut | None = None,
        progress: _Progress | None = None,
    ) -> int:
        """Write the log as JSON Lines, events of every origin among them.

        Parameters
        ----------
        to
            A file, which appears when it is complete, or something that is written to.
        after
            Only what is not within this cut: what another copy has already.
        progress
            Told how many events are done, and of how many.

        Returns
        -------
        int
            How many events were written.

        Raises
        ------
        CutError
            If the log does not reach ``after``.
        """
        known = Cut() if after is None else after
        with self._reading() as (connection, _):
            cut = stored.reached(connection)
            if not known <= cut:
                raise CutError(f"The log goes to {cut}, and not as far as {known}.")
            total = sum(number - known.number(origin) for origin, number in cut)
            events = (
                event for event in stored.read(connection) if not known.holds(event.origin, event.origin_seq)
            )
            lines = lines_of(_told(events, total, progress), cut=cut, after=known, number=total)
            if not isinstance(to, str | os.PathLike):
                to.writelines(f"{line}\n" for line in lines)
                return total
            path = Path(to)
            fresh = path.with_name(f".{path.name}.{os.getpid()}.new")
            try:
                with fresh.open("w", encoding="utf-8", newline="\n") as file:
                    file.writelines(f"{line}\n" for line in lines)
                    file.flush()
                    os.fsync(file.fileno())
                fresh.replace(path)
            finally:
                fresh.unlink(missing_ok=True)
        return total

    def import_(
        self,
        source: str | os.PathLike[str] | IO[str] | Iterable[str | bytes],
        *,
        name: str = "the log",
        progress: _Progress | None = None,
    ) -> Intake:
        """Take in what `export` wrote, here or elsewhere.

        Parameters
        ----------
        source
            A file, or lines.
        name
            What lines come from, for messages.
        progress
            Told how many events are done; how many there are is not known before the end, so both are the
            same.

        Returns
        -------
        Intake
            How many events are new, were known, or wait for others that have to come before them.

        Raises
        ------
        FormatError
            If it is something else or not whole, with the line. Nothing is taken in then.
        LogForkError
            If two logs wrote under the same origin.
        AnnotationLogError
            If an event is not what its origin recorded.
        """
        if isinstance(source, str | os.PathLike):
            with Path(source).open("rb") as file:
                return self._import(events_of(file, name=os.fspath(source)), progress)
        return self._import(events_of(source, name=name), progress)

    def take_in(self, events: Iterable[Event]) -> Intake:
        """Take in events of other origins, in any order and however often.

        Parameters
        ----------
        events
            Events.

        Returns
        -------
        Intake
            What became of them.

        Raises
        ------
        LogForkError
            If two logs wrote under the same origin.
        AnnotationLogError
            If an event is not what its origin recorded. Nothing is taken in then.
        """
        return self._import(iter(events), None)

    def excerpt(self, targets: Iterable[Target]) -> Excerpt:
        """Take out all that was ever said of some things, to be carried into another log.

        Parameters
        ----------
        targets
            The things, perhaps very many.

        Returns
        -------
        Excerpt
            Every event of each annotation of one of them, retracted ones and whole threads among them; where
            such an annotation says of a flag of something else, too, all that was said of that; and which
            records pending observations became.

        Raises
        ------
        AnnotationError
            If something is no target.
        """
        about = acceptance.by_key(targets)
        with self._reading() as (connection, names):
            return excerpt(connection, names, about.values())

    def carry(self, given: Excerpt) -> Carried:
        """Record what a part of another log says, as events of this one that name where they come from.

        Parameters
        ----------
        given
            What `excerpt` gave there. Ids of annotations and events, authors, times and words stay as they
            are; of what was carried before, only what is new is recorded.

        Returns
        -------
        Carried
            How much of it is new.

        Raises
        ------
        LogForkError
            If an event has the id of another one here.
        AnnotationLogError
            If an event is not what was recorded there, or this log follows an origin of the excerpt, from
            which it gets all events. Nothing is recorded then.
        """
        with self._writing() as (connection, names):
            return carry(connection, names, self.origin, given)

    def known_events(self, ids: Iterable[uuid.UUID]) -> set[uuid.UUID]:
        """Say which events this log has.

        Parameters
        ----------
        ids
            Ids of events.

        Returns
        -------
        set of uuid.UUID
            Those that are here.
        """
        with self._reading() as (connection, _):
            return stored.present(connection, set(ids))

    def events(self, *, after: Cut | None = None) -> Iterator[Event]:
        """Give the events themselves, each after those that it answers.

        Parameters
        ----------
        after
            Only what is not within this cut.

        Yields
        ------
        Event
            One after the other, as of one state of the log.
        """
        known = Cut() if after is None else after
        with self._reading() as (connection, _):
            yield from stored.read_after(connection, known)

    def digest(self, at: Cut | None = None) -> str:
        """Give one number for all events within a cut.

        Parameters
        ----------
        at
            The cut; None means all events.

        Returns
        -------
        str
            64 hexadecimal digits. Two logs with the same digest at a cut hold the same events there, since
            each origin's chain of hashes leads through all of them.

        Raises
        ------
        CutError
            If the log does not reach the cut.
        """
        with self._reading() as (connection, _):
            reached = stored.reached(connection)
            cut = reached if at is None else at
            if not cut <= reached:
                raise CutError(f"The log goes to {reached}, and not as far as {cut}.")
            last = [[o, number, stored.hashes(connection, o, [number]).get(number)] for o, number in cut]
        return hashlib.sha256(canonical(last).encode()).hexdigest()

    def fingerprint(self) -> str:
        """Give one number for all that is computed from the events.

        Returns
        -------
        str
            64 hexadecimal digits: the same for the same events, in whatever order they came and on whichever
            database. It reads everything.
        """
        with self._reading() as (connection, names):
            return audit.fingerprint(connection, names)

    def rebuild(self, *, progress: _Progress | None = None) -> int:
        """Throw away all that was computed from the events, and compute it anew.

        Parameters
        ----------
        progress
            Told how many events are done, and of how many.

        Returns
        -------
        int
            How many annotations there are.

        Raises
        ------
        AnnotationLogError
            If the events do not fit together; then nothing is changed.
        """
        with self._writing() as (connection, names):
            return audit.rebuild(connection, names, progress)

    def check(self, *, progress: _Progress | None = None) -> list[str]:
        """Look for damage: broken chains, gaps, and projections that differ from a replay.

        Parameters
        ----------
        progress
            Told how much is done, and of how much.

        Returns
        -------
        list of str
            A sentence for each problem; empty if all is well. Missing last events of an origin cannot be seen
            from within if its end was adjusted too: compare digests with another copy.
        """
        with self._reading() as (connection, names):
            return audit.problems(connection, names, progress)

    def notices(self) -> list[str]:
        """Say what works and could work better.

        Returns
        -------
        list of str
            A sentence each.
        """
        result = []
        with self._reading() as (connection, _):
            if not text_index.has_trigrams(connection):
                result.append(
                    "PostgreSQL has no pg_trgm here, so that a piece of a text is looked for in all texts, "
                    "one after the other; words are found by an index. Debian's postgresql has it: CREATE "
                    "EXTENSION pg_trgm, and then `gnomon annotations rebuild`."
                )
            held = connection.exec_driver_sql(f"SELECT count(*) FROM {schema.held.name}").scalar_one()
            if held:
                result.append(f"{held} events wait for others that have to come before them.")
        return result

    def _import(self, events: Iterator[Event], progress: _Progress | None) -> Intake:
        recorded = known = 0
        dropped: tuple[str, ...] = ()
        last = Intake()
        with self._writing() as (connection, names):
            done = 0
            while batch := list(itertools.islice(events, _BATCH)):
                last = intake(connection, names, batch)
                recorded, known = recorded + last.recorded, known + last.known
                dropped += last.dropped
                done += len(batch)
                if progress is not None:
                    progress(done, done)
        return Intake(recorded, known, last.held, dropped)


def _told(events: Iterable[Event], total: int, progress: _Progress | None) -> Iterator[Event]:
    for done, event in enumerate(events, 1):
        yield event
        if progress is not None and (done % 5000 == 0 or done == total):
            progress(done, total)
