"""Several metrics of the same inputs in one quantum: each on its own, none taking the others with it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from astropy import units as u
from lsst.pex.config import ListField
from lsst.pipe.base import NoWorkFound, QuantumContext, connectionTypes
from lsst.pipe.base.pipeline_graph import PipelineGraph

from gnomon.errors import MetricComputationError, MetricNotFoundError, NameFormatError
from gnomon.measurements import Job, Measurement
from gnomon.repository.configuration import enable
from gnomon.repository.harvest import harvest
from gnomon.store import open_store
from gnomon.tasks.bundle_task import MetricBundleConfig, MetricBundleConnections, MetricBundleTask

enable()


class RowsConnections(
    MetricBundleConnections, defaultTemplates={"package": "rows"}, dimensions=("instrument", "day_obs")
):
    """The catalogs of a day."""

    catalogs = connectionTypes.Input(
        name="star_catalog",
        doc="The stars of a day.",
        storageClass="ArrowAstropy",
        dimensions=("instrument", "visit", "detector"),
        multiple=True,
    )


class RowsConfig(MetricBundleConfig, pipelineConnections=RowsConnections):
    """All endings by default."""

    metrics = ListField[str](
        doc="The metrics to measure.", default=["count", "mean", "absent", "dark", "failing"]
    )


class RowsTask(MetricBundleTask):
    """Measures catalogs in every way that a metric can end."""

    ConfigClass = RowsConfig
    _DefaultName = "rows"

    def prepare(self, catalogs: list[Any]) -> list[int]:
        return [len(catalog) for catalog in catalogs]

    def measure_count(self, lengths: list[int]) -> u.Quantity:
        return u.Quantity(len(lengths))

    def measure_mean(self, lengths: list[int]) -> Measurement:
        return Measurement("rows.mean", u.Quantity(sum(lengths) / len(lengths)), count=len(lengths))

    def measure_absent(self, lengths: list[int]) -> None:
        return None

    def measure_dark(self, lengths: list[int]) -> u.Quantity:
        raise NoWorkFound("dark")

    def measure_failing(self, lengths: list[int]) -> u.Quantity:
        raise MetricComputationError("It is not meant to be.")


class UnpreparedConfig(MetricBundleConfig, pipelineConnections=RowsConnections):
    """One metric."""

    metrics = ListField[str](doc="The metrics to measure.", default=["count"])


class UnpreparedTask(MetricBundleTask):
    """Cannot even begin."""

    ConfigClass = UnpreparedConfig
    _DefaultName = "unprepared"

    def prepare(self, catalogs: list[Any]) -> None:
        raise MetricComputationError("The catalogs are in disorder.")

    def measure_count(self, prepared: None) -> u.Quantity:
        raise AssertionError("nothing was prepared")


class BrokenConfig(MetricBundleConfig, pipelineConnections=RowsConnections):
    """A sound metric and a broken one."""

    metrics = ListField[str](doc="The metrics to measure.", default=["broken", "count"])


class BrokenTask(MetricBundleTask):
    """Has a method with a defect."""

    ConfigClass = BrokenConfig
    _DefaultName = "broken"

    def prepare(self, catalogs: list[Any]) -> list[Any]:
        return catalogs

    def measure_count(self, catalogs: list[Any]) -> u.Quantity:
        return u.Quantity(len(catalogs))

    def measure_broken(self, catalogs: list[Any]) -> u.Quantity:
        return u.Quantity(len(catalogs) / 0)


DAY = {"instrument": "DemoCamera", "day_obs": 20260301}


def test_a_failure_is_counted_and_keeps_the_other_metrics(
    run_task: Callable[..., Any], caplog: pytest.LogCaptureFixture
) -> None:
    ran = run_task(RowsTask)
    written = {
        metric: ran.written(f"metricvalue_rows_{metric}")
        for metric in ("count", "mean", "absent", "dark", "failing")
    }
    assert written == {"count": [DAY], "mean": [DAY], "absent": [], "dark": [], "failing": []}
    assert ran.get("metricvalue_rows_count", **DAY).quantity == 8
    assert ran.get("metricvalue_rows_mean", **DAY).count == 8
    assert ran.get("metricvalue_rows_mean", **DAY).measured_at is not None
    assert ran.metadata(**DAY).getArray("failedMetrics") == ["failing"]
    assert "failing could not be computed: It is not meant to be." in caplog.text


def test_a_failure_fails_the_quantum_if_the_configuration_says_so(run_task: Callable[..., Any]) -> None:
    with pytest.raises(MetricComputationError, match="not meant to be"):
        run_task(RowsTask, failQuantum=True)


def test_inputs_that_cannot_be_prepared_fail_every_metric_and_nothing_else(
    run_task: Callable[..., Any],
) -> None:
    ran = run_task(UnpreparedTask)
    assert ran.written("metricvalue_rows_count") == []
    assert ran.metadata(**DAY).getArray("failedMetrics") == ["count"]


def test_a_metric_that_is_switched_off_has_no_output() -> None:
    config = RowsConfig()
    config.metrics = ["mean"]
    connections = config.connections.ConnectionsClass(config=config)
    assert set(connections.outputs) == {"mean"}
    assert connections.mean.name == "metricvalue_rows_mean"


def test_the_outputs_have_the_dimensions_of_the_connections_class() -> None:
    connections = RowsConfig().connections.ConnectionsClass(config=RowsConfig())
    assert {frozenset(getattr(connections, name).dimensions) for name in connections.outputs} == {
        frozenset({"instrument", "day_obs"})
    }


def test_the_package_can_be_changed() -> None:
    config = RowsConfig()
    config.connections.package = "lines"
    connections = config.connections.ConnectionsClass(config=config)
    assert connections.mean.name == "metricvalue_lines_mean"


def test_a_metric_that_nobody_measures_is_refused_before_a_graph_is_made() -> None:
    config = RowsConfig()
    config.metrics = ["count", "maen"]
    with pytest.raises(MetricNotFoundError, match=r"Nobody measures 'maen' here\. Did you mean mean\?"):
        config.validate()
    with pytest.raises(ValueError, match="validation failed for task 'rows'"):
        PipelineGraph().add_task("rows", RowsTask, config)


def test_a_package_that_is_no_name_is_refused() -> None:
    config = RowsConfig()
    config.connections.package = ""
    with pytest.raises(NameFormatError):
        config.validate()


def test_a_task_without_a_prepare_method_says_what_to_override() -> None:
    class BareTask(MetricBundleTask):
        ConfigClass = UnpreparedConfig
        _DefaultName = "bare"

    with pytest.raises(
        NotImplementedError, match="BareTask does not say what to measure: override `prepare`"
    ):
        BareTask(config=UnpreparedConfig()).run()


def test_measurements_are_written_together_where_the_configuration_says_so(
    run_task: Callable[..., Any],
) -> None:
    ran = run_task(RowsTask, storage="bundle")
    assert ran.written("metricbundle_rows_metrics") == [DAY]
    bundle = ran.get("metricbundle_rows_metrics", **DAY)
    assert isinstance(bundle, Job)
    assert {str(name): one.value for name, one in bundle.measurements.items()} == {
        "rows.count": 8,
        "rows.mean": bundle.measurements["rows.mean"].value,
    }
    assert bundle.measurements["rows.mean"].count == 8
    assert bundle.measurements["rows.mean"].measured_at is not None
    assert ran.metadata(**DAY).getArray("failedMetrics") == ["failing"]


def test_where_nothing_could_be_measured_no_bundle_is_written(run_task: Callable[..., Any]) -> None:
    ran = run_task(UnpreparedTask, storage="bundle")
    assert ran.written("metricbundle_rows_metrics") == []


def test_bundles_of_one_package_are_told_apart_by_a_template() -> None:
    config = RowsConfig()
    config.storage = "bundle"
    config.connections.bundle = "sizes"
    connections = config.connections.ConnectionsClass(config=config)
    assert [getattr(connections, name).name for name in connections.outputs] == ["metricbundle_rows_sizes"]


def test_the_measurements_of_a_bundle_are_harvested_each_on_its_own(
    run_task: Callable[..., Any], tmp_path: Path
) -> None:
    ran = run_task(RowsTask, storage="bundle")
    store = open_store(str(tmp_path / "store"))
    report = harvest(ran.butler, store, collections=ran.run)
    assert (report.unreadable, report.appended.added) == ([], 2)
    rows = store.load(["rows.*"], collections=ran.run).polars().sort("metric")
    assert rows["metric"].to_list() == ["rows.count", "rows.mean"]
    assert rows["value"][0] == 8
    assert rows["count"].to_list() == [None, 8]
    assert rows["dataset_type"].unique().to_list() == ["metricbundle_rows_metrics"]
    assert rows["day_obs"].to_list() == [DAY["day_obs"]] * 2
    assert harvest(ran.butler, store, collections=ran.run).appended.added == 0


@pytest.mark.parametrize("storage", ["single", "bundle"])
def test_a_defect_of_one_metric_fails_the_quantum_after_the_others_are_written(
    run_task: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, storage: str
) -> None:
    written: list[Any] = []
    put = QuantumContext.put

    def spy(self: QuantumContext, values: Any, dataset: Any) -> None:
        written.append(values)
        put(self, values, dataset)

    monkeypatch.setattr(QuantumContext, "put", spy)
    with pytest.raises(ZeroDivisionError):
        run_task(BrokenTask, storage=storage)
    (found,) = written
    measurement = found.measurements["rows.count"] if storage == "bundle" else found
    assert measurement.value == 8
