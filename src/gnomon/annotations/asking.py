"""Asking: what was said, what holds, and what rests on what."""

import uuid
from collections.abc import Iterable
from typing import Unpack

from astropy.time import Time
from sqlalchemy import Connection, func, select

from gnomon import times
from gnomon.annotations import acceptance, answers, checks
from gnomon.annotations.conditions import Conditions, Page
from gnomon.annotations.cuts import Cut
from gnomon.annotations.effective import EffectiveFlag
from gnomon.annotations.log import clock
from gnomon.annotations.log.events import Event
from gnomon.annotations.model import NEVER_EXAMINED, Annotation, Coverage, FlagState, Word
from gnomon.annotations.observations import Observation, VirtualExposure
from gnomon.annotations.opened import OpenedLog
from gnomon.annotations.policy import Policy
from gnomon.annotations.projections import project
from gnomon.annotations.storage import annotations as stored
from gnomon.annotations.storage import assertions, observations, resolutions, schema, search
from gnomon.annotations.storage import events as stored_events
from gnomon.annotations.targets import Target
from gnomon.errors import AnnotationError, AnnotationNotFoundError, CutError

__all__ = ["Asking", "Moment"]

type Moment = Cut | Time | int
"""A cut, or a moment (a time, or TAI microseconds since 1970-01-01 TAI) that is turned into one."""


