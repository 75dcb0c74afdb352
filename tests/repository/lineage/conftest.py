"""What the tests of lineage share: a database of each kind."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.annotations.conftest import make_database, server

from gnomon.repository.lineage import Lineage, open_lineage

__all__ = ["make_database", "server"]


@pytest.fixture
def lineage(tmp_path: Path) -> Iterator[Lineage]:
    with open_lineage(tmp_path / "lineage.db") as opened:
        yield opened


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.xdist_group("postgresql"))])
def address(request: pytest.FixtureRequest, tmp_path: Path, make_database: Callable[[str], str]) -> str:
    """The place of a database that is not there yet."""
    if request.param == "sqlite":
        return str(tmp_path / "lineage.db")
    return make_database(request.getfixturevalue("server"))
