"""Examples in rule files: the tests that travel with a rule."""

import re
from pathlib import Path
from typing import Any

import pytest

from gnomon.curation.rules import Example, Rule, failing_examples, load_rules


def rule(given: Any, expect: Any, **more: Any) -> Rule:
    told: dict[str, Any] = {"metric": "demo.seeing", "when": "seeing > 2 arcsec", **more}
    example = {"given": given, "expect": expect}
    return Rule.model_validate({"name": "a", "flag": "junk", "examples": [example], **told})


@pytest.mark.parametrize(
    ("given", "expect", "more"),
    [
        ({"seeing": "2.1 arcsec"}, "set", {}),
        ({"demo.seeing": "1900 mas"}, "examined", {}),
        ({"value": None}, "nothing", {}),
        ([{"seeing": "3 arcsec"}, {"seeing": "1 arcsec"}], ["set", "nothing"], {"otherwise": "nothing"}),
        (
            {"seeing": "3 arcsec", "visit.observation_type": "flat"},
            "nothing",
            {"only": "observation_type = 'science'"},
        ),
        ({"seeing": "3 arcsec", "zenith_angle": 60}, "set", {"only": "airmass > 1.9"}),
        ({"seeing": "3 arcsec", "detector": 7}, "set", {}),
        ({"seeing": "3 arcsec", "exposure_time": "0.5 min"}, "set", {"only": "exposure_time = 30 s"}),
        ({"seeing": "3 arcsec"}, "set", {"of": "dataset"}),
        (
            [{"seeing": "3 arcsec"}, {"seeing": "3 arcsec"}, {"seeing": "1 arcsec"}, {"seeing": "3 arcsec"}],
            ["set", "set", "examined", "examined"],
            {"when": "seeing > 2 arcsec for 2 consecutive visits"},
        ),
        (
            [{"seeing": 3}, {"seeing": 3}],
            ["set", "set"],
            {"when": "value > 2 for 2 consecutive exposures"},
        ),
        (
            [{"seeing": "3 arcsec"}, {"seeing": "3 arcsec", "visit.begin": "2026-01-01T05:00:00Z"}],
            ["examined", "examined"],
            {"when": "seeing > 2 arcsec for 2 consecutive visits", "consecutive": {"longest_gap": "10 min"}},
        ),
        (
            [{"depth": 27, "tract": 1, "band": "r"}, {"depth": 23, "tract": 2}],
            ["set", "examined"],
            {"metric": None, "metrics": {"depth": "demo.depth"}, "when": "depth > 26", "of": "tract-band"},
        ),
    ],
)
def test_an_example_that_holds_is_none_that_fails(given: Any, expect: Any, more: dict[str, Any]) -> None:
    assert failing_examples(rule(given, expect, **more)) == []


def test_what_a_rule_says_otherwise_is_told_beside_what_was_expected() -> None:
    (failure,) = failing_examples(rule([{"seeing": "3 arcsec"}, {"seeing": "1 arcsec"}], ["set", "set"]))
    assert (failure.rule, failure.example, failure.place) == ("a", 1, 2)
    assert (failure.expected, failure.found) == ("set", "examined")


def test_an_example_that_cannot_be_evaluated_says_why() -> None:
    (failure,) = failing_examples(rule({"seeing": "3 mag"}, "set"))
    assert "what is in arcsec cannot be compared with what is in mag" in failure.found
    (failure,) = failing_examples(rule({"seeing": "many"}, "set"))
    assert failure.found == "seeing is a number, perhaps with a unit, not 'many'."


@pytest.mark.parametrize(
    ("given", "expect", "message"),
    [
        ({"seing": 1}, "set", "Example 1 gives 'seing', which the rule does not know. Did you mean seeing"),
        ({"residual": 1}, "set", "Example 1 gives 'residual', which the rule does not know"),
        ({"seeing": 1}, "clear", "Example 1 expects 'clear', which the rule never says"),
        ([{"seeing": 1}], ["set", "set"], "here are 1 given and 2 expected"),
        ([], [], "here are 0 given and 0 expected"),
    ],
)
def test_an_example_that_cannot_be_one_is_refused(given: Any, expect: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message.replace(".", r"\.")):
        rule(given, expect)


def test_examples_are_made_in_code_as_well() -> None:
    assert Example(given=({"seeing": 1},), expect=("set",)).expect == ("set",)


def test_the_rule_that_the_documentation_shows_holds_its_examples(tmp_path: Path) -> None:
    page = Path(__file__).parents[3] / "docs" / "user" / "rules.md"
    shown = re.search(r"^```yaml\n(rules:.*?)^```$", page.read_text(encoding="utf-8"), re.M | re.S)
    assert shown
    (tmp_path / "rules.yaml").write_text(shown[1], encoding="utf-8")
    (poor,) = load_rules(tmp_path / "rules.yaml")
    assert poor.examples
    assert failing_examples(poor) == []


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ({"seeing": [1, 2]}, "seeing is a number, perhaps with a unit, not [1, 2]."),
        ({"seeing": 10**400}, "seeing is a number, perhaps with a unit, not 1000"),
        ({"seeing": 3, "visit": "abc"}, "visit is an integer, not 'abc'."),
        ({"seeing": 3, "visit": 10**23}, "visit is an integer, not 1000"),
        ({"seeing": 3, "day_obs": 1.5}, "day_obs is an integer, not 1.5."),
        ({"seeing": 3, "band": 5}, "band is a text, not 5."),
        ({"seeing": 3, "exposure_time": "3 arcsec"}, "Values in arcsec do not convert into s."),
    ],
)
def test_a_value_of_the_wrong_type_is_told_and_ends_nothing(given: Any, found: str) -> None:
    (failure,) = failing_examples(rule(given, "set", when="seeing > 2"))
    assert found in failure.found
