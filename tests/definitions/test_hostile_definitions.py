"""Files that are large or odd enough to take long or to fall out of the errors that are meant."""

from pathlib import Path

import astropy.units as u
import pytest

from gnomon.definitions import MetricSet, SpecificationSet, parse_unit
from gnomon.definitions.yaml_source import read_documents
from gnomon.errors import DefinitionError


@pytest.mark.parametrize(
    "unit",
    ["10**999999999 m", "10^(999999999) m", "10+999999999 m", "m " * 1000, "(" * 600 + "m" + ")" * 600],
)
def test_a_unit_whose_reading_would_take_long_is_no_unit(unit: str) -> None:
    with pytest.raises(DefinitionError, match="not a unit"):
        parse_unit(unit)


@pytest.mark.parametrize("unit", ["10**10 m", "1e-10 m", "m**(1/3)", "erg s^-1 cm^-2"])
def test_powers_as_units_have_them_are_read(unit: str) -> None:
    assert parse_unit(unit) == u.Unit(unit)


@pytest.mark.parametrize("number", ["0x" + "f" * 5000, "0b" + "1" * 50_000, "1" + ":20" * 5000, "9" * 5000])
def test_an_integer_of_thousands_of_digits_is_an_error(number: str) -> None:
    with pytest.raises(DefinitionError, match="is not a number"):
        read_documents(f"a: {number}")


def test_more_documents_than_a_package_can_have_are_an_error() -> None:
    with pytest.raises(DefinitionError, match="more than 1,000,000"):
        read_documents("---\n" * 1_000_001)


@pytest.mark.parametrize(
    "kind",
    [
        "threshold: {value: 25, unit: mag(AB), operator: '>='}",
        "range: {lower: 20, upper: 25, unit: mag(AB)}",
        "tolerance: {target: 24, within: 2, unit: mag(AB)}",
        "baseline: {increase: 2, unit: mag}",
        "statistics: {fraction: 0.5}\nthreshold: {value: 25, unit: mag(AB), operator: '>='}",
    ],
)
def test_a_specification_can_be_in_a_logarithmic_unit(tmp_path: Path, kind: str) -> None:
    folder = tmp_path / "specs" / "demo"
    folder.mkdir(parents=True)
    (tmp_path / "metrics").mkdir()
    (folder / "depth.yaml").write_text(f"name: depth.design\n{kind}\n")
    specifications = SpecificationSet.load_metrics_package(tmp_path)
    assert SpecificationSet.deserialize(specifications.json) == specifications
    assert "baseline" in kind or specifications["demo.depth.design"].check(25 * u.ABmag)


def test_a_file_of_metrics_that_is_not_there_is_an_oserror(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="cannot be read"):
        MetricSet.load_single_package(tmp_path / "nothing.yaml")
