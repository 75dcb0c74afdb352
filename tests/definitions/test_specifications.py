"""Specifications: what passes them, and how they are read with all that they inherit."""

import itertools
import time
from pathlib import Path

import astropy.units as u
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gnomon.definitions import SpecificationSet, ThresholdSpecification
from gnomon.definitions.threshold import OPERATORS
from gnomon.errors import (
    DefinitionError,
    SpecificationNotFoundError,
    SpecificationResolutionError,
    UnitMismatchError,
)

BASES = """
id: 'PA1-base'
metric: 'PA1'
tags: ['PA1', 'chromatic']
threshold: {unit: 'mmag', operator: "<="}
---
name: "design_gri"
base: "#PA1-base"
threshold: {value: 5.0}
tags: [design]
---
name: 'cfht_design_g'
base: ['PA1.design_gri', 'cfht_gri/base#cfht-g']
threshold: {value: 1e-6}
---
"""
CFHT = "id: cfht-g\nmetadata_query: {filter_name: g, camera: MegaCam}\ntags: [cfht]\n"


def package(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = folder / "specs" / "drp" / f"{name}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def load(folder: Path, files: dict[str, str], *, strict: bool = True) -> SpecificationSet:
    return SpecificationSet.load_metrics_package(package(folder, files), strict=strict)


def threshold(specifications: SpecificationSet, name: str) -> u.Quantity:
    specification = specifications[name]
    assert isinstance(specification, ThresholdSpecification)
    return specification.threshold


def test_a_specification_has_what_its_bases_have(tmp_path: Path) -> None:
    specifications = load(tmp_path, {"a": BASES, "cfht_gri/base": CFHT})
    assert sorted(map(str, specifications)) == ["drp.PA1.cfht_design_g", "drp.PA1.design_gri"]
    design, cfht = specifications["drp.PA1.design_gri"], specifications["drp.PA1.cfht_design_g"]
    assert threshold(specifications, "drp.PA1.design_gri") == 5 * u.mmag
    assert threshold(specifications, "drp.PA1.cfht_design_g") == 1e-6 * u.mmag
    assert design.tags == {"PA1", "chromatic", "design"}
    assert cfht.tags == {"PA1", "chromatic", "design", "cfht"}
    assert cfht.metadata_query == {"filter_name": "g", "camera": "MegaCam"}
    where = specifications.where("drp.PA1.design_gri")
    assert where is not None
    assert where.line == 7


@given(order=st.permutations(range(3)), swap=st.booleans())
@settings(deadline=None)
def test_the_order_of_documents_and_files_does_not_matter(
    tmp_path_factory: pytest.TempPathFactory, order: list[int], swap: bool
) -> None:
    parts = [part for part in BASES.split("---\n") if part.strip()]
    text = "---\n".join(parts[i] for i in order)
    names = ("z", "cfht_gri/base") if swap else ("a", "cfht_gri/base")
    folder = tmp_path_factory.mktemp("package")
    found = load(folder, {names[0]: text, names[1]: CFHT})
    assert {n: found[n] for n in found} == dict(
        load(tmp_path_factory.mktemp("package"), {"a": BASES, "cfht_gri/base": CFHT}).items()
    )


@pytest.mark.parametrize("order", list(itertools.permutations(("x", "y"))))
def test_bases_are_merged_left_to_right_and_the_document_over_them(
    tmp_path: Path, order: tuple[str, str]
) -> None:
    text = f"""
id: x
threshold: {{value: 1, unit: s, operator: "<"}}
metadata_query: {{k: x, only_x: 1}}
---
id: y
threshold: {{value: 2}}
metadata_query: {{k: y}}
---
name: PA1.s
base: ['#{order[0]}', '#{order[1]}']
threshold: {{operator: ">="}}
"""
    specifications = load(tmp_path, {"a": text})
    last = order[1]
    assert threshold(specifications, "drp.PA1.s") == {"x": 1, "y": 2}[last] * u.s
    specification = specifications["drp.PA1.s"]
    assert specification.metadata_query == {"k": last, "only_x": 1}
    assert specification.requirement.startswith(">=")


def test_the_classic_example_works(tmp_path: Path) -> None:
    text = """
id: AM1-base-srd
metric: AM1
tags: [srd]
threshold: {unit: milliarcsecond, operator: "<="}
---
name: design
base: "#AM1-base-srd"
threshold: {value: 10}
tags: design
---
name: minimum
base: "#AM1-base-srd"
threshold: {value: 20}
---
"""
    specifications = load(tmp_path, {"AM1": text})
    design, minimum = (specifications[f"drp.AM1.{name}"] for name in ("design", "minimum"))
    assert design.tags == {"design"}  # a scalar replaces what would have been inherited
    assert (design.check(15 * u.mas), minimum.check(15 * u.mas)) == (False, True)
    assert design.check(0.009 * u.arcsec)


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("name: M.a\nbase: '#nothing'\n", 2, "There is no partial drp:a#nothing"),
        ("name: M.a\nbase: M.b\n", 2, "There is no specification drp.M.b to be a base"),
        ("id: x\nbase: '#y'\n---\nid: y\nbase: '#x'\n---\nname: M.a\nbase: '#x'\n", None, "in a circle: "),
        ("name: M.a\nbase: M.a\n", 2, "in a circle: M.a -> M.a"),
        ("name: a\n", 1, "says no metric"),
        ("threshold: {}\n", 1, "either 'id' .* or 'name'"),
        ("name: M.a\nthresold: {}\n", 2, "Did you mean threshold"),
        ("name: M.a\nmetadata_querry: {}\n", 2, "Did you mean metadata_query"),
        ("name: M.a\n", 1, "has no threshold"),
        ("name: M.a\nthreshold:\n  value: x\n  unit: s\n  operator: <\n", 3, "is a number, not 'x'"),
        ("name: M.a\nthreshold:\n  value: 1\n  unit: sz\n  operator: <\n", 4, "'sz' is not a unit"),
        ("name: M.a\nthreshold:\n  value: 1\n  unit: s\n  operator: =<\n", 5, "not an operator"),
        ("name: M.a\nthreshold: {value: 1, operator: <}\n", 2, "has no 'unit'"),
        ("name: M.a\nname: M.b\n", 2, "stands here twice"),
        ("name: a\nmetric: other.M\n", 1, "given twice and differently"),
        ("- x\n", 1, "A document of specifications is a mapping"),
        ("name: [x]\n", 1, "is a string, not a list"),
        ("name: M.a\npackage: other\n", 2, "belongs to the package 'drp'"),
    ],
)
def test_a_mistake_is_told_with_file_and_line(
    tmp_path: Path, text: str, line: int | None, words: str
) -> None:
    with pytest.raises(DefinitionError, match=words) as caught:
        load(tmp_path, {"a": text})
    assert caught.value.file == str(tmp_path / "specs" / "drp" / "a.yaml")
    assert line is None or caught.value.line == line


