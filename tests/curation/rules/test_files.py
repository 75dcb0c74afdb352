"""Rule files: what is wrong with one is said before anything runs, with the line and the nearest thing."""

from pathlib import Path

import pytest

from gnomon.curation.rules import Rule, load_rules
from gnomon.curation.rules.wording import write_reason
from gnomon.errors import DefinitionError

GOOD = """\
rules:
  - name: cloudy
    version: 2
    description: A cloud came by.
    flag: clouds
    metric: demo.zero_point_offset
    trend: {against: demo.airmass, within: [instrument, day_obs]}
    when: abs(residual) > 3 * scatter AND visit > 5
    reason: "{residual:+.1f} {unit} ({deviation:+.1f} sigma) at {visit:d}"
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "rules.yaml"


def refusal(path: Path, text: str) -> str:
    path.write_text(text, encoding="utf-8")
    with pytest.raises(DefinitionError) as caught:
        load_rules(path)
    assert caught.value.file == str(path)
    return str(caught.value).removeprefix(str(path))


def test_a_rule_file_is_read_in_its_order(path: Path) -> None:
    path.write_text(
        GOOD + "  - {name: bright, flag: junk, metric: demo.sky, when: value > 70}\n", encoding="utf-8"
    )
    cloudy, bright = load_rules(path)
    assert (cloudy.name, cloudy.version, cloudy.flag) == ("cloudy", 2, "clouds")
    assert cloudy.trend is not None
    assert cloudy.trend.within == ("instrument", "day_obs")
    assert (bright.version, bright.trend, bright.sentence) == (1, None, "{value:g} {unit}")


def test_a_file_without_rules_has_none(path: Path) -> None:
    path.write_text("rules: []\n", encoding="utf-8")
    assert load_rules(path) == []


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("flag:", "flg:", ":5: Rule 1: 'flg' is no key of a rule. Did you mean flag?"),
        ("within:", "wihtin:", ":7: Rule 1: 'wihtin' is no key of a rule. Did you mean within?"),
        ("version: 2", "version: two", ":3: Rule 1: 'version' is 'two': "),
        ("version: 2", "version: 0", ":3: Rule 1: 'version' is 0: "),
        ("name: cloudy", "name: too cloudy", ":2: Rule 1: 'name' is 'too cloudy': "),
        ("    flag: clouds\n", "", ":2: Rule 1: It lacks 'flag'."),
        ("residual) >", "residul) >", ":8: Rule 1: The condition names 'residul'. Did you mean residual?"),
        ("scatter AND", "scatter ANDD", ":8: Rule 1: "),
        ("visit > 5", "visit > 'five'", ":8: Rule 1: "),
        ("visit > 5", "visit > :limit", ":8: Rule 1: The condition needs a value for :limit"),
        ("when: abs(residual) > 3 * scatter AND visit > 5", "when: residual * 2", ":8: Rule 1: "),
        ("metric: demo.zero_point_offset", "metric: zero_point_offset", ":6: Rule 1: 'zero_point_offset' is"),
        ("against: demo.airmass", "against: air mass", ":7: Rule 1: 'air mass' is not a name"),
        ("[instrument, day_obs]", "[instrument, dayobs]", ":7: Rule 1: 'dayobs' is not a dimension. Did you"),
    ],
)
def test_a_mistake_is_named_with_its_line(path: Path, old: str, new: str, message: str) -> None:
    assert old in GOOD
    assert refusal(path, GOOD.replace(old, new, 1)).startswith(message)


@pytest.mark.parametrize(
    ("reason", "message"),
    [
        ("{value.__class__}", ":9: Rule 1: The reason names 'value.__class__'."),
        ("{value[0]}", "The reason names 'value[0]'."),
        ("{0}", "The reason names '0'."),
        ("{}", "The reason names ''."),
        ("{value:{unit.__class__}}", "The reason has a format for value that is not plain"),
        ("{value:999999999}", "The reason has a format for value that is not plain"),
        ("{value!r}", "The reason has a format for value that is not plain"),
        ("{value:d}", "The reason has a format for value that does not fit"),
        ("{instrument:f}", "The reason has a format for instrument that does not fit"),
        ("{residul}", "The reason names 'residul'. Did you mean residual?"),
        ("{value", "The reason is not a format"),
    ],
)
def test_a_reason_is_nothing_but_columns_in_plain_formats(path: Path, reason: str, message: str) -> None:
    old = '"{residual:+.1f} {unit} ({deviation:+.1f} sigma) at {visit:d}"'
    assert message in refusal(path, GOOD.replace(old, f'"{reason}"'))


def test_what_a_trend_gives_is_not_known_without_one(path: Path) -> None:
    text = "rules:\n  - {name: a, flag: junk, metric: demo.sky, when: residual > 1}\n"
    assert "The condition names 'residual'." in refusal(path, text)


def test_a_rule_has_one_definition(path: Path) -> None:
    twice = GOOD + "  - {name: cloudy, flag: junk, metric: demo.sky, when: value > 1}\n"
    assert refusal(path, twice) == ":10: The rule 'cloudy' is defined twice."


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "A rule file is one YAML document"),
        ("- a\n", "A rule file is a mapping, not a list."),
        ("rules: many\n", "`rules` is a list, not a string ('many')."),
        ("rules:\n", "`rules` is a list, not nothing."),
        ("rules: []\nrule: []\n", ":2: 'rule' is no key of a rule file. Did you mean rules?"),
        ("rules: [cloudy]\n", "Rule 1 is a mapping, not a string"),
        ("rules: [\n", ""),
        ("rules: []\nrules: []\n", ":2:"),
        ("a: 1\n---\nb: 2\n", "this one has 2"),
        ("rules: !!python/object:os.system []\n", ""),
    ],
)
def test_a_file_that_is_no_rule_file_is_refused(path: Path, text: str, message: str) -> None:
    assert message in refusal(path, text)


def test_a_file_that_is_not_there_is_named(path: Path) -> None:
    with pytest.raises(DefinitionError, match=r"rules\.yaml: The rules cannot be read: No such file"):
        load_rules(path)


def test_a_reason_speaks_of_what_is_missing_as_unknown() -> None:
    assert write_reason(
        "{value:.1f} {unit} on {detector:03d}: {{so}}", {"value": 2.25, "unit": "mag", "detector": None}
    ) == ("2.2 mag on unknown: {so}")


def test_a_rule_that_is_made_in_code_is_checked_as_well() -> None:
    with pytest.raises(ValueError, match="The reason names"):
        Rule(name="a", flag="junk", metric="demo.sky", when="value > 1", reason="{value.real}")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("    when: value > 1 for 0 consecutive visits", "one observation at least, not for 0"),
        ('    dataset_type: ""', "The text is empty"),
        ('    reason: "a\\0"', "NUL character"),
        ('    description: "a\\0"', "NUL character"),
        ('    flag: "a\\n"', "one line without white space"),
    ],
)
def test_what_could_not_be_recorded_is_refused_when_the_file_is_read(
    tmp_path: Path, line: str, message: str
) -> None:
    keys = {"name": "a", "flag": "junk", "metric": "demo.sky", "when": "value > 1"}
    keys.pop(line.split(":")[0].strip(), None)
    text = "\n".join(["rules:", "  - version: 1", *(f"    {k}: {v}" for k, v in keys.items()), line])
    (tmp_path / "rules.yaml").write_text(text)
    with pytest.raises(DefinitionError, match=message) as caught:
        load_rules(tmp_path / "rules.yaml")
    assert caught.value.line == len(text.splitlines())
