"""What is measured of star catalogs: the night's reference, each visit, the whole night."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from astropy import units as u
from astropy.table import MaskedColumn, QTable, Table
from lsst.pipe.base import InMemoryDatasetHandle, NoWorkFound, Struct

from gnomon.errors import MetricComputationError
from gnomon.repository.configuration import enable
from gnomon.tasks.star_catalogs import NightRepeatabilityTask, StarReferenceTask, VisitStarsTask

enable()

VISIT_METRICS = {
    "zero_point_offset",
    "sky_background",
    "star_count",
    "astrometric_offset",
    "magnitude_error",
    "airmass",
}


def catalog(
    stars: Sequence[Any] = (1, 2, 3), *, offset: float = 0.0, error: Sequence[float] = (), **columns: Any
) -> Table:
    """Make a catalog of stars of magnitude 10, 11, ... plus an offset, the brightest good to 3 mmag."""
    number = len(stars)
    table = Table(
        {
            "star_id": list(stars),
            "ra": 10.0 + np.arange(number) * u.deg.to(u.deg),
            "dec": np.full(number, 20.0),
            "mag": 10.0 + np.arange(number) + offset,
            "mag_err": list(error) or [0.003, 0.005, 0.05, 0.06, 0.07][:number],
            "sky": np.full(number, 50.0),
            "airmass": np.full(number, 1.2),
        }
    )
    for name, values in columns.items():
        table[name] = values
    return table


def handles(*catalogs: Table, visits: Sequence[int] = ()) -> list[InMemoryDatasetHandle]:
    """Hand catalogs over as the Butler does, one a visit unless it is said which."""
    numbers = visits or range(1, len(catalogs) + 1)
    return [
        InMemoryDatasetHandle(table, visit=visit, detector=place)
        for place, (table, visit) in enumerate(zip(catalogs, numbers, strict=True))
    ]


def reference(*catalogs: Table) -> Table:
    return StarReferenceTask().run(catalogs=handles(*catalogs)).reference


def values(struct: Struct) -> dict[str, float]:
    """Give what was measured, in the unit in which it was."""
    return {name: measurement.value for name, measurement in struct.measurements.items()}


def test_the_reference_is_the_median_over_the_visits() -> None:
    made = reference(catalog(offset=0.0), catalog(offset=0.1), catalog(offset=0.9))
    assert made["mag"].tolist() == pytest.approx([10.1, 11.1, 12.1])
    assert made["mag"].unit == u.mag
    assert made["ra"].tolist() == pytest.approx([10.0, 11.0, 12.0])
    assert made["bright"].tolist() == [True, True, False]


def test_the_limit_of_brightness_is_configured() -> None:
    task = StarReferenceTask(config=StarReferenceTask.ConfigClass(brightLimit=0.004))
    assert task.run(catalogs=handles(catalog())).reference["bright"].tolist() == [True, False, False]


def test_a_limit_of_brightness_that_no_star_could_meet_is_refused() -> None:
    with pytest.raises(ValueError, match="brightLimit"):
        StarReferenceTask.ConfigClass(brightLimit=-1.0)


def test_a_star_that_a_visit_lacks_counts_where_it_is() -> None:
    made = reference(catalog([1, 2, 3], offset=0.2), catalog([1, 2]), catalog([1, 2]))
    assert made["star_id"].tolist() == [1, 2, 3]
    assert made["mag"].tolist() == pytest.approx([10.0, 11.0, 12.2])


def test_masked_values_are_missing_ones() -> None:
    masked = catalog(offset=5.0)
    masked["mag"] = MaskedColumn(masked["mag"], mask=[True, False, False])
    made = reference(catalog(), masked, catalog())
    assert made["mag"].tolist() == pytest.approx([10.0, 11.0, 12.0])
    alone = reference(masked)
    assert np.isnan(alone["mag"][0])


def test_units_of_the_catalog_are_converted() -> None:
    made = reference(
        catalog(mag=[10_000.0, 11_000.0, 12_000.0] * u.mmag, ra=[600.0, 660.0, 720.0] * u.arcmin)
    )
    assert made["mag"].tolist() == pytest.approx([10.0, 11.0, 12.0])
    assert made["ra"].tolist() == pytest.approx([10.0, 11.0, 12.0])
    quantities = reference(QTable(catalog(mag=[10_000.0, 11_000.0, 12_000.0] * u.mmag)))
    assert quantities["mag"].tolist() == pytest.approx([10.0, 11.0, 12.0])


def test_names_will_do_for_identifiers() -> None:
    made = reference(catalog(["Vega", "Deneb", "Altair"]), catalog(["Vega", "Deneb", "Altair"]))
    assert made["star_id"].tolist() == ["Altair", "Deneb", "Vega"]
    measured = VisitStarsTask().run(catalogs=handles(catalog(["Vega", "Deneb", "Altair"])), reference=made)
    assert set(measured.measurements) == VISIT_METRICS


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        (catalog(mag=["a", "b", "c"]), "column 'mag' of the star catalog holds <U1, not numbers"),
        (catalog(sky=[1.0, 2.0, 3.0] * u.deg), "column 'sky' of the star catalog is in deg, not convertible"),
        (catalog([1, 2, 2]), "star 2 occurs more than once in visit 1"),
        (
            catalog(star_id=MaskedColumn([1, 2, 3], mask=[True, False, False])),
            "a star without an identifier",
        ),
    ],
)
def test_a_catalog_that_cannot_be_understood_is_refused_with_what_is_wrong(
    broken: Table, message: str
) -> None:
    with pytest.raises(MetricComputationError, match=message):
        StarReferenceTask().run(catalogs=handles(broken))
    struct = VisitStarsTask().run(catalogs=handles(broken), reference=reference(catalog()))
    assert struct.measurements == {}


def test_a_column_that_is_missing_is_answered_with_the_nearest() -> None:
    broken = catalog()
    broken.rename_column("airmass", "air_mass")
    with pytest.raises(MetricComputationError, match=r"no column 'airmass'\. Did you mean air_mass\?"):
        StarReferenceTask().run(catalogs=handles(broken))


@pytest.mark.parametrize("catalogs", [[], [catalog([])]])
def test_without_stars_there_is_no_work(catalogs: list[Table]) -> None:
    with pytest.raises(NoWorkFound):
        StarReferenceTask().run(catalogs=handles(*catalogs))
    with pytest.raises(NoWorkFound):
        VisitStarsTask().run(catalogs=handles(*catalogs), reference=reference(catalog()))


def test_a_visit_is_measured_with_its_bright_stars() -> None:
    known = reference(catalog(), catalog(), catalog())
    visit = catalog(offset=0.02, sky=[50.0, 60.0, 9999.0], dec=[20.0, 20.0 + 2 / 3_600_000, 25.0])
    struct = VisitStarsTask().run(catalogs=handles(visit), reference=known)
    assert values(struct) == pytest.approx(
        {
            "zero_point_offset": 20.0,
            "sky_background": 55.0,
            "star_count": 3.0,
            "astrometric_offset": 1.0,
            "magnitude_error": 5.0,
            "airmass": 1.2,
        },
        rel=1e-5,
    )
    units = {name: measurement.unit_str for name, measurement in struct.measurements.items()}
    assert units["zero_point_offset"] == units["magnitude_error"] == "mmag"
    assert units["astrometric_offset"] == "mas"
    assert struct.measurements["airmass"].metric_name == "demo.airmass"


def test_the_detectors_of_a_visit_are_measured_together() -> None:
    known = reference(catalog([1, 2, 3, 4]))
    first, second = catalog([1, 2], offset=0.01), catalog([3, 4], mag=[12.01, 13.01])
    struct = VisitStarsTask().run(catalogs=handles(first, second, visits=[7, 7]), reference=known)
    assert values(struct)["star_count"] == 4
    assert values(struct)["zero_point_offset"] == pytest.approx(10.0)


def test_a_star_on_two_detectors_fails_the_visit_for_neither_can_be_chosen() -> None:
    struct = VisitStarsTask().run(
        catalogs=handles(catalog([1, 2]), catalog([2, 3]), visits=[7, 7]), reference=reference(catalog())
    )
    assert struct.measurements == {}


def test_a_star_that_the_reference_lacks_is_counted_and_not_compared(
    caplog: pytest.LogCaptureFixture,
) -> None:
    known = reference(catalog([1, 2]))
    visit = catalog([1, 2, 99], error=[0.003, 0.005, 0.001], mag=[10.01, 11.01, 3.0])
    struct = VisitStarsTask().run(catalogs=handles(visit), reference=known)
    assert values(struct)["star_count"] == 3
    assert values(struct)["zero_point_offset"] == pytest.approx(10.0)
    assert "1 of 3 stars are not in the night's reference." in caplog.text


def test_without_a_bright_star_only_what_needs_one_fails(caplog: pytest.LogCaptureFixture) -> None:
    faint = catalog(error=[0.5, 0.6, 0.7])
    struct = VisitStarsTask().run(catalogs=handles(faint), reference=reference(faint))
    assert set(struct.measurements) == {"star_count", "magnitude_error", "airmass"}
    assert "zero_point_offset could not be computed" in caplog.text
    assert "no bright star has a magnitude" in caplog.text


def test_a_night_without_a_bright_star_says_that_there_is_none() -> None:
    faint = catalog(error=[0.5, 0.6, 0.7])
    struct = NightRepeatabilityTask().run(catalogs=handles(faint, faint), reference=reference(faint))
    assert values(struct) == {"bright_star_count": 0}


def test_a_star_that_was_not_measured_is_not_counted() -> None:
    visit = catalog(mag=[10.0, np.nan, 12.0])
    struct = VisitStarsTask().run(catalogs=handles(visit), reference=reference(catalog()))
    assert values(struct)["star_count"] == 2


def test_the_repeatability_is_that_of_the_bright_stars() -> None:
    catalogs = [catalog(offset=0.0), catalog(offset=0.03), catalog(offset=0.06)]
    struct = NightRepeatabilityTask().run(catalogs=handles(*catalogs), reference=reference(*catalogs))
    measured = values(struct)
    assert measured["photometric_repeatability_raw"] == pytest.approx(1000 * np.std([0.0, 0.03, 0.06]))
    assert measured["photometric_repeatability"] == pytest.approx(0.0, abs=1e-9)
    assert measured["zero_point_drift"] == pytest.approx(60.0)
    assert measured["astrometric_repeatability"] == pytest.approx(0.0, abs=1e-3)
    assert measured["bright_star_count"] == 2


def test_the_order_of_the_reference_does_not_matter() -> None:
    catalogs = [catalog(offset=0.0), catalog(offset=0.03)]
    known = reference(*catalogs)
    known.reverse()
    struct = NightRepeatabilityTask().run(catalogs=handles(*catalogs), reference=known)
    assert values(struct)["zero_point_drift"] == pytest.approx(30.0)
    measured = VisitStarsTask().run(catalogs=handles(catalogs[0]), reference=known)
    assert values(measured)["zero_point_offset"] == pytest.approx(-15.0)


def test_one_visit_alone_repeats_nothing() -> None:
    struct = NightRepeatabilityTask().run(catalogs=handles(catalog()), reference=reference(catalog()))
    assert values(struct) == pytest.approx({"bright_star_count": 2, "zero_point_drift": 0.0})
