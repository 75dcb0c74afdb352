"""Calling ``gnomon`` as a person does, and a store with the measurements of the synthetic night."""

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from gnomon.cli import main

GnomonCommand = Callable[..., Result]


@pytest.fixture(scope="session")
def gnomon() -> GnomonCommand:
    """Call the command; whatever it ends with, there is no stack trace."""

    def call(*arguments: str) -> Result:
        result = CliRunner().invoke(main, arguments, prog_name="gnomon")
        assert "Traceback" not in result.output
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    return call


@pytest.fixture(scope="session")
def store(gnomon: GnomonCommand, measured_repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What ``gnomon harvest`` made of the night's repository."""
    path = tmp_path_factory.mktemp("cli") / "store"
    result = gnomon("harvest", str(measured_repository), "--collections", "demo/all", "--store", str(path))
    assert result.exit_code == 0, result.output
    return path
