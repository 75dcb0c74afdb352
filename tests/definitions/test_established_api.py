"""What code that was written for the established verification API expects of definitions."""

from pathlib import Path
from typing import Any

import astropy.units as u
import pytest

from gnomon.definitions import (
    Metric,
    MetricSet,
    Specification,
    SpecificationPartial,
    SpecificationSet,
    ThresholdSpecification,
)
from gnomon.errors import SpecificationResolutionError
from gnomon.names import Name

DESIGN = ThresholdSpecification("p.PA1.design", 5 * u.mmag, "<=", tags=["design"])


def test_a_metric_is_made_of_its_json_again() -> None:
    metric = Metric("p.PA1", "Repeatability.", "mmag", ["b", "a"], "LPM-17", "http://ls.st/lpm-17", 21)
    assert metric.json == {
        "name": "p.PA1",
        "description": "Repeatability.",
        "unit": "mmag",
        "tags": ["b", "a"],
        "reference": {"doc": "LPM-17", "page": 21, "url": "http://ls.st/lpm-17"},
    }
    assert Metric.deserialize(**metric.json) == metric
    assert metric.reference == "LPM-17, p. 21, http://ls.st/lpm-17"
    assert str(Metric("p.x", "A ratio.", "")) == "p.x (dimensionless_unscaled): A ratio."
    assert Metric.deserialize(name="p.x", description="Folded.\n", unit="").description == "Folded."


def test_what_is_ours_in_a_metric_stands_below_its_reference() -> None:
    metric = Metric("p.PA1", unit="mmag", dimensions=["visit"], better="lower")
    assert metric.json["reference"]["gnomon"] == {"dimensions": ["visit"], "better": "lower"}
    assert set(metric.json) == {"name", "description", "unit", "tags", "reference"}
    assert Metric.deserialize(**metric.json) == metric


def test_sets_are_made_of_their_json_again_and_written_to_files(tmp_path: Path) -> None:
    metrics = MetricSet([Metric("p.a", "A.", "s"), Metric("p.b", "B.", "")])
    assert MetricSet.deserialize(metrics.json) == metrics
    assert (str(MetricSet()), str(metrics)) == ("<MetricSet: empty>", "<MetricSet: 2 Metrics>")
    specifications = SpecificationSet([DESIGN])
    assert SpecificationSet.deserialize(specifications.json) == specifications
    assert str(specifications) == "<SpecificationSet: 1 Specification>"
    metrics.write_json(tmp_path / "new" / "metrics.json")
    assert (tmp_path / "new" / "metrics.json").read_text().startswith('[\n  {\n    "description": "A."')
    assert "<td>p.a</td>" in metrics._repr_html_()


def test_the_json_of_a_threshold_has_the_established_fields() -> None:
    assert ThresholdSpecification("p.m.s", 2 * u.s, "<", {"k": 1}, ["t"]).json == {
        "name": "p.m.s",
        "type": "threshold",
        "threshold": {"value": 2.0, "unit": "s", "operator": "<"},
        "metadata_query": {"k": 1},
        "tags": ["t"],
    }


def test_a_threshold_is_made_of_a_bare_name_and_its_metric() -> None:
    specification = ThresholdSpecification.deserialize(
        name="design",
        metric="PA1",
        package="p",
        threshold={"value": "5", "unit": "mmag", "operator": "<="},
        tags=["design"],
        provenance_query={"passed": "over"},
    )
    assert specification == DESIGN
    assert specification.metric_name == Name("p.PA1")


@pytest.mark.parametrize("bad", [5, "5 mmag", [1, 2] * u.mmag])
def test_a_threshold_that_is_no_scalar_quantity_is_a_type_error(bad: Any) -> None:
    with pytest.raises(TypeError):
        ThresholdSpecification("p.m.s", bad, "<")


def test_an_operator_that_is_none_is_a_value_error_and_a_type_error() -> None:
    with pytest.raises(TypeError):
        ThresholdSpecification("p.m.s", 5 * u.s, "=<")
    with pytest.raises(ValueError, match="'=<' is not an operator"):
        ThresholdSpecification.convert_operator_str("=<")
    assert ThresholdSpecification.convert_operator_str(">")(2, 1)
    with pytest.raises(TypeError):
        ThresholdSpecification(Name("p.m"), 5 * u.s, "<")


def test_units_that_do_not_convert_are_the_error_that_astropy_raises() -> None:
    with pytest.raises(u.UnitConversionError):
        DESIGN.check(5 * u.s)
    with pytest.raises(u.UnitsError):
        DESIGN.check(u.Quantity(5))


def test_specifications_are_equal_in_whatever_unit() -> None:
    assert ThresholdSpecification("p.PA1.design", 0.005 * u.mag, "<=", tags=["design"]) == DESIGN
    assert ThresholdSpecification("p.PA1.design", 0.0051 * u.mag, "<=", tags=["design"]) != DESIGN
    assert ThresholdSpecification("p.PA1.design", 5 * u.s, "<=", tags=["design"]) != DESIGN


def test_a_package_that_is_not_there_is_an_os_error(tmp_path: Path) -> None:
    for kind in (MetricSet, SpecificationSet):
        with pytest.raises(OSError, match="no definition package"):
            kind.load_metrics_package("surely_no_such_package")
    with pytest.raises(OSError, match="not a directory of specifications"):
        SpecificationSet.load_single_package(tmp_path / "none")


def package(folder: Path, text: str) -> SpecificationSet:
    path = folder / "specs" / "p" / "base" / "a.yaml"
    path.parent.mkdir(parents=True)
    path.write_text(text)
    return SpecificationSet.load_metrics_package(folder)