def test_a_mistake_in_a_base_is_told_where_the_base_stands(tmp_path: Path) -> None:
    partial = "\n\nid: p\nthreshold: {value: 1, unit: nosuch, operator: <}\n"
    with pytest.raises(DefinitionError, match="nosuch") as caught:
        load(tmp_path, {"a": "name: M.a\nbase: 'deep/b#p'\n", "deep/b": partial})
    assert (caught.value.file or "").endswith("deep/b.yaml")
    assert caught.value.line == 4


def test_two_specifications_of_one_name_are_told(tmp_path: Path) -> None:
    text = 'name: M.a\nthreshold: {value: 1, unit: s, operator: "<"}\n'
    with pytest.raises(DefinitionError, match=r"drp\.M\.a stands here twice"):
        load(tmp_path, {"a": text, "b": text})


def test_what_established_readers_pass_over_is_noted_and_logged_unless_it_is_forbidden(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    good = 'name: M.good\nprovenance_query: {}\nthreshold: {value: "1e-3", unit: s, operator: "<"}\n'
    found = load(tmp_path, {"a": good}, strict=False)
    assert list(found) == ["drp.M.good"]
    assert [(p.file or "")[-6:] for p in found.problems] == ["a.yaml"]
    assert "1 mistakes were passed over" in caplog.text
    with pytest.raises(DefinitionError, match="'provenance_query' is no key"):
        load(tmp_path, {"a": good}, strict=True)


def test_what_no_reader_can_make_sense_of_is_an_error_always(tmp_path: Path) -> None:
    with pytest.raises(SpecificationResolutionError, match="no partial drp:a#none"):
        load(tmp_path, {"a": "name: M.bad\nbase: '#none'\n"}, strict=False)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
            f"{b}: &{b} [{','.join(['*' + a] * 9)}]\n" for a, b in itertools.pairwise("abcdefghij")
        ), "unfolds into more than"),
        ("a: &a [*a]", "inside what it refers to"),
        ("a: *b", "has no anchor &b"),
        ("[" * 100_000, "nested more than 64"),
        ("- " * 100_000 + "a", "nested more than 64"),
        ("name: !!python/object/apply:os.system ['x']", "python/object/apply:os.system is not allowed"),
        ("name: !!timestamp x", "timestamp is not allowed"),
        ("name: !custom x", "!custom"),
        ("? [a]\n: b", "A key is a string"),
        ("<<: 3", "merge key"),
        ("a: 0b_", "not a number"),
        ("name: " + "9" * 5000, "not a number"),
        ("\0", "not YAML"),
        ("[" + "a," * 2_000_000 + "]", "unfolds into more than"),
        ("a: x\n" * 2_000_000, "no more than"),
    ],
)  # fmt: skip
def test_hostile_yaml_ends_in_a_clear_error_within_seconds(tmp_path: Path, text: str, words: str) -> None:
    before = time.perf_counter()
    with pytest.raises(DefinitionError, match=words):
        load(tmp_path, {"a": text})
    assert time.perf_counter() - before < 10


