"""Ready ingredients: pipelines to import in one line."""

from importlib.resources import files
from typing import Any

import pytest
from astropy import units as u
from lsst.pipe.base import Pipeline

from gnomon.repository.configuration import enable

enable()

SHIPPED = "resource://gnomon/tasks/pipelines"
NAMES = sorted(path.name for path in files("gnomon.tasks").joinpath("pipelines").iterdir())
STARS = {"imports": [{"location": f"{SHIPPED}/stars.yaml"}]}


def test_there_are_ingredients() -> None:
    assert {"apdb.yaml", "costs.yaml", "stars.yaml"} <= set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_an_ingredient_can_be_read_from_where_the_package_is_installed(name: str) -> None:
    pipeline = Pipeline.from_uri(f"{SHIPPED}/{name}")
    # What must be given has no default, and nothing else is missing.
    for parameter in ("watchedTask", "watchedPackage", "apdb"):
        pipeline.addConfigOverride("parameters", parameter, "given")
    assert pipeline.to_graph().tasks


def test_one_line_measures_stars_and_another_leaves_a_metric_out(run_pipeline: Any) -> None:
    piped = run_pipeline(
        {
            **STARS,
            "tasks": {
                "visit": {
                    "class": "gnomon.tasks.star_catalogs.VisitStarsTask",
                    "config": {"skip": ["airmass", "star_count"]},
                }
            },
            "imports": [{"location": f"{SHIPPED}/stars.yaml", "exclude": ["extinction", "scatter"]}],
        }
    )
    assert piped.status == 0
    assert piped.report.keys() == {"reference", "visit", "night"}
    assert len(piped.measurements("metricvalue_demo_zero_point_offset")) == 8
    assert piped.measurements("metricvalue_demo_airmass") == {}


@pytest.mark.long
def test_the_cost_of_any_task_is_measured_by_naming_it(run_pipeline: Any) -> None:
    piped = run_pipeline(
        {
            "imports": [
                {"location": f"{SHIPPED}/stars.yaml", "include": ["reference", "visit"]},
                {"location": f"{SHIPPED}/costs.yaml"},
            ],
            "parameters": {
                "watchedTask": "visit",
                "watchedPackage": "costs",
                "watchedDimensions": ["instrument", "visit"],
            },
        }
    )
    assert piped.status == 0
    for metric, unit in (("quantumTime", u.s), ("quantumCpuTime", u.s), ("quantumMemory", u.byte)):
        measurements = piped.measurements(f"metricvalue_costs_{metric}")
        assert measurements.keys() == set(range(1, 9))
        assert {measurement.unit for measurement in measurements.values()} == {unit}
