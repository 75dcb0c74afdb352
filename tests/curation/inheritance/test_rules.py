"""Rules of inheritance are files with a name and a version, and a mistake in one says where it stands."""

from pathlib import Path

import pytest

from gnomon.curation.inheritance import InheritanceRules, load_inheritance, parse_inheritance
from gnomon.errors import InheritanceError


def rules(*flows: dict[str, object]) -> InheritanceRules:
    return parse_inheritance({"inheritance": "site", "version": 1, "flows": list(flows)})


def test_what_ships_says_that_exposures_count_and_inputs_inform() -> None:
    standard = load_inheritance("standard@1")
    assert standard.label == "standard@1"
    assert {(flow.way, flow.when.kind, flow.effect) for flow in standard.flows} == {
        ("exposure to visit", "any", "counts"),
        ("exposure to visit", "all", "counts"),
        ("input to output", "any", "informs"),
    }
    assert not standard.datasets_count


def test_what_ships_never_changes() -> None:
    # The content of a version is frozen: to say something else, add a file with the next version.
    flows = load_inheritance("standard@1").document["flows"]
    assert flows == [
        {
            "name": "exposures to visit", "from": "exposure", "to": "visit", "meanings": ["bad", "neutral"],
            "when": "any", "effect": "counts",
        },
        {
            "name": "all exposures to visit", "from": "exposure", "to": "visit", "meanings": ["good"],
            "when": "all", "effect": "counts",
        },
        {
            "name": "inputs to outputs", "from": "input", "to": "output", "meanings": ["bad", "neutral"],
            "kinds": "strongest", "depth": "all", "when": "any", "effect": "informs",
        },
    ]  # fmt: skip


def test_a_site_has_rules_of_its_own_in_a_file(tmp_path: Path) -> None:
    file = tmp_path / "site.yaml"
    file.write_text(
        "inheritance: site\nversion: 3\nflows:\n"
        "  - {from: exposure, to: visit, when: {fraction: 0.5}, visit_systems: [pairs]}\n"
        "  - {from: input, to: output, kinds: [used], depth: 2, inputs: ['*_warp'], when: {number: 3}}\n"
    )
    site = load_inheritance(file)
    first, second = site.flows
    assert (site.label, first.name, first.when.value, first.visit_systems) == (
        "site@3", "exposure to visit", 0.5, ("pairs",),
    )  # fmt: skip
    assert (second.kinds, second.depth, second.effect) == (frozenset({"used"}), 2, "counts")
    assert second.takes("direct_warp")
    assert not second.takes("raw")
    assert not second.takes(None)
    assert site.datasets_count


@pytest.mark.parametrize(
    ("flow", "message"),
    [
        ({"from": "exposure", "to": "visits"}, "no flag flows from 'exposure' to 'visits'"),
        ({"from": "exposure"}, "to must be a text"),
        ({"from": "exposure", "to": "visit", "when": "most"}, "when is 'most'; expected is any, all"),
        ({"from": "exposure", "to": "visit", "when": {"fraction": 1.5}}, "F above 0 and at most 1"),
        ({"from": "exposure", "to": "visit", "when": {"number": 0}}, "N from 1"),
        ({"from": "exposure", "to": "visit", "depth": 2}, "depth has no meaning from exposure to visit"),
        ({"from": "input", "to": "output", "visit_systems": ["a"]}, "visit_systems has no meaning"),
        ({"from": "input", "to": "output", "kinds": ["usd"]}, "Did you mean used?"),
        ({"from": "input", "to": "output", "depth": 0}, "depth must be an integer from 1"),
        ({"from": "exposure", "to": "visit", "meanings": ["baad"]}, "Did you mean bad?"),
        ({"from": "exposure", "to": "visit", "efect": "counts"}, "Did you mean effect?"),
        ("exposure to visit", "flows, entry 1 must be a mapping"),
    ],
)
def test_a_mistake_is_told_with_its_place(flow: dict[str, object], message: str) -> None:
    with pytest.raises(InheritanceError, match="flows, entry 1") as raised:
        rules(flow)
    assert message in str(raised.value)


def test_two_flows_need_two_names() -> None:
    with pytest.raises(InheritanceError, match="two flows are called 'exposure to visit'"):
        rules({"from": "exposure", "to": "visit"}, {"from": "exposure", "to": "visit", "when": "all"})


def test_flows_that_are_no_list_are_not_taken_for_none() -> None:
    with pytest.raises(InheritanceError, match=r"flows must be a list, not \{\}"):
        parse_inheritance({"inheritance": "site", "version": 1, "flows": {}})


def test_a_name_that_nobody_laid_down_is_told_with_the_nearest() -> None:
    with pytest.raises(InheritanceError, match=r"no inheritance 'standrad@1'.*Did you mean standard@1\?"):
        load_inheritance("standrad@1")


def test_a_file_is_named_where_it_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(InheritanceError, match=r"nothere.yaml: The file cannot be read"):
        load_inheritance(tmp_path / "nothere.yaml")
    (tmp_path / "broken.yaml").write_text("inheritance: [")
    with pytest.raises(InheritanceError, match=r"broken.yaml:1: This is no YAML file"):
        load_inheritance(tmp_path / "broken.yaml")


def test_nobody_takes_the_name_of_what_ships_for_something_else(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("inheritance: standard\nversion: 1\nflows: []\n")
    with pytest.raises(InheritanceError, match="ships with gnomon and says something else"):
        load_inheritance(file)
