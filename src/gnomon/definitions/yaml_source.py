"""A YAML reader that remembers lines and builds nothing but plain values.

It drives the C parser's *events* itself. Composing nodes, as the usual loaders do, recurses in C and takes
the process down on deep nesting, overwrites duplicate keys in silence, and lets a few lines of aliases unfold
into gigabytes; here depth, size and unfolded size are bounded, and each refusal has a file and a line.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

import yaml

from gnomon.definitions.yaml_scalars import resolve
from gnomon.errors import DefinitionError, GnomonError

__all__ = ["Located", "Place", "Problems", "merge", "plain", "read_documents"]

MAX_BYTES = 8 * 1024 * 1024
MAX_NODES = 1_000_000
MAX_DEPTH = 64

_YAML = "tag:yaml.org,2002:"


class Place(NamedTuple):
    """Where something stands: a file (or what stands for one) and a line counted from 1."""

    file: str | None
    line: int


class Located(dict[str, Any]):
    """A mapping read from YAML that knows where it and each of its keys stand."""

    __slots__ = ("place", "places", "tag")

    def __init__(self, place: Place) -> None:
        super().__init__()
        self.place = place
        self.places: dict[str, Place] = {}
        self.tag: str | None = None

    def where(self, key: str) -> Place:
        """Give the place of a key, or of the mapping where the key is absent."""
        return self.places.get(key, self.place)


class Problems:
    """What to do with a mistake: raise it, pass it over and remember it, or go on as long as possible.

    Parameters
    ----------
    strict
        Whether a mistake that established readers pass over in silence is raised. If not, it is remembered.
    keep_going
        Whether a mistake that ends the reading of one definition is remembered too, so that the others are
        read still.
    error
        The class of error to make of a mistake.
    """

    def __init__(
        self,
        *,
        strict: bool = True,
        keep_going: bool = False,
        error: type[GnomonError] = DefinitionError,
    ) -> None:
        self.strict = strict
        self.keep_going = keep_going
        self.error = error
        self.found: list[GnomonError] = []

    def add(self, message: str, place: Place, rule: str | None = None) -> None:
        """Raise or remember a mistake that established readers pass over."""
        problem = self.error(message, file=place.file, line=place.line)
        if isinstance(problem, DefinitionError):
            problem.rule = rule
        if self.strict:
            raise problem
        self.found.append(problem)

    def note(self, problem: GnomonError) -> None:
        """Raise or remember a mistake that leaves nothing of a definition."""
        if not self.keep_going:
            raise problem
        self.found.append(problem)


class _Frame:
    __slots__ = ("anchor", "explicit", "key", "line", "merged", "size", "tag", "value", "waiting")

    def __init__(self, value: Any, line: int, anchor: str | None, tag: str | None) -> None:
        self.value = value
        self.line = line
        self.anchor = anchor
        self.tag = tag
        self.size = 1
        self.waiting = True  # for a key, in a mapping
        self.key: Any = None
        self.merged: list[Located] = []
        self.explicit: set[Any] = set()


class _Reader:
    """One pass over the events of one stream."""

    def __init__(self, file: str | None, problems: Problems, tags: frozenset[str], exponents: bool) -> None:
        self.file = file
        self.problems = problems
        self.tags = tags
        self.exponents = exponents
        self.nodes = 0

    def fail(self, message: str, line: int) -> GnomonError:
        return _broken(self.problems, message, self.file, line)

    def documents(self, source: bytes | str) -> Iterator[tuple[Any, Place]]:
        stack: list[_Frame] = []
        anchors: dict[str, tuple[Any, int] | None] = {}
        started = 1
        root: Any = None
        event: Any  # the stubs know only the base class of events
        for event in yaml.parse(source, Loader=yaml.CSafeLoader):
            kind = type(event)
            if kind is yaml.ScalarEvent:
                value, size = self.scalar(event), 1
                if event.anchor is not None:
                    anchors[event.anchor] = (value, 1)
            elif kind is yaml.MappingStartEvent or kind is yaml.SequenceStartEvent:
                line = event.start_mark.line + 1
                if len(stack) >= MAX_DEPTH:
                    raise self.fail(f"This is nested more than {MAX_DEPTH} levels deep.", line)
                tag = self.collection_tag(event, line)
                empty: Any = Located(Place(self.file, line)) if kind is yaml.MappingStartEvent else []
                if event.anchor is not None:
                    anchors[event.anchor] = None
                stack.append(_Frame(empty, line, event.anchor, tag))
                continue
            elif kind is yaml.MappingEndEvent or kind is yaml.SequenceEndEvent:
                frame = stack.pop()
                value, size = self.close(frame), frame.size
                if frame.anchor is not None:
                    anchors[frame.anchor] = (value, size)
            elif kind is yaml.AliasEvent:
                value, size = self.alias(event, anchors)
            elif kind is yaml.DocumentStartEvent:
                anchors, root = {}, None
                started = event.start_mark.line + 1
                self.nodes += 1
                if self.nodes > MAX_NODES:
                    raise self.fail(f"This is more than {MAX_NODES:,} values and documents.", started)
                continue
            elif kind is yaml.DocumentEndEvent:
                yield root, root.place if isinstance(root, Located) else Place(self.file, started)
                continue
            else:
                continue
            if not stack:
                root = value
                continue
            self.nodes += size
            parent = stack[-1]
            parent.size += size
            if self.nodes > MAX_NODES or parent.size > MAX_NODES:
                raise self.fail(
                    f"This unfolds into more than {MAX_NODES:,} values (anchors repeated inside anchors?); "
                    "no definition or measurement is that large.",
                    event.start_mark.line + 1,
                )
            self.put(parent, value, event)

    def put(self, frame: _Frame, value: Any, event: Any) -> None:
        container = frame.value
        if type(container) is list:
            container.append(value)
            return
        if frame.waiting:
            if isinstance(value, dict | list | frozenset):
                raise self.fail("A key is a string here, not a collection.", event.start_mark.line + 1)
            frame.key, frame.waiting = value, False
            if value == "<<" and type(event) is yaml.ScalarEvent and event.implicit[0]:
                frame.key = _MERGE
            else:
                place = Place(self.file, event.start_mark.line + 1)
                if value in frame.explicit:
                    first = container.places[value].line
                    self.problems.add(
                        f"The key {value!r} stands here twice (first in line {first}).",
                        place,
                        "duplicate-key",
                    )
                frame.explicit.add(value)
                container.places[value] = place
            return
        frame.waiting = True
        if frame.key is _MERGE:
            for base in value if isinstance(value, list) else [value]:
                if not isinstance(base, Located):
                    raise self.fail("A merge key (<<) takes a mapping or a list of them.", frame.line)
                frame.merged.append(base)
        else:
            container[frame.key] = value

    def close(self, frame: _Frame) -> Any:
        value = frame.value
        if frame.merged:
            whole = Located(value.place)
            # The first of several mappings wins in a merge key, and the mapping's own keys before them all.
            for base in [*reversed(frame.merged), value]:
                whole.update(base)
                whole.places.update(base.places)
            value = whole
        if frame.tag is None:
            return value
        if frame.tag == _YAML + "set":
            return frozenset(value)
        value.tag = frame.tag
        return value

    def alias(self, event: Any, anchors: dict[str, tuple[Any, int] | None]) -> tuple[Any, int]:
        line = event.start_mark.line + 1
        if event.anchor not in anchors:
            raise self.fail(f"The alias *{event.anchor} has no anchor &{event.anchor} before it.", line)
        target = anchors[event.anchor]
        if target is None:
            raise self.fail(f"The alias *{event.anchor} stands inside what it refers to.", line)
        return target

    def collection_tag(self, event: Any, line: int) -> str | None:
        tag: str | None = event.tag
        if tag is None or tag == "!":
            return None
        mapping = type(event) is yaml.MappingStartEvent
        if tag == _YAML + ("map" if mapping else "seq"):
            return None
        if mapping and (tag == _YAML + "set" or tag in self.tags):
            return tag
        raise self.unknown_tag(tag, line)

    def unknown_tag(self, tag: str, line: int) -> GnomonError:
        shown = "!!" + tag.removeprefix(_YAML) if tag.startswith(_YAML) else f"!<{tag}>"
        known = ", ".join(f"!<{name}>" for name in sorted(self.tags)) or "none but those of plain values"
        return self.fail(
            f"The tag {shown} is not allowed here and nothing was made of it; allowed: {known}.", line
        )

    def scalar(self, event: Any) -> Any:
        text: str = event.value
        tag: str | None = event.tag
        if tag is None or tag == "!":
            if event.implicit[0] and tag is None:
                return self.plain(text, event)
            return text
        line = event.start_mark.line + 1
        if tag == _YAML + "str":
            return text
        wanted = _TYPES.get(tag.removeprefix(_YAML)) if tag.startswith(_YAML) else None
        if wanted is None:
            raise self.unknown_tag(tag, line)
        value = self.plain(text, event)
        if wanted is float and type(value) is int:
            return float(value)
        if not isinstance(value, wanted):
            raise self.fail(f"{text!r} is not what its tag says, {tag.removeprefix(_YAML)}.", line)
        return value

    def plain(self, text: str, event: Any) -> Any:
        try:
            return resolve(text, exponents=self.exponents)
        except (ValueError, OverflowError) as error:
            raise self.fail(f"{text[:40]!r} is not a number: {error}", event.start_mark.line + 1) from error


_MERGE = object()
_TYPES: dict[str, type] = {"int": int, "float": float, "bool": bool, "null": type(None)}


def read_documents(
    source: bytes | str,
    *,
    file: str | None = None,
    problems: Problems | None = None,
    tags: frozenset[str] = frozenset(),
    exponents: bool = True,
) -> list[tuple[Any, Place]]:
    """Read every document of a YAML stream as plain values.

    Parameters
    ----------
    source
        The stream.
    file
        What to call it in messages.
    problems
        What to do about duplicate keys: by default the first is raised as a `DefinitionError`. Its class of
        error is also that of everything else that is wrong, which is always raised.
    tags
        Tags that a mapping may carry beside those of plain values.
    exponents
        Whether ``1e-6`` is a number, which YAML 1.1 takes for a string.

    Returns
    -------
    list of tuple
        Each document with its place: a `Located`, list, frozenset, scalar, or `None` where it is empty.

    Raises
    ------
    GnomonError
        Of the class ``problems`` names: if the stream is not YAML, too large, nested too deep, refers to
        itself, unfolds into too much, or carries a tag that is not allowed.
    """
    problems = problems if problems is not None else Problems()
    if len(source) > MAX_BYTES:
        raise _broken(
            problems, f"The file is {len(source):,} bytes long; no more than {MAX_BYTES:,} are read.", file
        )
    try:
        return list(_Reader(file, problems, tags, exponents).documents(source))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        what = error.problem or error.context or "it cannot be parsed"
        line = mark.line + 1 if mark is not None else None
        raise _broken(problems, f"This is not YAML: {what}.", file, line) from error
    except (yaml.YAMLError, UnicodeError) as error:
        raise _broken(problems, f"This is not YAML: {error}", file) from error


def _broken(problems: Problems, message: str, file: str | None, line: int | None = None) -> GnomonError:
    error = problems.error(message, file=file, line=line)
    if isinstance(error, DefinitionError):
        error.rule = "not-yaml"
    return error


def plain(value: Any) -> Any:
    """Forget where things stood.

    Parameters
    ----------
    value
        What `read_documents` gave.

    Returns
    -------
    object
        The same of plain dictionaries and lists.
    """
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    return [plain(item) for item in value] if isinstance(value, list) else value


MAX_LIST = 10_000


def merge(base: Located, newer: Located) -> Located:
    """Lay a mapping over another one.

    Parameters
    ----------
    base, newer
        Neither is changed.

    Returns
    -------
    Located
        Mappings merged recursively, lists appended, anything else replaced by the newer value; each key
        keeps the place that its value came from.

    Raises
    ------
    DefinitionError
        If a list grows beyond any use, as it does where bases are repeated in bases.
    """
    whole = Located(newer.place)
    whole.update(base)
    whole.places.update(base.places)
    for key, value in newer.items():
        old = base.get(key)
        if isinstance(old, Located) and isinstance(value, Located):
            value = merge(old, value)
        elif type(old) is list and type(value) is list:
            if len(old) + len(value) > MAX_LIST:
                place = newer.where(key)
                endless = DefinitionError(
                    f"{key!r} grows beyond {MAX_LIST:,} items through its bases.",
                    file=place.file,
                    line=place.line,
                )
                endless.rule = "wrong-value"
                raise endless
            value = old + value
        whole[key] = value
        whole.places[key] = newer.where(key)
    return whole
