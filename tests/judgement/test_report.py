"""Reports: every specification has a line, and every rendering says the same."""

import json
import math
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import astropy.units as u
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.judgement.strategies import record, table

from gnomon.definitions import (
    BaselineSpecification,
    Metric,
    MetricSet,
    SpecificationSet,
    StatisticalSpecification,
    ThresholdSpecification,
)
from gnomon.errors import MeasurementTypeError
from gnomon.judgement import Report
from gnomon.measurements import Job, Measurement, MeasurementSet

METRICS = MetricSet([Metric("demo.scatter", "How they scatter.", u.mmag, tags=["photometry", "core"])])
SPECIFICATIONS = SpecificationSet(
    [
        ThresholdSpecification("demo.scatter.minimum", 20 * u.mmag, "<="),
        ThresholdSpecification("demo.scatter.design", 10 * u.mmag, "<=", tags=["key"], sigmas=1),
        ThresholdSpecification("demo.scatter.other", 10 * u.mmag, "<=", {"band": "r"}),
        ThresholdSpecification("demo.depth.design", 10 * u.mag, ">="),
    ]
)
METADATA = {"band": "g"}


def report(**more: Any) -> Report:
    measured = MeasurementSet([Measurement("demo.scatter", 12.5 * u.mmag, uncertainty=0.5, count=9)])
    return Report(measured, SPECIFICATIONS, metadata=METADATA, **more)


def test_the_table_has_the_established_columns_and_a_row_for_every_specification() -> None:
    found = report(metrics=METRICS).make_table()
    assert found.colnames == [
        "Status",
        "Specification",
        "Measurement",
        "Test",
        "Metric Tags",
        "Spec. Tags",
        "Reason",
    ]
    assert [tuple(row) for row in found] == [
        ("➖", "demo.depth.design", "", ">= 10 mag", "N/A", "", "there is no measurement of demo.depth"),  # noqa: RUF001
        (
            "❌",
            "demo.scatter.design",
            "12.5 ± 0.5 mmag",
            "<= 10 mmag by 1 sigma",
            "core, photometry",
            "key",
            "12.5 ± 0.5 mmag is not <= 10 mmag by 1 sigma",
        ),
        (
            "✅",
            "demo.scatter.minimum",
            "12.5 ± 0.5 mmag",
            "<= 20 mmag",
            "core, photometry",
            "",
            "12.5 mmag is <= 20 mmag",
        ),
        (
            "⬜",
            "demo.scatter.other",
            "12.5 ± 0.5 mmag",
            "<= 10 mmag",
            "core, photometry",
            "",
            "asks for band = r; it is g",
        ),
    ]


def test_tags_come_from_the_measurements_where_no_metrics_are_given() -> None:
    measured = [Measurement(METRICS["demo.scatter"], 1 * u.mmag)]
    tags = Report(iter(measured), SPECIFICATIONS).make_table()["Metric Tags"]
    assert list(tags) == ["N/A", *["core, photometry"] * 3]


def test_it_passes_if_nothing_fails() -> None:
    assert report().counts() == {"pass": 1, "fail": 1, "not applicable": 1, "not measured": 1}
    assert not report().passed
    assert Report([], SPECIFICATIONS).passed
    assert len(report()) == 4
    assert repr(report()) == "<Report: 1 pass, 1 fail, 1 not applicable, 1 not measured>"


def test_a_measurement_of_nothing_and_one_of_another_unit_end_nothing() -> None:
    measured = [Measurement("demo.scatter"), Measurement("demo.depth", 3 * u.s)]
    found = Report(measured, SPECIFICATIONS)
    assert found.counts() == {"pass": 0, "fail": 0, "not applicable": 2, "not measured": 2}
    assert "Values in s do not convert into mag" in found.to_text()


def test_what_is_no_measurement_is_refused() -> None:
    wrongs: list[Any] = [[1], 3, {"demo.scatter": 3}]
    for wrong in wrongs:
        with pytest.raises(MeasurementTypeError, match=r"not (3|1)\."):
            Report(wrong, SPECIFICATIONS)


def test_a_job_is_reported_with_its_metadata_and_a_baseline() -> None:
    steady = BaselineSpecification("demo.scatter.steady", increase=0.1, metadata_query={"band": "g"})
    job = Job([Measurement("demo.scatter", 12.5 * u.mmag)], specs=[steady], meta=METADATA)
    before = MeasurementSet([Measurement("demo.scatter", 0.010 * u.mag)])
    found = Report(job.measurements, job.specs, metadata=job.meta, baseline=before)
    assert found.lines["reason"].to_list() == [
        "12.5 mmag is not at most 10 % above its baseline; the baseline is 10 mmag"
    ]


