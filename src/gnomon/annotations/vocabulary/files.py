"""Vocabularies in files: reading them, and putting several together."""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import cast, get_args

from gnomon.annotations import documents
from gnomon.annotations.documents import Reader, split_label
from gnomon.annotations.targets import TargetKind
from gnomon.annotations.vocabulary.flags import (
    Flag,
    Meaning,
    Severity,
    VirtualFlag,
    Vocabulary,
    VocabularyDocument,
)
from gnomon.annotations.vocabulary.virtual import needs, order
from gnomon.dataids import REQUIRED
from gnomon.errors import ExpressionError, VocabularyError, nearest

__all__ = [
    "combine",
    "load",
    "load_vocabulary",
    "parse_vocabulary",
    "refuse_contradiction",
    "shipped",
]

_NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")
_FLAG_KEYS = (
    "severity", "set_means", "description", "version", "aliases", "instruments", "targets", "deprecated"
)  # fmt: skip
_VIRTUAL_KEYS = ("severity", "expression", "description", "version")


def parse_vocabulary(document: object) -> VocabularyDocument:
    """Read a vocabulary from plain values.

    Parameters
    ----------
    document
        What a file of flags holds.

    Returns
    -------
    VocabularyDocument
        The vocabulary.

    Raises
    ------
    VocabularyError
        If it is none; the message names the place and what was expected.
    """
    known = ("vocabulary", "version", "description", "instruments", "flags", "virtual")
    reader = Reader(document, "The vocabulary", VocabularyError, known=known)
    name, version = split_label(f"{reader.text('vocabulary')}@{reader.number('version')}", VocabularyError)
    label, instruments = f"{name}@{version}", reader.names("instruments")
    flags = {
        flag: _flag(_name(flag), entry, label, instruments) for flag, entry in reader.mapping("flags").items()
    }
    virtual = {flag: _virtual(_name(flag), entry, label) for flag, entry in reader.mapping("virtual").items()}
    if not flags and not virtual:
        raise VocabularyError(f"The vocabulary {label} defines no flags.")
    words: dict[str, str] = {}
    for meant, word in [
        *((defined, defined) for defined in (*flags, *virtual)),
        *((flag.name, alias) for flag in flags.values() for alias in flag.aliases),
    ]:
        if word in words:
            raise VocabularyError(f"{word} stands for {words[word]} and for {meant}.")
        words[word] = meant
    plain = json.loads(json.dumps(reader.values, default=str))
    return VocabularyDocument(name, version, flags, virtual, plain)


def load_vocabulary(path: Path) -> VocabularyDocument:
    """Read a vocabulary from a file.

    Parameters
    ----------
    path
        A YAML file.

    Returns
    -------
    VocabularyDocument
        The vocabulary.

    Raises
    ------
    VocabularyError
        If it is none, with the file.
    """
    return documents.load(path, parse_vocabulary, VocabularyError)


def combine(base: VocabularyDocument, laid_down: Iterable[VocabularyDocument]) -> Vocabulary:
    """Put vocabularies together.

    Parameters
    ----------
    base
        The one that ships with gnomon.
    laid_down
        Others, in the order in which they were laid down: of one name the highest version counts, and what an
        earlier one defines, a later one of another name cannot define anew.

    Returns
    -------
    Vocabulary
        All flags.
    """
    latest: dict[str, VocabularyDocument] = {}
    for document in laid_down:
        if document.name not in latest or latest[document.name].version < document.version:
            latest[document.name] = document
    flags, virtual = dict(base.flags), dict(base.virtual)
    aliases = {alias for flag in flags.values() for alias in flag.aliases}
    all_documents = [base]
    for document in latest.values():
        all_documents.append(document)
        for name, flag in document.flags.items():
            if name not in flags and name not in virtual and name not in aliases:
                free = tuple(
                    a for a in flag.aliases if a not in flags and a not in virtual and a not in aliases
                )
                flags[name] = replace(flag, aliases=free)
                aliases.update(free)
        for name, formula in document.virtual.items():
            if name not in flags and name not in virtual and name not in aliases:
                virtual[name] = formula
    return Vocabulary(flags, virtual, tuple(document.label for document in all_documents))


