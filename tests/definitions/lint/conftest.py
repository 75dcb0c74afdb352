"""Packages to be looked at, written in a few lines."""

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from gnomon.definitions.lint import Finding, lint

Lint = Callable[..., list[Finding]]


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[Mapping[str, str]], Path]:
    """Write files below a new working directory, and give the package, ``defs``."""

    def write(files: Mapping[str, str]) -> Path:
        monkeypatch.chdir(tmp_path)
        (tmp_path / "defs" / "metrics").mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            path = tmp_path / "defs" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return tmp_path / "defs"

    return write


@pytest.fixture
def findings(write: Callable[[Mapping[str, str]], Path]) -> Lint:
    """Write a package and give what is found in it."""

    def find(files: Mapping[str, str], **options: object) -> list[Finding]:
        write(files)
        return list(lint(["defs"], **options).findings)  # type: ignore[arg-type]  # each test knows its own

    return find
