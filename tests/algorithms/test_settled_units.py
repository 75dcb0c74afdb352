"""Expressions over quantities, made into expressions over bare numbers."""

import astropy.units as u
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gnomon.algorithms.settled_units import settle_units
from gnomon.errors import ExpressionError, UnitMismatchError
from gnomon.expressions import parse

UNITS = {
    "seeing": u.mas,
    "psf": u.arcsec,
    "t": u.s,
    "z": u.deg,
    "count": u.dimensionless_unscaled,
    "m": u.ABmag,
}


@pytest.mark.parametrize(
    ("text", "settled"),
    [
        ("seeing > 2 arcsec", "seeing > 2000.0"),
        ("2 arcsec < seeing", "2000.0 < seeing"),
        ("seeing > -1 arcsec", "seeing > -1000.0"),
        ("seeing > 2", "seeing > 2"),
        ("seeing > psf", "seeing > psf * 1000.0"),
        ("seeing NOT IN (1 arcsec, 5)", "seeing NOT IN (1000.0, 5)"),
        ("abs(seeing - 0.1 arcsec) > 2", "abs(seeing - 100.0) > 2"),
        ("psf / t > 120 [arcsec / min]", "psf / t > 2.0"),
        ("cos(z) < 0.5", "cos(z * 0.0174532925199433) < 0.5"),
        ("min(seeing, 2 arcsec) > 3", "min(seeing, 2000.0) > 3"),
        ("sqrt(psf * psf) > 100 mas OR NOT count > 2", "sqrt(psf * psf) > 0.1 OR NOT count > 2"),
        ("m - 0.1 mag > 20 [mag(AB)]", "m - 0.1 > 20"),
    ],
)
def test_a_number_is_brought_into_the_unit_of_what_it_meets(text: str, settled: str) -> None:
    assert str(settle_units(parse(text), UNITS)) == settled


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("seeing > 2 s", "what is in s cannot be compared with what is in mas"),
        ("visit > 2 s", "the unit of visit is not known"),
        ("count > 2 mag", "cannot be compared with what is in no unit"),
    ],
)
def test_units_that_do_not_convert_are_refused(text: str, what: str) -> None:
    with pytest.raises(UnitMismatchError, match=what):
        settle_units(parse(text), UNITS)


def test_a_unit_that_there_is_not_is_shown_where_it_stands() -> None:
    with pytest.raises(ExpressionError, match=r"at 1:10, 'arcsecc' is not a unit\. Did you mean arcsec"):
        settle_units(parse("seeing > 2 arcsecc"), UNITS)


def test_where_nobody_knows_of_units_a_number_with_one_is_refused() -> None:
    with pytest.raises(ExpressionError, match=r"at 1:10, units are not understood here, as in 2 arcsec"):
        parse("seeing > 2 arcsec").to_polars({"seeing": pl.Float64()})


@given(st.floats(-1e6, 1e6), st.sampled_from(["mas", "arcsec", "deg", "rad"]), st.floats(0, 1e3))
def test_the_same_holds_in_whatever_unit_a_column_is(value: float, unit: str, limit: float) -> None:
    degrees = u.Quantity(value, u.Unit(unit)).to_value(u.deg)
    condition = settle_units(parse(f"x > {limit!r} deg"), {"x": u.Unit(unit)})
    frame = pl.DataFrame({"x": [value]})
    if abs(degrees - limit) > 1e-9 * limit:
        assert frame.select(condition.to_polars(frame)).item() == (degrees > limit)
