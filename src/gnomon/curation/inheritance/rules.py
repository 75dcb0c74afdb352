"""The rules of inheritance: which flags flow from where to where, written down in a file with a version."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Any, Literal

import polars as pl

from gnomon.annotations.documents import Reader, load, shipped_in, split_label
from gnomon.annotations.vocabulary import Vocabulary
from gnomon.errors import AnnotationError, InheritanceError, nearest

__all__ = [
    "STANDARD",
    "Effect",
    "Flow",
    "InheritanceRules",
    "Threshold",
    "load_inheritance",
    "parse_inheritance",
    "shipped",
]

STANDARD = "standard@1"
"""The rules that count where none are named."""

Effect = Literal["counts", "informs"]
"""Whether what is inherited leaves data out, or is only shown."""

Way = Literal["exposure to visit", "visit to exposure", "input to output"]
"""From where to where a flag can flow."""

_WAYS: dict[tuple[str, str], Way] = {
    ("exposure", "visit"): "exposure to visit",
    ("visit", "exposure"): "visit to exposure",
    ("input", "output"): "input to output",
}
_MEANINGS = ("bad", "good", "neutral")
_KINDS = ("used", "read", "predicted")
_KEYS = ("name", "from", "to", "meanings", "flags", "except", "when", "effect")
_OF_RECORDS = ("visit_systems",)
_OF_DATASETS = ("kinds", "depth", "inputs", "outputs")


@dataclass(frozen=True, slots=True)
class Threshold:
    """Of how many of several things a flag must hold.

    Parameters
    ----------
    kind
        ``any``, ``all``, at least a ``fraction``, or at least a ``number``.
    value
        The fraction or number.
    """

    kind: Literal["any", "all", "fraction", "number"] = "any"
    value: float = 1.0

    def holds(self, count: pl.Expr, of: pl.Expr) -> pl.Expr:
        """Say in a frame whether it is fulfilled.

        Parameters
        ----------
        count, of
            Of how many the flag holds, and how many there are.

        Returns
        -------
        polars.Expr
            False wherever it holds of none.
        """
        match self.kind:
            case "all":
                enough = count == of
            case "fraction":
                enough = count >= of * self.value
            case "number":
                enough = count >= self.value
            case _:
                enough = pl.lit(True)
        return (count > 0) & enough


@dataclass(frozen=True, slots=True)
class Flow:
    """One rule: these flags flow this way.

    Parameters
    ----------
    name
        What it is called wherever a flag is shown that came by it.
    way
        From where to where.
    meanings
        Only flags of which *set* means one of these.
    flags
        Only these flags; empty means all.
    without
        But not these.
    when
        Of how many it must hold.
    effect
        Whether what is inherited counts.
    visit_systems
        Only visits of these; empty means all.
    kinds
        Of lineage, the kinds of steps; empty means for each output those of which the strongest word is
        known.
    depth
        How many steps of lineage; None means all.
    inputs, outputs
        Patterns of dataset types; empty means all.
    """

    name: str
    way: Way
    meanings: frozenset[str] = frozenset(_MEANINGS)
    flags: frozenset[str] = frozenset()
    without: frozenset[str] = frozenset()
    when: Threshold = Threshold()
    effect: Effect = "counts"
    visit_systems: tuple[str, ...] = ()
    kinds: frozenset[str] = frozenset()
    depth: int | None = None
    inputs: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()

    def carries(self, flag: str, vocabulary: Vocabulary) -> bool:
        """Say whether a flag flows this way.

        Parameters
        ----------
        flag
            Its name; a virtual one means something bad.
        vocabulary
            What flags mean.

        Returns
        -------
        bool
            True if it does.
        """
        return (
            (not self.flags or flag in self.flags)
            and flag not in self.without
            and vocabulary.meaning(flag) in self.meanings
        )

    def check(self, vocabulary: Vocabulary) -> None:
        """Refuse to name a flag that nobody can set: it would never flow, and nothing would say so.

        Parameters
        ----------
        vocabulary
            What flags there are.

        Raises
        ------
        InheritanceError
            If there is no such flag, the message names the nearest one; if a virtual one is to flow between
            records, those that it is made of.
        """
        # Between records virtual flags do not flow, but what they are made of.
        check = vocabulary.check_asked if self.way == "input to output" else vocabulary.check
        for name in sorted(self.flags | self.without):
            try:
                meant = check(name)
            except AnnotationError as error:
                raise InheritanceError(f"The flow {self.name!r}: {error.message}") from error
            if meant != name:
                raise InheritanceError(f"The flow {self.name!r}: say {meant!r} instead of {name!r}.")

    def takes(self, dataset_type: str | None) -> bool:
        """Say whether datasets of a type are counted as inputs; what is of no known type only if all are."""
        return _fits(dataset_type, self.inputs)

    def reaches(self, dataset_type: str | None) -> bool:
        """Say whether datasets of a type inherit; what is of no known type only if all do."""
        return _fits(dataset_type, self.outputs)


@dataclass(frozen=True, slots=True)
class InheritanceRules:
    """All flows, in one version.

    Parameters
    ----------
    name, version
        Together they mean these rules for ever.
    description
        For people.
    flows
        The flows.
    document
        The file as plain values.
    """

    name: str
    version: int
    description: str
    flows: tuple[Flow, ...]
    document: Mapping[str, Any] = field(compare=False, hash=False, repr=False)

    @property
    def label(self) -> str:
        """``name@version``."""
        return f"{self.name}@{self.version}"

    @property
    def datasets_count(self) -> bool:
        """Whether some flow through lineage leaves data out."""
        return any(flow.way == "input to output" and flow.effect == "counts" for flow in self.flows)


def parse_inheritance(document: object) -> InheritanceRules:
    """Read rules of inheritance from plain values.

    Parameters
    ----------
    document
        What a file of rules holds.

    Returns
    -------
    InheritanceRules
        The rules.

    Raises
    ------
    InheritanceError
        If they are none; the message names the place and what was expected.
    """
    known = ("inheritance", "version", "description", "flows")
    reader = Reader(document, "The inheritance", InheritanceError, known=known)
    label = f"{reader.text('inheritance')}@{reader.number('version')}"
    name, version = split_label(label, InheritanceError)
    flows = tuple(_flow(entry, place) for place, entry in enumerate(reader.entries("flows"), 1))
    names = [flow.name for flow in flows]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise reader.fail(f"two flows are called {twice!r}; each needs a name of its own.")
    return InheritanceRules(
        name=name,
        version=version,
        description=reader.text("description", "").strip(),
        flows=flows,
        document=json.loads(json.dumps(reader.values, default=str)),
    )


def load_inheritance(name_or_file: str | Path) -> InheritanceRules:
    """Find rules of inheritance.

    Parameters
    ----------
    name_or_file
        The label of rules that ship with gnomon, ``standard@1``, or a YAML file.

    Returns
    -------
    InheritanceRules
        The rules.

    Raises
    ------
    InheritanceError
        If there are none of that name, or the file holds none; the message names the file, or the nearest
        name.
    """
    text = str(name_or_file)
    if text in shipped():
        return shipped()[text]
    path = Path(text)
    if not path.exists() and "/" not in text and path.suffix not in (".yaml", ".yml"):
        known = shipped()
        raise InheritanceError(
            f"There is no inheritance {text!r}, and no such file.{nearest(text, known)} "
            f"gnomon has {', '.join(sorted(known))}."
        )
    rules = load(path, parse_inheritance, InheritanceError)
    if (ours := shipped().get(rules.label)) is not None and ours.document != rules.document:
        raise InheritanceError(
            f"{rules.label} ships with gnomon and says something else; give these rules another name.",
            file=str(path),
        )
    return rules


@cache
def shipped() -> Mapping[str, InheritanceRules]:
    """Give the rules that ship with the package.

    Returns
    -------
    mapping
        By label; read once per process.
    """
    return shipped_in("gnomon.curation.inheritance", parse_inheritance)


def _flow(entry: object, place: int) -> Flow:
    where = f"flows, entry {place}"
    reader = Reader(entry, where, InheritanceError, known=(*_KEYS, *_OF_RECORDS, *_OF_DATASETS))
    ends = (reader.text("from"), reader.text("to"))
    if ends not in _WAYS:
        ways = ", ".join(_WAYS.values())
        raise reader.fail(f"no flag flows from {ends[0]!r} to {ends[1]!r}; there are {ways}.")
    way = _WAYS[ends]
    for key in _OF_DATASETS if way != "input to output" else _OF_RECORDS:
        if key in reader.values:
            raise reader.fail(f"{key} has no meaning from {ends[0]} to {ends[1]}.")
    meanings = reader.names("meanings") or _MEANINGS
    for meaning in meanings:
        if meaning not in _MEANINGS:
            raise reader.fail(f"{meaning!r} is no meaning of a flag.{nearest(meaning, _MEANINGS)}")
    return Flow(
        name=reader.text("name", way).strip() or way,
        way=way,
        meanings=frozenset(meanings),
        flags=frozenset(reader.names("flags")),
        without=frozenset(reader.names("except")),
        when=_threshold(reader),
        effect="informs"
        if reader.choice("effect", ("counts", "informs"), "counts") == "informs"
        else "counts",
        visit_systems=reader.names("visit_systems"),
        kinds=_kinds(reader),
        depth=_depth(reader),
        inputs=reader.names("inputs"),
        outputs=reader.names("outputs"),
    )


def _threshold(reader: Reader) -> Threshold:
    value = reader.values.get("when", "any")
    if value == "any":
        return Threshold("any")
    if value == "all":
        return Threshold("all")
    if isinstance(value, Mapping) and len(value) == 1:
        [(key, number)] = value.items()
        usable = isinstance(number, int | float) and not isinstance(number, bool)
        if key == "fraction" and usable and 0 < number <= 1:
            return Threshold("fraction", float(number))
        if key == "number" and type(number) is int and number >= 1:
            return Threshold("number", float(number))
    raise reader.fail(
        f"when is {value!r}; expected is any, all, {{fraction: F}} with F above 0 and at most 1, or "
        "{number: N} with N from 1."
    )


def _kinds(reader: Reader) -> frozenset[str]:
    names = reader.names("kinds")
    if names in ((), ("strongest",)):
        return frozenset()
    for name in names:
        if name not in _KINDS:
            raise reader.fail(f"{name!r} is no kind of lineage.{nearest(name, (*_KINDS, 'strongest'))}")
    return frozenset(names)


def _depth(reader: Reader) -> int | None:
    value = reader.values.get("depth", "all")
    return None if value == "all" else reader.number("depth")


def _fits(dataset_type: str | None, patterns: tuple[str, ...]) -> bool:
    if not patterns:
        return True
    return dataset_type is not None and any(fnmatchcase(dataset_type, pattern) for pattern in patterns)
