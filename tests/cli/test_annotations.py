"""``gnomon flag`` and ``gnomon annotations history``: what was said of the data, and by whom."""

import csv
import getpass
import io
import json
import uuid
from collections.abc import Callable
from pathlib import Path

import click
import pytest
from click.testing import Result

from gnomon.annotations import Actor, Assertion, Target, open_annotations
from gnomon.cli.options import parse_data_id
from gnomon.errors import DataIdError

Gnomon = Callable[..., Result]
VISIT = ["instrument=LSSTCam", "visit=42"]


@pytest.fixture
def log(tmp_path: Path) -> list[str]:
    """The option that names a log of this test's own."""
    return ["--annotations", str(tmp_path / "annotations.db")]


def test_what_a_person_says_is_recorded_and_told_again(gnomon: Gnomon, log: list[str]) -> None:
    said = gnomon("flag", "clouds", *VISIT, "--reason", "cirrus", "--user", "alice", *log)
    assert said.exit_code == 0
    assert said.stdout.startswith("LSSTCam visit=42: clouds set (")
    told = gnomon("annotations", "history", *VISIT, "--format", "csv", *log)
    (row,) = csv.DictReader(io.StringIO(told.stdout))
    assert (row["by"], row["kind"], row["flags"]) == ("alice (human)", "add", "clouds set: cirrus")
    assert row["annotation"] in said.stdout


def test_implied_dimensions_do_not_matter(gnomon: Gnomon, log: list[str]) -> None:
    gnomon("flag", "clouds", *VISIT, "band=r", "--user", "alice", *log)
    told = gnomon("annotations", "history", *VISIT, "--format", "json", *log)
    (event,) = json.loads(told.stdout)
    assert event["actor"] == "alice"
    assert event["payload"]["flags"][0]["flag"] == "clouds"


def test_every_state_can_be_said(gnomon: Gnomon, log: list[str]) -> None:
    for state in ("examined", "set", "clear"):
        assert gnomon("flag", "clouds", *VISIT, "--state", state, *log).exit_code == 0
    told = gnomon("annotations", "history", *VISIT, *log)
    assert [word for word in told.stdout.split() if word in ("examined", "set", "clear")] == [
        "examined",
        "set",
        "clear",
    ]


def test_who_speaks_is_the_account_unless_it_is_said(gnomon: Gnomon, log: list[str]) -> None:
    gnomon("flag", "clouds", *VISIT, *log)
    told = gnomon("annotations", "history", *VISIT, "--format", "json", *log)
    assert json.loads(told.stdout)[0]["actor"] == getpass.getuser()


def test_an_account_without_a_name_is_asked_for_one(
    gnomon: Gnomon, log: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setattr("os.getuid", lambda: 987_654_321)  # an account that no system has
    result = gnomon("flag", "clouds", *VISIT, *log)
    assert result.exit_code == 2
    assert "say who you are with --user" in result.stderr
    assert gnomon("flag", "clouds", *VISIT, "--user", "alice", *log).exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["cloudz", *VISIT], "'cloudz' is not a flag. Did you mean clouds?"),
        (["clouds", "visit=42"], "A data ID with visit needs instrument too"),
        (["clouds", "instrument=LSSTCam", "vist=42"], "'vist' is not a dimension. Did you mean visit?"),
        (["clouds", "instrument=LSSTCam", "visit=4x"], "visit takes an integer, not '4x'"),
        (["clouds", "42"], "'42' is not part of a data ID"),
        (["clouds", *VISIT, "visit=43"], "visit is given twice"),
        (["clouds", *VISIT, "--state", "unset"], "'unset' is not one of"),
        (["clouds", *VISIT, "--user", ""], "name of the actor is empty"),
        (["clouds"], "Missing argument"),
    ],
)
def test_what_cannot_be_said_is_misuse_and_not_recorded(
    gnomon: Gnomon, log: list[str], arguments: list[str], message: str
) -> None:
    result = gnomon("flag", *arguments, *log)
    assert result.exit_code == 2
    assert message in result.stderr.replace("\n", " ")
    assert gnomon("annotations", "history", *VISIT, "--format", "json", *log).stdout == "[]\n"