def test_a_table_of_rows_is_reported_with_its_data_ids() -> None:
    rows = table(
        *(
            record("demo.scatter", v, instrument="I", visit=i, dimensions={"htm7": "3"})
            for i, v in enumerate([9, 21.0])
        )
    )
    found = Report(rows, [ThresholdSpecification("demo.scatter.design", 10 * u.mmag, "<=")])
    assert list(found.make_table()["Data ID"]) == ["I visit=0 htm7=3", "I visit=1 htm7=3"]
    assert "I visit=1 htm7=3" in found.to_text()
    assert "I visit=1 htm7=3" in found.to_html()
    assert [case.get("name") for case in cases(found)] == [
        "design I visit=0 htm7=3",
        "design I visit=1 htm7=3",
    ]
    assert json.loads(found.to_json())["verdicts"][1]["data_id"] == {
        "instrument": "I",
        "visit": 1,
        "htm7": "3",
    }


def test_the_text_tells_failures_first_and_sums_up_what_was_not_judged() -> None:
    many = SpecificationSet(
        ThresholdSpecification(f"demo.scatter.s{i}", 10 * u.mmag, "<=", {"band": f"b{i}"})
        for i in range(1700)
    )
    many.update(SPECIFICATIONS)
    found = Report([Measurement("demo.scatter", 12.5 * u.mmag, uncertainty=0.5)], many, metadata=METADATA)
    lines = found.to_text().splitlines()
    assert lines[0] == "❌ fail"
    assert lines[2].split("  ")[0] == "demo.scatter.design"
    assert len(lines) < 20
    assert any("1,701" in line and "the query asks for another band" in line for line in lines)
    assert lines[-1] == "1 failed, 1 passed, 1,701 not applicable, 1 not measured"
    everything = found.to_text(everything=True)
    assert all(f"demo.scatter.s{i} " in everything for i in range(1700))
    assert "\x1b[" not in everything
    assert "\x1b[" in found.to_text(color=True)


def test_shown_outside_a_notebook_it_is_text(capsys: pytest.CaptureFixture[str]) -> None:
    report().show()
    assert capsys.readouterr().out == report().to_text() == f"{report()}\n"


def cases(found: Report) -> list[ElementTree.Element]:
    return list(ElementTree.fromstring(found.to_junit()).iter("testcase"))


def test_in_junit_each_package_is_a_suite_and_each_verdict_a_case() -> None:
    more = ThresholdSpecification("aaa.m.s", 1 * u.s, "<")
    found = Report(
        [Measurement("demo.scatter", 12.5 * u.mmag, uncertainty=1.0), Measurement("aaa.m", 0 * u.s)],
        [*SPECIFICATIONS.values(), more],
        metadata=METADATA,
    )
    root = ElementTree.fromstring(found.to_junit())
    assert dict(root.attrib) == {
        "name": "gnomon",
        "tests": "5",
        "failures": "1",
        "errors": "0",
        "skipped": "2",
        "time": "0",
    }
    assert [(s.get("name"), s.get("tests"), s.get("failures"), s.get("skipped")) for s in root] == [
        ("aaa", "1", "0", "0"),
        ("demo", "4", "1", "2"),
    ]
    by_name = {
        f"{c.get('classname')}.{c.get('name')}": [(e.tag, e.get("message")) for e in c] for c in cases(found)
    }
    assert by_name == {
        "aaa.m.s": [],
        "demo.depth.design": [("skipped", "not measured: there is no measurement of demo.depth")],
        "demo.scatter.design": [("failure", "12.5 ± 1 mmag is not <= 10 mmag by 1 sigma")],
        "demo.scatter.minimum": [],
        "demo.scatter.other": [("skipped", "not applicable: asks for band = r; it is g")],
    }


def test_in_junit_no_two_cases_have_one_name() -> None:
    found = Report([Measurement("demo.scatter", 1 * u.mmag)] * 3, [SPECIFICATIONS["demo.scatter.minimum"]])
    assert [case.get("name") for case in cases(found)] == ["minimum", "minimum (2)", "minimum (3)"]


