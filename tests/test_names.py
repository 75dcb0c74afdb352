"""Names of packages, metrics and specifications."""

import copy
import pickle
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gnomon.errors import GnomonError, NameFormatError
from gnomon.names import Name

parts = st.text(
    st.characters(codec="ascii", categories=("L", "N"), include_characters="_-"), min_size=1, max_size=3
)


@st.composite
def names(draw: st.DrawFn) -> Name:
    package, metric, spec = draw(st.tuples(*(st.none() | parts for _ in range(3))))
    if package is not None and spec is not None and metric is None:
        metric = draw(parts)
    if package is metric is spec is None:
        package = draw(parts)
    return Name(package, metric, spec)


@given(names(), names())
def test_equal_names_have_equal_hashes_and_equal_parts(a: Name, b: Name) -> None:
    assert (a == b) == ((a.package, a.metric, a.spec) == (b.package, b.metric, b.spec))
    if a == b:
        assert hash(a) == hash(b)


@given(names())
def test_a_name_that_equals_its_string_hashes_like_it(name: Name) -> None:
    assert (name == str(name)) == name.is_fq
    if name == str(name):
        assert hash(name) == hash(str(name))
        assert {name: 1}[str(name)] == 1  # type: ignore[index]  # a name stands for its string


@given(st.lists(names(), max_size=8))
def test_any_names_can_be_sorted_whatever_parts_they_lack(some: list[Name]) -> None:
    assert all(a < b or a == b for a, b in pairwise(sorted(some)))


@given(names(), names())
def test_exactly_one_of_less_equal_and_greater_holds(a: Name, b: Name) -> None:
    assert [a < b, a == b, a > b].count(True) == 1


@given(parts, parts, parts)
def test_a_specification_is_in_its_metric_and_both_are_in_their_package(p: str, m: str, s: str) -> None:
    package, metric, spec = Name(p), Name(p, m), Name(p, m, s)
    assert spec in metric
    assert spec in package
    assert metric in package
    assert str(metric) in package
    assert metric not in spec
    assert package not in metric
    assert metric not in metric  # containment is strict
    assert Name(p + "x", m, s) not in package


@given(parts, parts, parts)
def test_a_name_is_the_same_however_its_parts_are_given(p: str, m: str, s: str) -> None:
    whole = Name(f"{p}.{m}.{s}")
    assert whole == Name(package=p, metric=m, spec=s)
    assert whole == Name(spec=f"{p}.{m}.{s}")
    assert whole == Name(metric=f"{p}.{m}", spec=s)
    assert whole == Name(package=p, spec=f"{m}.{s}")
    assert whole == Name(package=Name(p), metric=Name(p, m), spec=whole)
    assert whole.fqn == str(whole) == f"{p}.{m}.{s}"
    assert whole.relative_name == f"{m}.{s}"


@given(names())
def test_copies_and_pickles_are_the_same_name(name: Name) -> None:
    assert copy.copy(name) == copy.deepcopy(name) == pickle.loads(pickle.dumps(name)) == name


def test_a_part_that_a_name_lacks_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="does not say its package"):
        _ = Name(metric="m").fqn
    for lacking in (Name(spec="s"), Name("p.m")):
        with pytest.raises(AttributeError, match="together with its metric"):
            _ = lacking.relative_name
    with pytest.raises(TypeError, match="names none"):
        Name(metric=Name("p"))


def test_a_name_is_written_as_it_can_be_made_again() -> None:
    assert repr(Name("p.m.s")) == "Name('p', 'm', 's')"
    for name in (Name("p"), Name("p.m"), Name(metric="m"), Name(spec="m.s"), Name(spec="s")):
        assert eval(repr(name)) == name


def test_each_kind_of_name_says_what_it_is() -> None:
    assert Name("p").is_package
    assert Name("p.m").is_metric
    assert Name(metric="m").is_metric
    assert Name("p.m.s").is_spec
    assert Name(spec="m.s").is_relative
    assert not Name(spec="s").has_relative


@pytest.mark.parametrize("text", ["", " ", "a..b", "a.b c", ".a", "a.", "a\n", "a.b.c.d"])
def test_what_is_no_name_is_refused(text: str) -> None:
    with pytest.raises(NameFormatError):
        Name(text)


def test_parts_that_contradict_each_other_are_a_type_error_too() -> None:
    with pytest.raises(TypeError, match="package is given twice and differently: 'p' and 'q'"):
        Name(package="p", metric="q.m")
    with pytest.raises(NameFormatError, match="needs its metric"):
        Name(package="p", spec="s")
    with pytest.raises(GnomonError, match="at least one"):
        Name()


def test_a_name_is_a_string_or_a_name_and_nothing_else() -> None:
    with pytest.raises(NameFormatError, match="not int: 3"):
        Name(3)  # type: ignore[arg-type]
