"""What only PostgreSQL can do, or cannot."""

from collections.abc import Callable

import pytest
import sqlalchemy

from gnomon.annotations import Actor, Assertion, Target, open_annotations
from gnomon.errors import AnnotationLogError, NotOursError

Visit = Callable[[int], Target]


@pytest.fixture
def database(server: str, make_database: Callable[[str], str]) -> str:
    return make_database(server)


def test_a_database_with_tables_of_something_else_is_left_as_it_is(database: str) -> None:
    engine = sqlalchemy.create_engine(database)
    with engine.begin() as connection:
        connection.execute(sqlalchemy.text("CREATE TABLE event (id integer)"))
    with pytest.raises(NotOursError, match="something else"):
        open_annotations(database, origin="usdf")
    assert sqlalchemy.inspect(engine).get_table_names() == ["event"]
    engine.dispose()


def test_a_database_that_does_not_exist_is_told(server: str) -> None:
    with pytest.raises(AnnotationLogError, match="cannot be opened"):
        open_annotations(server.replace("/postgres?", "/nowhere?"), origin="usdf")


def test_a_thousand_things_marked_at_once_are_answered_at_once(
    database: str, alice: Actor, bot: Actor, visit: Visit
) -> None:
    with open_annotations(database, origin="usdf") as log:
        log.add(targets=[visit(n) for n in range(1500)], flags=[Assertion("junk", "set")], actor=bot, key="k")
        log.add(targets=[visit(7)], flags=[Assertion("junk", "clear")], actor=alice)
    with open_annotations(database, origin="usdf") as log:
        states = {found.target: found.state for found in log.effective([visit(n) for n in range(1500)])}
        assert (states.pop(visit(7)), set(states.values())) == ("clear", {"set"})
        assert log.check() == []


def test_a_piece_of_a_text_is_found_by_an_index_where_there_is_pg_trgm(
    postgresql: None, database: str, alice: Actor, visit: Visit
) -> None:
    with open_annotations(database, origin="usdf") as log:
        assert log.notices() == []
        log.add(targets=[visit(1)], text="cirrus in the west", actor=alice)
    engine = sqlalchemy.create_engine(database)
    with engine.begin() as connection:
        connection.execute(sqlalchemy.text("SET enable_seqscan = off"))
        plan = connection.execute(
            sqlalchemy.text("EXPLAIN SELECT made FROM annotation WHERE text LIKE '%irrus in%'")
        )
        assert "ix_annotation_pieces" in "\n".join(plan.scalars())
    engine.dispose()


def test_without_pg_trgm_the_same_is_found_and_a_notice_says_what_is_missing(
    serve: Callable[..., str], make_database: Callable[[str], str], alice: Actor, visit: Visit
) -> None:
    with open_annotations(make_database(serve("--wheel")), origin="usdf") as log:
        one = log.add(targets=[visit(1)], text="100% cirrus_in the west", actor=alice)
        assert log.search(text="% cirrus_") == [one]
        assert log.search(text="%cirrus") == []
        assert log.search(words="WEST cirrus_in") == [one]
        assert any("pg_trgm" in notice for notice in log.notices())
        log.rebuild()
        assert log.check() == []