def test_lists_that_double_through_bases_are_refused(tmp_path: Path) -> None:
    text = "id: p0\ntags: [x, y]\n" + "".join(
        f"---\nid: p{i + 1}\nbase: ['#p{i}', '#p{i}']\n" for i in range(40)
    )
    with pytest.raises(DefinitionError, match="grows beyond"):
        load(tmp_path, {"a": text + "---\nname: M.a\nbase: '#p40'\n"})


def test_a_chain_of_bases_without_end_is_refused(tmp_path: Path) -> None:
    text = "---\n".join(f"id: p{i}\nbase: '#p{i + 1}'\n" for i in range(2000))
    with pytest.raises(DefinitionError, match="more than 100 levels"):
        load(tmp_path, {"a": text + "---\nname: M.a\nbase: '#p0'\n"})


@given(
    st.lists(st.floats(width=64), min_size=1),
    st.floats(allow_nan=False),
    st.sampled_from(sorted(OPERATORS)),
)
def test_checking_many_values_is_checking_each_and_nan_never_passes(
    values: list[float], edge: float, operator: str
) -> None:
    specification = ThresholdSpecification("p.m.s", edge * u.mag, operator)
    many = specification.check_values(np.array(values))
    assert many.tolist() == [specification.check(value * u.mag) for value in values]
    assert not many[np.isnan(values)].any()
    held = {"<": np.less, "<=": np.less_equal, ">": np.greater, ">=": np.greater_equal, "==": np.equal}
    if operator in held:
        assert np.array_equal(many, held[operator](values, edge))


def test_units_are_converted_and_what_does_not_convert_is_a_type_error() -> None:
    specification = ThresholdSpecification("p.m.s", 10 * u.mmag, "<=")
    assert specification.check(0.01 * u.mag)
    assert specification.check_values([0.009, 0.011], "mag").tolist() == [True, False]
    assert specification.check_values(5).shape == ()
    with pytest.raises(UnitMismatchError, match="written in mmag; a value in s") as caught:
        specification.check(1 * u.s)
    assert isinstance(caught.value, TypeError)


def test_all_terms_of_a_query_must_hold() -> None:
    specification = ThresholdSpecification("p.m.s", 1 * u.s, "<", {"band": "g", "camera": "X"})
    assert specification.query_metadata({"band": "g", "camera": "X", "more": 1})
    assert not specification.query_metadata({"band": "g"})
    assert not specification.query_metadata({"band": "r", "camera": "X"})
    assert specification.query_metadata({"band": "g"}, arg_driven=True)
    assert not specification.query_metadata({"more": 1}, arg_driven=True)


def test_subsets_are_by_name_by_metadata_and_by_tags() -> None:
    some = SpecificationSet(
        [
            ThresholdSpecification("p.m.a", 1 * u.s, "<", {"band": "g"}, ["x"]),
            ThresholdSpecification("p.m.b", 1 * u.s, "<"),
            ThresholdSpecification("p.n.c", 1 * u.s, "<", tags="x"),
        ]
    )
    assert list(some.subset("p")) == ["p.m.a", "p.m.b", "p.n.c"]
    assert list(some.subset("p.m")) == ["p.m.a", "p.m.b"]
    assert list(some.subset("p.m.b")) == ["p.m.b"]
    assert list(some.subset(meta={})) == ["p.m.b", "p.n.c"]
    assert list(some.subset("p.m", {"band": "g"}, spec_tags="x")) == ["p.m.a"]
    with pytest.raises(SpecificationNotFoundError, match=r"Did you mean p\.m\.a"):
        some["p.m.aa"]


@pytest.mark.parametrize("bad", [5, "5 s", [1, 2] * u.s])
def test_a_threshold_is_a_scalar_quantity(bad: object) -> None:
    with pytest.raises(DefinitionError, match="scalar quantity"):
        ThresholdSpecification("p.m.s", bad, "<")
