"""What authors of metrics test them with."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from astropy import units as u
from lsst.pex.config import ListField
from lsst.pipe.base import NoWorkFound, Struct, connectionTypes

from gnomon.definitions import Metric
from gnomon.errors import MeasurementTypeError, MetricComputationError, MetricNotFoundError, NameMismatchError
from gnomon.measurements import Measurement
from gnomon.tasks.bundle_task import MetricBundleConfig, MetricBundleConnections, MetricBundleTask
from gnomon.tasks.metric_task import MetricConnections, MetricTask, MetricTaskConfig
from gnomon.testing import (
    assert_measured,
    make_catalog,
    make_handle,
    make_up_night,
    measure_yaml,
    run_metric,
    run_metrics,
)


class SkyConnections(
    MetricConnections,
    defaultTemplates={"package": "mine", "metric": "sky"},
    dimensions=("instrument", "visit"),
):
    """Catalogs that are read late, and a table that is not."""

    catalogs = connectionTypes.Input(
        name="catalog",
        doc="Catalogs.",
        storageClass="ArrowAstropy",
        dimensions=("instrument", "visit", "detector"),
        multiple=True,
        deferLoad=True,
    )
    offsets = connectionTypes.Input(
        name="offsets", doc="Offsets.", storageClass="ArrowAstropy", dimensions=("instrument", "visit")
    )


class SkyConfig(MetricTaskConfig, pipelineConnections=SkyConnections):
    """Nothing of its own."""


class SkyTask(MetricTask):
    """The largest sky level, with an offset."""

    ConfigClass = SkyConfig
    _DefaultName = "sky"

    def run(self, catalogs: list[Any], offsets: Any = None) -> Struct:
        sky = [catalog.get()["sky"].max() for catalog in catalogs]
        if not sky:
            raise NoWorkFound("It is dark.")
        if catalogs[0].dataId.get("visit") == 13:
            raise MetricComputationError("This visit brings no luck.")
        if catalogs[0].dataId.get("visit") == 14:
            return Struct(measurement=Measurement("mine.other", 1.0))
        if catalogs[0].dataId.get("visit") == 15:
            return Struct(measurement=None)
        value = max(sky) + (0 if offsets is None else offsets["offset"][0])
        return Struct(measurement=Measurement(self.config.metricName, value, count=len(sky)))

    def addStandardMetadata(self, measurement: Measurement, outputDataId: Any) -> None:
        super().addStandardMetadata(measurement, outputDataId)
        measurement.notes["where"] = str(outputDataId)


class PairConnections(MetricBundleConnections, defaultTemplates={"package": "mine"}):
    """As before."""

    catalogs = SkyConnections.catalogs


class PairConfig(MetricBundleConfig, pipelineConnections=PairConnections):
    """Two metrics."""

    metrics = ListField[str](doc="The metrics to measure.", default=["rows", "columns"])


class PairTask(MetricBundleTask):
    """Rows and columns."""

    ConfigClass = PairConfig
    _DefaultName = "pair"

    def prepare(self, catalogs: list[Any]) -> Any:
        if not catalogs:
            raise NoWorkFound("It is dark.")
        return catalogs[0].get()

    def measure_rows(self, table: Any) -> u.Quantity:
        return u.Quantity(len(table))

    def measure_columns(self, table: Any) -> u.Quantity:
        if len(table.colnames) > 2:
            raise MetricComputationError("There are too many.")
        return u.Quantity(len(table.colnames))


def test_a_metric_task_runs_without_a_repository() -> None:
    catalogs = [make_catalog(sky=[1.0, 2.0] * u.adu, detector=d, visit=42) for d in (1, 2)]
    offsets = make_catalog(offset=[0.5] * u.adu)
    measurement = run_metric(SkyTask, catalogs=catalogs, offsets=offsets, data_id={"visit": 42})
    assert_measured(measurement, "mine.sky", 2.5 * u.adu, count=2)
    assert measurement is not None
    assert measurement.notes["where"] == "{'visit': 42}"
    assert measurement.measured_at is not None


def test_a_single_dataset_is_listed_and_wrapped_where_the_connection_wants_it() -> None:
    measurement = run_metric(
        SkyTask, config={"connections.metric": "glow"}, catalogs=make_catalog(sky=[3.0]).get()
    )
    assert_measured(measurement, "mine.glow", 3.0)


def test_a_configured_task_is_run_as_it_is() -> None:
    config = SkyConfig()
    config.connections.metric = "glow"
    assert_measured(run_metric(SkyTask(config=config), catalogs=make_catalog(sky=[3.0])), "mine.glow", 3.0)


def test_nothing_to_measure_is_none_and_a_failure_is_raised() -> None:
    assert run_metric(SkyTask, catalogs=[]) is None
    assert run_metric(SkyTask, catalogs=make_catalog(sky=[1.0], visit=15)) is None
    with pytest.raises(MetricComputationError, match="no luck"):
        run_metric(SkyTask, catalogs=make_catalog(sky=[1.0], visit=13))
    with pytest.raises(NameMismatchError, match=r"gave a measurement of\s+mine.other"):
        run_metric(SkyTask, catalogs=make_catalog(sky=[1.0], visit=14))


def test_an_input_that_does_not_exist_is_refused() -> None:
    with pytest.raises(MeasurementTypeError, match=r"no input .catalog.\. Did you mean catalogs"):
        run_metric(SkyTask, catalog=make_catalog(sky=[1.0]))


def test_a_bundle_gives_its_measurements_by_metric() -> None:
    found = run_metrics(PairTask, catalogs=make_catalog(sky=[1.0, 2.0], mag=[1.0, 2.0]))
    assert_measured(found["rows"], "mine.rows", 2)
    assert_measured(found["columns"], "mine.columns", 2)
    assert run_metrics(PairTask, catalogs=[]) == {}
    with pytest.raises(MetricComputationError, match="too many"):
        run_metrics(PairTask, catalogs=make_catalog(a=[1], b=[1], c=[1]))
    assert run_metrics(
        PairTask, config={"skip": ["columns"]}, catalogs=make_catalog(a=[1], b=[1], c=[1])
    ).keys() == {"rows"}


def test_a_metric_in_yaml_is_measured_from_columns(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(
        "scatter: {unit: mmag, reference: {gnomon: {measure: {of: mag, unit: mag, aggregate: std}}}}"
    )
    measurement = measure_yaml(path, mag=[1.0, 3.0], visit=42)
    assert_measured(measurement, "mine.scatter", 1.41421356 * u.mag, rtol=1e-6, count=2, uncertainty=1.0)
    assert measure_yaml(path, "scatter", mag=[1.0]) is None
    with pytest.raises(MetricNotFoundError, match="Did you mean scatter"):
        measure_yaml(path, "skatter", mag=[1.0])
    metric = Metric("mine.m", measure={"aggregate": "count", "select": "visit = 42 AND mag > 2"})
    assert_measured(measure_yaml(metric, mag=[1.0, 3.0], visit=42), "mine.m", 1)


def test_a_handle_gives_the_columns_that_are_asked_for() -> None:
    for table in (pa.table({"a": [1], "b": [2]}), pd.DataFrame({"a": [1], "b": [2]})):
        handle = make_handle(table, visit=3)
        assert list(
            handle.get(parameters={"columns": ["b"]}).to_pandas()
            if isinstance(table, pa.Table)
            else handle.get(parameters={"columns": ["b"]})
        ) == ["b"]
        assert handle.dataId["visit"] == 3


def good(**changes: Any) -> Measurement:
    return Measurement("mine.m", 5.0 * u.mmag, **{"uncertainty": 0.1, "count": 7, **changes})


@pytest.mark.parametrize(
    ("measurement", "expectation", "message"),
    [
        (None, {}, "mine.m was not measured"),
        (Measurement("mine.n", 5.0 * u.mmag), {}, "mine.n was measured, not mine.m"),
        (Measurement("mine.m"), {}, "mine.m has no value"),
        (good(), {"quantity": 6 * u.mmag}, "mine.m is 5.0 mmag, not 6.0 mmag: off by -1"),
        (good(), {"quantity": 5 * u.adu}, "which is not in adu"),
        (good(), {"count": 8}, "made of 7 samples, not of 8"),
        (good(), {"uncertainty": 0.2}, "uncertainty of mine.m is 0.1 mmag, not 0.2 mmag"),
        (good(uncertainty=None), {"uncertainty": 0.2}, "has no uncertainty"),
    ],
)
def test_an_assertion_says_what_was_measured(
    measurement: Measurement | None, expectation: dict[str, Any], message: str
) -> None:
    with pytest.raises(AssertionError, match=message):
        assert_measured(measurement, "mine.m", **{"quantity": 5 * u.mmag, **expectation})


def test_an_assertion_holds_in_any_unit_and_within_its_tolerance() -> None:
    assert_measured(good(), "mine.m", 0.005 * u.mag, uncertainty=0.1 * u.mmag, count=7)
    assert_measured(good(), "mine.m", 5.1 * u.mmag, rtol=0.1)
    assert_measured(good(), "mine.m", 5.1 * u.mmag, atol=0.2)
    assert_measured(good(), "mine.m", 5.1 * u.mmag, atol=0.0002 * u.mag)
    assert_measured(Measurement("mine.m", float("nan")), "mine.m", float("nan"))


def test_it_needs_no_test_framework() -> None:
    code = "import sys, gnomon.testing; sys.exit('pytest' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_made_up_night_is_the_same_each_time_and_what_it_says_it_is() -> None:
    night, again = make_up_night(visits=20), make_up_night(visits=20)
    older, newer = (pl.DataFrame(night.measurements(run)) for run in night.runs)
    assert older.equals(pl.DataFrame(again.measurements("night/1")))
    assert night.wind.equals(again.wind)
    assert len(older) == 2 * 20 * len(night.camera)
    assert len(newer) == 2 * 19 * len(night.camera)
    assert pl.concat([older, newer])["dataset_id"].n_unique() == len(older) + len(newer)
    both = older.join(newer, on=["metric", "visit", "detector"])
    moved = both.filter((pl.col("value_right") - pl.col("value")).abs() > 0)
    assert set(moved.select("metric", "detector").rows()) == {("example.seeing", 31)}
    assert night.wind.schema["time"] == pl.Datetime("us", "UTC")