def test_the_json_has_stable_keys_and_no_nan() -> None:
    rows = table(
        record("demo.scatter", math.nan), record("demo.scatter", math.inf), record("demo.extra", 1.0)
    )
    found = json.loads(Report(rows, [SPECIFICATIONS["demo.scatter.minimum"]]).to_json())
    assert found.keys() == {"schema_version", "passed", "counts", "unspecified", "verdicts"}
    assert (found["schema_version"], found["passed"], found["unspecified"]) == (1, False, ["demo.extra"])
    assert found["verdicts"][1] == {
        "specification": "demo.scatter.minimum",
        "metric": "demo.scatter",
        "kind": "threshold",
        "verdict": "fail",
        "cause": None,
        "reason": "inf mmag is not <= 20 mmag",
        "requirement": "<= 20 mmag",
        "tier": "minimum",
        "value": None,
        "unit": "mmag",
        "uncertainty": None,
        "count": None,
        "baseline": None,
        "threshold": 20.0,
        "threshold_unit": "mmag",
        "operator": "<=",
        "tags": [],
        "run": "run",
        "dataset_id": "30" * 16,
        "data_id": {},
    }
    assert [row["value"] for row in found["verdicts"]] == [None, None]


class _Page(HTMLParser):
    """What a page is made of."""

    void = frozenset({"meta", "wbr"})

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in self.void:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def parsed(html: str) -> _Page:
    page = _Page()
    page.feed(html)
    page.close()
    assert not page.open
    return page


def test_the_page_needs_nothing_from_elsewhere_and_can_be_read_without_eyes() -> None:
    page = parsed(report(metrics=METRICS).to_html(title="A <night>"))
    assert not [
        tag for tag, attributes in page.tags if attributes.keys() & {"src", "href"} or tag == "script"
    ]
    assert ("html", {"lang": "en"}) in page.tags
    assert "A <night>" in page.text
    headings = [attributes for tag, attributes in page.tags if tag == "th"]
    assert all(attributes["scope"] in ("row", "col") for attributes in headings)
    assert "demo.scatter.design" in page.text
    assert "12.5 ± 0.5 mmag is not <= 10 mmag by 1 sigma" in page.text
    assert "prefers-color-scheme: dark" in page.text


def test_in_a_notebook_a_long_report_is_cut_and_says_so() -> None:
    rows = table(*(record("demo.scatter", 30.0, visit=i, instrument="I") for i in range(250)))
    page = parsed(Report(rows, SPECIFICATIONS)._repr_html_())
    assert "250 verdicts, of which the first 200 are listed" in page.text
    assert page.text.count("30 mmag is not <= 20 mmag") == 200


NASTY = st.text(max_size=8) | st.sampled_from(
    ["<script>", "&amp;", "]]>", "\x00\x1b[31m", "\ud7ff\ufffe", "\ud800", '"', "[bold]", "a\nb\tc"]
)


@given(NASTY, NASTY.filter(bool))
@settings(max_examples=60, deadline=None)
def test_whatever_is_in_metadata_and_tags_every_rendering_stays_well_formed(text: str, tag: str) -> None:
    specification = ThresholdSpecification("demo.scatter.s", 1 * u.mmag, "<=", {"x": "y"}, tags=[tag])
    measured = [Measurement("demo.scatter", 2 * u.mmag)]
    found = Report(measured, [specification], metadata={"x": text})
    page = parsed(found.to_html())
    assert "script" not in {name for name, _ in page.tags}
    parsed(found._repr_html_())
    assert "asks for x = y; it is" in (cases(found)[0][0].get("message") or "")
    assert json.loads(found.to_json())["verdicts"][0]["tags"] == [tag.replace("\ud800", "?")]
    assert not set(found.to_text(everything=True)) & set(map(chr, [*range(10), *range(11, 32), 127]))
    assert len(found.make_table()) == 1


@pytest.mark.browser
def test_the_page_is_shown_by_a_browser_as_it_is_meant(tmp_path: Path) -> None:
    page = tmp_path / "report.html"
    page.write_text(report(metrics=METRICS).to_html(), encoding="utf-8")
    command = ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--dump-dom", page.as_uri()]
    shown = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout
    assert "12.5 mmag is &lt;= 20 mmag" in shown


def test_a_kind_that_is_judged_in_sets_has_its_line_too() -> None:
    most = StatisticalSpecification("demo.scatter.most", 10 * u.mmag, "<=", fraction=0.5)
    rows = table(record("demo.scatter", 9.0), record("demo.scatter", 21.0))
    assert list(Report(rows, [most]).make_table()["Measurement"]) == ["1 of 2"]


def test_a_report_is_made_without_the_libraries_of_its_renderings() -> None:
    code = "import sys, gnomon.judgement; assert not {'rich.table', 'xml.sax'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
