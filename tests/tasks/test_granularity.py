"""The granularity of a metric: that of its connections, or any that the configuration gives, or none."""

from pathlib import Path
from typing import Any

import pytest
from astropy import units as u
from lsst.pipe.base import Struct, connectionTypes

from gnomon.errors import SettingsError
from gnomon.measurements import Measurement
from gnomon.repository.configuration import enable, open_butler
from gnomon.repository.harvest import harvest
from gnomon.store import open_store
from gnomon.tasks.metric_task import MetricConnections, MetricTask, MetricTaskConfig

enable()


class StarsConnections(
    MetricConnections,
    defaultTemplates={"package": "grained", "metric": "stars"},
    dimensions=("instrument", "visit", "detector"),
):
    """Catalogs, however many a quantum has."""

    catalogs = connectionTypes.Input(
        name="star_catalog",
        doc="The stars.",
        storageClass="ArrowAstropy",
        dimensions=("instrument", "visit", "detector"),
        multiple=True,
    )


class StarsConfig(MetricTaskConfig, pipelineConnections=StarsConnections):
    """Nothing of its own."""


class StarsTask(MetricTask):
    """Counts rows."""

    ConfigClass = StarsConfig
    config: StarsConfig
    _DefaultName = "stars"

    def run(self, catalogs: list[Any]) -> Struct:
        rows = sum(len(catalog) for catalog in catalogs)
        return Struct(measurement=Measurement(self.config.metricName, u.Quantity(rows)))


class SingleConnections(
    MetricConnections,
    defaultTemplates={"package": "grained", "metric": "single"},
    dimensions=("instrument", "visit", "detector"),
):
    """One catalog."""

    catalog = connectionTypes.Input(
        name="star_catalog",
        doc="The stars.",
        storageClass="ArrowAstropy",
        dimensions=("instrument", "visit", "detector"),
    )


class SingleConfig(MetricTaskConfig, pipelineConnections=SingleConnections):
    """Nothing of its own."""


class RedeclaredConnections(
    SingleConnections,
    defaultTemplates={"package": "grained", "metric": "redeclared"},
    dimensions=("instrument", "visit", "detector"),
):
    """An output that says itself what its dimensions are."""

    measurement = connectionTypes.Output(
        name="metricvalue_{package}_{metric}",
        doc="The measurement.",
        storageClass="MetricValue",
        dimensions=("instrument", "exposure", "detector"),
    )


class RedeclaredConfig(MetricTaskConfig, pipelineConnections=RedeclaredConnections):
    """Nothing of its own."""


@pytest.mark.parametrize(
    ("dimensions", "found"),
    [
        (["instrument", "visit"], dict.fromkeys(range(1, 9), 16)),
        (["instrument", "day_obs", "physical_filter"], {20260301: 128}),
        ([], {None: 128}),
    ],
)
def test_one_task_measures_at_any_granularity(
    dimensions: list[str], found: dict[Any, int], run_pipeline: Any
) -> None:
    metric = f"stars_{len(dimensions)}"
    # Each granularity is a dataset type of its own, so a metric of its own.
    config = {"dimensions": dimensions, "connections.metric": metric}
    piped = run_pipeline({f"stars{len(dimensions)}": {"class": f"{__name__}.StarsTask", "config": config}})
    measurements = piped.measurements(f"metricvalue_grained_{metric}")
    assert {key: measurement.value for key, measurement in measurements.items()} == found


def test_a_metric_of_the_whole_repository_goes_all_the_way_into_the_store(
    run_pipeline: Any, tmp_path: Path
) -> None:
    config = {"dimensions": [], "connections.metric": "whole"}
    piped = run_pipeline({"whole": {"class": f"{__name__}.StarsTask", "config": config}})
    store = open_store(tmp_path / "store")
    with open_butler(piped.repository) as butler:
        report = harvest(butler, store, collections=piped.run)
    assert (report.found, report.appended.added, report.unreadable) == (1, 1, [])
    [row] = store.load("grained.whole", collections=piped.run).polars().iter_rows(named=True)
    assert (row["metric"], row["value"]) == ("grained.whole", 128.0)
    assert row["visit"] is row["instrument"] is row["obs_begin"] is None


def test_a_granularity_that_is_coarser_than_a_single_input_is_refused() -> None:
    config = SingleConfig()
    config.dimensions = ["instrument", "visit"]
    with pytest.raises(
        SettingsError,
        match=r"cannot have the dimensions \['instrument', 'visit'\]: the input catalog \(star_catalog\) has "
        r"\['detector'\] too, and takes a single dataset",
    ):
        config.connections.ConnectionsClass(config=config)


def test_what_a_granularity_implies_is_no_finer_than_it() -> None:
    config = SingleConfig()
    config.dimensions = ["visit", "detector"]
    connections = config.connections.ConnectionsClass(config=config)
    assert set(connections.measurement.dimensions) == set(connections.dimensions) == {"visit", "detector"}


def test_an_output_that_declares_its_own_dimensions_keeps_them_unless_configured() -> None:
    config = RedeclaredConfig()
    connections = config.connections.ConnectionsClass(config=config)
    assert set(connections.measurement.dimensions) == {"instrument", "exposure", "detector"}
    config.dimensions = ["instrument", "visit", "detector"]
    connections = config.connections.ConnectionsClass(config=config)
    assert set(connections.measurement.dimensions) == {"instrument", "visit", "detector"}
