"""Metrics, and the files and sets in which they are defined."""

from pathlib import Path

import astropy.units as u
import pytest

from gnomon.definitions import Metric, MetricSet, parse_unit
from gnomon.errors import DefinitionError, GnomonError, MetricNotFoundError, NameFormatError
from gnomon.names import Name

METRICS = """
StepTime: &Running
  description: Wall-clock time spent in the step.
  unit: s
  reference: &Doc {doc: LPM-17, url: "http://example.org/lpm17", page: 23}
  tags: !!set {workflow, monitoring}
OtherTime:
  <<: *Running
  description: Another step.
  better: lower
  dimensions: [instrument, visit]
Ratio: {description: A ratio., unit: '', reference: *Doc, tags: single}
"""


def package(folder: Path, **files: str) -> Path:
    (folder / "metrics").mkdir()
    for name, text in files.items():
        (folder / "metrics" / f"{name}.yaml").write_text(text)
    return folder


def problem(folder: Path, text: str) -> DefinitionError:
    with pytest.raises(DefinitionError) as caught:
        MetricSet.load_metrics_package(package(folder, demo=text), strict=True)
    assert caught.value.file == str(folder / "metrics" / "demo.yaml")
    return caught.value


def test_a_package_is_read_with_anchors_merge_keys_and_sets(tmp_path: Path) -> None:
    metrics = MetricSet.load_metrics_package(package(tmp_path, demo=METRICS, other="Seeing: {unit: arcsec}"))
    assert [str(name) for name in metrics] == [
        "demo.StepTime",
        "demo.OtherTime",
        "demo.Ratio",
        "other.Seeing",
    ]
    other = metrics["demo.OtherTime"]
    assert (other.description, other.unit, other.tags) == ("Another step.", u.s, {"workflow", "monitoring"})
    assert other.reference == "LPM-17, p. 23, http://example.org/lpm17"
    assert (other.better, other.dimensions) == ("lower", ("instrument", "visit"))
    assert metrics["demo.Ratio"].tags == {"single"}
    assert metrics["demo.Ratio"].unit == u.dimensionless_unscaled
    where = metrics.where("demo.OtherTime")
    assert where is not None
    assert where.line == 7


def test_a_reference_of_several_documents_is_shown_as_one_line(tmp_path: Path) -> None:
    text = "Rho: {unit: '', reference: {doc: [Rowe 2010, Jarvis 2016], url: [http://a, http://b]}}"
    metrics = MetricSet.load_metrics_package(package(tmp_path, demo=text))
    assert metrics["demo.Rho"].reference == "Rowe 2010, Jarvis 2016, http://a, http://b"


def test_a_package_is_found_by_the_variable_of_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOME_METRICS_DIR", str(package(tmp_path, demo=METRICS)))
    assert len(MetricSet.load_metrics_package("some_metrics", subset="demo")) == 3
    with pytest.raises(
        DefinitionError, match=r"\$SOME_METRIX_DIR is not set.* Did you mean SOME_METRICS_DIR"
    ):
        MetricSet.load_metrics_package("some_metrix")
    with pytest.raises(DefinitionError, match=r"nothing for the package 'deno'\. Did you mean demo"):
        MetricSet.load_metrics_package("some_metrics", subset="deno")


