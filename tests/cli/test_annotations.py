"""``gnomon flag`` and ``gnomon annotations history``: what was said of the data, and by whom."""

import csv
import getpass
import io
import json
import sqlite3
import uuid
from collections.abc import Callable
from contextlib import closing
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
    """The option that names a log of this test's own, in which nothing is said yet."""
    path = tmp_path / "annotations.db"
    open_annotations(path, origin="local").close()
    return ["--annotations", str(path)]


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


@pytest.mark.parametrize(
    "asked", [["list"], ["history", *VISIT], ["effective", *VISIT], ["check"], ["pending"]]
)
def test_a_mistyped_log_is_told_and_not_made(gnomon: Gnomon, tmp_path: Path, asked: list[str]) -> None:
    result = gnomon("annotations", *asked, "--annotations", str(tmp_path / "anotations.db"))
    assert result.exit_code == 2
    assert "There is no log of annotations at" in result.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "place", ["postgresql://host:port/db", "sqlite://", "mysql://host/db", "https://host/x"]
)
def test_a_place_where_no_log_can_be_is_told(gnomon: Gnomon, place: str) -> None:
    result = gnomon("annotations", "list", "--annotations", place)
    assert result.exit_code == 2
    assert result.stderr.startswith("Error: ")


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


def rows(result: Result) -> list[dict[str, str]]:
    assert result.exit_code == 0, result.output
    return list(csv.DictReader(io.StringIO(result.stdout)))


def say(gnomon: Gnomon, log: list[str], *arguments: str) -> str:
    """Say something, and give the annotation's id."""
    result = gnomon(*arguments, "--user", "alice", *log)
    assert result.exit_code == 0, result.output
    return result.stdout.strip().rpartition(" ")[2].strip("()")


def test_an_annotation_is_made_with_everything_and_shown(gnomon: Gnomon, log: list[str]) -> None:
    id = say(
        gnomon, log, "annotate", "Dome in the beam", *VISIT, "--flag", "vignetted", "--flag", "junk=clear",
        "--tag", "dome", "--url", "https://site/1", "--level", "warning", "--assignee", "bruno",
        "--attach", "s3://b/x.png", "sha256:" + "0" * 64, "--time-lost", "fault", "60",
    )  # fmt: skip
    answer = say(gnomon, log, "annotate", "Closed it", *VISIT, "--reply-to", id)
    shown = json.loads(gnomon("annotations", "show", id, *log).stdout)
    assert [(flag["flag"], flag["state"]) for flag in shown["flags"]] == [
        ("vignetting", "set"),
        ("junk", "clear"),
    ]
    assert (shown["level"], shown["assignee"], shown["by"]) == (30, "bruno", "alice")
    assert shown["attachments"][0]["uri"] == "s3://b/x.png"
    assert shown["time_lost"] == {"kind": "fault", "seconds": 60.0}
    assert shown["thread_of"] == [id, answer]


def test_an_annotation_is_edited_and_taken_back(gnomon: Gnomon, log: list[str]) -> None:
    id = say(gnomon, log, "annotate", "first", *VISIT, "--tag", "dome")
    event = json.loads(gnomon("annotations", "show", id, *log).stdout)["event"]
    edited = gnomon("annotations", "edit", id, "--text", "second", "--tag", "", "--user", "bruno", *log)
    assert "edited" in edited.stdout
    late = gnomon("annotations", "edit", id, "--expected", event, "--text", "third", *log)
    assert late.exit_code == 2
    assert "by bruno" in late.stderr
    again = gnomon("annotations", "edit", id, "--text", "second", *log)
    assert "unchanged" in again.stdout
    assert gnomon("annotations", "retract", id, "--reason", "wrong", *log).exit_code == 0
    assert rows(gnomon("annotations", "list", "--format", "csv", *log)) == []
    (row,) = rows(gnomon("annotations", "list", "--retracted", "--format", "csv", *log))
    assert (row["text"], row["tags"], row["state"]) == ("second", "", "retracted")


