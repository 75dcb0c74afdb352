"""How a report is written."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gnomon.definitions.lint import FORMATS, RULES, Finding, Report, lint

FINDINGS = (
    Finding(
        "unknown-key", "warning", "a b/metrics/p.yaml", 3, "'tgas' is no key: 100 %.", "Did you mean tags?"
    ),
    Finding("unreadable-file", "error", "/elsewhere/a,b:c.yaml", None, "It cannot be read."),
    Finding("established-reader", "note", "p.yaml", 1, "Refused."),
)
REPORT = Report(FINDINGS, 1000, 1)


def test_people_get_a_line_a_finding_and_a_summary() -> None:
    assert FORMATS["table"](REPORT).splitlines() == [
        "a b/metrics/p.yaml:3: warning[unknown-key] 'tgas' is no key: 100 %. Did you mean tags?",
        "/elsewhere/a,b:c.yaml: error[unreadable-file] It cannot be read.",
        "p.yaml:1: note[established-reader] Refused.",
        "1 error, 1 warning and 1 note in 1,000 metrics and 1 specification.",
    ]
    assert FORMATS["table"](Report((), 0, 2)) == "No mistakes in 0 metrics and 2 specifications.\n"
    assert FORMATS["table"](Report(FINDINGS[:1], 1, 2)).endswith(
        "1 warning in 1 metric and 2 specifications.\n"
    )


def test_programs_get_a_list() -> None:
    rows = json.loads(FORMATS["json"](REPORT))
    assert rows[0] == {
        "rule": "unknown-key",
        "severity": "warning",
        "file": "a b/metrics/p.yaml",
        "line": 3,
        "message": "'tgas' is no key: 100 %.",
        "suggestion": "Did you mean tags?",
    }
    assert rows[1]["line"] is None
    assert json.loads(FORMATS["json"](Report((), 0, 0))) == []


def test_workflows_get_commands_with_what_would_end_them_escaped() -> None:
    assert FORMATS["github"](REPORT).splitlines() == [
        "::warning file=a b/metrics/p.yaml,line=3,title=gnomon lint%3A unknown-key::"
        "'tgas' is no key: 100 %25. Did you mean tags?",
        "::error file=/elsewhere/a%2Cb%3Ac.yaml,title=gnomon lint%3A unreadable-file::It cannot be read.",
        "::notice file=p.yaml,line=1,title=gnomon lint%3A established-reader::Refused.",
    ]
    strange = Finding("not-yaml", "error", "a\n%.yaml", 1, "one\r\ntwo")
    assert "file=a%0A%25.yaml" in FORMATS["github"](Report((strange,), 0, 0))
    assert FORMATS["github"](Report((strange,), 0, 0)).endswith("::one%0D%0Atwo\n")


@pytest.fixture
def sarif() -> dict[str, Any]:
    document: dict[str, Any] = json.loads(FORMATS["sarif"](REPORT))
    return document


def test_code_scanners_get_what_sarif_requires(sarif: dict[str, Any]) -> None:
    assert sarif["version"] == "2.1.0"
    assert "sarif" in sarif["$schema"]
    (run,) = sarif["runs"]
    driver = run["tool"]["driver"]
    assert driver["name"] == "gnomon lint"
    assert [rule["id"] for rule in driver["rules"]] == list(RULES)
    for rule in driver["rules"]:
        assert rule["shortDescription"]["text"]
        assert rule["help"]["text"]
        assert rule["defaultConfiguration"]["level"] in ("error", "warning", "note")
    for result in run["results"]:
        assert driver["rules"][result["ruleIndex"]]["id"] == result["ruleId"]
        assert result["level"] in ("error", "warning", "note")
        assert result["message"]["text"]


def test_code_scanners_get_addresses_and_lines(sarif: dict[str, Any]) -> None:
    places = [result["locations"][0]["physicalLocation"] for result in sarif["runs"][0]["results"]]
    assert [place["artifactLocation"]["uri"] for place in places] == [
        "a%20b/metrics/p.yaml",
        "file:///elsewhere/a%2Cb%3Ac.yaml",
        "p.yaml",
    ]
    assert [place["region"]["startLine"] for place in places] == [3, 1, 1]


def test_all_formats_write_what_is_found(write: Callable[..., Path]) -> None:
    write({"metrics/p.yaml": "A: {unit: s, tgas: [x]}\n"})
    report = lint(["defs"])
    for text in (write_report(report) for write_report in FORMATS.values()):
        assert "tgas" in text
        assert text.endswith("\n")