def refuse_contradiction(known: Vocabulary, new: VocabularyDocument) -> None:
    """Refuse a vocabulary that does not fit what a log knows.

    Parameters
    ----------
    known
        What the log knows.
    new
        What is to be laid down.

    Raises
    ------
    VocabularyError
        If it defines what another one does, or an expression in it names no flag or leads back to itself.
    """

    def others(name: str) -> str | None:
        definition = known.flags.get(name) or known.virtual.get(name)
        if definition is None and name in known.aliases:
            definition = known.flags[known.aliases[name]]
        label = "" if definition is None else definition.vocabulary
        return label if label and label.rpartition("@")[0] != new.name else None

    aliases = [alias for flag in new.flags.values() for alias in flag.aliases]
    for word in (*new.flags, *new.virtual, *aliases):
        if label := others(word):
            raise VocabularyError(f"{word} is defined by {label} already; choose another word.")
    together = Vocabulary({**known.flags, **new.flags}, {**known.virtual, **new.virtual})
    for formula in new.virtual.values():
        for name in formula.needs:
            words = {*together.flags, *together.virtual}
            if name not in words and not name.startswith("user/"):
                raise VocabularyError(
                    f"The expression of {formula.name} names {name}, which is no flag.{nearest(name, words)}"
                )
    order(together.virtual, together.virtual)


@cache
def shipped() -> Mapping[str, VocabularyDocument]:
    """Give the vocabularies that ship with the package.

    Returns
    -------
    mapping
        By label; read once per process.
    """
    return documents.shipped_in("gnomon.annotations.vocabulary", parse_vocabulary)


@cache
def load(label: str = "standard@1") -> Vocabulary:
    """Give a vocabulary that ships with the package.

    Parameters
    ----------
    label
        Which one.

    Returns
    -------
    Vocabulary
        Read once per process.

    Raises
    ------
    VocabularyError
        If there is none of that label.
    """
    if label not in shipped():
        raise VocabularyError(f"gnomon has no vocabulary {label!r}.{nearest(label, shipped())}")
    return combine(shipped()[label], [])


def _name(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise VocabularyError(
            f"{name!r} is not the name of a flag: a lower-case letter, then at most 62 letters, digits and "
            "underscores."
        )
    return name


def _flag(name: str, entry: object, label: str, instruments: tuple[str, ...]) -> Flag:
    reader = Reader(entry, f"The flag {name}", VocabularyError, known=_FLAG_KEYS)
    aliases, targets = reader.names("aliases"), reader.names("targets")
    for alias in aliases:
        _name(alias)
    for target in targets:
        if target not in get_args(TargetKind) and target.rstrip("0123456789") not in REQUIRED:
            raise reader.fail(
                f"{target!r} is no kind of target and no dimension."
                f"{nearest(target, [*get_args(TargetKind), *REQUIRED])}"
            )
    return Flag(
        name=name,
        severity=cast(Severity, reader.choice("severity", get_args(Severity))),
        set_means=cast(Meaning, reader.choice("set_means", get_args(Meaning))),
        description=reader.text("description").strip(),
        version=reader.number("version", 1),
        aliases=aliases,
        instruments=reader.names("instruments") or instruments,
        targets=targets,
        deprecated=reader.text("deprecated", "").strip(),
        vocabulary=label,
    )


def _virtual(name: str, entry: object, label: str) -> VirtualFlag:
    reader = Reader(entry, f"The virtual flag {name}", VocabularyError, known=_VIRTUAL_KEYS)
    expression = reader.text("expression")
    try:
        names = needs(expression)
    except ExpressionError as error:
        raise reader.fail(error.message) from None
    return VirtualFlag(
        name=name,
        severity=cast(Severity, reader.choice("severity", get_args(Severity))),
        description=reader.text("description").strip(),
        version=reader.number("version", 1),
        expression=expression,
        needs=names,
        vocabulary=label,
    )
