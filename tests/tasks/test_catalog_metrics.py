"""Metrics that are measured from catalogs as their YAML says, in a pipeline."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from astropy import units as u
from astropy.table import Table
from lsst.daf.butler import DatasetType

from gnomon.errors import (
    DefinitionError,
    MetricComputationError,
    MetricNotFoundError,
    PackageNotFoundError,
    SettingsError,
)
from gnomon.repository.configuration import enable, open_butler
from gnomon.tasks.catalog_metrics import CatalogMetricConfig, CatalogMetricTask
from gnomon.testing import assert_measured, make_catalog, run_metrics

enable()

CLASS = "gnomon.tasks.catalog_metrics.CatalogMetricTask"
# The synthetic night has 16 stars a visit, of which 12 have an error of 0.005 mag, and the sky 39 + visit.
METRICS = """
bright_error:
  description: Median magnitude error of the bright stars.
  unit: mmag
  reference:
    gnomon:
      measure: {of: mag_err, aggregate: median, select: mag_err < 0.01}
stars:
  unit: ''
  reference: {gnomon: {measure: {aggregate: count, select: isfinite(mag)}}}
bright_fraction:
  unit: percent
  reference: {gnomon: {measure: {aggregate: fraction, of: mag_err < 0.01}}}
described:
  unit: s
"""
BY_DETECTOR = """
detector_sky:
  unit: adu / pix
  reference:
    gnomon:
      dimensions: [instrument, visit, detector]
      measure: {of: sky, aggregate: median, group_by: [detector, star_id], select: star_id IN (100..102)}
"""

type Write = Callable[[str], str]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write the metrics of the package ``mine``, and give the folder of the definition package."""

    def write(text: str) -> str:
        folder = tmp_path / "definitions"
        (folder / "metrics").mkdir(parents=True, exist_ok=True)
        (folder / "metrics" / "mine.yaml").write_text(text)
        return str(folder)

    return write


def task(definitions: str, **config: Any) -> dict[str, Any]:
    """Give a pipeline's entry for the task."""
    connections = {"connections.package": "mine", "connections.catalog": "star_catalog"}
    return {"class": CLASS, "config": {**connections, "definitions": definitions, **config}}


def configured(definitions: str, **config: Any) -> CatalogMetricConfig:
    """Configure the task without a pipeline."""
    made = CatalogMetricConfig()
    made.connections.package = "mine"
    made.definitions = definitions
    made.update(**config)
    return made


def test_all_metrics_of_a_package_that_say_how_are_measured_in_one_quantum(
    write: Write, run_pipeline: Any
) -> None:
    piped = run_pipeline({"stars": task(write(METRICS))})
    assert piped.status == 0, piped.output
    assert piped.counts("stars") == {"successful": 8}
    assert piped.measurements("metricvalue_mine_stars").keys() == set(range(1, 9))
    for visit, found in piped.measurements("metricvalue_mine_bright_error").items():
        assert_measured(found, "mine.bright_error", 5 * u.mmag, count=12)
        assert found.measured_at is not None, visit
    assert_measured(
        piped.measurements("metricvalue_mine_bright_fraction")[1], "mine.bright_fraction", 75 * u.percent
    )


def test_metrics_can_be_named_and_switched_off(write: Write, run_pipeline: Any) -> None:
    only = task(write(METRICS), metrics=["stars", "bright_error"])
    piped = run_pipeline({"stars": only}, "-c", "stars:skip=['stars']", where="visit = 2026030100001")
    assert piped.measurements("metricvalue_mine_bright_error").keys() == {1}
    assert piped.status == 0
    with piped.butler() as butler:
        known = {kind.name for kind in butler.registry.queryDatasetTypes("metricvalue_mine_*")}
    assert known == {"metricvalue_mine_bright_error"}


def test_a_night_can_be_measured_from_the_catalogs_of_its_visits(write: Write, run_pipeline: Any) -> None:
    definitions = write(
        "scatter: {unit: adu / pix, reference: {gnomon: {dimensions: [instrument, day_obs], measure: "
        "{of: sky, aggregate: mean, select: 'visit IN (2026030100001..2026030100003) AND band = :no'}}}}"
    )
    with pytest.raises(DefinitionError, match="nobody gives a value for :no"):
        configured(definitions).validate()
    definitions = write(
        "sky: {unit: adu / pix, reference: {gnomon: {dimensions: [instrument, day_obs], measure: "
        "{of: sky, aggregate: mean, select: 'visit IN (2026030100001..2026030100003)'}}}}"
    )
    piped = run_pipeline({"night": task(definitions)})
    assert piped.status == 0, piped.output
    assert_measured(
        piped.measurements("metricvalue_mine_sky")[20260301], "mine.sky", 41 * u.adu / u.pix, count=48
    )


