"""Two runs compared."""

import datetime
import math
from typing import Any

import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gnomon.errors import MeasurementError
from gnomon.judgement import compare
from gnomon.measurements import rows

NAN = float("nan")


def record(visit: int | None, value: float | None, unit: str = "mmag", **more: Any) -> dict[str, Any]:
    return {
        "dataset_id": b"0" * 16,
        "metric": "demo.scatter",
        "value": value,
        "unit": unit,
        "run": "run",
        "dataset_type": "metricvalue",
        "instrument": "I",
        "visit": visit,
        **more,
    }


def table(*records: dict[str, Any]) -> pa.Table:
    return rows.from_records(records)


def summary(a: pa.Table, b: pa.Table) -> dict[str, Any]:
    return compare(a, b).summary().row(0, named=True)


def test_values_on_the_same_data_id_are_paired_and_their_difference_is_b_less_a() -> None:
    found = compare(
        table(record(1, 10.0), record(2, -4.0), record(3, 0.0)),
        table(record(3, 1.0), record(2, -3.0), record(1, 10.0)),
    ).matched
    assert list(
        found.select("visit", "value_a", "value_b", "difference", "relative", "changed").iter_rows()
    ) == [(1, 10, 10, 0, 0, False), (2, -4, -3, 1, 0.25, True), (3, 0, 1, 1, None, True)]


def test_implied_dimensions_do_not_keep_a_pair_apart() -> None:
    a = table(record(1, 10.0, band="g", day_obs=20250101, physical_filter="g_1"))
    b = table(record(1, 11.0))
    assert len(compare(a, b).matched) == 1
    per_band = table(record(None, 1.0, band="g")), table(record(None, 1.0, band="r"))
    assert compare(*per_band).matched.is_empty()


def test_other_dimensions_are_part_of_the_data_id() -> None:
    a = table(record(1, 1.0, dimensions={"healpix9": "5", "htm7": "1"}), record(1, 2.0))
    b = table(
        record(1, 1.0, dimensions={"htm7": "1", "healpix9": "5"}),
        record(1, 1.0, dimensions={"healpix9": "6"}),
    )
    found = compare(a, b)
    assert found.matched["difference"].to_list() == [0]
    assert (len(found.only_in_a), len(found.only_in_b)) == (1, 1)


def test_what_has_no_partner_is_given_with_its_side() -> None:
    found = compare(table(record(1, 1.0), record(2, 2.0)), table(record(2, 2.0), record(3, 3.0)))
    assert found.only_in_a.select("visit", "value").rows() == [(1, 1)]
    assert found.only_in_b.select("visit", "value").rows() == [(3, 3)]
    lonely = compare(table(record(1, 1.0)), table())
    assert lonely.summary().row(0, named=True)["only_in_a"] == 1


@pytest.mark.parametrize(
    ("a", "b", "changed"),
    [
        (NAN, NAN, False),
        (None, None, False),
        (math.inf, math.inf, False),
        (NAN, 1.0, True),
        (None, 1.0, True),
        (None, NAN, True),
        (math.inf, -math.inf, True),
    ],
)
def test_values_without_a_difference_still_change_or_do_not(
    a: float | None, b: float | None, changed: bool
) -> None:
    found = compare(table(record(1, a)), table(record(1, b))).matched.row(0, named=True)
    assert (found["changed"], found["difference"], found["relative"]) == (changed, None, None)


def test_units_are_converted_into_those_of_a_and_conflicts_reported() -> None:
    found = compare(
        table(record(1, 10.0), record(2, 1.0, "s"), record(3, 5.0), record(4, None)),
        table(record(1, 0.5, "mag"), record(2, 1.0, "m"), record(3, 0.25, "mag"), record(4, None, "mag")),
    )
    assert found.matched["value_b"].to_list() == [500, 1, 250, None]
    assert found.matched["difference"].to_list() == [490, None, 245, None]
    assert found.matched["changed"].to_list() == [True, True, True, False]
    assert found.unit_conflicts.rows() == [("demo.scatter", "s", "m", 1)]