@pytest.mark.parametrize(
    ("about", "kind"),
    [
        ([*VISIT, "detector=3", "--dataset-type", "calexp"], "data_id"),
        (["--dataset", str(uuid.UUID(int=7))], "dataset"),
        (["--collection", "u/me/run", "--repository", "main"], "collection"),
        (["--measurement", str(uuid.UUID(int=7)), "demo.seeing"], "measurement"),
        (["instrument=X", "--pending", "X_O_7"], "pending"),
        (["instrument=X", "--begin", "2026-03-01T02:00:00Z", "--end", "2026-03-01T03:00:00Z"], "timespan"),
    ],
)
def test_everything_can_be_spoken_of(gnomon: Gnomon, log: list[str], about: list[str], kind: str) -> None:
    id = say(gnomon, log, "annotate", "x", *about, "--flag", "junk")
    shown = json.loads(gnomon("annotations", "show", id, *log).stdout)
    assert [target["kind"] for target in shown["targets"]] == [kind]
    assert len(rows(gnomon("annotations", "list", *about, "--format", "csv", *log))) == 1
    (held,) = rows(gnomon("annotations", "effective", *about, "--format", "csv", *log))
    assert (held["flag"], held["state"]) == ("junk", "set")


def test_thousands_of_things_come_from_a_file(gnomon: Gnomon, log: list[str], tmp_path: Path) -> None:
    file = tmp_path / "things.jsonl"
    lines = [json.dumps({"instrument": "LSSTCam", "visit": n}) for n in range(2000)]
    file.write_text("\n".join([*lines, '{"kind": "collection", "name": "c"}']), encoding="utf-8")
    result = gnomon("flag", "junk", "--things", str(file), *log)
    assert result.stdout.startswith("2001 things: junk set")
    told = gnomon("annotations", "coverage", "--flag", "junk", "--things", str(file), "--format", "csv", *log)
    assert len(rows(told)) == 2001
    assert told.stderr.strip() == "2001 set."
    file.write_text('{"visit": 1}', encoding="utf-8")
    wrong = gnomon("flag", "junk", "--things", str(file), *log)
    assert (wrong.exit_code, "things.jsonl:1: A data ID with visit" in wrong.stderr) == (2, True)


def test_texts_are_found_by_pieces_and_words_and_page_by_page(gnomon: Gnomon, log: list[str]) -> None:
    for n in range(5):
        say(gnomon, log, "annotate", f"cirrus number {n}", *VISIT)
    found = rows(gnomon("annotations", "search", "number 3", "--format", "csv", *log))
    assert [row["text"] for row in found] == ["cirrus number 3"]
    first = gnomon("annotations", "search", "--words", "CIRRUS", "--limit", "3", "--format", "csv", *log)
    place = first.stderr.strip().rpartition(" ")[2]
    second = gnomon("annotations", "search", "--words", "CIRRUS", "--after", place, "--format", "csv", *log)
    texts = [row["text"] for row in [*rows(first), *rows(second)]]
    assert texts == [f"cirrus number {n}" for n in (4, 3, 2, 1, 0)]
    assert gnomon("annotations", "search", *log).exit_code == 2


def test_what_holds_is_told_with_the_cut_it_rests_on_and_again_as_of_that_cut(
    gnomon: Gnomon, log: list[str]
) -> None:
    gnomon("flag", "clouds", *VISIT, "--bot", "--user", "sky-bot", "--reason", "seen", *log)
    first = gnomon("annotations", "effective", "--flag", "unusable", "--format", "csv", *log)
    (row,) = rows(first)
    assert (row["flag"], row["state"], row["causes"]) == ("unusable", "set", "clouds set")
    assert first.stderr.strip() == "As of local:1 under standard@1."
    say(gnomon, log, "flag", "clouds", *VISIT, "--state", "clear")
    now = rows(gnomon("annotations", "effective", *VISIT, "--reasons", "--format", "csv", *log))
    assert [(row["by"], row["outcome"], row["rule"]) for row in now] == [
        ("alice (human)", "holds", "human over bot"),
        ("sky-bot (bot)", "overruled", "human over bot"),
    ]
    then = gnomon(
        "annotations", "effective", "--flag", "unusable", "--at", "local:1", "--format", "csv", *log
    )
    assert rows(then) == [row]
    assert gnomon("annotations", "effective", *VISIT, "--at", "local:9", *log).exit_code == 2
    assert gnomon("annotations", "effective", *VISIT, "--at", "yesterday", *log).exit_code == 2
    assert gnomon("annotations", "effective", *log).exit_code == 2


