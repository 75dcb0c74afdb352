"""One demonstration for all journeys to look at, and another night's table whose answers are known."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.table import Table
from astropy.time import Time, TimeDelta

GNOMON = Path(sys.executable).with_name("gnomon")


@dataclass(frozen=True)
class Demonstration:
    """A folder that `gnomon demo` made, and what it printed."""

    folder: Path
    found: dict[str, Any]


def run_demo(folder: Path, *arguments: str) -> Demonstration:
    """Run ``gnomon demo`` as a person would."""
    done = subprocess.run(
        [GNOMON, "demo", str(folder), "--json", *arguments], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return Demonstration(folder, json.loads(done.stdout))


@pytest.fixture(scope="session")
def night(tmp_path_factory: pytest.TempPathFactory) -> Demonstration:
    """The real night, taken the whole way."""
    return run_demo(tmp_path_factory.mktemp("night") / "demo")


@dataclass(frozen=True)
class SyntheticNight:
    """A night's table and what it was made of."""

    path: Path
    visits: int
    stars: int
    cloudy: int
    """The place in the night, from 1, of the visit that a cloud dimmed."""
    shaken: int
    """The place of the visit whose positions are off."""
    extinction: float
    """mag for an airmass."""


def write_night(folder: Path, *, visits: int = 14, stars: int = 25) -> SyntheticNight:
    """Write a table of the shape of the real one: another date, field and filter, and two faulty visits."""
    random = np.random.default_rng(20260301)
    begin = Time("2026-03-02T02:00:00", scale="utc") + TimeDelta(np.arange(visits) * 120.0, format="sec")
    airmass = np.linspace(1.8, 1.1, visits)
    cloudy, shaken, extinction = 6, 10, 0.25
    index, star = (grid.ravel() for grid in np.mgrid[:visits, :stars])
    noise = random.normal(size=(3, visits * stars))
    table = Table(
        {
            "star_id": 100 + star,
            "RA": (359.9 + 0.01 * star + 1e-5 * noise[0] + 1e-3 * (index + 1 == shaken)) % 360.0,
            "Dec": -30.0 + 0.01 * star + 1e-5 * noise[1],
            "mag_inst_V": np.linspace(-12.0, -9.5, stars)[star]
            + extinction * airmass[index]
            + 0.2 * (index + 1 == cloudy)
            + 0.002 * noise[2],
            "mag_error": 0.003 + 0.0005 * star,
            "sky_per_pix_avg": 40.0 + index,
            "airmass": airmass[index],
            "exposure": np.full(visits * stars, 60.0),
            "date-obs": begin.isot[index],
            "filter": np.full(visits * stars, "V"),
        }
    )
    path = folder / "another.ecsv"
    table.write(path)
    return SyntheticNight(path, visits, stars, cloudy, shaken, extinction)


@pytest.fixture(scope="session")
def synthetic_night(tmp_path_factory: pytest.TempPathFactory) -> SyntheticNight:
    """Another night's table."""
    return write_night(tmp_path_factory.mktemp("synthetic"))


@pytest.fixture(scope="session")
def another_night(synthetic_night: SyntheticNight, tmp_path_factory: pytest.TempPathFactory) -> Demonstration:
    """The other night, taken the whole way."""
    folder = tmp_path_factory.mktemp("another") / "demo"
    return run_demo(folder, "--table", str(synthetic_night.path))


def environment_of_a_shell() -> dict[str, str]:
    """An environment in which ``gnomon`` and ``pipetask`` are found, as after activating the environment."""
    return {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