def test_a_directory_without_definitions_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DefinitionError, match="neither metrics/ nor specs/"):
        MetricSet.load_metrics_package(tmp_path)


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("A: {unit: s}\nB:\n  unit: s\n  descripton: x\n", 4, "Did you mean description"),
        ("A: {unit: s}\nA: {unit: m}\n", 2, "stands here twice .first in line 1"),
        ("A: {unit: furlongs}", 1, "'furlongs' is not a unit"),
        ("A:\n  unit: 3\n", 2, "A unit is a string"),
        ("A: 5", 1, "The metric 'A' is a mapping, not an integer"),
        ("A: {unit: s, tags: [1]}", 1, "put it in quotes"),
        ("A: {unit: s, tags: {x: y}}", 1, "'tags' is a list, not a mapping"),
        ("A: {unit: s, better: bigger}", 1, "'lower' or 'higher'"),
        ("A: {unit: s, dimensions: [vist]}", 1, "Did you mean visit"),
        ("A: {unit: s, description: [x]}", 1, "A description is a string"),
        ("A B: {unit: s}", 1, "not a name"),
        ("A: {unit: s, reference: {dok: x}}", 1, "Did you mean doc"),
        ("- A", 1, "A metrics file is a mapping, not a list"),
        ("A: [", 2, "not YAML"),
    ],
)
def test_a_mistake_is_told_with_file_and_line(tmp_path: Path, text: str, line: int, words: str) -> None:
    error = problem(tmp_path, text)
    assert error.line == line
    with pytest.raises(GnomonError, match=words):
        raise error


def test_without_strictness_mistakes_are_noted_and_the_rest_is_read(tmp_path: Path) -> None:
    text = "A: {unit: s, tag: [x]}\nA: {unit: m, unit: km}\n"
    metrics = MetricSet.load_metrics_package(package(tmp_path, demo=text), strict=False)
    assert metrics["demo.A"].unit == u.km
    assert sorted(p.line or 0 for p in metrics.problems) == [2, 2]


def test_subsets_are_by_package_and_by_all_tags() -> None:
    metrics = MetricSet(
        [Metric("p.a", tags=["x", "y"]), Metric("p.b", tags=["x"]), Metric("q.c", tags=["x"])]
    )
    assert list(metrics.subset("p")) == ["p.a", "p.b"]
    assert list(metrics.subset(tags=["x", "y"])) == ["p.a"]
    assert list(metrics.subset("q", "x")) == ["q.c"]


def test_a_set_is_a_mapping_that_names_the_nearest_metric() -> None:
    metrics = MetricSet([Metric("p.zero_point")])
    metrics += MetricSet([Metric("p.airmass", unit="")])
    assert "p.airmass" in metrics
    assert Name("p.airmass") in metrics
    assert "p.nothing" not in metrics
    with pytest.raises(MetricNotFoundError, match=r"Did you mean p\.zero_point") as caught:
        metrics["p.zero_pont"]
    assert isinstance(caught.value, KeyError)
    del metrics["p.airmass"]
    assert metrics == MetricSet([Metric("p.zero_point")])
    with pytest.raises(KeyError, match="cannot be kept under"):
        metrics["p.other"] = Metric("p.zero_point")
    with pytest.raises(KeyError, match="does not name a metric"):
        metrics[Name("p.zero_point.design")] = Metric("p.zero_point")
    with pytest.raises(TypeError, match="A metric is expected"):
        metrics["p.zero_point"] = "p.zero_point"  # type: ignore[assignment]
    assert str(metrics) == "<MetricSet: 1 Metric>"


def test_units_are_checked_by_convertibility() -> None:
    metric = Metric("p.a", unit="mmag")
    assert metric.check_unit(1 * u.mag)
    assert not metric.check_unit(1 * u.s)
    assert not metric.check_unit(u.Quantity(1))
    metric.unit_str = "s"
    assert metric.unit == u.s
    with pytest.raises(ValueError, match="is set by unit_str"):
        metric.unit = "s"


def test_a_metric_can_be_changed_but_not_into_nonsense() -> None:
    metric = Metric("p.a", tags="one")
    metric.tags.add("two")
    assert metric.tags == {"one", "two"}
    assert metric != Metric("p.a", tags="one")
    with pytest.raises(NameFormatError):
        metric.name = "a.b.c"
    with pytest.raises(DefinitionError, match="'lower' or 'higher'"):
        metric.better = "smaller"  # type: ignore[assignment]


def test_every_unit_of_astropy_that_has_a_name_is_read_back() -> None:
    for unit in (u.mmag, u.Unit("mag / arcsec2"), u.percent, u.dimensionless_unscaled, u.Unit("mag(AB)")):
        assert parse_unit(str(unit)) == unit