def test_a_file_that_is_no_log_is_refused(gnomon: Gnomon, tmp_path: Path) -> None:
    letter = tmp_path / "letter.txt"
    letter.write_text("Dear all", encoding="utf-8")
    result = gnomon("flag", "clouds", *VISIT, "--annotations", str(letter))
    assert result.exit_code == 2
    assert letter.read_text(encoding="utf-8") == "Dear all"


def test_the_history_of_a_thing_shows_what_was_said_of_it_among_others(
    gnomon: Gnomon, log: list[str]
) -> None:
    dataset = Target.dataset(uuid.uuid4())
    mine = Target.dimension("visit", {"instrument": "LSSTCam", "visit": 42})
    other = Target.dimension("visit", {"instrument": "LSSTCam", "visit": 43})
    alice = Actor("alice", "human")

    def words(state_of_mine: str) -> list[Assertion]:
        return [
            Assertion("clouds", "set", "other", other),
            Assertion("clouds", state_of_mine, "mine", mine),  # type: ignore[arg-type]
            Assertion("junk", "set", "data", dataset),
        ]

    with open_annotations(log[1]) as annotations:
        said = annotations.add(targets=[dataset, other, mine], flags=words("set"), actor=alice)
        annotations.edit(said.id, flags=words("examined"), expected=said.event_id, actor=alice)
        annotations.retract(said.id, reason="too hasty", actor=alice)

    def flags(*about: str) -> list[str]:
        told = gnomon("annotations", "history", *about, "--format", "csv", *log)
        assert told.exit_code == 0
        return [row["flags"] for row in csv.DictReader(io.StringIO(told.stdout))]

    assert flags(*VISIT) == ["clouds set: mine", "clouds examined: mine", ""]
    everything = "clouds set: other, clouds {}: mine, junk set: data"
    assert flags(str(said.id)) == [everything.format("set"), everything.format("examined"), ""]
    told = gnomon("annotations", "history", str(said.id), "--format", "json", *log)
    assert [event["kind"] for event in json.loads(told.stdout)] == ["add", "edit", "retract"]


def test_a_thing_of_which_nobody_spoke_has_no_history(gnomon: Gnomon, log: list[str]) -> None:
    result = gnomon("annotations", "history", *VISIT, *log)
    assert result.exit_code == 0
    assert result.stdout.split() == ["recorded_at", "by", "kind", "text", "flags", "annotation"]


@pytest.mark.parametrize("about", [["4f"], [str(uuid.UUID(int=7))], ["4f", "visit=3"]])
def test_an_annotation_that_nobody_made_is_misuse(gnomon: Gnomon, log: list[str], about: list[str]) -> None:
    result = gnomon("annotations", "history", *about, *log)
    assert result.exit_code == 2
    assert "Error: " in result.stderr


def test_a_text_is_shown_letter_by_letter(gnomon: Gnomon, log: list[str]) -> None:
    gnomon("flag", "clouds", *VISIT, "--reason", "[bold]:cloud:[/bold]", *log)
    assert "[bold]:cloud:[/bold]" in gnomon("annotations", "history", *VISIT, *log).stdout.replace("\n", "")


@pytest.mark.parametrize(
    ("words", "data_id"),
    [
        (["instrument=LSSTCam", "visit=42"], {"instrument": "LSSTCam", "visit": 42}),
        (["skymap=a=b", "tract=0", "patch=7"], {"skymap": "a=b", "tract": 0, "patch": 7}),
        (["band=1"], {"band": "1"}),
        (["healpix9=12", "htm7=3"], {"healpix9": 12, "htm7": 3}),
    ],
)
def test_a_data_id_is_read_from_words(words: list[str], data_id: dict[str, int | str]) -> None:
    assert parse_data_id(words) == data_id


@pytest.mark.parametrize("word", ["visit", "visit=", "=3", ""])
def test_a_word_that_is_no_part_of_a_data_id_is_refused(word: str) -> None:
    with pytest.raises(DataIdError, match="expected for example visit=42"):
        parse_data_id(["instrument=LSSTCam", word])


def test_help_needs_no_account(gnomon: Gnomon) -> None:
    result = gnomon("flag", "--help")
    assert result.exit_code == 0
    assert "the account's name" in result.stdout
    assert isinstance(click.get_current_context(silent=True), type(None))
