"""The units of expressions: what follows from the columns, and what contradicts itself."""

import pytest
from astropy import units as u

from gnomon.algorithms.expression_units import unit_of
from gnomon.errors import UnitMismatchError
from gnomon.expressions import parse

UNITS = {
    "flux": u.nJy,
    "error": u.nJy,
    "micro": u.uJy,
    "mag": u.mag,
    "ab": u.ABmag,
    "ra": u.deg,
    "angle": u.rad,
    "ratio": u.dimensionless_unscaled,
}


@pytest.mark.parametrize(
    ("text", "unit"),
    [
        ("flux", u.nJy),
        ("-2 * flux", u.nJy),
        ("flux / error", u.dimensionless_unscaled),
        ("flux / micro", u.nJy / u.uJy),
        ("flux * micro", u.nJy * u.uJy),
        ("1 / flux", u.nJy**-1),
        ("flux + 3", u.nJy),
        ("flux - error", u.nJy),
        ("max(flux, error, 0)", u.nJy),
        ("hypot(flux, error)", u.nJy),
        ("abs(flux) % 2", u.nJy),
        ("sqrt(flux * error)", u.nJy),
        ("pow(flux, -2)", u.nJy**-2),
        ("pow(flux, 2) / error", u.nJy),
        ("radians(ra)", u.rad),
        ("degrees(angle)", u.deg),
        ("sin(angle)", u.dimensionless_unscaled),
        ("atan2(flux, error)", u.rad),
        ("ab - ab", u.mag),
        ("ab - mag", u.ABmag),
        ("mag + 25", u.mag),
        ("ab + 25", u.ABmag),
        ("1 + 2", None),
        ("unknown * flux", None),
        ("flux + unknown", None),
        ("-2.5 * log10(flux)", None),
        ("pow(flux, ratio)", None),
        ("2 * ab", None),
        ("ab + ab", None),
        ("flux > 3", None),
        ("flux > error AND flux > 0", None),
    ],
)
def test_the_unit_of_an_expression_follows_from_its_columns(text: str, unit: u.UnitBase | None) -> None:
    assert unit_of(parse(text), UNITS) == unit


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("flux + micro", "flux \\+ micro takes values in nJy and in uJy"),
        ("2 * (flux - micro)", "flux - micro"),
        ("NOT (ratio > 1 AND flux > micro)", "flux > micro"),
        ("min(flux, mag)", "in nJy and in mag"),
        ("flux - ab", "in nJy and in mag\\(AB\\)"),
        ("flux = ratio", "in nJy and in no unit"),
        ("sin(ra)", "sin takes radians; ra is in deg"),
    ],
)
def test_numbers_in_different_units_are_not_mixed(text: str, message: str) -> None:
    with pytest.raises(UnitMismatchError, match=message):
        unit_of(parse(text), UNITS)
