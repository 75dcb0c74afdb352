"""``gnomon repo config``: what Butler commands have to be told."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from gnomon.repository.configuration import SEARCH_PATH_VARIABLE


def test_the_folders_exist_and_lead_those_that_are_set(
    gnomon: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(SEARCH_PATH_VARIABLE, "/somewhere")
    result = gnomon("repo", "config")
    assert result.exit_code == 0
    *ours, theirs = result.stdout.strip().split(os.pathsep)
    assert theirs == "/somewhere"
    assert ours
    assert all(Path(folder).is_dir() for folder in ours)


def test_with_it_the_butler_reads_our_measurements(
    gnomon: Callable[..., Result], measured_repository: Path, tmp_path: Path
) -> None:
    path = gnomon("repo", "config").stdout.strip()
    script = (
        "import sys\nfrom lsst.daf.butler import Butler\n"
        "butler = Butler.from_config(sys.argv[1])\n"
        "print(butler.get('metricvalue_demo_airmass', instrument='DemoCamera', visit=2026030100001, "
        "collections='demo/all'))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(measured_repository)],
        env={**os.environ, SEARCH_PATH_VARIABLE: path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == "demo.airmass: 1.8\n"


def test_the_command_ends_without_a_stack_trace_in_a_process_of_its_own(tmp_path: Path) -> None:
    done = subprocess.run(
        [Path(sys.executable).with_name("gnomon"), "load", "demo.airmass", "--store", str(tmp_path / "none")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr.startswith("Error: The store has no metric 'demo.airmass'")
    assert done.stdout == ""