def test_the_summary_of_a_metric_holds_its_numbers() -> None:
    a = table(*(record(visit, 1.0) for visit in range(5)))
    b = table(*(record(visit, 1.0 + change) for visit, change in enumerate([0.0, 0.0, 0.5, -2.0, NAN])))
    assert summary(a, b) == {
        "metric": "demo.scatter",
        "unit": "mmag",
        "matched": 5,
        "changed": 3,
        "only_in_a": 0,
        "only_in_b": 0,
        "median_difference": 0.0,
        "median_abs_difference": 0.25,
        "max_abs_difference": 2.0,
        "max_sigmas": None,
    }


def test_the_worst_movers_come_first_and_the_unmoved_not_at_all() -> None:
    a = table(*(record(visit, 1.0) for visit in range(4)))
    b = table(record(0, 1.0), record(1, 2.0), record(2, -9.0), record(3, NAN))
    found = compare(a, b)
    assert found.movers()["visit"].to_list() == [2, 1, 3]
    assert found.movers(1, metric="demo.scatter")["visit"].to_list() == [2]
    assert found.movers(metric="demo.nothing").is_empty()


def test_a_repeated_data_id_counts_with_its_newest_value() -> None:
    early, late = datetime.datetime(2025, 1, 1), datetime.datetime(2025, 1, 2)
    a = table(record(1, 2.0, measured_at=late), record(1, 1.0, measured_at=early), record(1, 0.0))
    found = compare(a, table(record(1, 2.0)))
    assert found.matched["value_a"].to_list() == [2]
    assert (found.repeated_a, found.repeated_b) == (2, 0)


def test_a_tolerance_is_relative_to_a() -> None:
    a, b = table(record(1, 100.0), record(2, 0.0)), table(record(1, 101.0), record(2, 0.1))
    assert compare(a, b, rtol=0.01).matched["changed"].to_list() == [False, True]
    with pytest.raises(MeasurementError, match="0 or more"):
        compare(a, b, rtol=-1)


def test_a_difference_is_held_against_the_uncertainties_of_both() -> None:
    found = compare(
        table(
            record(1, 10.0, uncertainty=3.0), record(2, 1.0, uncertainty=1.0), record(3, 1.0, uncertainty=0.0)
        ),
        table(record(1, 0.02, "mag", uncertainty=0.004), record(2, 2.0), record(3, 2.0, uncertainty=0.0)),
    )
    matched = found.matched.sort("visit")
    assert matched["uncertainty_a"].to_list() == [3.0, 1.0, 0.0]
    assert matched["uncertainty_b"].to_list() == pytest.approx([4.0, None, 0.0])
    assert matched["sigmas"].to_list() == pytest.approx([2.0, None, None])
    assert found.summary()["max_sigmas"].to_list() == pytest.approx([2.0])
    assert found.only_in_a.columns == found.only_in_b.columns


def test_an_uncertainty_goes_into_a_logarithmic_unit_to_first_order() -> None:
    found = compare(
        table(record(1, 22.5, "mag(AB)", uncertainty=0.01)),
        table(record(1, 3.63078e-6, "Jy", uncertainty=3.63078e-8)),
    ).matched
    assert found["difference"].to_list() == pytest.approx([0.0], abs=1e-4)
    assert found["uncertainty_b"].to_list() == pytest.approx([2.5 / math.log(10) * 0.01], rel=1e-3)


def test_the_worst_movers_are_found_by_any_measure() -> None:
    a = table(
        *(record(v, value, uncertainty=u) for v, value, u in [(1, 100.0, 1.0), (2, 1.0, 9.0), (3, 5.0, 0.1)])
    )
    b = table(*(record(v, value, uncertainty=0.0) for v, value in [(1, 110.0), (2, 3.0), (3, 6.0)]))
    found = compare(a, b)
    assert found.movers(1)["visit"].to_list() == [1]
    assert found.movers(1, by="relative")["visit"].to_list() == [2]
    assert found.movers(by="sigmas")["visit"].to_list() == [1, 3, 2]
    with pytest.raises(MeasurementError, match=r"Did you mean sigmas\?"):
        found.movers(by="sigma")


