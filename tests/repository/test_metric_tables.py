"""Tables of measurements in a repository."""

from collections.abc import Callable

import pyarrow as pa
from lsst.daf.butler import Butler, DatasetRef, DatasetType

from gnomon.measurements import Measurement
from gnomon.measurements.rows import SCHEMA
from gnomon.repository.harvest import harvest
from gnomon.repository.measurement_rows import make_table, row_of
from gnomon.repository.metric_tables import for_butler, is_metric_table, read_metric_tables
from gnomon.store import Store

KINDS = ("visit", "visit_detector", "exposure", "night", "tract", "htm", "everywhere")


def put_table(butler: Butler, table: pa.Table, run: str = "run") -> DatasetRef:
    kind = DatasetType("metrictable_demo", (), "ArrowTable", universe=butler.dimensions)
    butler.registry.registerDatasetType(kind)
    butler.collections.register(run)
    return butler.put(table, kind, run=run)


def test_rows_of_any_dimensions_come_back_as_they_were(
    butler: Butler, put: Callable[..., DatasetRef]
) -> None:
    measurement = Measurement("demo.m", 1.5, uncertainty=0.25, count=3, notes={"by": "hand"})
    measurement.measured_at = 1_000_000
    for kind in KINDS:
        put(kind=kind)
    found = [
        butler.query_datasets(f"metricvalue_demo_{kind}", collections="run", with_dimension_records=True)[0]
        for kind in KINDS
    ]
    table = make_table([row_of(ref, measurement) for ref in found])
    ref = put_table(butler, for_butler(table))
    read, unreadable = read_metric_tables(butler, [ref, ref], software=lambda run: None)
    assert unreadable == []
    assert read.schema == SCHEMA
    assert read.to_pylist() == table.to_pylist()
    begins = dict(zip(KINDS, table["obs_begin"].to_pylist(), strict=True))
    assert None not in (begins["visit"], begins["exposure"])
    assert begins["tract"] is begins["everywhere"] is None
    assert table["dimensions"].to_pylist()[KINDS.index("htm")] == [("htm7", "231819")]


def test_what_is_no_table_of_measurements_is_told(butler: Butler, store: Store) -> None:
    ref = put_table(butler, pa.table({"dimensions": ["[1"]}))
    assert is_metric_table(ref.datasetType)
    report = harvest(butler, store, collections="run")
    [unreadable] = report.unreadable
    assert "no JSON object of texts" in unreadable.reason
    assert (report.found, report.appended.added) == (0, 0)
