"""What people and bots say about the data, and who wins.

An *annotation* is a text, tags, links and flag *assertions* about one or many *targets*. Everything that
anyone ever said is an *event* in an append-only log, numbered and chained by hashes; annotations are computed
from the events and can be computed anew. Nothing is deleted: what is retracted no longer counts.

What *holds* of a flag at a target is decided when it is asked for. A person's word stands over any bot's;
among equals the one who had seen the other's word wins; persons who disagree without having seen each other
are shown as a conflict that counts as the worse value. Every answer carries its chain of reasons.

=============== =============================================================
``annotations`` the front door: add, edit, retract, search, effective, ...
``acceptance``  what may be said, and what not (``checks``: texts, tags, links)
``model``       the words: Actor, Assertion, Annotation, EffectiveFlag, ...
``targets``     what can be annotated, and its canonical key
``vocabulary``  which flags there are (``vocabulary.yaml``)
``policy``      who wins: pure functions of assertions
``events``      the event and its hash; ``clock`` orders events
``projections`` how events become annotations: one pure function
``search``      conditions on annotations
``storage``     rows; ``schema`` the tables, ``database`` how they are opened
``audit``       is the log whole, and do the projections agree with it?
=============== =============================================================

The room knows no Butler and no other room.
"""

from gnomon.annotations.annotations import Annotations, open_annotations
from gnomon.annotations.events import Event
from gnomon.annotations.model import (
    NEVER_EXAMINED,
    Actor,
    Annotation,
    Assertion,
    Coverage,
    EffectiveFlag,
    Reason,
)
from gnomon.annotations.targets import Target

__all__ = [
    "NEVER_EXAMINED",
    "Actor",
    "Annotation",
    "Annotations",
    "Assertion",
    "Coverage",
    "EffectiveFlag",
    "Event",
    "Reason",
    "Target",
    "open_annotations",
]
