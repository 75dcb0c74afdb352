"""Measuring a catalog by a recipe: selection, aggregation, units, groups, sources."""

import json
from typing import Any

import numpy as np
import pytest
from astropy import units as u
from astropy.table import QTable, Table
from hypothesis import given
from hypothesis import strategies as st

from gnomon.algorithms import recipes
from gnomon.algorithms.aggregation import Estimate
from gnomon.algorithms.recipes import measure_catalog, measure_groups
from gnomon.definitions import Metric
from gnomon.errors import MetricComputationError
from gnomon.measurements import Measurement

NAN = float("nan")
STARS = Table(
    {
        "flux": [100.0, 200.0, 50.0, 400.0, NAN, 30.0],
        "flux_err": [1.0, 1.0, 10.0, 8.0, 1.0, NAN],
        "saturated": [False, False, False, True, False, False],
        "band": ["r", "i", "r", "i", "i", "z"],
        "detector": [3, 3, 4, 4, 4, 5],
        "id": [2**60 + 1, 2, 3, 4, 5, 6],
    }
)


def measured(table: Any = STARS, *, unit: str = "", **recipe: Any) -> Measurement:
    """Measure a metric in a unit by a recipe, of which ``of_unit`` is the unit."""
    if "of_unit" in recipe:
        recipe["unit"] = recipe.pop("of_unit")
    found = measure_catalog(Metric("demo.m", unit=unit, measure=recipe), table)
    assert found is not None
    return found


def test_a_metric_is_computed_selected_and_aggregated() -> None:
    found = measured(
        unit="mmag",
        compute={"snr": "flux / flux_err", "error": "1.0857 * flux_err / flux"},
        select="snr > 4 and not saturated",
        of="error",
        of_unit="mag",
        aggregate="median",
    )
    assert found.unit == u.mmag
    assert found.value == pytest.approx(10.857)
    assert found.count == 3
    assert found.uncertainty is not None
    assert found.extras["rows"].value == 6
    assert found.extras["selected"].value == 3
    assert json.loads(found.notes["recipe"])["select"] == "snr > 4 AND NOT saturated"


@pytest.mark.parametrize(
    ("recipe", "value", "count"),
    [
        ({"of": "flux", "aggregate": "mean"}, 156.0, 5),
        ({"of": "flux", "aggregate": "max", "select": "NOT saturated"}, 200.0, 4),
        ({"of": "flux", "aggregate": "sum", "select": "band IN ('r', 'z')"}, 180.0, 3),
        ({"of": "flux", "aggregate": "percentile", "percentile": 25}, 50.0, 5),
        ({"aggregate": "count"}, 6, 6),
        ({"aggregate": "count", "select": "flux > 60"}, 3, 3),
        ({"aggregate": "count", "of": "flux"}, 5, 5),
        ({"aggregate": "count", "of": "band"}, 6, 6),
        ({"aggregate": "count", "of": "flux / flux_err"}, 4, 4),
        ({"aggregate": "fraction", "of": "flux > 60"}, 0.5, 6),
        ({"aggregate": "fraction", "of": "flux > 60", "select": "isfinite(flux)"}, 0.6, 5),
        ({"of": "2 * detector + 1", "aggregate": "slope", "against": "detector"}, 2.0, 6),
    ],
)
def test_what_is_unknown_neither_counts_nor_selects(recipe: dict[str, Any], value: float, count: int) -> None:
    found = measured(**recipe)
    assert found.value == pytest.approx(value)
    assert found.count == count


def test_where_nothing_is_left_there_is_no_measurement_but_a_count_of_none() -> None:
    nothing = {"select": "flux > 1000", "of": "flux"}
    assert measure_catalog(Metric("demo.m", measure={**nothing, "aggregate": "mean"}), STARS) is None
    assert measured(select="flux > 1000", aggregate="count").value == 0
    assert measured(STARS[:0], aggregate="count").value == 0
    assert measure_catalog(Metric("demo.m", measure={**nothing, "aggregate": "median"}), STARS[:0]) is None


FLUXES = QTable(
    {"flux": [1.0, 2.0, 3.0] * u.nJy, "micro": [1.0] * 3 * u.uJy, "ab": [20.0, 21.0, 22.0] * u.ABmag}
)


def test_the_unit_is_that_of_the_column_and_becomes_the_metrics() -> None:
    found = measured(FLUXES, unit="uJy", of="flux", aggregate="mean")
    assert found.value == pytest.approx(0.002)
    assert found.unit == u.uJy
    assert found.uncertainty is not None
    assert found.uncertainty.to_value(u.nJy) == pytest.approx(1 / np.sqrt(3))


def test_the_unit_that_the_recipe_states_holds() -> None:
    assert measured(FLUXES, unit="Jy", of="flux", of_unit="Jy", aggregate="max").value == 3.0
    assert measured(unit="mmag", of="flux", of_unit="mag", aggregate="max").value == 400_000


