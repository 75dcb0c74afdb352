"""``gnomon metrics`` and ``gnomon specs``."""

import json
from importlib.resources import files

from click.testing import CliRunner, Result

from gnomon.cli import main

DEMO = str(files("gnomon.demo") / "definitions")


def run(*args: str) -> Result:
    return CliRunner().invoke(main, [*args, "--definitions", DEMO])


def rows(*args: str) -> list[dict[str, str]]:
    result = run(*args, "--format", "json")
    assert result.exit_code == 0, result.output
    found: list[dict[str, str]] = json.loads(result.stdout)
    return found


def test_metrics_are_listed_by_tag_unit_and_package() -> None:
    assert len(rows("metrics", "list")) == 13
    assert {row["metric"] for row in rows("metrics", "list", "--tag", "night", "--unit", "arcsec")} == {
        "demo.astrometric_repeatability"
    }
    assert len(rows("metrics", "list", "--package", "demo", "--unit", "")) == 3
    assert run("metrics", "list", "--package", "deno").exit_code == 2


def test_metrics_are_found_by_words() -> None:
    found = rows("metrics", "search", "SKY level")
    assert [row["metric"] for row in found] == ["demo.sky_background"]
    assert (found[0]["better"], found[0]["data_id"]) == ("lower", "instrument visit")
    assert rows("metrics", "search", "nothing of the kind") == []


def test_specifications_are_listed_with_their_tier() -> None:
    found = {row["specification"]: row for row in rows("specs", "list", "--tag", "photometry")}
    assert found["demo.photometric_repeatability.design"]["tier"] == "design"
    assert found["demo.photometric_repeatability.design"]["requirement"] == "<= 5 mmag"


def test_a_specification_is_shown_with_its_whole_inheritance() -> None:
    result = run("specs", "show", "demo.photometric_repeatability.design")
    assert result.exit_code == 0
    assert "1.   demo:photometry#repeatability" in result.output
    assert "threshold.value" in result.output
    told = CliRunner().invoke(
        main,
        ["specs", "show", "demo.photometric_repeatability.design", "-d", DEMO, "--format", "json"],
    )
    document = json.loads(told.stdout)
    assert document["specification"]["threshold"]["value"] == 5.0
    assert [step["depth"] for step in document["steps"]] == [1, 0]
    assert all(part["line"] > 0 for part in document["parts"])


def test_a_metric_is_shown_with_its_places() -> None:
    result = run("metrics", "show", "demo.magnitude_error")
    assert result.exit_code == 0
    assert "reference.gnomon.better" in result.output


def test_a_wrong_name_is_status_2_with_the_nearest() -> None:
    result = run("specs", "show", "demo.photometric_repeatability.desing")
    assert result.exit_code == 2
    assert "Did you mean demo.photometric_repeatability.design" in result.stderr


def test_the_package_can_come_from_the_environment() -> None:
    result = CliRunner().invoke(main, ["metrics", "list"], env={"GNOMON_DEFINITIONS": DEMO})
    assert "demo.airmass" in result.output
