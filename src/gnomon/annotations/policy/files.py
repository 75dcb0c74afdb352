"""Policies: who wins, written down in a file with a name and a version."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Literal

from gnomon.annotations.documents import Reader, load, shipped_in, split_label
from gnomon.annotations.model import Actor
from gnomon.errors import PolicyError, nearest

__all__ = ["STANDARD", "Authority", "Inactive", "Policy", "find", "load_policy", "parse_policy", "shipped"]

STANDARD = "standard@1"
"""The policy that decides where none is named."""


@dataclass(frozen=True, slots=True)
class Authority:
    """Persons whose word stands over that of others.

    Parameters
    ----------
    persons
        Their names.
    flags, instruments
        About what; empty means everything.
    """

    persons: frozenset[str]
    flags: frozenset[str]
    instruments: frozenset[str]


@dataclass(frozen=True, slots=True)
class Inactive:
    """Versions of a flag that no longer count where a program asserted them.

    Parameters
    ----------
    flag
        The flag.
    versions
        The versions of it.
    actors
        By which programs; empty means all.
    """

    flag: str
    versions: frozenset[int]
    actors: frozenset[str]


@dataclass(frozen=True, slots=True)
class Policy:
    """The rules by which one of several assertions holds.

    Parameters
    ----------
    name, version
        Together they mean these rules for ever.
    description
        For people.
    vocabulary
        The label of the shipped vocabulary that it goes by.
    programs
        Whether bots and pipelines are *evidence* where no person spoke, or are *ignored*.
    authority
        Persons over other persons, strongest first.
    inactive
        What no longer counts.
    document
        The file as plain values.
    """

    name: str
    version: int
    description: str
    vocabulary: str
    programs: Literal["evidence", "ignored"]
    authority: tuple[Authority, ...]
    inactive: tuple[Inactive, ...]
    document: Mapping[str, Any] = field(compare=False, hash=False, repr=False)

    @property
    def label(self) -> str:
        """``name@version``."""
        return f"{self.name}@{self.version}"

    @property
    def plain(self) -> bool:
        """Whether a single assertion always holds."""
        return self.programs == "evidence" and not self.inactive

    def rank(self, person: str, flag: str, instrument: str | None) -> int:
        """Say how strong a person's word is.

        Parameters
        ----------
        person
            The name.
        flag, instrument
            About what.

        Returns
        -------
        int
            0 is the strongest; persons without authority share the last place.
        """
        for place, rule in enumerate(self.authority):
            if (
                person in rule.persons
                and (not rule.flags or flag in rule.flags)
                and (not rule.instruments or instrument in rule.instruments)
            ):
                return place
        return len(self.authority)

    def counts(self, actor: Actor, flag: str, version: int) -> bool:
        """Say whether an assertion may decide anything.

        Parameters
        ----------
        actor
            Who made it.
        flag, version
            Of what.

        Returns
        -------
        bool
            Always true for a person's.
        """
        if actor.is_human:
            return True
        return not any(
            rule.flag == flag and version in rule.versions and (not rule.actors or actor.name in rule.actors)
            for rule in self.inactive
        )


def parse_policy(document: object) -> Policy:
    """Read a policy from plain values.

    Parameters
    ----------
    document
        What a file of policy holds.

    Returns
    -------
    Policy
        The policy.

    Raises
    ------
    PolicyError
        If it is none; the message names the place and what was expected.
    """
    known = ("policy", "version", "description", "vocabulary", "programs", "authority", "inactive")
    reader = Reader(document, "The policy", PolicyError, known=known)
    name, version = split_label(f"{reader.text('policy')}@{reader.number('version')}", PolicyError)
    authority = []
    for place, entry in enumerate(reader.entries("authority"), 1):
        rule = Reader(
            entry, f"authority, entry {place}", PolicyError, known=("persons", "flags", "instruments")
        )
        persons = rule.names("persons")
        if not persons:
            raise rule.fail("persons are needed: whose word is to stand?")
        authority.append(
            Authority(
                frozenset(persons), frozenset(rule.names("flags")), frozenset(rule.names("instruments"))
            )
        )
    inactive = []
    for place, entry in enumerate(reader.entries("inactive"), 1):
        old = Reader(entry, f"inactive, entry {place}", PolicyError, known=("flag", "versions", "actors"))
        versions = old.entries("versions")
        if not versions or any(type(version) is not int or version < 1 for version in versions):
            raise old.fail(f"versions must be a list of integers from 1, not {versions!r}.")
        inactive.append(Inactive(old.text("flag"), frozenset(versions), frozenset(old.names("actors"))))
    vocabulary = reader.text("vocabulary", "standard@1")
    split_label(vocabulary, PolicyError)
    programs = reader.choice("programs", ("evidence", "ignored"), "evidence")
    return Policy(
        name=name,
        version=version,
        description=reader.text("description", "").strip(),
        vocabulary=vocabulary,
        programs="ignored" if programs == "ignored" else "evidence",
        authority=tuple(authority),
        inactive=tuple(inactive),
        # Through JSON, so that what is compared later is what an event can hold.
        document=json.loads(json.dumps(reader.values, default=str)),
    )


def load_policy(path: Path) -> Policy:
    """Read a policy from a file.

    Parameters
    ----------
    path
        A YAML file.

    Returns
    -------
    Policy
        The policy.

    Raises
    ------
    PolicyError
        If it is none, with the file.
    """
    return load(path, parse_policy, PolicyError)


@cache
def shipped() -> Mapping[str, Policy]:
    """Give the policies that ship with the package.

    Returns
    -------
    mapping
        By label; read once per process.
    """
    return shipped_in("gnomon.annotations.policy", parse_policy)


def find(label: str, laid_down: Mapping[str, Policy]) -> Policy:
    """Find a policy by its label.

    Parameters
    ----------
    label
        ``name@version``.
    laid_down
        The policies that a log holds beside the shipped ones.

    Returns
    -------
    Policy
        The policy.

    Raises
    ------
    PolicyError
        If nobody laid it down; the message names the nearest.
    """
    known = {**laid_down, **shipped()}
    if label not in known:
        split_label(label, PolicyError)
        raise PolicyError(f"There is no policy {label!r}.{nearest(label, known)}")
    return known[label]
