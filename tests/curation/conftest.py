"""What the tests of curation share: a log, people and programs, and a store of made measurements."""

import shutil
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from gnomon.annotations import Actor, Annotations, Target, open_annotations
from gnomon.measurements.rows import from_records
from gnomon.testing.surveys import Survey, make_survey


@pytest.fixture
def log(tmp_path: Path) -> Iterator[Annotations]:
    with open_annotations(tmp_path / "annotations.db", origin="summit") as annotations:
        yield annotations


@pytest.fixture
def alice() -> Actor:
    return Actor("alice", "human")


@pytest.fixture
def bot() -> Actor:
    return Actor("cloud-bot", "bot")


def visit(number: int, **others: int | str) -> Target:
    """Mean a visit of the synthetic night by its place in it, or by its number."""
    number = number if number > 1000 else 2026030100000 + number
    return Target.dimension("visit", {"instrument": "DemoCamera", "visit": number, **others})


@pytest.fixture(name="visit")
def _visit() -> Callable[..., Target]:
    return visit


def rows(metric: str, values: Sequence[float | None], *, unit: str = "mmag", **columns: Any) -> pl.DataFrame:
    """Make measurements of the first visits of a night."""
    records = [
        {
            "dataset_id": uuid.uuid5(uuid.NAMESPACE_OID, f"{metric} {place} {columns}").bytes,
            "metric": metric,
            "value": value,
            "unit": unit,
            "run": "night/1",
            "dataset_type": f"metricvalue_{metric.replace('.', '_')}",
            "instrument": "DemoCamera",
            "visit": 2026030100000 + place,
            "day_obs": 20260301,
            "physical_filter": "V",
            "band": "V",
        }
        | columns
        for place, value in enumerate(values, start=1)
    ]
    frame = pl.from_arrow(from_records(records))
    assert isinstance(frame, pl.DataFrame)
    return frame


@pytest.fixture(name="rows")
def _rows() -> Callable[..., pl.DataFrame]:
    return rows


@pytest.fixture(scope="session")
def survey(tmp_path_factory: pytest.TempPathFactory) -> Survey:
    """A survey of two nights and two exposures a visit; not to be written to."""
    folder = tmp_path_factory.mktemp("survey") / "repo"
    return make_survey(folder, visits=6, detectors=3, nights=2, snaps=2)


@pytest.fixture
def own_survey(survey: Survey, tmp_path: Path) -> Survey:
    """A copy of it, to be written to."""
    return replace(survey, folder=shutil.copytree(survey.folder, tmp_path / "repo"))