class Asking(OpenedLog):
    """The part of `gnomon.annotations.Annotations` that only reads."""

    def get(self, annotation_id: uuid.UUID | str, *, at: Moment | None = None) -> Annotation:
        """Give one annotation, retracted or not.

        Parameters
        ----------
        annotation_id
            Which annotation.
        at
            As of which cut or moment; None means now.

        Returns
        -------
        Annotation
            As it stands or stood.

        Raises
        ------
        AnnotationNotFoundError
            If there is no such annotation.
        CutError
            If the log does not reach the cut.
        """
        id = checks.identifier(annotation_id, "an annotation")
        with self._reading() as (connection, _):
            cut = self._cut(connection, at)
            history = [
                event
                for event in stored_events.of_annotations(connection, [id]).get(id, [])
                if cut.holds(event.origin, event.origin_seq)
            ]
        if not history:
            raise AnnotationNotFoundError(f"There is no annotation {id}.")
        return project(history).annotation()

    def history(self, annotation_id_or_target: uuid.UUID | str | Target) -> list[Event]:
        """Give all that ever happened to an annotation, or to all annotations of a target.

        Parameters
        ----------
        annotation_id_or_target
            Which.

        Returns
        -------
        list of Event
            By the clock, oldest first; empty for a target of which nobody said anything.

        Raises
        ------
        AnnotationNotFoundError
            If there is no such annotation.
        """
        columns = schema.event.c
        with self._reading() as (connection, names):
            if isinstance(annotation_id_or_target, Target):
                same = resolutions.spread(connection, names, [annotation_id_or_target.key], None)
                keys = [annotation_id_or_target.key] if same is None else list(same)
                about = (
                    select(schema.annotation.c.id)
                    .join(schema.target, schema.target.c.made == schema.annotation.c.made)
                    .where(schema.target.c.key.in_(keys))
                )
                return list(stored_events.read(connection, columns.annotation_id.in_(about)))
            id = checks.identifier(annotation_id_or_target, "an annotation")
            found = list(stored_events.read(connection, columns.annotation_id == id))
        if not found:
            raise AnnotationNotFoundError(f"There is no annotation {id}.")
        return found

    def search(
        self,
        *,
        limit: int | None = None,
        after: str | None = None,
        newest: bool = False,
        **conditions: Unpack[Conditions],
    ) -> Page:
        """Find annotations that fulfil every condition given.

        Parameters
        ----------
        limit
            How many at most; None means all.
        after
            The `Page.next` of the page before. Annotations that are added meanwhile neither repeat nor skip
            others.
        newest
            Whether the newest come first, and not the oldest.
        **conditions
            See `gnomon.annotations.conditions.Conditions`.

        Returns
        -------
        Page
            In the order in which they were made.

        Raises
        ------
        AnnotationError
            If a flag is unknown, or a condition cannot be one.
        """
        if limit is not None and (type(limit) is not int or limit < 1):
            raise AnnotationError(f"The limit of a page is an integer from 1, not {limit!r}.")
        with self._reading() as (connection, names):
            query = search.query(
                connection,
                names,
                conditions,
                vocabulary=self._present_vocabulary(connection, names),
                limit=limit,
                after=after,
                newest=newest,
            )
            found = stored.load(connection, names, query)
        shown = found if limit is None else found[:limit]
        return Page(
            (annotation for _, annotation in shown),
            next=f"{shown[-1][0]:x}" if len(found) > len(shown) else None,
        )

    def thread(self, annotation_id: uuid.UUID | str) -> list[Annotation]:
        """Give the thread that an annotation is part of.

        Parameters
        ----------
        annotation_id
            Any annotation of it.

        Returns
        -------
        list of Annotation
            In the order in which they were made, retracted ones among them.

        Raises
        ------
        AnnotationNotFoundError
            If there is no such annotation.
        """
        one = self.get(annotation_id)
        return list(self.search(thread=one.thread or one.id, include_retracted=True))

    def effective(
        self,
        targets: Iterable[Target] | None,
        *,
        flags: Iterable[str] | None = None,
        policy: Policy | str | None = None,
        at: Moment | None = None,
        state: FlagState | None = None,
    ) -> list[EffectiveFlag]:
        """Say what holds of many things at once.

        Parameters
        ----------
        targets
            Of which things, in any order; None means everything of which one of ``flags`` was asserted.
        flags
            Of which flags, virtual ones among them; None means all that were asserted.
        policy
            By which policy, such as ``standard@1``, which is what counts if None.
        at
            As of which cut or moment; None means now. A moment is turned into a cut, which is part of the
            answer: write down the cut, since events that arrive late change the answer for a moment, never
            for a cut.
        state
            Only what holds with this state.

        Returns
        -------
        list of EffectiveFlag
            One for each target and flag of which somebody said something that counts, sorted by the target's
            key and the flag.

        Raises
        ------
        AnnotationError
            If a flag is unknown, or neither targets nor flags are given.
        PolicyError
            If there is no such policy.
        CutError
            If the log does not reach the cut.
        """
        if targets is None and flags is None:
            raise AnnotationError("Everything can only be asked about some flags: say which.")
        wanted = None
        if targets is not None:
            wanted = acceptance.by_key(targets)
        with self._reading() as (connection, names):
            reached = stored_events.reached(connection)
            cut = reached if at is None else self._cut(connection, at)
            past = cut != reached
            rules = self._policy(connection, names, policy)
            if past or rules.vocabulary != "standard@1":
                vocabulary = self._vocabulary_at(connection, names, rules.vocabulary, cut)
            else:
                vocabulary = self._present_vocabulary(connection, names)
            asked = None
            if flags is not None:
                asked = [vocabulary.check_asked(flag) for flag in acceptance.names(flags)]
                asked = list(dict.fromkeys(asked))
            if wanted is None:
                keys = assertions.keys_with(connection, answers.needed(asked or (), vocabulary))
                wanted = assertions.targets(connection, keys)
                became = resolutions.become(
                    connection, names, [k for k in keys if k.startswith("pending:")], cut
                )
                # One thing under two keys is shown once, as what it is.
                wanted = {
                    **{k: t for k, t in wanted.items() if k not in became},
                    **{t.key: t for t in became.values()},
                }
            return answers.effective(
                connection, names, wanted, asked,
                policy=rules, vocabulary=vocabulary, cut=cut, past=past, state=state,
            )  # fmt: skip

    def words(self, actor: str) -> list[Word]:
        """Give all that a bot or pipeline asserted in annotations of its own, and that counts.

        Parameters
        ----------
        actor
            Its name.

        Returns
        -------
        list of Word
            In no order; of one flag and target there can be several, of which the last by the clock is what
            it says now.
        """
        with self._reading() as (connection, names):
            numbers = names.numbers_of(connection, actor)
            return list(map(Word._make, assertions.of_actors(connection, numbers)))

    def asserted_flags(self) -> list[str]:
        """Give the flags of which anybody ever said anything.

        Returns
        -------
        list of str
            By name, free ones among them.
        """
        with self._reading() as (connection, _):
            return assertions.flags(connection)

    def coverage(
        self,
        targets: Iterable[Target],
        *,
        flag: str,
        policy: Policy | str | None = None,
        at: Moment | None = None,
    ) -> dict[Target, Coverage]:
        """Say what is known of one flag, and where nobody ever looked.

        Parameters
        ----------
        targets
            Of which things.
        flag
            Which flag.
        policy, at
            As of `effective`.

        Returns
        -------
        dict
            For every target what holds, or *never examined*, in the order given.

        Raises
        ------
        AnnotationError
            If the flag is unknown.
        """
        about = acceptance.targets(targets, some=False)
        known: dict[Target, Coverage] = {
            effective.target: effective.state
            for effective in self.effective(about, flags=[flag], policy=policy, at=at)
        }
        return {target: known.get(target, NEVER_EXAMINED) for target in about}

    def cut(self, at: Moment | None = None) -> Cut:
        """Say which events there are, or were at a moment.

        Parameters
        ----------
        at
            The moment; None means now. A cut is checked and given back.

        Returns
        -------
        Cut
            What is to be written down beside an answer.

        Raises
        ------
        CutError
            If the log does not reach the cut.
        """
        with self._reading() as (connection, _):
            return self._cut(connection, at)

    def pending(self) -> list[Target]:
        """Give the pending observations of which nobody said yet which record they became.

        Returns
        -------
        list of Target
            By key.
        """
        with self._reading() as (connection, _):
            return resolutions.unresolved(connection)

    def observations(
        self,
        *,
        instrument: str | None = None,
        day_obs: int | None = None,
        during: tuple[int, int] | None = None,
    ) -> list[Observation]:
        """Give what is known of exposures.

        Parameters
        ----------
        instrument, day_obs
            Only of this instrument, and of this night.
        during
            Only those that overlap this stretch of time (TAI microseconds).

        Returns
        -------
        list of Observation
            By the time at which they began.
        """
        columns = schema.observation.c
        conditions = []
        if instrument is not None:
            conditions.append(columns.instrument == instrument)
        if day_obs is not None:
            conditions.append(columns.day_obs == day_obs)
        if during is not None:
            conditions += [columns.begin < during[1], columns.end > during[0]]
        with self._reading() as (connection, _):
            return observations.read(connection, *conditions)

    def last_night(self, instrument: str) -> int | None:
        """Give the last observing night of which an exposure is known.

        Parameters
        ----------
        instrument
            Of which instrument.

        Returns
        -------
        int or None
            Such as 20260301; None if nothing is known.
        """
        columns = schema.observation.c
        query = select(func.max(columns.day_obs)).where(columns.instrument == instrument)
        with self._reading() as (connection, _):
            return connection.execute(query).scalar_one_or_none()

    def virtual_exposure(self, target: Target) -> VirtualExposure:
        """Show a timespan as if it were an exposure, between those around it.

        Parameters
        ----------
        target
            A timespan.

        Returns
        -------
        VirtualExposure
            With the exposure that closed it: the first that begins at its end or later; None as long as there
            is none.

        Raises
        ------
        AnnotationError
            If it is something else.
        """
        if (
            target.kind != "timespan"
            or target.begin is None
            or target.end is None
            or target.instrument is None
        ):
            raise AnnotationError(f"Only a timespan can be shown as a virtual exposure, not {target}.")
        with self._reading() as (connection, _):
            closing = observations.next_after(connection, target.instrument, target.end)
            before = observations.previous_before(connection, target.instrument, target.begin)
        return VirtualExposure(target=target, after=before, closed_by=closing)

    def gaps(self, instrument: str, *, day_obs: int, longer_than: float = 0.0) -> list[VirtualExposure]:
        """Find the stretches of a night in which nothing was exposed.

        Parameters
        ----------
        instrument
            Of which instrument.
        day_obs
            Of which night.
        longer_than
            Only those that are longer, in seconds.

        Returns
        -------
        list of VirtualExposure
            Each with the exposures between which it lies; what is said of its target is said of the gap.
        """
        night = [
            o for o in self.observations(instrument=instrument, day_obs=day_obs)
            if o.begin is not None and o.end is not None
        ]  # fmt: skip
        found = []
        last: Observation | None = None
        for observation in night:
            if observation.begin is None or observation.end is None:
                continue
            if last is not None and last.end is not None and observation.begin - last.end > longer_than * 1e6:
                target = Target.timespan(last.end, observation.begin, instrument)
                found.append(VirtualExposure(target=target, after=last, closed_by=observation))
            if last is None or last.end is None or observation.end > last.end:
                last = observation
        return found

    def _cut(self, connection: Connection, at: Moment | None) -> Cut:
        reached = stored_events.reached(connection)
        if at is None:
            return reached
        if isinstance(at, Cut):
            if not at <= reached:
                beyond = next(o for o, number in at if not reached.holds(o, number))
                raise CutError(
                    f"The cut {at} goes to event {at.number(beyond)} of {beyond}, and this log to "
                    f"{reached.number(beyond)}: the events between have not arrived here."
                )
            return at
        moment = at if isinstance(at, int) and not isinstance(at, bool) else None
        if isinstance(at, Time):
            moment = int(times.to_tai_us(at))
        if moment is None:
            raise CutError(f"{at!r} is neither a cut nor a moment.")
        return stored_events.known_since(connection, clock.last_of(moment))
