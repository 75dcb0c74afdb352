"""Tables of measurements in a repository."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
from lsst.daf.butler import Butler, DatasetRef, DatasetType

from gnomon.measurements import Measurement
from gnomon.measurements.rows import SCHEMA, conform
from gnomon.repository.file_places import Place
from gnomon.repository.harvest import harvest
from gnomon.repository.measurement_rows import make_table, row_of
from gnomon.repository.metric_tables import (
    datasets_in,
    for_butler,
    is_metric_table,
    opened,
    rows_in,
)
from gnomon.store import Store, open_store

KINDS = ("visit", "visit_detector", "exposure", "night", "tract", "htm", "everywhere")


def put_table(butler: Butler, table: pa.Table, run: str = "run") -> DatasetRef:
    kind = DatasetType("metrictable_demo", (), "ArrowTable", universe=butler.dimensions)
    butler.registry.registerDatasetType(kind)
    butler.collections.register(run)
    return butler.put(table, kind, run=run)


def test_rows_of_any_dimensions_come_back_as_they_were(
    butler: Butler, put: Callable[..., DatasetRef], store: Store
) -> None:
    measurement = Measurement("demo.m", 1.5, uncertainty=0.25, count=3, notes={"by": "hand"})
    measurement.measured_at = 1_000_000
    for kind in KINDS:
        put(measurement, kind=kind)
    found = [
        butler.query_datasets(f"metricvalue_demo_{kind}", collections="run", with_dimension_records=True)[0]
        for kind in KINDS
    ]
    table = make_table([row_of(ref, measurement) for ref in found])
    twice = pa.concat_tables([table, table])
    ref = put_table(butler, for_butler(twice))
    assert is_metric_table(ref.datasetType)
    with opened(Place(butler.getURI(ref).ospath)) as file:
        inside = datasets_in(file)
        rows = rows_in(file, inside["dataset_id"])
    assert len(inside) == len(KINDS)
    assert conform(rows.to_arrow()).to_pylist() == table.to_pylist()
    begins = dict(zip(KINDS, table["obs_begin"].to_pylist(), strict=True))
    assert None not in (begins["visit"], begins["exposure"])
    assert begins["tract"] is begins["everywhere"] is None
    assert table["dimensions"].to_pylist()[KINDS.index("htm")] == [("htm7", "231819")]
    # What was collated is what was measured.
    harvest(butler, store, collections="run")
    assert rows_by_id(store.load().arrow()) == rows_by_id(table)


def rows_by_id(table: pa.Table) -> list[Any]:
    return sorted(table.select(SCHEMA.names).to_pylist(), key=lambda row: row["dataset_id"])


def test_a_table_without_times_of_measuring_gets_them_as_single_measurements_do(
    butler: Butler, put: Callable[..., DatasetRef], store: Store, tmp_path: Path
) -> None:
    for kind in KINDS:
        put(kind=kind)
    harvest(butler, store, collections="run")
    one_by_one = rows_by_id(store.load().arrow())
    assert {row["extras"] for row in one_by_one} == {'{"measured_at": "the registry\'s ingest date"}'}
    found = [
        butler.query_datasets(f"metricvalue_demo_{kind}", collections="run", with_dimension_records=True)[0]
        for kind in KINDS
    ]
    put_table(butler, for_butler(make_table([row_of(ref, butler.get(ref)) for ref in found])), run="tables")
    other = open_store(tmp_path / "other")
    report = harvest(butler, other, collections="tables")
    assert (report.found, report.measurements) == (len(KINDS), len(KINDS))
    assert rows_by_id(other.load().arrow()) == one_by_one


def test_a_table_outlives_the_run_of_its_measurements(
    butler: Butler, put: Callable[..., DatasetRef], store: Store
) -> None:
    put(run="gone")
    [ref] = butler.query_datasets("metricvalue_demo_visit", collections="gone", with_dimension_records=True)
    put_table(butler, for_butler(make_table([row_of(ref, butler.get(ref))])), run="tables")
    butler.removeRuns(["gone"])
    report = harvest(butler, store, collections="tables")
    assert (report.found, report.measurements, report.unreadable) == (1, 1, [])
    assert harvest(butler, store, collections="tables", prune=True).pruned == 0


def test_what_is_no_table_of_measurements_is_told(butler: Butler, store: Store) -> None:
    kinds = [
        (pa.table({"colour": ["red"]}), "no column 'colour'"),
        (pa.table({"metric": ["a.b"]}), "'dataset_id' of a stored measurement is missing"),
    ]
    for table, reason in kinds:
        ref = put_table(butler, table)
        report = harvest(butler, store, collections="run")
        [unreadable] = report.unreadable
        assert reason in unreadable.reason
        assert (report.found, report.measurements, report.not_read) == (0, 0, 1)
        butler.pruneDatasets([ref], disassociate=True, unstore=True, purge=True)
    ref = put_table(butler, pa.table({"metric": ["a.b"]}))
    Path(butler.getURI(ref).ospath).write_text("nothing")
    [unreadable] = harvest(butler, store, collections="run").unreadable
    assert "not a Parquet file" in unreadable.reason


def test_rows_that_are_no_measurements_are_told(
    butler: Butler, put: Callable[..., DatasetRef], store: Store
) -> None:
    put()
    [ref] = butler.query_datasets("metricvalue_demo_visit", collections="run", with_dimension_records=True)
    table = for_butler(make_table([row_of(ref, butler.get(ref))]))
    place = table.schema.get_field_index("dimensions")
    put_table(butler, table.set_column(place, "dimensions", pa.array(["[1"])))
    report = harvest(butler, store, collections="run")
    [unreadable] = report.unreadable
    assert "no JSON object of texts" in unreadable.reason
