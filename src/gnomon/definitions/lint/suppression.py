"""Comments that switch a finding off: ``# gnomon-lint: disable=RULE`` in its line."""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from gnomon.definitions.lint.rules import Finding

__all__ = ["without_disabled"]

_COMMENT = re.compile(r"#.*?\bgnomon-lint:\s*disable=([a-z-]+(?:\s*,\s*[a-z-]+)*)")
_LINE_END = re.compile("\r\n|[\n\r\x85\u2028\u2029]")  # those of YAML


def without_disabled(findings: Iterable[Finding]) -> Iterator[Finding]:
    """Leave out what a comment in the same line switches off.

    Parameters
    ----------
    findings
        Findings whose files can be opened under the names that they have.

    Yields
    ------
    Finding
        The others.
    """
    disabled: dict[str, dict[int, set[str]]] = {}
    for finding in findings:
        if finding.file not in disabled:
            disabled[finding.file] = _comments(finding.file)
        if finding.rule not in disabled[finding.file].get(finding.line or 0, ()):
            yield finding


def _comments(file: str) -> dict[int, set[str]]:
    try:
        source = Path(file).read_bytes()
    except OSError:
        return {}
    if b"gnomon-lint" not in source:
        return {}
    lines = _LINE_END.split(source.decode(errors="replace"))
    return {
        number: set(re.split(r"\s*,\s*", match[1]))
        for number, line in enumerate(lines, 1)
        if (match := _COMMENT.search(line))
    }