def test_without_any_other_unit_the_metrics_is_meant() -> None:
    assert measured(unit="mmag", of="flux", aggregate="max").quantity == 400 * u.mmag
    assert measured(FLUXES, unit="mag", of="-2.5 * log10(flux)", aggregate="max").quantity == 0 * u.mag


def test_magnitudes_of_a_system_scatter_in_plain_magnitudes() -> None:
    assert measured(FLUXES, unit="mmag", of="ab", aggregate="std").value == pytest.approx(1000)
    mean = measured(FLUXES, unit="mag(AB)", of="ab", aggregate="mean")
    assert mean.value == 21
    assert mean.uncertainty is not None
    assert mean.uncertainty.value == pytest.approx(1 / np.sqrt(3))
    flux = measured(FLUXES, unit="mag(AB)", of="flux", aggregate="max")
    assert flux.value == pytest.approx((3 * u.nJy).to_value(u.ABmag))
    assert flux.uncertainty is None


def test_a_slope_has_the_unit_of_both() -> None:
    table = QTable({"offset": [0.1, 0.2, 0.3, 0.4] * u.mag, "time": [1.0, 2.0, 3.0, 4.0] * u.hour})
    found = measured(table, unit="mmag / d", of="offset", against="time", aggregate="slope")
    assert found.value == pytest.approx(2400)


def test_a_percentage_is_a_fraction() -> None:
    assert measured(unit="percent", of="saturated", aggregate="fraction").value == pytest.approx(100 / 6)


@pytest.mark.parametrize(
    ("recipe", "unit", "message"),
    [
        (
            {"of": "flx", "aggregate": "mean"},
            "",
            "demo.m: the catalog has no column 'flx'. Did you mean flux?",
        ),
        ({"of": "flux", "aggregate": "mean", "group_by": ["bund"]}, "", "no column 'bund'"),
        ({"of": "band", "aggregate": "mean"}, "", "band is String, not numbers"),
        ({"of": "flux > 3", "aggregate": "mean"}, "", "is a condition, flux > 3"),
        ({"of": "flux", "aggregate": "fraction"}, "", "in 'of': .* a condition is expected"),
        (
            {"of": "flux", "select": "band > 3", "aggregate": "mean"},
            "",
            "in 'select': .* text cannot be compared",
        ),
        ({"of": "x", "compute": {"x": "sqrt(band)"}, "aggregate": "mean"}, "", "in 'x': .* takes numbers"),
        (
            {"of": "flux", "of_unit": "Jy", "aggregate": "mean"},
            "mag",
            "measured in mag, and its recipe gives .* Jy",
        ),
        ({"aggregate": "count"}, "mag", "measured in mag, and its recipe gives a value in no unit"),
        ({"of": "flux", "aggregate": "no.such.module:f"}, "", "no.such.module:f cannot be imported"),
        ({"of": "flux", "aggregate": "math:no_such"}, "", "math:no_such cannot be imported"),
        ({"of": "flux", "aggregate": "json:loads"}, "", "json:loads failed: TypeError"),
        ({"of": "flux", "aggregate": "builtins:str"}, "", "which is no number"),
    ],
)
def test_what_cannot_be_measured_says_why(recipe: dict[str, Any], unit: str, message: str) -> None:
    with pytest.raises(MetricComputationError, match=message):
        measured(unit=unit, **recipe)


@pytest.mark.parametrize(
    ("recipe", "message"),
    [
        ({"of": "flux + micro"}, "in 'of': flux \\+ micro takes values in nJy and in uJy"),
        ({"of": "flux", "select": "flux > micro"}, "in 'select'"),
        ({"of": "x", "compute": {"x": "flux - micro"}}, "in 'x'"),
        (
            {"of": "x", "compute": {"x": "flux / micro"}, "of_unit": "mag"},
            "units that do not cancel: nJy / uJy",
        ),
        ({"of": "flux / flux"}, "The recipe's 'unit' can say in which unit 'of' is."),
    ],
)
def test_units_that_do_not_fit_are_not_mixed(recipe: dict[str, Any], message: str) -> None:
    with pytest.raises(MetricComputationError, match=message):
        measured(FLUXES, unit="mag", aggregate="mean", **recipe)


def test_a_metric_without_a_recipe_cannot_be_measured_from_a_catalog() -> None:
    with pytest.raises(MetricComputationError, match="does not say how"):
        measure_catalog(Metric("demo.m"), STARS)


def test_a_computed_column_hides_one_of_the_catalog_and_serves_the_next() -> None:
    found = measured(compute={"flux": "flux * 2", "half": "flux / 2"}, of="half + flux", aggregate="max")
    assert found.value == 1200


