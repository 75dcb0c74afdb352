"""Rule files: which condition over which metrics proposes which flag, checked before anything runs.

A rule file is YAML::

    rules:
      - name: poor_seeing
        version: 1
        description: The seeing was poor for a while.
        flag: questionable
        metric: demo.seeing
        only: observation_type = 'science'
        when: seeing > 2 arcsec for 3 consecutive visits
        reason: "seeing {seeing:.1f} {unit}"

`gnomon.curation.rules.rule.Rule` has all keys of a rule. A file may come from anywhere: its texts can name
columns and nothing else.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from gnomon.curation.rules.parts import Baseline, Consecutive, Example, MetricUse, TrendRemoval
from gnomon.curation.rules.rule import PartError, Rule
from gnomon.definitions.documents import check_keys, expect
from gnomon.definitions.yaml_source import Located, Place, Problems, plain, read_documents
from gnomon.errors import DefinitionError, nearest

__all__ = ["load_rules"]

_PARTS: Mapping[str, type[BaseModel]] = {
    "trend": TrendRemoval,
    "baseline": Baseline,
    "consecutive": Consecutive,
    "metrics": MetricUse,
    "examples": Example,
}


def load_rules(path: Path) -> list[Rule]:
    """Read a rule file.

    Parameters
    ----------
    path
        A YAML file.

    Returns
    -------
    list of Rule
        In the order of the file.

    Raises
    ------
    DefinitionError
        If the file is not one, names a rule twice, or has a rule that could not be evaluated; with the line.
    """
    file = str(path)
    try:
        source = path.read_bytes()
    except OSError as error:
        raise DefinitionError(f"The rules cannot be read: {error.strerror}.", file=file) from error
    documents = read_documents(source, file=file)
    if len(documents) != 1:
        raise DefinitionError(
            f"A rule file is one YAML document; this one has {len(documents)}.", file=file, line=1
        )
    top = expect(documents[0][0], Located, "A rule file", documents[0][1])
    check_keys(top, ["rules"], "a rule file", Problems())
    rules: dict[str, Rule] = {}
    for number, entry in enumerate(expect(top.get("rules"), list, "`rules`", top.where("rules")), start=1):
        entry = expect(entry, Located, f"Rule {number}", top.where("rules"))
        rule = _rule(entry, number)
        if rule.name in rules:
            raise _problem(f"The rule {rule.name!r} is defined twice.", entry.where("name"))
        rules[rule.name] = rule
    return list(rules.values())


def _rule(entry: Located, number: int) -> Rule:
    try:
        return Rule.model_validate(plain(entry))
    except ValidationError as error:
        # A key that means nothing comes before one that is missing: it is often the same, misspelt.
        first = min(error.errors(), key=lambda found: found["type"] != "extra_forbidden")
        where: list[str | int] = list(first["loc"])
        cause = first.get("ctx", {}).get("error")
        if not where and isinstance(cause, PartError):
            where = [cause.part]
        names = [part for part in where if isinstance(part, str)]
        part = _PARTS.get(names[0]) if len(names) > 1 else None
        message = _in_words(first, names, (Rule if part is None else part).model_fields)
        raise _problem(f"Rule {number}: {message}", _place(entry, where)) from error


def _place(entry: Located, where: list[str | int]) -> Place:
    """Find the place of a value within a rule, or of the innermost one around it that there is."""
    place = entry.place
    inside: object = entry
    for name in where:
        if isinstance(inside, Located) and isinstance(name, str):
            place, inside = inside.where(name), inside.get(name)
        elif isinstance(inside, list) and isinstance(name, int) and name < len(inside):
            inside = inside[name]
            place = inside.place if isinstance(inside, Located) else place
    return place


def _in_words(error: Any, names: list[str], known: Mapping[str, object]) -> str:
    """Say what pydantic found in gnomon's words."""
    match error["type"]:
        case "extra_forbidden":
            return f"{names[-1]!r} is no key of a rule.{nearest(names[-1], known)}"
        case "missing":
            return f"It lacks {names[-1]!r}."
        case "value_error":
            return str(error["ctx"]["error"])
    return f"{'.'.join(names)!r} is {error['input']!r}: {error['msg']}."


def _problem(message: str, place: Place) -> DefinitionError:
    return DefinitionError(message, file=place.file, line=place.line)