TEXT = """
id: PA1-base
metric: PA1
tags: [chromatic]
threshold: {unit: mmag, operator: "<="}
---
id: g
base: "#PA1-base"
metadata_query: {band: g}
---
name: design
base: "#PA1-base"
tags: design
threshold: {value: 5}
---
name: design_g
base: [PA1.design, "#g"]
tags: [more]
"""


def test_partials_are_kept_and_found_by_their_ids(tmp_path: Path) -> None:
    found = package(tmp_path, TEXT)
    assert len(found) == 2
    assert list(found) == ["p.PA1.design", "p.PA1.design_g"]
    partial = found["p:base/a#g"]
    assert isinstance(partial, SpecificationPartial)
    assert "p:base/a#g" in found
    assert "p:base/a#r" not in found
    assert partial.json == {
        "metric": "PA1",
        "tags": ["chromatic"],
        "threshold": {"unit": "mmag", "operator": "<="},
        "metadata_query": {"band": "g"},
    }
    with pytest.raises(KeyError, match="Did you mean p:base/a#g"):
        found["p:base/a#gg"]
    with pytest.raises(TypeError):
        found["p:base/a#g"] = DESIGN
    with pytest.raises(KeyError):
        found["p:base/a#r"] = partial
    del found["p:base/a#g"]
    assert "p:base/a#g" not in found


def test_a_specification_hands_a_single_tag_down_as_one_of_many(tmp_path: Path) -> None:
    found = package(tmp_path, TEXT)
    assert found["p.PA1.design"].tags == {"design"}  # its own scalar replaced what it inherited
    assert found["p.PA1.design_g"].tags == {"design", "chromatic", "more"}


def test_a_document_is_resolved_against_a_set(tmp_path: Path) -> None:
    found = package(tmp_path, TEXT)
    document = {
        "name": "p.PA1.mine",
        "package": "p",
        "base": ["PA1.design", "p:base/a#g"],
        "threshold": {"value": 7},
    }
    resolved = found.resolve_document(document)
    assert document["base"] == ["PA1.design", "p:base/a#g"]  # what was given is left as it was
    assert "base" not in resolved
    assert resolved["threshold"] == {"value": 7, "unit": "mmag", "operator": "<="}
    assert resolved["metadata_query"] == {"band": "g"}
    assert resolved["metric"] == "PA1"
    specification = ThresholdSpecification.deserialize(**resolved)
    assert specification.requirement == "<= 7 mmag"
    for base in ("p:base/a#none", "PA1.none"):
        with pytest.raises(SpecificationResolutionError):
            found.resolve_document({"name": "x", "package": "p", "base": base})
    assert found.resolve_document({"name": "x"}) == {"name": "x"}


def test_subsets_keep_partials_and_know_all_the_established_criteria(tmp_path: Path) -> None:
    found = package(tmp_path, TEXT)
    metrics = MetricSet([Metric("p.PA1", "", "mmag", tags=["photometry"])])
    assert list(found.subset(required_meta={"band": "g"})) == ["p.PA1.design_g"]
    assert list(found.subset(meta={"band": "r"})) == ["p.PA1.design"]
    assert list(found.subset(spec_tags=["design", "more"])) == ["p.PA1.design_g"]
    assert len(found.subset(metric_tags=["photometry"], metrics=metrics)) == 2
    assert len(found.subset(metric_tags=["astrometry"], metrics=metrics)) == 0
    assert "p:base/a#g" in found.subset(name="p.PA1")
    with pytest.raises(RuntimeError):
        found.subset(name=Name(metric="PA1"))
    with pytest.raises(TypeError, match="needs the metrics"):
        found.subset(metric_tags=["photometry"])


def test_a_set_refuses_what_does_not_belong_in_it() -> None:
    with pytest.raises(TypeError):
        SpecificationSet(["p.m.s"])  # type: ignore[list-item]
    with pytest.raises(TypeError):
        SpecificationSet(partials=[DESIGN])  # type: ignore[list-item]
    with pytest.raises(TypeError):
        MetricSet([DESIGN])  # type: ignore[list-item]
    some = SpecificationSet()
    with pytest.raises(KeyError):
        some["p.PA1.other"] = DESIGN
    some["p.PA1.design"] = DESIGN
    some += SpecificationSet([ThresholdSpecification("p.PA1.design", 6 * u.mmag, "<=")])
    kept: Specification = some["p.PA1.design"]
    assert kept.requirement == "<= 6 mmag"


class PrimeSpecification(Specification):
    """A kind of one's own, with what the established contract asks for and nothing else."""

    type = "prime"

    def _serialize_type(self) -> dict[str, Any]:
        return {"of": "all"}

    def check(self, measurement: Any) -> bool:
        value = int(measurement.to_value(u.dimensionless_unscaled))
        return value > 1 and all(value % n for n in range(2, value))


def test_a_kind_of_ones_own_needs_a_type_a_check_and_what_is_written() -> None:
    prime = PrimeSpecification("p.n.prime", tags=["odd"])
    assert prime.check(u.Quantity(7))
    assert prime.check_values([7, 8, float("nan")]).tolist() == [True, False, False]
    assert prime.json["prime"] == {"of": "all"}
    assert prime == PrimeSpecification("p.n.prime", tags=["odd"])
    assert "prime" not in Specification._kinds
    with pytest.raises(u.UnitConversionError):
        prime.check_values([7], "s")
    with pytest.raises(TypeError, match="check_values"):
        DESIGN.check([1, 2] * u.mmag)


def test_everything_in_a_mapping_is_made_plain() -> None:
    assert Metric.jsonify_dict({"a": [DESIGN], "b": {"c": Name("p.m")}, "d": {1}}) == {
        "a": [DESIGN.json],
        "b": {"c": Name("p.m")},
        "d": [1],
    }