def test_a_group_that_is_a_dimension_of_the_metric_makes_finer_datasets(
    write: Write, run_pipeline: Any
) -> None:
    piped = run_pipeline({"sky": task(write(BY_DETECTOR))})
    assert piped.status == 0, piped.output
    assert piped.counts("sky") == {"successful": 8}
    with piped.butler() as butler:
        refs = butler.query_datasets("metricvalue_mine_detector_sky")
        assert {tuple(sorted(ref.dataId.required)) for ref in refs} == {("detector", "instrument", "visit")}
    found = piped.measurements("metricvalue_mine_detector_sky")[1]
    assert_measured(found, "mine.detector_sky", 40 * u.adu / u.pix, count=3)
    assert found.extras["[star_id=101] count"].value == 1
    assert piped.report["sky"]["caveats"] == {}


def test_a_group_without_a_data_id_is_a_failure_and_the_others_are_written(
    write: Write, run_pipeline: Any, caplog: pytest.LogCaptureFixture
) -> None:
    # A column of the name of a dimension says of what the rows are, and there is one detector only.
    text = """
rows:
  unit: ''
  reference:
    gnomon:
      dimensions: [instrument, visit, detector]
      measure:
        compute: {detector: star_id - 100}
        aggregate: count
        group_by: [detector]
"""
    piped = run_pipeline({"rows": task(write(text))}, where="visit = 2026030100001")
    assert_measured(piped.measurements("metricvalue_mine_rows")[1], "mine.rows", 1)
    assert piped.caveats("rows") == {}  # what was predicted is all there
    assert "rows of detector=1, detector=2, detector=3, detector=4, detector=5 and 10 more" in caplog.text


def test_a_metric_that_fails_does_not_take_the_others_with_it(write: Write, run_pipeline: Any) -> None:
    broken = "\nbroken: {unit: '', reference: {gnomon: {measure: {of: magg, aggregate: mean}}}}"
    piped = run_pipeline({"stars": task(write(METRICS + broken))}, where="visit = 2026030100001")
    assert piped.status == 0
    assert piped.caveats("stars") == {"+P": [1]}
    [summary] = piped.report["stars"]["exceptions"]["gnomon.errors.MetricComputationError"]
    assert (
        "mine.broken: the catalog has no column 'magg'. Did you mean mag?" in summary["exception"]["message"]
    )
    assert piped.measurements("metricvalue_mine_stars").keys() == {1}


def test_nothing_selected_is_nothing_measured_and_no_failure(write: Write, run_pipeline: Any) -> None:
    text = "none: {unit: mag, reference: {gnomon: {measure: {of: mag, select: mag > 1000, aggregate: mean}}}}"
    piped = run_pipeline({"stars": task(write(text))}, where="visit = 2026030100001")
    assert piped.status == 0
    assert piped.caveats("stars") == {"*": [1]}


def test_the_columns_of_all_catalogs_of_a_quantum_are_one_table(write: Write) -> None:
    definitions = write(
        "m: {unit: uJy, reference: {gnomon: {dimensions: [instrument, visit], measure: "
        "{of: flux, aggregate: sum, select: detector != 3, keep_sources: [detector]}}}}"
    )
    catalogs = [
        make_catalog(flux=[1.0, 2.0] * u.uJy, visit=1, detector=1),
        make_catalog(flux=[500.0] * u.nJy, visit=1, detector=2),
        make_catalog(flux=[1e9] * u.nJy, visit=1, detector=3),
    ]
    found = run_metrics(CatalogMetricTask(config=configured(definitions)), catalog=catalogs)
    assert_measured(found["m"], "mine.m", 3.5 * u.uJy, count=3)
    assert found["m"].blobs["mine.m.sources"]["detector"].quantity.value.tolist() == [2, 1, 1]


def test_only_the_columns_that_are_needed_are_read(write: Write) -> None:
    class Watched:
        """A handle that remembers what was asked of it."""

        dataId = {"visit": 1}  # noqa: RUF012  # nobody changes it
        storageClass = "ArrowAstropy"
        asked: Any = None

        def get(self, *, component: str | None = None, parameters: Any = None) -> Any:
            if component is not None:
                return ["a", "mag", "b", "mag_err"]
            Watched.asked = parameters
            return Table({name: [1.0] for name in parameters["columns"]})

    definitions = write("m: {unit: mag, reference: {gnomon: {measure: {of: mag, aggregate: max}}}}")
    result = CatalogMetricTask(config=configured(definitions)).run([Watched()])
    assert result.failures == {}
    assert Watched.asked == {"columns": ["mag"]}


