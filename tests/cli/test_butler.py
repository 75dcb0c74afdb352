"""gnomon's subcommands of ``butler``: found by it, light, and as careful as a person would want them."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import Result
from lsst.daf.butler import Butler
from lsst.daf.butler.cli.butler import cli
from lsst.daf.butler.cli.utils import LogCliRunner

from gnomon.annotations import Annotations, Target, open_annotations
from gnomon.repository.configuration import open_butler

CATALOGS = "DemoCamera/catalogs"
LATE = "instrument = 'DemoCamera' AND visit > 2026030100006"
SELECTED = ("--dataset-type", "star_catalog", "--collections", CATALOGS, "--where", LATE)

ButlerCommand = Callable[..., Result]


@pytest.fixture
def log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Annotations]:
    monkeypatch.setenv("GNOMON_ORIGIN", "summit")
    monkeypatch.setenv("GNOMON_ANNOTATIONS", str(tmp_path / "annotations.db"))
    with open_annotations(tmp_path / "annotations.db", origin="summit") as annotations:
        yield annotations


@pytest.fixture
def butler(log: Annotations) -> ButlerCommand:
    """Call ``butler``; whatever it ends with, there is no stack trace."""

    def call(*arguments: str, input: str | None = None) -> Result:
        result = LogCliRunner().invoke(cli, arguments, prog_name="butler", input=input)
        assert "Traceback" not in result.output
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    return call


@pytest.fixture(scope="module")
def ids(night_repository: Path) -> list[str]:
    with open_butler(night_repository) as client:
        return [str(ref.id) for ref in client.query_datasets("star_catalog", CATALOGS, where=LATE)]


def test_the_butler_lists_them(butler: ButlerCommand) -> None:
    listed = butler("--help").output
    for name in ("annotate", "query-annotations", "lineage"):
        assert f"\n  {name} " in listed
        assert butler(name, "--help").exit_code == 0


def test_a_butler_command_that_is_another_loads_nothing_of_them() -> None:
    script = (
        "import sys, gnomon.cli.butler as ours; ours.subcommands();"
        "heavy = ('gnomon', 'lsst', 'rich', 'astropy', 'numpy');"
        "print(*sorted(name for name in sys.modules if name.startswith(heavy)))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.split() == [
        "gnomon",
        "gnomon.cli",
        "gnomon.cli.butler",
        "gnomon.cli.lazy",
        "gnomon.errors",
    ]


def test_what_would_be_marked_is_shown_and_marked_only_after_a_yes(
    butler: ButlerCommand, log: Annotations, night_repository: Path, ids: list[str]
) -> None:
    arguments = (
        "annotate",
        str(night_repository),
        *SELECTED,
        "--flag",
        "junk",
        "--reason",
        "dome",
        "--user",
        "ada",
    )
    dry = butler(*arguments, "--dry-run")
    assert (dry.exit_code, log.search()) == (0, [])
    assert all(id in dry.output for id in ids)
    assert "Meant: 2 datasets." in dry.output
    unasked = butler(*arguments)
    assert unasked.exit_code == 2
    assert "nobody to ask" in unasked.output
    assert log.search() == []
    assert butler(*arguments, "--yes").exit_code == 0
    [one] = log.search()
    assert [str(target.dataset_id) for target in one.targets[:2]] == ids
    assert (one.actor.name, one.actor.agent, one.assertions[0].reason) == ("ada", "butler annotate", "dome")


def test_what_the_repository_does_not_have_is_refused_in_a_sentence(
    butler: ButlerCommand, log: Annotations, night_repository: Path
) -> None:
    result = butler(
        "annotate", str(night_repository), "--dataset-type", "star_catalogs", "--collections", CATALOGS,
        "--text", "x", "--yes",
    )  # fmt: skip
    assert result.exit_code == 2
    assert (
        "Error: The repository has no dataset type 'star_catalogs'. Did you mean star_catalog?"
        in result.output
    )
    assert butler("annotate", str(night_repository), *SELECTED, "--yes").exit_code == 2
    assert butler("annotate", "nowhere", *SELECTED, "--text", "x", "--yes").exit_code == 2
    unknown = butler("annotate", str(night_repository), *SELECTED, "--flag", "jumk", "--yes")
    assert (unknown.exit_code, "Did you mean junk?" in unknown.output) == (2, True)
    assert log.search() == []


def test_what_was_said_is_listed_with_the_flags_that_hold(
    butler: ButlerCommand, night_repository: Path, ids: list[str]
) -> None:
    repository = str(night_repository)
    butler("annotate", repository, *SELECTED, "--flag", "junk", "--reason", "dome", "--bot", "--yes")
    butler("annotate", repository, "--dataset", ids[0], "--flag", "junk=clear", "--reason", "fine", "--yes")
    butler(
        "annotate", repository, *SELECTED, "--element", "day_obs", "--text", "humid", "--tag", "wet", "--yes"
    )
    standing = ("--element", "visit", "--where", LATE.replace("100006", "100007"), "--standing")
    butler("annotate", repository, *standing, "--flag", "donuts", "--yes")
    result = butler("query-annotations", repository, *SELECTED, "--format", "json")
    rows = [
        (row["visit"] % 100, row["about"], row["flag"], row["state"], row["said"])
        for row in json.loads(result.stdout)
    ]
    assert rows == [
        (7, "dataset", "junk", "clear", "fine"),
        (7, "day_obs", "", "", "humid #wet"),
        (8, "dataset", "junk", "set", "dome"),
        (8, "standing query", "donuts", "set", ""),
        (8, "day_obs", "", "", "humid #wet"),
    ]
    assert "As of summit:4." in result.stderr
    table = butler("query-annotations", repository, *SELECTED, "--state", "set").stdout.splitlines()
    assert sum("star_catalog" in line for line in table) == 2
    then = butler(
        "query-annotations", repository, *SELECTED, "--at", "summit:1", "--flag", "junk", "--format", "csv"
    )
    assert [line.count(",set,") for line in then.stdout.splitlines()[1:]] == [1, 1]


def test_annotations_of_removed_datasets_are_listed_as_orphaned(
    butler: ButlerCommand,
    gnomon: Callable[..., Result],
    log: Annotations,
    night_repository: Path,
    tmp_path: Path,
    ids: list[str],
) -> None:
    repository = shutil.copytree(night_repository, tmp_path / "repo")
    butler("annotate", str(repository), *SELECTED, "--flag", "junk", "--yes")
    assert "gone" in butler("query-annotations", str(repository), "--orphaned").output
    with Butler.from_config(str(repository), writeable=True) as client:
        client.removeRuns([CATALOGS], unlink_from_chains=True)
    rows = json.loads(butler("query-annotations", str(repository), "--orphaned", "--format", "json").stdout)
    assert [(row["gone"], row["first"], row["flags"]) for row in rows] == [("2 of 2", ids[0], ["junk set"])]
    listed = gnomon("annotations", "list", "--orphaned", "--repo", str(repository), "--format", "json")
    assert json.loads(listed.stdout) == rows
    assert gnomon("annotations", "list", "--orphaned").exit_code == 2
    assert len(log.effective([Target.dataset(ids[0])])) == 1
    # What could not be answered is not passed over.
    for more in (["--state", "set"], ["--dataset", ids[0]], ["--flag", "junk", "--flag", "clouds"]):
        assert (
            "it goes with one --flag"
            in butler("query-annotations", str(repository), "--orphaned", *more).output
        )
    wrong = butler("query-annotations", str(repository), *SELECTED, "--annotations", str(tmp_path / "no.db"))
    assert (wrong.exit_code, (tmp_path / "no.db").exists()) == (2, False)
    assert "There is no log of annotations at" in wrong.output


def test_lineage_is_that_of_gnomon(butler: ButlerCommand, night_repository: Path) -> None:
    result = butler("lineage", str(night_repository), "not-a-uuid")
    assert result.exit_code == 2
    assert "not-a-uuid" in result.output
