"""One mistake is told once, where it stands, however much depends on it."""

from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gnomon.definitions.lint import Finding

Find = Callable[..., list[Finding]]

METRICS = "M: {unit: mas}\nAM1: {unit: mas}\n"
LIMIT = "threshold: {value: 1, unit: mas, operator: '<='}\n"
HEIRS = "".join(
    f"---\nname: cam{i}\nbase: M.design\nmetadata_query: {{instrument: C{i}}}\n" for i in range(5)
)


def told(findings: Find, **files: str) -> list[tuple[str, str, int | None]]:
    named = {f"specs/p/{name}.yaml": text for name, text in files.items()}
    found = findings({"metrics/p.yaml": METRICS, **named})
    return [(finding.rule, finding.file.removeprefix("defs/specs/p/"), finding.line) for finding in found]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # The base of a base is missing, so nobody knows the name of the first, nor the metric of its heirs.
        ("name: design\nbase: '#gone'\n" + HEIRS, ("missing-base", 2)),
        ("name: M.design\nbase: '#gone'\n" + HEIRS, ("missing-base", 2)),
        ("id: x\nbase: '#y'\n---\nid: y\nbase: '#x'\n---\nname: M.design\nbase: '#x'\n" + HEIRS,
             ("base-cycle", 2)),
        ("id: x\nbase: '#y'\n---\nid: y\nbase: '#x'\n---\nname: design\nbase: '#x'\n", ("base-cycle", 2)),
        ("name: M.design\nthresold: {value: 1}\n" + HEIRS, ("unknown-key", 2)),
        ("name: M.design\nthreshold: {vlue: 1, unit: mas, operator: <}\n" + HEIRS, ("unknown-key", 2)),
        ("name: M.design\n" + HEIRS, ("no-threshold", 1)),
        ("name: M.design\nthreshold: {value: 1, unit: sz, operator: <}\n" + HEIRS, ("unknown-unit", 2)),
        ("name: M.design\nthreshold: {value: 1, unit: s, operator: <}\n" + HEIRS, ("unit-mismatch", 2)),
        ("name: M.design\nmetadata_query: {cdd: 1}\n" + LIMIT + HEIRS, ("unasked-metadata", 2)),
        ("name: [design]\n" + LIMIT + "---\nname: M.a\n" + LIMIT, ("wrong-type", 1)),
        ("id: x\nextra: 1\ntags: [a]\n---\nname: M.a\nbase: '#x'\n" + LIMIT, ("unknown-key", 2)),
        ("id: x\nthreshold: {reference: 1}\n"
         + "".join(f"---\nname: M.a{i}\nbase: '#x'\n{LIMIT}" for i in range(4)), ("unknown-key", 2)),
        ("metric: M9\nid: x\n" + "".join(f"---\nname: a{i}\nbase: '#x'\n{LIMIT}" for i in range(4)),
         ("unknown-metric", 1)),
        ("name: M9.design\n" + LIMIT + HEIRS.replace("M.design", "M9.design"), ("unknown-metric", 1)),
    ],
)  # fmt: skip
def test_heirs_of_a_mistake_add_nothing(findings: Find, text: str, expected: tuple[str, int]) -> None:
    rule, line = expected
    assert told(findings, a=text) == [(rule, "a.yaml", line)]


def test_bases_in_a_file_that_cannot_be_read_are_not_missing(findings: Find) -> None:
    found = told(
        findings,
        generic=f"id: x\ntags: [\n---\nname: M.design\n{LIMIT}",
        cam=f"name: cam\nbase: [M.design, generic#x]\n---\nname: M.a\nbase: 'other#x'\n{LIMIT}",
    )
    assert [(rule, file) for rule, file, _ in found] == [
        ("missing-base", "cam.yaml"),  # `other` is another file, and it is not there
        ("not-yaml", "generic.yaml"),
    ]


def test_a_base_whose_document_is_wrong_is_not_missing(findings: Find) -> None:
    text = f"id: x\nname: y\n---\nname: M.a\nbase: ['#x', M.y]\n{LIMIT}"
    assert told(findings, a=text) == [("wrong-document", "a.yaml", 1)]


def test_all_missing_bases_of_a_document_are_told(findings: Find) -> None:
    text = f"name: M.a\n{LIMIT}base:\n- '#x'\n- '#y'\n- M.b\n---\nid: z\nbase: '#w'\n"
    assert [rule for rule, _, _ in told(findings, a=text)] == ["missing-base"] * 4


def test_specifications_that_a_repeated_partial_runs_together_are_not_told(findings: Find) -> None:
    part = (
        "id: base\nmetric: {}\nthreshold: {{unit: mas, operator: <}}\n"
        "---\nname: a\nbase: '#base'\nthreshold: {{value: 1}}\n"
    )
    text = part.format("M") + "---\n" + part.format("AM1")
    assert told(findings, a=text) == [("duplicate-specification", "a.yaml", 9)]
    again = told(findings, a=part.format("M") + "---\n" + part.format("M"))
    assert again == [("duplicate-specification", "a.yaml", line) for line in (9, 13)]


def test_a_metric_that_is_wrong_is_not_unknown(findings: Find) -> None:
    found = findings(
        {"metrics/p.yaml": "M: {unit: sz}\n", "specs/p/a.yaml": f"name: M.a\n{LIMIT}"},
    )
    assert [finding.rule for finding in found] == ["unknown-unit"]
    found = findings({"metrics/p.yaml": "M: {unit: [}\n"})
    assert [finding.rule for finding in found] == ["not-yaml"]


def test_metrics_that_are_not_defined_here_are_not_looked_for(findings: Find) -> None:
    assert findings({"metrics/q.yaml": "M: {unit: s}\n", "specs/p/a.yaml": f"name: M.a\n{LIMIT}"}) == []


