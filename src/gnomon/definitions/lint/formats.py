"""How a report is written."""

import json
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

from gnomon import __version__
from gnomon.definitions.lint.linter import Report
from gnomon.definitions.lint.rules import RULES, Finding, Severity

__all__ = ["FORMATS"]

_SEVERITIES: tuple[Severity, ...] = ("error", "warning", "note")
_SARIF_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
_HOME = "https://gnomon.readthedocs.io"
_GITHUB = {"error": "error", "warning": "warning", "note": "notice"}


def _table(report: Report) -> str:
    lines = [
        f"{_place(finding)}: {finding.severity}[{finding.rule}] {_text(finding)}"
        for finding in report.findings
    ]
    looked_at = f"{_count(report.metrics, 'metric')} and {_count(report.specifications, 'specification')}"
    found = Counter(finding.severity for finding in report.findings)
    parts = [_count(found[severity], severity) for severity in _SEVERITIES if found[severity]]
    said = " and ".join(filter(None, [", ".join(parts[:-1]), *parts[-1:]])) or "No mistakes"
    return "\n".join([*lines, f"{said} in {looked_at}.", ""])


def _count(number: int, word: str) -> str:
    return f"{number:,} {word}{'' if number == 1 else 's'}"


def _place(finding: Finding) -> str:
    return finding.file if finding.line is None else f"{finding.file}:{finding.line}"


def _text(finding: Finding) -> str:
    return f"{finding.message} {finding.suggestion}".rstrip()


def _json(report: Report) -> str:
    fields = ("rule", "severity", "file", "line", "message", "suggestion")
    rows = [{field: getattr(finding, field) for field in fields} for finding in report.findings]
    return json.dumps(rows, indent=2, ensure_ascii=False) + "\n"


def _sarif(report: Report) -> str:
    rules = list(RULES)
    run = {
        "tool": {
            "driver": {
                "name": "gnomon lint",
                "version": __version__,
                "informationUri": _HOME,
                "rules": [
                    {
                        "id": rule.id,
                        "shortDescription": {"text": f"{rule.title}."},
                        "fullDescription": {"text": rule.help},
                        "help": {"text": rule.help},
                        "defaultConfiguration": {"level": rule.severity},
                    }
                    for rule in RULES.values()
                ],
            }
        },
        "columnKind": "unicodeCodePoints",
        "results": [
            {
                "ruleId": finding.rule,
                "ruleIndex": rules.index(finding.rule),
                "level": finding.severity,
                "message": {"text": _text(finding)},
                "locations": [{"physicalLocation": _location(finding)}],
            }
            for finding in report.findings
        ],
    }
    return json.dumps({"$schema": _SARIF_SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2) + "\n"


def _location(finding: Finding) -> dict[str, Any]:
    path = Path(finding.file)
    uri = path.as_uri() if path.is_absolute() else quote(path.as_posix())
    # A code scanner shows nothing without a line.
    return {"artifactLocation": {"uri": uri}, "region": {"startLine": finding.line or 1}}


def _github(report: Report) -> str:
    return "".join(
        f"::{_GITHUB[finding.severity]} file={_escaped(finding.file, ':,')}"
        + ("" if finding.line is None else f",line={finding.line}")
        + f",title={_escaped(f'gnomon lint: {finding.rule}', ':,')}::{_escaped(_text(finding))}\n"
        for finding in report.findings
    )


def _escaped(text: str, more: str = "") -> str:
    for character in f"%\r\n{more}":  # the percent sign first, which the others are written with
        text = text.replace(character, f"%{ord(character):02X}")
    return text


FORMATS: Mapping[str, Callable[[Report], str]] = {
    "table": _table,
    "json": _json,
    "sarif": _sarif,
    "github": _github,
}
"""Functions from a report to text, each of which ends its lines."""