@pytest.mark.parametrize(("first", "second"), [(0, 2**61), (-(2**62), 2**62), (2026030100001, 2026030100002)])
def test_data_ids_with_any_numbers_find_their_partners(first: int, second: int) -> None:
    a = table(
        *(
            record(visit, 1.0, metric=metric, detector=visit, exposure=visit)
            for visit in (first, second)
            for metric in ("p.m1", "p.m2")
        ),
        record(None, 1.0, metric="p.m1", tract=first, skymap="s"),
    )
    assert compare(a, a).identical
    assert len(compare(a, a).matched) == 5
    found = compare(a, table(record(second, 2.0, metric="p.m2", detector=second, exposure=second)))
    assert found.matched.select("metric", "visit", "difference").rows() == [("p.m2", second, 1.0)]
    assert len(found.only_in_a) == 4


numbers = st.none() | st.floats()
runs = st.dictionaries(st.tuples(st.integers(0, 3), st.sampled_from(["p.a", "p.b"])), numbers, max_size=6)


@given(runs, runs)
@settings(max_examples=40, deadline=None)
def test_comparing_the_other_way_round_turns_every_difference_round(
    first: dict[tuple[int, str], float | None], second: dict[tuple[int, str], float | None]
) -> None:
    a, b = (
        table(*(record(visit, value, metric=metric) for (visit, metric), value in run.items()))
        for run in (first, second)
    )
    there, back = compare(a, b), compare(b, a)
    assert len(there.matched) == len(first.keys() & second.keys())
    assert len(there.only_in_a) == len(first.keys() - second.keys()) == len(back.only_in_b)
    order = ["metric", "visit"]
    forth = there.matched.sort(order).select(*order, "changed", "difference")
    turned = back.matched.sort(order).select(*order, "changed", -pl.col("difference"))
    assert forth.equals(turned)
    order = ["metric", "visit", "value"]
    assert there.only_in_a.sort(order).equals(back.only_in_b.sort(order))
    assert compare(a, a).identical
    assert there.identical == back.identical


@given(runs, runs, st.integers(0, 2**32 - 1))
@settings(max_examples=40)
def test_the_order_of_the_rows_of_either_side_is_irrelevant(
    first: dict[tuple[int, str], float | None], second: dict[tuple[int, str], float | None], seed: int
) -> None:
    a, b = (
        pl.DataFrame(table(*(record(visit, value, metric=metric) for (visit, metric), value in run.items())))
        for run in (first, second)
    )
    mixed = [frame.sample(fraction=1, shuffle=True, seed=seed) for frame in (a, b)]
    one, other = compare(a, b), compare(*mixed)
    order = ["metric", "visit"]
    for name in ("matched", "only_in_a", "only_in_b"):
        assert getattr(one, name).sort(order).equals(getattr(other, name).sort(order))


def test_a_comparison_shows_its_summary_its_movers_and_what_has_no_partner() -> None:
    a = table(record(1, 1.0), record(2, 2.0), record(3, 3.0), record(3, 0.0))
    found = compare(a, table(record(1, 1.0), record(2, 2.5), record(4, 4.0)))
    text = repr(found)
    assert text.startswith(
        "<Comparison of a with b: 2 pairs, 1 changed, 1 only in a, 1 only in b, 1 older rows"
    )
    assert "demo.scatter" in text
    page = found._repr_html_()
    for part in ("By metric", "Moved most", "Only in a", "Only in b", "0.5"):
        assert part in page
    assert "Units" not in page
    assert "Units that do not convert" in compare(a, table(record(1, 1.0, "s")))._repr_html_()
    nothing = compare(table(), table())
    assert repr(nothing) == "<Comparison of a with b: 0 pairs, 0 changed, 0 only in a, 0 only in b>"
    assert "0 pairs" in nothing._repr_html_()