def test_what_an_anchor_hands_on_is_told_once(findings: Find) -> None:
    metrics = "A: &a\n  unit: sz\n  tgas: [x]\n  better: lower\n" + "".join(
        f"B{i}: {{<<: *a}}\n" for i in range(9)
    )
    found = findings({"metrics/p.yaml": metrics})
    assert [(finding.rule, finding.line) for finding in found] == [("unknown-unit", 2), ("unknown-key", 3)]
    found = findings({"metrics/p.yaml": metrics.replace("sz", "s")})
    assert [(finding.rule, finding.line) for finding in found] == [
        ("unknown-key", 3),
        ("established-reader", 4),
    ]


TIERS = """
id: base
metric: M
threshold: {unit: mas, operator: '<='}
---
name: minimum
base: '#base'
threshold: {value: 1}
---
name: design
base: '#base'
threshold: {value: 2}
---
"""


def test_tiers_that_are_misordered_where_they_are_defined_are_told_there(findings: Find) -> None:
    heirs = "---\n".join(
        f"name: {tier}_{band}\nbase: M.{tier}\nmetadata_query: {{band: {band}}}\n"
        for band in "gri"
        for tier in ("minimum", "design")
    )
    assert told(findings, a=TIERS.removesuffix("---\n"), b=heirs) == [("tier-order", "a.yaml", 8)]


def test_tiers_are_compared_over_files(findings: Find) -> None:
    a = "name: M.minimum_g\nbase: c#g\nthreshold: {value: 3}\n"
    b = "name: M.design_g\nbase: c#g\nthreshold:\n  value: {}\n"
    c = "id: g\nthreshold: {unit: mas, operator: <}\nmetadata_query: {band: g}\n"
    assert told(findings, a=a, b=b.format(4), c=c) == [("tier-order", "a.yaml", 3)]
    assert told(findings, a=a, b=b.format(2), c=c) == []


def test_a_tier_with_a_base_of_another_one_is_told_as_that(findings: Find) -> None:
    generic = TIERS.removesuffix("---\n").replace("value: 1", "value: 5")
    cam = "".join(
        f"---\nname: {name}\nbase: M.{base}\nmetadata_query: {{instrument: X}}\n"
        for name, base in (("cam_minimum", "design"), ("cam_design", "design"))
    )
    assert told(findings, a=generic, b=cam.removeprefix("---\n")) == [("contradicts-generic", "b.yaml", 2)]


def test_who_inherits_a_contradiction_is_not_told_again(findings: Find) -> None:
    generic = TIERS.removesuffix("---\n").replace("value: 1", "value: 5")
    text = (
        "name: cam_minimum\nbase: M.design\nmetadata_query: {instrument: X}\n"
        "---\nname: cam_minimum_g\nbase: M.cam_minimum\nmetadata_query: {band: g}\n"
    )
    assert told(findings, a=generic, b=text) == [("contradicts-generic", "b.yaml", 2)]


def test_generic_specifications_that_fit_equally_well_decide_nothing(findings: Find) -> None:
    generic = "id: base\nmetric: M\nthreshold: {unit: mas, operator: <}\n" + "".join(
        f"---\nname: {name}\nbase: '#base'\nthreshold: {{value: {value}}}\n"
        for name, value in (("FY17", 1), ("FY18", 2), ("ORR", 3), ("gri", 9), ("FY17_gri", 4))
    )
    query = "metadata_query: {instrument: X}\n"
    assert told(findings, a=generic, b=f"name: FY18_ORR_cam\nbase: M.FY17\n{query}") == []
    # A generic name whose words the base has all does not contradict it.
    assert told(findings, a=generic, b=f"name: FY17_cam_g\nbase: M.FY17_gri\n{query}") == []
    # What is written in the document, or for another data set, is meant.
    own = f"name: FY17_cam\nbase: M.FY18\nthreshold: {{value: 7}}\n{query}"
    heir = f"---\nname: ORR_cam_g\nbase: M.FY17_cam\n{query}"
    assert told(findings, a=generic, b=own + heir) == []


def test_a_thousand_missing_bases_are_told_though_no_more_than_a_few_with_the_nearest(findings: Find) -> None:
    known = "---\n".join(f"name: M.design_of_camera_{i}\n{LIMIT}" for i in range(1500))
    wrong = "---\n".join(f"name: M.a{i}\nbase: M.minimum_of_camera_{i}\n{LIMIT}" for i in range(1500))
    found = findings({"metrics/p.yaml": METRICS, "specs/p/a.yaml": known, "specs/p/b.yaml": wrong})
    assert [finding.rule for finding in found] == ["missing-base"] * 1500
    # Comparing all with all takes minutes.
    assert 0 < sum(bool(finding.suggestion) for finding in found) < 50


SHUFFLED = [
    "id: x\nbase: '#y'\n",
    "id: y\nbase: '#z'\ntags: [a]\n",
    "id: z\nbase: '#x'\n",
    "name: M.design\nbase: '#x'\n" + LIMIT,
    "name: M.cam\nbase: M.design\nmetadata_query: {ccds: 1}\n",
    "id: list\nmetric: AM1\ntags: [a]\n" + LIMIT,
    "name: one\nbase: '#list'\ntags: b\n",
    "name: two\nbase: [AM1.one, '#gone']\nextra: 1\n",
]


@given(order=st.permutations(SHUFFLED))
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_order_of_documents_does_not_change_what_is_told(findings: Find, order: list[str]) -> None:
    rules = sorted(rule for rule, _, _ in told(findings, a="---\n".join(order)))
    assert rules == ["base-cycle", "missing-base", "scalar-tag", "unasked-metadata", "unknown-key"]
