"""Two runs, or two versions of the software, compared straight from the store."""

from pathlib import Path
from typing import Any

import pytest

from gnomon.errors import (
    CollectionNotFoundError,
    ExpressionError,
    GnomonError,
    MeasurementError,
    MeasurementNotFoundError,
    MetricNotFoundError,
)
from gnomon.judgement import compare_runs
from gnomon.measurements.rows import from_records
from gnomon.store import Chain, Store, open_store


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """Two runs of two metrics over four visits; the newer lacks visit 4 and has moved at visit 2."""
    store = open_store(tmp_path_factory.mktemp("runs") / "store")
    rows = [
        {
            "dataset_id": bytes([number, visit, metric == "demo.seeing"]) + bytes(13),
            "metric": metric,
            "value": 1.0 + visit + (0.5 if run == "new" and visit == 2 and metric == "demo.seeing" else 0.0),
            "unit": "arcsec",
            "uncertainty": 0.1,
            "run": run,
            "dataset_type": "metricvalue_" + metric.replace(".", "_"),
            "instrument": "Cam",
            "visit": visit,
            "software": software,
            "measured_at": number,
        }
        for number, (run, software) in enumerate([("old", "w_2025_01"), ("new", "w_2025_02")])
        for visit in (1, 2, 3, 4)
        for metric in ("demo.seeing", "demo.sky")
        if not (run == "new" and visit == 4)
    ]
    store.append(from_records(rows), source="test")
    store.define_chain(Chain("latest", ("new", "old")))
    return store


def test_runs_are_paired_by_metric_and_data_id(store: Store) -> None:
    found = compare_runs(store, "old", "new")
    assert (found.a, found.b) == ("old", "new")
    assert (len(found.matched), len(found.only_in_a), len(found.only_in_b)) == (6, 2, 0)
    assert found.movers().select("metric", "visit", "difference").rows() == [("demo.seeing", 2, 0.5)]
    assert found.movers()["sigmas"].to_list() == pytest.approx([0.5 / (0.1 * 2**0.5)])
    assert not found.identical


def test_a_side_can_be_a_chain_or_several_collections(store: Store) -> None:
    chained = compare_runs(store, "old", "latest")
    assert len(chained.only_in_a) == 0
    assert chained.movers()["visit"].to_list() == [2]
    listed = compare_runs(store, "old", ["new", "old"])
    assert listed.b == "new, old"
    assert listed.matched.equals(chained.matched)
    assert compare_runs(store, "latest", ["new", "old"]).identical


def test_versions_of_the_software_are_compared_whatever_the_runs(store: Store) -> None:
    by_run = compare_runs(store, "old", "new")
    by_software = compare_runs(store, "w_2025_01", "*_02", by="software")
    assert by_software.matched.equals(by_run.matched)
    within = compare_runs(store, "w_2025_01", "w_2025_02", by="software", collections=["old", "new"])
    assert len(within.matched) == 0  # of each data ID, only the first collection's
    assert len(within.only_in_a) == 8


def test_conditions_hold_for_both_sides(store: Store) -> None:
    asked: dict[str, Any] = {"metrics": "demo.se*", "where": "visit < :last", "bind": {"last": 4}}
    found = compare_runs(store, "old", "new", **asked)
    assert found.summary()["metric"].to_list() == ["demo.seeing"]
    assert (len(found.matched), len(found.only_in_a)) == (3, 0)
    assert compare_runs(store, "old", "new", rtol=1.0, **asked).identical
    assert len(compare_runs(store, "old", "new", dataset_type="*_sky").matched) == 3
    nothing = compare_runs(store, "w_2025_01", "w_2025_02", by="software", where="visit > 9")
    assert nothing.identical


@pytest.mark.parametrize(
    ("sides", "asked", "error", "message"),
    [
        (("old", "nw"), {}, CollectionNotFoundError, r"Did you mean new\?"),
        (("old", ""), {}, MeasurementError, "has no name"),
        (("old", "new"), {"by": "softwre"}, MeasurementError, r"Did you mean software\?"),
        (("old", "new"), {"collections": "old"}, MeasurementError, "goes with by='software'"),
        (("w_2025_01", "w_2025_03"), {"by": "software"}, MeasurementNotFoundError, r"Did you mean w_2025_0"),
        (("old", "new"), {"metrics": "demo.seing"}, MetricNotFoundError, r"Did you mean demo\.seeing\?"),
        (("old", "new"), {"where": "vist > 1"}, ExpressionError, r"Did you mean visit\?"),
        (("old", "new"), {"rtol": -1.0}, MeasurementError, "0 or more"),
    ],
)
def test_what_is_not_there_is_refused_with_the_nearest(
    store: Store, sides: tuple[str, str], asked: dict[str, Any], error: type[GnomonError], message: str
) -> None:
    with pytest.raises(error, match=message):
        compare_runs(store, *sides, **asked)


def test_a_store_without_anything_knows_no_version(tmp_path: Path) -> None:
    with pytest.raises(MeasurementNotFoundError, match="computed by 'w_1'"):
        compare_runs(open_store(tmp_path / "store"), "w_1", "w_2", by="software")
