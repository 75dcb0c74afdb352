"""What people and bots say about the data, and who wins.

An *annotation* is a text, tags, links and flag *assertions* about one or many *targets*. Everything that
anyone ever said is an *event* in an append-only log, numbered and chained by hashes; annotations are computed
from the events and can be computed anew. Nothing is deleted: what is retracted no longer counts.

What *holds* of a flag at a target is decided when it is asked for, by a policy, as of a cut of the log. A
person's word stands over any bot's; among equals the one who had seen the other's word wins; persons who
disagree without having seen each other are shown as a conflict that counts as the worse value. Every answer
carries its chain of reasons.

=================== ===========================================================
``annotations``     the front door; its three parts are ``writing`` (add, edit, retract, resolve, ...),
                    ``asking`` (search, effective, coverage, ...) and ``keeping`` (export, import, check, ...)
``model``           the words: Actor, Assertion, Annotation; ``effective`` what holds; ``observations``
``targets``         what can be annotated, and its canonical key
``cuts``            which events an answer rests on
``vocabulary``      which flags there are, in files; virtual flags
``policy``          who wins: files, and pure functions of assertions
``acceptance``      what may be said, and what not (``checks``: texts, tags, links)
``new_annotations`` many in one transaction, or one
``projections``     how events become annotations: one pure function
``answers``         effective flags of many targets at once
``conditions``      what a search can ask for
``log``             events and their hashes, the clock, appending, taking in, carrying, files, the audit
``storage``         tables, rows and queries on SQLite and PostgreSQL
``migrations``      from the tables of an older gnomon to the present ones
=================== ===========================================================

A datum goes from ``writing`` through ``acceptance`` and ``log`` into ``storage``, and from there through
``answers`` and ``asking`` out again. The room knows no Butler and no other room.
"""

from gnomon.annotations.annotations import Annotations, open_annotations
from gnomon.annotations.conditions import Page
from gnomon.annotations.cuts import Cut
from gnomon.annotations.effective import Claim, EffectiveFlag, Reason
from gnomon.annotations.log.carrying import Carried, Excerpt
from gnomon.annotations.log.events import Event
from gnomon.annotations.log.intake import Intake
from gnomon.annotations.model import (
    NEVER_EXAMINED,
    Actor,
    Annotation,
    Assertion,
    Attachment,
    Coverage,
    Draft,
    Recorded,
    TimeLost,
    Word,
)
from gnomon.annotations.observations import Observation, VirtualExposure
from gnomon.annotations.policy import Policy
from gnomon.annotations.targets import Target

__all__ = [
    "NEVER_EXAMINED",
    "Actor",
    "Annotation",
    "Annotations",
    "Assertion",
    "Attachment",
    "Carried",
    "Claim",
    "Coverage",
    "Cut",
    "Draft",
    "EffectiveFlag",
    "Event",
    "Excerpt",
    "Intake",
    "Observation",
    "Page",
    "Policy",
    "Reason",
    "Recorded",
    "Target",
    "TimeLost",
    "VirtualExposure",
    "Word",
    "open_annotations",
]