def test_the_groups_of_a_column_are_extras() -> None:
    found = measured(unit="mag", of="flux", aggregate="mean", group_by=["band"], select="NOT saturated")
    assert found.value == 95
    keys = [key for key in found.extras if key.startswith("[")]
    assert keys == [
        *("[band=i]", "[band=i] count"),
        *("[band=r]", "[band=r] uncertainty", "[band=r] count"),
        *("[band=z]", "[band=z] count"),
    ]
    assert found.extras["[band=r]"].quantity == 75 * u.mag
    assert found.extras["[band=r] count"].value == 2


def test_groups_can_be_measurements_of_their_own() -> None:
    metric = Metric(
        "demo.m", measure={"aggregate": "count", "select": "flux > 60", "group_by": ["detector", "band"]}
    )
    found = measure_groups(metric, STARS, split=["detector"])
    assert [grouped.group for grouped in found] == [{"detector": 3}, {"detector": 4}, {"detector": 5}]
    assert [grouped.measurement and grouped.measurement.value for grouped in found] == [2, 1, 0]
    assert found[1].measurement is not None
    assert found[1].measurement.extras["[band=i]"].value == 1
    assert found[1].measurement.extras["[band=r]"].value == 0
    assert measure_groups(metric, STARS[:0], split=["detector"]) == []


def test_a_row_whose_group_is_unknown_belongs_to_none() -> None:
    found = measured(aggregate="count", group_by=["flux"])
    assert sum(key.endswith(" count") for key in found.extras) == 5


def test_there_are_not_more_groups_than_anybody_looks_at() -> None:
    table = Table({"id": np.arange(recipes.MAX_GROUPS + 1)})
    with pytest.raises(MetricComputationError, match="id make 1001 groups; there can be 1000"):
        measured(table, aggregate="count", group_by=["id"])


def test_the_sources_that_are_kept_are_those_farthest_from_the_value() -> None:
    table = QTable({"flux": np.append(np.zeros(2000), [-5.0, 7.0]) * u.nJy, "id": 2**60 + np.arange(2002)})
    table["name"] = [f"star {i}" for i in range(2002)]
    found = measured(table, unit="uJy", of="flux", aggregate="median", keep_sources=["id", "name"])
    blob = found.blobs["demo.m.sources"]
    assert len(blob["row"].quantity) == recipes.MAX_SOURCES
    assert blob["row"].quantity.value[:3].tolist() == [2001, 2000, 0]
    assert blob["value"].quantity[:2].to_value(u.nJy).tolist() == [7, -5]
    assert blob["id"].quantity.value[:2].tolist() == [2**60 + 2001, 2**60 + 2000]
    assert json.loads(str(blob["name"].quantity))[:2] == ["star 2001", "star 2000"]


def test_the_sources_of_a_count_and_of_a_slope_are_kept_too() -> None:
    assert list(measured(aggregate="count", keep_sources=True).blobs["demo.m.sources"]) == ["row"]
    slope = measured(of="flux", against="detector", aggregate="slope", keep_sources=True)
    assert list(slope.blobs["demo.m.sources"]) == ["row", "value", "against"]


def spread(values: u.Quantity) -> u.Quantity:
    """An aggregation of a user's own."""
    return np.ptp(values)


def nothing(values: u.Quantity) -> None:
    """Finds nothing to measure."""


def whole(values: u.Quantity) -> Estimate:
    """Knows its uncertainty."""
    return Estimate(float(np.max(values.value)), 0.5, len(values))


def failing(values: u.Quantity) -> None:
    """Cannot be computed."""
    raise MetricComputationError("There are too few stars.")


def test_an_aggregation_may_be_a_users_own_function() -> None:
    found = measured(FLUXES, unit="pJy", of="flux", aggregate=f"{__name__}:spread")
    assert found.value == pytest.approx(2000)
    assert (found.count, found.uncertainty) == (3, None)
    assert measured(unit="mag", of="flux", aggregate=f"{__name__}:whole").uncertainty == 0.5 * u.mag
    recipe = {"of": "flux", "aggregate": f"{__name__}:nothing"}
    assert measure_catalog(Metric("demo.m", measure=recipe), STARS) is None
    with pytest.raises(MetricComputationError, match="too few stars"):
        measured(of="flux", aggregate=f"{__name__}:failing")


@given(st.lists(st.tuples(st.floats(-1e3, 1e3), st.sampled_from("ri")), min_size=1, max_size=30))
def test_the_counts_of_groups_add_up_to_that_of_the_whole(rows: list[tuple[float, str]]) -> None:
    table = Table({"flux": [flux for flux, _ in rows], "band": [band for _, band in rows]})
    found = measured(table, of="flux", aggregate="mean", group_by=["band"])
    parts = [found.extras[key].value for key in found.extras if key.endswith("] count")]
    assert sum(parts) == found.count == len(rows)  # type: ignore[arg-type]