def test_catalogs_that_do_not_fit_together_fail_all_metrics(write: Write) -> None:
    definitions = write("m: {unit: mag, reference: {gnomon: {measure: {of: mag, aggregate: max}}}}")
    catalogs = [make_catalog(mag=[1.0], visit=1, detector=1), make_catalog(meg=[1.0], visit=1, detector=2)]
    with pytest.raises(MetricComputationError, match="Not all of the catalogs have the column"):
        run_metrics(CatalogMetricTask(config=configured(definitions)), catalog=catalogs)


def test_a_definition_that_changed_is_read_anew(write: Write) -> None:
    definitions = write("m: {unit: mag, reference: {gnomon: {measure: {of: mag, aggregate: max}}}}")
    assert [str(metric.name) for metric in configured(definitions).chosen] == ["mine.m"]
    write("another: {unit: mag, reference: {gnomon: {measure: {of: mag, aggregate: max}}}}")
    assert [str(metric.name) for metric in configured(definitions).chosen] == ["mine.another"]


@pytest.mark.parametrize(
    ("config", "error", "message"),
    [
        ({"metrics": ["star"]}, MetricNotFoundError, "does not define the metric 'star'. Did you mean stars"),
        ({"skip": ["star"]}, MetricNotFoundError, "does not define the metric 'star'"),
        (
            {"metrics": ["described"]},
            SettingsError,
            "mine.described is measured: there is no 'measure' below",
        ),
        ({"definitions": ""}, SettingsError, "Set 'definitions'"),
        ({"definitions": "no_such"}, PackageNotFoundError, "no definition package 'no_such'"),
    ],
)
def test_a_configuration_that_nobody_could_measure_is_refused(
    write: Write, config: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        configured(**{"definitions": write(METRICS), **config}).validate()


@pytest.mark.parametrize(
    ("text", "config", "message"),
    [
        (
            BY_DETECTOR + "a: {reference: {gnomon: {dimensions: [instrument], measure: {aggregate: count}}}}",
            {},
            "mine.detector_sky is measured for each instrument, visit, mine.a for each instrument",
        ),
        (
            "a: {reference: {gnomon: {measure: {aggregate: count, group_by: [detector]}}}}",
            {"dimensions": []},
            "mine.a is grouped by detector, which needs instrument too",
        ),
        (
            METRICS,
            {"catalogDimensions": ["instrument", "visit"]},
            "nothing says which rows are of which detector",
        ),
        ("a: {unit: s}", {}, "none has 'measure'"),
    ],
)
def test_granularities_that_do_not_fit_are_refused(
    write: Write, text: str, config: dict[str, Any], message: str
) -> None:
    made = configured(write(text), **config)
    with pytest.raises(SettingsError, match=message):
        made.connections.ConnectionsClass(config=made)


@pytest.mark.parametrize(
    ("stored", "read"),
    [("DataFrame", "ArrowAstropy"), ("ArrowTable", "ArrowAstropy"), ("AstropyTable", "AstropyTable")],
)
def test_catalogs_of_every_storage_class_are_read(
    stored: str, read: str, write: Write, run_pipeline: Any, repository: Path
) -> None:
    name = f"catalog_{stored}"
    table = Table({"flux": [1.0, 2.0, 4.0], "extra": [1, 2, 3]})
    kinds = {"DataFrame": table.to_pandas, "ArrowTable": lambda: pa.table(dict(table.columns))}
    with open_butler(repository, run=f"catalogs/{stored}") as butler:
        kind = DatasetType(name, ("instrument", "visit"), stored, universe=butler.dimensions)
        butler.registry.registerDatasetType(kind)
        butler.put(kinds.get(stored, lambda: table)(), name, instrument="DemoCamera", visit=2026030100001)
    definitions = write(
        f"of_{stored}: {{unit: nJy, reference: {{gnomon: {{dimensions: [instrument, visit], measure: "
        "{of: flux, aggregate: sum}}}}"
    )
    entry = task(
        definitions,
        **{
            "connections.catalog": name,
            "catalogDimensions": ["instrument", "visit"],
            "storageClass": read,
        },
    )
    piped = run_pipeline({"sums": entry}, inputs=f"catalogs/{stored}")
    assert piped.status == 0, piped.output
    assert_measured(
        piped.measurements(f"metricvalue_mine_of_{stored}")[1], f"mine.of_{stored}", 7 * u.nJy, count=3
    )
