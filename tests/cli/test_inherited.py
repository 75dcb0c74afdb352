"""``gnomon annotations effective --inherit`` shows what a thing has from others, and from whose word."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from lsst.daf.butler import Butler, DatasetRef

from gnomon.annotations import Actor, Assertion, Target, open_annotations
from gnomon.repository.lineage import Edge, open_lineage
from gnomon.testing.surveys import Survey, make_survey

GnomonCommand = Callable[..., Result]


@pytest.fixture(scope="module")
def survey(tmp_path_factory: pytest.TempPathFactory) -> Survey:
    return make_survey(tmp_path_factory.mktemp("inherited"), visits=2, detectors=2, snaps=2)


@pytest.fixture
def places(survey: Survey, tmp_path: Path) -> list[str]:
    """A log in which an exposure is marked, and a lineage in which a raw was made from another."""
    log, lineage = tmp_path / "annotations.db", tmp_path / "lineage.db"
    exposure: dict[str, int | str] = {"instrument": "SurveyCamera", "exposure": survey.exposures[0]}
    with open_annotations(log, origin="summit") as opened:
        opened.add(
            targets=[Target.dimension("exposure", exposure)],
            flags=[Assertion("clouds", "set", "cirrus")],
            actor=Actor("cloud-bot", "bot"),
        )
    one, other = raws(survey)
    with open_lineage(lineage) as known:
        known.record([Edge(other.id, one.id)])
    return ["--annotations", str(log), "--lineage", str(lineage), "--repo", str(survey.folder)]


def raws(survey: Survey) -> tuple[DatasetRef, DatasetRef]:
    with Butler.from_config(survey.folder) as butler:
        return tuple(
            butler.find_dataset(  # type: ignore[return-value]  # both are there
                "raw", instrument="SurveyCamera", exposure=number, detector=0, collections=survey.raw_run
            )
            for number in (survey.exposures[0], survey.exposures[-1])
        )


def rows(result: Result) -> list[dict[str, Any]]:
    assert result.exit_code == 0, result.output
    found: list[dict[str, Any]] = json.loads(result.stdout)
    return found


def test_a_visit_shows_what_it_has_from_its_exposures(
    gnomon: GnomonCommand, survey: Survey, places: list[str]
) -> None:
    visit = survey.visit_ids[0]
    command = ["annotations", "effective", "instrument=SurveyCamera", f"visit={visit}", *places]
    (row,) = rows(gnomon(*command, "--inherit", "standard@1", "--format", "json"))
    assert row["about"] == f"SurveyCamera visit={visit}"
    assert (row["flag"], row["state"], row["by"]) == ("clouds", "set", "cloud-bot (bot)")
    assert row["reason"] == f"1 of 2 exposures is clouds: SurveyCamera exposure={survey.exposures[0]}"
    assert row["causes"] == [f"SurveyCamera exposure={survey.exposures[0]} clouds set"]
    assert (row["text"], row["inherited"], row["effect"]) == (
        "cirrus", "standard@1: exposures to visit", "counts",
    )  # fmt: skip
    table = gnomon(*command, "--inherit", "standard@1")
    assert "1 of 2 exposures" in " ".join(table.stdout.split())
    assert "As of summit:1 under standard@1." in table.stderr
    reasons = rows(gnomon(*command, "--inherit", "standard@1", "--reasons", "--format", "json"))
    assert [(reason["about"], reason["reason"]) for reason in reasons] == [
        (f"SurveyCamera exposure={survey.exposures[0]}", "cirrus")
    ]


def test_a_dataset_shows_what_its_inputs_have(
    gnomon: GnomonCommand, survey: Survey, places: list[str]
) -> None:
    _, made = raws(survey)
    found = rows(
        gnomon(
            "annotations", "effective", "--dataset", str(made.id), *places,
            "--inherit", "standard@1", "--format", "json",
        )
    )  # fmt: skip
    assert [(row["flag"], row["effect"]) for row in found] == [("clouds", "informs")]
    assert found[0]["reason"].startswith("1 of 1 raw is clouds: raw SurveyCamera exposure=")


def test_everything_that_has_a_flag_from_others_is_listed(
    gnomon: GnomonCommand, survey: Survey, places: list[str]
) -> None:
    found = rows(
        gnomon(
            "annotations", "effective", "--flag", "unusable", *places,
            "--inherit", "standard@1", "--format", "json",
        )
    )  # fmt: skip
    own, *others = found
    assert (own["inherited"], own["about"]) == (None, f"SurveyCamera exposure={survey.exposures[0]}")
    assert {row["about"].partition(":")[0] for row in others} == {
        "dataset", f"SurveyCamera visit={survey.visit_ids[0]}"
    }  # fmt: skip


def test_a_mistake_is_told_in_a_sentence(gnomon: GnomonCommand, places: list[str], tmp_path: Path) -> None:
    visit = ["annotations", "effective", "instrument=SurveyCamera", "visit=1"]
    wrong = gnomon(*visit, *places, "--inherit", "standrad@1")
    assert (wrong.exit_code, "Did you mean standard@1?" in wrong.stderr) == (2, True)
    alone = gnomon(*visit, *places[:2], "--inherit", "standard@1")
    assert (alone.exit_code, "--inherit and --repo belong together" in alone.stderr) == (2, True)
    nowhere = gnomon(*visit, *places[:4], "--repo", str(tmp_path / "nowhere"), "--inherit", "standard@1")
    assert (nowhere.exit_code, "nowhere" in nowhere.stderr) == (2, True)
