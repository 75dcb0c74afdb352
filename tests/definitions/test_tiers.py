"""Tiers: what says them, and when they are out of order."""

import astropy.units as u
import pytest

from gnomon.definitions import (
    BaselineSpecification,
    RangeSpecification,
    Specification,
    StatisticalSpecification,
    ThresholdSpecification,
)
from gnomon.definitions.tiers import misordered, tier_of


def upper(name: str, value: float, unit: str = "mas", operator: str = "<=", **more: str) -> Specification:
    return ThresholdSpecification(name, value * u.Unit(unit), operator, **more)  # type: ignore[arg-type]


def names(*specifications: Specification) -> list[tuple[str, str]]:
    return [(str(pair.lesser.name), str(pair.greater.name)) for pair in misordered(specifications)]


@pytest.mark.parametrize(
    ("name", "tags", "tier", "expected"),
    [
        ("p.m.design", (), None, "design"),
        ("p.m.cfht_minimum_g", (), None, "minimum"),
        ("p.m.stretch-r", (), None, "stretch"),
        ("p.m.FY17", ("minimum", "x"), None, "minimum"),
        ("p.m.FY17", ("minimum", "design"), None, None),
        ("p.m.designer", (), None, None),
        ("p.PF1_minimum_gri.srd", ("PF1",), None, "minimum"),
        ("p.m.design", (), "stretch", "stretch"),
    ],
)
def test_a_tier_is_said_or_named_or_tagged(
    name: str, tags: tuple[str, ...], tier: str | None, expected: str | None
) -> None:
    specification = ThresholdSpecification(name, 1 * u.s, "<", tags=tags, tier=tier)
    assert tier_of(specification) == expected


def test_a_minimum_stricter_than_its_design_is_found_in_whatever_unit() -> None:
    assert names(upper("p.m.minimum", 9000, "uas"), upper("p.m.design", 10)) == [
        ("p.m.minimum", "p.m.design")
    ]
    assert names(upper("p.m.minimum", 10, "mas"), upper("p.m.design", 0.01, "arcsec")) == []
    assert names(upper("p.m.minimum", 1, operator=">="), upper("p.m.design", 2, operator=">=")) == []
    assert names(upper("p.m.minimum", 3, operator=">="), upper("p.m.design", 2, operator=">=")) == [
        ("p.m.minimum", "p.m.design")
    ]


def test_neighbours_are_compared_where_a_tier_is_missing() -> None:
    assert names(upper("p.m.minimum", 1), upper("p.m.stretch", 2)) == [("p.m.minimum", "p.m.stretch")]


def test_only_counterparts_are_compared() -> None:
    assert names(upper("p.m.minimum_g", 1), upper("p.m.design_r", 2)) == []
    assert names(upper("p.m.minimum", 1), upper("q.m.design", 2)) == []
    assert names(upper("p.m.minimum", 1), upper("p.m.design", 2, operator=">=")) == []
    assert names(upper("p.m.minimum", 1), upper("p.m.design", 2, "s")) == []
    g = ThresholdSpecification("p.m.minimum", 1 * u.mas, "<=", {"band": "g"})
    assert names(g, upper("p.m.design", 2)) == []


def test_a_tier_in_the_name_of_the_metric_counts_too() -> None:
    wrong = [upper("p.AD1_minimum_gri.srd", 10), upper("p.AD1_design_gri.srd", 20)]
    assert names(*wrong) == [("p.AD1_minimum_gri.srd", "p.AD1_design_gri.srd")]
    assert names(upper("p.AD1_minimum_gri.srd", 10), upper("p.AD1_design_uzy.srd", 20)) == []
    assert names(upper("p.AD1_minimum_gri.FY17", 10), upper("p.AD1_design_gri.FY18", 20)) == []


def test_other_kinds_are_compared_by_what_passes() -> None:
    wide, narrow = (
        RangeSpecification(f"p.m.{name}", lower * u.s, 2 * u.s)
        for name, lower in (("minimum", 0), ("design", 1))
    )
    assert names(wide, narrow) == []
    narrow.name, wide.name = wide.name, narrow.name
    assert names(wide, narrow) == [("p.m.minimum", "p.m.design")]
    assert names(
        BaselineSpecification("p.m.minimum", increase=0.1), BaselineSpecification("p.m.design", increase=0.2)
    ) == [("p.m.minimum", "p.m.design")]
    some = [
        StatisticalSpecification(f"p.m.{name}", value * u.s, "<", fraction=0.9)
        for name, value in (("minimum", 1), ("design", 2))
    ]
    assert names(*some) == [("p.m.minimum", "p.m.design")]