def test_a_log_goes_to_a_file_and_from_there_into_another(
    gnomon: Gnomon, log: list[str], tmp_path: Path
) -> None:
    say(gnomon, log, "annotate", "x", *VISIT)
    file, other = str(tmp_path / "log.jsonl"), ["--annotations", str(tmp_path / "other.db")]
    assert gnomon("annotations", "export", file, *log).stdout == f"1 events in {file}.\n"
    assert gnomon("annotations", "import", file, *other).stdout == "1 events are new, 0 were known.\n"
    assert gnomon("annotations", "import", file, *other).stdout == "0 events are new, 1 were known.\n"
    assert len(rows(gnomon("annotations", "list", "--format", "csv", *other))) == 1
    assert gnomon("annotations", "export", "-", *log).stdout == Path(file).read_text(encoding="utf-8")


def test_a_sound_log_is_told_and_a_damaged_one_is_a_finding(
    gnomon: Gnomon, log: list[str], tmp_path: Path
) -> None:
    say(gnomon, log, "annotate", "x", *VISIT)
    assert gnomon("annotations", "check", *log).stdout.startswith("All is well up to local:1, digest ")
    with closing(sqlite3.connect(log[1])) as raw:
        raw.execute("UPDATE annotation SET level = 7")
        raw.commit()
    damaged = gnomon("annotations", "check", "--format", "csv", *log)
    assert (damaged.exit_code, damaged.stdout.count("rebuild the projections")) == (1, 1)
    assert gnomon("annotations", "rebuild", *log).stdout == "1 annotations computed anew.\n"
    assert gnomon("annotations", "check", *log).exit_code == 0
    assert "the log goes to local:1" in gnomon("annotations", "upgrade", *log).stdout


def test_flags_and_policies_of_a_site_are_laid_down_and_listed(
    gnomon: Gnomon, log: list[str], tmp_path: Path
) -> None:
    flags, rules = tmp_path / "flags.yaml", tmp_path / "rules.yaml"
    flags.write_text(
        "vocabulary: cam\nversion: 1\nflags:\n  ghosts: {severity: low, set_means: bad, description: Many.}\n"
    )
    rules.write_text("policy: ours\nversion: 2\nauthority:\n  - persons: [alice]\n")
    assert gnomon("vocabulary", "import", str(flags), *log).stdout == "cam@1 is laid down.\n"
    assert gnomon("policy", "import", str(rules), *log).stdout == "ours@2 is laid down.\n"
    listed = {row["flag"]: row for row in rows(gnomon("vocabulary", "list", "--format", "csv", *log))}
    assert listed["ghosts"]["vocabulary"] == "cam@1"
    assert listed["unusable"]["set_means"] == "virtual"
    assert "Many." in gnomon("vocabulary", "show", "ghosts", *log).stdout
    assert "expression: junk" in gnomon("vocabulary", "show", "unusable", *log).stdout
    assert gnomon("vocabulary", "show", "cam@1", *log).stdout.startswith("vocabulary: cam")
    assert [row["policy"] for row in rows(gnomon("policy", "list", "--format", "csv", *log))] == [
        "ours@2",
        "standard@1",
    ]
    assert "programs: evidence" in gnomon("policy", "show", "standard@1", *log).stdout
    assert "Did you mean ours@2" in gnomon("policy", "show", "our@2", *log).stderr
    say(gnomon, log, "flag", "ghosts", *VISIT)
    held = rows(gnomon("annotations", "effective", *VISIT, "--policy", "ours@2", "--format", "csv", *log))
    assert [row["flag"] for row in held] == ["ghosts"]


def test_the_configuration_file_says_which_log_is_meant(gnomon: Gnomon, tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    config.write_text('annotations = "mine.db"\norigin = "summit"\n', encoding="utf-8")
    assert gnomon("flag", "junk", *VISIT, "--config", str(config)).exit_code == 0
    assert (tmp_path / "mine.db").is_file()
    told = gnomon("annotations", "effective", *VISIT, "--config", str(config))
    assert "As of summit:1" in told.stderr
