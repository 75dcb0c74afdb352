"""A log that an older gnomon made."""

import re
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy

from gnomon.annotations import Actor, Annotations, Target, open_annotations
from gnomon.errors import AnnotationLogError

Visit = Callable[[int], Target]

OLD = (Path(__file__).parent / "data" / "schema_1.sql").read_text(encoding="utf-8")


@pytest.fixture
def old(path: Path) -> Path:
    """A file as version 1 left it: its dump, made when it was the present version."""
    with closing(sqlite3.connect(path)) as raw:
        raw.execute("PRAGMA application_id = 1735290733")
        raw.execute("PRAGMA journal_mode = WAL")
        raw.executescript(OLD)
    return path


def says_what_it_said(log: Annotations, visit: Visit) -> None:
    assert log.check() == []
    held = {(f.target, f.flag): (f.state, f.by.name, f.text) for f in log.effective([visit(1), visit(2)])}
    assert held == {
        (visit(1), "questionable"): ("clear", "alice", "Fine, really."),
        (visit(2), "clouds"): ("clear", "bruno", ""),
        (visit(2), "questionable"): ("set", "zero-point-bot", "Zero point is off."),
    }
    states = [annotation.state for annotation in log.search(include_retracted=True)]
    assert states == ["live", "live", "retracted", "live"]
    assert str(log.cut()) == "summit:7"
    assert [found.text for found in log.search(words="ZERO point")] == ["Zero point is off."]


def test_a_file_of_the_first_version_is_upgraded_when_it_is_opened_and_says_what_it_said(
    old: Path, visit: Visit, alice: Actor
) -> None:
    seen: list[tuple[int, int]] = []
    with open_annotations(old, origin="summit", progress=lambda *done: seen.append(done)) as log:
        says_what_it_said(log, visit)
        log.add(targets=[visit(1)], text="goes on", actor=alice)
        assert log.check() == []
    assert seen[-1] == (7, 7)
    with open_annotations(old, origin="summit") as log:
        assert str(log.cut()) == "summit:8"


def test_an_upgrade_that_fails_leaves_the_file_as_it_was(old: Path) -> None:
    with closing(sqlite3.connect(old)) as raw:
        raw.execute("UPDATE event SET payload = '{}' WHERE origin_seq = 1")
        raw.commit()
        before = list(raw.iterdump())
    with pytest.raises(AnnotationLogError, match="do not hold what they should"):
        open_annotations(old, origin="summit")
    with closing(sqlite3.connect(old)) as raw:
        assert list(raw.iterdump()) == before


def test_a_database_of_a_site_is_upgraded_only_when_somebody_says_so(
    server: str, make_database: Callable[[str], str], visit: Visit
) -> None:
    address = make_database(server)
    engine = sqlalchemy.create_engine(address)
    with engine.begin() as connection:
        for statement in OLD.split(";\n"):
            if statement.startswith("CREATE"):
                # Without the relations between the tables, which the dump has not in their order.
                lines = [line for line in statement.splitlines() if "FOREIGN KEY" not in line]
                plain = "\n".join(lines).replace("CHAR(32)", "UUID")
                connection.exec_driver_sql(re.sub(r", *\s*\)$", "\n)", plain))
        for statement in OLD.split(";\n"):
            if statement.startswith(('INSERT INTO "event"', 'INSERT INTO "meta"')):
                connection.exec_driver_sql(statement.replace("%", "%%"))
    engine.dispose()
    with pytest.raises(AnnotationLogError, match="gnomon annotations upgrade"):
        open_annotations(address, origin="summit")
    with open_annotations(address, origin="summit", upgrade=True) as log:
        says_what_it_said(log, visit)
    open_annotations(address, origin="summit").close()
