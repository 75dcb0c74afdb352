"""Many measurements in one table, and the way back into the store."""

from pathlib import Path
from typing import Any

import pytest
from lsst.daf.butler import Butler

from gnomon.errors import MetricNotFoundError, SettingsError
from gnomon.measurements.rows import SCHEMA
from gnomon.repository import collated
from gnomon.repository.configuration import enable, open_butler
from gnomon.repository.harvest import harvest
from gnomon.store import open_store
from gnomon.tasks.collate_metrics import CollateMetricsConfig

enable()

METRICS = """
bright: {unit: mmag, reference: {gnomon: {dimensions: [instrument, visit], measure:
  {of: mag_err, select: mag_err < 0.01, aggregate: mean, group_by: [star_id]}}}}
dark: {unit: mag, reference: {gnomon: {dimensions: [instrument, visit], measure:
  {of: mag, select: mag > 1000, aggregate: mean}}}}
stars: {unit: '', reference: {gnomon: {dimensions: [instrument, visit], measure: {aggregate: count}}}}
undimensioned: {unit: s}
"""


@pytest.fixture
def definitions(tmp_path: Path) -> str:
    """A definition package."""
    (tmp_path / "definitions" / "metrics").mkdir(parents=True)
    (tmp_path / "definitions" / "metrics" / "collated.yaml").write_text(METRICS)
    return str(tmp_path / "definitions")


def pipeline(definitions: str, **collate: Any) -> dict[str, Any]:
    return {
        "measure": {
            "class": "gnomon.tasks.catalog_metrics.CatalogMetricTask",
            "config": {
                "connections.package": "collated",
                "connections.catalog": "star_catalog",
                "definitions": definitions,
            },
        },
        "collate": {
            "class": "gnomon.tasks.collate_metrics.CollateMetricsTask",
            "config": {"connections.package": "collated", "definitions": definitions, **collate},
        },
    }


def rows(butler: Butler, folder: Path, run: str) -> list[dict[str, Any]]:
    store = open_store(str(folder))
    report = harvest(butler, store, collections=run)
    assert report.unreadable == []
    table = store.load(None, collections=run).arrow()
    return sorted(table.to_pylist(), key=lambda row: (row["metric"], row["visit"]))


def test_the_rows_of_a_table_are_those_that_its_measurements_would_be(
    definitions: str, run_pipeline: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    piped = run_pipeline(pipeline(definitions))
    assert piped.status == 0, piped.output
    assert piped.counts("collate") == {"successful": 1}
    with open_butler(piped.repository, collections=piped.run) as butler:
        [ref] = butler.query_datasets("metrictable_collated")
        table = butler.get(ref)
        assert table.schema.names == SCHEMA.names
        assert len(table) == 16
        from_table = rows(butler, tmp_path / "from_table", piped.run)
        monkeypatch.setattr(collated, "is_metric_table", lambda kind: False)
        one_by_one = rows(butler, tmp_path / "one_by_one", piped.run)
    assert len(one_by_one) == 16
    for row in [*from_table, *one_by_one]:
        row.pop("recorded_at", None)
    assert from_table == one_by_one
    assert one_by_one[0]["obs_begin"] is not None
    assert one_by_one[0]["software"] is not None


def test_a_harvest_takes_each_measurement_once_and_keeps_those_that_only_the_table_has(
    definitions: str, run_pipeline: Any, tmp_path: Path
) -> None:
    piped = run_pipeline(pipeline(definitions))
    store = open_store(str(tmp_path / "store"))
    with open_butler(piped.repository, writeable=True) as butler:
        first = harvest(butler, store, collections=piped.run)
        assert (first.found, first.known, first.appended.added) == (16, 0, 16)
        again = harvest(butler, store, collections=piped.run, prune=True)
        assert (again.found, again.known, again.appended.added, again.pruned) == (16, 16, 0, 0)
        singles = butler.query_datasets("metricvalue_collated_stars", collections=piped.run)
        butler.pruneDatasets(singles, disassociate=True, unstore=True, purge=True)
        after = harvest(butler, store, collections=piped.run, prune=True)
        assert (after.found, after.known, after.pruned) == (16, 16, 0)


def test_a_table_that_is_none_of_measurements_is_told_and_stops_nothing(
    definitions: str, run_pipeline: Any, tmp_path: Path
) -> None:
    import pyarrow as pa

    piped = run_pipeline(pipeline(definitions))
    with open_butler(piped.repository, run=piped.run) as butler:
        [ref] = butler.query_datasets("metrictable_collated")
        butler.pruneDatasets([ref], disassociate=True, unstore=True, purge=True)
        butler.put(pa.table({"colour": ["red"]}), "metrictable_collated", instrument="DemoCamera")
        report = harvest(butler, open_store(str(tmp_path / "store")), collections=piped.run)
    assert report.appended.added == 16
    [unreadable] = report.unreadable
    assert "has no column 'colour'" in unreadable.reason


@pytest.mark.long
def test_measurements_that_were_made_before_are_collated_too(definitions: str, run_pipeline: Any) -> None:
    before = run_pipeline({"measure": pipeline(definitions)["measure"]})
    task = pipeline(definitions, dimensions=["instrument", "day_obs"])["collate"]
    task["config"]["connections.table"] = "metrictable_collated_night"
    piped = run_pipeline({"collate": task}, inputs=before.run)
    assert piped.status == 0, piped.output
    with piped.butler() as butler:
        [ref] = butler.query_datasets("metrictable_collated_night")
        assert ref.dataId["day_obs"] == 20260301
        table = butler.get(ref)
    assert set(table["run"].to_pylist()) == {before.run}
    assert len(table) == 16


@pytest.mark.parametrize(
    ("config", "error", "message"),
    [
        ({}, SettingsError, "Set 'metrics' to those to collate"),
        ({"metrics": ["star"], "definitions": None}, MetricNotFoundError, "Did you mean stars"),
    ],
)
def test_a_configuration_that_collates_nothing_is_refused(
    definitions: str, config: dict[str, Any], error: type[Exception], message: str
) -> None:
    made = CollateMetricsConfig()
    made.connections.package = "collated"
    made.update(**{name: definitions if value is None else value for name, value in config.items()})
    with pytest.raises(error, match=message):
        made.validate()


def test_metrics_without_a_definition_have_the_dimensions_of_the_configuration(definitions: str) -> None:
    made = CollateMetricsConfig()
    made.connections.package = "collated"
    made.metrics = ["a"]
    assert made.collated() == {"a": ("instrument", "visit", "detector")}
    made.definitions, made.metrics = definitions, ["undimensioned", "stars"]
    assert made.collated() == {
        "undimensioned": ("instrument", "visit", "detector"),
        "stars": ("instrument", "visit"),
    }
