"""What the tests of the room share: a log on each database, and a few people and programs."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import sqlalchemy

from gnomon.annotations import Actor, Annotations, Target, open_annotations


@pytest.fixture(scope="session")
def server(serve: Callable[..., str]) -> str:
    return serve("--careless")


@pytest.fixture
def make_database() -> Iterator[Callable[[str], str]]:
    """Make an empty database on a server, to be dropped at the end."""
    made: list[tuple[sqlalchemy.Engine, str]] = []

    def make(server: str) -> str:
        engine = sqlalchemy.create_engine(server, isolation_level="AUTOCOMMIT")
        name = f"log{len(made)}"
        with engine.connect() as connection:
            connection.execute(sqlalchemy.text(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)"))
            connection.execute(sqlalchemy.text(f"CREATE DATABASE {name} STRATEGY file_copy"))
        made.append((engine, name))
        return server.replace("/postgres?", f"/{name}?")

    yield make
    for engine, name in made:
        with engine.connect() as connection:
            connection.execute(sqlalchemy.text(f"DROP DATABASE {name} WITH (FORCE)"))
        engine.dispose()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "annotations.db"


@pytest.fixture(params=["sqlite", "postgresql"])
def address(request: pytest.FixtureRequest, path: Path, make_database: Callable[[str], str]) -> str:
    """The place of a log that is not there yet."""
    if request.param == "sqlite":
        return str(path)
    return make_database(request.getfixturevalue("server"))


@pytest.fixture
def log(address: str) -> Iterator[Annotations]:
    with open_annotations(address, origin="summit") as annotations:
        yield annotations


@pytest.fixture
def alice() -> Actor:
    return Actor("alice", "human")


@pytest.fixture
def bruno() -> Actor:
    return Actor("bruno", "human")


@pytest.fixture
def bot() -> Actor:
    return Actor("zero-point-bot", "bot", agent="gnomon", agent_version="0.1")


@pytest.fixture
def visit() -> Callable[[int], Target]:
    return lambda number: Target.dimension("visit", {"instrument": "LSSTCam", "visit": number})
