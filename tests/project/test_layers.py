"""import-linter finds what the order of the rooms forbids."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the sources, in which something may be broken."""
    folder = tmp_path_factory.mktemp("copy")
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "src", folder / "src", ignore=ignored)
    shutil.copy(ROOT / "pyproject.toml", folder)
    return folder


def lint(folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache"],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(folder / "src"), "COLUMNS": "200", "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_sources_keep_to_the_order(copy: Path) -> None:
    done = lint(copy)
    assert done.returncode == 0, done.stdout
    assert "0 broken" in done.stdout


@pytest.mark.parametrize(
    ("room", "imported"),
    [
        ("measurements", "gnomon.store"),
        ("definitions", "gnomon.measurements"),
        ("expressions", "gnomon.definitions"),
        ("algorithms", "gnomon.store"),
        ("store", "gnomon.judgement"),
        ("repository", "gnomon.tasks"),
        ("repository", "gnomon.annotations"),
        ("judgement", "gnomon.repository"),
        ("annotations", "gnomon.judgement"),
        ("annotations", "gnomon.measurements"),
        ("tasks", "gnomon.curation"),
        ("curation", "gnomon.demo"),
        ("demo", "gnomon.cli"),
        ("store", "lsst.daf.butler"),
        ("annotations", "lsst.utils"),
        ("judgement", "lsst.pipe.base"),
    ],
)
def test_an_import_against_the_order_is_found(copy: Path, room: str, imported: str) -> None:
    intruder = copy / "src" / "gnomon" / room / "intruder.py"
    intruder.write_text(f"import {imported}\n")
    try:
        done = lint(copy)
    finally:
        intruder.unlink()
    assert done.returncode == 1, done.stdout
    assert f"gnomon.{room}.intruder" in done.stdout


def test_a_room_without_a_place_in_the_order_is_found(copy: Path) -> None:
    room = copy / "src" / "gnomon" / "attic"
    room.mkdir()
    try:
        (room / "__init__.py").touch()
        done = lint(copy)
    finally:
        shutil.rmtree(room)
    assert done.returncode == 1
    assert "attic" in done.stdout
