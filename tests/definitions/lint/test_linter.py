"""What is looked at, what is switched off, and whole packages."""

import json
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path

import pytest

from gnomon.definitions.lint import Finding, job_metadata, lint
from gnomon.errors import DefinitionError, FormatError, PackageNotFoundError

Find = Callable[..., list[Finding]]
LIMIT = "threshold: {value: 1, unit: mas, operator: '<='}\n"
METRICS = "AM1: {unit: marcsec, description: Repeatability., tags: astrometry}\n"


def rules(found: list[Finding]) -> list[tuple[str, int | None]]:
    return [(finding.rule, finding.line) for finding in found]


def test_the_demonstration_is_without_mistakes() -> None:
    report = lint([str(files("gnomon.demo") / "definitions")])
    assert report.findings == ()
    assert report.metrics >= 13
    assert not report.failed


def test_the_classic_example_has_what_is_questionable_and_nothing_else(findings: Find) -> None:
    text = """id: AM1-base-srd
metric: AM1
tags: [AM1, achromatic]
threshold: {unit: milliarcsecond, operator: "<="}
---
name: design
base: "#AM1-base-srd"
threshold: {value: 10.0}
tags: design
---
name: minimum
base: "#AM1-base-srd"
threshold: {value: 20.0}
tags: minimum
---
"""
    found = findings({"metrics/p.yaml": METRICS, "specs/p/AM1.yaml": text})
    assert rules(found) == [("scalar-tag", 9), ("scalar-tag", 14), ("empty-document", 15)]


def test_a_release_copied_down_is_found_line_by_line(findings: Find) -> None:
    years = {"FY17": 8.0, "FY18": 8.0, "FY19": 6.0, "FY20": 5.5}
    generic = "id: b\nmetric: AM1\nthreshold: {unit: mas, operator: <=}\n" + "".join(
        f"---\nname: {year}_gri\nbase: '#b'\nthreshold: {{value: {value}}}\n" for year, value in years.items()
    )
    release = "id: g\nmetadata_query: {filter_name: g}\n" + "".join(
        f"---\nname: {year}_cfht_g\nbase: ['AM1.FY17_gri', '#g']\n" for year in years
    )
    package = {
        "metrics/p.yaml": METRICS,
        "specs/p/generic.yaml": generic,
        "specs/p/cfht/release.yaml": release,
    }
    found = findings(package)
    assert rules(found) == [("contradicts-generic", 11), ("contradicts-generic", 14)]
    assert "inherits <= 8 mas from p.AM1.FY17_gri" in found[0].message
    assert "p.AM1.FY19_gri, which has <= 6 mas" in found[0].message
    assert [finding.suggestion for finding in found] == [
        f"Did you mean base: AM1.{year}_gri?" for year in ("FY19", "FY20")
    ]


def test_a_comment_switches_a_finding_of_its_line_off(findings: Find) -> None:

    def left(comment: str) -> list[tuple[str, int | None]]:
        text = f"name: AM1.a\nextra: 1  # gnomon-lint: disable={comment}\nother: 1\n{LIMIT}"
        return rules(findings({"metrics/p.yaml": METRICS, "specs/p/a.yaml": text}))

    assert left("unknown-key") == [("unknown-key", 3)]
    assert left("wrong-type, unknown-key because") == [("unknown-key", 3)]
    assert left("wrong-type") == [("unknown-key", 2), ("unknown-key", 3)]


def test_rules_can_be_disabled_by_name(findings: Find) -> None:
    package = {"metrics/p.yaml": METRICS, "specs/p/a.yaml": f"name: AM1.a\nextra: 1\n{LIMIT}---\n"}
    assert rules(findings(package, disable=["unknown-key"])) == [("empty-document", 4)]
    with pytest.raises(DefinitionError, match="Did you mean unknown-key"):
        findings(package, disable=["unknown_key"])


def test_a_file_stands_for_its_whole_package(write: Callable[..., Path], tmp_path: Path) -> None:
    root = write({"metrics/p.yaml": METRICS, "specs/p/x/a.yaml": f"name: AM1.a\n{LIMIT}---\n"})
    expected = [("empty-document", 3)]
    for given in (
        ["defs/metrics/p.yaml"],
        ["defs/specs/p/x/a.yaml", "defs/metrics/p.yaml", "defs"],
        [root / "specs" / "p" / "x" / "a.yaml"],
    ):
        found = lint(given).findings
        assert rules(list(found)) == expected
        assert found[0].file == "defs/specs/p/x/a.yaml"


def test_a_bare_file_name_is_found_from_inside_the_package(
    write: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    root = write({"metrics/p.yaml": METRICS + "---\n", "specs/p/a.yaml": f"name: AM1.a\n{LIMIT}"})
    monkeypatch.chdir(root / "metrics")
    assert rules(list(lint(["p.yaml"]).findings)) == [("empty-document", 2)]
    monkeypatch.chdir(root)
    assert lint(["metrics/p.yaml"]).findings[0].file == "metrics/p.yaml"


def test_a_package_within_folders_of_confusing_names_is_found(tmp_path: Path) -> None:
    for name, text in {
        "specs/mine/metrics/p.yaml": METRICS,
        "specs/mine/specs/p/metrics/a.yaml": f"name: AM1.a\n{LIMIT}---\n",
    }.items():
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).write_text(text)
    for name in ("specs/mine/metrics/p.yaml", "specs/mine/specs/p/metrics/a.yaml"):
        assert rules(list(lint([tmp_path / name]).findings)) == [("empty-document", 3)]


def test_packages_are_found_by_name(write: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_METRICS_DIR", str(write({"metrics/p.yaml": METRICS + "---\n"})))
    assert lint(["some_metrics"]).findings[0].file == "defs/metrics/p.yaml"


@pytest.mark.parametrize("given", ["nowhere", "other", "other/a.yaml"])
def test_what_is_no_package_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: str) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "a.yaml").write_text(METRICS)
    with pytest.raises(PackageNotFoundError, match=given):
        lint([given])


def test_what_jobs_carry_can_be_said(findings: Find, tmp_path: Path) -> None:
    text = f"name: AM1.a\nmetadata_query:\n  season: 1\n  instrument: X\n{LIMIT}"
    package = {"metrics/p.yaml": METRICS, "specs/p/a.yaml": text}
    job = tmp_path / "x.verify.json"
    job.write_text(json.dumps({"meta": {"season": 3, "sesaon": 1}, "measurements": []}))
    assert rules(findings(package)) == [("unasked-metadata", 3)]
    found = findings(package, metadata=job_metadata(job))
    assert rules(found) == [("unasked-metadata", 4)]
    assert findings(package, metadata={"season", "instrument"}) == []


@pytest.mark.parametrize("text", ["", "[]", '{"meta": []}', "{" * 100_000])
def test_what_is_no_job_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "job.json").write_text(text)
    with pytest.raises(FormatError):
        job_metadata(tmp_path / "job.json")


def test_a_finding_is_one_printable_line(findings: Find) -> None:
    found = findings({"metrics/p.yaml": '"a\\e[31m\\nb": {unit: s}\nB: {"c\\e\\n": 1}\n'})
    assert len(found) == 2
    assert all(finding.message.isprintable() for finding in found)


def test_established_readers_are_only_a_note(findings: Find, write: Callable[..., Path]) -> None:
    write({"metrics/p.yaml": "A: {unit: s, better: lower}\n"})
    report = lint(["defs"])
    assert [finding.severity for finding in report.findings] == ["note"]
    assert not report.failed
