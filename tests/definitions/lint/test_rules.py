"""Each rule finds its mistake, in its line, and lets pass what looks like it."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from gnomon.definitions.lint import RULES, Finding, Rule

METRICS = """
M: {description: A width., unit: mas, reference: {gnomon: {better: lower}}}
N: {description: A number., unit: '', reference: {gnomon: {better: higher}}}
P: {description: A scatter., unit: mmag}
"""
LIMIT = "threshold: {value: 1, unit: mas, operator: '<='}\n"
GENERIC = """
id: base
metric: P
threshold: {unit: mmag, operator: "<="}
---
name: FY17_gri
base: '#base'
threshold: {value: 8}
---
name: FY18_gri
base: '#base'
threshold: {value: 0.008, unit: mag}
---
name: FY19_gri
base: '#base'
threshold: {value: 6}
---
name: FY19_uzy
base: '#base'
threshold: {value: 9}
---
id: cfht-g
metadata_query: {instrument: CFHT}
---
"""


@dataclass(frozen=True)
class Case:
    """Files with a mistake and where it is told; files almost the same without it."""

    rule: str
    wrong: str
    line: int
    right: str
    file: str = "specs/p/a.yaml"
    suggestion: str = ""
    more: str = ""  # before both, in another file

    def __str__(self) -> str:
        return f"{self.rule}-{self.line}"


def metric(rule: str, wrong: str, line: int, right: str, suggestion: str = "") -> Case:
    return Case(rule, wrong, line, right, "metrics/q.yaml", suggestion)


def tier(minimum: str, design: str, metric: str = "M") -> str:
    return f"name: {metric}.minimum\n{minimum}\n---\nname: {metric}.design\n{design}\n"


def below(value: float, unit: str = "mas", operator: str = "<=") -> str:
    return f"threshold: {{value: {value}, unit: {unit}, operator: '{operator}'}}"


CASES = [
    metric("not-yaml", "A:\n\tunit: s\n", 2, "A:\n  unit: s\n"),
    metric("not-yaml", "A: !!python/object:os.system {unit: s}\n", 1, "A: !!map {unit: s}\n"),
    metric("unknown-key", "A:\n  unit: s\n  tag: [x]\n", 3, "A:\n  unit: s\n  tags: [x]\n",
         "Did you mean tags?"),
    metric("duplicate-key", "A: {unit: s}\nA: {unit: m}\n", 2, "A: {unit: s}\nB: {unit: m}\n"),
    metric("wrong-type", "A:\n  unit: s\n  description: [x]\n", 3, "A:\n  unit: s\n  description: '[x]'\n"),
    metric(
        "wrong-value",
        "A:\n  unit: s\n  reference: {gnomon: {better: lowr}}\n",
        3,
        "A:\n  unit: s\n  reference: {gnomon: {better: lower}}\n",
        "Did you mean lower?",
    ),
    metric("wrong-value", "A:\n  reference:\n    gnomon:\n      dimensions: [vist]\n", 4, "A: {unit: s}\n"),
    metric("wrong-name", "A: {unit: s}\n'B c': {unit: s}\n", 2, "A: {unit: s}\nB_c: {unit: s}\n"),
    metric(
        "unknown-unit",
        "A:\n  unit: milliarcsecnd\n",
        2,
        "A:\n  unit: milliarcsecond\n",
        "Did you mean milliarcsecond, milliparsec or millisecond?",
    ),
    metric("duplicate-metric", "A: {unit: s}\n---\nA: {unit: m}\n", 3, "A: {unit: s}\n---\nB: {unit: m}\n"),
    metric("empty-document", "A: {unit: s}\n---\n", 2, "---\nA: {unit: s}\n...\n"),
    metric(
        "established-reader",
        "A:\n  unit: s\n  better: lower\n",
        3,
        "A:\n  unit: s\n  reference: {gnomon: {better: lower}}\n",
        "Write it below the reference: reference: {gnomon: {better: ...}}.",
    ),
    Case("unread-file", "A: {unit: s}\n", 1, "", "metrics/r.yml", "Rename it to r.yaml."),
    Case("unread-file", f"name: M.a\n{LIMIT}", 1, "", "specs/a.yaml", "Move it to specs/PACKAGE/."),
    Case("unknown-key", f"name: M.a\nprovenance_query: {{}}\n{LIMIT}", 2, f"name: M.a\n{LIMIT}",
         suggestion="Did you mean metadata_query?"),
    Case("unknown-key", f"name: M.a\nmetadata_querry: {{}}\n{LIMIT}", 2,
         f"name: M.a\nmetadata_query: {{}}\n{LIMIT}",
         suggestion="Did you mean metadata_query?"),
    Case("unknown-key", "name: M.a\nthresold: {value: 1, unit: mas, operator: '<'}\n", 2,
         f"name: M.a\n{LIMIT}",
         suggestion="Did you mean threshold?"),
    Case("duplicate-key", f"name: M.a\ntags: [x]\ntags: [y]\n{LIMIT}", 3,
         f"name: M.a\ntags: [x, y]\n{LIMIT}"),
    Case("wrong-type", f"name: M.a\nmetadata_query: [x]\n{LIMIT}", 2,
         f"name: M.a\nmetadata_query: {{}}\n{LIMIT}"),
    Case("wrong-value", f"name: M.a\ntier: dsign\n{LIMIT}", 2, f"name: M.a\ntier: design\n{LIMIT}",
         suggestion="Did you mean design?"),
    Case("wrong-name", f"name: M.a.b.c\n{LIMIT}", 1, f"name: p.M.a\n{LIMIT}"),
    Case("unknown-unit", "name: M.a\nthreshold:\n  value: 1\n  unit: sz\n  operator: <\n", 4,
         f"name: M.a\n{LIMIT}"),
    Case("missing-key", "name: M.a\nthreshold:\n  value: 1\n  operator: <\n", 3,
         "id: u\nthreshold: {unit: mas}\n---\nname: M.a\nbase: '#u'\nthreshold: {value: 1, operator: <}\n"),
    Case("missing-key", "name: M.a\nthreshold: {unit: mas, operator: <}\n", 2, f"name: M.a\n{LIMIT}"),
    Case("wrong-document", LIMIT, 1, f"id: x\n{LIMIT}"),
    Case("wrong-document", f"id: x\nname: M.a\n{LIMIT}", 1, f"name: M.a\n{LIMIT}"),
    Case("unknown-type", f"name: M.a\ntype: treshold\n{LIMIT}", 2, f"name: M.a\ntype: threshold\n{LIMIT}",
         suggestion="Did you mean threshold?"),
    Case("two-kinds", f"name: M.a\nrange: {{lower: 1, upper: 2}}\nbaseline: {{increase: 1}}\n{LIMIT}", 3,
         f"name: M.a\nbaseline: {{increase: 1}}\n{LIMIT}"),
    Case("missing-base", f"name: M.a\n{LIMIT}base: '#bse'\n", 3, f"name: M.a\n{LIMIT}base: 'b#base'\n",
         suggestion="", more="id: base\ntags: [x]\n"),
    Case("missing-base", f"name: M.a\n{LIMIT}base: M.b\n", 3, f"name: M.a\n{LIMIT}base: M.c\n",
         suggestion="Did you mean p.M.c?", more=f"name: M.c\n{LIMIT}"),
    Case("base-cycle", f"name: M.a\nbase: M.b\n---\nname: M.b\n{LIMIT}base: M.a\n", 2,
         f"name: M.a\nbase: M.b\n---\nname: M.b\n{LIMIT}"),
    Case("no-metric", f"name: a\n{LIMIT}", 1, f"metric: M\nname: a\n{LIMIT}"),
    Case("no-threshold", "name: M.a\ntags: [x]\n", 1, "id: M.a\ntags: [x]\n"),
    Case("duplicate-specification", f"name: M.a\n{LIMIT}", 1, f"name: M.b\n{LIMIT}",
         file="specs/p/c.yaml", more=f"name: M.a\n{LIMIT}"),
    Case("duplicate-specification", "id: x\ntags: [a]\n---\nid: x\ntags: [b]\n", 4,
         "id: x\ntags: [a]\n---\nid: y\ntags: [b]\n"),
    Case("empty-document", f"name: M.a\n{LIMIT}---\n", 3, f"---\nname: M.a\n{LIMIT}"),
    Case("scalar-tag", f"name: M.a\nbase: b#x\ntags: y\n{LIMIT}", 3,
         f"name: M.a\nbase: b#x\ntags: [y]\n{LIMIT}",
         suggestion="Write tags: [y]; a list is appended to what is inherited.", more="id: x\ntags: [x]\n"),
    # Only what is inherited can be lost, and what a specification hands down is a list.
    Case("scalar-tag", f"name: M.a\ntags: y\n{LIMIT}---\nname: M.b\nbase: M.a\ntags: z\n", 7,
         f"name: M.a\ntags: y\n{LIMIT}---\nname: M.b\nbase: M.a\n"),
    Case("scalar-tag", f"id: x\ntags: x\n---\nname: M.a\nbase: [b#l, '#x']\n{LIMIT}", 2,
         f"id: x\ntags: x\n---\nname: M.a\nbase: ['#x', b#l]\n{LIMIT}", more="id: l\ntags: [l]\n"),
    Case("contradicts-generic", "name: FY19_cfht_g\nbase: [P.FY17_gri, b#cfht-g]\n", 2,
         "name: FY18_cfht_g\nbase: [P.FY17_gri, b#cfht-g]\n",  # the same threshold in another unit
         suggestion="Did you mean base: P.FY19_gri?", more=GENERIC),
    Case("contradicts-generic", "name: FY19_cfht_g\nbase: [P.FY17_gri, b#cfht-g]\n", 2,
         "name: FY19_cfht_g\nbase: [P.FY17_gri, b#cfht-g]\nthreshold: {value: 7}\n", more=GENERIC),
    Case("contradicts-generic", "name: FY19_cfht_g\nbase: [P.FY17_gri, b#cfht-g]\n", 2,
         "name: FY19_cfht_g\nbase: P.FY17_gri\n", more=GENERIC),  # generic itself
    Case("contradicts-generic", "name: FY19_cfht_uzy\nbase: [P.FY19_gri, b#cfht-g]\n", 2,
         "name: FY19_cfht_u\nbase: [P.FY19_gri, b#cfht-g]\n", more=GENERIC),
    Case("contradicts-generic", "name: P.FY19_gri_g\nbase: [b#cfht-g, '#t']\n---\nid: t\n" + below(7,
         "mmag"), 2,
         "name: P.FY19_cfht_g\nbase: [b#cfht-g, '#t']\n---\nid: t\n" + below(7, "mmag"), more=GENERIC),
    Case("tier-order", tier(below(1), below(2)), 2, tier(below(2), below(1))),
    Case("tier-order", tier(below(900, "uas"), below(1)), 2, tier(below(1000, "uas"), below(1))),
    Case("tier-order", tier(below(2, "mag", ">"), below(1, "mag", ">"), "P"), 2,
         tier(below(1, "mag", ">"), below(2, "mag", ">"), "P")),
    Case("unknown-metric", f"name: Mn.a\n{LIMIT}", 1, f"name: M.a\n{LIMIT}", suggestion="Did you mean p.M?"),
    Case("unknown-metric", f"metric: Mn\nname: a\n{LIMIT}", 1, "", suggestion="Did you mean p.M?"),
    Case("unit-mismatch", f"name: M.a\n{below(1, 's')}", 2, f"name: M.a\n{below(1, 'deg')}",
         suggestion="Write it in mas."),
    Case("unit-mismatch", f"name: M.a\nrange: {{lower: 1, upper: 2}}\n{LIMIT}", 2,
         f"name: M.a\nrange: {{lower: 1, upper: 2, unit: deg}}\n{LIMIT}"),
    Case("direction", f"name: N.a\n{below(1, chr(39) * 2)}", 2, f"name: N.a\n{below(1, chr(39) * 2, '==')}",
         suggestion="Did you mean '>='?"),
    Case("direction", f"name: M.a\n{below(1, operator='>')}", 2, f"name: P.a\n{below(1, 'mag', '>')}"),
    Case("unasked-metadata", f"name: M.a\nmetadata_query:\n  visits: 1\n{LIMIT}", 3,
         f"name: M.a\nmetadata_query:\n  visit: 1\n{LIMIT}", suggestion="Did you mean visit?"),
    Case("unasked-metadata", f"name: M.a\nmetadata_query: {{catalogue: x}}\n{LIMIT}", 2,
         f"name: M.a\nmetadata_query: {{p.M.catalogue: x, htm7: 3, visit: [1, 2]}}\n{LIMIT}"),
    Case("established-reader", "name: M.a\ntolerance: {target: 1, within: 1, unit: mas}\n", 2,
         f"name: M.a\ntolerance: {{target: 1, within: 1, unit: mas}}\n{LIMIT}"),
]  # fmt: skip


def files(case: Case, text: str) -> dict[str, str]:
    written = {"metrics/p.yaml": METRICS, "specs/p/b.yaml": case.more or f"name: M.other\n{LIMIT}"}
    if text:
        written[case.file] = text
    return written


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_mistake_is_found_in_its_line_and_nothing_else(
    case: Case, findings: Callable[..., list[Finding]]
) -> None:
    ignored = {"empty-document"} if case.more == GENERIC else set()
    found = [
        (finding.rule, finding.file, finding.line)
        for finding in findings(files(case, case.wrong), disable=ignored - {case.rule})
    ]
    assert found == [(case.rule, f"defs/{case.file}", case.line)]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_near_miss_passes(case: Case, findings: Callable[..., list[Finding]]) -> None:
    ignored = {"empty-document"} if case.more == GENERIC else set()
    assert findings(files(case, case.right), disable=ignored) == []


@pytest.mark.parametrize("case", [case for case in CASES if case.suggestion], ids=str)
def test_a_finding_says_how_to_mend_it(case: Case, findings: Callable[..., list[Finding]]) -> None:
    found = [finding for finding in findings(files(case, case.wrong)) if finding.rule == case.rule]
    assert found[0].suggestion == case.suggestion


def test_every_rule_has_its_case() -> None:
    assert RULES.keys() - {case.rule for case in CASES} == {"unreadable-file"}


def test_a_file_that_cannot_be_read_is_found(
    findings: Callable[..., list[Finding]], write: Callable[..., Path]
) -> None:
    root = write({"metrics/p.yaml": METRICS})
    (root / "metrics" / "gone.yaml").symlink_to("nowhere.yaml")
    found = findings({})
    assert [(finding.rule, finding.file, finding.line) for finding in found] == [
        ("unreadable-file", "defs/metrics/gone.yaml", None)
    ]


@pytest.mark.parametrize("rule", RULES.values(), ids=lambda rule: rule.id)
def test_every_rule_explains_itself(rule: Rule) -> None:
    assert rule.title
    assert rule.help.endswith(".")


def test_the_page_about_the_linter_has_every_rule() -> None:
    page = (Path(__file__).parents[3] / "docs" / "user" / "lint.md").read_text()
    for rule in RULES.values():
        assert f"| `{rule.id}` | {rule.severity} | {rule.title} |" in page
